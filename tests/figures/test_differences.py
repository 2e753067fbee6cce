"""Differences on a logarithmic axis: 0 is shown, too many series are refused."""

import numpy as np
import pytest

from lossland.figures import differences_figure


def test_nothing_is_left_out():
    figure = differences_figure(["a", "b"], {"values": [0.0, 1e-16], "slopes": [1e6, np.nan]}, "Equal")
    (axes,) = figure.axes
    values, slopes = (np.asarray(line.get_xdata(), float) for line in axes.lines[:2])
    low, high = axes.get_xlim()
    assert low < values[0] < values[1] == 1e-16
    assert slopes[0] < high
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b"]


def test_too_many_series_are_refused():
    with pytest.raises(ValueError, match="At most 4"):
        differences_figure(["a"], {name: [0.0] for name in "abcde"}, "Equal")
