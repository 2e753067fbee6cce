"""How an expression behaves towards infinity: its limit, and how fast it nears it, without looking at any score.

Every node becomes a sum of terms c * exp(a) * x^p * log(x)^q * ... of x = |z|, largest first, with a bound on what is
left out; the exponents a are such sums themselves. Sums, products, powers, exp and log of such sums are such sums
again. Where leading terms cancel beyond what was kept, or no limit can be told, the calculus says so.
"""

import dataclasses
import functools
import math
import sys
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

from flint import arb, ctx, fmpq, fmpq_series

from lossland.proofs._balls import BITS, Ball, ball_jet, node_ball, with_bits
from lossland.proofs._expression import Expression

MOST = 6
"""Terms of a sum that are kept, beside those that tend to infinity; also the terms of a power series."""
PRECISE = 16 * BITS
"""Bits of the second try, where constants are too close to tell apart."""


class Growth(NamedTuple):
    """What an expression does towards one infinity; of any kind but "unknown", it is monotone far out.

    Attributes:
        limit: of the value, maybe infinite; nan if it is not known.
        kind: how value - limit dies out, or how the value grows if the limit is infinite. "constant": the value is
            the limit; "exponential": as exp(-+k|z|) up to slower factors; "super-exponential": faster than any of
            these; "polynomial": as a power of |z| up to slower factors; "slower": slower than any power;
            "stretched": between powers and exponentials; "unknown".
        exponent: the rate k or the power, positive; 0 for the other kinds.
        sign: of value - limit far out, for a finite limit; 0 where it is not known or there is no difference.
    """

    limit: float
    kind: str
    exponent: float = 0.0
    sign: int = 0


@functools.lru_cache(maxsize=8192)
def growth(part: Expression, side: int) -> Growth:
    """The limit of an expression towards an infinity, and how it is approached.

    Args:
        part: of smooth operations only, as pieces are.
        side: +1 for z to +inf, -1 for z to -inf.

    Returns:
        What is certain; "unknown" where the calculus gives up.

    Example:
        >>> import lossland as ll
        >>> from lossland.proofs import program
        >>> curve = program(ll.pair("sigmoid", "cross_entropy")).curves[0]
        >>> growth(curve, 1)
        Growth(limit=0.0, kind='exponential', exponent=1.0, sign=1)
        >>> growth(curve, -1)
        Growth(limit=inf, kind='polynomial', exponent=1.0, sign=0)
    """
    found = Growth(math.nan, "unknown")
    for bits in (BITS, PRECISE):
        with with_bits(bits):
            try:
                found = _told(part, side)
            except _Unknown:
                continue
        if found.kind != "unknown":
            break
    return found


def _told(part: Expression, side: int) -> Growth:
    if all(op != "score" for op, _, _ in part.nodes):
        limit = _double(ball_jet(part, 0.0).value)
        return Growth(limit, "unknown" if math.isnan(limit) else "constant")
    value = _walked(part, side)
    direction = _direction(value)
    if direction:
        return Growth(direction * math.inf, *_kind(value.terms[0][0]))
    _, constant, small = _parted(value)
    limit = _double(_ball(constant))
    if not small.terms:
        return Growth(limit, "constant" if small.rest is None else "unknown")
    monomial, number = small.terms[0]
    return Growth(limit, *_kind(monomial), _surely(number))


class _Unknown(Exception):
    """What the calculus cannot tell."""


# ----------------------------------------------------------------------------------------------------------- numbers


@dataclasses.dataclass(eq=False, slots=True)
class Base:
    """A real number known by a ball, and what of it is rational; one object is one number."""

    ball: Any
    square: Any = None
    exponential: Any = None


Number = tuple[tuple[Base, Any], ...]
"""A sum of rationals times bases: equal ones cancel exactly, whatever their balls."""
WHOLE = Base(arb(1))


def _q(p: int, q: int = 1) -> Number:
    """A rational number."""
    return ((WHOLE, fmpq(p, q)),) if p else ()


NIL, ONE, HALF, MINUS = _q(0), _q(1), _q(1, 2), _q(-1)


def _known(x: Any) -> Number:
    """The number in a ball: rational if the ball has no width."""
    if not x.is_finite():
        raise _Unknown
    if x.is_exact():
        digits, exponent = x.man_exp()
        if abs(exponent) < PRECISE:
            return ((WHOLE, fmpq(digits) * fmpq(2) ** int(exponent)),) if digits else NIL
    return ((Base(x), fmpq(1)),)


def _rational(a: Number) -> Any:
    """The number as a fraction; None if it is no rational."""
    return fmpq(0) if not a else a[0][1] if len(a) == 1 and a[0][0] is WHOLE else None


def _ball(a: Number) -> Any:
    return sum((base.ball * ratio for base, ratio in a), arb(0))


def _plus(a: Number, b: Number) -> Number:
    if not a or not b:
        return a or b
    ratios = dict(a)
    for base, ratio in b:
        ratios[base] = ratios[base] + ratio if base in ratios else ratio
    kept = tuple((base, ratio) for base, ratio in ratios.items() if ratio)
    if len(kept) > MOST:
        return _known(_ball(kept))
    return kept if len(kept) < 2 else tuple(sorted(kept, key=lambda part: id(part[0])))


def _times(a: Number, b: Number) -> Number:
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
            total = _plus(total, tuple((both, part * ratio * share) for both, part in joined))
    return total


@functools.lru_cache(maxsize=1 << 14)
def _joined(a: Base, b: Base) -> Number:
    return ((Base(a.ball * b.ball), fmpq(1)),)


def _surely(a: Number) -> int:
    """The sign of a number."""
    if len(a) == 1 and a[0][0] is WHOLE:
        return 1 if a[0][1].p > 0 else -1
    ball = _ball(a)
    if a and not (ball > 0 or ball < 0):
        raise _Unknown
    return 0 if not a else 1 if ball > 0 else -1


def _raised(a: Number, p: Number) -> Number:
    """a^p of a number that is not zero."""
    if a == ONE:
        return a
    ratio, power = _rational(a), _rational(p)
    whole = int(power.p) if power is not None and power.q == 1 else None
    if ratio is not None and whole is not None and abs(whole) <= 64:
        return ((WHOLE, ratio**whole),)
    if len(a) == 1 and a[0][0].square and whole in (-1, 2):
        return _times(a, a) if whole == 2 else ((a[0][0], 1 / (a[0][1] * a[0][0].square)),)
    if p == HALF:
        return _value("sqrt", a)
    return _value("pow", a, p) if whole is None else _value("power", a, param=whole)


def _value(op: str, *given: Number, param: Any = None) -> Number:
    return _held(op, param, ctx.prec, *given)


@functools.lru_cache(maxsize=4096)
def _held(op: str, param: Any, bits: int, *given: Number) -> Number:
    """A function of numbers: one object for the same ones, which cancels."""
    if op == "pi":
        return _known(arb.pi())
    ratio = _rational(given[0])
    if op == "sqrt" and ratio is not None and ratio >= 0:
        root = fmpq(math.isqrt(int(ratio.p)), math.isqrt(int(ratio.q)))
        return ((WHOLE, root),) if root * root == ratio else ((Base(arb(ratio).sqrt(), ratio), fmpq(1)),)
    ball = node_ball(op, param, [Ball(_ball(x)) for x in given], None).value
    if op == "log" and ratio is not None and ratio > 0:
        return ((Base(ball, exponential=given[0]), fmpq(1)),)
    return _known(ball)


def _exponential(a: Number) -> Number:
    """Exp of a number, a product over its bases."""
    total = ONE
    for base, ratio in a:
        factor = _raised(base.exponential, ((WHOLE, ratio),)) if base.exponential else _value("exp", ((base, ratio),))
        total = _times(total, factor)
    return total


@functools.lru_cache(maxsize=4096)
def _jet(op: str, param: Any, bits: int, at: Number) -> tuple[Number, ...]:
    """The first coefficients of a function's Taylor series at a number."""
    value, slope, curvature = node_ball(op, param, [Ball(_ball(at), arb(1), arb(0))], None)
    return _known(value), _known(slope), _times(_known(curvature), HALF)


def _double(x: Any) -> float:
    """The double beside a ball, the largest one for larger numbers."""
    if x.is_finite():
        return min(max(float(x.mid()), -sys.float_info.max), sys.float_info.max) + 0.0
    return math.inf if x > 0 else -math.inf if x < 0 else math.nan


# --------------------------------------------------------------------------------------------------------- monomials


@dataclasses.dataclass(eq=False, slots=True, weakref_slot=True)
class Monomial:
    """exp(a sum of numbers times generators, the fastest first); equal ones are one object.

    A generator tends to infinity: a whole k stands for log(log(...x)), k times, so that x is exp(1 * generator 1); any
    other is a monomial itself, or a remainder.
    """

    parts: tuple[tuple[Any, Number], ...]


@dataclasses.dataclass(eq=False, slots=True)
class Remainder:
    """A function of which no more is known than that it is O(bound)."""

    bound: Monomial


_MONOMIALS: weakref.WeakValueDictionary[tuple[tuple[Any, Number], ...], Monomial] = weakref.WeakValueDictionary()


def _monomial(*parts: tuple[Any, Number]) -> Monomial:
    found = _MONOMIALS.get(parts)
    if found is None:
        found = _MONOMIALS[parts] = Monomial(parts)
    return found


UNIT, X, LOG_X = _monomial(), _monomial((1, ONE)), _monomial((2, ONE))


def _unfolded(generator: Any) -> Monomial:
    """A generator as a monomial, a remainder by its bound."""
    if isinstance(generator, int):
        return _monomial((generator + 1, ONE))
    return generator.bound if isinstance(generator, Remainder) else generator


def _tower(terms: Any, *others: tuple[Any, Number]) -> Monomial:
    """Exp of terms that tend to infinity."""
    parts = []
    for monomial, number in terms:
        inner = monomial.parts[0]
        iterated = len(monomial.parts) == 1 and inner[1] == ONE and isinstance(inner[0], int) and inner[0] > 0
        parts.append((inner[0] - 1 if iterated else monomial, number))
    return _monomial(*parts, *others)


def _faster(g: Any, h: Any) -> int:
    """Whether one generator grows faster (1) than another (-1)."""
    if isinstance(g, int) and isinstance(h, int):
        return h - g
    # A remainder may be as fast as its bound.
    return _order(_unfolded(g), _unfolded(h)) or isinstance(g, Remainder) - isinstance(h, Remainder)


@functools.lru_cache(maxsize=1 << 16)
def _product(a: Monomial, b: Monomial) -> Monomial:
    if not a.parts or not b.parts:
        return a if a.parts else b
    numbers = dict(a.parts)
    for generator, number in b.parts:
        numbers[generator] = _plus(numbers[generator], number) if generator in numbers else number
    kept = sorted((g for g, number in numbers.items() if number), key=functools.cmp_to_key(_faster), reverse=True)
    return _monomial(*((g, numbers[g]) for g in kept))


@functools.lru_cache(maxsize=1 << 16)
def _to_power(a: Monomial, p: Number) -> Monomial:
    return _monomial(*((g, _times(number, p)) for g, number in a.parts)) if p else UNIT


@functools.lru_cache(maxsize=1 << 16)
def _order(a: Monomial, b: Monomial) -> int:
    """1 if a / b tends to infinity, -1 if to 0, 0 if they are one."""
    parts = () if a is b else _product(a, _to_power(b, MINUS)).parts
    if parts and isinstance(parts[0][0], Remainder):
        raise _Unknown
    return _surely(parts[0][1]) if parts else 0


_SIZE = functools.cmp_to_key(_order)


def _largest(*sizes: Monomial | None) -> Monomial | None:
    return max((size for size in sizes if size is not None), key=_SIZE, default=None)


def _kind(monomial: Monomial) -> tuple[str, float]:
    """How a monomial grows or dies out."""
    generator, number = monomial.parts[0]
    if isinstance(generator, Remainder):
        return "unknown", 0.0
    if generator in (0, 1):
        return "polynomial" if generator else "exponential", abs(_double(_ball(number)))
    if _order(_unfolded(generator), X) > 0:
        return "super-exponential", 0.0
    return "stretched" if _order(_unfolded(generator), LOG_X) > 0 else "slower", 0.0


# -------------------------------------------------------------------------------------------------------------- sums


@dataclasses.dataclass(eq=False, slots=True)
class Series:
    """A sum of monomials times numbers that are not zero, largest first, and what it leaves out: O(rest)."""

    terms: tuple[tuple[Monomial, Number], ...]
    rest: Monomial | None = None

    @property
    def size(self) -> Monomial | None:
        """What the sum is O() of; None for zero."""
        return self.terms[0][0] if self.terms else self.rest

    def __add__(self, other: "Series | int") -> "Series":
        other = _series(other)
        numbers = dict(self.terms)
        for monomial, number in other.terms:
            numbers[monomial] = _plus(numbers[monomial], number) if monomial in numbers else number
        return _sum(numbers, self.rest, other.rest)

    def __mul__(self, other: "Series | int") -> "Series":
        other = _series(other)
        if self.size is None or other.size is None:
            return Series(())
        if other.rest is None and len(other.terms) == 1:
            return self.times(*other.terms[0])
        if self.rest is None and len(self.terms) == 1:
            return other.times(*self.terms[0])
        rest = _largest(self.rest and _product(self.rest, other.size), other.rest and _product(other.rest, self.size))
        numbers: dict[Monomial, Number] = {}
        for m, x in self.terms:
            for n, y in other.terms:
                both = _product(m, n)
                if rest is not None and _order(both, rest) <= 0:
                    break
                numbers[both] = _plus(numbers[both], _times(x, y)) if both in numbers else _times(x, y)
        return _sum(numbers, rest)

    def __neg__(self) -> "Series":
        return self.times(UNIT, MINUS)

    def __sub__(self, other: "Series | int") -> "Series":
        return self + -_series(other)

    def __rsub__(self, other: int) -> "Series":
        return -self + other

    def __pow__(self, p: Number) -> "Series":
        if not self.terms and p and _surely(p) > 0:
            return Series((), self.rest and _to_power(self.rest, p))
        monomial, number, small = _lead(self)
        power = _rational(p)
        if _surely(number) < 0 and (power is None or power.q != 1):
            raise _Unknown
        return _composed(*_binomial(p), small).times(_to_power(monomial, p), _raised(number, p))

    __radd__, __rmul__ = __add__, __mul__

    def times(self, monomial: Monomial, number: Number) -> "Series":
        """This times one term."""
        rest = self.rest and _product(self.rest, monomial)
        _surely(number)
        return Series(tuple((_product(m, monomial), _times(n, number)) for m, n in self.terms), rest)


def _series(x: Series | Number | int) -> Series:
    if isinstance(x, Series):
        return x
    return _sum({UNIT: _q(x) if isinstance(x, int) else x})


def _sum(numbers: dict[Monomial, Number], *rests: Monomial | None) -> Series:
    """A sum, cut where numbers cannot be told from zero or terms become too many."""
    rest = _largest(*rests)
    terms = []
    for monomial in sorted(numbers, key=_SIZE, reverse=True):
        if rest is not None and _order(monomial, rest) <= 0:
            break
        try:
            sign = _surely(numbers[monomial])
        except _Unknown:
            return Series(tuple(terms), monomial)
        if sign and len(terms) >= MOST and (len(terms) >= 4 * MOST or _order(monomial, UNIT) < 0):
            return Series(tuple(terms), monomial)
        if sign:
            terms.append((monomial, numbers[monomial]))
    return Series(tuple(terms), rest)


def _composed(numbers: tuple[Number, ...], ends: bool, small: Series) -> Series:
    """The power series with these coefficients at a sum that tends to 0; `ends` if there are no more of them."""
    if small.size is None:
        return _series(numbers[0])
    total = _series(numbers[-1])
    for number in numbers[-2::-1]:
        total = total * small + _series(number)
    return _sum(dict(total.terms), total.rest, None if ends else _to_power(small.size, _q(len(numbers))))


def _parted(a: Series) -> tuple[Series, Number, Series]:
    """The terms that tend to infinity, the constant, and the sum that tends to 0."""
    if a.rest is not None and _order(a.rest, UNIT) >= 0:
        raise _Unknown
    large = tuple(term for term in a.terms if _order(term[0], UNIT) > 0)
    others = a.terms[len(large) :]
    constant = others[0][1] if others and others[0][0] is UNIT else NIL
    return Series(large), constant, Series(others[bool(constant) :], a.rest)


def _reach(a: Series) -> int:
    """1 if the sum may be unbounded, -1 if it tends to 0, 0 if it is only bounded."""
    return -1 if a.size is None else _order(a.size, UNIT)


def _direction(a: Series) -> int:
    """1 or -1 if the sum tends to that infinity, 0 if it is bounded."""
    return _surely(_lead(a)[1]) if _reach(a) > 0 else 0


def _lead(a: Series) -> tuple[Monomial, Number, Series]:
    """A sum as monomial * number * (1 + small)."""
    if not a.terms:
        raise _Unknown
    monomial, number = a.terms[0]
    _surely(number)
    small = Series(a.terms[1:], a.rest)
    return monomial, number, small.times(_to_power(monomial, MINUS), _raised(number, MINUS)) if small.size else small


# --------------------------------------------------------------------------------------------------------- functions


@functools.cache
def _taylor(op: str) -> tuple[tuple[Number, ...], bool]:
    """The coefficients of a function's Taylor series at 0, rational ones, and that there are more."""
    if op == "tail":
        # Phi(-x) is exp(-x^2 / 2) / (x sqrt(2 pi)) times 1 - w + 3 w^2 - 15 w^3 + ..., w = 1 / x^2.
        return tuple(_q((-1) ** k * math.prod(range(1, 2 * k, 2))) for k in range(MOST)), False
    x = fmpq_series([0, 1], prec=MOST)
    found = {"exp": x.exp(), "expm1_minus": x.exp() - 1 - x, "log1p": (1 + x).log(), "atan": x.atan()}[op]
    return tuple(_q(int(found[k].p), int(found[k].q)) for k in range(MOST)), False


@functools.lru_cache(maxsize=256)
def _binomial(p: Number) -> tuple[tuple[Number, ...], bool]:
    """The coefficients of (1 + x)^p, and whether these are all."""
    power = _rational(p)
    ends = power is not None and power.q == 1 and 0 <= power.p <= 64
    found = [ONE]
    for k in range(int(power.p) if power is not None and ends else MOST - 1):
        found.append(_times(found[-1], _times(_plus(p, _q(-k)), _q(1, k + 1))))
    return tuple(found), ends


def _log(a: Series) -> Series:
    monomial, number, small = _lead(a)
    if _surely(number) < 0:
        raise _Unknown
    logs, rest = {UNIT: NIL if number == ONE else _value("log", number)}, None
    for generator, factor in monomial.parts:
        if isinstance(generator, Remainder):
            rest = generator.bound
            break
        logs[_unfolded(generator)] = factor
    return _sum(logs, rest) + _composed(*_taylor("log1p"), small)


def _exp(a: Series) -> Series:
    if a.rest is not None and _order(a.rest, UNIT) >= 0:
        # What is left out does not tend to 0: it stays in the exponent as it is, without a name.
        return Series(((_tower(a.terms, (Remainder(a.rest), ONE)), ONE),))
    large, constant, small = _parted(a)
    return _composed(*_taylor("exp"), small).times(_tower(large.terms), _exponential(constant))


def _expm1_minus(a: Series) -> Series:
    # Near 0 the difference would lose what exp does not keep.
    return _composed(*_taylor("expm1_minus"), a) if _reach(a) < 0 else _exp(a) - 1 - a


def _power_rest(a: Series, k: float) -> Series:
    """exp(k a) / k - exp((k - 1) a) / (k - 1), less its value at 0."""
    part = _expm1_minus if _reach(a) < 0 else lambda x: _exp(x) - 1
    orders = _q(*k.as_integer_ratio()), _plus(_q(*k.as_integer_ratio()), MINUS)
    high, low = (part(a.times(UNIT, order)).times(UNIT, _raised(order, MINUS)) for order in orders)
    return high - low


def _near(op: str, a: Series, param: Any = None) -> Series:
    """A function with a rule, near a finite number."""
    large, constant, small = _parted(a)
    if large.terms:
        raise _Unknown
    if op == "atan" and not constant:
        return _composed(*_taylor(op), small)
    return _composed(_jet(op, param, ctx.prec, constant), False, small)


def _atan(a: Series) -> Series:
    side = _direction(a)
    return _series(_times(_q(side, 2), _value("pi"))) - _near("atan", a**MINUS) if side else _near("atan", a)


def _cauchy_cdf(a: Series) -> Series:
    side = _direction(a)
    share = _near("atan", -(a**MINUS) if side else a).times(UNIT, _raised(_value("pi"), MINUS))
    return share + _series((NIL, HALF, ONE)[1 + side])


def _normal_cdf(a: Series) -> Series:
    side = _direction(a)
    if not side:
        return _near("normal_cdf", a)
    square = a ** _q(2)
    scale = _raised(_value("sqrt", _times(_q(2), _value("pi"))), MINUS)
    tail = _exp(square.times(UNIT, _q(-1, 2))) * _composed(*_taylor("tail"), square**MINUS) * a**MINUS
    return _series(ONE if side > 0 else NIL) - tail.times(UNIT, scale)


def _tempered(a: Series, t: float) -> Series:
    """The log p of log_t p - log_t(1 - p) = a."""
    side = _direction(a)
    if not side:
        return _near("tempered", a, t)
    excess = _plus(_q(*t.as_integer_ratio()), MINUS)
    power = _times(MINUS, _raised(excess, MINUS))
    size = a.times(UNIT, _times(excess, _q(side)))
    # The smaller probability solves q = (excess |a| + (1 - q)^-excess)^(-1 / excess).
    (monomial, number), *_ = (size**power).terms
    q = Series(((monomial, number),), _product(monomial, _to_power(size.terms[0][0], MINUS)))
    for _ in range(3):
        q = (size + (1 - q) ** _times(MINUS, excess)) ** power
    return _log(q if side < 0 else 1 - q)


def _squareplus(a: Series) -> Series:
    root = (a ** _q(2) + 1) ** HALF
    # Below, root + a would cancel.
    return (2 * (root - a)) ** MINUS if _direction(a) < 0 else (root + a).times(UNIT, HALF)


def _asinh(a: Series) -> Series:
    return -_asinh(-a) if _direction(a) < 0 else _log(2 * _squareplus(a))


def _softplus(a: Series) -> Series:
    return a + _softplus(-a) if _direction(a) > 0 else _log(_exp(a) + 1)


def _logistic(a: Series) -> Series:
    return (_exp(-a) + 1) ** MINUS


FUNCTIONS: dict[str, Callable[..., Series]] = {
    "neg": lambda a: -a,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a * b**MINUS,
    "recip": lambda a: a**MINUS,
    "sqrt": lambda a: a**HALF,
    "exp": _exp,
    "log": _log,
    "log1p": lambda a: _log(a + 1),
    "expm1": lambda a: _exp(a) - 1,
    "expm1_minus": _expm1_minus,
    "logistic": _logistic,
    "softplus": _softplus,
    "tanh": lambda a: 2 * _logistic(2 * a) - 1,
    "atan": _atan,
    "cauchy": lambda a: (a ** _q(2) + 1) ** MINUS,
    "cauchy_cdf": _cauchy_cdf,
    "normal_cdf": _normal_cdf,
    "log_normal_cdf": lambda a: _log(_normal_cdf(a)),
    "erf": lambda a: 2 * _normal_cdf(a.times(UNIT, _value("sqrt", _q(2)))) - 1,
    "gumbel_survival": lambda a: _exp(-_exp(a)),
    "gumbel_cdf": lambda a: 1 - _exp(-_exp(a)),
    "log_gumbel_cdf": lambda a: _log(1 - _exp(-_exp(a))),
    "squareplus": _squareplus,
    "hypot": lambda a: 2 * _squareplus(a) - a,
    "ratio": lambda a: 1 - (a + 1) ** MINUS,
    "asinh": _asinh,
    "sin": lambda a: _near("sin", a),
    "cos": lambda a: _near("cos", a),
}
"""What each operation makes of sums."""


# -------------------------------------------------------------------------------------------------------- expressions


def _walked(part: Expression, side: int) -> Series:
    """The sum of an expression's value; on the way, an infinite constant is a ball."""
    held: list[Any] = []
    for op, args, param in part.nodes:
        given = [held[a] for a in args]
        if op == "score":
            held.append(Series(((X, _q(side)),)))
        elif op == "const" and math.isfinite(param):
            held.append(_series(_q(*param.as_integer_ratio())))
        elif op == "const" or not all(isinstance(a, Series) for a in given):
            balls = [Ball(_ball(_constant(a)) if isinstance(a, Series) else a) for a in given]
            value = node_ball(op, param, balls, None).value
            held.append(_series(_known(value)) if value.is_finite() else value)
        else:
            held.append(_applied(op, param, given))
    if not isinstance(held[-1], Series):
        raise _Unknown
    return held[-1]


def _constant(a: Series) -> Number:
    if a.rest is not None or any(monomial is not UNIT for monomial, _ in a.terms):
        raise _Unknown
    return a.terms[0][1] if a.terms else NIL


def _applied(op: str, param: Any, given: list[Series]) -> Series:
    if op == "power":
        return given[0] ** _q(param)
    if op == "pow":
        return given[0] ** _constant(given[1])
    if op in ("tempered", "power_rest"):
        return (_tempered if op == "tempered" else _power_rest)(given[0], param)
    if op not in FUNCTIONS:
        raise _Unknown
    return FUNCTIONS[op](*given)
