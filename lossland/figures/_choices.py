"""Two numbers for each of several things, side by side: where one way of choosing leads, and where another."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lossland.core import guarded
from lossland.figures._style import BLACK, GREY, VIOLET, panels


class ChoicePanel(NamedTuple):
    """A panel of `choices_figure`.

    Attributes:
        first: (rows, runs), drawn as discs, the darker the more of them lie there.
        second: (rows,), drawn as a hollow diamond.
        marks: name -> where a dashed line stands; one or two, from the left.
        label: of the axis.
        limits: of the axis; runs above are drawn at its end as arrows.

    Example:
        >>> ChoicePanel(np.ones((2, 4)), np.ones(2), {"ReLU": 0.0, "SVM": 1.0}, "c", (0.0, 3.0)).label
        'c'
    """

    first: np.ndarray
    second: np.ndarray
    marks: Mapping[str, float]
    label: str
    limits: tuple[float, float]


@guarded()
def choices_figure(rows: Sequence[str], drawn: Mapping[str, ChoicePanel], names: tuple[str, str], title: str) -> Figure:
    """Panels of rows, each with the values that runs end at and a value chosen otherwise.

    Args:
        rows: what each row is.
        drawn: title -> panel.
        names: of the first and the second, for the legend.
        title: of the whole: its message.

    Returns:
        The figure.
    """
    figure, axes = panels(1, len(drawn), height=0.24 * len(rows) + 1.5, sharey=True)
    at = np.arange(len(rows), dtype=float)
    for place, (name, panel) in zip(axes[0], drawn.items(), strict=True):
        low, high = panel.limits
        sides = ["center"] if len(panel.marks) == 1 else ["right", "left"]
        for (mark, x), side in zip(panel.marks.items(), sides, strict=True):
            place.axvline(x, color=GREY, lw=0.8, ls="--", zorder=0)
            words = {"right": f"{mark} ", "left": f" {mark}"}.get(side, mark)
            place.annotate(
                words, (x, len(rows) - 0.1), fontsize=6.5, color="0.35", ha=side, va="bottom", annotation_clip=False
            )
        discs: Any = {"ls": "", "color": BLACK, "alpha": 0.4, "mew": 0, "ms": 5.5, "zorder": 1}
        for inside, marker in ((panel.first <= high, "o"), (panel.first > high, ">")):
            row, run = np.nonzero(inside)
            place.plot(np.minimum(panel.first[row, run], high), at[row], marker=marker, **discs)
        place.plot(panel.second, at, ls="", marker="D", ms=5, mfc="none", mec=VIOLET, mew=1.2, zorder=4)
        room = 0.06 * (high - low)
        place.set(xlim=(low - room, high + room), ylim=(-0.6, len(rows) - 0.2), xlabel=panel.label)
        place.set_title(name, fontsize=7.5, pad=12)
        place.set_yticks(at, rows)
    marks = [Line2D([], [], ls="", marker="o", ms=5.5, mew=0, color=BLACK, alpha=0.6, label=names[0])]
    marks.append(Line2D([], [], ls="", marker="D", ms=5, mfc="none", mec=VIOLET, mew=1.2, label=names[1]))
    figure.legend(handles=marks, loc="outside lower center", ncols=2)
    figure.suptitle(title, fontsize=9)
    return figure
