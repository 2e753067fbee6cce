"""Directions in parameter space: random ones of a given scale, orthogonal in the end, and those a trajectory spans."""

from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from jax.flatten_util import ravel_pytree

from lossland.core import Key, Params

Normalization = Literal["filter", "layer", "model"] | None


class Trajectory(NamedTuple):
    """A trajectory seen in the plane that holds most of it.

    Attributes:
        centre: the params that the plane passes through, the trajectory's last.
        directions: two orthonormal directions, shaped like params.
        path: (r, 2) the coordinates of each point in the plane.
        kept: (2,) the share of the trajectory's variance that each direction keeps.
        off: (r,) the distance of each point from the plane.
    """

    centre: Params
    directions: tuple[Params, Params]
    path: np.ndarray
    kept: np.ndarray
    off: np.ndarray


def random_directions(
    params: Params, key: Key, count: int = 2, normalization: Normalization = "filter"
) -> tuple[Params, ...]:
    r"""Gaussian directions, scaled as the params are and then made orthogonal.

    Args:
        params: the point that they start from, shaped as `model.init` gives it.
        key: decides them.
        count: how many.
        normalization: "filter": what one unit takes in (its weights and its bias together) gets the norm of the
            params' (Li et al. 2018, who leave biases out); "layer": each layer as a whole; "model": all at once;
            None: unit norm.

    Returns:
        The directions, orthogonal to rounding *after* their scaling, each with the norm that the scaling gave it.

    Raises:
        ValueError: if there are fewer parameters than directions, or the params to scale by are all 0.

    Example:
        >>> import jax, lossland as ll
        >>> params = ll.linear().init(jax.random.key(0), 4)
        >>> first, second = random_directions(params, jax.random.key(1))
        >>> abs(dot(first, second)) < 1e-12, abs(norm(first) - norm(params)) < 1e-6
        (True, True)

    Source: Li, Xu, Taylor, Studer & Goldstein 2018.
    """
    flat, unravel = _flat(params)
    if count > flat.size:
        raise ValueError(f"{count} orthogonal directions need as many parameters; there are {flat.size}.")
    groups = _groups(params, normalization)
    if normalization is not None and not np.any(flat):
        raise ValueError("The params are all 0: no scale to give a direction. Take normalization=None.")
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())
    drawn = rng.normal(size=(count, flat.size))
    for k, direction in enumerate(drawn):
        if groups is None:
            drawn[k] = direction / np.linalg.norm(direction)
        else:
            drawn[k] = direction * (_norms(flat, groups) / _norms(direction, groups))[groups]
    sizes = np.linalg.norm(drawn, axis=1)
    q, r = np.linalg.qr(drawn.T)
    return tuple(unravel(row) for row in (q * np.sign(np.diag(r))).T * sizes[:, None])


def trajectory_directions(trajectory: Params) -> Trajectory:
    """The plane through a trajectory's end that keeps most of its variance (principal components).

    Args:
        trajectory: params with one more leading axis (r, ...), as `fit(record=lambda params: params)` keeps them.

    Returns:
        The plane's directions, the trajectory in it, and how much of it the plane shows.

    Raises:
        ValueError: if there are fewer than three points, or none of them moves.

    Example:
        >>> import lossland as ll
        >>> away = np.array([3.0, 1.0, 0.0])
        >>> seen = ll.trajectory_directions({"weights": np.stack([away, 0 * away], axis=1), "bias": 0 * away})
        >>> np.abs(seen.path[:, 0]).round(9).tolist(), seen.kept.round(9).tolist()
        ([3.0, 1.0, 0.0], [1.0, 0.0])

    Source: Li, Xu, Taylor, Studer & Goldstein 2018.
    """
    leaves = [np.asarray(leaf, float) for leaf in jax.tree.leaves(trajectory)]
    points = np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)
    if len(points) < 3:
        raise ValueError(f"A trajectory's plane needs at least three points; there are {len(points)}.")
    last = jax.tree.map(lambda x: np.asarray(x, float)[-1], trajectory)
    away = points - points[-1]
    _, sizes, rows = np.linalg.svd(away, full_matrices=False)
    if not sizes[0] > 0:
        raise ValueError("The trajectory does not move: no plane to show it in.")
    unravel = _flat(last)[1]
    path = away @ rows[:2].T
    off = np.sqrt(np.maximum((away**2).sum(1) - (path**2).sum(1), 0.0))
    return Trajectory(last, (unravel(rows[0]), unravel(rows[1])), path, (sizes**2 / (sizes**2).sum())[:2], off)


def dot(a: Params, b: Params) -> float:
    """The inner product of two directions."""
    return float(_flat(a)[0] @ _flat(b)[0])


def norm(a: Params) -> float:
    """The Euclidean norm of a direction."""
    return float(np.linalg.norm(_flat(a)[0]))


def named_leaves(params: Params) -> list[tuple[str, np.ndarray]]:
    """Each array of the params with a name: "weights", "bias", or "0_weights" in a list of layers."""
    return list(zip(leaf_paths(params), jax.tree.leaves(params), strict=True))


def leaf_paths(params: Params) -> dict[str, list[Any]]:
    """The way to each array of the params, by its name: {"0_weights": [0, "weights"], ...}."""
    ways = [
        [getattr(k, "key", getattr(k, "idx", getattr(k, "name", str(k)))) for k in path]
        for path, _ in jax.tree.leaves_with_path(params)
    ]
    return {"_".join(map(str, way)): way for way in ways}


def _flat(params: Params) -> tuple[np.ndarray, Any]:
    """The parameters in float64 as one vector, and the way back."""
    with jax.enable_x64(True):
        flat, unravel = ravel_pytree(jax.tree.map(lambda x: np.asarray(x, float), params))

    def back(vector: np.ndarray) -> Params:
        with jax.enable_x64(True):
            return jax.tree.map(np.asarray, unravel(jax.numpy.asarray(vector)))

    return np.asarray(flat), back


def _groups(params: Params, normalization: Normalization) -> np.ndarray | None:
    """For each parameter the number of the group whose norm it shares."""
    if normalization is None:
        return None
    if normalization == "model":
        return np.zeros(_flat(params)[0].size, int)
    if normalization not in ("filter", "layer"):
        raise ValueError(f'normalization is "filter", "layer", "model" or None, not {normalization!r}.')
    count = 0

    def number(layer: Any) -> Any:
        nonlocal count
        units = max((np.shape(x)[-1] for x in jax.tree.leaves(layer) if np.ndim(x) == 2), default=1)
        units = units if normalization == "filter" else 1
        made = jax.tree.map(
            lambda x: (
                count + np.broadcast_to(np.arange(units), (*np.shape(x)[:-1], units))
                if units > 1 and np.shape(x)[-1:] == (units,)
                else np.full(np.shape(x), count)
            ),
            layer,
        )
        count += units
        return made

    layers = params if isinstance(params, list) else [params]
    return np.concatenate([np.ravel(x) for layer in layers for x in jax.tree.leaves(number(layer))]).astype(int)


def _norms(vector: np.ndarray, groups: np.ndarray) -> np.ndarray:
    return np.sqrt(np.bincount(groups, vector**2))
