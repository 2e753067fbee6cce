"""Identities of analysis, by the operation that they make simpler: each holds over the real numbers."""

from typing import Any

from lossland.proofs import _arithmetic_identities as arithmetic
from lossland.proofs import _choice_identities as choice
from lossland.proofs import _function_identities as function

RULES: dict[str, Any] = {
    "neg": arithmetic.neg_node,
    "add": arithmetic.add_node_,
    "sub": arithmetic.sub_node,
    "mul": arithmetic.mul_node,
    "div": arithmetic.div_node,
    "recip": arithmetic.recip_node,
    "power": arithmetic.power_node,
    "pow": arithmetic.pow_node,
    "exp": function.exp_node,
    "log": function.log_node,
    "log1p": function.log1p_node,
    "expm1": function.expm1_node,
    "tanh": function.odd_node("tanh"),
    "erf": function.odd_node("erf"),
    "atan": function.odd_node("atan"),
    "asinh": function.odd_node("asinh"),
    "ratio": lambda g, a: a if g.value(a) == 0 else None,
    "sqrt": function.sqrt_node,
    "abs": choice.abs_node,
    "max": choice.largest("max"),
    "min": choice.largest("min"),
    "select": choice.select_node,
    "lt": choice.compared("lt"),
    "le": choice.compared("le"),
    "eq": choice.compared("eq"),
    "not": choice.not_node,
    "and": choice.both("and"),
    "or": choice.both("or"),
}
"""From an operation to what may be put in its place: a node, or None."""
