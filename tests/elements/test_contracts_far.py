"""Contracts out to +-1e4 in float32, of functions that JAX cannot trace, and how a broken one is told."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll
from lossland.elements import ACTIVATIONS, LOSSES, loss_checks
from lossland.elements._claims import kinks_claim


@pytest.fixture(autouse=True)
def _as_before():
    held = dict(LOSSES), dict(ACTIVATIONS)
    yield
    for registry, before in zip((LOSSES, ACTIVATIONS), held, strict=True):
        registry.clear()
        registry.update(before)


def refused(check, entry):
    with pytest.raises(AssertionError) as caught:
        check(entry)
    return str(caught.value)


def loss(function, **claims):
    def brought(margin):
        return function(margin)

    return ll.margin_loss(**claims)(brought)


def activation(function, **claims):
    def brought(score):
        return function(score)

    return ll.activation(**claims)(brought)


def test_a_loss_that_overflows_in_float32_fails_at_the_point():
    told = refused(ll.check_loss, loss(lambda m: jnp.log(1 + jnp.exp(-m))))
    assert "right values far out: is inf at -100 in float32, where float64 gives 100" in told.replace("  ", "")
    assert "right slopes far out" in told


def test_a_loss_that_overflows_in_float64_alone_is_asked_how_far_it_had_grown():
    def late(m):
        # The naive form where float32 would be right, so that only float64 shows the fault.
        return jnp.log(1 + jnp.exp(-m)) if m.dtype == jnp.float64 else ll.losses.logistic(m)

    told = refused(ll.check_loss, loss(late))
    assert "in float64, where it has only come to" in told or "float64" in told


@pytest.mark.parametrize("function", [lambda m: jnp.exp(-m), lambda m: jnp.exp(-2 * m) + m**2, lambda m: (1 - m) ** 40])
def test_what_has_outgrown_its_floats_is_rightly_infinite(function):
    assert ll.check_loss(loss(function))


def test_a_kink_far_out_is_found_with_or_without_its_program():
    far = loss(lambda m: jnp.maximum(0, 15 - m), kinks=())
    assert "there is a kink at 15 that is not claimed" in refused(ll.check_loss, far)
    entry = ll.pair("identity", far).loss
    with jax.enable_x64(True):
        sampled = [c.refutation for c in loss_checks(entry) if c.name == "claim kinks"]
        assert "there is a kink at 15" in sampled[0]
        grid = np.concatenate([-np.logspace(4, 1.1, 60), np.linspace(-12, 12, 6145), np.logspace(1.1, 4, 60)])
        for at in (-9000.0, -12.03, 12.001, 700.0):
            curve = functools.partial(lambda at, m: jnp.maximum(m - at, 0.0), at)
            assert not kinks_claim([(curve, grid)], (at,)).refutation
            assert kinks_claim([(curve, grid)], ()).refutation


def test_a_slope_that_is_no_number_far_out_fails_at_the_point():
    told = refused(ll.check_activation, activation(lambda z: 1 / (1 + jnp.exp(-z)), range=(0.0, 1.0)))
    assert "its slope is nan at -100 in float32, where float64 gives 3.72" in told


def test_modes_that_disagree_fail_at_the_point():
    @jax.custom_jvp
    def lopsided(m):
        return m * m

    def rule(primals, tangents):
        forward, backward = (lambda m, t: 2 * m * t), (lambda m, cotangent: 3 * m * cotangent)
        linear = jax.custom_derivatives.linear_call(forward, backward, primals[0], tangents[0])
        return lopsided(primals[0]), linear

    lopsided.defjvp(rule)
    told = refused(ll.check_loss, loss(lopsided))
    assert "same slope by reverse mode:" in told
    assert "by forward mode" in told


@jax.custom_vjp
def one_mode(m):
    return jnp.exp(-m)


one_mode.defvjp(lambda m: (jnp.exp(-m), m), lambda m, g: (-jnp.exp(-m) * g,))
UNTRACED = [
    (lambda m: np.log1p(np.exp(-m)), "jax.numpy"),
    (lambda m: 1 - m if m < 1 else 0.0 * m, "jnp.where"),
    (lambda m: m * float(m), "jax.numpy"),
    (one_mode, "jax.custom_jvp"),
]


def _trained(pair):
    data = ll.load("two_gaussians(n=10, d=2, seed=1)")
    model = ll.linear()
    return ll.fit(ll.objective(pair, model, data), model.init(jax.random.key(0), 2), optax.sgd(0.1), 2)


@pytest.mark.parametrize(("function", "says"), UNTRACED)
@pytest.mark.parametrize("kind", ["loss", "activation"])
def test_what_jax_cannot_trace_is_told_with_how_to_write_it(function, says, kind):
    brought = loss(function) if kind == "loss" else activation(function)
    check = ll.check_loss if kind == "loss" else ll.check_activation
    assert says in refused(check, brought)
    pair = ll.pair("identity", brought) if kind == "loss" else ll.pair(brought, "hinge")
    assert says in refused(ll.check_pair, pair)
    z = jnp.array([0.5, -1.0])
    for asked in (lambda: pair.slope(z, 1.0), lambda: jax.jit(pair.slope)(z, 1.0), lambda: _trained(pair)):
        with pytest.raises(ValueError, match="brought") as caught:
            asked()
        assert says in str(caught.value)


@pytest.mark.parametrize(
    "function",
    [
        lambda m: optax.sigmoid_binary_cross_entropy(m, jnp.ones_like(m)),
        lambda m: optax.hinge_loss(m, jnp.ones(m.shape, m.dtype)),
        lambda m: (1 - m).astype(m.dtype) ** 2,
        lambda m: jnp.zeros(m.shape, m.dtype).at[...].set(jnp.abs(1 - m)),
    ],
)
def test_a_loss_that_asks_for_dtype_and_shape_gets_an_array(function):
    assert ll.check_loss(loss(function))
    for made in (ll.scaled(loss(function), 2.0), ll.weighted(loss(function), 2.0), ll.shifted(loss(function), 1.0)):
        assert ll.check_loss(made)


def test_a_loss_of_a_label_gets_arrays_too():
    def brought(output, label):
        assert label.dtype == output.dtype
        return optax.hinge_loss(output, label.astype(output.dtype)) * jnp.ones(jnp.shape(output), output.dtype)

    entry = ll.label_loss(brought)
    assert ll.check_loss(entry)
    assert ll.check_pair("identity", entry)
    z = jnp.linspace(-3.0, 3.0, 7)
    np.testing.assert_array_equal(ll.pair("identity", entry).negative(z), ll.pair("identity", "hinge").negative(z))


def test_a_broken_contract_prints_the_whole_table():
    told = refused(ll.check_loss, loss(ll.losses.hinge, convex=False, kinks=(1.0,)))
    lines = told.splitlines()
    assert lines[0] == "The loss brought breaks 1 of 13 contracts:"
    assert lines[1].split(":")[0].split() == ["FAILS", "claim", "convex"]
    assert len(lines) == 14
    assert sum(line.split()[0] == "holds" for line in lines[1:]) == 12


def test_a_pair_is_compared_with_float64():
    def narrow(score):
        return jnp.where(score > 50, score + 1, score) if score.dtype == jnp.float32 else score

    told = refused(ll.check_pair, ll.pair(activation(narrow), "squared"))
    assert "positive right values far out" in told
