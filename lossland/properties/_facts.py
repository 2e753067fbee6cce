"""The facts that a card states of a pair: everything that is computed once, in one NamedTuple."""

import math
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from lossland.curves import Curves, Interval, Kink, Minimum, Shape, apart, tabulate
from lossland.elements import ACTIVATIONS, LOSSES, Pair
from lossland.properties._autodiff import faults, without_hint
from lossland.properties._calibration import Calibration, calibrate
from lossland.properties._known_form import Known
from lossland.properties._known_losses import recognise
from lossland.properties._links import is_matching, link_distance, outputs
from lossland.properties._psi_transform import hull_values
from lossland.properties._risk import ETAS, THETAS, elicits, minimum, probability_error
from lossland.properties._tails import Tail, margin_maximising, tail

LABEL_WORDS = ("positive", "negative")
MANY = 8
"""How many things of a kind are told one by one; of the others only how many there are."""


T = TypeVar("T")


class PerClass(NamedTuple, Generic[T]):
    """Something of each class: of t = +1, then of t = -1."""

    positive: T
    negative: T


class Facts(NamedTuple):
    """What is computed of a pair, all on the score axis.

    Attributes:
        pair: the pair.
        curves: its table.
        shapes: (positive, negative).
        tails: towards the well classified side.
        margin: whether negative(z) == positive(-z).
        known: each class curve as a registered margin loss, None where it is none.
        minima: the minimal conditional risk at `ETAS`.
        calibration: calibrated thresholds.
        psi: the psi-transform at `THETAS`, at the best threshold, or 0 where there is none.
        elicits: whether the risk's minimiser reveals eta.
        output_at_best: the output at the best threshold; NaN if there is none.
        probability: for outputs in [0, 1], the largest |output at the minimiser - eta|; NaN for others.
        matching: whether the pair is its output's matching loss.
        covers: for outputs in [0, 1], whether they come as near to 0 and to 1 as one likes; else True.
        link_distance: of the output, as a probability, from the slope ratio; NaN where undefined.
        margin_maximising: None unless the pair is a margin loss.
        margin_reason: what decided it.
        problems: what is wrong with the pair, in words.
    """

    pair: Pair
    curves: Curves
    shapes: tuple[Shape, Shape]
    tails: tuple[Tail, Tail]
    margin: bool
    known: tuple[Known | None, Known | None]
    minima: Minimum
    calibration: Calibration
    psi: np.ndarray
    elicits: bool
    output_at_best: float
    probability: float
    covers: bool
    matching: bool
    link_distance: float
    margin_maximising: bool | None
    margin_reason: str
    problems: tuple[str, ...]

    @property
    def proper(self) -> bool:
        """Whether the minimiser tells eta: as the output itself for outputs in [0, 1], else through a link."""
        return self.elicits if math.isnan(self.probability) else self.probability < 1e-6 and self.covers

    @property
    def kinks(self) -> tuple[Kink, ...]:
        """The kinks of both curves, in order of score."""
        return self.curves.kinks


def facts(made: Pair, prove: bool = False) -> Facts:
    """Compute the facts of a pair from the function alone.

    Args:
        made: any pair.
        prove: spend the full budget on what the default one leaves open.

    Returns:
        The facts; a faulty pair's problems stand among them.

    Example:
        >>> import lossland as ll
        >>> found = facts(ll.pair("tanh", "squared"))
        >>> str(found.known[0]), found.margin, found.proper
        ('4 savage', True, True)
    """
    curves = tabulate(made, prove)
    shapes = curves.shape(0), curves.shape(1)
    margin = curves.is_margin()
    minima = minimum(curves, ETAS)
    calibration = calibrate(curves, minima, margin)
    probability, covers, at_best = _output_facts(made, minima, calibration)
    maximises, reason = margin_maximising(curves, shapes[0]) if margin else (None, "not a margin loss")
    known = recognise(made, curves, 0)
    return Facts(
        pair=made,
        curves=curves,
        shapes=shapes,
        tails=(tail(curves, 0), tail(curves, 1)),
        margin=margin,
        known=(known, known if margin else recognise(made, curves, 1)),
        minima=minima,
        calibration=calibration,
        psi=hull_values(THETAS, calibration.costs),
        elicits=elicits(minima),
        output_at_best=at_best,
        probability=probability,
        covers=covers,
        matching=is_matching(curves),
        link_distance=link_distance(curves, made.activation),
        margin_maximising=maximises,
        margin_reason=reason,
        problems=(*without_hint(made, curves.problems), *_of_autodiff(made, curves), *_faults(curves, shapes)),
    )


def dead(shape: Shape, label: float, threshold: float) -> tuple[Interval, ...]:
    """Where a misclassified example of one class gets no gradient: flat or infinite stretches on the wrong side.

    Args:
        shape: the class curve's.
        label: -1 or +1.
        threshold: of the rule z > threshold.

    Returns:
        Intervals of the score.
    """
    cut = []
    for low, high in (*shape.plateaus, *shape.walls, *shape.bottoms):
        part = Interval(low, min(high, threshold)) if label > 0 else Interval(max(low, threshold), high)
        if part.low < part.high:
            cut.append(part)
    return tuple(cut)


def _output_facts(made: Pair, minima: Minimum, calibration: Calibration) -> tuple[float, bool, float]:
    held = made.activation.claim("range")
    best = math.nan if calibration.best is None else calibration.best
    wanted = np.concatenate([minima.low, minima.high, [-np.inf, np.inf, 0.0 if math.isnan(best) else best]])
    given = outputs(made.activation, wanted)
    at_best = math.nan if math.isnan(best) else float(given[-1])
    if held is None or held[0] < 0 or held[1] > 1:
        return math.nan, True, at_best
    # An output that stops short of 0 or 1, however little, tells no probability beyond.
    ends = np.sort(given[-3:-1])
    covers = not (ends[0] > 1e-12 or ends[1] < 1 - 1e-12)
    return probability_error(minima, given[:-3].reshape(2, -1)), covers, at_best


def _of_autodiff(made: Pair, curves: Curves) -> list[str]:
    """What autodiff makes of a user's functions where the table was made from their program instead.

    The package's own functions are checked by its tests.
    """
    entries = [*LOSSES.values(), *ACTIVATIONS.values()]
    ours = {id(entry.function) for entry in entries if (entry.function.__module__ or "").startswith("lossland.")}
    if {id(made.loss.function), id(made.activation.function)} <= ours or curves.evidence.reason:
        return []
    if curves.evidence.own_slopes:
        return []
    # Beside a kink no difference tells the slope.
    away = [np.abs(curves.scores - kink.at) > 0.02 * (1 + abs(kink.at)) for kink in curves.kinks]
    scores = curves.scores[np.all(away, axis=0)] if away else curves.scores
    found = faults(made, scores[::4]) if scores.size else []
    # What is no number in the program is none to autodiff either: that is said once.
    return [text for text in found if "NaN" not in text or not any("NaN" in said for said in curves.problems)]


def _jumps(curves: Curves) -> list[str]:
    """Where a class curve jumps between two numbers; of many jumps the first few, and how many more there are."""
    jumps = [k for k in curves.kinks if k.what == "value" and math.isfinite(k.left) and math.isfinite(k.right)]
    found = []
    for kink in jumps[:MANY]:
        word, (left, right) = LABEL_WORDS[0 if kink.label > 0 else 1], apart(kink.left, kink.right)
        others = [other.at for other in jumps if other.label == kink.label]
        at = apart(kink.at, *[x for x in others if x != kink.at and f"{x:.6g}" == f"{kink.at:.6g}"])[0]
        found.append(f"The loss of a {word} jumps from {left} to {right} at z = {at}.")
    if len(jumps) > MANY:
        found.append(f"And {len(jumps) - MANY} more jumps from z = {jumps[MANY].at:.6g} to z = {jumps[-1].at:.6g}.")
    return found


def _faults(curves: Curves, shapes: tuple[Shape, Shape]) -> list[str]:
    """Label-blind, rewarding mistakes, discontinuous, unbounded below: sound code, unsound losses."""
    found = []
    if np.array_equal(curves.values[0], curves.values[1]):
        found.append("Both classes have the same loss at every score: it does not look at the label.")
    elif shapes[0].monotone == shapes[1].monotone == "constant":
        found.append("The loss is constant for both classes: it does not look at the score.")
    else:
        for word, held, wrong in zip(LABEL_WORDS, shapes, ("increasing", "decreasing"), strict=True):
            if held.monotone == wrong:
                found.append(f"The loss of a {word} is {wrong} in the score: it rewards mistakes. Is a sign wrong?")
    found += _jumps(curves)
    if np.all(np.isinf(curves.values).any(axis=0) & (curves.values > 1e300).any(axis=0)):
        found.append("Every score is infinitely costly for one of the classes.")
    for word, held in zip(LABEL_WORDS, shapes, strict=True):
        if held.infimum == -math.inf:
            found.append(f"The loss of a {word} has no lower bound.")
    return found
