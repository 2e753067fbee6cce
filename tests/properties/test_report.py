"""Cards as text and as figures: what stands there is what the card says."""

import json
import math

import numpy as np
import pytest

import lossland as ll
from lossland import figures as card_figures
from lossland.core import markdown
from lossland.properties import _report as card_tables

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
def test_json_holds_no_infinity_and_no_nan(card):
    text = card_tables.card_json(card)
    held = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert held["pair"] == card.pair.name
    assert held["verdicts"] == list(card.verdicts())
    assert held["convex"] == {"positive": card.convex.positive, "negative": card.convex.negative}
    assert (held["lipschitz"] == "inf") == math.isinf(card.lipschitz)


@pytest.mark.slow
def test_a_shown_card_says_every_verdict(card, capsys):
    card.show()
    told = " ".join(capsys.readouterr().out.split())
    for verdict in card.verdicts():
        assert " ".join(verdict.split()) in told
    for rows in (card_tables.class_rows(card), card_tables.pair_rows(card)):
        for row in rows:
            assert row[0] in told


def test_rows_of_the_table_are_the_cards():
    cards = ll.cards(NAMES)
    table = card_tables.cards_table(cards)
    assert [row[0] for row in table.rows] == NAMES
    psi = table.columns.index("psi")
    assert table.rows[0][psi] == "theta/2"
    assert card_tables.cards_table(cards, "pair").rows == tuple(sorted(table.rows))
    by_number = card_tables.cards_table(cards, "Lipschitz")
    column = [float(row[table.columns.index("Lipschitz")]) for row in by_number.rows]
    assert column == sorted(column)
    assert markdown(table).count("\n") == len(NAMES) + 1


def test_counting_while_cards_are_made():
    seen = []
    ll.cards(NAMES[:3], lambda done, of: seen.append((done, of)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.slow
def test_a_cards_figure_draws_the_curves_and_marks_what_is_special(card):
    figure = card_figures.card_figure(card)
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
    figure = card_figures.verdict_map(ll.cards(NAMES))
    convex, plateaus, calibrated, proper = (axes.collections[0].get_array() for axes in figure.axes)
    assert convex.count() == len(NAMES)
    losses = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    outputs = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    cell = outputs.index("relu"), losses.index("hinge")
    assert [grid[cell] for grid in (convex, plateaus, calibrated, proper)] == [0.5, 0.5, 0.5, 0.0]
    cell = outputs.index("identity"), losses.index("logistic")
    assert [grid[cell] for grid in (convex, plateaus, calibrated, proper)] == [1.0, 1.0, 1.0, 1.0]
