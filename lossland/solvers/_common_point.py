"""The proof that no plane separates two classes: a point that both convex hulls have in common (Gordan 1873).

A combination is looked for in float64, and then solved for once more in rational arithmetic on the examples that it
uses: what is reported as a proof has been checked without rounding.
"""

from typing import Any

import numpy as np

from lossland.solvers._exact_value import rational

MOST = 160
"""Examples of a combination that is checked in rational arithmetic; beyond it, within rounding of the inputs."""


class NotSeparable(ValueError):
    """The classes cannot be separated.

    Attributes:
        combination: (n,), not negative, such that sum_i combination_i t_i x_i = 0 but for the rounding of its entries;
            with a bias the entries of each class sum to 1, so that the two convex hulls share a point; without one all
            sum to 1.
        exact: whether rationals with these values were found that satisfy the equations without any rounding.
    """

    def __init__(self, message: str, combination: np.ndarray, exact: bool = True):
        super().__init__(message)
        self.combination = combination
        self.exact = exact

    def spread(self, rows: np.ndarray, n: int) -> "NotSeparable":
        """The same error for n examples, of which these rows were asked about."""
        whole = np.zeros(n)
        whole[rows] = self.combination
        return NotSeparable(str(self), whole, self.exact)

    def __reduce__(self) -> Any:
        return type(self), (self.args[0], self.combination, self.exact)


def not_separable(
    scaled: np.ndarray, inputs: np.ndarray, labels: np.ndarray, alpha: np.ndarray, bias: bool
) -> NotSeparable | None:
    """The error with its proof, or None where none was found.

    Args:
        scaled: (n, d), the inputs in a frame around 0, to look for a combination in.
        inputs: (n, d), as they are, to check it with.
        labels: (n,).
        alpha: (n,), on which examples the dual piled its weight.
        bias: whether the plane may miss the origin.
    """
    order = np.argsort(-np.where(np.isfinite(alpha), alpha, 0.0), kind="stable")
    most = [4 * (inputs.shape[1] + 2), *([len(labels)] if len(labels) <= 20_000 else [])]
    for count in most:
        rows = order[:count]
        combination = np.zeros(len(labels))
        combination[rows] = _combined(scaled[rows], labels[rows], bias)
        used = np.flatnonzero(combination > 1e-14)
        if not len(used) or (bias and len(set(labels[used])) < 2):
            continue
        checked = _exactly(inputs[used], labels[used], combination[used], bias) if len(used) <= MOST else None
        if checked is not None:
            combination[:] = 0.0
            combination[used] = checked
            return _told(combination, exact=True)
        if len(used) > MOST and _within_rounding(scaled, labels, combination, bias):
            return _told(combination, exact=False)
    return None


def _told(combination: np.ndarray, exact: bool) -> NotSeparable:
    how = "checked in rational arithmetic" if exact else "which holds within the rounding of the inputs"
    return NotSeparable(
        f"The classes cannot be separated, so C=inf has no solution: their convex hulls share a point, a combination "
        f"of {np.sum(combination > 0)} examples (the error's .combination), {how}. Give a finite C.",
        combination,
        exact,
    )


def _exactly(inputs: np.ndarray, labels: np.ndarray, near: np.ndarray, bias: bool) -> np.ndarray | None:
    """Rationals that satisfy the equations and are not negative, as doubles; None if there are none next to `near`."""
    from flint import fmpq, fmpq_mat

    columns = [[int(t) * rational(v) for v in row] for row, t in zip(inputs, labels, strict=True)]
    sums = [[fmpq(int(t > 0)), fmpq(int(t < 0))] if bias else [fmpq(1)] for t in labels]
    columns = [a + b for a, b in zip(columns, sums, strict=True)]
    d, m = inputs.shape[1], len(sums[0])
    right = [fmpq(0)] * d + [fmpq(1)] * m
    table = fmpq_mat([[column[row] for column in columns] + [right[row]] for row in range(d + m)])
    reduced, rank = table.rref()
    held = reduced.tolist()
    pivots = [next(k for k, v in enumerate(row) if v != 0) for row in held[:rank]]
    if len(columns) in pivots:
        return None
    # What the equations leave open keeps its value.
    found = [rational(v) for v in near]
    for row, pivot in zip(held[:rank], pivots, strict=True):
        found[pivot] = row[-1] - sum((row[k] * found[k] for k in range(len(found)) if k not in pivots), fmpq(0))
    if any(v < 0 for v in found):
        return None
    return np.array([int(v.p) / int(v.q) for v in found])


def _within_rounding(scaled: np.ndarray, labels: np.ndarray, combination: np.ndarray, bias: bool) -> bool:
    """Whether the point is common up to what the inputs' own last digits are worth."""
    apart = np.abs((combination * labels) @ scaled)
    digits = 2.0**-50 * (combination @ np.abs(scaled) + np.abs(scaled).max())
    sums = [combination[labels > 0].sum(), combination[labels < 0].sum()] if bias else [combination.sum()]
    return bool(np.all(apart <= digits) and np.allclose(sums, 1.0, rtol=0, atol=1e-12))


def _combined(inputs: np.ndarray, labels: np.ndarray, bias: bool) -> np.ndarray:
    """Non-negative weights that bring both classes' means together, by non-negative least squares."""
    from scipy.optimize import nnls

    sums = np.stack([labels > 0, labels < 0]) if bias else np.ones((1, len(labels)))
    matrix = np.concatenate([(labels[:, None] * inputs).T, sums.astype(float)])
    target: Any = np.concatenate([np.zeros(inputs.shape[1]), np.ones(len(sums))])
    try:
        return nnls(matrix, target, maxiter=50 * len(labels))[0]
    except RuntimeError:
        return np.zeros(len(labels))
