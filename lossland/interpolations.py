"""Rays and planes through given points: random ones, between solutions, and the plane of a training run."""

from typing import Any

import jax
import numpy as np

from lossland.core import Key, Params
from lossland.data import Dataset
from lossland.directions import Normalization, Trajectory, random_directions, trajectory_directions
from lossland.pairing import Pair
from lossland.planes import Plane, Ray, plane, plane_of, ray, ray_of, surface_of
from lossland.surfaces import Surface


def random_plane(
    pair: Pair, data: Dataset, centre: Params, *, key: Key, normalization: Normalization = "filter", **settings: Any
) -> Plane:
    """The plane of two random directions, from `random_directions`; the other settings are `plane`'s."""
    first, second = random_directions(centre, key, 2, normalization)
    made = plane(pair, data, centre, (first, second), **settings)
    seed = {"key": np.asarray(jax.random.key_data(key)).tolist(), "normalization": normalization}
    return made._replace(settings=made.settings | seed)


def random_line(
    pair: Pair, data: Dataset, centre: Params, *, key: Key, normalization: Normalization = "filter", **settings: Any
) -> Ray:
    """The ray of a random direction, from `random_directions`; the other settings are `ray`'s."""
    return ray(pair, data, centre, random_directions(centre, key, 1, normalization)[0], **settings)


def linear_interpolation(
    pair: Pair, data: Dataset, start: Params, end: Params, *, steps: int = 101, beyond: float = 0.0, **settings: Any
) -> Ray:
    r"""The objective between two points: :math:`V_i = F((1 - \alpha_i) a + \alpha_i b)`, alpha from 0 to 1.

    Args:
        pair: from `pair`.
        data: the examples.
        start: a, at alpha = 0.
        end: b, at alpha = 1.
        steps: points on the line, at least 2.
        beyond: how much further it goes on both sides.
        **settings: `ray`'s model, l2, sample_weights, quantities, method.

    Returns:
        A `Ray` whose centre is `start`.
    """
    surface = _surface_of(pair, data, start, (_difference(end, start),), settings)
    return ray_of(surface, _span(beyond, steps))


def planar_interpolation(
    pair: Pair,
    data: Dataset,
    a: Params,
    b: Params,
    c: Params,
    *,
    steps: int = 101,
    beyond: float = 0.25,
    **settings: Any,
) -> Plane:
    r"""The plane through three points: :math:`V_{ij} = F(a + \alpha_i (b - a) + \beta_j (c - a))`.

    Args:
        pair: from `pair`.
        data: the examples.
        a: at (0, 0).
        b: at (1, 0).
        c: at (0, 1).
        steps: points on each axis, at least 2.
        beyond: how much further than [0, 1] each axis goes on both sides.
        **settings: `plane`'s model, l2, sample_weights, quantities, method.

    Returns:
        A `Plane`; its axes are not orthogonal in general.
    """
    surface = _surface_of(pair, data, a, (_difference(b, a), _difference(c, a)), settings)
    axis = _span(beyond, steps)
    return plane_of(surface, (axis, axis))


def trajectory_plane(
    pair: Pair, data: Dataset, trajectory: Params, *, steps: int = 101, margin: float = 0.2, **settings: Any
) -> tuple[Plane, Trajectory]:
    """The plane that shows most of a training run, and the run in it.

    Args:
        pair: from `pair`.
        data: the examples.
        trajectory: params with a leading axis, as `fit(record=lambda params: params).records` holds them.
        steps: points on each axis, odd.
        margin: how much wider than the run the plane is.
        **settings: `plane`'s model, l2, sample_weights, quantities, method.

    Returns:
        The plane, centred on the run's end, and its `Trajectory`: path, the share of variance kept, distances off it.
    """
    seen = trajectory_directions(trajectory)
    reach = tuple(float(r) for r in (1.0 + margin) * np.abs(seen.path).max(axis=0))
    reach = (reach[0], reach[1] or reach[0])
    return plane(pair, data, seen.centre, seen.directions, radius=reach, steps=steps, **settings), seen


def _surface_of(pair: Pair, data: Dataset, centre: Params, directions: tuple, settings: dict[str, Any]) -> Surface:
    known = {"model": None, "l2": 0.0, "sample_weights": None, "quantities": (), "method": "fastest"}
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ValueError(f"There is no setting {', '.join(unknown)}; there are {', '.join(known)}.")
    return surface_of(pair, data, centre, directions, *(settings.get(name, default) for name, default in known.items()))


def _span(beyond: float, steps: int) -> np.ndarray:
    if steps < 2 or not beyond >= 0:
        raise ValueError(f"An interpolation needs steps >= 2 and beyond >= 0, not {steps} and {beyond}.")
    return np.linspace(-beyond, 1.0 + beyond, steps)


def _difference(b: Params, a: Params) -> Params:
    return jax.tree.map(lambda x, y: np.asarray(x, float) - np.asarray(y, float), b, a)
