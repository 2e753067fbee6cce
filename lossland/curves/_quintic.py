"""Which cells are not smooth: halve a smooth cell, and what its ends disagree about shrinks by a known power.

A curve between its nodes: the quintic through value, slope and curvature at both ends, and more nodes where not.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

NODES = 8192
"""How many scores one evaluation takes."""
Evaluate = Callable[[np.ndarray], np.ndarray]


def near_size(row: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """A row's largest absolute value within |z| <= 12, at most 1e3."""
    near = np.abs(scores) <= 12
    return np.minimum(np.max(np.abs(np.where(np.isfinite(row), row, 0.0)), axis=-1, where=near, initial=0.0), 1e3)


def _residuals(scores: np.ndarray, rows: np.ndarray, size: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """How far each cell's ends disagree, of order h^5 and h^3 for a smooth curve, each less what rounding explains.

    `least` is the smallest jump worth following, as a share of the slopes.
    """
    h = np.diff(scores)
    lower, upper = rows[..., :-1], rows[..., 1:]
    (v0, s0, c0), (v1, s1, c1) = lower, upper
    with np.errstate(invalid="ignore", over="ignore"):
        first = np.abs(v1 - v0 - 0.5 * h * (s0 + s1) + h * h / 12 * (c1 - c0))
        second = np.abs(s1 - s0 - 0.5 * h * (c0 + c1))
        v, s, c = np.abs(lower) + np.abs(upper)
        first -= 4e-13 * v + 0.1 * least * h * (s + h * c) + 1e-15 * size * (1 + np.abs(scores[..., 1:]))
        second -= least * (s + h * c) + 1e-13 * size
    return np.nan_to_num(first, posinf=0.0), np.nan_to_num(second, posinf=0.0)


def is_flat(slopes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Whether each slope is zero to rounding, measured by the row's largest slope within |z| <= 12."""
    size = near_size(slopes, scores)
    return np.abs(slopes) <= 1e-14 * np.where(size > 0, size, 1.0)[..., None]


def rough_cells(points: np.ndarray, rows: np.ndarray, size: np.ndarray, least: float) -> np.ndarray:
    """(k, q): which double cells are not smooth; points (k, 2 q + 1), rows (3, 2, k, 2 q + 1), size (2, 1)."""
    size = size[:, :, None]
    coarse = _residuals(points[:, ::2], rows[..., ::2], size, least)
    fine = [np.maximum(r[..., ::2], r[..., 1::2]) for r in _residuals(points, rows, size, least)]
    # A smooth curve's fall to 1/32 and 1/8. One jump in slope, one in curvature and two opposite jumps in slope each
    # keep more than this of one or the other, wherever in the cell they are.
    rough = (fine[0] > _expected(coarse[0]) / 12) | (fine[1] > _expected(coarse[1]) / 4)
    # Where the first is lost in rounding the second alone can miss a jump in curvature: then the middle is on one side.
    left, middle, right = (rows[2][..., i:last:2] for i, last in ((0, -1), (1, None), (2, None)))
    with np.errstate(invalid="ignore", over="ignore"):
        step, bend = np.abs(right - left), np.abs(2 * middle - left - right)
        turns = (np.abs(step - bend) < 0.2 * step) & (step > 1e-9 * (np.abs(left) + np.abs(right)))
    rough |= turns & (coarse[0] <= 0) & (fine[1] > 0)
    rough &= np.abs(rows[0][..., :-2:2]) < 1e100
    still = np.abs(rows[1]) <= 1e-14 * size
    moving = np.abs(rows[1]) > 1e-10 * size
    edge = (still[..., :-1] & moving[..., 1:]) | (moving[..., :-1] & still[..., 1:])
    # A wall: the loss is infinite beyond, not because it grew until it overflowed.
    finite = np.isfinite(rows[0])
    wall = (finite[..., :-1] != finite[..., 1:]) & np.all(
        np.where(finite, np.abs(rows[0]), 0.0) < 1e100, axis=-1, keepdims=True
    )
    ends = edge | wall
    rough = (rough | ends[..., ::2] | ends[..., 1::2]).any(axis=0)
    # A small kink between two large ones is told by nothing else.
    rough[:, 1:-1] |= rough[:, :-2] & rough[:, 2:]
    return rough


def _expected(coarse: np.ndarray) -> np.ndarray:
    """A cell's residual, or what both its neighbours exceed: where a derivative changes sign its own is too small."""
    padded = np.pad(np.maximum(coarse, 0.0), [(0, 0)] * (coarse.ndim - 1) + [(1, 1)])
    return np.maximum(padded[..., 1:-1], np.minimum(padded[..., :-2], padded[..., 2:]))


LEVELS = 16
"""How often a cell is halved, at most."""
MOST = 1024
"""How many cells are halved at once, those nearest 0 first."""


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


def refined(
    evaluate: Evaluate, points: np.ndarray, rows: np.ndarray, kinks: list[float]
) -> tuple[np.ndarray, np.ndarray, list[tuple[float, float]]]:
    """Every fourth of the points, and more where the quintic between them misses the curve.

    Args:
        evaluate: from `curves.evaluator`.
        points: (4 n + 1,), increasing.
        rows: (3, 2, 4 n + 1).
        kinks: scores; the cells that hold one are left as they are.

    Returns:
        Scores, their rows, and the cells that were still missed when it was enough.
    """
    size = near_size(rows[1], points)[:, None]
    scores, held = [points[::4]], [rows[..., ::4]]
    low, high, left, right = points[:-4:4], points[4::4], rows[..., :-4:4], rows[..., 4::4]
    middle, between = points[2::4], rows[..., 2::4]
    whole = np.ones(low.size, bool)
    whole[np.clip(np.searchsorted(low, kinks, side="right") - 1, 0, None)] = False
    # Not in the middle alone: there an odd curve has no miss, even one whose slope has no bound.
    missed = whole & (
        _missed(low, high, left, right, middle, between, size)
        | _missed(low, high, left, right, points[1::4], rows[..., 1::4], size)
    )
    coarse: list[tuple[float, float]] = []
    for level in range(LEVELS + 1):
        chosen = np.flatnonzero(missed)
        chosen = chosen[np.argsort(np.abs(middle[chosen]))]
        given_up = chosen[MOST if level < LEVELS else 0 :]
        coarse += zip(low[given_up].tolist(), high[given_up].tolist(), strict=True)
        chosen = chosen[: MOST if level < LEVELS else 0]
        if not chosen.size:
            break
        scores.append(middle[chosen])
        held.append(between[..., chosen])
        low, high = np.append(low[chosen], middle[chosen]), np.append(middle[chosen], high[chosen])
        left = np.concatenate([left[..., chosen], between[..., chosen]], axis=-1)
        right = np.concatenate([between[..., chosen], right[..., chosen]], axis=-1)
        middle = 0.5 * (low + high)
        between = evaluate(middle)
        missed = _missed(low, high, left, right, middle, between, size)
    order = np.argsort(np.concatenate(scores))
    return np.concatenate(scores)[order], np.concatenate(held, axis=-1)[..., order], coarse


def _missed(
    low: np.ndarray,
    high: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    middle: np.ndarray,
    between: np.ndarray,
    size: np.ndarray,
) -> np.ndarray:
    """Which cells' quintics miss the value in the middle by what matters, measured by the slopes near 0."""
    with np.errstate(invalid="ignore", over="ignore"):
        miss = np.abs(quintic([*left, *right], low, high, middle) - between[0])
        far = np.abs(between[0]) > 1e12 * size
        return ((miss > 1e-9 * size + 1e-6 * np.abs(between[0])) & np.isfinite(miss) & ~far).any(axis=0)
