"""Which parameters belong to one unit, one layer: the groups by which directions are scaled."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.core import Params

Normalization = Literal["filter", "layer", "model"] | None
HELD = -1
"""The group of what is held fixed: whole numbers, switches and keys."""


class _Leaf(NamedTuple):
    """An array of the params: its number, its name, and its shape."""

    number: int
    name: str
    shape: tuple[int, ...]


def unit_groups(params: Params, normalization: Normalization, units: int = -1) -> list[np.ndarray] | None:
    """For each array of the params the number of the group that each of its elements belongs to.

    A layer is an innermost node of the tree that holds arrays, whatever the container: {"weights", "bias"} in a list,
    a tuple, a dict of dicts. Unit j of a layer is the j-th slice of its matrix (any array of two axes or more) along
    the units' axis, and element j of each vector beside it that is as long.

    Args:
        params: any tree of arrays.
        normalization: "filter" for a group for each unit, "layer" for each layer, "model" for all; None for none.
        units: the axis of matrices along which units lie: -1 where inputs are multiplied from the left, as here and in
            flax; 0 where weights are stored (out, in), as in equinox and PyTorch.

    Returns:
        Arrays of group numbers, shaped as the params' arrays, in their order; -1 for what is no floating-point number.

    Raises:
        ValueError: if the normalization is not known, an array lacks the units' axis, a vector beside it tells of
            another axis, or two matrices lie side by side in one node, so that it cannot be known which units are
            whose.

    Example:
        >>> [g.tolist() for g in unit_groups(({"bias": np.ones(2), "weights": np.ones((1, 2))}, np.ones(3)), "filter")]
        [[0, 1], [[0, 1]], [2, 2, 2]]
    """
    if normalization not in ("filter", "layer", "model", None):
        raise ValueError(f'normalization is "filter", "layer", "model" or None, not {normalization!r}.')
    if normalization is None:
        return None
    leaves, count = jax.tree.leaves(params), 0
    groups: list[np.ndarray] = [np.zeros(np.shape(x), int) for x in leaves]
    if normalization != "model":
        for layer in _layers(params):
            width = _unit_width(layer, units) if normalization == "filter" else 1
            further = count + width
            for leaf in layer:
                found = _numbered(leaf, count, width, units)
                # What belongs to no unit, a temperature say, is a group of its own.
                groups[leaf.number] = np.full(leaf.shape, further) if found is None else found
                further += found is None
            count = further
    return [
        g if jnp.issubdtype(getattr(x, "dtype", type(x)), jnp.floating) else np.full(g.shape, HELD)
        for g, x in zip(groups, leaves, strict=True)
    ]


def _layers(params: Params) -> list[list[_Leaf]]:
    """The arrays of each innermost node that holds some, in the order of the tree."""
    nodes: dict[Any, list[_Leaf]] = {}
    for number, (way, leaf) in enumerate(jax.tree.leaves_with_path(params)):
        nodes.setdefault(way[:-1], []).append(_Leaf(number, jax.tree_util.keystr(way), np.shape(leaf)))
    return list(nodes.values())


def _unit_width(layer: list[_Leaf], units: int) -> int:
    """How many units a layer has: 1 if it has no matrix."""
    matrices = [leaf for leaf in layer if len(leaf.shape) > 1]
    if not matrices:
        return 1
    if len(matrices) > 1:
        raise ValueError(
            f"The arrays {matrices[0].name} and {matrices[1].name} of the params lie side by side in one node, so that "
            "which units are whose cannot be known. Put the arrays of each layer into a dict of their own, or take "
            'normalization="layer" or "model".'
        )
    shape = matrices[0].shape
    if not -len(shape) <= units < len(shape):
        raise ValueError(f"units={units} is no axis of the array {matrices[0].name} of shape {shape}.")
    lengths = {leaf.shape[0] for leaf in layer if len(leaf.shape) == 1}
    other = 0 if units in (-1, len(shape) - 1) else -1
    if shape[other] in lengths and shape[units] not in lengths:
        raise ValueError(
            f"The array {matrices[0].name} of shape {shape} has a vector of length {shape[other]} beside it: its units "
            f'seem to lie along axis {other}, not {units}. Give units={other}, or normalization="layer" or "model".'
        )
    return shape[units]


def _numbered(leaf: _Leaf, first: int, width: int, units: int) -> np.ndarray | None:
    """The groups of a layer's array, the layer's first being `first`; None if it belongs to no unit."""
    shape = leaf.shape
    if width == 1:
        return np.full(shape, first)
    if len(shape) < 2 and shape != (width,):
        return None
    axis = units % len(shape) if len(shape) > 1 else 0
    along = np.arange(width).reshape([-1 if k == axis else 1 for k in range(len(shape))])
    return first + np.broadcast_to(along, shape)
