"""What sign a node has and between which bounds it lies at every finite score, read off the structure alone."""

import math
from fractions import Fraction
from typing import Any, NamedTuple

POSITIVE = frozenset(
    "exp softplus logistic normal_cdf gumbel_cdf gumbel_survival squareplus hypot cauchy cauchy_cdf".split()
)
"""Functions that are positive at every finite score."""


def sign_of(graph: Any, op: str, args: tuple[int, ...], param: Any) -> str:
    """The sign of a node at every finite score: "+", "-", "0+" (not negative), "0-", "0" or "" where unknown."""
    signs = [graph.signs[a] for a in args]
    if op == "const":
        return "" if isinstance(param, bool) or param != param else "+" if param > 0 else "-" if param < 0 else "0"
    if op in POSITIVE:
        return "+"
    if op in ("log_normal_cdf", "log_gumbel_cdf", "tempered"):
        return "-"
    if op in ("tanh", "atan", "erf", "expm1", "asinh", "ratio", "log1p", "recip"):
        return signs[0] if not (op == "recip" and "0" in signs[0]) else ""
    if op == "power_rest":
        return "+" if signs[0] in ("+", "-") else "0+"
    if op == "expm1_minus":
        return "+" if signs[0] in ("+", "-") else "0+"
    if op == "sqrt" or (op == "pow" and args):
        return "+" if signs[0] == "+" else "0+"
    if op == "abs":
        return "+" if signs[0] in ("+", "-") else "0+"
    if op == "power":
        if param % 2 == 0:
            return "+" if signs[0] in ("+", "-") else "0+"
        return signs[0]
    if op == "neg":
        return opposite(signs[0])
    if op == "add":
        return sum_sign(*signs)
    if op == "sub":
        return sum_sign(signs[0], opposite(signs[1]))
    if op in ("mul", "div"):
        return _product(*signs) if op == "mul" or signs[1] in ("+", "-") else ""
    if op == "max":
        return (
            "+" if "+" in signs else "0+" if "0+" in signs or "0" in signs else signs[0] if signs[0] == signs[1] else ""
        )
    if op == "min":
        return (
            "-" if "-" in signs else "0-" if "0-" in signs or "0" in signs else signs[0] if signs[0] == signs[1] else ""
        )
    if op == "select":
        return signs[1] if signs[1] == signs[2] else ""
    return ""


def opposite(sign: str) -> str:
    return sign.translate({ord("+"): "-", ord("-"): "+"})


def sum_sign(a: str, b: str) -> str:
    if a == "0":
        return b
    if b == "0" or a == b:
        return a
    for strict, weak in (("+", "0+"), ("-", "0-")):
        if {a, b} == {strict, weak}:
            return strict
    return ""


def _product(a: str, b: str) -> str:
    if "0" in (a, b):
        return "0"
    if not a or not b:
        return ""
    sign = "+" if a[-1] == b[-1] else "-"
    return f"0{sign}" if "0" in a + b else sign


class Range(NamedTuple):
    """Bounds on a node at every finite score; `reaches_*` tells whether a bound may be met."""

    low: float
    high: float
    reaches_low: bool = False
    reaches_high: bool = False


LINE = Range(-math.inf, math.inf)
_BOUNDED = {
    **dict.fromkeys(("logistic", "normal_cdf", "cauchy_cdf", "gumbel_cdf", "gumbel_survival"), Range(0.0, 1.0)),
    **dict.fromkeys(("tanh", "erf"), Range(-1.0, 1.0)),
    "cauchy": Range(0.0, 1.0, False, True),
    "ratio": Range(-math.inf, 1.0),
    "expm1": Range(-1.0, math.inf),
    **dict.fromkeys(("sin", "cos"), Range(-1.0, 1.0, True, True)),
}


def range_of(graph: Any, op: str, args: tuple[int, ...], param: Any) -> Range:
    """Bounds by interval arithmetic in which only exact results count."""
    given = [graph.ranges[a] for a in args]
    if op == "const" and not isinstance(param, bool) and math.isfinite(param):
        return Range(param, param, True, True)
    if op in _BOUNDED:
        return _BOUNDED[op]
    if op == "neg":
        return negated_range(given[0])
    if op in ("add", "sub"):
        a, b = given[0], negated_range(given[1]) if op == "sub" else given[1]
        low, high = exact("add", a.low, b.low), exact("add", a.high, b.high)
        return Range(
            -math.inf if low is None else low,
            math.inf if high is None else high,
            a.reaches_low and b.reaches_low,
            a.reaches_high and b.reaches_high,
        )
    if op == "mul" and any(graph.value(a) for a in args):
        known, other = args if graph.value(args[0]) else args[::-1]
        factor, x = graph.value(known), graph.ranges[other]
        x = x if factor > 0 else negated_range(x)
        low, high = exact("mul", x.low, abs(factor)), exact("mul", x.high, abs(factor))
        return Range(
            -math.inf if low is None else low, math.inf if high is None else high, x.reaches_low, x.reaches_high
        )
    if op in ("max", "min"):
        a, b = given if op == "max" else (negated_range(given[0]), negated_range(given[1]))
        reaches = (a if a.low > b.low else b).reaches_low if a.low != b.low else a.reaches_low and b.reaches_low
        found = Range(max(a.low, b.low), max(a.high, b.high), reaches, True)
        return found if op == "max" else negated_range(found)
    if op in ("power", "abs"):
        x = given[0]
        size = max(abs(x.low), abs(x.high))
        if op == "abs" or (param == 2 and size < 1e100):
            top = size if op == "abs" else exact("mul", size, size)
            return Range(0.0, math.inf if top is None else top, True, x.reaches_low or x.reaches_high)
    return LINE


def negated_range(x: Range) -> Range:
    return Range(-x.high, -x.low, x.reaches_high, x.reaches_low)


def sign_in(x: Range) -> str:
    if x.low == x.high == 0:
        return "0"
    if x.low >= 0:
        return "0+" if x.low == 0 and x.reaches_low else "+"
    if x.high <= 0:
        return "0-" if x.high == 0 and x.reaches_high else "-"
    return ""


def signed(x: Range, sign: str) -> Range:
    """A range that knows the node's sign."""
    if "+" in sign and (x.low < 0 or (x.low == 0 and x.reaches_low and sign == "+")):
        return x._replace(low=0.0, reaches_low=sign != "+")
    if "-" in sign and (x.high > 0 or (x.high == 0 and x.reaches_high and sign == "-")):
        return x._replace(high=0.0, reaches_high=sign != "-")
    return x


def gap_sign(g: Any, a: int, b: int) -> str:
    """The sign of the difference of two nodes, where signs and bounds tell it."""
    x, y = g.ranges[a], g.ranges[b]
    if x.low >= y.high:
        return "+" if x.low > y.high or not (x.reaches_low and y.reaches_high) else "0+"
    if x.high <= y.low:
        return "-" if x.high < y.low or not (x.reaches_high and y.reaches_low) else "0-"
    return sum_sign(g.signs[a], opposite(g.signs[b]))


def exact(op: str, x: Any, y: Any) -> float | None:
    """A result of arithmetic on doubles if no rounding is in it."""
    if not (math.isfinite(x) and math.isfinite(y)):
        return None
    a, b = Fraction(x), Fraction(y)
    if op == "div" and b == 0:
        return None
    results = {
        "add": lambda: a + b,
        "sub": lambda: a - b,
        "mul": lambda: a * b,
        "div": lambda: a / b,
        "power": lambda: a ** int(b),
    }
    whole = results[op]()
    try:
        near = float(whole)
    except OverflowError:
        return None
    return near if math.isfinite(near) and Fraction(near) == whole else None
