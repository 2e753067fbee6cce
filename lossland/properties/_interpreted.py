"""A traced program run by NumPy, equation by equation: what XLA would give, without the seconds that XLA compiles.

Numbers keep the type that the program says, NaN and infinity go where XLA's CPU backend sends them, and numbers too
small to be normal become 0, as they do there. What this table lacks is bound with JAX: slow, but right.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal

CALLS = "jit pjit closed_call remat2 checkpoint custom_jvp_call custom_vjp_call".split()
"""Primitives that run a program of theirs on their inputs."""
LONG = 10_000
"""A loop of more turns is left to JAX."""
SMALLEST = {np.dtype(name): np.finfo(name).tiny for name in ("float32", "float64")}


def interpreted(jaxpr: Any, consts: Sequence[Any], inputs: Sequence[Any], wanted: int | None = None) -> list[Any]:
    """Run a program.

    Args:
        jaxpr: from `jax.make_jaxpr`, without its constants.
        consts: its constants, arrays.
        inputs: an array for each of its inputs, of the type and shape it was traced for.
        wanted: how many of its results are needed, from the first; all if left out. Nothing else is computed.

    Returns:
        The results, NumPy arrays.

    Example:
        >>> import jax
        >>> closed = jax.make_jaxpr(jax.nn.relu)(np.float32(0.0))
        >>> interpreted(closed.jaxpr, closed.consts, [np.float32(2.5)])
        [array(2.5, dtype=float32)]
    """
    with np.errstate(all="ignore"):
        return _Run()(jaxpr, [_flushed(_held(x)) for x in consts], [_flushed(_held(x)) for x in inputs], wanted)


class _Plan(NamedTuple):
    """A program with a place for each value; `start` has those that are known, each step what it reads and writes."""

    start: list[Any]
    inputs: list[int]
    steps: list[tuple[Any, list[int], list[int]]]
    results: list[int]


class _Run:
    """One run; it keeps the plans of the programs within, for a loop runs its own many times."""

    def __init__(self) -> None:
        self.plans: dict[tuple[int, int | None], _Plan] = {}

    def __call__(self, jaxpr: Any, consts: Sequence[Any], inputs: Sequence[Any], wanted: int | None = None) -> list:
        key = id(jaxpr), wanted
        if key not in self.plans:
            self.plans[key] = _planned(jaxpr, wanted)
        plan = self.plans[key]
        places = list(plan.start)
        for place, value in zip(plan.inputs, (*consts, *inputs), strict=True):
            places[place] = _held(value)
        for equation, reads, writes in plan.steps:
            for place, value in zip(writes, self.apply(equation, [places[k] for k in reads]), strict=True):
                places[place] = value
        return [places[k] for k in plan.results]

    def apply(self, equation: Any, inputs: list[Any]) -> list[Any]:
        """The results of one equation."""
        name, params = equation.primitive.name, equation.params
        if name in CALLS:
            return self.closed(params["call_jaxpr" if "call_jaxpr" in params else "jaxpr"], inputs)
        if name == "scan" and 0 < params["length"] <= LONG:
            return self.scan(params, inputs)
        if name in ("while", "cond"):
            return self.loop(params, inputs) if name == "while" else self.branch(params, inputs)
        rule = ARITHMETIC.get(name) or MOVES.get(name)
        found = rule(params, *inputs) if rule else None
        if found is None:
            return _bound(equation, inputs)
        found = np.asarray(found, equation.outvars[0].aval.dtype)
        return [_flushed(found) if name in ARITHMETIC else found]

    def closed(self, program: Any, inputs: Sequence[Any]) -> list[Any]:
        """The results of a program that brings its constants, or has none."""
        return self(getattr(program, "jaxpr", program), getattr(program, "consts", ()), inputs)

    def scan(self, params: Any, inputs: list[Any]) -> list[Any]:
        """A loop over the leading axis of arrays, from one state to the next."""
        fixed, carried = params["num_consts"], params["num_consts"] + params["num_carry"]
        state, rows = inputs[fixed:carried], []
        for k in range(params["length"])[:: -1 if params["reverse"] else 1]:
            found = self.closed(params["jaxpr"], [*inputs[:fixed], *state, *(x[k] for x in inputs[carried:])])
            state = found[: params["num_carry"]]
            rows.append(found[params["num_carry"] :])
        return [*state, *(np.stack(row[:: -1 if params["reverse"] else 1]) for row in zip(*rows, strict=True))]

    def loop(self, params: Any, inputs: list[Any]) -> list[Any]:
        """A loop for as long as a condition holds."""
        first = params["cond_nconsts"]
        asked, fixed = inputs[:first], inputs[first : first + params["body_nconsts"]]
        state = inputs[first + params["body_nconsts"] :]
        while self.closed(params["cond_jaxpr"], [*asked, *state])[0]:
            state = self.closed(params["body_jaxpr"], [*fixed, *state])
        return state

    def branch(self, params: Any, inputs: list[Any]) -> list[Any]:
        """One program of several."""
        which = min(max(int(inputs[0]), 0), len(params["branches"]) - 1)
        return self.closed(params["branches"][which], inputs[1:])


def _planned(jaxpr: Any, wanted: int | None) -> _Plan:
    """Give each value of a program its place; equations that no wanted result depends on are left out."""
    start: list[Any] = []
    places: dict[Any, int] = {}

    def place(atom: Any) -> int:
        known = isinstance(atom, Literal)
        if known or atom not in places:
            aval: Any = atom.aval
            start.append(_flushed(np.asarray(atom.val, aval.dtype)) if known else None)
        return len(start) - 1 if known else places.setdefault(atom, len(start) - 1)

    inputs = [place(v) for v in (*jaxpr.constvars, *jaxpr.invars)]
    results = [place(v) for v in jaxpr.outvars[:wanted]]
    live, steps = set(results), []
    for equation in reversed(jaxpr.eqns):
        writes = [place(v) for v in equation.outvars]
        if not live.isdisjoint(writes):
            reads = [place(v) for v in equation.invars]
            live.update(reads)
            steps.append((equation, reads, writes))
    return _Plan(start, inputs, steps[::-1], results)


def _held(value: Any) -> Any:
    """A NumPy array of a value; the key of a random generator stays JAX's."""
    if isinstance(value, (np.ndarray, np.generic)) or jnp.issubdtype(value.dtype, jax.dtypes.extended):
        return value
    return np.asarray(value)


def _bound(equation: Any, inputs: list[Any]) -> list[Any]:
    """An equation evaluated by JAX."""
    # JAX before 0.10.2 hands the functions of a custom derivative apart from its parameters.
    bound = equation.primitive.get_bind_params(equation.params)
    functions, params = ((), bound) if isinstance(bound, dict) else bound
    with jax.enable_x64(True):
        found = equation.primitive.bind(*functions, *map(_held, inputs), **params)
    return [_held(x) for x in (found if equation.primitive.multiple_results else [found])]


def _flushed(x: Any) -> Any:
    """Numbers too small to be normal as 0 of their sign; NaN stays."""
    return x * (np.abs(x) >= SMALLEST[x.dtype]) if x.dtype in SMALLEST else x


# --------------------------------------------------------------------------------------------------------- arithmetic


def _of(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda params, *inputs: function(*inputs)


def _along(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda params, x: function(x, tuple(params["axes"])) if x.size else None


def _floats_only(function: Callable[..., Any]) -> Callable[..., Any]:
    """Integers divided by 0 have rules of XLA's own: they are left to it."""
    return lambda params, x, y: function(x, y) if x.dtype.kind == "f" else None


def _each(function: Callable[[float], float]) -> Callable[..., Any]:
    """A function of Python's, one number after the other: faster than importing scipy for it."""
    each = np.frompyfunc(function, 1, 1)
    return lambda params, x: np.asarray(each(np.asarray(x, float)), float)


def _erf_inverse(params: Any, x: Any) -> Any:
    from scipy.special import erfinv

    return erfinv(np.asarray(x, float))


def _integer_power(params: Any, x: Any) -> Any:
    """A product, by squaring, in XLA's order."""
    exponent, found = abs(params["y"]), None
    while exponent:
        if exponent & 1:
            found = x if found is None else found * x
        exponent >>= 1
        x = x * x if exponent else x
    found = np.ones_like(x) if found is None else found
    return np.reciprocal(found) if params["y"] < 0 else found


def _rounded(params: Any, x: Any) -> Any:
    if int(params["rounding_method"]) == 1:
        return np.rint(x)
    whole = np.trunc(x)
    return whole + np.copysign(np.abs(x - whole) >= 0.5, x).astype(x.dtype)


def _converted(params: Any, x: Any) -> Any:
    """Floats become integers towards 0, at most the largest; NaN becomes 0."""
    wanted = np.dtype(params["new_dtype"])
    if wanted.kind not in "iu" or x.dtype.kind in "iub":
        return None if x.dtype.kind == "c" else x.astype(wanted)
    info, wide = np.iinfo(wanted), x.astype(np.float64)
    inside = np.where((wide > info.min) & (wide < float(info.max)), wide, 0.0).astype(wanted)
    return np.where(wide >= float(info.max), info.max, np.where(wide <= info.min, info.min, inside)).astype(wanted)


ALIKE = "exp exp2 log log1p expm1 tanh sqrt square sin cos tan sinh cosh cbrt nextafter".split()
ARITHMETIC: dict[str, Callable[..., Any]] = {
    **{name: _of(getattr(np, name)) for name in ALIKE},
    **{f"a{name}": _of(getattr(np, f"arc{name}")) for name in "sin cos tan tan2 sinh cosh tanh".split()},
    **dict.fromkeys(("add", "add_any"), _of(np.add)),
    "sub": _of(np.subtract),
    "mul": _of(np.multiply),
    "div": _floats_only(np.divide),
    "rem": _floats_only(np.fmod),
    "pow": _of(np.power),
    "integer_pow": _integer_power,
    "rsqrt": _of(lambda x: np.reciprocal(np.sqrt(x))),
    "logistic": _of(lambda x: np.reciprocal(np.exp(-x) + 1)),
    "erf": _each(math.erf),
    "erfc": _each(math.erfc),
    "erf_inv": _erf_inverse,
    "reduce_sum": _along(np.add.reduce),
    "convert_element_type": _converted,
}
"""Operations whose results may be too small to be normal, each of the equation's parameters and inputs."""


# -------------------------------------------------------------------------------------- choices, bits, shapes, copies


def _chosen(params: Any, which: Any, *cases: Any) -> Any:
    if which.dtype == bool:
        return np.where(which, cases[-1], cases[0])
    return np.select([which <= k for k in range(len(cases))], cases, cases[-1])


def _spread(params: Any, x: Any) -> Any:
    shape = [1] * len(params["shape"])
    for axis, size in zip(params["broadcast_dimensions"], np.shape(x), strict=True):
        shape[axis] = size
    return np.broadcast_to(np.reshape(x, shape), params["shape"])


def _shifted_right(x: Any, by: Any) -> Any:
    """With zeros from the left."""
    plain = np.dtype(f"u{x.dtype.itemsize}")
    return np.right_shift(np.asarray(x).view(plain), np.asarray(by).view(plain)).view(x.dtype)


def _bits(params: Any, x: Any) -> Any:
    wanted = np.dtype(params["new_dtype"])
    return np.ascontiguousarray(x).view(wanted).reshape(np.shape(x)) if wanted.itemsize == x.dtype.itemsize else None


def _cut(params: Any, x: Any) -> Any:
    steps = params["strides"] or [1] * np.ndim(x)
    return x[tuple(slice(*each) for each in zip(params["start_indices"], params["limit_indices"], steps, strict=True))]


LONGER = {"neg": np.negative, "abs": np.absolute, "max": np.maximum, "min": np.minimum, "eq": np.equal,
          "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
          "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor, "not": np.invert, "sign": np.sign,
          "floor": np.floor, "ceil": np.ceil, "is_finite": np.isfinite, "shift_left": np.left_shift,
          "shift_right_arithmetic": np.right_shift}  # fmt: skip
MOVES: dict[str, Callable[..., Any]] = {
    **{name: _of(function) for name, function in LONGER.items()},
    **{f"reduce_{name}": _along(LONGER[name].reduce) for name in ("max", "min", "and", "or")},
    "argmax": _along(lambda x, axes: np.argmax(x, axes[0])),
    "argmin": _along(lambda x, axes: np.argmin(x, axes[0])),
    "cumsum": lambda params, x: None if params["reverse"] else np.cumsum(x, params["axis"], x.dtype),
    **dict.fromkeys(("copy", "copy_p", "stop_gradient"), _of(lambda x: x)),
    "round": _rounded,
    "clamp": _of(lambda low, x, high: np.minimum(np.maximum(x, low), high)),
    "select_n": _chosen,
    "shift_right_logical": _of(_shifted_right),
    "bitcast_convert_type": _bits,
    "broadcast_in_dim": _spread,
    "reshape": lambda params, x: np.reshape(x, params["new_sizes"]),
    "squeeze": lambda params, x: np.squeeze(x, tuple(params["dimensions"])),
    "transpose": lambda params, x: np.transpose(x, params["permutation"]),
    "stack": lambda params, *inputs: np.stack(inputs, params["axis"]),
    "concatenate": lambda params, *inputs: np.concatenate(inputs, params["dimension"]),
    "slice": _cut,
}
"""Operations that compute nothing new, or nothing small."""
