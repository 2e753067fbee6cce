"""Kinks of tabulated curves: the scores at which value, slope or curvature jumps.

Where the pair's program can be read they are its breaks, exactly. Elsewhere they are found without being told: halve a
smooth cell, and what its ends disagree about shrinks by the power that calculus says; across a kink it does
not. Every cell in which it does not is cut into pieces, all of them at once, again and again, and what is still rough
when it is narrow is a kink. Its place is where the two sides, continued, meet.
"""

from typing import Any, NamedTuple

import numpy as np

from lossland.curves._evaluator import LABELS, NODES, Evaluate
from lossland.curves._roughness import near_size, rough_cells
from lossland.curves._rounding import rounding_off
from lossland.proofs import Evidence

KINDS = ("value", "slope", "curvature")
MOST = 256
"""How many brackets are followed at once."""
ROUNDS = 16
WIDE = 1e-5
"""From this width on, by the size of its score, a bracket that cannot be cut further is no kink."""
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
    """The kinks of a pair, with what it takes to put them into a table.

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
    """The kinks of a pair, found by following every cell that is not smooth down to where it is narrow.

    Args:
        evaluate: from `curves.evaluator`.
        points: (n,), n odd, increasing.
        rows: (3, 2, n), what `evaluate` says of them.

    Returns:
        Kinks, the quantities on their two sides, and where neither kinks nor a smooth curve were made out.
    """
    size = np.maximum(near_size(rows[1], points), 1e-300)[:, None]
    found, lost = _followed(evaluate, points, rows, size)
    kinks, sides = [], []
    for bracket in _joined(found):
        more, side = _told(bracket, size[:, 0])
        kinks += more
        sides += side
    return Bends(tuple(sorted(kinks, key=lambda k: (k.at, -k.label))), sides, lost)


def read_kinks(held: Evidence, evaluate: Evaluate) -> Bends:
    """The kinks of a pair from its program: where two smooth pieces meet and value, slope or curvature jumps.

    Args:
        held: from `proofs.evidence`, of a program that could be read.
        evaluate: from `curves.evaluator`.

    Returns:
        As `find_kinks`; the places where a piece that is constant begins or ends are among those to insert.
    """
    kinks, places = [], set()
    for label, curve in zip(LABELS, held.pieces, strict=True):
        constant = [all(op != "score" for op, _, _ in part.nodes) for part in curve.parts]
        for k, b in enumerate(curve.breaks):
            if b.order < len(KINDS):
                kinks.append(Kink(int(label), b.at, KINDS[b.order], b.left[b.order], b.right[b.order]))
            if b.order < len(KINDS) or constant[k] != constant[k + 1]:
                places.add(b.at)
    sides = []
    for at in sorted(places):
        right = evaluate(np.array([at]))[:, :, 0]
        left = right.copy()
        for row, curve in enumerate(held.pieces):
            for b in curve.breaks:
                if b.at == at:
                    left[:, row], right[:, row] = b.left, b.right
        sides.append((at, left, right))
    return Bends(tuple(sorted(kinks, key=lambda k: (k.at, -k.label))), sides, [])


def _followed(
    evaluate: Evaluate, points: np.ndarray, rows: np.ndarray, size: np.ndarray
) -> tuple[_Brackets, list[tuple[float, float]]]:
    """The cells that are not smooth cut down to where they are narrow, in order, and those that could not be."""
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
        parents, held = live, evaluate(finer.ravel()).reshape(3, 2, -1, pieces)
        live, more, kept = _rough(finer, held, size, 1e-11)
        done.append(parents.some(~kept & _sunk(parents, held)))
        stuck = _stuck(live, parents)
        lost += more + _intervals(live.some(stuck))
        live = live.some(~stuck)
    wide = live.high - live.low > WIDE * (1 + np.abs(live.low))
    found = _Brackets(*(np.concatenate(parts, axis=-1) for parts in zip(*done, live.some(~wide), strict=True)))
    # Narrower than this it was rounding that did not let go.
    lost = [(low, high) for low, high in lost + _intervals(live.some(wide)) if high - low > WIDE * (1 + abs(low))]
    return found.some(np.argsort(found.low)), lost


# ------------------------------------------------------------------------------------------------------------- rough


def _rough(
    points: np.ndarray, rows: np.ndarray, size: np.ndarray, least: float
) -> tuple[_Brackets, list[tuple[float, float]], np.ndarray]:
    """Where each row of points is not smooth, as brackets, those too many to follow, and which rows have any."""
    rough = rough_cells(points, rows, size, least)
    padded = np.pad(rough, ((0, 0), (1, 1))).astype(np.int8)
    steps = np.diff(padded, axis=1)
    row, start = np.nonzero(steps > 0)
    stop = np.nonzero(steps < 0)[1]
    last = points.shape[1] - 1
    # A point more on either side: one that lies on the kink itself belongs to neither side of it.
    low, high = np.maximum(2 * start - 1, 0), np.minimum(2 * stop + 1, last)
    before, after = np.maximum(low - 1, 0), np.minimum(high + 1, last)
    margin = np.maximum(points[row, low] - points[row, before], points[row, after] - points[row, high])
    left, right, below, above = (rows[:, :, row, place] for place in (low, high, before, after))
    found = _Brackets(points[row, low], points[row, high], left, right, below, above, margin)
    return found.some(slice(MOST)), _intervals(found.some(slice(MOST, None))), np.asarray(rough.any(axis=1))


def _intervals(brackets: _Brackets) -> list[tuple[float, float]]:
    return list(zip(brackets.low.tolist(), brackets.high.tolist(), strict=True))


def _stuck(live: _Brackets, parents: _Brackets) -> np.ndarray:
    """Which brackets are rough all over, far from narrow: a curve that no cutting resolves."""
    parent = np.searchsorted(parents.low, live.low, side="right") - 1
    width = live.high - live.low
    return (width > 0.5 * (parents.high - parents.low)[parent]) & (width > WIDE * (1 + np.abs(live.low)))


def _sunk(live: _Brackets, rows: np.ndarray) -> np.ndarray:
    """Which brackets without a rough piece hold a jump of the curvature, that rounding hides before they are narrow.

    It is one step of the curvature that makes nearly all the difference between the two ends.
    """
    left, right = live.left[2], live.right[2]
    with np.errstate(invalid="ignore", over="ignore"):
        step = np.abs(np.diff(rows[2], axis=-1)).max(axis=-1)
        highest, ends = np.abs(rows[2]).max(axis=-1), np.maximum(np.abs(left), np.abs(right))
        jump = (step > 0.5 * np.abs(right - left)) & (step > 1e-9 * ends) & (highest <= 2 * ends)
    return jump.any(axis=0) & (live.high - live.low <= 1e-3 * (1 + np.abs(live.low)))


def _pieces(live: _Brackets) -> int:
    """How many points a bracket gets next: what one evaluation holds, but never two that rounding makes equal."""
    apart = (live.high - live.low) / (1e-15 * (1 + np.abs(live.low)))
    return (max(min(NODES // live.low.size, int(apart.min())), 9) - 1) // 2 * 2 + 1


def _narrow(live: _Brackets, size: np.ndarray) -> np.ndarray:
    """Which brackets are narrow enough to be told where their kink lies."""
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
    return rounding_off(point, 9, 2e-12)


def _continued(held: np.ndarray, by: float) -> np.ndarray:
    """The quantities at a little distance, where the curve is smooth enough on that scale; else as they are."""
    value, slope, curvature = held
    with np.errstate(invalid="ignore", over="ignore"):
        smooth = np.abs(by * curvature) <= 0.1 * np.abs(slope) + 1e-6
        moved = np.stack([value + by * (slope + 0.5 * by * curvature), slope + by * curvature, curvature])
    return np.where(smooth & np.isfinite(moved).all(axis=0), moved, held)
