"""Cells around a point and least elements of boxes and hulls, against each other and by sampling."""

import itertools

import numpy as np
import pytest

from lossland.minima._subdifferential import Around, cones, least_between, least_in_hull

pytestmark = pytest.mark.slow


def test_cells_are_all_and_only_the_cells(rng):
    for d, m in ((1, 4), (2, 5), (3, 5), (4, 6)):
        rows = rng.integers(-2, 3, size=(m, d)).astype(float)
        rows = rows[rows.any(axis=1)]
        ours = {tuple(s) for s in cones(rows)}
        drawn = np.sign(rng.standard_normal((20000, d)) @ rows.T)
        assert {tuple(s) for s in drawn if s.all()} == ours


def test_least_elements_of_boxes_and_hulls(rng):
    for _ in range(20):
        around = Around(rng.normal(size=3), rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=4))
        corners = np.array([around.gradients(np.array([s]))[0] for s in itertools.product((-1.0, 1.0), repeat=4)])
        np.testing.assert_allclose(least_between(around), least_in_hull(corners), atol=1e-7)
        target = rng.normal(size=3)
        np.testing.assert_allclose(least_between(around, target), least_in_hull(corners, target), atol=1e-7)
