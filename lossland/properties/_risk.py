"""The conditional risk of a pair: its infimum over scores for each probability, and what its minimiser tells of it.

With eta = P(t = +1 | x) the conditional risk of a score is C(z) = eta positive(z) + (1 - eta) negative(z), H(eta) its
infimum. Everything on the score axis. The slope of C is (negative' - positive') (p - eta), where p(z) is the slope
ratio negative' / (negative' - positive'): where p nowhere falls it tells where C is least by signs of slopes, which
keep their digits where values are flat.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from lossland.curves import Curves, Minimum, combine

NEAR_HALF = 1e-5
THETAS = np.concatenate([[1e-3, 0.005, 0.01], np.linspace(0.025, 0.975, 39), [0.99, 1.0]])
"""Where theta = 2 eta - 1 is looked at."""
ETAS = 0.5 + 0.5 * np.concatenate([-THETAS[::-1], 2 * NEAR_HALF * np.array([-4, -2, -1, 0, 1, 2, 4]), THETAS])
"""Where the minimal risk is looked at, 0 and 1 and seven points about 1/2 among them."""
LEVEL = 1e-11
"""Slopes that cancel to this share of their sizes are equal."""
TINY = 1e-300
"""Slopes below it have lost digits and count as 0."""
EPS = float(np.finfo(float).eps)


class Ratio(NamedTuple):
    """The slope ratio p at the nodes of a table.

    Attributes:
        nodes: (k,), where a curve moves.
        odds: (k,), log p / (1 - p) there; -inf where p <= 0, inf where p >= 1.
        rises: whether negative' > positive' at all of them and p nowhere falls. Then every C falls up to its
            minimisers and rises beyond them.
    """

    nodes: np.ndarray
    odds: np.ndarray
    rises: bool


def ratio(curves: Curves) -> Ratio:
    """The slope ratio at a table's nodes.

    Args:
        curves: from `curves.tabulate`.

    Returns:
        The ratio; `rises` is false for curves that jump, are infinite somewhere or have problems.

    Example:
        >>> import lossland as ll
        >>> from lossland.curves import tabulate
        >>> [ratio(tabulate(ll.pair(name))).rises for name in ("identity+logistic", "identity+ramp")]
        [True, False]
    """
    positive, negative = moving_slopes(curves)
    overflown = np.isinf(positive) & np.isinf(negative)
    nodes = np.flatnonzero(((positive != 0) | (negative != 0)) & ~overflown)
    positive, negative = positive[nodes], negative[nodes]
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = np.log(np.maximum(negative, 0.0)) - np.log(np.maximum(-positive, 0.0))
        odds = np.where(np.isnan(odds), np.sign(positive + negative) * np.inf, odds)
        # A relative fall of the ratio of two slopes by less than this is rounding.
        rises = np.all(odds >= np.maximum.accumulate(odds) - 1e-10) and not np.any((negative < 0) & (positive > 0))
    return Ratio(nodes, odds, bool(nodes.size and rises and connected(curves)))


def moving_slopes(curves: Curves) -> np.ndarray:
    """The slopes at the nodes, (2, n); 0 for those about to lose their digits and what rounding left of 0 at a kink."""
    size = np.abs(curves.slopes)
    lost = (size < TINY) | (size.max(axis=0) < 1e20 * TINY)
    first = np.flatnonzero(np.diff(curves.scores) == 0)
    first = first[(first > 0) & (first + 2 < curves.scores.size)]
    least = np.zeros(size.shape)
    least[:, first] = least[:, first + 1] = 1e-12 * np.maximum(size[:, first - 1], size[:, first + 2])
    return np.where((size < least) | lost, 0.0, curves.slopes)


def connected(curves: Curves) -> bool:
    """Whether slopes tell all: sound curves without a jump, infinite by overflow alone."""
    finite = np.isfinite(curves.values)
    wall = not finite.all() and np.abs(curves.values[finite]).max(initial=0.0) < 1e100
    return not (curves.problems or wall or any(kink.what == "value" for kink in curves.kinks))


def minimum(curves: Curves, etas: Any) -> Minimum:
    """The minimal conditional risk H(eta) and the interval of scores that reach it.

    Args:
        curves: from `curves.tabulate`.
        etas: (m,), probabilities of t = +1.

    Returns:
        Value, low and high, each (m,). Where the slope ratio nowhere falls, one minimiser is found by it.

    Example:
        >>> import lossland as ll
        >>> from lossland.curves import tabulate
        >>> found = minimum(tabulate(ll.pair("relu", "hinge")), [0.2, 0.8])
        >>> found.value.round(9).tolist(), found.low.tolist(), found.high.tolist()
        ([1.0, 0.4], [-inf, 1.0], [0.0, 1.0])
    """
    etas = np.atleast_1d(np.asarray(etas, float))
    weights = np.stack([etas, 1 - etas], axis=1)
    place = turns(curves, weights) if ratio(curves).rises else np.full(etas.size, np.nan)
    seen = np.isfinite(place)
    with np.errstate(invalid="ignore", over="ignore"):
        terms = [np.where(w == 0, 0.0, w * row) for w, row in zip(weights.T, curves.at(place), strict=True)]
        values = terms[0] + terms[1]
    if seen.all():
        return _with_points(curves, weights, Minimum(values, place, place, seen))
    # Places that the slopes tell are exact; the rest, tails and flat stretches among them, by values.
    rest = curves.lowest(weights[~seen])
    rest = _unbounded(curves, weights[~seen], rest) if ratio(curves).rises else rest
    whole = [np.array(part) for part in (values, place, place, seen)]
    for part, other in zip(whole, rest, strict=True):
        part[~seen] = other
    return _with_points(curves, weights, Minimum(*whole))


def _with_points(curves: Curves, weights: np.ndarray, found: Minimum) -> Minimum:
    """Minima, with the losses at the scores themselves at which a curve jumps: neither side's, they may be lower."""
    scores, values = curves.at_jumps()
    inside = (scores > curves.scores[0]) & (scores <= curves.scores[-1])
    for place, losses in zip(scores[inside], values[:, inside].T, strict=True):
        with np.errstate(invalid="ignore"):
            terms = np.where(weights == 0, 0.0, weights * losses)
            value = terms[:, 0] + terms[:, 1]
            slack = np.where(np.isfinite(found.value), 1e-12 * (1 + np.abs(found.value)), 0.0)
            lower = value < found.value - slack
        level = ~lower & (value <= found.value) & np.isfinite(value)
        found = Minimum(
            np.where(lower, value, found.value),
            np.where(lower, place, np.where(level, np.minimum(found.low, place), found.low)),
            np.where(lower, place, np.where(level, np.maximum(found.high, place), found.high)),
            found.whole,
        )
    return found


def _unbounded(curves: Curves, weights: np.ndarray, found: Minimum) -> Minimum:
    """Minima, -inf for combinations that fall as fast as a power of the score, out to the table's end."""
    value, low, high = found.value, found.low, found.high
    near = np.where(np.isfinite(curves.values) & (np.abs(curves.scores) <= 12), np.abs(curves.values), 0.0)
    size = weights @ near.max(axis=1)
    for side, out in ((0, -1.0), (-1, 1.0)):
        end = curves.scores[side]
        if out * end < 1e5:
            continue
        with np.errstate(invalid="ignore", over="ignore"):
            before, after = (combine(curves.at([x]), weights)[:, 0] for x in (0.1 * end, end))
            slope = combine(curves.slopes[:, [side]], weights)[:, 0]
            # A tail that comes to rest as 1 / z^a has fallen more than that over its last factor of ten.
            steep = np.maximum(0.5 * (before - after), 1e-13 * size)
            falls = np.isfinite(before - after) & (out * slope < 0) & (np.abs(slope * end) > steep)
        falls &= (low >= end) if out > 0 else (high <= end)
        value = np.where(falls, -np.inf, value)
        low, high = (np.where(falls, out * np.inf, part) for part in (low, high))
    return Minimum(value, low, high, found.whole)


def turns(curves: Curves, weights: np.ndarray) -> np.ndarray:
    """Where the slope of each combination of the class curves turns from falling to rising, (m,).

    Args:
        curves: from `curves.tabulate`.
        weights: (m, 2).

    Returns:
        Scores; NaN where the combination does not turn, or rests on a stretch.
    """
    scores = curves.scores
    last, first = _around(curves, weights)
    # Between the two lies a cell, both sides of a kink or one level node, which may stand twice.
    seen = (last >= 0) & (first < scores.size) & (last < first)
    last, first = np.where(seen, last, 0), np.where(seen, first, 1)
    seen &= scores[first - 1] <= scores[last + 1]
    # Where the slope is level at a node, it may still turn beside it: its own slope there says.
    bent = [_falls(curves.curvatures[:, node], weights) for node in (first - 1, last + 1)]
    between = first - last > 1
    cell = np.where(between & bent[0], first - 1, last)
    inside = seen & (scores[cell + 1] > scores[cell]) & (~between | bent[0] | bent[1])
    place = np.where(between, scores[first - 1], scores[last])
    place[inside] = scores[cell[inside]] + _zero_in_cell(curves, weights[inside], cell[inside])
    return np.where(seen, place, np.nan)


def _falls(parts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Whether combinations of two rows (2, m) by weights (m, 2) are below 0, level ones left out."""
    with np.errstate(invalid="ignore"):
        terms = np.where(weights.T == 0, 0.0, weights.T * parts)
        return terms[0] + terms[1] < -LEVEL * (np.abs(terms[0]) + np.abs(terms[1]))


def _around(curves: Curves, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last node at which each combination falls and the first at which it climbs; -1 and n where it never does."""
    held, n = ratio(curves), curves.scores.size
    inner = np.all(weights > 0, axis=1) & held.rises
    last, first = np.full(len(weights), -1), np.full(len(weights), n)
    # Where p nowhere falls, a combination falls where the odds of p are below its own.
    odds, nodes = np.maximum.accumulate(held.odds) if held.rises else held.odds, np.append(held.nodes, [n, -1])
    target = np.log(weights[inner, 0] / weights[inner, 1])
    last[inner] = nodes[np.searchsorted(odds, target - 2 * LEVEL) - 1]
    first[inner] = nodes[np.searchsorted(odds, target + 2 * LEVEL, side="right")]
    slopes = moving_slopes(curves)
    slopes = np.where(np.isinf(slopes).all(axis=0), 0.0, slopes)
    for k in np.flatnonzero(~inner):
        one = np.broadcast_to(weights[k], (n, 2))
        falls, climbs = np.flatnonzero(_falls(slopes, one)), np.flatnonzero(_falls(-slopes, one))
        last[k], first[k] = (falls[-1] if falls.size else -1), (climbs[0] if climbs.size else n)
    return last, first


def _zero_in_cell(curves: Curves, weights: np.ndarray, left: np.ndarray) -> np.ndarray:
    """How far beyond node `left` each combination's slope changes its sign within the cell, by halving."""
    parts = np.stack(cells(curves, left))
    held = np.sum(weights.T * parts, axis=1)
    width = curves.scores[left + 1] - curves.scores[left]
    ends = [_odds(curves, left + side) for side in (0, 1)]
    with np.errstate(divide="ignore", invalid="ignore"):
        target = np.log(weights[:, 0] / weights[:, 1])
        # The odds have the sign of the slope, and of many links they are nearly a line.
        odds = np.stack([*(value - target for value, _ in ends), *(rate * width for _, rate in ends), 0.0 * width])
        third, line = _third(parts), 1e-12 * (np.abs(parts[0]) + np.abs(parts[1]))
        measured = np.all((third <= line) | ((parts[4] != 0) & (np.abs(parts[4]) < 0.099 * third)), axis=0)
        bent, straight = (_third(each) / np.abs(each[1] - each[0]) for each in (held, odds))
        held = np.where(straight < np.where(measured, 0.01, 1.0) * bent, odds, held)
    low, high = np.zeros(left.size), np.ones(left.size)
    for _ in range(54):
        middle = 0.5 * (low + high)
        under = slope_within(list(held), middle) < 0
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return 0.5 * (low + high) * width


def _third(parts: Any) -> np.ndarray:
    """What of a slope within a cell is of third order in the width."""
    return np.abs(parts[1] - parts[0] - 0.5 * (parts[2] + parts[3]))


def _odds(curves: Curves, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The log odds of the slope ratio at nodes and their derivative; NaN or infinite where p is not in (0, 1)."""
    (positive, negative), (bend, other) = curves.slopes[:, nodes], curves.curvatures[:, nodes]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(negative) - np.log(-positive), other / negative - bend / positive


def cells(curves: Curves, left: Any) -> list[np.ndarray]:
    """What a slope within cells is made of, each (2, m): slopes at both ends, curvatures times the width, and a bubble.

    The bubble, 30 t^2 (1 - t)^2, makes the slope's integral the step of the values; it is left out where rounding of
    the values exceeds it, as under a large constant.
    """
    left = np.asarray(left)
    width = curves.scores[left + 1] - curves.scores[left]
    (s0, s1), (c0, c1) = ((part[:, left], part[:, left + 1]) for part in (curves.slopes, curves.curvatures))
    v0, v1 = curves.values[:, left], curves.values[:, left + 1]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        secant = np.where(width > 0, (s1 - s0), 0.0)
        c0, c1 = (np.where(np.isfinite(c), c * width, secant) for c in (c0, c1))
        bubble = (v1 - v0) / width - 0.5 * (s0 + s1) - (c0 - c1) / 12
        seen = np.isfinite(bubble) & (np.abs(bubble) * width > 8 * EPS * (np.abs(v0) + np.abs(v1)))
        # It is of fourth order in the width: where it compares with what is of third, that is rounding too.
        most = 0.1 * _third([s0, s1, c0, c1])
    return [s0, s1, c0, c1, np.where(seen, np.clip(bubble, -most, most), 0.0)]


def slope_within(held: list[np.ndarray], t: np.ndarray) -> np.ndarray:
    """The slope at a share t of a cell, from `cells`."""
    s0, s1, c0, c1, bubble = held
    u = 1 - t
    with np.errstate(invalid="ignore", over="ignore"):
        return u * u * (s0 * (1 + 2 * t) + c0 * t) + t * t * (s1 * (1 + 2 * u) - c1 * u + 30 * bubble * u * u)


def elicits(found: Minimum, curves: Curves | None = None) -> bool:
    """Whether the risk's minimiser reveals eta: unique, finite and strictly increasing in eta.

    Args:
        found: `minimum(curves, ETAS)`.
        curves: from `curves.tabulate`. With them, and where the slope ratio nowhere falls, that decides at every node:
            it must rise strictly and continuously from 0 to 1. Else it is what is seen at `ETAS`.

    Returns:
        Whether it does; sampled either way.

    Example:
        >>> import lossland as ll
        >>> from lossland.curves import tabulate
        >>> tables = [tabulate(ll.pair("identity", loss)) for loss in ("logistic", "hinge")]
        >>> [elicits(minimum(table, ETAS), table) for table in tables]
        [True, False]
    """
    if curves is not None:
        held = ratio(curves)
        if held.rises:
            mirrored = -curves.scores[::-1], curves.scores.size - 1 - held.nodes[::-1], -held.odds[::-1]
            ends = _reaches_zero(curves.scores, held.nodes, held.odds), _reaches_zero(*mirrored)
            return all(ends) and _strict(curves, held)
    inside = (ETAS > 0.01) & (ETAS < 0.99)
    low, high = found.low[inside], found.high[inside]
    if not np.all(np.isfinite(low) & np.isfinite(high)):
        return False
    spread = float(low[-1] - low[0])
    unique = high - low <= 1e-5 * (spread + np.abs(low))
    # Across 1/2 the gap must close as eta does; one that stays is a jump between two minima.
    half = low.size // 2
    near, far = low[half + 1] - low[half - 1], low[half + 3] - low[half - 3]
    steady = near < 0.9 * far or near < 1e-6 * spread
    return bool(np.all(unique) and np.all(np.diff(low) > 1e-12 * np.abs(low[1:])) and steady)


def _strict(curves: Curves, held: Ratio) -> bool:
    """Whether p rises from node to node, without a jump or a rest, wherever it lies in (0, 1)."""
    odds, scores = held.odds, curves.scores[held.nodes]
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        counts = (odds[1:] > -np.inf) & (odds[:-1] < np.inf)
        kink = np.diff(scores) == 0
        jumps = kink & (np.abs(np.diff(1 / (1 + np.exp(-odds)))) > 1e-7)
        # Where p rises by less than its digits the curvatures tell that it does.
        up, down = curves.curvatures[:, held.nodes] / curves.slopes[:, held.nodes]
        turns_up = down - up > 1e-9 * (np.abs(up) + np.abs(down))
        level = (np.diff(odds) <= 1e-12) & ~(turns_up[1:] & turns_up[:-1])
        rests = ~kink & ((np.diff(held.nodes) > 1) | level)
    return not np.any(counts & (jumps | rests))


def _reaches_zero(scores: np.ndarray, nodes: np.ndarray, odds: np.ndarray) -> bool:
    """Whether p comes down to 0 towards the left, as far as a table can tell."""
    first = nodes[0]
    if odds[0] == -np.inf:
        return True
    stop = bool(first >= 2 and scores[first - 1] in (scores[first], scores[first - 2]))
    if stop:
        # The curves stop at a kink: with p above 0, or ever closer to it as both slopes die out.
        away = scores[nodes] - scores[first - 1]
        far = int(np.searchsorted(away, 10 * away[0]))
        return bool(away[0] > 0 and far < odds.size and odds[far] > odds[0] + 1)
    # Out to where they end or lose their digits the odds must keep growing with the logarithm of the score.
    far = int(np.searchsorted(scores[nodes], -np.sinh(0.9 * np.arcsinh(-scores[first]))))
    return bool(odds[0] < 0 and far < odds.size and odds[far] - odds[0] > -0.01 * odds[0])


def probability_error(found: Minimum, outputs: np.ndarray) -> float:
    """How far the output at a minimiser of the risk is from eta, at most: 0 for a strictly proper pair.

    At eta = 0 and 1, where a flat stretch may be least, the nearest minimiser counts; elsewhere the furthest.

    Args:
        found: `minimum(curves, ETAS)`.
        outputs: (2, m), the outputs at `found.low` and `found.high`.

    Returns:
        The largest distance.
    """
    low, high = np.minimum(*outputs), np.maximum(*outputs)
    nearest = np.maximum(np.maximum(low - ETAS, ETAS - high), 0.0)
    furthest = np.maximum(np.abs(low - ETAS), np.abs(high - ETAS))
    gap = np.where((ETAS == 0) | (ETAS == 1), nearest, furthest)
    return float(np.max(gap)) if np.all(np.isfinite(gap) & np.isfinite(found.value)) else math.inf
