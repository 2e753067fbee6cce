"""Row sums for many problems on the same inputs: X^T D_k X, X^T g_k and X w_k, in blocks of rows, and their systems.

Everything is batched over k problems. The normal matrix of problem k is diag(1, ..., 1, 0) + [X 1]^T D_k [X 1]: the
weights are penalised, the bias is not. Without a bias the last row and column are absent.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

BLOCK = 512
"""Rows taken at once."""
CACHE = 130_000
"""Pairwise products that stay in cache, in numbers."""
NARROW = 48
"""The most columns for which pairwise products are formed."""
KEPT = 500_000
"""Pairwise products that are worth keeping over the iterations, in numbers."""


def pair_products(inputs: Array, bias: bool) -> Array | None:
    """All products of two columns of [X 1], (pairs, n), if they are few enough to keep; else None."""
    n, d = inputs.shape
    pairs = (d + bias) * (d + bias + 1) // 2
    if d + bias > NARROW:
        return None
    return _products(inputs, bias) if n * pairs <= KEPT else None


def _products(inputs: Array, bias: bool) -> Array:
    columns = inputs.T
    if bias:
        columns = jnp.concatenate([columns, jnp.ones((1, columns.shape[1]), columns.dtype)])
    first, second = np.triu_indices(columns.shape[0])
    return columns[first] * columns[second]


def _unpacked(packed: Array, size: int) -> Array:
    """(pairs, k) -> (k, size, size), symmetric."""
    place = np.zeros((size, size), int)
    place[np.triu_indices(size)] = np.arange(packed.shape[0])
    place = np.maximum(place, place.T)
    return packed.T[:, place.ravel()].reshape(-1, size, size)


def gram(inputs: Array, products: Array | None, scales: Array, bias: bool) -> Array:
    """[X 1]^T D_k [X 1] for every k.

    Args:
        inputs: (n, d).
        products: from `pair_products`.
        scales: (k, n), the diagonals D_k.
        bias: whether the column of ones is there.

    Returns:
        (k, d + bias, d + bias).
    """
    n, d = inputs.shape
    k, size = scales.shape[0], d + bias
    if products is not None:
        return _unpacked(products @ scales.T, size)
    pairs = size * (size + 1) // 2
    # The pairwise form does half the work, and needs many problems at once to be worth its products.
    pairwise = k >= 8 and size <= NARROW
    block_rows = min(max(CACHE // pairs, 32) if pairwise else BLOCK, BLOCK, n)

    def block(rows: Array, part: Array) -> Array:
        if pairwise:
            return _products(rows, bias) @ part.T
        whole = jnp.concatenate([rows, jnp.ones((rows.shape[0], 1), rows.dtype)], axis=1) if bias else rows
        scaled = whole.T[None] * part[:, None, :]
        return (scaled.reshape(k * size, -1) @ whole).reshape(k, size, size)

    full = n // block_rows
    total = block(inputs[full * block_rows :], scales[:, full * block_rows :])

    def add(i: Array, total: Array) -> Array:
        rows = jax.lax.dynamic_slice_in_dim(inputs, i * block_rows, block_rows, axis=0)
        return total + block(rows, jax.lax.dynamic_slice_in_dim(scales, i * block_rows, block_rows, axis=1))

    total = jax.lax.fori_loop(0, full, add, total)
    return _unpacked(total, size) if pairwise else total


def factor(matrix: Array, bias: bool) -> Array:
    """The Cholesky factor of diag(1, ..., 1, 0) + the Gram matrices, (k, d + bias, d + bias).

    A share of 1e-15 of the diagonal is added: columns that depend on one another would else give a negative pivot by
    rounding. A step computed with the factor is corrected by the next one, as the residuals are always exact.
    """
    unit = jnp.eye(matrix.shape[-1])
    penalty = unit.at[-1, -1].set(0.0) if bias else unit
    whole = matrix + penalty[None]
    diagonal = jnp.einsum("kii->ki", whole)
    # No example bends the loss in b: any step in b is as good, and none is made.
    diagonal = jnp.where(diagonal > 0, 1e-15 * diagonal, 1.0)
    return jnp.linalg.cholesky(whole + diagonal[:, None, :] * unit[None])


def solve_factored(lower: Array, right: Array) -> Array:
    """The solutions (k, size) of the factored systems."""
    return jax.scipy.linalg.cho_solve((lower, True), right[..., None])[..., 0]


def scores(inputs: Array, point: Array, bias: bool) -> Array:
    """X w_k + b_k, (k, n), of points (k, d + bias)."""
    return point[:, :-1] @ inputs.T + point[:, -1:] if bias else point @ inputs.T


def pulled(inputs: Array, rows: Array, bias: bool) -> Array:
    """[X 1]^T g_k, (k, d + bias), of rows (k, n)."""
    down = rows @ inputs
    return jnp.concatenate([down, rows.sum(axis=1, keepdims=True)], axis=1) if bias else down
