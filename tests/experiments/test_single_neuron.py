"""The proofs about one neuron: exact fractions, a plain loop over one neuron, and sampled Gaussians as references."""

import re
from fractions import Fraction
from math import comb, exp

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize

from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("single_neuron")
CONFIG = EXPERIMENT.Config(starts=600, gaussian_starts=40, sets=200, set_steps=5000)


def test_the_claims_hold(outcome):
    assert len(outcome.verdicts) == 11
    assert [v.claim for v in outcome.verdicts if not v.holds] == []
    assert all(type(v.holds) is bool for v in outcome.verdicts)


def test_the_failing_bound_in_fractions(results):
    few = Fraction(sum(comb(40, k) for k in range(10)), 2**40)
    assert float(results.few.sel(d=40)) == pytest.approx(float(few), rel=1e-15)
    assert exp(-10) < float(few) < exp(-5)
    assert float(results.printed.sel(d=40)) == pytest.approx(exp(-10), rel=1e-15)


def test_the_gaussian_gradient_is_the_mean_over_samples(rng):
    inputs = rng.normal(size=(200_000, 3))
    w, v = np.array([0.3, -1.0, 0.4]), np.array([0.5, 0.2, -0.9])
    z, target = inputs @ w, np.maximum(inputs @ v, 0)
    each = ((np.maximum(z, 0) - target) * (z > 0))[:, None] * inputs
    away = np.abs(each.mean(axis=0) - EXPERIMENT.pull(w, v))
    assert np.all(away < 5 * each.std(axis=0) / np.sqrt(len(inputs)))


def test_the_gaussian_gradient_is_a_quadrature_over_directions(rng):
    """In two dimensions E f(x) is E |x|^2 = 2 times the mean over the circle, and half of it has w.x > 0."""
    v = np.array([0.6, -0.8])

    def along(turn, w, axis):
        u = np.array([np.cos(turn), np.sin(turn)])
        return (w @ u - max(0.0, v @ u)) * u[axis]

    for w in rng.normal(size=(5, 2)):
        low = np.arctan2(w[1], w[0]) - np.pi / 2
        turned = [(np.arctan2(v[1], v[0]) + side * np.pi / 2 - low) % (2 * np.pi) + low for side in (-1, 1)]
        kinks = [turn for turn in turned if turn < low + np.pi]
        by_angles = [quad(along, low, low + np.pi, args=(w, k), points=kinks)[0] / np.pi for k in (0, 1)]
        np.testing.assert_allclose(EXPERIMENT.pull(w, v), by_angles, atol=1e-8)
    np.testing.assert_allclose(EXPERIMENT.pull(-1.5 * v, v), -0.75 * v, atol=1e-15)


def test_descent_is_a_plain_loop_and_the_nearest_point_is_a_projection(rng):
    inputs, start = rng.normal(size=(2, 3, 3)), rng.normal(size=(2, 3))
    targets = np.tile([1.0, 0.0, 0.0], (2, 1))
    w = start[1].copy()
    for _ in range(50):
        for_all = np.zeros(3)
        for x, y in zip(inputs[1], targets[1], strict=True):
            z = w @ x
            for_all += (z - y) * x if z > 0 else 0.2 * (0.2 * z - y) * x
        w = w - 0.1 * for_all
    np.testing.assert_allclose(EXPERIMENT.descended(inputs, targets, start, 0.2, 50)[0][1], w, atol=1e-12)
    found = EXPERIMENT.nearest(inputs[0], targets[0], start[0])
    limits = [
        {"type": "eq", "fun": lambda w: inputs[0, 0] @ w - 1.0},
        {"type": "ineq", "fun": lambda w: -inputs[0, 1:] @ w},
    ]
    by_sqp = minimize(lambda w: np.sum((w - start[0]) ** 2), found + 1.0, constraints=limits, tol=1e-12).x
    np.testing.assert_allclose(found, by_sqp, atol=1e-5)


def test_claims_can_fail(failing, results):
    assert any("stays dead" in claim for claim in failing(risk=results.risk + 1e-6))
    assert any("fair coins" in claim for claim in failing(negative=0 * results.negative))
    assert any("Hoeffding" in claim for claim in failing(hoeffding=results.printed))
    assert any("twice as far" in claim for claim in failing(gone=3 * results.gone))
    assert any("nearest solution: off" in claim for claim in failing(leaky_loss=results.leaky_loss + 1))


def test_figures_and_numbers(drawn, results):
    (figure,) = drawn.values()
    assert all(axes.get_xlabel() and axes.get_ylabel() for axes in figure.axes)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert sum(heights) == pytest.approx(100.0)
    told = EXPERIMENT.numbers(results)
    assert all(re.fullmatch("[a-z_]+", name) and re.fullmatch(r"[\d.e-]+", value) for name, value in told.items())
    assert told["bound_first_broken"] == "24"
