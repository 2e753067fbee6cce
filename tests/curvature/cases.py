"""Objectives whose curvature the tests look at, and their Hessians by `jax.hessian`."""

import functools

import jax
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import lossland as ll
from lossland.curves import made_of_lines

DATA = ll.standardise(ll.load("breast_cancer"))
FEW = ll.Dataset(inputs=DATA.inputs[:60, :6], labels=DATA.labels[:60])
WEIGHTS = np.linspace(0.5, 1.5, 60)
SMALLEST = 1e-12
LINEAR = ll.linear()  # One model, so that what is compiled for it serves all tests.


@functools.cache
def network_of(widths, hidden):
    return ll.mlp(widths, hidden=hidden)


@functools.cache
def spread(lines):
    """Some pairs that are made of lines, or have a Hessian: as the tables of their cards say."""
    some = ll.pairs()[:: 41 if lines else 89]
    some += (ll.pair("relu", "hinge"), ll.pair("identity", "ramp")) if lines else ()
    return tuple(p for p in some if made_of_lines(p) == lines)


def linear(name="identity+logistic", data=FEW, l2=0.01, **options):
    f = ll.objective(ll.pair(name), LINEAR, data, l2=l2, **options)
    return f, f.model.init(jax.random.key(1), data.d)


def network(name="identity+logistic", widths=(5, 3), hidden="tanh", l2=0.01, data=FEW):
    f = ll.objective(ll.pair(name), network_of(widths, hidden), data, l2=l2)
    return f, f.model.init(jax.random.key(1), data.d)


def reference(f, params):
    flat, unravel = ravel_pytree(params)
    return np.asarray(compiled_hessian(f, flat, unravel))


@functools.partial(jax.jit, static_argnums=2)
def compiled_hessian(f, flat, unravel):
    return jax.hessian(lambda at: f(unravel(at)))(flat)


SLOW = pytest.mark.slow
CASES = [
    linear,
    network,
    pytest.param(functools.partial(network, "tanh+squared", (4,), "softplus"), marks=SLOW),
]
