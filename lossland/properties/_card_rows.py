"""A card's tables: what stands in each line for each class and for the pair, and how certain it is."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lossland.curves import Interval, Kink, Shape
from lossland.proofs import MEASURED, PROVEN, REFUTED, Claim
from lossland.properties._conjugate import closed_form
from lossland.properties._evidence import Claims, together
from lossland.properties._facts import MANY, Facts
from lossland.properties._links import bend, fall, outputs
from lossland.properties._risk import THETAS
from lossland.properties._tails import Tail
from lossland.properties._wording import (
    Marked,
    enclosed,
    ends_of,
    listed,
    number,
    scores_told,
    thresholds,
    told_among,
    where,
)

if TYPE_CHECKING:
    from lossland.properties._card import Card


def class_rows(card: "Card", evidence: Claims | None = None) -> list[tuple[str, Marked, Marked]]:
    """The facts of both class curves as (what, of positives, of negatives); evidence if it is there already."""
    held = card.evidence if evidence is None else evidence
    columns = [_class_cells(card.facts, held, row) for row in (0, 1)]
    dead = "no gradient though misclassified at 0"
    for row, label in enumerate((1.0, -1.0)):
        columns[row][dead] = Marked(_of(held, row, "plateaus", "kinks"), intervals(card.dead(label)) or "nowhere")
    return [(name, columns[0][name], columns[1][name]) for name in columns[0]]


def pair_rows(card: "Card", evidence: Claims | None = None) -> list[tuple[str, Marked]]:
    """The facts of the pair as (what, value); evidence if it is there already."""
    facts, best = card.facts, card.best_threshold
    held = card.evidence if evidence is None else evidence
    margin, calibrated, proper, maximises = (
        held[name].positive for name in ("margin", "calibrated", "proper", "margin_maximising")
    )
    psi = ", ".join(f"{np.interp(theta, THETAS, facts.psi):.4g}" for theta in (0.25, 0.5, 1.0))
    measured = [
        ("best threshold (its output)", "none" if best is None else f"{number(best)} ({number(facts.output_at_best)})"),
        ("psi at 1/4, 1/2, 1", psi if math.isfinite(facts.psi[0]) else "inf"),
        ("excess error if the excess risk is 0.01", f"at most {card.excess_error(0.01):.4g}"),
        ("least risk H at eta 1/2, 0.8", _numbers(card.risk(np.array([0.5, 0.8])))),
        ("minimiser f* at eta 0.6, 0.8, 0.95", _numbers(card.minimiser(np.array([0.6, 0.8, 0.95])))),
    ]
    return [
        ("margin loss, negative(z) = positive(-z)", _answer(margin)),
        ("calibrated thresholds", Marked(calibrated.status, thresholds(facts.calibration))),
        ("  decided by", Marked(calibrated.status, calibrated.reason or "a table of scores")),
        *_all_measured(measured),
        ("proper", _answer(proper)),
        ("  decided by", Marked(proper.status, proper.reason)),
        *_all_measured(_link_rows(card)),
        ("maximises the margin", Marked(maximises.status, f"{yes(facts.margin_maximising)} ({facts.margin_reason})")),
        *_all_measured(_other_rows(card)),
    ]


def _all_measured(rows: Iterable[tuple[str, str]]) -> list[tuple[str, Marked]]:
    return [(what, Marked(MEASURED, told)) for what, told in rows]


def _link_rows(card: "Card") -> list[tuple[str, str]]:
    """How far the output is from the probability, and whether the slope is a matching loss's."""
    facts, rows = card.facts, []
    if not math.isnan(facts.probability):
        rows.append(("largest |output at f* - eta|", f"{facts.probability:.3g}"))
    if not math.isnan(facts.link_distance):
        rows.append(("output from the link that belongs to the loss", f"at most {facts.link_distance:.3g} away"))
    return [*rows, ("matching loss of its slope ratio", yes(facts.matching))]


def _other_rows(card: "Card") -> list[tuple[str, str]]:
    """The activation's matching loss, the band in which its bend must lie, the conjugate, ties, float types."""
    rows = [_matching_row(card), ("convex if g''/g'^2, at z = 1/2, lies in", _band_told(card))]
    form = closed_form(card.facts.known[0])
    rows += [("conjugate of the positive curve", form)] if form else []
    ties = card.ties()
    places = [tied.kink.at for tied in ties]
    rows += [(f"slope at {_place(tied.kink, places)}", _slopes(tied.slopes)) for tied in ties[:MANY]]
    rows += [("slope at other kinks", f"and {len(ties) - MANY} more")] if len(ties) > MANY else []
    return [*rows, *_health_rows(card)]


def _matching_row(card: "Card") -> tuple[str, str]:
    """Three values of the activation's matching loss, or why there is none."""
    made = card.pair.activation
    falls = fall(made)
    if falls:
        return f"matching loss of {made.name}", f"none, {falls}"
    held = made.claim("range") or (-math.inf, math.inf)
    target = 1.0 if held[0] <= 1.0 <= held[1] else 0.5 * (held[0] + held[1])
    values = card.matching_loss(np.array([-1.0, 0.0, 1.0]), target)
    return f"matching loss of {made.name}, target {number(target)}, z = -1, 0, 1", _numbers(values)


def _band_told(card: "Card") -> str:
    """The bounds of the bend at z = 1/2, and on which side of them it lies."""
    made, (low, high) = card.pair.activation, card.pair.loss.domain
    output = float(outputs(made, 0.5))
    if not low <= output <= high:
        return f"undefined: the output there, {number(output)}, is none that {card.pair.loss.name} takes"
    lower, upper = card.convexity_band(np.array([output]))
    has = bend(made, [0.5])[0]
    verdict = "inside" if lower[0] - 1e-9 <= has <= upper[0] + 1e-9 else "outside"
    return f"[{number(lower[0])}, {number(upper[0])}]; it is {number(has)}, {verdict}"


def _health_rows(card: "Card") -> list[tuple[str, str]]:
    """Where numbers are not finite, and what a float type makes fail."""
    found = card.health()
    unwell = [f"{h.what} in {h.dtype}, first at {h.at:.4g}" for h in found if h.bad and not h.error]
    failed = [f"{h.what} in {h.dtype}: {h.error}" for h in found if h.error]
    rows = [("not finite, |z| <= 1e4", "; ".join(unwell) or "nothing, in bfloat16, float32 and float64")]
    return [*rows, ("cannot be evaluated", "; ".join(failed))] if failed else rows


# --------------------------------------------------------------------------------------------------------------- cells


def _class_cells(facts: Facts, held: Claims, row: int) -> dict[str, Marked]:
    shape, known = facts.shapes[row], facts.known[row]
    claims = {name: both[row] for name, both in held.items()}
    plateaus = zip(shape.plateaus, shape.levels, strict=True)
    ends = ends_of(shape)
    texts = {
        "plateau above it": listed(f"{where(i, ends)} at {number(level)}" for i, level in plateaus) or "none",
        "lowest on": intervals(shape.bottoms, ends) or ("a point" if shape.attained else "nowhere"),
        "infinite on": intervals(shape.walls, ends) or "nowhere",
        "kinks": listed(_kink(kink, ends) for kink in shape.kinks) or "none",
    }
    floor = f"{enclosed(claims['infimum'])}{', attained' if shape.attained else ', not attained'}"
    ends = ", ".join(map(number, shape.limits))
    return {
        "equals": Marked(MEASURED, str(known or "no registered loss")),
        "convex": _answer(claims["convex"]),
        "quasi-convex": _answer(claims["quasi_convex"]),
        "monotone": Marked(claims["monotone"].status, shape.monotone),
        "infimum": Marked(_of(held, row, "infimum", "attained"), floor),
        "plateau above it": Marked(claims["plateaus"].status, texts["plateau above it"]),
        "lowest on": Marked(_of(held, row, "plateaus", "attained"), texts["lowest on"]),
        "infinite on": Marked(claims["kinks"].status, texts["infinite on"]),
        "kinks": Marked(claims["kinks"].status, texts["kinks"]),
        "Lipschitz": Marked(claims["lipschitz"].status, enclosed(claims["lipschitz"])),
        "smoothness": Marked(claims["smoothness"].status, enclosed(claims["smoothness"])),
        "limits at -inf, +inf": Marked(_of_limits(facts, shape, row), ends),
        "tail where well classified": Marked(claims["tail"].status, tail_told(facts.tails[row])),
    }


def _of(held: Claims, row: int, *names: str) -> str:
    """The status of what follows from several claims on a class curve."""
    return together(held[name][row] for name in names)


def _of_limits(facts: Facts, shape: Shape, row: int) -> str:
    """Whether the program gives the limits that the table shows."""
    held = facts.curves.evidence
    if not held.curves or held.pieces[row].doubts or any(map(math.isnan, shape.limits)):
        return MEASURED
    read = [tail.limit for tail in held.curves[row].tails]
    return PROVEN if list(map(number, read)) == list(map(number, shape.limits)) else MEASURED


def _answer(claim: Claim) -> Marked:
    """Yes or no, and the scores that refute."""
    at = f", at z = {', '.join(scores_told(claim.witness))}" if claim.status == REFUTED else ""
    return Marked(claim.status, f"{yes(claim.value)}{at}")


def yes(x: bool | None) -> str:
    """A verdict in a word."""
    return {True: "yes", False: "no", None: "undefined"}[x]


def tail_told(tail: Tail) -> str:
    """A tail's kind and exponent."""
    return tail.kind if math.isnan(tail.exponent) else f"{tail.kind} {tail.exponent:.4g}"


def intervals(found: Iterable[Interval], among: Iterable[float] = ()) -> str:
    """Intervals of scores as inequalities, told apart from other scores; empty if there are none."""
    found = tuple(found)
    ends = [*among, *(end for interval in found for end in interval)]
    return listed(where(interval, ends) for interval in found)


def _numbers(values: np.ndarray) -> str:
    return ", ".join(number(x) for x in values)


def _kink(kink: Kink, among: Sequence[float]) -> str:
    left, right = scores_told((kink.left, kink.right))
    return f"{kink.what} {left} to {right} at {told_among(kink.at, among)}"


def _place(kink: Kink, among: Sequence[float]) -> str:
    return f"z = {told_among(kink.at, among)}, t = {kink.label:+d}"


def _slopes(slopes: dict[float | None, float]) -> str:
    return ", ".join(number(s) if tie is None else f"tie {number(tie)}: {number(s)}" for tie, s in slopes.items())
