"""Statistics of a pair: conditional risk, its minimiser, the psi-transform, calibrated thresholds, properness.

With eta = P(t = +1 | x) the conditional risk of a score is C(z) = eta positive(z) + (1 - eta) negative(z), H(eta) its
infimum. The rule "z > threshold means +1" is wrong on z <= threshold if eta > 1/2 and on z >= threshold if eta < 1/2;
psi is the convex hull of what the better of the two mistakes costs. Everything on the score axis.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from lossland.curves import Curves, Interval, Minimum, at, combine, lowest

NEAR_HALF = 1e-5
THETAS = np.concatenate([[1e-3, 0.005, 0.01], np.linspace(0.025, 0.975, 39), [0.99, 1.0]])
"""Where theta = 2 eta - 1 is looked at."""
ETAS = 0.5 + 0.5 * np.concatenate([-THETAS[::-1], 2 * NEAR_HALF * np.array([-4, -2, -1, 0, 1, 2, 4]), THETAS])
"""Where the minimal risk is looked at, 0 and 1 and seven points about 1/2 among them."""
FINE = np.concatenate([[1e-3], np.linspace(0.005, 1.0, 200)])


class Calibration(NamedTuple):
    """At which thresholds the rule z > threshold is classification-calibrated.

    Attributes:
        interval: of thresholds; None if there is none.
        closed: whether its lower and its upper end belong to it.
        best: the threshold whose psi is largest on average; None if there is none.
        costs: `excess` at `THETAS`, at the best threshold or else at 0.
    """

    interval: Interval | None
    closed: tuple[bool, bool]
    best: float | None
    costs: np.ndarray


def minimum(curves: Curves, etas: Any) -> Minimum:
    """The minimal conditional risk H(eta) and the interval of scores that reach it.

    Args:
        curves: from `curves.tabulate`.
        etas: (m,), probabilities of t = +1.

    Returns:
        Value, low and high, each (m,).

    Example:
        >>> import lossland as ll
        >>> from lossland.curves import tabulate
        >>> found = minimum(tabulate(ll.pair("relu", "hinge")), [0.2, 0.8])
        >>> found.value.round(9).tolist(), found.low.tolist(), found.high.tolist()
        ([1.0, 0.4], [-inf, 1.0], [0.0, 1.0])
    """
    etas = np.atleast_1d(np.asarray(etas, float))
    return lowest(curves, np.stack([etas, 1 - etas], axis=1))


def calibrate(curves: Curves, found: Minimum, symmetric: bool) -> Calibration:
    """The interval of calibrated thresholds and the best one.

    A threshold is calibrated when it lies above every minimiser for eta < 1/2 and below every one for eta > 1/2.

    Args:
        curves: from `curves.tabulate`.
        found: `minimum(curves, ETAS)`.
        symmetric: whether the pair is a margin loss, so that the best threshold is 0.

    Returns:
        The calibration.

    Example:
        >>> import lossland as ll
        >>> from lossland.curves import tabulate
        >>> table = tabulate(ll.pair("relu", "hinge"))
        >>> calibrate(table, minimum(table, ETAS), False)[:3]
        (Interval(low=0.0, high=1.0), (False, False), 0.5)
    """
    half = ETAS.size // 2
    low = max(float(found.high[: half - 3].max()), _limit(found.high[half - 3 : half]))
    high = min(float(found.low[half + 4 :].min()), _limit(found.low[half + 3 : half : -1]))
    # Where the minimum is flat, minimisers are known only roughly: limits that cross by little are one point.
    slack = 1e-3 if low > high else 2e-6
    single = math.isfinite(low) and abs(high - low) <= slack * (1 + abs(low))
    middle = _tidy(0.5 * (low + high), max(2e-8, abs(high - low))) if single else math.nan
    ends = [_tidy(end) if math.isfinite(end) else end for end in (low, high)]
    low, high = [middle, middle] if single else ends

    def costs(threshold: float) -> np.ndarray:
        return excess(curves, THETAS, threshold, found)

    if not low <= high or low == math.inf or high == -math.inf:
        return Calibration(None, (False, False), None, costs(0.0))
    if single:
        # An end belongs to the interval if a wrong decision there has its price, for every eta.
        price = costs(low)
        held = _priced(price)
        return Calibration(Interval(low, low) if held else None, (held, held), low if held else None, price)
    ends = [math.isfinite(end) and _priced(costs(end)) for end in (low, high)]
    best = 0.0 if symmetric else _best(curves, Interval(low, high))
    return Calibration(Interval(low, high), (ends[0], ends[1]), best, costs(0.0 if best is None else best))


def includes(found: Calibration, threshold: float) -> bool:
    """Whether a threshold is calibrated; ends are met to 1e-8."""
    if found.interval is None:
        return False
    (low, high), slack = found.interval, 1e-8 * (1 + abs(threshold))
    over = threshold >= low - slack if found.closed[0] else threshold > low + slack
    return bool(over and (threshold <= high + slack if found.closed[1] else threshold < high - slack))


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
    if found is None:
        floors = np.split(minimum(curves, np.concatenate([(1 + thetas) / 2, (1 - thetas) / 2])).value, 2)
    else:
        floors = [found.value[-thetas.size :], found.value[: thetas.size][::-1]]
    parts = (1, _part(curves, -math.inf, threshold)), (-1, _part(curves, threshold, math.inf))
    costs = []
    for (sign, part), floor in zip(parts, floors, strict=True):
        with np.errstate(invalid="ignore"):
            cost = minimum(part, (1 + sign * thetas) / 2).value - floor
        costs.append(np.where(np.isnan(cost), 0.0, np.maximum(cost, 0.0)))
    return np.minimum(*costs)


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
    x = np.unique(np.concatenate([[0.0], FINE, thetas]))
    y = np.concatenate([[0.0], hull_values(x[1:], excess(curves, x[1:], threshold))])
    return y[np.searchsorted(x, thetas)]


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
    x = np.concatenate([[0.0], FINE])
    # Infinite where the risk has no lower bound: then no finite excess allows any error.
    y = np.minimum(np.maximum.accumulate(psi(curves, x, threshold)), 1e300)
    rising = np.concatenate([[True], np.diff(y) > 0])
    zero = x[y <= 0].max()
    return np.where(risks >= y[-1], 1.0, np.maximum(np.interp(risks, y[rising], x[rising]), zero))


def elicits(found: Minimum) -> bool:
    """Whether the risk's minimiser reveals eta: unique, finite and strictly increasing in eta, as seen at `ETAS`."""
    inside = (ETAS > 0.01) & (ETAS < 0.99)
    low, high = found.low[inside], found.high[inside]
    if not np.all(np.isfinite(low) & np.isfinite(high)):
        return False
    unique = high - low <= 1e-5 * (1 + np.abs(low))
    # Across 1/2 the gap must close as eta does; one that stays is a jump between two minima.
    half = low.size // 2
    near, far = low[half + 1] - low[half - 1], low[half + 3] - low[half - 3]
    return bool(np.all(unique) and np.all(np.diff(low) > 1e-9) and (near < 0.9 * far or near < 1e-6))


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


# ------------------------------------------------------------------------------------------------------------- helpers


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
            added = [np.array([[end]]), at(curves, [end]), at(curves, [end], 1), np.zeros((2, 1))]
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
        return _tidy(0.5 * (low + high))
    mean = np.minimum(up, down)[:, inside].mean(axis=0)
    top = np.flatnonzero(mean >= mean.max() - 1e-12 * (1 + abs(mean.max())))
    if top[-1] - top[0] > 2 and np.ptp(curves.scores[inside[top]]) > 0.05:
        return _tidy(float(0.5 * (curves.scores[inside[top[0]]] + curves.scores[inside[top[-1]]])))
    if abs(curves.scores[inside[top[0]]]) > 1e5:
        return None
    first, last = inside[max(top[0] - 1, 0)], inside[min(top[-1] + 1, inside.size - 1)]
    before, after = up[:, first, None], down[:, last, None]
    a, b = float(curves.scores[first]), float(curves.scores[last])
    for _ in range(8):
        thresholds = np.linspace(a, b, 33)
        here = weights @ at(curves, thresholds) - floors[:, None]
        cost = np.minimum(np.minimum(here[:20], before), np.minimum(here[20:], after)).mean(axis=0)
        peak = int(np.argmax(cost))
        a, b = float(thresholds[max(peak - 1, 0)]), float(thresholds[min(peak + 1, 32)])
    return _tidy(0.5 * (a + b))


def _priced(costs: np.ndarray) -> bool:
    """Whether every wrong decision costs more than rounding, whatever the units of the loss."""
    return bool(costs.max() > 0 and np.all(costs > 1e-13 * min(float(costs.max()), 1.0)))


def _tidy(x: float, slack: float = 2e-8) -> float:
    if abs(x) < 1e-7:
        return 0.0
    whole = round(x, 4 if slack > 1e-6 else 6) + 0.0
    return whole if abs(x - whole) <= slack * (1 + abs(x)) else float(x)
