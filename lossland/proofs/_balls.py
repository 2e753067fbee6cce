"""Value, slope and curvature of an expression at one score in ball arithmetic: right to many bits, whatever cancels."""

import math
from typing import Any, NamedTuple

from lossland.proofs._expression import Expression
from lossland.proofs._rules import rules

BITS = 256
"""Of the balls; exponents have no bounds, so nothing under- or overflows."""
STEP = 200
"""One-sided limits that cannot be had at a point are looked at 2^-STEP beside it."""


class Ball(NamedTuple):
    """Value, slope and curvature as balls; slope and curvature are None for a constant."""

    value: Any
    slope: Any = None
    curvature: Any = None


def ball_of(x: Any) -> Any:
    """A number as a ball."""
    from flint import arb

    return arb(x)


def with_bits(bits: int) -> Any:
    """A context in which balls have so many bits."""
    from flint import ctx

    return ctx.workprec(bits)


def ball_jet(expression: Expression, score: Any) -> Ball:
    """Value, slope and curvature of an expression without choices at one score.

    Args:
        expression: of smooth operations only.
        score: a ball or a number.

    Returns:
        The three balls; zeros in place of None.
    """
    held: list[Ball] = []
    for op, args, param in expression.nodes:
        held.append(node_ball(op, param, [held[a] for a in args], score))
    value, slope, curvature = held[-1]
    zero = ball_of(0)
    return Ball(value, zero if slope is None else slope, zero if curvature is None else curvature)


def node_ball(op: str, param: Any, args: list[Ball], score: Any) -> Ball:
    """One node's jet from those of its arguments."""
    if op == "score":
        return Ball(ball_of(score), ball_of(1))
    if op == "const":
        return Ball(_constant(param))
    if op == "neg":
        return Ball(*(None if x is None else -x for x in args[0]))
    if op in ("add", "sub"):
        return Ball(*(_sum(x, y, op == "sub") for x, y in zip(*args, strict=True)))
    if op == "mul":
        return _times(*args)
    if op == "div":
        return _times(args[0], _chained(_recip(args[1].value), args[1]))
    if op == "pow":
        return _chained(_power(args[0].value, args[1].value), args[0])
    inner = args[0].value
    if op == "recip":
        return _chained(_recip(inner), args[0])
    if op == "power":
        return _chained(_whole_power(inner, param), args[0])
    if op == "sin":
        return _chained((inner.sin(), inner.cos(), -inner.sin()), args[0])
    if op == "cos":
        return _chained((inner.cos(), -inner.sin(), -inner.cos()), args[0])
    if op == "tempered":
        return _chained(_tempered(inner, param), args[0])
    if op == "power_rest":
        return _chained(_power_rest(inner, ball_of(param)), args[0])
    return _chained(rules()[op].ball(inner), args[0])


def _constant(param: Any) -> Any:
    if isinstance(param, bool):
        return param
    if math.isinf(param):
        return ball_of(0).pos_inf() if param > 0 else ball_of(0).neg_inf()
    return ball_of(param)


def _sum(x: Any, y: Any, minus: bool) -> Any:
    if y is None:
        return x
    if x is None:
        return -y if minus else y
    return x - y if minus else x + y


def _product(x: Any, y: Any) -> Any:
    return None if x is None or y is None else x * y


def _times(a: Ball, b: Ball) -> Ball:
    slope = _sum(_product(a.slope, b.value), _product(a.value, b.slope), False)
    cross = _product(a.slope, b.slope)
    outer = _sum(_product(a.curvature, b.value), _product(a.value, b.curvature), False)
    return Ball(a.value * b.value, slope, _sum(outer, None if cross is None else 2 * cross, False))


def _chained(f: tuple[Any, Any, Any], inner: Ball) -> Ball:
    """The jet of f(inner) from f, f' and f'' at its value."""
    if inner.slope is None:
        return Ball(f[0])
    outer = f[2] * inner.slope * inner.slope
    return Ball(f[0], f[1] * inner.slope, _sum(outer, _product(f[1], inner.curvature), False))


def _recip(x: Any) -> tuple[Any, Any, Any]:
    share = 1 / x
    return share, -share * share, 2 * share**3


def _whole_power(x: Any, n: int) -> tuple[Any, Any, Any]:
    if n == 2:
        return x * x, 2 * x, ball_of(2)
    return x**n, n * x ** (n - 1), n * (n - 1) * x ** (n - 2)


def _power(x: Any, p: Any) -> tuple[Any, Any, Any]:
    value = x**p
    return value, p * value / x, p * (p - 1) * value / (x * x)


def _power_rest(x: Any, k: Any) -> tuple[Any, Any, Any]:
    """expm1(k x) / k - expm1((k - 1) x) / (k - 1)."""
    high, low = (k * x).exp(), ((k - 1) * x).exp()
    return (k * x).expm1() / k - ((k - 1) * x).expm1() / (k - 1), high - low, k * high - (k - 1) * low


def _tempered(x: Any, t: float) -> tuple[Any, Any, Any]:
    """Log p, with log_t p - log_t(1 - p) = x, its slope and its curvature."""
    if x.is_nan():
        return x, x, x
    if not x.is_finite():
        return (x if x < 0 else ball_of(0)), ball_of(0), ball_of(0)
    temperature = ball_of(t)
    # For x > 0 the smaller probability is 1 - p; both are known from its logarithm.
    size = -x if x.mid() > 0 else x
    small = _small_log(size, temperature)
    other = (-small.exp()).log1p()
    log_p, log_q = (other, small) if x.mid() > 0 else (small, other)
    p_t, q_t = (-temperature * log_p).exp(), (-temperature * log_q).exp()
    over_p = (-log_p).exp() / (p_t + q_t)
    bend = temperature * ((-log_p).exp() * p_t - (-log_q).exp() * q_t) / (p_t + q_t) ** 2
    return log_p, over_p, over_p * (bend - over_p)


def _small_log(x: Any, t: Any) -> Any:
    """The log p <= -log 2 of a score x <= 0, by Newton's method, enclosed by a change of sign."""
    excess = t - 1

    def gap(log_p: Any) -> Any:
        other = (-log_p.exp()).log1p()
        return ((-excess * other).exp() - (-excess * log_p).exp()) / excess - x.mid()

    start = -math.log1p(float(excess.mid()) * max(-float(x.mid()), 0.7)) / float(excess.mid())
    guess = ball_of(min(start, -0.6931471805599453))
    for _ in range(60):
        # The slope in log p is p^(1-t) + p q^-t.
        other = (-guess.exp()).log1p()
        slope = (-excess * guess).exp() + (guess - t * other).exp()
        step = (gap(guess) / slope).mid()
        guess = ball_of((guess - step).mid())
        if abs(step) < ball_of(2) ** -240:
            break
    width = ball_of(2) ** -220 * (1 + abs(guess)) + x.rad()
    enclosing = ball_of(guess.mid()) + ball_of(0).union(width).union(-width)
    low, high = gap(guess - width), gap(guess + width)
    return enclosing if (low < 0 and high > 0) or x.rad() > 0 else enclosing.nan()


def one_sided(expression: Expression, at: Any, side: int) -> tuple[Any, Any, Any]:
    """Limits of value, slope and curvature at a score from one side; infinite ones where they grow without a bound.

    Args:
        expression: smooth on that side of the score.
        at: a ball.
        side: -1 from below, +1 from above.

    Returns:
        Three balls.
    """
    with with_bits(BITS):
        found = ball_jet(expression, at)
        if all(x.is_finite() for x in found):
            return found.value, found.slope, found.curvature
    with with_bits(8 * STEP):
        scale = 1 + abs(at.mid())
        looks = [ball_jet(expression, at.mid() + side * scale * ball_of(2) ** -n) for n in (STEP, 2 * STEP, 4 * STEP)]
        pairs = zip(found, *looks, strict=True)
        return tuple(x if x.is_finite() else _limit(*seen) for x, *seen in pairs)  # type: ignore[return-value]


def _limit(far: Any, middle: Any, near: Any) -> Any:
    """A limit from three looks at distances h, h^2 and h^4, of what comes near it as a power of the distance, or not.

    With L + C h^a the differences are C t (1 - t) and C t^2 (1 - t^2), t = h^a. Where the size itself changes by a
    factor and then by its square, or goes on changing as a logarithm does, it vanishes or grows without a bound.
    """
    if not (far.is_finite() and middle.is_finite() and near.is_finite()):
        return near
    first, second = middle - far, near - middle
    if first.contains(0):
        return near
    if far.contains(0) or middle.contains(0) or near.contains(0):
        return ball_of(0)
    if (far / near) > 0 and (middle / near) > 0:
        drops = [float((a / b).log().mid()) for a, b in ((far, middle), (middle, near))]
        if abs(drops[1]) >= 0.9 * abs(drops[0]):
            return ball_of(0) if drops[0] > 0 else near.pos_inf() if near > 0 else near.neg_inf()
    share = ((1 + 4 * second / first).sqrt() - 1) / 2
    if not (share.is_finite() and share > 0 and share < 1):
        return near
    return near - first / (share * (1 - share)) * share**4
