"""Whether a half of a pair holds a number that is being traced: a parameter, or one that its function closes over.

Such a pair is a program of that number as well as of the score, and derivatives, `jit` and `vmap` reach it.
"""

import dataclasses
import functools
import types
from typing import Any

from jax.core import Tracer

from lossland.elements._registry import Entry

DEPTH = 8
"""How far functions are followed into those that they close over."""


def is_traced(*things: Any, depth: int = DEPTH) -> bool:
    """Whether one of these things is, binds or closes over a number that is being traced.

    Example:
        >>> import jax
        >>> import lossland as ll
        >>> found = []
        >>> _ = jax.grad(lambda g: found.append(is_traced(lambda margin: g * margin)) or g)(1.0)
        >>> found, is_traced(ll.pair("relu", "hinge").loss)
        ([True], False)
    """
    return any(isinstance(thing, Tracer) or (depth and is_traced(*_held(thing), depth=depth - 1)) for thing in things)


def _held(thing: Any) -> tuple[Any, ...]:
    """What a function or an entry computes with."""
    if isinstance(thing, Entry):
        return thing.function, *(value for _, value in thing.parameters)
    if isinstance(thing, functools.partial):
        return thing.func, *thing.args, *thing.keywords.values()
    if isinstance(thing, types.FunctionType):
        cells = [cell.cell_contents for cell in thing.__closure__ or () if cell != types.CellType()]
        return *cells, *(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        # A loss made of losses.
        return tuple(getattr(thing, field.name) for field in dataclasses.fields(thing))
    if isinstance(thing, tuple):
        return thing
    wrapped = getattr(thing, "__wrapped__", None) if callable(thing) and not isinstance(thing, type) else None
    return () if wrapped is None else (wrapped,)
