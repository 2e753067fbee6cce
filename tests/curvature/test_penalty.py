"""The penalty's part of Hessians, whatever a model says is penalised: against `jax.hessian` of the objective."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import lossland as ll
from lossland.curvature._penalty import is_entrywise
from tests.curvature.cases import FEW, compiled_hessian

MIX = jnp.asarray(np.random.default_rng(0).normal(size=(4, 6)))
PENALISED = {
    "prior": (lambda p: p["weights"] - 0.7, True),
    "scaled": (lambda p: [2.0 * p["weights"], p["bias"]], True),
    "squares": (lambda p: p["weights"] ** 2, True),
    "itself twice": (lambda p: (p["weights"], p["weights"] + 1.0), True),
    "nothing": (lambda p: [], True),
    "mixed": (lambda p: MIX @ p["weights"], False),
    "differences": (lambda p: jnp.diff(p["weights"]), False),
    "a product": (lambda p: p["weights"] * p["bias"], False),
    "a norm": (lambda p: jnp.sum(p["weights"] ** 2), False),
    "all together": (lambda p: jnp.sum(p["weights"]) + p["bias"], False),
}


@pytest.mark.parametrize("name", PENALISED)
@pytest.mark.parametrize("own", [False, True])
def test_every_hessian_holds_the_penalty(name, own, x64):
    penalised, entrywise = PENALISED[name]
    linear = ll.linear()
    apply = (lambda p, x: x @ p["weights"] + p["bias"]) if own else linear.apply
    f = ll.objective(ll.pair("identity+squared"), ll.Model(linear.init, apply, "own", penalised), FEW, l2=0.5)
    params = jax.tree.map(lambda x: x + 0.3, f.model.init(jax.random.key(0), f.d))
    assert is_entrywise(penalised, params) == entrywise
    flat, unravel = ravel_pytree(params)
    wanted = np.asarray(compiled_hessian(f, flat, unravel))
    close = {"rtol": 1e-9, "atol": 1e-10}
    np.testing.assert_allclose(ll.hessian(f, params), wanted, **close)
    np.testing.assert_allclose(ll.curvature.gauss_newton(f, params), wanted, **close)
    np.testing.assert_allclose(ravel_pytree(ll.curvature.hessian_diagonal(f, params))[0], np.diag(wanted), **close)
    np.testing.assert_allclose(ll.curvature.hessian_trace(f, params).value, np.trace(wanted), **close)
    v = jnp.linspace(-1.0, 1.0, flat.size)
    np.testing.assert_allclose(ll.curvature.hessian_vector_product(f, params, v), wanted @ v, **close)
    values = np.linalg.eigvalsh(wanted)
    np.testing.assert_allclose(ll.top_eigenvalues(f, params, 2).values, values[::-1][:2], **close)
    np.testing.assert_allclose(ll.top_eigenvalues(f, params, 2, dense=False).values, values[::-1][:2], **close)
    np.testing.assert_allclose(ll.spectral_density(f, params).nodes, values, **close)
