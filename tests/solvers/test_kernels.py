"""Kernels and their factors, against two loops."""

import numpy as np

from lossland.solvers import _kernels as grams
from tests.solvers.cases import DATA, gaussian


def test_the_gaussian_far_from_the_origin():
    far = DATA.inputs + 1e6
    np.testing.assert_allclose(
        grams.evaluate(grams.bound_kernel("rbf", far, 0.5, 3, 0.0), far, far), gaussian(far, far, 0.5), rtol=1e-12
    )


def test_pivoted_cholesky_is_a_factor():
    kernel = grams.bound_kernel("rbf", DATA.inputs, 0.5, 3, 0.0)
    factor, chosen = grams.pivoted_cholesky(kernel, DATA.inputs, DATA.n)
    np.testing.assert_allclose(factor @ factor.T, gaussian(DATA.inputs, DATA.inputs, 0.5), atol=1e-11)
    assert len(set(chosen)) == len(chosen)
    np.testing.assert_array_equal(np.triu(factor[chosen], 1), 0.0)
