"""Planes by polynomials: points that reproduce them, and values as near as their bounds say."""

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.landscapes._expansion import _chebyshev, _coefficients, padua

DATA = ll.standardise(ll.load("two_gaussians(n=31, d=3, seed=2)"))
CENTRE = {"weights": np.array([0.4, -1.0, 0.3]), "bias": np.array(0.2)}


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
    got = np.stack(
        [np.einsum("pj,jk,pk->p", _chebyshev(x[:, 0], order), c, _chebyshev(x[:, 1], order)) for c in ours], axis=1
    )
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
