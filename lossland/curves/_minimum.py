"""Global minima of combinations of the two class curves: w+ * positive(z) + w- * negative(z) + tilt * z.

The conditional risk is one (w = (eta, 1 - eta)), a conjugate another (w = (1, 0), tilt = -u), the infimum of a curve
the simplest. The lowest node is found over the whole table, then the quintic's minimum beside it; minimisers that form
an interval, or lie at +-inf because a tail only approaches its limit, are told apart.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossland.curves._quintic import quintic

if TYPE_CHECKING:
    from lossland.curves._table import Curves


class Minimum(NamedTuple):
    """The global minima of m combinations of the class curves.

    Attributes:
        value: (m,), -inf where there is none.
        low: (m,) the smallest minimiser; -inf if it is approached or kept there.
        high: (m,) the largest.
        whole: (m,) whether everything between the two is a minimiser as well.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    whole: np.ndarray

    @property
    def at(self) -> np.ndarray:
        """One minimiser: the middle of an interval, its finite end, or 0 where every score is one."""
        with np.errstate(invalid="ignore"):
            middle = 0.5 * (self.low + self.high)
        ends = np.where(np.isinf(self.low), self.high, self.low)
        inside = np.where(np.isnan(middle), 0.0, np.where(np.isinf(middle), ends, middle))
        return np.where(self.whole, inside, ends)


def lowest(curves: "Curves", weights: Any, tilts: Any = 0.0) -> Minimum:
    """The minima of m combinations of a table's curves; see `Curves.lowest`."""
    weights = np.asarray(weights, float)
    tilts = np.broadcast_to(np.asarray(tilts, float), weights.shape[:1])
    parts = [_minimise(curves, weights[i : i + 256], tilts[i : i + 256]) for i in range(0, len(weights), 256)]
    return Minimum(*(np.concatenate(field) for field in zip(*parts, strict=True)))


def combine(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Combinations (m, n) of two rows (2, n) by weights (m, 2); a weight of 0 makes even an infinite value 0."""
    if np.all(np.isfinite(rows)):
        return weights @ rows
    with np.errstate(invalid="ignore", over="ignore"):
        terms = [np.where(w[:, None] == 0, 0.0, w[:, None] * row) for w, row in zip(weights.T, rows, strict=True)]
        return np.nan_to_num(terms[0] + terms[1], nan=np.inf, posinf=np.inf, neginf=-np.inf)


def size(curves: "Curves", weights: np.ndarray) -> np.ndarray:
    """How large each combination is within |z| <= 12: what tolerances are measured by, (m,)."""
    near = curves.values[:, np.abs(curves.scores) <= 12]
    sizes = np.abs(np.where(np.isfinite(near), near, 0.0)).max(axis=1, initial=0.0)
    total = weights @ np.minimum(sizes, 1e3)
    return np.where(total > 0, total, 1.0)


def _minimise(curves: "Curves", weights: np.ndarray, tilts: np.ndarray) -> Minimum:
    scores, every = curves.scores, np.arange(len(weights))
    with np.errstate(over="ignore", invalid="ignore"):
        values = combine(curves.values, weights) + tilts[:, None] * scores
        slopes = combine(curves.slopes, weights) + tilts[:, None]
    curvatures = combine(curves.curvatures, weights)
    node, place, best = _beside(scores, values, slopes, curvatures)
    scale = size(curves, weights)
    # Measured by what is added up at the minimiser, so that a large value elsewhere does not blur it.
    local = np.sum(weights * np.where(weights > 0, np.abs(curves.values[:, node].T), 0.0), axis=1)
    tolerance = 1e-12 * np.minimum(local + np.abs(tilts * scores[node]), scale) + 1e-15 * scale
    near = values <= (best + tolerance)[:, None]
    tails = combine(curves.limits, weights)
    with np.errstate(invalid="ignore"):
        tails = tails + np.where(tilts == 0, 0.0, tilts)[:, None] * np.where(
            tilts[:, None] == 0, 0.0, [-np.inf, np.inf]
        )
    tails = np.where(np.isnan(tails), values[:, [0, -1]], tails)
    stops = (np.abs(slopes) > 1e-9 * scale[:, None]) | (values > (best + 1e-7 * scale)[:, None])
    whole = np.sum(near[:, 1:] & ~near[:, :-1], axis=1) + near[:, 0] <= 1
    kept_left, near = _tail_run(near, stops, tails[:, 0] <= best + tolerance)
    kept_right, near_mirrored = _tail_run(near[:, ::-1], stops[:, ::-1], tails[:, 1] <= best + tolerance)
    near = near_mirrored[:, ::-1]
    some = near.any(axis=1)
    # The refined minimum counts unless its node belongs to a tail that only approaches the limit.
    in_tail = ~near[every, node] & (values[every, node] <= best + tolerance)
    first = np.where(some, scores[np.argmax(near, axis=1)], np.inf)
    last = np.where(some, scores[near.shape[1] - 1 - np.argmax(near[:, ::-1], axis=1)], -np.inf)
    low, high = np.where(in_tail, first, np.minimum(first, place)), np.where(in_tail, last, np.maximum(last, place))
    low, high = np.where(kept_left, -np.inf, low), np.where(kept_left & ~np.isfinite(high), -np.inf, high)
    high, low = np.where(kept_right, np.inf, high), np.where(kept_right & ~np.isfinite(low) & ~kept_left, np.inf, low)
    for side, end in ((0, -np.inf), (1, np.inf)):
        below = tails[:, side] < best - tolerance
        best, low, high = (np.where(below, new, old) for new, old in ((tails[:, side], best), (end, low), (end, high)))
    ends = scores[[0, -1]]
    with np.errstate(invalid="ignore", over="ignore"):
        falls = (
            (slopes[:, [0, -1]] * ends < -0.5 * np.abs(values[:, [0, -1]]))
            & (values[:, [0, -1]] < 0)
            & (np.abs(ends) > 1e5)
        )
    for side, end in ((0, -np.inf), (1, np.inf)):
        best, low, high = (
            np.where(falls[:, side], new, old) for new, old in ((-np.inf, best), (end, low), (end, high))
        )
    # Falling as fast as an exponential, until it overflowed.
    fell = best < -1e100
    end = np.copysign(np.inf, place)
    best, low, high = (np.where(fell, new, old) for new, old in ((-np.inf, best), (end, low), (end, high)))
    return Minimum(best, low, high, whole)


def _beside(
    scores: np.ndarray, values: np.ndarray, slopes: np.ndarray, curvatures: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The node with the lowest minimum beside it, that minimiser, and its value, row by row."""
    width = np.diff(scores, prepend=scores[0])
    width = np.maximum(width, np.append(width[1:], 0.0))
    with np.errstate(all="ignore"):
        drop = np.where(
            (curvatures > 0) & (np.abs(slopes) <= curvatures * width), 0.5 * slopes * (slopes / curvatures), 0.0
        )
        promised = values - np.nan_to_num(drop)
    # The node that is lowest, and the one beside which a parabola promises to be: the better of the two.
    nodes = [np.argmin(np.where(np.isnan(v), np.inf, v), axis=1) for v in (values, promised)]
    place, best = _inside(scores, values, slopes, curvatures, nodes[0])
    other = np.flatnonzero(nodes[0] != nodes[1])
    if other.size:
        rows = values[other], slopes[other], curvatures[other]
        place_there, best_there = _inside(scores, *rows, nodes[1][other])
        better = best_there < best[other]
        for old, new in ((nodes[0], nodes[1][other]), (place, place_there), (best, best_there)):
            old[other] = np.where(better, new, old[other])
    return nodes[0], place, best


def _inside(
    scores: np.ndarray, values: np.ndarray, slopes: np.ndarray, curvatures: np.ndarray, node: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The minimum of the quintic in the cell into which each node's curve falls, by Newton steps on its slope."""
    every = np.arange(len(values))
    # At the top of a hump, too, lower values lie beside.
    hump = (slopes == 0) & (curvatures < 0)
    down_left, down_right = (slopes > 0) | hump, (slopes < 0) | hump
    left = np.clip(np.where(down_left[every, node], node - 1, node), 0, scores.size - 2)
    # Between the two copies of a kink lies no cell: on to the next one if the curve falls on both sides.
    empty = scores[left] == scores[left + 1]
    left = left + np.where(empty & down_right[every, left + 1], 1, np.where(empty & down_left[every, left], -1, 0))
    left = np.clip(left, 0, scores.size - 2)
    held = [rows[every, left + side] for side in (0, 1) for rows in (values, slopes, curvatures)]
    a, b = scores[left], scores[left + 1]
    inside = down_right[every, left] & down_left[every, left + 1] & (b > a)
    low, high, place = a.copy(), b.copy(), 0.5 * (a + b)
    for _ in range(9):
        # Newton on the slope, halving where it leaves the bracket.
        slope = quintic(held, a, b, place, order=1)
        low, high = np.where(slope < 0, place, low), np.where(slope < 0, high, place)
        with np.errstate(all="ignore"):
            step = place - slope / quintic(held, a, b, place, order=2)
        place = np.where((step >= low) & (step <= high), step, 0.5 * (low + high))
    place = np.where(inside, place, scores[node])
    value = np.where(inside, quintic(held, a, b, place), values[every, node])
    better = value <= values[every, node]
    return np.where(better, place, scores[node]), np.where(better, value, values[every, node])


def _tail_run(near: np.ndarray, stops: np.ndarray, reached: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether minimisers extend to the left end, and `near` without a run there that only approaches the limit.

    A run that merely approaches has hardly left the limit at its end: neither slope nor value `stops` it.
    """
    touching = reached & near[:, 0]
    outside = np.argmin(near, axis=1)
    whole = near.all(axis=1)
    approaching = touching & ~stops[np.arange(len(near)), outside] & ~whole
    run = np.arange(near.shape[1]) < outside[:, None]
    return touching, near & ~(approaching[:, None] & run)
