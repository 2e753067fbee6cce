"""Kinks of tabulated curves: the scores at which value, slope or curvature jumps, found without being told.

A cell whose two ends disagree far more than those of its neighbours is cut into hundreds of pieces, twice; what still
jumps there is a kink, and its place is where the two sides, continued, meet.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

NODES = 2048
"""How many scores one evaluation takes."""
LABELS = (1.0, -1.0)
Evaluate = Callable[[np.ndarray], np.ndarray]


class Kink(NamedTuple):
    """Where a class curve bends: the first of value, slope and curvature that jumps, with its two one-sided values.

    Attributes:
        label: whose curve, +1 or -1.
        at: the score.
        what: "value", "slope" or "curvature".
        left: that quantity just below `at`.
        right: just above.
    """

    label: int
    at: float
    what: str
    left: float
    right: float


def _residuals(
    scores: np.ndarray, values: np.ndarray, slopes: np.ndarray, curvatures: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How far each cell's ends disagree: of order h^5 and h^3 for a smooth curve; as shares of what is compared."""
    h = np.diff(scores)
    with np.errstate(invalid="ignore", over="ignore"):
        v0, v1, s0, s1 = values[..., :-1], values[..., 1:], slopes[..., :-1], slopes[..., 1:]
        c0, c1 = curvatures[..., :-1], curvatures[..., 1:]
        first = v1 - v0 - 0.5 * h * (s0 + s1) + h * h / 12 * (c1 - c0)
        second = s1 - s0 - 0.5 * h * (c0 + c1)
        sizes = (
            np.abs(v0) + np.abs(v1) + h * (np.abs(s0) + np.abs(s1)),
            np.abs(s0) + np.abs(s1) + h * (np.abs(c0) + np.abs(c1)),
        )
        both = [np.abs(r) / np.where(size > 0, size, 1.0) for r, size in zip((first, second), sizes, strict=True)]
    return np.nan_to_num(both[0], posinf=0.0), np.nan_to_num(both[1], posinf=0.0)


def flat(slopes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Whether each slope is zero to rounding, measured by the row's largest slope within |z| <= 12."""
    near = np.abs(scores) <= 12
    with np.errstate(invalid="ignore"):
        size = np.nanmax(np.where(np.isfinite(slopes[..., near]), np.abs(slopes[..., near]), 0.0), axis=-1)
    size = np.minimum(size, 1e3)
    return np.abs(slopes) <= 1e-14 * np.where(size > 0, size, 1.0)[..., None]


def _suspects(scores: np.ndarray, rows: np.ndarray) -> list[tuple[int, int]]:
    """(class, cell) where a cell's ends disagree far more than those of its neighbours, or a flat stretch begins."""
    first, second = _residuals(scores, *rows)
    suspicion = np.zeros_like(first)
    for residual, floor in ((first, 1e-11), (second, 1e-10)):
        beside = np.maximum(np.roll(residual, 1, axis=1), np.roll(residual, -1, axis=1))
        spike = (residual > floor) & (residual > 20 * beside)
        suspicion = np.maximum(suspicion, np.where(spike, residual, 0.0))
    still = flat(rows[1], scores)
    with np.errstate(invalid="ignore"):
        largest = np.nanmax(np.where(np.isfinite(rows[1]), np.abs(rows[1]), 0.0), axis=1, keepdims=True)
        moving = np.abs(rows[1]) > 1e-10 * largest
    edge = (still[:, :-1] & moving[:, 1:]) | (moving[:, :-1] & still[:, 1:])
    suspicion = np.where(edge, np.maximum(suspicion, 1e-3), suspicion)
    # A wall: the loss is infinite beyond, not because it grew until it overflowed.
    finite = np.isfinite(rows[0])
    suspicion[
        (finite[:, :-1] != finite[:, 1:]) & (np.abs(np.where(finite, rows[0], 0.0)).max(axis=1) < 1e100)[:, None]
    ] = 1.0
    suspicion[:, [0, -1]] = 0.0
    ranked = np.argsort(-suspicion, axis=None)[:24]
    return [divmod(int(i), suspicion.shape[1]) for i in ranked if suspicion.flat[i] > 0]


def find_kinks(
    evaluate: Evaluate, scores: np.ndarray, rows: np.ndarray
) -> tuple[tuple[Kink, ...], list[tuple[float, np.ndarray, np.ndarray]]]:
    """Zoom into the suspicious cells; what still jumps there is a kink.

    Returns the kinks, and for each score to insert the (3, 2) quantities on its left and on its right.
    """
    suspects = _suspects(scores, rows)
    if not suspects:
        return (), []
    classes = np.array([row for row, _ in suspects])
    cells = np.array([cell for _, cell in suspects])
    zoomed = _Brackets(scores[cells], scores[cells + 1], None, None, [])
    for _ in range(2):
        zoomed = _zoom(evaluate, classes, zoomed)
    jumps = np.array([i for i, kind in enumerate(zoomed.what) if kind == "value"], int)
    for _ in range(4 if jumps.size else 0):
        # A jump in value has no continuation to intersect: its place is known by halving alone.
        closer = _zoom(evaluate, classes[jumps], _Brackets(zoomed.low[jumps], zoomed.high[jumps], None, None, []))
        zoomed.low[jumps], zoomed.high[jumps] = closer.low, closer.high
        zoomed.left[:, :, jumps], zoomed.right[:, :, jumps] = closer.left, closer.right
    kinks, sides = [], []
    # Ends of flat stretches last: where a kink was found in their bracket they add nothing.
    for i in sorted(range(classes.size), key=lambda i: zoomed.what[i] == "edge"):
        kind = zoomed.what[i]
        if not kind:
            continue
        k, low, high, left, right = classes[i], zoomed.low[i], zoomed.high[i], zoomed.left[..., i], zoomed.right[..., i]
        order = ("value", "slope", "curvature", "edge").index(kind)
        point = _meeting(left[:, k], right[:, k], low, high, order)
        reach = 1e-6 if kind == "edge" else 1e-8
        near = [at for at, _, _ in sides if abs(point - at) <= reach * (1 + abs(point))]
        point = near[0] if near else point
        before, after = _continued(left, point - low), _continued(right, point - high)
        if kind != "value":
            # The values agree; the flatter side knows them better where the other one's slope has no bound.
            best = np.where(np.abs(before[1]) <= np.abs(after[1]), before[0], after[0])
            before[0] = after[0] = best
        if not near:
            sides.append((point, before, after))
        elif kind != "edge":
            # The other class bends here too: each class keeps the sides of its own bracket.
            _, left_side, right_side = sides[[at for at, _, _ in sides].index(point)]
            left_side[:, k], right_side[:, k] = before[:, k], after[:, k]
        if kind != "edge":
            kinks.append(Kink(int(LABELS[k]), point, kind, float(before[order, k]) + 0.0, float(after[order, k]) + 0.0))
    return tuple(sorted(set(kinks), key=lambda k: (k.at, -k.label))), sides


class _Brackets(NamedTuple):
    """Intervals around suspected kinks, (k,); the quantities at their ends, (3, 2, k); what jumps in each."""

    low: np.ndarray
    high: np.ndarray
    left: Any
    right: Any
    what: list[str]


def _zoom(evaluate: Evaluate, classes: np.ndarray, given: _Brackets) -> _Brackets:
    """Cut each bracket into pieces and keep the one in which the first of value, slope, curvature jumps."""
    pieces = NODES // classes.size
    points = given.low[:, None] + (given.high - given.low)[:, None] * np.linspace(0.0, 1.0, pieces)
    held = evaluate(points.ravel()).reshape(3, 2, classes.size, pieces)
    places, what = np.zeros((2, classes.size), int), []
    for i, k in enumerate(classes):
        place, kind = _jump(held[:, k, i])
        places[:, i] = (0, pieces - 1) if kind == "" else (place, place + 1)
        what.append(kind)
    every = np.arange(classes.size)
    left, right = (held[:, :, every, places[side]] for side in (0, 1))
    return _Brackets(points[every, places[0]], points[every, places[1]], left, right, what)


def _jump(rows: np.ndarray) -> tuple[int, str]:
    """Which piece holds a jump, and of what: one step that towers over all others."""
    for name, row in zip(("value", "slope", "curvature"), rows, strict=True):
        finite = np.isfinite(row)
        steps = np.where(finite[1:] & finite[:-1], np.abs(np.diff(np.where(finite, row, 0.0))), 0.0)
        steps = np.where(finite[1:] != finite[:-1], np.finfo(float).max if name == "value" else 0.0, steps)
        place = int(np.argmax(steps))
        second = np.partition(steps, -2)[-2]
        if steps[place] > 8 * second + 1e-9 * np.max(np.abs(row), where=finite, initial=0.0) + 1e-13:
            return place, name
    still = rows[1] == 0.0
    change = np.flatnonzero(still[1:] != still[:-1])
    return (int(change[0]), "edge") if change.size == 1 else (0, "")


def _meeting(left: np.ndarray, right: np.ndarray, low: float, high: float, order: int) -> float:
    """Where the quantity below the one that jumps agrees from both sides, each side continued by its derivative."""
    point = 0.5 * (low + high)
    if order in (1, 2):
        bend = left[order] - right[order]
        a, b = left[order - 1] - left[order] * low, right[order - 1] - right[order] * high
        point = float(np.clip((b - a) / bend, low, high)) if bend else low
    tidy = round(float(point), 9) + 0.0
    return tidy if abs(point - tidy) < 2e-11 * (1 + abs(point)) else float(point)


def _continued(held: np.ndarray, by: float) -> np.ndarray:
    """The quantities at a little distance, where the curve is smooth enough on that scale; else as they are."""
    value, slope, curvature = held
    with np.errstate(invalid="ignore", over="ignore"):
        smooth = np.abs(by * curvature) <= 0.1 * np.abs(slope) + 1e-6
        moved = np.stack([value + by * (slope + 0.5 * by * curvature), slope + by * curvature, curvature])
    return np.where(smooth & np.isfinite(moved).all(axis=0), moved, held)
