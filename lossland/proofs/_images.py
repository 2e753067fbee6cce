"""What a function, its slope and its curvature take on an interval: ends, turns between, and how floats may err."""

import math
from typing import Any

import numpy as np

from lossland.proofs._floats import power_rest, tempered
from lossland.proofs._interval import LARGEST, TINY, Interval, added, negated, scaled, square, times
from lossland.proofs._rules import Rule, rules


def image(rule: Rule, x: Interval) -> tuple[Interval, Interval, Interval]:
    """What value, slope and curvature of a function with a rule take on an interval."""
    inside = (x.low >= rule.domain[0]) & (x.high <= rule.domain[1])
    return tuple(  # type: ignore[return-value]
        _image(f, turns, sign, rule.error, x, inside)
        for f, turns, sign in zip(rule.jets, rule.turns, rule.signs, strict=True)
    )


def _image(f: Any, turns: tuple[float, ...], sign: int, error: float, x: Interval, inside: Any) -> Interval:
    # A function may give the same number for all, as the slope of a square does.
    ends = [np.asarray(f(np.asarray(end, float)), float) for end in x]
    low, high = np.minimum(*ends), np.maximum(*ends)
    # A 0 at 0, and log(1) = 0, are no underflow but exact.
    pinned = [(value == 0) & ((end == 0) | (end == 1)) for value, end in zip(ends, x, strict=True)]
    zero = np.where(ends[0] == 0, pinned[0], True) & np.where(ends[1] == 0, pinned[1], True)
    for turn in turns:
        at = float(f(np.asarray(turn)))
        passed = (x.low <= turn + 1e-12) & (x.high >= turn - 1e-12)
        low, high = np.where(passed, np.minimum(low, at), low), np.where(passed, np.maximum(high, at), high)
    found = _widened(low, high, sign, error, inside)
    return Interval(np.where(zero & (low == 0), 0.0, found.low), np.where(zero & (high == 0), 0.0, found.high))


def _widened(low: Any, high: Any, sign: int, error: float, inside: Any) -> Interval:
    """Ends moved outward by what floats may be wrong, but not across 0 for a function of one sign."""
    # Beyond the largest double all that is known is that a number is larger than that.
    low, high = np.minimum(low, LARGEST), np.maximum(high, -LARGEST)
    low = low - np.abs(low) * error - TINY
    high = high + np.abs(high) * error + TINY
    low = np.where(inside & ~np.isnan(low), low, -np.inf)
    high = np.where(inside & ~np.isnan(high), high, np.inf)
    if sign > 0:
        low = np.where(inside, np.maximum(low, 0.0), low)
    if sign < 0:
        high = np.where(inside, np.minimum(high, 0.0), high)
    return Interval(low, high)


def reciprocal(x: Interval) -> tuple[Interval, Interval, Interval]:
    """1 / x with its slope and curvature; the whole line where 0 lies inside."""
    above, below = np.asarray(x.low >= 0), np.asarray(x.high <= 0)
    near, far = np.where(below, -np.asarray(x.high), x.low), np.where(below, -np.asarray(x.low), x.high)
    near = np.abs(near) + 0.0
    one_sided = above | below
    smallest, largest = 1.0 / far, 1.0 / near
    parts = []
    for n, factor in ((1, 1.0), (2, -1.0), (3, 2.0)):
        low = np.maximum(np.nextafter(smallest**n * (1 - 4e-16 * n), -np.inf), 0.0)
        high = np.nextafter(largest**n * (1 + 4e-16 * n), np.inf) + TINY
        flip = below & (n % 2 == 1)
        low, high = np.where(flip, -high, low), np.where(flip, -low, high)
        part = scaled(Interval(low, high), factor)
        parts.append(Interval(np.where(one_sided, part.low, -np.inf), np.where(one_sided, part.high, np.inf)))
    return tuple(parts)  # type: ignore[return-value]


def whole_power_image(x: Interval, n: int) -> tuple[Interval, Interval, Interval]:
    if n == 2:
        return square(x), scaled(x, 2.0), Interval(2.0, 2.0)
    parts = []
    for order, factor in ((0, 1.0), (1, float(n)), (2, float(n * (n - 1)))):
        parts.append(scaled(_monomial(x, n - order), factor))
    return tuple(parts)  # type: ignore[return-value]


def _monomial(x: Interval, n: int) -> Interval:
    """x^n, n >= 1."""
    if n % 2:
        low, high = np.asarray(x.low, float) ** n, np.asarray(x.high, float) ** n
        wide = 4e-16 * n
        outer = Interval(low - np.abs(low) * wide - TINY, high + np.abs(high) * wide + TINY)
        return Interval(
            np.where(x.low >= 0, np.maximum(outer.low, 0.0), outer.low),
            np.where(x.high <= 0, np.minimum(outer.high, 0.0), outer.high),
        )
    smallest = np.where((x.low <= 0) & (x.high >= 0), 0.0, np.minimum(np.abs(x.low), np.abs(x.high)))
    largest = np.maximum(np.abs(x.low), np.abs(x.high))
    return Interval(np.maximum(smallest**n * (1 - 4e-16 * n) - TINY, 0.0), largest**n * (1 + 4e-16 * n) + TINY)


def power_image(x: Interval, p: Interval) -> tuple[Interval, Interval, Interval]:
    """x^p for a known p and x >= 0."""
    if np.ndim(p.low) or p.low != p.high:
        whole = Interval(np.full(np.shape(x.low), -np.inf), np.full(np.shape(x.low), np.inf))
        return whole, whole, whole
    power = float(p.low)
    inside = np.asarray(x.low) >= 0
    # Where x reaches 0, +0 and not -0: a negative power of it is +inf.
    low, high = np.maximum(x.low, 0.0) + 0.0, np.maximum(x.high, 0.0) + 0.0
    parts = []
    for order, factor in ((0, 1.0), (1, power), (2, power * (power - 1.0))):
        q = power - order
        ends = (low**q, high**q) if q >= 0 else (high**q, low**q)
        # The exponent p - 1 may be rounded: what that changes is relative to |log x|.
        slack = 4e-15 * (1.0 + np.maximum(*(np.abs(np.log(np.clip(e, 1e-308, 1e308))) for e in (low, high))))
        monomial = _widened(ends[0] * (1 - slack), ends[1] * (1 + slack), 1, 0.0, inside)
        part = times(Interval(_below(factor), _above(factor)), monomial) if factor not in (1.0, 0.0) else monomial
        parts.append(Interval(np.zeros_like(low), np.zeros_like(low)) if factor == 0.0 else part)
    return tuple(parts)  # type: ignore[return-value]


def _below(x: float) -> Any:
    return np.asarray(x - abs(x) * 4e-16)


def _above(x: float) -> Any:
    return np.asarray(x + abs(x) * 4e-16)


def circular_image(op: str, x: Interval) -> tuple[Interval, Interval, Interval]:
    """The sine or cosine with its slope and curvature."""
    half = math.pi / 2
    sine, cosine = _wave(x, 0.0), _wave(x, half)
    del half
    return (sine, cosine, negated(sine)) if op == "sin" else (cosine, negated(sine), negated(cosine))


def _wave(x: Interval, shift: float) -> Interval:
    """sin(x + shift), shift a multiple of pi/2: ends, and +-1 wherever a peak may lie between."""
    f = np.sin if shift == 0.0 else np.cos
    ends = [f(end) for end in x]
    low, high = np.minimum(*ends) - 1e-15, np.maximum(*ends) + 1e-15
    turns = (np.asarray(x.low) + shift) / math.pi - 0.5, (np.asarray(x.high) + shift) / math.pi - 0.5
    slack = 1e-12 * (1.0 + np.abs(turns[0]) + np.abs(turns[1]))
    for parity, value in ((0, 1.0), (1, -1.0)):
        peak = np.floor((turns[1] + slack - parity) / 2.0) >= np.ceil((turns[0] - slack - parity) / 2.0)
        wild = ~np.isfinite(turns[0]) | ~np.isfinite(turns[1]) | (slack > 0.4)
        low = np.where((peak | wild) & (value < 0), -1.0, low)
        high = np.where((peak | wild) & (value > 0), 1.0, high)
    return Interval(np.clip(low, -1.0, 1.0), np.clip(high, -1.0, 1.0))


def power_rest_image(x: Interval, k: float) -> tuple[Interval, Interval, Interval]:
    """expm1(k x) / k - expm1((k - 1) x) / (k - 1): falls below 0, rises above; slope and curvature turn once."""
    inside = np.ones(np.shape(x.low), bool)
    turns = ((0.0,), (math.log((k - 1.0) / k),), (2.0 * math.log((k - 1.0) / k),))
    error = 1e-12 + 2e-15 * k
    parts = [
        _image(lambda z, j=j: power_rest(z, k)[j], turns[j], 1 if j == 0 else 0, error, x, inside) for j in range(3)
    ]
    # Signs are those of x and of x - the slope's turn: floats lose them where exp(x) underflows.
    for j, zero in ((1, 0.0), (2, turns[1][0])):
        above, below = np.asarray(x.low) >= zero + 1e-12 * (j - 1), np.asarray(x.high) <= zero - 1e-12 * (j - 1)
        parts[j] = Interval(
            np.where(above, np.maximum(parts[j].low, 0.0), parts[j].low),
            np.where(below, np.minimum(parts[j].high, 0.0), parts[j].high),
        )
    return parts[0], parts[1], parts[2]


def tempered_image(x: Interval, t: float) -> tuple[Interval, Interval, Interval]:
    """Log p of the tempered sigmoid, rising; slope and curvature by what p and 1 - p take on the cell."""
    inside = np.isfinite(np.asarray(x.low) + 0 * np.asarray(x.high)) | True
    ends = [tempered(np.asarray(end, float), t)[0] for end in x]
    value = _widened(ends[0], ends[1], -1, 1e-12, inside)
    log_q = [tempered(-np.asarray(end, float), t)[0] for end in x]
    p = _exp(value)
    other = _widened(log_q[1], log_q[0], -1, 1e-12, inside)
    # s / p = 1 / (p^(1-t) + p q^-t), and the slope of log s is t s (p^(-t-1) - q^(-t-1)) s.
    first = _exp(scaled(value, 1.0 - t))
    second = times(p, _exp(scaled(other, -t)))
    slope = reciprocal(added(first, second))[0]
    # With r = (p/q)^t: s p^(-t-1) s = (s/p) / (1 + r), s q^(-t-1) s = (s/p) (p/q) r / (1 + r).
    gap = added(value, negated(other))
    ratio = _exp(scaled(gap, t))
    falling = reciprocal(added(Interval(1.0, 1.0), ratio))[0]
    rest = times(times(_exp(gap), ratio), falling)
    bracket = added(scaled(added(falling, negated(rest)), t), Interval(-1.0, -1.0))
    return value, slope, times(square(slope), bracket)


def _exp(x: Interval) -> Interval:
    return image(rules()["exp"], x)[0]
