"""Angles between vectors, between the gradients of two objectives at the same points, over a plane."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from lossland.core import Params, Reals, guarded
from lossland.training import Objective, refuse_other_params


class ZeroDirection(ValueError):
    """A vector of zeros has no direction, so no angle."""


class GradientAngles(NamedTuple):
    """The angles between two objectives' gradients at k points, in radians.

    Attributes:
        angles: (k,); pi/2 where `defined` is False.
        defined: (k,), whether both gradients are different from 0.
        mean: over the defined points; pi/2 if there are none.
        quantiles: (5,), the least, the quartiles and the largest of those; all pi/2 if there are none.
    """

    angles: np.ndarray
    defined: np.ndarray
    mean: float
    quantiles: np.ndarray


class AngleMap(NamedTuple):
    """The angle of two gradients over a plane: angles[i, j] at centre + alphas[i] d1 + betas[j] d2.

    Attributes:
        angles: (a, b), radians; pi/2 where not defined.
        defined: (a, b).
        alphas: (a,).
        betas: (b,).
    """

    angles: np.ndarray
    defined: np.ndarray
    alphas: np.ndarray
    betas: np.ndarray


@guarded()
def angle(first: Reals, second: Reals, *, zero: float | None = None) -> np.ndarray:
    r"""The angle between two vectors, in radians, right for small ones too.

    .. math:: 2 \operatorname{atan2}(\|u - v\|, \|u + v\|), \quad u = a / \|a\|, \; v = b / \|b\|

    Args:
        first: (..., p).
        second: (..., p); leading axes broadcast.
        zero: what to return where a vector is 0 throughout.

    Returns:
        The angles in [0, pi], of the leading shape; a NumPy scalar for two vectors.

    Raises:
        ZeroDirection: if a vector is 0 throughout and `zero` is not given.
        ValueError: if a number is not finite.

    Example:
        >>> float(angle([1.0, 0.0], [1.0, 1e-12])), float(angle([0.0, 0.0], [1.0, 0.0], zero=0.0))
        (1e-12, 0.0)

    Source: Kahan (2006), How futile are mindless assessments of roundoff, section 12.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    if not a.ndim or not b.ndim or a.shape[-1] != b.shape[-1]:
        raise ValueError(f"Vectors have one length, on the last axis of both; the shapes are {a.shape} and {b.shape}.")
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        raise ValueError(f"The leading axes do not broadcast: the shapes are {a.shape} and {b.shape}.") from None
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("A vector holds inf or NaN, so it has no angle; did the run diverge?")
    # Scaled first, so that the squares of neither tiny nor huge numbers are lost.
    largest = [np.abs(x).max(axis=-1, keepdims=True, initial=0.0) for x in (a, b)]
    none = (largest[0] == 0) | (largest[1] == 0)
    if none.any() and zero is None:
        raise ZeroDirection(
            f"{int(none.sum())} of {none.size} angle(s) are asked of a vector of zeros, which has no direction. "
            f"Leave it out, or say what it counts as: angle(a, b, zero=numpy.pi / 2)."
        )
    u, v = (x / np.where(m == 0, 1.0, m) for x, m in zip((a, b), largest, strict=True))
    u, v = (x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 0.5) for x in (u, v))
    found = 2.0 * np.arctan2(np.linalg.norm(u - v, axis=-1), np.linalg.norm(u + v, axis=-1))
    return np.where(none[..., 0], 0.0 if zero is None else zero, found)[()]


@guarded()
def gradient_angles(first: Objective, second: Objective, points: Params) -> GradientAngles:
    r"""The angles between :math:`\nabla F` and :math:`\nabla G` at the same points.

    Args:
        first: from `objective`.
        second: another, over params of the same shapes.
        points: params with a leading axis of length k, as a training run records them.

    Returns:
        The angles and their summary; see `GradientAngles`.

    Raises:
        ValueError: if a gradient is not finite.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]], [1, 1, -1])
        >>> f, g = (ll.objective(ll.pair("identity", loss), data=data) for loss in ("hinge", "logistic"))
        >>> points = {"weights": np.zeros((1, 2)), "bias": np.zeros(1)}
        >>> round(ll.geometry.gradient_angles(f, g, points).mean, 6)
        0.0
    """
    for f in (first, second):
        refuse_other_params(f, points, records=True)
    gradients = [np.asarray(_gradients(f, jax.tree.map(jnp.asarray, points))) for f in (first, second)]
    for f, g in zip((first, second), gradients, strict=True):
        if not np.isfinite(g).all():
            row = int(np.argmin(np.isfinite(g).all(axis=1)))
            raise ValueError(f"The gradient of {f.pair.name} at point {row} is not finite; leave that point out.")
    defined = np.all([np.any(g != 0, axis=1) for g in gradients], axis=0)
    angles = angle(gradients[0], gradients[1], zero=np.pi / 2)
    kept = angles[defined] if defined.any() else np.full(1, np.pi / 2)
    return GradientAngles(angles, defined, float(kept.mean()), np.quantile(kept, [0.0, 0.25, 0.5, 0.75, 1.0]))


@guarded()
def angle_map(
    first: Objective,
    second: Objective,
    centre: Params,
    directions: tuple[Params, Params],
    *,
    radius: float = 1.0,
    steps: int = 41,
) -> AngleMap:
    r"""The angle between two objectives' gradients over a plane of their parameters.

    Args:
        first: from `objective`.
        second: another, over params of the same shapes.
        centre: the params in the middle.
        directions: d1 and d2, shaped like the params.
        radius: the plane reaches from -radius to radius, in units of the directions.
        steps: points on each axis.

    Returns:
        The angles on the grid; see `AngleMap`.

    Raises:
        ValueError: if radius or steps are not positive.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[1.0], [-1.0]], [1, -1])
        >>> f, g = (ll.objective(ll.pair(a, "hinge"), data=data) for a in ("identity", "relu"))
        >>> at, w, b = ({"weights": np.array([x]), "bias": np.array(y)} for x, y in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)))
        >>> held = ll.geometry.angle_map(f, g, at, (w, b), steps=5)
        >>> held.angles.shape, bool(held.defined[2, 0])
        ((5, 5), False)
    """  # noqa: E501
    if not (radius > 0 and steps > 0):
        raise ValueError(f"radius and steps must be positive, not {radius} and {steps}.")
    if len(directions) != 2:
        raise ValueError(f"A plane has two directions; got {len(directions)}.")
    for tree in (centre, *directions):
        refuse_other_params(first, tree)
    along = np.linspace(-radius, radius, steps)
    alphas, betas = (axis.ravel() for axis in np.meshgrid(along, along, indexing="ij"))
    points = jax.tree.map(
        lambda c, u, v: np.asarray(c) + np.multiply.outer(alphas, u) + np.multiply.outer(betas, v), centre, *directions
    )
    held = gradient_angles(first, second, points)
    shape = (steps, steps)
    return AngleMap(held.angles.reshape(shape), held.defined.reshape(shape), along, along)


@jax.jit
def _gradients(f: Objective, points: Params) -> jax.Array:
    """The gradients at k points as vectors, (k, p)."""
    return jax.vmap(lambda p: ravel_pytree(jax.grad(f)(p))[0])(points)
