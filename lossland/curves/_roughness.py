"""Which cells of a curve are not smooth.

Halve a smooth cell, and what its ends disagree about shrinks by a known power.
"""

import numpy as np


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
    """Which double cells are not smooth, (k, q); points (k, 2 q + 1), rows (3, 2, k, 2 q + 1), size (2, 1)."""
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
