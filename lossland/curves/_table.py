"""What is wrong with a pair's functions, told from many of their values: NaN, slopes that are no derivative.

The two class curves of a pair, tabulated once: value, slope and curvature at scores from -1e6 to 1e6, kinks found.

Everything that a card says is read off this table. Between nodes a curve is the quintic through value, slope and
curvature at both ends, which is right to about 1e-14 near 0; at a kink the score stands twice, with the values of its
left and of its right side. Rows are (positive, negative). All in NumPy, float64.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.curves._kinks import LABELS, Kink, find_kinks
from lossland.curves._quintic import NODES, Evaluate, quintic, refined
from lossland.elements import Pair


def not_numbers(scores: np.ndarray, held: np.ndarray) -> list[str]:
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


def mended(scores: np.ndarray, held: np.ndarray) -> list[np.ndarray]:
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


def unlike_differences(scores: np.ndarray, rows: np.ndarray, kinks: list[float]) -> list[str]:
    """Where the slope is not the derivative of the value, kinks apart, in words; scores as many as 2 n + 1."""
    near = np.abs(scores[:-2:2]) < 12
    near[np.clip((np.searchsorted(scores, kinks) - 1) // 2, 0, None)] = False
    h = (scores[2::2] - scores[:-2:2])[near]
    found = []
    for label, values, slopes in zip(("positive", "negative"), rows[0], rows[1], strict=True):
        with np.errstate(invalid="ignore", over="ignore"):
            v0, v1 = values[:-2:2][near], values[2::2][near]
            s0, middle, s1 = slopes[:-2:2][near], slopes[1::2][near], slopes[2::2][near]
            rise, tread = v1 - v0, h / 6 * (s0 + 4 * middle + s1)
            size = np.abs(rise) + h * (np.abs(s0) + np.abs(s1))
            resolved = np.abs(rise) < 0.5 * (1 + np.abs(v0))
            wrong = resolved & (np.abs(rise - tread) > 0.05 * size + 1e-11 * (1 + np.abs(v0)))
        if wrong.sum() > 10:
            z = float(scores[:-2:2][near][np.flatnonzero(wrong)[wrong.sum() // 2]])
            found.append(f"The slope for a {label} is not the derivative of the value, for example at z = {z:.3g}.")
    return found


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
    problems = not_numbers(points, held)
    if np.isnan(limits).any():
        problems += [f"The loss is NaN at score {'-inf' if np.isnan(limits[:, 0]).any() else '+inf'}."]
        limits = np.where(np.isnan(limits), held[0][:, [0, -1]], limits)
    rows = np.stack(mended(points, held))
    kinks, sides, unresolved = find_kinks(evaluate, points, rows)
    places = [at for at, *_ in sides]
    problems += unlike_differences(points, rows, places)
    scores, rows, coarse = refined(evaluate, points, rows, places)
    problems += _not_resolved(unresolved + coarse)
    for at, left, right in sides:
        kept = scores != at
        scores, rows = scores[kept], rows[..., kept]
        place = np.searchsorted(scores, at)
        scores = np.insert(scores, place, [at, at])
        rows = np.concatenate([rows[..., :place], left[..., None], right[..., None], rows[..., place:]], axis=-1)
    scores, rows = _graded(evaluate, scores, rows)
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


def _not_resolved(intervals: list[tuple[float, float]]) -> list[str]:
    """Where the table is not the curve, in words; near intervals made one."""
    joined: list[tuple[float, float]] = []
    for low, high in sorted(intervals):
        if joined and low - joined[-1][1] <= 0.1 * (1 + abs(low)):
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    told = [
        f"between z = {low:.4g} and {high:.4g}"
        if high - low > 1e-3 * (1 + abs(low))
        else f"at z = {round(low, 4) + 0.0:.4g}"
        for low, high in joined
    ]
    return [f"Not resolved {where}: the loss changes too fast there for this card." for where in told]


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
    held = np.stack(mended(more, evaluate(more)))
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
