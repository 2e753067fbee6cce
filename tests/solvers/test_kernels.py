"""Kernels and their factors, against two loops."""

import numpy as np
import pytest

from lossland.solvers import _kernels as grams
from tests.solvers.cases import DATA, gaussian


def test_the_gaussian_far_from_the_origin():
    far = DATA.inputs + 1e6
    np.testing.assert_allclose(
        grams.evaluate(grams.bound_kernel("rbf", far, 0.5, 3, 0.0), far, far), gaussian(far, far, 0.5), rtol=1e-12
    )


@pytest.mark.parametrize("shape", [(1, 3), (57, 3), (900, 2), (40, 700)])
def test_kernels_on_the_host_are_the_functions(shape, x64):
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(70, shape[1])), rng.normal(size=shape)
    for degree in (1, 2, 3, 6, 7):
        kernel = grams.bound_kernel("polynomial", b, 0.3, degree, 0.5)
        np.testing.assert_allclose(grams.evaluate(kernel, a, b), kernel(a, b), rtol=1e-10, atol=1e-12)
    kernel = grams.bound_kernel("rbf", b, "scale", 3, 0.0)
    want = np.exp(-kernel.keywords["gamma"] * ((a[:, None] - b) ** 2).sum(-1))
    np.testing.assert_allclose(grams.evaluate(kernel, a, b), want, rtol=1e-12)
    np.testing.assert_allclose(grams.evaluate(kernel, a, b), kernel(a, b), rtol=1e-12)


def test_the_gaussian_of_what_overflows_is_refused():
    far = DATA.inputs * 1e200
    with pytest.raises(ValueError, match="not finite"):
        grams.checked_matrix(grams.bound_kernel("rbf", DATA.inputs, 0.5, 3, 0.0), far)


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e160, 1e300])
def test_a_gamma_that_no_float_holds_is_refused(size):
    """At 1e-170 the variance is 0 in float64, and gamma was taken to be 1."""
    with pytest.raises(ValueError, match="Scale the inputs, or give gamma as a number"):
        grams.bound_kernel("rbf", DATA.inputs * size, "scale", 3, 0.0)
    assert grams.is_linear(grams.bound_kernel("linear", DATA.inputs * size, "scale", 3, 0.0))
    one = np.full((4, 2), size)
    assert grams.bound_kernel("rbf", one, "scale", 3, 0.0).keywords == {"gamma": 1.0}


@pytest.mark.parametrize("seed", range(5))
def test_equal_rows_are_found(seed):
    """A set with equal rows is never said to have none; one without is, but for a collision of hashes."""
    rng = np.random.default_rng(seed)
    for d in (1, 2, 7):
        real = rng.normal(size=(300, d))
        assert grams.distinct_rows(real)
        assert not grams.distinct_rows(np.vstack([real, real[rng.integers(300)]])[rng.permutation(301)])
        whole = rng.integers(-3, 4, size=(40, d)) * 1.0
        if len(np.unique(whole, axis=0)) < 40:
            assert not grams.distinct_rows(whole)
        zeros = np.vstack([whole[:1] * 0.0, whole[:1] * -0.0])
        assert not grams.distinct_rows(zeros)
    assert grams.distinct_rows(np.arange(1000.0)[:, None] * [1.0, 0.0])


def test_pivoted_cholesky_is_a_factor():
    kernel = grams.bound_kernel("rbf", DATA.inputs, 0.5, 3, 0.0)
    factor, chosen = grams.pivoted_cholesky(kernel, DATA.inputs, DATA.n)
    np.testing.assert_allclose(factor @ factor.T, gaussian(DATA.inputs, DATA.inputs, 0.5), atol=1e-11)
    assert len(set(chosen)) == len(chosen)
    np.testing.assert_array_equal(np.triu(factor[chosen], 1), 0.0)
