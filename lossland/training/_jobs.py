"""What a user asks of a sweep, checked and brought into the form that is run."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from lossland.core import (
    Key,
    Model,
    Params,
    at_once,
    checked_devices,
    checked_function,
    checked_tree,
    is_real,
    versions,
)
from lossland.data import Dataset
from lossland.properties import cards
from lossland.training._block import Job
from lossland.training._examples import Examples
from lossland.training._grid import Grid


def check(data, steps, batch_size, shuffle, tolerance, average_from, sharding, parts) -> None:
    """Refuse settings that make no sense for these data, in a sentence each."""
    if batch_size is not None and not 1 <= batch_size <= data.n:
        raise ValueError(f"batch_size must lie between 1 and the {data.n} examples, not {batch_size}.")
    if shuffle not in ("together", "by seed"):
        raise ValueError(f'shuffle is "together" or "by seed", not {shuffle!r}.')
    if tolerance < 0 or (tolerance > 0 and batch_size is not None):
        raise ValueError("tolerance is a gradient norm >= 0 and needs full batches: leave out batch_size or tolerance.")
    if average_from is not None and not 0 <= average_from < steps:
        raise ValueError(f"average_from must lie between 0 and steps - 1 = {steps - 1}, not {average_from}.")
    if sharding not in (None, "models", "rows"):
        raise ValueError(f'sharding is "models", "rows" or None, not {sharding!r}.')
    if sharding == "rows" and batch_size is not None:
        raise ValueError('sharding="rows" needs full batches; with batches, share the models: sharding="models".')
    for name, part in parts.items():
        if part is not None and part.d != data.d:
            raise ValueError(f"The {name} data have {part.d} inputs, the training data {data.d}.")


def mesh_of(sharding: str | None, devices: Sequence[Any] | None) -> Mesh | None:
    """The devices over which models or rows are shared; None if they are not."""
    if sharding is None:
        return None
    chosen = jax.local_devices() if devices is None else list(checked_devices(devices))
    if not chosen:
        raise ValueError("devices is empty: a sweep needs one at least; left out, all of this process.")
    if any(device.process_index != jax.process_index() for device in chosen):
        raise ValueError(
            "A sweep shares models or rows over the devices of one process, and blocks over processes; some of these "
            "devices are another process's. Leave devices out, or give jax.local_devices()."
        )
    return Mesh(np.asarray(chosen), (sharding,))


def checked_init(model: Model, init: Any, d: int) -> Callable[[Key, int], Params]:
    """What makes the first params, (key, d) -> params: the model's own or the user's, refused if shaped otherwise."""
    expected = jax.eval_shape(lambda: model.init(jax.random.key(0), d))
    if init is None:
        return model.init
    if not callable(init):
        checked_tree("init", init)
        held = jax.tree.map(jnp.asarray, init)
        init = lambda key, d: held  # noqa: E731
    checked_function("init", init, 2)
    got = jax.eval_shape(lambda: init(jax.random.key(0), d))
    if jax.tree.structure(got) != jax.tree.structure(expected) or any(
        a.shape != b.shape for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True)
    ):
        raise ValueError(f"init gives {got}; the model {model.name} on {d} inputs takes {expected}.")
    return init


def refuse_keys(shapes: Params) -> None:
    """Refuse random keys among params, which no record can hold; integers and booleans stand still."""
    for way, leaf in jax.tree.leaves_with_path(shapes):
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            raise ValueError(
                f"The params hold a random key at {jax.tree_util.keystr(way)}, which a sweep cannot record. Leave it "
                f"out of the params: let `apply` close over it, or keep jax.random.key_data(key)."
            )


def models_at_once(model: Model, examples: Examples, rows: int, held_out: dict[str, Examples]) -> int:
    """How many models a block holds at most: what a step or a record of them computes fits the memory of a block.

    Args:
        model: gives scores.
        examples: the training examples.
        rows: that a step looks at.
        held_out: further examples, of which losses are recorded.

    Raises:
        ValueError: if not even one model fits the free memory.
    """
    n, d = examples.inputs.shape
    params = jax.eval_shape(lambda: model.init(jax.random.key(0), d))
    moving, tree = jax.tree.flatten(params)
    longest = n + sum(len(e.labels) for e in held_out.values())

    def step(leaves: list[Any], inputs: Any) -> Any:
        real = [k for k, leaf in enumerate(leaves) if is_real(leaf)]

        def scores(*some: Any) -> Any:
            held = dict(zip(real, some, strict=True))
            return model.apply(jax.tree.unflatten(tree, [held.get(k, leaf) for k, leaf in enumerate(leaves)]), inputs)

        made, back = jax.vjp(scores, *(leaves[k] for k in real))
        return back(made)

    def record(leaves: list[Any], inputs: Any) -> Any:
        return model.apply(jax.tree.unflatten(tree, leaves), inputs)

    what, dtype = f"A step of {model.name} on {rows} examples", examples.inputs.dtype
    takes = [(step, rows), (record, longest)]
    return min(at_once(what, f, moving, jax.ShapeDtypeStruct((m, d), dtype), most=10**9) for f, m in takes)


def check_thresholds(thresholds: Sequence[float | str]) -> None:
    """Refuse thresholds that are neither finite scores nor "best"."""
    wrong = [t for t in thresholds if t != "best" and not (isinstance(t, (int, float)) and np.isfinite(t))]
    if wrong or not len(thresholds):
        raise ValueError(
            f'thresholds are finite scores or "best", at least one; got {wrong[0] if wrong else "none"!r}.'
        )


def thresholds_of(
    grid: Grid, thresholds: Sequence[float | str], progress: Callable[[int, int, str], None] | None, total: int
) -> np.ndarray:
    """The scores above which +1 is predicted, (pairs, k), with "best" taken from each pair's card."""

    def tell(done: int, of: int) -> None:
        if progress is not None:
            progress(0, total, f"best thresholds, card {done} of {of}")

    made = cards(grid.pairs, tell) if "best" in thresholds else ()
    best = [card.best_threshold or 0.0 for card in made] or [0.0] * len(grid.pairs)
    return np.array([[b if t == "best" else float(t) for t in thresholds] for b in best])


def settings_of(
    job: Job, data: Dataset, block_scores: int | None, sharding: str | None, thresholds: Sequence
) -> dict[str, Any]:
    """What the result's attributes say, and the folder's config.json: plain words and numbers."""
    plan = job.plan.value
    return {
        "pairs": [p.name for p in job.grid.pairs],
        "data": data.name,
        "n": data.n,
        "d": data.d,
        "model": plan.model.name,
        "seeds": list(job.grid.seeds),
        "axes": {name: list(values) for name, values in job.grid.axes.items()},
        "optimizer": getattr(plan.optimizer, "__name__", None) or repr(plan.optimizer),
        "steps": job.steps[-1],
        "recorded": list(job.steps),
        "batch_size": plan.batch_size,
        "shuffle": "by seed" if job.apart else "together",
        "thresholds": [str(t) for t in thresholds],
        "metrics": [name for name, _ in job.metrics.value],
        "held_out": {name: int(part.n) for name, part in job.held_out.items()},
        "keep_params": plan.keeps,
        "tolerance": plan.tolerance,
        "average_from": plan.average_from,
        "key": np.asarray(jax.random.key_data(job.key)).tolist(),
        "sharding": sharding,
        "devices": 1 if job.mesh is None else job.mesh.size,
        "block_scores": block_scores,
        "device": str(jax.devices()[0].device_kind),
        "platform": jax.default_backend(),
        "dtype": str(job.examples.inputs.dtype),
        "versions": versions(),
    }
