"""Eigenpairs and traces against numpy's eigh of the dense float64 Hessian."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import lossland as ll
from tests.curvature.cases import CASES, SLOW, SMALLEST, linear, reference


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES[:2])
@pytest.mark.parametrize("which", ["largest", "smallest", "magnitude"])
@pytest.mark.parametrize("formed", [True, False])
def test_eigenpairs(case, which, formed, x64):
    f, params = case()
    matrix = reference(f, params)
    values = np.linalg.eigvalsh(matrix)
    order = {"largest": -values, "smallest": values, "magnitude": -np.abs(values)}[which]
    found = ll.top_eigenvalues(f, params, 4, which, dense=formed)
    np.testing.assert_allclose(found.values, values[np.argsort(order)][:4], atol=1e-9)
    assert found.converged.all()
    rows = np.asarray(jax.vmap(lambda v: ravel_pytree(v)[0])(found.vectors))
    np.testing.assert_allclose(rows @ rows.T, np.eye(4), atol=1e-7)
    residuals = np.linalg.norm(rows @ matrix - np.asarray(found.values)[:, None] * rows, axis=1)
    np.testing.assert_allclose(found.residuals, residuals, atol=1e-12)


def test_all_eigenvalues_by_lanczos(x64):
    f, params = linear()
    found = ll.top_eigenvalues(f, params, 7, "smallest", dense=False)
    np.testing.assert_allclose(found.values, np.linalg.eigvalsh(reference(f, params)), atol=1e-12)


@pytest.mark.slow
def test_an_eigenvalue_that_occurs_often(x64):
    """More columns than examples: l2 is an eigenvalue over and over, which one Krylov space would show once."""
    rng = np.random.default_rng(0)
    wide = ll.Dataset(inputs=rng.normal(size=(8, 200)), labels=np.tile([1, -1], 4))
    f, params = linear(data=wide, l2=0.3)
    found = ll.top_eigenvalues(f, params, 12, dense=False)
    np.testing.assert_allclose(found.values, np.linalg.eigvalsh(reference(f, params))[::-1][:12], atol=1e-10)
    assert found.converged.all()
    np.testing.assert_allclose(found.values[8:], 0.3, atol=1e-10)


@pytest.mark.slow
def test_trace_exact_and_estimated(x64, monkeypatch):
    for case in CASES[:2]:
        f, params = case()
        found = ll.curvature.hessian_trace(f, params)
        np.testing.assert_allclose(found.value, np.trace(reference(f, params)), atol=SMALLEST)
        assert found.standard_error == 0
    monkeypatch.setattr("lossland.curvature._eigenvalues.SMALL", 3)
    found = ll.curvature.hessian_trace(f, params, samples=400)
    assert found.standard_error > 0
    assert abs(found.value - np.trace(reference(f, params))) < 4 * found.standard_error


@SLOW
def test_a_hessian_of_zero(x64):
    f, params = linear("identity+unhinged", l2=0.0)
    np.testing.assert_array_equal(ll.hessian(f, params), np.zeros((7, 7)))
    for formed in (True, False):
        found = ll.top_eigenvalues(f, params, 2, dense=formed)
        np.testing.assert_array_equal(found.values, 0.0)
        assert found.converged.all()
        density = ll.spectral_density(f, params, dense=formed)
        np.testing.assert_allclose(density.weights @ jnp.abs(density.nodes), 0.0)
        np.testing.assert_allclose(np.trapezoid(density.density, density.grid), 1.0, atol=1e-8)
