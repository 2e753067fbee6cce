"""Value, slope and curvature of an expression at many scores in float64: what a table of a curve is made from."""

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from lossland.proofs._balls import BITS, ball_jet, ball_of, with_bits
from lossland.proofs._expression import Expression
from lossland.proofs._rules import rules


class Jet(NamedTuple):
    """Value, slope and curvature; slope and curvature are None for a constant, curvature for a line."""

    value: Any
    slope: Any = None
    curvature: Any = None


def float_jets(expression: Expression, scores: np.ndarray) -> np.ndarray:
    """Value, slope and curvature of an expression without choices at scores.

    Args:
        expression: of smooth operations only.
        scores: (m,), infinite ones allowed.

    Returns:
        (3, m); where float64 makes no number of it, that of ball arithmetic, rounded.
    """
    held: list[Jet] = []
    with np.errstate(all="ignore"):
        for op, args, param in expression.nodes:
            held.append(_node(op, param, [held[a] for a in args], scores))
        found = np.stack([np.broadcast_to(0.0 if x is None else x, scores.shape) for x in held[-1]]).astype(float)
        beyond = np.isinf(scores)
        if beyond.any():
            found[1:, beyond] = np.nan_to_num(found[1:, beyond], nan=0.0, posinf=np.inf, neginf=-np.inf)
    lost = np.flatnonzero(np.isnan(found).any(axis=0) & np.isfinite(scores))
    for place in lost:
        rounded = [_rounded(x) for x in ball_jet(expression, float(scores[place]))]
        found[:, place] = np.where(np.isnan(found[:, place]), rounded, found[:, place])
    return found


def _rounded(x: Any) -> float:
    """The double beside a ball; an infinity where it is beyond every double or has no bound but a sign."""
    if x.is_finite():
        return float(x.mid())
    return math.inf if x > 0 else -math.inf if x < 0 else math.nan


def _node(op: str, param: Any, args: list[Jet], scores: np.ndarray) -> Jet:
    if op == "score":
        return Jet(scores, 1.0)
    if op == "const":
        return Jet(np.float64(param))
    if op == "neg":
        return Jet(*(None if x is None else -x for x in args[0]))
    if op in ("add", "sub"):
        return Jet(*(_sum(x, y, op == "sub") for x, y in zip(*args, strict=True)))
    if op == "mul":
        return _product(*args)
    if op == "div":
        return _quotient(*args)
    if op == "pow":
        return _chained(_power(args[0].value, args[1].value), args[0])
    inner = args[0].value
    if op == "recip":
        return _chained(_reciprocal(inner), args[0])
    if op == "power":
        return _chained(_whole_power(inner, param), args[0])
    if op in ("sin", "cos"):
        sine, cosine = np.sin(inner), np.cos(inner)
        return _chained((sine, cosine, -sine) if op == "sin" else (cosine, -sine, -cosine), args[0])
    if op == "tempered":
        return _chained(tempered(inner, param), args[0])
    if op == "power_rest":
        return _chained(power_rest(inner, param), args[0])
    return _chained(tuple(f(inner) for f in rules()[op].jets), args[0])


def _sum(x: Any, y: Any, minus: bool) -> Any:
    if y is None:
        return x
    if x is None:
        return -y if minus else y
    return x - y if minus else x + y


def _times(x: Any, y: Any) -> Any:
    """A product in which 0 beats infinity: a factor that has died out stays dead."""
    if x is None or y is None:
        return None
    found = x * y
    return np.where((x == 0) | (y == 0), 0.0, found) if np.isnan(found).any() else found


def _product(a: Jet, b: Jet) -> Jet:
    slope = _sum(_times(a.slope, b.value), _times(a.value, b.slope), False)
    cross = _times(a.slope, b.slope)
    outer = _sum(_times(a.curvature, b.value), _times(a.value, b.curvature), False)
    return Jet(_times(a.value, b.value), slope, _sum(outer, None if cross is None else 2.0 * cross, False))


def _quotient(a: Jet, b: Jet) -> Jet:
    if b.slope is None:
        return Jet(*(None if x is None else x / b.value for x in a))
    return _product(a, _chained(_reciprocal(b.value), b))._replace(value=a.value / b.value)


def _chained(f: tuple[Any, ...], inner: Jet) -> Jet:
    """The jet of f(inner) from f, f' and f'' at its value."""
    if inner.slope is None:
        return Jet(f[0])
    outer = _times(f[2], _times(inner.slope, inner.slope))
    return Jet(f[0], _times(f[1], inner.slope), _sum(outer, _times(f[1], inner.curvature), False))


def _reciprocal(x: Any) -> tuple[Any, Any, Any]:
    share = 1.0 / np.asarray(x, float)
    return share, -share * share, 2.0 * share * share * share


def _whole_power(x: Any, n: int) -> tuple[Any, Any, Any]:
    if n == 2:
        return x * x, 2.0 * x, 2.0
    return x**n, n * x ** (n - 1), n * (n - 1) * x ** (n - 2)


def _power(x: Any, p: Any) -> tuple[Any, Any, Any]:
    return x**p, p * x ** (p - 1.0), p * (p - 1.0) * x ** (p - 2.0)


def power_rest(x: Any, k: float) -> tuple[Any, Any, Any]:
    """expm1(k x) / k - expm1((k - 1) x) / (k - 1), with slope and curvature.

    Args:
        x: any shape.
        k: the order, above 1.
    """
    minus = rules()["expm1_minus"].jets[0]
    near = np.abs(k * np.asarray(x, float)) < 1.0
    series = minus(k * x) / k - minus((k - 1.0) * x) / (k - 1.0)
    far = np.expm1(k * x) / k - np.expm1((k - 1.0) * x) / (k - 1.0)
    # k exp(x) - (k - 1), which loses nothing beside its zero.
    turn, rest = _turn(k)
    low, gap = np.exp((k - 1.0) * x), (k - 1.0) * np.expm1((x - turn) - rest)
    return np.where(near, series, far), low * np.expm1(x), low * gap


@functools.lru_cache(maxsize=256)
def _turn(k: float) -> tuple[float, float]:
    """log(1 - 1 / k) as a double and what that lacks."""
    with with_bits(BITS):
        exact = (1 - 1 / ball_of(k)).log()
        return float(exact), float(exact - float(exact))


def tempered(x: Any, t: float) -> tuple[Any, Any, Any]:
    """Log p, with log_t p - log_t(1 - p) = x, its slope and its curvature.

    Args:
        x: scores, any shape.
        t: the temperature, above 1.
    """
    small = _small_log(-np.abs(x), t)
    other = np.log1p(-np.exp(small))
    # In shares of the larger power, so that nothing overflows: r = (p / q)^t of the smaller over the larger.
    ratio = np.exp(t * (small - other))
    over_small = np.exp((t - 1.0) * small) / (1.0 + ratio)
    over_large = over_small * np.exp(small - other)
    bend = t / (1.0 + ratio) * (over_small - ratio * over_large)
    low = np.asarray(x) < 0
    over_p = np.where(low, over_small, over_large)
    return np.where(low, small, other), over_p, over_p * (np.where(low, bend, -bend) - over_p)


def _small_log(x: Any, t: float) -> np.ndarray:
    """The log p <= -log 2 of scores x <= 0: Newton's method in w = -log_t p, which is concave, slope in [1, 2]."""
    excess = t - 1.0
    size = np.minimum(-np.asarray(x, float), 1e300)
    half = np.expm1(excess * math.log(2.0)) / excess
    w = np.maximum(size, half)
    for _ in range(60):
        log_p = -np.log1p(excess * w) / excess
        log_q = np.log1p(-np.exp(log_p))
        ratio = np.exp(t * (log_p - log_q))
        step = (w - np.expm1(-excess * log_q) / excess - size) / (1.0 + ratio)
        w = np.maximum(w - step, half)
        if np.all(np.abs(step) <= 4e-16 * w):
            break
    return np.where(np.isinf(x), -np.inf, -np.log1p(excess * w) / excess)
