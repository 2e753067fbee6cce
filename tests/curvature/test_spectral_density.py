"""The distribution of eigenvalues, exact and by quadrature, against the dense Hessian."""

import numpy as np
import pytest

import lossland as ll
from tests.curvature.cases import DATA, SLOW, linear, network, reference


@pytest.mark.slow
@pytest.mark.parametrize("case", [linear, pytest.param(network, marks=SLOW)])
@pytest.mark.parametrize("formed", [True, False])
def test_density_integrates_to_one_and_has_the_mean_of_the_trace(case, formed, x64):
    f, params = case()
    matrix = reference(f, params)
    found = ll.spectral_density(f, params, dense=formed, samples=400)
    assert found.exact == formed
    np.testing.assert_allclose(np.sum(found.weights), 1.0, atol=1e-12)
    np.testing.assert_allclose(np.trapezoid(found.density, found.grid), 1.0, atol=1e-8)
    mean = np.trace(matrix) / len(matrix)
    slack = 1e-8 if formed else 0.05 * np.abs(np.linalg.eigvalsh(matrix)).max()
    np.testing.assert_allclose(np.trapezoid(found.density * found.grid, found.grid), mean, atol=slack)
    np.testing.assert_allclose(found.nodes @ found.weights, mean, atol=slack)


@pytest.mark.slow
def test_no_spurious_value_when_asked_for_more_steps_than_dimensions(x64):
    """Steps past the end of the space would give Ritz values of rounding error, negative ones on a convex problem."""
    f, params = linear(data=ll.Dataset(inputs=DATA.inputs[:, :29], labels=DATA.labels), l2=0.0)
    values = np.linalg.eigvalsh(reference(f, params))
    found = ll.spectral_density(f, params, steps=100, dense=False)
    assert found.nodes[0] >= values[0] - 1e-12
    assert found.nodes[-1] <= values[-1] + 1e-12
    assert found.nodes.size <= 30 * 10
    distance = np.abs(np.asarray(found.nodes)[:, None] - values).min(axis=1)
    assert distance.max() < 1e-8


@SLOW
def test_quadrature_agrees_with_the_exact_density(x64):
    f, params = network()
    exact = ll.spectral_density(f, params, dense=True, width=0.2)
    found = ll.spectral_density(f, params, dense=False, width=0.2, samples=300, steps=40)
    at = [np.interp(exact.grid, found.grid, part) for part in (found.density, found.error)]
    np.testing.assert_allclose(at[0], exact.density, atol=0.1)
    # The stated error: of points where the density is not nearly 0, most lie within two of it.
    seen = np.asarray(exact.density) > 0.05
    assert np.mean(np.abs(at[0] - exact.density)[seen] <= 2 * at[1][seen]) > 0.7
    assert at[1][seen].max() < 0.1
    assert not np.any(exact.error)
