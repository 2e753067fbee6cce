"""What the values of a solution are, summed so that rounding has a bound, and that bound.

Sums over examples go by blocks of 32 and then by halves: whatever the order within a block, a sum's error is at most
(32 + the binary logarithm of n) * 2^-53 of the sum of absolute values (Higham 2002, section 4.2). Margins are sums over
d features; their error counts by the loss's slope and c, which is where a large C makes it matter.
"""

from typing import NamedTuple

import numpy as np

from lossland.data import RowsOnDisk
from lossland.solvers._plq import Terms
from lossland.solvers._row_blocks import absolute_scores, over_rows

UNIT = 2.0**-53
BLOCK = 32


class Certificate(NamedTuple):
    """Of k problems, all (k,).

    Attributes:
        objective: the primal values.
        dual_objective: the dual values.
        size: the sums of the absolute values of the primal's terms.
        doubt: by how much rounding may have brought the two values closer, at most.
    """

    objective: np.ndarray
    dual_objective: np.ndarray
    size: np.ndarray
    doubt: np.ndarray


class Frame(NamedTuple):
    """The inputs that dual values are of.

    Attributes:
        inputs: (n, d), those that scores are of.
        lengths: (n,), their rows' norms.
        shift: (d,), what is taken off them for the dual value; None for nothing.
        near: (n, d), the inputs less the shift.
        near_lengths: (n,), their rows' norms.
        bias: whether the bias is free.
    """

    inputs: np.ndarray
    lengths: np.ndarray
    shift: np.ndarray | None
    near: np.ndarray
    near_lengths: np.ndarray
    bias: bool


def frame_of(inputs: np.ndarray, shift: np.ndarray | None, bias: bool) -> Frame:
    """The frame in which dual values are computed; `bias` says whether the bias is free."""
    lengths = _lengths(inputs)
    if shift is None:
        return Frame(inputs, lengths, None, inputs, lengths, bias)
    near = inputs - shift
    return Frame(inputs, lengths, shift, near, _lengths(near), bias)


def _lengths(inputs: np.ndarray) -> np.ndarray:
    def own(_: int, rows: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return np.sqrt(np.einsum("ij,ij->i", rows, rows))

    return np.concatenate(over_rows(inputs, own))


class Evaluated(NamedTuple):
    """What a program gave for k problems.

    Attributes:
        weights: (k, d).
        bias: (k,), 0 without one.
        scores: (k, n).
        losses: (k, n), c_i times the loss.
        duals: (k, n).
        gains: (k, n), the examples' part of the dual value.
    """

    weights: np.ndarray
    bias: np.ndarray
    scores: np.ndarray
    losses: np.ndarray
    duals: np.ndarray
    gains: np.ndarray


def certificate(
    terms: Terms | None, frame: Frame, t: np.ndarray, c: np.ndarray, at: Evaluated, enough: float
) -> Certificate:
    """Both values of k problems and what rounding may hide.

    Args:
        terms: of the loss; None for a smooth one.
        frame: the inputs.
        t: labels, (1 or k, n).
        c: weights, (k, n).
        at: what was found.
        enough: the relative gap from which on the doubt is not looked at more closely.
    """
    signed = t * at.duals
    drawn = _pulled(signed, frame.near)
    half = 0.5 * np.sum(at.weights**2, axis=1)
    objective, size = half + _summed(at.losses), half + _summed(np.abs(at.losses))
    dual = _summed(at.gains) - 0.5 * np.sum(drawn**2, axis=1)
    # Bounds of the sums of absolute values that make up the scores: what a unit of rounding is relative to.
    reach = frame.lengths * np.linalg.norm(at.weights, axis=1)[:, None] + np.abs(at.bias)[:, None]
    along = frame.near_lengths * np.linalg.norm(drawn, axis=1)[:, None]
    doubt = _doubt(terms, frame, t, c, at, size, drawn, reach, along)
    apart = np.abs(objective - dual)
    near = np.flatnonzero((apart <= enough * size) & ~(apart + doubt <= enough * size))
    if len(near):
        own = Evaluated(*(part[near] for part in at))
        reach = absolute_scores(own.weights, frame.inputs) + np.abs(own.bias)[:, None]
        along = absolute_scores(drawn[near], frame.near)
        labels = t if len(t) == 1 else t[near]
        doubt[near] = _doubt(terms, frame, labels, c[near], own, size[near], drawn[near], reach, along)
    return Certificate(objective, dual, size, doubt)


def _doubt(
    terms: Terms | None,
    frame: Frame,
    t: np.ndarray,
    c: np.ndarray,
    at: Evaluated,
    size: np.ndarray,
    drawn: np.ndarray,
    reach: np.ndarray,
    along: np.ndarray,
) -> np.ndarray:
    """By how much rounding may have brought both values closer, (k,)."""
    n, d = frame.inputs.shape
    depth = (BLOCK + np.ceil(np.log2(max(n, 2)))) * UNIT
    wrong, weighed = (d + 3) * UNIT * reach, np.abs(at.duals)
    total = _summed(weighed)
    level = at.bias if frame.shift is None else at.bias + at.weights @ frame.shift
    off = (np.abs(_summed(t * at.duals)) + 2.0 * depth * total) * frame.bias
    return (
        _summed(steepness(terms, t, c, at.scores, at.duals, wrong) * wrong)
        + 16.0 * (depth + UNIT * d) * (size + np.sum(drawn**2, axis=1))
        + 2.0 * depth * (_summed(weighed * along) + total)
        # Inputs less their shift are themselves rounded.
        + (0.0 if frame.shift is None else UNIT * _summed(weighed * reach))
        # Duals that balance but for rounding are made to balance by some example with room.
        + off * (np.abs(level) + 1.0)
    )


def steepness(
    terms: Terms | None, t: np.ndarray, c: np.ndarray, scores: np.ndarray, duals: np.ndarray, wrong: np.ndarray
) -> np.ndarray:
    """c_i times the loss's steepest slope within a score's rounding, (k, n)."""
    if terms is None:
        # A smooth slope is the dual's, and changes over a rounding error by less than itself.
        return 2.0 * np.abs(duals)
    sides = [np.abs(_slopes(terms, t, t * scores + way * wrong)) for way in (-1.0, 1.0)]
    return np.where(c > 0, c, 0.0) * np.maximum(*sides)


def within(terms: Terms, t: np.ndarray, c: np.ndarray, duals: np.ndarray) -> np.ndarray:
    """The duals (k, n), none beyond an end of its box that c times the end, rounded, may exceed by a last digit."""
    side = np.where(t > 0, 0, 1)
    for total, way in ((np.asarray(terms.low).sum(axis=1), -1.0), (np.asarray(terms.high).sum(axis=1), 1.0)):
        # Times a power of two nothing is rounded.
        rounded = np.isfinite(total) & (np.frexp(np.abs(total))[0] != 0.5) & (total != 0)
        if not rounded.any():
            continue
        end = c * np.where(rounded, total, 0.0)[side]
        beyond = rounded[side] & (way * duals >= way * end) & (duals != 0)
        duals = np.where(beyond, np.nextafter(end, 0.0), duals)
    return duals


def _slopes(terms: Terms, t: np.ndarray, margins: np.ndarray) -> np.ndarray:
    """The loss's slopes in the margin, (k, n)."""
    side = np.where(t > 0, 0, 1)
    total = np.zeros_like(margins)
    for knot, low, high, soft in zip(*(np.asarray(part).T[:, side] for part in terms[:4]), strict=True):
        gap = knot - margins
        bent = gap / np.where(soft > 0, soft, 1.0)
        with np.errstate(invalid="ignore"):
            total -= np.where(soft > 0, np.clip(bent, low, high), np.where(gap > 0, high, low))
    return total


def _pulled(rows: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Rows (k, n) times inputs (n, d), by blocks and halves: (k, d)."""
    if isinstance(inputs, RowsOnDisk):
        # Their blocks have a power of two of these, so that halves of halves are what they are in memory.
        return _halved(np.stack(inputs.over_blocks(lambda at, own: _pulled(rows[:, at : at + len(own)], own))))
    more = -inputs.shape[0] % BLOCK
    if more:
        rows, inputs = np.pad(rows, ((0, 0), (0, more))), np.pad(inputs, ((0, more), (0, 0)))
    count = inputs.shape[0] // BLOCK
    parts = np.swapaxes(rows.reshape(-1, count, BLOCK), 0, 1) @ inputs.reshape(count, BLOCK, -1)
    return _halved(parts)


def _summed(rows: np.ndarray) -> np.ndarray:
    """The sums of rows (k, n), by blocks and halves: (k,)."""
    more = -rows.shape[1] % BLOCK
    rows = np.pad(rows, ((0, 0), (0, more))) if more else rows
    return _halved(np.moveaxis(rows.reshape(len(rows), -1, BLOCK).sum(axis=2), 1, 0))


def _halved(parts: np.ndarray) -> np.ndarray:
    """The sum over the first axis, halves added to halves."""
    while len(parts) > 1:
        if len(parts) % 2:
            parts = np.concatenate([parts, np.zeros_like(parts[:1])])
        half = len(parts) // 2
        parts = parts[:half] + parts[half:]
    return parts[0]
