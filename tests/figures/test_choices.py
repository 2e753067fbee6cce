"""Two choices for each row: medians and diamonds stand where they should, what is beyond an axis at its end."""

import numpy as np

from lossland.figures import ChoicePanel, choices_figure


def test_runs_and_chosen_values_stand_in_their_rows():
    runs = np.array([[0.0, 1.0, 5.0], [2.0, 2.0, 30.0], [40.0, 50.0, 60.0]])
    panel = ChoicePanel(runs, np.array([0.5, 3.0, 4.0]), {"one": 1.0, "two": 2.0}, "x", (0.0, 10.0))
    figure = choices_figure(["a", "b", "c"], {"title": panel}, ("trained", "chosen"), "Message")
    (axes,) = figure.axes
    at = {
        str(line.get_marker()): np.asarray(line.get_xydata(), float).tolist()
        for line in axes.lines
        if line.get_ms() > 4
    }
    assert at["o"] == [[0.0, 0.0], [1.0, 0.0], [5.0, 0.0], [2.0, 1.0], [2.0, 1.0]]
    assert at[">"] == [[10.0, 1.0], [10.0, 2.0], [10.0, 2.0], [10.0, 2.0]]
    assert at["D"] == [[0.5, 0.0], [3.0, 1.0], [4.0, 2.0]]
    assert [text.get_text().strip() for text in axes.texts] == ["one", "two"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
