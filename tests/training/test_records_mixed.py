"""A model with batch statistics is recorded on each part by itself: training and held-out rows do not mix."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import lossland as ll

PARTS = ll.split(ll.load("two_gaussians(n=60, d=3, seed=1)"))


def scores(params, inputs):
    z = inputs @ params["w"]
    return (z - z.mean()) / jnp.sqrt(z.var() + 1e-5)


MODEL = ll.Model(lambda key, d: {"w": jax.random.normal(key, (d,))}, scores)


def test_a_sweep_records_what_objectives_are():
    made = ll.sweep("identity+hinge", PARTS.train, model=MODEL, seeds=1, steps=4, record=1, validation=PARTS.test)
    held = ll.objective(ll.pair("identity+hinge"), MODEL, PARTS.test)
    run = ll.fit(
        ll.objective(ll.pair("identity+hinge"), MODEL, PARTS.train),
        MODEL.init(jax.random.key(0), 3),
        optax.sgd(0.1),
        4,
        record=held,
    )
    np.testing.assert_allclose(made.records["objective"].ravel(), run.values, rtol=1e-5)
    np.testing.assert_allclose(made.records["validation_risk"].ravel(), run.records, rtol=1e-5)
