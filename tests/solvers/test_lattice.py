"""Last digits that cancel: what is found against what single digits can do."""

import numpy as np
import pytest

from lossland.solvers._lattice import last_digits


@pytest.mark.parametrize(("m", "p"), [(1, 3), (4, 20), (20, 60)])
def test_many_digits_do_better_than_one(m, p):
    rng = np.random.default_rng(m)
    rows = rng.normal(size=(m, p))
    digits = 2.0**-56 * 2.0 ** rng.integers(-3, 1, p)
    off = 3e-17 * rng.normal(size=m)
    moves = last_digits(rows, digits, off, 1e-3)
    np.testing.assert_array_equal(moves, np.round(moves))
    left = np.abs(off + rows @ (moves * digits)).max()
    assert left < (0.5 if m == 1 else 1e-2) * np.abs(off).max()
    assert np.abs(moves).max() < 1e6


def test_as_many_scores_as_weights_leave_no_choice():
    assert last_digits(np.eye(3), np.full(3, 1e-16), np.ones(3), 1e-3) is None
    assert last_digits(np.ones((1, 3)), np.full(3, 1e-16), np.zeros(1), 1e-3) is None
