"""The hard margin: what a large C gives, or a proof that no line separates."""

import numpy as np
import pytest

import lossland as ll
from tests.linear_problems import problems


@pytest.mark.slow
def test_a_pair_of_points_is_separated_exactly_once_C_reaches_its_duals():
    """Theory, section 6: alpha = (1/3, 2/3); any C >= 2/3 gives w = (1, 0), and C just below does not."""
    data = ll.Dataset(inputs=[[1.0, 2.0], [-1.0, 1.0]], labels=[1, -1])
    sol = ll.solve("hinge", data, C=[0.7, 1.0, 10.0, 0.6666], bias=False)
    np.testing.assert_allclose(sol.weights[:3], [[1.0, 0.0]] * 3, atol=1e-12)
    np.testing.assert_allclose(sol.duals[:3], [[1 / 3, 2 / 3]] * 3, atol=1e-12)
    np.testing.assert_allclose(sol.weights[3], [0.99992, 4e-5], atol=2e-5)
    hard = ll.solve("hinge", data, C=np.inf, bias=False)
    np.testing.assert_allclose(hard.weights, [1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(hard.duals, [1 / 3, 2 / 3], atol=1e-12)


def separable(seed=0, n=40, d=4):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    w = rng.normal(size=d)
    return ll.Dataset(inputs=x, labels=np.where(x @ w + 0.2 > 0, 1, -1))


@pytest.mark.slow
def test_the_hard_margin_is_what_a_large_C_gives():
    data = separable()
    hard = ll.solve("hinge", data, C=np.inf)
    assert hard.converged
    soft = ll.solve("hinge", data, C=np.full(18, 2 * hard.duals.max()))
    np.testing.assert_allclose(soft.weights[0], hard.weights, rtol=1e-8)
    np.testing.assert_allclose(soft.objective[0], hard.objective, rtol=1e-10)
    margins = data.labels * (data.inputs @ hard.weights + hard.bias)
    assert margins.min() > 1 - 1e-12
    np.testing.assert_allclose(margins[hard.support == 1], 1, atol=1e-8)
    below = ll.solve("hinge", data, C=np.full(18, 0.9 * hard.duals.max()))
    assert below.objective[0] < hard.objective * (1 - 1e-6)


@pytest.mark.parametrize("bias", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_what_cannot_be_separated_is_proved(bias):
    data, _, _ = problems(1)
    with pytest.raises(ll.NotSeparable, match="share a point") as caught:
        ll.solve("hinge", data, C=np.inf, bias=bias)
    share = caught.value.combination
    assert np.all(share >= 0)
    np.testing.assert_allclose((share * data.labels) @ data.inputs, 0, atol=1e-8)
    if bias:
        np.testing.assert_allclose([share[data.labels > 0].sum(), share[data.labels < 0].sum()], 1)
    else:
        np.testing.assert_allclose(share.sum(), 1)
