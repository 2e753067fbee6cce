"""A pair's facts in plain words: what it optimises, where it is blind, what its scores tell."""

import math
from typing import NamedTuple

import numpy as np

from lossland.curves import Interval
from lossland.properties._calibration import Calibration
from lossland.properties._conjugate import closed_form
from lossland.properties._facts import LABEL_WORDS, Facts, dead
from lossland.properties._risk import THETAS

FRACTIONS = {0.5: "1/2", 0.25: "1/4", 0.75: "3/4", 1 / 3: "1/3", 2 / 3: "2/3", -0.5: "-1/2", -0.25: "-1/4"}


class CardVerdict(NamedTuple):
    """One sentence, and whether it speaks for the pair (+), against it (-) or merely describes it (blank)."""

    sign: str
    text: str


def verdicts(facts: Facts) -> tuple[CardVerdict, ...]:
    """Everything that a reader should know first, one sentence a fact.

    Args:
        facts: from `facts`.

    Returns:
        Sentences, faults first.

    Example:
        >>> import lossland as ll
        >>> from lossland.properties import facts
        >>> for verdict in verdicts(facts(ll.pair("relu", "hinge")))[:3]: print(verdict.text)
        It is ramp for positives and 1 + perceptron for negatives.
        Not convex for positives: the curve bends down at z = 0. Convex for negatives.
        Plateau z <= 0 at loss 1: a positive there gets no gradient.
    """
    parts = (_faulty, _identity, _convexity, _plateaus, _floor, _calibrated, _proper, _margin, _matching)
    return tuple(verdict for part in parts for verdict in part(facts))


def number(x: float) -> str:
    """A number with four digits, or as a fraction that a reader knows."""
    for value, text in FRACTIONS.items():
        if abs(x - value) < 1e-9:
            return text
    return f"{x + 0.0:.4g}"


def where(interval: Interval) -> str:
    """An interval of scores as an inequality."""
    low, high = interval
    if low == -math.inf and high == math.inf:
        return "every z"
    if low == -math.inf:
        return f"z <= {number(high)}"
    return f"z >= {number(low)}" if high == math.inf else f"{number(low)} <= z <= {number(high)}"


def thresholds(found: Calibration) -> str:
    """The calibrated thresholds in words: "inside (0, 1)", "0 alone", "none"."""
    if found.interval is None:
        return "none"
    low, high = found.interval
    if low == high:
        return f"{number(low)} alone"
    if math.isinf(low) and math.isinf(high):
        return "any"
    left = "[" if found.closed[0] else "("
    return f"inside {left}{number(low)}, {number(high)}{']' if found.closed[1] else ')'}"


def psi_text(facts: Facts) -> str:
    """The psi-transform as a formula in theta where it is c theta or c theta^2, else its value at theta = 1/2."""
    psi = facts.psi
    if not np.all(np.isfinite(psi)):
        return "psi = inf"
    for power in (1, 2):
        factor = psi[-1]
        if factor > 1e-12 and np.all(np.abs(psi - factor * THETAS**power) <= 1e-9 * factor):
            name = "theta" if power == 1 else "theta^2"
            known = {1.0: name, 0.5: f"{name}/2", 0.25: f"{name}/4"}
            found = [text for value, text in known.items() if abs(factor - value) < 1e-9]
            return f"psi = {found[0] if found else f'{factor:.4g} {name}'}"
    return f"psi(1/2) = {np.interp(0.5, THETAS, psi):.4g}"


def _faulty(facts: Facts) -> list[CardVerdict]:
    return [CardVerdict("-", problem) for problem in facts.problems]


def _identity(facts: Facts) -> list[CardVerdict]:
    first, second = (None if known is None else str(known) for known in facts.known)
    if first is None and second is None:
        return []
    if facts.margin:
        return [
            CardVerdict(
                "", f"It is {first} of the score." if first != facts.pair.loss.name else f"It is {first} itself."
            )
        ]
    told = [f"{text} for {word}s" for text, word in zip((first, second), LABEL_WORDS, strict=True) if text is not None]
    return [CardVerdict("", f"It is {' and '.join(told)}.")]


def _convexity(facts: Facts) -> list[CardVerdict]:
    told = []
    for word, shape in zip(LABEL_WORDS, facts.shapes, strict=True):
        if not shape.convex:
            told.append(
                f"Not convex for {word}s: the curve bends down at z = {number(round(shape.refutes_convexity, 3))}."
            )
    if not told:
        return [CardVerdict("+", "Convex for both classes: every local minimum over a linear model is global.")]
    if len(told) == 1:
        word = LABEL_WORDS[1 if facts.shapes[1].convex else 0]
        told.append(f"Convex for {word}s.")
    return [CardVerdict("-", " ".join(told))]


def _plateaus(facts: Facts) -> list[CardVerdict]:
    found = []
    for label, word, shape in zip((1.0, -1.0), LABEL_WORDS, facts.shapes, strict=True):
        for interval, level in zip(shape.plateaus, shape.levels, strict=True):
            found.append(
                CardVerdict("-", f"Plateau {where(interval)} at loss {number(level)}: a {word} there gets no gradient.")
            )
        for interval in shape.walls:
            found.append(CardVerdict("-", f"Infinite for {where(interval)}: a {word} there has no loss to follow."))
        blind = [
            i
            for i in dead(shape, label, 0.0)
            if i in shape.bottoms or any(i.high == b.high or i.low == b.low for b in shape.bottoms)
        ]
        if blind and shape.monotone != "constant":
            found.append(CardVerdict("-", f"No loss above the least for a misclassified {word}, {where(blind[0])}."))
        if shape.monotone == "constant":
            found.append(
                CardVerdict(
                    "-", f"The loss of a {word} is {number(shape.infimum)} whatever the score: it teaches nothing."
                )
            )
    return found


def _floor(facts: Facts) -> list[CardVerdict]:
    found = []
    for word, shape, tail in zip(LABEL_WORDS, facts.shapes, facts.tails, strict=True):
        if math.isfinite(shape.infimum) and shape.infimum > 1e-9 and shape.monotone != "constant":
            how = "" if shape.attained else ", only approached"
            found.append(CardVerdict("-", f"Never below {number(shape.infimum)} for {word}s{how}."))
        edges = [b for b in shape.bottoms if shape.monotone in ("decreasing", "increasing")]
        if edges and tail.kind == "zero" and edges[0] in (Interval(-math.inf, 0.0), Interval(0.0, math.inf)):
            found.append(CardVerdict("-", f"No margin for {word}s: the loss is least as soon as the sign is right."))
    return found


def _calibrated(facts: Facts) -> list[CardVerdict]:
    found = facts.calibration
    if found.interval is None:
        return [CardVerdict("-", "Calibrated for no threshold: small risk does not imply few errors.")]
    only = "for any threshold" if thresholds(found) == "any" else f"only for thresholds {thresholds(found)}"
    if found.best is None:
        return [CardVerdict("", f"Calibrated {only}, none of them the best.")]
    output = facts.output_at_best
    same = math.isnan(output) or abs(output - found.best) < 1e-9
    told = "" if same else f" (output {number(output)})"
    if found.interval.low == found.interval.high:
        return [CardVerdict("+", f"Calibrated for the threshold {number(found.best)}{told} alone; {psi_text(facts)}.")]
    sign = "+" if found.interval.low < 0 < found.interval.high else "-"
    return [CardVerdict(sign, f"Calibrated {only}; best {number(found.best)}{told}, {psi_text(facts)}.")]


def _proper(facts: Facts) -> list[CardVerdict]:
    probability = not math.isnan(facts.probability)
    if facts.proper:
        what = "the output estimates P(t = +1)" if probability else "the score tells P(t = +1) through a link"
        return [CardVerdict("+", f"Proper: {what}.")]
    if probability and facts.elicits:
        return [
            CardVerdict(
                "-",
                f"Not proper: the output misses P(t = +1) by up to {facts.probability:.3g}, the slope ratio does not.",
            )
        ]
    return [CardVerdict("", "No link: the score does not tell P(t = +1).")]


def _margin(facts: Facts) -> list[CardVerdict]:
    if facts.margin_maximising is None:
        return [CardVerdict("", "Not a margin loss: the two classes are treated differently.")]
    if facts.margin_maximising:
        return [CardVerdict("+", "Maximises the margin on separable data as l2 tends to 0.")]
    return [CardVerdict("", f"Does not maximise the margin: {facts.margin_reason}.")]


def _matching(facts: Facts) -> list[CardVerdict]:
    found = (
        [CardVerdict("+", "It is the matching loss of its output: the gradient in z is output - target.")]
        if facts.matching
        else []
    )
    form = closed_form(facts.known[0])
    if form and facts.margin:
        found.append(CardVerdict("", f"Conjugate: {form}."))
    return found
