"""What is read of a pair does not hang on where it is read."""

import contextlib

import jax
import jax.numpy as jnp
import pytest

import lossland as ll
from lossland.proofs import evidence, program
from lossland.proofs._expression import COMMUTATIVE
from lossland.proofs._program import _loss_half, _output, _output_half

NAMES = [p.name for p in ll.pairs()[::23]]


def forget():
    for read in (program, _loss_half, _output, _output_half):
        read.cache_clear()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["constants folded", "not jitted", "in 64 bits", "in a traced function"])
def test_a_program_is_the_same_wherever_it_is_read(name, place):
    pair = ll.pair(name)
    forget()
    plain = program(pair)
    forget()
    found = []
    try:
        if place == "in a traced function":
            jax.make_jaxpr(lambda x: (found.append(program(pair)), x)[1])(1.0)
        else:
            within = {"constants folded": jax.ensure_compile_time_eval, "not jitted": jax.disable_jit}
            with within.get(place, contextlib.nullcontext)(), jax.enable_x64(place == "in 64 bits"):
                found.append(program(pair))
    finally:
        forget()
    assert plain.curves
    assert [_as_tree(curve) for curve in found[0].curves] == [_as_tree(curve) for curve in plain.curves]


def _as_tree(expression):
    """An expression that does not hang on the order in which its nodes were met."""
    trees = []
    for op, args, param in expression.nodes:
        below = [trees[a] for a in args]
        trees.append((op, tuple(sorted(below, key=repr) if op in COMMUTATIVE else below), param))
    return trees[-1]


def test_a_function_that_closes_over_arrays_is_read():
    width = jnp.asarray(2.0)

    @jax.custom_jvp
    def shifted(x):
        return jnp.maximum(x - width, 0.0)

    shifted.defjvp(lambda x, v: (shifted(*x), (x[0] > width) * v[0]))
    pair = ll.pair("identity", ll.elements.Loss("shifted", shifted))
    assert [b.at for cut in evidence(pair).pieces for b in cut.breaks] == [2.0, -2.0]
