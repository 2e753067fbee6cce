"""Global minima in a box with proven bounds, against exact solutions and random points."""

import numpy as np
import pytest

import lossland as ll
from tests.minima.cases import by_pair


@pytest.mark.slow
def test_the_global_minimum_of_a_convex_pair_is_that_of_solve():
    rng = np.random.default_rng(4)
    data = ll.Dataset(rng.normal(size=(40, 3)), np.where(rng.uniform(size=40) < 0.5, 1, -1))
    found = ll.global_minimum("identity+hinge", data, l2=0.1)
    exact = ll.solve("hinge", data, C=1 / (40 * 0.1))
    assert found.proven
    assert found.value == pytest.approx(0.1 * float(exact.objective), abs=2e-6)
    plain = ll.global_minimum("identity+hinge", data)
    assert ll.local_minimum("identity+hinge", data, plain.params).minimal


def test_the_global_minimum_of_a_non_convex_pair_in_three_dimensions():
    rng = np.random.default_rng(8)
    inputs = rng.normal(size=(30, 2))
    data = ll.Dataset(inputs, np.where(inputs[:, 0] + 1.5 * rng.normal(size=30) > 0, 1, -1))
    found = ll.global_minimum("identity+ramp", data, box=20.0)
    assert found.proven
    assert np.abs(found.point).max() < 19.0
    assert ll.local_minimum("identity+ramp", data, found.point).minimal

    def value(points):
        return by_pair(ll.pair("identity+ramp"), data, points, 0.0, True)

    tried = rng.uniform(-20, 20, size=(50_000, 3))
    assert value(tried).min() >= found.bound
    stopped = ll.global_minimum("identity+ramp", data, box=20.0, seconds=1e-6)
    assert stopped.value < value(np.zeros((1, 3)))[0] - 0.1
    assert not stopped.proven
    assert stopped.bound <= found.value <= stopped.value
