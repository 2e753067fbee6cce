"""Scores and penalties that are affine in the params: their values in a plane from those along its directions.

What a model and its penalty are is read from their programs (`core.affinity`): an affine function is
f(c + alpha u + beta v) = f(c) + alpha f'u + beta f'v, to the last rounding, and nothing else is taken for one.
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.core import Keyed, Model, Params, affinity, along, at_once, by_structure, keyed
from lossland.data import RowsOnDisk
from lossland.elements import as_float
from lossland.landscapes._places import in_blocks, moved
from lossland.training import scores_of_rows


def score_kind(model: Model, params: Params, inputs: Any) -> str:
    """How scores depend on the params, "linear", "affine" or "other", by the model's program in float64."""
    with jax.enable_x64(True):
        leaves, tree = jax.tree.flatten(params)
        rows = _told(inputs)
        return _kind(keyed(model.apply), tree, tuple(map(_told, leaves)), (rows.shape, str(rows.dtype)))


def _told(leaf: Any) -> jax.ShapeDtypeStruct:
    """The shape and the type that a leaf has as an array of JAX's; only its type is looked at, for speed."""
    if isinstance(leaf, (np.ndarray, np.generic, RowsOnDisk)):
        return jax.ShapeDtypeStruct(leaf.shape, jax.dtypes.canonicalize_dtype(leaf.dtype))
    held = jnp.asarray(leaf)
    return jax.ShapeDtypeStruct(held.shape, held.dtype)


@by_structure(maxsize=512)
def _kind(apply: Keyed, tree: Any, leaves: tuple[Any, ...], rows: tuple[Any, ...]) -> str:
    # Read once for a program and its shapes: of the inputs' values it is independent.
    return affinity(apply.value, jax.tree.unflatten(tree, leaves), jax.ShapeDtypeStruct(*rows))


def is_straight(model: Model, params: Params, inputs: Any) -> bool:
    """Whether scores are affine in the params, by the model's program."""
    return score_kind(model, params, inputs) != "other"


def score_rows(model: Model, centre: Params, directions: Sequence[Params], inputs: Any) -> Array:
    """Scores of the centre, and how they move along each direction, (1 + k, n), of a model that is affine."""
    inputs = inputs if isinstance(inputs, RowsOnDisk) else jnp.asarray(inputs)
    if score_kind(model, centre, inputs) == "linear":
        return jnp.stack([scores_of_rows(model.apply, p, inputs) for p in (centre, *directions)])
    return along(lambda p: scores_of_rows(model.apply, p, inputs), centre, directions)


def at_hand(inputs: Any) -> Any:
    """Inputs as an array on the host, or rows that stay on disk as they are."""
    return inputs if isinstance(inputs, RowsOnDisk) else np.asarray(inputs)


def has_straight_penalty(model: Model, params: Params) -> bool:
    """Whether what l2 penalises is affine in the params, by the model's program."""
    return affinity(functools.partial(_penalised, model), params) != "other"


def penalised_rows(model: Model, centre: Params, directions: Sequence[Params]) -> Array | None:
    """What l2 penalises at the centre, and how it moves along each direction, (1 + k, m); None if not affine."""
    flat = functools.partial(_penalised, model)
    kind = affinity(flat, centre)
    if kind == "linear":
        return jnp.stack([flat(p) for p in (centre, *directions)])
    return along(flat, centre, directions) if kind == "affine" else None


def _penalised(model: Model, params: Params) -> Array:
    # Whole numbers may be penalised: they stand still, and JAX would refuse to derive them.
    leaves = [jnp.ravel(as_float(x)) for x in jax.tree.leaves(model.penalised(params))]
    return jnp.concatenate(leaves) if leaves else jnp.zeros(0)


def penalties(model: Model, centre: Params, directions: Sequence[Params], places: np.ndarray) -> np.ndarray:
    """||what is penalised||^2 at places (p, k)."""
    rows = penalised_rows(model, centre, directions)
    if rows is not None:
        # A quadratic form in the coordinates.
        held = np.asarray(rows)
        coordinates = np.concatenate([np.ones((len(places), 1)), places], axis=1)
        return np.einsum("pi,ij,pj->p", coordinates, held @ held.T, coordinates)

    def square(place: Array) -> Array:
        return jnp.sum(_penalised(model, moved(centre, directions, place)) ** 2)

    one = jax.ShapeDtypeStruct((len(directions),), float)
    size = at_once(f"The penalty of {model.name}", square, one, most=256)
    squares = jax.jit(jax.vmap(square))
    found = [np.asarray(squares(jnp.asarray(block))) for block, _ in in_blocks(places, size)]
    return np.concatenate(found)[: len(places)]
