"""Lanczos' method: no step goes past the space that a start spans."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from lossland.curvature import _lanczos as krylov


@pytest.mark.slow
def test_lanczos_stops_where_its_space_ends(x64):
    times = functools.partial(jnp.matmul, jnp.diag(jnp.asarray([1.0, 1.0, 2.0, 2.0, 5.0])))
    found = krylov.tridiagonal(times, jnp.ones(5), 5)
    assert int(found.valid) == 3
    small = np.asarray(krylov.dense_form(found))[:3, :3]
    np.testing.assert_allclose(np.linalg.eigvalsh(small), [1.0, 2.0, 5.0], atol=1e-12)
    assert int(krylov.tridiagonal(jnp.zeros_like, jnp.ones(5), 5).valid) == 1


def test_steps_added_later_are_the_steps_taken_at_once(x64, rng):
    matrix = rng.normal(size=(40, 40))
    matrix = jnp.asarray(matrix + matrix.T)
    start = jnp.asarray(rng.normal(size=40))
    once = krylov.tridiagonal(matrix.dot, start, 40)
    found = krylov.begun(start, 12)
    for steps in (5, 12, 13, 40):
        found = krylov.extended(matrix.dot, krylov.roomier(found, max(steps, 12)), steps)
    np.testing.assert_allclose(found.rows @ found.rows.T, np.eye(40), atol=1e-13)
    np.testing.assert_allclose(found.rows, once.rows, atol=1e-9)
    values = np.linalg.eigvalsh(np.asarray(krylov.dense_form(found)))
    np.testing.assert_allclose(values, np.linalg.eigvalsh(np.asarray(matrix)), atol=1e-12)
    assert int(found.valid) == int(found.taken) == 40
