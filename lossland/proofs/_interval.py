"""Intervals of float64 with outward rounding: sums, products and squares that hold every exact result."""

import math
from typing import Any, NamedTuple

import numpy as np

LARGEST = float(np.finfo(float).max)
TINY = 1e-307
"""More than any underflow loses."""


class Interval(NamedTuple):
    """Lower and upper ends, arrays or numbers of one shape."""

    low: Any
    high: Any


def negated(x: Interval) -> Interval:
    """-x."""
    return Interval(-x.high, -x.low)


def added(x: Interval, y: Interval) -> Interval:
    """X + y, rounded outward where a sum of doubles is not exact."""
    low, high = x.low + y.low, x.high + y.high
    exact_low, exact_high = _exact_sum(x.low, y.low, low), _exact_sum(x.high, y.high, high)
    low = np.where(exact_low, low, np.nextafter(low, -np.inf))
    high = np.where(exact_high, high, np.nextafter(high, np.inf))
    return Interval(np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high))


def _exact_sum(a: Any, b: Any, total: Any) -> Any:
    """Whether a sum lost nothing (Knuth's two-sum): 1 - 1 is 0 and not a little less."""
    part = total - a
    return (a - (total - part)) + (b - part) == 0


def times(x: Interval, y: Interval) -> Interval:
    """X y, rounded outward; 0 times anything is 0, as every number in the intervals is finite."""
    if np.ndim(y.low) == 0 and y.low == y.high:
        x, y = y, x
    if np.ndim(x.low) == 0 and x.low == x.high:
        return scaled(y, float(x.low))
    corners = [a * b for a in x for b in y]
    if any(np.isnan(c).any() for c in corners):
        corners = [np.where(np.isnan(c), 0.0, c) for c in corners]
    low = np.minimum(np.minimum(corners[0], corners[1]), np.minimum(corners[2], corners[3]))
    high = np.maximum(np.maximum(corners[0], corners[1]), np.maximum(corners[2], corners[3]))
    low, high = np.nextafter(low, -np.inf), np.nextafter(high, np.inf)
    up_x, down_x, up_y, down_y = x.low >= 0, x.high <= 0, y.low >= 0, y.high <= 0
    # Where both signs are known, so is that of the product, even if it underflows.
    low = np.where((up_x & up_y) | (down_x & down_y), np.maximum(low, 0.0), low)
    high = np.where((up_x & down_y) | (down_x & up_y), np.minimum(high, 0.0), high)
    return Interval(low, high)


def scaled(x: Interval, by: float) -> Interval:
    if by == 1.0:
        return x
    if by == -1.0:
        return negated(x)
    if by == 0.0:
        return Interval(
            x.low * 0.0 if np.isfinite(x.low).all() else np.zeros(np.shape(x.low)), np.zeros(np.shape(x.low))
        )
    low, high = (x.low * by, x.high * by) if by > 0 else (x.high * by, x.low * by)
    if math.frexp(by)[0] in (0.5, -0.5):
        # A power of two rounds nothing, underflow and overflow apart.
        low, high = np.minimum(low, LARGEST), np.maximum(high, -LARGEST)
        return Interval(
            np.where((np.abs(low) < TINY) & (low != 0), np.nextafter(low, -np.inf), low),
            np.where((np.abs(high) < TINY) & (high != 0), np.nextafter(high, np.inf), high),
        )
    zero_low, zero_high = (x.low if by > 0 else x.high) == 0, (x.high if by > 0 else x.low) == 0
    outer_low, outer_high = np.nextafter(low, -np.inf), np.nextafter(high, np.inf)
    # The sign of an end is that of a product of two known signs.
    positive = ((x.low >= 0) & (by > 0)) | ((x.high <= 0) & (by < 0))
    negative = ((x.low >= 0) & (by < 0)) | ((x.high <= 0) & (by > 0))
    outer_low = np.where(zero_low, 0.0, np.where(positive, np.maximum(outer_low, 0.0), outer_low))
    outer_high = np.where(zero_high, 0.0, np.where(negative, np.minimum(outer_high, 0.0), outer_high))
    return Interval(outer_low, outer_high)


def square(x: Interval) -> Interval:
    """x^2."""
    smallest = np.where((x.low <= 0) & (x.high >= 0), 0.0, np.minimum(np.abs(x.low), np.abs(x.high)))
    largest = np.maximum(np.abs(x.low), np.abs(x.high))
    return Interval(
        np.maximum(np.nextafter(smallest * smallest, -np.inf), 0.0), np.nextafter(largest * largest, np.inf)
    )
