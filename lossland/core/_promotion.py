"""What runs under JAX's usual promotion of types, whatever its user has set for code of his own."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def promoting(function: Callable[P, R]) -> Callable[P, R]:
    """The function, evaluated with the standard promotion of types: counts times floats, optax's powers of steps.

    `jax_numpy_dtype_promotion="strict"` guards a user's own expressions; what is called here chooses its types itself.

    Args:
        function: any.

    Returns:
        The function, with its name and signature.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> with jax.numpy_dtype_promotion("strict"):
        ...     float(promoting(lambda count: jnp.float32(0.5) * count)(jnp.asarray(3)))
        1.5
    """

    @functools.wraps(function)
    def standard(*arguments: P.args, **settings: P.kwargs) -> R:
        import jax

        with jax.numpy_dtype_promotion("standard"):
            return function(*arguments, **settings)

    return standard
