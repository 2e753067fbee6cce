"""The page's tables: small, exact on lines, within their tolerance elsewhere."""

import numpy as np
import pytest

import lossland as ll
from lossland.curves import tabulate
from lossland.page._nodes import SLOPE_TOLERANCE, TOLERANCE, thinned


def test_a_thin_table_is_small_and_exact_where_a_pair_is_made_of_lines():
    pair = ll.pair("relu", "hinge")
    thin = thinned(pair, tabulate(pair))
    assert thin.scores.size == 6
    assert max(thin.errors) < 1e-15
    # The slope at ReLU's kink, positives and negatives: 0 with jax.nn.relu's tie, the steeper side's with tie 1.
    assert thin.ties[0, :, 1].tolist() == [[0.0, 0.0], [-1.0, 1.0]]


@pytest.mark.parametrize(
    "name", ["hard_sigmoid+cross_entropy", "identity+exponential", "arctan+hinge", "step+zero_one"]
)
def test_a_thin_table_keeps_its_tolerance(name):
    pair = ll.pair(name)
    thin = thinned(pair, tabulate(pair))
    assert thin.errors[0] <= TOLERANCE
    assert thin.errors[1] <= SLOPE_TOLERANCE
    assert 4 <= thin.scores.size < 600
    assert np.isfinite(thin.scores).all()
