"""The row sums and systems of `_normal_equations` on the host, by BLAS and LAPACK: nothing is compiled.

NumPy's and SciPy's libraries factor many small matrices and form their Gram products two to four times faster than
XLA's programs for a CPU do, and a problem that is done leaves its batch at once, as no shape is compiled for.
"""

import contextvars
import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from lossland.data import RowsOnDisk

BLOCK, PART, SHARE = 1024, 8192, 65536
"""Rows of a large Gram product that are taken at once, of a part of many rows, and of one that is worth a thread: the
first two stay in cache."""
NARROW, KEPT = 48, 500_000
"""The most columns, and the most numbers, for which the products of two columns are kept over the iterations."""
SHARED, THREADED, WORKERS = 30_000, 500_000, min(os.cpu_count() or 1, 4)
"""From how many rows on they are taken in parts, from how many by threads, whose hand-over costs what some hundred
thousand rows do, and by how many."""
SIGNED = 2_000_000
"""Numbers of inputs up to which a copy with a column of ones, times the labels, is worth its memory."""


class Columns(NamedTuple):
    """What k problems share: the rows t_i (x_i, 1), or x_i alone where a copy would be too large or labels differ.

    Attributes:
        rows: (n, d + bias) t_i (x_i, 1), or (n, d) x_i.
        labels: None where they are in `rows`, else (k or 1, n).
        ones: whether a column of ones, for the bias, is to be thought behind `rows`.
        products: (n, pairs), of two columns of [X 1]; None if they are too many.
        size: d + bias.
    """

    rows: np.ndarray
    labels: np.ndarray | None
    ones: bool
    products: np.ndarray | None
    size: int


def columns_of(inputs: np.ndarray, labels: np.ndarray, bias: bool) -> Columns:
    """The columns of inputs (n, d) and labels (k or 1, n)."""
    n, size = inputs.shape[0], inputs.shape[1] + bias
    if n * size > SIGNED or isinstance(inputs, RowsOnDisk):
        return Columns(inputs, labels, bias, None, size)
    whole = np.concatenate([inputs, np.ones((n, 1))], axis=1) if bias else inputs
    products = None
    if size <= NARROW and n * size * (size + 1) // 2 <= KEPT:
        first, second = np.tril_indices(size)
        products = np.ascontiguousarray(whole[:, first] * whole[:, second])
    if len(labels) > 1:
        return Columns(whole, labels, False, products, size)
    return Columns(labels[0][:, None] * whole, None, False, products, size)


def in_floats(columns: Columns, kind: type) -> Columns:
    """The columns in another type of floats."""
    own = (part if part is None else part.astype(kind) for part in (columns.labels, columns.products))
    labels, products = own
    return columns._replace(rows=columns.rows.astype(kind), labels=labels, products=products)


def of_problems(columns: Columns, left: np.ndarray) -> Columns:
    """The columns for some of the problems."""
    if columns.labels is None or len(columns.labels) == 1:
        return columns
    return columns._replace(labels=columns.labels[left])


def margins_of(columns: Columns, point: np.ndarray) -> np.ndarray:
    """T (X w_k + b_k), (k, n), of points (k, d + bias)."""
    if columns.ones:
        held = point[:, :-1] @ columns.rows.T
        held += point[:, -1:]
    else:
        held = point @ columns.rows.T
    if columns.labels is not None:
        held *= columns.labels
    return held


def pulled(columns: Columns, rows: np.ndarray) -> np.ndarray:
    """[X 1]^T (t g_k), (k, d + bias), of rows g (k, n)."""
    if columns.labels is not None:
        rows = columns.labels * rows
    down = rows @ columns.rows
    return np.concatenate([down, rows.sum(axis=1, keepdims=True)], axis=1) if columns.ones else down


def over_parts(columns: Columns, function: Callable[[slice], Any]) -> list[Any]:
    """What a function of a slice of rows gives for all of them, in order: of many rows in memory, part by part.

    The parts are the same whatever the number of threads is, and so is every digit.
    """
    n = columns.rows.shape[0]
    if n < SHARED or isinstance(columns.rows, RowsOnDisk):
        return [function(slice(0, n))]
    size = PART if n < THREADED else SHARE
    parts = [slice(start, min(start + size, n)) for start in range(0, n, size)]
    if n < THREADED:
        return [function(part) for part in parts]
    # What NumPy is told about overflow holds for the caller's context only: each part takes it along.
    with ThreadPoolExecutor(WORKERS) as pool:
        tasks = [pool.submit(contextvars.copy_context().run, function, part) for part in parts]
        return [task.result() for task in tasks]


def of_rows(columns: Columns, part: slice) -> Columns:
    """The columns of some of the rows."""
    if part == slice(0, columns.rows.shape[0]):
        return columns
    labels = None if columns.labels is None else columns.labels[:, part]
    return columns._replace(rows=columns.rows[part], labels=labels, products=None)


def gram(columns: Columns, scales: np.ndarray) -> np.ndarray:
    """[X 1]^T D_k [X 1] of diagonals D >= 0, (k, n): (k, d + bias, d + bias), the lower triangles."""
    if columns.products is not None and len(scales) > 1:
        return np.take(scales @ columns.products, _places(columns.size), axis=1, mode="clip").reshape(
            -1, columns.size, columns.size
        )
    step = columns.rows.block_rows if isinstance(columns.rows, RowsOnDisk) else BLOCK
    found = over_parts(columns, lambda part: _summed(columns, scales, part, step))
    total: Any = sum(found[1:], found[0])
    return total


def _summed(columns: Columns, scales: np.ndarray, part: slice, step: int) -> np.ndarray:
    """The Gram products of a part of the rows, read `step` rows at a time."""
    total = np.zeros((len(scales), columns.size, columns.size), scales.dtype)
    d = columns.rows.shape[1]
    for start, rows in _in_cache(columns.rows, part, step):
        held = scales[:, start : start + len(rows)]
        with np.errstate(invalid="ignore"):
            roots = np.sqrt(held)
        for whole, root, own in zip(total, roots, held, strict=True):
            # A matrix times its own transpose costs half of another product.
            half = root[:, None] * rows
            whole[:d, :d] += half.T @ half
            if columns.ones:
                whole[-1, :-1] += own @ rows
                whole[-1, -1] += own.sum()
    return total


def _in_cache(rows: Any, part: slice, step: int) -> Iterator[tuple[int, np.ndarray]]:
    """Blocks of a part's rows that stay in cache, with their first row, of the larger ones that are read at once."""
    for start in range(part.start, part.stop, step):
        whole = rows[start : min(start + step, part.stop)]
        for more in range(0, len(whole), BLOCK):
            yield start + more, whole[more : more + BLOCK]


@functools.lru_cache(maxsize=64)
def _places(size: int) -> np.ndarray:
    """Where in the packed lower triangle each entry of a symmetric matrix lies."""
    place = np.zeros((size, size), int)
    place[np.tril_indices(size)] = np.arange(size * (size + 1) // 2)
    return np.maximum(place, place.T).ravel()


def factor(columns: Columns, scales: np.ndarray, bias: bool) -> list[np.ndarray]:
    """The Cholesky factors of diag(1, ..., 1, 0) + [X 1]^T D_k [X 1], as `_normal_equations.factor`'s; NaN if none."""
    from scipy.linalg import get_lapack_funcs

    factored: Any = get_lapack_funcs("potrf", dtype=scales.dtype)
    whole = gram(columns, scales)
    diagonal = whole.reshape(len(whole), -1)[:, :: columns.size + 1]
    diagonal[:, : columns.size - bias] += 1.0
    share = 1e-15 if scales.dtype == np.float64 else 1e-6
    diagonal += np.where(diagonal > 0, share * diagonal, 1.0)
    # LAPACK takes the transpose as its own order: the lower triangle is its upper.
    found = [factored(matrix.T, lower=0, clean=0, overwrite_a=1) for matrix in whole]
    return [lower if info == 0 else np.full_like(lower, np.nan) for lower, info in found]


def solve_factored(factors: list[np.ndarray], right: np.ndarray) -> np.ndarray:
    """The solutions (k, size) of the factored systems."""
    from scipy.linalg import get_lapack_funcs

    solved: Any = get_lapack_funcs("potrs", dtype=right.dtype)
    return np.array([solved(upper, own, lower=0)[0] for upper, own in zip(factors, right, strict=True)])
