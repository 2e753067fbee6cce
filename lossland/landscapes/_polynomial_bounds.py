"""How near polynomials come to a pair's class curves: by degree, on every interval of scores, bounded from above.

A curve's curvature is bounded by what its program proves, so what a polynomial misses between the points of a fine grid
is bounded too. That is done once, on one long interval; shorter ones are measured against the polynomial that was
proven there. Of a pair whose program cannot be read the table's largest curvature is taken: the bounds are estimates.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.curves import breaks_between, tabulate
from lossland.elements import Pair, jit_by_pair
from lossland.proofs import Budget, enclosure

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
"""Without a proof the table's largest curvature is taken larger by this: the true one may lie between two nodes."""


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

    They are proven, rounding of the values apart: the largest curvature is bounded by the pair's program. Where that
    cannot be read it is estimated from the pair's table (`tabulate`), and so are they.

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
    curvature = _largest_curvature(pair, label, row, reach)
    if curvature is None:
        return None
    fine = _losses_at(pair, label, reach * _nodes(POINTS))
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
        sizes = np.abs(_transform(_losses_at(pair, label, scores))) / degree
        beyond = np.cumsum(sizes[:, ::-1], axis=1)[:, ::-1]
        kept = [beyond[:, n + 1] if n < degree else np.zeros(len(middles)) for n in DEGREES]
        # The curve is within `unsure` of a polynomial that interpolation at these nodes reproduces.
        rows.append(np.stack(kept, axis=1) + (1.0 + lebesgue(degree)) * unsure)
    return Misses(reach, radii, np.array(starts), np.concatenate(rows))


def _largest_curvature(pair: Pair, label: float, row: int, reach: float) -> float | None:
    """A bound on the size of the curvature within the reach, certain or estimated; None where there is none."""
    table = tabulate(pair)
    if table.problems:
        return None
    cut = table.evidence.pieces[row] if table.evidence.curves else None
    breaks = None if cut is None else breaks_between(cut, [-reach], [reach])
    if cut is not None and breaks is not None:
        most = max(map(abs, enclosure(cut, -reach, reach, 2, Budget())))
        return most if np.isfinite(most) and all(b.order > 1 for b in breaks) else None
    if any(k.label == label and k.what != "curvature" and abs(k.at) <= reach for k in table.kinks):
        return None
    first, last = np.searchsorted(table.scores, [-reach, reach])
    held = np.abs(table.curvatures[row, max(first - 1, 0) : last + 1])
    return SLACK * float(held.max()) if np.isfinite(held).all() else None


def _proven(pair: Pair, label: float, reach: float, degree: int, fine: np.ndarray, curvature: float) -> float:
    """How far at most the interpolating polynomial of a degree is from the curve within the reach."""
    halved = np.full(degree + 1, 1.0)
    halved[[0, -1]] = 0.5
    coefficients = _transform(_losses_at(pair, label, reach * _nodes(degree))) / degree * halved
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


def _losses_at(pair: Pair, label: float, scores: np.ndarray) -> np.ndarray:
    """The loss at scores of any shape, in blocks of one length, so that it is compiled once."""
    flat, block = scores.ravel(), 2**15
    parts = []
    with jax.enable_x64(True):
        for start in range(0, flat.size, block):
            part = flat[start : start + block]
            whole = np.concatenate([part, np.zeros(block - part.size)])
            parts.append(np.asarray(_compiled_losses(pair, jnp.asarray(whole), label))[: part.size])
    return np.concatenate(parts).reshape(scores.shape)


@jit_by_pair((0,))
def _compiled_losses(pair: Pair, scores: jax.Array, label: float) -> jax.Array:
    return pair(scores, jnp.full_like(scores, label))
