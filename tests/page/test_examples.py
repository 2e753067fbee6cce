"""The page's data sets are small and planar, and their marked optima those of `solve`."""

import numpy as np
import pytest

import lossland as ll
from lossland.page._examples import CLOUDS, L2S, cloud, described


def test_clouds_are_small_planar_and_known():
    for name in CLOUDS:
        data = cloud(name)
        assert data.d == 2
        assert data.n <= 200
        assert set(data.labels) == {-1.0, 1.0}
    with pytest.raises(ValueError, match="no data set 'moon'"):
        cloud("moon")


@pytest.mark.slow
def test_marked_optima_are_those_of_solve():
    told = described("gaussians")
    sol = ll.solve("hinge", cloud("gaussians"), l2=[L2S[3]])
    np.testing.assert_allclose(told["optima"]["SVM"][2], [*sol.weights[0], sol.bias[0]], rtol=1e-6)
