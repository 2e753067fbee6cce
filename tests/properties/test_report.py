"""Cards as text: what stands there is what the card says, and how certain it is."""

import io
import json
import math
import sys

import jax.numpy as jnp
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
SIGNS = {"proven": "✓", "refuted": "✗", "measured": "~"}


@pytest.fixture(scope="module", params=NAMES)
def card(request):
    return ll.card(request.param)


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal of some encoding."""

    def __init__(self, encoding):
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)

    def isatty(self):
        return True

    def text(self):
        return self.buffer.getvalue().decode(self.encoding)


def shown(card, monkeypatch, columns=80, encoding="utf-8"):
    for name, value in {"COLUMNS": str(columns), "LINES": "50", "TERM": "dumb", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    stream = Terminal(encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    card.show()
    return stream.text()


@pytest.mark.slow
def test_json_holds_no_infinity_and_no_nan(card):
    text = report.card_json(card)
    held = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert held["pair"] == card.pair.name
    assert held["verdicts"] == list(card.verdicts())
    assert held["convex"] == {"positive": card.convex.positive, "negative": card.convex.negative}
    assert (held["lipschitz"] == "inf") == math.isinf(card.lipschitz)


@pytest.mark.slow
def test_json_holds_the_evidence_of_every_claim(card):
    held = json.loads(report.card_json(card))["evidence"]
    assert list(held) == list(card.evidence)
    for name, both in card.evidence.items():
        for word, claim in zip(("positive", "negative"), both, strict=True):
            told = held[name][word]
            assert list(told) == ["status", "value", "enclosure", "witness", "reason"]
            assert (told["status"], told["witness"]) == (claim.status, list(claim.witness))
            assert told["enclosure"] is None or len(told["enclosure"]) == 2
    for claim, kinks in zip(held["kinks"].values(), (s.kinks for s in card.facts.shapes), strict=True):
        assert [kink["at"] for kink in claim["value"]] == [kink.at for kink in kinks]


def test_json_of_evidence_in_full():
    held = json.loads(report.card_json(ll.card("relu", "hinge")))["evidence"]
    assert held["convex"]["positive"] == {
        "status": "refuted",
        "value": False,
        "enclosure": None,
        "witness": [-1.0, 0.0, 1.0],
        "reason": "the middle one of three scores lies above its chord",
    }
    assert held["smoothness"]["positive"]["value"] == "inf"
    assert held["smoothness"]["positive"]["enclosure"] == ["inf", "inf"]
    assert held["infimum"]["negative"]["enclosure"] == [1.0, 1.0]
    assert held["kinks"]["negative"]["value"] == [{"label": -1, "at": 0.0, "what": "slope", "left": 0.0, "right": 1.0}]
    assert held["plateaus"]["positive"]["value"] == [["-inf", 0.0]]


@pytest.mark.slow
def test_a_shown_card_says_every_verdict(card, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")  # no cell is wrapped
    card.show()
    told = " ".join(capsys.readouterr().out.split())
    for verdict in card.verdicts():
        assert " ".join(verdict.split()) in told
    for rows in (report.class_rows(card), report.pair_rows(card)):
        for row in rows:
            assert " ".join(row[0].split()) in told


@pytest.mark.slow
def test_each_line_of_both_tables_bears_a_mark(card, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")  # no cell is wrapped
    card.show()
    told = " ".join(capsys.readouterr().out.split())
    for rows in (report.class_rows(card), report.pair_rows(card)):
        for _, *cells in rows:
            for cell in cells:
                assert cell.status in SIGNS
                assert f"{SIGNS[cell.status]} {' '.join(cell.text.split())[:20]}" in told
    named = dict.fromkeys(("convex", "monotone", "kinks"))
    named |= {"Lipschitz": "lipschitz", "quasi-convex": "quasi_convex", "smoothness": "smoothness"}
    lines = {what: cells for what, *cells in report.class_rows(card)}
    for line, name in named.items():
        assert [cell.status for cell in lines[line]] == [claim.status for claim in card.evidence[name or line]]


@pytest.mark.parametrize(("columns", "encoding"), [(80, "utf-8"), (120, "utf-8"), (80, "ascii"), (120, "latin-1")])
def test_a_panel_fits_its_terminal_and_its_alphabet(columns, encoding, monkeypatch):
    told = shown(ll.card("relu", "hinge"), monkeypatch, columns, encoding)
    assert max(map(len, told.splitlines())) <= columns
    marks = ("✓", "✗") if encoding == "utf-8" else ("v", "x")
    assert f"{marks[0]} decreasing" in told
    assert f"{marks[1]} no, at z = -1, 0, 1" in told
    assert "~ inside (0, 1)" in told
    assert told.splitlines()[-1].split("   ") == [
        f"{marks[0]} proven",
        f"{marks[1]} refuted by the scores named",
        "~ measured, not proven",
    ]
    assert told.isascii() or encoding == "utf-8"


def test_a_panel_ends_with_how_much_is_certain():
    assert report.tally_told(ll.card("relu", "hinge")) == "23 of 24 claims proven or refuted, 1 measured: calibrated."
    assert report.tally_told(ll.card("identity", "hinge")) == "All 24 claims are proven or refuted."


def test_a_panel_says_that_more_may_be_spent_only_if_it_may_help(monkeypatch):
    card = ll.card("relu", "hinge")
    told = report.tally(card.facts, card.evidence)._replace(more=True)
    monkeypatch.setattr(report, "tally", lambda *_: told)
    assert report.tally_told(card).endswith("calibrated; `lossland card PAIR --prove` spends more.")


def test_a_number_that_is_not_tight_stands_with_its_enclosure():
    cells = {what: cell.text for what, cell, _ in report.class_rows(ll.card("sigmoid", "bi_tempered"))}
    low, high = ll.card("sigmoid", "bi_tempered").evidence["smoothness"].positive.enclosure
    assert high > 1.001 * low
    assert " in [" in cells["smoothness"]
    assert (
        " in [" not in {what: cell.text for what, cell, _ in report.class_rows(ll.card("relu", "hinge"))}["Lipschitz"]
    )


def test_a_program_that_cannot_be_read_gets_a_panel_of_measured_lines():
    @ll.margin_loss
    def rounded_line(margin):
        return jnp.asarray(-margin, jnp.float32).astype(jnp.result_type(margin))

    card = ll.card("identity", "rounded_line")
    assert {cell.status for _, *cells in report.class_rows(card) for cell in cells} == {"measured"}
    told = report.tally_told(card)
    assert told.startswith("0 of 24 claims proven or refuted, 24 measured: its program cannot be read (")
    assert "--prove" not in told
    table = report.cards_table([card])
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert (row["measured"], row["convex"], row["margin loss"]) == ("24", "yes~", "yes~")


def test_rows_of_the_table_are_the_cards():
    cards = ll.cards(NAMES)
    table = report.cards_table(cards)
    assert [row[0] for row in table.rows] == NAMES
    psi = table.columns.index("psi")
    assert table.rows[0][psi] == "theta/2"
    assert report.cards_table(cards, "pair").rows == tuple(sorted(table.rows))
    by_number = report.cards_table(cards, "Lipschitz")
    column = [float(row[table.columns.index("Lipschitz")].removesuffix("~")) for row in by_number.rows]
    assert column == sorted(column)
    assert markdown(table).count("\n") == len(NAMES) + 1


def test_the_table_marks_what_is_measured_and_counts_it():
    table = report.cards_table(ll.cards(["relu+hinge", "identity+hinge", "tanh+squared"]))
    first, second, third = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    assert [row["measured"] for row in (first, second, third)] == ["1", "", "2"]
    assert (first["calibrated"], first["convex"], first["margin loss"]) == ("inside (0, 1)~", "no / yes", "no")
    assert (second["calibrated"], second["proper"]) == ("inside (-1, 1)", "no")
    assert third["proper"] == "yes~"
    assert table.title == "3 cards; ~ is measured, not proven"
    assert report.cards_table(ll.cards(["identity+hinge"])).title == "1 cards"


def test_marked_numbers_are_sorted_as_numbers():
    cells = ["10~", "9", "2.5~", "inf", "word~", ""]
    assert sorted(cells, key=report._order) == ["2.5~", "9", "10~", "inf", "", "word~"]
