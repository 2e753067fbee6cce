"""Tails: how a class curve approaches its limit on the well classified side, and whether that maximises the margin.

Both follow from how the pair's program grows; only where that is not known they are measured on the table.

The well classified side is z -> +inf for a positive and z -> -inf for a negative.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from lossland.curves import LABELS, Curves, Shape
from lossland.proofs import Growth


class Tail(NamedTuple):
    """How a curve approaches its limit on the well classified side.

    Attributes:
        kind: "zero" (the limit is reached and kept), "exponential", "super-exponential", "stretched" between power and
            exponential, "polynomial", "slower" than any power, or "none" (no finite limit).
        exponent: p of the polynomial |z|^-p, the rate k of exp(-k |z|); NaN else.
        measured: whether it was read off the table instead of the program.
    """

    kind: str
    exponent: float
    measured: bool = False


def tail(curves: Curves, row: int) -> Tail:
    """The tail of a class curve on its well classified side.

    Args:
        curves: from `curves.tabulate`.
        row: 0 for positives, 1 for negatives.

    Returns:
        Its kind and exponent, by the growth of its program, or measured at |z| up to 1e5.

    Example:
        >>> import lossland as ll
        >>> from lossland.curves import tabulate
        >>> [tail(tabulate(ll.pair("identity", name)), 0)[:2] for name in ("logistic", "dwd")]
        [('exponential', 1.0), ('polynomial', 1.0)]
    """
    claims = curves.evidence.curves
    if claims:
        told = claims[row].tails[1 - row]
        if told.kind != "unknown":
            return _of_growth(told)
    return _measured_tail(curves, row)._replace(measured=True)


def _of_growth(told: Growth) -> Tail:
    if not math.isfinite(told.limit):
        return Tail("none", math.nan)
    kind = "zero" if told.kind == "constant" else told.kind
    return Tail(kind, round(told.exponent, 12) if kind in ("exponential", "polynomial") else math.nan)


def _measured_tail(curves: Curves, row: int) -> Tail:
    """A tail from -z curvature / slope: constant for a power of z, growing as z for exp(-k z)."""
    side = LABELS[row]
    last = curves.scores.size - 1 if side > 0 else 0
    limit = curves.limits[row, 1 if side > 0 else 0]
    if any(last in run for run in curves.flat_runs(row)):
        return Tail("zero", math.nan)
    ends = curves.values[row, last]
    if not math.isfinite(limit) or not math.isfinite(ends):
        return Tail("none", math.nan)
    distances = np.array([16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1e3, 1e4, 1e5])
    nodes = np.searchsorted(curves.scores, side * distances)
    slope, curvature = curves.slopes[row, nodes], curves.curvatures[row, nodes]
    seen = (np.abs(slope) > 1e-280) & np.isfinite(curvature)
    rate = -curves.scores[nodes][seen] * curvature[seen] / slope[seen]
    if rate.size < 3:
        return Tail("super-exponential", math.nan)
    if not (rate[-1] and rate[-2]):
        # A slope without curvature beside a finite limit: the function contradicts itself far out.
        return Tail("none", math.nan)
    places = curves.scores[nodes][seen]
    growth = np.log(np.abs(rate[-1] / rate[-2])) / np.log(np.abs(places[-1] / places[-2]))
    if growth > 1.2:
        return Tail("super-exponential", math.nan)
    if growth > 0.8:
        return Tail("exponential", _measured(abs(rate[-1] / places[-1])))
    exponent = float(rate[-1]) - 1
    if exponent < 0.01:
        return Tail("slower", math.nan)
    return Tail("polynomial", _measured(exponent))


def margin_maximising(curves: Curves, positive: Shape) -> tuple[bool, str]:
    r"""Whether a margin loss maximises the margin on separable data as l2 tends to 0, and why.

    The criterion: phi does not increase, and for some T > 0, T = inf allowed,
    :math:`\lim_{t \to T} \phi(t (1 - \varepsilon)) / \phi(t) = \infty` for every epsilon > 0. It is evaluated in
    logarithms, on slopes where T is infinite (their ratio has the same limit and keeps its digits).

    Args:
        curves: of a margin loss.
        positive: the shape of its positive curve.

    Returns:
        The verdict and the reason.

    Source: Rosset, Zhu & Hastie 2003, Theorem 2.1.
    """
    if positive.monotone != "decreasing":
        return False, f"phi is not decreasing ({positive.monotone})"
    if not math.isfinite(positive.infimum):
        return False, "phi has no lower bound"
    ends = [span.low for span in positive.bottoms if span.high == math.inf]
    if ends:
        return ends[0] > 0, f"phi is lowest from T = {ends[0]:.4g} on; T > 0 is asked for"
    held = tail(curves, 0)
    if not held.measured:
        return _FALLS[held.kind]
    distances = np.array([4.0, 16.0, 64.0, 256.0, 1e3, 4e3, 1.6e4, 6.4e4])
    near, far = (np.abs(curves.at(x, 1)[0]) for x in (0.9 * distances, distances))
    seen = (near > 1e-290) & (far > 1e-290)
    if seen.sum() < 2:
        return True, "phi vanishes faster than any exponential"
    ratio = np.log(near[seen]) - np.log(far[seen])
    grows = bool(ratio[-1] > 1.5 * max(ratio[-2], 1e-3))
    found = "faster than every power" if grows else "like a power"
    return grows, f"its tail falls {found}, as measured up to t = {distances[seen][-1]:g}"


_FALLS = {
    "exponential": (True, "its tail falls exponentially"),
    "super-exponential": (True, "its tail falls faster than every exponential"),
    "stretched": (True, "its tail falls faster than every power"),
    "polynomial": (False, "its tail falls like a power"),
    "slower": (False, "its tail falls slower than every power"),
    "none": (False, "it has no limit"),
    "zero": (True, "it reaches its limit"),
}
"""By the kind of tail: whether the margin is maximised, and why."""


def _measured(x: Any) -> float:
    """Rounded to four decimals: tails are measured at |z| up to 1e5, not at infinity."""
    return round(float(x), 4)
