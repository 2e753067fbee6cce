"""Sweeps of odd params: none that is penalised, the same function on other containers, keys that were recorded."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll

DATA = ll.load("two_gaussians(n=16, seed=1)")


@pytest.mark.parametrize("penalised", [None, lambda p: (), lambda p: None, lambda p: {}])
def test_nothing_may_be_penalised(penalised):
    settings = {} if penalised is None else {"penalised": penalised}
    model = ll.Model(lambda key, d: {"bias": jnp.array([0.7])}, lambda p, x: x[:, 0] * p["bias"], **settings)
    made = ll.sweep("identity+logistic", DATA, model=model, seeds=1, l2s=(0.3,), steps=3, record=1)
    f = ll.objective(ll.pair("identity+logistic"), model, DATA, l2=0.3)
    run = ll.fit(f, model.init(jax.random.key(0), 2), optax.sgd(0.1), 3)
    np.testing.assert_allclose(made.records["objective"].ravel(), run.values, rtol=1e-6)
    assert not made.records["weight_norm"].any()


def test_one_function_on_other_containers():
    def scores(params, inputs):
        return inputs @ params[0] + params[1]

    ends = []
    for container in (tuple, list, tuple):
        model = ll.Model(lambda key, d, c=container: c([jnp.ones(d), jnp.array(0.1)]), scores)
        made = ll.sweep("identity+logistic", DATA, model=model, seeds=1, steps=3)
        assert type(made.params) is container
        ends.append(made.records["risk"].ravel()[-1])
    assert ends[0] == ends[1] == ends[2]


def test_a_recorded_key_is_held_by_its_numbers():
    f = ll.objective(ll.pair("identity+logistic"), data=DATA)
    start = ll.linear().init(jax.random.key(0), 2)
    held = ll.fit(f, start, optax.sgd(0.1), 2, record=lambda p: jax.random.key(3)).to_xarray()
    np.testing.assert_array_equal(held.record, np.tile(jax.random.key_data(jax.random.key(3)), (3, 1)))


def test_an_optimiser_that_takes_no_more_words():
    f = ll.objective(ll.pair("identity+logistic"), data=DATA)
    start = ll.linear().init(jax.random.key(0), 2)
    run = ll.fit(f, start, optax.contrib.sam(optax.sgd(0.1), optax.sgd(0.1), opaque_mode=False), 4)
    assert np.isfinite(run.values).all()


def test_curvature_in_a_parameter_that_is_traced():
    at = {"weights": jnp.ones(2), "bias": jnp.array(0.3)}

    def corner(gamma):
        return ll.hessian(ll.objective(ll.pair("sigmoid", "focal", gamma=gamma), data=DATA), at)[0, 0]

    with jax.enable_x64(True):
        np.testing.assert_allclose(jax.jit(corner)(2.0), corner(2.0), rtol=1e-9)
        np.testing.assert_allclose(jax.grad(corner)(2.0), (corner(2.001) - corner(1.999)) / 0.002, rtol=1e-5)


def test_a_derivative_in_a_label_is_no_number():
    pair = ll.pair("identity+logistic")
    assert np.isnan(jax.grad(lambda t: pair(0.7, t))(1.0))
    assert np.isnan(jax.grad(lambda t: pair(jnp.ones(2), t).sum())(jnp.array([1.0, -1.0]))).all()
    labels = jnp.array([1.0, -1.0])
    along = jax.jit(jax.vmap(jax.grad(pair)))(jnp.ones(2), labels)
    np.testing.assert_allclose(along, pair.slope(jnp.ones(2), labels), rtol=1e-6)


def test_a_data_set_is_not_traced():
    with pytest.raises(ValueError, match="labels is being traced"):
        jax.jit(lambda t: ll.Dataset(DATA.inputs, t).n)(DATA.labels)


def test_a_masked_infinite_loss_under_the_check_for_nan():
    @ll.label_loss
    def infinite_for_positives(output, label):
        return jnp.where(label > 0, jnp.inf, output**2)

    f = ll.objective(
        ll.pair("identity", infinite_for_positives), data=DATA, sample_weights=(DATA.labels < 0).astype(float)
    )
    with jax.debug_nans(True):
        assert np.isfinite(f({"weights": jnp.ones(2), "bias": jnp.zeros(())}))


def test_strict_types():
    at = {"weights": jnp.ones(2), "bias": jnp.array(0.3)}
    across = {"weights": jnp.array([1.0, 0.0]), "bias": jnp.array(1.0)}
    with jax.numpy_dtype_promotion("strict"):
        counted = ["dead", "active", "error", "saturated", "margin", "gradient_norm"]
        made = ll.plane(ll.pair("relu+hinge"), DATA, at, (at, across), radius=1.0, steps=3, quantities=counted)
        ll.kink_curvature(ll.objective(ll.pair("identity+hinge"), data=DATA), at, width=0.1)
    assert np.isfinite(made.quantities["error"]).all()
