"""Newton's method of `_newton` on the host: the same points and bounds; a problem that is done leaves the batch.

A curvature matrix serves several steps while each of them still brings much (Shamanskii 1967), the first may be a
thinned problem's, and a bound, which costs a pass over the rows, is made where the gap may be small enough to end.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from lossland.solvers import _host_algebra as host
from lossland.solvers import _normal_equations as normal
from lossland.solvers._certificates import FREE, ZERO
from lossland.solvers._elementwise import HostLoss
from lossland.solvers._host_algebra import Columns
from lossland.solvers._host_point import bounded, objective, placed
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

LEAST = 1e-12
"""The least tolerance whose root is asked of the decrement before a bound is made."""
SAFE = 0.01
"""To what share of the tolerance one more step with an older matrix has to bring the squared decrement: a Newton step,
which squares it, is made else."""
SLOW = 0.25
"""To what share the last step with that matrix has to have brought the squared decrement: steps of little use fit any
large tolerance else."""


class Held(NamedTuple):
    """The curvature matrices of k problems that the next steps may take, too.

    Attributes:
        factors: their Cholesky factors.
        fall: (k,), the slopes along the last steps, whose squared decrements they are but for the sign.
    """

    factors: list[np.ndarray]
    fall: np.ndarray


def by_newton(
    loss: HostLoss, columns: Columns, problem: NewtonProblem, stop: Stop, near: np.ndarray | None = None
) -> Optimum:
    """The optima of k problems of a smooth loss: Newton's method.

    Args:
        loss: smooth and convex in the score.
        columns: the inputs with their column of ones, without labels.
        problem: the problems, in NumPy's arrays.
        stop: when to stop.
        near: (1, d + bias), what `near_all` found; None: a pilot of these problems alone.
    """
    with np.errstate(all="ignore"):
        if near is None:
            near, held = _piloted(loss, columns, problem, stop.steps)
        else:
            held = None
        state = descended(loss, columns, problem, _first(loss, columns, problem, near), held, stop)
    point = state.at.point
    b = point[:, -1:] if problem.design.bias else np.zeros((len(point), 1))
    support = np.where(state.pull == 0, ZERO, FREE).astype(np.int8)
    interval = np.concatenate([b, b], axis=1)
    return Optimum(point, problem.labels * state.pull, state.iterations, interval, support, state.gains)


def near_all(loss: HostLoss, columns: Columns, problem: NewtonProblem, steps: int) -> np.ndarray | None:
    """The optimum of one problem that stands for many, (1, d + bias); None if they are too different."""
    total = problem.weights.sum(axis=1)
    one = pilot_of(problem)
    if one is None or len(one.weights) > 1 or not total.max() <= 2.0 * total.min():
        return None
    with np.errstate(all="ignore"):
        return _piloted(loss, columns, problem, steps)[0]


def descended(
    loss: HostLoss, columns: Columns, problem: NewtonProblem, at: NewtonPoint, held: Held | None, stop: Stop
) -> NewtonState:
    """Newton steps from given points until the relative gap is below the tolerance, or none lowers the objective."""
    k, polish = len(at.point), stop.rounds > 0
    done = (at.primal - at.dual <= stop.tol * at.size) & (not polish)
    state = NewtonState(at, at.dual, at.pull, at.gains, np.zeros(k), np.zeros(k, int), done)
    whole: Any = None
    left = np.arange(k)
    for count in range(stop.steps + 1):
        open_gap = float(np.max(state.at.primal - state.dual))
        tell_step(columns.rows, "Newton's method", count, len(state.done), open_gap)
        if count == stop.steps or state.done.any():
            whole = _put(whole, left, _with_bounds(columns, problem, state, count == stop.steps))
            keep = np.flatnonzero(~state.done)
            if count == stop.steps or not len(keep):
                return whole
            left, problem, state = left[keep], of_some(problem, keep), _some(state, keep)
            held = held and Held([held.factors[k] for k in keep], held.fall[keep])
        new, held = _step(loss, columns, problem, state, held, stop)
        seen = state.at.primal - state.dual if polish else new.at.primal - new.dual
        state = new._replace(done=new.done | (seen <= stop.tol * new.at.size))
    return whole


def _with_bounds(columns: Columns, problem: NewtonProblem, state: NewtonState, every: bool) -> NewtonState:
    """The states, those that are done, or all, with a bound."""
    lacking = np.flatnonzero((state.done | every) & np.isneginf(state.dual))
    if not len(lacking):
        return state
    own = bounded(columns, of_some(problem, lacking), _some(state, lacking).at)
    for to, part in ((state.dual, own.dual), (state.pull, own.pull), (state.gains, own.gains)):
        to[lacking] = part
    return state


def _piloted(
    loss: HostLoss, columns: Columns, problem: NewtonProblem, steps: int
) -> tuple[np.ndarray | None, Held | None]:
    """A pilot's optima, (1 or k, size), and, where it has the problems' own rows, the matrices there."""
    pilot = pilot_of(problem)
    if pilot is None:
        return None, None
    thinned = len(pilot.design.inputs) < len(problem.design.inputs)
    own = unsigned(pilot.design.inputs, problem.design.bias) if thinned else columns
    start = _first(loss, own, pilot, None)
    found = descended(loss, own, pilot, start, None, Stop(min(steps, PILOT_STEPS), PILOT_TOL, 0))
    if not thinned or found.damping.any():
        return found.at.point, None
    return found.at.point, Held(host.factor(own, found.at.bends, pilot.design.bias), np.full(len(start.point), -np.inf))


def _first(loss: HostLoss, columns: Columns, problem: NewtonProblem, near: np.ndarray | None) -> NewtonPoint:
    """Where to start: the origin, or points (1 or k, size) where the objective is lower."""
    origin = np.zeros((len(problem.weights), columns.size))
    if near is not None:
        at = placed(loss, columns, problem, np.broadcast_to(near, origin.shape))
        nothing = objective(loss, problem, np.zeros((1, problem.weights.shape[1])), origin[:1])
        if (at.primal < nothing).all():
            return at
        origin = np.where((at.primal < nothing)[:, None], near, origin)
    return bounded(columns, problem, placed(loss, columns, problem, origin))


def unsigned(inputs: np.ndarray, bias: bool) -> Columns:
    """The columns of inputs as they are."""
    return host.columns_of(inputs, np.ones((1, len(inputs))), bias)


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


def _step(
    loss: HostLoss, columns: Columns, problem: NewtonProblem, state: NewtonState, held: Held | None, stop: Stop
) -> tuple[NewtonState, Held]:
    """One step of all problems, and the matrices that it was made with."""
    move, held, fresh = _direction(columns, problem, state, held, stop)
    new, by = _moved(loss, columns, problem, state, move, held.fall)
    if (-held.fall <= np.sqrt(max(stop.tol, LEAST)) * new.size).any():
        new = bounded(columns, problem, new)
    better, damping = damped(state, new, by)
    # A step with an older matrix that was too long says nothing about the loss: a Newton step follows.
    damping = np.where(fresh, damping, 0.0)
    held = held._replace(fall=np.where(fresh | (by == 1.0) & better, held.fall, 0.0))
    return of_points(state, better, damping, new), held


def _direction(
    columns: Columns, problem: NewtonProblem, state: NewtonState, held: Held | None, stop: Stop
) -> tuple[np.ndarray, Held, np.ndarray]:
    """The steps (k, size), what they were made with, and which of them are Newton's: others take an older matrix."""
    at, k = state.at, len(state.done)
    move, fall, fresh = np.zeros_like(at.point), np.zeros(k), np.ones(k, bool)
    if held is not None:
        move = -host.solve_factored(held.factors, at.gradient)
        fall = (at.gradient * move).sum(axis=1)
        left = -fall * (fall / held.fall)
        # To the last digits Newton steps lead sooner, but for the first after a pilot.
        serves = left <= SAFE * stop.tol * at.size
        if stop.rounds > 0:
            serves = np.isneginf(held.fall) & (at.primal - state.dual > stop.tol * at.size)
        fresh = ~(serves & (fall > SLOW * held.fall) & (state.damping == 0))
    rows = np.flatnonzero(fresh)
    factors = [] if held is None else held.factors
    if len(rows):
        # On a straight stretch of the loss, where no example bends it, curvature is lent.
        bends = at.bends[rows]
        lent = np.where((bends > 0).any(axis=1), state.damping[rows], 1.0)
        if lent.any():
            bends = np.maximum(bends, lent[:, None] * problem.curvature * problem.weights[rows])
        made = host.factor(columns, bends, problem.design.bias)
        move[rows] = -host.solve_factored(made, at.gradient[rows])
        fall[rows] = (at.gradient[rows] * move[rows]).sum(axis=1)
        newer = dict(zip(rows.tolist(), made, strict=True))
        factors = [newer[i] if i in newer else factors[i] for i in range(k)]
    return move, Held(factors, fall), fresh


def _moved(
    loss: HostLoss, columns: Columns, problem: NewtonProblem, state: NewtonState, move: np.ndarray, fall: np.ndarray
) -> tuple[NewtonPoint, np.ndarray]:
    """The places after the first step of length 1, 1/2, 1/4, ... that falls enough, and the lengths; 0 if none does."""
    at, by = state.at, np.where(np.isfinite(fall), 1.0, 0.0)
    move = np.where(by[:, None] > 0, move, 0.0)
    new = placed(loss, columns, problem, at.point + move)
    left = np.flatnonzero(~_enough(at, new.primal, by, fall))
    if not len(left):
        return new, by
    own = of_some(problem, left)
    turn = normal.scores(problem.design, move[left])
    open_still = np.ones(len(left), bool)
    for _ in range(HALVINGS):
        by[left] = np.where(open_still, 0.5 * by[left], by[left])
        point = at.point[left] + by[left, None] * move[left]
        primal = objective(loss, own, at.scores[left] + by[left, None] * turn, point)
        held = NewtonPoint(*(part[left] for part in at))
        open_still &= ~_enough(held, primal, by[left], fall[left])
        if not open_still.any():
            break
    by[left] = np.where(open_still, 0.0, by[left])
    point = at.point[left] + np.where(by[left, None] > 0, by[left, None] * move[left], 0.0)
    for to, part in zip(new, placed(loss, columns, own, point), strict=True):
        to[left] = part
    return new, by


def _enough(at: NewtonPoint, primal: np.ndarray, by: np.ndarray, fall: np.ndarray) -> np.ndarray:
    """Whether the objective falls enough; close to the optimum the promised fall is below rounding."""
    return primal <= at.primal + 1e-4 * by * fall + 1e-15 * at.size
