"""Soft labels: what an example of label +1 with probability p is in terms of hard ones."""

from dataclasses import replace
from typing import Any

import numpy as np

from lossland.data._dataset import Dataset
from lossland.data._rows_on_disk import RowsOnDisk, some_rows
from lossland.data._sparse import stacked


def take(data: Dataset, rows: Any) -> Dataset:
    """Some rows of a data set, with their labels or probabilities.

    Args:
        data: inputs (n, d).
        rows: (k,) indices, or (n,) booleans.

    Example:
        >>> data = Dataset([[0.0], [1.0], [2.0]], probabilities=[0.1, 0.5, 0.8])
        >>> take(data, [2, 0]).probabilities.tolist()
        [0.8, 0.1]
    """
    soft = None if data.probabilities is None else data.probabilities[rows]
    return replace(data, inputs=some_rows(data.inputs, rows), labels=data.labels[rows], probabilities=soft)


def both_labels(data: Dataset) -> tuple[Dataset, np.ndarray]:
    """Every example twice, first all as +1 with weight p, then all as -1 with weight 1 - p.

    The weighted sum of losses over these rows is the sum of p positive(z) + (1 - p) negative(z) over the examples.

    Args:
        data: inputs (n, d), with probabilities.

    Returns:
        The data set of 2n rows with hard labels, and their weights, (2n,).

    Example:
        >>> both, weights = both_labels(Dataset([[3.0], [5.0]], probabilities=[0.25, 1.0]))
        >>> both.labels.tolist(), weights.tolist()
        ([1.0, 1.0, -1.0, -1.0], [0.25, 1.0, 0.75, 0.0])
    """
    p = np.asarray(data.probabilities)
    if isinstance(data.inputs, RowsOnDisk):
        twice = data.inputs.taken(np.tile(np.arange(data.n), 2))
    else:
        twice = stacked(data.inputs, data.inputs)
    labels = np.repeat([1.0, -1.0], data.n)
    return replace(data, inputs=twice, labels=labels, probabilities=None, one_class=True), np.concatenate([p, 1.0 - p])


def refuse_soft(data: Any, what: str) -> None:
    """Refuse a data set with probabilities where labels of -1 and +1 alone have a meaning.

    Raises:
        ValueError: if the data set has soft labels.
    """
    if getattr(data, "probabilities", None) is not None:
        raise ValueError(
            f"{what} takes labels of -1 and +1, and these data have probabilities. Use the nearer labels, "
            f"dataclasses.replace(data, probabilities=None), or what takes soft labels: objective, fit, sweep, solve, "
            f"planes, curvature, gradient_weights."
        )
