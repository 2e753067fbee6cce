"""Rays and planes: an objective along one or two directions around any point, on a grid that holds the point."""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from lossland.core import (
    Model,
    Params,
    checked_devices,
    guarded,
    html_repr,
    keep_compiled,
    leaf_paths,
    named_leaves,
    norm,
    plotted,
    refuse_grid,
    short_repr,
)
from lossland.data import Dataset
from lossland.elements import Pair
from lossland.landscapes._evaluate import GridValues, on_grid
from lossland.landscapes._surface import QUANTITIES, Asked, Quantity, Surface, host_surface, placed_surface

Progress = Callable[[int, int], None]


class Plane(NamedTuple):
    """An objective on a grid: values[i, j] at centre + alphas[i] * directions[0] + betas[j] * directions[1].

    Attributes:
        values: (a, b) the objective, penalty included; NaN where a score is NaN, never filled in.
        alphas: (a,).
        betas: (b,).
        centre: the params at (0, 0).
        directions: two directions, shaped like the params.
        quantities: name -> (a, b), those asked for.
        method: "kinks" (exact running sums over kinks), "scores" (exact, scores affine in the plane), "model", or
            "expansion".
        error: the bound on an expansion's error, rounding apart: proven if the pair's program can be read, else an
            estimate from its table; 0 where values are exact to rounding.
        holes: how many values are NaN.
        settings: pair, data, model, l2 and what else is needed to draw it again.
    """

    values: np.ndarray
    alphas: np.ndarray
    betas: np.ndarray
    centre: Params
    directions: tuple[Params, Params]
    quantities: dict[str, np.ndarray]
    method: str
    error: float
    holes: int
    settings: dict[str, Any]

    __repr__ = short_repr
    _repr_html_ = html_repr
    plot = plotted

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` with dims (alpha, beta); the centre and the directions are in it, to draw it again."""
        return labelled(self, ("alpha", "beta"), (self.alphas, self.betas), self.directions)


class Ray(NamedTuple):
    """An objective along a line: values[i] at centre + alphas[i] * direction.

    Attributes:
        values: (a,) the objective, penalty included; NaN where a score is NaN, never filled in.
        alphas: (a,).
        centre: the params at 0.
        direction: shaped like the params.
        quantities: name -> (a,), those asked for.
        method: as `Plane`'s.
        error: as `Plane`'s.
        holes: how many values are NaN.
        settings: pair, data, model, l2 and what else is needed to draw it again.
    """

    values: np.ndarray
    alphas: np.ndarray
    centre: Params
    direction: Params
    quantities: dict[str, np.ndarray]
    method: str
    error: float
    holes: int
    settings: dict[str, Any]

    __repr__ = short_repr
    _repr_html_ = html_repr
    plot = plotted

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` with the dim alpha; the centre and the direction are in it."""
        return labelled(self, ("alpha",), (self.alphas,), (self.direction,))


@guarded()
def plane(
    pair: Pair,
    data: Dataset,
    centre: Params,
    directions: tuple[Params, Params],
    *,
    radius: float | tuple[float, float] | None = None,
    steps: int | tuple[int, int] = 101,
    model: Model | None = None,
    l2: float = 0.0,
    sample_weights: Any = None,
    quantities: Sequence[Quantity] = (),
    method: str = "fastest",
    tolerance: float = 0.0,
    progress: Progress | None = None,
    devices: Sequence[Any] | None = None,
) -> Plane:
    r"""The objective on a grid in a plane of its parameters.

    .. math:: V_{ij} = F(\theta + \alpha_i d_1 + \beta_j d_2)

    Args:
        pair: from `pair`.
        data: the examples.
        centre: the params in the middle, theta; left as they are.
        directions: d1 and d2, shaped like the params, of any length and angle.
        radius: the grid reaches from -radius to radius on each axis, in units of the direction; None: to where the
            objective has doubled along it.
        steps: points on each axis, odd, so that the centre is one of them.
        model: gives scores; linear if left out.
        l2: the penalty.
        sample_weights: (n,), as in `objective`.
        quantities: also "risk", "positive_risk", "negative_risk", "error", "dead", "active", "saturated", "margin",
            "gradient_norm", "outside" (the gradient's part that leaves the plane), "determinant" and "trace" (of the
            Hessian in the plane), or functions of (params, data) that give a number, kept under their names.
        method: "fastest" of those that are exact here; or one of "kinks", "scores", "model".
        tolerance: an absolute error that is allowed: the plane of a smooth pair, whose scores are affine in it, may
            then be a polynomial, whose error is at most `Plane.error`; 0: none.
        progress: called with (pixels done, of).
        devices: which take blocks of pixels in turn, say `jax.devices()`; one if left out. Of several processes, each
            makes the same call. What is summed through its kinks, or expanded, is so quick that one serves.

    Returns:
        A `Plane`.

    Raises:
        ValueError: if a direction is not shaped like the params or is zero, the radius or the steps make no sense, or
            the method does not fit.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.standardise(ll.load("breast_cancer"))
        >>> centre = {"weights": jax.numpy.zeros(30), "bias": jax.numpy.zeros(())}
        >>> axes = ll.random_directions(centre, jax.random.key(0), normalization=None)
        >>> p = ll.plane(ll.pair("identity", "hinge"), data, centre, axes, radius=1.0, steps=11)
        >>> p.values.shape, round(float(p.values[5, 5]), 9), p.method
        ((11, 11), 1.0, 'kinks')
    """
    keep_compiled()
    asked = Asked(pair, data, centre, directions, model, l2, sample_weights, quantities, method, tolerance)
    surface, axes = _host_on_two_axes(asked, radius, steps)
    return plane_of(surface._replace(devices=checked_devices(devices)), axes, progress)


@guarded(steps=1)
def ray(
    pair: Pair,
    data: Dataset,
    centre: Params,
    direction: Params,
    *,
    radius: float | None = None,
    steps: int = 101,
    model: Model | None = None,
    l2: float = 0.0,
    sample_weights: Any = None,
    quantities: Sequence[Quantity] = (),
    method: str = "fastest",
) -> Ray:
    r"""The objective along a line: :math:`V_i = F(\theta + \alpha_i d)`.

    Args:
        pair: from `pair`.
        data: the examples.
        centre: the params in the middle, theta; left as they are.
        direction: d, shaped like the params, of any length.
        radius: the line reaches from -radius to radius, in units of the direction; None: to where the objective has
            doubled.
        steps: points, odd, so that the centre is one of them.
        model: gives scores; linear if left out.
        l2: the penalty.
        sample_weights: (n,), as in `objective`.
        quantities: as `plane`'s.
        method: as `plane`'s.

    Returns:
        A `Ray`.

    Raises:
        ValueError: as `plane`.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.load("two_gaussians(n=20, seed=1)")
        >>> centre = ll.linear().init(jax.random.key(0), data.d)
        >>> ll.ray(ll.pair("relu", "hinge"), data, centre, centre, radius=1.0, steps=5).alphas.tolist()
        [-1.0, -0.5, 0.0, 0.5, 1.0]
    """
    surface = host_surface(Asked(pair, data, centre, (direction,), model, l2, sample_weights, quantities, method))
    return ray_of(surface, *axes_of(surface, radius, (steps,)))


# ------------------------------------------------------------------------------------- from what is asked to a grid


def on_two_axes(
    asked: Asked, radius: float | tuple[float, float] | None, steps: int | tuple[int, int]
) -> tuple[Surface, tuple[np.ndarray, ...]]:
    """The surface and the two axes that a user of `plane` asks for, checked."""
    surface, axes = _host_on_two_axes(asked, radius, steps)
    return placed_surface(surface), axes


def _host_on_two_axes(
    asked: Asked, radius: float | tuple[float, float] | None, steps: int | tuple[int, int]
) -> tuple[Surface, tuple[np.ndarray, ...]]:
    """The same, the surface's objective still on the host."""
    if len(asked.directions) != 2:
        raise ValueError(f"A plane needs two directions; got {len(asked.directions)}. `ray` takes one.")
    counts = (steps, steps) if isinstance(steps, int) else tuple(steps)
    if len(counts) != 2:
        raise ValueError(f"steps is one number or 2, not {steps}.")
    # The values, once more while they are saved or drawn, and the places of the pixels.
    refuse_grid("plane", counts, 16 * (1 + len(asked.quantities)) + 32)
    surface = host_surface(asked)
    return surface, axes_of(surface, radius, counts)


def axes_of(surface: Surface, radius: Any, counts: Sequence[int]) -> tuple[np.ndarray, ...]:
    """An axis for each direction: as far as `radius` says, of an odd number of points, the middle one exactly 0."""
    return tuple(_even_axis(r, count) for r, count in zip(_reaches(surface, radius), counts, strict=True))


def _reaches(surface: Surface, radius: Any) -> tuple[float, ...]:
    """How far each axis goes: as given, or to where the objective has doubled."""
    count = len(surface.directions)
    given = (radius,) * count if np.ndim(radius) == 0 else tuple(radius)
    if len(given) != count:
        raise ValueError(f"radius is one number or {count}, not {radius}.")
    made = tuple(_doubling(surface, k) if r is None else float(r) for k, r in enumerate(given))
    if not all(np.isfinite(r) and r > 0 for r in made):
        raise ValueError(f"radius must be positive, not {radius}.")
    return made


def _doubling(surface: Surface, k: int) -> float:
    """Where along a direction the objective has doubled, or risen by 0.1; a direction's own length if it never does."""
    one = surface._replace(
        directions=(surface.directions[k],), quantities=(), functions=(), tolerance=0.0, method="fastest"
    )
    size = [norm(one.centre), norm(one.directions[0])]
    tried = (size[0] or 1.0) / size[1] * 2.0 ** np.arange(-10, 11)
    values = on_grid(one, (np.concatenate([[0.0], tried, -tried]),)).values
    risen = np.nanmax(values[1:].reshape(2, -1), axis=0) - values[0] >= max(abs(values[0]), 0.1)
    return float(tried[np.argmax(risen)] if risen.any() else (size[0] or 1.0) / size[1])


def _even_axis(radius: float, steps: int) -> np.ndarray:
    if steps < 1 or steps % 2 == 0:
        raise ValueError(f"steps must be odd, so that the centre is on the grid, not {steps}.")
    half = radius * (np.arange(steps // 2 + 1) / max(steps // 2, 1))
    return np.concatenate([-half[:0:-1], half])


def plane_of(surface: Surface, axes: tuple[np.ndarray, ...], progress: Progress | None = None) -> Plane:
    """The plane of a surface on two axes."""
    return plane_from(surface, axes, on_grid(surface, axes, progress))


def plane_from(surface: Surface, axes: tuple[np.ndarray, ...], found: GridValues) -> Plane:
    """The plane of what was found on two axes."""
    return Plane(
        found.values,
        axes[0],
        axes[1],
        surface.centre,
        (surface.directions[0], surface.directions[1]),
        found.quantities,
        found.method,
        found.error,
        _holes(found.values),
        surface.settings(),
    )


def _holes(values: np.ndarray) -> int:
    # A finite sum has no NaN in it, and takes a third of the time.
    with np.errstate(over="ignore", invalid="ignore"):
        return 0 if np.isfinite(values.sum()) else int(np.isnan(values).sum())


def ray_of(surface: Surface, alphas: np.ndarray) -> Ray:
    """The ray of a surface on one axis."""
    found = on_grid(surface, (alphas,))
    return Ray(
        found.values,
        alphas,
        surface.centre,
        surface.directions[0],
        found.quantities,
        found.method,
        found.error,
        _holes(found.values),
        surface.settings(),
    )


def labelled(made: Any, dims: tuple[str, ...], axes: tuple, directions: tuple) -> Any:
    """The values and quantities of a grid with its axes, centre and directions, as an `xarray.Dataset`."""
    import xarray

    result = xarray.Dataset({"objective": (dims, made.values)}, dict(zip(dims, axes, strict=True)))
    for name, values in made.quantities.items():
        result[name] = (dims, values, {"long_name": QUANTITIES.get(name, name)})
    for what, tree in (("centre", made.centre), *((f"direction_{k}", d) for k, d in enumerate(directions))):
        for name, leaf in named_leaves(tree):
            result[f"{what}_{name}"] = (tuple(f"{name}_{k}" for k in range(np.ndim(leaf))), np.asarray(leaf))
    return result.assign_attrs(
        settings=json.dumps(made.settings),
        # The way to each array of the params, by which `read_plane` puts them together again.
        paths=json.dumps(leaf_paths(made.centre)),
        method=made.method,
        error=made.error,
        holes=made.holes,
    )
