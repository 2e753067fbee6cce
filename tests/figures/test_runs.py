"""Runs on planes: what is drawn lies where it was said to, and zeros do no harm to a logarithmic scale."""

import numpy as np
import pytest

from lossland.figures import RunPanel, runs_figure

AXIS = np.linspace(-1.0, 1.0, 5)
BOWL = AXIS[:, None] ** 2 + AXIS[None] ** 2
PATH = np.array([[0.8, 0.5], [0.2, 0.1], [0.0, 0.0]])


def drawn(flat, count=2, **points):
    panel = RunPanel(BOWL, np.full((5, 5), flat), PATH)
    words = {"title": "Down", "labels": ("right", "up"), "start": "descent"}
    return runs_figure((AXIS, AXIS), {f"pair {k}": panel for k in range(count)}, points, columns=2, **words)


def test_runs_and_points_are_where_they_were_said_to_be():
    figure = drawn(False, best=np.array([0.3, -0.2]))
    lines = [np.asarray(line.get_xydata(), float) for line in figure.axes[0].lines]
    assert any(np.array_equal(line, PATH) for line in lines)
    assert any(np.array_equal(line, [[0.3, -0.2]]) for line in lines)
    assert any(np.array_equal(line, PATH[-1:]) for line in lines)


@pytest.mark.parametrize(("flat", "entries"), [(False, 3), (True, 4)])
def test_the_legend_names_what_is_drawn_in_a_place_of_its_own(flat, entries):
    figure = drawn(flat, count=3, best=np.zeros(2))
    (legend,) = [axes.get_legend() for axes in figure.axes if axes.get_legend() is not None]
    assert len(legend.get_texts()) == entries
    assert legend.axes.get_title() == ""


def test_colours_span_the_values_from_a_thousandth_of_the_highest():
    bar = next(axes for axes in drawn(False).axes if axes.get_label() == "<colorbar>")
    low, high = bar.get_ylim()
    assert high == pytest.approx(2.0)
    assert low == pytest.approx(2e-3)
