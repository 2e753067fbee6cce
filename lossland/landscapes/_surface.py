"""What is put on a grid: an objective around a centre along directions, as a user asks for it, and checked."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from lossland.core import Keyed, Model, Params, by_structure, is_key, is_real, keyed, refuse_infinite, refuse_traced
from lossland.data import Dataset
from lossland.elements import Pair
from lossland.landscapes._derivatives import OF_DERIVATIVES
from lossland.training import Objective, host_objective, linear, placed_objective

Quantity = str | Callable[[Params, Dataset], Any]
"""The name of a quantity, or a function of (params, data) that gives a number."""

QUANTITIES = {
    "risk": "mean loss, without the penalty",
    "positive_risk": "mean loss of the positive examples",
    "negative_risk": "mean loss of the negative examples",
    "error": "share of examples on the wrong side of 0",
    "dead": "share of examples on the wrong side of 0 whose slope is 0",
    "active": "share of examples whose slope is not 0",
    "saturated": "share of examples on the wrong side of 0 whose slope is at most 0.001 either way",
    "margin": "smallest t * z",
    **OF_DERIVATIVES,
}


class Asked(NamedTuple):
    """What a user asks for, as it was given: the objective of a pair around a centre; see `plane`."""

    pair: Pair
    data: Dataset
    centre: Params
    directions: Sequence[Params]
    model: Model | None = None
    l2: float = 0.0
    sample_weights: Any = None
    quantities: Sequence[Quantity] = ()
    method: str = "fastest"
    tolerance: float = 0.0


class Surface(NamedTuple):
    """What is to be put on a grid, checked and in float64: an objective around a centre along directions, and how."""

    objective: Objective
    centre: Params
    directions: tuple[Params, ...]
    quantities: tuple[str, ...]
    method: str
    data: str
    tolerance: float = 0.0
    functions: tuple[tuple[str, Callable[[Params], Any]], ...] = ()
    devices: tuple[Any, ...] = ()

    def settings(self) -> dict[str, Any]:
        """Pair, data, model and penalty, in plain words and numbers."""
        f = self.objective
        said = {"pair": f.pair.name, "data": self.data, "model": f.model.name, "l2": float(f.l2), "n": f.n, "d": f.d}
        return said | {"tolerance": self.tolerance, "weighted": f.sample_weights is not None}


OBJECTIVE = "Inside, the objective itself serves: jax.vmap(ll.objective(pair, data=data))(params)."


def surface_of(asked: Asked) -> Surface:
    """Check what a user asks for, and bring it to float64."""
    return placed_surface(host_surface(asked))


def placed_surface(surface: Surface) -> Surface:
    """The surface with its objective's arrays where JAX computes."""
    with jax.enable_x64(True):
        return surface._replace(objective=placed_objective(surface.objective))


def host_surface(asked: Asked) -> Surface:
    """The same whose objective is still on the host: a plane that is summed through its kinks needs no more."""
    data, centre, directions = asked.data, asked.centre, asked.directions
    if not asked.tolerance >= 0:
        raise ValueError(f"tolerance must be >= 0, not {asked.tolerance}.")
    names, functions = _named(asked.quantities, data)
    model = _linear() if asked.model is None else asked.model
    with jax.enable_x64(True):
        f = host_objective(asked.pair, model, data, asked.l2, asked.sample_weights)
        shapes = _shapes(model.init, data.d)
    for what, tree in (("The centre", centre), *((f"Direction {k}", d) for k, d in enumerate(directions))):
        refuse_traced(what, tree, OBJECTIVE)
        _check_shapes(what, tree, shapes, model)
    refuse_infinite("The centre holds", centre, "Has a training run diverged? Take an earlier point.")
    with jax.enable_x64(True):
        # What gives no score for each example is told so here.
        _check_scores(f, shapes)
    for k, direction in enumerate(directions):
        leaves = [np.asarray(x, float) for x in jax.tree.leaves(jax.tree.map(_if_real, direction, shapes))]
        if not all(np.isfinite(x).all() for x in leaves):
            raise ValueError(f"Direction {k} holds a number that is not finite.")
        if not any(x.any() for x in leaves):
            raise ValueError(f"Direction {k} is zero; the plane would be a line.")
    middle, *wide = (jax.tree.map(_double, tree, shapes) for tree in (centre, *directions))
    return Surface(f, middle, tuple(wide), names, asked.method, data.name, asked.tolerance, functions)


def _check_scores(f: Objective, shapes: Params) -> None:
    """Refuse a model that gives no score for each example, in the words of `Objective.scores`."""
    apply = keyed(f.model.apply)
    if apply.readable:
        leaves, tree = jax.tree.flatten(shapes)
        rows = (f.examples, *f.inputs.shape[1:]), f.inputs.dtype
        # A program that has been seen to give scores is not traced again for each plane.
        if _gives_scores(apply, tree, tuple(leaves), rows):
            return
    jax.eval_shape(placed_objective(f).scores, shapes)


@by_structure(maxsize=512)
def _gives_scores(apply: Keyed, tree: Any, leaves: tuple[Any, ...], rows: tuple[tuple[int, ...], Any]) -> bool:
    """Whether a model's program gives one score for each row; False too where it cannot be traced."""
    try:
        found = jax.eval_shape(apply.value, jax.tree.unflatten(tree, leaves), jax.ShapeDtypeStruct(*rows))
    except (TypeError, ValueError):
        return False
    return getattr(found, "shape", None) == rows[0][:1]


def _if_real(leaf: Any, shape: Any) -> Any:
    """What moves by the model, None else: nothing in a tree."""
    return leaf if is_real(shape) else None


def _double(leaf: Any, shape: Any) -> Any:
    """What moves by the model in float64; counts, switches and keys as they are."""
    return np.asarray(leaf, float) if is_real(shape) else leaf if is_key(leaf) else np.asarray(leaf)


def _named(quantities: Sequence[Quantity], data: Dataset) -> tuple[tuple[str, ...], tuple]:
    """The names asked for, and (name, function of params) for each function."""
    if isinstance(quantities, str):
        raise ValueError(f'quantities is a sequence of names: give ["{quantities}"].')
    names = tuple(q for q in quantities if isinstance(q, str))
    unknown = sorted(set(names) - set(QUANTITIES))
    if unknown:
        raise ValueError(f"There is no quantity {', '.join(unknown)}; there are {', '.join(QUANTITIES)}.")
    if data.probabilities is not None and set(names) - {"risk"}:
        raise ValueError(
            f"{min(set(names) - {'risk'})} counts examples by their label, and these data have probabilities. Draw it "
            f"with the nearer labels, dataclasses.replace(data, probabilities=None); objective and risk take them."
        )
    given = [q for q in quantities if not isinstance(q, str)]
    called = [getattr(q, "__name__", "") for q in given]
    for name in called:
        if not name.isidentifier() or name in (*QUANTITIES, "objective") or called.count(name) > 1:
            raise ValueError(
                f"A function among the quantities needs a name of its own, not {name!r}: define it by def, or set its "
                f"__name__."
            )
    return names, tuple((name, functools.partial(_of_params, q, data)) for name, q in zip(called, given, strict=True))


def _of_params(function: Callable[[Params, Dataset], Any], data: Dataset, params: Params) -> Any:
    return function(params, data)


_linear = functools.cache(linear)


@functools.lru_cache(maxsize=512)
def _shapes(init: Callable[..., Params], d: int) -> Params:
    """The shapes of a model's params."""
    return jax.eval_shape(lambda: init(jax.random.key(0), d))


def _check_shapes(what: str, tree: Params, shapes: Params, model: Model) -> None:
    same = jax.tree.structure(tree) == jax.tree.structure(shapes)
    if not same or any(
        np.shape(x) != y.shape for x, y in zip(jax.tree.leaves(tree), jax.tree.leaves(shapes), strict=True)
    ):
        if hasattr(tree, "params"):
            raise ValueError(f"{what} is a {type(tree).__name__}; give its params: `.params`.")
        got = jax.tree.map(np.shape, tree)
        raise ValueError(
            f"{what} has the shapes {got}; params of {model.name} have {jax.tree.map(lambda x: x.shape, shapes)}."
        )
