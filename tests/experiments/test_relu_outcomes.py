"""Runs of ReLU + hinge over scales and optimisers: held against starts drawn again and against cells."""

import re

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("relu_outcomes")]
EXPERIMENT = find_experiment("relu_outcomes")
CONFIG = EXPERIMENT.SMOKE
BY_DATA = ("0 is the wrong threshold",)
"""Words of the claims that could fail on other data."""


def test_the_claims_that_do_not_depend_on_data_hold(outcome):
    held = [v for v in outcome.verdicts if not any(words in v.claim for words in BY_DATA)]
    assert len(held) == 6
    assert [v.claim for v in held if not v.holds] == []
    assert all(type(v.holds) is bool for v in outcome.verdicts)


def test_dead_at_the_start_are_those_whose_scores_are_all_negative(results, x64):
    train = ll.split(ll.load(CONFIG.crossed[0]), seed=CONFIG.seed).train
    init = EXPERIMENT.starting(CONFIG, True)
    for k in range(12):
        start = init(jax.random.key(k), train.d)
        dead = bool(np.all(train.inputs @ np.asarray(start["weights"]) + float(start["bias"]) <= 0))
        assert bool(results.crossed_flat.sel(rule=EXPERIMENT.RELU[0], at="start")[0, 0, k]) == dead
        plain = EXPERIMENT.starting(CONFIG, False)(jax.random.key(k), train.d)
        scale = CONFIG.scales[int(results.draw_scale[k])]
        np.testing.assert_allclose(start["weights"], scale * plain["weights"])
    assert set(results.draw_scale.values) == {0, 1, 2}


def test_the_proven_minimum_is_one(results):
    """The bound is the loss of the point that attains it, and no point around it is lower."""
    data = ll.load(CONFIG.small)
    best = float(results.small_bound[1])
    found = ll.global_minimum("relu+hinge", data, box=20.0)
    scores = data.inputs @ found.params["weights"] + float(found.params["bias"])
    by_hand = np.maximum(0, 1 - data.labels * np.maximum(0, scores)).mean()
    assert by_hand == pytest.approx(best, abs=1e-6)
    assert best >= np.mean(data.labels < 0)
    rng = np.random.default_rng(0)
    near = np.append(found.params["weights"], found.params["bias"]) + 0.3 * rng.normal(size=(2000, 3))
    around = np.maximum(0, 1 - data.labels * np.maximum(0, near[:, :2] @ data.inputs.T + near[:, 2:])).mean(axis=1)
    assert around.min() >= best - 1e-9


def test_distances_are_those_of_class_margins(x64):
    data = ll.load("two_gaussians(n=30, seed=1)")
    weights, bias = np.array([1.5, -0.4]), 0.3
    margins = ll.geometry.class_margins(weights, bias, data)
    for side in EXPERIMENT.SIDES:
        found = EXPERIMENT.reaches(side)(data.inputs @ weights + bias, data.labels, {"weights": weights})
        assert float(found) == pytest.approx(getattr(margins, side), rel=1e-12)


def test_margins_are_judged_where_runs_separate(results):
    """By hand: |w| = 2, so that the threshold 1/2 moves the line by 1/4."""
    assert EXPERIMENT.read(results) == {}
    ones = 1 + 0 * results.crossed_positive
    relu = results.rule.isin(list(EXPERIMENT.RELU))
    made = results.assign(
        crossed_weight_norm=2 * ones,
        crossed_positive=ones.where(relu, 0.5),
        crossed_negative=(0.1 * ones).where(relu, 0.5),
    )
    (found,) = EXPERIMENT.read(made).values()
    np.testing.assert_allclose(found, [(0.5, 0.5), (1.0, 0.1), (0.75, 0.35)])
    (verdict,) = [v for v in EXPERIMENT.report(made)[1] if "touches" in v.claim]
    assert not verdict.holds
    assert verdict.found == "0.10, 0.47, SVM 1.00"
    assert EXPERIMENT.numbers(made)["relu_at_zero_negative_margin"] == "0.10"


def test_verdicts_can_fail(failing, results):
    assert any("never with a linear" in claim for claim in failing(crossed_flat=1 + 0 * results.crossed_flat))
    assert any("misses the global" in claim for claim in failing(small_risk=0.9 * results.small_risk))
    assert any("leads from" in claim for claim in failing(depth_hinge=results.depth_hinge + 1))


def test_figures_and_numbers(drawn, results):
    assert set(drawn) == {"crossed", "rest"}
    assert all(axes.get_xlabel() or len(axes.get_xticklabels()) for figure in drawn.values() for axes in figure.axes)
    told = EXPERIMENT.numbers(results)
    assert all(re.fullmatch("[a-z_]+", name) and re.fullmatch(r"-?[\d.]+", value) for name, value in told.items())
