"""Programs run by NumPy against XLA on the CPU: operations, loops, and the jets of pairs, NaN and infinity included."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import lossland as ll
from lossland.properties import _interpreted
from lossland.properties._interpreted import interpreted
from tests.properties.cases import MARKED

ULPS = {"float32": 1e-5, "float64": 1e-12}
HALF = np.concatenate([[0.0], np.logspace(-4, 4, 60), [0.5, 1.0, 1.5, 2.5, np.inf]])
SCORES = np.concatenate([-HALF, HALF])


def run(function, *inputs):
    """A function's results by NumPy and by XLA."""
    with jax.enable_x64(True):
        closed = jax.make_jaxpr(function)(*inputs)
        wanted = jax.tree.leaves(jax.jit(function)(*inputs))
    return interpreted(closed.jaxpr, closed.consts, inputs), [np.asarray(x) for x in wanted]


def assert_alike(got, wanted, rtol, eps=1.0):
    """Same types, shapes, NaN and infinities; numbers to `rtol`, or `eps` of 1 where large ones cancelled."""
    assert len(got) == len(wanted)
    for ours, theirs in zip(got, wanted, strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        if jnp.issubdtype(ours.dtype, jnp.floating):
            room = eps * float(jnp.finfo(ours.dtype).eps)
            np.testing.assert_allclose(ours.astype(float), theirs.astype(float), rtol, room)
        else:
            np.testing.assert_array_equal(ours, theirs)


UNARY = [lax.exp, lax.exp2, lax.log, lax.log1p, lax.expm1, lax.tanh, lax.logistic, lax.sqrt, lax.rsqrt, lax.square,
         lax.sin, lax.cos, lax.tan, lax.sinh, lax.cosh, lax.asin, lax.acos, lax.atan, lax.asinh, lax.acosh, lax.atanh,
         lax.cbrt, lax.erf, lax.erfc, lax.erf_inv, lax.abs, lax.neg, lax.sign, lax.floor, lax.ceil, lax.is_finite,
         lax.stop_gradient, lax.round, lambda x: lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN),
         lambda x: lax.integer_pow(x, 5), lambda x: lax.integer_pow(x, -2), lambda x: lax.integer_pow(x, 0),
         lambda x: lax.clamp(jnp.asarray(-1, x.dtype), x, jnp.asarray(1, x.dtype))]  # fmt: skip
TYPES = ("int8", "int32", "int64", "uint8", "bool", "bfloat16", "float16", "float32", "float64")
BINARY = [lax.add, lax.sub, lax.mul, lax.div, lax.rem, lax.max, lax.min, lax.pow, lax.atan2, lax.eq, lax.ne, lax.lt,
          lax.le, lax.gt, lax.ge]  # fmt: skip


@pytest.mark.parametrize("dtype", ULPS)
def test_operations_on_floats(dtype):
    x = SCORES.astype(dtype)
    x = np.concatenate([x[np.abs(x) < 50], np.array([np.nan, np.inf, -np.inf, 300.5, -1e10], dtype)])
    assert_alike(*run(lambda x: [f(x) for f in UNARY], x), ULPS[dtype])
    assert_alike(*run(lambda x: [x.astype(t) for t in TYPES], x), 0.0)
    left, right = np.repeat(x[::9], x[::9].size), np.tile(x[::9], x[::9].size)
    assert_alike(*run(lambda a, b: [f(a, b) for f in BINARY], left, right), ULPS[dtype])
    # A neighbour of 0 is too small to be normal, and counts as 0.
    assert_alike(*run(lambda a, b: 1.0 * lax.nextafter(a, b), left, right), 0.0)


def test_operations_on_integers_and_booleans():
    x, by = np.array([-7, -1, 0, 3, 2**31 - 1], "int32"), np.array([1, 2, 31, 40, 3], "int32")
    shifts = (lax.shift_left, lax.shift_right_arithmetic, lax.shift_right_logical)
    bits = (lax.bitwise_and, lax.bitwise_or, lax.bitwise_xor, lax.add, lax.mul, lax.div, lax.rem)
    assert_alike(*run(lambda x, by: [f(x, by) for f in (*shifts, *bits)], x, by), 0.0)
    assert_alike(*run(lambda x: [~x, ~(x > 0), x.astype(bool), lax.integer_pow(x, 3), x.astype(float)], x), 0.0)
    floats = SCORES.astype("float32")
    assert_alike(
        *run(lambda x: [lax.bitcast_convert_type(x, "int32"), jnp.signbit(x), jnp.copysign(2.0, x)], floats), 0.0
    )


def test_shapes_choices_and_reductions():
    x = np.arange(12.0).reshape(3, 4) - 5.0

    def function(x):
        row = x[1]
        moved = [
            x.T,
            x.reshape(4, 3),
            jnp.stack([row, row]),
            jnp.concatenate([x, x]),
            x[:, 1:3],
            x[::2],
            x[:, :1, None],
        ]
        reduced = [x.sum(0), x.max(), x.min(1), (x > 0).all(0), (x > 0).any(), x.argmax(0), x.argmin(1), x.cumsum(0)]
        chosen = lax.select_n((jnp.arange(4) % 3).astype("int32"), row, 2 * row, 3 * row)
        return [*moved, *reduced, chosen, jnp.select([row < -4, row < -2], [row, row * row], 7.0), jnp.squeeze(x[:1])]

    assert_alike(*run(function, x), 1e-15)


def test_loops_and_branches():
    x = np.linspace(-2.0, 2.0, 5)

    def function(x):
        stepped = lax.fori_loop(0, 7, lambda k, v: 0.5 * v + k, x)
        counted = lax.fori_loop(0, jnp.asarray(x.size), lambda k, v: v * 1.5, x)
        grown = lax.while_loop(lambda v: v.max() < 100.0, lambda v: 2.0 * v + 1.0, x)
        rows = [lax.scan(lambda c, v: (c + v, c * v), 0.0, x, reverse=way) for way in (False, True)]
        taken = [lax.cond(x.sum() > level, jnp.sin, jnp.cos, x) for level in (-1.0, 1.0)]
        switched = lax.switch(jnp.asarray(9), [jnp.sin, jnp.cos, jnp.tanh], x)
        return [stepped, counted, grown, rows, taken, switched, lax.scan(lambda c, v: (c, v), 0.0, x[:0])]

    assert_alike(*run(function, x), 1e-14)


@pytest.mark.parametrize("dtype", ULPS)
def test_what_is_too_small_is_zero(dtype):
    """XLA's CPU backend flushes: 0 times infinity is then NaN, which a tiny number times infinity is not."""
    small, infinite = np.array([[np.finfo(dtype).tiny], [np.inf]], dtype)
    function = lambda x, y: [x * 0.5, (x * 0.5) * y, -x / 3.0, jnp.log(x * 0.5), x * 0.5 > 0]  # noqa: E731
    got, wanted = run(function, small, infinite)
    assert_alike(got, wanted, 0.0, 0.0)
    assert np.isnan(got[1][0])


def test_a_foreign_operation_is_bound_with_jax(monkeypatch):
    bound, original = [], _interpreted._bound
    monkeypatch.setattr(
        _interpreted, "_bound", lambda e, inputs: [bound.append(e.primitive.name), *original(e, inputs)][1:]
    )
    x = np.linspace(0.5, 3.0, 6)
    assert_alike(*run(lambda x: 2.0 * jax.scipy.special.gammainc(x, 1.0) + jnp.sort(-x), x), 1e-14)
    assert {"igamma", "sort"} <= set(bound)
    bound.clear()
    noise = run(lambda x: x + jax.random.uniform(jax.random.key(3), x.shape), x)
    assert_alike(*noise, 1e-14)
    assert bound


def test_only_what_is_wanted_is_computed(monkeypatch):
    monkeypatch.setattr(_interpreted, "_bound", lambda e, inputs: pytest.fail("not wanted"))
    closed = jax.make_jaxpr(lambda x: (2.0 * x, jnp.sort(x)))(np.zeros(3, "float32"))
    (doubled,) = interpreted(closed.jaxpr, closed.consts, [np.ones(3, "float32")], 1)
    assert doubled.tolist() == [2.0, 2.0, 2.0]


def assert_jets_alike(pair, dtype):
    z = SCORES.astype(dtype)
    both, labels = np.tile(z, 2), np.repeat(np.array([1.0, -1.0], dtype), z.size)
    assert_alike(*run(lambda z, t: pair.jet(z, t), both, labels), ULPS[dtype], 64.0)


@pytest.mark.parametrize("dtype", ULPS)
@pytest.mark.parametrize("made", MARKED, ids=lambda p: p.name)
def test_jets_of_registered_pairs(made, dtype):
    assert_jets_alike(made, dtype)


@jax.custom_jvp
def straight_through(x):
    return jnp.round(x)


straight_through.defjvp(lambda primals, tangents: (straight_through(*primals), tangents[0]))

USERS = {
    "root": lambda m: jnp.sqrt(jnp.maximum(0.0, 1.0 - m)),
    "trap": lambda m: jnp.where(m > 0, m * jnp.log(m), -m),
    "arc": lambda m: jnp.arccos(jnp.clip(m, -1.0, 1.0)),
    "naive": lambda m: jnp.log(1.0 + jnp.exp(-m)),
    "select": lambda m: jnp.select([m < -1.0, m < 1.0], [-2.0 * m - 1.0, m * m], 1.0),
    "clip": lambda m: jnp.clip(1.0 - m, 0.0, 2.0) ** 2,
    "gelu": lambda m: jax.nn.gelu(-m, approximate=False),
    "relu6": lambda m: jax.nn.relu6(1.0 - m) + jax.nn.silu(-m) + jax.nn.softplus(-m) + jax.nn.elu(-m),
    "log_sigmoid": lambda m: -jax.nn.log_sigmoid(m) + jax.nn.hard_tanh(-m),
    "straight_through": lambda m: jnp.maximum(0.0, 1.0 - straight_through(m)),
    "loop": lambda m: jax.lax.fori_loop(0, 5, lambda k, v: v - 0.1 * jnp.tanh(v + k), jnp.maximum(0.0, 1.0 - m)),
    "power": lambda m: jnp.abs(1.0 - m) ** 1.5,
}


@pytest.mark.parametrize("dtype", ULPS)
@pytest.mark.parametrize("name", USERS)
def test_jets_of_users_functions(name, dtype, registries):
    def user(margin):
        return USERS[name](margin)

    assert_jets_alike(ll.pair("identity", ll.margin_loss(user)), dtype)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ULPS)
def test_jets_of_a_smoothed_loss(dtype):
    assert_jets_alike(ll.pair("identity", ll.smoothed("squared_hinge", 0.5)), dtype)
