"""Values in rational arithmetic, against a search over margins."""

import numpy as np
import pytest

from lossland.solvers import _exact_value as exact
from lossland.solvers import convex_form
from tests.solvers.random_problems import LOSSES

PIECEWISE = [name for name, loss in LOSSES.items() if convex_form(loss).terms is not None]


@pytest.mark.parametrize("name", PIECEWISE)
def test_gains_are_minus_the_conjugate(name):
    """-phi*(-v) = min over m of v m + phi(m), on a grid that holds the knots; and Fenchel's equality at its margin."""
    terms = convex_form(LOSSES[name]).terms
    problem = exact.exact_problem(terms, np.zeros((2, 1)), np.array([1.0, -1.0]), np.ones(2), True)
    grid = np.arange(-6.0, 6.0625, 0.0625)
    for row in (0, 1):
        boxes = problem.boxes[row]
        losses = np.array([float(exact._loss(boxes, exact.rational(m))) for m in grid])
        low, high = exact._end(boxes, 1), exact._end(boxes, 2)
        low, high = -2.0 if low is None else float(low), 2.0 if high is None else float(high)
        for v in np.linspace(low, high, 17):
            gain, margin = exact._gain(boxes, exact.rational(v))
            least = float(np.min(v * grid + losses))
            assert float(gain) <= least + 1e-12
            assert float(gain) >= least - 0.05
            assert gain == exact.rational(v) * margin + exact._loss(boxes, margin)
        assert exact._gain(boxes, exact.rational(high + 1)) is None or exact._end(boxes, 2) is None


def test_a_point_and_its_bound_by_hand():
    """One positive at 2, one negative at 0, C = 1, at w = 1/4, b = -1/4: margins 1/4 and 1/4."""
    terms = convex_form("hinge").terms
    problem = exact.exact_problem(terms, np.array([[2.0], [0.0]]), np.array([1.0, -1.0]), np.ones(2), True)
    primal, size = exact.exact_primal(problem, np.array([0.25]), -0.25)
    assert primal == size == exact.rational(1 / 32 + 1.5)
    assert exact.exact_bound(problem, np.array([0.5, 0.5])) == exact.rational(1.0 - 0.5)
    # What is off by a digit is balanced on the example that it costs least.
    off = exact.exact_bound(problem, np.array([0.5, 0.5 + 2.0**-40]))
    assert 0 <= exact.rational(0.5) - off <= exact.rational(2.0**-39)
