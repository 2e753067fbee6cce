"""Autodiff's choices at kinks: which are Clarke subgradients, and which are not."""

import numpy as np
import pytest

import lossland as ll

pytestmark = pytest.mark.slow


def test_autodiff_on_the_identity_written_with_relus():
    """theory.md 7.8: id(x) = relu(x) - relu(-x) has slope 0 at 0 under tie 0, 1 under tie 1/2 and 2 under tie 1."""

    @ll.activation(range=(-np.inf, np.inf))
    def clarke_test_identity(score, tie=0.0):
        return ll.activations.relu(score, tie) - ll.activations.relu(-score, tie)

    data = ll.Dataset([[1.0], [2.0], [-1.0]], [1, 1, -1])
    plain = ll.minima.autodiff_selections("identity+hinge", data, [0.0, 0.0])
    assert all(s.inside for s in plain)
    odd = ll.minima.autodiff_selections(ll.pair(clarke_test_identity, "hinge"), data, [0.0, 0.0])
    assert [s.inside for s in odd] == [False, True, False]
    np.testing.assert_array_equal(odd[0].gradient, 0.0)
    np.testing.assert_allclose(odd[2].gradient, 2 * plain[0].gradient)
    true = ll.clarke_stationarity(ll.pair(clarke_test_identity, "hinge"), data, [0.0, 0.0])
    np.testing.assert_allclose(true.least, plain[0].gradient)
    assert not true.stationary


def test_a_selection_may_leave_the_set_though_each_slope_is_in_its_interval():
    # One point with both labels at z = 1: the two losses add up to 2 on both sides, so the set is {0}.
    data = ll.Dataset([[1.0], [1.0]], [1, -1])
    found = ll.minima.autodiff_selections("hard_tanh+hinge", data, [0.0, 1.0])
    assert [s.inside for s in found] == [True, False, True]
    # Under tie 1/2 the positive's slope is -1/2 * 1/2 and the negative's 1/2.
    np.testing.assert_allclose(found[1].gradient, 0.125)
    assert found[1].distance == pytest.approx(0.125 * np.sqrt(2))
    assert ll.clarke_stationarity("hard_tanh+hinge", data, [0.0, 1.0]).norm == 0.0
