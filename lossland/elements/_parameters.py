"""Parameters of losses and activations, as far as they are known while a program is traced.

What is known may be a limit, which has a form of its own, or lie where a function has none: then it is refused.
"""

import math
from typing import Any

import numpy as np
from jax.core import Tracer


def known(value: Any) -> float | None:
    """A parameter's value, if it is one number that is known now."""
    return None if isinstance(value, Tracer) or np.ndim(value) else float(value)


def is_known(value: Any, number: float) -> bool:
    """Whether a parameter is known to be this number."""
    return known(value) == number


def refuse_unless(holds: bool, what: str, value: Any) -> None:
    """Refuse a value of a parameter, told as "gamma of smooth_hinge must be positive"."""
    if not holds:
        raise ValueError(f"The parameter {what}, not {value}.")


def refuse_outside(
    what: str, value: Any, low: float = -math.inf, high: float = math.inf, *, open_ends: bool = False
) -> None:
    """Refuse a parameter that is known to lie outside an interval, or on its ends if these are open.

    Args:
        what: the parameter and whose it is, "t2 of bi_tempered".
        value: of the parameter; one that is traced is taken as it is.
        low: the least value.
        high: the largest.
        open_ends: whether finite ends do not belong.

    Raises:
        ValueError: if it lies outside; the message says what it must be.

    Example:
        >>> refuse_outside("k of taylor_ce", 0, 1)
        Traceback (most recent call last):
        ...
        ValueError: The parameter k of taylor_ce must be at least 1, not 0.
    """
    number = known(value)
    if number is None:
        return
    inside = low < number < high if open_ends else low <= number <= high
    least, most = ("above", "below") if open_ends else ("at least", "at most")
    bounds = [f"{least} {low:g}"] * (low > -math.inf) + [f"{most} {high:g}"] * (high < math.inf)
    refuse_unless(inside, f"{what} must be {' and '.join(bounds)}", value)
