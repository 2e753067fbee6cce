"""The Moreau envelope of a convex margin loss, its slope and its curvature.

The minimiser is found by bisection, the slope by the envelope theorem.
"""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from lossland.elements._numerics import as_float
from lossland.elements._registry import Loss


@dataclass(frozen=True)
class Smoothed:
    """The envelope: the least of phi(u) + (m - u)^2 / (2 gamma) over u."""

    base: Loss
    gamma: Any

    def __call__(self, margin: ArrayLike) -> Array:
        """The envelope at each margin."""
        margin = as_float(margin)
        # The bisection needs more digits than 16-bit floats have.
        wide = margin.astype(jnp.float32) if margin.dtype.itemsize < 4 else margin
        return _envelope(self.base, self.gamma, wide).astype(margin.dtype)


def _slope(base: Loss, margin: Array) -> Array:
    return jax.jvp(base, (margin,), (jnp.ones_like(margin),))[1]


def _proximal(base: Loss, gamma: float, margin: Array) -> Array:
    """The u with u + gamma phi'(u) = m; phi' is nondecreasing, so bisection finds it, on a kink as elsewhere."""

    def excess(u: Array) -> Array:
        return u - margin + gamma * _slope(base, u)

    def widen(_: int, reach: Array) -> Array:
        enclosed = (excess(margin - reach) <= 0) & (excess(margin + reach) >= 0)
        return jnp.where(enclosed, reach, 2.0 * reach)

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = 0.5 * (ends[0] + ends[1])
        above = excess(middle) > 0
        return jnp.where(above, ends[0], middle), jnp.where(above, middle, ends[1])

    reach = jax.lax.fori_loop(0, 60, widen, gamma * jnp.ones_like(margin))
    low, high = jax.lax.fori_loop(0, 110, halve, (margin - reach, margin + reach))
    return 0.5 * (low + high)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _envelope(base: Loss, gamma: float, margin: ArrayLike) -> Array:
    margin = as_float(margin)
    slope = _envelope_slope(base, gamma, margin)
    # At infinity the envelope is as high as the loss; what is halfway there is inf - inf.
    return jnp.where(jnp.isinf(margin), base(margin), base(margin - gamma * slope) + 0.5 * gamma * slope * slope)


@_envelope.defjvp
def _envelope_rule(base: Loss, gamma: float, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    margin = as_float(primals[0])
    return _envelope(base, gamma, margin), _envelope_slope(base, gamma, margin) * tangents[0]


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _envelope_slope(base: Loss, gamma: float, margin: Array) -> Array:
    point, below, above = _around(base, gamma, margin)
    # (m - u) / gamma is exact on a kink, but rounds badly where phi is flat: the slopes beside u bound it.
    return jnp.clip((margin - point) / gamma, below, above)


@_envelope_slope.defjvp
def _envelope_slope_rule(base: Loss, gamma: float, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    (margin,) = primals
    point, below, above = _around(base, gamma, margin)
    bend = jax.jvp(functools.partial(_slope, base), (point,), (jnp.ones_like(point),))[1]
    on_kink = above - below > 1e-3 * (1.0 + jnp.abs(below))
    curvature = jnp.where(on_kink, 1.0 / gamma, bend / (1.0 + gamma * bend))
    return _envelope_slope(base, gamma, margin), curvature * tangents[0]


def _around(base: Loss, gamma: float, margin: Array) -> tuple[Array, Array, Array]:
    """The minimiser u and the slopes of phi just left and right of it."""
    point = _proximal(base, gamma, margin)
    near = 4.0 * jnp.finfo(margin.dtype).eps * (1.0 + jnp.abs(point))
    return point, _slope(base, point - near), _slope(base, point + near)
