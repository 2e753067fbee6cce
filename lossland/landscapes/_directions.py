"""Directions to look along: random ones of a given scale, those of a trajectory, and those that an objective decides.

An objective decides its gradient, its Hessian's eigenvectors and, by its solutions, the way from one to another.
"""

from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from lossland.core import Key, Model, Params, flattened, is_key, is_real, norm, refuse_infinite
from lossland.curvature import TopEigenvalues, checked_objective, top_eigenvalues
from lossland.curves import made_of_lines
from lossland.data import Dataset
from lossland.elements import Pair
from lossland.landscapes._units import Normalization, unit_groups
from lossland.training import Objective, linear, objective

Ends = Literal["top", "top and bottom"]


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
    params: Params, key: Key, count: int = 2, normalization: Normalization = "filter", units: int = -1
) -> tuple[Params, ...]:
    r"""Gaussian directions, scaled as the params are and then made orthogonal.

    Args:
        params: the point that they start from, shaped as `model.init` gives it.
        key: decides them.
        count: how many.
        normalization: "filter": what one unit takes in (its weights and its bias together) gets the norm of the
            params' (Li et al. 2018, who leave biases out); "layer": each layer as a whole; "model": all at once;
            None: unit norm. A layer is an innermost node that holds arrays, of any container. Whole numbers, switches
            and keys do not move.
        units: the axis of matrices along which units lie: the last; 0 where weights are stored (out, in).

    Returns:
        The directions, orthogonal to rounding *after* their scaling, each with the norm that the scaling gave it.

    Raises:
        ValueError: if there are fewer parameters than directions, the params to scale by are all 0, or two
            matrices lie side by side in one node, so that which units are whose cannot be known.

    Example:
        >>> import jax, lossland as ll
        >>> params = ll.linear().init(jax.random.key(0), 4)
        >>> first, second = random_directions(params, jax.random.key(1))
        >>> from lossland.core import dot, norm
        >>> abs(dot(first, second)) < 1e-12, abs(norm(first) - norm(params)) < 1e-6
        (True, True)

    Source: Li, Xu, Taylor, Studer & Goldstein 2018.
    """
    refuse_infinite("The params hold", params, "Has a training run diverged? Take an earlier point.")
    flat, unravel = flattened(params)
    held = _held(params)
    if count > np.sum(~held):
        raise ValueError(f"{count} orthogonal directions need as many parameters; there are {np.sum(~held)}.")
    made = unit_groups(params, normalization, units)
    numbers = [not is_key(leaf) for leaf in jax.tree.leaves(params)]
    groups = (
        None if made is None else np.concatenate([g.ravel() for g, real in zip(made, numbers, strict=True) if real])
    )
    if normalization is not None and not np.any(flat):
        raise ValueError("The params are all 0: no scale to give a direction. Take normalization=None.")
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())
    drawn = rng.normal(size=(count, flat.size))
    drawn[:, held] = 0.0
    for k, direction in enumerate(drawn):
        if groups is None:
            drawn[k] = direction / np.linalg.norm(direction)
        else:
            moving = groups >= 0
            drawn[k, ~moving] = 0.0
            scales = _group_norms(flat[moving], groups[moving]) / _group_norms(direction[moving], groups[moving])
            drawn[k, moving] *= scales[groups[moving]]
    sizes = np.linalg.norm(drawn, axis=1)
    q, r = np.linalg.qr(drawn.T)
    return tuple(unravel(row) for row in (q * np.sign(np.diag(r))).T * sizes[:, None])


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


def _held(params: Params) -> np.ndarray:
    """Which numbers of the flattened params are whole or switches, and do not move; none if all are typed so."""
    leaves = [leaf for leaf in jax.tree.leaves(params) if not is_key(leaf)]
    held = np.concatenate([np.full(np.size(leaf), not is_real(leaf)) for leaf in leaves])
    return held & (not held.all())


def _group_norms(vector: np.ndarray, groups: np.ndarray) -> np.ndarray:
    return np.sqrt(np.bincount(groups, vector**2))


def gradient_direction(
    pair: Pair,
    data: Dataset,
    centre: Params,
    *,
    model: Model | None = None,
    l2: float = 0.0,
    sample_weights: Any = None,
) -> Params:
    r"""The direction of steepest descent, of length 1: :math:`d = -\nabla F(\theta) / \|\nabla F(\theta)\|`.

    Args:
        pair: from `pair`; at a kink the slope that its tie takes counts.
        data: the examples.
        centre: the params theta.
        model: gives scores; linear if left out.
        l2: the penalty.
        sample_weights: (n,), as in `objective`.

    Returns:
        d, shaped like the params, in float64.

    Raises:
        ValueError: if the gradient is zero or not finite there.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.load("two_gaussians(n=20, seed=1)")
        >>> centre = {"weights": jax.numpy.zeros(2), "bias": jax.numpy.zeros(())}
        >>> d = ll.landscapes.gradient_direction(ll.pair("identity", "hinge"), data, centre)
        >>> round(float((d["weights"] ** 2).sum() + d["bias"] ** 2), 12)
        1.0
    """
    with jax.enable_x64(True):
        f = objective(pair, linear() if model is None else model, data, l2, sample_weights)
        point = checked_objective(f, jax.tree.map(_double, centre))
        slope = point.back(jax.tree.map(np.asarray, _gradient_at(point.f, point.moving)))
    size = norm(slope)
    if not (np.isfinite(size) and size > 0):
        why = "zero: the centre is stationary" if size == 0 else "not finite"
        raise ValueError(f"The gradient of {pair.name} at the centre is {why}. Take another direction or centre.")
    return jax.tree.map(lambda x: -x / size if is_real(x) else x, slope)


def towards(params: Params, goal: Params) -> Params:
    """The direction from params to a goal, of their distance's length: the goal lies at alpha = 1.

    Args:
        params: where it starts.
        goal: where it ends, shaped like params; a `Solution` of a linear model will do.

    Returns:
        goal - params, in float64.

    Raises:
        ValueError: if the shapes differ or both are the same point.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.load("two_gaussians(n=20, seed=1)")
        >>> start, goal = (ll.linear().init(jax.random.key(k), data.d) for k in (0, 1))
        >>> d = ll.landscapes.towards(start, goal)
        >>> ll.ray(ll.pair("identity+hinge"), data, start, d, radius=1.0, steps=3).values.shape
        (3,)
    """
    if hasattr(goal, "weights") and hasattr(goal, "bias") and isinstance(params, dict):
        goal = {"weights": goal.weights, "bias": goal.bias}
    start, end = params, goal
    shapes = [(jax.tree.structure(t), [np.shape(x) for x in jax.tree.leaves(t)]) for t in (start, end)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"params have the shapes {shapes[0][1]}, the goal {shapes[1][1]}; they must be alike.")
    made = way(start, end)
    if not norm(made) > 0:
        raise ValueError("The goal is the point itself: no direction towards it.")
    return made


def hessian_directions(
    pair: Pair,
    data: Dataset,
    centre: Params,
    *,
    ends: Ends = "top",
    model: Model | None = None,
    l2: float = 0.0,
    sample_weights: Any = None,
    key: Key | None = None,
) -> tuple[tuple[Params, Params], TopEigenvalues]:
    r"""Two eigenvectors of the Hessian at a point: :math:`H d_k = \lambda_k d_k`. Errors as `hessian_plane`'s.

    Args:
        pair: from `pair`.
        data: the examples.
        centre: the params.
        ends: "top": the two of largest eigenvalue; "top and bottom": the largest and the smallest.
        model: gives scores; linear if left out.
        l2: the penalty.
        sample_weights: (n,), as in `objective`.
        key: where Lanczos' method starts.

    Returns:
        d1 and d2, orthonormal, the largest entry of each positive; their `TopEigenvalues`.

    Raises:
        ValueError: if the pair is made of lines, so that its Hessian is 0, or there are fewer than two parameters.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [1, -1, 1, -1])
        >>> at = {"weights": np.zeros(2), "bias": np.zeros(())}
        >>> (first, _), found = ll.landscapes.hessian_directions(ll.pair("identity+squared"), data, at)
        >>> first["weights"].round(6).tolist(), found.values.round(6).tolist()
        ([1.0, 0.0], [4.0, 2.0])
    """
    if ends not in get_args(Ends):
        raise ValueError(f'ends is "top" or "top and bottom", not {ends!r}.')
    with jax.enable_x64(True):
        f = objective(pair, linear() if model is None else model, data, l2, sample_weights)
        params = jax.tree.map(_double, centre)
        if sum(x.size for x in jax.tree.leaves(checked_objective(f, params).moving)) < 2:
            raise ValueError(f"{f.model.name} has one parameter: its Hessian spans no plane. `ray` draws the line.")
        try:
            if ends == "top":
                found = top_eigenvalues(f, params, 2, key=key)
            else:
                parts = [top_eigenvalues(f, params, 1, which, key=key) for which in ("largest", "smallest")]
                found = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), *parts)
        except ValueError as error:
            if not made_of_lines(pair):
                raise
            raise ValueError(
                f"{error} For a plane of {pair.name} take `random_directions`, `gradient_direction` or the two "
                "`hessian_directions` of a smoothed loss: its plane may be drawn along them."
            ) from error
    first, second = (_pointed(jax.tree.map(lambda x, k=k: _numbers(x[k]), found.vectors)) for k in (0, 1))
    return (first, second), jax.tree.map(_numbers, found)


def _numbers(leaf: Any) -> Any:
    return leaf if is_key(leaf) else np.asarray(leaf)


@jax.jit
def _gradient_at(f: Objective, params: Params) -> Params:
    return jax.grad(f)(params)


def _pointed(direction: Params) -> Params:
    """An eigenvector has no sign: the largest entry is made positive, so that a plane can be drawn again."""
    entries = flattened(direction)[0]
    sign = 1.0 if entries[np.argmax(np.abs(entries))] >= 0 else -1.0
    return jax.tree.map(lambda x: sign * x if is_real(x) else x, direction)


def _double(leaf: Any) -> Any:
    # Whole numbers that a model takes for weights are made floats where the objective is known.
    return jnp.asarray(leaf, float) if is_real(leaf) else leaf


def way(start: Params, end: Params) -> Params:
    """The step from params to others, in float64; keys do not move."""
    return jax.tree.map(lambda a, b: a if is_key(a) else np.asarray(b, float) - np.asarray(a, float), start, end)
