"""How an expression behaves towards infinity: its limit, and how fast it nears it, without looking at any score.

Every node becomes a sum of terms c * exp(a) * x^p * log(x)^q * ... of x = |z|, largest first, with a bound on what is
left out; the exponents a are such sums themselves. Sums, products, powers, exp and log of such sums are such sums
again. Where leading terms cancel beyond what was kept, or no limit can be told, the calculus says so.
"""

import functools
import math
from typing import Any, NamedTuple

from lossland.proofs._balls import BITS, Ball, ball_jet, node_ball, with_bits
from lossland.proofs._expression import Expression
from lossland.proofs._growth_functions import FUNCTIONS, power_rest_of, tempered_of
from lossland.proofs._growth_monomials import UNIT, X, kind_of
from lossland.proofs._growth_numbers import (
    NIL,
    PRECISE,
    Number,
    Unknown,
    ball_of_number,
    double_beside,
    known,
    rational_number,
    surely,
)
from lossland.proofs._growth_sums import Series, direction_of, parted, series_of


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
            except Unknown:
                continue
        if found.kind != "unknown":
            break
    return found


def _told(part: Expression, side: int) -> Growth:
    if all(op != "score" for op, _, _ in part.nodes):
        limit = double_beside(ball_jet(part, 0.0).value)
        return Growth(limit, "unknown" if math.isnan(limit) else "constant")
    value = _walked(part, side)
    direction = direction_of(value)
    if direction:
        return Growth(direction * math.inf, *kind_of(value.terms[0][0]))
    _, constant, small = parted(value)
    limit = double_beside(ball_of_number(constant))
    if not small.terms:
        return Growth(limit, "constant" if small.rest is None else "unknown")
    monomial, number = small.terms[0]
    return Growth(limit, *kind_of(monomial), surely(number))


def _walked(part: Expression, side: int) -> Series:
    """The sum of an expression's value; on the way, an infinite constant is a ball."""
    held: list[Any] = []
    for op, args, param in part.nodes:
        given = [held[a] for a in args]
        if op == "score":
            held.append(Series(((X, rational_number(side)),)))
        elif op == "const" and math.isfinite(param):
            held.append(series_of(rational_number(*param.as_integer_ratio())))
        elif op == "const" or not all(isinstance(a, Series) for a in given):
            balls = [Ball(ball_of_number(_constant(a)) if isinstance(a, Series) else a) for a in given]
            value = node_ball(op, param, balls, None).value
            held.append(series_of(known(value)) if value.is_finite() else value)
        else:
            held.append(_applied(op, param, given))
    if not isinstance(held[-1], Series):
        raise Unknown
    return held[-1]


def _constant(a: Series) -> Number:
    if a.rest is not None or any(monomial is not UNIT for monomial, _ in a.terms):
        raise Unknown
    return a.terms[0][1] if a.terms else NIL


def _applied(op: str, param: Any, given: list[Series]) -> Series:
    if op == "power":
        return given[0] ** rational_number(param)
    if op == "pow":
        return given[0] ** _constant(given[1])
    if op in ("tempered", "power_rest"):
        return (tempered_of if op == "tempered" else power_rest_of)(given[0], param)
    if op not in FUNCTIONS:
        raise Unknown
    return FUNCTIONS[op](*given)
