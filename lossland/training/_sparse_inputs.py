"""Sparse inputs where JAX computes: JAX's `BCOO`, a place and a number for each one that is stored."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from lossland.core import Model, placed
from lossland.data import Dataset, needs_dense


def is_bcoo(inputs: Any) -> bool:
    """Whether inputs are sparse ones of JAX."""
    return hasattr(inputs, "nse")


def bcoo_of(held: Any) -> Any:
    """Inputs (n, d) of scipy's compressed rows as JAX's sparse array, in JAX's float.

    Example:
        >>> import scipy.sparse
        >>> held = bcoo_of(scipy.sparse.csr_array([[0.0, 2.0], [1.0, 0.0]]))
        >>> held.nse, (held @ jax.numpy.array([1.0, 10.0])).tolist()
        (2, [20.0, 1.0])
    """
    from jax.experimental.sparse import BCOO

    rows = np.repeat(np.arange(held.shape[0], dtype=np.int32), np.diff(held.indptr))
    places = placed(np.stack([rows, held.indices.astype(np.int32)], axis=1))
    return BCOO((placed(held.data, float), places), shape=held.shape, indices_sorted=True, unique_indices=True)


def upper_half(inputs: Any) -> Any:
    """The first half of rows that stand there twice, one half under the other, as `both_labels` puts them."""
    from jax.experimental.sparse import BCOO

    once = inputs.nse // 2
    return BCOO(
        (inputs.data[:once], inputs.indices[:once]), shape=(inputs.shape[0] // 2, inputs.shape[1]),
        indices_sorted=True, unique_indices=True,
    )  # fmt: skip


def refuse_mixed_kinds(parts: Sequence[Dataset], whole: bool) -> None:
    """Refuse what a sweep of sparse inputs cannot do.

    Args:
        parts: the training data and further ones.
        whole: whether the model is linear and each step takes all examples, on one device.

    Raises:
        ValueError: if some parts are sparse and others are not, or `whole` is false.
    """
    sparse = [part for part in parts if part.sparse]
    if sparse and len(sparse) < len(parts):
        raise ValueError("Some of training, validation and test data are sparse and some dense: make them all alike.")
    if sparse and not whole:
        raise needs_dense(sparse[0].inputs, "A sweep with another model than a linear one, batches or sharding")


def refuse_model(model: Model, inputs: Any) -> None:
    """Refuse a model that cannot be traced on sparse inputs.

    Raises:
        ValueError: with what to do.
    """
    try:
        params = jax.eval_shape(lambda: model.init(jax.random.key(0), inputs.shape[1]))
        jax.eval_shape(model.apply, params, inputs)
    except Exception as error:
        raise ValueError(
            f"The model {model.name} does not take sparse inputs ({type(error).__name__}). Linear models, mlp and "
            f"random_features do, and a function that only multiplies them, inputs @ weights; else give dense ones, "
            f"data.dense()."
        ) from error
