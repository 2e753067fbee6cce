"""Whether a function chooses between branches: only then may a branch that is not taken spoil its slope."""

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


def has_select(function: Callable[..., Any], arguments: int = 1) -> bool:
    """Whether the program of a function of arrays holds a choice; True if it cannot be traced."""
    some = jax.ShapeDtypeStruct((3,), "float32")
    try:
        return _selects(jax.make_jaxpr(function)(*[some] * arguments).jaxpr)
    except Exception:  # of any kind: the function is anybody's
        return True


def _selects(jaxpr: Any) -> bool:
    """Whether a program, or one within it, holds a choice."""
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("select_n", "cond"):
            return True
        held = jax.tree.leaves(list(equation.params.values()), is_leaf=_program)
        if any(_selects(getattr(inner, "jaxpr", inner)) for inner in held if _program(inner)):
            return True
    return False


def _program(x: Any) -> bool:
    return hasattr(x, "eqns") or hasattr(getattr(x, "jaxpr", None), "eqns")
