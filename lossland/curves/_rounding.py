"""Numbers that are a few decimals but for rounding."""

from typing import Any


def rounding_off(x: Any, digits: int, slack: float) -> float:
    """A number without the digits that only rounding made.

    Args:
        x: a number.
        digits: the decimals of the short number beside it.
        slack: how near the two must be, relative to 1 + |x|.

    Returns:
        The short number if x is that near to it, else x.

    Example:
        >>> rounding_off(0.1 + 0.2, 9, 2e-12), rounding_off(0.3000001, 9, 2e-12), rounding_off(-1e-17, 9, 2e-12)
        (0.3, 0.3000001, 0.0)
    """
    short = round(float(x), digits) + 0.0
    return short if abs(x - short) < slack * (1 + abs(x)) else float(x)
