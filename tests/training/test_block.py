"""A block of a sweep: every pair goes the way of plain gradient descent, composed of halves or compiled whole."""

import jax
import numpy as np
import pytest

import lossland as ll


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "fused"), [(16, False), (37, True), pytest.param(1, False, marks=pytest.mark.exhaustive)]
)
def test_pairs_go_the_way_of_plain_gradient_descent(step, fused, x64, monkeypatch):
    monkeypatch.setattr("lossland.training._sweep.earns_fusing", lambda *_: fused)
    rng = np.random.default_rng(3)
    inputs, labels = rng.normal(size=(9, 2)), np.where(rng.random(9) < 0.5, 1.0, -1.0)
    pairs, rate, l2 = ll.pairs()[::step], 0.005, 0.1
    made = ll.sweep(
        pairs, ll.Dataset(inputs, labels), seeds=3, learning_rates=(rate,), l2s=(l2,), steps=3, record=(0, 3)
    )
    starts = [ll.linear().init(jax.random.key(seed), 2) for seed in range(3)]
    for k, pair in enumerate(pairs):
        weights, bias = np.stack([s["weights"] for s in starts]), np.zeros(3)
        for _ in range(3):
            with np.errstate(invalid="ignore"):  # of models that have diverged
                scores = weights @ inputs.T + bias[:, None]
                slopes = np.asarray(pair.slope(scores, np.broadcast_to(labels, scores.shape))) / 9
                weights, bias = weights - rate * (slopes @ inputs + l2 * weights), bias - rate * slopes.sum(1)
        alive = ~made.diverged[k].ravel()
        assert alive.any(), pair.name
        got = {name: leaf[k].reshape(3, -1)[alive] for name, leaf in made.params.items()}
        np.testing.assert_allclose(got["weights"], weights[alive], rtol=1e-12, err_msg=pair.name)
        np.testing.assert_allclose(got["bias"][:, 0], bias[alive], rtol=1e-11, atol=1e-14)


def test_chunks_of_quick_steps_do_not_grow_without_end():
    data = ll.load("two_points")
    made = ll.sweep("identity+hinge", data, seeds=1, steps=700, record=1)
    assert made.records["risk"].shape[-1] == 701
