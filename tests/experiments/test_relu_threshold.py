"""What threshold 1/2 gives: differences of differences and distances, by hand."""

import numpy as np
import pytest

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("relu_threshold")
APART = "separable(n=40, margin=0.8, offset=0.7, seed=41)"
CONFIG = EXPERIMENT.Config(
    datasets=(APART, "two_gaussians(n=40, distance=2.0, seed=41)"), separable=(APART,), splits=2, starts=10, steps=400
)


def test_gains_are_means_over_starts_that_relu_survives(results):
    one, expected, falls = results.isel(dataset=1), {}, []
    for pair in EXPERIMENT.PAIRS:
        falls = []
        for split in range(CONFIG.splits):
            for draw in range(CONFIG.starts):
                if one.dead.sel(pair="relu+hinge")[split, draw] == 0:
                    at_zero, at_half = one.error.sel(pair=pair)[split, draw].values
                    falls.append(at_zero - at_half)
        expected[pair] = np.mean(falls)
    assert 0 < len(falls) < CONFIG.splits * CONFIG.starts
    for pair, gain in expected.items():
        assert float(EXPERIMENT.gains(results).sel(pair=pair)[1]) == pytest.approx(gain)


def test_the_interval_is_of_the_paired_differences(results):
    held = EXPERIMENT.gains(results)
    each = (held.sel(pair="relu+hinge") - held.sel(pair="identity+hinge")).values
    found = EXPERIMENT.beyond(results)
    assert found.value == pytest.approx(each.mean())
    assert found.low <= each.min() <= each.max() <= found.high


def test_distances_are_those_of_class_margins(x64):
    data = ll.load("two_gaussians(n=30, seed=1)")
    weights, bias = np.array([1.5, -0.4]), 0.3
    margins = ll.geometry.class_margins(weights, bias, data)
    for side in EXPERIMENT.SIDES:
        found = EXPERIMENT.reaches(side)(data.inputs @ weights + bias, data.labels, {"weights": weights})
        assert float(found) == pytest.approx(getattr(margins, side), rel=1e-12)


def made(results, relu_negative):
    """By hand: |w| = 2, so that the threshold 1/2 moves the line by 1/4."""
    ones = 1 + 0 * results.apart_positive
    relu = results.pair == "relu+hinge"
    return {
        "apart_norm": 2 * ones,
        "apart_positive": ones.where(relu, 0.5),
        "apart_negative": (relu_negative * ones).where(relu, 0.5),
    }


def test_margins_are_judged_where_runs_separate(results):
    (found,) = EXPERIMENT.rooms(results.assign(made(results, 0.1))).values()
    np.testing.assert_allclose(found, [(0.5, 0.5), (1.0, 0.1), (0.75, 0.35)])
    assert EXPERIMENT.numbers(results.assign(made(results, 0.1)))["relu_at_zero_negative_margin"] == "0.1"
    (nowhere,) = EXPERIMENT.rooms(results.assign(made(results, -1.0))).values()
    assert np.isnan(nowhere[1]).all()


def test_claims_can_fail(failing, results):
    assert any("at least half" in claim for claim in failing(**made(results, 0.1)))
    assert any("at most a quarter" in claim for claim in failing(**made(results, 0.5)))
    assert any("three quarters" in claim for claim in failing(apart_negative=0.1 * results.apart_negative))
    worse = results.error + 0.5 * (results.threshold == 0.5)
    assert len([claim for claim in failing(error=worse) if "test error" in claim]) == 2


def test_figures(drawn):
    assert set(drawn) == {"gains", "margins"}
    assert all(axes.get_xlabel() or axes.get_ylabel() for figure in drawn.values() for axes in figure.axes)
