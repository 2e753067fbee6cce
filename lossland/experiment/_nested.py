"""Nested cross-validation by exact fits: an outer fold measures, the inner ones choose C, nothing leaks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from lossland.core import guarded
from lossland.data import Dataset, folds, standardise
from lossland.solvers import solve, solve_kernel

ROWS, COLUMNS = 500, (32, 64)
"""Sizes are filled up to multiples of ROWS and the next of COLUMNS, beyond them to a multiple of 16: few programs are
compiled. From 32 columns on, `solve` takes no second look in more digits at weights that are all but zero."""


class ExactFits(NamedTuple):
    """Optima for every C.

    Attributes:
        weights: (C, d), of the standardised inputs.
        scores: (C, n), of all examples, those that were not trained on as well.
        duals: (C, n), 0 where an example was not trained on.
    """

    weights: Any
    scores: Any
    duals: Any


class Chosen(NamedTuple):
    """What the inner folds say of one model.

    Attributes:
        by_error: number of the C of least held-out error; of several, that of least held-out loss of the model's own.
        by_loss: number of the C of least held-out loss.
        held_out: (t,) held-out scores of the training part at `by_error`.
        without: (inner folds, n) scores of all examples at `by_error`, each trained without one inner fold.
    """

    by_error: int
    by_loss: int
    held_out: Any
    without: Any


@guarded(count=2)
def fold_numbers(labels: Any, count: int, seed: int) -> np.ndarray:
    """The number of the stratified fold of each example.

    Args:
        labels: (n,) of -1 and +1.
        count: of folds.
        seed: of the shuffling.

    Returns:
        (n,) numbers from 0.

    Example:
        >>> np.bincount(fold_numbers([1.0, 1.0, 1.0, -1.0, -1.0, -1.0], 3, seed=0)).tolist()
        [2, 2, 2]
    """
    rows = Dataset(inputs=np.arange(len(labels), dtype=float)[:, None], labels=labels)
    fold = np.empty(rows.n, int)
    for k, part in enumerate(folds(rows, count, seed=seed, standardised=False)):
        fold[part.test.inputs[:, 0].astype(int)] = k
    return fold


@guarded()
def exact_fits(data: Dataset, rows: Any, loss: str, Cs: Sequence[float]) -> ExactFits:
    """Fit a linear model to some rows for every C, inputs standardised by those rows alone.

    The other rows have weight 0. Rows and columns of zeros are added, which change no optimum.

    Args:
        data: inputs (n, d).
        rows: (t,) numbers of the rows that are trained on.
        loss: one that `solve` takes.
        Cs: weights of the summed loss.

    Returns:
        The fits.

    Raises:
        ValueError: if a fit does not converge.

    Example:
        >>> from lossland import load
        >>> exact_fits(load("iris:0/1"), np.arange(0, 100, 2), "hinge", (0.1, 1.0)).weights.shape
        (2, 4)
    """
    scaled = standardise(data, like=replace(data, inputs=data.inputs[rows], labels=data.labels[rows]))
    more = -data.n % ROWS, next((d for d in COLUMNS if d >= data.d), data.d + -data.d % 16) - data.d
    padded = np.pad(scaled.inputs, ((0, more[0]), (0, more[1])))
    wide = Dataset(inputs=padded, labels=np.pad(data.labels, (0, more[0]), constant_values=1.0))
    used = np.zeros(wide.n)
    used[rows] = 1.0
    sol = solve(loss, wide, C=np.asarray(Cs), sample_weights=used)
    weights, bias, duals = sol.weights[:, : data.d].copy(), sol.bias.copy(), sol.duals[:, : data.n].copy()
    for k in np.flatnonzero(~sol.converged):
        weights[k], bias[k], duals[k] = _over_examples(scaled, used[: data.n], loss, float(Cs[int(k)]))
    return ExactFits(weights, weights @ scaled.inputs.T + bias[:, None], duals)


def _over_examples(data: Dataset, used: np.ndarray, loss: str, C: float) -> tuple[Any, float, Any]:
    """The same optimum by the solver that works over examples, where the one over inputs has stalled."""
    found = solve_kernel(loss, data, C=C, sample_weights=used, kernel=lambda a, b: np.asarray(a) @ np.asarray(b).T)
    if not found.converged:
        raise ValueError(f"{data.name}, {loss}, C = {C:g}: {found.message}")
    return found.coefficients @ found.inputs, found.bias, found.duals


@guarded()
def choose_C(data: Dataset, train: Any, inner: Any, loss: str, Cs: Sequence[float]) -> Chosen:
    """Choose C inside a training part.

    Args:
        data: inputs (n, d).
        train: (t,) numbers of the training part's rows.
        inner: (t,) the inner fold of each.
        loss: "hinge" or "logistic".
        Cs: the candidates.

    Returns:
        The choice.

    Example:
        >>> from lossland import load
        >>> data, train = load("iris:1/2"), np.arange(0, 100, 2)
        >>> choose_C(data, train, np.arange(50) % 3, "hinge", (1e-4, 1.0)).by_error
        1
    """
    every: Any = np.stack([exact_fits(data, train[inner != j], loss, Cs).scores for j in range(int(inner.max()) + 1)])
    held = np.swapaxes(every, 1, 2)[inner, train].T
    margins = held * data.labels[train]
    own = np.maximum(0, 1 - margins) if loss == "hinge" else np.logaddexp(0, -margins)
    wrong, lost = (signs(held) != data.labels[train]).sum(axis=1), own.mean(axis=1)
    best = int(np.lexsort((lost, wrong))[0])
    return Chosen(best, int(np.argmin(lost)), held[best], every[:, best])


def signs(scores: Any) -> np.ndarray:
    """The classes that scores decide for; 0 goes to -1.

    Args:
        scores: of any shape.

    Returns:
        -1 or +1, of the same shape.

    Example:
        >>> signs([-2.0, 0.0, 3.0]).tolist()
        [-1.0, -1.0, 1.0]
    """
    return np.where(np.asarray(scores) > 0, 1.0, -1.0)
