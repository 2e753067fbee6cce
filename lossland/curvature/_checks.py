"""What is checked before a Hessian is computed: params that fit, and a loss whose second derivative says something."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from lossland.core import Keyed, Model, Params, affinity, by_structure, form_of, is_real, keyed, told
from lossland.curves import made_of_lines
from lossland.data import RowsOnDisk
from lossland.elements import as_float, is_traced
from lossland.training import Objective, affine


class Point(NamedTuple):
    """Where a curvature is asked for: an objective and its params, without those leaves that are held fixed.

    Attributes:
        f: the objective, or a function as a pytree, of the leaves that move.
        moving: the params; if some are whole numbers, switches or keys, the list of the others.
        back: a tree shaped as `moving` to one shaped as the params, 0 where they are held fixed.
    """

    f: Any
    moving: Params
    back: Callable[[Params], Params]


def checked_objective(f: Callable[[Params], Array], params: Params) -> Point:
    """An objective or a function as a pytree, and params as arrays of floats, once they fit each other.

    Raises:
        ValueError: if params do not fit the objective or are not finite, or f gives no scalar.
    """
    if not callable(f):
        raise ValueError(f"f is a {type(f).__name__}; give an objective, or a function params -> scalar.")
    if isinstance(f, Objective):
        wanted = _wanted(keyed(f.model.init), f.d)
        if form_of(wanted) != form_of(params):
            raise ValueError(f"params are {told(params)}, but {f.model.name} takes {told(wanted)}.")
        # A weight that is given as a whole number is a weight.
        moves = [is_real(leaf) for leaf in jax.tree.leaves(wanted)]
    else:
        moves = [is_real(leaf) for leaf in jax.tree.leaves(params)]
    if not any(moves):
        raise ValueError(f"params are {told(params)} without a floating-point number; whole numbers are held fixed.")
    leaves, tree = jax.tree.flatten(params)
    leaves = [as_float(x) if real else jnp.asarray(x) for x, real in zip(leaves, moves, strict=True)]
    params = jax.tree.unflatten(tree, leaves)
    _refuse_infinite(params)
    held = f if isinstance(f, Objective) else _as_tree(f)
    if held is not f:
        given = jax.eval_shape(held, params)
        if getattr(given, "shape", None) != ():
            raise ValueError(f"f gives {given}, not a scalar.")
    return Point(held, params, lambda found: found) if all(moves) else _of_some(held, params, moves)


def _refuse_infinite(params: Params) -> None:
    for path, leaf in jax.tree.leaves_with_path(params):
        if is_real(leaf) and not isinstance(leaf, Tracer) and not np.all(np.isfinite(leaf)):
            where = jax.tree_util.keystr(path, simple=True, separator="/") or "params"
            raise ValueError(f"params are not finite: {where} holds NaN or inf. Has a training run diverged?")


def _of_some(f: Any, params: Params, moves: list[bool]) -> Point:
    """The point without the leaves that are held fixed."""
    leaves, tree = jax.tree.flatten(params)
    fixed = [leaf for leaf, real in zip(leaves, moves, strict=True) if not real]
    keys = [jnp.issubdtype(x.dtype, jax.dtypes.prng_key) for x in fixed]
    still = [leaf if key else jnp.zeros_like(leaf) for leaf, key in zip(fixed, keys, strict=True)]

    def merged(moving: Params, held: list[Array]) -> Params:
        return _merged(tree, moves, moving, held)

    moving = [leaf for leaf, real in zip(leaves, moves, strict=True) if real]
    if isinstance(f, Objective):
        model = Model(
            lambda key, d: [x for x, real in zip(jax.tree.leaves(f.model.init(key, d)), moves, strict=True) if real],
            lambda p, inputs: f.model.apply(merged(p, fixed), inputs),
            f.model.name,
            # Only what moves bends: a penalty on what is held fixed is a constant.
            lambda p: f.model.penalised(merged(p, fixed)),
        )
        return Point(replace(f, model=model), moving, lambda found: merged(found, still))
    inner = jax.tree_util.Partial(_OfSome(tree, tuple(moves)), f, fixed)
    return Point(inner, moving, lambda found: merged(found, still))


def _as_tree(f: Callable[[Params], Array]) -> jax.tree_util.Partial:
    if isinstance(f, jax.tree_util.Partial):
        return jax.tree_util.Partial(_Plain(keyed(f.func)), *f.args, **f.keywords)
    return jax.tree_util.Partial(_Plain(keyed(f)))


@dataclass(frozen=True)
class _Plain:
    """A function that compares by its structure, so that a program that is kept for it is never a changed one's."""

    made_of: Keyed

    def __call__(self, *arguments: Any, **named: Any) -> Array:
        return self.made_of.value(*arguments, **named)


@dataclass(frozen=True)
class _OfSome:
    """A function of those leaves of a tree that move; the others are given beside."""

    tree: Any
    moves: tuple[bool, ...]

    def __call__(self, f: Callable[[Params], Array], held: list[Array], moving: list[Array]) -> Array:
        return f(_merged(self.tree, self.moves, moving, held))


def _merged(tree: Any, moves: Sequence[bool], moving: Sequence[Any], held: Sequence[Any]) -> Params:
    parts = {True: iter(moving), False: iter(held)}
    return jax.tree.unflatten(tree, [next(parts[real]) for real in moves])


@by_structure(maxsize=64)
def _wanted(init: Keyed, d: int) -> Any:
    return jax.eval_shape(lambda: init.value(jax.random.key(0), d))


def finite_only(values: Array) -> None:
    """Refuse eigenvalues of a Hessian that overflows."""
    if not isinstance(values, Tracer) and not np.all(np.isfinite(values)):
        raise ValueError("The Hessian is not finite at these params: the loss or its second derivative overflows.")


def objective_only(f: Any, name: str) -> None:
    """Refuse a plain function where the scores are needed."""
    if not isinstance(f, Objective):
        raise ValueError(f"{name} needs the scores: give an objective from `objective`, not a {type(f).__name__}.")


def refuse_lines(f: Any, params: Params, always: bool = False) -> None:
    """Refuse the Hessian of a loss made of lines: of an affine model, or `always`; else warn of what it lacks."""
    if not isinstance(f, Objective) or is_traced(f.pair.activation, f.pair.loss) or not made_of_lines(f.pair):
        return
    why = f"{f.pair.name} is made of lines: its second derivative is 0 wherever it exists, and its kinks hold all."
    other = "`kink_curvature` measures those; `smoothed` makes a loss that has a Hessian."
    if always or _is_affine(f, params):
        raise ValueError(f"{why} {other}")
    warnings.warn(
        f"{why} This Hessian of {f.model.name} holds the bends of its scores and the penalty only. {other}",
        stacklevel=3,
    )


def _is_affine(f: Objective, params: Params) -> bool:
    """Whether the scores are affine in the params, by the model's program."""
    if has_linear_model(f):
        return True
    leaves, tree = jax.tree.flatten(jax.tree.map(jnp.asarray, params))
    shapes = tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in leaves)
    return _affine(keyed(f.model.apply), tree, shapes, (f.inputs.shape, str(f.inputs.dtype)))


@by_structure(maxsize=64)
def _affine(apply: Keyed, tree: Any, leaves: tuple[Any, ...], rows: tuple[Any, ...]) -> bool:
    return affinity(apply.value, jax.tree.unflatten(tree, leaves), jax.ShapeDtypeStruct(*rows)) != "other"


def has_linear_model(f: Any) -> TypeGuard[Objective]:
    """Whether f is the objective of a linear model with inputs in memory, whose Hessian is a matrix product."""
    return isinstance(f, Objective) and f.model.apply is affine and not isinstance(f.inputs, RowsOnDisk)
