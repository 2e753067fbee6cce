"""Whether a function is linear or affine in its params, read from its program and so proven, not tried.

Each value of the program is FIXED, LINEAR, AFFINE or OTHER in the params. Sums keep the worst of their terms, a product
of what is fixed and what is linear is linear, and what is not known to keep lines straight (a rounding, a comparison, a
function with a derivative of its own) makes OTHER of whatever depends on a param.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend.core import ClosedJaxpr, Literal

from lossland.core._types import Params

FIXED, LINEAR, AFFINE, OTHER = range(4)

_THROUGH = frozenset(
    "neg reshape broadcast_in_dim transpose squeeze expand_dims reduce_sum cumsum slice rev copy copy_p".split()
)
"""Of one array: sums and other arrangements of its elements."""
_SUMS = frozenset("add sub add_any concatenate pad".split())
_PRODUCTS = frozenset("mul dot_general conv_general_dilated".split())
_CALLS = frozenset("jit pjit closed_call remat2 checkpoint remat core_call".split())


def affinity(function: Callable[..., Any], params: Params, *fixed: Any) -> str:
    """How a function depends on its params, by its program.

    Args:
        function: of params, to an array or a tree of them; anything that JAX can trace.
        params: of the shapes and types that are meant. Integer, boolean and key leaves are held fixed.
        *fixed: further arguments, which are fixed whatever their values.

    Returns:
        "linear" if f(a p + b q) = a f(p) + b f(q), "affine" if f less a constant is linear, else "other", which may be
        affine in a way that cannot be read.

    Example:
        >>> import jax.numpy as jnp
        >>> w = jnp.ones(2)
        >>> [affinity(f, w) for f in (lambda w: 2 * w, lambda w: w.sum() + 1, jnp.sin, lambda w: w.astype(int) * 1.0)]
        ['linear', 'affine', 'other', 'other']
    """
    shaped, others = jax.tree.map(_shaped, (params, fixed))
    try:
        closed = jax.make_jaxpr(function)(shaped, *others)
    except Exception:  # a program that cannot be traced at all has its error where it is run
        return "other"
    moving = [LINEAR if jnp.issubdtype(x.dtype, jnp.inexact) else FIXED for x in jax.tree.leaves(shaped)]
    given = [*moving, *[FIXED] * len(jax.tree.leaves(others))]
    kinds = [OTHER] if closed.effects else _kinds(closed.jaxpr, given)
    worst = _worst(kinds)
    # A constant is not linear, and neither is a function that a leaf held fixed may scale: not at a direction's own.
    if worst == LINEAR and all(moving):
        return "linear"
    return "other" if worst == OTHER else "affine"


def _shaped(x: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(jnp.shape(x), x.dtype if hasattr(x, "dtype") else jnp.asarray(x).dtype)


def along(function: Callable[[Params], Array], centre: Params, directions: Sequence[Params]) -> Array:
    """An affine function at a centre, and how much it moves along each direction: (1 + k, ...).

    Args:
        function: linear or affine in its params, by `affinity`.
        centre: params.
        directions: k trees, shaped as the params.
    """
    middle = jax.tree.map(jnp.asarray, centre)

    def moved(direction: Params) -> Array:
        step = jax.tree.map(_tangent, middle, direction)
        return jax.jvp(function, (middle,), (step,))[1]

    return jnp.stack([function(middle), *(moved(d) for d in directions)])


def _tangent(leaf: Array, direction: Any) -> Any:
    if jnp.issubdtype(leaf.dtype, jnp.inexact):
        return jnp.asarray(direction, leaf.dtype)
    return np.zeros(leaf.shape, jax.dtypes.float0)


def _worst(kinds: Sequence[int]) -> int:
    """The kind of a sum: of what is fixed and what is linear it is affine."""
    met = set(kinds)
    return AFFINE if met == {FIXED, LINEAR} else max(met, default=FIXED)


def _kinds(jaxpr: Any, given: Sequence[int]) -> list[int]:
    """The kind of each result, from those of the arguments."""
    held: dict[Any, int] = dict.fromkeys(jaxpr.constvars, FIXED) | dict(zip(jaxpr.invars, given, strict=True))
    for equation in jaxpr.eqns:
        kinds = [FIXED if isinstance(x, Literal) else held[x] for x in equation.invars]
        held |= dict(zip(equation.outvars, _after(equation, kinds), strict=True))
    return [FIXED if isinstance(x, Literal) else held[x] for x in jaxpr.outvars]


def _after(equation: Any, kinds: list[int]) -> list[int]:
    """The kind of what one equation gives."""
    name, count = equation.primitive.name, len(equation.outvars)
    if max(kinds, default=FIXED) == FIXED and not equation.effects:
        return [FIXED] * count
    if name in _CALLS:
        inner = equation.params["jaxpr"] if "jaxpr" in equation.params else equation.params["call_jaxpr"]
        return _kinds(inner.jaxpr if isinstance(inner, ClosedJaxpr) else inner, kinds)
    return [_kind(name, equation, kinds)] * count


def _kind(name: str, equation: Any, kinds: list[int]) -> int:
    if name in _THROUGH:
        return kinds[0]
    if name in _SUMS:
        return _worst(kinds)
    if name in _PRODUCTS:
        return sum(kinds) if min(kinds) == FIXED else OTHER
    if name == "div":
        return kinds[0] if kinds[1] == FIXED else OTHER
    if name == "convert_element_type":
        return kinds[0] if _widens(equation) else OTHER
    if name == "select_n":
        return _worst(kinds[1:]) if kinds[0] == FIXED else OTHER
    if name in ("gather", "dynamic_slice"):
        return kinds[0] if max(kinds[1:]) == FIXED else OTHER
    if name == "dynamic_update_slice":
        return _worst(kinds[:2]) if max(kinds[2:]) == FIXED else OTHER
    if name in ("scatter", "scatter-add", "scatter_add"):
        return _worst((kinds[0], kinds[2])) if kinds[1] == FIXED else OTHER
    return OTHER


def _widens(equation: Any) -> bool:
    old, new = equation.invars[0].aval.dtype, equation.outvars[0].aval.dtype
    return jnp.issubdtype(new, jnp.inexact) and jnp.promote_types(old, new) == new
