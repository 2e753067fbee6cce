"""Whether a class curve is what a formula says: compared at scores at which a difference could hide.

These are both curves' breaks with their neighbours, places between any two breaks, and scores up to 1e5. A curve whose
program can be read gives its own values there, any other is run; where either is no number, nothing is told.
"""

import numpy as np

from lossland.curves import LABELS, NODES, Curves, Evaluate
from lossland.properties._known_form import Known

SAME = 1e-9
"""How far two values may lie apart, relative to what they are made of."""
ARGUMENT = 1e-11
"""How far the margins may, relative: a stretch is solved for."""
HUGE = 1e290
"""From here on, values may overflow on one side only."""
FAR = np.logspace(2.0, 5.0, 400)
EVERYWHERE = np.unique(np.concatenate([-FAR, np.linspace(-100.0, 100.0, 8001), FAR, [0.0]]))
"""Margins at which curves are compared, whatever their breaks: a bump a quarter wide is seen up to 100."""
INSIDE = np.array([0.02, 0.2, 0.37, 0.5, 0.63, 0.8, 0.98])
"""Places between two breaks, as shares of the way."""
BESIDE = np.array([-1e-6, -1e-9, -1e-15, 0.0, 1e-15, 1e-9, 1e-6])
"""Places beside a break, relative to 1 + its size."""


def breaks_of(curves: Curves, row: int) -> tuple[np.ndarray, np.ndarray]:
    """The scores at which a class curve breaks, and those of them at which its value jumps."""
    pieces = curves.evidence.pieces
    if pieces:
        found = [(b.at, b.order == 0) for b in pieces[row].breaks]
    else:
        found = [(k.at, k.what == "value") for k in curves.kinks if k.label == LABELS[row]]
    return np.array([at for at, _ in found]), np.array([at for at, jumps in found if jumps])


def values_at(evaluate: Evaluate, row: int, scores: np.ndarray) -> np.ndarray:
    """Value and slope of one class at any number of scores, (2, m)."""
    parts = [evaluate(scores[k : k + NODES])[:2, row] for k in range(0, scores.size, NODES)]
    return np.concatenate(parts, axis=1)


def is_constant(curves: Curves, row: int, evaluate: Evaluate) -> bool:
    """Whether a class curve has one value wherever it is compared."""
    values = values_at(evaluate, row, _places(breaks_of(curves, row)[0]))[0]
    return bool(np.isfinite(values).all() and np.ptp(values) <= 1e-12 * np.abs(values).max())


def is_form(curves: Curves, row: int, evaluate: Evaluate, known: Known, loss: Curves, evaluate_loss: Evaluate) -> bool:
    """Whether a class curve has the values of a formula wherever it is compared.

    Args:
        curves: the pair's, from `curves.tabulate`.
        row: 0 for positives, 1 for negatives.
        evaluate: the pair's, from `curves.evaluator`.
        known: the formula.
        loss: the table of its loss on a linear output.
        evaluate_loss: the evaluator of that.

    Returns:
        True if no value is further away than nine digits, or parameters rounded, would explain.
    """
    label = LABELS[row]
    (ours, our_jumps), (theirs, their_jumps) = breaks_of(curves, row), breaks_of(loss, 0)
    jumps = np.concatenate([label * our_jumps, known.shift + their_jumps / known.stretch])
    margins = _places(np.concatenate([label * ours, known.shift + theirs / known.stretch]))
    # Which value a jump itself has is a matter of ties, and rounding moves a solved one by some ulp.
    away = np.abs(margins[:, None] - jumps) > 1e-10 * (1 + np.abs(margins[:, None]))
    margins = margins[away.all(axis=1)]
    with np.errstate(all="ignore"):
        value = values_at(evaluate, row, label * margins)[0]
        held, slope = values_at(evaluate_loss, 0, known.stretch * (margins - known.shift))
        form = known.offset + known.scale * held
        size = np.maximum(np.abs(value), abs(known.offset) + np.abs(known.scale * held))
        usual = np.median(size[np.abs(margins) <= 1.0])
        moved = np.abs(known.scale * known.stretch * slope) * (np.abs(margins - known.shift) + abs(known.shift))
        near = np.abs(value - form) <= SAME * size + 1e-13 * usual + ARGUMENT * np.nan_to_num(moved, posinf=0.0)
        beyond = (value > HUGE) & (form > HUGE) | (value < -HUGE) & (form < -HUGE)
    return bool(np.all(near | beyond))


def _places(breaks: np.ndarray) -> np.ndarray:
    """The margins at which curves with these breaks are compared."""
    breaks = np.unique(breaks)
    between = breaks[:-1, None] + np.diff(breaks)[:, None] * INSIDE
    beside = breaks[:, None] + BESIDE * (1 + np.abs(breaks[:, None]))
    return np.unique(np.concatenate([EVERYWHERE, beside.ravel(), between.ravel()]))
