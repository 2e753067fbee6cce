"""Sweeps: every pair with every seed, step size and penalty, trained at once on the same data."""

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
import optax

from lossland.core import (
    Arrays,
    Key,
    Keyed,
    Model,
    Params,
    fingerprint,
    guarded,
    keep_compiled,
    keyed,
    read,
    refuse_mixed_rows,
    rows_apart,
    takes_sparse,
    tree_form,
)
from lossland.data import Dataset, RowsOnDisk
from lossland.training._block import Job, texts_of
from lossland.training._block_scores import refuse_rows_together
from lossland.training._checkpoints import Store, store
from lossland.training._composed import recipe_of
from lossland.training._examples import examples_of, shared_out
from lossland.training._grid import Block, blocks, earns_fusing, make_grid
from lossland.training._jobs import (
    check,
    check_thresholds,
    checked_init,
    mesh_of,
    models_at_once,
    refuse_keys,
    settings_of,
    thresholds_of,
)
from lossland.training._models import affine, linear
from lossland.training._optimizers import asks
from lossland.training._parameter_axes import check_parameters
from lossland.training._processes import gather
from lossland.training._records import KEPT, Metric, record_steps, refuse_names
from lossland.training._result import Sweep
from lossland.training._result_files import from_xarray
from lossland.training._schedule import Progress, run_blocks
from lossland.training._sparse_inputs import refuse_mixed_kinds
from lossland.training._step import Plan

KEPT_BYTES = 64 * 2**20
"""Params of all recorded steps are kept up to this size, if nothing is said of them."""

GATHER_SECONDS = 1800.0
"""How long a process that is done waits for the others before it ends with a sentence."""


@guarded(steps=1, batch_size=1, block_scores=1)
@takes_sparse
def sweep(
    pairs: Any,
    data: Dataset,
    *,
    model: Model | None = None,
    seeds: int | Sequence[int] = 8,
    learning_rates: Sequence[float] = (0.1,),
    l2s: Sequence[float] = (0.0,),
    optimizer: Callable[..., optax.GradientTransformation] = optax.sgd,
    hyperparameters: Mapping[str, Sequence[float]] | None = None,
    loss_parameters: Mapping[str, Sequence[float]] | None = None,
    steps: int = 1000,
    batch_size: int | None = None,
    shuffle: Literal["together", "by seed"] = "together",
    init: Callable[[Key, int], Params] | Params | None = None,
    record: int | Sequence[int] | Literal["log"] = "log",
    keep_params: bool | None = None,
    thresholds: Sequence[float | Literal["best"]] = (0.0,),
    metrics: Mapping[str, Metric] | None = None,
    validation: Dataset | None = None,
    test: Dataset | None = None,
    sample_weights: Any = None,
    class_weights: Any = None,
    tolerance: float = 0.0,
    average_from: int | None = None,
    key: Key | None = None,
    sharding: Literal["models", "rows"] | None = None,
    devices: Sequence[Any] | None = None,
    block_scores: int | None = None,
    skip_inadmissible: bool = False,
    folder: str | Path | None = None,
    checkpoint_seconds: float = 30.0,
    progress: Progress | None = None,
) -> Sweep:
    r"""Train every pair with every seed, learning rate and penalty, all models of a block in one compiled program.

    .. math:: \theta_{k+1} = \theta_k + update(\nabla F(\theta_k)), \quad
        F(\theta) = \frac{1}{n} \sum_i s_i \, \ell(z_i, t_i) + \frac{\lambda}{2} \|w\|^2

    for every model on its own, as `fit` would: the same trajectories, but the scores of all models of a block are one
    matrix product.

    Args:
        pairs: "all", or pairs by name ("relu+hinge"), as (activation, loss), or from `pair`.
        data: the training examples; sparse ones for a linear model, all of them a step.
        model: from `linear` (default), `mlp`, `random_features`.
        seeds: how many, or which; seed s starts from model.init(jax.random.key(s), d).
        learning_rates: step sizes.
        l2s: penalties.
        optimizer: called with the learning rate and the hyperparameters, say `optax.adam` or
            `lambda rate: optax.sgd(optax.cosine_decay_schedule(rate, 1000))`. One that asks for value, grad or value_fn
            gets them (`lambda rate: optax.lbfgs()`); each pair then has a program of its own.
        hyperparameters: further keywords of the optimiser with their values, say {"momentum": (0.0, 0.9)}; each is an
            axis of the grid.
        loss_parameters: parameters of the losses or output activations with their values, say {"gamma": (0.0, 2.0)};
            every pair has them, each is an axis of the grid, and one program serves all values.
        steps: updates of each model.
        batch_size: examples a step, drawn without replacement epoch by epoch; None: all. Batch statistics of a model
            are those of these examples.
        shuffle: whether all models see the same batches, or each seed s its own (under fold_in(key, s)).
        init: instead of `model.init`: another (key, d) -> params, or params from which all start.
        record: every so many steps, these steps, or "log": two a doubling. Always the first and the last.
        keep_params: whether the params of every recorded step are kept, for `Sweep.best` and `Sweep.params_at`; left
            out, they are where they take 64 MiB at most. Those of the last step always are.
        thresholds: errors are counted with +1 predicted above each of these scores; "best" is the pair's own, from its
            card (0 where it has none).
        metrics: your own numbers, name -> (scores (n,), labels (n,), params) -> scalar, over the training examples.
        validation: examples by which `Sweep.best` selects.
        test: examples by which nothing is selected.
        sample_weights: (n,), as in `objective`.
        class_weights: as in `objective`.
        tolerance: a model stops when the norm of its gradient falls to this; needs full batches.
        average_from: from this update on, the mean of the iterates is recorded and returned (Polyak & Juditsky 1992).
        key: decides the batches; key(0) if left out.
        sharding: share each block's "models" over the devices (nothing is exchanged), or the "rows" (one sum a step).
        devices: which devices; all of this process if left out.
        block_scores: scores that one block holds; left out, what a CPU's cache holds.
        skip_inadmissible: leave out pairs that are not admissible (listed in the result) instead of refusing.
        folder: keep finished blocks and checkpoints here: the same call goes on where it was stopped, to the same
            bits, and returns at once when it was finished.
        checkpoint_seconds: at most this long is lost.
        progress: called with (model-steps done, of, what is done now).

    Returns:
        A `Sweep`. Models that diverged are kept at their last finite point and marked, never averaged silently.

    Raises:
        ValueError: if the grid is empty, a pair is not admissible, or a setting makes no sense for these data.
        OSError: if the folder cannot be written; what was finished stays.

    Example:
        >>> import lossland as ll
        >>> data = ll.standardise(ll.load("breast_cancer"))
        >>> s = ll.sweep(["identity+logistic", "relu+hinge"], data, seeds=2, learning_rates=(0.1, 1.0), steps=50)
        >>> s.records["risk"].shape[:4], bool((s.records["risk"][0, :, 1, 0, -1] < 0.1).all())
        ((2, 2, 2, 1), True)
    """
    keep_compiled()
    further = {**(hyperparameters or {}), **(loss_parameters or {})}
    if twice := set(hyperparameters or {}) & set(loss_parameters or {}):
        raise ValueError(f"{min(twice)} stands in hyperparameters and in loss_parameters; a sweep has one axis a name.")
    grid, skipped = make_grid(pairs, seeds, learning_rates, l2s, further, skip_inadmissible)
    check_parameters(grid.pairs, loss_parameters or {}, thresholds)
    check(data, steps, batch_size, shuffle, tolerance, average_from, sharding, {"validation": validation, "test": test})
    check_thresholds(thresholds)
    model = linear() if model is None else model
    whole = model.apply is affine and batch_size is None and sharding is None
    refuse_mixed_kinds([part for part in (data, validation, test) if part is not None], whole)
    refuse_names(metrics or {}, grid.axes)
    init_of = checked_init(model, init, data.d)
    shapes = jax.eval_shape(lambda: init_of(jax.random.key(0), data.d))
    refuse_keys(shapes)
    if folder is not None:
        tree_form(shapes)
    mesh = mesh_of(sharding, devices)
    # A linear model is known, and its params are not asked for.
    first = None if model.apply is affine else init_of(jax.random.key(0), data.d)
    if sharding == "rows" and first is not None:
        refuse_mixed_rows(model, first, data.inputs, 'sharding="rows" would take them from a device\'s share alone')
    on_disk = isinstance(data.inputs, RowsOnDisk)
    if on_disk and sharding == "rows":
        data.inputs.refuse('them whole for sharding="rows"')
    if on_disk and first is not None:
        refuse_rows_together(model, data.inputs)
    examples = examples_of(data, sample_weights, class_weights)
    # A sparse product takes a number for each model and stored number, which is more than their scores.
    scored = max(data.inputs.nnz // 8, data.n) if data.sparse else batch_size or data.n
    rows = scored * (1 if examples.both is None else 2)
    asking = asks(optimizer, tuple(hyperparameters or {}), shapes)
    if asking and sharding == "rows":
        raise ValueError(
            'This optimizer looks at the objective itself, which sharding="rows" takes apart: share models.'
        )
    fused = asking or bool(loss_parameters) or earns_fusing(grid, rows, steps)
    axis = "rows" if sharding == "rows" else None
    recipe, numbers = recipe_of(grid.pairs, examples.inputs.dtype)
    plan = Plan(
        recipe, (), model, optimizer, batch_size, tolerance, average_from, axis, tuple(loss_parameters or {}), asking
    )
    kept_steps = record_steps(record, steps)
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(shapes))
    small = size * len(grid.pairs) * grid.runs * len(kept_steps) <= KEPT_BYTES
    mixed = not (model.apply is affine or on_disk or rows_apart(model.apply, first, examples.inputs))
    plan = plan._replace(keeps=small if keep_params is None else keep_params, mixed=mixed)
    job = Job(
        grid=grid,
        numbers=numbers,
        plan=_keyed(plan),
        fused=fused,
        init=keyed(init_of),
        examples=shared_out(examples, mesh.size) if mesh is not None and sharding == "rows" else examples,
        held_out={name: examples_of(d) for name, d in (("validation", validation), ("test", test)) if d is not None},
        thresholds=np.zeros((len(grid.pairs), len(thresholds))),
        metrics=keyed(tuple((metrics or {}).items())),
        steps=kept_steps,
        apart=batch_size is not None and shuffle == "by seed",
        key=jax.random.key(0) if key is None else key,
        mesh=mesh,
    )
    multiple = mesh.size if sharding == "models" and mesh else 1
    most = models_at_once(model, examples, rows, job.held_out)
    cut = blocks(grid, rows, fused, block_scores, job.apart, multiple, most)
    settings = settings_of(job, data, block_scores, sharding, thresholds)
    total = len(grid.pairs) * grid.runs * steps
    tell = None if progress is None else lambda sentence: progress(0, total, sentence)
    alone: Any = contextlib.nullcontext()
    if folder is not None:
        alone = store(Path(folder), _hash(job, cut[0], settings), settings, checkpoint_seconds, tell)
    with alone as kept:
        if kept is not None and kept.path.exists():
            made = read_sweep(kept.path)
            kept.clear()
            return made
        job = job._replace(thresholds=thresholds_of(grid, thresholds, progress, total))
        return _concluded(_assembled(job, _run_all(job, cut, kept, progress), settings, skipped, thresholds), kept)


@guarded()
def read_sweep(path: str | Path) -> Sweep:
    """The sweep that `sweep(folder=...)` or `lossland sweep` left at a path.

    Args:
        path: the netCDF file; `Sweep.path` says where it is.

    Returns:
        The `Sweep`, to the same bits.

    Raises:
        FileNotFoundError: if there is no file.
        ValueError: if it is not a saved sweep.

    Example:
        >>> import tempfile, lossland as ll
        >>> data = ll.load("two_points")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     made = ll.sweep(["identity+hinge"], data, seeds=1, steps=2, folder=folder)
        ...     held = ll.read_sweep(made.path)
        >>> held.pairs, bool((held.records["risk"] == made.records["risk"]).all())
        (('identity+hinge',), True)
    """
    saved = read(Path(path))
    if "leaves" not in saved.attrs:
        raise ValueError(f"{path} is a result, but not of a sweep.")
    return from_xarray(saved, Path(path))


# ------------------------------------------------------------------------------------------------------------- the work


def _keyed(plan: Plan) -> Keyed:
    """The plan by its structure, the recipe's halves read once."""
    recipe, others = plan.recipe.keyed, keyed(plan._replace(recipe=None))  # pyright: ignore[reportArgumentType]
    return Keyed((recipe.key, others.key), plan, recipe.readable and others.readable)


def _concluded(made: Sweep, kept: Store | None) -> Sweep:
    """The sweep with its place on disk, where it is kept; its parts are removed."""
    if kept is None:
        return made
    if jax.process_index() == 0:
        kept.conclude(made.to_xarray())
    return made._replace(path=kept.path)


def _run_all(job: Job, cut: list[Block], kept: Store | None, progress: Progress | None) -> Arrays:
    """Every block's result, put together as (pairs, runs, ...); several processes take turns block by block."""
    here, count = jax.process_index(), jax.process_count()
    if count > len(cut):
        raise ValueError(
            f"{count} processes for a sweep of {len(cut)} blocks: at most one process a block. "
            "A smaller block_scores cuts the sweep into more blocks."
        )
    whole: Arrays = {}
    mine = [block for block in cut if block.number % count == here]
    if count == 1:
        for block, arrays in run_blocks(job, mine, kept, progress):
            _put(whole, job, block, arrays)
        return whole
    found = {block.number: arrays for block, arrays in run_blocks(job, mine, kept, progress)}
    example = found[mine[0].number]
    for block in cut:
        shape = len(block.pairs), block.wanted
        template = {name: np.empty((*shape, *x.shape[2:]), x.dtype) for name, x in example.items()}
        arrays = gather(found.pop(block.number, None), block.number % count, template, GATHER_SECONDS)
        _put(whole, job, block, arrays or {})
    return whole


def _put(whole: Arrays, job: Job, block: Block, arrays: Arrays) -> None:
    """Put a block's result in its place among all."""
    for name, array in arrays.items():
        if name not in whole:
            whole[name] = np.empty((len(job.grid.pairs), job.grid.runs, *array.shape[2:]), array.dtype)
        whole[name][block.pairs.start : block.pairs.stop, block.first : block.first + block.wanted] = array


def _assembled(job: Job, whole: Arrays, settings: dict, skipped: tuple[str, ...], thresholds: Sequence) -> Sweep:
    """The result, its arrays spread over the grid's axes."""
    shape = job.grid.shape

    def spread(array: np.ndarray) -> np.ndarray:
        return array.reshape(*shape, *array.shape[2:])

    structure = jax.tree.structure(
        jax.eval_shape(lambda: job.init.value(jax.random.key(0), job.examples.inputs.shape[1]))
    )
    leaves = [spread(whole.pop(f"params_{k}")) for k in range(structure.num_leaves)]
    kept = [spread(whole.pop(f"{KEPT}{k}")) for k in range(structure.num_leaves) if f"{KEPT}{k}" in whole]
    status, stopped = spread(whole.pop("status")), spread(whole.pop("stopped"))
    return Sweep(
        pairs=tuple(p.name for p in job.grid.pairs),
        seeds=job.grid.seeds,
        axes=dict(job.grid.axes),
        thresholds=tuple(str(t) if t == "best" else float(t) for t in thresholds),
        steps=job.steps,
        records={name: spread(array) for name, array in whole.items()},
        params=jax.tree.unflatten(structure, leaves),
        status=status,
        stopped=stopped,
        skipped=skipped,
        settings=settings,
        kept=jax.tree.unflatten(structure, kept) if kept else None,
    )


def _hash(job: Job, first: Block, settings: dict[str, Any]) -> str:
    """The hash of everything that the sweep's numbers depend on; of functions that cannot be read, their program."""
    plan = job.plan.value
    functions = (job.grid.pairs, plan.model, plan.optimizer, job.init.value, job.metrics.value)
    arrays = (job.examples, job.held_out)
    readable = job.plan.readable and job.metrics.readable and job.init.readable
    texts = () if readable else texts_of(job, first)
    return fingerprint([json.dumps(settings, sort_keys=True), functions, arrays, texts])
