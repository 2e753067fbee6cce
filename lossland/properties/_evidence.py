"""Evidence of a card: for every claim and each class, whether it is proven, refuted or measured, and by what.

Claims on a class curve come from the pair's program (`proofs`), those on the pair follow from them or from theorems.
What only a table of scores shows is measured.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from lossland.curves import Shape, apart
from lossland.proofs import MEASURED, PROVEN, REFUTED, Claim, CurveClaims, Pieces, enclosure, evidence
from lossland.properties._facts import LABEL_WORDS, Facts, PerClass
from lossland.properties._pair_claims import AT_A_SCORE, PROBES, pair_claims
from lossland.properties._tails import Tail

OF_A_CURVE = (
    "convex",
    "quasi_convex",
    "monotone",
    "infimum",
    "attained",
    "lipschitz",
    "smoothness",
    "kinks",
    "plateaus",
    "tail",
)
"""The claims on each class curve, by the names of `Shape`."""
OF_THE_PAIR = ("margin", "calibrated", "proper", "margin_maximising")
"""The claims on the pair, said of both classes alike."""
Claims = Mapping[str, PerClass[Claim]]


def evidence_of(facts: Facts) -> Claims:
    """What stands behind each claim of a card.

    Args:
        facts: from `facts`.

    Returns:
        By the claim's name, its `Claim` for positives and for negatives.

    Example:
        >>> import lossland as ll
        >>> found = ll.card("relu", "hinge").evidence
        >>> found["convex"].positive.status, found["convex"].positive.witness, found["convex"].negative.status
        ('refuted', (-1.0, 0.0, 1.0), 'proven')
        >>> found["lipschitz"].positive.enclosure, found["margin"].positive.witness
        ((1.0, 1.0), (1.0,))
    """
    sides = [_of_curve(facts, row) for row in (0, 1)]
    found = {name: PerClass(sides[0][name], sides[1][name]) for name in OF_A_CURVE}
    found |= {name: PerClass(claim, claim) for name, claim in pair_claims(facts, found).items()}
    return MappingProxyType(found)


def _of_curve(facts: Facts, row: int) -> dict[str, Claim]:
    """The claims on a class curve, with the card's own values, whether the program or the table gave them."""
    shape, tail, held = facts.shapes[row], facts.tails[row], facts.curves.evidence
    values = {name: _value(shape, tail, name) for name in OF_A_CURVE}
    if not held.curves:
        why = f"its program cannot be read: {held.reason}"
        return {name: Claim(MEASURED, value, reason=why) for name, value in values.items()}
    claims: CurveClaims = held.curves[row]
    found = {name: getattr(claims, name) for name in OF_A_CURVE if name != "tail"}
    for name in ("convex", "quasi_convex"):
        found[name] = plainer(held.pieces[row], found[name], name == "convex")
    found["plateaus"] = _plateaus(claims)
    doubts = held.pieces[row].doubts
    why = doubts[0] if doubts else "read off the table, for scores up to 1e5" if tail.measured else ""
    found["tail"] = Claim(MEASURED if why else PROVEN, reason=why)
    nowhere = _no_number(held.pieces[row])
    if nowhere:
        found = {n: c._replace(status=MEASURED, reason=nowhere) if c.status == PROVEN else c for n, c in found.items()}
    return {name: _explained(claim)._replace(value=values[name]) for name, claim in found.items()}


def _explained(claim: Claim) -> Claim:
    """A claim with a reason, if it is measured and has none: a number that its enclosure does not decide."""
    open_ = claim.status == MEASURED and not claim.reason
    return claim._replace(reason=_undecided(*claim.enclosure)) if open_ else claim


def _undecided(low: float, high: float) -> str:
    """What is left open by an enclosure, in words.

    Example:
        >>> _undecided(0.25, math.inf), _undecided(1.25, 1.5)
        ('no bound above 0.25 is proven', 'it lies between 1.25 and 1.5; no closer enclosure is proven')
        >>> _undecided(1.1, 1.1000000000000003)
        'it lies between 1.1 and 1.1000000000000003; which number it is there is not decided'
    """
    if math.isnan(low) or math.isnan(high) or (math.isinf(low) and math.isinf(high)):
        return "no bound is proven"
    if math.isinf(low) or math.isinf(high):
        return f"no bound below {high:.6g} is proven" if math.isinf(low) else f"no bound above {low:.6g} is proven"
    if low == high:
        return f"whether it is exactly {low:.17g} is not decided"
    near = high - low <= 1e-6 * max(abs(low), abs(high))
    first, last = (repr(float(low)), repr(float(high))) if near else apart(low, high)
    left = "which number it is there is not decided" if near else "no closer enclosure is proven"
    return f"it lies between {first} and {last}; {left}"


def _no_number(cut: Pieces) -> str:
    """Where a curve is not a number, in words: nothing is proven of it then. Empty if none of some scores shows it."""
    with np.errstate(all="ignore"):
        lost = np.isnan(cut.jets(PROBES)[0])
    return f"its value is not a number at z = {PROBES[lost][0]:g}" if lost.any() else ""


def plainer(cut: Pieces, claim: Claim, chord: bool) -> Claim:
    """A refuted claim with its three scores rounded to few digits, if they still refute it for certain.

    Args:
        cut: the curve in pieces.
        claim: any; one without three scores stays as it is.
        chord: whether the middle one must lie above the chord of the others, rather than above both.

    Returns:
        The claim.
    """
    if claim.status != REFUTED or len(claim.witness) != 3:
        return claim
    low, middle, high = claim.witness
    if any(b.order == 0 and b.at in claim.witness for b in cut.breaks):
        # What the loss is at a jump itself is a matter of ties.
        tried, least = [(low, 0.5 * (low + middle), high), (low, 0.5 * (middle + high), high)], 0.0
    else:
        tried = [tuple(float(f"{x:.{digits}g}") + 0.0 for x in claim.witness) for digits in (1, 2, 3)]
        least = 0.5 * _gap(claim.witness, cut.jets(np.array(claim.witness))[0], chord)
    for scores in tried:
        told = scores[0] < scores[1] < scores[2] and _gap(scores, cut.jets(np.array(scores))[0], chord) > least
        if told and _surely(cut, scores, chord):
            return claim._replace(witness=scores)
    return claim


def _gap(scores: Sequence[float], values: Sequence[Any], chord: bool) -> float:
    """By how much the middle value lies above the chord, or above both others."""
    share = (scores[2] - scores[1]) / (scores[2] - scores[0])
    return float(values[1] - (share * values[0] + (1 - share) * values[2] if chord else max(values[0], values[2])))


def _surely(cut: Pieces, scores: Sequence[float], chord: bool) -> bool:
    """Whether the middle value lies above for certain, by more than the doubles of a check round."""
    first, there, last = (enclosure(cut, x, x, 0, AT_A_SCORE) for x in scores)
    gap = _gap(scores, (first[1], there[0], last[1]), chord)
    return gap > 1e-12 * (abs(there[0]) + abs(first[1]) + abs(last[1]))


def _value(shape: Shape, tail: Tail, name: str) -> Any:
    return (tail.kind, tail.exponent) if name == "tail" else getattr(shape, name)


def _plateaus(claims: CurveClaims) -> Claim:
    """Where the curve is flat, as certain as that it is lower elsewhere."""
    lowest = math.inf if claims.infimum.status == PROVEN else claims.infimum.enclosure[1]
    if claims.infimum.status != PROVEN and any(not level > lowest for _, level in claims.plateaus.value):
        return claims.plateaus._replace(status=MEASURED, reason="whether it is lower elsewhere is not decided")
    return claims.plateaus


class Tally(NamedTuple):
    """How much of a card is certain.

    Attributes:
        settled: how many claims are proven or refuted, those on a curve counted for each class.
        of: how many there are.
        measured: what the others say, in words.
        more: whether a larger budget may settle some of them.
    """

    settled: int
    of: int
    measured: tuple[str, ...]
    more: bool


def tally(facts: Facts, found: Claims) -> Tally:
    """Count the claims of a card.

    Args:
        facts: from `facts`.
        found: from `evidence_of`.

    Returns:
        The counts.

    Example:
        >>> import lossland as ll
        >>> card = ll.card("relu", "hinge")
        >>> tally(card.facts, card.evidence)
        Tally(settled=23, of=24, measured=('calibrated',), more=False)
    """
    settled = of = 0
    words, open_ = [], False
    for name, both in found.items():
        claims = both[:1] if name in OF_THE_PAIR else both
        left = [word for word, claim in zip(LABEL_WORDS, claims, strict=False) if claim.status == MEASURED]
        of += len(claims)
        settled += len(claims) - len(left)
        open_ |= name in OF_A_CURVE and bool(left)
        if left:
            side = "" if len(claims) == 1 else " (both classes)" if len(left) == 2 else f" ({left[0]})"
            words.append(f"{name.replace('_', ' ')}{side}")
    return Tally(settled, of, tuple(words), open_ and _was_brief(facts))


def _was_brief(facts: Facts) -> bool:
    """Whether it was the default budget that its proofs were sought with."""
    held = facts.curves.evidence
    return bool(held.curves) and held.curves[0] is evidence(facts.pair, False).curves[0]


def together(claims: Iterable[Claim]) -> str:
    """The status of what follows from several claims: no more certain than any of them."""
    held = {claim.status for claim in claims}
    return next((status for status in (MEASURED, REFUTED) if status in held), PROVEN)
