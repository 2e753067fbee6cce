import matplotlib
import numpy as np
import pytest

import lossland as ll
from lossland.figures import _style as figures


def test_a_pair_keeps_its_colour_whatever_its_parameters():
    assert figures.colour("relu(tie=0.5)+hinge(tie=0.5)") == figures.colour("relu+hinge")
    assert figures.colour("somebody+elses") == figures.colour("somebody+elses")


def test_every_pair_has_a_colour():
    assert all(matplotlib.colors.is_color_like(figures.colour(pair.name)) for pair in ll.pairs())


def test_named_colours_differ_in_lightness_or_hue():
    """No two of the four main pairs look alike to a reader without red-green vision (deuteranopia, Vienot 1999)."""
    to_cones = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]])
    seen = np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]])
    pairs = ("identity+hinge", "relu+hinge", "sigmoid+cross_entropy", "identity+logistic")
    colours = np.array([matplotlib.colors.to_rgb(figures.colour(p)) for p in pairs])
    simulated = colours @ to_cones.T @ seen.T @ np.linalg.inv(to_cones).T
    gaps = np.linalg.norm(simulated[:, None] - simulated[None], axis=-1)
    assert gaps[np.triu_indices(4, 1)].min() > 0.1


def test_decision_lines_lie_where_the_score_is_the_threshold():
    _, axes = figures.panels(1, 1)
    weights, biases = np.array([[1.0, 2.0], [0.0, 0.0], [-3.0, 0.5]]), np.array([0.5, 1.0, -1.0])
    figures.decision_lines(axes[0, 0], np.ones((3, 2)), weights, biases, at=0.25)
    drawn = axes[0, 0].lines
    assert len(drawn) == 2  # weights of zero have no line
    for line, k in zip(drawn, (0, 2), strict=True):
        np.testing.assert_allclose(line.get_xydata() @ weights[k] + biases[k], 0.25, atol=1e-9)


def test_a_band_is_the_median_within_the_range():
    _, axes = figures.panels(1, 1)
    runs = np.array([[1.0, 5.0], [2.0, 4.0], [9.0, 0.0]])
    figures.band(axes[0, 0], np.array([0.0, 1.0]), runs)
    np.testing.assert_array_equal(axes[0, 0].lines[0].get_ydata(), [2.0, 4.0])
    low, high = axes[0, 0].collections[0].get_datalim(axes[0, 0].transData).intervaly
    assert (low, high) == (0.0, 9.0)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 3)])
def test_panels_ask_for_no_window(rows, columns):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    figure, axes = figures.panels(rows, columns)
    assert axes.shape == (rows, columns)
    assert plt.get_fignums() == before
    assert figure.get_size_inches()[0] == figures.PAGE


def test_dumbbells_say_both_numbers_of_each_pair():
    _, axes = figures.panels(1, 1)
    nan = float("nan")
    figures.dumbbells(axes[0, 0], {"relu+hinge": (3.25, 1.0), "identity+hinge": (0.5, nan)}, ("at 0", "at 1/2"))
    said = [text.get_text() for text in axes[0, 0].texts]
    assert said == ["at 0: 0.5   at 1/2: -", "at 0: 3.2   at 1/2: 1.0"]
    assert [label.get_text() for label in axes[0, 0].get_yticklabels()] == ["linear\nhinge", "ReLU\nhinge"]
    assert axes[0, 0].get_xlim()[0] == 0
