"""Newton's method with a line search for smooth convex losses, on many problems at once, with a dual bound each step.

The dual point is read off the slopes, alpha_i = -c_i phi'(m_i), where Fenchel's inequality holds with equality, so no
conjugate has to be found; pulled onto sum_i alpha_i t_i = 0 it still gives a bound, as a conjugate is convex.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from lossland import normal
from lossland.normal import Design
from lossland.pairing import Pair

HALVINGS = 40


class State(NamedTuple):
    """Where k problems stand.

    Attributes:
        point: (k, d + bias), the weights and the bias.
        scores: (k, n).
        primal: (k,), the objective.
        dual: (k,), a lower bound of it.
        alpha: (k, n), the dual point that gives the bound.
        size: (k,), 1/2 ||w||^2 + the sum of the losses' absolute values: what the gap is relative to.
        damping: (k,), the share of the loss's typical curvature that every example is given at least.
        iterations: (k,).
        done: (k,).
    """

    point: Array
    scores: Array
    primal: Array
    dual: Array
    alpha: Array
    size: Array
    damping: Array
    iterations: Array
    done: Array


class Problem(NamedTuple):
    """k problems on the same inputs.

    Attributes:
        design: the inputs.
        labels: (k or 1, n).
        weights: c, (k, n).
        infimum: (2,), of the loss of positives and of negatives.
        curvature: the largest curvature of the loss near margin 0.
    """

    design: Design
    labels: Array
    weights: Array
    infimum: Array
    curvature: Array


def minimise(pair: Pair, problem: Problem, steps: Array, tol: Array, polish: Array) -> State:
    """Newton steps until the relative gap is below `tol`, or no step lowers the objective.

    Args:
        pair: a smooth convex loss of the score.
        problem: the problems.
        steps: the most steps.
        tol: the relative gap.
        polish: whether to make one step more: it squares what is left of the error.

    Returns:
        The last state.
    """
    problem = problem._replace(design=normal.kept(problem.design))
    zero = jnp.zeros((problem.weights.shape[0], problem.design.inputs.shape[1] + problem.design.bias))
    first = _state(pair, problem, zero, jnp.zeros_like(problem.weights))

    def more(held: tuple[Array, State]) -> Array:
        return (held[0] < steps) & ~held[1].done.all()

    def body(held: tuple[Array, State]) -> tuple[Array, State]:
        state, new = held[1], _step(pair, problem, held[1])
        gap, size = jnp.where(polish, state.primal - state.dual, new.primal - new.dual), new.size
        return held[0] + 1, new._replace(done=new.done | (gap <= tol * size))

    return jax.lax.while_loop(more, body, (jnp.zeros((), int), first))[1]


def _losses(pair: Pair, problem: Problem, scores: Array) -> Array:
    """The weighted losses, (k, n); an example without a weight costs nothing, however large its loss."""
    held = pair(scores, jnp.broadcast_to(problem.labels, scores.shape))
    return jnp.where(problem.weights > 0, problem.weights * held, 0.0)


def _state(pair: Pair, problem: Problem, point: Array, scores: Array) -> State:
    losses = _losses(pair, problem, scores)
    half = normal.half_square(problem.design, point)
    alpha, conjugates = dual_point(pair, problem, scores, losses)
    dual = -normal.half_square(problem.design, normal.pulled(problem.design, problem.labels * alpha)) - conjugates
    k = point.shape[0]
    count = jnp.zeros(k, int)
    size = half + jnp.abs(losses).sum(axis=1)
    return State(point, scores, half + losses.sum(axis=1), dual, alpha, size, 0.0 * size, count, count > 0)


def dual_point(pair: Pair, problem: Problem, scores: Array, losses: Array) -> tuple[Array, Array]:
    """A feasible dual point from the slopes at the scores, and an upper bound of its conjugates' sum.

    Returns:
        alpha (k, n), and sum_i c_i phi*(-alpha_i / c_i) or more, (k,).
    """
    slopes = pair.slope(scores, jnp.broadcast_to(problem.labels, scores.shape))
    pulls = jnp.where(problem.weights > 0, -problem.weights * slopes, 0.0)
    conjugates = jnp.where(problem.weights > 0, -pulls * scores - losses, 0.0)
    if problem.design.bias:
        off = pulls.sum(axis=1, keepdims=True)
        heavy = pulls * off > 0
        share = jnp.abs(off) / jnp.maximum(
            jnp.sum(jnp.where(heavy, jnp.abs(pulls), 0.0), axis=1, keepdims=True), 1e-300
        )
        share = jnp.where(heavy, jnp.clip(share, 0.0, 1.0), 0.0)
        lowest = problem.weights * jnp.where(problem.labels > 0, problem.infimum[0], problem.infimum[1])
        conjugates = (1.0 - share) * conjugates - jnp.where(share > 0, share * lowest, 0.0)
        pulls = (1.0 - share) * pulls
    return problem.labels * pulls, conjugates.sum(axis=1)


def _step(pair: Pair, problem: Problem, state: State) -> State:
    design = problem.design
    labels = jnp.broadcast_to(problem.labels, state.scores.shape)
    slopes = jnp.where(problem.weights > 0, problem.weights * pair.slope(state.scores, labels), 0.0)
    bends = jnp.where(problem.weights > 0, pair.curvature(state.scores, labels), 0.0)
    straight = jnp.where((bends > 0).any(axis=1), state.damping, 1.0)
    bends = jnp.maximum(bends, straight[:, None] * problem.curvature)
    bends = jnp.where(problem.weights > 0, problem.weights * bends, 0.0)
    lower = normal.factor(design, bends)
    gradient = normal.pulled(design, slopes) + normal.penalised(design, state.point)
    move = -normal.solve_factored(lower, gradient)
    turn = normal.scores(design, move)
    fall = jnp.sum(gradient * move, axis=1)
    by = _searched(pair, problem, state, move, turn, fall)
    by = jnp.where(state.done, 0.0, by)
    point = state.point + jnp.where(by > 0, by, 0.0)[:, None] * jnp.where(by[:, None] > 0, move, 0.0)
    scores = normal.scores(design, point)
    new = _state(pair, problem, point, scores)
    # Where rounding hides what is left of the fall, the bound still tells progress.
    level = (new.primal <= state.primal + 1e-14 * state.size) & (new.dual > state.dual)
    better = (by > 0) & ((new.primal <= state.primal) | level)
    # On a straight stretch of the loss the step is far too long: curvature is lent until steps fit again.
    damping = jnp.where(by < 0.25, jnp.maximum(10.0 * state.damping, 1e-3), jnp.where(by < 1, 1.0, 0.1) * state.damping)
    damping = jnp.where(better, jnp.where(damping < 1e-6, 0.0, jnp.minimum(damping, 1.0)), 1.0)
    # A bound holds whatever was found since: the highest stays, and so does the lowest primal.
    keep = better | (new.dual > state.dual)

    def chosen(take: Array, a: Array, b: Array) -> Array:
        return jnp.where(take.reshape(-1, *[1] * (a.ndim - 1)), a, b)

    return State(
        chosen(better, new.point, state.point),
        chosen(better, new.scores, state.scores),
        chosen(better, new.primal, state.primal),
        chosen(keep, new.dual, state.dual),
        chosen(keep, new.alpha, state.alpha),
        chosen(better, new.size, state.size),
        damping,
        state.iterations + ~state.done,
        state.done | (~better & (state.damping >= 1.0)),
    )


def _searched(pair: Pair, problem: Problem, state: State, move: Array, turn: Array, fall: Array) -> Array:
    """The first of 1, 1/2, 1/4, ... that lowers the objective by a share of what the slope promises; 0 if none."""
    weights, along = (normal.penalised(problem.design, point) for point in (state.point, move))
    half, cross, square = (jnp.sum(a * b, axis=1) for a, b in ((weights, weights), (weights, along), (along, along)))

    def objective(by: Array) -> Array:
        losses = _losses(pair, problem, state.scores + by[:, None] * turn).sum(axis=1)
        return 0.5 * (half + by * (2 * cross + by * square)) + losses

    def enough(by: Array) -> Array:
        # Close to the optimum the promised fall is below rounding: not rising is then enough.
        return objective(by) <= state.primal + 1e-4 * by * fall + 1e-15 * state.size

    def more(held: tuple[Array, Array, Array]) -> Array:
        return (held[0] < HALVINGS) & ~held[2].all()

    def halve(held: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        by = jnp.where(held[2], held[1], 0.5 * held[1])
        return held[0] + 1, by, held[2] | enough(by)

    one = jnp.ones_like(fall)
    _, by, found = jax.lax.while_loop(more, halve, (jnp.zeros((), int), one, state.done | enough(one)))
    return jnp.where(found & jnp.isfinite(fall), by, 0.0)
