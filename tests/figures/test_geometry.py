"""Figures of gradient geometry: what is degenerate is hatched or left out."""

import numpy as np
import pytest

import lossland as ll
from lossland import figures


@pytest.mark.slow
def test_figures_of_bad_input_are_drawn_without_nan():
    """Zero weights, dead gradients everywhere: hatched or left out, never NaN."""
    data = ll.Dataset([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [1, -1, 1])
    nowhere = ll.geometry.AngleMap(np.full((3, 3), np.pi / 2), np.zeros((3, 3), bool), np.arange(3.0), np.arange(3.0))
    pulls = {"relu+hinge": ll.geometry.line_pulls("relu+hinge", data, [1.0, 0.0], -9.0)}
    run = ll.implicit_bias("logistic", data, steps=10)
    turned = {"x": {"relu+hinge": ll.geometry.approach(run, [1.0, 0.0]).angles[0]}}
    none = np.zeros(3, bool)
    with figures.style():
        drawn = {
            "map": figures.angle_map_figure(nowhere, ("a", "b")),
            "pulls": figures.pulls_figure(pulls, data.inputs, data.labels),
            "angles": figures.angles_figure(run.steps, turned),
            "weights": figures.weights_figure({"relu+hinge": (np.zeros(3), np.zeros(3), data.labels)}, none),
        }
        for figure in drawn.values():
            figure.canvas.draw()
    for axes in (axes for name in ("pulls", "angles", "weights") for axes in drawn[name].axes):
        assert all(np.isfinite(np.asarray(line.get_xydata(), float)).all() for line in axes.lines)
        assert axes.get_xlabel() or axes.get_ylabel()
