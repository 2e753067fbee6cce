"""The ends of a Hessian's spectrum and its trace: exact where the matrix is small, by Lanczos' method beyond."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, get_args

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from lossland.core import Key, Params, guarded
from lossland.curvature._checks import checked_objective, finite_only, has_linear_model, refuse_lines
from lossland.curvature._hessian import columns_at_once, diagonal_of, matrix_of, product_of
from lossland.curvature._ritz_pairs import Which, keys, lanczos_pairs

SMALL, SMALL_LINEAR = 500, 2000
"""Up to this many parameters the matrix is formed; a linear model's costs one product of matrices."""


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
    reorthogonalised, takes further steps until all k have converged, up to 1024 or p. It cannot tell how often an
    eigenvalue occurs except where its space is exhausted; there it begins again, orthogonally to it.
    `jax.jit` and `jax.vmap` transform it, and `fit` records it.

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
    size, dtype = _extent(moving)
    if not (isinstance(k, int) and 1 <= k <= size):
        raise ValueError(f"k is the number of eigenvalues, from 1 to p = {size}; got {k!r}.")
    if which not in get_args(Which):
        raise ValueError(f"which is one of {', '.join(get_args(Which))}; got {which!r}.")
    tol = float(jnp.finfo(dtype).eps ** 0.5) if tol is None else tol
    if not tol > 0:
        raise ValueError(f"tol must be positive, not {tol}.")
    if is_small(f, size) if dense is None else dense:
        found = _dense_pairs(held, moving, k, which)
    else:
        found = lanczos_pairs(held, moving, k, which, jax.random.key(0) if key is None else key, tol)
    values, rows, residuals, largest = found
    finite_only(values)
    vectors, converged = _shaped(moving, rows, residuals, tol * largest)
    if jax.tree.structure(moving) != jax.tree.structure(params):
        vectors = jax.vmap(back)(vectors)
    return TopEigenvalues(values, vectors, residuals, converged)


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


def _extent(params: Params) -> tuple[int, Any]:
    """How many numbers params hold, and of what type."""
    leaves = jax.tree.leaves(params)
    return sum(leaf.size for leaf in leaves), jnp.result_type(*leaves)


@jax.jit
def _shaped(like: Params, rows: Array, residuals: Array, allowed: Array) -> tuple[Params, Array]:
    """Rows (k, p) as params with a first axis, and which residuals are small enough."""
    return jax.vmap(ravel_pytree(like)[1])(rows), residuals <= allowed


@functools.partial(jax.jit, static_argnames=("k", "which"))
def _dense_pairs(f: Any, params: Params, k: int, which: Which) -> tuple[Array, Array, Array, Array]:
    """Values (k,), vectors (k, p), residuals (k,) and the largest |eigenvalue|."""
    matrix = matrix_of(f, params)
    values, columns = jnp.linalg.eigh(matrix)
    chosen = jnp.argsort(keys(values, which))[:k]
    values, size, rows = values[chosen], jnp.max(jnp.abs(values)), columns.T[chosen]
    images = jnp.matmul(rows, matrix, precision=jax.lax.Precision.HIGHEST)
    return values, rows, jnp.linalg.norm(images - values[:, None] * rows, axis=1), size


@functools.partial(jax.jit, static_argnames="samples")
def _quadratic_forms(f: Any, params: Params, key: Key, samples: int) -> Array:
    flat, _ = ravel_pytree(params)
    times = product_of(f, params)
    signs = jax.random.rademacher(key, (samples, flat.size), flat.dtype)
    return jax.lax.map(lambda v: v @ times(v), signs, batch_size=columns_at_once(times, flat))
