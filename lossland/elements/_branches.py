"""What a function's program holds: a choice, whose branch that is not taken may spoil a slope; a rule for one mode."""

import functools
from collections.abc import Callable
from typing import Any

import jax

from lossland.elements._registry import Entry, Loss


@functools.lru_cache(maxsize=1024)
def chooses(entry: Entry) -> bool:
    """Whether a loss or an activation chooses between branches, as `jnp.where` does.

    Args:
        entry: of either; one that cannot be traced is taken to choose.

    Example:
        >>> import lossland as ll
        >>> chooses(ll.pair("identity", "dwd").loss), chooses(ll.pair("identity", "unhinged").loss)
        (True, False)
    """
    return has_select(entry, 2 if isinstance(entry, Loss) and entry.kind == "label" else 1)


@functools.lru_cache(maxsize=1024)
def reverse_only(entry: Entry) -> bool:
    """Whether a loss or an activation holds a `jax.custom_vjp`, which has no derivative in forward mode.

    Args:
        entry: of either; one that cannot be traced holds none.

    Example:
        >>> import lossland as ll
        >>> reverse_only(ll.pair("identity", "dwd").loss)
        False
    """
    return _holds(entry, 2 if isinstance(entry, Loss) and entry.kind == "label" else 1, ("custom_vjp_call",), False)


def has_select(function: Callable[..., Any], arguments: int = 1) -> bool:
    """Whether the program of a function of arrays holds a choice; True if it cannot be traced."""
    return _holds(function, arguments, ("select_n", "cond"), True)


def holds(function: Callable[..., Any], name: str) -> bool:
    """Whether the program of a function of one array holds an operation of this name."""
    return _holds(function, 1, (name,), False)


def _holds(function: Callable[..., Any], arguments: int, names: tuple[str, ...], untraced: bool) -> bool:
    some = jax.ShapeDtypeStruct((3,), "float32")
    try:
        return _within(jax.make_jaxpr(function)(*[some] * arguments).jaxpr, names)
    except Exception:  # of any kind: the function is anybody's
        return untraced


def _within(jaxpr: Any, names: tuple[str, ...]) -> bool:
    """Whether a program, or one within it, holds an operation of these."""
    for equation in jaxpr.eqns:
        if equation.primitive.name in names:
            return True
        held = jax.tree.leaves(list(equation.params.values()), is_leaf=_program)
        if any(_within(getattr(inner, "jaxpr", inner), names) for inner in held if _program(inner)):
            return True
    return False


def _program(x: Any) -> bool:
    return hasattr(x, "eqns") or hasattr(getattr(x, "jaxpr", None), "eqns")
