"""Optimisers that look at the objective: read from their program, and handed the same in `fit` and in a sweep."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll
from lossland.training._optimizers import asks

DATA = ll.standardise(ll.load("two_gaussians(n=40, d=3, seed=1)"))
SHAPES = jax.eval_shape(lambda: ll.linear().init(jax.random.key(0), 3))


def line_search(rate):
    return optax.chain(optax.sgd(rate), optax.scale_by_backtracking_linesearch(10))


def plateau(rate):
    return optax.chain(optax.adam(rate), optax.contrib.reduce_on_plateau(patience=2))


def lbfgs(rate):
    return optax.lbfgs()


def halved(rate):
    """A user's own, which looks at the gradient that it is handed as an extra argument."""

    def update(updates, state, params=None, *, grad=None, **extra):
        return jax.tree.map(lambda g: -0.5 * rate * g, grad), state

    return optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)


ASKING = {"lbfgs": lbfgs, "polyak": optax.polyak_sgd, "line search": line_search, "plateau": plateau, "own": halved}


@pytest.mark.parametrize("name", ASKING)
def test_those_that_look_are_known_by_their_program(name):
    assert asks(ASKING[name], (), SHAPES)


@pytest.mark.parametrize("make", [optax.sgd, optax.adam, optax.adamw, optax.lion])
def test_those_that_do_not_look_are_known(make):
    assert not asks(make, (), SHAPES)


@pytest.mark.parametrize("name", ASKING)
def test_a_sweep_goes_the_way_of_fit(name):
    pairs, rates = ["identity+logistic", "identity+squared_hinge"][: 1 if name == "lbfgs" else 2], (0.2, 0.5)
    # Each pair and each rate once: a fit is compiled for each.
    shown = [(i, (i + 1) % 2) for i in range(len(pairs))]
    with jax.enable_x64(True):
        made = ll.sweep(
            pairs, DATA, seeds=1, learning_rates=rates, l2s=(0.1,), optimizer=ASKING[name], steps=5, record=1
        )
        for i, k in shown:
            f = ll.objective(ll.pair(pairs[i]), data=DATA, l2=0.1)
            run = ll.fit(f, ll.linear().init(jax.random.key(0), 3), ASKING[name](rates[k]), 5)
            np.testing.assert_allclose(made.records["objective"][i, 0, k, 0], run.values, rtol=1e-6)


def test_fit_by_lbfgs_reaches_the_exact_optimum():
    with jax.enable_x64(True):
        f = ll.objective(ll.pair("identity+logistic"), data=DATA, l2=0.1)
        run = ll.fit(f, ll.linear().init(jax.random.key(0), 3), optax.lbfgs(), 40)
        best = ll.solve("logistic", DATA, l2=0.1)
    np.testing.assert_allclose(float(run.values[-1]), float(best.objective) * 0.1, rtol=1e-9)


def test_a_schedule_that_tests_its_rate_is_told_its_form():
    with pytest.raises(ValueError, match="Make the schedule for the rate 1 and multiply"):
        ll.sweep(
            "identity+hinge",
            DATA,
            steps=4,
            optimizer=lambda rate: optax.sgd(optax.warmup_cosine_decay_schedule(0.0, rate, 2, 4)),
        )
    shape = optax.warmup_cosine_decay_schedule(0.0, 1.0, 2, 4)
    made = ll.sweep(
        "identity+hinge", DATA, seeds=1, steps=4, optimizer=lambda rate: optax.sgd(lambda k: rate * shape(k)), record=1
    )
    f = ll.objective(ll.pair("identity+hinge"), data=DATA)
    schedule = optax.warmup_cosine_decay_schedule(0.0, 0.1, 2, 4)
    run = ll.fit(f, ll.linear().init(jax.random.key(0), 3), optax.sgd(schedule), 4)
    np.testing.assert_allclose(made.records["objective"].ravel(), run.values, rtol=1e-5)


def test_rows_on_devices_are_refused_where_the_objective_is_looked_at():
    with pytest.raises(ValueError, match="looks at the objective"):
        ll.sweep("identity+hinge", DATA, steps=2, optimizer=lbfgs, sharding="rows")


MIXED = ll.Model(
    lambda key, d: {"w": jax.random.normal(key, (d,)), "power": jnp.array(2), "on": jnp.array([True])},
    lambda p, x: (x @ p["w"]) * p["power"],
)


@pytest.mark.parametrize("make", [optax.adam, optax.polyak_sgd])
def test_integers_and_booleans_stand_still(make):
    start = MIXED.init(jax.random.key(0), 3)
    f = ll.objective(ll.pair("identity+logistic"), MIXED, DATA, l2=0.1)
    run = ll.fit(f, start, make(0.1), 5)
    assert int(run.params["power"]) == 2
    assert bool(run.params["on"][0])
    slow = ll.objective(ll.pair("identity+logistic"), MIXED._replace(apply=lambda p, x: 2 * (x @ p["w"])), DATA, l2=0.1)
    alone = ll.fit(lambda p: slow(p), {"w": start["w"]}, make(0.1), 5)
    np.testing.assert_allclose(run.values, alone.values, rtol=1e-5)
    made = ll.sweep("identity+logistic", DATA, model=MIXED, seeds=1, l2s=(0.1,), optimizer=make, steps=5, record=1)
    np.testing.assert_allclose(made.records["objective"].ravel(), run.values, rtol=1e-4)
    assert made.params["power"].ravel().tolist() == [2]


def test_keys_are_refused_in_a_sweep_and_held_by_fit():
    model = ll.Model(lambda key, d: {"w": jnp.ones(d), "key": key}, lambda p, x: x @ p["w"])
    with pytest.raises(ValueError, match="hold a random key at \\['key'\\]"):
        ll.sweep("identity+hinge", DATA, model=model, steps=2)
    f = ll.objective(ll.pair("identity+hinge"), model, DATA)
    run = ll.fit(f, model.init(jax.random.key(4), 3), optax.adam(0.1), 3)
    assert (jax.random.key_data(run.params["key"]) == jax.random.key_data(jax.random.key(4))).all()
