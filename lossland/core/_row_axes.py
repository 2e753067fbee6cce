"""How the axes of values go through a program of JAX, when one axis of its argument has an entry for each row.

Each axis of a value is EACH (one entry a row), SAME (all entries equal) or ANY; a value that brings rows together, or
that knows their number, is None, and so is what comes out of an operation that is not known.
"""

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

EACH, SAME, ANY = "each", "same", "any"
Axes = tuple[str, ...] | None

ENTRYWISE = frozenset(
    "abs acos acosh add add_any and asin asinh atan atan2 atanh cbrt ceil clamp convert_element_type copy copy_p cos "
    "cosh digamma div eq erf erf_inv erfc exp exp2 expm1 floor ge gt integer_pow is_finite le lgamma log log1p "
    "logistic lt max min mul ne neg nextafter not or pow real reduce_precision rem round rsqrt select_n "
    "sign sin sinh sqrt square stop_gradient sub tan tanh xor".split()
)
_REDUCTIONS = frozenset("sum max min prod and or xor".split())
_RUNNING = frozenset("cumsum cumprod cummax cummin cumlogsumexp".split())
_CALLS = frozenset("jit pjit closed_call core_call remat remat2 checkpoint custom_jvp_call".split())
_OF_MATRICES = frozenset("cholesky eigh lu qr svd triangular_solve householder_product".split())


def fixed_axes(aval: Any) -> Axes:
    """A value that is the same whatever the rows are: nothing is known of its axes but those of length 1."""
    return tuple(SAME if _is_one(size) else ANY for size in aval.shape)


def _is_one(size: Any) -> bool:
    return isinstance(size, int) and size == 1


def _counts_rows(aval: Any) -> bool:
    return not all(isinstance(size, int) for size in getattr(aval, "shape", ()))


def _has_program(equation: Any) -> bool:
    parts = [part for x in equation.params.values() for part in (x if isinstance(x, tuple | list) else (x,))]
    return any(isinstance(part, ClosedJaxpr | Jaxpr) for part in parts)


def through(program: Any, given: Sequence[Axes]) -> list[Axes]:
    """The axes of each result, from those of the arguments."""
    jaxpr = program.jaxpr if isinstance(program, ClosedJaxpr) else program
    held: dict[Any, Axes] = {x: fixed_axes(x.aval) for x in jaxpr.constvars} | dict(
        zip(jaxpr.invars, given, strict=True)
    )

    def read(x: Any) -> Axes:
        return fixed_axes(x.aval) if isinstance(x, Literal) else held[x]

    for equation in jaxpr.eqns:
        held |= dict(zip(equation.outvars, _after(equation, [read(x) for x in equation.invars]), strict=True))
    return [read(x) for x in jaxpr.outvars]


def _after(equation: Any, given: list[Axes]) -> list[Axes]:
    """The axes of what one equation gives."""
    name, count = equation.primitive.name, len(equation.outvars)
    known = [axes for axes in given if axes is not None]
    if len(known) < len(given):
        return [None] * count
    values = (*equation.invars, *equation.outvars)
    if not any(_counts_rows(x.aval) for x in values) and name != "dim_as_value" and not _has_program(equation):
        # Nothing in it has a row's entry.
        return [fixed_axes(x.aval) for x in equation.outvars]
    if name in _CALLS:
        inner = next(equation.params[key] for key in ("jaxpr", "call_jaxpr") if key in equation.params)
        return through(inner, known)
    if name in _NESTED:
        return _NESTED[name](equation, known)
    found = _axes(name, equation, known)
    return [found] * count if isinstance(found, tuple) or found is None else found


def _axes(name: str, equation: Any, given: list[tuple[str, ...]]) -> Any:
    first = given[0] if given else ()
    p, shape = equation.params, equation.outvars[0].aval.shape
    if name in ENTRYWISE:
        return joined([axes or (SAME,) * len(shape) for axes in given])
    if name in _OF_MATRICES:
        return _of_matrices(equation, given)
    if name.startswith(("reduce_", "arg")) and name.removeprefix("reduce_") in _REDUCTIONS | {"argmax", "argmin"}:
        return _without(equation.invars[0].aval, first, p["axes"])
    if name in _RUNNING:
        return _scrambled(first, p["axis"])
    return _RULES[name](equation, given) if name in _RULES else None


def joined(given: Sequence[tuple[str, ...]]) -> Axes:
    """The axes of what comes of several values entry by entry: a row's entry beside another place's mixes them.

    Example:
        >>> joined([(EACH, ANY), (SAME, ANY)]), joined([(EACH, SAME), (SAME, EACH)]), joined([(EACH,), (ANY,)])
        (('each', 'any'), None, None)
    """
    made = []
    for axis in zip(*given, strict=True):
        met = set(axis) - {SAME}
        if len(met) > 1:
            return None
        made.append(met.pop() if met else SAME)
    return tuple(made) if made.count(EACH) < 2 else None


def _scrambled(axes: tuple[str, ...], *these: int) -> Axes:
    """An axis whose entries are brought together, or moved, but that stays."""
    if any(axes[k] == EACH for k in these):
        return None
    return tuple(ANY if k in these else axis for k, axis in enumerate(axes))


def _without(aval: Any, axes: tuple[str, ...], gone: Sequence[int]) -> Axes:
    # A sum over an axis as long as the rows are many knows their number, even of ones.
    if any(axes[k] == EACH or not isinstance(aval.shape[k], int) for k in gone):
        return None
    return tuple(axis for k, axis in enumerate(axes) if k not in gone)


def _whole(sizes: Sequence[Any], aval: Any, axes: tuple[str, ...]) -> Axes:
    """What is cut out: axes of rows are kept whole, others are other places."""
    cut = [k for k, size in enumerate(sizes) if size != aval.shape[k]]
    return _scrambled(axes, *cut)


def _broadcast(equation: Any, given: list[tuple[str, ...]]) -> Axes:
    made = [SAME] * len(equation.outvars[0].aval.shape)
    for axis, to in zip(given[0], equation.params["broadcast_dimensions"], strict=True):
        made[to] = axis
    return tuple(made)


def _reshape(equation: Any, given: list[tuple[str, ...]]) -> Axes:
    old, new, axes = equation.invars[0].aval.shape, equation.outvars[0].aval.shape, given[0]
    if EACH not in axes or equation.params.get("dimensions") is not None:
        return None if _counts_rows(equation.outvars[0].aval) else tuple(ANY for _ in new)
    k = axes.index(EACH)
    before = functools.reduce(operator.mul, old[:k], 1)
    for j, size in enumerate(new):
        if not isinstance(size, int) and size == old[k] and functools.reduce(operator.mul, new[:j], 1) == before:
            return tuple(EACH if i == j else SAME if _is_one(x) else ANY for i, x in enumerate(new))
    return None


def _dot(equation: Any, given: list[tuple[str, ...]]) -> Axes:
    (left, right), (left_batch, right_batch) = equation.params["dimension_numbers"]
    both = list(zip(equation.invars, given, (left, right), (left_batch, right_batch), strict=True))
    if any(_without(x.aval, axes, gone) is None for x, axes, gone, _ in both):
        return None
    batch = joined([tuple(axes[k] for k in held) for _, axes, _, held in both])
    free = [a for _, axes, gone, held in both for k, a in enumerate(axes) if k not in (*gone, *held)]
    made = None if batch is None else (*batch, *free)
    return made if made is None or made.count(EACH) < 2 else None


def _convolution(equation: Any, given: list[tuple[str, ...]]) -> Axes:
    numbers, (images, kernel) = equation.params["dimension_numbers"], given
    batch = numbers.lhs_spec[0]
    if EACH in kernel or EACH in images[:batch] + images[batch + 1 :] or equation.params["batch_group_count"] != 1:
        return None
    return tuple(images[batch] if k == numbers.out_spec[0] else ANY for k in range(len(images)))


def _concatenate(equation: Any, given: list[tuple[str, ...]]) -> Axes:
    parts = [_scrambled(axes, equation.params["dimension"]) for axes in given]
    return None if any(axes is None for axes in parts) else joined([axes for axes in parts if axes is not None])


def _pad(equation: Any, given: list[tuple[str, ...]]) -> Axes:
    return _scrambled(given[0], *(k for k, held in enumerate(equation.params["padding_config"]) if any(held)))


def _slice(equation: Any, given: list[tuple[str, ...]]) -> Axes:
    return _whole(equation.outvars[0].aval.shape, equation.invars[0].aval, given[0])


def _update(equation: Any, given: list[tuple[str, ...]]) -> Axes:
    whole, part = equation.invars[0].aval, equation.invars[1].aval
    parts = [_whole(part.shape, whole, axes) for axes in given[:2]]
    return None if any(axes is None for axes in parts) else joined([axes for axes in parts if axes is not None])


def _gather(equation: Any, given: list[tuple[str, ...]]) -> Axes:
    numbers, sizes = equation.params["dimension_numbers"], equation.params["slice_sizes"]
    taken, indices = given
    if numbers.operand_batching_dims or (EACH in taken and EACH in indices):
        return None
    gone = numbers.collapsed_slice_dims
    if _whole([0 if k in gone else size for k, size in enumerate(sizes)], equation.invars[0].aval, taken) is None:
        return None
    # An index that differs from row to row must not lie on an axis as long as the rows are many.
    if any(_counts_rows(equation.invars[k].aval) and EACH not in given[k] for k in (0, 1)):
        return None
    slices = iter([axis if axis == EACH else ANY for k, axis in enumerate(taken) if k not in gone])
    batch = iter(indices[:-1])
    rank = range(len(equation.outvars[0].aval.shape))
    return tuple(next(slices) if k in numbers.offset_dims else next(batch) for k in rank)


def _iota(equation: Any, given: list[tuple[str, ...]]) -> Axes:
    return tuple(ANY if k == equation.params["dimension"] else SAME for k in range(len(equation.outvars[0].aval.shape)))


def _sort(equation: Any, given: list[tuple[str, ...]]) -> Axes:
    made = joined(given)
    return None if made is None else _scrambled(made, equation.params["dimension"])


def _of_matrices(equation: Any, given: list[tuple[str, ...]]) -> list[Axes]:
    """Factors of many matrices: a row's are its own if rows are a leading axis of all."""
    at = {axes.index(EACH) for axes in given if EACH in axes}
    # A second operand may be a vector a matrix: leading axes are those before the last two of the first.
    fits = len(at) == 1 and max(at) < len(given[0]) - 2 and all(axes[min(at)] in (EACH, SAME) for axes in given)
    if not fits:
        return [None] * len(equation.outvars)
    ranks = [len(x.aval.shape) for x in equation.outvars]
    return [tuple(EACH if k in at else ANY for k in range(rank)) for rank in ranks]


_RULES: dict[str, Callable[[Any, list[tuple[str, ...]]], Axes]] = {
    "broadcast_in_dim": _broadcast,
    "reshape": _reshape,
    "transpose": lambda e, given: tuple(given[0][k] for k in e.params["permutation"]),
    "squeeze": lambda e, given: tuple(a for k, a in enumerate(given[0]) if k not in e.params["dimensions"]),
    "rev": lambda e, given: _scrambled(given[0], *e.params["dimensions"]),
    "dot_general": _dot,
    "conv_general_dilated": _convolution,
    "concatenate": _concatenate,
    "pad": _pad,
    "slice": _slice,
    "dynamic_slice": _slice,
    "dynamic_update_slice": _update,
    "gather": _gather,
    "iota": _iota,
    "sort": _sort,
    "split": lambda e, given: _scrambled(given[0], e.params["axis"]),
    "top_k": lambda e, given: _scrambled(given[0], len(given[0]) - 1),
}


# ---------------------------------------------------------------------------------------------------- loops and choices


def _cond(equation: Any, given: list[tuple[str, ...]]) -> list[Axes]:
    branches = [through(branch, given[1:]) for branch in equation.params["branches"]]
    return [_either(found) for found in zip(*branches, strict=True)]


def _either(found: Sequence[Axes]) -> Axes:
    return None if any(axes is None for axes in found) else joined([axes for axes in found if axes is not None])


def _scan(equation: Any, given: list[tuple[str, ...]]) -> list[Axes]:
    p = equation.params
    fixed, carried = p["num_consts"], p["num_consts"] + p["num_carry"]
    if any(axes[0] == EACH or not isinstance(x.aval.shape[0], int) for x, axes in
           zip(equation.invars[carried:], given[carried:], strict=True)):  # fmt: skip
        return [None] * len(equation.outvars)
    each: list[Axes] = [axes[1:] for axes in given[carried:]]
    carry: list[Axes] = list(given[fixed:carried])
    while True:
        found = through(p["jaxpr"], [*given[:fixed], *carry, *each])
        after = [_either(both) for both in zip(carry, found[: p["num_carry"]], strict=True)]
        if after == carry:
            return [*carry, *(None if axes is None else (ANY, *axes) for axes in found[p["num_carry"] :])]
        carry = after


def _while(equation: Any, given: list[tuple[str, ...]]) -> list[Axes]:
    p = equation.params
    tested, run = p["cond_nconsts"], p["cond_nconsts"] + p["body_nconsts"]
    carry: list[Axes] = list(given[run:])
    while True:
        found = through(p["body_jaxpr"], [*given[tested:run], *carry])
        after = [_either(both) for both in zip(carry, found, strict=True)]
        if after == carry:
            break
        carry = after
    (goes_on,) = through(p["cond_jaxpr"], [*given[:tested], *carry])
    return [None] * len(carry) if goes_on is None else carry


_NESTED: dict[str, Callable[[Any, list[tuple[str, ...]]], list[Axes]]] = {"cond": _cond, "scan": _scan, "while": _while}
