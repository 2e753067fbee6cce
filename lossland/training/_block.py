"""One block of a sweep from its first step to its last: compiled programs in chunks, on one device or several."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from lossland.core import Arrays, Broken, Key, Keyed, keyed, placed
from lossland.training._batches import first_order
from lossland.training._composed import Members, members_of
from lossland.training._examples import Examples
from lossland.training._grid import Block, Grid, coordinates
from lossland.training._programs import Programs, by_text, jitted, lower, programs, starting
from lossland.training._step import RUNNING, BlockState, Hyperparameters

SECONDS = 0.5
"""Time between two returns to Python, where progress is told, checkpoints are written and Ctrl-C is heard."""

LONGEST = 10**6
"""Steps between two returns at most."""


class Job(NamedTuple):
    """Everything that the blocks of a sweep have in common; `sweep` says what each means.

    `numbers` are the pairs' in the recipe. `plan` is that of every block, keyed by its structure, as are `init` and
    `metrics`; `fused` says whether each block compiles its pairs one by one. `mesh` has one axis, over which its
    devices share the "models" or the "rows"; None: one device.
    """

    grid: Grid
    numbers: np.ndarray
    plan: Keyed
    fused: bool
    init: Keyed
    examples: Examples
    held_out: dict[str, Examples]
    thresholds: np.ndarray
    metrics: Keyed
    steps: tuple[int, ...]
    apart: bool
    key: Key
    mesh: Mesh | None


class Saved(NamedTuple):
    """A block under way: the leaves of its state, the records so far, and the file that they were read from."""

    leaves: list[np.ndarray]
    records: list[Arrays]
    path: Path | None = None


class Begun(NamedTuple):
    """A block that is ready to run, in any thread: from here on only compiled programs and NumPy have a part.

    Attributes:
        programs: what advances and measures it; they may still be compiling.
        text: a digest of their text, where one device runs them.
        fixed: (members, examples, hyper), as `advance` takes them.
        measured: (members, examples, held_out, thresholds, hyper), as `measure` takes them.
        state: where its models stand.
        records: the records so far.
        key: decides the block's batches.
    """

    programs: Programs
    text: str
    fixed: tuple[Members, Examples, Hyperparameters]
    measured: tuple[Any, ...]
    state: BlockState
    records: list[Arrays]
    key: Key | None


def begin_block(
    job: Job, block: Block, saved: Saved | None = None, together: bool = False, compiled: bool = True
) -> Begun:
    """A block at its first step, or where an earlier run stopped, with its programs found or put to compiling.

    Args:
        job: the sweep.
        block: the block.
        saved: where an earlier run stopped; None: begin.
        together: whether several blocks run at once, each in one thread.
        compiled: whether its programs are wanted, not their text alone.
    """
    plan = _plan(job, block)
    functions = jitted(plan, job.metrics, job.mesh)
    start = starting(job.init, job.examples.inputs.shape[1])
    begin = functions.begin if plan.readable else by_text(functions.begin)
    start = start if job.init.readable else by_text(start)
    key = _key(job, block)
    seeds, hyper = _numbers(job, block)
    order = None if key is None else first_order(key, job.examples.inputs.shape[0])

    def fresh() -> BlockState:
        params = start(placed(seeds))
        many = jax.tree.map(lambda x: jnp.broadcast_to(x, (block.height, *x.shape)), params)
        return begin(many, hyper, order)

    state, records = (fresh(), []) if saved is None else _resumed(fresh, saved)
    members = members_of(plan.value.recipe, job.numbers[block.places])
    thresholds = placed(job.thresholds[block.places], job.examples.inputs.dtype)
    fixed = (members, job.examples, hyper)
    measured = (members, job.examples, job.held_out, thresholds, hyper)
    arguments = (*fixed, state, np.int32(0), key), (*measured, state)
    if job.mesh is not None:
        return Begun(functions.programs, "", fixed, measured, state, records, key)
    lowered = lower(functions, plan.readable and job.metrics.readable, *arguments)
    made = programs(lowered, together and not job.fused) if compiled else functions.programs
    return Begun(made, str(lowered.key), fixed, measured, state, records, key)


def run_block(
    job: Job,
    block: Block,
    begun: Begun,
    tick: Callable[[int], None] | None = None,
    keep: Callable[[Callable[[], Saved]], None] | None = None,
) -> Arrays:
    """Train the models of one block to the end, and give their records and parameters.

    Args:
        job: the sweep.
        block: the block.
        begun: from `begin_block`; its state is used up.
        tick: called with the steps done, every half second or so.
        keep: called as often, with a function that makes a `Saved`.

    Returns:
        Records by name (pairs, wanted, steps, ...), "status", "stopped", and the params' leaves as "params_0", ...
    """
    advance, measure = begun.programs.advance.result(), begun.programs.measure.result()
    state, records = begun.state, list(begun.records)
    chunk, step = 1, int(state.step)
    for target in job.steps[len(records) :]:
        while step < target:
            began = time.monotonic()
            state = advance(*begun.fixed, state, np.int32(min(target, step + chunk)), begun.key)
            step = int(state.step)
            # Chunks grow to what fills the time between two returns.
            took = time.monotonic() - began
            chunk = int(min(max(chunk * SECONDS / max(took, 1e-6), 1), 4 * chunk + 15, LONGEST))
            if tick is not None:
                tick(step)
            if keep is not None:
                keep(lambda state=state, records=records: Saved(_leaves(state), list(records)))
        settled = records and np.asarray(state.stopped).max(initial=0) <= job.steps[len(records) - 1]
        if settled and not np.any(np.asarray(state.status) == RUNNING):
            records.append(records[-1])
        else:
            records.append({name: np.asarray(x) for name, x in measure(*begun.measured, state).items()})
    params = jax.tree.leaves(state.params if state.mean is None else state.mean)
    found = {name: np.stack([record[name] for record in records], axis=2) for name in records[0]}
    found |= {f"params_{k}": np.asarray(leaf) for k, leaf in enumerate(params)}
    found |= {"status": np.asarray(state.status), "stopped": np.asarray(state.stopped)}
    return {name: array[: len(block.pairs), : block.wanted] for name, array in found.items()}


def texts_of(job: Job, block: Block) -> tuple[str, str]:
    """The text of a block's programs and of what makes the first params: all that a sweep's numbers come from."""
    plain = job._replace(fused=job.fused and bool(job.plan.value.asks or job.plan.value.parameters), mesh=None)
    begun = begin_block(plain, block, compiled=False)
    start: Any = starting(job.init, job.examples.inputs.shape[1])
    return begun.text, start.lower(jnp.asarray(_numbers(job, block)[0])).as_text()


# ------------------------------------------------------------------------------------------------------ before the loop


def _plan(job: Job, block: Block) -> Keyed:
    """What the block's compiled programs are made for."""
    if not job.fused:
        return job.plan
    fused = tuple(job.grid.pairs[k] for k in block.places)
    own = keyed(fused)
    value = job.plan.value._replace(fused=fused)
    return Keyed((job.plan.key, own.key), value, job.plan.readable and own.readable)


def _key(job: Job, block: Block) -> Key | None:
    """The key that decides the block's batches; None with full batches."""
    if job.plan.value.batch_size is None:
        return None
    seeds, _ = coordinates(job.grid, block)
    return jax.random.fold_in(job.key, int(seeds[0])) if job.apart else job.key


def _numbers(job: Job, block: Block) -> tuple[np.ndarray, Hyperparameters]:
    """The seeds of the block's runs, (width,), and what optimiser and penalty of each model are set to."""
    seeds, axes = coordinates(job.grid, block)
    dtype = job.examples.inputs.dtype
    each = {name: placed(np.broadcast_to(x, (block.height, block.width)), dtype) for name, x in axes.items()}
    parameters = {name: each.pop(name) for name in job.plan.value.parameters}
    return seeds, Hyperparameters(each.pop("learning_rate"), each.pop("l2"), each, parameters)


def _resumed(fresh: Callable[[], BlockState], saved: Saved) -> tuple[BlockState, list[Arrays]]:
    """The state and the records that an earlier run kept."""
    wanted, structure = jax.tree.flatten(jax.eval_shape(fresh))
    if [x.shape for x in wanted] != [np.shape(leaf) for leaf in saved.leaves]:
        raise Broken(f"{saved.path} is no checkpoint of this block: its arrays are others. Remove it and run again.")
    return jax.tree.unflatten(structure, [jnp.asarray(leaf) for leaf in saved.leaves]), list(saved.records)


def _leaves(state: BlockState) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(state)]
