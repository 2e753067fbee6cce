"""What a wrong decision costs in risk: the least excess, the psi-transform below it, and its inverse.

The rule "z > threshold means +1" is wrong on z <= threshold if eta > 1/2 and on z >= threshold if eta < 1/2; psi is the
convex hull of what the better of the two mistakes costs. Where the slope ratio nowhere falls, a cost is the integral
of the risk's slope from the threshold to the minimiser: all of one sign, it keeps its digits where the difference of
two values has none, and it is 0 exactly where the minimiser lies on the wrong side.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from lossland.curves import NODES, Curves, Minimum, combine, evaluator, tabulate
from lossland.elements import Pair
from lossland.properties._risk import EPS, LEVEL, cells, minimum, ratio, slope_within

FINE = np.concatenate([np.logspace(-9, -2, 29), np.linspace(0.015, 1.0, 198)])
"""Values of theta at which the excess is measured for psi and its inverse."""


def excess(curves: Curves, thetas: Any, threshold: float, found: Minimum | None = None) -> np.ndarray:
    """The least excess conditional risk of a wrong decision, over eta = (1 + theta) / 2 and (1 - theta) / 2.

    Args:
        curves: from `curves.tabulate`.
        thetas: (m,), in [0, 1].
        threshold: of the rule z > threshold.
        found: `minimum(curves, ETAS)` if thetas is `THETAS`, to save computing it again.

    Returns:
        (m,), not negative; inf where the risk has no lower bound.
    """
    thetas = np.atleast_1d(np.asarray(thetas, float))
    if not math.isfinite(threshold):
        return np.zeros_like(thetas)
    if found is None:
        both = minimum(curves, np.concatenate([(1 + thetas) / 2, (1 - thetas) / 2]))
        least = [Minimum(*(part[half] for part in both)) for half in (slice(thetas.size), slice(thetas.size, None))]
    else:
        halves = slice(-thetas.size, None), slice(thetas.size - 1, None, -1)
        least = [Minimum(*(part[half] for part in found)) for half in halves]
    if ratio(curves).rises:
        climb = _climb(curves, threshold)
        costs = [_by_slopes(climb, sign, thetas, floor) for sign, floor in zip((1, -1), least, strict=True)]
    else:
        parts = _part(curves, -math.inf, threshold), _part(curves, threshold, math.inf)
        costs = [_by_values(p, s, thetas, floor) for p, s, floor in zip(parts, (1, -1), least, strict=True)]
    return np.minimum(*costs)


def _by_values(part: Curves, sign: int, thetas: np.ndarray, least: Minimum) -> np.ndarray:
    """What a wrong decision costs, from the least risk on the wrong side and the least of all."""
    wrong = minimum(part, (1 + sign * thetas) / 2).value
    with np.errstate(invalid="ignore"):
        cost = wrong - least.value
        rounding = 8 * EPS * (np.abs(wrong) + np.abs(least.value))
        return np.where(np.isnan(cost) | (cost <= np.where(np.isinf(cost), 0.0, rounding)), 0.0, cost)


def psi(curves: Curves, thetas: Any, threshold: float) -> np.ndarray:
    r"""Give the psi-transform, the largest convex function below the excess that is 0 at theta = 0.

    It bounds the excess error of any scores by their excess risk: psi(excess error) <= excess risk.

    Args:
        curves: from `curves.tabulate`.
        thetas: (m,), in [0, 1].
        threshold: of the rule z > threshold.

    Returns:
        (m,).

    Source: Bartlett, Jordan & McAuliffe 2006, Definition 2, stated here for any threshold and any two curves.
    """
    thetas = np.atleast_1d(np.asarray(thetas, float))
    x, y = _hull_of_fine(curves, threshold)
    own = np.where(thetas > 0, excess(curves, thetas, threshold), 0.0)
    return np.minimum(np.interp(thetas, x, y), own)


def _hull_of_fine(curves: Curves, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Where psi is measured, 0 first, and what it is there."""
    values = hull_values(FINE, excess(curves, FINE, threshold))
    return np.concatenate([[0.0], FINE]), np.concatenate([[0.0], values])


def hull_values(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The largest convex, even function with value 0 at 0 that lies below y at x > 0, at x; both (m,)."""
    if not np.all(np.isfinite(y)):
        return y
    # Mirrored at 0: the hull of the even function, so that it does not fall.
    both_x, both_y = np.concatenate([-x[::-1], [0.0], x]), np.concatenate([y[::-1], [0.0], y])
    corners = _hull(both_x, both_y)
    return np.interp(x, both_x[corners], both_y[corners])


def excess_error(curves: Curves, risks: Any, threshold: float) -> np.ndarray:
    """The largest excess 0-1 error that an excess risk allows: the inverse of psi, at most 1.

    Args:
        curves: from `curves.tabulate`.
        risks: (m,), excess risks, not negative.
        threshold: of the rule z > threshold.

    Returns:
        (m,), in [0, 1].
    """
    risks = np.atleast_1d(np.asarray(risks, float))
    x, y = _hull_of_fine(curves, threshold)
    after = np.searchsorted(y, risks, side="right")
    low, high = x[after - 1], x[np.minimum(after, x.size - 1)]
    # Infinite where the risk has no lower bound: then no finite excess allows any error.
    pieces = max(2, 64 // max(risks.size, 1)) if np.all(np.isfinite(y)) else 1
    for _ in range(math.ceil(40 / math.log2(pieces)) if pieces > 1 else 0):
        cuts = low[:, None] + (high - low)[:, None] * np.arange(1, pieces) / pieces
        own = excess(curves, cuts.ravel(), threshold).reshape(cuts.shape)
        under = np.sum(np.minimum(np.interp(cuts, x, y), own) <= risks[:, None], axis=1)
        low, high = low + (high - low) * under / pieces, low + (high - low) * (under + 1) / pieces
    return np.where(after == x.size, 1.0, np.where((risks == 0) & (after == 1), 0.0, low))


class _Climb(NamedTuple):
    """How far both class curves rise from a threshold, by their slopes.

    Attributes:
        scores: (n,), the table's, the threshold among them.
        threshold: where the curves start.
        parts: (5, 2, n - 1), the cells' slopes, from `cells`.
        risen: (2, n), from the threshold to each node.
        limits: (2, 2), to -inf and to +inf.
    """

    scores: np.ndarray
    threshold: float
    parts: np.ndarray
    risen: np.ndarray
    limits: np.ndarray

    def to(self, places: np.ndarray) -> np.ndarray:
        """How far both curves rise from the threshold to places, (2, m), from the end of the cell that is nearer it."""
        x = np.clip(places, self.scores[0], self.scores[-1])
        over = x >= self.threshold
        left = np.where(over, np.searchsorted(self.scores, x, "right"), np.searchsorted(self.scores, x)) - 1
        left = np.clip(left, 0, self.scores.size - 2)
        low, high = self.scores[left], self.scores[left + 1]
        width = np.where(high > low, high - low, 1.0)
        s0, s1, c0, c1, bubble = self.parts[:, :, left]
        ahead = width * _integral([s0, s1, c0, c1, bubble], (x - low) / width)
        back = width * _integral([s1, s0, -c1, -c0, bubble], (high - x) / width)
        found = np.where(over, self.risen[:, left] + ahead, self.risen[:, left + 1] - back)
        whole = np.where(over, self.risen[:, left + (x > low)], self.risen[:, left + (x >= high)])
        found = np.where(np.isfinite(found), found, whole)
        return np.where(places == -np.inf, self.limits[:, :1], np.where(places == np.inf, self.limits[:, 1:], found))


def _climb(curves: Curves, threshold: float) -> _Climb:
    scores = curves.scores
    threshold = float(np.clip(threshold, scores[0], scores[-1]))
    parts = np.stack(cells(curves, np.arange(scores.size - 1)))
    with np.errstate(invalid="ignore", over="ignore"):
        rise = np.diff(scores) * _integral(list(parts), np.ones(scores.size - 1))
        # Where a slope is infinite the values say how far, and where they have overflowed the sign of the slope.
        steps, ends = np.diff(curves.values), curves.limits - curves.values[:, [0, -1]]
        steps = np.where(np.isnan(steps), np.nan_to_num(np.sign(curves.slopes[:, :-1]) * np.inf, nan=0.0), steps)
    rise = np.where(np.isfinite(rise), rise, steps)
    origin = int(np.searchsorted(scores, threshold))
    if scores[origin] != threshold:
        cell, width = origin - 1, scores[origin] - scores[origin - 1]
        share = (threshold - scores[cell]) / width
        first, second = _split(parts[:, :, cell], share)
        parts = np.concatenate([parts[:, :, :cell], first, second, parts[:, :, cell + 1 :]], axis=2)
        halves = [
            w * _integral(list(half), np.ones(1)) for w, half in ((share * width, first), ((1 - share) * width, second))
        ]
        halves = [
            np.where(np.isfinite(half), half, s * rise[:, [cell]])
            for half, s in zip(halves, (share, 1 - share), strict=True)
        ]
        rise = np.concatenate([rise[:, :cell], *halves, rise[:, cell + 1 :]], axis=1)
        scores = np.insert(scores, origin, threshold)
    back, ahead = -np.cumsum(rise[:, :origin][:, ::-1], axis=1)[:, ::-1], np.cumsum(rise[:, origin:], axis=1)
    risen = np.concatenate([back, np.zeros((2, 1)), ahead], axis=1)
    limits = np.where(np.isnan(ends), risen[:, [0, -1]], risen[:, [0, -1]] + ends)
    return _Climb(scores, threshold, parts, risen, limits)


def _split(part: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """A cell, (5, 2), cut in two, (5, 2, 1) each: a quartic slope stays what it is."""
    s0, s1, c0, c1, bubble = part
    t, u = share, 1 - share
    slope = slope_within([s0, s1, c0, c1, bubble], np.full(2, t))
    bend = 6 * t * u * (s1 - s0) + u * (1 - 3 * t) * c0 + t * (3 * t - 2) * c1 + 60 * bubble * t * u * (u - t)
    first = np.stack([s0, slope, c0 * t, bend * t, bubble * t**4])
    return first[..., None], np.stack([slope, s1, bend * u, c1 * u, bubble * u**4])[..., None]


def _integral(held: list[np.ndarray], t: np.ndarray) -> np.ndarray:
    """The integral of `slope_within` from 0 to t."""
    s0, s1, c0, c1, bubble = held
    with np.errstate(invalid="ignore", over="ignore"):
        start = s0 * (t - t**3 + t**4 / 2) + c0 * (t**2 / 2 - 2 * t**3 / 3 + t**4 / 4)
        return start + s1 * (t**3 - t**4 / 2) + c1 * (t**4 / 4 - t**3 / 3) + bubble * t**3 * (10 - 15 * t + 6 * t * t)


def _by_slopes(climb: _Climb, sign: int, thetas: np.ndarray, least: Minimum) -> np.ndarray:
    """What a wrong decision costs where every risk falls up to its minimisers: the fall from the threshold to them."""
    place = least.low if sign > 0 else least.high
    etas = (1 + sign * thetas) / 2
    with np.errstate(invalid="ignore"):
        rows = zip((etas, 1 - etas), climb.to(place), strict=True)
        cost = -sum(np.where(weight == 0, 0.0, weight * row) for weight, row in rows)
        cost = np.where(least.value == -np.inf, np.inf, np.maximum(np.nan_to_num(cost, posinf=np.inf), 0.0))
    return np.where(sign * (place - climb.threshold) > 0, cost, 0.0)


def _part(curves: Curves, low: float, high: float) -> Curves:
    """The curves on [low, high] only, with the one-sided values at a finite end."""
    inside = (curves.scores >= low) & (curves.scores <= high)
    left, right = np.flatnonzero(inside)[[0, -1]] if inside.any() else (0, -1)
    # At a kink that stands twice the inner side of the two is the one wanted.
    if curves.scores[left] == low and left + 1 < curves.scores.size and curves.scores[left + 1] == low:
        left += 1
    if curves.scores[right] == high and curves.scores[right - 1] == high:
        right -= 1
    rows = [curves.scores[None, left : right + 1], *(held[:, left : right + 1] for held in curves[1:4])]
    limits = curves.limits.copy()
    for side, end in ((0, low), (1, high)):
        if not math.isfinite(end):
            continue
        if rows[0][0, -side] != end:
            added = [np.array([[end]]), curves.at([end]), curves.at([end], 1), np.zeros((2, 1))]
            joined = [[new, old] if side == 0 else [old, new] for new, old in zip(added, rows, strict=True)]
            rows = [np.concatenate(both, axis=1) for both in joined]
            rows[3][:, -side] = rows[3][:, 1 if side == 0 else -2]
        limits[:, side] = rows[1][:, -side]
    return curves._replace(scores=rows[0][0], values=rows[1], slopes=rows[2], curvatures=rows[3], limits=limits)


def _hull(x: np.ndarray, y: np.ndarray) -> list[int]:
    """Indices of the lower convex hull of points sorted by x (Andrew 1979)."""
    kept: list[int] = []
    for i in range(x.size):
        while len(kept) > 1:
            a, b = kept[-2], kept[-1]
            if (y[b] - y[a]) * (x[i] - x[a]) < (y[i] - y[a]) * (x[b] - x[a]):
                break
            kept.pop()
        kept.append(i)
    return kept


# ----------------------------------------------------------------------------------------------------- beyond the table


@functools.lru_cache(maxsize=16)
def wide(pair: Pair) -> Curves:
    """The table of a pair, continued from 1e6 to 1e150, whose square is finite: a pair keeps its slopes that far."""
    curves, evaluate = tabulate(pair), evaluator(pair)
    edge = curves.scores[-1]
    beyond = edge * np.exp(np.concatenate([np.arange(1, 1001) * 0.0142, np.linspace(14.5, 331.5, 600)]))
    scores = np.concatenate([-beyond[::-1], beyond])
    more = evaluate(scores)
    kept = ~np.isnan(more).any(axis=(0, 1))
    order = np.argsort(np.concatenate([scores[kept], curves.scores]), kind="stable")
    held = np.concatenate([more[..., kept], np.stack(curves[1:4])], axis=2)[..., order]
    scores = np.concatenate([scores[kept], curves.scores])[order]
    return curves._replace(scores=scores, values=held[0], slopes=held[1], curvatures=held[2])


Found = tuple[np.ndarray, np.ndarray]


def reaching(curves: Curves, pair: Pair, compute: Callable[[Curves, np.ndarray], Found], asked: np.ndarray) -> Any:
    """What a function of a table finds, with the score of it; by the wide table where that is at the end of this."""
    found, place = compute(curves, asked)
    far = np.abs(place) >= curves.scores[-2]
    if far.any():
        with np.errstate(over="ignore", invalid="ignore"):
            found[far] = compute(wide(pair), asked[far])[0]
    return found


def least(curves: Curves, pair: Pair, etas: np.ndarray) -> Minimum:
    """The minimal conditional risks, `minimum`, wherever their minimisers are."""

    def compute(table: Curves, at: np.ndarray) -> Found:
        found = minimum(table, at)
        # Only where the risk still falls at the table's end is there anything to look for beyond.
        weights = np.stack([at, 1 - at], axis=1)
        ends, size = (combine(part[:, [0, -1]], weights) for part in (table.slopes, np.abs(table.slopes)))
        falls = ends * [1.0, -1.0] > LEVEL * size
        return np.stack(found, axis=1), np.where(falls, np.abs([found.low, found.high]).T, 0.0).max(axis=1)

    value, low, high, whole = reaching(curves, pair, compute, etas).T
    return Minimum(value, low, high, whole.astype(bool))


def curves_at(curves: Curves, pair: Pair, scores: np.ndarray, order: int = 0) -> np.ndarray:
    """Both class curves, or their slopes, at scores, (2, m); beyond the table by the pair itself."""
    held = curves.at(scores, order)
    far = np.flatnonzero((np.abs(scores) > curves.scores[-1]) & (np.isfinite(scores) | (order > 0)))
    for some in (far[i : i + NODES] for i in range(0, far.size, NODES)):
        held[:, some] = evaluator(pair)(scores[some])[order]
    if order == 0:
        for place, values in zip(*(x.T for x in curves.at_jumps()), strict=True):
            held[:, scores == place] = values[:, None]
    return held
