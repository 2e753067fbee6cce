"""Curvature under jit, vmap and in a recorded run: the same numbers as of the value alone, in a fresh process too."""

import functools
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

import lossland as ll
from tests.curvature.cases import linear, network

FUNCTIONS = {
    "hessian": ll.hessian,
    "top": lambda f, p: ll.top_eigenvalues(f, p, 2)[:3],
    "smallest": lambda f, p: ll.top_eigenvalues(f, p, 2, "smallest", dense=False).values,
    "magnitude": lambda f, p: ll.top_eigenvalues(f, p, 3, "magnitude", dense=False).values,
    "trace": ll.curvature.hessian_trace,
    "density": lambda f, p: ll.spectral_density(f, p, width=0.01, points=4096)[:5],
    "quadrature": lambda f, p: ll.spectral_density(f, p, dense=False, steps=8, samples=3)[2:4],
    "worst": lambda f, p: ll.sharpness(f, p, 0.3)[:4],
    "adaptive": lambda f, p: ll.sharpness(f, p, 0.3, "adaptive")[:4],
    "average": lambda f, p: ll.sharpness(f, p, 0.3, "average")[:4],
    "gauss_newton": ll.curvature.gauss_newton,
    "diagonal": ll.curvature.hessian_diagonal,
}


def several(make, count=3):
    f, params = make()
    return f, [jax.tree.map(lambda x, k=k: x + 0.1 * k, params) for k in range(count)]


def same(found, wanted):
    # Eigenvectors have no sign.
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(np.abs(a), np.abs(b), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("make", [linear, network])
def test_transformed_is_the_same_as_alone(make, name, x64):
    f, points = several(make)
    wanted = [FUNCTIONS[name](f, p) for p in points]
    ask = functools.partial(FUNCTIONS[name], f)
    same(jax.jit(ask)(points[1]), wanted[1])
    found = jax.vmap(ask)(jax.tree.map(lambda *x: jnp.stack(x), *points))
    for k in range(3):
        same(jax.tree.map(lambda x, k=k: x[k], found), wanted[k])


def test_many_parameters(x64):
    """More than 500: Lanczos' method, and the ascent from its vectors."""
    f, params = network(widths=(60, 5))
    assert ravel_pytree(params)[0].size > 500
    same(jax.jit(lambda p: ll.top_eigenvalues(f, p, 2).values)(params), ll.top_eigenvalues(f, params, 2).values)
    both = jax.jit(lambda p: ll.sharpness(f, p, 0.3)[:4])(params), ll.sharpness(f, params, 0.3)[:4]
    np.testing.assert_allclose(*both, rtol=1e-5)


def test_an_eigenvalue_that_occurs_often_is_found_as_often(x64):
    """A space that has ended is left by a new start; a quadratic with values 3, 3, 1, ..., 1 has spaces of two rows."""
    scale = jnp.concatenate([jnp.full(2, 3.0), jnp.ones(10)])

    def f(p):
        return 0.5 * jnp.sum(scale * p**2)

    ask = functools.partial(ll.top_eigenvalues, f, k=4, dense=False)
    found = jax.jit(ask)(jnp.ones(12))
    np.testing.assert_allclose(found.values, [3.0, 3.0, 1.0, 1.0], atol=1e-10)
    assert found.converged.all()
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(4), atol=1e-10)


@pytest.mark.parametrize("widths", [(3,), pytest.param((40, 12), marks=pytest.mark.slow)])
def test_a_run_records_its_curvature(widths):
    f, params = network(widths=widths)

    def edge(p):
        return {"top": ll.top_eigenvalues(f, p).values[0], "sharpness": ll.sharpness(f, p, 0.1, steps=5).value}

    run = ll.fit(f, params, optax.sgd(0.5), 4, record_every=2, record=edge)
    start, end = edge(params), edge(run.params)
    for name in start:
        np.testing.assert_allclose(run.records[name][0], start[name], rtol=1e-3)
        np.testing.assert_allclose(run.records[name][-1], end[name], rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("ask", ["ll.top_eigenvalues(f, p).values[0]", "ll.sharpness(f, p, 0.1).value"])
@pytest.mark.parametrize("how", ["vmap", "jit"])
def test_in_a_fresh_process(ask, how):
    code = f"""
import jax, jax.numpy as jnp, lossland as ll
f = ll.objective(ll.pair("identity+logistic"), ll.linear(), ll.load("two_gaussians(n=40, d=3, seed=1)"))
p = jax.tree.map(lambda x: x[None], ll.linear().init(jax.random.key(0), 3))
ask = lambda p: {ask}
first = jax.vmap(ask)(p)[0] if "{how}" == "vmap" else jax.jit(lambda p: ask(jax.tree.map(lambda x: x[0], p)))(p)
assert abs(first - ask(jax.tree.map(lambda x: x[0], p))) < 1e-5
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_a_function_that_reads_what_changes_is_never_taken_for_what_it_was():
    held = {"k": 2.0}
    names = {"k": 2.0, "jnp": jnp}
    exec("def by_name(p):\n    return k * jnp.sum(p**2)", names)
    for k in (2.0, 3.0):
        held["k"] = names["k"] = k
        for f in (names["by_name"], lambda p: held["k"] * jnp.sum(p**2)):
            np.testing.assert_allclose(ll.hessian(f, jnp.ones(2)), 2 * k * np.eye(2), rtol=1e-6)
            np.testing.assert_allclose(ll.top_eigenvalues(f, jnp.ones(2)).values, [2 * k], rtol=1e-6)
