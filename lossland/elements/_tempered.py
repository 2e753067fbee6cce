"""The tempered sigmoid of two classes: the p that solves log_t p - log_t(1 - p) = x, and its logarithm.

With w = -log_t p for the smaller probability the equation reads w + log_t(1 - p(w)) = |x|; it is concave, its slope
lies in [1, 2], and Newton's step squares an error and multiplies it by at most 1.07. For a temperature that is known
while tracing, a polynomial starts so near that one or two steps suffice.

Source: Amid, Warmuth, Anil & Koren 2019.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from lossland.elements._numerics import horner, power_turn, with_slope
from lossland.elements._parameters import known as known_number

DEGREE = 16
"""Of the polynomial that starts Newton's method."""
ERROR = {4: 5e-8, 8: 1e-16}
"""What is wanted of w, at least 1/2, for floats of so many bytes: about half of their spacing."""


class Tempered(NamedTuple):
    """The functions of one temperature, or of any (then t is read from the argument): each takes (x, t)."""

    log_sigmoid: Callable[..., Array]
    log_complement: Callable[..., Array]


def tempered_log_sigmoid(x: ArrayLike, t: ArrayLike) -> Array:
    """The log p with log_t p - log_t(1 - p) = x: log sigma(x) at t = 1, heavy-tailed above."""
    return _of_temperature(known_number(t)).log_sigmoid(x, t)


def tempered_log_complement(x: ArrayLike, t: ArrayLike) -> Array:
    """The log(1 - p) of the same p; beside `tempered_log_sigmoid` of the same x it costs nothing."""
    return _of_temperature(known_number(t)).log_complement(x, t)


# --------------------------------------------------------------------------------------------------------- the equation


class Start(NamedTuple):
    """Where Newton's method begins: w is |x| plus a polynomial in 2 v^(1/root) - 1, where -log_t v = |x|."""

    root: int
    polynomial: tuple[float, ...]
    error: float


def log_t(log_p: Any, t: Any, m: Any = jnp) -> Any:
    """(p^(1-t) - 1) / (1 - t) from log p, and log p itself at t = 1."""
    power = 1.0 - t
    safe = m.where(power == 0.0, 1.0, power)
    return m.where(power == 0.0, log_p, m.expm1(safe * log_p) / safe)


def log_p_of(w: Any, t: Any, m: Any = jnp) -> Any:
    """The log p with -log_t p = w."""
    excess = t - 1.0
    safe = m.where(excess == 0.0, 1.0, excess)
    return m.where(excess == 0.0, -w, -m.log1p(safe * w) / safe)


class _Sides(NamedTuple):
    """Both probabilities at |x|: logarithms of the smaller and the larger, p, 1 / V = p^(t-1), and (p / q)^t."""

    log_p: Array
    log_q: Array
    p: Array
    rate: Array
    ratio: Array


def _sides(w: Array, t: Array) -> _Sides:
    """All that follows from w = -log_t p."""
    log_p = log_p_of(w, t)
    p = jnp.exp(log_p)
    log_q = jnp.log1p(-p)
    rate = 1.0 / (1.0 + (t - 1.0) * w)
    return _Sides(log_p, log_q, p, rate, p * rate * jnp.exp((1.0 - t) * log_q) / (1.0 - p))


def _solved(x: Array, t: Array, start: Start | None) -> _Sides:
    """Both probabilities at |x|."""
    size = jnp.minimum(jnp.abs(x), jnp.finfo(x.dtype).max / 4.0)
    half = -log_t(jnp.full_like(x, -math.log(2.0)), t)
    if start is None:
        w, steps = size, 5
    else:
        w = size + horner(start.polynomial, 2.0 * jnp.exp(log_p_of(size, t) / start.root) - 1.0)
        # Twice the error that was found: between two places it grows by less than that.
        steps = _steps(2.0 * start.error, ERROR[x.dtype.itemsize])
    w = jnp.maximum(w, half)
    # Written out, the steps are one elementwise program and are shared by value and slope.
    for _ in range(steps):
        at = _sides(w, t)
        w = jnp.maximum(w - (w + log_t(at.log_q, t) - size) / (1.0 + at.ratio), half)
    return _sides(w, t)


@functools.lru_cache(maxsize=64)
def _start(t: float) -> Start:
    """The best of some starts for one temperature, its error the largest at 4001 places."""
    with np.errstate(over="ignore"):  # at scores beyond the largest number, where the bisection starts
        return min((_start_in_root(t, root) for root in (1, 2, 3)), key=lambda start: start.error)


def _start_in_root(t: float, root: int) -> Start:
    nodes = np.cos(np.pi * (2 * np.arange(DEGREE + 1) + 1) / (2 * (DEGREE + 1)))
    series = np.polynomial.chebyshev.chebfit(nodes, _exact_rest(nodes, t, root), DEGREE)
    places = np.linspace(-1.0, 1.0, 4001)
    error = np.abs(np.polynomial.chebyshev.chebval(places, series) - _exact_rest(places, t, root)).max()
    return Start(root, tuple(np.polynomial.chebyshev.cheb2poly(series).tolist()), float(error))


def _exact_rest(y: np.ndarray, t: float, root: int) -> np.ndarray:
    """W - |x| at v = ((1 + y) / 2)^root, by bisection for log p."""
    log_v = root * np.log(np.clip(0.5 * (1.0 + y), 1e-60, 1.0))
    size = -log_t(log_v, t, np)
    low, high = log_p_of(size + 2.0, t, np) - 1.0, np.full_like(y, -math.log(2.0))
    for _ in range(120):
        middle = 0.5 * (low + high)
        short = log_t(np.log1p(-np.exp(middle)), t, np) - log_t(middle, t, np) < size
        low, high = np.where(short, low, middle), np.where(short, middle, high)
    return -log_t(np.log1p(-np.exp(0.5 * (low + high))), t, np)


def _steps(error: float, wanted: float) -> int:
    """Newton's steps from a start of this error to the wanted one."""
    count = 0
    while error > wanted and count < 6:
        error, count = 1.07 * error * error, count + 1
    return count


# -------------------------------------------------------------------------------------------------------- the functions


@functools.lru_cache(maxsize=64)
def _of_temperature(known: float | None) -> Tempered:
    """The functions of a temperature that is known, or of any."""
    start = None if known is None or not 1.0 <= known <= 4.0 else _start(known)

    def logs(x: Array, t: Array) -> tuple[Array, Array]:
        """Give log p and log(1 - p)."""
        at = _solved(x, t, start)
        return jnp.where(x < 0, at.log_p, at.log_q), jnp.where(x < 0, at.log_q, at.log_p)

    def rates(x: Array, t: Array) -> tuple[Array, Array, Array]:
        """Of the slope s = 1 / (p^-t + q^-t) of p: the slope of log s, s / p and s / q."""
        at = _solved(x, t, start)
        share = 1.0 / (1.0 + at.ratio)
        over_small = at.rate * share
        over_large = over_small * (at.p / (1.0 - at.p))
        bend = t * share * (over_small - at.ratio * over_large)
        low = x < 0
        over_p, over_q = jnp.where(low, over_small, over_large), jnp.where(low, over_large, over_small)
        return jnp.where(low, bend, -bend), over_p, over_q

    def log_curvature(x: Array, t: Array) -> Array:
        bend, over_p, _ = rates(x, t)
        return over_p * (bend - over_p)

    def complement_curvature(x: Array, t: Array) -> Array:
        bend, _, over_q = rates(x, t)
        return -over_q * (bend + over_q)

    def turns(x: Array, t: Array) -> tuple[Array, Array]:
        """The derivatives of log p and log(1 - p) in t, from log_t p - log_t(1 - p) = x, which holds for every t."""
        at, excess = _solved(x, t, start), t - 1.0
        small, large = -excess * at.log_p, -excess * at.log_q
        # Divided by exp(small), which may overflow: (u - 1 + exp(-u)) / u^2.
        near = jnp.abs(small) < 0.01
        safe = jnp.where(near, 1.0, small)
        series = 0.5 - small * (1.0 / 6.0 - small * (1.0 / 24.0 - small / 120.0))
        share = jnp.where(near, series, (safe + jnp.expm1(-safe)) / (safe * safe))
        gap = at.log_p * at.log_p * share - at.log_q * at.log_q * power_turn(large) * jnp.exp(-small)
        of_small = gap / (1.0 + at.ratio)
        of_large = -of_small * at.p / (1.0 - at.p)
        low = x < 0
        return jnp.where(low, of_small, of_large), jnp.where(low, of_large, of_small)

    log_slope = with_slope(log_curvature)(lambda x, t: rates(x, t)[1])
    complement_slope = with_slope(complement_curvature)(lambda x, t: -rates(x, t)[2])

    # Proofs know these two by their names.
    def log_of_sigmoid(x: Array, t: Array) -> Array:
        return jnp.where(jnp.isnan(x), x, logs(x, t)[0])

    def log_of_complement(x: Array, t: Array) -> Array:
        return jnp.where(jnp.isnan(x), x, logs(x, t)[1])

    return Tempered(
        with_slope(log_slope, lambda x, t: (turns(x, t)[0],))(log_of_sigmoid),
        with_slope(complement_slope, lambda x, t: (turns(x, t)[1],))(log_of_complement),
    )
