"""Optimisers of sweeps: any of optax, also those that look at the objective's value, or at the objective itself."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from lossland.core import Model, Params, moving_part, placed, shown, weighted
from lossland.elements import as_float, values_of
from lossland.training._block_scores import scores_of_rows
from lossland.training._examples import Examples, as_answered, as_asked
from lossland.training._parameter_axes import with_own


def made_optimizer(
    make: Callable[..., optax.GradientTransformation], rate: Array, others: Mapping[str, Any]
) -> optax.GradientTransformationExtraArgs:
    """The optimiser of one model, its learning rate a number that is being traced.

    Raises:
        ValueError: if it tests the rate in Python, with the form that does not.
    """
    try:
        made = make(rate, **others)
        if not isinstance(made, optax.GradientTransformation):
            raise ValueError(
                f"optimizer must give a transformation of optax, not {shown(made)}; say optimizer=optax.adam."
            )
        return optax.with_extra_args_support(made)
    except jax.errors.ConcretizationTypeError:
        raise ValueError(
            "This optimizer tests its learning rate in Python, as optax's warm-up schedules do, and a sweep's rates "
            "are numbers of one program. Make the schedule for the rate 1 and multiply: "
            "shape = optax.warmup_cosine_decay_schedule(0.0, 1.0, ...); "
            "sweep(..., optimizer=lambda rate: optax.sgd(lambda step: rate * shape(step)))."
        ) from None


def updated(
    optimizer: Any, gradient: Params, state: Any, params: Params, more: Mapping[str, Any]
) -> tuple[Params, Any]:
    """The optimiser's update, handed what it takes of `more`: value, grad, value_fn."""
    taken = inspect.signature(optimizer.update).parameters
    whole = any(kind.kind is inspect.Parameter.VAR_KEYWORD for kind in taken.values())
    return optimizer.update(gradient, state, params, **{k: v for k, v in more.items() if whole or k in taken})


def asks(make: Callable[..., optax.GradientTransformation], others: tuple[str, ...], params: Params) -> bool:
    """Whether the optimiser looks at the value, the gradient or the function that it is handed: read from its program.

    Args:
        make: (learning rate, **others) -> optimiser.
        others: the names of its further keywords.
        params: shapes of one model's params.
    """
    _refuse_other_arguments(make, others)
    moving = jax.tree.map(lambda x: placed(np.zeros(x.shape, x.dtype)), moving_part(params)[0])
    called = []

    def objective(point: Params) -> Array:
        called.append(True)
        return sum((jnp.sum(x) for x in jax.tree.leaves(point)), jnp.zeros(())).astype(float)

    def update(value: Array, again: Params, rate: Array, held: dict[str, Array]) -> Any:
        made = made_optimizer(make, rate, held)
        more = {"value": value, "grad": again, "value_fn": objective}
        return updated(made, moving, made.init(moving), moving, more)

    number = placed(1.0, float)
    jaxpr = jax.make_jaxpr(update)(number, moving, number, dict.fromkeys(others, number)).jaxpr
    looked_at = set(map(id, jaxpr.invars[: 1 + len(jax.tree.leaves(moving))]))
    read = {id(atom) for step in jaxpr.eqns for atom in step.invars} | {id(atom) for atom in jaxpr.outvars}
    return bool(called) or not looked_at.isdisjoint(read)


def _refuse_other_arguments(make: Callable[..., Any], others: tuple[str, ...]) -> None:
    """Refuse an optimiser that cannot be called as a sweep calls it."""
    try:
        inspect.signature(make).bind(1.0, **dict.fromkeys(others, 1.0))
    except TypeError as error:
        given = ", ".join(["its learning rate", *others])
        raise ValueError(f"optimizer is called with {given}, as optax.adam may be; this one is not: {error}.") from None
    except ValueError:  # it has no signature that can be read
        return


def asking_updates(plan: Any, examples: Examples, hyper: Any, given: tuple, params: Params) -> tuple[Params, Any]:
    """New params and optimisers' states of a block, each optimiser handed its model's objective.

    Args:
        plan: the block's plan, with the pairs in `fused`.
        examples: of the step.
        hyper: what each model is set to.
        given: (gradient, state, moving params, learning rate, others), arrays (pairs, width, ...).
        params: all params, (pairs, width, ...).
    """

    def of_pair(k: int, pair: Any) -> tuple[Params, Any]:
        def update(gradient, inner, moving, rate, others, own, l2, parameters) -> tuple[Params, Any]:
            whole = moving_part(own)[1]
            of_model = with_own(pair, parameters)

            def objective(point: Params) -> Array:
                return _objective(plan.model, of_model, examples, whole(point), l2)

            more = {"value": objective(moving), "grad": gradient, "value_fn": objective}
            updates, inner = updated(made_optimizer(plan.optimizer, rate, others), gradient, inner, moving, more)
            return optax.apply_updates(moving, updates), inner

        mine = jax.tree.map(lambda x: x[k], (*given, params, hyper.l2, hyper.parameters))
        return jax.vmap(update)(*mine)

    found = [of_pair(k, pair) for k, pair in enumerate(plan.fused)]
    return jax.tree.map(lambda *parts: jnp.stack(parts), *found)


def _objective(model: Model, pair: Any, examples: Examples, params: Params, l2: Array) -> Array:
    """The objective of one model on the step's examples."""
    scores = as_float(scores_of_rows(model.apply, params, examples.inputs))
    asked, labels = as_asked(examples, scores[None])
    losses = as_answered(examples, values_of(pair, asked[0], labels)[None])[0]
    held = losses if examples.weights is None else weighted(losses, examples.weights)
    square = sum(jnp.sum(w * w) for w in jax.tree.leaves(model.penalised(params)))
    return jnp.sum(held) / examples.n + 0.5 * l2 * square
