"""The gradient and the Hessian of an objective at places of a plane, in blocks that fit the cache.

Scores that are affine in the parameters need no model here: the derivatives in the plane are sums over the score plane,
O(n) a place, and full gradients are one matrix product a block. Any other model goes through autodiff.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from lossland.core import Params, at_once, flattened, is_real, placed, weighted
from lossland.curvature import checked_objective
from lossland.elements import Pair, jit_by_pair
from lossland.landscapes._places import AT_ONCE, in_blocks, moved
from lossland.landscapes._straight import has_straight_penalty, penalised_rows, score_rows
from lossland.training import Objective

NOT_TRACED = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)
"""What JAX raises where a function reads a traced array as numbers."""

HIGHEST = jax.lax.Precision.HIGHEST


class Tangents(NamedTuple):
    """Derivatives of an objective at p places centre + places @ directions, k directions.

    Attributes:
        slopes: (p, k), the derivatives in the coordinates.
        hessians: (p, k, k), the second derivatives in the coordinates.
        norms: (p,), of the full gradient; not computed: NaN.
        outside: (p,), of its part orthogonal to the directions; not computed: NaN.
    """

    slopes: np.ndarray
    hessians: np.ndarray
    norms: np.ndarray
    outside: np.ndarray


class _Frame(NamedTuple):
    """What the derivatives at all places of a plane share.

    Attributes:
        scores: (1 + k, n), of the centre and of each direction.
        form: (1 + k, 1 + k), of the penalty in the coordinates.
        jacobian: (n, p), the derivatives of the scores.
        pulls: (1 + k, p), the penalty's gradient at the centre and at each direction.
        basis: (p, k), orthonormal, of the directions.
    """

    scores: Array
    form: Array
    jacobian: Array
    pulls: Array
    basis: Array


def tangents(
    f: Objective,
    centre: Params,
    directions: Sequence[Params],
    places: np.ndarray,
    linear: bool,
    full: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Tangents:
    r"""The derivatives of an objective in a plane and its full gradient's norm, in float64.

    .. math:: \partial_k F = d_k^\top \nabla F, \qquad \partial_k \partial_l F = d_k^\top \nabla^2 F \, d_l

    Args:
        f: the objective, in float64.
        centre: params.
        directions: k directions, shaped as params, not parallel.
        places: (p, k) coordinates.
        linear: whether the scores are affine in the params; so must be the penalised part, or autodiff is used.
        full: whether full gradients are asked for.
        progress: called with (places done, of).

    Returns:
        The derivatives; NaN where a score is.

    Raises:
        ValueError: if the directions are parallel.

    Example:
        >>> import jax, lossland as ll
        >>> with jax.enable_x64(True):
        ...     f = ll.objective(ll.pair("identity", "squared"), ll.linear(), ll.Dataset([[1.0], [-1.0]], [1, -1]))
        ...     w, b = {"weights": np.ones(1), "bias": np.zeros(())}, {"weights": np.zeros(1), "bias": np.ones(())}
        ...     found = tangents(f, jax.tree.map(np.zeros_like, w), (w, b), np.zeros((1, 2)), True)
        >>> found.slopes.tolist(), found.hessians.tolist()
        ([[-2.0, 0.0]], [[[2.0, 0.0], [0.0, 2.0]]])
    """
    f, centre, directions = _moving(f, centre, directions)
    basis = orthonormal(directions)[0]
    middle, axes = jax.tree.map(placed, (centre, tuple(directions)))
    linear = linear and has_straight_penalty(f.model, middle)
    if linear:
        frame = _frame(f, middle, axes, basis, full)
        evaluate = functools.partial(_affine_derivatives, f.pair, full, f.labels, np.asarray(f.weights) / f.n, frame)
    else:
        evaluate = functools.partial(_model_derivatives, f, middle, axes, placed(basis))
    size = AT_ONCE // max(f.n, len(basis))
    if not linear:
        one = jax.ShapeDtypeStruct((1, len(axes)), float)
        size = at_once(f"The gradient of {f.model.name} on {f.n} examples", evaluate, one, most=max(1, size))
    parts = []
    for block, done in in_blocks(places, size):
        parts.append(jax.tree.map(np.asarray, evaluate(placed(block))))
        if progress is not None:
            progress(done, len(places))
    return Tangents(*(np.concatenate(held)[: len(places)] for held in zip(*parts, strict=True)))


def _moving(f: Objective, centre: Params, directions: Sequence[Params]) -> tuple[Objective, Params, Sequence[Params]]:
    """The objective, the centre and the directions without the leaves that are held fixed."""
    moves = [is_real(leaf) for leaf in jax.tree.leaves(centre)]
    if all(moves):
        return f, centre, directions
    point = checked_objective(f, centre)
    kept = [[x for x, real in zip(jax.tree.leaves(d), moves, strict=True) if real] for d in directions]
    return point.f, point.moving, kept


def orthonormal(directions: Sequence[Params]) -> tuple[np.ndarray, np.ndarray]:
    """An orthonormal basis Q (p, k) of the directions and the triangle R (k, k): directions = Q R.

    Raises:
        ValueError: if they are parallel.
    """
    columns = np.stack([flattened(d)[0] for d in directions], axis=1)
    q, r = np.linalg.qr(columns)
    if np.abs(np.diag(r)).min() <= 1e-12 * np.linalg.norm(columns, axis=0)[-1]:
        raise ValueError(
            "The directions are parallel: they span a line, on which a gradient's part in the plane and the "
            "Hessian's determinant say nothing. Take another second direction."
        )
    return q, r


@functools.partial(jax.jit, static_argnums=4)
def _frame(f: Objective, centre: Params, directions: tuple[Params, ...], basis: Array, full: bool) -> _Frame:
    flat, unravel = ravel_pytree(centre)
    scores, held = score_rows(f.model, centre, directions, f.inputs), penalised_rows(f.model, centre, directions)
    assert held is not None
    form = f.l2 * jnp.matmul(held, held.T, precision=HIGHEST)
    if not full:
        nothing = jnp.zeros((f.n, 0))
        return _Frame(scores, form, nothing, jnp.zeros((len(scores), 0)), jnp.zeros((0, len(directions))))

    def pull(params: Params) -> Array:
        square = jax.grad(lambda p: 0.5 * sum(jnp.sum(w * w) for w in jax.tree.leaves(f.model.penalised(p))))
        return f.l2 * ravel_pytree(square(params))[0]

    tangents = jax.vmap(lambda e: jax.jvp(f.scores, (centre,), (unravel(e),))[1])(jnp.eye(flat.size))
    # The penalty's gradient is affine too: at the centre, and its moves.
    middle = pull(centre)
    pulls = [middle, *(pull(jax.tree.map(jnp.add, centre, d)) - middle for d in directions)]
    return _Frame(scores, form, tangents.T, jnp.stack(pulls), jnp.asarray(basis))


@jit_by_pair((0, 1))
def _affine_derivatives(
    pair: Pair, full: bool, labels: Array, weights: Array, frame: _Frame, places: Array
) -> tuple[Array, ...]:
    dot = functools.partial(jnp.matmul, precision=HIGHEST)
    first, form = frame.scores[1:], frame.form
    z = frame.scores[:1] + dot(places, first)
    line = jnp.broadcast_to(labels, z.shape)
    _, slopes, bends = pair.jet(z, line)
    pulled = weighted(slopes, weights[None])
    count = len(first)
    products = (first[:, None] * first[None]).reshape(count * count, -1)
    hessians = dot(weighted(bends, weights[None]), products.T).reshape(-1, count, count) + form[None, 1:, 1:]
    slopes = dot(pulled, first.T) + form[:1, 1:] + dot(places, form[1:, 1:])
    if not full:
        unknown = jnp.full(len(places), jnp.nan)
        return slopes, hessians, unknown, unknown
    gradient = dot(pulled, frame.jacobian) + frame.pulls[:1] + dot(places, frame.pulls[1:])
    return slopes, hessians, *_gradient_norms(gradient, frame.basis)


@jax.jit
def _model_derivatives(
    f: Objective, centre: Params, directions: tuple[Params, ...], basis: Array, places: Array
) -> tuple[Array, ...]:
    def at(place: Array) -> tuple[Array, Array, Array]:
        gradient, push = jax.linearize(jax.grad(f), moved(centre, directions, place))
        flat = jnp.stack([ravel_pytree(d)[0] for d in directions])
        bent = jnp.stack([ravel_pytree(push(d))[0] for d in directions])
        gradient = ravel_pytree(gradient)[0]
        dot = functools.partial(jnp.matmul, precision=HIGHEST)
        return dot(flat, gradient), dot(bent, flat.T), gradient

    slopes, hessians, gradient = jax.vmap(at)(places)
    return slopes, hessians, *_gradient_norms(gradient, basis)


def _gradient_norms(gradient: Array, basis: Array) -> tuple[Array, Array]:
    # The part outside is taken off, not its square off the square: near 0 that would leave rounding only.
    inside = jnp.matmul(jnp.matmul(gradient, basis, precision=HIGHEST), basis.T, precision=HIGHEST)
    return jnp.linalg.norm(gradient, axis=1), jnp.linalg.norm(gradient - inside, axis=1)


# ------------------------------------------------------------------------------------------------------ as quantities

OF_DERIVATIVES = {
    "gradient_norm": "norm of the full gradient",
    "outside": "norm of the gradient's part outside the plane",
    "determinant": "determinant of the Hessian in the plane, in orthonormal coordinates",
    "trace": "trace of the Hessian in the plane, in orthonormal coordinates",
}


def tangent_quantities(
    names: Sequence[str], f: Objective, centre: Params, directions: Sequence[Params], places: np.ndarray, linear: bool
) -> dict[str, np.ndarray]:
    """Those of `OF_DERIVATIVES` that are asked for, (p,) each; arguments as `tangents`'."""
    if not names:
        return {}
    found = tangents(f, centre, directions, places, linear, bool({"gradient_norm", "outside"} & set(names)))
    determinants, traces = invariants(found.hessians, orthonormal(directions)[1])
    made = {"gradient_norm": found.norms, "outside": found.outside, "determinant": determinants, "trace": traces}
    return {name: made[name] for name in names}


def invariants(hessians: np.ndarray, triangle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Determinants and traces, (p,), of Hessians (p, k, k) brought to orthonormal coordinates, directions = Q R."""
    back = np.linalg.inv(triangle)
    # Losses that overflow have infinite derivatives, and inf - inf is NaN.
    with np.errstate(invalid="ignore", over="ignore"):
        upright = back.T @ hessians @ back
        return np.linalg.det(upright), np.trace(upright, axis1=1, axis2=2)


def function_quantity(
    name: str, function: Callable[[Params], Any], centre: Params, directions: Sequence[Params], places: np.ndarray
) -> np.ndarray:
    """A user's function of params at places, (p,): vmapped where JAX can trace it, else one place after another."""

    def at(place: Any) -> Any:
        return function(moved(centre, directions, place))

    try:
        one = jax.ShapeDtypeStruct((len(directions),), float)
        size = at_once(f"The quantity {name}", at, one, most=64)
        traced = jax.jit(lambda held: jax.lax.map(at, held, batch_size=size))
        values = np.asarray(traced(jnp.asarray(places)))
    except NOT_TRACED:
        # It reads its params as numbers, as scikit-learn's metrics do.
        values = np.asarray([at(place) for place in places])
    if values.shape != (len(places),):
        raise ValueError(f"A quantity is one number a point; {name} gave shape {values.shape[1:]}. Take its mean, say.")
    return values.astype(float)
