"""Sharpness: how much an objective rises when its parameters are moved a little."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from lossland.core import Key, Params, guarded
from lossland.curvature._ball import ball_maximum, ball_point
from lossland.curvature._checks import checked_objective, finite_only, has_linear_model
from lossland.curvature._eigenvalues import is_small, trace_of
from lossland.curvature._hessian import EXACT, curvature_bound, matrix_of, product_of
from lossland.curvature._ritz_pairs import lanczos_pairs
from lossland.curvature._traced import is_traced
from lossland.proofs import PROVEN, evidence

Kind = Literal["worst", "adaptive", "average"]
LENGTHS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
"""Steps of the ascent in units of the radius, the best of which is taken."""
TOP = 4
"""Eigenvectors that span, with the gradient, where the second-order estimate looks when the Hessian is not formed."""


class Sharpness(NamedTuple):
    """How much an objective rises within a ball.

    Attributes:
        value: the largest rise found, reached at `perturbation`: a lower bound of the largest; or the mean rise.
        standard_error: of the mean; 0 for the other kinds.
        first_order: what the gradient says, radius * ||g||; 0 for the mean.
        second_order: the largest rise, or the mean, of the quadratic with this gradient and Hessian.
        upper: no rise in the ball is larger; inf where nothing is proven.
        perturbation: where the value is reached, shaped as params; 0 for the mean.
    """

    value: Array
    standard_error: Array
    first_order: Array
    second_order: Array
    upper: Array
    perturbation: Params


@guarded(steps=1, samples=4)
def sharpness(
    f: Callable[[Params], Array],
    params: Params,
    radius: float,
    kind: Kind = "worst",
    *,
    key: Key | None = None,
    starts: int = 4,
    steps: int = 30,
    samples: int = 200,
) -> Sharpness:
    r"""How much an objective rises when its parameters are moved.

    .. math:: \max_{\|u\| \le r} F(\theta + u) - F(\theta), \quad
        \max_{\|u\| \le r} F(\theta + |\theta| u) - F(\theta), \quad E \, F(\theta + u) - F(\theta)

    for "worst", "adaptive" and "average", where u is Gaussian with E ||u||^2 = r^2. The adaptive kind stays the same
    when a relu network's layers are scaled by factors that cancel. The largest rise is sought by projected ascent from
    the second-order solution, the gradient, the top eigenvectors and random points: exact where F is quadratic in the
    ball, elsewhere a lower bound. `upper` is proven for a linear model of a loss whose program proves a bound on its
    second derivative; elsewhere, and where params are traced (`jit`, `vmap`, as `fit` records it), it is inf.
    Where the loss or the network is made of pieces, the Hessian in `second_order` is that of the piece.

    Args:
        f: from `objective`, or any function params -> scalar.
        params: p numbers in all.
        radius: r > 0.
        kind: "worst", "adaptive" or "average".
        key: decides the random points; `jax.random.key(0)` if left out.
        starts: how many random points the ascent starts from.
        steps: of the ascent.
        samples: points for the mean, taken in opposite pairs.

    Returns:
        The value, its estimates and bounds.

    Raises:
        ValueError: if params do not fit f or are not finite, the radius is not positive, or the kind unknown.

    Example:
        >>> import jax, lossland as ll
        >>> f = ll.objective(ll.pair("identity", "squared"), ll.linear(), ll.load("breast_cancer"))
        >>> found = ll.sharpness(f, f.model.init(jax.random.key(0), 30), 0.1)
        >>> bool(found.first_order < found.value), bool(abs(found.value / found.second_order - 1) < 1e-3)
        (True, True)

    Sources: Foret et al. (2021); Kwon et al. (2021); Andriushchenko & Flammarion (2022).
    """
    held, params, back = checked_objective(f, params)
    if np.ndim(radius) != 0 or not (radius > 0 and math.isfinite(radius * radius)):
        raise ValueError(f"The radius must be positive and finite, and so its square, not {radius}.")
    if kind not in get_args(Kind):
        raise ValueError(f"kind is one of {', '.join(get_args(Kind))}; got {kind!r}.")
    if starts < 0 or steps < 1 or samples < 4:
        raise ValueError(f"Sharpness needs starts >= 0, steps >= 1, samples >= 4, not {starts}, {steps}, {samples}.")
    key = jax.random.key(0) if key is None else key
    if kind == "average":
        found = _average(held, params, float(radius), key, samples)
    else:
        found = _worst(held, params, float(radius), key, starts, steps, kind == "adaptive")
    return found._replace(perturbation=back(found.perturbation))


# ----------------------------------------------------------------------------------------------------- the worst case


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Moved:
    """An objective as a function of the move u: f(centre + scale * u), all shaped as params."""

    f: Callable[[Params], Array]
    centre: Params
    scale: Params

    def __call__(self, u: Params) -> Array:
        return self.f(jax.tree.map(lambda c, s, v: c + s * v, self.centre, self.scale, u))


def _worst(f: Any, params: Params, radius: float, key: Key, starts: int, steps: int, adaptive: bool) -> Sharpness:
    flat, unravel = ravel_pytree(params)
    scale = jax.tree.map(jnp.abs if adaptive else jnp.ones_like, params)
    moved, origin = _Moved(f, params, scale), jax.tree.map(jnp.zeros_like, params)
    base, gradient = _value_and_gradient(moved, origin)
    stretch, noise = ravel_pytree(scale)[0], jax.random.normal(key, (starts, flat.size))
    if is_traced(f, params, key):
        begun, second = _traced_starts(f, params, moved, origin, gradient, stretch, radius, key)
        noise, upper = noise * (radius / jnp.linalg.norm(noise, axis=1, keepdims=True)), math.inf
    else:
        g, stretched = np.asarray(gradient, float), np.asarray(stretch, float)
        begun, second = _starts(f, params, moved, origin, g, stretched, radius, key)
        noise = np.array(noise, float)
        noise *= radius / np.linalg.norm(noise, axis=1, keepdims=True)
        upper = _upper(f, params, stretched, g, radius)
    begun = jnp.concatenate([jnp.asarray(x, flat.dtype) for x in (begun, noise)])
    ends, rises = _climbed(moved, origin, base, radius, begun, steps)
    best = jnp.argmax(rises)
    return Sharpness(
        value=rises[best],
        standard_error=jnp.zeros_like(base),
        first_order=radius * jnp.linalg.norm(gradient),
        second_order=jnp.asarray(second, flat.dtype),
        upper=jnp.asarray(upper, flat.dtype),
        perturbation=unravel(stretch * ends[best]),
    )


def _starts(
    f: Any, params: Params, moved: _Moved, origin: Params, g: np.ndarray, stretch: np.ndarray, radius: float, key: Key
) -> tuple[np.ndarray, float]:
    """Where the ascent starts, (4, p): where the quadratic is largest, the gradient and the top eigenvector either way.

    Also how far the quadratic rises.
    """
    if is_small(f, g.size):
        matrix = stretch[:, None] * np.asarray(matrix_of(f, params), float) * stretch
        rows = np.eye(g.size)
    else:
        rows, matrix = _subspace(moved, origin, jnp.asarray(g, ravel_pytree(params)[0].dtype), key)
    finite_only(jnp.asarray(matrix))
    values, columns = np.linalg.eigh(matrix)
    along, second = ball_maximum(values, columns.T @ (rows @ g), radius)
    top = radius * columns[:, -1] @ rows
    length = max(float(np.linalg.norm(g)), 1e-300)
    return np.stack([(columns @ along) @ rows, radius * g / length, top, -top]), second


def _traced_starts(
    f: Any, params: Params, moved: _Moved, origin: Params, g: Array, stretch: Array, radius: float, key: Key
) -> tuple[Array, Array]:
    """The same of params that are being traced."""
    if is_small(f, g.size):
        matrix, rows = stretch[:, None] * matrix_of(f, params) * stretch[None], jnp.eye(g.size, dtype=g.dtype)
    else:
        _, sizes, spanning = jnp.linalg.svd(_spanning(moved, origin, g, key), full_matrices=False)
        # A row too short to be told from the others is 0, and so is the Hessian along it.
        rows = jnp.where(sizes[:, None] > 1e-5, spanning, 0.0)
        matrix = jnp.matmul(rows, _images(moved, origin, rows).T, precision=EXACT)
        matrix = 0.5 * (matrix + matrix.T)
    values, columns = jnp.linalg.eigh(matrix)
    slopes = jnp.matmul(columns.T, jnp.matmul(rows, g, precision=EXACT), precision=EXACT)
    along = ball_point(values, slopes, radius)
    second = jnp.sum(slopes * along) + 0.5 * jnp.sum(values * along**2)
    top = radius * jnp.matmul(columns[:, -1], rows, precision=EXACT)
    ahead = radius * g / jnp.maximum(jnp.linalg.norm(g), 1e-30)
    return jnp.stack([jnp.matmul(columns @ along, rows, precision=EXACT), ahead, top, -top]), second


def _subspace(moved: _Moved, origin: Params, gradient: Array, key: Key) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal rows (m, p) spanning the top eigenvectors, g and H g, and the Hessian on them, (m, m)."""
    _, sizes, rows = np.linalg.svd(np.asarray(_spanning(moved, origin, gradient, key), float), full_matrices=False)
    kept = rows[sizes > 1e-5]
    images = np.asarray(_images(moved, origin, jnp.asarray(kept, gradient.dtype)), float)
    matrix = kept @ images.T
    return kept, 0.5 * (matrix + matrix.T)


def _spanning(moved: _Moved, origin: Params, gradient: Array, key: Key) -> Array:
    """The top eigenvectors, g and H g, of length 1 each."""
    _, top, _, _ = lanczos_pairs(moved, origin, min(TOP, gradient.size), "largest", key, 1e-3)
    spanning = jnp.concatenate([top, gradient[None], _images(moved, origin, gradient[None])])
    return spanning / jnp.maximum(jnp.linalg.norm(spanning, axis=1, keepdims=True), 1e-30)


def _upper(f: Any, params: Params, stretch: np.ndarray, g: np.ndarray, radius: float) -> float:
    """The largest rise of a quadratic that lies above the objective; inf where none is proven to."""
    if not (has_linear_model(f) and is_small(f, g.size)):
        return math.inf
    claims = [claims.smoothness for claims in evidence(f.pair).curves]
    if not claims or not all(each.status == PROVEN and math.isfinite(each.enclosure[1]) for each in claims):
        return math.inf
    # Rounded up to the objective's floats.
    up = 1.0 + float(jnp.finfo(f.inputs.dtype).eps)
    each = up * jnp.where(f.labels > 0, claims[0].enclosure[1], claims[1].enclosure[1])
    matrix = np.asarray(curvature_bound(f, params, each), float)
    values, columns = np.linalg.eigh(stretch[:, None] * matrix * stretch)
    return ball_maximum(values, columns.T @ g, radius)[1]


@jax.jit
def _value_and_gradient(f: Any, params: Params) -> tuple[Array, Array]:
    value, gradient = jax.value_and_grad(f)(params)
    return value, ravel_pytree(gradient)[0]


@jax.jit
def _images(f: Any, params: Params, rows: Array) -> Array:
    return jax.lax.map(product_of(f, params), rows)


@functools.partial(jax.jit, static_argnames="steps")
def _climbed(f: Any, origin: Params, base: Array, radius: Any, starts: Array, steps: int) -> tuple[Array, Array]:
    """Where the ascent from each start (s, p) ends, and how much f has risen there, (s,)."""
    _, unravel = ravel_pytree(origin)

    def rise(u: Array) -> Array:
        found = f(unravel(u)) - base
        return jnp.where(jnp.isnan(found), -jnp.inf, found)

    def within(u: Array) -> Array:
        return u * jnp.minimum(1.0, radius / jnp.maximum(jnp.linalg.norm(u), 1e-30))

    def step(u: Array, _: Any) -> tuple[Array, None]:
        g = jax.grad(lambda v: f(unravel(v)))(u)
        ahead = radius * jnp.nan_to_num(g / jnp.maximum(jnp.linalg.norm(g), 1e-30))
        tried = jnp.stack([u, within(ahead), *(within(u + length * ahead) for length in LENGTHS)])
        return tried[jnp.argmax(jax.vmap(rise)(tried))], None

    def climb(u: Array) -> tuple[Array, Array]:
        end, _ = jax.lax.scan(step, within(u), None, length=steps)
        return end, rise(end)

    return jax.lax.map(climb, starts)


# ------------------------------------------------------------------------------------------------------- the average


def _average(f: Any, params: Params, radius: float, key: Key, samples: int) -> Sharpness:
    flat, _ = ravel_pytree(params)
    pairs = samples // 2
    for_points, for_trace = jax.random.split(key)
    rises = _mean_rises(f, params, radius / flat.size**0.5, for_points, pairs)
    second = radius**2 / (2 * flat.size) * trace_of(f, params, max(samples, 2), for_trace).value
    nothing = jnp.zeros_like(second)
    still = jax.tree.map(jnp.zeros_like, params)
    error = jnp.std(rises, ddof=1) / pairs**0.5
    return Sharpness(jnp.mean(rises), error, nothing, second, jnp.full_like(second, jnp.inf), still)


@functools.partial(jax.jit, static_argnames="pairs")
def _mean_rises(f: Any, params: Params, deviation: Any, key: Key, pairs: int) -> Array:
    """The mean rise of each of two opposite points, (pairs,)."""
    flat, unravel = ravel_pytree(params)
    base = f(params)

    def one(each: Key) -> Array:
        noise = deviation * jax.random.normal(each, flat.shape, flat.dtype)
        return 0.5 * (f(unravel(flat + noise)) + f(unravel(flat - noise))) - base

    return jax.lax.map(one, jax.random.split(key, pairs))
