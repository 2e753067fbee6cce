"""Stated probabilities: Platt's curve by another minimiser, calibration errors by loops, claims that can fail."""

import re

import numpy as np
import pytest
from scipy import optimize

from lossland.experiment import decide, find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("probabilities")
CONFIG = EXPERIMENT.Config(sources=("iris", "glass"), outer=3, inner=3, Cs=(0.05, 0.5, 5.0))


def test_platt_finds_the_least_cross_entropy(rng):
    scores = rng.normal(size=60)
    labels = np.where(rng.random(60) < 1 / (1 + np.exp(-3 * scores)), 1.0, -1.0)
    up, down = (labels > 0).sum(), (labels < 0).sum()
    target = np.where(labels > 0, (up + 1) / (up + 2), 1 / (down + 2))

    def entropy(ab):
        m = ab[0] * scores + ab[1]
        return np.sum(np.logaddexp(0, m) - target * m)

    a, b = optimize.minimize(entropy, [1.0, 0.0], tol=1e-12, method="Nelder-Mead").x
    found, want = (
        EXPERIMENT.platt(scores, labels, np.array([-1.0, 2.0])),
        1 / (1 + np.exp(-(a * np.array([-1, 2]) + b))),
    )
    np.testing.assert_allclose(found, want, atol=1e-5)


def test_isotonic_steps_are_means_of_pooled_neighbours():
    scores, labels = np.array([0.0, 1.0, 2.0, 3.0]), np.array([-1.0, 1.0, -1.0, 1.0])
    np.testing.assert_allclose(EXPERIMENT.isotonic(scores, labels, np.array([-5.0, 1.0, 2.0, 9.0])), [0, 0.5, 0.5, 1])


def test_the_calibration_error_is_a_sum_over_bins(results):
    bins = results.bins.isel(source=1)
    found = EXPERIMENT.calibration_error(bins).values
    for k in range(results.sizes["scaling"]):
        total = 0.0
        for b in range(results.sizes["bin"]):
            count, stated, positive = (float(bins[s, k, b]) for s in range(3))
            total += count / 146 * abs(positive / count - stated / count) if count else 0.0
        assert found[k] == pytest.approx(total, abs=1e-12)
    np.testing.assert_array_equal(bins.sel(sum="count").sum("bin"), 146)


def test_bins_are_counted_by_a_loop(rng):
    stated, happened = rng.random((2, 30)), (rng.random(30) < 0.5).astype(float)
    want = np.zeros((3, 2, EXPERIMENT.BINS))
    for k in range(2):
        for p, h in zip(stated[k], happened, strict=True):
            want[:, k, int(p * EXPERIMENT.BINS)] += [1, p, h]
    np.testing.assert_allclose(EXPERIMENT._binned(stated, happened), want)


def test_claims_can_hold_and_fail(results):
    many = results.isel(source=np.zeros(40, int)).assign_coords(source=[f"s{k}" for k in range(40)])
    noise = 1e-5 * np.random.default_rng(0).normal(size=(40, 1))
    for made, scaling, good, bad in (
        (EXPERIMENT.raw_is_worse, EXPERIMENT.RAW, 0.05, -0.05),
        (EXPERIMENT.scaled_is_near, EXPERIMENT.PLATT, 0.0, 0.05),
        (EXPERIMENT.error_costs, EXPERIMENT.ERROR, 0.01, -0.01),
    ):
        for far, holds in ((good, True), (bad, False)):
            brier = np.full(many.brier.shape, 0.1)
            brier[:, :, EXPERIMENT.SCALINGS.index(scaling)] += far + noise
            assert decide(made, many.assign(brier=(many.brier.dims, brier))).holds == holds


def test_numbers_and_figures(drawn, results, check_curves):
    told = EXPERIMENT.numbers(results)
    assert all(re.fullmatch("[a-z_]+", name) and value for name, value in told.items())
    assert told["brier_platt"] == f"{results.brier.values[:, :, 2].mean():.4f}"
    check_curves(drawn, {"calibration"})
