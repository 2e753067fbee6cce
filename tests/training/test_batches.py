"""Batches: an epoch sees every example once."""

import jax
import jax.numpy as jnp
import pytest

from lossland.training import _batches as batches

KEY = jax.random.key(0)


@pytest.mark.slow
def test_an_epoch_of_batches_sees_every_example_once():
    seen = []
    order = batches.first_order(KEY, 60)
    for step in range(10):
        order, rows = batches.next_rows(12, order, jnp.asarray(step), KEY)
        seen += rows.tolist()
    assert sorted(seen[:60]) == sorted(seen[60:]) == list(range(60))
    assert seen[:60] != seen[60:]
