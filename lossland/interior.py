"""The interior point for piecewise linear-quadratic losses: a primal-dual predictor-corrector on many problems at once.

The dual of a loss in the form of `terms` is a quadratic programme over a box with one equation, sum_i alpha_i t_i = 0,
and every step solves one system in (w, b): I + Z^T D Z, d x d, never n x n (Mehrotra 1992; Fine & Scheinberg 2001;
Gertz & Wright 2003).
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from lossland import normal
from lossland.terms import Rows, values


class Iterate(NamedTuple):
    """Where k problems stand.

    Attributes:
        point: (k, d + bias), the weights and the bias.
        margins: (k, n), t (x . w + b).
        beta: (k, J, n), inside the box.
        below: (k, J, n), the multipliers of beta >= low.
        above: (k, J, n), of beta <= high.
        iterations: (k,).
        done: (k,).
    """

    point: Array
    margins: Array
    beta: Array
    below: Array
    above: Array
    iterations: Array
    done: Array


def start(rows: Rows, labels: Array, weights: Array, size: int) -> Iterate:
    """The origin, w = 0 and b = 0, and a dual point well inside its box that satisfies the equation."""
    shape = jnp.broadcast_shapes(*(field.shape for field in rows))
    unit = jnp.where(weights > 0, weights, 1.0)[:, None, :]
    unit = jnp.where(jnp.isfinite(unit), unit, 1.0)
    low = jnp.where(jnp.isfinite(rows.low), rows.low, jnp.where(jnp.isfinite(rows.high), rows.high - 2 * unit, -unit))
    high = jnp.where(jnp.isfinite(rows.high), rows.high, low + 2 * unit)
    # Both classes' totals must be equal: half of what the smaller one allows, as far as the larger one allows it.
    t = labels[:, None, :]

    def total(sign: float, end: Array) -> Array:
        return jnp.sum(rows.counts * jnp.where(t == sign, end, 0.0), axis=(1, 2), keepdims=True)

    (least, most), (other_least, other_most) = (((total(sign, low)), total(sign, high)) for sign in (1.0, -1.0))
    middle = 0.5 * jnp.minimum(least + most, other_least + other_most)
    target = jnp.clip(middle, jnp.maximum(least, other_least), jnp.minimum(most, other_most))
    from_low = jnp.where(t > 0, target - least, target - other_least)
    width = jnp.where(t > 0, most - least, other_most - other_least)
    share = jnp.clip(from_low / jnp.where(width > 0, width, 1.0), 0.05, 0.95)
    beta = jnp.broadcast_to(low + share * (high - low), shape)
    pull = rows.soft * beta - rows.knot
    below = jnp.where(jnp.isfinite(rows.low), jnp.maximum(pull, 0.0) + 1.0, 0.0)
    above = jnp.where(jnp.isfinite(rows.high), jnp.maximum(-pull, 0.0) + 1.0, 0.0)
    k, _, n = shape
    below, above = (jnp.broadcast_to(a, shape) for a in (below, above))
    zero = jnp.zeros((k, n))
    return Iterate(jnp.zeros((k, size)), zero, beta, below, above, jnp.zeros(k, int), jnp.zeros(k, bool))


def _room(rows: Rows, beta: Array) -> tuple[Array, Array]:
    """The distances to both ends of the box, 1 where there is no end."""
    low = jnp.where(jnp.isfinite(rows.low), beta - rows.low, 1.0)
    high = jnp.where(jnp.isfinite(rows.high), rows.high - beta, 1.0)
    return low, high


def _longest(value: Array, change: Array, counts: Array) -> Array:
    """How much of the change keeps every value positive, (k,)."""
    ratio = jnp.where((counts > 0) & (change < 0), -value / jnp.where(change < 0, change, 1.0), jnp.inf)
    return ratio.min(axis=(1, 2))


def step(inputs: Array, products: Array | None, labels: Array, rows: Rows, at: Iterate, bias: bool) -> Iterate:
    """One predictor-corrector step of all problems; those that are done stay where they are."""
    counts, t = rows.counts, labels
    room_low, room_high = _room(rows, at.beta)
    has_low, has_high = jnp.isfinite(rows.low), jnp.isfinite(rows.high)
    margins = at.margins[:, None, :]
    theta = counts / (rows.soft + at.below / room_low + at.above / room_high)
    lower = normal.factor(normal.gram(inputs, products, theta.sum(axis=1), bias), bias)
    alpha = (counts * at.beta).sum(axis=1)
    point = at.point.at[:, -1].set(0.0) if bias else at.point
    push = rows.knot - margins - rows.soft * at.beta

    def direction(toward_low: Array, toward_high: Array) -> tuple[Array, ...]:
        right = push + toward_low / room_low - toward_high / room_high
        g = (theta * right).sum(axis=1) + alpha
        move = normal.solve_factored(lower, normal.pulled(inputs, t * g, bias) - point)
        turn = t * normal.scores(inputs, move, bias)
        beta = theta * (right - turn[:, None, :])
        below = jnp.where(has_low, toward_low / room_low - at.below - at.below / room_low * beta, 0.0)
        above = jnp.where(has_high, toward_high / room_high - at.above + at.above / room_high * beta, 0.0)
        return move, turn, beta, below, above

    def longest(beta: Array, below: Array, above: Array) -> Array:
        ends = ((room_low, beta * has_low), (room_high, -beta * has_high), (at.below, below), (at.above, above))
        return functools.reduce(jnp.minimum, [_longest(value, change, counts) for value, change in ends])

    pairs = jnp.broadcast_to(counts * (1.0 * has_low + has_high), at.beta.shape).sum(axis=(1, 2))

    def complementarity(beta: Array, below: Array, above: Array, by: Array) -> Array:
        by = by[:, None, None]
        low = (at.below + by * below) * (room_low + by * beta)
        high = (at.above + by * above) * (room_high - by * beta)
        return (counts * (jnp.where(has_low, low, 0.0) + jnp.where(has_high, high, 0.0))).sum(axis=(1, 2))

    zero = jnp.zeros_like(at.beta)
    _, _, beta, below, above = direction(zero, zero)
    reach = jnp.minimum(longest(beta, below, above), 1.0)
    now = complementarity(zero, zero, zero, reach)
    centre = ((complementarity(beta, below, above, reach) / now) ** 3 * now / pairs)[:, None, None]
    move, turn, beta, below, above = direction(centre - beta * below, centre + beta * above)
    reach = jnp.minimum(longest(beta, below, above), 1e10)
    # Close to the boundary the faster the nearer the end: the step that remains is quadratic.
    by = jnp.minimum(jnp.maximum(0.99, 1.0 - now / pairs) * reach, 1.0)
    sound = jnp.isfinite(by) & jnp.isfinite(move).all(axis=1)
    by = jnp.where(at.done | ~sound, 0.0, by)

    def moved(value: Array, change: Array) -> Array:
        wide = by.reshape(-1, *[1] * (value.ndim - 1))
        return jnp.where(wide > 0, value + wide * change, value)

    return Iterate(
        moved(at.point, move),
        moved(at.margins, turn),
        moved(at.beta, beta),
        moved(at.below, below),
        moved(at.above, above),
        at.iterations + ~at.done,
        at.done | ~sound,
    )


def advance(
    inputs: Array, products: Array | None, labels: Array, rows: Rows, at: Iterate, bias: bool, steps: int, tol: Array
) -> Iterate:
    """At most `steps` steps; a problem is done when its complementarity and its residuals are below `tol`."""

    def more(held: tuple[Array, Iterate]) -> Array:
        return (held[0] < steps) & ~held[1].done.all()

    def body(held: tuple[Array, Iterate]) -> tuple[Array, Iterate]:
        new = step(inputs, products, labels, rows, held[1], bias)
        return held[0] + 1, new._replace(done=new.done | _close(inputs, labels, rows, new, bias, tol))

    return jax.lax.while_loop(more, body, (jnp.zeros((), int), at))[1]


def _close(inputs: Array, labels: Array, rows: Rows, at: Iterate, bias: bool, tol: Array) -> Array:
    counts = rows.counts
    room_low, room_high = _room(rows, at.beta)
    gap = (counts * (at.below * room_low + at.above * room_high)).sum(axis=(1, 2))
    weights = at.point[:, :-1] if bias else at.point
    alpha = (counts * at.beta).sum(axis=1)
    off = normal.pulled(inputs, labels * alpha, bias) - at.point
    if bias:
        off = off.at[:, -1].set(jnp.sum(labels * alpha, axis=1))
    primal = 0.5 * jnp.sum(weights**2, axis=1) + values(rows, at.margins).sum(axis=(1, 2))
    # An optimum of 0 is never approached by a share of itself.
    most = jnp.where(jnp.isfinite(rows.high), jnp.abs(rows.high), 0.0)
    floor = 1e-12 * jnp.sum(counts * most, axis=(1, 2))
    # What infeasibility is worth in the objective: |w| |Z^T alpha - w| + |b| |t . alpha|.
    worth = jnp.sum(jnp.abs(at.point * off), axis=1) + 0.5 * jnp.sum(off[:, : weights.shape[1]] ** 2, axis=1)
    return gap + worth <= tol * (primal + floor)
