"""Intervals with outward rounding, and value, slope and curvature of expressions on whole cells of scores.

An interval is a pair of float64 arrays, lower and upper ends; what is returned holds every value that the expression
takes on the cell. A number that has no bound, or is not defined somewhere in the cell, is the whole line.
"""

from typing import Any, NamedTuple

import numpy as np

from lossland.proofs._expression import Expression
from lossland.proofs._images import (
    circular_image,
    image,
    power_image,
    power_rest_image,
    reciprocal,
    tempered_image,
    whole_power_image,
)
from lossland.proofs._interval import LARGEST, Interval, added, negated, scaled, square, times
from lossland.proofs._rules import rules


class Cells(NamedTuple):
    """Enclosures of value, slope and curvature, None where exactly 0 by structure."""

    value: Interval
    slope: Interval | None = None
    curvature: Interval | None = None


def on_cells(expression: Expression, cells: Interval) -> tuple[Interval, Interval, Interval]:
    """Enclosures of value, slope and curvature of an expression without choices on cells.

    Args:
        expression: of smooth operations only.
        cells: (n,) ends each, infinite ones allowed.

    Returns:
        Three intervals of arrays (n,).
    """
    held: list[Cells] = []
    shape = np.shape(cells.low)
    with np.errstate(all="ignore"):
        for op, args, param in expression.nodes:
            found = _node(op, param, [held[a] for a in args], cells)
            held.append(found if op in ("score", "const") else _finite_cells(found))
    zero = Interval(0.0, 0.0)
    parts = [zero if part is None else part for part in held[-1]]
    return tuple(  # type: ignore[return-value]
        Interval(np.broadcast_to(part.low, shape), np.broadcast_to(part.high, shape)) for part in parts
    )


def _finite_cells(found: Cells) -> Cells:
    return Cells(_finite(found.value), *(None if x is None else _finite(x) for x in found[1:]))


def _finite(x: Interval) -> Interval:
    """Every number of an expression is finite: what overflows a double is only known to be larger than all of them."""
    if not (np.isposinf(x.low).any() or np.isneginf(x.high).any()):
        return x
    return Interval(np.minimum(x.low, LARGEST), np.maximum(x.high, -LARGEST))


def _node(op: str, param: Any, args: list[Cells], cells: Interval) -> Cells:
    if op == "score":
        return Cells(cells, Interval(1.0, 1.0))
    if op == "const":
        return Cells(Interval(np.float64(param), np.float64(param)))
    if op == "neg":
        return Cells(*(None if x is None else negated(x) for x in args[0]))  # type: ignore[arg-type]
    if op in ("add", "sub"):
        return Cells(*(_sum(x, y, op == "sub") for x, y in zip(*args, strict=True)))  # type: ignore[arg-type]
    if op == "mul":
        return _product(*args)
    if op == "div":
        return _product(args[0], _chained(reciprocal(args[1].value), args[1]))
    if op == "pow":
        return _chained(power_image(args[0].value, args[1].value), args[0])
    inner = args[0].value
    if op == "recip":
        return _chained(reciprocal(inner), args[0])
    if op == "power":
        return _chained(whole_power_image(inner, param), args[0])
    if op in ("sin", "cos"):
        return _chained(circular_image(op, inner), args[0])
    if op == "tempered":
        return _chained(tempered_image(inner, param), args[0])
    if op == "power_rest":
        return _chained(power_rest_image(inner, param), args[0])
    return _chained(image(rules()[op], inner), args[0])


def _sum(x: Interval | None, y: Interval | None, minus: bool) -> Interval | None:
    if y is None:
        return x
    y = negated(y) if minus else y
    return y if x is None else added(x, y)


def _times(x: Interval | None, y: Interval | None) -> Interval | None:
    return None if x is None or y is None else times(x, y)


def _product(a: Cells, b: Cells) -> Cells:
    slope = _sum(_times(a.slope, b.value), _times(a.value, b.slope), False)
    cross = _times(a.slope, b.slope)
    outer = _sum(_times(a.curvature, b.value), _times(a.value, b.curvature), False)
    twice = None if cross is None else scaled(cross, 2.0)
    return Cells(times(a.value, b.value), slope, _sum(outer, twice, False))


def _chained(f: tuple[Interval, Interval, Interval], inner: Cells) -> Cells:
    """The enclosures of f(inner) from those of f, f' and f''."""
    if inner.slope is None:
        return Cells(f[0])
    outer = times(f[2], square(inner.slope))
    return Cells(f[0], times(f[1], inner.slope), _sum(outer, _times(f[1], inner.curvature), False))
