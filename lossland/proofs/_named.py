"""lossland's own numerics by name: what each means, in the operations of expressions."""

from typing import Any

from lossland.proofs._graph import Graph, add_node


def _smooth(op: str) -> Any:
    return lambda g, x: add_node(g, op, (x,))


def _step(g: Graph, x: int, tie: int) -> int:
    zero = g.const(0.0)
    level = add_node(g, "select", (add_node(g, "eq", (x, zero)), tie, g.const(1.0)))
    return add_node(g, "select", (add_node(g, "lt", (x, zero)), zero, level))


def _floored(g: Graph, x: int, floor: int, tie: int) -> int:
    return add_node(g, "max", (x, floor))


def _clipped(g: Graph, x: int, low: int, high: int, tie: int) -> int:
    return add_node(g, "min", (add_node(g, "max", (x, low)), high))


def _squared_part(g: Graph, x: int) -> int:
    return add_node(g, "power", (add_node(g, "max", (x, g.const(0.0))),), 2)


def _rounded_part(g: Graph, x: int, width: int) -> int:
    """bend^2 / (2 width) + (positive - bend), bend = min(positive, width)."""
    positive = add_node(g, "max", (x, g.const(0.0)))
    bend = add_node(g, "min", (positive, width))
    square = add_node(g, "div", (add_node(g, "power", (bend,), 2), add_node(g, "mul", (g.const(2.0), width))))
    return add_node(g, "add", (square, add_node(g, "sub", (positive, bend))))


def _soft_sign(g: Graph, x: int) -> int:
    zero = g.const(0.0)
    above, below = add_node(g, "max", (x, zero)), add_node(g, "max", (add_node(g, "neg", (x,)), zero))
    return add_node(g, "sub", (add_node(g, "ratio", (above,)), add_node(g, "ratio", (below,))))


def _soft_sign_gap(g: Graph, x: int) -> int:
    """1 - soft_sign: 1 / (1 + max(x, 0)) + ratio(max(-x, 0))."""
    zero = g.const(0.0)
    above, below = add_node(g, "max", (x, zero)), add_node(g, "max", (add_node(g, "neg", (x,)), zero))
    share = add_node(g, "recip", (add_node(g, "add", (g.const(1.0), above)),))
    return add_node(g, "add", (share, add_node(g, "ratio", (below,))))


def _squareplus(g: Graph, x: int, b: int) -> int:
    """sqrt(b) squareplus(x / sqrt(b)) of width 1, and the rectifier for width 0."""
    if g.value(b) == 0:
        return add_node(g, "max", (x, g.const(0.0)))
    root = add_node(g, "sqrt", (b,))
    return add_node(g, "mul", (root, add_node(g, "squareplus", (add_node(g, "div", (x, root)),))))


def _tempered(sign: int) -> Any:
    def rule(g: Graph, x: int, t: int) -> int:
        inner = x if sign > 0 else add_node(g, "neg", (x,))
        temperature = g.value(t)
        if temperature == 1.0:
            return add_node(g, "neg", (add_node(g, "softplus", (add_node(g, "neg", (inner,)),)),))
        return g.put("tempered", (inner,), temperature)

    return rule


def _power_rest(g: Graph, x: int, order: int) -> int:
    """exp(k x) / k - exp((k - 1) x) / (k - 1) + 1 / (k - 1) - 1 / k, for a known order k."""
    value = g.value(order)
    if value is None or not value > 1:
        one = g.const(1.0)
        parts = []
        for k in (order, add_node(g, "sub", (order, one))):
            parts.append(add_node(g, "div", (add_node(g, "expm1", (add_node(g, "mul", (k, x)),)), k)))
        return add_node(g, "sub", tuple(parts))
    return g.put("power_rest", (x,), value)


NAMED: dict[str, Any] = {
    "step": _step,
    "floored": _floored,
    "clipped": _clipped,
    "squared_part": _squared_part,
    "rounded_part": _rounded_part,
    "sigmoid": _smooth("logistic"),
    "softplus": _smooth("softplus"),
    "hyperbolic_tangent": _smooth("tanh"),
    "soft_sign": _soft_sign,
    "soft_sign_gap": _soft_sign_gap,
    "squareplus": _squareplus,
    "saturated_exp": _smooth("exp"),
    "_bounded_exp": _smooth("exp"),
    "exponential": _smooth("exp"),
    "expm1": _smooth("expm1"),
    "_bounded_expm1": _smooth("expm1"),
    "_expm1_series": _smooth("expm1"),
    "expm1_minus": _smooth("expm1_minus"),
    "expm1_minus_series": _smooth("expm1_minus"),
    "power_rest": _power_rest,
    "cauchy": _smooth("cauchy"),
    "arctangent": _smooth("atan"),
    "cauchy_cdf": _smooth("cauchy_cdf"),
    "normal_cdf": _smooth("normal_cdf"),
    "log_normal_cdf": _smooth("log_normal_cdf"),
    "gumbel_cdf": _smooth("gumbel_cdf"),
    "gumbel_survival": _smooth("gumbel_survival"),
    "log_gumbel_cdf": _smooth("log_gumbel_cdf"),
    "log_of_sigmoid": _tempered(1),
    "log_of_complement": _tempered(-1),
}
"""From the name of a function of `elements._numerics` or `elements._tempered` to its node."""
