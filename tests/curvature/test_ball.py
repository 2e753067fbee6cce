"""The largest value of a quadratic in a ball, of traced numbers: as the one found on the host."""

import jax.numpy as jnp
import numpy as np

from lossland.curvature._ball import ball_maximum, ball_point


def test_a_ball_maximum_of_traced_numbers(x64):
    rng = np.random.default_rng(0)
    for values in ([-3.0, -2.0, -1.0], [-1.0, 0.0, 2.0], [1.0, 2.0, 2.0], [0.0, 0.0, 0.0]):
        for slopes in (rng.normal(size=3), np.array([1.0, 0.5, 0.0]), np.zeros(3), np.array([0.0, 0.0, 1e-9])):
            for radius in (0.1, 1.0, 10.0):
                point = np.asarray(ball_point(jnp.array(values), jnp.array(slopes), radius))
                assert np.linalg.norm(point) <= radius * (1 + 1e-9)
                value = slopes @ point + 0.5 * np.sum(np.array(values) * point**2)
                np.testing.assert_allclose(value, ball_maximum(np.array(values), slopes, radius)[1], atol=1e-12)
