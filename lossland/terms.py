"""Convex losses made of parabolas and lines, as sums of boxes: the form in which the interior point takes them.

    phi(m) = constant + sum_j max { v (knot_j - m) - soft_j v^2 / 2 : low_j <= v <= high_j }

The hinge is one box, v in [0, 1] with knot 1 and soft 0; the dual variables of example i are beta_ij = c_i v_ij, and
alpha_i = sum_j beta_ij is minus c_i times the slope.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array


class Terms(NamedTuple):
    """A convex piecewise linear-quadratic loss of the margin; rows are (positive, negative), columns the J terms.

    Attributes:
        knot: (2, J), where the term's slope begins to turn, or turns at once.
        low: (2, J), the least v, -inf allowed.
        high: (2, J), the largest v, inf allowed.
        soft: (2, J), one over the curvature; 0 at a kink.
        constant: (2,).
    """

    knot: Any
    low: Any
    high: Any
    soft: Any
    constant: Any


class Rows(NamedTuple):
    """The terms spread over examples, arrays that broadcast to (k, J, n); low, high and soft are the dual's own.

    Attributes:
        knot: margins.
        low: c_i low_j.
        high: c_i high_j.
        soft: soft_j / c_i.
        counts: 1 where the example has a weight, else 0.
    """

    knot: Array
    low: Array
    high: Array
    soft: Array
    counts: Array


def spread(terms: Terms, labels: Array, weights: Array) -> Rows:
    """The terms for every example: labels (k or 1, n), weights c (k, n)."""

    def pick(table: Array) -> Array:
        return jnp.where(labels[:, None, :] > 0, table[0][None, :, None], table[1][None, :, None])

    c = jnp.where(weights > 0, weights, 1.0)[:, None, :]
    return Rows(
        pick(terms.knot),
        c * pick(terms.low),
        c * pick(terms.high),
        pick(terms.soft) / c,
        (weights > 0).astype(c.dtype)[:, None, :],
    )


def values(rows: Rows, margins: Array) -> Array:
    """c_i times the loss of every term at margins (k, n), without the constant: (k, J, n)."""
    gap = rows.knot - margins[:, None, :]
    soft = jnp.where(rows.soft > 0, rows.soft, 1.0)
    best = jnp.where(rows.soft > 0, gap / soft, jnp.where(gap > 0, rows.high, rows.low))
    best = jnp.clip(best, rows.low, rows.high)
    held = best * (gap - 0.5 * rows.soft * best)
    return jnp.where(rows.counts > 0, jnp.where(gap == 0, 0.0, held), 0.0)


def geometric_middle(weights: Array) -> Array:
    """One row of weights (1, n) that stands for many, (k, n): the mean of their shares times the middle total."""
    total = weights.sum(axis=1, keepdims=True)
    return jnp.exp(jnp.log(total).mean()) * (weights / total).mean(axis=0, keepdims=True)
