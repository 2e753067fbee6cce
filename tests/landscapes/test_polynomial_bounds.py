"""Bounds on what polynomials miss: against the best polynomial on a grid, found by a linear program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog

import lossland as ll
from lossland.landscapes._polynomial_bounds import DEGREES, _largest_curvature, misses


def least_miss(values, x, degree):
    """The smallest largest deviation from `values` at x of any polynomial, by a linear program."""
    basis = np.polynomial.chebyshev.chebvander(x, degree)
    ones = np.ones((len(x), 1))
    bounds = [(None, None)] * (degree + 1) + [(0.0, None)]
    cost = np.append(np.zeros(degree + 1), 1.0)
    table = np.block([[basis, -ones], [-basis, -ones]])
    found = linprog(cost, table, np.concatenate([values, -values]), bounds=bounds)
    assert found.status == 0
    return found.fun


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "label"), [("identity+logistic", 1), ("sigmoid+squared", -1), ("tanh+exponential", 1)]
)
def test_bounds_lie_above_the_best_polynomial_and_near_it(name, label, x64, rng):
    pair = ll.pair(name)
    found = misses(pair, 8.0)
    assert found is not None
    middles, radii = np.append(rng.uniform(-4.0, 4.0, 5), [0.0, 5.0]), np.append(rng.uniform(0.5, 4.0, 5), [8.0, 3.0])
    bounds = found[0 if label > 0 else 1].of(middles, radii)
    for middle, radius, bound in zip(middles, radii, bounds, strict=True):
        x = np.cos(np.pi * np.arange(301) / 300)
        scores = middle + radius * x
        values = np.asarray(pair(scores, np.full_like(scores, float(label))))
        for degree in (2, 4, 8):
            least = least_miss(values, x, degree)
            # What the table loses: intervals a tenth longer, and sums of coefficients for the largest deviation.
            assert least <= bound[DEGREES.index(degree)] * (1 + 1e-9)
            assert bound[DEGREES.index(degree)] <= 6.0 * least + 1e-7


def test_what_bends_within_reach_has_no_bound(x64):
    assert misses(ll.pair("relu", "hinge"), 4.0) is None
    assert misses(ll.pair("identity", "hinge"), 4.0) is None


@pytest.mark.parametrize("at", [0.3, -2.71, 5.0])
@pytest.mark.parametrize("width", [1e-2, 1e-3, 1e-4])
def test_the_curvature_of_a_narrow_bump_is_bounded(at, width, x64):
    """It may lie between all nodes of the table."""

    @ll.margin_loss
    def bumped(margin):
        return ll.losses.logistic(margin) + 1e-3 * width**2 * jnp.exp(-(((margin - at) / width) ** 2))

    pair = ll.pair("identity", bumped)
    scores = at + width * np.linspace(-3.0, 3.0, 601)
    largest = float(np.abs(np.asarray(pair.curvature(scores, 1.0))).max())
    for row, label in enumerate((1.0, -1.0)):
        bound = _largest_curvature(pair, label, row, 8.0)
        assert largest <= bound * (1 + 1e-12)


def test_a_curvature_that_cannot_be_read_is_estimated(x64):
    @ll.margin_loss
    def in_a_loop(margin):
        return jax.lax.fori_loop(0, 1, lambda _, total: total + jax.nn.softplus(-margin), jnp.zeros_like(margin))

    estimated = _largest_curvature(ll.pair("identity", in_a_loop), 1.0, 0, 8.0)
    assert estimated == pytest.approx(1.01 * 0.25, rel=1e-3)
    assert _largest_curvature(ll.pair("identity", "logistic"), 1.0, 0, 8.0) == pytest.approx(0.25, rel=2e-3)
