"""The program of a pair: what JAX traces of it, read into expressions of the score, one for each class.

A pair is an output half and a loss half; each is traced once, however many pairs share it. What a program rounds,
counts, draws or sums over examples cannot be read: the pair is then looked at from outside, and the reason is kept.
"""

import functools
import inspect
import os
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import Literal

from lossland.core import PACKAGE
from lossland.elements import Activation, Handed, Loss, Pair, loss_half, mirrored, output_half
from lossland.proofs._expression import Expression
from lossland.proofs._graph import Graph, add_node, embedded, finished
from lossland.proofs._named import NAMED

JAX = os.path.dirname(os.path.abspath(jax.__file__)) + os.sep
NUMERICS = tuple(str(PACKAGE / "elements" / name) for name in ("_numerics.py", "_tempered.py"))
SHAPE = (3,)


class Program(NamedTuple):
    """What was read of a pair.

    Attributes:
        curves: the expressions of both classes, positive first; empty where they cannot be read.
        own_slopes: whether a function in it brings a derivative of its own, which may not be that of its value.
        reason: why it cannot be read, in words; empty where it is.
    """

    curves: tuple[Expression, ...]
    own_slopes: bool
    reason: str


def output_program(activation: Activation) -> Expression | None:
    """The expression of an output activation; None if it cannot be read.

    Args:
        activation: an entry.
    """
    try:
        return _output(activation)[0]
    except _Unreadable:
        return None


class _Unreadable(Exception):
    """What in a program cannot be read."""


@functools.lru_cache(maxsize=1024)
def program(pair: Pair) -> Program:
    """Read a pair.

    Args:
        pair: any pair.

    Returns:
        Its program; the same object for the same pair.

    Example:
        >>> import lossland as ll
        >>> [len(curve.nodes) for curve in program(ll.pair("relu", "hinge")).curves]
        [6, 5]
        >>> program(ll.pair("sigmoid", "cross_entropy")).curves[0].nodes
        (('score', (), None), ('neg', (0,), None), ('softplus', (1,), None))
    """
    try:
        halves = [_read_halves(pair, label) for label in (1.0, -1.0)]
    except _Unreadable as found:
        return Program((), False, str(found))
    return Program(tuple(curve for curve, _ in halves), any(own for _, own in halves), "")


def _read_halves(pair: Pair, label: float) -> tuple[Expression, bool]:
    """One class curve: the loss half with the output half in place of its inputs."""
    mirror = mirrored(pair.activation, pair.loss)
    fields, own_output = _output_half(pair.activation, pair.loss.kind, mirror, label)
    filled = tuple(name for name, _ in fields)
    loss, own_loss = _loss_half(pair.loss, filled, label)
    graph = Graph()
    score = graph.put("score")
    known = {name: embedded(graph, field, {"score": score}) for name, field in fields}
    return finished(graph, embedded(graph, loss, known)), own_output or own_loss


@functools.lru_cache(maxsize=1024)
def _output_half(
    activation: Activation, kind: str, mirror: bool, label: float
) -> tuple[tuple[tuple[str, Expression], ...], bool]:
    """What an activation hands over to losses of a kind, by name."""

    def traced(score: Any) -> Any:
        handed = output_half(activation, kind, mirror, score, jax.numpy.asarray(label, score.dtype))
        return {name: field for name, field in handed._asdict().items() if field is not None}

    graph = Graph()
    names, nodes, own = _traced(graph, traced, [graph.put("score")])
    return tuple((name, finished(graph, node)) for name, node in zip(names, nodes, strict=True)), own


@functools.lru_cache(maxsize=1024)
def _loss_half(loss: Loss, filled: tuple[str, ...], label: float) -> tuple[Expression, bool]:
    """A loss of what an output handed over."""

    def traced(*fields: Any) -> Any:
        handed = Handed(**dict(zip(filled, fields, strict=True)))
        return {"loss": loss_half(loss, handed, jax.numpy.asarray(label, fields[0].dtype))}

    graph = Graph()
    _, (node,), own = _traced(graph, traced, [graph.put("input", (), name) for name in filled])
    return finished(graph, node), own


@functools.lru_cache(maxsize=256)
def _output(activation: Activation) -> tuple[Expression, bool]:
    graph = Graph()
    _, (node,), own = _traced(graph, lambda score: {"output": activation(score)}, [graph.put("score")])
    return finished(graph, node), own


def _traced(graph: Graph, function: Any, inputs: list[int]) -> tuple[list[str], list[int], bool]:
    """The names and nodes of what a function gives, traced for some examples in float64."""
    some = jax.ShapeDtypeStruct(SHAPE, "float64")
    with jax.enable_x64(True):
        try:
            closed, given = jax.make_jaxpr(function, return_shape=True)(*[some] * len(inputs))
        except jax.errors.JAXTypeError as error:
            raise _Unreadable(f"it looks at its argument's value while it is traced ({type(error).__name__})") from None
        reading = _Reading(graph)
        nodes = reading.run(closed.jaxpr, closed.consts, inputs)
    return sorted(given), nodes, reading.own_slopes


class _Reading:
    """One walk over a jaxpr, and whether a function with a derivative of its own was met."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.own_slopes = False

    def run(self, jaxpr: Any, consts: Any, inputs: list[int]) -> list[int]:
        """The nodes of a jaxpr's results, from those of its inputs."""
        known: dict[Any, int] = {v: self.constant(c) for v, c in zip(jaxpr.constvars, consts, strict=True)}
        known |= dict(zip(jaxpr.invars, inputs, strict=True))
        for equation in jaxpr.eqns:
            given = [self.constant(a.val) if isinstance(a, Literal) else known[a] for a in equation.invars]
            known |= dict(zip(equation.outvars, self.apply(equation, given), strict=True))
        return [self.constant(a.val) if isinstance(a, Literal) else known[a] for a in jaxpr.outvars]

    def constant(self, value: Any) -> int:
        """A number that every example shares."""
        held = np.asarray(value)
        if held.dtype.kind == "f" and np.isnan(held).any():
            raise _Unreadable("it holds a constant that is not a number (NaN)")
        if held.size == 0 or not (held == held.ravel()[0]).all():
            raise _Unreadable("it holds an array of different numbers, one for each example")
        first = held.ravel()[0]
        if not isinstance(first, (np.bool_, np.integer, np.floating)):
            raise _Unreadable(f"it holds a constant of type {held.dtype}")
        return self.graph.const(bool(first) if isinstance(first, np.bool_) else float(first))

    def apply(self, equation: Any, given: list[int]) -> list[int]:
        """The nodes of one equation's results."""
        name, params = equation.primitive.name, equation.params
        if name in ("jit", "pjit", "closed_call", "remat2", "checkpoint"):
            inner = params["jaxpr"]
            if hasattr(inner, "jaxpr"):
                return self.run(inner.jaxpr, inner.consts, given)
            return self.run(inner, [], given)
        if name == "custom_jvp_call":
            return self.custom(params, given)
        if name == "custom_vjp_call":
            self.own_slopes = True
            inner = params["call_jaxpr"]
            return self.run(inner.jaxpr, inner.consts, given)
        rule = _RULES.get(name)
        if rule is not None:
            return [rule(self.graph, params, *given)]
        return self.folded(equation, given)

    def custom(self, params: Any, given: list[int]) -> list[int]:
        """A function with a derivative of its own: one of lossland's by name, one of JAX's by its body."""
        inner, rule = params["call_jaxpr"], params["jvp_jaxpr_fun"]
        source = inner.jaxpr.debug_info.func_src_info
        name, _, place = source.partition(" at ")
        if place.startswith(NUMERICS) and name in NAMED:
            # What JAX lets a function close over, it hands over before its arguments, and without a name.
            named = [x for x, told in zip(given, inner.jaxpr.debug_info.arg_names, strict=True) if told]
            if len(named) != len(inspect.signature(NAMED[name]).parameters) - 1:
                raise _Unreadable(f"its function {name!r} is called with {len(named)} arguments")
            return [NAMED[name](self.graph, *named)]
        self.own_slopes |= f" at {JAX}" not in source or f" at {JAX}" not in rule.debug_info.func_src_info
        return self.run(inner.jaxpr, inner.consts, given)

    def folded(self, equation: Any, given: list[int]) -> list[int]:
        """Any operation on known numbers, done now."""
        values = [self.graph.value(x) for x in given]
        name = equation.primitive.name
        if any(v is None for v in values):
            raise _Unreadable(f"its operation {name!r} is not one that proofs know")
        shaped = [np.full(a.aval.shape, v).astype(a.aval.dtype) for a, v in zip(equation.invars, values, strict=True)]
        found = equation.primitive.bind(*shaped, **equation.params)
        return [self.constant(x) for x in (found if equation.primitive.multiple_results else [found])]


# -------------------------------------------------------------------------------------------------------- operations


def _plain(op: str) -> Any:
    return lambda g, params, *args: add_node(g, op, args)


def _same(g: Graph, params: Any, x: int, *_: int) -> int:
    return x


def _converted(g: Graph, params: Any, x: int) -> int:
    wanted = np.dtype(params["new_dtype"])
    if g.op(x) in ("lt", "le", "eq", "and", "or", "not") or isinstance(g.value(x), bool):
        return x if wanted.kind == "b" else add_node(g, "select", (x, g.const(1.0), g.const(0.0)))
    if wanted == np.float64:
        return x
    if wanted.kind == "b":
        return add_node(g, "not", (add_node(g, "eq", (x, g.const(0.0))),))
    value = g.value(x)
    if value is None:
        raise _Unreadable(f"it rounds to {wanted.name} on the way")
    return g.const(float(np.asarray(value).astype(wanted)))


def _selected(g: Graph, params: Any, p: int, *cases: int) -> int:
    if len(cases) != 2:
        raise _Unreadable("it selects among more than two cases")
    return add_node(g, "select", (p, cases[1], cases[0]))


def _clamped(g: Graph, params: Any, low: int, x: int, high: int) -> int:
    return add_node(g, "min", (add_node(g, "max", (x, low)), high))


def _sign(g: Graph, params: Any, x: int) -> int:
    zero = g.const(0.0)
    level = add_node(g, "select", (add_node(g, "eq", (x, zero)), zero, g.const(1.0)))
    return add_node(g, "select", (add_node(g, "lt", (x, zero)), g.const(-1.0), level))


def _negated(op: str) -> Any:
    return lambda g, params, *args: add_node(g, "not", (add_node(g, op, args),))


def _swapped(op: str) -> Any:
    return lambda g, params, a, b: add_node(g, op, (b, a))


def _exclusive(g: Graph, params: Any, a: int, b: int) -> int:
    either, both = add_node(g, "or", (a, b)), add_node(g, "and", (a, b))
    return add_node(g, "and", (either, add_node(g, "not", (both,))))


def _erfc(g: Graph, params: Any, x: int) -> int:
    one = g.const(1.0)
    return add_node(g, "sub", (one, add_node(g, "erf", (x,))))


def _hyperbolic(sign: str) -> Any:
    def rule(g: Graph, params: Any, x: int) -> int:
        up, down = add_node(g, "exp", (x,)), add_node(g, "exp", (add_node(g, "neg", (x,)),))
        return add_node(g, "mul", (g.const(0.5), add_node(g, sign, (up, down))))

    return rule


def _exp2(g: Graph, params: Any, x: int) -> int:
    return add_node(g, "exp", (add_node(g, "mul", (add_node(g, "log", (g.const(2.0),)), x)),))


_PLAIN = (
    "neg add sub mul div max min abs exp log log1p expm1 tanh logistic sqrt sin cos atan erf asinh pow lt le and or not"
)
_RULES: dict[str, Any] = {
    **{op: _plain(op) for op in _PLAIN.split()},
    "add_any": _plain("add"),
    "gt": _swapped("lt"),
    "ge": _swapped("le"),
    "eq": _plain("eq"),
    "ne": _negated("eq"),
    "xor": _exclusive,
    "is_finite": lambda g, params, x: g.const(True),
    "rsqrt": lambda g, params, x: add_node(g, "recip", (add_node(g, "sqrt", (x,)),)),
    "square": lambda g, params, x: add_node(g, "power", (x,), 2),
    "integer_pow": lambda g, params, x: add_node(g, "power", (x,), int(params["y"])),
    "exp2": _exp2,
    "erfc": _erfc,
    "sinh": _hyperbolic("sub"),
    "cosh": _hyperbolic("add"),
    "sign": _sign,
    "clamp": _clamped,
    "select_n": _selected,
    "convert_element_type": _converted,
    **{op: _same for op in ("broadcast_in_dim", "reshape", "squeeze", "copy", "copy_p", "expand_dims")},
}
