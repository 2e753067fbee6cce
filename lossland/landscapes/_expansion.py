"""How near polynomials come to a pair's class curves: by degree, on every interval of scores, bounded from above.

A curve's curvature is bounded by its table, so what a polynomial misses between the points of a fine grid is bounded
too. That is done once, on one long interval; shorter ones are measured against the polynomial that was proven there.

A smooth surface as a polynomial: a few hundred points instead of a million, with a bound on what it misses.

Each example's loss is a curve of one score, and its score is affine in the plane: a polynomial of degree N in the score
is one of total degree N in the plane. Interpolation in the Padua points reproduces those, so what it misses is at most
1 + the points' Lebesgue constant times what the best polynomials in the score miss, averaged over the examples.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.curves import tabulate
from lossland.elements import Pair

DEGREES = (*range(2, 33, 2), *range(36, 65, 4))
"""Degrees that an expansion may have."""
LONGEST = 512
"""The highest degree of the polynomial on the long interval."""
POINTS = 2**20
"""Points of the fine grid, between which a curve is bounded by its curvature."""
SPREAD = 16
"""The shortest intervals are the long one's length by this."""
STEP = 2.0 ** (1 / 12)
"""From one length of interval to the next."""
SHIFT = 1 / 16
"""From one middle to the next, in half lengths of the interval."""
SLACK = 1.01
"""The table's largest curvature is taken larger by this: the true one may lie between two of its nodes."""


class Misses(NamedTuple):
    """Bounds on what the best polynomial misses on intervals of scores within -reach to reach.

    Attributes:
        reach: half the long interval.
        radii: half the lengths of the intervals, growing.
        starts: interval number k of radius j stands in row starts[j] + k; its middle is k * SHIFT * radii[j] - reach +
            radii[j], at most reach - radii[j].
        bounds: (rows, degrees), for each of `DEGREES`.
    """

    reach: float
    radii: np.ndarray
    starts: np.ndarray
    bounds: np.ndarray

    def of(self, scores: np.ndarray, radii: np.ndarray) -> np.ndarray:
        """The bounds for intervals of these middles and half lengths, all within the reach: (m, degrees)."""
        # The nearest middle lies up to half a shift away, so the interval of the table is longer by that.
        j = np.searchsorted(self.radii, np.minimum(radii / (1.0 - 0.5 * SHIFT), self.reach) * (1.0 - 1e-12))
        j = np.minimum(j, len(self.radii) - 1)
        radius = self.radii[j]
        k = np.rint(
            (np.clip(scores, radius - self.reach, self.reach - radius) + self.reach - radius) / (SHIFT * radius)
        )
        return self.bounds[self.starts[j] + k.astype(int)]


@functools.lru_cache(maxsize=64)
def misses(pair: Pair, reach: float) -> tuple[Misses, Misses] | None:
    r"""For both classes, how near polynomials come to the loss as a function of the score.

    .. math:: \min_{p \in P_N} \max_{|z - c| \le r} |p(z) - \ell(z, t)| \le \text{bounds}

    The proof takes one thing from the pair's table (`tabulate`), that of the card: the largest curvature.

    Args:
        pair: any pair.
        reach: scores up to this size, either way.

    Returns:
        The bounds for labels +1 and -1; None if a curve has a kink or a problem there, or bends too sharply for a
        polynomial of degree `LONGEST`.

    Example:
        >>> import numpy as np, lossland as ll
        >>> positive, negative = misses(ll.pair("identity", "logistic"), 8.0)
        >>> bounds = positive.of(np.array([0.0, 5.0]), np.array([2.0, 2.0]))
        >>> [f"{bound:.0e}" for bound in bounds[:, DEGREES.index(10)]]
        ['4e-07', '3e-09']

    Source: Trefethen 2013, chapters 3, 8 and 15; Ehlich & Zeller 1964 for polynomials between points.
    """
    made = [_of_class(pair, label, row, reach) for row, label in enumerate((1.0, -1.0))]
    return None if made[0] is None or made[1] is None else (made[0], made[1])


def _of_class(pair: Pair, label: float, row: int, reach: float) -> Misses | None:
    curvature = _curvature(pair, label, row, reach)
    if curvature is None:
        return None
    fine = _values(pair, label, reach * _nodes(POINTS))
    for degree in (64, 128, 256, LONGEST):
        unsure = _proven(pair, label, reach, degree, fine, curvature)
        if unsure <= 1e-8 * max(1.0, float(np.abs(fine).max())):
            break
    else:
        return None
    radii = reach * STEP ** -np.arange(np.log(SPREAD) / np.log(STEP))[::-1]
    rows, starts = [], []
    for radius in radii:
        starts.append(sum(len(part) for part in rows))
        last = reach - radius
        middles = np.minimum(np.arange(int(np.ceil(2.0 * last / (SHIFT * radius))) + 1) * SHIFT * radius - last, last)
        scores = middles[:, None] + radius * _nodes(degree)
        sizes = np.abs(_transform(_values(pair, label, scores))) / degree
        beyond = np.cumsum(sizes[:, ::-1], axis=1)[:, ::-1]
        kept = [beyond[:, n + 1] if n < degree else np.zeros(len(middles)) for n in DEGREES]
        # The curve is within `unsure` of a polynomial that interpolation at these nodes reproduces.
        rows.append(np.stack(kept, axis=1) + (1.0 + lebesgue(degree)) * unsure)
    return Misses(reach, radii, np.array(starts), np.concatenate(rows))


def _curvature(pair: Pair, label: float, row: int, reach: float) -> float | None:
    """A bound on the size of the curvature within the reach; None where there is none."""
    table = tabulate(pair)
    bends = [k for k in table.kinks if k.label == label and k.what != "curvature" and abs(k.at) <= reach]
    if table.problems or bends:
        return None
    first, last = np.searchsorted(table.scores, [-reach, reach])
    held = np.abs(table.curvatures[row, max(first - 1, 0) : last + 1])
    return SLACK * float(held.max()) if np.isfinite(held).all() else None


def _proven(pair: Pair, label: float, reach: float, degree: int, fine: np.ndarray, curvature: float) -> float:
    """How far at most the interpolating polynomial of a degree is from the curve within the reach."""
    halved = np.full(degree + 1, 1.0)
    halved[[0, -1]] = 0.5
    coefficients = _transform(_values(pair, label, reach * _nodes(degree))) / degree * halved
    padded = np.zeros(POINTS + 1)
    padded[: degree + 1] = coefficients
    padded[0] *= 2.0
    missed = np.abs(0.5 * _transform(padded) - fine).max()
    # A polynomial of degree k is at most 1 / cos(pi / 8) times its largest value at 4 k Chebyshev points.
    second = np.polynomial.chebyshev.chebval(_nodes(4 * degree), np.polynomial.chebyshev.chebder(coefficients, 2))
    bend = np.abs(second).max() / np.cos(np.pi / 8) / reach**2
    width = reach * np.pi / POINTS
    return float(missed + width**2 / 8.0 * (curvature + bend))


def lebesgue(degree: int) -> float:
    """A bound on how much interpolation at degree + 1 Chebyshev points enlarges: 1 + (2 / pi) log(degree + 1)."""
    return 1.0 + 2.0 / np.pi * np.log(degree + 1.0)


def _nodes(degree: int) -> np.ndarray:
    return np.cos(np.pi * np.arange(degree + 1) / degree)


def _transform(values: np.ndarray) -> np.ndarray:
    """The discrete cosine transform of the first kind, along the last axis."""
    from scipy.fft import dct

    return np.asarray(dct(values, type=1, axis=-1))


def _values(pair: Pair, label: float, scores: np.ndarray) -> np.ndarray:
    """The loss at scores of any shape, in blocks of one length, so that it is compiled once."""
    flat, block = scores.ravel(), 2**15
    parts = []
    with jax.enable_x64(True):
        for start in range(0, flat.size, block):
            part = flat[start : start + block]
            whole = np.concatenate([part, np.zeros(block - part.size)])
            parts.append(np.asarray(_evaluate(pair, jnp.asarray(whole), label))[: part.size])
    return np.concatenate(parts).reshape(scores.shape)


@functools.partial(jax.jit, static_argnums=0)
def _evaluate(pair: Pair, scores: jax.Array, label: float) -> jax.Array:
    return pair(scores, jnp.full_like(scores, label))


def expanded(
    evaluate: Callable[[np.ndarray], np.ndarray],
    pair: Pair,
    labels: np.ndarray,
    weights: np.ndarray,
    scores: np.ndarray,
    axes: tuple[np.ndarray, np.ndarray],
    tolerance: float,
) -> tuple[np.ndarray, float] | None:
    """A mean loss on a grid by a polynomial of the least degree whose error is proven to be below `tolerance`.

    Args:
        evaluate: from places (p, 2) to values (p,).
        pair: the pair.
        labels: (n,).
        weights: (n,), of the sum; divided by n.
        scores: (3, n), at the centre and of the two directions.
        axes: the grid's two axes.
        tolerance: the error allowed, absolute.

    Returns:
        The values on the grid, and the bound on their error, rounding apart. None if no degree is good enough and
        cheaper than the grid itself, or the pair is not smooth where its scores are.

    Source: Bos, De Marchi, Vianello & Xu 2007 (Padua points).
    """
    lows, highs = (np.array([f(axis) for axis in axes]) for f in (np.min, np.max))
    if np.any(highs <= lows) or not np.isfinite(scores).all():
        return None
    middle, half = 0.5 * (highs + lows), 0.5 * (highs - lows)
    order, bound = _degree(pair, labels, weights, scores, middle, half, tolerance, len(axes[0]) * len(axes[1]))
    if order is None:
        return None
    places, _ = padua(order)
    values = evaluate(middle + half * places)
    if not np.all(np.isfinite(values)):
        return None
    tables = [_basis((axis - m) / h, order) for axis, m, h in zip(axes, middle, half, strict=True)]
    return tables[0] @ _coefficients(values, order) @ tables[1].T, bound


def _degree(
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
    first, second = _padua(order)
    places = np.stack([np.cos(np.pi * first / order), np.cos(np.pi * second / (order + 1))], axis=1)
    # The sum of the basis functions' sizes is, for each choice of signs, a polynomial: at most 1 / cos^2(pi / 8) times
    # its largest value on 4 x order Chebyshev points (Ehlich & Zeller 1964).
    fine = _basis(np.cos(np.pi * np.arange(4 * order + 1) / (4 * order)), order)
    at_points = _basis(places[:, 0], order), _basis(places[:, 1], order)
    held = _held(order)
    largest = 0.0
    for row in fine:
        # The reproducing kernel: sum over j + k <= order of T_j(x) T_j(xi) T_k(y) T_k(eta).
        kernel = ((row * at_points[0]) @ held * at_points[1]) @ fine.T
        largest = max(largest, float((_weights(order)[:, None] * np.abs(kernel)).sum(axis=0).max()))
    return places, largest / float(np.cos(np.pi / 8)) ** 2


def _padua(order: int) -> tuple[np.ndarray, np.ndarray]:
    """The numbers j, k of the points cos(pi j / order), cos(pi k / (order + 1)): those with j + k even."""
    j, k = np.meshgrid(np.arange(order + 1), np.arange(order + 2), indexing="ij")
    kept = (j + k) % 2 == 0
    return j[kept], k[kept]


def _weights(order: int) -> np.ndarray:
    """The cubature weights of the points: half at corners, double inside."""
    j, k = _padua(order)
    inside = ((j > 0) & (j < order)).astype(int) + ((k > 0) & (k < order + 1))
    return np.array([0.5, 1.0, 2.0])[inside] / (order * (order + 1))


def _basis(x: np.ndarray, order: int) -> np.ndarray:
    """Chebyshev polynomials of norm 1: (m, order + 1)."""
    table = np.polynomial.chebyshev.chebvander(x, order)
    table[:, 1:] *= np.sqrt(2.0)
    return table


def _held(order: int) -> np.ndarray:
    """Which coefficients (j, k) there are: j + k <= order, the last T_order(x) by half."""
    j, k = np.meshgrid(np.arange(order + 1), np.arange(order + 1), indexing="ij")
    held = (j + k <= order).astype(float)
    held[order, 0] = 0.5
    return held


@functools.cache
def _maps(order: int) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    left = _basis(np.cos(np.pi * np.arange(order + 1) / order), order)
    right = _basis(np.cos(np.pi * np.arange(order + 2) / (order + 1)), order)
    return left, right, _padua(order), _weights(order), _held(order)


def _coefficients(values: np.ndarray, order: int) -> np.ndarray:
    """The interpolating polynomial's coefficients in the basis, (order + 1, order + 1), from values at the points."""
    left, right, (j, k), weights, held = _maps(order)
    grid = np.zeros((order + 1, order + 2))
    grid[j, k] = weights * values
    return left.T @ grid @ right * held
