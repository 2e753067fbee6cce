"""Ritz pairs of a Hessian by Lanczos' method, with as many steps as it takes and new starts where a space has ended."""

import functools
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from lossland.core import Key, Params
from lossland.curvature._checks import finite_only
from lossland.curvature._hessian import columns_at_once, product_of
from lossland.curvature._lanczos import Tridiagonal, begun, dense_form, extended, roomier, tridiagonal
from lossland.curvature._traced import Pairs, doubled, is_traced, ritz_pairs

Which = Literal["largest", "smallest", "magnitude"]
MOST_STEPS = 1024
"""Rows of a Krylov space that are kept at the most."""


def lanczos_pairs(
    f: Any, params: Params, k: int, which: Which, key: Key, tol: float
) -> tuple[Array, Array, Array, Array]:
    """Values (k,), vectors (k, p), residuals (k,) and the largest |value|, by Lanczos' method.

    Steps are added until all k have converged.
    """
    p = ravel_pytree(params)[0].size
    steps, last = min(p, max(4 * k, 64)), min(p, max(MOST_STEPS, 4 * k))
    if is_traced(f, params, key):
        return doubled(functools.partial(_traced_pairs, f, params, k, which, key), steps, last, tol)
    from scipy.linalg import eigh_tridiagonal

    first = _begun(params, key, min(last, 2 * steps))
    while True:
        first = _longer(f, params, first, steps)
        # Past its end a space is 0; a number that is none ends it too.
        finite_only(first.diagonal)
        if int(first.valid) < steps:
            rows, values, vectors = _space(f, params, k, key, first, steps)
            left = 0.0
        else:
            rows, left = np.asarray(first.rows)[:steps], float(first.beside[steps - 1])
            values, vectors = eigh_tridiagonal(
                np.asarray(first.diagonal)[:steps], np.asarray(first.beside)[: steps - 1]
            )
        chosen = np.argsort(keys(values, which))[:k]
        size = np.max(np.abs(values))
        # What leads out of the space bounds the residuals: where that is too much, they need not be computed.
        promising = left * np.max(np.abs(vectors[-1, chosen])) <= tol * size
        if promising or steps >= last:
            found = vectors[:, chosen].T @ rows
            found = jnp.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))
            residuals = _residuals(f, params, found, jnp.asarray(values[chosen]))
            if steps >= last or bool(np.all(residuals <= tol * size)):
                return jnp.asarray(values[chosen]), found, residuals, jnp.asarray(size)
        steps = min(last, steps + max(16, steps // 8))
        if steps > first.diagonal.size:
            first = roomier(first, min(last, 2 * first.diagonal.size))


def _space(
    f: Any, params: Params, k: int, key: Key, first: Tridiagonal, steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows (m, p), Ritz values (m,) and their vectors in these rows, (m, m), where the first space has ended.

    An invariant subspace is left by a new start orthogonal to it, up to k times: an eigenvalue that occurs more than
    once shows itself there.
    """
    p = ravel_pytree(params)[0].size
    rows, parts, found = np.zeros((0, p)), [], first
    for again in range(k + 1):
        if again:
            # One length serves every new start.
            against = np.zeros((steps, p))
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
    values, rows, size = ritz_pairs(deflated, functools.partial(keys, which=which), k, steps, flat)
    return values, rows, _residuals(f, params, rows, values), size


@functools.partial(jax.jit, static_argnames="room")
def _begun(params: Params, key: Key, room: int) -> Tridiagonal:
    flat, _ = ravel_pytree(params)
    return begun(jax.random.normal(jax.random.fold_in(key, 0), flat.shape, flat.dtype), room)


@jax.jit
def _longer(f: Any, params: Params, found: Tridiagonal, steps: int) -> Tridiagonal:
    return extended(product_of(f, params), found, steps)


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
    images = jax.lax.map(times, rows, batch_size=columns_at_once(times, rows[0]))
    return jnp.linalg.norm(images - values[:, None] * rows, axis=1)


def keys(values: Any, which: Which) -> Any:
    """Numbers that are smallest for the values wanted."""
    return {"largest": -values, "smallest": values, "magnitude": -abs(values)}[which]
