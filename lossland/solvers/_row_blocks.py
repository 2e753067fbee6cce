"""What certificates and polish ask of all rows, by blocks: inputs on disk are never held whole, many rows not copied.

Scores and pulls need nothing here: `points @ inputs.T` and `rows @ inputs` of inputs on disk go by blocks themselves.
"""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from lossland.data import RowsOnDisk

LOG = logging.getLogger("lossland.solver")
MANY = 30_000
"""Rows from which on what is as large as the inputs is made by blocks in memory too."""
BLOCK = 8192
"""Rows of such a block."""
SAMPLE = 2**21
"""Numbers of a sample of inputs on disk: 16 MiB."""


def over_rows(inputs: Any, function: Callable[[int, np.ndarray], Any]) -> list[Any]:
    """What a function of a block's first row and the block gives, in order; few rows in memory are one block."""
    if isinstance(inputs, RowsOnDisk):
        return inputs.over_blocks(function)
    step = BLOCK if len(inputs) >= MANY else len(inputs)
    return [function(start, inputs[start : start + step]) for start in range(0, len(inputs), step)]


def longest_square(inputs: Any) -> float:
    """The largest squared length of a row of inputs (n, d)."""
    return float(np.max(over_rows(inputs, lambda _, rows: np.max(np.sum(rows**2, axis=1)))))


def absolute_scores(points: np.ndarray, inputs: Any) -> np.ndarray:
    """|points| |inputs|^T, (k, n), of points (k, d) and inputs (n, d): what a score's rounding is relative to."""
    size = np.abs(points)
    return np.concatenate(over_rows(inputs, lambda _, rows: size @ np.abs(rows).T), axis=1)


def thinning(inputs: Any, least: int) -> int:
    """Of inputs each so many-th row makes a sample: `least`, and of those on disk what keeps the sample small."""
    on_disk = isinstance(inputs, RowsOnDisk)
    return max(least, -(-inputs.shape[0] * inputs.shape[1] // SAMPLE)) if on_disk else least


def tell_step(inputs: Any, method: str, count: int, left: int, gap: float) -> None:
    """Say in the log how far the solution of inputs on disk is, each of whose steps reads the file several times."""
    if isinstance(inputs, RowsOnDisk):
        LOG.info(
            "solve reads %s: step %d of %s, %d problems to go, the largest gap about %.2g.",
            inputs.file.path.name, count, method, left, gap,
        )  # fmt: skip
