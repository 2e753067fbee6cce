"""The examples that a block of a sweep sees: weights, rows that only fill a device's share, and soft labels."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from lossland.core import placed, weighted
from lossland.data import Dataset, RowsOnDisk
from lossland.training._block_scores import in_default_floats, picked_rows
from lossland.training._objective import weighed_rows
from lossland.training._sparse_inputs import bcoo_of


class Examples(NamedTuple):
    """The training examples of a step, all of them or one device's share.

    Attributes:
        inputs: (n, d), of sparse data a `BCOO`.
        labels: (n,), -1 or +1.
        weights: (n,) or None: the sample weights.
        real: (n,) or None: 1 for an example, 0 for a row that only fills a device's share (its weight is 0 too).
        n: the number of examples on all devices, by which sums are divided.
        both: (2, n) or None: with soft labels, the weights of each example's loss as +1 and as -1; `labels` are then
            the nearer ones, and `weights` None.
    """

    inputs: Array
    labels: Array
    weights: Array | None
    real: Array | None
    n: Array
    both: Array | None = None


def examples_of(data: Dataset, sample_weights: Any = None, class_weights: Any = None) -> Examples:
    """A data set as a sweep takes it: all examples, with their weights where there are such.

    Args:
        data: n examples.
        sample_weights: (n,), as in `objective`.
        class_weights: as in `objective`.
    """
    inputs: Any
    if isinstance(data.inputs, RowsOnDisk):
        inputs = in_default_floats(data.inputs)
    else:
        inputs = bcoo_of(data.inputs) if data.sparse else placed(data.inputs, float)
    count = placed(data.n, inputs.dtype)
    weights = weighed_rows(data, sample_weights, class_weights)[1]
    held = None if weights is None else placed(weights, float)
    labels = placed(data.labels, float)
    if data.probabilities is None:
        return Examples(inputs, labels, held, None, count)
    return Examples(inputs, labels, None, None, count, jnp.reshape(placed(weights, float), (2, -1)))


def some_examples(examples: Examples, rows: Array) -> Examples:
    """Some rows of the examples."""
    weights = None if examples.weights is None else examples.weights[rows]
    both = None if examples.both is None else examples.both[:, rows]
    count = jnp.asarray(rows.shape[0], examples.inputs.dtype)
    return Examples(picked_rows(examples.inputs, rows), examples.labels[rows], weights, None, count, both)


def shared_out(examples: Examples, devices: int) -> Examples:
    """The examples, with rows of weight 0 added so that each device gets as many."""
    n = examples.inputs.shape[0]
    more = -n % devices
    real = jnp.concatenate([jnp.ones(n, examples.inputs.dtype), jnp.zeros(more, examples.inputs.dtype)])
    weights = jnp.ones(n, examples.inputs.dtype) if examples.weights is None else examples.weights
    return Examples(
        jnp.concatenate([examples.inputs, jnp.zeros((more, examples.inputs.shape[1]), examples.inputs.dtype)]),
        jnp.concatenate([examples.labels, jnp.ones(more, examples.labels.dtype)]),
        jnp.concatenate([weights, jnp.zeros(more, weights.dtype)]),
        real,
        examples.n,
        None if examples.both is None else jnp.pad(examples.both, ((0, 0), (0, more))),
    )


def as_asked(examples: Examples, scores: Array) -> tuple[Array, Array]:
    """Scores (models, n) and labels as losses are asked for; with soft labels twice, as +1 and as -1."""
    if examples.both is None:
        return scores, examples.labels
    ones = jnp.ones_like(examples.labels)
    return jnp.concatenate([scores, scores], axis=1), jnp.concatenate([ones, -ones])


def as_answered(examples: Examples, losses: Any) -> Any:
    """Losses or slopes of each example, (models, n), from those that were asked for."""
    if examples.both is None or losses is None:
        return losses
    positive, negative = jnp.split(losses, 2, axis=1)
    return weighted(positive, examples.both[0][None]) + weighted(negative, examples.both[1][None])
