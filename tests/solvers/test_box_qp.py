"""Quadratics over a box with one equation, against clarabel and a linear program."""

import numpy as np
import pytest
from scipy.optimize import linprog

from lossland.solvers import _box_qp as boxes
from tests.solvers.cases import SEED, by_clarabel


def value(box, beta):
    return 0.5 * beta @ box.kernel @ beta - box.target @ beta


def random_box(seed, unbounded):
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(25, 40 if seed % 2 else 8))
    low, high = -rng.uniform(0, 2, 25), rng.uniform(0, 2, 25)
    if unbounded:
        low, high = np.where(rng.random(25) < 0.3, -np.inf, low), np.where(rng.random(25) < 0.3, np.inf, high)
        factor = rng.normal(size=(25, 40))
    return boxes.Box(factor @ factor.T, 3 * rng.normal(size=25), low, high)


@pytest.mark.parametrize("unbounded", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_boxes_against_clarabel(seed, unbounded):
    box = random_box(seed, unbounded)
    want = by_clarabel(*box)
    for found, rtol in ((boxes.solve_box(box), 1e-9), (boxes.interior(box), 1e-8)):
        assert np.all((found.beta >= box.low) & (found.beta <= box.high))
        assert abs(found.beta.sum()) < 1e-9
        np.testing.assert_allclose(value(box, found.beta), want, rtol=rtol)


@pytest.mark.parametrize("most", [0.01, 1.0, 30.0])
def test_a_kernel_machine_of_some_size_against_clarabel(most):
    """Nearly all at an end, or nearly none: pairs hand over to active sets at once, or go on."""
    rng = np.random.default_rng(SEED)
    inputs = rng.normal(size=(240, 3))
    t = np.where(inputs[:, 0] + 0.5 * rng.normal(size=240) > 0, 1.0, -1.0)
    kernel = np.exp(-0.3 * ((inputs[:, None] - inputs) ** 2).sum(-1))
    low, high = np.sort(np.stack([0 * t, most * t]), axis=0)
    box = boxes.Box(kernel, t, low, high)
    found = boxes.solve_box(box)
    assert found.settled
    assert np.all((found.beta >= low) & (found.beta <= high))
    assert abs(found.beta.sum()) <= 1e-12 * np.abs(found.beta).sum()
    np.testing.assert_allclose(found.fitted, kernel @ found.beta, rtol=0, atol=1e-11 * most)
    np.testing.assert_allclose(value(box, found.beta), by_clarabel(*box), rtol=1e-8)


def test_coordinates_that_cancel_in_their_group():
    rng = np.random.default_rng(SEED)
    group, target = np.repeat([0, 1, 2, 3], [1, 4, 2, 2]), rng.normal(size=9)
    low, high = -rng.uniform(0, 2, 9), rng.uniform(0, 2, 9)
    low[-2:] = 0.5
    base = boxes.cancelling(target, low, high, group)
    assert np.all((base >= low) & (base <= high) | (group == 3))
    np.testing.assert_array_equal(base[(group == 0) | (group == 3)], 0.0)
    for held in (group == 1, group == 2):
        assert abs(base[held].sum()) < 1e-15
        best = linprog(-target[held], A_eq=np.ones((1, held.sum())), b_eq=[0], bounds=np.c_[low, high][held])
        np.testing.assert_allclose(target[held] @ base[held], -best.fun, rtol=1e-9)


def test_the_interior_point_takes_over_where_active_sets_do_not_settle(monkeypatch):
    box = random_box(1, False)
    want = boxes.solve_box(box)
    original = boxes._active_sets
    monkeypatch.setattr(boxes, "_active_sets", lambda *given, **how: original(*given, **how)._replace(settled=False))
    found = boxes.solve_box(box)
    assert not found.settled
    np.testing.assert_allclose(value(box, found.beta), value(box, want.beta), rtol=1e-9)
