"""Directions that an objective decides: its gradient, its Hessian's eigenvectors, another solution; and their plane."""

from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

from lossland.core import Key, Model, Params
from lossland.data import Dataset
from lossland.directions import norm
from lossland.models import linear
from lossland.objectives import Objective, objective
from lossland.pairing import Pair
from lossland.planes import Plane, plane
from lossland.refusals import made_of_lines
from lossland.spectra import TopEigenvalues, top_eigenvalues

Ends = Literal["top", "top and bottom"]


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
        >>> d = ll.gradient_direction(ll.pair("identity", "hinge"), data, centre)
        >>> round(float((d["weights"] ** 2).sum() + d["bias"] ** 2), 12)
        1.0
    """
    with jax.enable_x64(True):
        f = objective(pair, linear() if model is None else model, data, l2, sample_weights)
        slope = jax.tree.map(np.asarray, _gradient(f, jax.tree.map(lambda x: jnp.asarray(x, float), centre)))
    size = norm(slope)
    if not (np.isfinite(size) and size > 0):
        why = "zero: the centre is stationary" if size == 0 else "not finite"
        raise ValueError(f"The gradient of {pair.name} at the centre is {why}. Take another direction or centre.")
    return jax.tree.map(lambda x: -x / size, slope)


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
        >>> d = ll.towards(start, goal)
        >>> ll.ray(ll.pair("identity+hinge"), data, start, d, radius=1.0, steps=3).values.shape
        (3,)
    """
    if hasattr(goal, "weights") and hasattr(goal, "bias") and isinstance(params, dict):
        goal = {"weights": goal.weights, "bias": goal.bias}
    start, end = (jax.tree.map(_as_float, t) for t in (params, goal))
    shapes = [(jax.tree.structure(t), [x.shape for x in jax.tree.leaves(t)]) for t in (start, end)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"params have the shapes {shapes[0][1]}, the goal {shapes[1][1]}; they must be alike.")
    made = jax.tree.map(lambda a, b: np.asarray(b - a), start, end)
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
        >>> (first, _), found = ll.hessian_directions(ll.pair("identity+squared"), data, at)
        >>> first["weights"].round(6).tolist(), found.values.round(6).tolist()
        ([1.0, 0.0], [4.0, 2.0])
    """
    if ends not in get_args(Ends):
        raise ValueError(f'ends is "top" or "top and bottom", not {ends!r}.')
    with jax.enable_x64(True):
        f = objective(pair, linear() if model is None else model, data, l2, sample_weights)
        params = jax.tree.map(lambda x: jnp.asarray(x, float), centre)
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
    first, second = (_pointed(jax.tree.map(lambda x, k=k: np.asarray(x[k]), found.vectors)) for k in (0, 1))
    return (first, second), jax.tree.map(np.asarray, found)


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
        >>> p = ll.hessian_plane(ll.pair("identity", "logistic"), data, centre, radius=1.0, steps=5)
        >>> [round(x, 2) for x in p.settings["eigenvalues"]]
        [3.32, 1.42]

    Source: Yao, Gholami, Keutzer & Mahoney 2020, for the picture.
    """
    held: dict[str, Any] = {"model": model, "l2": l2, "sample_weights": sample_weights}
    directions, found = hessian_directions(pair, data, centre, ends=ends, key=key, **held)
    made = plane(pair, data, centre, directions, **held, **settings)
    said = {"eigenvalues": found.values.tolist(), "residuals": found.residuals.tolist(), "ends": ends}
    return made._replace(settings=made.settings | said)


@jax.jit
def _gradient(f: Objective, params: Params) -> Params:
    return jax.grad(f)(params)


def _pointed(direction: Params) -> Params:
    """An eigenvector has no sign: the largest entry is made positive, so that a plane can be drawn again."""
    entries = np.concatenate([np.ravel(x) for x in jax.tree.leaves(direction)])
    sign = 1.0 if entries[np.argmax(np.abs(entries))] >= 0 else -1.0
    return jax.tree.map(lambda x: sign * x, direction)


def _as_float(x: Any) -> np.ndarray:
    return np.asarray(x, float)
