"""Identities of exponentials, logarithms, roots and odd functions."""

import math
from fractions import Fraction
from typing import Any

from lossland.proofs._arithmetic_identities import one_minus, one_plus, one_plus_exp
from lossland.proofs._graph import Graph, add_node


def exp_node(g: Graph, a: int) -> int | None:
    if g.value(a) == 0:
        return g.const(1.0)
    if g.op(a) == "log" and g.signs[g.args(a)[0]] == "+":
        return g.args(a)[0]
    if g.op(a) == "neg" and g.op(g.args(a)[0]) == "softplus":
        return add_node(g, "logistic", (add_node(g, "neg", g.args(g.args(a)[0])),))
    if g.op(a) == "softplus":
        return add_node(g, "add", (g.const(1.0), add_node(g, "exp", g.args(a))))
    if g.op(a) in ("log_normal_cdf", "log_gumbel_cdf"):
        return add_node(g, g.op(a)[4:], g.args(a))
    return None


def log_node(g: Graph, a: int) -> int | None:
    op, args = g.op(a), g.args(a)
    if g.value(a) in (0, 1):
        return g.const(0.0 if g.value(a) else -math.inf)
    if op == "exp":
        return args[0]
    if op == "logistic":
        return add_node(g, "neg", (add_node(g, "softplus", (add_node(g, "neg", args),)),))
    if op in ("normal_cdf", "gumbel_cdf"):
        return add_node(g, f"log_{op}", args)
    if op == "gumbel_survival":
        return add_node(g, "neg", (add_node(g, "exp", args),))
    if op in ("mul", "div") and g.signs[args[0]] == g.signs[args[1]] == "+":
        parts = tuple(add_node(g, "log", (x,)) for x in args)
        return add_node(g, "add" if op == "mul" else "sub", parts)
    if op == "power" and g.signs[args[0]] == "+":
        return add_node(g, "mul", (g.const(float(g.nodes[a][2])), add_node(g, "log", args)))
    if op == "recip" and g.signs[args[0]] == "+":
        return add_node(g, "neg", (add_node(g, "log", args),))
    if op == "sqrt" and g.signs[args[0]] == "+":
        return add_node(g, "mul", (g.const(0.5), add_node(g, "log", args)))
    exponent = one_plus_exp(g, a)
    if exponent is not None:
        return add_node(g, "softplus", (exponent,))
    if op == "add" and g.op(args[0]) == g.op(args[1]) == "exp":
        first, second = g.args(args[0])[0], g.args(args[1])[0]
        return add_node(g, "add", (second, add_node(g, "softplus", (add_node(g, "sub", (first, second)),))))
    if op in ("add", "sub") and g.value(args[0]) == 1:
        return add_node(g, "log1p", (args[1] if op == "add" else add_node(g, "neg", (args[1],)),))
    return None


def log1p_node(g: Graph, a: int) -> int | None:
    if g.value(a) == 0:
        return a
    if g.op(a) == "exp":
        return add_node(g, "softplus", g.args(a))
    if g.op(a) == "neg":
        inner = one_minus(g, g.args(a)[0])
        if inner is not None:
            return add_node(g, "log", (inner,))
        if g.op(g.args(a)[0]) == "exp":
            return None
    if g.op(a) == "expm1":
        return g.args(a)[0]
    if g.op(a) in ("tanh", "erf"):
        return add_node(g, "log", (one_plus(g, a),))
    return None


def expm1_node(g: Graph, a: int) -> int | None:
    if g.value(a) == 0:
        return a
    if g.op(a) == "neg" and g.op(g.args(a)[0]) == "exp":
        return add_node(g, "neg", (add_node(g, "gumbel_cdf", g.args(g.args(a)[0])),))
    if g.op(a) == "log1p":
        return g.args(a)[0]
    return None


def odd_node(name: str) -> Any:
    """tanh(-u) = -tanh(u), and so on; 0 at 0."""

    def rule(g: Graph, a: int) -> int | None:
        if g.op(a) == "neg":
            return add_node(g, "neg", (add_node(g, name, g.args(a)),))
        return a if g.value(a) == 0 else None

    return rule


def sqrt_node(g: Graph, a: int) -> int | None:
    value = g.value(a)
    if value is not None and value >= 0 and Fraction(math.sqrt(value)) ** 2 == Fraction(value):
        return g.const(math.sqrt(value))
    if g.op(a) == "power" and g.nodes[a][2] == 2:
        return add_node(g, "abs", g.args(a))
    if g.op(a) == "add":
        for constant, other in (g.args(a), g.args(a)[::-1]):
            if (g.value(constant) or 0.0) > 0 and g.op(other) == "power" and g.nodes[other][2] == 2:
                width = add_node(g, "sqrt", (constant,))
                scaled = add_node(g, "div", (g.args(other)[0], width))
                return add_node(g, "mul", (width, g.put("hypot", (scaled,))))
    return None
