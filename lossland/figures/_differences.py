"""How far things said to be equal are from each other: one logarithmic axis from 0, a row each."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from lossland.core import guarded
from lossland.figures._style import BLACK, BROWN, GREEN, GREY, VIOLET, panels, style

LEAST, MOST = 1e-18, 10.0
"""What is less, 0 above all, and what is more is drawn here."""
LOOKS = (("o", BLACK), ("s", VIOLET), ("^", BROWN), ("x", GREEN))


@guarded()
def differences_figure(names: Sequence[str], series: Mapping[str, Any], title: str) -> Figure:
    """Draw differences on a logarithmic axis that shows 0, with the rounding unit of doubles.

    Args:
        names: of the rows, k of them, from above.
        series: name -> (k,) differences, not negative; up to four. NaN is not drawn.
        title: what the figure says.

    Returns:
        The figure.

    Raises:
        ValueError: if there are more than four series.
    """
    if len(series) > len(LOOKS):
        raise ValueError(f"At most {len(LOOKS)} series can be told apart, not {len(series)}.")
    with style():
        figure, axes = panels(1, 1, height=0.19 * len(names) + 0.95)
        ax, places, unit = axes[0, 0], np.arange(len(names)), float(np.finfo(float).eps)
        ax.hlines(places, LEAST, MOST, color="#E3E3E3", lw=0.5, zorder=0)
        for k, ((name, held), (mark, shade)) in enumerate(zip(series.items(), LOOKS, strict=False)):
            shift = 0.1 * (k - 0.5 * (len(series) - 1))
            ax.plot(np.clip(held, LEAST, MOST), places + shift, mark, ms=3.6, color=shade, mfc="none", label=name)
        ax.axvline(unit, color=GREY, lw=0.8, ls=":")
        ax.text(1.4 * unit, -0.75, "rounding unit", fontsize=6.5, color="#666666", va="center")
        ax.set_yticks(places, names, fontsize=7)
        ax.set(xscale="log", xlim=(0.4 * LEAST, 2 * MOST), ylim=(places[-1] + 0.7, -1.1), xlabel="largest difference")
        ax.set_xticks([LEAST, 1e-15, 1e-10, 1e-5, 1], ["0", *(f"$10^{{{k}}}$" for k in (-15, -10, -5)), "1"])
        ax.minorticks_off()
        figure.suptitle(title, fontsize=8.5)
        figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
