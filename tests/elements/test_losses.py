"""Losses: right to a few ulp in value, slope and curvature, with their ties, aliases and identities."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import SGDClassifier

import lossland as ll
from lossland.elements import LOSSES
from lossland.elements import losses as L
from tests import references as ref

DTYPES = [jnp.float32, *(pytest.param(d, marks=pytest.mark.slow) for d in (jnp.bfloat16, jnp.float64))]
# In units of ulp (|f| + |x f'|). Beyond the usual 8 (observed below 5):
BOUNDS = {
    "bi_tempered": 32,  # solves an equation for the tempered likelihood
    "gce": 16,  # q log l is rounded before it is exponentiated: |log l| / 2 ulp, l >= 1e-17
}
MARGINS = np.linspace(-4.0, 4.0, 33)


def margins(dtype, kinks=()):
    """Both signs of 1e-3 ... 1e4, dense near 0, knots and their neighbours, +-inf."""
    far, step = np.logspace(-3, 4, 15), 2 * float(jnp.finfo(dtype).eps)
    beside = [k + s * step * max(1.0, abs(k)) for k in kinks for s in (-1, 0, 1)]
    few = [1e-12, -1e-12, 16.75, -16.75, 88.0, -88.0, 700.0, -700.0, np.inf, -np.inf]
    points = np.concatenate([-far, far, np.linspace(-3, 3, 13), beside, few])
    return np.unique(np.asarray(points, dtype).astype(np.float64))


def likelihoods(dtype):
    """1e-17 ... 1 - 1e-14; below 1e-19 the second derivative 1/q^2 overflows float32."""
    near = [1e-17, 1e-10, 1e-7, 1e-5, 1e-3, 0.01, 0.0499, 0.05, 0.0501]
    points = np.concatenate([near, np.linspace(0.1, 0.9, 9), 1 - np.array([1e-2, 1e-3, 1e-5, 1e-7, 1e-10, 1e-14])])
    points = np.unique(np.asarray(points, dtype).astype(np.float64))
    return points[points < 1]


def curves(loss):
    """The scalar functions that a loss consists of, each with its label."""
    return [(1.0, loss)] if loss.kind != "label" else [(t, lambda a, t=t: loss(a, t)) for t in (1.0, -1.0)]


def slope(function, x):
    return float(jax.grad(function)(jnp.asarray(x, float)))


# --------------------------------------------------------------------------------------------------------- accuracy


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: jnp.dtype(d).name)
def test_value_slope_and_curvature_are_right_to_a_few_ulp(loss, dtype):
    on_reals = loss.kind == "margin"
    points = margins(dtype, loss.claim("kinks") or ()) if on_reals else likelihoods(dtype)
    reference = ref.loss_function(loss, dtype)
    for label, curve in curves(loss):
        if reference is None:
            want = ref.own_jets(curve, points, 4 * float(jnp.finfo(dtype).eps) if on_reals else 0.0)
        else:
            with ref.digits(dtype):
                want = ref.curve_jets(
                    lambda x, t=label: reference(x, 1 - x, t) if not on_reals else reference(x, 1 - x, 1),
                    points,
                    None if on_reals else np.minimum(points, 1 - points),
                    eps=4 * float(jnp.finfo(dtype).eps) if on_reals else 0.0,
                )
        with jax.enable_x64(dtype == jnp.float64):
            got = ref.derivatives(curve, jnp.asarray(points, dtype))
        bound = BOUNDS.get(loss.name.partition("(")[0], 8 if reference else 64)
        for order, name in enumerate(("value", "slope", "curvature")):
            units = ref.excess(got[order], want[order], want[order + 1], points, dtype)
            i = int(np.argmax(units))
            assert units[i] <= bound, f"{name} at {points[i]:g}: {got[order][i]}, not {want[order][i]}: {units[i]:.3g}"


def test_likelihood_losses_at_0_and_1(loss):
    if loss.kind != "likelihood":
        pytest.skip("not a loss of a likelihood")
    low, high = np.asarray(loss(jnp.array([0.0, 1.0])))
    assert low > 0.9
    assert not np.isnan(low)
    assert high == pytest.approx(0.0, abs=1e-6)


def test_nan_in_nan_out(loss):
    for _, curve in curves(loss):
        for dtype in (jnp.float32, jnp.bfloat16):
            assert np.isnan(np.asarray(curve(jnp.asarray(jnp.nan, dtype)), float))


def test_integers_and_python_numbers_are_taken(loss):
    for _, curve in curves(loss):
        assert float(curve(1)) == float(curve(1.0)) == float(curve(jnp.ones((), jnp.int32)))


# ------------------------------------------------------------------------------------------------------------- ties


def test_tie_picks_the_slope_at_every_claimed_kink(loss):
    if "tie" not in loss.settings() or loss.kind == "label" or loss.name == "zero_one":
        pytest.skip("no slope to pick")
    for kink in loss.claim("kinks"):
        left, right = (slope(loss, kink + side * 1e-3) for side in (-1, 1))
        low, high = sorted((left, right), key=abs)
        if loss.name == "absolute":
            low, high = right, left
        for tie in (0.0, 0.5, 1.0):
            assert slope(loss.bind(tie=tie), kink) == pytest.approx((1 - tie) * low + tie * high, abs=1e-6)


@pytest.mark.parametrize("tie", [0.0, 0.5, 1.0])
def test_tie_is_the_value_of_the_zero_one_loss_at_0(tie):
    assert float(ll.losses.zero_one(0.0, tie)) == tie
    assert slope(lambda m: ll.losses.zero_one(m, tie), 0.0) == 0.0


@pytest.mark.slow
def test_tie_conventions_of_other_libraries():
    ones, zeros = jnp.ones(1), jnp.zeros(1)

    def at_1(f):
        return float(jax.grad(lambda m: f(m).sum())(ones)[0])

    assert at_1(ll.losses.hinge) == at_1(lambda m: jax.nn.relu(1 - m)) == 0.0
    half = at_1(lambda m: ll.losses.hinge(m, 0.5))
    assert half == at_1(lambda m: jnp.maximum(1 - m, 0.0)) == at_1(lambda m: optax.losses.hinge_loss(m, ones)) == -0.5
    theirs = jax.grad(lambda m: optax.losses.perceptron_loss(m, ones).sum())(zeros)[0]
    assert slope(lambda m: ll.losses.perceptron(m, 0.5), 0.0) == float(theirs) == -0.5


# --------------------------------------------------------------------------------------------------- other libraries


def _optax(name, margin):
    """Their loss at the margins, through their label convention."""
    f, positive = getattr(optax.losses, name), jnp.ones_like(margin)
    if name == "poly_loss_cross_entropy":
        logits = jnp.stack([margin, jnp.zeros_like(margin)], axis=1)
        return f(logits, jnp.stack([positive, 0 * positive], axis=1))
    if name in ("sigmoid_binary_cross_entropy", "sigmoid_focal_loss", "sparsemax_loss"):
        # Labels {0, 1}: the negative class at score -m has margin m too.
        both = f(margin, positive.astype(int)), f(-margin, 0 * positive.astype(int))
        np.testing.assert_allclose(*both, rtol=1e-12, atol=1e-300)
        return both[0]
    return f(margin, positive)


ALIASES = [(e.name, a) for e in LOSSES.values() for a in e.aliases if a.library in ("optax", "sklearn SGD")]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "alias"), ALIASES, ids=lambda p: p if isinstance(p, str) else f"{p.library} {p.name}")
@pytest.mark.usefixtures("x64")
def test_an_alias_is_what_it_says(name, alias):
    entry = LOSSES[name]
    if alias.library == "optax":
        theirs = np.asarray(_optax(alias.name, jnp.asarray(MARGINS)))
    else:
        make, *arguments = SGDClassifier.loss_functions[alias.name]
        if alias.name == "huber":
            arguments, entry = [0.1], entry.bind(delta=0.1)
        binary = alias.name == "log_loss"
        theirs = np.array([_sgd_value(make(*arguments), float(m), 1.0) for m in MARGINS])
        negative = np.array([_sgd_value(make(*arguments), -float(m), 0.0 if binary else -1.0) for m in MARGINS])
        np.testing.assert_allclose(theirs, negative, rtol=1e-12, atol=1e-12)
    points = jnp.asarray(alias.stretch * MARGINS)
    ours = entry(points) if entry.kind == "margin" else ll.pair("sigmoid", entry).positive(points)
    np.testing.assert_allclose(theirs, alias.scale * np.asarray(ours), rtol=1e-10, atol=1e-12)


def _sgd_value(loss, prediction, label):
    """The value, of the classes of SGD itself or of those that it borrows from `sklearn._loss`."""
    if hasattr(loss, "py_loss"):
        return loss.py_loss(prediction, label)
    out = np.zeros(1)
    loss.loss(np.array([label]), np.array([prediction]), None, out, 1)
    return out[0]


# -------------------------------------------------------------------------------------------------------- identities

WIDE = np.concatenate([np.linspace(-6, 6, 97), [-1e4, -100.0, 100.0, 1e4]])
SHARES = np.linspace(0.01, 0.99, 33)
IDENTITIES = {
    "modified Huber = 4 sparsemax": (WIDE, L.modified_huber, lambda m: 4 * L.sparsemax(m)),
    "modified Huber = 4 smooth hinge(2)": (WIDE, L.modified_huber, lambda m: 4 * L.smooth_hinge(m, 2.0)),
    "modified Huber = squared hinge huberised at -1": (
        WIDE,
        L.modified_huber,
        lambda m: L.huberised_squared_hinge(m, -1.0),
    ),
    "shifted perceptron = hinge": (WIDE, ll.shifted("perceptron", 1.0), L.hinge),
    "truncated hinge = ramp": (WIDE, ll.truncated("hinge", 1.0), L.ramp),
    "squared = squared hinge of both sides": (WIDE, L.squared, lambda m: L.squared_hinge(m) + L.squared_hinge(2 - m)),
    "savage = sigmoid loss squared": (WIDE, L.savage, lambda m: L.sigmoid_margin(2 * m) ** 2),
    "tsallis(2) = 2 brier": (SHARES, lambda q: L.tsallis(q, 2.0), lambda q: 2 * L.brier(q)),
    "bi-tempered(t1, 1) = tsallis(2 - t1) / (2 - t1)": (
        SHARES,
        lambda q: L.bi_tempered(q, t1=0.3, t2=1.0) * 1.7,
        lambda q: L.tsallis(q, 1.7),
    ),
    "taylor(1) = 1 - q": (SHARES, lambda q: L.taylor_ce(q, 1), lambda q: 1 - q),
    "gce(1) = 1 - q": (SHARES, lambda q: L.gce(q, 1.0), lambda q: 1 - q),
    "focal(0) = cross-entropy": (SHARES, lambda q: L.focal(q, 0.0), L.cross_entropy),
    "poly(0) = cross-entropy": (SHARES, lambda q: L.poly1(q, 0.0), L.cross_entropy),
    "hinge(m) = relu(1 - m)": (WIDE, L.hinge, lambda m: ll.activations.relu(1 - m)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", IDENTITIES)
@pytest.mark.usefixtures("x64")
def test_identity(name):
    points, one, other = IDENTITIES[name]
    x = jnp.asarray(points)
    for a, b in zip(ref.derivatives(one, x, 1), ref.derivatives(other, x, 1), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


# -------------------------------------------------------------------------------------------------------- properties

REAL = st.floats(-1e4, 1e4, width=32)
always = settings(deadline=None, derandomize=True, max_examples=60)


@always
@given(REAL, REAL)
@pytest.mark.slow
def test_convex_decreasing_losses_are_so_between_any_two_margins(a, b):
    low, high = sorted((a, b))
    points = jnp.array([low, 0.5 * (low + high), high])
    for name in ("hinge", "squared_hinge", "smooth_hinge", "logistic", "dwd", "safe_logistic", "perceptron"):
        first, middle, last = (float(v) for v in LOSSES[name](points))
        if first < 1e37:
            assert middle <= 0.5 * (first + last) * (1 + 1e-6) + 1e-6
            assert first >= last


@always
@given(REAL)
def test_symmetric_losses_add_up_to_one(m):
    for name in ("symmetric_ramp", "sigmoid_margin"):
        assert float(LOSSES[name](m) + LOSSES[name](-m)) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.slow
@always
@given(st.floats(2.0**-20, 1 - 2.0**-20, width=32))
def test_proper_losses_are_least_at_the_truth(q):
    eta = np.float32(q)
    others = jnp.clip(jnp.asarray(eta + np.array([0.0, -0.1, 0.1, -0.01, 0.01])), 1e-6, 1 - 1e-6).astype(jnp.float32)
    for name in ("cross_entropy", "brier", "spherical", "tsallis"):
        risk = np.asarray(eta * LOSSES[name](others) + (1 - eta) * LOSSES[name](1 - others))
        assert risk[0] <= risk.min() + 1e-6


@pytest.mark.parametrize("name", ["smooth_hinge", *(pytest.param(n, marks=pytest.mark.slow) for n in ("dwd", "gce"))])
def test_a_loss_without_a_reference_is_held_to_its_own_float64(name, monkeypatch):
    for definitions in (ref.MARGIN, ref.LIKELIHOOD):
        monkeypatch.delitem(definitions, name, raising=False)
    test_value_slope_and_curvature_are_right_to_a_few_ulp(LOSSES[name], jnp.float32)


@pytest.mark.parametrize("gamma", [0.5, 1.5])
def test_broken_powers_of_nothing_have_slope_zero(gamma):
    """Below the clip the asymmetric loss does not move, whatever the power."""
    pair = ll.pair("sigmoid", f"asymmetric(gamma_negative={gamma})")
    scores = jnp.array([-9.0, -4.0, 0.0])
    assert pair.slope(scores, -1.0)[:2].tolist() == [0.0, 0.0]
    assert pair.curvature(scores, -1.0)[:2].tolist() == [0.0, 0.0]
    assert float(pair.slope(scores, -1.0)[2]) > 0.0
