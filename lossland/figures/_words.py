"""Names and numbers as figures write them: names letter by letter, numbers beside an axis told apart."""

from collections.abc import Sequence
from typing import Any


def verbatim(name: Any) -> str:
    r"""A name as matplotlib shows it letter by letter: a dollar begins no formula.

    Example:
        >>> print(verbatim("cost_$ and price_$"))
        cost_\$ and price_\$
    """
    return str(name).replace("$", r"\$")


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """Numbers with three digits, or with as many as tell them apart.

    Example:
        >>> tick_labels([0.5, 1.0]), tick_labels([1000000.0, 1000002.0])
        (['0.5', '1'], ['1000000', '1000002'])
    """
    for digits in range(3, 17):
        told = [f"{tick:.{digits}g}" for tick in ticks]
        if len(set(told)) == len(set(ticks)):
            return told
    return [repr(float(tick)) for tick in ticks]


def label_ticks(bar: Any) -> None:
    """Label the ticks of a colour bar so that no two read alike."""
    low, high = sorted((bar.vmin, bar.vmax))
    ticks = [float(tick) for tick in bar.get_ticks() if low <= tick <= high]
    bar.set_ticks(ticks, labels=tick_labels(ticks))
