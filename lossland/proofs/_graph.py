"""Expressions while they are built: nodes that are equal become one, and identities of analysis are applied.

What two programs compute alike, as log(1 + exp(u)) and softplus(u), becomes one node by `_identities.py`.
"""

import math
from typing import Any

from lossland.proofs._expression import COMMUTATIVE, Expression
from lossland.proofs._signs import Range, exact, range_of, sign_in, sign_of, signed


class Graph:
    """Nodes while they are put together; equal ones are one."""

    def __init__(self) -> None:
        """Start empty."""
        # The identities build nodes themselves.
        from lossland.proofs._identities import RULES

        self.rules = RULES
        self.nodes: list[tuple[str, tuple[int, ...], Any]] = []
        self.places: dict[Any, int] = {}
        self.signs: list[str] = []
        self.ranges: list[Range] = []
        self.free: list[bool] = []

    def put(self, op: str, args: tuple[int, ...] = (), param: Any = None) -> int:
        """The index of this node, which is added if it is new; nothing is simplified."""
        if op in COMMUTATIVE and args[0] > args[1]:
            args = args[::-1]
        key = (op, args, param, type(param), math.copysign(1.0, param) if isinstance(param, float) else None)
        if key not in self.places:
            self.places[key] = len(self.nodes)
            self.nodes.append((op, args, param))
            self.free.append(op != "score" and all(self.free[a] for a in args))
            sign, reach = sign_of(self, op, args, param), range_of(self, op, args, param)
            self.signs.append(sign or sign_in(reach))
            self.ranges.append(signed(reach, self.signs[-1]))
        return self.places[key]

    def bound(self, node: int, low: float, high: float) -> None:
        """Let a node, the score, be known to lie between two numbers."""
        self.ranges[node] = Range(low, high)
        self.signs[node] = sign_in(self.ranges[node])

    def const(self, value: float | bool) -> int:
        """A constant."""
        return self.put("const", (), value if isinstance(value, bool) else float(value) + 0.0)

    def value(self, node: int) -> Any:
        """The value of a constant; None for any other node."""
        op, _, param = self.nodes[node]
        return param if op == "const" else None

    def op(self, node: int) -> str:
        """The operation of a node."""
        return self.nodes[node][0]

    def args(self, node: int) -> tuple[int, ...]:
        """The arguments of a node."""
        return self.nodes[node][1]


def finished(graph: Graph, root: int) -> Expression:
    """The expression of one node, with what it does not use left out.

    Args:
        graph: where it was built.
        root: the index of its value.
    """
    live = {root}
    for index in range(root, -1, -1):
        if index in live:
            live.update(graph.args(index))
    order = sorted(live)
    renamed = {old: new for new, old in enumerate(order)}
    return Expression(
        tuple((op, tuple(renamed[a] for a in args), p) for op, args, p in (graph.nodes[i] for i in order))
    )


def add_node(graph: Graph, op: str, args: tuple[int, ...] = (), param: Any = None) -> int:
    """The node of an operation, by whatever identity makes it simpler.

    Args:
        graph: what it is added to.
        op: the operation.
        args: indices of its arguments.
        param: of the operation: a constant's value, a whole power.
    """
    rule = graph.rules.get(op)
    found = None if rule is None else rule(graph, *args, param) if op == "power" else rule(graph, *args)
    return graph.put(op, args, param) if found is None else found


def embedded(graph: Graph, expression: Expression, known: dict[str, int]) -> int:
    """Put an expression into a graph, its inputs ("score" or ("input", name)) replaced by nodes.

    Args:
        graph: where to.
        expression: what.
        known: by the input's name, the node that takes its place.
    """
    places: list[int] = []
    for op, args, param in expression.nodes:
        if op in ("score", "input"):
            places.append(known["score" if op == "score" else param])
        else:
            places.append(add_node(graph, op, tuple(places[a] for a in args), param))
    return places[-1]


def folded(g: Graph, op: str, a: int, b: int) -> int | None:
    x, y = g.value(a), g.value(b)
    if x is None or y is None:
        return None
    found = exact(op, x, y)
    return None if found is None else g.const(found)


def finite_everywhere(g: Graph, node: int) -> bool:
    """Whether a node is surely finite at every finite score."""
    op, args, value = g.op(node), g.args(node), g.value(node)
    if value is not None and not math.isfinite(value):
        return False
    if op in ("recip", "div") and g.signs[args[-1]] not in ("+", "-"):
        return False
    if op in ("log", "pow", "tempered") and g.signs[args[0]] != "+":
        return False
    if op in ("sqrt", "log1p") and g.signs[args[0]] not in ("+", "0+"):
        return False
    return all(finite_everywhere(g, a) for a in args)
