"""Gauss-Newton of models whose scores depend on one another: against J'DJ with a Jacobian of all scores at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import lossland as ll
from tests.curvature.cases import FEW

MODELS = {
    "batch_norm": lambda p, x: ((z := x @ p["w"] + p["b"]) - z.mean()) / jnp.sqrt(z.var() + 1e-5),
    "hidden_norm": lambda p, x: jnp.tanh((z := x @ p["v"]) - z.mean(0)[None]) @ p["w"][:3] + p["b"],
    "by_how_many": lambda p, x: x @ p["w"] / x.shape[0],
    "offsets": lambda p, x: x @ p["w"] + p["b"] * jnp.linspace(-1.0, 1.0, 60),
    "by_place": lambda p, x: x @ p["w"] * jnp.arange(x.shape[0]),
    "running": lambda p, x: jnp.cumsum(x @ p["w"]),
    "own": lambda p, x: jnp.tanh(x @ p["v"]) @ p["w"][:3],
}


def init(key, d):
    v, w = jax.random.split(key)
    return {"w": jax.random.normal(w, (d,)), "v": jax.random.normal(v, (d, 3)), "b": jnp.asarray(0.3)}


def gauss_newton_at_once(f, params):
    flat, unravel = ravel_pytree(params)
    rows = np.asarray(jax.jacfwd(lambda at: f.scores(unravel(at)))(flat))
    bends = np.asarray(f.weights * f.pair.curvature(f.scores(params), f.labels)) / f.n
    penalty = jax.hessian(lambda at: 0.5 * f.l2 * sum(jnp.sum(w * w) for w in jax.tree.leaves(
        f.model.penalised(unravel(at)))))(flat)  # fmt: skip
    return rows.T @ (bends[:, None] * rows) + np.asarray(penalty)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("both", ["identity+squared", "identity+logistic"])
def test_gauss_newton_of_any_model(name, both):
    with jax.enable_x64(True):
        f = ll.objective(ll.pair(both), ll.Model(init, MODELS[name], name), FEW, 0.1, np.linspace(0.5, 1.5, 60))
        params = f.model.init(jax.random.key(0), f.d)
        found = ll.curvature.gauss_newton(f, params)
        np.testing.assert_allclose(found, gauss_newton_at_once(f, params), rtol=1e-9, atol=1e-12)
        hinge = ll.objective(ll.pair("identity+hinge"), f.model, FEW)
        direction = jax.tree.map(jnp.ones_like, params)
        kinks = ll.kink_curvature(hinge, params, direction=direction)
        rows = np.asarray(jax.jacfwd(lambda at: f.scores(ravel_pytree(params)[1](at)))(ravel_pytree(params)[0]))
        np.testing.assert_allclose(kinks.matrix, rows.T @ (np.asarray(kinks.weights)[:, None] * rows), atol=1e-12)
