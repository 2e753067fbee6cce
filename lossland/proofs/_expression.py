"""Expressions: a class curve as a graph of few operations on the score.

An expression means what it says over the real numbers: no rounding, no overflow, constants exactly the doubles they
are. `_graph.py` builds them.
"""

from typing import Any, NamedTuple

CHOICES = ("max", "min", "abs", "select")
COMMUTATIVE = frozenset(("add", "mul", "max", "min", "and", "or", "eq"))


class Expression(NamedTuple):
    """A graph: every node is (operation, indices of its arguments, parameter), arguments first; the last is the value.

    Operations: "score", "const" (a double, True or False), "neg add sub mul div recip", "power" (a whole one), "pow" (a
    constant one), "tempered" and "power_rest" (of a known temperature or order), "max min abs select", the predicates
    "lt le eq and or not", sin, cos and the functions that have a rule (`_rules.py`).
    """

    nodes: tuple[tuple[str, tuple[int, ...], Any], ...]
