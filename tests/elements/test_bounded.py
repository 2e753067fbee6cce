"""A slope is computed by its form alone only where the form is proven to be a bounded number everywhere."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.elements._bounded import is_bounded

ENDS = (0.0, 1e-30, 1e-3, 1.0, 1.5, 20.0, 90.0, 1e6, 1e18, 3e38, math.inf)
SCORES = np.array([s * x for x in ENDS for s in (1.0, -1.0)], np.float32)

BOUNDED = {
    "hinge": lambda z, t: jnp.where(t * z < 1, -t, 0.0),
    "sigmoid": lambda z, t: -t / (1 + jnp.exp(-jnp.abs(z))),
    "tanh": lambda z, t: jnp.tanh(t * z),
    "clipped": lambda z, t: jnp.clip(z, -1.0, 1.0) * t,
    "a choice that NaN alone would make": lambda z, t: jnp.where(jnp.isnan(z), z, t),
    "powers of what is bounded": lambda z, t: jax.nn.sigmoid(t * z) ** 3,
}
OPEN = {
    "grows": lambda z, t: z * t,
    "0 * inf": lambda z, t: z * jnp.exp(-t * z),
    "inf - inf": lambda z, t: jnp.abs(z) - z * t,
    "inf / inf": lambda z, t: z / (1 + jnp.abs(z)),
    "a pole": lambda z, t: t / z,
    "a root of a negative number": lambda z, t: jnp.minimum(jnp.sqrt(z), 1.0),
    "oscillates": lambda z, t: jnp.sin(z),
    "larger than what counts as finite": lambda z, t: jnp.where(z > 0, 1e16, 0.0),
    "NaN itself": lambda z, t: jnp.where(z > 0, jnp.nan, t),
    "cut off to 0": lambda z, t: 1.0 / (0.6 + 0.1 * jnp.tanh(z)).astype(int),
    "overflows a short float": lambda z, t: (1e6 * jnp.tanh(z)).astype(jnp.float16).astype(jnp.float32),
    "rounds to 1": lambda z, t: jnp.where(jnp.float32(1 - 2**-24) + jnp.float32(4e-8) * jnp.tanh(z) < 1, t, z),
    "for one label only": lambda z, t: jnp.where(t > 0, 0.0, z),
    "underflows to a pole": lambda z, t: 1.0 / jnp.exp(-jnp.abs(z)),
}


def program(function):
    return jax.make_jaxpr(function)(jnp.float32(0.0), jnp.float32(1.0))


@pytest.mark.parametrize("name", BOUNDED)
def test_a_bounded_form_is_known_and_is_bounded(name):
    assert is_bounded(program(BOUNDED[name]))
    for label in (1.0, -1.0):
        assert np.all(np.abs(np.asarray(BOUNDED[name](SCORES, np.float32(label)))) <= 1e15)


@pytest.mark.parametrize("name", OPEN)
def test_what_may_be_infinite_or_no_number_is_not_taken_for_bounded(name):
    assert not is_bounded(program(OPEN[name]))


def test_what_is_traced_is_no_proof():
    """A number that is traced may become any; where the slope needs none of it, it does no harm."""
    found = []

    @jax.jit
    def trial(gain):
        found.append(is_bounded(program(lambda z, t: gain * jnp.tanh(z))))
        found.append(is_bounded(program(lambda z, t: jnp.tanh(z))))
        return gain

    trial(2.0)
    assert found == [False, True]


def test_a_loop_is_no_proof():
    assert not is_bounded(program(lambda z, t: jax.lax.fori_loop(0, 3, lambda _, x: jnp.tanh(x), z)))


@pytest.mark.parametrize(
    "name",
    ["identity+hinge", "identity+logistic", "relu+hinge", "softplus+logistic", "tanh+squared", "soft_sign+unhinged"],
)
def test_traced_slopes_are_those_of_the_settled_form(name):
    """Slopes of single calls go the long way, with limits at infinity; compiled ones may go by their form."""
    pair = ll.pair(name)
    scores = np.concatenate([SCORES, [np.nan]]).astype(np.float32)
    for label in (1.0, -1.0):
        labels = np.full_like(scores, label)
        np.testing.assert_allclose(
            jax.jit(pair.slope)(scores, labels), pair.slope(scores, labels), rtol=3e-7, atol=1e-35
        )
