"""Bounds on what polynomials miss: against the best polynomial on a grid, found by a linear program, and on planes."""

import jax
import numpy as np
import pytest
from scipy.optimize import linprog

import lossland as ll
from lossland.landscapes._evaluate import pieces
from lossland.landscapes._expansion import DEGREES, _basis, _coefficients, misses, padua

DATA = ll.standardise(ll.load("two_gaussians(n=31, d=3, seed=2)"))
CENTRE = {"weights": np.array([0.4, -1.0, 0.3]), "bias": np.array(0.2)}


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


@pytest.mark.parametrize("order", [2, 3, 7, 12])
def test_padua_points_reproduce_polynomials_and_enlarge_no_more_than_said(order, rng):
    places, constant = padua(order)
    assert places.shape == ((order + 1) * (order + 2) // 2, 2)
    wide = np.polynomial.chebyshev.chebvander2d(places[:, 0], places[:, 1], [order, order])
    j, k = np.meshgrid(np.arange(order + 1), np.arange(order + 1), indexing="ij")
    kept = (j + k <= order).ravel()
    x = rng.uniform(-1.0, 1.0, (200, 2))
    at = np.polynomial.chebyshev.chebvander2d(x[:, 0], x[:, 1], [order, order])
    # All cardinal functions from the Vandermonde matrix, and ours from one point's values each.
    cardinal = at[:, kept] @ np.linalg.inv(wide[:, kept])
    ours = [_coefficients(values, order) for values in np.eye(len(places))]
    got = np.stack([np.einsum("pj,jk,pk->p", _basis(x[:, 0], order), c, _basis(x[:, 1], order)) for c in ours], axis=1)
    np.testing.assert_allclose(got, cardinal, atol=1e-11)
    largest = np.abs(cardinal).sum(axis=1).max()
    assert 0.4 * constant <= largest <= constant


@pytest.mark.slow
@pytest.mark.parametrize("step", [29, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_smooth_planes_are_as_near_as_their_bounds(step, x64, rng):
    axes = ll.random_directions(CENTRE, jax.random.key(4), normalization=None)
    given = {"radius": (0.8, 0.6), "steps": (61, 45), "sample_weights": rng.uniform(0.0, 2.0, DATA.n), "l2": 0.1}
    seen = 0
    for pair in ll.pairs()[::step]:
        if pieces(pair) is not None:
            continue
        near = ll.plane(pair, DATA, CENTRE, axes, **given, tolerance=1e-5)
        if near.method != "expansion":
            continue
        seen += 1
        exact = ll.plane(pair, DATA, CENTRE, axes, **given)
        assert np.abs(near.values - exact.values).max() <= near.error + 1e-13, pair.name
        assert near.error <= 1e-5, pair.name
    assert seen > 100 / step


@pytest.mark.slow
def test_the_bound_needs_scores_that_are_affine(x64):
    model = ll.mlp((3,))
    start = model.init(jax.random.key(0), DATA.d)
    axes = ll.random_directions(start, jax.random.key(1))
    p = ll.plane(ll.pair("identity+logistic"), DATA, start, axes, radius=0.5, steps=45, model=model, tolerance=1e-3)
    assert (p.method, p.error) == ("model", 0.0)
