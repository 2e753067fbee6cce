"""What the values of a solution on sparse inputs are, and what rounding may hide of their difference, at most.

NumPy sums over examples by halves; a score is a sum of as many products as its row has numbers, and a coordinate of
sum_i alpha_i t_i x_i of as many as its column (Higham 2002, sections 3.1 and 4.2).
"""

from typing import Any, NamedTuple

import numpy as np

from lossland.solvers._plq import Terms
from lossland.solvers._rounding import UNIT, Certificate, Evaluated, steepness

SUMMED = 64.0 * UNIT
"""By what share of the sum of absolute values NumPy's sum by halves may be off: 16 at the leaves and one a halving."""


class SparseFrame(NamedTuple):
    """Sparse inputs with the lengths of their rows, (n,), and the most numbers that a row has."""

    inputs: Any
    lengths: np.ndarray
    longest: int


def sparse_frame(inputs: Any) -> SparseFrame:
    """The frame of inputs (n, d)."""
    import scipy.sparse

    squares = scipy.sparse.csr_array((inputs.data**2, inputs.indices, inputs.indptr), shape=inputs.shape)
    lengths = np.sqrt(squares @ np.ones(inputs.shape[1]))
    return SparseFrame(inputs, lengths, int(np.diff(inputs.indptr).max()))


def sparse_certificate(
    terms: Terms | None,
    frame: SparseFrame,
    t: np.ndarray,
    c: np.ndarray,
    at: Evaluated,
    drawn: np.ndarray,
    bias: bool,
    enough: float,
) -> Certificate:
    """Both values of one problem and what rounding may hide, as `_rounding.certificate` gives them.

    Args:
        terms: of the loss; None for a smooth one.
        frame: the inputs.
        t: labels, (1, n).
        c: weights, (1, n).
        at: what was found, of one problem.
        drawn: (d,), sum_i alpha_i t_i x_i.
        bias: whether the bias is free.
        enough: the relative gap from which on the doubt is not looked at more closely.
    """
    half, pull = 0.5 * np.sum(at.weights[0] ** 2), 0.5 * np.sum(drawn * drawn)
    size = half + np.sum(np.abs(at.losses[0]))
    objective, dual = half + np.sum(at.losses[0]), np.sum(at.gains[0]) - pull
    apart = abs(objective - dual)
    # By Cauchy and Schwarz, at no product's cost.
    reach = frame.lengths * np.linalg.norm(at.weights[0])
    along = float(np.abs(at.duals[0]) @ frame.lengths) * float(np.linalg.norm(drawn))
    doubt = _doubt(terms, frame, t, c, at, bias, (reach, along, frame.inputs.shape[0], size, pull))
    if apart <= enough * size and not apart + doubt <= enough * size:
        import scipy.sparse

        held = frame.inputs
        sizes = scipy.sparse.csr_array((np.abs(held.data), held.indices, held.indptr), shape=held.shape)
        column = int(np.bincount(held.indices, minlength=1).max())
        along = float((sizes.T @ np.abs(at.duals[0])) @ np.abs(drawn))
        doubt = _doubt(terms, frame, t, c, at, bias, (sizes @ np.abs(at.weights[0]), along, column, size, pull))
    return Certificate(*(np.array([value]) for value in (objective, dual, size, doubt)))


def _doubt(
    terms: Terms | None,
    frame: SparseFrame,
    t: np.ndarray,
    c: np.ndarray,
    at: Evaluated,
    bias: bool,
    sizes: tuple[np.ndarray, float, int, float, float],
) -> float:
    """By how much rounding may have brought both values closer.

    Args:
        terms: as in `sparse_certificate`, and so the next five.
        frame: the inputs.
        t: labels.
        c: weights.
        at: what was found.
        bias: whether it is free.
        sizes: bounds of the sums of absolute values in the scores, (n,), and in the square of sum_i alpha_i t_i x_i,
            of the numbers in a column, and the primal's size and the half of that square.
    """
    reach, along, column, size, pull = sizes
    weighed, b = np.abs(at.duals[0]), abs(float(at.bias[0]))
    wrong = (frame.longest + 4) * UNIT * (reach + b)
    off = abs(np.sum(t[0] * at.duals[0])) + SUMMED * np.sum(weighed)
    return (
        np.sum((steepness(terms, t, c, at.scores, at.duals, wrong[None]) * wrong)[0])
        # Each loss, gain and square is itself rounded a few times.
        + (SUMMED + 16.0 * UNIT) * (size + np.sum(np.abs(at.gains[0])) + 2.0 * pull)
        + (column + 4) * UNIT * 2.0 * along
        # What the dual value takes from the scores of a smooth loss is off by as much as these are.
        + (np.sum(weighed * wrong) if terms is None else 0.0)
        # Duals that balance but for rounding are made to balance by some example with room.
        + (off * (b + 1.0) if bias else 0.0)
    )
