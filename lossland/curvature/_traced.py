"""Eigenpairs of a Hessian at params that JAX traces: shapes are fixed, and no value is seen.

Elsewhere the same is done on the host, in float64 and with as many steps as it takes.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.core import Tracer

from lossland.curvature._lanczos import Tridiagonal, dense_form

HIGHEST = jax.lax.Precision.HIGHEST


def is_traced(*trees: Any) -> bool:
    """Whether some leaf is a number that is being traced."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(trees))


Pairs = tuple[Array, Array, Array, Array]
"""Values (k,), vectors (k, p), residuals (k,) and the largest |value|."""


def doubled(stage: Callable[[int], Pairs], first: int, last: int, tol: float) -> Pairs:
    """What a method of so many steps finds, its steps doubled until it has converged, as conditions of a program."""
    sizes = [first]
    while sizes[-1] < last:
        sizes.append(min(last, 2 * sizes[-1]))
    found = stage(sizes[0])
    for steps in sizes[1:]:
        done = jnp.all(found[2] <= tol * found[3])
        found = jax.lax.cond(done, lambda found=found: found, functools.partial(stage, steps))
    return found


def ritz_pairs(
    deflated: Callable[[Array, Array], Tridiagonal], order: Callable[[Array], Array], k: int, steps: int, like: Array
) -> tuple[Array, Array, Array]:
    """Values (k,), vectors (k, p) and the largest |value| from Lanczos' method begun again where a space has ended.

    Args:
        deflated: (how often it was begun, rows (steps, p) found before) -> the space from a start orthogonal to them.
        order: values -> numbers that are smallest for the values wanted.
        k: how many.
        steps: rows that are kept.
        like: (p,), of the type meant.
    """

    def more(held: tuple[Array, ...]) -> Array:
        return (held[0] <= k) & (held[1] < steps)

    def begin(held: tuple[Array, ...]) -> tuple[Array, ...]:
        again, count, rows, matrix = held
        found = deflated(again, rows)
        number = jnp.arange(steps)
        kept = number < jnp.minimum(found.valid, steps - count)
        # What is not kept is put nowhere.
        to = jnp.where(kept, count + number, steps)
        rows = rows.at[to].set(found.rows, mode="drop")
        matrix = matrix.at[to[:, None], to[None]].set(dense_form(found), mode="drop")
        return again + 1, count + jnp.sum(kept), rows, matrix

    zero = jnp.zeros((), int)
    start = zero, zero, jnp.zeros((steps, like.size), like.dtype), jnp.zeros((steps, steps), like.dtype)
    _, count, rows, matrix = jax.lax.while_loop(more, begin, start)
    # Rows that are not used are moved out of the spectrum, where they mix with nothing.
    bound = 1.0 + jnp.max(jnp.sum(jnp.abs(matrix), axis=1))
    values, vectors = jnp.linalg.eigh(matrix + jnp.diag(jnp.where(jnp.arange(steps) < count, 0.0, 3.0 * bound)))
    real = ~(values > 2.0 * bound)
    chosen = jnp.argsort(jnp.where(real, order(values), jnp.inf))[:k]
    found = jnp.matmul(vectors[:, chosen].T, rows, precision=HIGHEST)
    found = found / jnp.linalg.norm(found, axis=1, keepdims=True)
    return values[chosen], found, jnp.max(jnp.where(real, jnp.abs(values), 0.0))
