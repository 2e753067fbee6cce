"""Newton's method once more for a smooth loss on one problem, its linear algebra with a hundred digits.

Values and slopes of the loss stay float64: they are exact to a few last digits at margins that are themselves exact.
What float64 loses is in sums over features and in the system, where inputs far from 0 or a large C cost digits.
"""

from typing import Any, NamedTuple

import jax
import numpy as np

from lossland.elements import Pair
from lossland.solvers._plq import NODES, evaluated_at
from lossland.solvers._rounding import UNIT

HALVINGS = 60
RADIUS = 10
"""The standard errors around an estimate without a penalty within which its lower bound holds."""


class WideNewton(NamedTuple):
    """Where it stands.

    Attributes:
        point: d + bias numbers, of centred inputs.
        primal: the objective.
        dual: a lower bound of it.
        size: the sum of the absolute values of the objective's terms.
        alpha: (n,), the dual point, as doubles.
        steps: how many were taken.
    """

    point: list[Any]
    primal: Any
    dual: Any
    size: Any
    alpha: np.ndarray
    steps: int


class SmoothProblem(NamedTuple):
    """One problem of a smooth loss.

    Attributes:
        pair: the loss of the score.
        columns: (n, d + bias), a matrix of balls, a column of ones behind it if the bias is free.
        labels: (n,).
        weights: (n,), positive and finite.
        infimum: (2,), of the loss of positives and negatives.
        bias: whether the last column is the bias's.
        curvature: the largest near margin 0, of which a share is lent where the loss is straight.
        penalty: 1, or 0 for an estimate without a penalty.
    """

    pair: Pair
    columns: Any
    labels: np.ndarray
    weights: np.ndarray
    infimum: np.ndarray
    bias: bool
    curvature: float
    penalty: int = 1


class _Place(NamedTuple):
    """A point with its scores and the weighted losses, slopes and curvatures there."""

    point: list[Any]
    scores: list[Any]
    losses: np.ndarray
    slopes: np.ndarray
    bends: np.ndarray
    primal: Any


def newton_wide(problem: SmoothProblem, start: list[Any], steps: int, close: float = 1e-14) -> WideNewton:
    """The optimum as far as float64's slopes lead; within `wide`."""
    places = [place(problem, start), place(problem, [0 * v for v in start])]
    at = min((p for p in places if p.primal is not None), key=lambda p: float(p.primal))
    best, lent, idle = None, 0.0, 0
    for count in range(steps + 1):
        bound, alpha, size = (_bound if problem.penalty else _bound_around)(problem, at)
        # Where the objective's fall is below the losses' own rounding, the bound still tells progress.
        fell = best is not None and at.primal < best.primal - 8 * UNIT * best.size
        idle = 0 if best is None or bound > best.dual or fell else idle + 1
        if best is None or at.primal <= best.primal or bound > best.dual:
            keep = best is not None and best.dual > bound
            dual, own = (best.dual, best.alpha) if keep and best is not None else (bound, alpha)
            best = WideNewton(at.point, at.primal, dual, size, own, count)
        if float(best.primal - best.dual) <= close * float(best.size) or count == steps or idle > 4:
            break
        new, by = _stepped(problem, at, lent)
        while new is None and lent < 1.0:
            lent = min(max(100.0 * lent, 1e-6), 1.0)
            new, by = _stepped(problem, at, lent)
        if new is None:
            break
        at, lent = new, lent * (0.01 if by > 0.5 else 1.0) if lent > 1e-12 else 0.0
    assert best is not None
    return best


def jets(pair: Pair, scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Losses, slopes and curvatures in the score, (n,) each, by a program of one shape."""
    held = np.zeros((3, len(scores)))
    for label in (1.0, -1.0):
        own = np.flatnonzero(labels == label)
        for part in np.array_split(own, max(-(-len(own) // NODES), 1)):
            padded = np.concatenate([scores[part], np.zeros(NODES - len(part))])
            with jax.enable_x64(True):
                found = evaluated_at(pair, padded, label)
            held[:, part] = np.array([np.asarray(row)[: len(part)] for row in found])
    return held[0], held[1], held[2]


def place(problem: SmoothProblem, point: list[Any]) -> _Place:
    """The loss and its derivatives at a point; no objective where they are not finite."""
    from flint import arb, arb_mat

    scores = (problem.columns * arb_mat([[v] for v in point])).mid().entries()
    near = np.array([float(z) for z in scores])
    with np.errstate(all="ignore"):
        # Far out a loss may be infinite: no step is taken there.
        loss, slope, bend = (problem.weights * row for row in jets(problem.pair, near, problem.labels))
    penalised = point[:-1] if problem.bias else point
    half = problem.penalty * sum((v * v for v in penalised), arb(0)) / 2
    if not (np.isfinite(loss).all() and np.isfinite(slope).all() and np.isfinite(bend).all()):
        return _Place(point, scores, loss, slope, bend, None)
    rest = [
        arb(float(v)) + arb(float(s)) * (z - arb(float(m)))
        for v, s, z, m in zip(loss, slope, scores, near, strict=True)
    ]
    return _Place(point, scores, loss, slope, bend, (half + sum(rest, arb(0))).mid())


def _bound(problem: SmoothProblem, at: _Place) -> tuple[Any, np.ndarray, Any]:
    """A lower bound from the slopes: the dual point, scaled on the heavier side until it balances (Fenchel 1949)."""
    from flint import arb, arb_mat

    pulls = [arb(float(-s)) for s in at.slopes]
    conjugates = [-p * arb(float(z)) - arb(float(v)) for p, z, v in zip(pulls, at.scores, at.losses, strict=True)]
    if problem.bias:
        off = sum(pulls, arb(0))
        heavy = sum((abs(p) for p in pulls if p * off > 0), arb(0))
        share = min((abs(off) / heavy).mid(), arb(1)) if heavy > 0 else arb(0)
        lowest = problem.weights * np.where(problem.labels > 0, problem.infimum[0], problem.infimum[1])
        for i, p in enumerate(pulls):
            if p * off > 0 and share > 0:
                # A conjugate is convex, and at 0 it is minus the infimum.
                conjugates[i] = (1 - share) * conjugates[i] - share * arb(float(lowest[i]))
                pulls[i] = (1 - share) * p
    alpha = problem.labels * np.array([float(p) for p in pulls])
    drawn = (arb_mat([pulls]) * problem.columns).mid().entries()
    penalised = at.point[:-1] if problem.bias else at.point
    paid = sum((v * v for v in (drawn[:-1] if problem.bias else drawn)), arb(0)) / 2
    size = sum((v * v for v in penalised), arb(0)) / 2 + arb(float(np.abs(at.losses).sum()))
    weighed = sum((abs(p * z) for p, z in zip(pulls, at.scores, strict=True)), arb(0))
    dual = -sum(conjugates, arb(0)) - paid - 16 * arb(UNIT) * (size + weighed)
    return dual.mid(), alpha, size.mid()


def _bound_around(problem: SmoothProblem, at: _Place) -> tuple[Any, np.ndarray, Any]:
    """Without a penalty: the least that the gradient allows within some standard errors of a point, by convexity."""
    from flint import arb, arb_mat

    gradient = (arb_mat([[arb(float(s)) for s in at.slopes]]) * problem.columns).mid().entries()
    move = _solved(_system(problem, at.bends), gradient)
    square = sum((v * m for v, m in zip(gradient, move, strict=True)), arb(0)) if move else arb("inf")
    size = arb(float(np.abs(at.losses).sum()))
    weighed = sum((abs(arb(float(s)) * z) for s, z in zip(at.slopes, at.scores, strict=True)), arb(0))
    dual = at.primal - RADIUS * abs(square).sqrt() - 16 * arb(UNIT) * (size + weighed)
    return dual.mid(), -problem.labels * at.slopes, size.mid()


def _stepped(problem: SmoothProblem, at: _Place, lent: float) -> tuple[_Place | None, float]:
    """The place after a Newton step, shortened until the objective falls, and its length; None if none lowers it."""
    from flint import arb, arb_mat

    gradient = (arb_mat([[arb(float(s)) for s in at.slopes]]) * problem.columns).mid().entries()
    for j in range(problem.columns.ncols() - problem.bias):
        gradient[j] = gradient[j] + problem.penalty * at.point[j]
    bends = np.maximum(at.bends, lent * problem.curvature * problem.weights)
    move = _solved(_system(problem, bends), [-g for g in gradient])
    if move is None:
        return None, 0.0
    fall = sum((g * m for g, m in zip(gradient, move, strict=True)), arb(0))
    by, noise = arb(1), arb(4 * UNIT * float(np.abs(at.losses).sum()))
    for _ in range(HALVINGS):
        new = place(problem, [(p + by * m).mid() for p, m in zip(at.point, move, strict=True)])
        if new.primal is not None and new.primal <= at.primal + by * fall / 10000 + noise:
            return new, float(by)
        by = by / 2
    return None, 0.0


def _system(problem: SmoothProblem, bends: np.ndarray) -> Any:
    """The matrix of a Newton step."""
    from flint import arb, arb_mat

    rows = problem.columns.tolist()
    scaled = arb_mat([[arb(float(b)) * v for v in row] for b, row in zip(bends, rows, strict=True)])
    matrix = (scaled.transpose() * problem.columns).mid()
    size = matrix.nrows()
    for j in range(size):
        penalised = problem.penalty and not (problem.bias and j == size - 1)
        # A share of 2^-300 keeps columns that depend on one another, or a bias that nothing bends, from dividing by 0.
        matrix[j, j] += (1 if penalised else 0) + (matrix[j, j] + arb(2) ** -900) * arb(2) ** -300
    return matrix.mid()


def _solved(matrix: Any, right: list[Any]) -> list[Any] | None:
    from flint import arb_mat

    try:
        return matrix.solve(arb_mat([[v] for v in right]), algorithm="approx").mid().entries()
    except ZeroDivisionError:
        return None
