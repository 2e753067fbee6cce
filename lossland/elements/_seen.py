"""What a user's function sees now: the numbers that it looks up, so that nothing kept of it outlives a change.

Whatever is kept by entry or pair (cards, proofs, compiled programs) is found again by its hash, and that holds this.
"""

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
