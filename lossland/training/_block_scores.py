"""Scores of inputs that stay in their file, by blocks of rows, inside compiled programs: also their derivatives.

A block is read when its scores are computed, and again when they are derived: nothing as large as the inputs is held.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.core import Model, Params, refuse_mixed_rows
from lossland.data import RowsOnDisk

SAMPLE = 256
"""Rows by which it is tried whether a model's score of one depends on others."""

# To JAX they are a constant of the program, which compares as the object that it is.
jax.tree_util.register_static(RowsOnDisk)


def scores_of_rows(apply: Callable[[Params, Array], Array], params: Params, inputs: Any) -> Array:
    """The scores (n,) that a model's `apply` gives of inputs (n, d), in memory or on disk.

    Args:
        apply: (params, inputs) -> scores, each of its own row alone.
        params: of the model.
        inputs: an array, or rows on disk.
    """
    if not isinstance(inputs, RowsOnDisk):
        return apply(params, inputs)
    n, step = len(inputs), inputs.block_rows

    def scored(params: Params, number: Array, count: int) -> Array:
        rows = _called(inputs, (count,), lambda at: inputs.read(int(at) * step, int(at) * step + count), number)
        return apply(params, rows)

    def block(params: Params, number: Array) -> Array:
        return scored(params, number, step)

    def rest(params: Params, number: Array) -> Array:
        return scored(params, number, n % step)

    # What is read is not kept for the derivative.
    parts = []
    if n >= step:
        again = jax.checkpoint(block)  # pyright: ignore[reportPrivateImportUsage]
        parts.append(jnp.ravel(jax.lax.map(lambda number: again(params, number), jnp.arange(n // step))))
    if n % step:
        again = jax.checkpoint(rest)  # pyright: ignore[reportPrivateImportUsage]
        parts.append(again(params, jnp.asarray(n // step)))
    return parts[0] if len(parts) == 1 else jnp.concatenate(parts)


def picked_rows(inputs: Any, rows: Any) -> Array:
    """Rows of given numbers (k,), of inputs in memory or on disk."""
    if not isinstance(inputs, RowsOnDisk):
        return inputs[rows]
    n, rows = len(inputs), jnp.asarray(rows)
    rows = jnp.flatnonzero(rows) if rows.dtype == bool else jnp.clip(jnp.where(rows < 0, rows + n, rows), 0, n - 1)
    return _called(inputs, rows.shape, lambda at: inputs.picked(np.asarray(at)), rows)


def first_rows(inputs: Any, count: int) -> Any:
    """The first rows of inputs in memory or on disk, which stay where they are."""
    return inputs.taken(np.arange(count)) if isinstance(inputs, RowsOnDisk) else inputs[:count]


def _called(inputs: RowsOnDisk, shape: tuple[int, ...], read: Callable[[Any], np.ndarray], given: Array) -> Array:
    """Rows (*shape, d) that a function of an array reads while the program runs."""
    words = inputs.dtype.itemsize // 4
    like = jax.ShapeDtypeStruct((*shape, inputs.shape[1], words), np.uint32)

    # As words of 32 bits: the thread that calls back does not know whether the program has floats of 64, and JAX would
    # round them.
    def as_words(given: Any) -> np.ndarray:
        return np.ascontiguousarray(read(given)).view(np.uint32).reshape(like.shape)

    held = jax.pure_callback(as_words, like, given, vmap_method="sequential")
    return jax.lax.bitcast_convert_type(held if words > 1 else held[..., 0], inputs.dtype)


def in_default_floats(inputs: RowsOnDisk) -> RowsOnDisk:
    """The rows given in JAX's default float."""
    return inputs.astype(jax.dtypes.canonicalize_dtype(float))


def refuse_rows_together(model: Model, inputs: RowsOnDisk) -> None:
    """Refuse a model whose score of an example depends on others: on disk rows are scored by blocks.

    Raises:
        ValueError: if rows are mixed.
    """
    start = model.init(jax.random.key(0), inputs.shape[1])
    refuse_mixed_rows(model, start, inputs[:SAMPLE], "inputs that stay in their file are scored by blocks of rows")
