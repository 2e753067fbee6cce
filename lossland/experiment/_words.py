"""Numbers and names in words: one rounding and one spelling for table, figure and text."""

import math
import re
from collections.abc import Iterable
from typing import Any

from lossland.core import guarded

OUTPUTS = {
    "identity": "linear",
    "relu": "ReLU",
    "leaky_relu": "leaky ReLU",
    "shifted_relu": "shifted ReLU",
    "relu6": "ReLU6",
    "elu": "ELU",
    "sigmoid": "sigmoid",
}
LOSSES = {"cross_entropy": "cross-entropy"}


@guarded()
def number(x: Any, digits: int = 3) -> str:
    """A number with some significant digits; powers of ten where it is very small or large.

    Args:
        x: any real number; NaN, which no claim holds with, and infinities are named.
        digits: significant ones.

    Returns:
        Text, "-0" never.

    Example:
        >>> number(0.01234), number(22.5), number(3.2e-9), number(-0.0), number(999.9)
        ('0.0123', '22.5', '3.2e-09', '0', '1000')
    """
    if math.isnan(x):
        return "not a number"
    if math.isinf(x):
        return "infinite" if x > 0 else "-infinite"
    told = f"{x:.{digits}g}"
    # Whole numbers, and what rounding to so many digits would write with a power of ten, are written out.
    if abs(x) < 1e6 and (x == int(x) or "e+" in told):
        return f"{x + 0.0:.0f}"
    return told


@guarded()
def percent(share: Any, decimals: int = 1) -> str:
    """A share in percent, without the sign: 0.225 is "22.5"; whole numbers without decimals.

    Args:
        share: of 1; NaN and infinities are named.
        decimals: at most.

    Returns:
        Text.

    Example:
        >>> percent(0.2249), percent(1.0), percent(0.0004)
        ('22.5', '100', '0')
    """
    if math.isnan(share):
        return "not a number"
    if math.isinf(share):
        return "infinite" if share > 0 else "-infinite"
    text = f"{100 * share:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


@guarded()
def pair_name(pair: str) -> str:
    """A pair as figures and texts call it.

    Args:
        pair: "activation+loss", a tie after a comma allowed.

    Returns:
        Words.

    Example:
        >>> pair_name("relu+hinge"), pair_name("identity+logistic"), pair_name("relu+hinge, tie 1/2")
        ('ReLU + hinge', 'linear + logistic', 'ReLU + hinge, tie 1/2')
    """
    both, comma, rest = pair.partition(",")
    output, _, loss = both.partition("+")
    told = f"{OUTPUTS.get(output, output.replace('_', ' '))} + {LOSSES.get(loss, loss.replace('_', ' '))}"
    return told + comma + rest


@guarded()
def data_name(dataset: str) -> str:
    """A data set as figures and texts call it: what it is, without the settings it was made with.

    Args:
        dataset: a name or a call, as `load` takes it.

    Returns:
        Words.

    Example:
        >>> data_name("two_gaussians(n=300, d=2)"), data_name("breast_cancer")
        ('two Gaussians', 'breast cancer')
    """
    return re.sub(r"\bgaussians?\b", lambda found: found[0].capitalize(), dataset.partition("(")[0].replace("_", " "))


@guarded()
def listed(words: Iterable[str]) -> str:
    """Words in a row, the last after "and".

    Args:
        words: any number.

    Returns:
        Text.

    Example:
        >>> listed(["a", "b", "c"])
        'a, b and c'
    """
    *some, last = [*words] or [""]
    return f"{', '.join(some)} and {last}" if some else last
