"""Which losses are convex enough to be solved: what their program proves decides, samples only where it cannot.

A loss that is refuted is refused with a chord that lies below it, and with the nearest convex losses.
"""

import itertools
import logging
from collections.abc import Sequence

import jax
import numpy as np

from lossland.curves import LABELS, chord_in_words, convexity_evidence
from lossland.elements import LOSSES, Loss, Pair, pair
from lossland.proofs import PROVEN, REFUTED, Evidence
from lossland.properties import interpreted
from lossland.solvers._plq import Curve

LOG = logging.getLogger("lossland.solver")


def admitted(given: Pair, curves: Sequence[Curve]) -> str:
    """How it is known that both class curves are convex.

    Args:
        given: the pair.
        curves: its class curves on the margin axis, positive first; looked at only where nothing is proven.

    Returns:
        "proven", or "measured, not proven: " and what was in the way; the log then warns.

    Raises:
        ValueError: if one is not convex: with a chord, or with a score near which its slope was seen to fall.
    """
    held = convexity_evidence(given)
    for row, claims in enumerate(held.curves):
        if claims.convex.status == REFUTED:
            c = chord_in_words(held.pieces[row], claims.convex.witness)
            above = f"at score {c.middle} is {c.middle_value}, above the chord from {c.left_value} at {c.left} to "
            above += f"{c.right_value} at {c.right}, which is {c.chord_value} there"
            raise ValueError(_not_convex(given, row, above))
    doubt = _doubt(held)
    if not doubt:
        return PROVEN
    for row, curve in enumerate(curves):
        wrong = _falls_at(curve)
        if wrong is not None:
            near = f"has a slope that falls near score {LABELS[row] * wrong:.6g}"
            raise ValueError(_not_convex(given, row, near))
    convexity = f"measured, not proven: {doubt}"
    LOG.warning("The convexity of %s is %s. The gap of a solution rests on it.", given.name, convexity)
    return convexity


def _doubt(held: Evidence) -> str:
    """What keeps the convexity of both curves from being proven; empty if nothing does."""
    if held.reason:
        return f"its program cannot be read: {held.reason}"
    for claims in held.curves:
        if not (claims.convex.status == PROVEN and claims.convex.value):
            return claims.convex.reason
    # Its dual bound takes slopes at their word.
    return "it brings a derivative of its own, which need not be that of its value" if held.own_slopes else ""


def _falls_at(curve: Curve) -> float | None:
    """A margin where the slope falls, by more than rounding; None for a curve that looks convex."""
    size = np.maximum(np.abs(curve.slope[:-1]), np.abs(curve.slope[1:]))
    value = np.maximum(np.abs(curve.value[:-1]), np.abs(curve.value[1:]))
    # What is a float32 was rounded to one, and so was the score that it comes from.
    single = bool(np.all(curve.value == curve.value.astype(np.float32)))
    share, off = (1e-6, 5e-7) if single else (1e-9, 1e-14)
    slack = share * (size + 1e-3)
    fall = np.diff(curve.slope) < -slack
    # A step of the value has no slope: a chord above the curve's own slopes gives it away.
    h = np.diff(curve.at)
    chord = np.diff(curve.value) / h
    slack += off * (value + single * size * np.abs(curve.at[1:])) / h
    astray = (chord > np.maximum(curve.slope[:-1], curve.slope[1:]) + slack) | (
        chord < np.minimum(curve.slope[:-1], curve.slope[1:]) - slack
    )
    found = np.flatnonzero(fall | astray)
    return float(curve.at[found[np.argmin(np.abs(curve.at[found]))]]) if found.size else None


# ------------------------------------------------------------------------------------------------------------ refusals


def _not_convex(given: Pair, row: int, what: str) -> str:
    side = ("positive", "negative")[row]
    return (
        f"{given.name} is not convex: for a {side} the loss {what}, so a minimum found need not be the lowest. Nearest "
        f"convex losses: {', '.join(_nearest(given, 3))}."
    )


def _nearest(given: Pair, count: int) -> list[str]:
    """Convex losses, those first that differ least where a positive is classified well, on scores in [0, 3]."""
    names = [e.name for e in LOSSES.values() if e.kind == "margin" and e.claim("convex")]
    scores = np.linspace(0.0, 3.0, 31)
    own = _of_positives(given, scores)
    away = {name: np.max(np.abs(_of_positives(pair("identity", name), scores) - own)) for name in names}
    nearest = sorted(names, key=lambda name: away[name])
    # A claim may be false; what is refused is not named as a way out.
    return list(itertools.islice(filter(_is_taken, nearest), count))


def _of_positives(given: Pair, scores: np.ndarray) -> np.ndarray:
    """The losses of positives; run by NumPy, for many losses are compared and each would be compiled."""
    with jax.enable_x64(True):
        closed = jax.make_jaxpr(lambda z: given(z, 1.0))(scores)
        return interpreted(closed.jaxpr, closed.consts, [scores])[0]


def _is_taken(name: str) -> bool:
    return all(claims.convex.status != REFUTED for claims in convexity_evidence(pair("identity", name)).curves)


def of_likelihood(entry: Loss) -> str:
    """Why a loss of a likelihood is refused, and the margin loss or the pair that is meant."""
    given = pair("sigmoid", entry)
    (near,) = _nearest(given, 1)
    scores = np.linspace(-5.0, 5.0, 21)
    same = np.allclose(_of_positives(given, scores), _of_positives(pair("identity", near), scores), rtol=1e-9)
    if same:
        meant = f"On a sigmoid output it is the margin loss {near!r}: solve({near!r}, ...)."
    else:
        meant = f"Give the pair that is meant, say solve(ll.pair('sigmoid', {entry.name!r}), ...), if it is convex."
    return f"{entry.name} is a loss of a likelihood, and solve minimises losses of a linear score. {meant}"
