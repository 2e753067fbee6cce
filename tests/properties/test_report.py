"""Cards as text: what stands there is what the card says."""

import json
import math

import pytest

import lossland as ll
from lossland.core import markdown
from lossland.properties import _report as report

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
    text = report.card_json(card)
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
    for rows in (report.class_rows(card), report.pair_rows(card)):
        for row in rows:
            assert row[0] in told


def test_rows_of_the_table_are_the_cards():
    cards = ll.cards(NAMES)
    table = report.cards_table(cards)
    assert [row[0] for row in table.rows] == NAMES
    psi = table.columns.index("psi")
    assert table.rows[0][psi] == "theta/2"
    assert report.cards_table(cards, "pair").rows == tuple(sorted(table.rows))
    by_number = report.cards_table(cards, "Lipschitz")
    column = [float(row[table.columns.index("Lipschitz")]) for row in by_number.rows]
    assert column == sorted(column)
    assert markdown(table).count("\n") == len(NAMES) + 1
