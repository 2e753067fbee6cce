"""A pair's facts in plain words: what it optimises, where it is blind, what its scores tell, and how certain that is.

A sentence that is proven or refuted stands as it is; one that is only measured says so. Numbers behind the words stand
in the card's tables.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from lossland.curves import Interval, Shape
from lossland.proofs import MEASURED, PROVEN, REFUTED, Claim
from lossland.properties._calibration import BJM
from lossland.properties._conjugate import closed_form
from lossland.properties._evidence import Claims, evidence_of, together
from lossland.properties._facts import LABEL_WORDS, MANY, Facts, dead
from lossland.properties._wording import ends_of, number, psi_text, scores_told, thresholds, where

HEDGE = ", as far as was measured"


class CardVerdict(NamedTuple):
    """One sentence of a card.

    Attributes:
        sign: whether it speaks for the pair (+), against it (-) or merely describes it (blank).
        text: the sentence.
        status: "proven", "refuted" or "measured"; blank for what is neither, such as a fault of the code.
    """

    sign: str
    text: str
    status: str = MEASURED


class _Told(NamedTuple):
    """What the sentences are made of: a pair's facts and what stands behind them."""

    facts: Facts
    evidence: Claims

    def status(self, *names: str, row: int | None = None) -> str:
        """How certain something is that follows from claims, of one class or of both."""
        rows = (0, 1) if row is None else (row,)
        return together(self.evidence[name][k] for name in names for k in rows)

    def hedge(self, status: str) -> str:
        """What a sentence adds that is only measured; where nothing is proven one sentence says it for all."""
        return HEDGE if status == MEASURED and not self.facts.curves.evidence.reason else ""

    def said(self, sign: str, start: str, rest: str, *names: str, row: int | None = None) -> CardVerdict:
        """A sentence, with the hedge between its two parts if one of the claims in it is measured."""
        status = self.status(*names, row=row)
        return CardVerdict(sign, f"{start}{self.hedge(status)}{rest}", PROVEN if status == REFUTED else status)


def verdicts(facts: Facts, evidence: Claims | None = None) -> tuple[CardVerdict, ...]:
    """Everything that a reader should know first, one sentence a fact.

    Args:
        facts: from `facts`.
        evidence: from `evidence_of`, if it is there already.

    Returns:
        Sentences, faults first.

    Example:
        >>> import lossland as ll
        >>> from lossland.properties import facts
        >>> for verdict in verdicts(facts(ll.pair("relu", "hinge")))[:3]: print(verdict.status, "|", verdict.text)
        measured | It is ramp for positives and 1 + perceptron for negatives, to nine digits.
        refuted | Not convex for positives: at z = 0 the loss lies above the chord from z = -1 to z = 1.
            Convex for negatives (proven).
        proven | Plateau z <= 0 at loss 1: a positive there gets no gradient.
    """
    held = _Told(facts, evidence_of(facts) if evidence is None else evidence)
    parts = (_faulty, _unread, _identity, _convexity, _plateaus, _floor, _calibrated, _proper, _margin, _matching)
    return tuple(verdict for part in parts for verdict in part(held))


def _faulty(held: _Told) -> Iterable[CardVerdict]:
    return [CardVerdict("-", problem, "") for problem in held.facts.problems]


def _unread(held: _Told) -> Iterable[CardVerdict]:
    why = held.facts.curves.evidence.reason
    if why:
        yield CardVerdict("", f"What follows is measured, not proven: its program cannot be read ({why}).", "")


def _identity(held: _Told) -> Iterable[CardVerdict]:
    facts = held.facts
    first, second = (None if known is None else str(known) for known in facts.known)
    if first is None and second is None:
        return
    own = first == facts.pair.loss.name
    if facts.margin and own and facts.pair.activation.name == "identity":
        yield CardVerdict("", f"It is {first} itself.", PROVEN)
    elif facts.margin:
        yield CardVerdict("", f"It is {first}{' itself' if own else ' of the score'}, to nine digits.")
    else:
        parts = [f"{text} for {word}s" for text, word in zip((first, second), LABEL_WORDS, strict=True) if text]
        yield CardVerdict("", f"It is {' and '.join(parts)}, to nine digits.")


def _convexity(held: _Told) -> Iterable[CardVerdict]:
    shapes, claims = held.facts.shapes, held.evidence["convex"]
    if all(shape.monotone == "constant" for shape in shapes):
        return
    status = together(claims)
    if all(shape.convex for shape in shapes):
        how = " (proven)" if status == PROVEN else held.hedge(status)
        what = "every local minimum over a linear model is global"
        yield CardVerdict("+", f"Convex for both classes{how}: {what}.", status)
        return
    told = [_not_convex(held, row) for row in (0, 1) if not shapes[row].convex]
    if len(told) == 1:
        row = 1 if shapes[1].convex else 0
        how = " (proven)" if claims[row].status == PROVEN else held.hedge(claims[row].status)
        told.append(f"Convex for {LABEL_WORDS[row]}s{how}.")
    elif held.facts.curves.evidence.mirrored:
        told[1] = "Nor for negatives, whose curve is its mirror image."
    yield CardVerdict("-", " ".join(told), status)


def _not_convex(held: _Told, row: int) -> str:
    claim, word = held.evidence["convex"][row], LABEL_WORDS[row]
    if claim.status == REFUTED:
        low, middle, high = scores_told(claim.witness)
        return f"Not convex for {word}s: at z = {middle} the loss lies above the chord from z = {low} to z = {high}."
    at = number(round(held.facts.shapes[row].refutes_convexity, 3))
    return f"Not convex for {word}s{held.hedge(MEASURED)}: the curve bends down at z = {at}."


def _plateaus(held: _Told) -> Iterable[CardVerdict]:
    shapes = held.facts.shapes
    for row, (word, shape) in enumerate(zip(LABEL_WORDS, shapes, strict=True)):
        ends = ends_of(shape)
        for interval, level in zip(shape.plateaus[:MANY], shape.levels, strict=False):
            start = f"Plateau {where(interval, ends)} at loss {number(level)}"
            yield held.said("-", start, f": a {word} there gets no gradient.", "plateaus", row=row)
        if len(shape.plateaus) > MANY:
            start = f"Plateaus of a {word}: and {len(shape.plateaus) - MANY} more"
            yield held.said("-", start, ".", "plateaus", row=row)
        for interval in shape.walls:
            start = f"Infinite for {where(interval, ends)}"
            yield held.said("-", start, f": a {word} there has no loss to follow.", "kinks", row=row)
        blind = _blind(shape, row)
        if blind is not None and shape.monotone != "constant":
            start = f"A misclassified {word} already has the least loss at {where(blind, ends)}"
            yield held.said("-", start, ".", "plateaus", row=row)
        if shape.monotone == "constant" and shapes[1 - row].monotone != "constant":
            start = f"The loss of a {word} is {number(shape.infimum)} whatever the score"
            yield held.said("-", start, ": it teaches nothing.", "monotone", row=row)


def _blind(shape: Shape, row: int) -> Interval | None:
    """Where a misclassified example has the least loss."""
    for span in dead(shape, (1.0, -1.0)[row], 0.0):
        if span in shape.bottoms or any(span.high == b.high or span.low == b.low for b in shape.bottoms):
            return span
    return None


def _floor(held: _Told) -> Iterable[CardVerdict]:
    facts = held.facts
    bare = []
    for row, (word, shape, tail) in enumerate(zip(LABEL_WORDS, facts.shapes, facts.tails, strict=True)):
        if math.isfinite(shape.infimum) and shape.infimum > 1e-9 and shape.monotone != "constant":
            start = f"Never below {number(shape.infimum)} for {word}s{'' if shape.attained else ', only approached'}"
            yield held.said("-", start, ".", "infimum", "attained", row=row)
        edges = [b for b in shape.bottoms if shape.monotone in ("decreasing", "increasing")]
        if edges and tail.kind == "zero" and edges[0] in (Interval(-math.inf, 0.0), Interval(0.0, math.inf)):
            bare.append(row)
    if bare:
        whom = "either class" if len(bare) == 2 else f"{LABEL_WORDS[bare[0]]}s"
        rest = ": the loss is least as soon as the sign is right."
        yield held.said("-", f"No margin for {whom}", rest, "plateaus", row=bare[0])


def _calibrated(held: _Told) -> Iterable[CardVerdict]:
    facts, claim = held.facts, held.evidence["calibrated"].positive
    found, hedge = facts.calibration, held.hedge(claim.status)
    source = f" ({BJM})" if claim.status == PROVEN and BJM in claim.reason else ""
    if found.interval is None:
        text = f"Calibrated for no threshold{hedge}: small risk does not imply few errors{source}."
        yield CardVerdict("-", text, claim.status)
        return
    said = thresholds(found)
    only = "for any threshold" if said == "any" else f"only for thresholds {said}"
    if found.best is None:
        yield CardVerdict("", f"Calibrated {only}{hedge}; none of them is the best{source}.", claim.status)
        return
    same = math.isnan(facts.output_at_best) or abs(facts.output_at_best - found.best) < 1e-9
    best = f"{number(found.best)}{'' if same else f' (output {number(facts.output_at_best)})'}"
    if found.interval.low == found.interval.high:
        text = f"Calibrated for the threshold {best} alone{hedge}; {psi_text(facts)}{source}."
        yield CardVerdict("+", text, claim.status)
        return
    sign = "+" if found.interval.low < 0 < found.interval.high else "-"
    yield CardVerdict(sign, f"Calibrated {only}{hedge}; best {best}, {psi_text(facts)}{source}.", claim.status)


def _proper(held: _Told) -> Iterable[CardVerdict]:
    facts, claim = held.facts, held.evidence["proper"].positive
    hedge = held.hedge(claim.status)
    probability = not math.isnan(facts.probability)
    if facts.proper:
        what = "the output estimates P(t = +1)" if probability else "the score tells P(t = +1) through a link"
        yield CardVerdict("+", f"Proper{hedge}: {what}.", claim.status)
    elif probability and facts.elicits and facts.calibration.interval is not None:
        misses = f"the output misses P(t = +1) by up to {facts.probability:.3g}"
        tells = f"the score tells it through a link{held.hedge(MEASURED)}"
        yield CardVerdict("-", f"Not proper{hedge}: {misses}; {tells}.", claim.status)
    elif claim.status == REFUTED:
        yield CardVerdict("", "Not proper: the output does not tell P(t = +1).", claim.status)
    else:
        yield CardVerdict("", f"No link{hedge}: the score does not tell P(t = +1).", claim.status)


def _margin(held: _Told) -> Iterable[CardVerdict]:
    facts = held.facts
    margin, claim = (held.evidence[name].positive for name in ("margin", "margin_maximising"))
    if facts.margin_maximising is None:
        how = margin.reason if margin.status == REFUTED else "the two classes are treated differently"
        yield CardVerdict("", f"Not a margin loss{held.hedge(margin.status)}: {how}.", margin.status)
    elif facts.margin_maximising:
        text = f"Maximises the margin on separable data as l2 tends to 0{held.hedge(claim.status)}."
        yield CardVerdict("+", text, claim.status)
    else:
        text = f"Does not maximise the margin{held.hedge(claim.status)}: {_why_no_margin(facts, claim)}."
        yield CardVerdict("", text, claim.status)


def _why_no_margin(facts: Facts, claim: Claim) -> str:
    shape = facts.shapes[0]
    if shape.monotone != "decreasing":
        rises = {"increasing": "only rises", "constant": "does not fall"}.get(shape.monotone, "also rises")
        return f"its loss {rises} with the margin"
    if not math.isfinite(shape.infimum):
        return "its loss has no lower bound"
    ends = [span.low for span in shape.bottoms if span.high == math.inf]
    if ends:
        return f"its loss is least {'as soon as' if ends[0] == 0 else 'even before'} the sign is right"
    return claim.reason.partition(", as measured")[0]


def _matching(held: _Told) -> Iterable[CardVerdict]:
    facts = held.facts
    if facts.matching and facts.elicits:
        own = facts.link_distance < 1e-6
        what, told = ("output", "output") if own else ("link", "P(t = +1)")
        pull = float(np.diff(facts.curves.slopes[:, facts.curves.scores.size // 2])[0])
        times = "" if abs(pull - 1) < 1e-9 else "a multiple of "
        gradient = f"the gradient in z is {times}{told} - target"
        yield CardVerdict("+", f"It is the matching loss of its {what}{held.hedge(MEASURED)}: {gradient}.")
    form = closed_form(facts.known[0])
    if form and facts.margin:
        yield CardVerdict("", f"Conjugate: {form}.")
