"""The tempered sigmoid of two classes: the p that solves log_t p - log_t(1 - p) = x, and its logarithm.

With w = -log_t p for the smaller probability the equation reads w + log_t(1 - p(w)) = |x|; it is concave, its slope lies
in [1, 2], and Newton's step squares an error and multiplies it by at most 1.07. For a temperature that is known while
tracing, a polynomial starts so near that one or two steps suffice.

Source: Amid, Warmuth, Anil & Koren 2019.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.typing import ArrayLike

from lossland.elements._numerics import horner, sigmoid, with_slope

DEGREE = 12
"""Of the polynomial that starts Newton's method."""


class Tempered(NamedTuple):
    """The functions of one temperature, or of any (then t is read from the argument): each takes (x, t)."""

    sigmoid: Callable[..., Array]
    log_sigmoid: Callable[..., Array]


def tempered_sigmoid(x: ArrayLike, t: ArrayLike) -> Array:
    """The p with log_t p - log_t(1 - p) = x: sigma(x) at t = 1, heavy-tailed above."""
    return _of_temperature(_known(t)).sigmoid(x, t)


def tempered_log_sigmoid(x: ArrayLike, t: ArrayLike) -> Array:
    """The logarithm of `tempered_sigmoid`."""
    return _of_temperature(_known(t)).log_sigmoid(x, t)


def _known(t: ArrayLike) -> float | None:
    """The temperature, if it is one number that is known now."""
    return None if isinstance(t, Tracer) or np.ndim(t) else float(t)


# --------------------------------------------------------------------------------------------------------- the equation


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


def _newton(w: Array, size: Array, half: Array, t: Array) -> Array:
    """One step towards the w that solves the equation."""
    p = jnp.exp(log_p_of(w, t))
    u = -log_t(jnp.log1p(-p), t)
    # (p / q)^t, with p^(1-t) = 1 + (t-1) w and q^(1-t) = 1 + (t-1) u.
    ratio = p * (1.0 + (t - 1.0) * u) / ((1.0 + (t - 1.0) * w) * (1.0 - p))
    return jnp.maximum(w - (w - u - size) / (1.0 + ratio), half)


def _small_log(x: Array, t: Array, start: tuple[float, ...] | None, steps: int) -> Array:
    """The logarithm of the smaller probability, at most 1/2, at |x|."""
    size = jnp.minimum(jnp.abs(x), jnp.finfo(x.dtype).max / 4.0)
    half = -log_t(jnp.full_like(x, -math.log(2.0)), t)
    w = size if start is None else size + horner(start, 2.0 * jnp.exp(log_p_of(size, t)) - 1.0)
    w = jnp.maximum(w, half)
    # Written out, the steps are one elementwise program and are shared by value and slope.
    for _ in range(steps):
        w = _newton(w, size, half, t)
    return log_p_of(w, t)


@functools.lru_cache(maxsize=64)
def _start(t: float) -> tuple[tuple[float, ...], float]:
    """A polynomial for w - |x| in 2 v - 1, where -log_t v = |x|, and its largest error at 4001 places."""
    nodes = np.cos(np.pi * (2 * np.arange(DEGREE + 1) + 1) / (2 * (DEGREE + 1)))
    series = np.polynomial.chebyshev.chebfit(nodes, _exact_rest(nodes, t), DEGREE)
    places = np.linspace(-1.0, 1.0, 4001)
    error = np.abs(np.polynomial.chebyshev.chebval(places, series) - _exact_rest(places, t)).max()
    return tuple(np.polynomial.chebyshev.cheb2poly(series).tolist()), float(error)


def _exact_rest(y: np.ndarray, t: float) -> np.ndarray:
    """w - |x| at v = (1 + y) / 2, by bisection for log p."""
    v = np.clip(0.5 * (1.0 + y), 1e-300, 1.0)
    size = -log_t(np.log(v), t, np)
    low, high = log_p_of(size + 2.0, t, np) - 1.0, np.full_like(v, -math.log(2.0))
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
    start, error = (None, 1.0) if known is None or not 1.0 <= known <= 4.0 else _start(known)

    def logs(x: Array, t: Array) -> tuple[Array, Array]:
        """Give log p and log(1 - p)."""
        # Twice the error that was found: between two places it grows by less than that.
        wanted = 1e-9 if x.dtype == jnp.float32 else 1e-17
        small = _small_log(x, t, start, 5 if start is None else _steps(2.0 * error, wanted))
        large = jnp.log1p(-jnp.exp(small))
        return jnp.where(x < 0, small, large), jnp.where(x < 0, large, small)

    def rates(x: Array, t: Array) -> tuple[Array, Array, Array]:
        """The slope s = 1 / (p^-t + q^-t) of p, the slope of log s, and s / p."""
        log_p, log_q = logs(x, t)
        small, large = jnp.minimum(log_p, log_q), jnp.maximum(log_p, log_q)
        log_s = t * small - jnp.log1p(jnp.exp(t * (small - large)))
        share = sigmoid(t * (log_q - log_p))
        over_p, over_q = jnp.exp(log_s - log_p), jnp.exp(log_s - log_q)
        bend = t * (share * over_p - (1.0 - share) * over_q)
        return jnp.exp(log_s), bend, over_p

    def curvature(x: Array, t: Array) -> Array:
        slope, bend, _ = rates(x, t)
        return slope * bend

    def log_curvature(x: Array, t: Array) -> Array:
        _, bend, over_p = rates(x, t)
        return over_p * (bend - over_p)

    slope = with_slope(curvature)(lambda x, t: rates(x, t)[0])
    log_slope = with_slope(log_curvature)(lambda x, t: rates(x, t)[2])
    return Tempered(
        with_slope(slope)(lambda x, t: jnp.where(jnp.isnan(x), x, jnp.exp(logs(x, t)[0]))),
        with_slope(log_slope)(lambda x, t: jnp.where(jnp.isnan(x), x, logs(x, t)[0])),
    )
