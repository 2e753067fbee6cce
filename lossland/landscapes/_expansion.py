"""A smooth surface as a polynomial: a few hundred points instead of a million, with a bound on what it misses.

Each example's loss is a curve of one score, and its score is affine in the plane: a polynomial of degree N in the score
is one of total degree N in the plane. Interpolation in the Padua points reproduces those, so what it misses is at most
1 + the points' Lebesgue constant times what the best polynomials in the score miss, averaged over the examples.
"""

import functools
from collections.abc import Callable

import numpy as np

from lossland.elements import Pair
from lossland.landscapes._polynomial_bounds import DEGREES, misses


def expanded(
    evaluate: Callable[[np.ndarray], np.ndarray],
    pair: Pair,
    labels: np.ndarray,
    weights: np.ndarray,
    scores: np.ndarray,
    axes: tuple[np.ndarray, np.ndarray],
    tolerance: float,
) -> tuple[np.ndarray, float] | None:
    """A mean loss on a grid by a polynomial of the least degree whose error is bounded by `tolerance`.

    Args:
        evaluate: from places (p, 2) to values (p,).
        pair: the pair.
        labels: (n,).
        weights: (n,), of the sum; divided by n.
        scores: (3, n), at the centre and of the two directions.
        axes: the grid's two axes.
        tolerance: the error allowed, absolute.

    Returns:
        The values on the grid, and the bound on their error, rounding apart, as certain as `misses` is. None if no
        degree is good enough and cheaper than the grid itself, or the pair is not smooth where its scores are.

    Source: Bos, De Marchi, Vianello & Xu 2007 (Padua points).
    """
    lows, highs = (np.array([f(axis) for axis in axes]) for f in (np.min, np.max))
    if np.any(highs <= lows) or not np.isfinite(scores).all():
        return None
    middle, half = 0.5 * (highs + lows), 0.5 * (highs - lows)
    order, bound = _least_degree(pair, labels, weights, scores, middle, half, tolerance, len(axes[0]) * len(axes[1]))
    if order is None:
        return None
    places, _ = padua(order)
    values = evaluate(middle + half * places)
    if not np.all(np.isfinite(values)):
        return None
    tables = [_chebyshev((axis - m) / h, order) for axis, m, h in zip(axes, middle, half, strict=True)]
    return tables[0] @ _coefficients(values, order) @ tables[1].T, bound


def _least_degree(
    pair: Pair,
    labels: np.ndarray,
    weights: np.ndarray,
    scores: np.ndarray,
    middle: np.ndarray,
    half: np.ndarray,
    tolerance: float,
    pixels: int,
) -> tuple[int | None, float]:
    """The least degree that is good enough, and the bound there; None if it is no cheaper than all pixels."""
    centres = scores[0] + middle @ scores[1:]
    radii = half @ np.abs(scores[1:])
    farthest = float((np.abs(centres) + radii).max())
    found = misses(pair, 2.0 ** np.ceil(np.log2(max(farthest, 1.0))))
    if found is None:
        return None, np.inf
    total = np.zeros(len(DEGREES))
    for of_class, label in zip(found, (1, -1), strict=True):
        held = labels == label
        total += weights[held] @ of_class.of(centres[held], radii[held])
    total /= len(labels)
    for k, order in enumerate(DEGREES):
        if (order + 1) * (order + 2) > pixels:
            break
        # The constant is at least 3, and takes a second for high degrees, once.
        if 4.0 * total[k] <= tolerance and (bound := (1.0 + padua(order)[1]) * float(total[k])) <= tolerance:
            return order, bound
    return None, np.inf


@functools.cache
def padua(order: int) -> tuple[np.ndarray, float]:
    """The Padua points of a degree, (p, 2) with p = (order + 1)(order + 2) / 2, and a bound on their Lebesgue constant.

    Example:
        >>> places, constant = padua(4)
        >>> places.shape, round(constant, 1)
        ((15, 2), 5.2)
    """
    first, second = _point_numbers(order)
    places = np.stack([np.cos(np.pi * first / order), np.cos(np.pi * second / (order + 1))], axis=1)
    # The sum of the basis functions' sizes is, for each choice of signs, a polynomial: at most 1 / cos^2(pi / 8) times
    # its largest value on 4 x order Chebyshev points (Ehlich & Zeller 1964).
    fine = _chebyshev(np.cos(np.pi * np.arange(4 * order + 1) / (4 * order)), order)
    at_points = _chebyshev(places[:, 0], order), _chebyshev(places[:, 1], order)
    held = _triangle(order)
    largest = 0.0
    for row in fine:
        # The reproducing kernel: sum over j + k <= order of T_j(x) T_j(xi) T_k(y) T_k(eta).
        kernel = ((row * at_points[0]) @ held * at_points[1]) @ fine.T
        largest = max(largest, float((_cubature_weights(order)[:, None] * np.abs(kernel)).sum(axis=0).max()))
    return places, largest / float(np.cos(np.pi / 8)) ** 2


def _point_numbers(order: int) -> tuple[np.ndarray, np.ndarray]:
    """The numbers j, k of the points cos(pi j / order), cos(pi k / (order + 1)): those with j + k even."""
    j, k = np.meshgrid(np.arange(order + 1), np.arange(order + 2), indexing="ij")
    kept = (j + k) % 2 == 0
    return j[kept], k[kept]


def _cubature_weights(order: int) -> np.ndarray:
    """The cubature weights of the points: half at corners, double inside."""
    j, k = _point_numbers(order)
    inside = ((j > 0) & (j < order)).astype(int) + ((k > 0) & (k < order + 1))
    return np.array([0.5, 1.0, 2.0])[inside] / (order * (order + 1))


def _chebyshev(x: np.ndarray, order: int) -> np.ndarray:
    """Chebyshev polynomials of norm 1: (m, order + 1)."""
    table = np.polynomial.chebyshev.chebvander(x, order)
    table[:, 1:] *= np.sqrt(2.0)
    return table


def _triangle(order: int) -> np.ndarray:
    """Which coefficients (j, k) there are: j + k <= order, the last T_order(x) by half."""
    j, k = np.meshgrid(np.arange(order + 1), np.arange(order + 1), indexing="ij")
    held = (j + k <= order).astype(float)
    held[order, 0] = 0.5
    return held


@functools.cache
def _maps(order: int) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    left = _chebyshev(np.cos(np.pi * np.arange(order + 1) / order), order)
    right = _chebyshev(np.cos(np.pi * np.arange(order + 2) / (order + 1)), order)
    return left, right, _point_numbers(order), _cubature_weights(order), _triangle(order)


def _coefficients(values: np.ndarray, order: int) -> np.ndarray:
    """The interpolating polynomial's coefficients in the basis, (order + 1, order + 1), from values at the points."""
    left, right, (j, k), weights, held = _maps(order)
    grid = np.zeros((order + 1, order + 2))
    grid[j, k] = weights * values
    return left.T @ grid @ right * held
