"""One block of a sweep from its first step to its last: compiled programs in chunks, on one device or several."""

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from lossland.core import Arrays, Key, Model, Params
from lossland.training._batches import first_order
from lossland.training._grid import Block, Grid, coordinates
from lossland.training._records import UNSOUND, Metric, measure
from lossland.training._step import RUNNING, BlockState, Examples, Hyperparameters, Plan, advance_block, start_block

SECONDS = 0.5
"""Time between two returns to Python, where progress is told, checkpoints are written and Ctrl-C is heard."""


class Job(NamedTuple):
    """Everything that the blocks of a sweep have in common; `sweep` says what each means.

    `mesh` has one axis, over which its devices share the "models" or the "rows"; None: one device.
    """

    grid: Grid
    model: Model
    optimizer: Callable[..., optax.GradientTransformation]
    init: Callable[[Key, int], Params]
    examples: Examples
    held_out: dict[str, Examples]
    thresholds: np.ndarray
    metrics: tuple[tuple[str, Metric], ...]
    steps: tuple[int, ...]
    batch_size: int | None
    apart: bool
    tolerance: float
    average_from: int | None
    key: Key
    mesh: Mesh | None


class Saved(NamedTuple):
    """A block under way: the leaves of its state, and the records so far."""

    leaves: list[np.ndarray]
    records: list[Arrays]


class Begun(NamedTuple):
    """A block at its first step, for who times it.

    Attributes:
        plan: what its programs compute.
        state: where its models stand.
        advance: takes a state, which it uses up, and a step; gives the state at that step.
    """

    plan: Plan
    state: BlockState
    advance: Callable[[BlockState, int], BlockState]


def begin_block(job: Job, block: Block) -> Begun:
    """A block of a sweep at its first step, with the function that advances it by the steps of `run_block`."""
    plan, key = _plan(job, block), _key(job, block)
    numbers, fresh = _beginning(job, block, plan, key)
    return Begun(plan, fresh(), lambda state, until: _advanced(job, plan, numbers, state, until, key))


def run_block(
    job: Job,
    block: Block,
    saved: Saved | None = None,
    tick: Callable[[int], None] | None = None,
    keep: Callable[[Callable[[], Saved]], None] | None = None,
) -> Arrays:
    """Train the models of one block from start to end, and give their records and parameters.

    Args:
        job: the sweep.
        block: the block.
        saved: where an earlier run stopped; None: begin.
        tick: called with the steps done, every half second or so.
        keep: called as often, with a function that makes a `Saved`.

    Returns:
        Records by name (pairs, wanted, steps, ...), "status", "stopped", and the params' leaves as "params_0", ...
    """
    plan = _plan(job, block)
    key = _key(job, block)
    hyper, fresh = _beginning(job, block, plan, key)
    state, records = (fresh(), []) if saved is None else _resumed(fresh, saved)
    chunk, step = 1, int(state.step)
    for target in job.steps[len(records) :]:
        while step < target:
            began = time.monotonic()
            state = _advanced(job, plan, hyper, state, min(target, step + chunk), key)
            step = int(state.step)
            took = time.monotonic() - began
            # The first chunk also compiled; from then on chunks grow to what fills the time between two returns.
            chunk = int(np.clip(chunk * SECONDS / max(took, 1e-6), 1, 4 * chunk + 15))
            if tick is not None:
                tick(step)
            if keep is not None:
                keep(lambda state=state, records=records: Saved(_leaves(state), list(records)))
        records.append(_measured(job, block, plan, hyper, state, records))
    params = jax.tree.leaves(state.params if state.mean is None else state.mean)
    found = {name: np.stack([record[name] for record in records], axis=2) for name in records[0]}
    found |= {f"params_{k}": np.asarray(leaf) for k, leaf in enumerate(params)}
    found |= {"status": np.asarray(state.status), "stopped": np.asarray(state.stopped)}
    return {name: array[:, : block.wanted] for name, array in found.items()}


def shared_out(examples: Examples, devices: int) -> Examples:
    """The examples, with rows of weight 0 added so that each device gets as many."""
    n = examples.inputs.shape[0]
    more = -n % devices
    real = jnp.concatenate([jnp.ones(n, examples.inputs.dtype), jnp.zeros(more, examples.inputs.dtype)])
    weights = jnp.ones(n, examples.inputs.dtype) if examples.weights is None else examples.weights
    return Examples(
        jnp.concatenate([examples.inputs, jnp.zeros((more, examples.inputs.shape[1]), examples.inputs.dtype)]),
        jnp.concatenate([examples.labels, jnp.ones(more, examples.labels.dtype)]),
        jnp.concatenate([weights, jnp.zeros(more, weights.dtype)]),
        real,
        examples.n,
    )


# ------------------------------------------------------------------------------------------------------ before the loop


def _plan(job: Job, block: Block) -> Plan:
    """What the block's compiled programs are made for."""
    return Plan(
        pairs=tuple(job.grid.pairs[k] for k in block.pairs),
        model=job.model,
        optimizer=job.optimizer,
        batch_size=job.batch_size,
        tolerance=job.tolerance,
        average_from=job.average_from,
        slopes="bare" if job.mesh is None else "either",
        axis="rows" if job.mesh is not None and "rows" in job.mesh.axis_names else None,
    )


def _key(job: Job, block: Block) -> Key | None:
    """The key that decides the block's batches; None with full batches."""
    if job.batch_size is None:
        return None
    seeds, _ = coordinates(job.grid, block)
    return jax.random.fold_in(job.key, int(seeds[0])) if job.apart else job.key


def _beginning(job: Job, block: Block, plan: Plan, key: Key | None) -> tuple[Hyperparameters, Callable[[], BlockState]]:
    """The models' hyperparameters, and a function that makes their state before any update."""
    seeds, axes = coordinates(job.grid, block)
    dtype = job.examples.inputs.dtype
    each = {name: jnp.broadcast_to(jnp.asarray(x, dtype), (len(block.pairs), block.width)) for name, x in axes.items()}
    hyper = Hyperparameters(each.pop("learning_rate"), each.pop("l2"), each)

    def fresh() -> BlockState:
        params = _initial(job.init, job.examples.inputs.shape[1], jnp.asarray(seeds))
        many = jax.tree.map(lambda x: jnp.broadcast_to(x, (len(block.pairs), *x.shape)), params)
        order = None if key is None else first_order(key, job.examples.inputs.shape[0])
        return _start(plan, many, hyper, order)

    return hyper, fresh


def _resumed(fresh: Callable[[], BlockState], saved: Saved) -> tuple[BlockState, list[Arrays]]:
    """The state and the records that an earlier run kept."""
    structure = jax.tree.structure(jax.eval_shape(fresh))
    return jax.tree.unflatten(structure, [jnp.asarray(leaf) for leaf in saved.leaves]), list(saved.records)


def _leaves(state: BlockState) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(state)]


@functools.partial(jax.jit, static_argnums=(0, 1))
def _initial(init: Callable[[Key, int], Params], d: int, seeds: Array) -> Params:
    return jax.vmap(lambda seed: init(jax.random.key(seed), d))(seeds)


_start = jax.jit(start_block, static_argnums=0)


# ------------------------------------------------------------------------------------------------------------- the loop


def _advanced(
    job: Job, plan: Plan, hyper: Hyperparameters, state: BlockState, until: int, key: Key | None
) -> BlockState:
    """The state after update `until`; where a bare slope is no number, steps are taken with the limits."""
    arguments = (job.examples, hyper, state, jnp.asarray(until, jnp.int32), key)
    state, trouble = _advance(plan, job.mesh, *arguments)
    if trouble:
        arguments = (job.examples, hyper, state, jnp.asarray(until, jnp.int32), key)
        state, _ = _advance(plan._replace(slopes="limits"), job.mesh, *arguments)
    return state


def _measured(
    job: Job, block: Block, plan: Plan, hyper: Hyperparameters, state: BlockState, records: list[Arrays]
) -> Arrays:
    """What is recorded of each model now; the last record again where none has moved since."""
    settled = not np.any(np.asarray(state.status) == RUNNING)
    if records and settled and np.asarray(state.stopped).max(initial=0) <= job.steps[len(records) - 1]:
        return records[-1]
    thresholds = jnp.asarray(job.thresholds[block.pairs.start : block.pairs.stop], job.examples.inputs.dtype)
    for slopes in ("bare", "limits"):
        wanted = plan._replace(slopes=slopes)
        found = _measure(wanted, job.mesh, job.metrics, job.examples, job.held_out, thresholds, hyper, state)
        if not np.any(found.pop(UNSOUND)):
            break
    return {name: np.asarray(x) for name, x in found.items()}


@functools.partial(jax.jit, static_argnums=(0, 1), donate_argnums=4)
def _advance(plan: Plan, mesh: Mesh | None, *arguments: Any) -> tuple[BlockState, Array]:
    rows, models, state = _specs(plan)
    specs = (rows, models, state, P(), P())
    return _over_devices(mesh, functools.partial(advance_block, plan), specs, (state, P()))(*arguments)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _measure(plan: Plan, mesh: Mesh | None, metrics: tuple[tuple[str, Metric], ...], *arguments: Any) -> dict:
    rows, models, state = _specs(plan)
    specs = (rows, P(), P(), models, state)
    return _over_devices(mesh, functools.partial(measure, plan, metrics), specs, models)(*arguments)


def _specs(plan: Plan) -> tuple[Any, Any, Any]:
    """How examples, models and states lie on the devices."""
    whole: Any = P()
    rows: Any = P("rows") if plan.axis else P()
    models: Any = P() if plan.axis else P(None, "models")
    state = BlockState(models, models, step=whole, order=whole, status=models, stopped=models, mean=models)
    return Examples(rows, rows, rows, rows, n=whole), models, state


def _over_devices(mesh: Mesh | None, f: Callable, taken: Any, given: Any) -> Callable:
    # Loops of devices may differ in length, which the checker of replication cannot follow.
    return f if mesh is None else jax.shard_map(f, mesh=mesh, in_specs=taken, out_specs=given, check_vma=False)
