"""Lanczos' method: a small tridiagonal matrix whose eigenvalues approach the ends of a large one's.

It reorthogonalises fully, takes no more steps than there are dimensions, and stops where the rows span an invariant
subspace: what would come after that is rounding error, and its Ritz values belong to no matrix. It can go on from where
it stopped, which a library's cannot: steps taken are never taken again.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

HIGHEST = jax.lax.Precision.HIGHEST


class Tridiagonal(NamedTuple):
    """A symmetric matrix on the space that its powers span from one start: A = Q^T T Q there, T tridiagonal.

    Attributes:
        rows: Q, (m, p), orthonormal; 0 from `valid` on.
        diagonal: (m,), of T; 0 from `valid` on.
        beside: (m,), its second diagonal, the last entry leading out of the space; 0 from the end on.
        onward: (p,), the row that would come next; 0 where the space has ended.
        valid: how many rows there are, a scalar.
        taken: how many steps were made, those past the end of the space too, a scalar.
    """

    rows: Array
    diagonal: Array
    beside: Array
    onward: Array
    valid: Array
    taken: Array


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
    return extended(times, begun(start, steps), steps)


def begun(start: Array, room: int) -> Tridiagonal:
    """The space before its first step, with room for so many rows."""
    nothing = jnp.zeros(room, start.dtype)
    zero = jnp.zeros((), int)
    rows = jnp.zeros((room, start.size), start.dtype)
    return Tridiagonal(rows, nothing, nothing, start / jnp.linalg.norm(start), zero, zero)


def roomier(found: Tridiagonal, room: int) -> Tridiagonal:
    """The same space with room for more rows."""
    more = room - found.diagonal.size
    longer = [jnp.pad(x, (0, more)) for x in (found.diagonal, found.beside)]
    return found._replace(rows=jnp.pad(found.rows, ((0, more), (0, 0))), diagonal=longer[0], beside=longer[1])


def extended(times: Callable[[Array], Array], found: Tridiagonal, steps: ArrayLike) -> Tridiagonal:
    """The space made larger: the same numbers as all steps taken at once would give.

    Args:
        times: v (p,) -> A v, the matrix of before.
        found: the space, with room for the steps.
        steps: in all, at most p; it may be traced, so that one program takes any number.

    Returns:
        The space and the matrix on it.

    Example:
        >>> import jax.numpy as jnp
        >>> matrix = jnp.diag(jnp.arange(1.0, 5.0))
        >>> found = extended(matrix.dot, begun(jnp.ones(4), 4), 2)
        >>> values = jnp.linalg.eigvalsh(dense_form(extended(matrix.dot, found, 4)))
        >>> bool(jnp.allclose(values, jnp.arange(1.0, 5.0), atol=1e-5))
        True
    """
    # A space has ended where what is left of a product is within its rounding.
    negligible = 10 * float(jnp.finfo(found.onward.dtype).eps) * found.onward.size**0.5

    def step(j: Array, held: tuple[Tridiagonal, Array]) -> tuple[Tridiagonal, Array]:
        found, largest = held
        row = found.onward
        image = times(row)
        entry = jnp.vdot(image, row, precision=HIGHEST)
        before = jnp.maximum(j - 1, 0)
        # What is large is taken off first, so that one passage through all rows is as good as two.
        rows = found.rows.at[j].set(row)
        image = image - entry * row - jnp.where(j > 0, found.beside[before], 0.0) * rows[before]
        image, length = _off(rows, image)
        largest = jnp.maximum(largest, jnp.maximum(jnp.abs(entry), length))
        # NaN compares as false.
        onward = length > negligible * largest
        length = jnp.where(onward, length, 0.0)
        found = Tridiagonal(
            rows,
            found.diagonal.at[j].set(entry),
            found.beside.at[j].set(length),
            jnp.where(onward, image / jnp.where(onward, length, 1.0), 0.0),
            found.valid + jnp.any(row != 0).astype(int),
            j + 1,
        )
        return found, largest

    largest = jnp.max(jnp.abs(jnp.concatenate([found.diagonal, found.beside])))
    return jax.lax.fori_loop(found.taken, steps, step, (found, largest))[0]


def _off(rows: Array, v: Array) -> tuple[Array, Array]:
    """What is left of a vector without its parts along orthonormal rows, and its length."""

    def shrinks(held: tuple[Array, ...]) -> Array:
        passes, _, before, now = held
        # A vector that loses most of its length holds rounding along the rows; a second time it holds none.
        return (passes == 0) | ((passes == 1) & (now < 0.5 * before))

    def off(held: tuple[Array, ...]) -> tuple[Array, ...]:
        passes, v, _, before = held
        v = v - jnp.matmul(jnp.matmul(rows, v, precision=HIGHEST), rows, precision=HIGHEST)
        return passes + 1, v, before, jnp.linalg.norm(v)

    length = jnp.linalg.norm(v)
    _, left, _, length = jax.lax.while_loop(shrinks, off, (jnp.zeros((), int), v, length, length))
    return left, length


def dense_form(found: Tridiagonal) -> Array:
    """The tridiagonal matrix in full, (m, m)."""
    return jnp.diag(found.diagonal) + jnp.diag(found.beside[:-1], 1) + jnp.diag(found.beside[:-1], -1)
