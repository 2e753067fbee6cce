"""Output activations: right to a few ulp in value, slope and curvature, with their ties and aliases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.elements import ACTIVATIONS
from tests import references as ref

DTYPES = [jnp.float32, *(pytest.param(d, marks=pytest.mark.slow) for d in (jnp.bfloat16, jnp.float64))]
BOUND = 8  # ulp of |f| + |x f'|; observed below 2


def scores(dtype, kinks=()):
    """Both signs of 1e-3 ... 1e4, dense near 0, knots and their neighbours, +-inf."""
    far, step = np.logspace(-3, 4, 15), 2 * float(jnp.finfo(dtype).eps)
    beside = [k + s * step * max(1.0, abs(k)) for k in kinks for s in (-1, 0, 1)]
    few = [1e-12, -1e-12, 16.75, -16.75, 88.0, -88.0, 700.0, -700.0, np.inf, -np.inf]
    points = np.concatenate([-far, far, np.linspace(-3, 3, 13), beside, few])
    return np.unique(np.asarray(points, dtype).astype(np.float64))


def slope(function, x):
    return float(jax.grad(function)(jnp.asarray(x, float)))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: jnp.dtype(d).name)
def test_value_slope_and_curvature_are_right_to_a_few_ulp(activation, dtype):
    points = scores(dtype, activation.claim("kinks") or ())
    reference = ref.activation_function(activation, dtype)
    if reference is None:
        want = ref.own_jets(activation, points, 4 * float(jnp.finfo(dtype).eps))
    else:
        with ref.digits(dtype):
            want = ref.curve_jets(lambda z: reference(z)[0], points, eps=4 * float(jnp.finfo(dtype).eps))
    with jax.enable_x64(dtype == jnp.float64):
        got = ref.derivatives(activation, jnp.asarray(points, dtype))
    for order, name in enumerate(("value", "slope", "curvature")):
        units = ref.excess(got[order], want[order], want[order + 1], points, dtype)
        i = int(np.argmax(units))
        bound = BOUND if reference else 64
        assert units[i] <= bound, f"{name} at {points[i]:g}: {got[order][i]}, not {want[order][i]}: {units[i]:.3g}"


def test_neighbours_are_right_where_subtraction_is_not(activation):
    if activation.neighbours is None or ref.activation_function(activation) is None:
        pytest.skip("nothing filed")
    points = scores(np.float32)
    points = points[np.isfinite(points)]
    reference = ref.activation_function(activation, np.float32)
    held = activation.neighbours(jnp.asarray(points, jnp.float32), **activation.settings())
    formulas = {
        "one_minus": lambda z: reference(z)[1],
        "one_plus": lambda z: 1 + reference(z)[0],
        "log": lambda z: ref.log(reference(z)[0]),
        "log_one_minus": lambda z: ref.log(reference(z)[1]),
    }
    for field, formula in formulas.items():
        if getattr(held, field) is not None:
            want = ref.curve_jets(formula, points)
            units = ref.excess(getattr(held, field), want.value, want.slope, points, jnp.float32)
            i = int(np.argmax(units))
            assert units[i] <= BOUND, f"{field} at {points[i]:g}: {units[i]:.3g}"


def test_nan_in_nan_out(activation):
    for dtype in (jnp.float32, jnp.bfloat16):
        assert np.isnan(np.asarray(activation(jnp.asarray(jnp.nan, dtype)), float))


def test_integers_and_python_numbers_are_taken(activation):
    assert float(activation(2)) == float(activation(2.0)) == float(activation(jnp.full((), 2, jnp.int32)))


def test_tie_picks_the_slope_at_every_claimed_kink(activation):
    if "tie" not in activation.settings() or activation.name == "step":
        pytest.skip("no slope to pick")
    # elu and leaky_relu count from the left slope to the right one; with alpha = 1 elu has one slope only.
    for kink in activation.claim("kinks"):
        low, high = sorted(slope(activation, kink + side * 1e-3) for side in (-1, 1))
        for tie in (0.0, 0.5, 1.0):
            assert slope(activation.bind(tie=tie), kink) == pytest.approx((1 - tie) * low + tie * high, abs=1e-6)


@pytest.mark.parametrize("alpha", [0.5, 2.0])
@pytest.mark.parametrize("tie", [0.0, 0.5, 1.0])
def test_tie_of_elu_and_leaky_relu_runs_from_left_to_right(alpha, tie):
    want = (1 - tie) * alpha + tie
    assert slope(lambda z: ll.activations.elu(z, alpha, tie), 0.0) == pytest.approx(want)
    assert slope(lambda z: ll.activations.leaky_relu(z, alpha, tie), 0.0) == pytest.approx(want)


@pytest.mark.parametrize("tie", [0.0, 0.5, 1.0])
def test_tie_is_the_value_of_the_step_at_0(tie):
    assert float(ll.activations.step(0.0, tie)) == tie
    assert slope(lambda z: ll.activations.step(z, tie), 0.0) == 0.0


def test_tie_conventions_of_jax():
    assert slope(ll.activations.relu, 0.0) == slope(jax.nn.relu, 0.0) == 0.0
    assert slope(lambda z: ll.activations.relu(z, 0.5), 0.0) == slope(lambda z: jnp.maximum(z, 0.0), 0.0) == 0.5
    assert slope(ll.activations.relu6, 6.0) == slope(jax.nn.relu6, 6.0) == 0.0
    half = slope(lambda z: ll.activations.sparse_sigmoid(z, 0.5), 1.0)
    assert half == slope(jax.nn.sparse_sigmoid, 1.0) == 0.25


# The parameters with which a library's activation of that name is ours.
SAME = {"leaky_relu": {"slope": 0.01}}
JAX = [(e.name, a.name) for e in ACTIVATIONS.values() for a in e.aliases if a.library == "jax.nn"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "theirs"), JAX)
@pytest.mark.usefixtures("x64")
def test_an_alias_is_what_it_says(name, theirs):
    z = jnp.asarray(np.linspace(-8.03, 8.01, 101))
    ours = ACTIVATIONS[name].bind(**SAME.get(name, {}))
    np.testing.assert_allclose(ours(z), getattr(jax.nn, theirs)(z), rtol=1e-12, atol=1e-14)


# ------------------------------------------------------------------------------- traps that other libraries fall into


def test_trap_jax_squareplus_loses_its_tail():
    assert float(jax.nn.squareplus(jnp.float32(-1e4))) == 0.0
    assert float(ll.activations.squareplus(jnp.float32(-1e4))) == pytest.approx(1e-4, rel=1e-6)
    assert float(ll.activations.squareplus(jnp.float32(1e20))) == pytest.approx(1e20)


def test_trap_jax_soft_sign_is_nan_at_minus_infinity():
    assert np.isnan(float(jax.nn.soft_sign(-jnp.inf)))
    assert [float(ll.activations.soft_sign(x)) for x in (-jnp.inf, jnp.inf)] == [-1.0, 1.0]
    assert slope(ll.activations.soft_sign, -jnp.inf) == 0.0


def test_trap_jax_sparse_plus_gradient_is_nan_at_infinity():
    assert np.isnan(slope(jax.nn.sparse_plus, jnp.inf))
    assert slope(ll.activations.sparse_plus, jnp.inf) == 1.0
    assert slope(ll.activations.sparse_plus, -jnp.inf) == 0.0


def test_trap_jax_expm1_loses_the_slope_of_elu():
    got = slope(ll.activations.elu, -20.0)
    assert got == pytest.approx(np.exp(-20.0), rel=1e-6)


def test_trap_exp_overflows_to_a_slope_that_zero_can_multiply():
    assert float(ll.activations.exp(jnp.float32(100.0))) == np.inf
    assert slope(ll.activations.exp, 100.0) == np.finfo(np.float32).max
