"""From an optimum of many digits to doubles: the rounding that costs the objective least.

A margin that should lie on a knot lies next to it once the weights are doubles, on one side or the other, and a large C
makes one side dear. So the point is moved towards the cheap sides by a few of a margin's last digits before it is
rounded; and what a bias far from 0 loses in its last digit, a weight takes up that has finer ones.
"""

from typing import Any, NamedTuple

import numpy as np

from lossland.solvers._exact_value import ExactProblem, exact_primal, exact_scores
from lossland.solvers._lattice import last_digits

MOST = 64
"""Blocks in which coordinates are rounded."""
REACHES = (1.0, 1.5, 3.0, 8.0)
"""By how many times the worst margin's error the point is moved, one after another."""


class Doubles(NamedTuple):
    """Weights (d,) and bias as doubles, with the exact objective there and its size, rationals."""

    weights: np.ndarray
    bias: float
    primal: Any
    size: Any


def rounded_point(
    problem: ExactProblem,
    inputs: np.ndarray,
    centre: np.ndarray,
    point: list[Any],
    scores: list[Any],
    sides: np.ndarray,
    enough: Any,
) -> Doubles | None:
    """The doubles of the least objective that were found; None if it was infinite at all of them.

    Args:
        problem: the problem in rationals.
        inputs: (n, d), as doubles.
        centre: (d,), what was taken off the inputs.
        point: d numbers, and the bias of the centred inputs if it is free.
        scores: n numbers, those of the point.
        sides: (n,), the side of its knot on which a margin costs less, +1 or -1; 0 where it does not lie on one.
        enough: a value of the objective from which on nothing better is looked for.
    """
    weights, level = (point[:-1], point[-1]) if problem.bias else (point, None)
    origin = np.zeros(len(centre))
    # The origin costs nothing to try, and is the optimum of a loss without a margin.
    best = _better(problem, None, origin, 0.0)
    on = np.flatnonzero(sides)
    rows = np.concatenate([inputs[on], np.ones((len(on), int(problem.bias)))], axis=1)

    def rounded(weights: list[Any], level: Any) -> tuple[np.ndarray, float]:
        return _one_by_one(rows, centre, weights, level) if len(on) else doubles(centre, weights, level)

    w, b = rounded(weights, level)
    best = _better(problem, _better(problem, best, *doubles(centre, weights, level)), w, b)
    if not len(on) or (best is not None and best.primal <= enough):
        return best
    off = _off(problem, w, b, scores, on)
    error = float(np.abs(off).max())
    away = _away(problem, inputs, centre, level is not None, sides)
    for reach in REACHES:
        moved = [v + reach * error * a for v, a in zip(weights, away[:-1], strict=True)]
        w, b = rounded(moved, None if level is None else level + reach * error * away[-1])
        best = _better(problem, best, w, b)
        if best is not None and best.primal <= enough:
            return best
    return _by_last_digits(problem, best, rows, scores, on, rounded(weights, level), enough)


def _off(problem: ExactProblem, w: np.ndarray, b: float, scores: list[Any], on: np.ndarray) -> np.ndarray:
    """By how much the scores of some examples miss the point's, (m,)."""
    seen = exact_scores(problem, w, b)
    return np.array([float((_ball_of(seen[i]) - scores[i]).mid()) for i in on])


def _by_last_digits(
    problem: ExactProblem,
    best: Doubles | None,
    rows: np.ndarray,
    scores: list[Any],
    on: np.ndarray,
    start: tuple[np.ndarray, float],
    enough: Any,
) -> Doubles | None:
    """The point again, where kinks are dear on both sides: last digits of many weights that cancel on every knot."""
    point = np.append(*start) if problem.bias else start[0]
    for share in (1e-3, 1e-6, 1e-9):
        w, b = (point[:-1], float(point[-1])) if problem.bias else (point, 0.0)
        off, used = _off(problem, w, b, scores, on), np.flatnonzero(rows.any(axis=0))
        moves = last_digits(rows[:, used], np.spacing(np.abs(point[used])), off, share)
        if moves is None:
            return best
        moved = point.copy()
        moved[used] += moves * np.spacing(np.abs(point[used]))
        best = _better(problem, best, *((moved[:-1], float(moved[-1])) if problem.bias else (moved, 0.0)))
        if best is not None and best.primal <= enough:
            break
    return best


def _better(problem: ExactProblem, best: Doubles | None, w: np.ndarray, b: float) -> Doubles | None:
    found = exact_primal(problem, w, b)
    return Doubles(w, b, *found) if found is not None and (best is None or found[0] < best.primal) else best


def _away(problem: ExactProblem, inputs: np.ndarray, centre: np.ndarray, bias: bool, sides: np.ndarray) -> np.ndarray:
    """The smallest move (d + 1,) that takes the margins on a knot to their cheap sides, by 1."""
    on = np.flatnonzero(sides)
    moved = np.zeros(len(centre) + 1)
    t = problem.labels[on, None]
    rows = np.concatenate([inputs[on] - centre, np.ones((len(on), 1))], axis=1) if bias else inputs[on]
    size = np.abs(rows).max() or 1.0
    scaled = np.linalg.lstsq(t * rows / size, sides[on], rcond=1e-13)[0] / size
    moved[: len(scaled)] = scaled
    return moved if np.isfinite(moved).all() else np.zeros_like(moved)


def _one_by_one(rows: np.ndarray, centre: np.ndarray, weights: list[Any], level: Any) -> tuple[np.ndarray, float]:
    """Doubles next to weights and bias, rounded one after another, coarsest first: the rest make up for each.

    The rows (m, d + bias) are of the examples on a knot. What rounding one coordinate does to their scores, those not
    rounded yet take back by the smallest move; what is left in the end is the rounding of the finest few.
    """
    point = list(weights)
    if level is not None:
        point.append(level - sum((_ball(c) * v for c, v in zip(centre, weights, strict=True)), _ball(0.0)))
    near = np.array([float(v) for v in point])
    worth = np.spacing(np.abs(near)) * np.abs(rows).max(axis=0)
    order = np.argsort(-worth, kind="stable")
    for blocks in np.array_split(order, min(len(order), MOST)):
        near[blocks] = [float(point[j]) for j in blocks]
        off = rows[:, blocks] @ [float((_ball(float(near[j])) - point[j]).mid()) for j in blocks]
        rest = order[np.flatnonzero(order == blocks[-1])[0] + 1 :]
        if not len(rest) or not off.any():
            continue
        size = np.abs(rows[:, rest]).max() or 1.0
        back = np.linalg.lstsq(rows[:, rest] / size, off / np.abs(off).max(), rcond=1e-13)[0] * (
            np.abs(off).max() / size
        )
        for j, move in zip(rest, back, strict=True):
            point[j] = (point[j] - float(move)).mid()
    return (near, 0.0) if level is None else (near[:-1], float(near[-1]))


def doubles(centre: np.ndarray, weights: list[Any], level: Any) -> tuple[np.ndarray, float]:
    """Doubles next to weights and to the bias of centred inputs, so that the score at the centre is right too."""
    w = np.array([float(v) for v in weights])
    wanted = sum((_ball(c) * v for c, v in zip(centre, weights, strict=True)), _ball(0.0)) if level is None else level

    def at_centre(b: float) -> Any:
        return sum((_ball(c) * _ball(v) for c, v in zip(centre, w, strict=True)), _ball(b))

    b = 0.0 if level is None else float((wanted - at_centre(0.0)).mid())
    for _ in range(3):
        off = float((at_centre(b) - wanted).mid())
        steps = np.spacing(np.abs(w)) * np.abs(centre)
        # Only inputs far from 0 have a score at the centre that a last digit of a weight can mend.
        slight = np.abs(off) <= 2.0**-40 * np.abs(w).max(initial=0.0) * np.abs(centre)
        finer = np.flatnonzero((steps > 0) & (steps < 2 * abs(off)) & slight)
        if not len(finer):
            break
        # The coarsest of those that still help: it moves the other scores least.
        j = finer[np.argmax(np.abs(centre[finer]))]
        w[j] -= off / centre[j]
    return w, b


def _ball(value: float) -> Any:
    from flint import arb

    return arb(float(value))


def _ball_of(value: Any) -> Any:
    from flint import arb

    return arb(value)


def exact_ratio(numerator: Any, denominator: Any) -> float:
    """A quotient of rationals as a double, not below it."""
    if denominator == 0:
        return 0.0 if numerator == 0 else float("inf")
    share = numerator / denominator
    return float(np.nextafter(as_double(share), np.inf)) if share > 0 else max(as_double(share), 0.0)


def as_double(value: Any) -> float:
    """The double next to a rational."""
    try:
        return int(value.p) / int(value.q)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
