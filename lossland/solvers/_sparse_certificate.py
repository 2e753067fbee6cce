"""What the values of a solution on sparse inputs are, and what rounding may hide of their difference, at most.

Sums over examples are exact but for one rounding (`math.fsum`); a score is a sum of as many products as its row has
numbers, and a coordinate of sum_i alpha_i t_i x_i of as many as its column (Higham 2002, section 3.1).
"""

import math
from typing import Any, NamedTuple

import numpy as np

from lossland.solvers._plq import Terms
from lossland.solvers._rounding import UNIT, Certificate, Evaluated, steepness


def _sum(numbers: np.ndarray) -> float:
    """The sum of numbers (n,), rounded once; NaN where it is none of a double's."""
    try:
        return math.fsum(numbers.tolist())
    except (OverflowError, ValueError):
        return math.nan


class SparseFrame(NamedTuple):
    """Sparse inputs with what bounds of rounding need: their absolute values, and the longest row and column."""

    inputs: Any
    sizes: Any
    longest_row: int
    longest_column: int


def sparse_frame(inputs: Any) -> SparseFrame:
    """The frame of inputs (n, d)."""
    import scipy.sparse

    sizes = scipy.sparse.csr_array((np.abs(inputs.data), inputs.indices, inputs.indptr), shape=inputs.shape)
    counts = np.bincount(inputs.indices, minlength=1)
    return SparseFrame(inputs, sizes, int(np.diff(inputs.indptr).max()), int(counts.max()))


def sparse_certificate(
    terms: Terms | None, frame: SparseFrame, t: np.ndarray, c: np.ndarray, at: Evaluated, bias: bool
) -> Certificate:
    """Both values of one problem and what rounding may hide, as `_rounding.certificate` gives them.

    Args:
        terms: of the loss; None for a smooth one.
        frame: the inputs.
        t: labels, (1, n).
        c: weights, (1, n).
        at: what was found, of one problem.
        bias: whether the bias is free.
    """
    w, alpha = at.weights[0], at.duals[0]
    drawn = frame.inputs.T @ (t[0] * alpha)
    half, pull = 0.5 * _sum(w * w), 0.5 * _sum(drawn * drawn)
    size = half + _sum(np.abs(at.losses[0]))
    objective, dual = half + _sum(at.losses[0]), _sum(at.gains[0]) - pull
    gains = _sum(np.abs(at.gains[0]))
    weighed, b = np.abs(alpha), abs(float(at.bias[0]))
    reach = frame.sizes @ np.abs(w) + b
    wrong = (frame.longest_row + 3) * UNIT * reach
    spread = frame.sizes.T @ weighed
    off = abs(_sum(t[0] * alpha)) + 2.0 * UNIT * _sum(weighed)
    doubt = (
        _sum((steepness(terms, t, c, at.scores, at.duals, wrong[None]) * wrong)[0])
        # Each loss, gain and square is itself rounded a few times.
        + 16.0 * UNIT * (size + gains + 2.0 * pull)
        + (frame.longest_column + 3) * UNIT * 2.0 * _sum(spread * np.abs(drawn))
        # What the dual value takes from the scores of a smooth loss is off by as much as these are.
        + (_sum(weighed * wrong) if terms is None else 0.0)
        # Duals that balance but for rounding are made to balance by some example with room.
        + (off * (b + 1.0) if bias else 0.0)
    )
    return Certificate(*(np.array([value]) for value in (objective, dual, size, doubt)))
