"""The compiled programs of a sweep: many models of some pairs, advanced and measured together.

All models of a block give their scores at once, one matrix product for linear models; each pair's slopes are taken
elementwise on its slice; one product brings them back to the parameters. Only the slopes know which pair it is.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from lossland.core import Key, Model, Params, moving_part, rows_where, weighted
from lossland.data import RowsOnDisk
from lossland.elements import Pair, unsound
from lossland.training._batches import next_rows
from lossland.training._block_scores import scores_of_rows
from lossland.training._composed import Members, Recipe, composed_losses
from lossland.training._examples import Examples, as_answered, as_asked, some_examples
from lossland.training._models import affine
from lossland.training._optimizers import asking_updates, made_optimizer
from lossland.training._parameter_axes import parametrised_losses
from lossland.training._sparse_inputs import is_bcoo

RUNNING, FINISHED, DIVERGED = 0, 1, 2
"""A model is trained on; has a gradient below the tolerance; or was stopped before it stopped being a number."""


class Plan(NamedTuple):
    """What the compiled programs of a block are made for; all else they take are arrays.

    Attributes:
        recipe: what the sweep's pairs are made of.
        fused: the block's pairs, where each has a program of its own that is compiled for this block alone; else none:
            then every activation and every loss has one, and all blocks share the programs.
        model: gives scores.
        optimizer: (learning_rate, **hyperparameters) -> optax.GradientTransformation.
        batch_size: examples a step; None: all.
        tolerance: a model whose gradient norm falls to it is finished; 0: none is.
        average_from: the update after which the iterates are averaged; None: never.
        axis: the mesh axis over which examples are shared out; None: every device has all examples.
        parameters: names of parameters of the pairs that differ from model to model; the pairs are then `fused`.
        asks: whether the optimiser looks at the objective itself; the pairs are then `fused`.
        keeps: whether the parameters are recorded too.
        mixed: whether a row's score may depend on other rows, as batch statistics do; each part is then scored alone.
    """

    recipe: Recipe
    fused: tuple[Pair, ...]
    model: Model
    optimizer: Callable[..., optax.GradientTransformation]
    batch_size: int | None = None
    tolerance: float = 0.0
    average_from: int | None = None
    axis: str | None = None
    parameters: tuple[str, ...] = ()
    asks: bool = False
    keeps: bool = False
    mixed: bool = False


class Hyperparameters(NamedTuple):
    """What the optimiser, the penalty and the pair of each model of a block are set to: arrays (pairs, width)."""

    learning_rate: Array
    l2: Array
    others: dict[str, Array]
    parameters: dict[str, Array]


class BlockState(NamedTuple):
    """Parameters, optimisers and status of a block's models after some updates; their arrays are (pairs, width, ...).

    Attributes:
        params: the parameters.
        optimizer: the optimiser's state.
        step: the number of updates made, a scalar.
        order: (n,) the order of the examples in this epoch; None with full batches.
        status: RUNNING, FINISHED or DIVERGED.
        stopped: the number of updates that a model got.
        mean: the averaged parameters; None without averaging.
    """

    params: Params
    optimizer: Any
    step: Array
    order: Array | None
    status: Array
    stopped: Array
    mean: Params | None


def start_block(plan: Plan, params: Params, hyper: Hyperparameters, order: Array | None) -> BlockState:
    """The state of a block before any update, from the parameters at the start, (pairs, width, ...)."""
    shape = hyper.learning_rate.shape

    def begin(params: Params, learning_rate: Array, others: dict[str, Array]) -> Any:
        return made_optimizer(plan.optimizer, learning_rate, others).init(moving_part(params)[0])

    inner = _over_models(begin)(params, hyper.learning_rate, hyper.others)
    # int8 and int32 whatever x64 says: checkpoints then look the same.
    status, stopped = jnp.zeros(shape, jnp.int8), jnp.zeros(shape, jnp.int32)
    mean = None if plan.average_from is None else params
    return BlockState(params, inner, jnp.zeros((), jnp.int32), order, status, stopped, mean)


def advance_block(
    plan: Plan,
    members: Members,
    examples: Examples,
    hyper: Hyperparameters,
    state: BlockState,
    until: Array,
    key: Key | None,
) -> BlockState:
    """The state after update `until`, or when no model runs any more.

    Slopes are taken without their limits at infinity, which cost half as much again, until one is not a number at a
    finite score; that step is taken again with the limits.
    """

    def more(carry: tuple[BlockState, Array]) -> Array:
        return (carry[0].step < until) & jnp.any(carry[0].status == RUNNING)

    def step(carry: tuple[BlockState, Array]) -> tuple[BlockState, Array]:
        state, limits = carry
        here, order = examples, state.order
        if plan.batch_size is not None and order is not None and key is not None:
            order, rows = next_rows(plan.batch_size, order, state.step, key)
            here = some_examples(examples, rows)
        gradient, scores, slopes = _gradient(plan, members, here, hyper, state.params, limits)
        running = state.status == RUNNING
        sound = _sound(gradient, running.shape)
        # An infinite slope or score is no trouble, its model diverges; a slope that is no number may have a limit.
        found = functools.partial(_any_unsound, running, scores, slopes)
        trouble = jax.lax.cond(~limits & jnp.any(running & ~sound), found, lambda: jnp.asarray(False))
        trouble = jax.lax.pmax(trouble.astype(jnp.int32), plan.axis) > 0 if plan.axis else trouble
        state = _updated(plan, here, hyper, state._replace(order=order), gradient, sound, trouble)
        # Composed programs give the same bits with limits as without, so they stay on; fused ones do not, and a step
        # must not depend on where a call began.
        return state, trouble if plan.fused else trouble | limits

    state, _ = jax.lax.while_loop(more, step, (state, jnp.asarray(False)))
    return state._replace(step=until)


def scores_of(model: Model, params: Params, inputs: Array) -> tuple[Array, Callable[[Array], Params]]:
    """The scores of all models, (models, n), and the map that brings their slopes back to the parameters."""
    if is_bcoo(inputs):
        held: Any = inputs
        # One sparse product for all models.
        return (held @ params["weights"].T).T + params["bias"][:, None], lambda slopes: {
            "weights": (held.T @ slopes.T).T, "bias": jnp.sum(slopes, axis=1),
        }  # fmt: skip
    if model.apply is affine and not isinstance(inputs, RowsOnDisk):
        scores = jnp.matmul(params["weights"], inputs.T, precision=jax.lax.Precision.HIGHEST) + params["bias"][:, None]

        def back(slopes: Array) -> Params:
            return {
                "weights": jnp.matmul(slopes, inputs, precision=jax.lax.Precision.HIGHEST),
                "bias": jnp.sum(slopes, axis=1),
            }

        return scores, back
    moving, whole = moving_part(params)
    scores, pull = jax.vjp(lambda part: jax.vmap(lambda p: scores_of_rows(model.apply, p, inputs))(whole(part)), moving)
    return scores, lambda slopes: pull(slopes)[0]


def losses_of(
    plan: Plan,
    members: Members,
    scores: Array,
    labels: Array,
    limits: Array,
    values: bool = True,
    parameters: Mapping[str, Array] | None = None,
) -> tuple[Any, Array]:
    """Value (if wanted) and slope of every model's loss at its scores, each (models, n).

    With `limits` the slopes have their limits at infinity; values at infinite scores are right without only.
    """
    if plan.parameters:
        return parametrised_losses(plan.fused, parameters or {}, scores, labels)
    composed = functools.partial(composed_losses, plan.recipe, members, scores, labels, values=values)
    if not plan.fused:
        return composed(limits)

    def fused() -> tuple[Any, Array]:
        each = scores.reshape(len(plan.fused), -1, scores.shape[1])
        both = [p.bare(z, jnp.broadcast_to(labels, z.shape)) for p, z in zip(plan.fused, each, strict=True)]
        slopes = jnp.concatenate([b[1] for b in both])
        return (jnp.concatenate([b[0] for b in both]) if values else None), slopes

    return jax.lax.cond(limits, lambda: composed(jnp.asarray(True)), fused)


def settled_losses(
    plan: Plan, members: Members, scores: Array, labels: Array, parameters: Mapping[str, Array] | None = None
) -> tuple[Array, Array]:
    """Values and slopes, (models, n), the slopes with their limits where one of them would not be a number."""

    def more(carry: tuple[Array, Array, Array]) -> Array:
        number, _, slopes = carry
        return (number == 0) | ((number == 1) & jnp.any(unsound(scores, slopes)))

    def once(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        number, before, _ = carry
        values, slopes = losses_of(plan, members, scores, labels, number == 1, True, parameters)
        return number + 1, jnp.where(number == 0, values, before), slopes

    start = jnp.zeros((), jnp.int32), jnp.zeros_like(scores), jnp.zeros_like(scores)
    _, values, slopes = jax.lax.while_loop(more, once, start)
    return jnp.where(jnp.isnan(scores), scores, values), slopes


def penalty(model: Model, params: Params, l2: Array) -> Array:
    """The penalty of one model, l2 / 2 * ||w||^2, biases left out."""
    return 0.5 * l2 * sum(jnp.sum(w * w) for w in jax.tree.leaves(model.penalised(params)))


def merged(tree: Any) -> Any:
    """All models of a block in one row: arrays (pairs, width, ...) as (models, ...)."""
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), tree)


def gradient_of(plan: Plan, examples: Examples, l2: Array, params: Params, slopes: Array, back: Callable) -> Params:
    """The gradient of the objective, (models, ...), from the slopes of the losses, (models, n)."""
    each = slopes / examples.n if examples.weights is None else weighted(slopes, (examples.weights / examples.n)[None])
    data = back(each)
    if plan.axis is not None:
        data = jax.lax.psum(data, plan.axis)
    moving, whole = moving_part(params)

    def shrinking(moving: Params, fixed: Params, l2: Array) -> Params:
        return jax.grad(lambda part: penalty(plan.model, moving_part(fixed)[1](part), l2))(moving)

    return jax.tree.map(jnp.add, data, jax.vmap(shrinking)(moving, whole(moving), l2))


# --------------------------------------------------------------------------------------------------------------- a step


def _gradient(
    plan: Plan, members: Members, examples: Examples, hyper: Hyperparameters, params: Params, limits: Array
) -> tuple[Params, Array, Array]:
    """The gradients, shaped as `params`, and scores and slopes, (models, n)."""
    models = merged(params)
    scores, back = scores_of(plan.model, models, examples.inputs)
    asked, labels = as_asked(examples, scores)
    slopes = losses_of(plan, members, asked, labels, limits, values=False, parameters=hyper.parameters)[1]
    slopes = as_answered(examples, slopes)
    gradient = gradient_of(plan, examples, hyper.l2.reshape(-1), models, slopes, back)
    return jax.tree.map(lambda g, p: g.reshape(p.shape), gradient, moving_part(params)[0]), scores, slopes


def _updated(
    plan: Plan,
    examples: Examples,
    hyper: Hyperparameters,
    state: BlockState,
    gradient: Params,
    sound: Array,
    trouble: Array,
) -> BlockState:
    """The state after an update; a model that is not running, or whose gradient or new point is no number, stays.

    After trouble every model stays: the step is taken again with the limits of the slopes.
    """
    moving, whole = moving_part(state.params)
    given = gradient, state.optimizer, moving, hyper.learning_rate, hyper.others
    if plan.asks:
        new, inner = asking_updates(plan, examples, hyper, given, state.params)
    else:

        def update(gradient: Params, inner: Any, params: Params, rate: Array, others: dict[str, Array]) -> tuple:
            updates, inner = made_optimizer(plan.optimizer, rate, others).update(gradient, inner, params)
            return optax.apply_updates(params, updates), inner

        new, inner = _over_models(update)(*given)
    params = whole(new)
    running = state.status == RUNNING
    sound = sound & _sound(new, running.shape)
    finished = jnp.zeros_like(running)
    if plan.tolerance > 0:
        square = sum(jnp.sum((g * g).reshape(*running.shape, -1), -1) for g in jax.tree.leaves(gradient))
        finished = running & (square <= plan.tolerance * plan.tolerance)
    goes = running & sound & ~finished & ~trouble
    status = jnp.where(running & ~sound, DIVERGED, jnp.where(finished, FINISHED, state.status))
    status = jnp.where(trouble, state.status, status.astype(jnp.int8))
    params = rows_where(goes, params, state.params)
    inner = rows_where(goes, inner, state.optimizer)
    step = state.step + jnp.where(trouble, 0, 1).astype(jnp.int32)
    stopped = jnp.where(goes, step, state.stopped)
    mean = _averaged(plan, state, params, goes, step)
    return BlockState(params, inner, step, state.order, status, stopped, mean)


def _averaged(plan: Plan, state: BlockState, params: Params, goes: Array, step: Array) -> Params | None:
    """The mean of the iterates so far, from update `average_from` on; None without averaging."""
    if plan.average_from is None or state.mean is None:
        return None
    # The mean of the iterates after updates average_from + 1, ..., step; before, the iterate itself.
    share = 1.0 / jnp.maximum(step - plan.average_from, 1)
    (mean, whole), now = moving_part(state.mean), moving_part(params)[0]
    moved = jax.tree.map(lambda m, p: m + share.astype(p.dtype) * (p - m), mean, now)
    return rows_where(goes, whole(moved), state.mean)


def _any_unsound(running: Array, scores: Array, slopes: Array) -> Array:
    """Whether a model that runs has a slope that is not a number although its score is one."""
    return jnp.any(unsound(scores, slopes) & running.reshape(-1))


def _sound(tree: Any, shape: tuple[int, ...]) -> Array:
    """Whether each model's leaves are all finite, (pairs, width)."""
    return functools.reduce(
        jnp.logical_and, [jnp.isfinite(x.reshape(*shape, -1)).all(-1) for x in jax.tree.leaves(tree)]
    )


def _over_models(f: Callable) -> Callable:
    """The function of one model as one of all models of a block, (pairs, width, ...)."""
    return jax.vmap(jax.vmap(f))
