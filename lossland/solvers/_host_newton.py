"""Newton's method of `_newton` on the host: the same points and bounds; a problem that is done leaves the batch."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lossland.elements import Pair
from lossland.solvers import _host_algebra as host
from lossland.solvers import _normal_equations as normal
from lossland.solvers._certificates import FREE, ZERO
from lossland.solvers._elementwise import losses_at, weighed_at
from lossland.solvers._host_algebra import Columns
from lossland.solvers._newton import (
    HALVINGS,
    PILOT_STEPS,
    PILOT_TOL,
    NewtonPoint,
    NewtonProblem,
    NewtonState,
    damped,
    of_points,
    pilot_of,
)
from lossland.solvers._optimum import Optimum, Stop
from lossland.solvers._row_blocks import tell_step


def by_newton(pair: Pair, columns: Columns, problem: NewtonProblem, stop: Stop) -> Optimum:
    """The optima of k problems of a smooth loss: Newton's method.

    Args:
        pair: a smooth convex loss of the score.
        columns: the inputs with their column of ones, without labels.
        problem: the problems, in NumPy's arrays.
        stop: when to stop.
    """
    with np.errstate(all="ignore"):
        first = _first(pair, columns, problem, stop.steps)
        state = descended(pair, columns, problem, first, stop.steps, stop.tol, stop.rounds > 0)
    point = state.at.point
    b = point[:, -1:] if problem.design.bias else np.zeros((len(point), 1))
    support = np.where(state.pull == 0, ZERO, FREE).astype(np.int8)
    interval = np.concatenate([b, b], axis=1)
    return Optimum(point, problem.labels * state.pull, state.iterations, interval, support, state.gains)


def descended(
    pair: Pair, columns: Columns, problem: NewtonProblem, first: np.ndarray, steps: int, tol: float, polish: bool
) -> NewtonState:
    """Newton steps from given points until the relative gap is below `tol`, or no step lowers the objective."""
    at = placed(pair, columns, problem, first)
    k = len(first)
    done = (at.primal - at.dual <= tol * at.size) & (not polish)
    state = NewtonState(at, at.dual, at.pull, at.gains, np.zeros(k), np.zeros(k, int), done)
    whole: Any = None
    left = np.arange(k)
    for count in range(steps + 1):
        open_gap = float(np.max(state.at.primal - state.dual))
        tell_step(columns.rows, "Newton's method", count, len(state.done), open_gap)
        if count == steps or state.done.any():
            whole = _put(whole, left, state)
            keep = np.flatnonzero(~state.done)
            if count == steps or not len(keep):
                return whole
            left, problem, state = left[keep], of_some(problem, keep), _some(state, keep)
        new = _step(pair, columns, problem, state)
        seen = state.at.primal - state.dual if polish else new.at.primal - new.dual
        state = new._replace(done=new.done | (seen <= tol * new.at.size))
    return whole


def _first(pair: Pair, columns: Columns, problem: NewtonProblem, steps: int) -> np.ndarray:
    """Where to start: the origin, or a pilot's optimum where the objective is lower."""
    origin = np.zeros((len(problem.weights), columns.size))
    pilot = pilot_of(problem)
    if pilot is None:
        return origin
    thinned = len(pilot.design.inputs) < len(problem.design.inputs)
    own = unsigned(pilot.design.inputs, problem.design.bias) if thinned else columns
    found = descended(pair, own, pilot, origin[: len(pilot.weights)], min(steps, PILOT_STEPS), PILOT_TOL, False)
    point = np.broadcast_to(found.at.point, origin.shape)
    values = [_objective(pair, problem, normal.scores(problem.design, at), at) for at in (origin[:1], found.at.point)]
    return np.where((values[1] < values[0])[:, None], point, origin)


def unsigned(inputs: np.ndarray, bias: bool) -> Columns:
    """The columns of inputs as they are."""
    return host.columns_of(inputs, np.ones((1, len(inputs))), bias)


def _objective(pair: Pair, problem: NewtonProblem, scores: np.ndarray, point: np.ndarray) -> np.ndarray:
    """The objective, (k,), at scores (k or 1, n) of points (k or 1, size)."""
    held = losses_at(
        pair, np.broadcast_to(scores, (max(len(scores), len(problem.labels)), scores.shape[1])), problem.labels
    )
    losses = np.where(problem.weights > 0, problem.weights * held, 0.0)
    return normal.half_square(problem.design, point) + losses.sum(axis=1)


def placed(pair: Pair, columns: Columns, problem: NewtonProblem, point: np.ndarray) -> NewtonPoint:
    """The objective and its derivatives at given points, and the bounds that they give, as `_newton`'s."""
    scores = host.margins_of(columns, point)
    losses, slopes, bends, conjugates = weighed_at(pair, scores, problem.labels, problem.weights)
    half, total = normal.half_square(problem.design, point), losses.sum(axis=1)
    down = host.pulled(columns, slopes)
    pull, drawn = -slopes, -down
    if problem.design.bias:
        kept = _balancing(pull)
        pull *= kept
        conjugates *= kept
        if problem.infimum.any():
            lowest = problem.weights * np.where(problem.labels > 0, problem.infimum[0], problem.infimum[1])
            conjugates -= np.where(kept < 1.0, (1.0 - kept) * lowest, 0.0)
        drawn = host.pulled(columns, pull)
    return NewtonPoint(
        point=point,
        scores=scores,
        slopes=slopes,
        bends=bends,
        gradient=down + normal.penalised(problem.design, point),
        primal=half + total,
        size=half + (total if problem.infimum.min() >= 0 else np.abs(losses).sum(axis=1)),
        dual=-normal.half_square(problem.design, drawn) - conjugates.sum(axis=1),
        pull=pull,
        gains=-conjugates,
    )


def _balancing(pull: np.ndarray) -> np.ndarray:
    """What is kept of each of t alpha, (k, n), so that they sum to 0: the heavier side gives up a share."""
    off = pull.sum(axis=1, keepdims=True)
    heavy = pull * off > 0
    share = np.abs(off) / np.maximum(np.abs(np.vecdot(pull, heavy)[:, None]), 1e-300)
    return np.where(heavy, 1.0 - np.clip(share, 0.0, 1.0), 1.0)


def of_some(problem: NewtonProblem, keep: np.ndarray) -> NewtonProblem:
    """Some of the problems."""
    labels = problem.labels if len(problem.labels) == 1 else problem.labels[keep]
    return problem._replace(labels=labels, weights=problem.weights[keep])


def _some(state: NewtonState, keep: np.ndarray) -> NewtonState:
    return _each(lambda part: part[keep], state)


def _each(change: Callable[..., np.ndarray], *states: NewtonState) -> NewtonState:
    """A change of every array of states."""
    at = NewtonPoint(*(change(*parts) for parts in zip(*(s.at for s in states), strict=True)))
    return NewtonState(at, *(change(*parts) for parts in zip(*(s[1:] for s in states), strict=True)))


def _put(whole: NewtonState | None, left: np.ndarray, state: NewtonState) -> NewtonState:
    """The states of all problems, with those that are left put in their places."""
    if whole is None or len(left) == len(whole.done):
        return state
    pairs = zip((*whole.at, *whole[1:]), (*state.at, *state[1:]), strict=True)
    for to, part in pairs:
        to[left] = part
    return whole


def _step(pair: Pair, columns: Columns, problem: NewtonProblem, state: NewtonState) -> NewtonState:
    """One Newton step of all problems, its curvature raised where earlier steps were too long."""
    at = state.at
    straight = np.where((at.bends > 0).any(axis=1), state.damping, 1.0)
    bends = at.bends
    if straight.any():
        bends = np.maximum(bends, straight[:, None] * problem.curvature * problem.weights)
    factors = host.factor(columns, bends, problem.design.bias)
    move = -host.solve_factored(factors, at.gradient)
    fall = (at.gradient * move).sum(axis=1)
    new, by = _moved(pair, columns, problem, state, move, fall)
    return of_points(state, *damped(state, new, by), new)


def _moved(
    pair: Pair, columns: Columns, problem: NewtonProblem, state: NewtonState, move: np.ndarray, fall: np.ndarray
) -> tuple[NewtonPoint, np.ndarray]:
    """The places after the first step of length 1, 1/2, 1/4, ... that falls enough, and the lengths; 0 if none does."""
    at, by = state.at, np.where(np.isfinite(fall), 1.0, 0.0)
    move = np.where(by[:, None] > 0, move, 0.0)
    new = placed(pair, columns, problem, at.point + move)
    left = np.flatnonzero(~_enough(at, new.primal, by, fall))
    if not len(left):
        return new, by
    own = of_some(problem, left)
    turn = normal.scores(problem.design, move[left])
    open_still = np.ones(len(left), bool)
    for _ in range(HALVINGS):
        by[left] = np.where(open_still, 0.5 * by[left], by[left])
        point = at.point[left] + by[left, None] * move[left]
        primal = _objective(pair, own, at.scores[left] + by[left, None] * turn, point)
        held = NewtonPoint(*(part[left] for part in at))
        open_still &= ~_enough(held, primal, by[left], fall[left])
        if not open_still.any():
            break
    by[left] = np.where(open_still, 0.0, by[left])
    point = at.point[left] + np.where(by[left, None] > 0, by[left, None] * move[left], 0.0)
    for to, part in zip(new, placed(pair, columns, own, point), strict=True):
        to[left] = part
    return new, by


def _enough(at: NewtonPoint, primal: np.ndarray, by: np.ndarray, fall: np.ndarray) -> np.ndarray:
    """Whether the objective falls enough; close to the optimum the promised fall is below rounding."""
    return primal <= at.primal + 1e-4 * by * fall + 1e-15 * at.size
