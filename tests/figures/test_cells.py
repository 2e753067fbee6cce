"""Cells on axes: points, segments and polygons of minima, each as what it is."""

import numpy as np

from lossland import figures


def test_minima_are_drawn_as_what_they_are():
    figure, axes = figures.panels(1, 1)
    axis = np.linspace(-2, 2, 5)
    parts = np.full((3, 4, 2), np.nan)
    parts[0, :1], parts[1, :2], parts[2] = [[0, 0]], [[-1, 0], [-1, 1]], [[1, 1], [1, 2], [2, 2], [2, 1]]
    edges = np.array([[[0.0, -2.0], [0.0, 2.0]]])
    drawn = figures.draw_cells(axes[0, 0], axis, np.add.outer(axis, 2 * axis), edges, parts, [0.1, 0.2, 0.333])
    assert len(axes[0, 0].patches) == 1
    assert [len(line.get_xdata()) for line in axes[0, 0].lines] == [2, 1, 2]
    assert [text.get_text() for text in axes[0, 0].texts] == ["0.333"]
    # Rows of the mesh are the second parameter.
    assert drawn.get_array()[0, -1] == -2.0
    figure.draw_without_rendering()
