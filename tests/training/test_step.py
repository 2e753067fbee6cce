"""Steps of a sweep: who diverges stops, who is done stops, and nobody disturbs another."""

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.training import _step as training
from tests.references import SPREAD


@pytest.mark.slow
def test_a_model_that_diverges_stops_at_its_last_finite_point_and_disturbs_nobody(data):
    rates = (0.1, 1e6)
    s = ll.sweep(
        ["identity+exponential", "identity+squared", "identity+logistic"], data, learning_rates=rates, steps=60
    )
    alone = ll.sweep(["identity+exponential", "identity+squared", "identity+logistic"], data, steps=60)
    assert s.diverged[:2, :, 1].all()
    assert not s.diverged[:, :, 0].any()
    assert not s.diverged[2].any()
    assert (s.stopped[s.diverged] < 60).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(s.params))
    np.testing.assert_array_equal(s.records["risk"][:, :, :1], alone.records["risk"])


@pytest.mark.slow
def test_slopes_that_are_numbers_only_in_the_limit_go_on(data, x64):
    """exp+savage overflows at z = 710 where its slope is 0: the model stays put but is no diverged one."""
    far = {"weights": np.full(3, 400.0), "bias": np.zeros(())}
    s = ll.sweep(["exp+savage", "identity+hinge"], data, seeds=1, steps=5, init=far, record=1)
    assert not s.diverged.any()
    assert (s.stopped == 5).all()
    assert np.isfinite(s.records["gradient_norm"]).all()


@pytest.mark.slow
def test_models_finish_at_the_tolerance(data, x64):
    s = ll.sweep(SPREAD[:2], data, seeds=2, learning_rates=(0.05, 1.0), l2s=(0.5,), steps=4000, tolerance=1e-6)
    logistic = s.status[1]
    assert (logistic == training.FINISHED).all()
    assert (s.stopped[1] < 4000).all()
    norms = s.records["gradient_norm"][1, ..., -1]
    assert (norms <= 1e-6).all()
    assert (norms > 1e-7).all()
    assert s.records["risk"].shape[-1] == len(s.steps)


@pytest.mark.slow
def test_averages_are_those_of_the_iterates(data, x64):
    every = ll.sweep(SPREAD[0], data, seeds=1, steps=10, record=1, metrics={"w": lambda z, t, p: p["weights"][0]})
    mean = ll.sweep(SPREAD[0], data, seeds=1, steps=10, record=1, average_from=4)
    iterates = every.records["w"][0, 0, 0, 0]
    assert mean.params["weights"][0, 0, 0, 0, 0] == pytest.approx(iterates[5:].mean(), rel=1e-12)
    np.testing.assert_allclose(mean.records["risk"][..., :5], every.records["risk"][..., :5], rtol=1e-12)
