"""Values that public functions are given: what each is, refused in a sentence where it is something else.

Counts are whole numbers, also those of NumPy and JAX; a number with a point is none, nor is True. What JAX traces is
taken at its word.
"""

import inspect
import math
import numbers
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

MOST = 2**31 - 1
"""The largest count: steps and places are counted in 32 bits."""
LARGEST_SEED = 2**63 - 1


def checked_count(name: str, value: Any, least: int = 1, most: int = MOST) -> int:
    """A whole number that is counted with, also one of NumPy or JAX, as an int.

    Args:
        name: of the argument, for the message.
        value: as it was given; numbers with a point are no counts, and True is none.
        least: the smallest.
        most: the largest.

    Raises:
        ValueError: if it is something else, too small or too large.

    Example:
        >>> checked_count("steps", 0)
        Traceback (most recent call last):
        ...
        ValueError: steps must be at least 1, not 0.
    """
    if not is_whole(value):
        raise ValueError(f"{name} must be a whole number, not {shown(value)}.")
    number = int(value)
    if number < least:
        raise ValueError(f"{name} must be at least {least}, not {shown(number)}.")
    if number > most:
        raise ValueError(f"{name} must be at most {most}, not {shown(number)}.")
    return number


def checked_number(name: str, value: Any) -> Any:
    """A real number that is one: no NaN, no text, no array of several; it may be infinite, or be traced by JAX.

    Raises:
        ValueError: if it is something else.
    """
    if not is_number(value):
        raise ValueError(f"{name} must be a number, not {shown(value)}.")
    return value


def checked_switch(name: str, value: Any) -> Any:
    """True or False, also as 1 or 0.

    Raises:
        ValueError: if it is something else.
    """
    if not is_switch(value):
        raise ValueError(f"{name} must be True or False, not {shown(value)}.")
    return value


def checked_reals(name: str, value: Any) -> np.ndarray:
    """An array of real numbers in float64, of any shape; NaN and infinities are let through.

    Raises:
        ValueError: if it holds text, complex numbers or other things, or rows of different lengths.

    Example:
        >>> checked_reals("weights", [1, "2"])
        Traceback (most recent call last):
        ...
        ValueError: weights must be an array of real numbers, not a list of 2.
    """
    held = reals_of(value)
    if held is None:
        raise ValueError(f"{name} must be an array of real numbers, not {shown(value)}.")
    return held


def checked_function(name: str, value: Any, count: int) -> Any:
    """A function that can be called with so many arguments.

    Raises:
        ValueError: if it cannot.
    """
    if not takes(value, count):
        raise ValueError(f"{name} must be a function of {arguments(count)}, not {shown(value)}.")
    return value


def checked_tree(name: str, value: Any) -> Any:
    """Params: a tree whose leaves are arrays of numbers, or keys.

    Raises:
        ValueError: if a leaf is something else; the message says which, and where.
    """
    import jax

    for way, leaf in jax.tree.leaves_with_path(value):
        if not _is_leaf(leaf):
            if hasattr(value, "params"):
                raise ValueError(f"{name} is a {type(value).__name__}; give its params: `.params`.")
            where = jax.tree_util.keystr(way)
            place = f" at {where}" if where else ""
            raise ValueError(f"{name} must be params, a tree of arrays of numbers; {shown(leaf)}{place} is none.")
    return value


def shown(value: Any) -> str:
    """A value in a message: itself if it is short, else what it is and of what size.

    Example:
        >>> shown("3"), shown(np.zeros((2, 3))), shown(10**400), shown([1] * 50)
        ("'3'", 'an array of shape (2, 3) and type float64', 'a whole number of 401 digits', 'a list of 50')
    """
    if isinstance(value, numbers.Integral) and not isinstance(value, bool) and abs(int(value)) >= 10**40:
        return f"a whole number of {int(abs(int(value)).bit_length() * math.log10(2)) + 1} digits"
    if value is None or isinstance(value, (bool, numbers.Number)):
        return str(value)
    if isinstance(value, str):
        return repr(value) if len(value) <= 60 else f"a text of {len(value)} letters"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        alone = np.ndim(value) == 0 and isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufcU"
        return str(value) if alone else f"an array of shape {value.shape} and type {value.dtype}"
    if isinstance(value, (list, tuple, dict, set)) and not hasattr(value, "_fields"):
        return f"a {type(value).__name__} of {len(value)}"
    kind = type(value).__name__
    return f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind}"


def arguments(count: int) -> str:
    return f"{count} argument{'s' * (count != 1)}"


def takes(value: Any, count: int) -> bool:
    """Whether something can be called with so many arguments, as far as its signature says."""
    if not callable(value):
        return False
    try:
        inspect.signature(value).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # it has no signature that can be read
        return True
    return True


def is_several(value: Any) -> bool:
    """Whether a value is a sequence or an array of at least one axis, and no text."""
    if hasattr(value, "shape"):
        return len(value.shape) > 0
    return isinstance(value, (Sequence, range)) and not isinstance(value, (str, bytes))


def traced(value: Any) -> bool:
    """Whether JAX is tracing this value; nothing is where JAX is not imported."""
    return "jax" in sys.modules and isinstance(value, sys.modules["jax"].core.Tracer)


def tracing() -> bool:
    """Whether JAX traces whatever it computes now, as within a function that it compiles."""
    import jax
    from jax.core import Tracer

    # To put a number on a device compiles nothing.
    return isinstance(jax.device_put(np.zeros((), np.float32)), Tracer)


def is_whole(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return False
    if isinstance(value, numbers.Integral):
        return True
    return getattr(value, "shape", None) == () and np.dtype(getattr(value, "dtype", float)).kind in "iu"


def is_number(value: Any) -> bool:
    if traced(value):
        return value.shape == ()
    if isinstance(value, (bool, np.bool_)):
        return False
    if isinstance(value, numbers.Real):
        try:
            return not math.isnan(value)
        except OverflowError:
            return False
    if getattr(value, "shape", None) != () or not hasattr(value, "dtype"):
        return False
    real = not str(value.dtype).startswith("key") and np.dtype(value.dtype).kind in "iufV"
    return real and not np.isnan(np.asarray(value, float))


def is_nan(value: Any) -> bool:
    return isinstance(value, numbers.Real) and value != value


def is_switch(value: Any) -> bool:
    if traced(value) or isinstance(value, (bool, np.bool_)):
        return True
    return isinstance(value, int) and value in (0, 1)


def is_prng_key(value: Any) -> bool:
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return False
    if str(dtype).startswith("key"):
        return value.shape == ()
    return value.shape == (2,) and str(dtype) == "uint32"


def is_tree(value: Any) -> bool:
    import jax

    return all(_is_leaf(leaf) for leaf in jax.tree.leaves(value))


def _is_leaf(leaf: Any) -> bool:
    """Whether a leaf of params is an array of numbers, a number or a key."""
    if hasattr(leaf, "dtype"):
        return str(leaf.dtype).startswith("key") or np.dtype(leaf.dtype).kind in "biufcV"
    return isinstance(leaf, (bool, float)) or (isinstance(leaf, int) and abs(leaf) <= LARGEST_SEED)


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def reals_of(value: Any) -> np.ndarray | None:
    """The array of real numbers that a value is, in float64; None if it is none."""
    try:
        held = np.asarray(value)
        if held.dtype.kind == "O" and all(isinstance(x, numbers.Real) for x in held.flat):
            held = held.astype(float)
    except (TypeError, ValueError, OverflowError):
        return None
    real = held.dtype.kind in "biuf" or (held.dtype.kind == "V" and np.can_cast(held.dtype, float))
    return held.astype(float) if real else None
