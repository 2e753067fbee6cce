"""What each operation makes of the sums of the growth calculus."""

import functools
import math
from collections.abc import Callable
from typing import Any

from flint import ctx, fmpq_series

from lossland.proofs._growth_monomials import UNIT, Remainder, compared, product, to_power, tower, unfolded
from lossland.proofs._growth_numbers import (
    HALF,
    MINUS,
    MOST,
    NIL,
    ONE,
    Number,
    Unknown,
    exponential_of,
    jet_at,
    plus,
    raised,
    rational_number,
    surely,
    times,
    value_of,
)
from lossland.proofs._growth_sums import Series, composed, direction_of, lead, parted, reach, series_of, summed


@functools.cache
def _taylor(op: str) -> tuple[tuple[Number, ...], bool]:
    """The coefficients of a function's Taylor series at 0, rational ones, and that there are more."""
    if op == "tail":
        # Phi(-x) is exp(-x^2 / 2) / (x sqrt(2 pi)) times 1 - w + 3 w^2 - 15 w^3 + ..., w = 1 / x^2.
        return tuple(rational_number((-1) ** k * math.prod(range(1, 2 * k, 2))) for k in range(MOST)), False
    x = fmpq_series([0, 1], prec=MOST)
    found = {"exp": x.exp(), "expm1_minus": x.exp() - 1 - x, "log1p": (1 + x).log(), "atan": x.atan()}[op]
    return tuple(rational_number(int(found[k].p), int(found[k].q)) for k in range(MOST)), False


def _log(a: Series) -> Series:
    monomial, number, small = lead(a)
    if surely(number) < 0:
        raise Unknown
    logs, rest = {UNIT: NIL if number == ONE else value_of("log", number)}, None
    for generator, factor in monomial.parts:
        if isinstance(generator, Remainder):
            rest = generator.bound
            break
        logs[unfolded(generator)] = factor
    return summed(logs, rest) + composed(*_taylor("log1p"), small)


def exp_of(a: Series) -> Series:
    if a.rest is not None and compared(a.rest, UNIT) >= 0:
        # What is left out does not tend to 0: it stays in the exponent as it is, without a name.
        return Series(((tower(a.terms, (Remainder(a.rest), ONE)), ONE),))
    large, constant, small = parted(a)
    return composed(*_taylor("exp"), small).times(tower(large.terms), exponential_of(constant))


def _expm1_minus(a: Series) -> Series:
    # Near 0 the difference would lose what exp does not keep.
    return composed(*_taylor("expm1_minus"), a) if reach(a) < 0 else exp_of(a) - 1 - a


def power_rest_of(a: Series, k: float) -> Series:
    """exp(k a) / k - exp((k - 1) a) / (k - 1), less its value at 0."""
    part = _expm1_minus if reach(a) < 0 else lambda x: exp_of(x) - 1
    orders = rational_number(*k.as_integer_ratio()), plus(rational_number(*k.as_integer_ratio()), MINUS)
    high, low = (part(a.times(UNIT, order)).times(UNIT, raised(order, MINUS)) for order in orders)
    return high - low


def _near(op: str, a: Series, param: Any = None) -> Series:
    """A function with a rule, near a finite number."""
    large, constant, small = parted(a)
    if large.terms:
        raise Unknown
    if op == "atan" and not constant:
        return composed(*_taylor(op), small)
    return composed(jet_at(op, param, ctx.prec, constant), False, small)


def _atan(a: Series) -> Series:
    side = direction_of(a)
    return (
        series_of(times(rational_number(side, 2), value_of("pi"))) - _near("atan", a**MINUS)
        if side
        else _near("atan", a)
    )


def _cauchy_cdf(a: Series) -> Series:
    side = direction_of(a)
    share = _near("atan", -(a**MINUS) if side else a).times(UNIT, raised(value_of("pi"), MINUS))
    return share + series_of((NIL, HALF, ONE)[1 + side])


def _normal_cdf(a: Series) -> Series:
    side = direction_of(a)
    if not side:
        return _near("normal_cdf", a)
    square = a ** rational_number(2)
    scale = raised(value_of("sqrt", times(rational_number(2), value_of("pi"))), MINUS)
    tail = exp_of(square.times(UNIT, rational_number(-1, 2))) * composed(*_taylor("tail"), square**MINUS) * a**MINUS
    return series_of(ONE if side > 0 else NIL) - tail.times(UNIT, scale)


def tempered_of(a: Series, t: float) -> Series:
    """The log p of log_t p - log_t(1 - p) = a."""
    side = direction_of(a)
    if not side:
        return _near("tempered", a, t)
    excess = plus(rational_number(*t.as_integer_ratio()), MINUS)
    power = times(MINUS, raised(excess, MINUS))
    size = a.times(UNIT, times(excess, rational_number(side)))
    # The smaller probability solves q = (excess |a| + (1 - q)^-excess)^(-1 / excess).
    (monomial, number), *_ = (size**power).terms
    q = Series(((monomial, number),), product(monomial, to_power(size.terms[0][0], MINUS)))
    for _ in range(3):
        q = (size + (1 - q) ** times(MINUS, excess)) ** power
    return _log(q if side < 0 else 1 - q)


def _squareplus(a: Series) -> Series:
    root = (a ** rational_number(2) + 1) ** HALF
    # Below, root + a would cancel.
    return (2 * (root - a)) ** MINUS if direction_of(a) < 0 else (root + a).times(UNIT, HALF)


def _asinh(a: Series) -> Series:
    return -_asinh(-a) if direction_of(a) < 0 else _log(2 * _squareplus(a))


def _softplus(a: Series) -> Series:
    return a + _softplus(-a) if direction_of(a) > 0 else _log(exp_of(a) + 1)


def _logistic(a: Series) -> Series:
    return (exp_of(-a) + 1) ** MINUS


FUNCTIONS: dict[str, Callable[..., Series]] = {
    "neg": lambda a: -a,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a * b**MINUS,
    "recip": lambda a: a**MINUS,
    "sqrt": lambda a: a**HALF,
    "exp": exp_of,
    "log": _log,
    "log1p": lambda a: _log(a + 1),
    "expm1": lambda a: exp_of(a) - 1,
    "expm1_minus": _expm1_minus,
    "logistic": _logistic,
    "softplus": _softplus,
    "tanh": lambda a: 2 * _logistic(2 * a) - 1,
    "atan": _atan,
    "cauchy": lambda a: (a ** rational_number(2) + 1) ** MINUS,
    "cauchy_cdf": _cauchy_cdf,
    "normal_cdf": _normal_cdf,
    "log_normal_cdf": lambda a: _log(_normal_cdf(a)),
    "erf": lambda a: 2 * _normal_cdf(a.times(UNIT, value_of("sqrt", rational_number(2)))) - 1,
    "gumbel_survival": lambda a: exp_of(-exp_of(a)),
    "gumbel_cdf": lambda a: 1 - exp_of(-exp_of(a)),
    "log_gumbel_cdf": lambda a: _log(1 - exp_of(-exp_of(a))),
    "squareplus": _squareplus,
    "hypot": lambda a: 2 * _squareplus(a) - a,
    "ratio": lambda a: 1 - (a + 1) ** MINUS,
    "asinh": _asinh,
    "sin": lambda a: _near("sin", a),
    "cos": lambda a: _near("cos", a),
}
"""What each operation makes of sums."""
