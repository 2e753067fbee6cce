"""Fenchel conjugates and proximal operators of class curves, each with what bounds its error.

f*(u) = sup_z (u z - f(z)), on the score axis. The supremum is found on the table, the curve is then evaluated there:
the value is a lower bound, and the tangent at that point gives an upper one for convex curves.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from lossland.curves import NODES, Curves, Evaluate
from lossland.properties._known_form import Known

EPS = np.finfo(float).eps


class Conjugate(NamedTuple):
    """A class curve's conjugate f*(u) at m slopes, with error bounds.

    Attributes:
        value: (m,), inf outside the domain.
        error: (m,), a bound on what a convex curve's true value lies above `value`; rounding apart.
        at: (m,), a score that reaches the supremum, +-inf if only a limit does.
    """

    value: np.ndarray
    error: np.ndarray
    at: np.ndarray


class Proximal(NamedTuple):
    """The proximal operator of a class curve at m points v: the minimiser of f(z) + (z - v)^2 / (2 gamma).

    Attributes:
        point: (m,).
        residual: (m,), the distance of v from point + gamma * subdifferential(point): 0 at the exact answer.
    """

    point: np.ndarray
    residual: np.ndarray


CLOSED: dict[str, tuple[str, tuple[float, float]]] = {
    "hinge": ("u", (-1.0, 0.0)),
    "perceptron": ("0", (-1.0, 0.0)),
    "absolute": ("u", (-1.0, 1.0)),
    "squared": ("u + u^2/4", (-math.inf, math.inf)),
    "squared_hinge": ("u + u^2/4", (-math.inf, 0.0)),
    "smooth_hinge": ("u + u^2/2", (-1.0, 0.0)),
    "modified_huber": ("u + u^2/4", (-4.0, 0.0)),
    "sparsemax": ("u + u^2", (-1.0, 0.0)),
    "logistic": ("(1 + u) log(1 + u) - u log(-u)", (-1.0, 0.0)),
    "exponential": ("u - u log(-u)", (-math.inf, 0.0)),
    "dwd": ("-sqrt(-u)", (-1.0, 0.0)),
    "safe_logistic": ("(1 + u) log(1 + u)", (-1.0, 0.0)),
    "unhinged": ("-1", (-1.0, -1.0)),
}
"""Conjugates known in closed form, in u on their domains, for default parameters. A test evaluates each text and
compares it with the numeric supremum."""


def conjugate(curves: Curves, row: int, evaluate: Evaluate, slopes: Any) -> Conjugate:
    """The Fenchel conjugate of a class curve.

    Args:
        curves: from `curves.tabulate`.
        row: 0 for positives, 1 for negatives.
        evaluate: from `curves.evaluator`.
        slopes: (m,), u.

    Returns:
        Values with their error bounds; (m,) each.

    Example:
        >>> import lossland as ll
        >>> from lossland.curves import evaluator, tabulate
        >>> pair = ll.pair("identity", "logistic")
        >>> found = conjugate(tabulate(pair), 0, evaluator(pair), [-0.5, -2.0])
        >>> found.value.round(6).tolist()
        [-0.693147, inf]
    """
    u = np.atleast_1d(np.asarray(slopes, float))
    found = curves.lowest(np.eye(2)[np.full(u.size, row)], -u)
    where, value = found.at, -found.value + 0.0
    inside = np.isfinite(where) & np.isfinite(value)
    scores = np.where(inside, where, 0.0)
    inside &= np.abs(scores) < curves.scores[-1]
    scores = np.where(inside, scores, 0.0)
    exact = _evaluated(evaluate, row, scores)
    # On a kink the subdifferential holds u and the supremum is exact; elsewhere the tangent bounds what is missed.
    cell = np.clip(np.searchsorted(curves.scores, scores, side="right") - 1, 0, curves.scores.size - 2)
    on_kink = np.isin(scores, curves.scores[1:][np.diff(curves.scores) == 0])
    width = curves.scores[cell + 1] - curves.scores[cell]
    with np.errstate(invalid="ignore"):
        rounding = 8 * EPS * (np.abs(u * scores) + np.abs(exact[0]))
        bound = np.where(on_kink, 0.0, np.abs(u - exact[1]) * width) + rounding
        value = np.where(inside & ~on_kink, u * scores - exact[0], value)
    return Conjugate(value, np.where(inside, bound, 0.0), where)


def closed_form(known: Known | None) -> str:
    """The conjugate of a recognised curve as text, by the loss's own conjugate on its domain; "" if unknown."""
    if known is None or known.loss not in CLOSED or known.stretch < 0:
        return ""
    text, (low, high) = CLOSED[known.loss]
    if known == Known(known.loss):
        return f"{text} on [{low:g}, {high:g}]"
    factor = known.scale * known.stretch
    inner = "u" if factor == 1 else f"u/{factor:g}"
    outer = "" if known.scale == 1 else f"{known.scale:g} "
    rest = (f" + {known.shift:g} u" if known.shift else "") + (f" - {known.offset:g}" if known.offset else "")
    return f"{outer}[{text}] at {inner}{rest}, on [{factor * low:g}, {factor * high:g}]"


def proximal(curves: Curves, row: int, evaluate: Evaluate, points: Any, gamma: float) -> Proximal:
    """The proximal operator of a convex class curve, by Newton steps kept inside a bracket.

    Args:
        curves: from `curves.tabulate`.
        row: 0 for positives, 1 for negatives.
        evaluate: from `curves.evaluator`.
        points: (m,), v.
        gamma: the step, > 0.

    Returns:
        The points and their residuals, (m,) each.

    Example:
        >>> import lossland as ll
        >>> from lossland.curves import evaluator, tabulate
        >>> pair = ll.pair("identity", "hinge")
        >>> proximal(tabulate(pair), 0, evaluator(pair), [-1.0, 0.5, 2.0], 1.0).point.tolist()
        [0.0, 1.0, 2.0]

    Source: Parikh & Boyd 2014.
    """
    v = np.atleast_1d(np.asarray(points, float))
    with np.errstate(over="ignore", invalid="ignore"):
        reach = np.maximum.accumulate(curves.scores + gamma * np.nan_to_num(curves.slopes[row], nan=0.0))
    right = np.clip(np.searchsorted(reach, v, side="left"), 1, curves.scores.size - 1)
    low, high = curves.scores[right - 1].copy(), curves.scores[right].copy()
    kinked = low == high
    point = np.clip(np.where(kinked, low, v - gamma * curves.at(0.5 * (low + high), 1)[row]), low, high)
    residual = np.full(v.shape, np.inf)
    for _ in range(60):
        _, slope, curvature = _evaluated(evaluate, row, point)
        gap = point + gamma * slope - v
        residual = np.where(kinked, 0.0, np.abs(gap))
        if np.all(residual <= 4 * EPS * (1 + np.abs(v) + gamma * np.abs(slope))):
            break
        low, high = np.where(gap < 0, point, low), np.where(gap > 0, point, high)
        step = point - gap / (1 + gamma * np.maximum(np.nan_to_num(curvature), 0.0))
        outside = (step <= low) | (step >= high)
        point = np.where(kinked, point, np.where(outside, 0.5 * (low + high), step))
    return Proximal(point, residual)


def _evaluated(evaluate: Evaluate, row: int, scores: np.ndarray) -> np.ndarray:
    """Value, slope and curvature of one class at any number of scores, (3, m)."""
    parts = [evaluate(scores[i : i + NODES])[:, row] for i in range(0, scores.size, NODES)]
    return np.concatenate(parts, axis=1) if parts else np.zeros((3, 0))
