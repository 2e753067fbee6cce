"""Sums of the growth calculus: monomials times numbers, the largest first, and a bound on what is left out."""

import dataclasses
import functools

from lossland.proofs._growth_monomials import SIZES, UNIT, Monomial, compared, largest_of, product, to_power
from lossland.proofs._growth_numbers import (
    MINUS,
    MOST,
    NIL,
    ONE,
    Number,
    Unknown,
    plus,
    raised,
    rational,
    rational_number,
    surely,
    times,
)


@functools.lru_cache(maxsize=256)
def binomial(p: Number) -> tuple[tuple[Number, ...], bool]:
    """The coefficients of (1 + x)^p, and whether these are all."""
    power = rational(p)
    ends = power is not None and power.q == 1 and 0 <= power.p <= 64
    found = [ONE]
    for k in range(int(power.p) if power is not None and ends else MOST - 1):
        found.append(times(found[-1], times(plus(p, rational_number(-k)), rational_number(1, k + 1))))
    return tuple(found), ends


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
        other = series_of(other)
        numbers = dict(self.terms)
        for monomial, number in other.terms:
            numbers[monomial] = plus(numbers[monomial], number) if monomial in numbers else number
        return summed(numbers, self.rest, other.rest)

    def __mul__(self, other: "Series | int") -> "Series":
        other = series_of(other)
        if self.size is None or other.size is None:
            return Series(())
        if other.rest is None and len(other.terms) == 1:
            return self.times(*other.terms[0])
        if self.rest is None and len(self.terms) == 1:
            return other.times(*self.terms[0])
        rest = largest_of(self.rest and product(self.rest, other.size), other.rest and product(other.rest, self.size))
        numbers: dict[Monomial, Number] = {}
        for m, x in self.terms:
            for n, y in other.terms:
                both = product(m, n)
                if rest is not None and compared(both, rest) <= 0:
                    break
                numbers[both] = plus(numbers[both], times(x, y)) if both in numbers else times(x, y)
        return summed(numbers, rest)

    def __neg__(self) -> "Series":
        return self.times(UNIT, MINUS)

    def __sub__(self, other: "Series | int") -> "Series":
        return self + -series_of(other)

    def __rsub__(self, other: int) -> "Series":
        return -self + other

    def __pow__(self, p: Number) -> "Series":
        if not self.terms and p and surely(p) > 0:
            return Series((), self.rest and to_power(self.rest, p))
        monomial, number, small = lead(self)
        power = rational(p)
        if surely(number) < 0 and (power is None or power.q != 1):
            raise Unknown
        return composed(*binomial(p), small).times(to_power(monomial, p), raised(number, p))

    __radd__, __rmul__ = __add__, __mul__

    def times(self, monomial: Monomial, number: Number) -> "Series":
        """This times one term."""
        rest = self.rest and product(self.rest, monomial)
        surely(number)
        return Series(tuple((product(m, monomial), times(n, number)) for m, n in self.terms), rest)


def series_of(x: Series | Number | int) -> Series:
    if isinstance(x, Series):
        return x
    return summed({UNIT: rational_number(x) if isinstance(x, int) else x})


def summed(numbers: dict[Monomial, Number], *rests: Monomial | None) -> Series:
    """A sum, cut where numbers cannot be told from zero or terms become too many."""
    rest = largest_of(*rests)
    terms = []
    for monomial in sorted(numbers, key=SIZES, reverse=True):
        if rest is not None and compared(monomial, rest) <= 0:
            break
        try:
            sign = surely(numbers[monomial])
        except Unknown:
            return Series(tuple(terms), monomial)
        if sign and len(terms) >= MOST and (len(terms) >= 4 * MOST or compared(monomial, UNIT) < 0):
            return Series(tuple(terms), monomial)
        if sign:
            terms.append((monomial, numbers[monomial]))
    return Series(tuple(terms), rest)


def composed(numbers: tuple[Number, ...], ends: bool, small: Series) -> Series:
    """The power series with these coefficients at a sum that tends to 0; `ends` if there are no more of them."""
    if small.size is None:
        return series_of(numbers[0])
    total = series_of(numbers[-1])
    for number in numbers[-2::-1]:
        total = total * small + series_of(number)
    return summed(dict(total.terms), total.rest, None if ends else to_power(small.size, rational_number(len(numbers))))


def parted(a: Series) -> tuple[Series, Number, Series]:
    """The terms that tend to infinity, the constant, and the sum that tends to 0."""
    if a.rest is not None and compared(a.rest, UNIT) >= 0:
        raise Unknown
    large = tuple(term for term in a.terms if compared(term[0], UNIT) > 0)
    others = a.terms[len(large) :]
    constant = others[0][1] if others and others[0][0] is UNIT else NIL
    return Series(large), constant, Series(others[bool(constant) :], a.rest)


def reach(a: Series) -> int:
    """1 if the sum may be unbounded, -1 if it tends to 0, 0 if it is only bounded."""
    return -1 if a.size is None else compared(a.size, UNIT)


def direction_of(a: Series) -> int:
    """1 or -1 if the sum tends to that infinity, 0 if it is bounded."""
    return surely(lead(a)[1]) if reach(a) > 0 else 0


def lead(a: Series) -> tuple[Monomial, Number, Series]:
    """A sum as monomial * number * (1 + small)."""
    if not a.terms:
        raise Unknown
    monomial, number = a.terms[0]
    surely(number)
    small = Series(a.terms[1:], a.rest)
    return monomial, number, small.times(to_power(monomial, MINUS), raised(number, MINUS)) if small.size else small
