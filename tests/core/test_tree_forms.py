"""Trees of any containers come back from their form, and their arrays have names that mean nothing else."""

import collections
import json
from typing import NamedTuple

import jax
import numpy as np
import pytest

from lossland.core import leaf_names, tree_form, tree_of


class Layers(NamedTuple):
    first: dict
    second: tuple


TREES = [
    {"weights": np.ones(2), "bias": np.zeros(())},
    {"w_in": np.ones(2), "w_out": np.zeros(3)},
    {"params": {"Dense_0": {"kernel": np.ones((2, 3)), "bias": np.ones(3)}, "Dense_1": {"kernel": np.ones(3)}}},
    ({"w": np.ones(2)}, [np.ones(1), None, (np.zeros(2),)]),
    Layers({"a": np.ones(1)}, (np.zeros(2), np.ones(3))),
    {"a/b": np.ones(1), "a_b": np.zeros(2), "a": {"b": np.ones(3)}},
    {0: np.ones(1), 1: [np.zeros(2)]},
    np.ones(3),
    {"status": np.ones(1), "risk": np.ones(2)},
]


@pytest.mark.parametrize("tree", TREES, ids=range(len(TREES)))
def test_a_tree_comes_back(tree):
    form = json.loads(json.dumps(tree_form(tree)))
    back = tree_of(form, jax.tree.leaves(tree))
    assert jax.tree.structure(back) == jax.tree.structure(tree)
    for a, b in zip(jax.tree.leaves(back), jax.tree.leaves(tree), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("tree", TREES, ids=range(len(TREES)))
def test_names_are_apart_and_fit_for_a_file(tree):
    names = leaf_names(tree, taken=("risk", "status"))
    assert len(set(names)) == len(names) == len(jax.tree.leaves(tree))
    assert not any("/" in name or name in ("", "risk", "status") for name in names)


def test_a_class_that_is_gone_is_one_of_the_same_name():
    gone = collections.namedtuple("Gone", ["x", "y"])
    back = tree_of(json.loads(json.dumps(tree_form(gone(np.ones(1), np.zeros(2))))), [1.0, 2.0])
    assert (type(back).__name__, back._fields, tuple(back)) == ("Gone", ("x", "y"), (1.0, 2.0))


def test_another_container_is_named():
    held = jax.tree_util.Partial(np.add, np.ones(2))
    with pytest.raises(ValueError, match="Params that hold a Partial cannot be written"):
        tree_form(held)
