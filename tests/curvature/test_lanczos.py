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
