"""A smooth surface as a product of Chebyshev series: a few hundred points instead of a million."""

from collections.abc import Callable

import numpy as np
from numpy.polynomial import chebyshev

ORDERS = (16, 32, 48, 64, 96, 128)
"""Degrees that are tried, one after the other."""


def expanded(
    evaluate: Callable[[np.ndarray], np.ndarray], axes: tuple[np.ndarray, np.ndarray], tolerance: float
) -> tuple[np.ndarray, float] | None:
    """A function on a grid by its Chebyshev series, of the least degree whose error is estimated below `tolerance`.

    Args:
        evaluate: from places (p, 2) to values (p,).
        axes: the grid's two axes.
        tolerance: the error allowed, absolute.

    Returns:
        The values on the grid, and the estimated error: the sum of the last coefficients' sizes, or twice the largest
        deviation at 64 other points of the grid, whichever is larger. An estimate and no bound. None if no degree
        tried, or none that is cheaper than the grid itself, is good enough.

    Source: Trefethen 2013, chapters 3 and 8.
    """
    lows, highs = np.array([axis.min() for axis in axes]), np.array([axis.max() for axis in axes])
    if np.any(highs <= lows):
        return None
    middle, half = 0.5 * (highs + lows), 0.5 * (highs - lows)
    rng = np.random.default_rng(0)
    chosen = np.stack([rng.integers(len(axis), size=64) for axis in axes])
    checks = evaluate(np.stack([axis[k] for axis, k in zip(axes, chosen, strict=True)], axis=1))
    for order in ORDERS:
        if 2 * (order + 1) ** 2 > len(axes[0]) * len(axes[1]):
            return None
        nodes = np.cos(np.pi * np.arange(order + 1) / order)
        places = np.stack([x.ravel() for x in np.meshgrid(nodes, nodes, indexing="ij")], axis=1)
        values = evaluate(middle + half * places).reshape(order + 1, order + 1)
        if not np.all(np.isfinite(values)):
            return None
        back = _to_coefficients(order)
        coefficients = back @ values @ back.T
        last = np.arange(order + 1) >= order - 1
        tail = float(np.abs(coefficients[last[:, None] | last[None, :]]).sum())
        if tail > tolerance:
            continue
        tables = [chebyshev.chebvander((axis - m) / h, order) for axis, m, h in zip(axes, middle, half, strict=True)]
        on_grid = tables[0] @ coefficients @ tables[1].T
        error = max(tail, 2.0 * float(np.abs(on_grid[chosen[0], chosen[1]] - checks).max()))
        if error <= tolerance:
            return on_grid, error
    return None


def _to_coefficients(order: int) -> np.ndarray:
    """The matrix from values at cos(pi k / order) to Chebyshev coefficients (a discrete cosine transform)."""
    k = np.arange(order + 1)
    weights = np.where((k == 0) | (k == order), 0.5, 1.0)
    return 2.0 / order * weights[:, None] * np.cos(np.pi * np.outer(k, k) / order) * weights[None, :]
