"""The active-set polish: from the interior point's answer to one at rounding level.

Each term of each example is at the low end of its box, at the high end, or free. Free terms of a parabola follow the
margin; free terms of a kink hold the margin at the knot. With the sets fixed, the optimum is the solution of linear
equations, found by the method of multipliers through the same d x d matrix: a large number stands for a kink's
curvature, and a few repetitions remove its trace. Then the sets are read off anew (Hintermueller, Ito & Kunisch 2003).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lossland.solvers import _normal_equations as normal
from lossland.solvers._certificates import balanced, dual_value
from lossland.solvers._interior_point import Iterate
from lossland.solvers._normal_equations import Design
from lossland.solvers._plq import Rows, array_module, values

STIFF = 1e9
"""The curvature that stands for a kink's, times the largest squared length of a row."""
PASSES = 4
ROUNDING = 1e-13
"""The relative gap at which there is nothing left to polish."""


class Polished(NamedTuple):
    """The best points found, each by its own value.

    Attributes:
        point: (k, d + bias), the weights and the bias of the lowest primal value.
        beta: (k, J, n), feasible, of the highest dual value.
        primal: (k,), without the losses' constants.
        dual: (k,), the same.
    """

    point: Any
    beta: Any
    primal: Any
    dual: Any


def polish(design: Design, labels: Any, rows: Rows, at: Iterate, rounds: Any) -> Polished:
    """Put what is close to an end of its box there, and settle the sets until primal and dual agree to rounding.

    Args:
        design: the inputs.
        labels: (k or 1, n).
        rows: from `spread`.
        at: where the interior point ended.
        rounds: the most rounds; another one is made while it helps some problem.

    Returns:
        The best points.
    """
    sets = sets_of(rows, at)
    # One after the other, so that the judge is compiled once for the three.
    points = jnp.stack([at.point, at.point, jnp.zeros_like(at.point)])
    betas = jnp.stack([at.beta, at_ends(rows, at.beta, sets), jnp.zeros_like(at.beta)])
    three = jax.lax.map(lambda held: judged(design, labels, rows, *held), (points, betas))
    best, ended, origin = (jax.tree.map(lambda part, k=k: part[k], three) for k in range(3))
    # Exact ends are worth a gap of rounding size: they say which examples matter and which biases are as good.
    take = (ended.primal - ended.dual <= 1e-12 * ended.primal) & jnp.isfinite(ended.dual)
    best = better_of(ended, best._replace(dual=jnp.where(take, -jnp.inf, best.dual)))
    # The origin costs nothing to try, and is the optimum of a loss without a margin.
    best = better_of(origin, best)

    def more(held: tuple) -> Any:
        count, helped, best, _, _, _ = held
        return (count < rounds) & helped & jnp.any(best.primal - best.dual > ROUNDING * jnp.abs(best.primal))

    def body(held: tuple) -> tuple:
        count, _, best, point, beta, sets = held
        point, beta = _settled(design, labels, rows, point, beta, sets)
        new = better_of(judged(design, labels, rows, point, beta), best)
        helped = jnp.any(new.primal - new.dual < 0.5 * (best.primal - best.dual))
        sets = sets_read(rows, labels * normal.scores(design, point), beta, sets)
        return count + 1, helped, new, point, beta, sets

    held = (jnp.zeros((), int), jnp.ones((), bool), best, at.point, at.beta, sets)
    return jax.lax.while_loop(more, body, held)[2]


def at_ends(rows: Rows, beta: Any, sets: Any) -> Any:
    """The dual point with every term that is not free put exactly at its end."""
    xp = array_module(beta)
    beta = xp.where(sets < 0, rows.low, xp.where(sets > 0, rows.high, beta))
    return xp.where(rows.counts > 0, beta, 0.0)


def better_of(new: Polished, best: Polished) -> Polished:
    """The lower primal with its point, the higher dual with its own."""
    xp = array_module(new.point)
    lower, higher = new.primal < best.primal, new.dual > best.dual
    return Polished(
        xp.where(lower[:, None], new.point, best.point),
        xp.where(higher[:, None, None], new.beta, best.beta),
        xp.where(lower, new.primal, best.primal),
        xp.where(higher, new.dual, best.dual),
    )


def judged(design: Design, labels: Any, rows: Rows, point: Any, beta: Any) -> Polished:
    """The points with their primal and dual values, the dual point made feasible."""
    xp = array_module(point)
    beta = xp.where(rows.counts > 0, xp.clip(beta, rows.low, rows.high), 0.0)
    beta = balanced(rows, labels, beta) if design.bias else beta
    losses = values(rows, labels * normal.scores(design, point)).sum(axis=(1, 2))
    primal = normal.half_square(design, point) + losses
    return Polished(point, beta, primal, dual_value(design, rows, labels, beta))


def sets_of(rows: Rows, at: Iterate) -> Any:
    """-1 at the low end, 1 at the high end, 0 free: whichever of a multiplier and its room is larger."""
    xp = array_module(at.beta)
    span = rows.high - rows.low
    span = xp.where(xp.isfinite(span), span, 1.0 + xp.abs(at.beta).max(axis=(1, 2), keepdims=True))
    low = at.below > (at.beta - rows.low) / span
    high = at.above > (rows.high - at.beta) / span
    kink = xp.where(low & ~high, -1, xp.where(high & ~low, 1, 0))
    return xp.where(rows.soft > 0, _of_parabola(rows, at.margins), kink)


def _of_parabola(rows: Rows, margins: Any) -> Any:
    """The sets of the terms of parabolas, which the margins decide."""
    xp = array_module(margins)
    gap = rows.knot - margins[:, None, :]
    return xp.where(gap <= rows.soft * rows.low, -1, xp.where(gap >= rows.soft * rows.high, 1, 0))


def sets_read(rows: Rows, margins: Any, beta: Any, sets: Any) -> Any:
    """The sets that a settled point asks for."""
    xp = array_module(margins)
    gap = rows.knot - margins[:, None, :]
    slack = 1e-11 * (1.0 + xp.abs(margins).max(axis=1)[:, None, None])
    free = xp.where(beta < rows.low, -1, xp.where(beta > rows.high, 1, 0))
    kink = xp.where(sets == 0, free, xp.where(sets * gap < -slack, 0, sets))
    return xp.where(rows.soft > 0, _of_parabola(rows, margins), kink)


def _settled(design: Design, labels: Any, rows: Rows, point: Any, beta: Any, sets: Any) -> tuple[Any, Any]:
    """The optimum for fixed sets."""
    longest = 1.0 + jnp.max(jnp.sum(design.inputs**2, axis=1))
    soft = jnp.where(rows.soft > 0, rows.soft, longest / STIFF)
    theta = jnp.where((sets == 0) & (rows.counts > 0), 1.0 / soft, 0.0)
    beta = at_ends(rows, beta, sets)
    stiffness = theta.sum(axis=1)
    lower = normal.factor(design, stiffness)
    pinned = (stiffness > 0).any(axis=1)

    def again(_: int, held: tuple[Any, Any]) -> tuple[Any, Any]:
        point, beta = held
        right = rows.knot - (labels * normal.scores(design, point))[:, None, :] - rows.soft * beta
        pull = normal.pulled(design, labels * (theta * right + beta).sum(axis=1))
        if design.bias:
            # Nothing free: no bias is better than the one that is there.
            pull = pull.at[:, -1].set(jnp.where(pinned, pull[:, -1], 0.0))
        move = normal.solve_factored(lower, pull - normal.penalised(design, point))
        turn = (labels * normal.scores(design, move))[:, None, :]
        return point + move, beta + theta * (right - turn)

    return jax.lax.fori_loop(0, PASSES, again, (point, beta))
