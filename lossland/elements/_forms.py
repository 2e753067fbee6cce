"""What an output is as a function of the score, worked out exactly: the algebra with which programs are read.

A number of a program is known, or a multiple of a variable x, a rational function of exp(x), the logarithm of one, or
a + b T(x) for an odd squashing function T. Whatever else there is (`Opaque`) counts as a variable of its own. All is
said in fractions, and powers of pi and of the root of 2, so that equal forms are equal functions.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from lossland.elements._polynomials import UNIT, Poly, added, polynomial, product, reduced

TERMS = 16
"""Beyond so many a rational function is of no known kind."""


class Opaque(Exception):
    """Of none of these forms."""


@dataclass(frozen=True)
class Known:
    """The number `rational` * pi^`pi` * 2^(`root`/2); `root` is 0 or 1."""

    rational: Fraction
    pi: int = 0
    root: int = 0

    def __float__(self) -> float:
        return float(self.rational) * math.pi**self.pi * math.sqrt(2.0) ** self.root


@dataclass(frozen=True)
class Line:
    """`scale` * 2^(`root`/2) times the variable number `atom`."""

    atom: int
    scale: Fraction = Fraction(1)
    root: int = 0


@dataclass(frozen=True)
class Ratio:
    """`top` / `bottom`, polynomials in exp(variable), reduced; `bottom` begins with the constant 1."""

    atom: int
    top: Poly
    bottom: Poly


@dataclass(frozen=True)
class Log:
    """The logarithm of a rational function that is positive."""

    of: Ratio


@dataclass(frozen=True)
class Squash:
    """a + b T(x), T the odd squashing function of a family, from -1 to 1; x has a positive scale."""

    family: str
    of: Line
    a: Known
    b: Known


@dataclass(frozen=True)
class Size:
    """|x|, or 1 + |x| once `grown`; x has a positive scale."""

    of: Line
    grown: bool = False


@dataclass(frozen=True)
class Side:
    """Whether a variable is positive, or else whether it is negative."""

    atom: int
    positive: bool


@dataclass(frozen=True)
class Split:
    """One form where a variable is negative and another where it is positive."""

    atom: int
    below: "Form"
    above: "Form"


Form = Known | Line | Ratio | Log | Squash | Size | Side | Split
ZERO, ONE, TWO = (Known(Fraction(k)) for k in range(3))


def known(number: float, eps: float) -> Known:
    """A number of a program; within an ulp of pi, 1/pi or the root of 2, times a power of 2, it is read as that."""
    share, power = math.frexp(abs(number))
    for pi, root in ((1, 0), (-1, 0), (0, 1)):
        near, shift = math.frexp(math.pi**pi * math.sqrt(2.0) ** root)
        if abs(share - near) <= 0.5 * eps:
            return Known(Fraction(2) ** (power - shift) * (1 if number > 0 else -1), pi, root)
    return Known(Fraction(number))


def line(atom: int, scale: Fraction, root: int = 0) -> Line:
    """A multiple of a variable that floating point forms exactly, but for the root of 2."""
    bits = abs(scale.numerator) * scale.denominator
    if scale == 0 or bits & (bits - 1):
        raise Opaque
    return Line(atom, scale, root)


def squash(family: str, of: Line, a: Known, b: Known) -> Form:
    """The form a + b T(x), with x turned to a positive scale."""
    if b.rational == 0:
        return a
    return (
        Squash(family, of, a, b) if of.scale > 0 else Squash(family, replace(of, scale=-of.scale), a, _product(b, -1))
    )


def _product(x: Known, y: Known | int) -> Known:
    y = Known(Fraction(y)) if isinstance(y, int) else y
    both = x.root + y.root
    return Known(x.rational * y.rational * (2 if both == 2 else 1), x.pi + y.pi, both % 2)


def _sum(x: Known, y: Known) -> Known:
    if x.rational == 0 or y.rational == 0:
        return y if x.rational == 0 else x
    if (x.pi, x.root) != (y.pi, y.root):
        raise Opaque
    return replace(x, rational=x.rational + y.rational)


# ---------------------------------------------------------------------------------------------------------- arithmetic


def plus(x: Form, y: Form) -> Form:
    """The sum x + y."""
    for one, other in ((x, y), (y, x)):
        if one == ZERO:
            return other
        if one == ONE and isinstance(other, Size) and not other.grown:
            return replace(other, grown=True)
        if isinstance(one, Known) and isinstance(other, Squash):
            return replace(other, a=_sum(other.a, one))
    match x, y:
        case Known(), Known():
            return _sum(x, y)
        case Squash(), Squash() if (x.family, x.of) == (y.family, y.of):
            return squash(x.family, x.of, _sum(x.a, y.a), _sum(x.b, y.b))
        case ((Line() | Log()), (Line() | Log())):
            return log(times(exp(x), exp(y)))
    (atom, top, bottom), (other_atom, other_top, other_bottom) = _fraction(x), _fraction(y)
    crossed = added(product(top, other_bottom), product(other_top, bottom))
    return _ratio(atom, other_atom, crossed, product(bottom, other_bottom))


def times(x: Form, y: Form) -> Form:
    """The product x * y."""
    for one, other in ((x, y), (y, x)):
        if one == ONE:
            return other
        match one, other:
            case Known(), Known():
                return _product(one, other)
            case Known(), Squash():
                return squash(other.family, other.of, _product(one, other.a), _product(one, other.b))
            case Known(pi=0), Line():
                scaled = _product(one, Known(other.scale, 0, other.root))
                return line(other.atom, scaled.rational, scaled.root)
            case Known(pi=0, root=0), Log():
                return log(power(other.of, one.rational))
    (atom, top, bottom), (other_atom, other_top, other_bottom) = _fraction(x), _fraction(y)
    return _ratio(atom, other_atom, product(top, other_top), product(bottom, other_bottom))


def minus(x: Form) -> Form:
    """The negative of x."""
    return times(Known(Fraction(-1)), x)


def over(x: Form, y: Form) -> Form:
    """The quotient x / y."""
    if isinstance(x, Line) and isinstance(y, Size) and y.grown and y.of == replace(x, scale=abs(x.scale)):
        return squash("soft_sign", x, ZERO, ONE)
    if isinstance(y, Known) and y.rational != 0:
        return times(x, Known(1 / y.rational / (2 if y.root else 1), -y.pi, y.root))
    atom, top, bottom = _fraction(y)
    # What may be 0 somewhere is not divided by.
    if not top or len({c > 0 for _, c in top}) > 1:
        raise Opaque
    return times(x, _ratio(atom, None, bottom, top))


def power(x: Form, exponent: Any) -> Form:
    """The power of x to a small whole number."""
    if exponent != int(exponent) or abs(exponent) > 4 or not isinstance(x, (Known, Ratio)):
        raise Opaque
    found: Form = ONE
    for _ in range(abs(int(exponent))):
        found = times(found, x) if exponent > 0 else over(found, x)
    return found


def exp(x: Form) -> Form:
    """The exponential of x."""
    match x:
        case Line(root=0):
            return Ratio(x.atom, ((x.scale, Fraction(1)),), UNIT)
        case Log():
            return x.of
        case Known() if x == ZERO:
            return ONE
    raise Opaque


def log(x: Form) -> Form:
    """The logarithm of what is positive everywhere."""
    if x == ONE:
        return ZERO
    if not isinstance(x, Ratio) or any(c <= 0 for _, c in (*x.top, *x.bottom)):
        raise Opaque
    if len(x.bottom) == len(x.top) == 1 and x.top[0][1] == 1:
        return line(x.atom, x.top[0][0])
    return Log(x)


def squashed(family: str, x: Form, scale: Known = ONE, reach: Known = ONE) -> Form:
    """`reach` * T(`scale` * x)."""
    of = times(scale, x)
    if not isinstance(of, Line):
        raise Opaque
    return squash(family, of, ZERO, reach)


def as_squash(x: Form) -> Squash | None:
    """The form a + b T(x) of what has one; a rational function of exp(x) may be one of tanh(x / 2)."""
    if not isinstance(x, Ratio):
        return x if isinstance(x, Squash) else None
    step = x.bottom[-1][0]
    ends = dict(x.top)
    if x.bottom != ((0, 1), (step, 1)) or not ends.keys() <= {0, step}:
        return None
    low, high = ends.get(Fraction(0), Fraction(0)), ends.get(step, Fraction(0))
    return Squash("logistic", Line(x.atom, step), Known((low + high) / 2), Known((high - low) / 2))


# ----------------------------------------------------------------------------------------------------- either side of 0


def size(x: Form) -> Form:
    """The absolute value of x."""
    if not isinstance(x, Line):
        raise Opaque
    return Size(replace(x, scale=abs(x.scale)))


def larger(x: Form, y: Form, sign: int = 1) -> Form:
    """The larger of x and 0; the smaller for sign -1."""
    for one, other in ((x, y), (y, x)):
        if one == ZERO and isinstance(other, Line):
            rises = (other.scale > 0) == (sign > 0)
            return Split(other.atom, ZERO if rises else other, other if rises else ZERO)
    raise Opaque


def exceeds(x: Form, y: Form) -> Form:
    """Whether x > y, one of them 0."""
    for one, other, turned in ((x, y, False), (y, x, True)):
        if isinstance(one, Line) and other == ZERO:
            return Side(one.atom, (one.scale > 0) != turned)
    raise Opaque


def choice(which: Form, *cases: Form) -> Form:
    """The case of that number, or what all cases are."""
    if isinstance(which, Known):
        return cases[int(which.rational)]
    if all(case == cases[0] for case in cases):
        return cases[0]
    raise Opaque


def either_side(rule: Callable[..., Form], *forms: Form) -> Form:
    """A rule on forms; where they depend on the sign of one variable, on each side of 0, and joined if both agree."""
    try:
        return rule(*forms)
    except Opaque:
        atoms = {x.atom for x in forms if isinstance(x, (Side, Split))}
        atoms |= {x.of.atom for x in forms if isinstance(x, Size)}
        if len(atoms) != 1:
            raise
    (atom,) = atoms
    below, above = (either_side(rule, *(_beside(x, atom, sign) for x in forms)) for sign in (-1, 1))
    return below if below == above else Split(atom, below, above)


def _beside(x: Form, atom: int, sign: int) -> Form:
    """The form where the variable has this sign."""
    match x:
        case Side() if x.atom == atom:
            return ONE if x.positive == (sign > 0) else ZERO
        case Split() if x.atom == atom:
            return x.above if sign > 0 else x.below
        case Size() if x.of.atom == atom:
            side = replace(x.of, scale=sign * x.of.scale)
            return plus(ONE, side) if x.grown else side
    return x


def _fraction(x: Form) -> tuple[int | None, Poly, Poly]:
    """The variable, numerator and denominator of a rational function."""
    match x:
        case Known(pi=0, root=0):
            return None, polynomial({Fraction(0): x.rational}), UNIT
        case Ratio():
            return x.atom, x.top, x.bottom
    raise Opaque


def _ratio(one: int | None, other: int | None, top: Poly, bottom: Poly) -> Form:
    """The quotient of polynomials that come of these two variables, which must be one."""
    if None not in (one, other) and one != other:
        raise Opaque
    atom = other if one is None else one
    if not top:
        return ZERO
    if len(top) + len(bottom) > TERMS:
        raise Opaque
    top, bottom = reduced(top, bottom)
    if atom is None or (len(top) == len(bottom) == 1 and top[0][0] == 0):
        return Known(top[0][1])
    return Ratio(atom, top, bottom)
