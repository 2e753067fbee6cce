"""The neighbours of an output that files none, read from its program.

An output that is a + b T(u), T the hyperbolic tangent, the error function, the arctangent (as a share of its reach) or
the algebraic squashing function, has neighbours whatever u(z) is: 1 - a - b T(u) is b (1 - T(u)) if a + b = 1, and
1 - T is computed without a subtraction. The program is traced once for each structure, and only what its equations
prove counts (`_reading.py`).
"""

import functools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import jax
from jax import Array

from lossland.core import Keyed, by_structure, keyed, same
from lossland.elements import _numerics as nx
from lossland.elements._forms import Known, Squash
from lossland.elements._reading import Program, evaluated, squashes
from lossland.elements._registry import Activation
from lossland.elements._replay import Output, log_near_one, to_trace


def neighbours(activation: Activation, score: Array) -> Output | None:
    """The output at each score with the neighbours that it files, or else those that its program shows; None: neither.

    Args:
        activation: the output activation.
        score: z, of float32 or float64, any shape.
    """
    if activation.neighbours is not None:
        return activation.neighbours(score, **activation.settings())
    held = keyed(functools.partial(activation.function, **dict(activation.parameters)))
    try:
        closed = jax.make_jaxpr(to_trace(held))(score)
    except jax.errors.JAXTypeError:
        # A function of plain numbers, which JAX cannot trace, may still be evaluated.
        return None
    reading = _reading(Keyed(same(closed), closed, held.readable))
    return None if reading is None else _output(reading, score)


# ------------------------------------------------------------------------------------------------- squashing functions


class Family(NamedTuple):
    """An odd squashing function T of x, by (1 + T) / 2, by itself and by log((1 + T) / 2), if that may underflow."""

    share: Callable[[Array], Array]
    odd: Callable[[Array], Array]
    log_share: Callable[[Array], Array] | None = None


_FAMILIES = {
    # T is tanh(x / 2), so that x is what a logistic function is taken of; and erf(x / sqrt 2).
    "logistic": Family(nx.sigmoid, lambda x: nx.hyperbolic_tangent(0.5 * x), lambda x: -nx.softplus(-x)),
    "normal": Family(nx.normal_cdf, lambda x: jax.lax.erf(x * math.sqrt(0.5)), nx.log_normal_cdf),
    "arctangent": Family(nx.cauchy_cdf, lambda x: nx.arctangent(x) * (2.0 / math.pi)),
    "soft_sign": Family(lambda x: 0.5 * nx.soft_sign_gap(-x), nx.soft_sign),
}


class Reading(NamedTuple):
    """An output a + b T(scale * u), b > 0, and the program that gives u."""

    family: str
    a: Fraction
    b: Fraction
    scale: float
    atom: int
    program: Program

    @property
    def touches(self) -> tuple[bool, bool, bool]:
        """Whether the output comes down to 0, up to 1, and down to -1; the last two as float64 tells."""
        return self.a == self.b, float(self.a + self.b) == 1.0, float(self.b - self.a) == 1.0

    @property
    def has_logs(self) -> bool:
        """Whether it is a probability that comes to 0 or 1 faster than floating point can follow."""
        from_zero, to_one, _ = self.touches
        within = self.a >= self.b and (to_one or self.a + self.b < 1)
        return _FAMILIES[self.family].log_share is not None and within and (from_zero or to_one)


def _output(reading: Reading, score: Array) -> Output:
    """The output and its neighbours, from u."""
    family, a, b = _FAMILIES[reading.family], reading.a, reading.b
    x = evaluated(reading.program, reading.atom, score)
    x = _affine(Fraction(0), Fraction(reading.scale), x)
    _, to_one, from_minus_one = reading.touches
    above, below = (_affine(Fraction(0), 2 * b, family.share(x)) for x in (x, -x))
    # From the end that is nearer to 0, so that nothing cancels.
    if abs(a) < b:
        value = _affine(a, b, family.odd(x))
    else:
        value = _affine(a - b, Fraction(1), above) if a > 0 else _affine(a + b, Fraction(-1), below)
    logs = _logs(reading, x, value, below) if reading.has_logs else (None, None)
    return Output(value, below if to_one else None, above if from_minus_one else None, *logs)


def _affine(a: Fraction, b: Fraction, x: Array) -> Array:
    """The number a + b x, without operations that change nothing."""
    scaled = -x if b == -1 else x if b == 1 else float(b) * x
    return scaled if a == 0 else float(a) + scaled


def _logs(reading: Reading, x: Array, value: Array, below: Array) -> tuple[Array, Array]:
    """The logarithms of a and 1 - a; an end that is neither 0 nor 1 keeps its own from underflow."""
    from_zero, to_one, _ = reading.touches
    log_share, shift = _FAMILIES[reading.family].log_share, math.log(2.0 * float(reading.b))
    assert log_share is not None
    complement = below if to_one else float(1 - reading.a - reading.b) + below
    log = log_share(x) + shift if from_zero else log_near_one(value, complement)
    return log, log_share(-x) + shift if to_one else log_near_one(complement, value)


@by_structure(maxsize=256)
def _reading(closed: Keyed) -> Reading | None:
    """What the program says about its output; None if it shows no neighbour."""
    every = (_read(found, program) for found, program in squashes(closed.value))
    return next((reading for reading in every if reading is not None), None)


def _read(found: Squash, program: Program) -> Reading | None:
    if any(number.rational != 0 and (number.pi, number.root) != (0, 0) for number in (found.a, found.b)):
        return None
    sign = 1 if found.b.rational > 0 else -1
    scale = sign * float(Known(found.of.scale, 0, found.of.root))
    reading = Reading(found.family, found.a.rational, sign * found.b.rational, scale, found.of.atom, program)
    return reading if any(reading.touches[1:]) or reading.has_logs else None
