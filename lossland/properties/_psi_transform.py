"""What a wrong decision costs in risk: the least excess, the psi-transform below it, and its inverse.

The rule "z > threshold means +1" is wrong on z <= threshold if eta > 1/2 and on z >= threshold if eta < 1/2; psi is the
convex hull of what the better of the two mistakes costs.
"""

import math
from typing import Any

import numpy as np

from lossland.curves import Curves, Minimum
from lossland.properties._risk import minimum

FINE = np.concatenate([[1e-3], np.linspace(0.005, 1.0, 200)])
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
