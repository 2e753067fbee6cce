"""Cards to text: one card in a terminal, one as plain values for a script, many as rows of a table."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lossland.core import Table, as_json, line_width, plain, table
from lossland.curves import Shape
from lossland.proofs import MEASURED
from lossland.properties._card_rows import class_rows, intervals, pair_rows, tail_told, yes
from lossland.properties._conjugate import closed_form
from lossland.properties._evidence import Claims, tally, together
from lossland.properties._facts import LABEL_WORDS
from lossland.properties._risk import THETAS
from lossland.properties._verdicts import verdicts
from lossland.properties._wording import LEGEND, MARKS, in_ascii, number, plain_claim, psi_text, thresholds

if TYPE_CHECKING:
    from lossland.properties._card import Card

SIGNS = {"+": ("+", "green"), "-": ("-", "red"), "": ("·", "dim")}
"""What a verdict begins with, by its sign, and in which colour."""
COLOURS = {"✓": "green", "✗": "red", "~": "yellow"}
SOFT = "~"
"""What stands behind a measured cell of the table of many cards."""


def show_card(card: "Card") -> None:
    """Print a card: its verdicts in words, the facts of both classes, those of the pair, and how much is proven.

    Args:
        card: from `card`.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table as Rich
    from rich.text import Text

    console, held = Console(width=line_width()), card.evidence

    def text(told: str, style: str = "") -> Text:
        return Text(in_ascii(told) if console.options.ascii_only else told, style=style)

    console.print(text(card.pair.name, "bold"))
    told = [(*SIGNS[verdict.sign], verdict.text) for verdict in verdicts(card.facts, held)]
    faulty = [("A false claim" if said.startswith("claim ") else "A fault", said) for said in _false_claims(card)]
    told += [(*SIGNS["-"], f"{what}. {said}.") for what, said in faulty]
    sentences = Rich.grid(padding=(0, 1, 0, 0))
    for sign, style, said in told:
        sentences.add_row(text(f" {sign}", style), text(said))
    console.print(sentences)
    tables = (("", "t = +1", "t = -1"), class_rows(card, held)), (("", "the pair"), pair_rows(card, held))
    for columns, rows in tables:
        drawn = Rich(*columns, box=box.SIMPLE_HEAD)
        for what, *cells in rows:
            marked = [Text.assemble(text(MARKS[c.status], COLOURS[MARKS[c.status]]), text(f" {c.text}")) for c in cells]
            drawn.add_row(text(what), *marked)
        console.print(drawn)
    console.print(text(tally_told(card, held)))
    console.print(text(LEGEND, "dim"))


def tally_told(card: "Card", evidence: Claims | None = None) -> str:
    """How many claims of a card are settled, which are not, and what may settle them.

    Args:
        card: from `card`.
        evidence: its, if it is there already.

    Returns:
        One line.
    """
    found = tally(card.facts, card.evidence if evidence is None else evidence)
    left = found.of - found.settled
    if not left:
        return f"All {found.of} claims are proven or refuted."
    why = card.facts.curves.evidence.reason
    which = f"its program cannot be read ({why})" if why else ", ".join(found.measured)
    more = "; `lossland card PAIR --prove` spends more" if found.more else ""
    return f"{found.settled} of {found.of} claims proven or refuted, {left} measured: {which}{more}."


def as_dict(card: "Card") -> dict[str, Any]:
    """A card as plain values that JSON can hold; infinities become "inf" and "-inf", NaN becomes null.

    Args:
        card: from `card`.

    Returns:
        A dictionary.

    Example:
        >>> import lossland as ll
        >>> held = as_dict(ll.card("relu", "hinge"))
        >>> held["plateaus"]["positive"], held["evidence"]["convex"]["positive"]["witness"]
        ([['-inf', 0.0]], [-1.0, 0.0, 1.0])
    """
    return plain(_of_curves(card) | _of_pair(card) | {"evidence": _evidence_dict(card.evidence)})


def _of_curves(card: "Card") -> dict[str, Any]:
    """What is said in words, and the facts of both class curves."""
    facts = card.facts
    return {
        "pair": card.pair.name,
        "verdicts": card.verdicts(),
        "problems": facts.problems,
        "false_claims": _false_claims(card),
        "convex": card.convex._asdict(),
        "infimum": card.infimum._asdict(),
        "plateaus": card.plateaus._asdict(),
        "as_sum_of_known": card.as_sum_of_known._asdict(),
        "shapes": {word: _shape_dict(shape) for word, shape in zip(LABEL_WORDS, facts.shapes, strict=True)},
        "tails": {word: tail._asdict() for word, tail in zip(LABEL_WORDS, facts.tails, strict=True)},
        "kinks": [kink._asdict() for kink in card.kinks],
        "ties": [
            {"label": t.kink.label, "at": t.kink.at, "slopes": {str(k): v for k, v in t.slopes.items()}}
            for t in card.ties()
        ],
        "lipschitz": card.lipschitz,
        "smoothness": card.smoothness,
    }


def _of_pair(card: "Card") -> dict[str, Any]:
    facts = card.facts
    return {
        "margin_loss": facts.margin,
        "calibrated_thresholds": facts.calibration.interval,
        "ends_included": facts.calibration.closed,
        "best_threshold": card.best_threshold,
        "psi": {"theta": THETAS, "value": facts.psi},
        "proper": facts.proper,
        "largest_probability_error": facts.probability,
        "matching": facts.matching,
        "link_distance": facts.link_distance,
        "margin_maximising": facts.margin_maximising,
        "conjugate": closed_form(facts.known[0]),
        "health": [h._asdict() for h in card.health()],
    }


def _evidence_dict(found: Claims) -> dict[str, Any]:
    """Claim -> class -> status, value, enclosure, witness and reason."""
    return {
        name: {word: plain_claim(claim) for word, claim in zip(LABEL_WORDS, both, strict=True)}
        for name, both in found.items()
    }


def card_json(card: "Card") -> str:
    """A card as JSON text."""
    return as_json(as_dict(card))


def cards_table(cards: Iterable["Card"], sort: str = "") -> Table:
    """Many cards as rows: what each pair is, at a glance; a ~ behind what is measured, not proven.

    Args:
        cards: from `cards`.
        sort: a column to sort by; "" keeps the order.

    Returns:
        The table.

    Raises:
        ValueError: if there is no such column.

    Example:
        >>> import lossland as ll
        >>> print(cards_table(ll.cards(["relu+hinge"])).rows[0][:4])
        ('relu+hinge', 'ramp', '1 + perceptron', 'no / yes')
    """
    cells = [_summary(card) for card in cards]
    columns = tuple(cells[0]) if cells else ("pair",)
    if sort:
        if sort not in columns:
            raise ValueError(f"There is no column {sort!r}. Columns: {', '.join(columns)}.")
        cells.sort(key=lambda row: _order(row[sort]))
    marked = any(SOFT in str(cell) for row in cells for cell in row.values())
    title = f"{len(cells)} cards{f'; {SOFT} is measured, not proven' if marked else ''}"
    return table(title, columns, [tuple(row.values()) for row in cells])


def _false_claims(card: "Card") -> tuple[str, ...]:
    """Refuted claims of a user's functions; the package's own are checked by its tests."""
    halves = card.pair.loss, card.pair.activation
    if all((half.function.__module__ or "").startswith("lossland.") for half in halves):
        return ()
    return card.false_claims()


def _summary(card: "Card") -> dict[str, Any]:
    facts, held = card.facts, card.evidence
    counted = tally(facts, held)

    def both(name: str, cells: Iterable[str]) -> str:
        """The cells of both classes, one if they are alike, each with its mark."""
        pairs = zip(cells, held[name], strict=True)
        first, second = (_soft(cell, claim.status) for cell, claim in pairs)
        return first if first == second else f"{first or 'none'} / {second or 'none'}"

    def one(name: str, cell: str) -> str:
        return _soft(cell, together(held[name]))

    return {
        "pair": card.pair.name,
        "positive is": card.as_sum_of_known.positive,
        "negative is": card.as_sum_of_known.negative,
        "convex": both("convex", map(yes, card.convex)),
        "plateau": both("plateaus", map(intervals, card.plateaus)),
        "infimum": both("infimum", map(number, card.infimum)),
        "Lipschitz": one("lipschitz", f"{card.lipschitz:.4g}"),
        "smooth": one("smoothness", f"{card.smoothness:.4g}"),
        "tail": both("tail", map(tail_told, facts.tails)),
        "margin loss": one("margin", yes(facts.margin)),
        "calibrated": one("calibrated", thresholds(facts.calibration)),
        "best": "" if card.best_threshold is None else number(card.best_threshold),
        "psi": psi_text(facts).removeprefix("psi = ") if facts.calibration.interval is not None else "",
        "proper": one("proper", yes(facts.proper)),
        "max margin": one("margin_maximising", yes(card.margin_maximising)),
        "measured": counted.of - counted.settled or "",
        "problems": len(facts.problems) or "",
    }


def _soft(cell: str, status: str) -> str:
    return f"{cell}{SOFT}" if status == MEASURED and cell else cell


def _order(cell: Any) -> tuple[int, float, str]:
    try:
        return (0, float(str(cell).removesuffix(SOFT)), "")
    except ValueError:
        return (1, 0.0, str(cell or ""))


def _shape_dict(shape: Shape) -> dict[str, Any]:
    return {name: value for name, value in shape._asdict().items() if name != "kinks"}
