"""Lanczos' method by matfree: a small tridiagonal matrix whose eigenvalues approach the ends of a large one's.

It reorthogonalises fully, takes no more steps than there are dimensions, and stops where the columns span an invariant
subspace: what would come after that is rounding error, and its Ritz values belong to no matrix.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array


class Tridiagonal(NamedTuple):
    """A symmetric matrix on the space that its powers span from one start: A = Q^T T Q there, T tridiagonal.

    Attributes:
        rows: Q, (m, p), orthonormal; rows from `valid` on mean nothing.
        diagonal: (m,), of T; 0 from `valid` on.
        beside: (m,), its second diagonal, the last entry leading out of the space; 0 from the end on.
        valid: how many rows there are, a scalar.
    """

    rows: Array
    diagonal: Array
    beside: Array
    valid: Array


def tridiagonal(times: Callable[[Array], Array], start: Array, steps: int) -> Tridiagonal:
    """A symmetric matrix made tridiagonal on the space that a start spans, by Lanczos' method; for use in `jax.jit`.

    Args:
        times: v (p,) -> A v.
        start: (p,), not zero.
        steps: m, at most p.

    Returns:
        The space and the matrix on it.

    Example:
        >>> import jax.numpy as jnp
        >>> found = tridiagonal(lambda v: 3.0 * v, jnp.ones(5), 4)
        >>> int(found.valid), round(float(found.diagonal[0]), 5)
        (1, 3.0)

    Source: Lanczos (1950).
    """
    from matfree import decomp

    # Not `decomp.tridiag_sym`: it takes the mean of the matrix and its transpose, and where the space has ended the one
    # holds a length of zero, which says so, and the other a number that means nothing.
    result = decomp.hessenberg(steps, reortho="full", custom_vjp=False)(times, start)
    matrix = jnp.asarray(result.J_small)
    diagonal = jnp.diagonal(matrix)
    beside = jnp.concatenate([jnp.diagonal(matrix, -1), jnp.linalg.norm(result.residual)[None]])
    known = jnp.where(jnp.isfinite(diagonal), jnp.abs(diagonal), 0.0)
    size = jnp.max(known) + jnp.max(jnp.where(jnp.isfinite(beside), beside, 0.0))
    # NaN compares as false: a length of exactly zero has been divided by.
    onward = beside > 10 * jnp.finfo(start.dtype).eps * start.size**0.5 * size
    alive = jnp.concatenate([jnp.ones(1, int), jnp.cumprod(onward[:-1].astype(int))]) > 0
    return Tridiagonal(
        jnp.where(alive[:, None], jnp.asarray(result.Q_tall), 0.0),
        jnp.where(alive, diagonal, 0.0),
        jnp.where(alive & onward, beside, 0.0),
        jnp.sum(alive),
    )


def dense_form(found: Tridiagonal) -> Array:
    """The tridiagonal matrix in full, (m, m)."""
    return jnp.diag(found.diagonal) + jnp.diag(found.beside[:-1], 1) + jnp.diag(found.beside[:-1], -1)
