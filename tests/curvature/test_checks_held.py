"""Whole numbers, switches and keys among the params: held fixed, and not counted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll

DATA = ll.standardise(ll.load("two_gaussians(n=20, d=2, seed=1)"))


def init(key, d):
    return {"n": jnp.array(2), "on": jnp.array(True), "key": jax.random.key(3), "w": jax.random.normal(key, (d,))}


def apply(p, x):
    noise = jax.random.normal(p["key"], (2,), x.dtype)
    return jnp.where(p["on"], x @ (p["w"] * p["n"] + noise), 0.0)


def plain(p):
    return jnp.mean(jax.nn.softplus(-DATA.labels * apply(p, jnp.asarray(DATA.inputs)))) + 0.05 * jnp.sum(p["w"] ** 2)


MODEL = ll.Model(init, apply, "switched", lambda p: p["w"])
OBJECTIVE = ll.objective(ll.pair("identity+logistic"), MODEL, DATA, l2=0.1)


@pytest.mark.parametrize("f", [OBJECTIVE, plain], ids=["objective", "plain"])
def test_only_what_moves_is_counted(f, x64):
    params = init(jax.random.key(0), 2)
    wanted = jax.hessian(lambda w: f(params | {"w": w}))(params["w"])
    close = {"rtol": 1e-6, "atol": 1e-7}
    np.testing.assert_allclose(ll.hessian(f, params), wanted, **close)
    found = ll.top_eigenvalues(f, params, 2)
    np.testing.assert_allclose(found.values, np.linalg.eigvalsh(wanted)[::-1], **close)
    assert jax.tree.structure(found.vectors) == jax.tree.structure(params)
    assert found.vectors["w"].shape == (2, 2)
    assert found.vectors["n"].tolist() == [0, 0]
    one = jax.tree.map(lambda x: x[0], found.vectors)
    np.testing.assert_allclose(ll.curvature.hessian_vector_product(f, params, one)["w"], wanted @ one["w"], **close)
    diagonal = ll.curvature.hessian_diagonal(f, params)
    np.testing.assert_allclose(diagonal["w"], np.diag(wanted), **close)
    assert diagonal["n"] == 0
    np.testing.assert_allclose(ll.curvature.hessian_trace(f, params).value, np.trace(wanted), **close)
    assert ll.spectral_density(f, params).nodes.shape == (2,)
    sharp = ll.sharpness(f, params, 0.1)
    moved = params | {"w": params["w"] + sharp.perturbation["w"]}
    np.testing.assert_allclose(f(moved) - f(params), sharp.value, atol=1e-7)
    several = jax.tree.map(lambda x: jnp.stack([x, x]), params)
    np.testing.assert_allclose(jax.vmap(lambda p: ll.hessian(f, p))(several)[1], wanted, **close)
    np.testing.assert_allclose(jax.jit(lambda p: ll.sharpness(f, p, 0.1).value)(params), sharp.value, **close)


def test_gauss_newton_and_kinks_of_what_moves(x64):
    params = init(jax.random.key(0), 2)
    np.testing.assert_allclose(
        ll.curvature.gauss_newton(OBJECTIVE, params), ll.hessian(OBJECTIVE, params), rtol=1e-6, atol=1e-8
    )
    hinge = ll.objective(ll.pair("identity+hinge"), MODEL, DATA)
    assert ll.kink_curvature(hinge, params, 0.5).matrix.shape == (2, 2)
    assert ll.kink_curvature(hinge, params, direction=params).matrix.shape == (2, 2)


def test_weights_typed_as_whole_numbers_are_weights():
    f = ll.objective(ll.pair("identity+logistic"), data=DATA)
    typed, real = {"weights": np.array([1, 0]), "bias": 0}, {"weights": np.array([1.0, 0.0]), "bias": 0.0}
    np.testing.assert_array_equal(ll.hessian(f, typed), ll.hessian(f, real))
    with pytest.raises(ValueError, match="without a floating-point number; whole numbers are held fixed"):
        ll.hessian(lambda p: jnp.sum(p**2), jnp.array([1, 2]))


def test_an_affine_model_of_ones_own_under_a_loss_made_of_lines_is_refused_as_the_linear_one():
    model = ll.Model(lambda key, d: {"w": jnp.ones(d)}, lambda p, x: x @ p["w"] + 1.0)
    f = ll.objective(ll.pair("identity+hinge"), model, DATA)
    with pytest.raises(ValueError, match="made of lines"):
        ll.hessian(f, {"w": jnp.ones(2)})


def test_one_layer_alone():
    f = ll.objective(ll.pair("identity+logistic"), ll.mlp((3,), hidden="tanh"), DATA)
    params = f.model.init(jax.random.key(0), 2)
    found = ll.hessian(lambda layer: f([layer, params[1]]), params[0])
    whole = ll.hessian(f, params)
    np.testing.assert_allclose(found, whole[:9, :9], rtol=1e-4, atol=1e-6)
