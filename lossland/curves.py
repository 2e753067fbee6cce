"""The two class curves of a pair, tabulated once: value, slope and curvature at scores from -1e6 to 1e6, kinks found.

Everything that a card says is read off this table. Between nodes a curve is the quintic through value, slope and
curvature at both ends, which is right to about 1e-14 near 0; at a kink the score stands twice, with the values of its
left and of its right side. Rows are (positive, negative). All in NumPy, float64.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.kinks import LABELS, NODES, Evaluate, Kink, find_kinks
from lossland.pairing import Pair

REACH = 14.5
"""asinh of the largest score: nodes are even in asinh, and 0 lies between two of them."""


class Curves(NamedTuple):
    """A pair's class curves at n nodes.

    Attributes:
        scores: (n,), not decreasing; a kink's score stands twice.
        values: (2, n), positive first; inf where the loss overflows or is infinite.
        slopes: (2, n).
        curvatures: (2, n).
        limits: (2, 2), values at score -inf and +inf.
        kinks: in order of score.
        problems: what is wrong with the functions, in words; empty for a sound pair.
    """

    scores: np.ndarray
    values: np.ndarray
    slopes: np.ndarray
    curvatures: np.ndarray
    limits: np.ndarray
    kinks: tuple[Kink, ...]
    problems: tuple[str, ...]


@functools.lru_cache(maxsize=128)
def tabulate(pair: Pair) -> Curves:
    """Tabulate a pair's class curves and find their kinks.

    Args:
        pair: any pair, a user's too.

    Returns:
        The table; the same object for the same pair.

    Example:
        >>> import lossland as ll
        >>> [(k.label, round(k.at, 9), k.left, k.right) for k in tabulate(ll.pair("relu", "hinge")).kinks]
        [(1, 0.0, 0.0, -1.0), (-1, 0.0, 0.0, 1.0), (1, 1.0, -1.0, 0.0)]
    """
    evaluate = evaluator(pair)
    points = _fourths(grid())
    held = evaluate(np.concatenate([[-np.inf], points, [np.inf]]))
    limits, held = held[0][:, [0, -1]], held[:, :, 1:-1]
    problems = _problems(points, held)
    if np.isnan(limits).any():
        problems += [f"The loss is NaN at score {'-inf' if np.isnan(limits[:, 0]).any() else '+inf'}."]
        limits = np.where(np.isnan(limits), held[0][:, [0, -1]], limits)
    points_rows = np.stack(_mended(points, held))
    kinks, sides, unresolved = find_kinks(evaluate, points, points_rows)
    scores, rows = points[::4], points_rows[..., ::4]
    for at, left, right in sides:
        place = np.searchsorted(scores, at)
        scores = np.insert(scores, place, [at, at])
        rows = np.concatenate([rows[..., :place], left[..., None], right[..., None], rows[..., place:]], axis=-1)
    scores, rows = _graded(evaluate, scores, rows)
    problems += _unlike_differences(scores, rows)
    return Curves(scores, rows[0], rows[1], rows[2], limits, kinks, tuple(problems))


def grid() -> np.ndarray:
    """The scores at which every pair is tabulated, kinks apart: symmetric about 0, which is not one of them."""
    half = np.sinh(np.linspace(0.0, REACH, 2047)[1::2])
    return np.concatenate([-half[::-1], half])


def _fourths(scores: np.ndarray) -> np.ndarray:
    """The scores with three more between any two."""
    between = np.diff(scores)[:, None] * np.arange(4) / 4 + scores[:-1, None]
    return np.append(between.ravel(), scores[-1])


def evaluator(pair: Pair) -> Evaluate:
    """A function from scores (m,), m <= NODES, to value, slope and curvature of both classes, (3, 2, m).

    Every call runs the pair on one array of the same length, operation by operation: what XLA has compiled for one
    pair serves the others, where compiling a function for each pair takes several times as long.
    """

    def evaluate(scores: np.ndarray) -> np.ndarray:
        padded = np.zeros(NODES)
        padded[: scores.size] = scores
        with jax.enable_x64(True):
            both = jnp.asarray(np.concatenate([padded, padded]))
            labels = jnp.asarray(np.repeat(LABELS, NODES))
            held = np.stack([np.asarray(part, float) for part in pair.jet(both, labels)])
        return held.reshape(3, 2, NODES)[:, :, : scores.size]

    return evaluate


def _graded(evaluate: Evaluate, scores: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add nodes that close in on each kink towards which a slope grows without a bound, as -log q does at q = 0."""
    slopes = np.abs(rows[1])
    copies = np.flatnonzero(np.diff(scores) == 0)
    added = []
    for node, step in [(i, -1) for i in copies if i > 0] + [(i + 1, 1) for i in copies if i + 2 < scores.size]:
        steep = np.isfinite(slopes[:, node]) & (slopes[:, node] > 20 * slopes[:, node + step] + 1e-9)
        if steep.any():
            # From node to node a tenth further off: there a quintic follows a logarithm to 1e-9.
            distances = np.logspace(-12, -0.3, 284)
            added.append(scores[node] + step * distances)
    if not added:
        return scores, rows
    more = np.setdiff1d(np.concatenate(added), scores)[:NODES]
    held = np.stack(_mended(more, evaluate(more)))
    places = np.searchsorted(scores, more)
    return np.insert(scores, places, more), np.insert(rows, places, held, axis=-1)


def at(curves: Curves, scores: Any, order: int = 0) -> np.ndarray:
    """Both class curves at any scores, by the table's quintics.

    Args:
        curves: from `tabulate`.
        scores: (m,), finite or not.
        order: 0 for the values, 1 for the slopes, 2 for the curvatures.

    Returns:
        (2, m).

    Example:
        >>> import lossland as ll
        >>> at(tabulate(ll.pair("identity", "squared")), [0.5]).round(12).tolist()
        [[0.25], [2.25]]
    """
    x = np.atleast_1d(np.asarray(scores, float))
    inside = np.clip(x, curves.scores[0], curves.scores[-1])
    cell = np.clip(np.searchsorted(curves.scores, inside, side="right") - 1, 0, curves.scores.size - 2)
    # A point on a kink lies at the left end of a cell: the right-hand value, as for a function given by cases.
    ends = [rows[:, cell + side] for side in (0, 1) for rows in (curves.values, curves.slopes, curves.curvatures)]
    found = quintic(ends, curves.scores[cell], curves.scores[cell + 1], inside, order)
    edge = curves.limits if order == 0 else np.zeros((2, 2))
    return np.where(x == -np.inf, edge[:, :1], np.where(x == np.inf, edge[:, 1:], found))


def quintic(ends: list[np.ndarray], left: Any, right: Any, x: Any, order: int = 0) -> np.ndarray:
    """The quintic through value, slope and curvature at `left` and `right`, or a derivative of it, at x.

    Args:
        ends: value, slope, curvature at `left`, then at `right`, each (..., m).
        left: (m,).
        right: (m,); where it equals `left` the values of the left end are returned.
        x: (m,), between them.
        order: of the derivative, 0, 1 or 2.

    Returns:
        (..., m).
    """
    v0, s0, c0, v1, s1, c1 = ends
    width = right - left
    h = np.where(width > 0, width, 1.0)
    t = np.where(width > 0, (x - left) / h, 0.0)
    with np.errstate(invalid="ignore", over="ignore"):
        # Taylor from the left end plus what is missing at the right one: no cancellation where values are large.
        dv, ds, dc = v1 - v0 - h * (s0 + 0.5 * h * c0), h * (s1 - s0 - h * c0), h * h * (c1 - c0)
        a, b, c = 10 * dv - 4 * ds + 0.5 * dc, -15 * dv + 7 * ds - dc, 6 * dv - 3 * ds + 0.5 * dc
        if order == 0:
            smooth = v0 + h * t * (s0 + 0.5 * h * t * c0) + t**3 * (a + t * (b + t * c))
        elif order == 1:
            smooth = s0 + h * t * c0 + t**2 * (3 * a + t * (4 * b + t * 5 * c)) / h
        else:
            smooth = c0 + t * (6 * a + t * (12 * b + t * 20 * c)) / (h * h)
    plain = np.where(t < 0.5, (v0, s0, c0)[order], (v1, s1, c1)[order])
    return np.where(np.isfinite(smooth), smooth, plain)


# --------------------------------------------------------------------------------------------------- unsound functions


def _problems(scores: np.ndarray, held: np.ndarray) -> list[str]:
    """NaN values, slopes and curvatures, in words."""
    found = []
    for what, rows in zip(("value", "slope", "curvature"), held, strict=True):
        for label, row in zip(("positive", "negative"), rows, strict=True):
            bad = np.flatnonzero(np.isnan(row))
            if bad.size:
                where = f"at {bad.size} scores from {scores[bad[0]]:.3g} to {scores[bad[-1]]:.3g}"
                hint = "" if what == "value" else "; a branch that jnp.where does not take may be infinite there"
                found.append(f"The {what} for a {label} is NaN {where}{hint}.")
    return found


def _mended(scores: np.ndarray, held: np.ndarray) -> list[np.ndarray]:
    """The table with NaN replaced: values by inf, which no minimum takes; slopes by differences."""
    values = np.where(np.isnan(held[0]), np.inf, held[0])
    rows = [values]
    for given in held[1:]:
        if np.isnan(given).any():
            with np.errstate(invalid="ignore"):
                measured = np.nan_to_num(np.gradient(rows[-1], scores, axis=1), posinf=0.0, neginf=0.0)
            given = np.where(np.isnan(given), measured, given)
        rows.append(given)
    return rows


def _unlike_differences(scores: np.ndarray, rows: np.ndarray) -> list[str]:
    """Where the slope is not the derivative of the value, kinks apart, in words."""
    near = (np.abs(scores[:-1]) < 12) & (np.diff(scores) > 0)
    h = np.diff(scores)[near]
    found = []
    for label, values, slopes in zip(("positive", "negative"), rows[0], rows[1], strict=True):
        with np.errstate(invalid="ignore", over="ignore"):
            rise, tread = np.diff(values)[near], 0.5 * h * (slopes[1:] + slopes[:-1])[near]
            size = np.abs(rise) + h * (np.abs(slopes[1:]) + np.abs(slopes[:-1]))[near]
            resolved = np.abs(rise) < 0.5 * (1 + np.abs(values[:-1][near]))
            wrong = resolved & (np.abs(rise - tread) > 0.05 * size + 1e-11 * (1 + np.abs(values[:-1][near])))
        if wrong.sum() > 10:
            z = float(scores[:-1][near][np.flatnonzero(wrong)[wrong.sum() // 2]])
            found.append(f"The slope for a {label} is not the derivative of the value, for example at z = {z:.3g}.")
    return found
