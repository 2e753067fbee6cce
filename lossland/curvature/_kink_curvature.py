"""Curvature that a loss holds in its kinks: jumps of the slope within a window of the score, as second differences."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from jax.typing import ArrayLike

from lossland.core import Params, guarded, placed
from lossland.curvature._checks import checked_objective, objective_only
from lossland.curvature._hessian import EXACT, jacobian, shares
from lossland.curves import tabulate
from lossland.elements import Pair
from lossland.training import Objective


class KinkCurvature(NamedTuple):
    """The curvature of the kinks in a window.

    Attributes:
        matrix: (p, p), rows as in `hessian`.
        weights: (n,), how much each example holds.
        crossed: (n,), how many kinks lie in its window.
    """

    matrix: Array
    weights: Array
    crossed: Array


@guarded()
def kink_curvature(
    f: Objective, params: Params, width: ArrayLike | None = None, *, direction: Params | None = None
) -> KinkCurvature:
    r"""The second difference that a loss's kinks give, where its second derivative is zero.

    .. math:: K = J^\top W J, \quad W_{ii} = \frac{s_i}{n} \sum_{k: |z_i - z_k| < h_i} \frac{j_k}{2 h_i}

    for kinks of the example's class at z_k, where the slope jumps by j_k, and J the derivatives of the scores, the
    inputs with a one for the bias for a linear model. With a `width` every window is h_i = width, a distance of scores:
    K is then the Hessian, kinks' part, of the loss averaged over scores up to h to either side. With a `direction` v it
    is h_i = |J_i v|, what the score moves by: for a linear model and a loss made of lines

    .. math:: \nabla F(\theta + v) - \nabla F(\theta - v) = 2 (K + \lambda P) v.

    Neither the smooth part of the loss nor the penalty is in it.

    Args:
        f: from `objective`.
        params: p numbers in all.
        width: h > 0, a scalar or (n,).
        direction: v, shaped as params, instead of a width.

    Returns:
        The matrix, and what each example gives to it.

    Raises:
        ValueError: if params or the direction do not fit f; if not exactly one of width and direction is given, or the
            width is not positive; if the loss jumps, so that its slopes do not say what happens.

    Example:
        >>> import jax, lossland as ll
        >>> f = ll.objective(ll.pair("identity", "hinge"), ll.linear(), ll.load("breast_cancer"))
        >>> params = {"weights": jax.numpy.zeros(30), "bias": jax.numpy.zeros(())}
        >>> [round(float(ll.kink_curvature(f, params, h).matrix[0, 0]), 4) for h in (0.5, 2.0)]
        [0.0, 0.25]

    Source: smoothing by convolution, Chen & Mangasarian (1996).
    """
    objective_only(f, "kink_curvature")
    held, moving, _ = checked_objective(f, params)
    kinks = slope_jumps(f.pair)
    if (width is None) == (direction is None):
        raise ValueError("kink_curvature takes either a width or a direction.")
    if width is not None:
        half = np.asarray(width, float)
        if half.shape not in ((), (f.n,)) or not np.all((half > 0) & np.isfinite(half)):
            raise ValueError(f"width must be positive, a scalar or of shape ({f.n},); got {width}.")
        along = placed(np.broadcast_to(half, (f.n,)), f.inputs.dtype)
        return _measured(held, moving, along, kinks)
    step = checked_objective(f, direction).moving
    moved = jax.jvp(held.scores, (moving,), (step,))[1]
    return _measured(held, moving, jnp.abs(moved), kinks)


def slope_jumps(pair: Pair) -> tuple[tuple[float, float, float], ...]:
    """(label, score, jump) of each kink of the slope.

    Raises:
        ValueError: if the loss or its slope jumps without a bound.

    Example:
        >>> import lossland as ll
        >>> slope_jumps(ll.pair("identity", "hinge"))
        ((-1.0, -1.0, 1.0), (1.0, 1.0, 1.0))
    """
    found = []
    for kink in tabulate(pair).kinks:
        if kink.what == "value":
            raise ValueError(
                f"{pair.name} jumps in value at z = {kink.at:.6g}: no jump of its slope says how it bends."
            )
        if kink.what == "slope":
            jump = kink.right - kink.left
            if not np.isfinite(jump):
                raise ValueError(f"The slope of {pair.name} at z = {kink.at:.6g} is infinite: it has no jump.")
            found.append((float(kink.label), float(kink.at), float(jump)))
    return tuple(found)


@functools.partial(jax.jit, static_argnums=3)
def _measured(
    f: Objective, params: Params, half: Array, kinks: tuple[tuple[float, float, float], ...]
) -> KinkCurvature:
    scores = f.scores(params)
    total, crossed = jnp.zeros_like(scores), jnp.zeros(f.n, int)
    for label, at, jump in kinks:
        inside = (jnp.abs(scores - at) < half) & (f.labels == label)
        total = total + jnp.where(inside, jump, 0.0)
        crossed = crossed + inside.astype(crossed.dtype)
    weights = shares(f) * jnp.where(total == 0, 0.0, total / (2 * jnp.where(half > 0, half, 1.0)))
    if not kinks:
        size = ravel_pytree(params)[0].size
        return KinkCurvature(jnp.zeros((size, size)), weights, crossed)
    rows = jacobian(f, params)
    return KinkCurvature(jnp.matmul(rows.T * weights[None], rows, precision=EXACT), weights, crossed)
