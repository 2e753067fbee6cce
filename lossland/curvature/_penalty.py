"""The penalty's part of a Hessian: of any function of the params that a model says is penalised."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.extend.core import Literal
from jax.flatten_util import ravel_pytree

from lossland.core import ENTRYWISE, Params
from lossland.training import Objective

AT_ONCE = 64
"""Columns computed together."""


def penalty_product(f: Objective, params: Params) -> Callable[[Array], Array]:
    """A function v (p,) -> P v, P the Hessian of l2 / 2 * ||what is penalised||^2; for use inside `jax.jit`."""
    flat, unravel = ravel_pytree(params)

    def half_square(at: Array) -> Array:
        return sum((0.5 * jnp.sum(w * w) for w in jax.tree.leaves(f.model.penalised(unravel(at)))), jnp.zeros(()))

    push = jax.linearize(jax.grad(half_square), flat)[1]
    return lambda v: f.l2 * push(v)


def penalty_diagonal(f: Objective, params: Params) -> Array:
    """The diagonal of P, (p,)."""
    flat, times = ravel_pytree(params)[0], penalty_product(f, params)
    if is_entrywise(f.model.penalised, params):
        return times(jnp.ones_like(flat))

    def entry(j: Array) -> Array:
        return times(jnp.zeros_like(flat).at[j].set(1.0))[j]

    return jax.lax.map(entry, jnp.arange(flat.size), batch_size=AT_ONCE)


def penalty_matrix(f: Objective, params: Params) -> Array:
    """P, (p, p)."""
    flat = ravel_pytree(params)[0]
    if is_entrywise(f.model.penalised, params):
        return jnp.diag(penalty_diagonal(f, params))
    columns = jax.lax.map(penalty_product(f, params), jnp.eye(flat.size, dtype=flat.dtype), batch_size=AT_ONCE)
    return 0.5 * (columns + columns.T)


def is_entrywise(function: Callable[[Params], Any], params: Params) -> bool:
    """Whether, by its program, each number that a function gives is of one number of the params: P is diagonal.

    Example:
        >>> w = {"w": jnp.ones(3)}
        >>> [is_entrywise(f, w) for f in (lambda p: p["w"] - 1.0, lambda p: p["w"][::-1], lambda p: p["w"].sum())]
        [True, False, False]
    """
    try:
        jaxpr = jax.make_jaxpr(function)(params).jaxpr
    except Exception:  # what cannot be traced has its error where it is run
        return False
    # Which argument a value is of, entry by entry.
    home: dict[Any, Any] = {x: x for x in jaxpr.invars}
    for equation in jaxpr.eqns:
        homes = {home[x] for x in equation.invars if not isinstance(x, Literal) and home.get(x) is not None}
        fits = equation.primitive.name in ENTRYWISE and all(x.aval.shape == y.aval.shape for x in homes for y in
                                                            equation.outvars)  # fmt: skip
        if homes and not (fits and len(homes) == 1):
            return False
        home |= dict.fromkeys(equation.outvars, homes.pop() if homes else None)
    return True
