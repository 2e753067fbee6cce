"""Kinks of tabulated curves: the scores at which value, slope or curvature jumps, found without being told.

Halve a smooth cell, and what its ends disagree about shrinks by the power that calculus says; across a kink it does
not. Every cell in which it does not is cut into pieces, all of them at once, again and again, and what is still rough
when it is narrow is a kink. Its place is where the two sides, continued, meet.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

NODES = 8192
"""How many scores one evaluation takes."""
LABELS = (1.0, -1.0)
Evaluate = Callable[[np.ndarray], np.ndarray]
KINDS = ("value", "slope", "curvature")
MOST = 256
"""How many brackets are followed at once."""
ROUNDS = 12
NARROW, NARROWEST = 2e-7, 4e-15
"""How wide a bracket may stay, by the size of its score: for a bend, and for a jump that nothing else locates."""


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


class Bends(NamedTuple):
    """What `find_kinks` found.

    Attributes:
        kinks: in order of score.
        sides: for each score to insert, the (3, 2) quantities on its left and on its right.
        unresolved: intervals that stayed rough at every width reached.
    """

    kinks: tuple[Kink, ...]
    sides: list[tuple[float, np.ndarray, np.ndarray]]
    unresolved: list[tuple[float, float]]


class _Brackets(NamedTuple):
    """Intervals that may hold a kink, (k,); the quantities at their ends and one point further out, (3, 2, k)."""

    low: np.ndarray
    high: np.ndarray
    left: np.ndarray
    right: np.ndarray
    before: np.ndarray
    after: np.ndarray
    margin: np.ndarray
    """How far out that point lies."""

    def some(self, which: Any) -> "_Brackets":
        return _Brackets(*(part[..., which] for part in self))


def find_kinks(evaluate: Evaluate, points: np.ndarray, rows: np.ndarray) -> Bends:
    """Follow every rough cell down to where it is narrow.

    Args:
        evaluate: from `curves.evaluator`.
        points: (n,), n odd, increasing.
        rows: (3, 2, n), what `evaluate` says of them.

    Returns:
        Kinks, the quantities on their two sides, and where neither kinks nor a smooth curve were made out.
    """
    size = np.maximum(_near(rows[1], points), 1e-300)[:, None]
    live, lost, _ = _rough(points[None], rows[:, :, None], size, 1e-9)
    done = []
    for _ in range(ROUNDS):
        narrow = _narrow(live, size)
        done.append(live.some(narrow))
        live = live.some(~narrow)
        if not live.low.size:
            break
        pieces = _pieces(live)
        finer = live.low[:, None] + (live.high - live.low)[:, None] * np.linspace(0.0, 1.0, pieces)
        finer[:, -1] = live.high
        parents = live
        live, more, held = _rough(finer, evaluate(finer.ravel()).reshape(3, 2, -1, pieces), size, 1e-11)
        # A jump of the curvature sinks below rounding before it is narrow: it is told from where it was last seen.
        done.append(parents.some(~held & (parents.high - parents.low <= 1e-3 * (1 + np.abs(parents.low)))))
        lost += more
    lost += list(zip(live.low.tolist(), live.high.tolist(), strict=True))
    found = _Brackets(*(np.concatenate(parts, axis=-1) for parts in zip(*done, strict=True)))
    kinks, sides = [], []
    for bracket in _joined(found.some(np.argsort(found.low))):
        more, side = _told(bracket, size[:, 0])
        kinks += more
        sides += side
    return Bends(tuple(sorted(kinks, key=lambda k: (k.at, -k.label))), sides, _hulls(lost))


# ------------------------------------------------------------------------------------------------------------- rough


def _near(row: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """A row's largest absolute value within |z| <= 12, at most 1e3."""
    near = np.abs(scores) <= 12
    return np.minimum(np.max(np.abs(np.where(np.isfinite(row), row, 0.0)), axis=-1, where=near, initial=0.0), 1e3)


def flat(slopes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Whether each slope is zero to rounding, measured by the row's largest slope within |z| <= 12."""
    size = _near(slopes, scores)
    return np.abs(slopes) <= 1e-14 * np.where(size > 0, size, 1.0)[..., None]


def _residuals(scores: np.ndarray, rows: np.ndarray, size: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """How far each cell's ends disagree, of order h^5 and h^3 for a smooth curve, each less what rounding explains.

    `least` is the smallest jump worth following, as a share of the slopes.
    """
    h = np.diff(scores)
    lower, upper = rows[..., :-1], rows[..., 1:]
    (v0, s0, c0), (v1, s1, c1) = lower, upper
    with np.errstate(invalid="ignore", over="ignore"):
        first = np.abs(v1 - v0 - 0.5 * h * (s0 + s1) + h * h / 12 * (c1 - c0))
        second = np.abs(s1 - s0 - 0.5 * h * (c0 + c1))
        v, s, c = np.abs(lower) + np.abs(upper)
        first -= 4e-13 * v + 0.1 * least * h * (s + h * c) + 1e-15 * size * (1 + np.abs(scores[..., 1:]))
        second -= least * (s + h * c) + 1e-13 * size
    return np.nan_to_num(first, posinf=0.0), np.nan_to_num(second, posinf=0.0)


def _rough_cells(points: np.ndarray, rows: np.ndarray, size: np.ndarray, least: float) -> np.ndarray:
    """(k, q): which double cells are not smooth; points (k, 2 q + 1), rows (3, 2, k, 2 q + 1), size (2, 1)."""
    size = size[:, :, None]
    coarse = _residuals(points[:, ::2], rows[..., ::2], size, least)
    fine = [np.maximum(r[..., ::2], r[..., 1::2]) for r in _residuals(points, rows, size, least)]
    # A smooth curve's fall to 1/32 and 1/8. One jump in slope, one in curvature and two opposite jumps in slope each
    # keep more than this of one or the other, wherever in the cell they are.
    rough = (fine[0] > _expected(coarse[0]) / 12) | (fine[1] > _expected(coarse[1]) / 4)
    # Where the first is lost in rounding the second alone can miss a jump in curvature: then the middle is on one side.
    left, middle, right = (rows[2][..., i:last:2] for i, last in ((0, -1), (1, None), (2, None)))
    with np.errstate(invalid="ignore", over="ignore"):
        step, bend = np.abs(right - left), np.abs(2 * middle - left - right)
        turns = (np.abs(step - bend) < 0.2 * step) & (step > 1e-9 * (np.abs(left) + np.abs(right)))
    rough |= turns & (coarse[0] <= 0) & (fine[1] > 0)
    rough &= np.abs(rows[0][..., :-2:2]) < 1e100
    still = np.abs(rows[1]) <= 1e-14 * size
    moving = np.abs(rows[1]) > 1e-10 * size
    edge = (still[..., :-1] & moving[..., 1:]) | (moving[..., :-1] & still[..., 1:])
    # A wall: the loss is infinite beyond, not because it grew until it overflowed.
    finite = np.isfinite(rows[0])
    wall = (finite[..., :-1] != finite[..., 1:]) & (np.where(finite, np.abs(rows[0]), 0.0) < 1e100).all(-1)[..., None]
    ends = edge | wall
    rough = (rough | ends[..., ::2] | ends[..., 1::2]).any(axis=0)
    # A small kink between two large ones is told by nothing else.
    rough[:, 1:-1] |= rough[:, :-2] & rough[:, 2:]
    return rough


def _expected(coarse: np.ndarray) -> np.ndarray:
    """A cell's residual, or what both its neighbours exceed: where a derivative changes sign its own is too small."""
    padded = np.pad(np.maximum(coarse, 0.0), [(0, 0)] * (coarse.ndim - 1) + [(1, 1)])
    return np.maximum(padded[..., 1:-1], np.minimum(padded[..., :-2], padded[..., 2:]))


def _rough(
    points: np.ndarray, rows: np.ndarray, size: np.ndarray, least: float
) -> tuple[_Brackets, list[tuple[float, float]], np.ndarray]:
    """The rough stretches of each row of points, as brackets, those too many to follow, and which rows have any."""
    rough = _rough_cells(points, rows, size, least)
    padded = np.pad(rough, ((0, 0), (1, 1))).astype(np.int8)
    steps = np.diff(padded, axis=1)
    row, start = np.nonzero(steps > 0)
    stop = np.nonzero(steps < 0)[1]
    last = points.shape[1] - 1
    # A point more on either side: one that lies on the kink itself belongs to neither side of it.
    low, high = np.maximum(2 * start - 1, 0), np.minimum(2 * stop + 1, last)
    before, after = np.maximum(low - 1, 0), np.minimum(high + 1, last)
    margin = np.maximum(points[row, low] - points[row, before], points[row, after] - points[row, high])
    ends = (rows[:, :, row, place] for place in (low, high, before, after))
    found = _Brackets(points[row, low], points[row, high], *ends, margin)
    over = [(float(a), float(b)) for a, b in zip(found.low[MOST:], found.high[MOST:], strict=True)]
    return found.some(slice(MOST)), over, rough.any(axis=1)


def _pieces(live: _Brackets) -> int:
    """How many points a bracket gets next: what one evaluation holds, but never two that rounding makes equal."""
    apart = (live.high - live.low) / (1e-15 * (1 + np.abs(live.low)))
    return (max(min(NODES // live.low.size, int(apart.min())), 9) - 1) // 2 * 2 + 1


def _narrow(live: _Brackets, size: np.ndarray) -> np.ndarray:
    """Which brackets need no more rounds."""
    width = (live.high - live.low) / (1 + np.abs(live.low))
    left, right = live.left[0], live.right[0]
    with np.errstate(invalid="ignore"):
        jump = np.abs(right - left) > 1e-3 * size * (1 + np.abs(live.low)) + 1e-6 * np.abs(left)
    jump |= np.isfinite(left) != np.isfinite(right)
    return (width <= NARROWEST) | ((width <= NARROW) & ~jump.any(axis=0))


# -------------------------------------------------------------------------------------------------------------- kinks


def _joined(found: _Brackets) -> list[_Brackets]:
    """Brackets in order, those that rounding cannot tell apart made one."""
    joined: list[_Brackets] = []
    for i in range(found.low.size):
        this = found.some(i)
        if joined and this.low - joined[-1].high <= 1e-9 * (1 + abs(this.low)):
            joined[-1] = joined[-1]._replace(high=this.high, right=this.right, after=this.after)
        else:
            joined.append(this)
    return joined


def _hulls(intervals: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Intervals in order, near ones made one, without those that are no wider than a kink."""
    hulls: list[tuple[float, float]] = []
    for low, high in sorted(intervals):
        if hulls and low - hulls[-1][1] <= 0.1 * (1 + abs(low)):
            hulls[-1] = (hulls[-1][0], max(high, hulls[-1][1]))
        else:
            hulls.append((low, high))
    return [(low, high) for low, high in hulls if high - low > 1e-5 * (1 + abs(low))]


def _told(at: _Brackets, size: np.ndarray) -> tuple[list[Kink], list[tuple[float, np.ndarray, np.ndarray]]]:
    """The kinks of one narrow bracket, one a class at most, and the score to insert with its two sides."""
    low, high = float(at.low), float(at.high)
    orders = [_order(at, k, size[k]) for k in (0, 1)]
    if min(orders) == len(KINDS) + 1:
        return [], []
    sharper = int(np.argmin(orders))
    point = _meeting(at.left[:, sharper], at.right[:, sharper], low, high, orders[sharper])
    left, right = _continued(at.left, point - low), _continued(at.right, point - high)
    for k, order in enumerate(orders):
        if order:
            # The values agree; the flatter side knows them better where the other one's slope has no bound.
            left[0, k] = right[0, k] = (left if abs(left[1, k]) <= abs(right[1, k]) else right)[0, k]
    kinks = [
        Kink(int(LABELS[k]), point, KINDS[order], float(left[order, k]) + 0.0, float(right[order, k]) + 0.0)
        for k, order in enumerate(orders)
        if order < len(KINDS)
    ]
    return kinks, [(point, left, right)]


def _order(at: _Brackets, k: int, size: float) -> int:
    """The first derivative of class k that jumps within a bracket; 3 where a flat stretch merely ends, 4 for none."""
    for order in range(len(KINDS)):
        left, right, before, after = (rows[order, k] for rows in (at.left, at.right, at.before, at.after))
        if np.isfinite(left) != np.isfinite(right):
            if order == 0:
                return 0
            continue
        with np.errstate(invalid="ignore", over="ignore"):
            # What the steps beside it would become over the bracket's width.
            beside = max(abs(left - before), abs(after - right)) * (at.high - at.low) / max(at.margin, 1e-300)
            if abs(right - left) > 8 * beside + 1e-9 * max(abs(left), abs(right)) + 1e-13 * size:
                return order
    still = np.array([at.left[1, k], at.right[1, k]]) == 0.0
    return len(KINDS) + int(still[0] == still[1])


def _meeting(left: np.ndarray, right: np.ndarray, low: float, high: float, order: int) -> float:
    """Where the quantity below the one that jumps agrees from both sides, each side continued by its derivative."""
    point = 0.5 * (low + high)
    if order in (1, 2):
        bend = left[order] - right[order]
        a, b = left[order - 1] - left[order] * low, right[order - 1] - right[order] * high
        point = float(np.clip((b - a) / bend, low, high)) if bend else low
    tidy = round(float(point), 9) + 0.0
    return tidy if abs(point - tidy) < 2e-12 * (1 + abs(point)) else float(point)


def _continued(held: np.ndarray, by: float) -> np.ndarray:
    """The quantities at a little distance, where the curve is smooth enough on that scale; else as they are."""
    value, slope, curvature = held
    with np.errstate(invalid="ignore", over="ignore"):
        smooth = np.abs(by * curvature) <= 0.1 * np.abs(slope) + 1e-6
        moved = np.stack([value + by * (slope + 0.5 * by * curvature), slope + by * curvature, curvature])
    return np.where(smooth & np.isfinite(moved).all(axis=0), moved, held)
