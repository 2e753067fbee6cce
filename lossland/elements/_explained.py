"""What JAX cannot trace or derive in somebody's function, said as how to write it instead."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.errors import ConcretizationTypeError, TracerArrayConversionError, TracerBoolConversionError

from lossland.elements._registry import Entry


class NotInJax(ValueError):
    """A function that cannot be traced or derived as it is written; the message says how to write it."""


@contextlib.contextmanager
def explained(entry: Entry) -> Iterator[None]:
    """Evaluate a function of somebody's within this; what JAX cannot do with it is said in words.

    Args:
        entry: the loss or the activation that is evaluated.

    Raises:
        NotInJax: if it calls NumPy, asks `if` of a number, or has a derivative for reverse mode alone.

    Example:
        >>> import jax, numpy
        >>> import lossland as ll
        >>> entry = ll.elements.Loss("naive", lambda margin: numpy.exp(-margin))
        >>> with explained(entry):
        ...     jax.make_jaxpr(entry)(1.0)
        Traceback (most recent call last):
        ...
        lossland.elements._explained.NotInJax: naive calls NumPy or another library ... from jax.numpy ...
    """
    try:
        yield
    except NotInJax:
        raise
    except (TypeError, ValueError, NotImplementedError) as error:
        told = explanation(error)
        if not told:
            raise
        raise NotInJax(f"{entry.name} {told}") from error


def explanation(error: Exception) -> str:
    """What an error of JAX says about the function that met it, and how to write it; empty for any other error."""
    if isinstance(error, TracerArrayConversionError):
        return (
            "calls NumPy or another library on numbers that JAX traces. Write it with the functions of the same name "
            "from jax.numpy (jnp.exp for np.exp)."
        )
    if isinstance(error, TracerBoolConversionError) or "truth value of an array" in str(error):
        return (
            "asks a Python question (if, and, or, not, max, min, while) of numbers that JAX traces. Choose with "
            "jnp.where(condition, value, other), jnp.maximum or jnp.minimum."
        )
    if isinstance(error, ConcretizationTypeError) or "Only scalar arrays can be converted" in str(error):
        return (
            "asks for a number's value (float, int, math.exp, .item()) where JAX traces it. Write it with the "
            "functions of jax.numpy."
        )
    if "custom_vjp" in str(error) or "custom_lin" in str(error):
        return (
            "has a derivative for reverse mode alone (jax.custom_vjp), but slopes are taken forward and curvatures "
            "are slopes of slopes. Give the rule with jax.custom_jvp: JAX derives reverse mode from it."
        )
    if "float0" in str(error) or "real-valued outputs" in str(error):
        return (
            "gives booleans or whole numbers, of which there is no slope. Give real numbers: "
            "jnp.where(condition, 1.0, 0.0), or .astype(float)."
        )
    return ""


def forward_refused(function: Callable[..., Any], *inputs: Any) -> Any:
    """A function with a derivative for reverse mode alone: its value, and an error at once where a slope is asked for.

    JAX itself raises for it where a program is compiled, too late to say whose function it is.
    """

    def refused(primals: tuple, tangents: tuple) -> Any:
        raise TypeError("A custom_vjp function has no derivative in forward mode.")

    held = jax.custom_jvp(function)
    held.defjvp(refused)
    return held(*inputs)
