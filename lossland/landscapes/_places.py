"""Places in a space of parameters: the points of a grid, the params at a place, and blocks of places for the cache."""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from lossland.core import Model, Params, at_once
from lossland.training import scores_of_rows

AT_ONCE = 1_700_000
"""Numbers computed at once, a score for each example and place of a block say: they stay in the cache."""


def grid_places(axes: Sequence[np.ndarray]) -> np.ndarray:
    """The coordinates of every point of a grid, (p, axes); the last axis goes fastest.

    Example:
        >>> grid_places((np.array([0.0, 1.0]), np.array([5.0, 6.0]))).tolist()
        [[0.0, 5.0], [0.0, 6.0], [1.0, 5.0], [1.0, 6.0]]
    """
    return np.stack([x.ravel() for x in np.meshgrid(*axes, indexing="ij")], axis=1)


def moved(centre: Params, directions: Sequence[Params], place: Any) -> Params:
    """The params at a place: the centre and each direction, times its coordinate, added up.

    What is no floating-point number (a count, a switch, a key) stays as it is.

    Example:
        >>> moved({"bias": 1.0}, ({"bias": 2.0}, {"bias": 3.0}), (10.0, 100.0))
        {'bias': 321.0}
    """

    def leaf(c: Any, *steps: Any) -> Any:
        if not jax.numpy.issubdtype(getattr(c, "dtype", float), jax.numpy.inexact):
            return c
        return c + sum(p * x for p, x in zip(place, steps, strict=True))

    return jax.tree.map(leaf, centre, *directions)


def models_at_once(model: Model, centre: Params, directions: Sequence[Params], inputs: Any) -> int:
    """Places at which a model is run at once: so that what it computes there fits a block.

    Raises:
        ValueError: if not even one place fits the free memory.
    """

    def run(place: Any) -> Any:
        return scores_of_rows(model.apply, moved(centre, directions, place), inputs)

    n = max(len(inputs), 1)
    what = f"To run {model.name} on {n} examples once"
    return at_once(what, run, jax.ShapeDtypeStruct((len(directions),), float), most=max(1, AT_ONCE // n))


def in_blocks(places: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, int]]:
    """Places (p, axes) in blocks of one size, so that a program is compiled once, and how many are done after each.

    The last block is filled up with the last place.

    Example:
        >>> [(block.tolist(), done) for block, done in in_blocks(np.array([[0.0], [1.0], [2.0]]), 2)]
        [([[0.0], [1.0]], 2), ([[2.0], [2.0]], 3)]
    """
    size = min(len(places), max(1, size))
    for start in range(0, len(places), size):
        yield places[np.minimum(np.arange(start, start + size), len(places) - 1)], min(start + size, len(places))
