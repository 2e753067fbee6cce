"""Parameters of losses and activations as numbers that are traced: derivatives, jit and vmap reach them."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.elements import ACTIVATIONS, LOSSES, Loss

SCORES = np.array([-2.3, -0.7, 0.2, 0.55, 1.7, 4.0])
PARTNERS = {"margin": "identity", "likelihood": "sigmoid", "label": "sigmoid"}
NUMBERS = [
    (entry.name, key, "squared" if entry.name in ACTIVATIONS else PARTNERS[entry.kind])
    for entry in (*LOSSES.values(), *ACTIVATIONS.values())
    for key, value in entry.settings().items()
    if isinstance(value, float | int) and (entry.name, key) != ("taylor_ce", "k")
]


def made(name, key, partner, value):
    registry = ACTIVATIONS if name in ACTIVATIONS else LOSSES
    entry = registry[name].bind(**{key: value})
    return ll.pair(entry, partner) if registry is ACTIVATIONS else ll.pair(partner, entry)


@pytest.mark.parametrize(("name", "key", "partner"), NUMBERS)
def test_derivatives_in_a_parameter_are_those_of_differences(name, key, partner):
    registry = ACTIVATIONS if name in ACTIVATIONS else LOSSES
    at = float(registry[name].settings()[key])
    scores, labels = np.tile(SCORES, 2), np.repeat([1.0, -1.0], len(SCORES))

    def f(value):
        return made(name, key, partner, value)(scores, labels)

    def allowed(value):
        """At the end of its range a parameter moves one way only."""
        try:
            made(name, key, partner, value)(0.0, 1.0)
        except ValueError:
            return at
        return value

    with jax.enable_x64(True):
        h = 1e-6 * (abs(at) + 1e-2)
        low, high = allowed(at - h), allowed(at + h)

        @jax.jit
        def everything(low, at, high):
            mapped = jax.vmap(f)(jnp.stack([low, at, high]))
            return (mapped[2] - mapped[0]) / (high - low), jax.jacfwd(f)(at), jax.jacrev(f)(at), f(at), mapped[1]

        wanted, forward, reverse, *traced = everything(low, at, high)
        np.testing.assert_allclose(forward, wanted, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(reverse, forward, rtol=1e-9, atol=1e-12)
        known = f(at)
        for each in traced:
            np.testing.assert_allclose(each, known, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "f",
    [
        lambda g: ll.pair("sigmoid", functools.partial(ll.losses.focal, gamma=g))(0.3, 1.0),
        lambda g: ll.pair("identity", ll.weighted("hinge", g))(0.3, 1.0),
        lambda g: ll.pair("identity", ll.scaled("logistic", g))(0.3, 1.0),
        lambda g: ll.pair("identity", ll.shifted("logistic", g))(0.3, 1.0),
        lambda g: ll.pair("identity", Loss("closed over", lambda m: jax.nn.softplus(g - m)))(0.3, 1.0),
        lambda g: ll.pair("identity", ll.weighted(Loss("inner", lambda m: jax.nn.softplus(g - m)), 2.0))(0.3, 1.0),
        lambda g: ll.pair("identity", functools.partial(ll.losses.linex, a=g)).slope(0.3, 1.0),
        lambda g: ll.pair("identity", functools.partial(ll.losses.linex, a=g)).curvature(0.3, 1.0),
        lambda g: ll.pair("identity", functools.partial(ll.losses.linex, a=g)).jet(0.3, 1.0)[1],
        lambda g: ll.pair("identity", functools.partial(ll.losses.linex, a=g)).bare(0.3, 1.0)[0],
    ],
)
def test_no_door_makes_a_constant_of_a_tracer(f):
    with jax.enable_x64(True):
        wanted = (float(f(1.3 + 1e-6)) - float(f(1.3 - 1e-6))) / 2e-6
        assert abs(wanted) > 1e-3
        two = jnp.array([1.3, 2.0])
        compiled = jax.jit(lambda g: (jax.grad(f)(g), jax.jvp(f, (g,), (1.0,))[1], jax.vmap(f)(two)))(1.3)
        for found in (jax.grad(f)(1.3), *compiled[:2]):
            np.testing.assert_allclose(found, wanted, rtol=1e-5)
        np.testing.assert_allclose(compiled[2], [f(1.3), f(2.0)], rtol=1e-12)


def test_an_objective_learns_a_parameter():
    data = ll.Dataset([[1.0], [2.0], [-1.0]], [1, 1, -1])
    at = {"weights": np.array([0.5]), "bias": np.array(0.1)}

    def f(gamma, params):
        return ll.objective(ll.pair("sigmoid", functools.partial(ll.losses.focal, gamma=gamma)), data=data)(params)

    with jax.enable_x64(True):
        wanted = (f(2.0 + 1e-6, at) - f(2.0 - 1e-6, at)) / 2e-6
        both = jax.grad(f, argnums=(0, 1))(2.0, at)
        np.testing.assert_allclose(both[0], wanted, rtol=1e-6)
        np.testing.assert_allclose(jax.jit(jax.grad(f))(2.0, at), wanted, rtol=1e-6)
        fixed = jax.grad(functools.partial(f, 2.0))(at)
        np.testing.assert_allclose(both[1]["weights"], fixed["weights"], rtol=1e-12)
        assert math.isfinite(float(both[0]))


def test_a_number_of_terms_is_refused():
    with pytest.raises(ValueError, match="counts terms"):
        jax.grad(lambda k: ll.pair("sigmoid", functools.partial(ll.losses.taylor_ce, k=k))(0.3, 1.0))(2.0)
