"""Claims on a pair as a whole: a margin loss, calibrated, proper, maximising the margin; each with what decides it."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from lossland.curves import Curves, evaluator
from lossland.proofs import MEASURED, PROVEN, REFUTED, Budget, Claim, enclosure
from lossland.properties._facts import Facts, PerClass
from lossland.properties._links import outputs
from lossland.properties._risk import ETAS
from lossland.properties._wording import number, scores_told

PROBES = np.array([1.0, 0.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 5.0, -5.0, 10.0, -10.0, 100.0, -100.0, 1e4, -1e4])
"""Scores that a person can check by hand, in the order in which they are tried."""
PLAIN_TO_SEE = 0.1
"""Scores where the losses differ by this share of the larger one are tried in order; else where they differ most."""
FAR_APART = 1e-3
"""Losses of a program that cannot be read differ if they do by this share: by far more than any rounding."""
BUDGET = Budget()
AT_A_SCORE = Budget(cells=1, seconds=0.0)
"""A single score needs no cuts."""


def pair_claims(facts: Facts, curves: Mapping[str, PerClass[Claim]]) -> dict[str, Claim]:
    """The claims on a pair.

    Args:
        facts: from `facts`.
        curves: the claims on both class curves.

    Returns:
        By name, a claim each.
    """
    margin = _margin(facts)
    return {
        "margin": margin,
        "calibrated": _calibrated(facts, curves),
        "proper": _proper(facts, curves),
        "margin_maximising": _margin_maximising(facts, curves, margin),
    }


def _margin(facts: Facts) -> Claim:
    """Whether negative(z) is positive(-z)."""
    if facts.curves.evidence.mirrored:
        return Claim(PROVEN, True, reason="by its program the loss of a negative at z is that of a positive at -z")
    if facts.margin:
        return Claim(MEASURED, True, reason=f"the two curves agree at {facts.curves.scores.size} scores")
    for score in _unlike(facts.curves):
        told = _told_apart(facts, score)
        if told:
            return Claim(REFUTED, False, witness=(score,), reason=told)
    return Claim(MEASURED, False, reason="the two curves differ by little, or are not numbers, at the scores seen")


def _unlike(curves: Curves) -> Iterator[float]:
    """Scores at which the loss of a positive differs from that of a negative at the opposite score, clearest first."""
    for scores in (PROBES, curves.scores[np.abs(curves.scores) <= 1e4]):
        positive, negative = curves.at(scores)[0], curves.at(-scores)[1]
        with np.errstate(invalid="ignore", divide="ignore"):
            size = np.maximum(np.abs(positive), np.abs(negative))
            # Beside losses of ordinary size one of 1e-15 and one of 0 are alike.
            usual = np.nanmedian(np.where(np.isfinite(size), size, np.nan)) if np.isfinite(size).any() else 0.0
            share = np.abs(positive - negative) / (size + 1e-9 * usual)
        share = np.where(np.isinf(positive) ^ np.isinf(negative), 1.0, np.nan_to_num(share))
        plain = np.flatnonzero(share > PLAIN_TO_SEE)[:4]
        for chosen in plain if plain.size else [np.argmax(share)]:
            if share[chosen] > 1e-9:
                yield float(scores[chosen])


def _told_apart(facts: Facts, score: float) -> str:
    """Both losses in words if they differ for certain; else empty."""
    held = facts.curves.evidence
    if held.pieces:
        ends = (
            enclosure(held.pieces[0], score, score, 0, AT_A_SCORE),
            enclosure(held.pieces[1], -score, -score, 0, AT_A_SCORE),
        )
        apart = ends[0][0] > ends[1][1] or ends[1][0] > ends[0][1]
        values = [0.5 * low + 0.5 * high for low, high in ends]
    else:
        seen = evaluator(facts.pair)(np.array([score, -score]))[0]
        values = [float(seen[0, 0]), float(seen[1, 1])]
        apart = abs(values[0] - values[1]) > FAR_APART * max(map(abs, values))
    if not apart:
        return ""
    size = max(map(abs, values))
    first, second = scores_told([0.0 if abs(x) < 1e-9 * size < math.inf else x for x in values])
    there = number(score), number(0.0 - score)
    return f"a positive at z = {there[0]} loses {first}, a negative at z = {there[1]} loses {second}"


def _calibrated(facts: Facts, curves: Mapping[str, PerClass[Claim]]) -> Claim:
    """The interval of calibrated thresholds, None if there is none."""
    found = facts.calibration
    reason, by_theorem = getattr(found, "reason", ""), getattr(found, "by_theorem", False)
    for claim, way, (word, falls, eta) in zip(
        curves["monotone"],
        ("increasing", "decreasing"),
        (("positives", "falls", 1), ("negatives", "rises", 0)),
        strict=True,
    ):
        if found.interval is None and claim.status == PROVEN and claim.value in (way, "constant"):
            why = f"the loss of {word} nowhere {falls}, so that at eta = {eta} a wrong decision is free"
            return Claim(PROVEN, None, reason=why)
    convex = all(claim.status == PROVEN and claim.value for claim in curves["convex"])
    if convex and by_theorem:
        return Claim(PROVEN, found.interval, reason=reason)
    return Claim(MEASURED, found.interval, reason=f"its convexity is measured; {reason}" if by_theorem else reason)


def _proper(facts: Facts, curves: Mapping[str, PerClass[Claim]]) -> Claim:
    """Whether the minimiser of the risk tells P(t = +1)."""
    held = facts.curves.evidence
    if not facts.proper and held.pieces:
        if all(claim.status == PROVEN for claim in curves["kinks"]) and _is_straight(facts):
            why = "both curves are straight between their kinks: there are few minimisers, and many probabilities"
            return Claim(PROVEN, False, reason=why)
        for score in PROBES if facts.probability > 1e-3 and facts.pair.activation.claim("monotone") else ():
            told = _output_is_off(facts, float(score))
            if told:
                return Claim(REFUTED, False, witness=(float(score),), reason=told)
    sampled = f"the risk's minimisers at {ETAS.size} probabilities, sampled"
    return Claim(MEASURED, facts.proper, reason=getattr(facts, "proper_reason", "") or sampled)


def _is_straight(facts: Facts) -> bool:
    """Whether both curves are straight between their kinks, by their program."""
    if np.nanmax(np.abs(facts.curves.curvatures), initial=0.0) > 0:
        return False
    return all(enclosure(cut, -math.inf, math.inf, 2, BUDGET) == (0.0, 0.0) for cut in facts.curves.evidence.pieces)


def _output_is_off(facts: Facts, score: float) -> str:
    """The slope of the risk at a score whose output is the probability, in words, if it is not 0; else empty.

    No other score has that output, so that no minimiser of this risk has.
    """
    before, eta, after = (float(x) for x in outputs(facts.pair.activation, np.array([-1e-3, 0.0, 1e-3]) + score))
    if not before < eta < after or not 0.0 < eta < 1.0:
        return ""
    ends = [enclosure(cut, score, score, 1, AT_A_SCORE) for cut in facts.curves.evidence.pieces]
    terms = [sorted((share * low, share * high)) for share, (low, high) in zip((eta, 1 - eta), ends, strict=True)]
    low, high = terms[0][0] + terms[1][0], terms[0][1] + terms[1][1]
    size = max(abs(end) for term in terms for end in term)
    if not math.isfinite(size) or not (low > 1e-6 * size or high < -1e-6 * size):
        return ""
    return (
        f"at z = {number(score)} the output is {number(eta)}, but where P(t = +1) is that the risk's slope there is "
        f"{number(0.5 * (low + high))}, not 0"
    )


def _margin_maximising(facts: Facts, curves: Mapping[str, PerClass[Claim]], margin: Claim) -> Claim:
    """Whether the regularisation path ends at the largest margin: as certain as what the criterion looks at."""
    if facts.margin_maximising is None:
        return margin._replace(value=None, reason=f"not a margin loss: {margin.reason}")
    used = [margin, *(curves[name].positive for name in ("monotone", "infimum", "plateaus", "tail"))]
    certain = all(claim.status == PROVEN for claim in used)
    return Claim(PROVEN if certain else MEASURED, facts.margin_maximising, reason=facts.margin_reason)
