"""The plane of a training run: its two directions, the run in it, and how much of the run it shows."""

from typing import NamedTuple

import jax
import numpy as np

from lossland.core import Params, flattened, guarded, is_key, is_real, told


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


@guarded()
def trajectory_directions(trajectory: Params) -> Trajectory:
    """The plane through a trajectory's end that keeps most of its variance (principal components).

    Of a run along a line, to rounding, the second direction is across it, along the parameter that moves least.

    Args:
        trajectory: params with one more leading axis (r, ...), as `fit(record=lambda params: params)` keeps them.

    Returns:
        The plane's directions, the trajectory in it, and how much of it the plane shows.

    Raises:
        ValueError: if there are fewer than three points, none of them moves, one is not finite, or there is but one
            parameter.

    Example:
        >>> import lossland as ll
        >>> away = np.array([3.0, 1.0, 0.0])
        >>> points = {"weights": np.stack([away, 0 * away], axis=1), "bias": 0 * away}
        >>> seen = ll.landscapes.trajectory_directions(points)
        >>> np.abs(seen.path[:, 0]).round(9).tolist(), seen.kept.round(9).tolist()
        ([3.0, 1.0, 0.0], [1.0, 0.0])

    Source: Li, Xu, Taylor, Studer & Goldstein 2018.
    """
    lengths = {np.shape(leaf)[:1] for leaf in jax.tree.leaves(trajectory)}
    if len(lengths) != 1 or () in lengths or (0,) in lengths:
        raise ValueError(
            "trajectory must be params with one further axis (r, ...) before their own, of one length: "
            f"{told(trajectory)} is none. jax.tree.map(lambda *x: jnp.stack(x), *params) stacks a list of params."
        )
    leaves = [np.asarray(leaf, float) for leaf in jax.tree.leaves(trajectory) if not is_key(leaf)]
    points = np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)
    if len(points) < 3:
        raise ValueError(f"A trajectory's plane needs at least three points; there are {len(points)}.")
    if points.shape[1] < 2:
        raise ValueError("A trajectory of one parameter has no plane. `ray` draws the objective along it.")
    lost = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(lost):
        raise ValueError(
            f"The trajectory holds numbers that are not finite from point {lost[0]} of {len(points)} on: the run has "
            f"diverged. Give the part before, jax.tree.map(lambda x: x[:{lost[0]}], trajectory)."
        )
    last = jax.tree.map(lambda x: np.asarray(x, float)[-1] if is_real(x) else x[-1], trajectory)
    away = points - points[-1]
    _, sizes, rows = np.linalg.svd(away, full_matrices=False)
    if not sizes[0] > 0:
        raise ValueError("The trajectory does not move: no plane to show it in.")
    unravel = flattened(last)[1]
    precision = max(np.finfo(x.dtype).eps for x in jax.tree.leaves(trajectory) if is_real(x))
    # Of a run along a line the second direction is rounding: of points that large, or of the decomposition.
    line = sizes[1] <= max(8.0 * precision * np.linalg.norm(points), 1e-12 * sizes[0])
    if line:
        rows = np.stack([rows[0], _across(rows[0])])
    path = away @ rows[:2].T
    path[:, 1] = 0.0 if line else path[:, 1]
    off = np.sqrt(np.maximum((away**2).sum(1) - (path**2).sum(1), 0.0))
    kept = (path**2).sum(axis=0) / (away**2).sum()
    return Trajectory(last, (unravel(rows[0]), unravel(rows[1])), path, kept, off)


def _across(direction: np.ndarray) -> np.ndarray:
    """A direction of length 1 that is orthogonal to another: along the parameter that it moves least."""
    other = np.zeros_like(direction)
    other[np.argmin(np.abs(direction))] = 1.0
    for _ in range(2):
        other -= (other @ direction) * direction
        other /= np.linalg.norm(other)
    return other
