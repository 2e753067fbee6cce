"""A program read equation by equation: which of its values are of a form that is known (`_forms.py`).

Jitted functions are opened, equal computations share a number, and constants are what the program has as constants: a
number that is being traced is not one. What has a derivative of its own (`custom_jvp`) is taken for a function known
here only if its value and its first and second derivative are that function's very programs.
"""

import contextlib
import functools
from collections.abc import Callable, Hashable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from lossland.core import same
from lossland.elements import _forms as f
from lossland.elements import _numerics as nx
from lossland.elements._forms import Form, Known, Line, Opaque, Squash
from lossland.elements._replay import bind

Rules = dict[Any, Callable[..., Form]]


def squashes(closed: ClosedJaxpr) -> Iterator[tuple[Squash, "Program"]]:
    """Each way in which a program's output, a number for each score, is a + b T(u); at most two."""
    avals = [(atom.aval.shape, atom.aval.dtype) for atom in (*closed.jaxpr.invars, *closed.jaxpr.outvars)]
    if len(avals) != 2 or avals[0] != avals[1] or closed.effects:
        return
    program = _flattened(closed)
    # First with logarithms and choices understood, then as variables: sigmoid(abs(z)) is squashing of abs(z).
    for rules in (_RULES | _DEEP_RULES, _RULES):
        found = f.as_squash(_forms_of(program, rules)[program.result])
        if found is not None:
            yield found, program


class Step(NamedTuple):
    """An equation, what it computes (a primitive's name or a function known here), and the numbers of its values."""

    equation: Any
    meaning: Any
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class Program(NamedTuple):
    """A program without functions in it, every value numbered: the score is 0, equal values have one number."""

    steps: list[Step]
    leaves: dict[int, Any]
    result: int


class _Numbering:
    """Gives numbers to the values of a program as it is gone through, equal ones to equal values."""

    def __init__(self) -> None:
        self.numbers: dict[Hashable, int] = {}
        self.steps: list[Step] = []
        self.leaves: dict[int, Any] = {}

    def number(self, key: Hashable) -> int:
        """The number of what has this key."""
        return self.numbers.setdefault(key, len(self.numbers) + 1)

    def leaf(self, value: Any) -> int:
        """The number of a constant."""
        plain = isinstance(value, np.ndarray) and not value.dtype.hasobject
        found = self.number((str(value.dtype), value.shape, value.tobytes()) if plain else same(value))
        self.leaves[found] = value
        return found

    def literal(self, atom: Literal) -> int:
        """The number of a constant that stands in an equation, in the type that it has there."""
        dtype: Any = getattr(atom.aval, "dtype", None)
        return self.leaf(np.asarray(atom.val, dtype) if isinstance(dtype, np.dtype) else atom.val)

    def run(self, jaxpr: Jaxpr, consts: Any, inputs: tuple[int, ...]) -> tuple[int, ...]:
        """The numbers of what a program gives, from those of what it takes."""
        held: dict[Any, int] = dict(zip(jaxpr.constvars, map(self.leaf, consts), strict=True))
        held |= dict(zip(jaxpr.invars, inputs, strict=True))
        for equation in jaxpr.eqns:
            taken = tuple(self.literal(x) if isinstance(x, Literal) else held[x] for x in equation.invars)
            held |= dict(zip(equation.outvars, self.step(equation, taken), strict=True))
        return tuple(self.literal(x) if isinstance(x, Literal) else held[x] for x in jaxpr.outvars)

    def step(self, equation: Any, taken: tuple[int, ...]) -> tuple[int, ...]:
        """The numbers of what an equation gives."""
        if equation.primitive.name in ("jit", "pjit"):
            inner = equation.params["jaxpr"]
            return self.run(inner.jaxpr, inner.consts, taken)
        before, key = len(self.numbers), _key(equation, taken)
        given = tuple(self.number((key, k)) for k in range(len(equation.outvars)))
        if len(self.numbers) > before:
            self.steps.append(Step(equation, _meaning(equation), taken, given))
        return given


def _flattened(closed: ClosedJaxpr) -> Program:
    """The program with jitted functions opened, and nothing computed twice."""
    numbering = _Numbering()
    (result,) = numbering.run(closed.jaxpr, closed.consts, (0,))
    return Program(numbering.steps, numbering.leaves, result)


def _key(equation: Any, inputs: tuple[int, ...]) -> Hashable:
    """What an equation computes; of a key of its own if that cannot be compared."""
    key = equation.primitive, tuple(sorted(equation.params.items(), key=lambda item: item[0])), inputs
    try:
        hash(key)
    except TypeError:
        return same(equation)
    return same(equation) if equation.effects else key


def evaluated(program: Program, wanted: int, score: Array) -> Any:
    """The value of that number, by the steps that it needs."""
    live, needed = {wanted}, []
    for step in reversed(program.steps):
        if not live.isdisjoint(step.outputs):
            live.update(step.inputs)
            needed.append(step)
    held: dict[int, Any] = program.leaves | {0: score}
    for step in reversed(needed):
        held |= dict(zip(step.outputs, bind(step.equation, [held[k] for k in step.inputs]), strict=True))
    return held[wanted]


# --------------------------------------------------------------------------------------------------------------- forms


def _forms_of(program: Program, rules: Rules) -> dict[int, Form]:
    """The form of every value, by number."""
    forms: dict[int, Form] = {0: Line(0)}
    for number, value in program.leaves.items():
        forms[number] = _known(value) or Line(number)
    for step in program.steps:
        for number in step.outputs:
            forms[number] = Line(number)
        if len(step.outputs) == 1:
            found = _form(step, [forms[k] for k in step.inputs], rules)
            forms[step.outputs[0]] = Line(step.outputs[0]) if found is None else found
    return forms


def _form(step: Step, inputs: list[Form], rules: Rules) -> Form | None:
    """The form of what one step gives."""
    if step.meaning in ("ne", "eq") and len(set(step.inputs)) == 1:
        return f.ZERO if step.meaning == "ne" else f.ONE  # only NaN differs from itself, and stays NaN
    if step.meaning in rules:
        rule = functools.partial(rules[step.meaning], step.equation)
        # What is of no use as it is may do as a variable: exp(softplus(z) / 3).
        plain = [x if isinstance(x, Known) else Line(number) for x, number in zip(inputs, step.inputs, strict=True)]
        for forms in (inputs, plain):
            with contextlib.suppress(Opaque):
                return f.either_side(rule, *forms)
    return _constant(step.equation, inputs)


def _known(value: Any) -> Known | None:
    """A number that is known: not one that is being traced, nor one of several."""
    dtype = getattr(value, "dtype", None)
    if (
        isinstance(value, Tracer)
        or np.shape(value) != ()
        or not isinstance(dtype, np.dtype)
        or dtype.kind not in "biuf"
    ):
        return None
    number = np.asarray(value)
    if dtype.kind != "f":
        return Known(Fraction(int(number)))
    return f.known(float(number), float(np.finfo(dtype).eps)) if np.isfinite(number) else None


def _constant(equation: Any, inputs: list[Form]) -> Known | None:
    """The result of a scalar equation of known numbers, the root of 2 say."""
    avals = [atom.aval for atom in (*equation.invars, *equation.outvars)]
    numbers = [x for x in inputs if isinstance(x, Known)]
    if len(numbers) < max(1, len(inputs)) or equation.effects or any(aval.shape != () for aval in avals):
        return None
    with jax.ensure_compile_time_eval():
        given = [np.asarray(float(x), aval.dtype) for x, aval in zip(numbers, avals, strict=False)]
        return _known(bind(equation, given)[0])


# --------------------------------------------------------------------------------------------------------------- rules


HALF = Known(Fraction(1, 2))


def _same(equation: Any, x: Form) -> Form:
    """What neither rounds nor mixes: a copy, a scalar for each element."""
    (before,), (after,) = ([atom.aval for atom in atoms] for atoms in (equation.invars, equation.outvars))
    if before.dtype != after.dtype or before.shape not in ((), after.shape):
        raise Opaque
    return x


def _power(equation: Any, x: Form, exponent: Form) -> Form:
    if not isinstance(exponent, Known) or (exponent.pi, exponent.root) != (0, 0):
        raise Opaque
    return f.power(x, exponent.rational)


def _logistic(x: Form) -> Form:
    return f.over(f.exp(x), f.plus(f.ONE, f.exp(x)))


def _tanh(x: Form) -> Form:
    square = f.power(f.exp(x), 2)
    return f.over(f.plus(square, f.minus(f.ONE)), f.plus(square, f.ONE))


def _hyperbolic(x: Form, sign: Form) -> Form:
    """(exp(x) + sign exp(-x)) / 2."""
    return f.times(HALF, f.plus(f.exp(x), f.times(sign, f.power(f.exp(x), -1))))


def _erf(x: Form) -> Form:
    return f.squashed("normal", x, scale=Known(Fraction(1), root=1))


def _arctangent(x: Form) -> Form:
    return f.squashed("arctangent", x, reach=Known(Fraction(1, 2), pi=1))


def _soft_sign(x: Form) -> Form:
    return f.over(x, f.plus(f.ONE, f.size(x)))


def _less(x: Form) -> Form:
    """1 - x."""
    return f.plus(f.ONE, f.minus(x))


def _of(function: Callable[..., Form]) -> Callable[..., Form]:
    return lambda equation, *forms: function(*forms)


_RULES: Rules = {
    **dict.fromkeys(("copy", "convert_element_type", "broadcast_in_dim"), _same),
    **dict.fromkeys(("add", "add_any"), _of(f.plus)),
    "sub": _of(lambda x, y: f.plus(x, f.minus(y))),
    "mul": _of(f.times),
    "div": _of(f.over),
    "neg": _of(f.minus),
    "square": _of(lambda x: f.times(x, x)),
    "integer_pow": lambda equation, x: f.power(x, equation.params["y"]),
    "pow": _power,
    **dict.fromkeys(("exp", nx.exponential), _of(f.exp)),
    **dict.fromkeys(("expm1", nx.expm1), _of(lambda x: f.plus(f.exp(x), f.minus(f.ONE)))),
    **dict.fromkeys(("logistic", nx.sigmoid), _of(_logistic)),
    **dict.fromkeys(("tanh", nx.hyperbolic_tangent), _of(_tanh)),
    "sinh": _of(lambda x: _hyperbolic(x, f.minus(f.ONE))),
    "cosh": _of(lambda x: _hyperbolic(x, f.ONE)),
    "erf": _of(_erf),
    "erfc": _of(lambda x: _less(_erf(x))),
    nx.normal_cdf: _of(lambda x: f.plus(HALF, f.squashed("normal", x, reach=HALF))),
    **dict.fromkeys(("atan", nx.arctangent), _of(_arctangent)),
    nx.cauchy_cdf: _of(lambda x: f.plus(HALF, f.over(_arctangent(x), Known(Fraction(1), pi=1)))),
    nx.soft_sign: _of(_soft_sign),
    nx.soft_sign_gap: _of(lambda x: _less(_soft_sign(x))),
}
_DEEP_RULES: Rules = {
    "log": _of(f.log),
    "log1p": _of(lambda x: f.log(f.plus(f.ONE, x))),
    nx.softplus: _of(lambda x: f.log(f.plus(f.ONE, f.exp(x)))),
    jnp.logaddexp: _of(lambda x, y: f.log(f.plus(f.exp(x), f.exp(y)))),
    "abs": _of(f.size),
    "max": _of(f.larger),
    "min": _of(functools.partial(f.larger, sign=-1)),
    **dict.fromkeys(("gt", "ge"), _of(f.exceeds)),
    **dict.fromkeys(("lt", "le"), _of(lambda x, y: f.exceeds(y, x))),
    "select_n": _of(f.choice),
}
"""Of logarithms and choices, which may also stand for variables."""


# --------------------------------------------------------------------------------------- functions with own derivatives


def _meaning(equation: Any) -> Any:
    """What an equation computes: its primitive's name, or the function with a rule of its own that it calls."""
    name = equation.primitive.name
    given = equation.params["call_jaxpr"] if name == "custom_jvp_call" else None
    if given is None or not all(jnp.issubdtype(a.dtype, jnp.floating) for a in given.in_avals):
        return name
    shapes = [jax.ShapeDtypeStruct(a.shape, a.dtype, weak_type=a.weak_type) for a in given.in_avals]
    # Each takes one number, but for `logaddexp`, which takes two of one shape, or one of them a scalar.
    two = len(shapes) == 2 and len({s.shape for s in shapes} - {()}) < 2
    known = [function for function in _RULES | _DEEP_RULES if callable(function) and function is not jnp.logaddexp]
    for function in known if len(shapes) == 1 else [jnp.logaddexp] if two else []:
        model = _called(jax.make_jaxpr(function)(*shapes).jaxpr)
        if model is not None and str(model.params["call_jaxpr"]) == str(given):
            if _derivatives(model, shapes) == _derivatives(equation, shapes):
                return function
    return name


def _called(jaxpr: Jaxpr) -> Any:
    """The first call of a function with a rule of its own."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "custom_jvp_call":
            return equation
        found = _called(equation.params["jaxpr"].jaxpr) if equation.primitive.name in ("jit", "pjit") else None
        if found is not None:
            return found
    return None


def _derivatives(equation: Any, shapes: list[Any]) -> tuple[str, list[int]]:
    """The program of value, first and second derivative as text, and which arrays it holds apart from that."""

    def first(x: Any, v: Any) -> Any:
        return jax.jvp(lambda *inputs: bind(equation, inputs), x, v)

    def second(x: Any, v: Any) -> Any:
        return jax.jvp(first, (x, v), (v, v))

    closed = jax.make_jaxpr(second)(tuple(shapes), tuple(shapes))
    return str(closed), [id(held) for held in closed.consts]
