"""The interior point: its steps do not go round in a circle."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

import lossland as ll


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "C"), [(18, 400.0), (36, 256.0)])
def test_steps_do_not_go_round_in_a_circle(seed, C):
    """Two of the cases in which the full bend of the predictor led the interior point in a circle of four steps."""
    flowers, kinds = map(np.asarray, load_iris(return_X_y=True))
    chosen = np.random.default_rng(seed).choice(100, 64, replace=False)
    inputs = flowers[chosen]
    data = ll.Dataset((inputs - inputs.mean(axis=0)) / inputs.std(axis=0), np.where(kinds[chosen] == 1, 1, -1))
    sol = ll.solve("hinge", data, C=C)
    assert sol.converged
    assert sol.objective == pytest.approx(float(ll.solve("hinge", data, C=np.inf).objective), rel=1e-8)
