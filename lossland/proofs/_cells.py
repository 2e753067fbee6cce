"""Cells: a smooth piece covered by short closed intervals, cut where a question is open, until each is answered.

On every cell value, slope and curvature are enclosed, in the middle of it sharply; the mean value theorem makes value
and slope sharper. Everything that is claimed of a curve is read off such covers.
"""

import math
import time
from typing import Any, NamedTuple

import numpy as np

from lossland.proofs._expression import Expression
from lossland.proofs._intervals import Interval, added, on_cells, times

REACH = 1e150
"""Proofs hold for scores up to this size: beyond it, products of doubles have no bounds."""
HUGE = 1e100
"""Bounds beyond this are not sharpened further."""


class Budget(NamedTuple):
    """How much a proof may cost.

    Attributes:
        cells: at most so many a piece.
        seconds: at most so much of the thread's time a piece: on a busy machine the same is proven.
        tolerance: relative, of enclosures.
    """

    cells: int = 1500
    seconds: float = 0.15
    tolerance: float = 1e-3


FULL = Budget(200_000, 20.0, 1e-7)
"""What `lossland card --prove` spends."""


class Cover(NamedTuple):
    """Cells of one piece in order, n of them.

    Attributes:
        low: (n,) lower ends.
        high: (n,) upper ends.
        middle: (n,) a point of each.
        value: enclosures on the cells.
        slope: the same of the slope.
        curvature: the same of the curvature.
        at: value, slope and curvature enclosed at the middles.
    """

    low: np.ndarray
    high: np.ndarray
    middle: np.ndarray
    value: Interval
    slope: Interval
    curvature: Interval
    at: tuple[Interval, Interval, Interval]

    def some(self, which: Any) -> "Cover":
        """Some of the cells."""

        def part(x: Interval) -> Interval:
            return Interval(x.low[which], x.high[which])

        return Cover(
            self.low[which], self.high[which], self.middle[which], part(self.value), part(self.slope),
            part(self.curvature), (part(self.at[0]), part(self.at[1]), part(self.at[2])),
        )  # fmt: skip


class End(NamedTuple):
    """Value and slope of a piece where it meets a break, its limits from the piece's side."""

    value: float
    slope: float


def cover(
    expression: Expression, low: float, high: float, budget: Budget, ends: tuple[End | None, End | None] = (None, None)
) -> Cover:
    """Cover a piece with cells on which its curvature's sign, its slope's sign and its bounds are known, if it can be.

    Args:
        expression: without choices.
        low: where the piece begins, -inf allowed.
        high: where it ends.
        budget: cells and time.
        ends: what is known where it begins and where it ends.

    Returns:
        The cover; what its cells leave open stays open.
    """
    edges = _edges(low, high)
    done, fresh = None, _pinned(_enclosed(expression, edges[:-1], edges[1:]), low, high, ends)
    lowest = min((end.value for end in ends if end is not None and not math.isnan(end.value)), default=math.inf)
    until = time.thread_time() + budget.seconds
    for _ in range(60):
        done = fresh if done is None else _joined(done, fresh)
        open_, low_open = _open(done, budget.tolerance), _maybe_lowest(done, lowest)
        # Few cells may hold the minimum: they are cut even when the budget for the rest is spent.
        spent = len(done.low) + 3 * int(open_.sum()) > budget.cells
        open_ = low_open if spent else open_ | low_open
        middle = _cuts(done.low, done.high)
        open_ &= (middle > done.low) & (middle < done.high)
        if not open_.any() or len(done.low) + 3 * int(open_.sum()) > 2 * budget.cells or time.thread_time() > until:
            break
        low_, middle, high_ = done.low[open_], middle[open_], done.high[open_]
        done = done.some(~open_)
        # Into four at once: a round costs what its operations cost, hardly what its cells do.
        first, last = _cuts(low_, middle), _cuts(middle, high_)
        starts, stops = np.concatenate([low_, first, middle, last]), np.concatenate([first, middle, last, high_])
        proper = starts < stops
        fresh = _pinned(_enclosed(expression, starts[proper], stops[proper]), low, high, ends)
    assert done is not None
    return done.some(np.argsort(done.low, kind="stable"))


def _edges(low: float, high: float) -> np.ndarray:
    near = [0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 64.0, 256.0]
    half = np.array([*near, 1e4, 1e8, 1e20, 1e50, REACH])
    every = np.concatenate([-half[::-1], [0.0], half])
    low, high = max(low, -REACH), min(high, REACH)
    return np.concatenate([[low], every[(every > low) & (every < high)], [high]])


def _cuts(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where to cut: half way, or at the geometric middle of a long cell away from 0."""
    geometric = np.sign(low) * np.sqrt(np.abs(low)) * np.sqrt(np.abs(high))
    long = (low * high > 0) & (np.abs(high - low) > 16 * np.minimum(np.abs(low), np.abs(high)))
    return np.where(long, geometric, 0.5 * low + 0.5 * high)


def _enclosed(expression: Expression, low: np.ndarray, high: np.ndarray) -> Cover:
    """One evaluation for cells and their middles, sharpened by the mean value theorem."""
    with np.errstate(all="ignore"):
        middle = np.clip(_cuts(low, high), low, high)
        n = low.size
        both = on_cells(expression, Interval(np.concatenate([low, middle]), np.concatenate([high, middle])))
        (value, slope, curvature), at = (
            [Interval(x.low[part], x.high[part]) for x in both] for part in (slice(0, n), slice(n, 2 * n))
        )
        away = Interval(np.nextafter(low - middle, -np.inf), np.nextafter(high - middle, np.inf))
        slope = _met(slope, added(at[1], times(curvature, away)))
        value = _met(value, added(at[0], times(slope, away)))
    return Cover(low, high, middle, value, slope, curvature, (at[0], at[1], at[2]))


def _pinned(c: Cover, low: float, high: float, ends: tuple[End | None, End | None]) -> Cover:
    """The cells at the two ends of a piece, by the mean value theorem from the break itself.

    A break between two doubles lies inside its cell; what the piece would do beyond it does not count.
    """
    for place, at, end in ((c.low, low, ends[0]), (c.high, high, ends[1])):
        touching = np.flatnonzero(place == at)
        if end is None or not touching.size or not (math.isfinite(end.value) and math.isfinite(end.slope)):
            continue
        k = touching[:1]
        width = np.nextafter(c.high[k] - c.low[k], np.inf)
        away = Interval(np.zeros(1), width) if end is ends[0] else Interval(-width, np.zeros(1))
        with np.errstate(all="ignore"):
            curvature = Interval(c.curvature.low[k], c.curvature.high[k])
            slope = added(_around(end.slope), times(curvature, away))
            slope = _met(slope, Interval(c.slope.low[k], c.slope.high[k]))
            value = added(_around(end.value), times(slope, away))
            value = _met(value, Interval(c.value.low[k], c.value.high[k]))
        c = c._replace(slope=_put(c.slope, k, slope), value=_put(c.value, k, value))
    return c


def _around(x: float) -> Interval:
    """A number that was rounded to a double; 0 is exact."""
    if x == 0:
        return Interval(np.zeros(1), np.zeros(1))
    return Interval(np.array([np.nextafter(x, -np.inf)]), np.array([np.nextafter(x, np.inf)]))


def _put(x: Interval, k: np.ndarray, part: Interval) -> Interval:
    low, high = x.low.copy(), x.high.copy()
    low[k], high[k] = part
    return Interval(low, high)


def _met(x: Interval, y: Interval) -> Interval:
    """The intersection of two enclosures; NaN ends count as no bound."""
    return Interval(np.fmax(x.low, y.low), np.fmin(x.high, y.high))


def _joined(a: Cover, b: Cover) -> Cover:
    def both(x: Interval, y: Interval) -> Interval:
        return Interval(np.concatenate([x.low, y.low]), np.concatenate([x.high, y.high]))

    ends = [np.concatenate([x, y]) for x, y in zip(a[:3], b[:3], strict=True)]
    at = tuple(both(x, y) for x, y in zip(a.at, b.at, strict=True))
    return Cover(*ends, both(a.value, b.value), both(a.slope, b.slope), both(a.curvature, b.curvature), at)  # type: ignore[arg-type]


def largest(x: Interval) -> np.ndarray:
    """An upper bound on |x|."""
    return np.maximum(np.abs(x.low), np.abs(x.high))


def least_size(x: Interval) -> np.ndarray:
    """A lower bound on |x|."""
    return np.maximum(np.maximum(x.low, -x.high), 0.0)


def _open(c: Cover, tolerance: float) -> np.ndarray:
    """Which cells leave something open that a cut may answer."""
    bent_down = bool(np.any(c.at[2].high < 0))
    open_ = np.zeros(c.low.size, bool)
    if not bent_down:
        open_ |= c.curvature.low < 0
    up, down = np.flatnonzero(c.at[1].low > 0), np.flatnonzero(c.at[1].high < 0)
    rises_then_falls = up.size and down.size and c.middle[up].min() < c.middle[down].max()
    undecided = (c.slope.low < 0) & (c.slope.high > 0)
    if not rises_then_falls:
        open_ |= undecided & (c.curvature.low < 0)
    for part, at in ((c.slope, c.at[1]), (c.curvature, c.at[2])):
        reached = float(least_size(at).max())
        if reached < HUGE:
            open_ |= largest(part) > reached * (1 + tolerance) + 1e-300
    return open_


def _maybe_lowest(c: Cover, lowest: float) -> np.ndarray:
    """Which cells may hold the minimum: where a cell is monotone its ends decide, and they are ends of others too."""
    best = min(float(np.min(c.at[0].high)), lowest)
    if best <= -HUGE:
        return np.zeros(c.low.size, bool)
    undecided = (c.slope.low < 0) & (c.slope.high > 0)
    return (c.value.low < best - 1e-7 * (1e-2 + abs(best))) & undecided


def bounds(c: Cover, order: int) -> tuple[float, float]:
    """What the largest |slope| (1) or |curvature| (2) of a cover lies between."""
    part = (c.value, c.slope, c.curvature)[order]
    low = float(least_size(c.at[order]).max())
    return low, float(largest(part).max())
