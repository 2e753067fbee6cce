"""Pairs: every admissible pair is right to a few ulp, inadmissible ones are refused, and names are found."""

import functools
import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.elements import ACTIVATIONS, LOSSES
from tests import references as ref

# Units of ulp (|f| + |z f'|), see `references.excess`; float32. Beyond the usual 8:
BOUNDS = {
    "bi_tempered": 32,  # solves an equation for the tempered likelihood
    "tangent": 128,  # with soft_sign, at z = 0.001: phi'' g'^2 + phi' g'' is 1/300 of its terms; below 8 elsewhere
}
UNREFERENCED = 4096  # a user's pair against its own float64: K float32 roundings of intermediate results
METHODS = ("value", "slope", "curvature")
POINTS = ref.pair_points()
BOTH = np.concatenate([POINTS, POINTS]), np.repeat(np.float32([1, -1]), len(POINTS))


def _three(pair, score, label):
    return [np.asarray(f(score, label), np.float64) for f in (pair, pair.slope, pair.curvature)]


@functools.lru_cache(64)
def _single(pair):
    return _three(pair, jnp.asarray(BOTH[0]), BOTH[1])


@functools.lru_cache(64)
def _double(pair):
    with jax.enable_x64(True):
        return _three(pair, *(jnp.asarray(x, jnp.float64) for x in BOTH))


def _own(pair):
    """The pair's own float64 evaluation as a reference, where nobody wrote one."""
    held = [np.stack([v, v], axis=1) for v in _double(pair)]
    return ref.Jet(*held, np.zeros_like(held[0])), None


def _reference(pair):
    jets = [ref.pair_jets(pair, label) for label in (1, -1)]
    if jets[0][0] is None:
        return *_own(pair), False
    joined = ref.Jet(*(np.concatenate(field) for field in zip(*(j for j, _ in jets), strict=True)))
    return joined, np.concatenate([moves for _, moves in jets]), True


@pytest.mark.slow
def test_value_slope_and_curvature_are_right_to_a_few_ulp(some_pair):
    _check_accuracy(some_pair)


def test_a_pair_of_every_loss_is_right_to_a_few_ulp(loss):
    admissible = [p for p in ll.pairs() if p.loss == loss]
    # Another activation for each: the slow test above takes a spread of the pairs, `make exhaustive` all.
    _check_accuracy(admissible[5 * list(LOSSES).index(loss.name) % len(admissible)])


def _check_accuracy(pair):
    want, moves, written = _reference(pair)
    got = _single(pair)
    bound = BOUNDS.get(pair.loss.name.partition("(")[0], 8) if written else UNREFERENCED
    for order, name in enumerate(METHODS):
        units = ref.excess(got[order], want[order], want[order + 1], BOTH[0], jnp.float32, moves)
        if pair.name == "cauchit+bi_tempered":
            # It goes as 1 / log z: at 1e400, where the limit is taken, it is still 1 % away.
            units = np.where(np.isinf(BOTH[0]), 0.0, units)
        i = int(np.argmax(units))
        said = f"{got[order][i]:.9g}, not {want[order][i][0]:.9g} ... {want[order][i][1]:.9g}: {units[i]:.3g} ulp"
        assert units[i] <= bound, f"{name} at z = {BOTH[0][i]:g}, t = {BOTH[1][i]:+g}: {said}"


@pytest.mark.slow
def test_float32_agrees_with_float64(some_pair):
    pair = some_pair
    # Further out float32 underflows where float64 does not; there the 50-digit reference above decides.
    moderate = np.abs(BOTH[0]) <= 20
    score = BOTH[0][moderate]
    single, double = ([part[moderate] for part in held(pair)] for held in (_single, _double))
    rates = [*double[1:], np.zeros_like(double[0])]
    for name, a, b, rate in zip(METHODS, single, double, rates, strict=True):
        held = (np.abs(b) < 1e35) & np.isfinite(a)
        with np.errstate(all="ignore"):
            scale = np.abs(b) + np.abs(score * np.nan_to_num(rate)) + 1e-3
            error = np.where(held, np.abs(a - b) / scale, 0.0)
        assert error.max() < 2e-4, f"{name} at {score[np.argmax(error)]:g}"


@pytest.mark.parametrize(
    "name", ["identity+logistic", "sigmoid+cross_entropy", "tanh+hinge", "probit+brier", "relu+hinge"]
)
def test_bfloat16_is_float32_rounded_once(name):
    pair, score = ll.pair(name), jnp.asarray(BOTH[0], jnp.bfloat16)
    for f in (pair, pair.slope, pair.curvature):
        got = f(score, BOTH[1])
        assert got.dtype == jnp.bfloat16
        want = f(score.astype(jnp.float32), BOTH[1]).astype(jnp.bfloat16)
        np.testing.assert_array_equal(np.asarray(got, float), np.asarray(want, float))


# -------------------------------------------------------------------------------------------------------- identities


def _margin(loss, by_label=lambda t: 0.0, factor=1.0, stretch=1.0):
    """The functions of (z, t) that a loss of the score alone consists of, times a factor, plus a constant a label."""
    linear = ll.pair("identity", loss)

    def three(z, t):
        value, slope, curvature = _three(linear, stretch * z, t)
        return [factor * value + by_label(t), factor * stretch * slope, factor * stretch**2 * curvature]

    return three


def _relu_hinge(z, t):
    positive, negative = _margin("ramp")(z, t), _margin("perceptron", lambda t: 1.0)(z, t)
    return [np.where(t > 0, a, b) for a, b in zip(positive, negative, strict=True)]


IDENTITIES = {
    "sigmoid+cross_entropy": _margin("logistic"),
    "tanh+hinge": _margin("sigmoid_margin", factor=2.0, stretch=2.0),
    "sigmoid+hinge": _margin("sigmoid_margin", lambda t: 1.0 * (t < 0)),
    "tanh+squared": _margin("savage", factor=4.0),
    "sigmoid+brier": _margin("savage", stretch=0.5),
    "scaled_sigmoid+brier": _margin("savage"),
    "relu+hinge": _relu_hinge,
    "hard_tanh+hinge": _margin("symmetric_ramp", factor=2.0),
    "sigmoid+gce(q=1.0)": _margin("sigmoid_margin"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", IDENTITIES)
@pytest.mark.usefixtures("x64")
def test_identity(name):
    z = np.concatenate([np.linspace(-9.017, 9.013, 100), [-1e4, -300.0, 300.0, 1e4, -np.inf, np.inf, 0.0]])
    for label in (1.0, -1.0):
        t = np.full_like(z, label)
        for what, a, b in zip(METHODS, _three(ll.pair(name), z, t), IDENTITIES[name](z, t), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-300, err_msg=what)


def test_identity_relu_plus_hinge_as_theory_writes_it():
    z = jnp.linspace(-3.0, 3.0, 25)
    pair = ll.pair("relu", "hinge")
    np.testing.assert_allclose(pair.positive(z), jnp.clip(1 - z, 0, 1), atol=1e-7)
    np.testing.assert_allclose(pair.negative(z), 1 + jnp.maximum(z, 0), atol=1e-7)


# ----------------------------------------------------------------------------------------------------- admissibility


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("relu+cross_entropy", r"relu gives outputs in \[0, inf\), but cross_entropy takes a likelihood in \[0, 1\]"),
        ("identity+brier", r"identity gives outputs in \(-inf, inf\)"),
        ("tanh+focal", r"tanh gives outputs in \[-1, 1\]"),
        ("relu6+asymmetric", r"asymmetric takes an output in \[0, 1\]"),
    ],
)
def test_an_inadmissible_pair_is_refused_with_the_reason_and_the_nearest(name, reason):
    loss, activation = name.split("+")[1], name.split("+")[0]
    with pytest.raises(ValueError, match=reason) as caught:
        ll.pair(name)
    assert f"sigmoid+{loss}" in str(caught.value)
    assert f"{activation}+hinge" in str(caught.value)
    assert name not in {p.name for p in ll.pairs()}


def test_pairs_are_those_whose_range_lies_in_the_domain():
    names = {p.name for p in ll.pairs()}
    assert len(names) == len(ll.pairs())
    for activation in ACTIVATIONS.values():
        low, high = activation.claim("range") or (-math.inf, math.inf)
        for loss in LOSSES.values():
            fits = loss.domain[0] <= low and high <= loss.domain[1]
            assert (f"{activation.name}+{loss.name}" in names) == fits


@pytest.mark.usefixtures("registries")
def test_an_activation_without_a_range_is_told_to_state_one():
    @ll.activation
    def rangeless(score):
        return ll.activations.sigmoid(score)

    assert ll.pair(rangeless, "hinge").name == "rangeless+hinge"
    with pytest.raises(ValueError, match=r"rangeless claims no range \(state it: @activation\(range="):
        ll.pair(rangeless, "brier")


# ------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "arguments",
    [
        ("relu+hinge",),
        ("relu", "hinge"),
        (ll.activations.relu, ll.losses.hinge),
        (functools.partial(ll.activations.relu), "hinge"),
        (ACTIVATIONS["relu"], LOSSES["hinge"]),
        (ll.pair("relu+hinge"),),
    ],
    ids=["pair name", "names", "functions", "partial", "entries", "pair"],
)
def test_a_pair_is_found_by(arguments):
    found = ll.pair(*arguments)
    assert found == ll.pair("relu", "hinge")
    assert repr(found) == "pair('relu', 'hinge')"


def test_parameters_are_bound_by_name_and_by_partial():
    named = ll.pair("relu(tie=0.5)+hinge(tie=0.5)")
    partial = ll.pair(functools.partial(ll.activations.relu, tie=0.5), functools.partial(ll.losses.hinge, tie=0.5))
    assert named == partial
    assert named.name == "relu(tie=0.5)+hinge(tie=0.5)"
    assert float(named.slope(1.0, 1.0)) == -0.5
    assert float(named.slope(0.0, -1.0)) == 0.5
    assert float(ll.pair("relu+hinge").slope(1.0, 1.0)) == 0.0
    assert ll.pair("sigmoid", "focal(gamma=0.0)").positive(0.3) == pytest.approx(float(jnp.log1p(jnp.exp(-0.3))))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("relu", "hinje"), "No loss is called 'hinje'. Did you mean hinge"),
        (("rleu", "hinge"), "No activation is called 'rleu'. Did you mean relu"),
        (("relu", "L1HingeLoss"), "Did you mean hinge?"),
        (("Softsign", "hinge"), "Did you mean soft_sign?"),
        (("relu",), "A pair is an activation and a loss"),
        (("relu+hinge+hinge",), "A pair is an activation and a loss"),
        (("relu", "hinge(margin=2)"), "hinge has no parameter margin; its parameters: tie"),
        (("relu", "hinge(0.5)"), "write parameters as name"),
        (("relu", lambda m: m), "is not a registered loss"),
        (("relu", ACTIVATIONS["relu"]), "relu is not a loss"),
        (("relu", 3), "given by name, function or entry"),
        (("relu", functools.partial(ll.losses.hinge, 0.5)), "keyword parameters only"),
    ],
)
def test_a_wrong_reference_gets_one_helpful_line(arguments, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        ll.pair(*arguments)


FILE = """
import jax.numpy as jnp
import lossland as ll

@ll.margin_loss(convex=True)
def {name}(margin, by=1.0):
    return by * jnp.logaddexp(0.0, -margin)
"""


@pytest.mark.usefixtures("registries")
def test_a_loss_in_a_file_of_ones_own(tmp_path):
    file = Path(tmp_path) / "mine.py"
    file.write_text(FILE.format(name="my_softplus"))
    pair = ll.pair("identity", f"{file}:my_softplus")
    assert float(pair.positive(0.0)) == pytest.approx(math.log(2))
    assert ll.pair("identity", f"{file}:my_softplus(by=2.0)").positive(0.0) == pytest.approx(2 * math.log(2))
    with pytest.raises(ValueError, match=r"No loss is called 'my_softpuls'. Did you mean my_softplus"):
        ll.pair("identity", f"{file}:my_softpuls")


# --------------------------------------------------------------------------------------------------- transformations


MORE = ("relu+hinge", "cloglog+focal", "identity+logistic", "sigmoid+asymmetric", "exp+dwd")
MARKS = ((pytest.mark.slow,), *[(pytest.mark.slow, pytest.mark.exhaustive)] * 3, (pytest.mark.slow,))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["identity+hinge", *[pytest.param(n, marks=m) for n, m in zip(MORE, MARKS, strict=True)]]
)
def test_jit_vmap_and_gradients_agree(name):
    pair = ll.pair(name)
    z, t = jnp.linspace(-2.2, 2.3, 8), jnp.array([1.0, -1.0] * 4)
    value, slope, curvature = _three(pair, z, t)
    np.testing.assert_allclose(jax.jit(pair)(z, t), value, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(jax.vmap(pair)(z, t), value, rtol=1e-5, atol=1e-7)
    first = jax.grad(lambda z, t: pair(z, t))
    np.testing.assert_allclose(jax.vmap(first)(z, t), slope, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(jax.vmap(jax.grad(first))(z, t), curvature, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(jax.vmap(jax.hessian(pair))(z, t), curvature, rtol=1e-5, atol=1e-7)
    both = jax.jit(jax.vmap(jax.value_and_grad(pair), in_axes=(0, None)))(z, -1.0)
    np.testing.assert_allclose(both[1], pair.slope(z, -1.0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(pair(z.reshape(2, 4), t.reshape(2, 4)), value.reshape(2, 4), rtol=1e-6)


def test_a_pair_is_hashable_and_a_static_argument():
    @functools.partial(jax.jit, static_argnums=0)
    def mean(pair, z):
        traced.append(pair.name)
        return pair.positive(z).mean()

    traced = []
    for _ in range(2):
        mean(ll.pair("relu+hinge"), jnp.ones(3))
        mean(ll.pair("relu(tie=0.5)+hinge"), jnp.ones(3))
        mean(ll.pair("relu", ACTIVATIONS and LOSSES["hinge"].bind(tie=jnp.float32(0.5))), jnp.ones(3))
    assert traced == ["relu+hinge", "relu(tie=0.5)+hinge", "relu+hinge(tie=0.5)"]
    assert len({ll.pair("relu+hinge"), ll.pair("relu", "hinge"), ll.pair("relu+ramp")}) == 2


def test_nan_scores_give_nan_and_integers_are_taken():
    pair = ll.pair("sigmoid+cross_entropy")
    assert np.isnan([np.asarray(v) for v in _three(pair, jnp.nan, 1.0)]).all()
    assert float(pair(0, 1)) == pytest.approx(math.log(2))
    assert pair(jnp.zeros((0,)), jnp.zeros((0,))).shape == (0,)


def test_a_loss_that_is_infinite_on_a_plateau_is_flat_there():
    pair = ll.pair("hard_sigmoid+cross_entropy")
    assert [float(f(-4.0, 1.0)) for f in (pair, pair.slope, pair.curvature)] == [np.inf, 0.0, 0.0]


@pytest.mark.slow
def test_check_pair_holds_for_a_few_and_names_what_fails():
    assert len(ll.check_pair("cauchit+brier")) > 3
    with pytest.raises(ValueError, match="not admissible"):
        ll.check_pair("relu+brier")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hinge", r"hinge is a loss; on a linear output it is 'identity\+hinge'\."),
        ("cross_entropy", r"on a sigmoid it is 'sigmoid\+cross_entropy'\."),
        ("relu(tie=0.5)", r"relu is an activation; with a loss it is 'relu\(tie=0.5\)\+hinge', say\."),
        ("nonsense", r"got 'nonsense'\.$"),
        (np.zeros((3, 4)), "got an array of shape"),
    ],
)
def test_half_a_pair_is_answered_with_the_other_half(name, said):
    with pytest.raises(ValueError, match=said):
        ll.pair(name)
