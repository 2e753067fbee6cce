"""Runs of descent on planes of several objectives, on one scale of colours."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lossland.core import guarded
from lossland.figures._style import BLACK, RED, panels

EDGED: Any = {"color": "white", "mec": "black", "mew": 0.7, "ls": ""}

DECADES = 1e-3
"""What is less than this share of the highest value is drawn as that."""


class RunPanel(NamedTuple):
    """A panel of `runs_figure`.

    Attributes:
        values: (a, b), the objective, at least 0.
        flat: (a, b), where it is hatched: dead.
        path: (k, 2), a run's shadow on the plane.

    Example:
        >>> RunPanel(np.ones((3, 3)), np.zeros((3, 3)), np.zeros((5, 2))).path.shape
        (5, 2)
    """

    values: np.ndarray
    flat: np.ndarray
    path: np.ndarray


@guarded(columns=1)
def runs_figure(
    axes: tuple[np.ndarray, np.ndarray],
    drawn: Mapping[str, RunPanel],
    points: Mapping[str, np.ndarray],
    *,
    title: str,
    labels: tuple[str, str],
    start: str,
    columns: int = 3,
    what: str = "mean loss",
) -> Figure:
    """Several objectives on one plane, each with its run: a disc where it starts, a red ring where it ends.

    Args:
        axes: the plane's two axes, (a,) and (b,).
        drawn: title -> panel; the legend takes the last place of the grid, which is left free for it.
        points: name -> (2,): marked on each panel, the first by a star, the second by a cross.
        title: of the whole: its message.
        labels: what lies along the two axes.
        start: what the legend calls a run.
        columns: panels in a row.
        what: the word beside the colours, which are logarithmic.

    Returns:
        The figure.
    """
    rows = len(drawn) // columns + 1
    figure, grid = panels(rows, columns, height=2.2 * rows + 0.3, sharex=True, sharey=True)
    every = np.stack([panel.values for panel in drawn.values()])
    levels = np.geomspace(max(every.min(), DECADES * every.max()), every.max(), 22)
    filled: Any = None
    for place, (name, panel) in zip(grid.ravel(), drawn.items(), strict=False):
        filled = _draw(place, axes, panel, levels, points)
        place.set_title(name, fontsize=7.5)
    for number, place in enumerate(grid.ravel()):
        place.tick_params(labelbottom=number + columns >= len(drawn))
        if number >= len(drawn):
            place.axis("off")
    hatched = any(np.any(panel.flat) for panel in drawn.values())
    grid.ravel()[-1].legend(handles=_marks(points, start, hatched), loc="center", fontsize=7.5, labelspacing=1.0)
    figure.supxlabel(labels[0], fontsize=8)
    figure.supylabel(labels[1], fontsize=8)
    figure.suptitle(title, fontsize=9)
    bar = figure.colorbar(filled, ax=list(grid.ravel()), shrink=0.8, label=what)
    ticks = [m * 10.0**e for e in range(-4, 5) for m in (1, 2, 5) if levels[0] <= m * 10.0**e <= levels[-1]]
    bar.set_ticks(ticks, labels=[f"{t:g}" for t in ticks])
    bar.minorticks_off()
    return figure


def _draw(place: Axes, axes: Any, panel: RunPanel, levels: np.ndarray, points: Mapping[str, np.ndarray]) -> Any:
    """One panel; its contours, for the colour bar."""
    alpha, beta = axes
    shown = np.clip(panel.values.T, levels[0], levels[-1])
    filled = place.contourf(alpha, beta, shown, levels, norm=LogNorm(levels[0], levels[-1]), cmap="viridis")
    place.contour(alpha, beta, shown, levels[::3], colors="white", linewidths=0.4, alpha=0.6)
    if np.any(panel.flat):
        place.contourf(alpha, beta, np.asarray(panel.flat, float).T, [0.5, 1.5], colors="none", hatches=["////"])
        place.contour(alpha, beta, np.asarray(panel.flat, float).T, [0.5], colors=BLACK, linewidths=0.7)
    for shade, width in (("white", 2.4), (BLACK, 1.1)):
        place.plot(*panel.path.T, color=shade, lw=width)
    place.plot(*panel.path[0], marker="o", color=BLACK, ms=4.5, mec="white", mew=0.6)
    for marker, at in zip("*X", points.values(), strict=False):
        place.plot(*at, marker=marker, ms=8, **EDGED)
    place.plot(*panel.path[-1], marker="o", mfc="none", mec=RED, ms=9.5, mew=1.5)
    place.set(xlim=(alpha[0], alpha[-1]), ylim=(beta[0], beta[-1]))
    return filled


def _marks(points: Mapping[str, np.ndarray], start: str, hatched: bool) -> list[Any]:
    marks: list[Any] = [Line2D([], [], color=BLACK, marker="o", ms=4.5, label=start)]
    marks.append(Line2D([], [], marker="o", mfc="none", mec=RED, ms=9, mew=1.5, ls="", label="where it ends"))
    marks += [Line2D([], [], marker=m, ms=9, label=n, **EDGED) for m, n in zip("*X", points, strict=False)]
    return (
        [*marks, Patch(facecolor="none", edgecolor=BLACK, hatch="////", lw=0, label="dead: loss 1")]
        if hatched
        else marks
    )
