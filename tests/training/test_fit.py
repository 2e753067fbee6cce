import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll
from lossland.training import _fit as fitting

DATA = ll.standardise(ll.load("two_gaussians(n=60, seed=1)"))
MODEL = ll.linear()
KEY = jax.random.key(0)


def start(seed=0):
    return MODEL.init(jax.random.key(seed), DATA.d)


def loop(objective, params, optimizer, steps):
    """The slow reference: one Python step at a time."""
    state, values = optimizer.init(params), []
    for _ in range(steps):
        value, gradient = jax.value_and_grad(objective)(params)
        values.append(float(value))
        updates, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
    return params, [*values, float(objective(params))]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [optax.sgd(0.3), optax.sgd(0.1, momentum=0.9), optax.adam(0.05)])
def test_full_batch_against_a_python_loop(optimizer, x64):
    f = ll.objective(ll.pair("relu(tie=0.5)", "hinge"), MODEL, DATA, l2=0.01)
    run = ll.fit(f, start(), optimizer, 37)
    params, values = loop(f, start(), optimizer, 37)
    np.testing.assert_allclose(run.values, values, rtol=1e-10)
    np.testing.assert_allclose(run.params["weights"], params["weights"], rtol=1e-10)
    gradient = jax.grad(f)(run.params)
    np.testing.assert_allclose(run.gradient_norms[-1], optax.tree.norm(gradient), rtol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize(("steps", "every"), [(1, 1), (37, 10), (40, 10), (5, 100), (200, 1), (1000, 7)])
def test_records_fall_on_their_steps(steps, every, x64):
    """Chunks, records and a last incomplete record change nothing: the trace is the every-step trace, thinned."""
    f = ll.objective(ll.pair("identity", "logistic"), MODEL, DATA)
    optimizer = optax.sgd(0.5)
    thin = ll.fit(f, start(), optimizer, steps, record_every=every, record=lambda p: p["bias"])
    full = ll.fit(f, start(), optimizer, steps, record=lambda p: p["bias"])
    want = np.append(np.arange(0, steps, every), steps)
    np.testing.assert_array_equal(thin.steps, want)
    np.testing.assert_array_equal(thin.values, full.values[want])
    np.testing.assert_array_equal(thin.records, full.records[want])
    np.testing.assert_array_equal(thin.params["weights"], full.params["weights"])


@pytest.mark.slow
def test_batches_against_a_python_loop(x64):
    """Each epoch is a permutation that the key decides, cut into batches, its short rest dropped."""
    f = ll.objective(ll.pair("identity", "hinge"), MODEL, DATA, l2=0.1)
    run = ll.fit(f, start(), optax.sgd(0.1), 10, batch_size=16, key=KEY, record_every=10)
    params, per_epoch = start(), DATA.n // 16
    for step in range(10):
        epoch, place = divmod(step, per_epoch)
        order = jax.random.permutation(KEY if epoch == 0 else jax.random.fold_in(KEY, epoch), DATA.n)
        gradient = jax.grad(f.batch(order[16 * place : 16 * place + 16]))(params)
        params = jax.tree.map(lambda p, g: p - 0.1 * g, params, gradient)
    np.testing.assert_allclose(run.params["weights"], params["weights"], rtol=1e-10)
    np.testing.assert_allclose(run.values[-1], f(params), rtol=1e-10)


@pytest.mark.slow
def test_the_key_decides_the_batches():
    f = ll.objective(ll.pair("identity", "hinge"), MODEL, DATA)
    runs = [ll.fit(f, start(), optax.sgd(0.1), 9, batch_size=7, key=jax.random.key(k)).values for k in (0, 0, 1)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert np.any(runs[0] != runs[2])


def test_compiles_once():
    """A second run, other data and another number of steps use the program that is there."""
    chex.clear_trace_counter()
    f = ll.objective(ll.pair("identity", "hinge"), MODEL, DATA)
    g = ll.objective(ll.pair("identity", "hinge"), MODEL, ll.standardise(ll.load("two_gaussians(n=60, seed=9)")))
    optimizer = optax.sgd(0.1)
    counted = jax.jit(chex.assert_max_traces(fitting._chunk.__wrapped__, n=1), static_argnums=0)
    original, fitting._chunk = fitting._chunk, counted
    try:
        for objective, steps in ((f, 100), (f, 100), (g, 130), (g, 64)):
            ll.fit(objective, start(), optimizer, steps)
    finally:
        fitting._chunk = original


@pytest.mark.slow
def test_vmap_over_starts_equals_one_by_one(x64):
    f = ll.objective(ll.pair("relu", "hinge"), MODEL, DATA)
    starts = [start(k) for k in range(3)]
    together = jax.vmap(lambda p: ll.fit(f, p, optax.sgd(0.1), 50))(jax.tree.map(lambda *x: jnp.stack(x), *starts))
    for k, alone in enumerate(starts):
        one = ll.fit(f, alone, optax.sgd(0.1), 50)
        np.testing.assert_allclose(together.values[k], one.values, rtol=1e-12)


def test_progress_counts_to_the_end():
    told = []
    f = ll.objective(ll.pair("identity", "hinge"), MODEL, DATA)
    ll.fit(f, start(), optax.sgd(0.1), 150, progress=lambda at, of: told.append((at, of)))
    assert told == [(64, 150), (128, 150), (150, 150)]


def test_any_function_of_params_can_be_fitted(x64):
    run = ll.fit(lambda p: jnp.sum((p - 3.0) ** 2), jnp.zeros(2), optax.sgd(0.25), 60)
    np.testing.assert_allclose(run.params, 3.0, rtol=1e-9)


def test_a_diverged_run_is_returned_with_its_values():
    f = ll.objective(ll.pair("identity", "squared"), MODEL, DATA)
    assert not np.isfinite(ll.fit(f, start(), optax.sgd(1e6), 100).values[-1])


def test_the_caller_keeps_its_params():
    before = start()
    ll.fit(ll.objective(ll.pair("identity", "hinge"), MODEL, DATA), before, optax.sgd(0.1), 5)
    np.testing.assert_array_equal(before["weights"], start()["weights"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"steps": 0}, "at least 1, not 0"),
        ({"record_every": 0}, "at least 1"),
        ({"batch_size": 61, "key": KEY}, "between 1 and the 60 examples, not 61"),
        ({"batch_size": 0, "key": KEY}, "not 0"),
        ({"batch_size": 8}, "give a key"),
        ({"params": {"weights": jnp.zeros(3), "bias": jnp.zeros(())}}, r"shape \(2,\); got \(3,\)"),
        ({"params": jnp.zeros(2)}, "do not belong to the model linear"),
        ({"objective": lambda p: 0.0, "batch_size": 3, "key": KEY}, "plain function"),
    ],
)
def test_refusals(options, said):
    f = ll.objective(ll.pair("identity", "hinge"), MODEL, DATA)
    given = {"objective": f, "params": start(), "optimizer": optax.sgd(0.1), "steps": 3} | options
    with pytest.raises(ValueError, match=said):
        ll.fit(**given)
