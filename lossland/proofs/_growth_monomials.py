"""Monomials of the growth calculus: products of iterated logarithms, powers and exponentials, ordered by growth."""

import dataclasses
import functools
import weakref
from typing import Any

from lossland.proofs._growth_numbers import (
    MINUS,
    ONE,
    Number,
    Unknown,
    ball_of_number,
    double_beside,
    plus,
    surely,
    times,
)


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


def unfolded(generator: Any) -> Monomial:
    """A generator as a monomial, a remainder by its bound."""
    if isinstance(generator, int):
        return _monomial((generator + 1, ONE))
    return generator.bound if isinstance(generator, Remainder) else generator


def tower(terms: Any, *others: tuple[Any, Number]) -> Monomial:
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
    return compared(unfolded(g), unfolded(h)) or isinstance(g, Remainder) - isinstance(h, Remainder)


@functools.lru_cache(maxsize=1 << 16)
def product(a: Monomial, b: Monomial) -> Monomial:
    if not a.parts or not b.parts:
        return a if a.parts else b
    numbers = dict(a.parts)
    for generator, number in b.parts:
        numbers[generator] = plus(numbers[generator], number) if generator in numbers else number
    kept = sorted((g for g, number in numbers.items() if number), key=functools.cmp_to_key(_faster), reverse=True)
    return _monomial(*((g, numbers[g]) for g in kept))


@functools.lru_cache(maxsize=1 << 16)
def to_power(a: Monomial, p: Number) -> Monomial:
    return _monomial(*((g, times(number, p)) for g, number in a.parts)) if p else UNIT


@functools.lru_cache(maxsize=1 << 16)
def compared(a: Monomial, b: Monomial) -> int:
    """1 if a / b tends to infinity, -1 if to 0, 0 if they are one."""
    parts = () if a is b else product(a, to_power(b, MINUS)).parts
    if parts and isinstance(parts[0][0], Remainder):
        raise Unknown
    return surely(parts[0][1]) if parts else 0


SIZES = functools.cmp_to_key(compared)


def largest_of(*sizes: Monomial | None) -> Monomial | None:
    return max((size for size in sizes if size is not None), key=SIZES, default=None)


def kind_of(monomial: Monomial) -> tuple[str, float]:
    """How a monomial grows or dies out."""
    generator, number = monomial.parts[0]
    if isinstance(generator, Remainder):
        return "unknown", 0.0
    if generator in (0, 1):
        return "polynomial" if generator else "exponential", abs(double_beside(ball_of_number(number)))
    if compared(unfolded(generator), X) > 0:
        return "super-exponential", 0.0
    return "stretched" if compared(unfolded(generator), LOG_X) > 0 else "slower", 0.0
