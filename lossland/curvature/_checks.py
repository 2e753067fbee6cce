"""What is checked before a Hessian is computed: params that fit, and a loss whose second derivative says something."""

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeGuard

import jax
import numpy as np
from jax import Array
from jax.core import Tracer

from lossland.core import Key, Params, form_of, told
from lossland.curves import made_of_lines
from lossland.elements import as_float
from lossland.training import Objective, affine


def checked_objective(f: Callable[[Params], Array], params: Params) -> tuple[Any, Params]:
    """An objective or a function as a pytree, and params as arrays of floats, once they fit each other.

    Raises:
        ValueError: if params do not fit the objective or are not finite, or f gives no scalar.
    """
    if not callable(f):
        raise ValueError(f"f is a {type(f).__name__}; give an objective, or a function params -> scalar.")
    params = jax.tree.map(as_float, params)
    for path, leaf in jax.tree.leaves_with_path(params):
        if not isinstance(leaf, Tracer) and not np.all(np.isfinite(leaf)):
            where = jax.tree_util.keystr(path, simple=True, separator="/") or "params"
            raise ValueError(f"params are not finite: {where} holds NaN or inf. Has a training run diverged?")
    if isinstance(f, Objective):
        wanted = _wanted(f.model.init, f.d)
        if form_of(wanted) != form_of(params):
            raise ValueError(f"params are {told(params)}, but {f.model.name} takes {told(wanted)}.")
        return f, params
    held = jax.tree_util.Partial(f)
    given = jax.eval_shape(held, params)
    if getattr(given, "shape", None) != ():
        raise ValueError(f"f gives {given}, not a scalar.")
    return held, params


@functools.lru_cache(maxsize=64)
def _wanted(init: Callable[[Key, int], Params], d: int) -> Any:
    return jax.eval_shape(lambda key: init(key, d), jax.random.key(0))


def finite_only(values: Array) -> None:
    """Refuse eigenvalues of a Hessian that overflows."""
    if not isinstance(values, Tracer) and not np.all(np.isfinite(values)):
        raise ValueError("The Hessian is not finite at these params: the loss or its second derivative overflows.")


def objective_only(f: Any, name: str) -> None:
    """Refuse a plain function where the scores are needed."""
    if not isinstance(f, Objective):
        raise ValueError(f"{name} needs the scores: give an objective from `objective`, not a {type(f).__name__}.")


def refuse_lines(f: Any, always: bool = False) -> None:
    """Refuse the Hessian of a loss made of lines: of a linear model, or `always`; else warn of what it lacks."""
    if not isinstance(f, Objective) or not made_of_lines(f.pair):
        return
    why = f"{f.pair.name} is made of lines: its second derivative is 0 wherever it exists, and its kinks hold all."
    other = "`kink_curvature` measures those; `smoothed` makes a loss that has a Hessian."
    if always or has_linear_model(f) or f.model.name.startswith("random_features"):
        raise ValueError(f"{why} {other}")
    warnings.warn(
        f"{why} This Hessian of {f.model.name} holds the bends of its scores and the penalty only. {other}",
        stacklevel=3,
    )


def has_linear_model(f: Any) -> TypeGuard[Objective]:
    """Whether f is the objective of a linear model, whose Hessian is a matrix product."""
    return isinstance(f, Objective) and f.model.apply is affine
