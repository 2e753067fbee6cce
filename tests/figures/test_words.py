"""Names and numbers in figures: shown letter by letter, told apart."""

import dataclasses

import matplotlib
import numpy as np
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure

import lossland as ll
from lossland.elements import LOSSES
from lossland.figures import _words as words
from lossland.figures import planes_figure, plot, verdict_map


@pytest.mark.parametrize("name", ["a$b", "$x_^$", r"100\$ or 5\$", "no dollar"])
def test_no_name_is_a_formula(name):
    assert not is_math_text(words.verbatim(name))


def test_ticks_around_a_large_value_are_told_apart():
    assert words.tick_labels([1.0, 2.5]) == ["1", "2.5"]
    near = 1e6 + np.array([0.0, 0.1, 0.2])
    assert words.tick_labels(near) == ["1000000", "1000000.1", "1000000.2"]
    tiny = [1.0, 1.0 + 2.0**-52]
    assert len(set(words.tick_labels(tiny))) == 2


@pytest.fixture(scope="module")
def plane():
    data = ll.load("two_points")
    centre = {"weights": np.array([1.0, 0.0]), "bias": np.zeros(())}
    axes = ({"weights": np.array([1.0, 0.0]), "bias": np.zeros(())}, {"weights": np.zeros(2), "bias": np.ones(())})
    return ll.plane(ll.pair("identity", "hinge"), data, centre, axes, radius=1.0, steps=5)


def test_a_colour_bar_around_a_large_value_reads_differently_at_each_tick(plane):
    far = plane._replace(values=1e6 + plane.values)
    ax = Figure().subplots()
    plot(far, ax)
    told = [label.get_text() for label in ax.figure.axes[1].get_yticklabels()]
    assert len(told) == len(set(told)) >= 3


def test_names_with_dollars_are_drawn_as_they_stand(plane, tmp_path):
    """A pair, a data set, its columns and a panel's title; matplotlib would refuse `_^` as a formula."""
    odd = "price_$_^ $"
    data = ll.Dataset([[0.0, 1.0], [2.0, 1.0]], [-1, 1], name=odd, input_names=(odd, odd))
    ax = plot(data, Figure().subplots())
    assert ax.get_xlabel() == ax.get_ylabel() == odd.replace("$", r"\$")
    figures = [ax.figure, planes_figure({odd: plane}), plot(ll.solve("hinge", data, C=1.0), Figure().subplots()).figure]
    card = ll.card("identity", dataclasses.replace(LOSSES["hinge"], name=odd))
    figures += [plot(card, Figure().subplots()).figure, ll.figures.card_figure(card), verdict_map([card])]
    for number, figure in enumerate(figures):
        figure.savefig(tmp_path / f"{number}.svg")


def test_soft_labels_are_drawn_as_probabilities():
    data = ll.Dataset([[0.0], [1.0], [2.0]], probabilities=[0.1, 0.5, 0.9])
    ax = plot(data, Figure().subplots())
    assert ax.figure.axes[1].get_ylabel() == "$P(t=+1)$"
    (drawn,) = ax.collections
    np.testing.assert_array_equal(drawn.get_array(), [0.1, 0.5, 0.9])
    first, middle, last = matplotlib.colors.to_hex(drawn.to_rgba(0.0)), drawn.to_rgba(0.5), drawn.to_rgba(1.0)
    assert (first.upper(), matplotlib.colors.to_hex(last).upper()) == (
        ll.figures.NEGATIVE,
        ll.figures.POSITIVE,
    )
    assert max(middle[:3]) - min(middle[:3]) < 0.01
    assert "<th>P(t = " in data._repr_html_()
