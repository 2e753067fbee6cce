"""At which thresholds a pair is classification-calibrated, and which of them is the best."""

import math
from typing import NamedTuple

import numpy as np

from lossland.curves import Curves, Interval, Minimum, combine
from lossland.properties._psi_transform import excess
from lossland.properties._risk import ETAS, THETAS, minimum


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
    middle = _plain_threshold(0.5 * (low + high), max(2e-8, abs(high - low))) if single else math.nan
    ends = [_plain_threshold(end) if math.isfinite(end) else end for end in (low, high)]
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
    top = np.flatnonzero(mean >= mean.max() - 1e-12 * (1 + abs(mean.max())))
    if top[-1] - top[0] > 2 and np.ptp(curves.scores[inside[top]]) > 0.05:
        return _plain_threshold(float(0.5 * (curves.scores[inside[top[0]]] + curves.scores[inside[top[-1]]])))
    if abs(curves.scores[inside[top[0]]]) > 1e5:
        return None
    first, last = inside[max(top[0] - 1, 0)], inside[min(top[-1] + 1, inside.size - 1)]
    before, after = up[:, first, None], down[:, last, None]
    a, b = float(curves.scores[first]), float(curves.scores[last])
    for _ in range(8):
        thresholds = np.linspace(a, b, 33)
        here = weights @ curves.at(thresholds) - floors[:, None]
        cost = np.minimum(np.minimum(here[:20], before), np.minimum(here[20:], after)).mean(axis=0)
        peak = int(np.argmax(cost))
        a, b = float(thresholds[max(peak - 1, 0)]), float(thresholds[min(peak + 1, 32)])
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
