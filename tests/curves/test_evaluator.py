"""The scores at which every pair is looked at."""

import numpy as np

from lossland.curves._evaluator import grid


def test_no_node_is_zero_and_the_grid_is_symmetric():
    nodes = grid()
    assert np.all(np.diff(nodes) > 0)
    np.testing.assert_array_equal(nodes, -nodes[::-1])
    assert np.abs(nodes).min() > 1e-3
