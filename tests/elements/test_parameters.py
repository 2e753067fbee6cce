"""Parameters at their limits: the loss that they tend to, and a sentence where there is none."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

import lossland as ll
from lossland.elements import ACTIVATIONS, LOSSES
from lossland.proofs import program
from tests import references as ref

ULPS = 32


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


SCORES = (-60.0, -8.0, -3.0, -1.0, -0.3, 0.0, 0.4, 1.0, 3.0, 9.0)


def _log_t(p, t):
    return mp.log(p) if t == 1 else (p ** (1 - t) - 1) / (1 - t)


def _gce(p, q, power):
    return -_log_t(p, 1 - power)


def _tsallis(p, q, alpha):
    return -mp.log(p) if alpha == 1 else (1 - alpha * p ** (alpha - 1)) / (alpha - 1) + p**alpha + q**alpha


def _bi_tempered(p, q, t1, t2):
    if t2 != 1:
        score = mp.log(p / q)
        p = mp.findroot(lambda y: _log_t(y, t2) - _log_t(1 - y, t2) - score, (mp.mpf(10) ** -30, 1 - mp.mpf(10) ** -30),
                        solver="anderson", tol=1e-60, maxsteps=400)  # fmt: skip
        q = 1 - p
    return -_log_t(p, t1) - (1 - p ** (2 - t1) - q ** (2 - t1)) / (2 - t1)


CASES = [
    *(("tsallis", _tsallis, {"alpha": alpha}) for alpha in (1.0, 1.0001)),
    *(("gce", _gce, {"q": q}) for q in (0.0, 1e-4, 1e-30)),
    *(("bi_tempered", _bi_tempered, {"t1": t1, "t2": 1.0}) for t1 in (1.0, 0.9999)),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "truth", "parameters"), CASES, ids=lambda x: getattr(x, "__name__", str(x)))
def test_a_limit_and_what_is_beside_it_have_every_digit(name, truth, parameters, dtype):
    made = ll.pair("sigmoid", ll.pair("sigmoid", name).loss.bind(**parameters))
    # A parameter counts as the number that the type makes of it.
    held = [mp.mpf(float(np.dtype(dtype).type(value))) for value in parameters.values()]
    scores = np.array(SCORES, dtype)
    with mp.workdps(60):
        curve = lambda z: truth(1 / (1 + mp.exp(-z)), 1 / (1 + mp.exp(z)), *held)  # noqa: E731
        values = [float(curve(mp.mpf(float(z)))) for z in scores]
        slopes = [float(mp.diff(curve, mp.mpf(float(z)), h=mp.mpf(10) ** -18)) for z in scores]
    tolerance = ULPS * float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(np.asarray(made.positive(scores), float), values, rtol=tolerance)
    np.testing.assert_allclose(np.asarray(made.slope(scores, 1.0), float), slopes, rtol=tolerance)
    assert program(made).reason == ""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("t1", [1.0, 0.9999])
def test_a_tempered_loss_beside_its_limit_is_the_same_in_both_types(t1, dtype):
    made = ll.pair("sigmoid", f"bi_tempered(t1={t1}, t2=1.2)")
    scores = np.array(SCORES)
    with mp.workdps(40):
        p = [mp.exp(mp.mpf(float(x))) for x in _log_tempered(scores, 1.2)]
        values = [float(_bi_tempered(x, 1 - x, mp.mpf(t1), mp.mpf(1))) for x in p]
    got = np.asarray(made.positive(scores.astype(dtype)), float)
    np.testing.assert_allclose(got, values, rtol=2e-6 if dtype == "float32" else 1e-13)


def _log_tempered(scores, t):
    """log p of the tempered sigmoid, by bisection in log p - log(1 - p)."""
    low, high = np.full(scores.shape, -400.0), np.full(scores.shape, 400.0)
    for _ in range(200):
        middle = 0.5 * (low + high)
        log_p, log_q = -np.logaddexp(0, -middle), -np.logaddexp(0, middle)
        under = np.expm1((1 - t) * log_p) / (1 - t) - np.expm1((1 - t) * log_q) / (1 - t) < scores
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return -np.logaddexp(0, -low)


@pytest.mark.parametrize(
    "name",
    ["tsallis(alpha=1.0)", "gce(q=0.0)", "bi_tempered(t1=1.0, t2=1.0)", "bi_tempered(t1=1.0, t2=1.2)",
     "focal(gamma=0.0)", "sce(alpha=0.0)"],
)  # fmt: skip
def test_a_limit_is_a_number_where_it_should_be(name):
    made = ll.pair("sigmoid", name)
    for dtype in ("float32", "float64"):
        scores = jnp.array([-jnp.inf, -1e4, -40.0, 0.0, 40.0, 1e4, jnp.inf], dtype)
        for label in (1.0, -1.0):
            assert not np.isnan(np.stack([np.asarray(x) for x in made.jet(scores, label)])).any()


def test_a_users_power_of_zero_is_one(registries):
    @ll.likelihood_loss
    def limits_focal(likelihood):
        return -((1.0 - likelihood) ** jnp.zeros_like(likelihood)) * jnp.log(likelihood)

    assert ll.pair("sigmoid", "limits_focal").positive(jnp.inf) == 0.0


def test_outputs_at_their_limits_are_rectifiers():
    for name in ("leaky_relu(slope=0.0)", "squareplus(b=0.0)"):
        made = ll.pair(name, "logistic")
        for scores in (np.array([-np.inf, -1.0, 0.0, 2.0, np.inf], dtype) for dtype in ("float32", "float64")):
            assert not np.isnan(np.stack([np.asarray(x) for x in made.jet(scores, 1.0)])).any()
            np.testing.assert_array_equal(made.output(scores), np.maximum(scores, 0.0))


@pytest.mark.parametrize(
    ("output", "name", "said"),
    [
        ("sigmoid", "taylor_ce(k=0)", "k of taylor_ce must be at least 1, not 0"),
        ("sigmoid", "taylor_ce(k=1.5)", "k of taylor_ce must be a whole number, not 1.5"),
        ("sigmoid", "tsallis(alpha=0.5)", "alpha of tsallis must be at least 1"),
        ("sigmoid", "bi_tempered(t1=1.5)", "t1 of bi_tempered must be at least 0 and at most 1"),
        ("sigmoid", "bi_tempered(t2=0.5)", "t2 of bi_tempered must be at least 1"),
        ("sigmoid", "focal(gamma=-1.0)", "gamma of focal must be at least 0"),
        ("identity", "smooth_hinge(gamma=0.0)", "gamma of smooth_hinge must be above 0"),
        ("identity", "huberised_squared_hinge(knot=1.0)", "knot of huberised_squared_hinge must be below 1"),
        ("identity", "huber(delta=0.0)", "delta of huber must be above 0"),
        ("identity", "dwd(q=0.0)", "q of dwd must be above 0"),
        ("identity", "linex(a=0.0)", "a of linex must not be 0"),
        ("sigmoid", "gce(q=1.5)", "q of gce must be at least 0 and at most 1"),
        ("sigmoid", "gce(q=-0.1)", "q of gce must be at least 0 and at most 1"),
        ("sigmoid", "poly1(eps=-1.5)", "eps of poly1 must be at least -1"),
        ("sigmoid", "sce(alpha=-1.0)", "alpha of sce must be at least 0"),
        ("sigmoid", "sce(beta=-1.0)", "beta of sce must be at least 0"),
        ("sigmoid", "sce(log_zero=1.0)", "log_zero of sce must be at most 0"),
        ("sigmoid", "bi_tempered(t1=-0.5)", "t1 of bi_tempered must be at least 0 and at most 1"),
        ("sigmoid", "asymmetric(clip=-0.1)", "clip of asymmetric must be at least 0"),
        ("sigmoid", "asymmetric(gamma_negative=-1.0)", "gamma_negative of asymmetric must be at least 0"),
        ("identity", "hinge(tie=2.0)", "tie must be at least 0 and at most 1"),
        ("relu(tie=-0.5)", "hinge", "tie must be at least 0 and at most 1"),
        ("hard_tanh(tie=1.5)", "logistic", "tie must be at least 0 and at most 1"),
        ("elu(alpha=-1.0)", "hinge", "alpha of elu must be at least 0"),
        ("squareplus(b=-1.0)", "hinge", "b of squareplus must be at least 0"),
    ],
)
def test_a_parameter_without_a_limit_is_refused_in_a_sentence(output, name, said):
    with pytest.raises(ValueError, match=said):
        ll.card(output, name)


NEAR_THE_ENDS = {
    "smooth_hinge": [("gamma", v) for v in (1e-30, 1e-3, 1e6)],
    "huberised_squared_hinge": [("knot", v) for v in (-1e6, 0.999, 1 - 2**-24)],
    "huber": [("delta", v) for v in (1e-6, 1e6)],
    "dwd": [("q", v) for v in (0.5, 100.0, 1e7)],
    "linex": [("a", v) for v in (-1e-20, 1e-6, 10.0)],
    "focal": [("gamma", v) for v in (1e-30, 1e-6, 0.5, 5.0)],
    "gce": [("q", v) for v in (1e-10, 1e-3, 1 - 2**-24, 1.0)],
    "poly1": [("eps", v) for v in (-1.0, -1 + 2**-20, 0.0)],
    "taylor_ce": [("k", v) for v in (1, 10)],
    "sce": [("alpha", v) for v in (0.0, 1e-6, 10.0)],
    "tsallis": [("alpha", v) for v in (1 + 2**-23, 1 + 2**-20, 1.0001, 2.0, 5.0)],
    "asymmetric": [("clip", v) for v in (0.0, 1e-3, 0.5)] + [("gamma_negative", v) for v in (0.0, 1e-6, 0.5, 5.0)],
    "bi_tempered": [("t1", v) for v in (0.0, 1e-6, 1 - 2**-24)] + [("t2", v) for v in (1.0, 1 + 2**-23, 1.0001, 2.0)],
}
OUTPUTS_NEAR_THE_ENDS = {
    "leaky_relu": [("slope", v) for v in (1e-30, 1e-6, 1.0)],
    "elu": [("alpha", v) for v in (0.0, 1e-6, 1e6)],
    "squareplus": [("b", v) for v in (1e-30, 1e-6, 1e6)],
    "shifted_relu": [("c", v) for v in (-5.0, 0.0, 1e6)],
}
ENDS = [
    (name, *case) for held in (NEAR_THE_ENDS, OUTPUTS_NEAR_THE_ENDS) for name, cases in held.items() for case in cases
]
WITHIN = {"bi_tempered": 64}


def _of_float32(name, value):
    """The number that both types hold, so that one reference does for both."""
    return value if name == "k" else float(np.float32(value))


def _named(number, end):
    """`make test` takes every eighth."""
    name, parameter, value = end
    return pytest.param(*end, id=f"{name}({parameter}={value:.9g})", marks=[pytest.mark.slow] * bool(number % 8))


@pytest.mark.parametrize(("name", "parameter", "value"), [_named(*numbered) for numbered in enumerate(ENDS)])
def test_families_keep_their_digits_near_the_ends_of_their_parameters(name, parameter, value):
    entry = (LOSSES if name in LOSSES else ACTIVATIONS)[name]
    settings = {k: _of_float32(k, v) for k, v in entry.settings().items() if k != "tie"}
    entry = entry.bind(**settings | {parameter: _of_float32(parameter, value)})
    margin = entry in ACTIVATIONS.values() or getattr(entry, "kind", "") == "margin"
    made = ll.pair(entry, "logistic") if name in ACTIVATIONS else ll.pair("identity" if margin else "sigmoid", entry)
    points = ref.pair_points()
    for label in (1, -1):
        want, moves = ref.pair_jets(made, label)
        for dtype in ("float32", "float64"):
            got = [np.asarray(part, float) for part in made.jet(jnp.asarray(points, dtype), float(label))]
            for order in range(3):
                units = ref.excess(got[order], want[order], want[order + 1], points, dtype, moves)
                # The reference is a difference with steps of 1e-30; at infinity some limits are reached like 1 / log z.
                noise = (np.abs(got[order]) < 1e-80) & (np.abs(want[order]).max(1) < 1e-80)
                units = np.where(noise | np.isinf(points), 0.0, units)
                worst = int(np.argmax(units))
                said = (
                    f"{order} of {label} at {points[worst]} in {dtype}: {got[order][worst]}, not {want[order][worst]}"
                )
                assert units[worst] <= WITHIN.get(name, 10), f"{said}, {units[worst]:.3g} ulp"
