"""Real numbers of the growth calculus: balls, and what of them is rational, so that equal numbers are told equal."""

import dataclasses
import functools
import math
import sys
from typing import Any

from flint import arb, ctx, fmpq

from lossland.proofs._balls import BITS, Ball, node_ball

MOST = 6
"""Terms of a sum that are kept, beside those that tend to infinity; also the terms of a power series."""
PRECISE = 16 * BITS
"""Bits of the second try, where constants are too close to tell apart."""


class Unknown(Exception):
    """What the calculus cannot tell."""


@dataclasses.dataclass(eq=False, slots=True)
class Base:
    """A real number known by a ball, and what of it is rational; one object is one number."""

    ball: Any
    square: Any = None
    exponential: Any = None


Number = tuple[tuple[Base, Any], ...]
"""A sum of rationals times bases: equal ones cancel exactly, whatever their balls."""
WHOLE = Base(arb(1))


def rational_number(p: int, q: int = 1) -> Number:
    """A rational number."""
    return ((WHOLE, fmpq(p, q)),) if p else ()


NIL, ONE, HALF, MINUS = rational_number(0), rational_number(1), rational_number(1, 2), rational_number(-1)


def known(x: Any) -> Number:
    """The number in a ball: rational if the ball has no width."""
    if not x.is_finite():
        raise Unknown
    if x.is_exact():
        digits, exponent = x.man_exp()
        if abs(exponent) < PRECISE:
            return ((WHOLE, fmpq(digits) * fmpq(2) ** int(exponent)),) if digits else NIL
    return ((Base(x), fmpq(1)),)


def rational(a: Number) -> Any:
    """The number as a fraction; None if it is no rational."""
    return fmpq(0) if not a else a[0][1] if len(a) == 1 and a[0][0] is WHOLE else None


def ball_of_number(a: Number) -> Any:
    return sum((base.ball * ratio for base, ratio in a), arb(0))


def plus(a: Number, b: Number) -> Number:
    if not a or not b:
        return a or b
    ratios = dict(a)
    for base, ratio in b:
        ratios[base] = ratios[base] + ratio if base in ratios else ratio
    kept = tuple((base, ratio) for base, ratio in ratios.items() if ratio)
    if len(kept) > MOST:
        return known(ball_of_number(kept))
    return kept if len(kept) < 2 else tuple(sorted(kept, key=lambda part: id(part[0])))


def times(a: Number, b: Number) -> Number:
    if len(a) == 1 and a[0][0] is WHOLE:
        a, b = b, a
    if len(b) == 1 and b[0][0] is WHOLE:
        return tuple((base, ratio * b[0][1]) for base, ratio in a)
    total = NIL
    for base, ratio in a:
        for other, share in b:
            whole = ((base if other is WHOLE else other, fmpq(1)),) if WHOLE in (base, other) else None
            square = ((WHOLE, base.square),) if base is other and base.square else None
            joined = whole or square or _joined(*sorted((base, other), key=id))
            total = plus(total, tuple((both, part * ratio * share) for both, part in joined))
    return total


@functools.lru_cache(maxsize=1 << 14)
def _joined(a: Base, b: Base) -> Number:
    return ((Base(a.ball * b.ball), fmpq(1)),)


def surely(a: Number) -> int:
    """The sign of a number."""
    if len(a) == 1 and a[0][0] is WHOLE:
        return 1 if a[0][1].p > 0 else -1
    ball = ball_of_number(a)
    if a and not (ball > 0 or ball < 0):
        raise Unknown
    return 0 if not a else 1 if ball > 0 else -1


def raised(a: Number, p: Number) -> Number:
    """a^p of a number that is not zero."""
    if a == ONE:
        return a
    ratio, power = rational(a), rational(p)
    whole = int(power.p) if power is not None and power.q == 1 else None
    if ratio is not None and whole is not None and abs(whole) <= 64:
        return ((WHOLE, ratio**whole),)
    if len(a) == 1 and a[0][0].square and whole in (-1, 2):
        return times(a, a) if whole == 2 else ((a[0][0], 1 / (a[0][1] * a[0][0].square)),)
    if p == HALF:
        return value_of("sqrt", a)
    return value_of("pow", a, p) if whole is None else value_of("power", a, param=whole)


def value_of(op: str, *given: Number, param: Any = None) -> Number:
    return _held(op, param, ctx.prec, *given)


@functools.lru_cache(maxsize=4096)
def _held(op: str, param: Any, bits: int, *given: Number) -> Number:
    """A function of numbers: one object for the same ones, which cancels."""
    if op == "pi":
        return known(arb.pi())
    ratio = rational(given[0])
    if op == "sqrt" and ratio is not None and ratio >= 0:
        root = fmpq(math.isqrt(int(ratio.p)), math.isqrt(int(ratio.q)))
        return ((WHOLE, root),) if root * root == ratio else ((Base(arb(ratio).sqrt(), ratio), fmpq(1)),)
    ball = node_ball(op, param, [Ball(ball_of_number(x)) for x in given], None).value
    if op == "log" and ratio is not None and ratio > 0:
        return ((Base(ball, exponential=given[0]), fmpq(1)),)
    return known(ball)


def exponential_of(a: Number) -> Number:
    """Exp of a number, a product over its bases."""
    total = ONE
    for base, ratio in a:
        factor = raised(base.exponential, ((WHOLE, ratio),)) if base.exponential else value_of("exp", ((base, ratio),))
        total = times(total, factor)
    return total


@functools.lru_cache(maxsize=4096)
def jet_at(op: str, param: Any, bits: int, at: Number) -> tuple[Number, ...]:
    """The first coefficients of a function's Taylor series at a number."""
    value, slope, curvature = node_ball(op, param, [Ball(ball_of_number(at), arb(1), arb(0))], None)
    return known(value), known(slope), times(known(curvature), HALF)


def double_beside(x: Any) -> float:
    """The double beside a ball, the largest one for larger numbers."""
    if x.is_finite():
        return min(max(float(x.mid()), -sys.float_info.max), sys.float_info.max) + 0.0
    return math.inf if x > 0 else -math.inf if x < 0 else math.nan
