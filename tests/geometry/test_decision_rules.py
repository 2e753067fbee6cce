"""Decision rules: margins, thresholds and how often two lines disagree, against exact values and counts."""

import numpy as np
import pytest

import lossland as ll

pytestmark = pytest.mark.slow


def test_margins_of_the_hard_margin_are_equal_on_both_sides():
    data = ll.load("separable(n=24, margin=1.5, seed=1)")
    sol = ll.solve("hinge", data, C=np.inf)
    held = ll.geometry.class_margins(sol.weights, sol.bias, data)
    assert held[:3] == pytest.approx((1.5, 1.5, 1.5), abs=1e-8)
    moved = ll.geometry.class_margins(sol.weights, sol.bias, data, threshold=np.linalg.norm(sol.weights))
    assert moved[:2] == pytest.approx((0.5, 2.5), abs=1e-8)
    one = ll.Dataset([[1.0], [2.0]], [1, 1], one_class=True)
    with pytest.raises(ValueError, match="these data hold one"):
        ll.geometry.class_margins([1.0], 0.0, one)


def test_lines_through_the_mean_of_a_round_cloud_disagree_by_their_angle():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(4000, 2))
    inputs = (inputs - inputs.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(inputs.T, bias=True))).T
    data = ll.Dataset(inputs, np.ones(4000), one_class=True)
    lines = (([1.0, 0.0], 0.0), ([np.cos(0.6), np.sin(0.6)], 0.0))
    exact = ll.geometry.disagreement(*lines, data, distribution="gaussians")
    assert exact == pytest.approx(0.6 / np.pi, abs=1e-6)
    assert ll.geometry.disagreement(*lines, data) == pytest.approx(0.6 / np.pi, abs=0.02)
    shifted = (([1.0, 0.0], 0.0), ([1.0, 0.0], -1.0))
    assert ll.geometry.disagreement(*shifted, data, distribution="gaussians") == pytest.approx(0.3413447, abs=1e-6)
    opposite = (([1.0, 0.0], 0.0), ([-1.0, 0.0], 0.0))
    assert ll.geometry.disagreement(*opposite, data, distribution="gaussians") == pytest.approx(1.0)
    # A threshold is a bias.
    assert ll.geometry.disagreement(*shifted, data, thresholds=(1.0, 0.0)) == 0.0


def test_gaussians_without_spread_are_signs():
    data = ll.Dataset([[1.0, 0.0], [-1.0, 0.0]], [1, -1])
    assert ll.geometry.disagreement(([1.0, 0.0], 0.0), ([1.0, 0.0], 2.0), data, distribution="gaussians") == 0.5
    with pytest.raises(ValueError, match="distribution is"):
        ll.geometry.disagreement(([1.0, 0.0], 0.0), ([1.0, 0.0], 2.0), data, distribution="uniform")  # type: ignore[arg-type]


def test_the_chosen_threshold_has_the_fewest_errors(rng):
    for _ in range(20):
        scores, labels = rng.normal(size=25).round(1), rng.choice([-1.0, 1.0], size=25)
        held = ll.geometry.decision_thresholds("relu+hinge", scores, labels)
        tried = np.concatenate([np.unique(scores), np.unique(scores) - 1e-3, [-9.0, 9.0]])
        best = min(np.mean(np.where(scores > at, 1.0, -1.0) != labels) for at in tried)
        assert held.errors[2] == pytest.approx(best)
    assert held.card == 0.5
    with pytest.raises(ValueError, match="got shapes"):
        ll.geometry.decision_thresholds("relu+hinge", [1.0], [1, -1])
