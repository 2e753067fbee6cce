"""The statistics by slow formulas, and how often their intervals cover what they are of."""

import math

import numpy as np
import pytest
from scipy import stats

from lossland.experiment import (
    corrected_t,
    correlated_posterior,
    equivalence,
    holm,
    mean_estimate,
    median_estimate,
    over_sources,
    sign_test,
)


def test_corrected_t_is_the_formula_of_nadeau_and_bengio(rng):
    d, folds = rng.normal(0.01, 0.03, 50), 5
    variance = np.sum((d - d.mean()) ** 2) / (len(d) - 1)
    t = d.mean() / np.sqrt((1 / len(d) + 1 / (folds - 1)) * variance)
    p = 2 * (1 - stats.t.cdf(abs(t), len(d) - 1))
    np.testing.assert_allclose(corrected_t(d, 1 / (folds - 1)), (t, p), rtol=1e-12)
    assert corrected_t(np.zeros(10), 0.25) == (0.0, 1.0)


def test_the_posterior_is_the_integral_of_corani_and_benavoli(rng):
    d, rho, rope = rng.normal(0.01, 0.03, 50), 0.2, 0.01
    found = correlated_posterior(d, rho / (1 - rho), rope)
    scale = np.sqrt((1 / len(d) + rho / (1 - rho)) * d.var(ddof=1))
    grid = np.linspace(d.mean() - 60 * scale, d.mean() + 60 * scale, 400_001)
    density = stats.t.pdf((grid - d.mean()) / scale, len(d) - 1) / scale
    step = grid[1] - grid[0]
    for part, where in zip(found[:3], (grid < -rope, abs(grid) <= rope, grid > rope), strict=True):
        assert part == pytest.approx(density[where].sum() * step, abs=1e-3)
    inside = density[(grid > found.low) & (grid < found.high)].sum() * step
    assert inside == pytest.approx(0.95, abs=1e-3)
    assert correlated_posterior(np.zeros(10), 0.25, rope) == (0.0, 1.0, 0.0, 0.0, 0.0)


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03]), [0.06, 0.03, 0.06])


def test_the_sign_test_is_a_sum_of_binomials():
    d = np.array([1.0, 2.0, 0.5, -1.0, 0.0, 3.0, 1.0, 1.0, 0.0])
    up, down, p = sign_test(d)
    assert (up, down) == (6, 1)
    assert p == pytest.approx(2 * sum(math.comb(7, k) for k in (0, 1)) / 2**7)
    assert sign_test([0.0, 0.0]) == (0, 0, 1.0)


def test_random_effects_are_found_again(rng):
    k, tau, noise = 4000, 0.02, 0.01
    seen = 0.005 + tau * rng.normal(size=k) + noise * rng.normal(size=k)
    found = over_sources(seen, np.full(k, noise**2), level=0.95)
    assert found.mean.value == pytest.approx(0.005, abs=0.002)
    assert found.between == pytest.approx(tau, rel=0.1)
    assert found.new.high - found.new.value == pytest.approx(1.96 * tau, rel=0.1)
    assert equivalence(found, 0.02) == pytest.approx(
        stats.norm.cdf(0.75) - stats.norm.cdf(-1.25), abs=0.03
    )  # (0.02 - 0.005) / tau and (-0.02 - 0.005) / tau
    assert over_sources([0.0, 0.1, 0.2], [1.0] * 3).between == 0.0
    with pytest.raises(ValueError, match="needs three"):
        over_sources([0.1, 0.2], [0.0, 0.0])


@pytest.mark.parametrize("estimate", [median_estimate, mean_estimate])
def test_an_interval_covers_as_often_as_it_says(estimate):
    rng, covered = np.random.default_rng(5), 0
    for _ in range(600):
        found = estimate(rng.normal(size=20), 0.9)
        covered += found.low <= 0 <= found.high
    assert 0.86 <= covered / 600 <= 0.97


def test_the_median_lies_between_two_values_of_the_sample():
    values = np.random.default_rng(1).exponential(size=30)
    found = median_estimate(values, 0.95)
    ordered = sorted(values)
    r = max(r for r in range(1, 16) if sum(math.comb(30, k) for k in range(r)) / 2**30 <= 0.025)
    assert found == (pytest.approx(np.median(values)), ordered[r - 1], ordered[-r])
    assert np.isinf(median_estimate([1.0, 2.0], 0.95).high)
