"""Directions to look along: random ones of a given scale, and those that an objective decides.

An objective decides its gradient, its Hessian's eigenvectors and, by its solutions, the way from one to another.
"""

from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

from lossland.core import (
    MOST,
    Key,
    Model,
    Params,
    checked_tree,
    flattened,
    form_of,
    guarded,
    is_key,
    is_real,
    norm,
    refuse_infinite,
    refuse_traced,
    told,
)
from lossland.curvature import TopEigenvalues, checked_objective, top_eigenvalues
from lossland.curves import made_of_lines
from lossland.data import Dataset
from lossland.elements import Pair
from lossland.landscapes._units import Normalization, unit_groups
from lossland.training import Objective, linear, objective

Ends = Literal["top", "top and bottom"]


@guarded(count=1, units=-MOST)
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
    refuse_traced("A tree of params", params)
    refuse_traced("The key", key)
    refuse_infinite("The params hold", params, "Has a training run diverged? Take an earlier point.")
    if not jax.tree.leaves(params):
        raise ValueError("params hold no array: there is no direction to draw.")
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


def _held(params: Params) -> np.ndarray:
    """Which numbers of the flattened params are whole or switches, and do not move; none if all are typed so."""
    leaves = [leaf for leaf in jax.tree.leaves(params) if not is_key(leaf)]
    held = np.concatenate([np.full(np.size(leaf), not is_real(leaf)) for leaf in leaves])
    return held & (not held.all())


def _group_norms(vector: np.ndarray, groups: np.ndarray) -> np.ndarray:
    return np.sqrt(np.bincount(groups, vector**2))


@guarded()
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


@guarded()
def towards(params: Params, goal: Any) -> Params:
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
    start, end = params, checked_tree("goal", goal)
    shapes = [(jax.tree.structure(t), [np.shape(x) for x in jax.tree.leaves(t)]) for t in (start, end)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"params have the shapes {shapes[0][1]}, the goal {shapes[1][1]}; they must be alike.")
    made = way(start, end)
    if not norm(made) > 0:
        raise ValueError("The goal is the point itself: no direction towards it.")
    return made


@guarded()
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
    """The step from params to others, in float64; keys do not move.

    Raises:
        ValueError: if they are shaped differently, or are no params.
    """
    if form_of(checked_tree("The params", start)) != form_of(checked_tree("The params", end)):
        raise ValueError(f"Params of one model are shaped alike; these are {told(start)} and {told(end)}.")
    return jax.tree.map(lambda a, b: a if is_key(a) else np.asarray(b, float) - np.asarray(a, float), start, end)
