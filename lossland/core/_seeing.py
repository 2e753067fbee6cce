"""Compiled functions of functions: found again by all that those see now, and not by which objects they are."""

import functools
import hashlib
from collections.abc import Callable
from typing import Any

import jax
from jax.core import Tracer

from lossland.core._structure import Keyed, keyed


def jit_seeing(static_argnums: tuple[int, ...]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`jax.jit` of a function of functions (models, pairs, optimisers): compiled anew when what they see has changed.

    JAX itself finds a program by the object, and a function that reads a global, a list or an attribute is the same
    object whatever stands there. Where what it sees can be read, that is the key; elsewhere it is traced in each call
    and the program is found by its text.

    Args:
        static_argnums: which positional arguments are no arrays.

    Example:
        >>> import jax.numpy as jnp
        >>> held = {"by": 2.0}
        >>> times = jit_seeing((0,))(lambda f, x: f(x))
        >>> float(times(lambda x: held["by"] * x, jnp.asarray(3.0)))
        6.0
        >>> held["by"] = 5.0
        >>> float(times(lambda x: held["by"] * x, jnp.asarray(3.0)))
        15.0
    """

    def attach(function: Callable[..., Any]) -> Callable[..., Any]:
        def whole(statics: Keyed, *others: Any) -> Any:
            left, given = iter(others), iter(statics.value)
            count = len(others) + len(statics.value)
            return function(*(next(given if k in static_argnums else left) for k in range(count)))

        compiled = jax.jit(functools.wraps(function, assigned=("__name__",))(whole), static_argnums=0)

        @functools.wraps(function)
        def call(*arguments: Any) -> Any:
            statics = keyed(tuple(arguments[k] for k in static_argnums))
            others = tuple(x for k, x in enumerate(arguments) if k not in static_argnums)
            return compiled(statics, *others) if statics.readable else _traced_anew(whole, statics, others)

        return call

    return attach


def _traced_anew(whole: Callable[..., Any], statics: Keyed, others: tuple[Any, ...]) -> Any:
    """The result of a program that is traced now, and compiled if there is none of its text."""
    fresh = jax.jit(functools.partial(whole, statics))
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(others)):
        return fresh(*others)
    lowered = fresh.lower(*others)
    said = f"{lowered.as_text()} {jax.tree.structure(others)} {lowered.out_tree} {jax.default_backend()}"
    return _of_text(Keyed(hashlib.sha256(said.encode()).hexdigest(), lowered))(*others)


@functools.lru_cache(maxsize=64)
def _of_text(lowered: Keyed) -> Callable[..., Any]:
    return lowered.value.compile()
