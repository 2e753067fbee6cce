"""Cards to text: one card in a terminal, one as plain values for a script, many as rows of a table."""

import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from lossland.core import Table, table
from lossland.curves import Interval, Kink, Shape
from lossland.properties._calibration import THETAS
from lossland.properties._card import Card
from lossland.properties._conjugate import closed_form
from lossland.properties._facts import LABEL_WORDS
from lossland.properties._links import bend, outputs
from lossland.properties._tails import Tail
from lossland.properties._verdicts import number, psi_text, thresholds, verdicts, where

MARKS = {"+": ("+", "green"), "-": ("-", "red"), "": ("·", "dim")}


def show_card(card: Card) -> None:
    """Print a card: its verdicts in words, then the numbers of both classes, then those of the pair.

    Args:
        card: from `card`.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table as Rich
    from rich.text import Text

    console = Console()
    console = Console(width=None if console.is_terminal else 120)
    console.print(Text(card.pair.name, style="bold"))
    for verdict in verdicts(card.facts):
        mark, style = MARKS[verdict.sign]
        console.print(Text.assemble((f" {mark} ", style), verdict.text))
    for refuted in _false_claims(card):
        console.print(Text.assemble((" - ", "red"), f"A false claim. {refuted}."))
    for columns, rows in ((("", "t = +1", "t = -1"), class_rows(card)), (("", "the pair"), pair_rows(card))):
        drawn = Rich(*columns, box=box.SIMPLE_HEAD)
        for row in rows:
            drawn.add_row(*(Text(cell) for cell in row))
        console.print(drawn)


def class_rows(card: Card) -> list[tuple[str, str, str]]:
    """The numbers of both class curves as (what, positive, negative)."""
    facts = card.facts
    columns = [
        _class_cells(shape, tail, known)
        for shape, tail, known in zip(facts.shapes, facts.tails, card.as_sum_of_known, strict=True)
    ]
    rows = [(name, columns[0][name], columns[1][name]) for name in columns[0]]
    dead = [_intervals(card.dead(label)) for label in (1.0, -1.0)]
    return [*rows, ("no gradient though misclassified at 0", dead[0], dead[1])]


def pair_rows(card: Card) -> list[tuple[str, str]]:
    """The numbers of the pair as (what, value)."""
    facts, best = card.facts, card.best_threshold
    etas = np.array([0.6, 0.8, 0.95])
    minima = ", ".join(number(x) for x in card.minimiser(etas))
    psi = ", ".join(f"{np.interp(theta, THETAS, facts.psi):.4g}" for theta in (0.25, 0.5, 1.0))
    rows = [
        ("margin loss, negative(z) = positive(-z)", _yes(facts.margin)),
        ("calibrated thresholds", thresholds(facts.calibration)),
        ("best threshold (its output)", "none" if best is None else f"{number(best)} ({number(facts.output_at_best)})"),
        ("psi at 1/4, 1/2, 1", psi if math.isfinite(facts.psi[0]) else "inf"),
        ("excess error if the excess risk is 0.01", f"at most {card.excess_error(0.01):.4g}"),
        ("least risk H at eta 1/2, 0.8", ", ".join(number(x) for x in card.risk(np.array([0.5, 0.8])))),
        ("minimiser f* at eta 0.6, 0.8, 0.95", minima),
        ("proper", _yes(facts.proper)),
    ]
    if not math.isnan(facts.probability):
        rows.append(("largest |output at f* - eta|", f"{facts.probability:.3g}"))
    if not math.isnan(facts.link_distance):
        rows.append(("output from the link that belongs to the loss", f"at most {facts.link_distance:.3g} away"))
    rows += [
        ("matching loss of its output", _yes(facts.matching)),
        ("maximises the margin", f"{_yes(facts.margin_maximising)} ({facts.margin_reason})"),
    ]
    rows += _link_rows(card)
    form = closed_form(facts.known[0])
    rows += [("conjugate of the positive curve", form)] if form else []
    rows += [(f"slope at {_place(tied.kink)}", _slopes(tied.slopes)) for tied in card.ties()]
    unwell = [f"{h.what} in {h.dtype}, first at {h.at:.4g}" for h in card.health() if h.bad]
    rows.append(("not finite, |z| <= 1e4", "; ".join(unwell) or "nothing, in bfloat16, float32 and float64"))
    return rows


def _link_rows(card: Card) -> list[tuple[str, str]]:
    """The matching loss of the activation, and the band in which its bend must lie."""
    held = card.pair.activation.claim("range") or (-math.inf, math.inf)
    target = 1.0 if held[0] <= 1.0 <= held[1] else 0.5 * (held[0] + held[1])
    rows = []
    if card.pair.activation.monotone is not False:
        values = card.matching_loss(np.array([-1.0, 0.0, 1.0]), target)
        told = ", ".join(number(x) for x in values)
        rows.append((f"matching loss of {card.pair.activation.name}, target {number(target)}, z = -1, 0, 1", told))
    output = np.array([float(outputs(card.pair.activation, 0.5))])
    lower, upper = card.convexity_band(output)
    has = bend(card.pair.activation, [0.5])[0]
    verdict = "inside" if lower[0] - 1e-9 <= has <= upper[0] + 1e-9 else "outside"
    told = f"[{number(lower[0])}, {number(upper[0])}]; it is {number(has)}, {verdict}"
    return [*rows, ("convex if g''/g'^2, at z = 1/2, lies in", told)]


def as_dict(card: Card) -> dict[str, Any]:
    """A card as plain values that JSON can hold; infinities become "inf" and "-inf", NaN becomes null.

    Args:
        card: from `card`.

    Returns:
        A dictionary.

    Example:
        >>> import lossland as ll
        >>> as_dict(ll.card("relu", "hinge"))["plateaus"]["positive"]
        [['-inf', 0.0]]
    """
    facts = card.facts
    held = {
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
    return _plain(held)


def card_json(card: Card) -> str:
    """A card as JSON text."""
    return json.dumps(as_dict(card), indent=1)


def cards_table(cards: Iterable[Card], sort: str = "") -> Table:
    """Many cards as rows: what each pair is, at a glance.

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
    return table(f"{len(cells)} cards", columns, [tuple(row.values()) for row in cells])


def _false_claims(card: Card) -> tuple[str, ...]:
    """Refuted claims of a user's functions; the package's own are checked by its tests."""
    halves = card.pair.loss, card.pair.activation
    if all((half.function.__module__ or "").startswith("lossland.") for half in halves):
        return ()
    return card.false_claims()


# --------------------------------------------------------------------------------------------------------------- cells


def _summary(card: Card) -> dict[str, Any]:
    facts = card.facts
    return {
        "pair": card.pair.name,
        "positive is": card.as_sum_of_known.positive,
        "negative is": card.as_sum_of_known.negative,
        "convex": _both(_yes(x) for x in card.convex),
        "plateau": _both(_intervals(x) for x in card.plateaus),
        "infimum": _both(number(x) for x in card.infimum),
        "Lipschitz": f"{card.lipschitz:.4g}",
        "smooth": f"{card.smoothness:.4g}",
        "tail": _both(_tail(x) for x in facts.tails),
        "margin loss": _yes(facts.margin),
        "calibrated": thresholds(facts.calibration),
        "best": "" if card.best_threshold is None else number(card.best_threshold),
        "psi": psi_text(facts).removeprefix("psi = ") if facts.calibration.interval is not None else "",
        "proper": _yes(facts.proper),
        "max margin": _yes(card.margin_maximising),
        "problems": len(facts.problems) or "",
    }


def _class_cells(shape: Shape, tail: Tail, known: str | None) -> dict[str, str]:
    return {
        "equals": known or "no registered loss",
        "convex, quasi-convex": f"{_yes(shape.convex)}, {_yes(shape.quasi_convex)}",
        "monotone": shape.monotone,
        "infimum": f"{number(shape.infimum)}{', attained' if shape.attained else ', not attained'}",
        "plateau above it": "; ".join(
            f"{where(i)} at {number(level)}" for i, level in zip(shape.plateaus, shape.levels, strict=True)
        )
        or "none",
        "lowest on": _intervals(shape.bottoms) or ("a point" if shape.attained else "nowhere"),
        "infinite on": _intervals(shape.walls) or "nowhere",
        "kinks": "; ".join(_kink(kink) for kink in shape.kinks) or "none",
        "Lipschitz, smoothness": f"{shape.lipschitz:.6g}, {shape.smoothness:.6g}",
        "limits at -inf, +inf": f"{number(shape.limits[0])}, {number(shape.limits[1])}",
        "tail where well classified": _tail(tail),
    }


def _tail(tail: Tail) -> str:
    return tail.kind if math.isnan(tail.exponent) else f"{tail.kind} {tail.exponent:.4g}"


def _kink(kink: Kink) -> str:
    return f"{kink.what} {number(kink.left)} to {number(kink.right)} at {number(kink.at)}"


def _place(kink: Kink) -> str:
    return f"z = {number(kink.at)}, t = {kink.label:+d}"


def _slopes(slopes: dict[float | None, float]) -> str:
    return ", ".join(number(s) if tie is None else f"tie {number(tie)}: {number(s)}" for tie, s in slopes.items())


def _intervals(intervals: Iterable[Interval]) -> str:
    return "; ".join(where(interval) for interval in intervals)


def _both(cells: Iterable[str]) -> str:
    first, second = cells
    return first if first == second else f"{first or 'none'} / {second or 'none'}"


def _yes(x: bool | None) -> str:
    return {True: "yes", False: "no", None: "undefined"}[x]


def _order(cell: Any) -> tuple[int, float, str]:
    try:
        return (0, float(cell), "")
    except (TypeError, ValueError):
        return (1, 0.0, str(cell or ""))


def _shape_dict(shape: Shape) -> dict[str, Any]:
    return {name: value for name, value in shape._asdict().items() if name != "kinks"}


def _plain(x: Any) -> Any:
    if isinstance(x, dict):
        return {key: _plain(value) for key, value in x.items()}
    if isinstance(x, (list, tuple, np.ndarray)):
        return [_plain(value) for value in x]
    if isinstance(x, (float, np.floating)):
        return None if math.isnan(x) else float(x) if math.isfinite(x) else ("inf" if x > 0 else "-inf")
    return x.item() if isinstance(x, np.generic) else x
