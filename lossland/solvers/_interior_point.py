"""The interior point for piecewise linear-quadratic losses: a primal-dual predictor-corrector on many problems at once.

The dual of a loss in the form of `Terms` is a quadratic programme over a box with one equation, sum_i alpha_i t_i = 0,
and every step solves one system in (w, b): I + Z^T D Z, d x d, never n x n (Mehrotra 1992; Fine & Scheinberg 2001;
Gertz & Wright 2003).
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.solvers import _normal_equations as normal
from lossland.solvers._normal_equations import Design
from lossland.solvers._plq import Rows, Terms, array_module, geometric_middle, spread

START = 4.0
"""What the multipliers exceed their least values by at the start, in margins; of 0.1 to 32 the one of fewest steps."""

ALIKE, PILOT_STEPS = 4, 4
"""From how many problems on a pilot starts them, and its steps: later points lie too close to ends of their boxes."""

MANY = 32
"""From how many problems on those that are left go on alone: fewer do not pay for another compiled loop."""


class Iterate(NamedTuple):
    """The points that k problems have reached.

    Attributes:
        point: (k, d + bias), the weights and the bias.
        margins: (k, n), t (x . w + b).
        beta: (k, J, n), inside the box.
        below: (k, J, n), the multipliers of beta >= low.
        above: (k, J, n), of beta <= high.
        off: (k, d + bias), Z^T alpha - w and sum_i alpha_i t_i, which every step shrinks by its length.
        iterations: (k,).
        done: (k,).
    """

    point: Any
    margins: Any
    beta: Any
    below: Any
    above: Any
    off: Any
    iterations: Any
    done: Any


def starting_point(design: Design, labels: Any, weights: Any, rows: Rows) -> Iterate:
    """The origin, w = 0 and b = 0, and a dual point well inside its box that satisfies the equation."""
    xp = array_module(weights)
    shape = np.broadcast_shapes(*(field.shape for field in rows))
    unit = xp.where(weights > 0, weights, 1.0)[:, None, :]
    unit = xp.where(xp.isfinite(unit), unit, 1.0)
    low = xp.where(xp.isfinite(rows.low), rows.low, xp.where(xp.isfinite(rows.high), rows.high - 2 * unit, -unit))
    high = xp.where(xp.isfinite(rows.high), rows.high, low + 2 * unit)
    # Both classes' totals must be equal: half of what the smaller one allows, as far as the larger one allows it.
    t = labels[:, None, :]

    def total(sign: float, end: Any) -> Any:
        return xp.sum(rows.counts * xp.where(t == sign, end, 0.0), axis=(1, 2), keepdims=True)

    (least, most), (other_least, other_most) = (((total(sign, low)), total(sign, high)) for sign in (1.0, -1.0))
    middle = 0.5 * xp.minimum(least + most, other_least + other_most)
    target = xp.clip(middle, xp.maximum(least, other_least), xp.minimum(most, other_most))
    from_low = xp.where(t > 0, target - least, target - other_least)
    width = xp.where(t > 0, most - least, other_most - other_least)
    share = xp.clip(from_low / xp.where(width > 0, width, 1.0), 0.05, 0.95)
    beta = xp.broadcast_to(low + share * (high - low), shape)
    pull = rows.soft * beta - rows.knot
    below = xp.where(xp.isfinite(rows.low), xp.maximum(pull, 0.0) + START, 0.0)
    above = xp.where(xp.isfinite(rows.high), xp.maximum(-pull, 0.0) + START, 0.0)
    k, _, n = shape
    below, above = (xp.broadcast_to(a, shape) for a in (below, above))
    zero = xp.zeros((k, n))
    off = normal.pulled(design, labels * (rows.counts * beta).sum(axis=1))
    return Iterate(xp.zeros_like(off), zero, beta, below, above, off, xp.zeros(k, int), xp.zeros(k, bool))


def piloted(design: Design, labels: Array, weights: Array, terms: Terms, rows: Rows) -> Iterate:
    """The starting points; if the problems are alike, where the first steps of one that stands for all lead."""
    if weights.shape[0] < ALIKE or labels.shape[0] > 1:
        return starting_point(design, labels, weights, rows)
    total = weights.sum(axis=1)
    return jax.lax.cond(
        total.max() <= 2.0 * total.min(),
        lambda: _of_pilot(design, labels, weights, terms, rows),
        lambda: starting_point(design, labels, weights, rows),
    )


def _of_pilot(design: Design, labels: Array, weights: Array, terms: Terms, rows: Rows) -> Iterate:
    """The iterate of one problem that stands for all, made one of each.

    Its dual point is scaled to each problem's box, so that all that is off is Z^T alpha - w, which steps remove.
    """
    middle = geometric_middle(weights)
    pilot = spread(terms, labels, middle)
    at = advance(design, labels, pilot, starting_point(design, labels, middle, pilot), PILOT_STEPS, 0.0)
    own, its = (jnp.where(c > 0, c, 1.0)[:, None, :] for c in (weights, middle))
    beta = own * (at.beta / its)
    point, margins, below, above = (
        jnp.broadcast_to(part, (weights.shape[0], *part.shape[1:]))
        for part in (at.point, at.margins, at.below, at.above)
    )
    off = normal.pulled(design, labels * (rows.counts * beta).sum(axis=1)) - normal.penalised(design, point)
    count = jnp.zeros(weights.shape[0], int)
    return Iterate(point, margins, beta, below, above, off, count, count > 0)


def predictor_corrector(design: Design, labels: Array, rows: Rows, at: Iterate) -> Iterate:
    """One predictor-corrector step of all problems; those that are done stay where they are.

    Written with ratios to the room that is left, p = d beta / room, in which the multipliers' changes drop out: along
    the predictor a multiplier shrinks by the share 1 + p at the low end and 1 - q at the high end.
    """
    t, beta = labels, at.beta
    over_low, over_high = _over_room(rows, beta)
    pull_low, pull_high = at.below * over_low, at.above * over_high
    theta = rows.counts / (rows.soft + pull_low + pull_high)
    lower = normal.factor(design, theta.sum(axis=1))
    alpha = (rows.counts * beta).sum(axis=1)
    penalised = normal.penalised(design, at.point)
    push = rows.knot - at.margins[:, None, :] - rows.soft * beta

    def direction(right: Array) -> tuple[Array, Array, Array]:
        g = t * ((theta * right).sum(axis=1) + alpha)
        move = normal.solve_factored(lower, normal.pulled(design, g) - penalised)
        turn = t * normal.scores(design, move)
        return move, turn, theta * (right - turn[:, None, :])

    _, _, change = direction(push)
    p, q = change * over_low, change * over_high
    reach = 1.0 / jnp.maximum(1.0, _largest(jnp.maximum(jnp.maximum(-p, 1.0 + p), jnp.maximum(q, 1.0 - q))))
    bent_low, bent_high = at.below * change * (1.0 + p), at.above * change * (1.0 - q)
    now = complementarity(rows, at)
    then = (1.0 - reach) * now - reach**2 * (bent_low - bent_high).sum(axis=(1, 2))
    pairs = (rows.counts * jnp.isfinite(rows.low) + rows.counts * jnp.isfinite(rows.high) + 0.0 * beta).sum(axis=(1, 2))
    centre = ((then / now) ** 3 * now / pairs)[:, None, None]
    # Where the predictor is cut short, its bend leads too far: in full, steps may go round in a circle.
    bent_low, bent_high = reach[:, None, None] * bent_low, reach[:, None, None] * bent_high
    to_low, to_high = (centre + bent_low) * over_low, (centre - bent_high) * over_high
    move, turn, change = direction(push + to_low - to_high)
    below = to_low - at.below - pull_low * change
    above = to_high - at.above + pull_high * change
    tiny = jnp.finfo(beta.dtype).tiny
    limits = (-change * over_low, change * over_high, -below / (at.below + tiny), -above / (at.above + tiny))
    by = jnp.minimum(1.0, 0.995 / jnp.maximum(_largest(functools.reduce(jnp.maximum, limits)), 0.1))
    sound = jnp.isfinite(by) & jnp.isfinite(move).all(axis=1)
    by = jnp.where(at.done | ~sound, 0.0, by)

    def moved(value: Array, change: Array) -> Array:
        wide = by.reshape(-1, *[1] * (value.ndim - 1))
        return jnp.where(wide > 0, value + wide * change, value)

    return Iterate(
        moved(at.point, move),
        moved(at.margins, turn),
        moved(beta, change),
        moved(at.below, below),
        moved(at.above, above),
        (1.0 - by)[:, None] * at.off,
        at.iterations + ~at.done,
        at.done | ~sound,
    )


def _over_room(rows: Rows, beta: Array) -> tuple[Array, Array]:
    """One over the distances to both ends of the box; 0 where there is no end."""
    low = jnp.where(jnp.isfinite(rows.low), 1.0 / (beta - rows.low), 0.0)
    high = jnp.where(jnp.isfinite(rows.high), 1.0 / (rows.high - beta), 0.0)
    return low, high


def _largest(value: Array) -> Array:
    return value.max(axis=(1, 2))


def complementarity(rows: Rows, at: Iterate) -> Array:
    """The sum of multipliers times room, (k,): the gap of a feasible iterate."""
    low = jnp.where(jnp.isfinite(rows.low), at.below * (at.beta - rows.low), 0.0)
    high = jnp.where(jnp.isfinite(rows.high), at.above * (rows.high - at.beta), 0.0)
    return (rows.counts * (low + high)).sum(axis=(1, 2))


def advance(design: Design, labels: Array, rows: Rows, at: Iterate, steps: Any, tol: Any) -> Iterate:
    """At most `steps` steps; a problem is done when its complementarity and its residuals are below `tol`.

    Once at most half of many problems are left, they go on without the others.
    """
    k = at.done.shape[0]
    count = jnp.zeros((), int)
    if k < MANY:
        return _until(design, labels, rows, (count, at), steps, tol, 0)[1]
    half = k // 2
    count, at = _until(design, labels, rows, (count, at), steps, tol, half)
    left = jnp.argsort(at.done, stable=True)[:half]

    def of_left(tree: Any) -> Any:
        return jax.tree.map(lambda a: a[left] if a.shape[0] == k else a, tree)

    _, part = _until(design, of_left(labels), of_left(rows), (count, of_left(at)), steps, tol, 0)
    return jax.tree.map(lambda whole, own: whole.at[left].set(own), at, part)


def _until(
    design: Design, labels: Array, rows: Rows, held: tuple[Array, Iterate], steps: Any, tol: Any, left: int
) -> tuple[Array, Iterate]:
    """Steps until at most `left` problems are not done."""

    def more(held: tuple[Array, Iterate]) -> Array:
        return (held[0] < steps) & ((~held[1].done).sum() > left)

    def body(held: tuple[Array, Iterate]) -> tuple[Array, Iterate]:
        new = predictor_corrector(design, labels, rows, held[1])
        return held[0] + 1, new._replace(done=new.done | _close(design, rows, new, tol))

    return jax.lax.while_loop(more, body, held)


def _close(design: Design, rows: Rows, at: Iterate, tol: Any) -> Array:
    """Which problems are done: gap and residuals are worth less than `tol` of the objective."""
    gap = complementarity(rows, at)
    # No more than the objective: a loss is the most that its box allows.
    held = rows.counts * at.beta * (rows.knot - at.margins[:, None, :] - 0.5 * rows.soft * at.beta)
    primal = normal.half_square(design, at.point) + held.sum(axis=(1, 2))
    # An optimum of 0 is never approached by a share of itself.
    most = jnp.where(jnp.isfinite(rows.high), jnp.abs(rows.high), 0.0)
    floor = 1e-12 * jnp.sum(rows.counts * most, axis=(1, 2))
    # What infeasibility is worth in the objective: |w| |Z^T alpha - w| + |b| |t . alpha|.
    worth = jnp.sum(jnp.abs(at.point * at.off), axis=1) + 0.5 * jnp.sum(at.off**2, axis=1)
    return gap + worth <= tol * (jnp.maximum(primal, 0.0) + floor)
