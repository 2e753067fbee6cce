"""What a user's function sees now: the numbers that it looks up, so that nothing kept of it outlives a change.

Whatever is kept by entry or pair (cards, proofs, compiled programs) is found again by its hash, and that holds this.
"""

import functools
from collections.abc import Callable, Hashable
from typing import Any

import jax
import numpy as np

from lossland.core import structure


def seen_now(function: Callable[..., Any], arguments: int) -> Hashable:
    """What a function sees outside of itself, as it is now.

    Args:
        function: of one array, or of two.
        arguments: how many.

    Returns:
        Its structure: code, closure, defaults and the globals that it reads. Where that cannot be read to the end, the
        program that JAX traces of it; None where there is none.

    Example:
        >>> held = {"k": 1.0}
        >>> loss = eval("lambda margin: k * margin", held)
        >>> before = seen_now(loss, 1)
        >>> held["k"] = 2.0
        >>> seen_now(loss, 1) == before
        False
    """
    key = structure(function)
    return _program(function, arguments) if key is None else key


def _program(function: Callable[..., Any], arguments: int) -> Hashable:
    """The program as text, with the bytes of its constants."""
    some = jax.ShapeDtypeStruct((3,), "float32")
    try:
        # A new function each time: JAX keeps what it traced by identity.
        closed = jax.make_jaxpr(lambda *given: function(*given))(*[some] * arguments)
        return str(closed), tuple(np.asarray(held).tobytes() for held in closed.consts)
    except Exception:  # of any kind: the function is anybody's, and may hold what is being traced
        return None


def jit_by_pair(static_argnums: tuple[int, ...]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`jax.jit` of a function of pairs: compiled anew when what a pair's functions see has changed.

    JAX itself finds programs again by the pair as an object, and the object is the same.

    Args:
        static_argnums: which positional arguments are no arrays; the pair is among them.

    Example:
        >>> import jax.numpy as jnp
        >>> import lossland as ll
        >>> values = jit_by_pair((0,))(lambda pair, scores: pair(scores, 1.0))
        >>> float(values(ll.pair("identity", "hinge"), jnp.asarray(0.25)))
        0.75
    """

    def attach(function: Callable[..., Any]) -> Callable[..., Any]:
        def whole(seen: int, *arguments: Any) -> Any:
            return function(*arguments)

        compiled = jax.jit(functools.wraps(function, assigned=("__name__",))(whole), static_argnums=(0, *after))

        @functools.wraps(function)
        def call(*arguments: Any) -> Any:
            return compiled(hash(tuple(arguments[k] for k in static_argnums)), *arguments)

        return call

    after = tuple(k + 1 for k in static_argnums)
    return attach
