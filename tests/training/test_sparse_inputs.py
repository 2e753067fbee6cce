"""Objectives on sparse inputs: values, gradients, runs and pulls of the same numbers as dense rows."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.sparse

import lossland as ll


def both(n=40, d=15, soft=False):
    rng = np.random.default_rng(0)
    inputs = np.where(rng.random((n, d)) < 0.3, rng.normal(size=(n, d)), 0.0)
    inputs[3] = 0.0
    told = {"probabilities": rng.random(n)} if soft else {"labels": np.resize([1, -1, -1], n)}
    return ll.Dataset(scipy.sparse.csr_array(inputs), **told), ll.Dataset(inputs, **told)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("model", [ll.linear(), ll.mlp((4,)), ll.random_features(m=8, key=jax.random.key(1))])
def test_value_and_gradient(model, soft):
    made = [
        ll.objective(ll.pair("identity", "logistic"), model, data, l2=0.1, class_weights="balanced")
        for data in both(soft=soft)
    ]
    params = model.init(jax.random.key(0), 15)
    (value, gradient), (dense, slow) = (jax.jit(jax.value_and_grad(f))(params) for f in made)
    np.testing.assert_allclose(value, dense, rtol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), gradient, slow)
    np.testing.assert_allclose(made[0].losses(params), made[1].losses(params), rtol=1e-5, atol=1e-6)


def test_fit_and_pulls():
    made = [ll.objective(ll.pair("relu", "hinge"), data=data, l2=0.01) for data in both()]
    start = ll.linear().init(jax.random.key(0), 15)
    runs = [ll.fit(f, start, optax.sgd(0.1), 30, record_every=10) for f in made]
    np.testing.assert_allclose(runs[0].values, runs[1].values, rtol=1e-4)
    pulls = [ll.gradient_weights(f, runs[0].params) for f in made]
    np.testing.assert_allclose(pulls[0].margins, pulls[1].margins, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(pulls[0].active, pulls[1].active)


def test_many_starts_at_once():
    f, dense = (ll.objective(ll.pair("identity", "hinge"), data=data) for data in both())
    starts = jax.vmap(lambda key: {"weights": jax.random.normal(key, (15,)), "bias": jnp.zeros(())})(
        jax.random.split(jax.random.key(0), 3)
    )
    np.testing.assert_allclose(jax.vmap(f)(starts), jax.vmap(dense)(starts), rtol=1e-5)


def test_what_is_refused():
    data, _ = both()
    f = ll.objective(ll.pair("identity", "hinge"), data=data)
    start = ll.linear().init(jax.random.key(0), 15)
    with pytest.raises(ValueError, match="batch_size takes dense inputs"):
        ll.fit(f, start, optax.sgd(0.1), 5, batch_size=4, key=jax.random.key(0))
    with pytest.raises(ValueError, match="An objective's batch takes dense inputs"):
        f.batch([0, 1])
    squares = ll.Model(lambda key, d: jnp.zeros(d), lambda p, x: jnp.square(x) @ p, "squares")
    with pytest.raises(ValueError, match="The model squares does not take sparse inputs"):
        ll.objective(ll.pair("identity", "hinge"), squares, data)
    own = ll.Model(lambda key, d: jnp.zeros(d), lambda p, x: x @ p, "own")
    assert np.isclose(ll.objective(ll.pair("identity", "hinge"), own, data)(jnp.zeros(15)), 1.0)


@pytest.mark.parametrize("soft", [False, True])
def test_sweep(soft, tmp_path):
    data, dense = both(soft=soft)
    pairs = ["identity+hinge", "sigmoid+brier", "relu+hinge"]
    settings = {"seeds": 2, "steps": 20, "learning_rates": (0.1, 1.0), "l2s": (0.01,), "test": None}
    found, slow = (ll.sweep(pairs, each, **settings | {"test": each}) for each in (data, dense))
    for name in ("risk", "test_risk", "gradient_norm", "train_error"):
        np.testing.assert_allclose(found.records[name], slow.records[name], rtol=2e-4, atol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5), found.params, slow.params)
    kept = ll.sweep(pairs, data, **settings, folder=tmp_path)
    np.testing.assert_array_equal(kept.records["risk"], found.records["risk"])


def test_a_sweep_says_what_it_does_not_do():
    data, dense = both()
    with pytest.raises(ValueError, match="some dense: make them all alike"):
        ll.sweep(["identity+hinge"], data, steps=1, test=dense)
    for more in ({"batch_size": 4}, {"model": ll.mlp((4,))}, {"sharding": "rows"}):
        with pytest.raises(ValueError, match="another model than a linear one, batches or sharding takes dense inputs"):
            ll.sweep(["identity+hinge"], data, steps=1, **more)
