"""Newton's method with a line search for smooth convex losses, on many problems at once, with a dual bound each step.

The dual point is read off the slopes, alpha_i = -c_i phi'(m_i), where Fenchel's inequality holds with equality, so no
conjugate has to be found; pulled onto sum_i alpha_i t_i = 0 it still gives a bound, as a conjugate is convex.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.elements import Pair
from lossland.solvers import _normal_equations as normal
from lossland.solvers._normal_equations import Design
from lossland.solvers._plq import array_module, geometric_middle
from lossland.solvers._row_blocks import thinning

HALVINGS = 40
THINNED = 16
"""Of how many rows the pilot takes one."""
ROWS_ENOUGH = 32
"""Rows for each column that a thinned problem must keep."""
PILOT_TOL, PILOT_STEPS = 1e-2, 12
"""The relative gap and the steps at which a pilot, itself off by some per cent, has done its part."""


class NewtonPoint(NamedTuple):
    """k points with the objective's value and derivatives there, and the bound that they give.

    Attributes:
        point: (k, d + bias), the weights and the bias.
        scores: (k, n).
        slopes: (k, n), of the weighted losses in the score.
        bends: (k, n), their curvatures.
        gradient: (k, d + bias).
        primal: (k,), the objective.
        size: (k,), 1/2 ||w||^2 + the sum of the losses' absolute values: what the gap is relative to.
        dual: (k,), a lower bound of the objective.
        pull: (k, n), t alpha of the dual point that gives the bound.
        gains: (k, n), the examples' part of the bound.
    """

    point: Any
    scores: Any
    slopes: Any
    bends: Any
    gradient: Any
    primal: Any
    size: Any
    dual: Any
    pull: Any
    gains: Any


class NewtonState(NamedTuple):
    """The best points that k problems have reached, and their bounds.

    Attributes:
        at: the best points.
        dual: (k,), the highest bound found.
        pull: (k, n), t alpha of the dual point that gives it.
        gains: (k, n), the examples' part of it.
        damping: (k,), the share of the loss's typical curvature that every example is given at least.
        iterations: (k,).
        done: (k,).
    """

    at: NewtonPoint
    dual: Any
    pull: Any
    gains: Any
    damping: Any
    iterations: Any
    done: Any


class NewtonProblem(NamedTuple):
    """k problems on the same inputs.

    Attributes:
        design: the inputs.
        labels: (k or 1, n).
        weights: c, (k, n).
        infimum: (2,), of the loss of positives and of negatives.
        curvature: the largest curvature of the loss near margin 0.
    """

    design: Design
    labels: Any
    weights: Any
    infimum: Any
    curvature: Any


def minimise(pair: Pair, problem: NewtonProblem, steps: Any, tol: Any, polish: Any) -> NewtonState:
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
    return _descended(pair, problem, _first(pair, problem, steps), steps, tol, polish)


def _descended(pair: Pair, problem: NewtonProblem, first: Array, steps: Any, tol: Any, polish: Any) -> NewtonState:
    """Newton steps from given points."""
    at = _placed(pair, problem, first)
    count = jnp.zeros(first.shape[0], int)
    # A start that is the optimum already is found out here.
    done = ~jnp.asarray(polish) & (at.primal - at.dual <= tol * at.size)
    start = NewtonState(at, at.dual, at.pull, at.gains, 0.0 * at.size, count, done)

    def more(held: tuple[Array, NewtonState]) -> Array:
        return (held[0] < steps) & ~held[1].done.all()

    def body(held: tuple[Array, NewtonState]) -> tuple[Array, NewtonState]:
        state, new = held[1], _step(pair, problem, held[1])
        seen = jnp.where(polish, state.at.primal - state.dual, new.at.primal - new.dual)
        return held[0] + 1, new._replace(done=new.done | (seen <= tol * new.at.size))

    return jax.lax.while_loop(more, body, (jnp.zeros((), int), start))[1]


def _first(pair: Pair, problem: NewtonProblem, steps: Any) -> Array:
    """Where to start: the origin, or a pilot's optimum where the objective is lower."""
    k = problem.weights.shape[0]
    origin = jnp.zeros((k, problem.design.inputs.shape[1] + problem.design.bias))
    pilot = pilot_of(problem)
    if pilot is None:
        return origin
    found = _descended(pair, pilot, origin[: pilot.weights.shape[0]], jnp.minimum(steps, PILOT_STEPS), PILOT_TOL, False)
    point = jnp.broadcast_to(found.at.point, origin.shape)
    values = [
        normal.half_square(problem.design, at) + _losses(pair, problem, normal.scores(problem.design, at)).sum(axis=1)
        for at in (origin, point)
    ]
    return jnp.where((values[1] < values[0])[:, None], point, origin)


def pilot_of(problem: NewtonProblem) -> NewtonProblem | None:
    """A much smaller problem of about the same optimum: fewer rows, or one problem that stands for many."""
    design, (k, n) = problem.design, problem.weights.shape
    if design.mesh is not None:
        return None
    step = thinning(design.inputs, THINNED)
    if n >= step * ROWS_ENOUGH * (design.inputs.shape[1] + design.bias):
        return problem._replace(
            design=Design(design.inputs[::step], design.bias),
            labels=problem.labels[:, ::step],
            weights=step * problem.weights[:, ::step],
        )
    if k < 4 or problem.labels.shape[0] > 1:
        return None
    return problem._replace(weights=geometric_middle(problem.weights))


def _losses(pair: Pair, problem: NewtonProblem, scores: Array) -> Array:
    """The weighted losses, (k, n); an example without a weight costs nothing, however large its loss."""
    held = pair(scores, jnp.broadcast_to(problem.labels, scores.shape))
    return jnp.where(problem.weights > 0, problem.weights * held, 0.0)


def _placed(pair: Pair, problem: NewtonProblem, point: Array) -> NewtonPoint:
    """The objective and its derivatives at given points, and the bounds that they give."""
    design, weights = problem.design, problem.weights
    scores = normal.scores(design, point)
    jet = pair.jet(scores, jnp.broadcast_to(problem.labels, scores.shape))
    losses, slopes, bends = (jnp.where(weights > 0, weights * part, 0.0) for part in jet)
    half = normal.half_square(design, point)
    pull, conjugates = dual_point(problem, scores, losses, slopes)
    if design.bias:
        # One pass over the inputs for both.
        down, drawn = jnp.split(normal.pulled(design, jnp.concatenate([slopes, pull])), 2)
    else:
        down = normal.pulled(design, slopes)
        drawn = -down
    return NewtonPoint(
        point=point,
        scores=scores,
        slopes=slopes,
        bends=jnp.fmax(bends, 0.0),
        gradient=down + normal.penalised(design, point),
        primal=half + losses.sum(axis=1),
        size=half + jnp.abs(losses).sum(axis=1),
        dual=-normal.half_square(design, drawn) - conjugates.sum(axis=1),
        pull=pull,
        gains=-conjugates,
    )


def dual_point(problem: NewtonProblem, scores: Array, losses: Array, slopes: Array) -> tuple[Array, Array]:
    """A feasible dual point from the weighted slopes at the scores, and upper bounds of its conjugates.

    Returns:
        t alpha (k, n), and c_i phi*(-alpha_i / c_i) or more, (k, n).
    """
    pulls = -slopes
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
    return pulls, conjugates


def _step(pair: Pair, problem: NewtonProblem, state: NewtonState) -> NewtonState:
    """One Newton step of all problems, its curvature raised where earlier steps were too long."""
    at = state.at
    straight = jnp.where((at.bends > 0).any(axis=1), state.damping, 1.0)
    bends = jnp.maximum(at.bends, straight[:, None] * problem.curvature * problem.weights)
    move = -normal.solve_factored(normal.factor(problem.design, bends), at.gradient)
    fall = jnp.sum(at.gradient * move, axis=1)
    new, by = _moved(pair, problem, state, move, fall)
    return of_points(state, *damped(state, new, by), new)


def damped(state: NewtonState, new: NewtonPoint, by: Any) -> tuple[Any, Any]:
    """Which problems a step of lengths `by` to new points made better, and their damping after it."""
    xp, at = array_module(by), state.at
    # Where rounding hides what is left of the fall, the bound still tells progress.
    level = (new.primal <= at.primal + 1e-14 * at.size) & (new.dual > state.dual)
    better = (by > 0) & ((new.primal <= at.primal) | level)
    # On a straight stretch of the loss the step is far too long: curvature is lent until steps fit again.
    damping = xp.where(by < 0.25, xp.maximum(10.0 * state.damping, 1e-3), xp.where(by < 1, 1.0, 0.1) * state.damping)
    damping = xp.where(better, xp.where(damping < 1e-6, 0.0, xp.minimum(damping, 1.0)), 1.0)
    return better, damping


def _rows(xp: Any, these: Any, new: Any, old: Any) -> Any:
    return xp.where(these.reshape(-1, *[1] * (new.ndim - 1)), new, old)


def of_points(state: NewtonState, better: Any, damping: Any, new: NewtonPoint) -> NewtonState:
    """The state after a step."""
    xp = array_module(better)
    if xp is np and better.all():
        return NewtonState(new, new.dual, new.pull, new.gains, damping, state.iterations + 1, state.done)
    # A bound holds whatever was found since: the highest stays, and so does the lowest primal.
    higher = better | (new.dual > state.dual)
    return NewtonState(
        NewtonPoint(*(_rows(xp, better, *parts) for parts in zip(new, state.at, strict=True))),
        xp.where(higher, new.dual, state.dual),
        xp.where(higher[:, None], new.pull, state.pull),
        xp.where(higher[:, None], new.gains, state.gains),
        damping,
        state.iterations + ~state.done,
        state.done | (~better & (state.damping >= 1.0)),
    )


def _moved(
    pair: Pair, problem: NewtonProblem, state: NewtonState, move: Array, fall: Array
) -> tuple[NewtonPoint, Array]:
    """The places after the first step of length 1, 1/2, 1/4, ... that falls enough, and the lengths; 0 if none does."""
    at = state.at
    rounding = 1e-15 * at.size

    def enough(primal: Array, by: Array) -> Array:
        # Close to the optimum the promised fall is below rounding: not rising is then enough.
        return primal <= at.primal + 1e-4 * by * fall + rounding

    def taken(by: Array) -> NewtonPoint:
        by = jnp.where(state.done, 0.0, by)[:, None]
        return _placed(pair, problem, at.point + jnp.where(by > 0, by * move, 0.0))

    one = jnp.ones_like(fall)
    whole = taken(one)
    fits = state.done | enough(whole.primal, one)

    def shorter() -> tuple[NewtonPoint, Array]:
        turn = normal.scores(problem.design, move)

        def more(held: tuple[Array, Array, Array]) -> Array:
            return (held[0] < HALVINGS) & ~held[2].all()

        def halve(held: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            by = jnp.where(held[2], held[1], 0.5 * held[1])
            half = normal.half_square(problem.design, at.point + by[:, None] * move)
            primal = half + _losses(pair, problem, at.scores + by[:, None] * turn).sum(axis=1)
            return held[0] + 1, by, held[2] | enough(primal, by)

        _, by, found = jax.lax.while_loop(more, halve, (jnp.zeros((), int), one, fits))
        by = jnp.where(found & jnp.isfinite(fall), by, 0.0)
        return taken(by), by

    new, by = jax.lax.cond(fits.all(), lambda: (whole, one), shorter)
    return new, jnp.where(state.done | ~jnp.isfinite(fall), 0.0, by)
