"""Barcodes and merge trees of planes as pictures."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lossland.core import guarded
from lossland.figures._style import BLUE, ORANGE, PAGE, style
from lossland.landscapes import MergeTree, Persistence


@guarded(most=1)
def persistence_figure(found: Persistence, tree: MergeTree | None = None, most: int = 30) -> Figure:
    """The barcode of a plane, and the merge tree of its basins on the same levels.

    Args:
        found: from `persistence`.
        tree: from `merge_tree`; left out: the barcode alone.
        most: the longest-lived so many are drawn.

    Returns:
        The figure; an arrow is a class that never ends.
    """
    with style():
        figure = Figure(figsize=(PAGE if tree is not None else 0.55 * PAGE, 2.9), layout="constrained")
        axes = figure.subplots(1, 2 if tree is not None else 1, squeeze=False)[0]
        _barcode(axes[0], found, most)
        if tree is not None:
            _draw_tree(axes[1], tree, most)
    return figure


def _barcode(axes: Axes, found: Persistence, most: int) -> None:
    count = min(most, len(found.births))
    far = _far(found.births[:count], found.deaths[:count])
    # Basins below, rings above, the longest at the outside.
    order = np.lexsort([-found.lengths[:count], found.dimensions[:count]])
    for row, k in enumerate(order):
        shade = BLUE if found.dimensions[k] == 0 else ORANGE
        _lifetime(axes, float(found.births[k]), float(found.deaths[k]), row, far, shade)
    legend = [Line2D([], [], color=c, lw=2.5, label=n) for c, n in ((BLUE, "basins"), (ORANGE, "rings around hills"))]
    axes.legend(handles=legend, loc="upper center", ncols=2)
    left = len(found.births) - count
    axes.set(xlabel="objective", yticks=[], title="barcode" + (f" ({left} shorter ones left out)" if left else ""))
    # Room for the legend above the last bar.
    axes.set_ylim(-1.0, 1.15 * count + 0.3)
    axes.spines["left"].set_visible(False)


def _lifetime(axes: Axes, birth: float, death: float, row: int, far: float, shade: str) -> None:
    """A bar from birth to death; an arrow where it never ends."""
    axes.plot(
        [birth, min(death, far)],
        [row, row],
        color=shade,
        lw=2.5,
        solid_capstyle="butt",
        marker="o",
        markevery=[0],
        ms=3,
    )
    if np.isinf(death):
        axes.plot(far, row, marker=">", color=shade, ms=6)


def _draw_tree(axes: Axes, tree: MergeTree, most: int) -> None:
    count = min(most, len(tree.births))
    far = _far(tree.births[:count], tree.deaths[:count])
    across = _columns(tree, count)
    for k in range(count):
        x, top = across[k], min(tree.deaths[k], far)
        axes.plot([x, x], [tree.births[k], top], color=BLUE)
        axes.plot(x, tree.births[k], marker="o", color=BLUE, ms=3.5)
        if np.isinf(tree.deaths[k]):
            axes.plot(x, far, marker="^", color=BLUE, ms=6)
        else:
            axes.plot([across[tree.parents[k]], x], [top, top], color=BLUE)
    axes.set(ylabel="objective", xticks=[], title="merge tree of the basins")
    axes.margins(x=0.1)
    axes.spines["bottom"].set_visible(False)


def _columns(tree: MergeTree, count: int) -> dict[int, int]:
    """A column for each branch so that no two lines cross: what merges later stands further to the right."""
    columns: dict[int, int] = {}
    waiting = [k for k in reversed(range(count)) if tree.parents[k] < 0]
    while waiting:
        k = waiting.pop()
        columns[k] = len(columns)
        children = [c for c in range(count) if tree.parents[c] == k]
        waiting += sorted(children, key=lambda c: -tree.deaths[c])
    return columns


def _far(births: np.ndarray, deaths: np.ndarray) -> float:
    """A level above all that is drawn, where what never ends is cut off."""
    ends = np.concatenate([births, deaths[np.isfinite(deaths)]])
    return float(ends.max() + 0.08 * (np.ptp(ends) or 1.0))
