"""Choices that signs and bounds decide: max, min, abs, comparisons and what is selected by them."""

import math
from typing import Any

from lossland.proofs._graph import Graph, add_node
from lossland.proofs._signs import gap_sign


def abs_node(g: Graph, a: int) -> int | None:
    value = g.value(a)
    if value is not None:
        return g.const(abs(value))
    if g.op(a) == "neg":
        return add_node(g, "abs", g.args(a))
    if g.op(a) == "sub" and g.args(a)[0] > g.args(a)[1]:
        return add_node(g, "abs", (add_node(g, "sub", g.args(a)[::-1]),))
    return a if g.signs[a] in ("+", "0+", "0") else add_node(g, "neg", (a,)) if g.signs[a] in ("-", "0-") else None


def largest(which: str) -> Any:
    def rule(g: Graph, a: int, b: int) -> int | None:
        x, y = g.value(a), g.value(b)
        if a == b:
            return a
        if x is not None and y is not None:
            return g.const(max(x, y) if which == "max" else min(x, y))
        gap = gap_sign(g, a, b)
        if gap:
            return (a if "+" in gap else b) if which == "max" else (b if "+" in gap else a)
        for one, other in ((a, b), (b, a)):
            if g.value(other) in (math.inf, -math.inf):
                return (other if g.value(other) > 0 else one) if which == "max" else (
                    one if g.value(other) > 0 else other
                )  # fmt: skip
        return None

    return rule


def select_node(g: Graph, p: int, yes: int, no: int) -> int | None:
    value = g.value(p)
    if value is not None:
        return yes if value else no
    if yes == no:
        return yes
    if isinstance(g.value(yes), bool) and isinstance(g.value(no), bool):
        return p if g.value(yes) else add_node(g, "not", (p,))
    return None


def compared(op: str) -> Any:
    def rule(g: Graph, a: int, b: int) -> int | None:
        x, y = g.value(a), g.value(b)
        if x is not None and y is not None and not isinstance(x, bool):
            return g.const({"lt": x < y, "le": x <= y, "eq": x == y}[op])
        if a == b:
            return g.const(op != "lt")
        if isinstance(x, bool) or isinstance(y, bool):
            known, other = (a, b) if isinstance(x, bool) else (b, a)
            if op == "eq":
                return other if g.value(known) else add_node(g, "not", (other,))
            return None
        if math.inf in (x, -(x or 0), y, -(y or 0)):
            # A finite number against an infinite one.
            low, high = (x == -math.inf) or (y == math.inf), (x == math.inf) or (y == -math.inf)
            return g.const(False) if op == "eq" or high else g.const(True) if low else None
        gap = gap_sign(g, a, b)
        if gap in ("+", "-", "0"):
            return g.const({"lt": gap == "-", "le": gap != "+", "eq": gap == "0"}[op])
        if gap in ("0+", "0-") and op == ("lt" if gap == "0+" else "le"):
            return g.const(op == "le")
        return None

    return rule


def not_node(g: Graph, a: int) -> int | None:
    value = g.value(a)
    return g.const(not value) if value is not None else g.args(a)[0] if g.op(a) == "not" else None


def both(op: str) -> Any:
    def rule(g: Graph, a: int, b: int) -> int | None:
        for x, y in ((a, b), (b, a)):
            if g.value(x) is not None:
                return y if bool(g.value(x)) == (op == "and") else x
        return a if a == b else None

    return rule
