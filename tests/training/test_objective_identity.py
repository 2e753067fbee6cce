"""An objective is an object among others: it hashes, compares, pickles, and goes through JAX's transformations."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll

DATA = ll.standardise(ll.load("two_gaussians(n=20, d=2, seed=1)"))
MODELS = {
    "linear": ll.linear(),
    "mlp": ll.mlp((3, 2), hidden="tanh"),
    "features": ll.random_features("rbf", 5, key=jax.random.key(0)),
    "features of an old key": ll.random_features("laplacian", 5, key=jax.random.PRNGKey(1)),
}


@pytest.mark.parametrize("name", MODELS)
def test_one_is_another_after_pickle_and_itself_before(name):
    model = MODELS[name]
    f, g = (ll.objective(ll.pair("relu+hinge"), model, DATA, l2=0.1) for _ in range(2))
    assert f == f
    assert (f == g) is False
    assert len({f, g, f}) == 2
    held, at = pickle.loads(pickle.dumps(f)), model.init(jax.random.key(2), 2)
    assert float(held(at)) == float(f(at))


def test_random_features_are_those_of_their_key():
    key = jax.random.key(7)
    first, second = (ll.random_features("rbf", 5, key=k) for k in (key, jax.random.PRNGKey(7)))
    at = {"weights": jnp.arange(5.0), "bias": jnp.zeros(())}
    draws, phases = jax.random.split(key)
    waves = DATA.inputs @ jax.random.normal(draws, (2, 5)) + jax.random.uniform(phases, (1, 5), maxval=2 * jnp.pi)
    np.testing.assert_allclose(
        first.apply(at, jnp.asarray(DATA.inputs)), (0.4**0.5 * jnp.cos(waves)) @ at["weights"], rtol=1e-4
    )
    np.testing.assert_array_equal(*(m.apply(at, jnp.asarray(DATA.inputs)) for m in (first, second)))


def test_it_goes_through_transformations():
    f = ll.objective(ll.pair("sigmoid+cross_entropy"), data=DATA, l2=0.1)
    at = ll.linear().init(jax.random.key(2), 2)
    value = float(f(at))
    np.testing.assert_allclose(jax.jit(f)(at), value, rtol=1e-6)
    np.testing.assert_allclose(jax.checkpoint(f)(at), value, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(lambda g, p: g(p))(f, at), value, rtol=1e-6)
    many = jax.tree.map(lambda x: jnp.stack([x, x]), at)
    np.testing.assert_allclose(jax.vmap(f)(many), [value, value], rtol=1e-6)
    np.testing.assert_allclose(jax.pmap(f)(jax.tree.map(lambda x: x[None], at)), [value], rtol=1e-6)
    slopes = jax.grad(jax.checkpoint(f))(at), jax.grad(f)(at)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), *slopes)


def test_weights_that_are_traced():
    at = ll.linear().init(jax.random.key(2), 2)

    def value(weights, mean="all"):
        return ll.objective(ll.pair("identity+hinge"), data=DATA, sample_weights=weights, mean=mean)(at)

    ones = jnp.ones(20)
    losses = ll.objective(ll.pair("identity+hinge"), data=DATA).losses(at)
    np.testing.assert_allclose(jax.grad(value)(ones), losses / 20, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(value)(2 * ones), 2 * value(ones), rtol=1e-6)
    np.testing.assert_allclose(jax.jit(value, static_argnums=1)(2 * ones, "valid"), value(ones), rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(value)(jnp.stack([ones, 3 * ones])), [value(ones), 3 * value(ones)], rtol=1e-6)
