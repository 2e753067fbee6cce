"""Whether a program's result is a bounded number at every score, infinite ones too: read from it, by intervals.

Where it is, a slope needs no limits at infinity and is computed by its form alone. An interval holds all values that a
variable may have over the extended real numbers; whatever could be NaN, or is done by a primitive that is not known
here, is no proof.
"""

import functools
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.core import Tracer
from jax.extend.core import ClosedJaxpr, Literal

INF = math.inf
BOUND = 1e15
"""A slope beyond this counts as infinite: float32 and 16-bit floats are near their ends."""
TINY, HUGE = 1e-30, 1e30
"""What a float32 may have lost to 0 or to infinity, in products of a few."""
ROUNDING = 1e-6
"""How far the result of one operation in float32 is off, at the most, as a share of it."""


class Range(NamedTuple):
    """All numbers from `low` to `high`, ends included; not NaN."""

    low: float
    high: float


class Truth(NamedTuple):
    """Whether a condition may be true, and whether it may be false."""

    yes: bool
    no: bool


Values = Range | Truth | None
"""None: nothing is known, NaN may be among them."""
EVERYWHERE = Range(-INF, INF)


def is_bounded(program: ClosedJaxpr) -> bool:
    """Whether a program of (score, label) gives a number of at most 1e15 at every score and both labels.

    Args:
        program: elementwise, of one result.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> is_bounded(jax.make_jaxpr(lambda z, t: jnp.where(t * z < 1, -t, 0.0))(0.0, 1.0))
        True
        >>> is_bounded(jax.make_jaxpr(lambda z, t: z * jnp.exp(-t * z))(0.0, 1.0))
        False
    """
    for label in (1.0, -1.0):
        (found,) = _results(program.jaxpr, [*map(_known, program.consts)], [EVERYWHERE, Range(label, label)])
        if not isinstance(found, Range) or max(-found.low, found.high) > BOUND:
            return False
    return True


def _known(value: Any) -> Values:
    """The interval of a constant; of what is being traced nothing is known, nor of a random key."""
    if isinstance(value, Tracer) or jax.numpy.issubdtype(getattr(value, "dtype", float), jax.dtypes.extended):
        return None
    held = np.asarray(value)
    if held.dtype == bool:
        return Truth(bool(held.any()), not held.all())
    if held.size == 0 or not np.issubdtype(held.dtype, np.number) or np.iscomplexobj(held):
        return None
    return _range(float(held.min()), float(held.max()))


def _range(*ends: float) -> Values:
    """The interval that reaches to all of these, opened where a float32 underflows or overflows."""
    if any(math.isnan(end) for end in ends):
        return None
    low, high = min(ends), max(ends)
    low, high = (math.copysign(INF, x) if abs(x) > HUGE else x for x in (low, high))
    return Range(min(low, 0.0) if 0 < low < TINY else low, max(high, 0.0) if -TINY < high < 0 else high)


def _rounded(*ends: float) -> Values:
    """The interval of what is computed: a float32 may round past the ends of what exact arithmetic gives."""
    low, high = min(ends), max(ends)
    return (
        _range(low - ROUNDING * abs(low), high + ROUNDING * abs(high)) if math.isfinite(high - low) else _range(*ends)
    )


def _results(jaxpr: Any, consts: list[Values], arguments: list[Values]) -> list[Values]:
    held: dict[Any, Values] = dict(zip(jaxpr.constvars, consts, strict=True))
    held |= dict(zip(jaxpr.invars, arguments, strict=True))

    def read(x: Any) -> Values:
        return _known(x.val) if isinstance(x, Literal) else held[x]

    for equation in jaxpr.eqns:
        inputs = [read(x) for x in equation.invars]
        held |= dict(zip(equation.outvars, _step(equation, inputs), strict=True))
    return [read(x) for x in jaxpr.outvars]


def _step(equation: Any, inputs: list[Values]) -> list[Values]:
    name = equation.primitive.name
    inner = equation.params.get("call_jaxpr") or equation.params.get("jaxpr")
    if name in ("jit", "pjit", "closed_call", "custom_jvp_call") and isinstance(inner, ClosedJaxpr):
        return _results(inner.jaxpr, [*map(_known, inner.consts)], inputs)
    nothing: list[Values] = [None] * len(equation.outvars)
    if name in ("eq", "ne") and equation.invars[0] is equation.invars[1]:
        # How a program asks whether a number is NaN.
        return [Truth(name == "eq", name == "ne")] if isinstance(inputs[0], Range) else [Truth(True, True)]
    if name == "select_n":
        return [_chosen(*inputs)]
    if name in ("eq", "ne", "lt", "le", "gt", "ge"):
        return [_compared(name, *inputs)]
    if name == "convert_element_type" and not _holds_range(equation.params["new_dtype"]):
        return nothing
    rule = RULES.get(name)
    if rule is None or any(x is None for x in inputs):
        return nothing
    return [rule(*inputs, **({"y": equation.params["y"]} if name == "integer_pow" else {}))]


def _holds_range(dtype: Any) -> bool:
    """Whether a type has the range of a float32: a whole number is cut off, a shorter float overflows early."""
    return np.issubdtype(dtype, np.floating) and np.dtype(dtype).itemsize >= 4


def _chosen(which: Values, *cases: Values) -> Values:
    """What a condition may choose; a choice that cannot happen does not count."""
    open_ways = (which.no, which.yes) if isinstance(which, Truth) and len(cases) == 2 else (True,) * len(cases)
    taken = [case for case, possible in zip(cases, open_ways, strict=True) if possible]
    if taken and all(isinstance(case, Truth) for case in taken):
        return Truth(any(case.yes for case in taken), any(case.no for case in taken))  # type: ignore[union-attr]
    if taken and all(isinstance(case, Range) for case in taken):
        return _range(*(end for case in taken for end in case))  # type: ignore[union-attr]
    return None


def _compared(name: str, x: Values, y: Values) -> Truth:
    """A comparison's outcomes; only those that hold for all numbers of both intervals are sure."""
    if not isinstance(x, Range) or not isinstance(y, Range):
        return Truth(True, True)
    if name in ("gt", "ge"):
        name, x, y = {"gt": "lt", "ge": "le"}[name], y, x
    if name in ("eq", "ne"):
        apart, one = x.high < y.low or y.high < x.low, x == y and x.low == x.high
        return Truth(not apart, not one) if name == "eq" else Truth(not one, not apart)
    if name == "lt":
        return Truth(x.low < y.high, x.high >= y.low)
    return Truth(x.low <= y.high, x.high > y.low)


# ------------------------------------------------------------------------------------------------ one primitive each


def _sum(x: Range, y: Range) -> Values:
    ends = (x.low + y.low, x.high + y.high)
    opposed = (x.low == -INF and y.high == INF) or (x.high == INF and y.low == -INF)
    return None if opposed else _rounded(*ends)


def _minus(x: Range) -> Range:
    return Range(-x.high, -x.low)


def _product(x: Range, y: Range) -> Values:
    for a, b in ((x, y), (y, x)):
        if a.low <= 0 <= a.high and (b.low == -INF or b.high == INF):
            return None
    return _rounded(*(a * b for a in x for b in y))


def _quotient(x: Range, y: Range) -> Values:
    if y.low <= 0 <= y.high or (INF in (x.high, -x.low) and INF in (y.high, -y.low)):
        return None
    return _rounded(*(a / b for a in x for b in y))


def _size(x: Range) -> Values:
    return Range(0.0, max(-x.low, x.high)) if x.low <= 0 <= x.high else _range(abs(x.low), abs(x.high))


def _rising(function: Callable[[float], float], low: float = -INF) -> Callable[[Range], Values]:
    """A function that rises, of arguments from `low`."""

    def rule(x: Range) -> Values:
        return None if x.low < low else _rounded(*(function(end) for end in x))

    return rule


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else INF


def _logistic(x: float) -> float:
    return 1 / (1 + _exp(-x))


def _power(x: Range, y: int) -> Values:
    if y < 1:
        return None
    ends = (_ends_power(x.low, y), _ends_power(x.high, y))
    return _rounded(0.0, *ends) if y % 2 == 0 and x.low <= 0 <= x.high else _rounded(*ends)


def _ends_power(x: float, y: int) -> float:
    return math.copysign(INF, x) ** y if abs(x) > HUGE else float(x) ** y


def _both(x: Truth, y: Truth) -> Truth:
    return Truth(x.yes and y.yes, x.no or y.no)


def _either(x: Truth, y: Truth) -> Truth:
    return Truth(x.yes or y.yes, x.no and y.no)


def _signs(x: Range) -> Values:
    return _range(float(np.sign(x.low)), float(np.sign(x.high)))


def _typed(function: Callable[..., Values], kind: type) -> Callable[..., Values]:
    """A rule for arguments of one kind; others are not known."""

    @functools.wraps(function)
    def rule(*inputs: Values, **settings: Any) -> Values:
        return function(*inputs, **settings) if all(isinstance(x, kind) for x in inputs) else None

    return rule


def _of(kind: type, rules: Iterable[tuple[str, Callable[..., Values]]]) -> dict[str, Callable[..., Values]]:
    return {name: _typed(function, kind) for name, function in rules}


def _as_number(x: Values) -> Values:
    """What only changes shape, or is made a float; a condition made a number is 0 or 1."""
    return Range(0.0 if x.no else 1.0, 1.0 if x.yes else 0.0) if isinstance(x, Truth) else x


RULES: dict[str, Callable[..., Values]] = _of(
    Range,
    (
        ("add", _sum),
        ("sub", lambda x, y: _sum(x, _minus(y))),
        ("neg", _minus),
        ("mul", _product),
        ("div", _quotient),
        ("abs", _size),
        ("sign", _signs),
        ("max", lambda x, y: Range(max(x.low, y.low), max(x.high, y.high))),
        ("min", lambda x, y: Range(min(x.low, y.low), min(x.high, y.high))),
        ("exp", _rising(_exp)),
        ("logistic", _rising(_logistic)),
        ("tanh", _rising(math.tanh)),
        ("sqrt", _rising(math.sqrt, 0.0)),
        ("log1p", _rising(math.log1p, -0.999)),
        ("integer_pow", _power),
        ("square", lambda x: _power(x, 2)),
    ),
) | _of(
    Truth,
    (
        ("and", _both),
        ("or", _either),
        ("not", lambda x: Truth(x.no, x.yes)),
    ),
)
RULES |= dict.fromkeys(
    ("convert_element_type", "broadcast_in_dim", "reshape", "squeeze", "copy", "stop_gradient"), _as_number
)
