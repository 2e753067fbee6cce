"""Row sums for many problems on the same inputs: X^T D_k X, X^T g_k and X w_k, in blocks of rows, and their systems.

Everything is batched over k problems. The normal matrix of problem k is diag(1, ..., 1, 0) + [X 1]^T D_k [X 1]: the
weights are penalised, the bias is not. Without a bias the last row and column are absent.
"""

import functools
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, PartitionSpec

from lossland.solvers._plq import array_module

ROWS = "rows"
"""The axis of a mesh of devices over which rows are cut."""
BLOCK = 512
"""Rows taken at once."""
CACHE = 130_000
"""Pairwise products that stay in cache, in numbers."""
NARROW = 48
"""The most columns for which pairwise products are formed."""
KEPT = 500_000
"""Pairwise products that are worth keeping over the iterations, in numbers."""


@functools.partial(jax.tree_util.register_dataclass, data_fields=["inputs", "products"], meta_fields=["bias", "mesh"])
@dataclass(frozen=True)
class Design:
    """What all problems share.

    Attributes:
        inputs: (n, d).
        bias: whether there is a column of ones behind them.
        mesh: the devices over which the rows are cut, if they are.
        products: all products of two columns of [X 1], (pairs, n), if they are few enough to keep.
    """

    inputs: Any
    bias: bool
    mesh: Mesh | None = None
    products: Any | None = None


def kept(design: Design) -> Design:
    """The design with its pairwise products, if they are worth keeping over the iterations."""
    n, size = design.inputs.shape[0], design.inputs.shape[1] + design.bias
    if design.mesh is not None or size > NARROW or n * size * (size + 1) // 2 > KEPT:
        return design
    return replace(design, products=_products(design.inputs, design.bias))


def _products(inputs: Array, bias: bool) -> Array:
    """All products of two columns of [X 1], (pairs, n)."""
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


def gram(design: Design, scales: Array) -> Array:
    """[X 1]^T D_k [X 1] for every k; over several devices each sums its own rows, and one sum over devices follows.

    Args:
        design: the inputs.
        scales: (k, n), the diagonals D_k.

    Returns:
        (k, d + bias, d + bias).
    """
    if design.mesh is None:
        return _summed(design.inputs, design.products, scales, design.bias)

    def own(inputs: Array, scales: Array) -> Array:
        return jax.lax.psum(_summed(inputs, None, scales, design.bias), ROWS)

    parts = (PartitionSpec(ROWS), PartitionSpec(None, ROWS))
    over = jax.shard_map(own, mesh=design.mesh, in_specs=parts, out_specs=PartitionSpec(), check_vma=False)
    return over(design.inputs, scales)


def _summed(inputs: Array, products: Array | None, scales: Array, bias: bool) -> Array:
    """The Gram matrices of the rows that are here."""
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


def factor(design: Design, scales: Array) -> Array:
    """The Cholesky factors of diag(1, ..., 1, 0) + [X 1]^T D_k [X 1], (k, d + bias, d + bias).

    A share of 1e-15 of the diagonal is added: columns that depend on one another would else give a negative pivot by
    rounding. A step computed with the factor is corrected by the next one, as the residuals are always exact.
    """
    unit = jnp.eye(design.inputs.shape[1] + design.bias)
    penalty = unit.at[-1, -1].set(0.0) if design.bias else unit
    whole = gram(design, scales) + penalty[None]
    diagonal = jnp.einsum("kii->ki", whole)
    # No example bends the loss in b: any step in b is as good, and none is made.
    diagonal = jnp.where(diagonal > 0, 1e-15 * diagonal, 1.0)
    return jax.lax.linalg.cholesky(whole + diagonal[:, None, :] * unit[None], symmetrize_input=False)


def solve_factored(lower: Array, right: Array) -> Array:
    """The solutions (k, size) of the factored systems."""
    return jax.scipy.linalg.cho_solve((lower, True), right[..., None])[..., 0]


def penalised(design: Design, point: Any) -> Any:
    """The points with the bias, which the penalty leaves alone, set to 0."""
    if not design.bias:
        return point
    xp = array_module(point)
    return xp.concatenate([point[:, :-1], xp.zeros_like(point[:, -1:])], axis=1)


def half_square(design: Design, point: Any) -> Any:
    """1/2 ||w_k||^2, (k,)."""
    return 0.5 * (penalised(design, point) ** 2).sum(axis=1)


def scores(design: Design, point: Any) -> Any:
    """X w_k + b_k, (k, n), of points (k, d + bias)."""
    if design.bias:
        return point[:, :-1] @ design.inputs.T + point[:, -1:]
    return point @ design.inputs.T


def pulled(design: Design, rows: Any) -> Any:
    """[X 1]^T g_k, (k, d + bias), of rows (k, n)."""
    down = rows @ design.inputs
    if not design.bias:
        return down
    return array_module(rows).concatenate([down, rows.sum(axis=1, keepdims=True)], axis=1)
