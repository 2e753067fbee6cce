"""Rays and planes: an objective along one or two directions around any point, on a grid that holds the point."""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from lossland.core import Key, Model, Params
from lossland.data import Dataset
from lossland.directions import Normalization, Trajectory, named_leaves, random_directions, trajectory_directions
from lossland.models import linear
from lossland.objectives import objective
from lossland.pairing import Pair
from lossland.surfaces import QUANTITIES, Surface, on_grid

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
        method: "kinks" (exact running sums over kinks), "scores" (exact, scores affine in the plane) or "model".
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
    holes: int
    settings: dict[str, Any]

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` with dims (alpha, beta); the centre and the directions are in it, to draw it again."""
        return _to_xarray(self, ("alpha", "beta"), (self.alphas, self.betas), self.directions)


class Ray(NamedTuple):
    """An objective along a line: values[i] at centre + alphas[i] * direction. Attributes as `Plane`'s."""

    values: np.ndarray
    alphas: np.ndarray
    centre: Params
    direction: Params
    quantities: dict[str, np.ndarray]
    method: str
    holes: int
    settings: dict[str, Any]

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` with the dim alpha; the centre and the direction are in it."""
        return _to_xarray(self, ("alpha",), (self.alphas,), (self.direction,))


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
    quantities: Sequence[str] = (),
    method: str = "fastest",
    progress: Progress | None = None,
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
        quantities: also "risk", "positive_risk", "negative_risk", "error", "dead", "active", "margin".
        method: "fastest" of those that are exact here; or one of "kinks", "scores", "model".
        progress: called with (pixels done, of).

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
        >>> p.values.shape, float(p.values[5, 5]), p.method
        ((11, 11), 1.0, 'kinks')
    """
    if len(directions) != 2:
        raise ValueError(f"A plane needs two directions; got {len(directions)}. `ray` takes one.")
    counts = (steps, steps) if isinstance(steps, int) else tuple(steps)
    surface = _surface(pair, data, centre, directions, model, l2, sample_weights, quantities, method)
    reach = _reaches(surface, radius, 2)
    axes = tuple(_axis(r, count) for r, count in zip(reach, counts, strict=True))
    return _plane(surface, axes, progress)


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
    quantities: Sequence[str] = (),
    method: str = "fastest",
) -> Ray:
    r"""The objective along a line: :math:`V_i = F(\theta + \alpha_i d)`. Arguments and errors as `plane`'s.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.load("two_gaussians(n=20, seed=1)")
        >>> centre = ll.linear().init(jax.random.key(0), data.d)
        >>> ll.ray(ll.pair("relu", "hinge"), data, centre, centre, radius=1.0, steps=5).alphas.tolist()
        [-1.0, -0.5, 0.0, 0.5, 1.0]
    """
    surface = _surface(pair, data, centre, (direction,), model, l2, sample_weights, quantities, method)
    (reach,) = _reaches(surface, radius, 1)
    return _ray(surface, _axis(reach, steps))


def random_plane(
    pair: Pair, data: Dataset, centre: Params, *, key: Key, normalization: Normalization = "filter", **settings: Any
) -> Plane:
    """The plane of two random directions, from `random_directions`; the other settings are `plane`'s."""
    return plane(pair, data, centre, _two(random_directions(centre, key, 2, normalization)), **settings)


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
    return _ray(surface, _span(beyond, steps))


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
    return _plane(surface, (axis, axis), None)


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


# ---------------------------------------------------------------------------------------------------------- their parts


def _surface_of(pair: Pair, data: Dataset, centre: Params, directions: tuple, settings: dict[str, Any]) -> Surface:
    known = {"model": None, "l2": 0.0, "sample_weights": None, "quantities": (), "method": "fastest"}
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ValueError(f"There is no setting {', '.join(unknown)}; there are {', '.join(known)}.")
    return _surface(pair, data, centre, directions, *(settings.get(name, default) for name, default in known.items()))


def _surface(pair, data, centre, directions, model, l2, sample_weights, quantities, method) -> Surface:
    unknown = sorted(set(quantities) - set(QUANTITIES))
    if unknown:
        raise ValueError(f"There is no quantity {', '.join(unknown)}; there are {', '.join(QUANTITIES)}.")
    model = linear() if model is None else model
    with jax.enable_x64(True):
        f = objective(pair, model, data, l2, sample_weights)
        shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), data.d))
    for what, tree in (("The centre", centre), *((f"Direction {k}", d) for k, d in enumerate(directions))):
        _check_shapes(what, tree, shapes, model)
    for k, direction in enumerate(directions):
        leaves = [np.asarray(x, float) for x in jax.tree.leaves(direction)]
        if not all(np.isfinite(x).all() for x in leaves):
            raise ValueError(f"Direction {k} holds a number that is not finite.")
        if not any(x.any() for x in leaves):
            raise ValueError(f"Direction {k} is zero; the plane would be a line.")
    middle, wide = jax.tree.map(lambda x: np.asarray(x, float), (centre, tuple(directions)))
    return Surface(f, middle, wide, tuple(quantities), method, data.name)


def _check_shapes(what: str, tree: Params, shapes: Params, model: Model) -> None:
    same = jax.tree.structure(tree) == jax.tree.structure(shapes)
    if not same or any(
        np.shape(x) != y.shape for x, y in zip(jax.tree.leaves(tree), jax.tree.leaves(shapes), strict=True)
    ):
        got = jax.tree.map(np.shape, tree)
        raise ValueError(
            f"{what} has the shapes {got}; params of {model.name} have {jax.tree.map(lambda x: x.shape, shapes)}."
        )


def _reaches(surface: Surface, radius: Any, count: int) -> tuple[float, ...]:
    given = radius if isinstance(radius, (tuple, list)) else (radius,) * count
    if len(given) != count:
        raise ValueError(f"radius is one number or {count}, not {radius}.")
    made = tuple(_doubling(surface, k) if r is None else float(r) for k, r in enumerate(given))
    if not all(np.isfinite(r) and r > 0 for r in made):
        raise ValueError(f"radius must be positive, not {radius}.")
    return made


def _doubling(surface: Surface, k: int) -> float:
    """Where along a direction the objective has doubled, or risen by 0.1; a direction's own length if it never does."""
    one = surface._replace(directions=(surface.directions[k],), quantities=(), method="fastest")
    size = [np.sqrt(sum(float((x * x).sum()) for x in jax.tree.leaves(t))) for t in (one.centre, one.directions[0])]
    tried = (size[0] or 1.0) / size[1] * 2.0 ** np.arange(-10, 11)
    values = on_grid(one, (np.concatenate([[0.0], tried, -tried]),)).values
    risen = np.nanmax(values[1:].reshape(2, -1), axis=0) - values[0] >= max(abs(values[0]), 0.1)
    return float(tried[np.argmax(risen)] if risen.any() else (size[0] or 1.0) / size[1])


def _axis(radius: float, steps: int) -> np.ndarray:
    if steps < 1 or steps % 2 == 0:
        raise ValueError(f"steps must be odd, so that the centre is on the grid, not {steps}.")
    half = radius * (np.arange(steps // 2 + 1) / max(steps // 2, 1))
    return np.concatenate([-half[:0:-1], half])


def _span(beyond: float, steps: int) -> np.ndarray:
    if steps < 2 or not beyond >= 0:
        raise ValueError(f"An interpolation needs steps >= 2 and beyond >= 0, not {steps} and {beyond}.")
    return np.linspace(-beyond, 1.0 + beyond, steps)


def _plane(surface: Surface, axes: tuple[np.ndarray, ...], progress: Progress | None) -> Plane:
    found = on_grid(surface, axes, progress)
    return Plane(
        found.values,
        axes[0],
        axes[1],
        surface.centre,
        _two(surface.directions),
        found.quantities,
        found.method,
        int(np.isnan(found.values).sum()),
        surface.settings(),
    )


def _ray(surface: Surface, alphas: np.ndarray) -> Ray:
    found = on_grid(surface, (alphas,))
    return Ray(
        found.values,
        alphas,
        surface.centre,
        surface.directions[0],
        found.quantities,
        found.method,
        int(np.isnan(found.values).sum()),
        surface.settings(),
    )


def _difference(b: Params, a: Params) -> Params:
    return jax.tree.map(lambda x, y: np.asarray(x, float) - np.asarray(y, float), b, a)


def _two(directions: tuple[Params, ...]) -> tuple[Params, Params]:
    return directions[0], directions[1]


def _to_xarray(made: Any, dims: tuple[str, ...], axes: tuple, directions: tuple) -> Any:
    import xarray

    result = xarray.Dataset({"objective": (dims, made.values)}, dict(zip(dims, axes, strict=True)))
    for name, values in made.quantities.items():
        result[name] = (dims, values, {"long_name": QUANTITIES[name]})
    for what, tree in (("centre", made.centre), *((f"direction_{k}", d) for k, d in enumerate(directions))):
        for name, leaf in named_leaves(tree):
            result[f"{what}_{name}"] = (tuple(f"{name}_{k}" for k in range(np.ndim(leaf))), np.asarray(leaf))
    return result.assign_attrs(settings=json.dumps(made.settings), method=made.method, holes=made.holes)
