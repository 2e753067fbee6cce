"""The walk along the hinge's path: margins that depend on each other are refused."""

import numpy as np
import pytest

from lossland.solvers import _hinge_walk as walks


def test_duplicates_on_the_margin_all_at_once_are_refused():
    inputs, labels = np.array([[1.0], [-1.0], [1.0], [-1.0]]), np.array([1, -1, 1, -1])
    with pytest.raises(ValueError, match=r"degenerate: .* depend on each other"):
        walks._line(walks.HingeProblem(inputs @ inputs.T, labels, np.ones(4)), np.ones(4, int))
