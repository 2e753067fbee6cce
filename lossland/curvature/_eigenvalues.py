"""The ends of a Hessian's spectrum and its trace: exact where the matrix is small, by Lanczos' method beyond."""

import functools
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from lossland.core import Key, Params, guarded, placed
from lossland.curvature._checks import checked_objective, finite_only, has_linear_model, refuse_lines
from lossland.curvature._hessian import diagonal_of, matrix_of, product_of
from lossland.curvature._lanczos import dense_form, tridiagonal
from lossland.curvature._traced import Pairs, doubled, is_traced, ritz_pairs

Which = Literal["largest", "smallest", "magnitude"]
SMALL, SMALL_LINEAR = 500, 2000
"""Up to this many parameters the matrix is formed; a linear model's costs one product of matrices."""
MOST_STEPS = 1024
"""Rows of a Krylov space that are kept at the most."""


class TopEigenvalues(NamedTuple):
    """Some eigenpairs of a Hessian.

    Attributes:
        values: (k,), in the order asked for.
        vectors: the eigenvectors, params with a first axis of length k; of length 1 each.
        residuals: (k,), ||H v - value v||: the Hessian has an eigenvalue within this distance of each value.
        converged: (k,), whether the residual is below tol times the largest |eigenvalue| found.
    """

    values: Array
    vectors: Params
    residuals: Array
    converged: Array


class Trace(NamedTuple):
    """A trace, exact or estimated.

    Attributes:
        value: the sum of the eigenvalues, a scalar.
        standard_error: of the estimate, a scalar; 0 where the value is exact.
    """

    value: Array
    standard_error: Array


@guarded(k=1)
def top_eigenvalues(
    f: Callable[[Params], Array],
    params: Params,
    k: int = 1,
    which: Which = "largest",
    *,
    key: Key | None = None,
    dense: bool | None = None,
    tol: float | None = None,
) -> TopEigenvalues:
    r"""Eigenvalues at an end of the Hessian's spectrum: :math:`H v_j = \lambda_j v_j`.

    The matrix is formed where p is at most 500 (2000 for a linear model). Beyond that Lanczos' method, fully
    reorthogonalised, doubles its steps until all k have converged, up to 1024 steps or p. It cannot tell how often an
    eigenvalue occurs except where its space is exhausted; there it begins again, orthogonally to it. `jax.jit` and
    `jax.vmap` transform it, and `fit` records it.

    Args:
        f: as in `hessian`.
        params: p numbers in all.
        k: how many.
        which: "largest" first, "smallest" first, or by "magnitude", the largest |value| first.
        key: decides where Lanczos' method starts; `jax.random.key(0)` if left out.
        dense: form the matrix or not, whatever p is.
        tol: for `converged`; the square root of the float's precision if left out.

    Returns:
        Values, vectors and residuals.

    Raises:
        ValueError: as in `hessian`; if k is not from 1 to p, `which` unknown or tol not positive.

    Example:
        >>> import jax, lossland as ll
        >>> f = ll.objective(ll.pair("identity", "logistic"), ll.linear(), ll.load("breast_cancer"))
        >>> found = ll.top_eigenvalues(f, f.model.init(jax.random.key(0), 30), k=2)
        >>> found.values.shape, found.vectors["weights"].shape, bool(found.converged.all())
        ((2,), (2, 30), True)

    Sources: Lanczos (1950); Ghorbani, Krishnan & Xiao (2019).
    """
    held, moving, back = checked_objective(f, params)
    refuse_lines(f, params)
    leaves = jax.tree.leaves(moving)
    p = sum(leaf.size for leaf in leaves)
    if not (isinstance(k, int) and 1 <= k <= p):
        raise ValueError(f"k is the number of eigenvalues, from 1 to p = {p}; got {k!r}.")
    if which not in get_args(Which):
        raise ValueError(f"which is one of {', '.join(get_args(Which))}; got {which!r}.")
    tol = float(jnp.finfo(jnp.result_type(*leaves)).eps ** 0.5) if tol is None else tol
    if not tol > 0:
        raise ValueError(f"tol must be positive, not {tol}.")
    key = jax.random.key(0) if key is None else key
    if is_small(f, p) if dense is None else dense:
        found = _dense_pairs(held, moving, k, which)
    else:
        found = lanczos_pairs(held, moving, k, which, key, tol)
    values, rows, residuals, size = found
    finite_only(values)
    vectors = jax.vmap(back)(_as_trees(rows, moving))
    if is_traced(found):
        return TopEigenvalues(values, vectors, residuals, residuals <= tol * size)
    return TopEigenvalues(values, vectors, residuals, placed(np.asarray(residuals) <= tol * np.asarray(size)))


def _as_trees(rows: Array, like: Params) -> Params:
    """Rows (k, p) as one tree of arrays (k, ...), shaped as the params; on the host where they are there."""
    if is_traced(rows, like):
        return jax.vmap(ravel_pytree(like)[1])(rows)
    leaves, tree = jax.tree.flatten(like)
    parts = np.split(np.asarray(rows), np.cumsum([leaf.size for leaf in leaves])[:-1], axis=1)
    shaped = [placed(part.reshape(-1, *x.shape), x.dtype) for part, x in zip(parts, leaves, strict=True)]
    return jax.tree.unflatten(tree, shaped)


@guarded(samples=1)
def hessian_trace(f: Callable[[Params], Array], params: Params, *, samples: int = 100, key: Key | None = None) -> Trace:
    r"""The sum of the Hessian's eigenvalues, :math:`tr H`.

    Exact for linear models and up to 500 parameters; beyond that the mean of :math:`v^\top H v` over random signs v.

    Args:
        f: as in `hessian`.
        params: p numbers in all.
        samples: how many v, at least 2.
        key: decides them; `jax.random.key(0)` if left out.

    Returns:
        The value and its standard error.

    Raises:
        ValueError: as in `hessian`; if there are fewer than two samples.

    Example:
        >>> import jax, lossland as ll
        >>> f = ll.objective(ll.pair("identity", "squared"), ll.linear(), ll.standardise(ll.load("breast_cancer")))
        >>> trace = ll.curvature.hessian_trace(f, f.model.init(jax.random.key(0), 30))
        >>> round(float(trace.value), 2), float(trace.standard_error)
        (62.0, 0.0)

    Source: Hutchinson (1989).
    """
    held, moving, _ = checked_objective(f, params)
    refuse_lines(f, params)
    if samples < 2:
        raise ValueError(f"A standard error needs at least 2 samples, not {samples}.")
    return trace_of(held, moving, samples, jax.random.key(0) if key is None else key)


# -------------------------------------------------------------------------------------------------- computing them


def trace_of(f: Callable[[Params], Array], params: Params, samples: int, key: Key) -> Trace:
    """The trace of a checked objective's Hessian."""
    if has_linear_model(f) or ravel_pytree(params)[0].size <= SMALL:
        value = jnp.sum(diagonal_of(f, params))
        return Trace(value, jnp.zeros_like(value))
    drawn = _quadratic_forms(f, params, key, samples)
    return Trace(jnp.mean(drawn), jnp.std(drawn, ddof=1) / samples**0.5)


def is_small(f: Any, size: int) -> bool:
    """Whether the Hessian of so many rows is formed unless asked otherwise."""
    return size <= (SMALL_LINEAR if has_linear_model(f) else SMALL)


def _keys(values: Array, which: Which) -> Array:
    return {"largest": -values, "smallest": values, "magnitude": -jnp.abs(values)}[which]


def _order(values: Array, which: Which) -> Array:
    return jnp.argsort(_keys(values, which))


def _dense_pairs(f: Any, params: Params, k: int, which: Which) -> tuple[Array, Array, Array, Array]:
    """Values (k,), vectors (k, p), residuals (k,) and the largest |eigenvalue|."""
    return _pairs_of(matrix_of(f, params), k, which)


@functools.partial(jax.jit, static_argnums=(1, 2))
def _pairs_of(matrix: Array, k: int, which: Which) -> tuple[Array, Array, Array, Array]:
    values, columns = jnp.linalg.eigh(matrix)
    chosen = _order(values, which)[:k]
    values, size, rows = values[chosen], jnp.max(jnp.abs(values)), columns.T[chosen]
    images = jnp.matmul(rows, matrix, precision=jax.lax.Precision.HIGHEST)
    return values, rows, jnp.linalg.norm(images - values[:, None] * rows, axis=1), size


def lanczos_pairs(
    f: Any, params: Params, k: int, which: Which, key: Key, tol: float
) -> tuple[Array, Array, Array, Array]:
    """Values (k,), vectors (k, p), residuals (k,) and the largest |value|, by Lanczos' method.

    Steps are doubled until all k have converged.
    """
    p = ravel_pytree(params)[0].size
    steps, last = min(p, max(4 * k, 64)), min(p, max(MOST_STEPS, 4 * k))
    if is_traced(f, params, key):
        return doubled(functools.partial(_traced_pairs, f, params, k, which, key), steps, last, tol)
    while True:
        rows, values, vectors = _space(f, params, k, key, steps)
        chosen = np.asarray(_order(jnp.asarray(values), which))[:k]
        found = jnp.asarray(vectors[:, chosen].T @ rows)
        found = found / jnp.linalg.norm(found, axis=1, keepdims=True)
        residuals = _residuals(f, params, found, jnp.asarray(values[chosen]))
        size = jnp.asarray(np.max(np.abs(values)))
        if steps >= last or bool(np.all(residuals <= tol * size)):
            return jnp.asarray(values[chosen]), found, residuals, size
        steps = min(p, 2 * steps)


def _space(f: Any, params: Params, k: int, key: Key, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows (m, p), Ritz values (m,) and their vectors in these rows, (m, m).

    An invariant subspace is left by a new start orthogonal to it, up to k times: an eigenvalue that occurs more than
    once shows itself there.
    """
    p = ravel_pytree(params)[0].size
    rows, parts = np.zeros((0, p)), []
    for again in range(k + 1):
        # One length serves every new start; the first is orthogonal to nothing.
        against = np.zeros((steps if again else 0, p))
        against[: len(rows)] = rows
        found = _deflated(f, params, jax.random.fold_in(key, again), jnp.asarray(against, float), steps)
        kept = min(int(found.valid), steps - len(rows))
        finite_only(found.diagonal)
        parts.append(np.asarray(dense_form(found))[:kept, :kept])
        rows = np.concatenate([rows, np.asarray(found.rows)[:kept]])
        if len(rows) >= steps:
            break
    matrix = np.zeros((len(rows), len(rows)))
    place = 0
    for part in parts:
        matrix[place : place + len(part), place : place + len(part)] = part
        place += len(part)
    values, vectors = np.linalg.eigh(matrix)
    return rows, values, vectors


def _traced_pairs(f: Any, params: Params, k: int, which: Which, key: Key, steps: int) -> Pairs:
    """The same for params that are being traced, with so many steps."""

    def deflated(again: Array, rows: Array) -> Any:
        return _deflated(f, params, jax.random.fold_in(key, again), rows, steps)

    flat = ravel_pytree(params)[0]
    values, rows, size = ritz_pairs(deflated, functools.partial(_keys, which=which), k, steps, flat)
    return values, rows, _residuals(f, params, rows, values), size


@functools.partial(jax.jit, static_argnames="steps")
def _deflated(f: Any, params: Params, key: Key, against: Array, steps: int) -> Any:
    """Lanczos' method in the space orthogonal to the rows `against`."""
    flat, _ = ravel_pytree(params)
    times, against = product_of(f, params), against.astype(flat.dtype)

    def off(v: Array) -> Array:
        for _ in range(2):
            v = v - (against @ v) @ against
        return v

    return tridiagonal(lambda v: off(times(off(v))), off(jax.random.normal(key, flat.shape, flat.dtype)), steps)


@jax.jit
def _residuals(f: Any, params: Params, rows: Array, values: Array) -> Array:
    times = product_of(f, params)
    return jax.lax.map(lambda pair: jnp.linalg.norm(times(pair[0]) - pair[1] * pair[0]), (rows, values))


@functools.partial(jax.jit, static_argnames="samples")
def _quadratic_forms(f: Any, params: Params, key: Key, samples: int) -> Array:
    flat, _ = ravel_pytree(params)
    times = product_of(f, params)
    signs = jax.random.rademacher(key, (samples, flat.size), flat.dtype)
    return jax.lax.map(lambda v: v @ times(v), signs)
