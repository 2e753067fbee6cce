"""Cells of an objective of two parameters, drawn: the objective as shade, their edges, and the sets of minima."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from lossland.core import guarded
from lossland.figures._style import BLACK


@guarded()
def draw_cells(axes: Axes, axis: Any, objective: Any, edges: Any, parts: Any, levels: Any) -> Any:
    """Draw an objective, the edges of its cells, and its sets of minima in black, each polygon with its loss.

    Args:
        axes: where.
        axis: (k,), of both parameters.
        objective: (k, k), its first index along the first parameter.
        edges: (m, 2, 2), the ends of each edge.
        parts: (s, c, 2), the corners of each convex part of a set of minima: one, two or more; filled up with NaN.
        levels: (s,), the loss on each part.

    Returns:
        What a colour bar is made of.
    """
    drawn = axes.pcolormesh(axis, axis, np.asarray(objective).T, cmap="Greens", rasterized=True)
    for edge in np.asarray(edges):
        axes.plot(*edge.T, color="white", lw=0.6)
    reach = float(axis[-1])
    for part, level in zip(np.asarray(parts), levels, strict=True):
        corners = part[np.isfinite(part[:, 0])]
        if len(corners) > 2:
            axes.fill(*corners.T, color=BLACK, lw=0)
            x, y = np.clip(corners.mean(axis=0), -0.82 * reach, 0.82 * reach)
            axes.text(x, y, f"{level:.3f}", color="white", fontsize=6.5, ha="center", va="center")
        elif len(corners) == 2:
            axes.plot(*corners.T, color=BLACK, lw=2.2, solid_capstyle="round")
        elif np.abs(corners).max() < reach:
            axes.plot(*corners.T, "o", color=BLACK, ms=3)
    axes.set(xlim=(axis[0], axis[-1]), ylim=(axis[0], axis[-1]), xlabel="$w_1$", aspect="equal")
    return drawn
