"""Cards as figures: what stands there is what the card says."""

import numpy as np
import pytest

import lossland as ll
from lossland import figures

NAMES = [
    "relu+hinge",
    "identity+logistic",
    "sigmoid+focal",
    "step+cross_entropy",
    "identity+unhinged",
    "relu+perceptron",
]


@pytest.fixture(scope="module", params=NAMES)
def card(request):
    return ll.card(request.param)


@pytest.mark.slow
def test_a_cards_figure_draws_the_curves_and_marks_what_is_special(card):
    figure = figures.card_figure(card)
    loss = figure.axes[0]
    for line, evaluate in zip(loss.lines, (card.pair.positive, card.pair.negative), strict=False):
        x, y = line.get_data()
        seen = np.isfinite(y)
        np.testing.assert_allclose(y[seen], np.asarray(evaluate(x[seen])), rtol=1e-4, atol=1e-5)
    dotted = {round(float(line.get_xdata()[0]), 6) for line in loss.lines[2:]}
    assert dotted == {round(k.at, 6) for k in card.kinks}
    shaded = [patch for patch in loss.patches if patch.get_alpha() == 0.13]
    assert len(shaded) == sum(map(len, card.plateaus))
    psi = figure.axes[4].lines
    assert bool(psi) == bool(np.all(np.isfinite(card.facts.psi)))


def test_the_map_has_a_cell_for_every_card():
    figure = figures.verdict_map(ll.cards(NAMES))
    convex, plateaus, calibrated, proper = (axes.collections[0].get_array() for axes in figure.axes)
    assert convex.count() == len(NAMES)
    losses = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    outputs = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    cell = outputs.index("relu"), losses.index("hinge")
    assert [grid[cell] for grid in (convex, plateaus, calibrated, proper)] == [0.5, 0.5, 0.5, 0.0]
    cell = outputs.index("identity"), losses.index("logistic")
    assert [grid[cell] for grid in (convex, plateaus, calibrated, proper)] == [1.0, 1.0, 1.0, 1.0]
