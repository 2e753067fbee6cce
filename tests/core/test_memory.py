"""Free memory is known, and what a program takes is read from it: against what XLA allots, and by hand."""

import jax
import jax.numpy as jnp
import pytest

import lossland as ll
from lossland.core import _memory as memory
from lossland.core import at_once, live_bytes, refuse_bytes

KILO = 4 * 1000
X = jax.ShapeDtypeStruct((1000,), jnp.float32)


def test_free_memory_is_known_here():
    free = memory.free_bytes()
    assert free is not None
    assert 1e6 < free < 1e14


def looped(x):
    return jax.lax.scan(lambda c, _: (jnp.sin(c), jnp.cos(c)), x, None, length=5)


BY_HAND = {
    "nothing made": (lambda x: x, 0),
    "one array": (lambda x: 2 * x, KILO),
    "the last is dropped": (lambda x: jnp.sin(jnp.sin(jnp.sin(jnp.sin(x)))), 2 * KILO),
    "one is kept": (lambda x: jnp.sin(jnp.sin(y := jnp.sin(x))) + y, 3 * KILO),
    "in a call": (lambda x: jax.jit(lambda x: jnp.sin(jnp.sin(jnp.sin(x))))(x), 2 * KILO),
    "a choice": (lambda x: jax.lax.cond(x[0] > 0, lambda: jnp.sin(jnp.sin(x)), lambda: x), 2 * KILO),
    "a loop": (looped, KILO + 5 * KILO + 2 * KILO),
    "wide": (lambda x: (x[:, None] * x[None]).sum(), 1000 * KILO),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_what_lives_at_once_by_hand(name):
    function, wanted = BY_HAND[name]
    assert wanted <= live_bytes(function, X) <= 3.1 * wanted + 64


@pytest.mark.parametrize("widths", [(8,), (256,), (64, 64)])
@pytest.mark.parametrize("n", [10, 1000])
def test_a_compiler_takes_no_more(widths, n):
    model = ll.mlp(widths)
    params = jax.eval_shape(lambda: model.init(jax.random.key(0), 30))
    inputs = jax.ShapeDtypeStruct((n, 30), jnp.float32)

    def gradient(params, inputs):
        return jax.grad(lambda p: model.apply(p, inputs).sum())(params)

    for function in (model.apply, gradient):
        taken = jax.jit(function).lower(params, inputs).compile().memory_analysis()
        assert taken.temp_size_in_bytes <= 1.2 * live_bytes(function, params, inputs) + 4096


def test_as_many_at_once_as_fit():
    assert at_once("It", lambda x: 2 * x, X, most=10) == 10
    assert at_once("It", lambda x: 2 * x, X, most=10**9) == memory.BLOCK // KILO
    assert at_once("It", lambda x: x, X, most=7) == 7
    # Not one fits a block, but the memory.
    big = jax.ShapeDtypeStruct((memory.BLOCK,), jnp.float32)
    if memory.free_bytes() > 8 * memory.BLOCK:
        assert at_once("It", lambda x: 2 * x, big, most=7) == 1


def test_what_does_not_fit_is_refused_before():
    huge = jax.ShapeDtypeStruct((10**14,), jnp.float32)
    with pytest.raises(ValueError, match=r"It takes 4e\+05 GB; .* GB are free. Take fewer"):
        at_once("It", lambda x: 2 * x, huge, most=1)
    with pytest.raises(ValueError, match=r"Do this\."):
        refuse_bytes("It", 1e15, "Do this.")
    refuse_bytes("It", 1e3, "Do this.")
