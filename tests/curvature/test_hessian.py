"""Hessians, their products and diagonals, and Gauss-Newton matrices against jax.hessian in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import lossland as ll
from lossland.curves import made_of_lines
from tests.curvature.cases import CASES, FEW, LINEAR, SLOW, SMALLEST, WEIGHTS, linear, network, reference, spread


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_matrix_products_and_diagonal(case, x64, rng):
    f, params = case()
    want = reference(f, params)
    np.testing.assert_allclose(ll.hessian(f, params), want, atol=SMALLEST)
    v = rng.normal(size=len(want))
    np.testing.assert_allclose(ll.curvature.hessian_vector_product(f, params, v), want @ v, atol=SMALLEST)
    unravel = ravel_pytree(params)[1]
    product = ll.curvature.hessian_vector_product(f, params, unravel(jnp.asarray(v)))
    assert jax.tree.structure(product) == jax.tree.structure(params)
    np.testing.assert_allclose(ravel_pytree(product)[0], want @ v, atol=SMALLEST)
    np.testing.assert_allclose(ravel_pytree(ll.curvature.hessian_diagonal(f, params))[0], np.diag(want), atol=SMALLEST)


@pytest.mark.slow
def test_pairs_of_the_registry(x64):
    chosen = spread(lines=False)
    assert len(chosen) > 2
    params = linear()[1]
    for made in chosen:
        f = ll.objective(made, LINEAR, FEW, l2=0.02, sample_weights=WEIGHTS)
        want = reference(f, params)
        size = np.abs(want).max()
        np.testing.assert_allclose(ll.hessian(f, params), want, atol=1e-12 * size, err_msg=made.name)
        found = ll.top_eigenvalues(f, params, 2, "magnitude")
        values = np.linalg.eigvalsh(want)
        values = values[np.argsort(-np.abs(values))][:2]
        np.testing.assert_allclose(np.abs(found.values), np.abs(values), atol=1e-10 * size, err_msg=made.name)


@SLOW
@pytest.mark.parametrize("made", ll.pairs()[3::73], ids=lambda made: made.name)
def test_more_pairs(made, x64):
    params = linear()[1]
    f = ll.objective(made, LINEAR, FEW, l2=0.02, sample_weights=WEIGHTS)
    if made_of_lines(made):
        with pytest.raises(ValueError, match="made of lines"):
            ll.hessian(f, params)
        return
    want = reference(f, params)
    np.testing.assert_allclose(ll.hessian(f, params), want, atol=1e-11 * max(np.abs(want).max(), 1e-300))


@pytest.mark.slow
def test_weights_and_random_features_and_plain_functions(x64, key):
    f, params = linear(sample_weights=WEIGHTS)
    np.testing.assert_allclose(ll.hessian(f, params), reference(f, params), atol=SMALLEST)
    f = ll.objective(ll.pair("identity", "logistic"), ll.random_features("rbf", 12, key=key), FEW, l2=0.1)
    params = f.model.init(key, FEW.d)
    np.testing.assert_allclose(ll.hessian(f, params), reference(f, params), atol=SMALLEST)
    np.testing.assert_allclose(ll.curvature.gauss_newton(f, params), reference(f, params), atol=SMALLEST)
    want = np.diag([0.0, 12.0, 48.0])
    np.testing.assert_allclose(ll.hessian(lambda w: jnp.sum(w**4), jnp.arange(3.0)), want, atol=SMALLEST)


@pytest.mark.slow
def test_gauss_newton_by_its_definition(x64):
    f, params = network()
    flat, unravel = ravel_pytree(params)
    rows = np.asarray(jax.jit(jax.jacobian(lambda at: f.scores(unravel(at))))(flat))
    bends = np.asarray(f.pair.curvature(f.scores(params), f.labels)) / f.n
    penalty = np.concatenate([0.01 * np.ravel(leaf) for leaf in jax.tree.leaves(mask(params))])
    np.testing.assert_allclose(
        ll.curvature.gauss_newton(f, params), rows.T * bends @ rows + np.diag(penalty), atol=SMALLEST
    )
    f, params = linear()
    np.testing.assert_allclose(ll.curvature.gauss_newton(f, params), ll.hessian(f, params), atol=SMALLEST)


def mask(params):
    return [{"bias": jnp.zeros_like(layer["bias"]), "weights": jnp.ones_like(layer["weights"])} for layer in params]


@pytest.mark.slow
def test_inside_jit_and_in_float32():
    f, params = linear()
    inside = jax.jit(lambda at: ll.hessian(f, at))(params)
    assert inside.dtype == jnp.float32
    np.testing.assert_allclose(inside, reference(f, params), atol=1e-6)
    found = ll.top_eigenvalues(f, params, 3, dense=False)
    np.testing.assert_allclose(found.values, np.linalg.eigvalsh(reference(f, params))[::-1][:3], rtol=1e-5)
    assert found.converged.all()


def test_a_loss_of_parabolas_has_the_hessian_of_its_piece(x64):
    f, params = linear("identity+squared_hinge")
    np.testing.assert_allclose(ll.hessian(f, params), reference(f, params), atol=SMALLEST)
