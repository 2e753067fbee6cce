"""A pair whose class curves are pieces of parabolas and lines, taken apart exactly."""

import functools
import itertools
from typing import NamedTuple

import numpy as np

from lossland.curves import evaluator, tabulate
from lossland.kinks import LABELS
from lossland.pairing import Pair

FAR = 1e3
"""Scores up to here must lie on the pieces; what a curve does beyond is rounding."""


class Polynomial(NamedTuple):
    """A class curve in r + 1 pieces: coefficients (r + 1, 3) of 1, z and z^2, between kinks (r,), growing."""

    kinks: np.ndarray
    coefficients: np.ndarray

    @property
    def degree(self) -> int:
        """2 if any piece is a parabola, else 1, or 0 if all are constant."""
        return int(np.flatnonzero(self.coefficients.any(axis=0)).max(initial=0))


@functools.lru_cache(maxsize=256)
def polynomials(pair: Pair) -> tuple[Polynomial, Polynomial] | None:
    """Both class curves as pieces, positive first; None if they are not continuous pieces of parabolas and lines.

    Args:
        pair: any pair, a user's too.

    Returns:
        The curves; the same object for the same pair.

    Example:
        >>> import lossland as ll
        >>> positive, negative = polynomials(ll.pair("relu", "hinge"))
        >>> positive.kinks.tolist(), positive.coefficients[:, :2].tolist()
        ([0.0, 1.0], [[1.0, 0.0], [1.0, -1.0], [0.0, 0.0]])
    """
    found = [_polynomial(pair, row) for row in range(2)]
    return None if found[0] is None or found[1] is None else (found[0], found[1])


def _polynomial(pair: Pair, row: int) -> Polynomial | None:
    curves = tabulate(pair)
    places = np.unique([kink.at for kink in curves.kinks if kink.label == LABELS[row]])
    near = places[np.abs(places) < FAR]
    if curves.problems or len(near) < len(places):
        return None
    ends = np.concatenate([[-np.inf], near, [np.inf]])
    inside = np.array([_within(low, high) for low, high in itertools.pairwise(ends)])
    value, slope, curvature = evaluator(pair)(inside)[:, row]
    coefficients = np.stack(
        [value - slope * inside + 0.5 * curvature * inside**2, slope - curvature * inside, 0.5 * curvature], axis=1
    )
    # Adding 0 turns -0 into 0.
    coefficients += 0.0
    met = np.array([_meeting(coefficients[j : j + 2], at) for j, at in enumerate(near)])
    made = Polynomial(met.astype(float), coefficients)
    seen = np.abs(curves.scores) < FAR
    scores, values = curves.scores[seen], curves.values[row, seen]
    there = value_of(made, scores)
    if not np.all(np.isfinite(values)) or np.isnan(made.kinks).any():
        return None
    return made if np.all(np.abs(there - values) <= 1e-11 * (1.0 + np.abs(values))) else None


def value_of(curve: Polynomial, scores: np.ndarray) -> np.ndarray:
    """The curve's value at each score."""
    one, first, second = curve.coefficients[np.searchsorted(curve.kinks, scores)].T
    return one.reshape(scores.shape) + scores * (first.reshape(scores.shape) + scores * second.reshape(scores.shape))


def _within(low: float, high: float) -> float:
    """A point inside an interval, not far from 0 where it may be."""
    if np.isinf(low) and np.isinf(high):
        return 0.0
    if np.isinf(low):
        return high - 1.0
    return low + 1.0 if np.isinf(high) else 0.5 * (low + high)


def _meeting(two: np.ndarray, at: float) -> float:
    """Where two neighbouring pieces meet, near their kink; NaN where the curve jumps."""
    one, first, second = two[1] - two[0]
    left = one + at * (first + at * second)
    if abs(left) > 1e-9 * (1.0 + np.abs(two[0]).max() * max(1.0, at * at)):
        return np.nan
    # One step of Newton from a kink that is known to twelve digits; where only curvatures differ, of the slope.
    slope = first + 2.0 * second * at
    if abs(slope) > 1e-6:
        return at - left / slope
    return at - slope / (2.0 * second) if second else at
