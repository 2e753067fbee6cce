"""Many problems at once, asked for by several threads."""

import threading

import numpy as np
import pytest

import lossland as ll

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
    for each in found.values():
        np.testing.assert_array_equal(each.weights, alone.weights)
