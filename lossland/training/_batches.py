"""Which rows a step looks at: slices of a permutation that the key and the epoch decide."""

import jax
from jax import Array

from lossland.core import Key


def first_order(key: Key, n: int) -> Array:
    """The order of n examples in the first epoch, (n,)."""
    return jax.random.permutation(key, n)


def next_rows(size: int, order: Array, step: Array, key: Key) -> tuple[Array, Array]:
    """The order in force at a step, (n,), and the rows of its batch, (size,).

    Args:
        size: examples a batch; the last short batch of an epoch is dropped.
        order: the order in force at the step before.
        step: the step's number, from 0.
        key: the key that `first_order` took.
    """
    n = order.shape[0]
    batches = n // size
    epoch, place = step // batches, step % batches
    drawn = jax.lax.cond(
        (place == 0) & (epoch > 0),
        lambda order: jax.random.permutation(jax.random.fold_in(key, epoch), n),
        lambda order: order,
        order,
    )
    return drawn, jax.lax.dynamic_slice_in_dim(drawn, place * size, size)
