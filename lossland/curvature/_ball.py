"""The largest value of a quadratic in a ball."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


def ball_maximum(values: np.ndarray, slopes: np.ndarray, radius: float) -> tuple[np.ndarray, float]:
    r"""The largest value of a quadratic in a ball.

    .. math:: \max_{\|y\| \le r} c^\top y + \frac12 \sum_j \lambda_j y_j^2

    Args:
        values: lambda, (p,), increasing.
        slopes: c, (p,).
        radius: r > 0.

    Returns:
        The maximiser (p,) and the value there, exact up to rounding, whatever the signs.

    Example:
        >>> import numpy as np
        >>> point, value = ball_maximum(np.array([-1.0, 2.0]), np.array([0.0, 0.0]), 3.0)
        >>> np.abs(point).tolist(), value
        ([0.0, 3.0], 9.0)

    Source: More & Sorensen (1983).
    """

    def told(y: np.ndarray) -> tuple[np.ndarray, float]:
        return y, float(slopes @ y + 0.5 * np.sum(values * y * y))

    def at(shift: float) -> np.ndarray:
        return slopes / (shift + (top - values))

    top = max(float(values[-1]), 0.0)
    if values[-1] < 0 and np.linalg.norm(slopes / values) <= radius:
        return told(-slopes / values)
    low, high = 0.0, float(np.linalg.norm(slopes)) / radius
    if high > 0:
        for _ in range(200):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if middle > 0 and np.linalg.norm(at(middle)) > radius else (low, middle)
            if middle == 0:
                break
    y = at(high) if high > 0 else np.zeros_like(slopes)
    # The hard case: the gradient has no part along the top eigenvector, which then fills up the radius.
    short = radius**2 - float(y @ y)
    if short > 1e-12 * radius**2:
        y[-1] += math.copysign(math.sqrt(y[-1] ** 2 + short) - abs(y[-1]), y[-1])
    return told(y)


def ball_point(values: Array, slopes: Array, radius: float) -> Array:
    """The maximiser that `ball_maximum` finds, (p,), of numbers that JAX traces, in their own precision."""
    top = jnp.maximum(values[-1], 0.0)

    def at(shift: Array) -> Array:
        return slopes / (shift + (top - values))

    def length(shift: Array) -> Array:
        return jnp.linalg.norm(jnp.where(slopes == 0, 0.0, at(shift)))

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = 0.5 * (low + high)
        far = (middle > 0) & (length(middle) > radius)
        return jnp.where(far, middle, low), jnp.where(far, high, middle)

    high = jnp.linalg.norm(slopes) / radius
    _, high = jax.lax.fori_loop(0, 200, halve, (jnp.zeros_like(high), high))
    y = jnp.where(slopes == 0, 0.0, at(high))
    # The hard case: the gradient has no part along the top eigenvector, which then fills up the radius.
    short = jnp.maximum(radius**2 - jnp.sum(y * y), 0.0)
    y = y.at[-1].set(jnp.copysign(jnp.sqrt(y[-1] ** 2 + short), y[-1]))
    inside = slopes / jnp.where(values < 0, -values, 1.0)
    return jnp.where((values[-1] < 0) & (jnp.linalg.norm(inside) <= radius), inside, y)
