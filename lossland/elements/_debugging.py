"""Evaluation under JAX's checks for NaN and infinity, which look at every number of a program that runs by itself.

A branch that is not taken may hold either: only what comes out counts.
"""

from collections.abc import Callable
from typing import Any

import jax


def as_one(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function; under `jax_debug_nans` or `jax_debug_infs` as one program, of which the result alone is checked.

    Args:
        function: of arrays.

    Returns:
        The function itself where nothing is checked, so that nothing is compiled for it.

    Example:
        >>> import jax.numpy as jnp
        >>> root = lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0)
        >>> with jax.debug_nans(True):
        ...     float(as_one(root)(-1.0))
        0.0
    """
    watched = jax.config.jax_debug_nans or jax.config.jax_debug_infs  # type: ignore[attr-defined]
    return jax.jit(function) if watched else function
