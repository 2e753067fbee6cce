"""What a pair's program says of convexity: a chord that refutes it, in words, and proofs on stretches of scores.

Solvers, planes and contracts ask here, so that all of them give one answer.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from lossland.elements import Pair
from lossland.proofs import PROVEN, Break, Budget, Evidence, Pieces, enclosure, evidence

ATTEMPTS = 64
"""Enclosures that a proof on stretches may take."""
STEPS = (1.0, 0.3, 0.1, 0.01, 1e-3, 1e-4, 1e-6, 1e-9)
"""How far the ends of a chord lie from a bend, in units of its size."""


def apart(*numbers: float) -> tuple[str, ...]:
    """Numbers in words, six digits or as many as it takes to tell how far those that differ lie apart.

    Example:
        >>> apart(2.0, 0.1), apart(2.0, 2.0000005)
        (('2', '0.1'), ('2', '2.0000005'))
    """
    different = np.unique([x for x in numbers if math.isfinite(x)])
    least = 0.05 * float(np.diff(different).min(initial=math.inf))
    digits, words = 6, tuple(f"{x:.6g}" for x in numbers)
    while digits < 17 and any(abs(float(word) - x) > least for word, x in zip(words, numbers, strict=True)):
        digits += 1
        words = tuple(f"{x:.{digits}g}" for x in numbers)
    return words


def convexity_evidence(pair: Pair) -> Evidence:
    """What is known of a pair; with the full budget where the usual one leaves open whether a curve is convex.

    Example:
        >>> import lossland as ll
        >>> [claims.convex.value for claims in convexity_evidence(ll.pair("relu", "hinge")).curves]
        [False, True]
    """
    found = evidence(pair)
    return evidence(pair, prove=True) if any(claims.convex.value is None for claims in found.curves) else found


class Chord(NamedTuple):
    """Three scores of which the middle one lies above the chord of the others, all in words."""

    left: str
    middle: str
    right: str
    left_value: str
    middle_value: str
    right_value: str
    chord_value: str


def chord_in_words(cut: Pieces, witness: tuple[float, ...]) -> Chord:
    """What a refuted convexity says in numbers.

    Args:
        cut: the curve's pieces.
        witness: three scores, increasing.

    Returns:
        The scores, the curve there, and the chord at the middle one.

    Example:
        >>> import lossland as ll
        >>> from lossland.proofs import evidence
        >>> found = evidence(ll.pair("relu", "hinge"))
        >>> tuple(chord_in_words(found.pieces[0], found.curves[0].convex.witness))
        ('-1', '0', '1', '1', '1', '0', '0.5')
    """
    a, m, b = witness
    low, middle, high = map(float, cut.jets(np.array(witness))[0])
    chord = low + (m - a) / (b - a) * (high - low)
    return Chord(*apart(a, m, b), *apart(low, middle, high, chord))


def convex_between(held: Evidence, row: int, low: Any, high: Any) -> bool:
    """Whether a class curve is proven to be convex on every one of n stretches of scores.

    Args:
        held: of the pair.
        row: 0 for positives, 1 for negatives.
        low: (n,), where the stretches begin.
        high: (n,), where they end.

    Returns:
        True only if its curvature is proven not to be negative there and no kink bends it down.

    Example:
        >>> import lossland as ll
        >>> from lossland.proofs import evidence
        >>> found = evidence(ll.pair("relu", "hinge"))
        >>> [convex_between(found, 0, [low], [3.0]) for low in (-1.0, 0.5)]
        [False, True]
    """
    if not held.curves:
        return False
    claim, cut = held.curves[row].convex, held.pieces[row]
    if claim.status == PROVEN and claim.value:
        return True
    low, high = _merged(np.atleast_1d(np.asarray(low, float)), np.atleast_1d(np.asarray(high, float)))
    found = breaks_between(cut, low, high)
    return found is not None and not any(map(bends_down, found)) and _never_negative(cut, low, high)


def breaks_between(cut: Pieces, low: Any, high: Any) -> tuple[Break, ...] | None:
    """The breaks of a curve on n stretches of scores.

    Args:
        cut: the curve's pieces.
        low: (n,), where the stretches begin.
        high: (n,), where they end.

    Returns:
        In order; None if one of them, or a choice anywhere, is not decided.

    Example:
        >>> import lossland as ll
        >>> from lossland.proofs import evidence
        >>> [b.at for b in breaks_between(evidence(ll.pair("relu", "hinge")).pieces[0], [0.5], [3.0])]
        [1.0]
    """
    low, high = np.asarray(low), np.asarray(high)
    met = [(math.nextafter(b.at, -math.inf), b, math.nextafter(b.at, math.inf)) for b in cut.breaks]
    found = tuple(b for before, b, after in met if np.any((low <= after) & (before <= high)))
    # A rounded constant may hide a jump; a value of its own at the break is neither side's.
    sides = ((b, sorted((b.left[0], b.right[0]))) for b in found)
    clear = all(b.sure and not b.rounded and _between(b.point, *ends) for b, ends in sides)
    return found if clear and not cut.doubts else None


def _between(x: float, low: float, high: float) -> bool:
    slack = 1e-12 * (1 + abs(low)) if math.isfinite(low) else 0.0
    return low - slack <= x <= high + slack


def bends_down(b: Break) -> bool:
    """Whether a curve is not convex at a break because its value or its slope jumps."""
    return b.order == 0 or (b.order == 1 and b.jump < 0)


def chord_between(cut: Pieces, low: float, high: float) -> tuple[float, ...]:
    """Three scores between two others, the middle one above the chord of its neighbours; () if no break gives them."""
    for b in cut.breaks:
        if not (low < b.at < high and bends_down(b)):
            continue
        for step in STEPS:
            h = step * min(1.0, b.at - low, high - b.at)
            for a, m, c in ((b.at - h, b.at, b.at + h), (b.at - h, b.at - 0.5 * h, b.at + h),
                            (b.at - h, b.at + 0.5 * h, b.at + h)):  # fmt: skip
                if a < m < c and _is_above(cut, a, m, c):
                    return a, m, c
    return ()


def _is_above(cut: Pieces, a: float, m: float, b: float) -> bool:
    left, middle, right = cut.jets(np.array([a, m, b]))[0]
    share = (b - m) / (b - a)
    # By more than doubles round.
    return bool(middle - share * left - (1 - share) * right > 1e-12 * (abs(left) + abs(middle) + abs(right)))


def _merged(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The union of stretches as ones that do not meet, in order: convexity is decided place by place."""
    order = np.argsort(low)
    low, reach = low[order], np.maximum.accumulate(high[order])
    first = np.concatenate([[True], low[1:] > reach[:-1]])
    last = np.concatenate([first[1:], [True]])
    return low[first], reach[last]


def _never_negative(cut: Pieces, low: np.ndarray, high: np.ndarray) -> bool:
    """Whether the curvature is proven not to be negative on any stretch: all at once, else by halves."""
    open_ = [(0, low.size)]
    for _ in range(ATTEMPTS):
        if not open_:
            return True
        start, stop = open_.pop()
        if enclosure(cut, float(low[start]), float(high[stop - 1]), 2, Budget())[0] >= 0:
            continue
        if stop - start == 1:
            return False
        middle = (start + stop) // 2
        open_ += [(start, middle), (middle, stop)]
    return not open_
