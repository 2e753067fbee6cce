"""What proves a solution: dual points that satisfy their constraints, their values, the biases that are as good.

The dual of 1/2 ||w||^2 + sum_i c_i phi(m_i), m_i = t_i (x_i . w + b), is the maximum over alpha with
sum_i alpha_i t_i = 0 of -1/2 ||sum_i alpha_i t_i x_i||^2 - sum_i c_i phi*(-alpha_i / c_i). Its value at any such alpha
is a lower bound of the primal at any w, b: their difference certifies both (Fenchel 1949; Rockafellar 1970).

It is one of a convex loss; `Form.convexity` says how convexity is known. Where phi*(0) is asked for, it is taken from
`Form.infimum`, the certain side of what encloses it.
"""

from typing import Any

from lossland.solvers import _normal_equations as normal
from lossland.solvers._normal_equations import Design
from lossland.solvers._plq import Rows, array_module

ZERO, FREE, BOUNDED = 0, 1, 2
"""The support sets: an example that does not matter, one on its knot or parabola, one whose pull is at its limit."""


def balanced(rows: Rows, labels: Any, beta: Any) -> Any:
    """The dual point pulled into its box and onto sum_i alpha_i t_i = 0.

    It is mixed with the corner of the box whose sum has the opposite sign: the mixture is inside the box, and moves
    by no more than the sum was off.

    Args:
        rows: from `spread`.
        labels: (k or 1, n).
        beta: (k, J, n).

    Returns:
        (k, J, n); 0 where an example has no weight.
    """
    xp = array_module(beta)
    beta = xp.where(rows.counts > 0, xp.clip(beta, rows.low, rows.high), 0.0)
    t = labels[:, None, :]
    off = xp.sum(t * beta, axis=(1, 2), keepdims=True)
    # What the sum itself loses to rounding is no reason to move anything off its end.
    total = xp.sum(xp.abs(beta), axis=(1, 2), keepdims=True)
    off = xp.where(xp.abs(off) <= 4 * xp.finfo(beta.dtype).eps * total, 0.0, off)
    away = 1.0 + xp.abs(beta)
    low = xp.where(xp.isfinite(rows.low), rows.low, beta - away)
    high = xp.where(xp.isfinite(rows.high), rows.high, beta + away)
    corner = xp.where(rows.counts > 0, xp.where(t * off > 0, low, high), 0.0)
    # What is at an end stays there if the rest can do it: exact ends say which examples matter.
    inner = xp.where((beta > rows.low) & (beta < rows.high), corner, beta)
    able = xp.sum(t * inner, axis=(1, 2), keepdims=True) * off <= 0
    corner = xp.where(able, inner, corner)
    corner_off = xp.sum(t * corner, axis=(1, 2), keepdims=True)
    share = xp.where(off == 0, 0.0, off / xp.where(off == corner_off, 1.0, off - corner_off))
    return beta + xp.clip(share, 0.0, 1.0) * (corner - beta)


def dual_value(design: Design, rows: Rows, labels: Any, beta: Any) -> Any:
    """The dual objective at a feasible point, without the losses' constants, (k,)."""
    xp = array_module(beta)
    alpha = beta.sum(axis=1)
    pull = normal.pulled(design, labels * alpha)
    gains = xp.where(rows.counts > 0, beta * (rows.knot - 0.5 * rows.soft * beta), 0.0)
    return gains.sum(axis=(1, 2)) - normal.half_square(design, pull)


def bias_interval(rows: Rows, labels: Any, scores: Any, beta: Any) -> tuple[Any, Any]:
    """The biases that are optimal together with given weights: (k,) and (k,).

    Those for which every example's slope at its margin is the one that the dual point names; one dual point decides,
    as every optimal one is optimal together with every optimal bias.

    Args:
        rows: from `spread`.
        labels: (k or 1, n).
        scores: (k, n), x . w without the bias.
        beta: (k, J, n), optimal; a value at an end of its box is exactly there.

    Returns:
        The least and the largest bias; -inf > inf is never returned: where rounding leaves none, least > largest.
    """
    xp = array_module(beta)
    t = labels[:, None, :]
    # At the low end of its box the margin is anything from knot - soft low up, at the high end anything down.
    place = rows.knot - rows.soft * beta
    least = xp.where(beta < rows.high, place, -xp.inf)
    most = xp.where(beta > rows.low, place, xp.inf)
    z = scores[:, None, :]
    low = xp.where(t > 0, least - z, -most - z)
    high = xp.where(t > 0, most - z, -least - z)
    low, high = (xp.where(rows.counts > 0, side, fill) for side, fill in ((low, -xp.inf), (high, xp.inf)))
    return low.max(axis=(1, 2)), high.min(axis=(1, 2))
