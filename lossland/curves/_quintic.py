"""A curve between its nodes: the quintic through value, slope and curvature at both, more nodes where it misses."""

from typing import Any

import numpy as np

from lossland.curves._evaluator import NODES, Evaluate
from lossland.curves._roughness import near_size

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
    more, coarse = halved(evaluate, low[missed], high[missed], left[..., missed], right[..., missed], size)
    order = np.argsort(np.concatenate([*scores, more]))
    every = np.concatenate([*scores, more])[order]
    held += [evaluate(more[i : i + NODES]) for i in range(0, more.size, NODES)]
    return every, np.concatenate(held, axis=-1)[..., order], coarse


def halved(
    evaluate: Evaluate, low: np.ndarray, high: np.ndarray, left: np.ndarray, right: np.ndarray, size: np.ndarray
) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """The scores at which cells are halved until their quintics meet the curve, and cells that never did.

    Args:
        evaluate: from `curves.evaluator`.
        low: (m,) lower ends.
        high: (m,) upper ends.
        left: (3, 2, m) the quantities at the lower ends.
        right: (3, 2, m) at the upper ends.
        size: (2, 1) of the slopes near 0.
    """
    coarse: list[tuple[float, float]] = []
    added = []
    middle = 0.5 * (low + high)
    between = evaluate(middle) if low.size else np.zeros((3, 2, 0))
    missed = np.ones(low.size, bool)
    for level in range(LEVELS + 1):
        chosen = np.flatnonzero(missed)
        chosen = chosen[np.argsort(np.abs(middle[chosen]))]
        given_up = chosen[MOST if level < LEVELS else 0 :]
        coarse += zip(low[given_up].tolist(), high[given_up].tolist(), strict=True)
        chosen = chosen[: MOST if level < LEVELS else 0]
        if not chosen.size:
            break
        added.append(middle[chosen])
        low, high = np.append(low[chosen], middle[chosen]), np.append(middle[chosen], high[chosen])
        left = np.concatenate([left[..., chosen], between[..., chosen]], axis=-1)
        right = np.concatenate([between[..., chosen], right[..., chosen]], axis=-1)
        middle = 0.5 * (low + high)
        between = evaluate(middle)
        missed = _missed(low, high, left, right, middle, between, size)
    return np.concatenate([np.zeros(0), *added]), coarse


def still_missed(
    evaluate: Evaluate, scores: np.ndarray, rows: np.ndarray, cells: list[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Which of some intervals hold a cell of the table whose quintic misses the curve.

    Args:
        evaluate: from `curves.evaluator`.
        scores: (n,) the table's nodes.
        rows: (3, 2, n).
        cells: intervals of the score.
    """
    if not cells:
        return []
    size = near_size(rows[1], scores)[:, None]
    inside = np.zeros(scores.size - 1, bool)
    for low, high in cells:
        inside |= (scores[:-1] < high) & (scores[1:] > low) & (np.diff(scores) > 0)
    k = np.flatnonzero(inside)[:MOST]
    middle = 0.5 * (scores[k] + scores[k + 1])
    missed = _missed(scores[k], scores[k + 1], rows[..., k], rows[..., k + 1], middle, evaluate(middle), size)
    return [(float(scores[i]), float(scores[i + 1])) for i in k[missed]]


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
