"""Neighbours read from programs: as right as filed ones where the program proves them, and none where it does not."""

import functools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from jax.scipy import special, stats

import lossland as ll
from lossland.elements import ACTIVATIONS, LOSSES, Output, handed_fields
from lossland.elements._neighbours import neighbours
from tests import references as ref

mp = ref.mp
LIKELIHOODS = ("cross_entropy", "brier", "focal", "gce", "hinge", "squared")
MARGINS = ("hinge", "squared", "logistic")
SINGLE = np.float32([0.0, 0.3, -0.7, 1.0, -2.5, 9.0, 10.0, -20.0, 20.0, -80.0, 80.0])
DOUBLE = np.array([0.0, 0.3, -0.7, 2.5, -20.0, 36.0, -300.0, 300.0, -1e4, 1e4])
BOUND = {np.float32: 24, np.float64: 128}
"""Units of ulp (|f| + |z f'|): 3e-6 in float32, 3e-14 in float64."""


def _sigmoid(v):
    return ref.sigmoid(v), ref.sigmoid(-v)


def _probit(z):
    return ref.normal_cdf(z), ref.normal_cdf(-z)


def _tanh(v):
    return 1 - 2 * ref.sigmoid(-2 * v), 2 * ref.sigmoid(-2 * v)


def _cauchit(z):
    return tuple(mp.atan(-1 / x) / mp.pi if x < -1 else mp.mpf(1) / 2 + mp.atan(x) / mp.pi for x in (z, -z))


def _stable(z):
    e = jnp.exp(-jnp.abs(z))
    return jnp.where(z >= 0, 1 / (1 + e), e / (1 + e))


def _hand_made_log_sigmoid(z):
    return jnp.minimum(z, 0) - jnp.log1p(jnp.exp(-jnp.abs(z)))


# The program, and the same (a, 1 - a) in many digits; c(x) is the number x as the dtype holds it.
PROBABILITIES = {
    "sigmoid(z / 0.5)": (lambda z: jax.nn.sigmoid(z / 0.5), lambda z, c: _sigmoid(2 * z)),
    "sigmoid(-3z + 1)": (lambda z: jax.nn.sigmoid(-3 * z + 1), lambda z, c: _sigmoid(1 - 3 * z)),
    "1 / (1 + exp(-z))": (lambda z: 1 / (1 + jnp.exp(-z)), lambda z, c: _sigmoid(z)),
    "exp(z) / (1 + exp(z))": (lambda z: jnp.exp(z) / (1 + jnp.exp(z)), lambda z, c: _sigmoid(z)),
    "exp(z / .3) / (1 + exp(z / .3))": (
        lambda z: jnp.exp(z / 0.3) / (1 + jnp.exp(z / 0.3)),
        lambda z, c: _sigmoid(z / c(0.3)),
    ),
    "(1 + exp(-z)) ** -1": (lambda z: (1 + jnp.exp(-z)) ** -1.0, lambda z, c: _sigmoid(z)),
    "(1 + tanh) / 2": (lambda z: 0.5 * (1 + jnp.tanh(z)), lambda z, c: _sigmoid(2 * z)),
    "1 - sigmoid(-z)": (lambda z: 1 - jax.nn.sigmoid(-z), lambda z, c: _sigmoid(z)),
    "1 - (1 - sigmoid)": (lambda z: 1 - (1 - jax.nn.sigmoid(z)), lambda z, c: _sigmoid(z)),
    "exp(log_sigmoid)": (lambda z: jnp.exp(jax.nn.log_sigmoid(z)), lambda z, c: _sigmoid(z)),
    "exp of a hand-made one": (lambda z: jnp.exp(_hand_made_log_sigmoid(z)), lambda z, c: _sigmoid(z)),
    "a hand-made choice": (_stable, lambda z, c: _sigmoid(z)),
    "jitted twice": (jax.jit(lambda z: jax.jit(special.expit)(z)), lambda z, c: _sigmoid(z)),
    "of a cubic": (lambda z: jax.nn.sigmoid(z + 0.1 * z**3), lambda z, c: _sigmoid(z + c(0.1) * z**3)),
    "of the size": (lambda z: jax.nn.sigmoid(jnp.abs(z)), lambda z, c: _sigmoid(abs(z))),
    "of our own": (lambda z: ll.activations.sigmoid(2 * z), lambda z, c: _sigmoid(2 * z)),
    "our own tanh": (lambda z: (ll.activations.tanh(z) + 1) / 2, lambda z, c: _sigmoid(2 * z)),
    "erf": (lambda z: 0.5 * (1 + special.erf(z / jnp.sqrt(2.0))), lambda z, c: _probit(z)),
    "erfc": (lambda z: 0.5 * special.erfc(-z / np.sqrt(2)), lambda z, c: _probit(z)),
    "norm.cdf": (stats.norm.cdf, lambda z, c: _probit(z)),
    "our own probit": (lambda z: ll.activations.probit(-z), lambda z, c: _probit(-z)),
    "1/2 + arctan / pi": (lambda z: 0.5 + jnp.arctan(z) / jnp.pi, lambda z, c: _cauchit(z)),
    "cauchy.cdf": (stats.cauchy.cdf, lambda z, c: _cauchit(z)),
    "from 3/4 to 1": (
        lambda z: 0.75 + 0.25 * jax.nn.sigmoid(z),
        lambda z, c: (mp.mpf(3) / 4 + ref.sigmoid(z) / 4, ref.sigmoid(-z) / 4),
    ),
}
OTHERS = {
    "tanh(2z)": (lambda z: jnp.tanh(2 * z), lambda z, c: _tanh(2 * z)),
    "2 sigmoid(2z) - 1": (lambda z: 2 * jax.nn.sigmoid(2 * z) - 1, lambda z, c: _tanh(z)),
    "(1 - exp) / (1 + exp)": (lambda z: (1 - jnp.exp(z)) / (1 + jnp.exp(z)), lambda z, c: _tanh(-z / 2)),
    "sinh / cosh": (
        lambda z: (jnp.exp(z) - jnp.exp(-z)) / (jnp.exp(z) + jnp.exp(-z)),
        lambda z, c: _tanh(z),
    ),
    "soft sign": (jax.nn.soft_sign, lambda z, c: (z / (1 + abs(z)), 1 - z / (1 + abs(z)))),
    "erf itself": (special.erf, lambda z, c: (1 - 2 * ref.normal_cdf(-c(2**0.5) * z), mp.erfc(z))),
}
FAST = ("sigmoid(z / 0.5)", "erf", "tanh(2z)")


def _filed(function, low=0.0, high=1.0, **claims):
    def read_from_its_program(score):
        return function(score)

    return ACTIVATIONS[ll.activation(range=(low, high), **claims)(read_from_its_program).__name__]


def _marked(cases):
    return [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in cases]


@pytest.mark.parametrize("name", _marked([*PROBABILITIES, *OTHERS]))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_pair_is_as_right_as_with_filed_neighbours(name, dtype):
    function, reference = (PROBABILITIES | OTHERS)[name]
    entry = _filed(function, 0.0 if name in PROBABILITIES else -1.0)
    points = SINGLE if dtype == np.float32 else DOUBLE
    with jax.enable_x64(dtype == np.float64), ref.digits(dtype):
        spread = [
            (ref.nodes(z)[1], [reference(x, lambda v: mp.mpf(float(dtype(v)))) for x in ref.nodes(z)[0]])
            for z in points
        ]
        pairs = [ll.pair(entry, loss) for loss in (LIKELIHOODS if name in PROBABILITIES else MARGINS)]
        scores, labels = jnp.asarray(np.tile(points, 2)), jnp.repeat(jnp.asarray([1.0, -1.0]), len(points))
        # One by one the operations are those of every other case; compiled whole, each case would be its own program.
        every = lambda z, t: [pair.jet(z, t) for pair in pairs]  # noqa: E731
        for pair, got in zip(pairs, (jax.jit(every) if name in FAST else every)(scores, labels), strict=True):
            _check(pair, dtype, points, spread, np.asarray(got))


def _check(pair, dtype, points, spread, jets):
    truth = ref.loss_function(pair.loss, dtype)
    slopes = ref.stack([ref.jet([a for a, _ in held], h) for h, held in spread]).slope
    ends = np.array(
        [min(abs(float(held[3][0])), abs(float(held[3][1])), abs(float(1 + held[3][0]))) for _, held in spread]
    )
    with np.errstate(all="ignore"):
        moves = np.nan_to_num(ends / np.abs(slopes).max(axis=1), posinf=0.0)
    for label, held_jets in zip((1.0, -1.0), np.split(jets, 2, axis=1), strict=True):
        want = ref.stack([ref.jet([truth(a, other, label) for a, other in held], h) for h, held in spread])
        for order, got in enumerate(held_jets):
            units = ref.excess(got, want[order], want[order + 1], points, dtype, moves)
            i = int(np.argmax(units))
            said = f"{got[i]:.9g}, not {want[order][i][0]:.9g}: {units[i]:.3g} ulp"
            assert units[i] <= BOUND[dtype], f"{pair}, derivative {order} at z = {points[i]:g}, t = {label:+g}: {said}"


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PROBABILITIES, *OTHERS])
def test_the_program_shows_neighbours(name):
    function, _ = (PROBABILITIES | OTHERS)[name]
    held = neighbours(_filed(function, -1.0), jnp.zeros(3))
    assert held is not None
    assert held.one_minus is not None
    assert (held.log is None) == (held.log_one_minus is None)


@pytest.mark.parametrize(
    ("function", "registered"),
    [(lambda z: jax.nn.sigmoid(z / 0.5), "scaled_sigmoid"), (jnp.tanh, "tanh"), (stats.norm.cdf, "probit")],
    ids=["sigmoid", "tanh", "probit"],
)
def test_they_are_those_that_the_registered_one_files(function, registered):
    z = jnp.asarray(SINGLE)
    known = ACTIVATIONS[registered]
    entry = _filed(function, *known.claim("range"))
    for field, got, want in zip(Output._fields, neighbours(entry, z), known.neighbours(z), strict=True):
        assert (got is None) == (want is None), field
        if got is not None:
            np.testing.assert_array_max_ulp(np.asarray(got), np.asarray(want), 2)
    kind = "margin" if registered == "tanh" else "likelihood"
    fields = [handed_fields(activation, kind, False, "float32") for activation in (entry, known)]
    assert fields[0] == fields[1]
    assert fields[0][1]


@pytest.mark.parametrize("symmetry", [None, "complement"])
def test_the_slope_of_a_tempered_output_survives_in_float32(symmetry):
    @ll.activation(range=(0.0, 1.0), symmetry=symmetry)
    def tempered(score, temperature=0.5):
        return jax.nn.sigmoid(score / temperature)

    pair = ll.pair(tempered, "cross_entropy")
    assert float(pair(10.0, -1.0)) == 20.0
    assert float(pair.slope(20.0, -1.0)) == 2.0
    assert float(pair.curvature(20.0, -1.0)) == pytest.approx(4.0 * np.exp(-40.0), rel=1e-6)
    sharp = ll.pair("tempered(temperature=0.2)", "cross_entropy")
    assert float(sharp.slope(20.0, -1.0)) == pytest.approx(5.0)
    descent = jax.jit(jax.vmap(jax.grad(pair), in_axes=(0, None)))
    np.testing.assert_allclose(descent(jnp.array([20.0, 80.0]), -1.0), 2.0)
    half = pair.slope(jnp.bfloat16(20.0), -1.0)
    assert half.dtype == jnp.bfloat16
    assert float(half) == 2.0


# ----------------------------------------------------------------------------------------------------- what is no proof


@jax.custom_jvp
def sigmoid(z):
    """Of a known name, with a slope of its own."""
    return jax.nn.sigmoid(z)


sigmoid.defjvp(lambda primals, tangents: (sigmoid(*primals), tangents[0]))
by_jax = jax.custom_jvp(jax.nn.sigmoid)
by_jax.defjvps(lambda tangent, output, z: tangent)
backwards = jax.custom_vjp(jax.nn.sigmoid)
backwards.defvjp(lambda z: (jax.nn.sigmoid(z), None), lambda held, tangent: (tangent,))
LEFT = {
    "clipped": lambda z: jnp.clip(jax.nn.sigmoid(z), 1e-3, 1 - 1e-3),
    "both ends inside": lambda z: jax.nn.sigmoid(z) * 0.9 + 0.05,
    "ends closer than float32 tells": lambda z: jax.nn.sigmoid(z) * (1 - 1e-7) + 0.5e-7,
    "a slope of its own": sigmoid,
    "a slope of its own by jax": by_jax,
    "a slope of its own backwards": backwards,
    "straight through": lambda z: z + jax.lax.stop_gradient(jax.nn.sigmoid(z) - z),
    "stopped": lambda z: jax.lax.stop_gradient(jax.nn.sigmoid(z)),
    "softplus": jax.nn.softplus,
    "relu": jax.nn.relu,
    "a square": lambda z: jax.nn.sigmoid(z) ** 2,
    "of two numbers": lambda z: jnp.exp(z) / (jnp.exp(2 * z) + 1),
    "other branches": lambda z: jnp.where(z > 0, jax.nn.sigmoid(z), jax.nn.sigmoid(2 * z)),
    "in fewer digits": lambda z: jax.nn.sigmoid(z.astype(jnp.bfloat16)).astype(z.dtype),
    "a pole": lambda z: (1 + jnp.exp(z)) / (1 - jnp.exp(z)),
    "a factor for each score": lambda z: jnp.linspace(0.0, 1.0, z.size).reshape(z.shape) * jax.nn.sigmoid(z),
    "a sample that fits": lambda z: jnp.where(jnp.abs(z) < 1e3, jax.nn.sigmoid(z), 0.5),
}


@pytest.mark.parametrize("name", LEFT)
def test_an_output_whose_program_proves_nothing_is_left_as_it_is(name):
    read = _filed(LEFT[name])
    filed = _filed(LEFT[name], neighbours=lambda z: Output(LEFT[name](z)))
    z = jnp.asarray(SINGLE)
    assert neighbours(read, z) is None
    if name == "a slope of its own backwards":
        return  # it has no forward derivative, which a pair takes
    assert handed_fields(read, "likelihood", False, "float32") == (True, True, False, False, False)
    for got, want in zip(*(ll.pair(entry, "brier").jet(z, -1.0) for entry in (read, filed)), strict=True):
        np.testing.assert_array_equal(np.asarray(got), np.asarray(want))


def test_what_is_within_the_squashing_function_keeps_its_own_slope():
    pair = ll.pair(_filed(lambda z: jax.nn.sigmoid(4.0 * sigmoid(z))), "cross_entropy")
    inner = jax.nn.sigmoid(0.3)
    assert float(pair.slope(0.3, -1.0)) == pytest.approx(4.0 * float(jax.nn.sigmoid(4.0 * inner)), rel=1e-6)


def test_numbers_that_are_being_traced_are_not_known():
    z = jnp.array([-3.0, 0.5, 2.0])

    def shape_of(factor):
        return _filed(lambda s: jax.nn.sigmoid(s / factor))

    def height_of(factor):
        return _filed(lambda s: factor * jax.nn.sigmoid(s))

    def total(factor):
        assert neighbours(height_of(factor), z) is None
        return jnp.sum(neighbours(shape_of(factor), z).one_minus)

    want = jax.grad(lambda factor: jnp.sum(1 - jax.nn.sigmoid(z / factor)))(0.5)
    for transformed in (jax.grad(total), jax.jit(jax.grad(total))):
        assert float(transformed(0.5)) == pytest.approx(float(want), rel=1e-5)
    mean = jax.jit(lambda factor: jnp.mean(ll.pair(shape_of(factor), "cross_entropy")(z + 40.0, -1.0)))
    assert float(mean(0.5)) == pytest.approx(2.0 * float(jnp.mean(z + 40.0)))


def test_a_loss_that_smooths_labels_is_evaluated_as_before():
    @ll.likelihood_loss
    def smoothed_by_hand(likelihood):
        return -jnp.log(0.9 * likelihood + 0.05)

    z = jnp.asarray(SINGLE)
    read, known = ll.pair(_filed(special.expit), smoothed_by_hand), ll.pair("sigmoid", smoothed_by_hand)
    for got, want in zip(read.jet(z, 1.0), known.jet(z, 1.0), strict=True):
        np.testing.assert_array_equal(np.asarray(got), np.asarray(want))
    np.testing.assert_allclose(read(z, 1.0), -np.log(0.9 * mpmath_sigmoid(SINGLE) + 0.05), rtol=3e-6)


def mpmath_sigmoid(z):
    return np.array([float(1 / (1 + mpmath.exp(-float(x)))) for x in z])


# ------------------------------------------------------------------------------------------------------------- reading


def test_a_program_is_read_once_for_each_structure(monkeypatch):
    read = []
    original = neighbours.__globals__["squashes"]
    monkeypatch.setitem(neighbours.__globals__, "squashes", lambda closed: read.append(1) or original(closed))

    def make(width):
        return _filed(lambda z: jax.nn.sigmoid(z / width + 0.123))

    z = jnp.zeros(7)
    for width in (0.3, 0.3, 0.7, 0.3):
        neighbours(make(width), z)
        jax.jit(functools.partial(neighbours, make(width)))(z)
    assert len(read) == 2


def test_a_number_that_changes_is_read_again():
    held = {"width": 0.5}
    entry = _filed(lambda z: jax.nn.sigmoid(z / held["width"]))
    first = float(neighbours(entry, jnp.float32(1.0)).log)
    held["width"] = 0.25
    assert float(neighbours(entry, jnp.float32(1.0)).log) != first
    assert float(neighbours(entry, jnp.float32(-25.0)).log) == -100.0


def test_a_function_that_jax_cannot_trace_is_evaluated_as_it_is():
    entry = _filed(lambda z: np.tanh(np.asarray(z)), -1.0)
    assert neighbours(entry, jnp.zeros(2)) is None
    assert float(ll.pair(entry, "hinge")(0.0, 1.0)) == 1.0


@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (0,)])
def test_neighbours_have_the_shape_of_the_scores(shape):
    held = neighbours(_filed(lambda z: stats.norm.cdf(z - 0.3)), jnp.zeros(shape))
    assert {part.shape for part in held if part is not None} == {shape}


def test_every_loss_finds_the_neighbours():
    entry, known = _filed(lambda z: 1 / (1 + jnp.exp(-z))), ACTIVATIONS["sigmoid"]
    z = jnp.asarray([*SINGLE, np.inf, -np.inf, np.nan])
    for name in ("cross_entropy", "asymmetric", "savage"):
        for label in (1.0, -1.0):
            jets = [ll.pair(activation, LOSSES[name]).jet(z, label) for activation in (entry, known)]
            for got, want in zip(*jets, strict=True):
                np.testing.assert_array_equal(np.asarray(got), np.asarray(want))
