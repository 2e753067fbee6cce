"""At which thresholds a pair is classification-calibrated, and which of them is the best.

Decided on signs of slopes where a theorem does: they keep their digits where values are flat. With both class curves
convex, or with a slope ratio p that nowhere falls, every conditional risk C falls up to its minimisers, and a threshold
is calibrated where C for eta = 1/2 rests without a kink while the curves move apart: where p is 1/2 from both sides.
"""

import math
from typing import NamedTuple

import numpy as np

from lossland.curves import Curves, Interval, Minimum, combine
from lossland.proofs import PROVEN, local, surely_moves_together
from lossland.properties._psi_transform import excess
from lossland.properties._risk import (
    EPS,
    ETAS,
    LEVEL,
    THETAS,
    cells,
    connected,
    minimum,
    moving_slopes,
    ratio,
    slope_within,
    turns,
)

BJM = "Bartlett, Jordan & McAuliffe 2006, Theorem 2"


class Calibration(NamedTuple):
    """At which thresholds the rule z > threshold is classification-calibrated.

    Attributes:
        interval: of thresholds; None if there is none.
        closed: whether its lower and its upper end belong to it.
        best: the threshold whose psi is largest on average; None if there is none.
        costs: `excess` at `THETAS`, at the best threshold or else at 0.
        reason: what decided it, a sentence without its full stop.
        by_theorem: whether it follows from the convexity of both class curves.
    """

    interval: Interval | None
    closed: tuple[bool, bool]
    best: float | None
    costs: np.ndarray
    reason: str = ""
    by_theorem: bool = False


class _Set(NamedTuple):
    """Thresholds: an interval, empty if low > high, which ends belong to it, and why."""

    low: float = math.inf
    high: float = -math.inf
    closed: tuple[bool, bool] = (True, True)
    reason: str = (
        "the conditional risk's slope has the sign of p - eta, and p, the slope ratio, falls at no node (sampled)"
    )


def calibrate(curves: Curves, found: Minimum, symmetric: bool, convex: bool | None = None) -> Calibration:
    """The interval of calibrated thresholds and the best one.

    A threshold is calibrated when it lies above every minimiser for eta < 1/2 and below every one for eta > 1/2.

    Args:
        curves: from `curves.tabulate`.
        found: `minimum(curves, ETAS)`.
        symmetric: whether the pair is a margin loss, so that the best threshold is 0.
        convex: whether both class curves are; read off the curves if left out.

    Returns:
        The calibration.

    Example:
        >>> import lossland as ll
        >>> from lossland.curves import tabulate
        >>> table = tabulate(ll.pair("relu", "hinge"))
        >>> calibrate(table, minimum(table, ETAS), False)[:3]
        (Interval(low=0.0, high=1.0), (False, False), 0.5)

    Source: Bartlett, Jordan & McAuliffe 2006, stated here for any threshold and any two curves.
    """
    convex = all(curves.shape(row).convex for row in (0, 1)) if convex is None else convex
    told = _by_slopes(curves, symmetric, convex)
    held = _by_values(curves, found) if told is None else told
    reason = f"the least conditional risk at {ETAS.size} probabilities, sampled"
    if told is not None:
        reason = _convex_reason(curves, symmetric) if convex else held.reason
    by_theorem = told is not None and convex
    empty = held.low > held.high or (held.low == held.high and not all(held.closed))
    if empty or held.low == math.inf or held.high == -math.inf:
        return Calibration(None, (False, False), None, excess(curves, THETAS, 0.0, found), reason, by_theorem)
    interval = Interval(held.low, held.high)
    best = 0.0 if symmetric and held.low <= 0 <= held.high else _best(curves, interval)
    costs = excess(curves, THETAS, 0.0 if best is None else best, found)
    return Calibration(interval, held.closed, best, costs, reason, by_theorem)


# -------------------------------------------------------------------------------------------------- by signs of slopes


def _by_slopes(curves: Curves, symmetric: bool, convex: bool) -> _Set | None:
    """The calibrated thresholds where a theorem tells them from slopes' signs; None where none does."""
    proven = _by_line(curves) if convex and symmetric else None
    if proven is not None or not connected(curves):
        return proven
    positive, negative = moving_slopes(curves)
    for word, eta, kept in (("positives", 1, np.all(positive >= 0)), ("negatives", 0, np.all(negative <= 0))):
        if kept:
            way = "falls" if eta else "rises"
            return _Set(reason=f"the loss of {word} nowhere {way}, so that at eta = {eta} a wrong decision is free")
    held = ratio(curves)
    if not convex and not held.rises:
        return None
    nodes = held.nodes
    total, size = positive[nodes] + negative[nodes], np.abs(positive[nodes]) + np.abs(negative[nodes])
    level = (np.abs(total) <= LEVEL * size) & np.isfinite(total)
    falls, climbs = np.flatnonzero((total < 0) & ~level), np.flatnonzero((total > 0) & ~level)
    last, first = (falls[-1] if falls.size else -1), (climbs[0] if climbs.size else nodes.size)
    if last > first:
        return None
    if first > last + 1:
        inner = slice(last + 1, first)
        if not np.all((negative > positive)[nodes[inner]]):
            return _Set()
        return _level_set(curves, nodes, (last, first), np.abs(total[inner]) / size[inner], symmetric)
    if last < 0 or first == nodes.size or curves.scores[nodes[last]] == curves.scores[nodes[first]]:
        return _Set()
    resting = curves.scores[nodes[last] + 1 : nodes[first]]
    if resting.size and resting[0] == resting[-1] and positive[nodes[last]] < 0 > positive[nodes[first]]:
        # Both rest at one score, as an output does that is flat there, and the risk falls through it.
        point = 0.0 if symmetric else float(resting[0])
        return _Set(point, point)
    if nodes[first] > nodes[last] + 1:
        # Both curves rest in between: on convex ones no threshold is calibrated there, of others the values tell.
        return _Set() if convex else None
    point = 0.0 if symmetric else _plain_threshold(float(turns(curves, np.array([[0.5, 0.5]]))[0]), 1e-11)
    # Of an output that is flat there the slope is 0 at the point itself, and below 0 on either side.
    falls_through = positive[nodes[last]] < 0 > positive[nodes[first]]
    return _Set(point, point) if falls_through or _slopes_at(curves, point)[0] < 0 else _Set()


def _by_line(curves: Curves) -> _Set | None:
    """The calibrated thresholds of a convex margin loss by its program: 0, and how far the loss is a line about it.

    (positive + negative) / 2 rests at z where phi'(z) = phi'(-z): of a convex phi where it is a line from -z to z.
    """
    if not curves.evidence.pieces or any(c.convex.status != PROVEN for c in curves.evidence.curves):
        return None
    here = local(curves.evidence.pieces[0], 0.0)
    if here.smooth is None or (here.smooth and here.sign is None):
        return None
    if not here.smooth or here.sign in (0, 1):
        return _Set()
    far = min(-here.low, here.high)
    closed = not here.ends_in_kink
    return _Set(0.0 - far, far + 0.0, (closed, closed)) if math.isfinite(far) else None


def _moves(curves: Curves, low: float, high: float) -> bool:
    """Whether the sum of both curves certainly moves between two scores, however little, by their programs."""
    if not (curves.evidence.pieces and math.isfinite(low) and math.isfinite(high) and low < high):
        return False
    places = low + (high - low) * np.array([0.013, 0.21, 0.43, 0.57, 0.79, 0.987])
    return any(surely_moves_together(curves.evidence.pieces, float(place)) for place in places)


def _level_set(curves: Curves, nodes: np.ndarray, ends: tuple[int, int], share: np.ndarray, symmetric: bool) -> _Set:
    """The thresholds of a stretch of nodes, between two of `nodes`, on which p is 1/2.

    Of curves that are analytic between their kinks such a stretch ends at kinks, or nowhere: where it ends otherwise p
    only comes near 1/2, through a point or out to infinity.
    """
    scores, n = curves.scores, curves.scores.size
    low, low_kind, low_closed = _end(scores, nodes, ends[0])
    high, high_kind, high_closed = _end(-scores[::-1], n - 1 - nodes[::-1], nodes.size - 1 - ends[1])
    high = -high
    if {low_kind, high_kind} == {"soft", "tail"}:
        return _Set()
    inner = share[share.size // 4 : share.size - share.size // 4]
    if _moves(curves, low, high) or (low_kind == high_kind == "soft" and inner.max() > 1e-3 * LEVEL):
        point = 0.0 if symmetric else _plain_threshold(0.5 * (low + high), 1e-11)
        return _Set(point, point)
    return _Set(low, high, (low_closed, high_closed))


def _end(scores: np.ndarray, nodes: np.ndarray, last: int) -> tuple[float, str, bool]:
    """Where a level stretch begins that follows the moving node `last`: score, kind of end, whether it belongs to it.

    Kinds: "kink"; "soft", p comes to 1/2 smoothly; "tail", it is 1/2 from infinity on.
    """
    node = nodes[last + 1]
    twice = node + 1 < scores.size and scores[node] == scores[node + 1]
    if node == 0 or (last < 0 and node == 1 and scores[0] != scores[1]):
        return -math.inf, "tail", False
    if last >= 0 and nodes[last] == node - 1 and scores[node - 1] != scores[node]:
        return float(scores[node]), "kink" if twice else "soft", True
    # The node before lies on the same kink, or both curves rest from there on to the left.
    before = scores[node - 1]
    stops = before in (scores[node], scores[node - 2] if node > 1 else math.nan) or last >= 0
    return (float(before), "kink", False) if stops else (-math.inf, "tail", False)


def _slopes_at(curves: Curves, score: float) -> np.ndarray:
    """The slopes of both curves at a score off the kinks, (2,)."""
    cell = int(np.clip(np.searchsorted(curves.scores, score, side="right") - 1, 0, curves.scores.size - 2))
    width = curves.scores[cell + 1] - curves.scores[cell]
    share = np.array([(score - curves.scores[cell]) / width if width > 0 else 0.0])
    return slope_within(cells(curves, np.array([cell])), share)[:, 0]


def _convex_reason(curves: Curves, symmetric: bool) -> str:
    """The theorem for convex curves, and what it sees."""
    if not symmetric:
        return (
            "both curves convex: thresholds at which (positive + negative) / 2 is least and smooth while positive "
            f"falls, as {BJM} for two curves"
        )
    if curves.evidence.pieces:
        here = local(curves.evidence.pieces[0], 0.0)
        if here.smooth and here.sign in (0, 1):
            return f"convex, but its slope at 0 is {here.slope:.5g}, not negative: {BJM}"
        if here.smooth and here.sign == -1:
            return f"convex, differentiable at 0 with slope {here.slope:.5g}: {BJM}"
    at = np.flatnonzero(curves.scores == 0.0)
    if at.size == 2 and abs(np.diff(curves.slopes[0, at])[0]) > LEVEL * np.abs(curves.slopes[0, at]).max():
        left, right = curves.slopes[0, at] + 0.0
        return f"convex, but not differentiable at 0 (slopes {left:.5g} and {right:.5g}): {BJM}"
    slope = float(_slopes_at(curves, 0.0)[0]) + 0.0
    if slope >= 0:
        return f"convex, but its slope at 0 is {slope:.5g}, not negative: {BJM}"
    return f"convex, differentiable at 0 with slope {slope:.5g}: {BJM}"


# ----------------------------------------------------------------------------------------------------------- by values


def _by_values(curves: Curves, found: Minimum) -> _Set:
    """The calibrated thresholds by the minimisers seen at `ETAS`."""
    half = ETAS.size // 2
    low = max(float(found.high[: half - 3].max()), _limit(found.high[half - 3 : half]))
    high = min(float(found.low[half + 4 :].min()), _limit(found.low[half + 3 : half : -1]))
    # Where the minimum is flat, minimisers are known only roughly: limits that cross by little are one point.
    slack = 1e-3 if low > high else 2e-6
    single = math.isfinite(low) and abs(high - low) <= slack * (1 + abs(low))
    if single:
        low = high = _plain_threshold(0.5 * (low + high), max(2e-8, abs(high - low)))
    else:
        low, high = (_plain_threshold(end) if math.isfinite(end) else end for end in (low, high))
    if not low <= high:
        return _Set()

    def priced(threshold: float) -> bool:
        return math.isfinite(threshold) and _priced(excess(curves, THETAS, threshold, found))

    # An end belongs to the interval if a wrong decision there has its price, for every eta.
    return _Set(low, high, (priced(low), priced(high)))


def includes(found: Calibration, threshold: float) -> bool:
    """Whether a threshold is calibrated; ends are met to 1e-8."""
    if found.interval is None or not math.isfinite(threshold):
        return False
    (low, high), slack = found.interval, 1e-8 * (1 + abs(threshold))
    over = threshold >= low - slack if found.closed[0] else threshold > low + slack
    return bool(over and (threshold <= high + slack if found.closed[1] else threshold < high - slack))


def settled(found: Calibration, threshold: float) -> float:
    """A threshold, or the end of the calibrated ones that `includes` takes it for."""
    ends = found.interval if found.interval is not None and math.isfinite(threshold) else ()
    near = [end for end in ends if abs(threshold - end) <= 1e-8 * (1 + abs(threshold))]
    return near[0] if near else threshold


def _limit(minimisers: np.ndarray) -> float:
    """The minimiser as eta tends to 1/2, from those four, two and one steps off it; +-inf if it runs away.

    Aitken's extrapolation is exact for an approach as any power of the distance.
    """
    far, middle, near = (float(x) for x in minimisers)
    if not np.all(np.isfinite(minimisers)):
        return near
    before, last = middle - far, near - middle
    if abs(last) <= 1e-9 * (1 + abs(near)) or before == 0:
        return near
    # Steps that hardly shrink while the distance halves are those of a logarithm or of a pole.
    if last / before > 0.86:
        return math.copysign(math.inf, last)
    return near + last * last / (before - last)


def _best(curves: Curves, interval: Interval) -> float | None:
    """The threshold in an interval at which the mean excess over theta is largest; the middle of several.

    None if it grows without end, or the risk has no lower bound.
    """
    thetas = np.linspace(0.05, 1.0, 20)
    etas = np.concatenate([(1 + thetas) / 2, (1 - thetas) / 2])
    weights = np.stack([etas, 1 - etas], axis=1)
    floors = minimum(curves, etas).value
    if not np.all(np.isfinite(floors)):
        return None
    risks = combine(curves.values, weights) - floors[:, None]
    up = np.minimum.accumulate(risks[:20], axis=1)
    down = np.minimum.accumulate(risks[20:, ::-1], axis=1)[:, ::-1]
    low, high = np.clip(interval, curves.scores[1], curves.scores[-2])
    inside = np.flatnonzero((curves.scores >= low) & (curves.scores <= high))
    if inside.size < 3:
        return _plain_threshold(0.5 * (low + high))
    mean = np.minimum(up, down)[:, inside].mean(axis=0)
    # Rounding of the risks apart.
    top = np.flatnonzero(mean >= mean.max() * (1 - 1e-12) - 4 * EPS * np.abs(floors).max())
    if top[-1] - top[0] > 2 and np.ptp(curves.scores[inside[top]]) > 0.05:
        return _plain_threshold(float(0.5 * (curves.scores[inside[top[0]]] + curves.scores[inside[top[-1]]])))
    if abs(curves.scores[inside[top[0]]]) > 1e5:
        return None
    first, last = inside[max(top[0] - 1, 0)], inside[min(top[-1] + 1, inside.size - 1)]
    before, after = up[:, first, None], down[:, last, None]
    a, b = float(curves.scores[first]), float(curves.scores[last])
    for count in (33,) * 8 + (4097,):
        thresholds = np.linspace(a, b, count)
        here = weights @ curves.at(thresholds) - floors[:, None]
        cost = np.minimum(np.minimum(here[:20], before), np.minimum(here[20:], after)).mean(axis=0)
        # Where many are the best, the middle one.
        top = np.flatnonzero(cost >= cost.max() * (1 - 1e-13) - 4 * EPS * np.abs(floors).max())
        a, b = float(thresholds[max(top[0] - 1, 0)]), float(thresholds[min(top[-1] + 1, count - 1)])
    return _plain_threshold(0.5 * (a + b))


def _priced(costs: np.ndarray) -> bool:
    """Whether every wrong decision costs more than rounding, whatever the units of the loss."""
    return bool(costs.max() > 0 and np.all(costs > 1e-13 * min(float(costs.max()), 1.0)))


def _plain_threshold(x: float, slack: float = 2e-8) -> float:
    """The threshold of few digits beside x, if it is as near as the search for it is fine; else x."""
    if abs(x) < 1e-7:
        return 0.0
    whole = round(x, 4 if slack > 1e-6 else 6) + 0.0
    return whole if abs(x - whole) <= slack * (1 + abs(x)) else float(x)
