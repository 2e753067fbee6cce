"""Many problems at once, asked for by several threads."""

import threading

import numpy as np
import pytest

import lossland as ll
from lossland.solvers import _tiles

PATIENCE = 300
"""Seconds after which two threads are taken to wait for one another; the work takes one or two."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hinge", "logistic"])
def test_two_threads_may_solve_at_once(name):
    """XLA factors a hundred matrices on all threads of its pool: two programs that do so at once never end."""
    data = ll.standardise(ll.load("breast_cancer"))
    drawn = np.random.default_rng(0).multinomial(data.n, np.full(data.n, 1 / data.n), size=1000).astype(float)
    alone = ll.solve(name, data, C=1.0, sample_weights=drawn)
    found = {}

    def work(number):
        found[number] = ll.solve(name, data, C=1.0, sample_weights=drawn)

    threads = [threading.Thread(target=work, args=(k,), daemon=True) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    assert len(found) == 2
    for each in found.values():
        np.testing.assert_allclose(each.objective, alone.objective, rtol=1e-10)
        np.testing.assert_allclose(each.weights, alone.weights, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["hinge", "logistic", "squared_hinge"])
def test_problems_shared_among_threads_are_those_solved_one_by_one(name, monkeypatch):
    """The same tiles in one thread and in several, to the same bits; and against one problem at a time."""
    rng = np.random.default_rng(3)
    inputs = rng.normal(size=(700, 12))
    data = ll.Dataset(inputs, np.where(inputs[:, 0] + 0.5 * rng.normal(size=700) > 0, 1, -1))
    Cs = np.logspace(-3, 2, 8)
    monkeypatch.setattr(_tiles, "_host_tile", lambda count, n, d: 2)
    one = ll.solve(name, data, C=Cs)
    monkeypatch.setattr(_tiles, "_threads", lambda parts, n, d: 3)
    several = ll.solve(name, data, C=Cs)
    for field in ("weights", "bias", "duals", "objective", "gap", "support"):
        np.testing.assert_array_equal(getattr(several, field), getattr(one, field))
    for k, C in enumerate(Cs):
        alone = ll.solve(name, data, C=float(C))
        np.testing.assert_allclose(several.objective[k], alone.objective, rtol=1e-10)


@pytest.mark.parametrize(
    ("parts", "n", "d", "several"),
    [(1, 10**4, 100, False), (9, 569, 30, False), (9, 10**4, 100, True), (9, 10**5, 30, False)],
)
def test_large_problems_of_few_rows_are_shared_among_threads(parts, n, d, several, monkeypatch):
    monkeypatch.setattr(_tiles, "cores", lambda: 4)
    assert (_tiles._threads(parts, n, d) > 1) is several
    tile = _tiles._host_tile(21, n, d)
    assert 1 <= tile <= 21


@pytest.mark.parametrize("name", ["logistic", "huber"])
def test_the_number_of_cores_moves_no_digit(name, monkeypatch):
    rng = np.random.default_rng(4)
    inputs = rng.normal(size=(3000, 70))
    data = ll.Dataset(inputs, np.where(inputs[:, 0] + rng.normal(size=3000) > 0, 1, -1))
    found = []
    for cores in (1, 2, 3):
        monkeypatch.setattr(_tiles, "cores", lambda number=cores: number)
        found.append(ll.solve(name, data, C=np.logspace(-2, 0, 5)))
    for other in found[1:]:
        for field in ("weights", "bias", "duals", "objective", "gap"):
            np.testing.assert_array_equal(getattr(other, field), getattr(found[0], field))


@pytest.mark.parametrize("name", ["logistic", "squared_hinge", "hinge"])
def test_inputs_whose_squares_overflow_count_for_nothing_without_a_weight(name):
    rng = np.random.default_rng(5)
    inputs = rng.normal(size=(60, 3))
    labels = np.where(inputs[:, 0] + rng.normal(size=60) > 0, 1, -1)
    far = np.vstack([np.full((1, 3), 1e200), inputs])
    found = ll.solve(name, ll.Dataset(far, np.r_[1, labels]), C=1.0, sample_weights=np.r_[0.0, np.ones(60)])
    assert found.converged
    np.testing.assert_allclose(found.objective, ll.solve(name, ll.Dataset(inputs, labels), C=1.0).objective, rtol=1e-9)


def test_an_error_in_a_thread_reaches_the_caller():
    def fails(part):
        raise ValueError("of a thread")

    with pytest.raises(ValueError, match="of a thread"):
        list(_tiles._by_threads(fails, [np.arange(2), np.arange(2)], 2))
