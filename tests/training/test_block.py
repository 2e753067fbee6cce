"""A block of a sweep: every pair goes the way of plain gradient descent."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll
from lossland.training import _block as running


@pytest.mark.slow
@pytest.mark.parametrize("step", [16, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_pairs_go_the_way_of_plain_gradient_descent(step, x64):
    rng = np.random.default_rng(3)
    inputs, labels = rng.normal(size=(9, 2)), np.where(rng.random(9) < 0.5, 1.0, -1.0)
    every = ll.pairs()[::step]
    starts, rate, l2 = rng.normal(size=(3, 2)), 0.05, 0.1
    for first in range(0, len(every), 64):
        pairs = every[first : first + 64]
        plan = running.Plan(pairs, ll.linear(), optax.sgd)
        shape = (len(pairs), 3)
        params = {"weights": jnp.broadcast_to(starts, (*shape, 2)), "bias": jnp.zeros(shape)}
        numbers = running.Hyperparameters(jnp.full(shape, rate), jnp.full(shape, l2), {})
        rows = running.Examples(jnp.asarray(inputs), jnp.asarray(labels), None, None, jnp.asarray(9.0))
        state = running.start_block(plan, params, numbers, None)
        state = running._advanced(_job(rows), plan, numbers, state, 3, None)
        for k, pair in enumerate(pairs):
            weights, bias = starts.copy(), np.zeros(3)
            for _ in range(3):
                with np.errstate(invalid="ignore"):  # of models that have diverged
                    scores = weights @ inputs.T + bias[:, None]
                    slopes = np.asarray(pair.slope(scores, np.broadcast_to(labels, scores.shape))) / 9
                    weights, bias = weights - rate * (slopes @ inputs + l2 * weights), bias - rate * slopes.sum(1)
            alive = np.asarray(state.status[k]) == running.RUNNING
            assert alive.any(), pair.name
            np.testing.assert_allclose(state.params["weights"][k][alive], weights[alive], rtol=1e-12, err_msg=pair.name)
            np.testing.assert_allclose(state.params["bias"][k][alive], bias[alive], rtol=1e-11, atol=1e-14)


def _job(rows):
    none = dict.fromkeys(running.Job._fields)
    return running.Job(**none | {"examples": rows})
