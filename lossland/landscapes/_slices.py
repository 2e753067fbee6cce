"""Rays and planes through given points: random ones, between solutions, and the plane of a training run."""

from typing import Any

import jax
import numpy as np

from lossland.core import MOST, Key, Model, Params, guarded
from lossland.data import Dataset
from lossland.elements import Pair
from lossland.landscapes._directions import (
    Ends,
    Normalization,
    hessian_directions,
    random_directions,
    way,
)
from lossland.landscapes._plane import Plane, Ray, plane, plane_of, ray, ray_of
from lossland.landscapes._surface import Asked, Surface, surface_of
from lossland.landscapes._trajectories import Trajectory, trajectory_directions


@guarded(units=-MOST)
def random_plane(
    pair: Pair,
    data: Dataset,
    centre: Params,
    *,
    key: Key,
    normalization: Normalization = "filter",
    units: int = -1,
    **settings: Any,
) -> Plane:
    r"""The plane of two random directions: :math:`V_{ij} = F(\theta + \alpha_i d_1 + \beta_j d_2)`.

    Args:
        pair: from `pair`.
        data: the examples.
        centre: the params in the middle, theta.
        key: decides the directions.
        normalization: how they are scaled, as in `random_directions`: "filter", "layer", "model" or None.
        units: the axis of matrices along which units lie, as in `random_directions`.
        **settings: `plane`'s radius, steps, model, l2, sample_weights, quantities, method, tolerance, progress.

    Returns:
        A `Plane`; its settings hold the key and the normalization, so that it can be drawn again.

    Raises:
        ValueError: as `random_directions` and `plane`.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.load("two_gaussians(n=20, seed=1)")
        >>> centre = ll.linear().init(jax.random.key(0), data.d)
        >>> p = ll.random_plane(ll.pair("relu+hinge"), data, centre, key=jax.random.key(1), radius=1.0, steps=5)
        >>> p.values.shape, p.settings["normalization"]
        ((5, 5), 'filter')

    Source: Li, Xu, Taylor, Studer & Goldstein 2018.
    """
    first, second = random_directions(centre, key, 2, normalization, units)
    made = plane(pair, data, centre, (first, second), **settings)
    seed = {"key": np.asarray(jax.random.key_data(key)).tolist(), "normalization": normalization}
    seed |= {"units": units} if units != -1 else {}
    return made._replace(settings=made.settings | seed)


@guarded(units=-MOST)
def random_line(
    pair: Pair,
    data: Dataset,
    centre: Params,
    *,
    key: Key,
    normalization: Normalization = "filter",
    units: int = -1,
    **settings: Any,
) -> Ray:
    r"""The line along a random direction: :math:`V_i = F(\theta + \alpha_i d)`.

    Args:
        pair: from `pair`.
        data: the examples.
        centre: the params in the middle, theta.
        key: decides the direction.
        normalization: how it is scaled, as in `random_directions`: "filter", "layer", "model" or None.
        units: the axis of matrices along which units lie, as in `random_directions`.
        **settings: `ray`'s radius, steps, model, l2, sample_weights, quantities, method.

    Returns:
        A `Ray`.

    Raises:
        ValueError: as `random_directions` and `ray`.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.load("two_gaussians(n=20, seed=1)")
        >>> centre = ll.linear().init(jax.random.key(0), data.d)
        >>> given = ll.pair("relu+hinge"), data, centre
        >>> r = ll.landscapes.random_line(*given, key=jax.random.key(1), radius=1.0, steps=5)
        >>> r.alphas.tolist(), r.values.shape
        ([-1.0, -0.5, 0.0, 0.5, 1.0], (5,))

    Source: Li, Xu, Taylor, Studer & Goldstein 2018.
    """
    return ray(pair, data, centre, random_directions(centre, key, 1, normalization, units)[0], **settings)


@guarded(steps=1)
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

    Raises:
        ValueError: if steps or beyond make no sense, a setting is unknown, or the two points are the same.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.load("two_gaussians(n=20, seed=1)")
        >>> a, b, c = (ll.linear().init(jax.random.key(k), data.d) for k in range(3))
        >>> r = ll.landscapes.linear_interpolation(ll.pair("relu+hinge"), data, a, b, steps=3)
        >>> f = ll.objective(ll.pair("relu+hinge"), data=data)
        >>> r.alphas.tolist(), bool(abs(r.values[2] - f(b)) < 1e-6)
        ([0.0, 0.5, 1.0], True)

    Source: Goodfellow, Vinyals & Saxe 2015.
    """
    surface = _surface_between(pair, data, start, (way(start, end),), settings)
    return ray_of(surface, _axis_beyond(beyond, steps))


@guarded(steps=1)
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

    Raises:
        ValueError: if steps or beyond make no sense, a setting is unknown, or b or c is the same point as a.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.load("two_gaussians(n=20, seed=1)")
        >>> a, b, c = (ll.linear().init(jax.random.key(k), data.d) for k in range(3))
        >>> p = ll.landscapes.planar_interpolation(ll.pair("relu+hinge"), data, a, b, c, steps=3, beyond=0.0)
        >>> f = ll.objective(ll.pair("relu+hinge"), data=data)
        >>> bool(abs(p.values[2, 0] - f(b)) < 1e-6), bool(abs(p.values[0, 2] - f(c)) < 1e-6)
        (True, True)
    """
    surface = _surface_between(pair, data, a, (way(a, b), way(a, c)), settings)
    axis = _axis_beyond(beyond, steps)
    return plane_of(surface, (axis, axis))


@guarded(steps=1)
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

    Raises:
        ValueError: if fewer than three points are given, none of them moves, one is not finite, or there is but one
            parameter.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.load("two_gaussians(n=20, seed=1)")
        >>> away = np.linspace(1.0, 0.0, 5)
        >>> run = {"weights": np.stack([away, away**2], axis=1), "bias": away**3}
        >>> p, seen = ll.landscapes.trajectory_plane(ll.pair("relu+hinge"), data, run, steps=5)
        >>> p.values.shape, seen.path.shape, bool(seen.kept.sum() > 0.99)
        ((5, 5), (5, 2), True)

    Source: Li, Xu, Taylor, Studer & Goldstein 2018.
    """
    seen = trajectory_directions(trajectory)
    reach = tuple(float(r) for r in (1.0 + margin) * np.abs(seen.path).max(axis=0))
    # A run along a line, whose second coordinates are rounding, is shown in a square.
    reach = (reach[0], reach[1] if reach[1] > 1e-9 * reach[0] else reach[0])
    return plane(pair, data, seen.centre, seen.directions, radius=reach, steps=steps, **settings), seen


def _surface_between(pair: Pair, data: Dataset, centre: Params, directions: tuple, settings: dict[str, Any]) -> Surface:
    known = "model", "l2", "sample_weights", "quantities", "method"
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ValueError(f"There is no setting {', '.join(unknown)}; there are {', '.join(known)}.")
    return surface_of(Asked(pair, data, centre, directions, **settings))


def _axis_beyond(beyond: float, steps: int) -> np.ndarray:
    if steps < 2 or not beyond >= 0:
        raise ValueError(f"An interpolation needs steps >= 2 and beyond >= 0, not {steps} and {beyond}.")
    return np.linspace(-beyond, 1.0 + beyond, steps)


@guarded()
def hessian_plane(
    pair: Pair,
    data: Dataset,
    centre: Params,
    *,
    ends: Ends = "top",
    model: Model | None = None,
    l2: float = 0.0,
    sample_weights: Any = None,
    key: Key | None = None,
    **settings: Any,
) -> Plane:
    r"""The plane of two eigenvectors of the Hessian at its centre: where the objective bends most.

    .. math:: V_{ij} = F(\theta + \alpha_i d_1 + \beta_j d_2), \quad H d_k = \lambda_k d_k, \; \|d_k\| = 1

    Args:
        pair: from `pair`; not made of lines only.
        data: the examples.
        centre: the params theta.
        ends: "top": the two largest eigenvalues; "top and bottom": the largest and the smallest.
        model: gives scores; linear if left out.
        l2: the penalty.
        sample_weights: (n,), as in `objective`.
        key: where Lanczos' method starts, for large models.
        **settings: `plane`'s radius, steps, quantities, method, tolerance, progress.

    Returns:
        A `Plane`; `settings["eigenvalues"]` holds the two, `settings["residuals"]` their errors.

    Raises:
        ValueError: as `plane` and `top_eigenvalues`; for a pair made of lines, saying what to take instead.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.standardise(ll.load("breast_cancer"))
        >>> centre = {"weights": jax.numpy.zeros(30), "bias": jax.numpy.zeros(())}
        >>> p = ll.landscapes.hessian_plane(ll.pair("identity", "logistic"), data, centre, radius=1.0, steps=5)
        >>> [round(x, 2) for x in p.settings["eigenvalues"]]
        [3.32, 1.42]

    Source: Yao, Gholami, Keutzer & Mahoney 2020, for the picture.
    """
    held: dict[str, Any] = {"model": model, "l2": l2, "sample_weights": sample_weights}
    directions, found = hessian_directions(pair, data, centre, ends=ends, key=key, **held)
    made = plane(pair, data, centre, directions, **held, **settings)
    said = {"eigenvalues": found.values.tolist(), "residuals": found.residuals.tolist(), "ends": ends}
    return made._replace(settings=made.settings | said)
