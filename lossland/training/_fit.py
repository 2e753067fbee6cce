"""Training one objective: any optax optimiser, one compiled `lax.scan` in chunks, deterministic under a key."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from lossland.core import (
    Key,
    Keyed,
    Params,
    guarded,
    html_repr,
    keep_compiled,
    keyed,
    leaf_names,
    moving_part,
    placed,
    plotted,
    promoting,
    short_repr,
    takes_sparse,
)
from lossland.training._batches import first_order, next_rows
from lossland.training._objective import Objective, refuse_other_params
from lossland.training._optimizers import updated

CHUNK = 64
"""Records between two returns to Python, where progress is reported."""


class Fit(NamedTuple):
    """What a training run left.

    Attributes:
        params: the last parameters.
        values: (r,) the objective over all data at the recorded steps: before any update, ..., at the end.
        gradient_norms: (r,) the Euclidean norm of its gradient there.
        steps: (r,) the number of updates made before each record.
        records: what `record` gave at those steps, stacked along a first axis of length r; None without `record`.
    """

    params: Params
    values: Array
    gradient_norms: Array
    steps: Array
    records: Any = None

    __repr__ = short_repr
    _repr_html_ = html_repr
    plot = plotted

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` with the dim step: objective, gradient_norm, what was recorded, and the last params.

        Example:
            >>> import optax, lossland as ll
            >>> f = ll.objective(ll.pair("identity", "logistic"), data=ll.load("two_points"))
            >>> start = ll.linear(scale=0.0).init(jax.random.key(0), f.d)
            >>> run = ll.fit(f, start, optax.sgd(0.5), 4, record=lambda p: {"size": optax.tree.norm(p)})
            >>> held = run.to_xarray()
            >>> dict(held.sizes), sorted(map(str, held.data_vars))
            ({'step': 5, 'input': 2}, ['bias', 'gradient_norm', 'objective', 'record_size', 'weights'])
        """
        import xarray

        made = xarray.Dataset(
            {
                "objective": ("step", np.asarray(self.values)),
                "gradient_norm": ("step", np.asarray(self.gradient_norms)),
            },
            coords={"step": np.asarray(self.steps)},
        )
        for name, leaf in zip(leaf_names(self.records), jax.tree.leaves(_plain(self.records)), strict=True):
            full = "record" if name == "params" else f"record_{name}"
            made[full] = (("step", *(f"{full}_{k}" for k in range(np.ndim(leaf) - 1))), np.asarray(leaf))
        taken = [*map(str, made.variables), "input"]
        names = leaf_names(self.params, taken)
        for name, leaf in zip(names, jax.tree.leaves(_plain(self.params)), strict=True):
            axes = (f"{name}_{k}" for k in range(np.ndim(leaf)))
            own = tuple(f"{axis}_axis" if axis in names else axis for axis in axes)
            made[name] = (("input",) if own and name == "weights" and len(own) == 1 else own, np.asarray(leaf))
        return made


@guarded(steps=1, batch_size=1, record_every=1)
@takes_sparse
def fit(
    objective: Callable[[Params], Array],
    params: Any,
    optimizer: optax.GradientTransformation,
    steps: int,
    *,
    key: Key | None = None,
    batch_size: int | None = None,
    record_every: int = 1,
    record: Callable[[Params], Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Fit:
    r"""Lower an objective by gradient descent: :math:`\theta_{k+1} = \theta_k + update(\nabla F(\theta_k))`.

    Args:
        objective: from `objective`, or any function params -> scalar.
        params: where to start, as `model.init` gives it; left unchanged.
        optimizer: from optax, say `optax.sgd(0.1)`; those that ask for value, grad or value_fn get them (`optax.lbfgs`,
            `optax.polyak_sgd`, line searches, `optax.contrib.reduce_on_plateau`).
        steps: the number of updates.
        key: decides the batches; needed with `batch_size`, and unused without.
        batch_size: examples a step, drawn without replacement epoch by epoch (the last short batch of an epoch is
            dropped); None: all of them. Batch statistics of a model are those of the batch.
        record_every: steps between two records.
        record: also keep this function of the params at every record.
        progress: called with (steps done, steps) now and then.

    Returns:
        A `Fit`. A diverged run is returned as it is, its values inf or NaN.

    Raises:
        ValueError: if `steps`, `batch_size` or `record_every` make no sense for these data, the params do not fit the
            model, or batches are asked of a plain function.

    Example:
        >>> import jax, optax, lossland as ll
        >>> data = ll.standardise(ll.load("breast_cancer"))
        >>> f = ll.objective(ll.pair("identity", "logistic"), ll.linear(), data, l2=1e-3)
        >>> run = ll.fit(f, ll.linear().init(jax.random.key(0), data.d), optax.sgd(1.0), 100, record_every=50)
        >>> run.values.shape, bool(run.values[-1] < 0.1)
        ((3,), True)
    """
    keep_compiled()
    _check(objective, params, batch_size, key)
    # A plain function shows no arrays: it is part of what the program is made for.
    plain, given = (None, objective) if isinstance(objective, Objective) else (objective, None)
    made_for = _FitPlan(plain, optimizer, batch_size, record_every, record, min(CHUNK, -(-steps // record_every)))
    made_of = () if given is None else (given.pair, given.model)
    plan = keyed((made_for, made_of))
    # What cannot be read to the end is traced and compiled anew, so that no change of it is missed.
    begin, chunk, end = (_start, _chunk, _finish) if plan.readable else _programs()
    params = jax.tree.map(placed, params)
    state = begin(plan, params, key, 0 if given is None or batch_size is None else given.examples)
    traces = []
    for start in range(0, steps, made_for.records * record_every):
        state, trace = chunk(plan, given, state, placed(steps, int), key)
        traces.append(trace)
        if progress is not None:
            progress(min(start + made_for.records * record_every, steps), steps)
    count = -(-steps // record_every)
    values, norms, records = end(plan, given, state.params, tuple(traces), count)
    at = np.append(np.arange(count) * record_every, steps)
    return Fit(state.params, values, norms, placed(at), records)


def _plain(tree: Any) -> Any:
    """The tree with the numbers of random keys in their place, which a file can hold."""

    def plain(leaf: Any) -> Any:
        typed = jnp.issubdtype(getattr(leaf, "dtype", float), jax.dtypes.prng_key)
        return jax.random.key_data(leaf) if typed else leaf

    return jax.tree.map(plain, tree)


class _FitPlan(NamedTuple):
    """What the compiled program of `fit` is made for, apart from the objective's arrays."""

    function: Callable[[Params], Array] | None
    optimizer: optax.GradientTransformation
    batch_size: int | None
    record_every: int
    record: Callable[[Params], Any] | None
    records: int


class _FitState(NamedTuple):
    """Parameters, the optimiser's state, updates made, and the order of the examples in this epoch."""

    params: Params
    optimizer: Any
    step: Array
    order: Any


def _begin(held: Keyed, params: Params, key: Key | None, examples: int) -> _FitState:
    """The state before any update; the order of the examples in the first epoch is None with full batches."""
    plan: _FitPlan = held.value[0]
    inner = promoting(plan.optimizer.init)(moving_part(params)[0])
    order = None if plan.batch_size is None or key is None else first_order(key, examples)
    return _FitState(params, inner, jnp.zeros((), int), order)


def _end(
    held: Keyed, given: Objective | None, params: Params, traces: tuple[Any, ...], count: int
) -> tuple[Array, Array, Any]:
    """Value, gradient norm and what `record` gives at the first `count` records, and at the last params."""
    plan: _FitPlan = held.value[0]
    value, gradient = _along(_function(plan, given), params)
    last = value, optax.tree.norm(gradient), None if plan.record is None else plan.record(params)
    along = jax.tree.map(lambda *parts: jnp.concatenate(parts)[:count], *traces)
    return jax.tree.map(lambda rows, row: jnp.concatenate([rows, row[None]]), along, last)


def _function(plan: _FitPlan, given: Objective | None) -> Any:
    return plan.function if given is None else given


def _along(objective: Callable, params: Params) -> tuple[Array, Params]:
    """The objective and its gradient in what moves; integers, booleans and keys among the params stand still."""
    moving, whole = moving_part(params)
    return jax.value_and_grad(lambda part: objective(whole(part)))(moving)


def _run_chunk(
    held: Keyed, given: Objective | None, state: _FitState, steps: Array, key: Any
) -> tuple[_FitState, tuple[Array, Array, Any]]:
    """Run `plan.records` records of `plan.record_every` steps; steps beyond the last change nothing."""
    plan: _FitPlan = held.value[0]
    objective = _function(plan, given)
    optimizer = optax.with_extra_args_support(plan.optimizer)

    def update(state: _FitState, objective: Callable, value: Array, gradient: Params) -> _FitState:
        moving, whole = moving_part(state.params)
        # What an optimiser does not look at is not computed.
        more = {"value": value, "grad": gradient, "value_fn": lambda part: objective(whole(part))}
        updates, inner = promoting(updated)(optimizer, gradient, state.optimizer, moving, more)
        params = whole(optax.apply_updates(moving, updates))
        new = state._replace(params=params, optimizer=inner, step=state.step + 1)
        return jax.tree.map(functools.partial(_where, state.step < steps), new, state)

    def step(_: Any, state: _FitState) -> _FitState:
        if plan.batch_size is None:
            return update(state, objective, *_along(objective, state.params))
        order, rows = next_rows(plan.batch_size, state.order, state.step, key)
        drawn = objective.batch(rows)
        return update(state._replace(order=order), drawn, *_along(drawn, state.params))

    def record(state: _FitState, _: None) -> tuple[_FitState, tuple[Array, Array, Any]]:
        value, gradient = _along(objective, state.params)
        kept = None if plan.record is None else plan.record(state.params)
        done = 0
        if plan.batch_size is None:
            start, done = update(state, objective, value, gradient), 1
        else:
            start = state
        end = jax.lax.fori_loop(done, plan.record_every, step, start)
        return end, (value, optax.tree.norm(gradient), kept)

    return jax.lax.scan(record, state, length=plan.records)


def _programs() -> tuple[Callable, Callable, Callable]:
    """What begins a run, goes on with it and ends it, each one program."""
    begin = jax.jit(_begin, static_argnums=(0, 3))
    return begin, jax.jit(_run_chunk, static_argnums=0), jax.jit(_end, static_argnums=(0, 4))


_start, _chunk, _finish = _programs()


def _where(goes: Array, new: Array, old: Array) -> Array:
    """The new array where the step counts, of the old one's type: an optimiser may start with another."""
    return jnp.where(goes, jnp.asarray(new).astype(jnp.asarray(old).dtype), old)


def _check(objective: Any, params: Any, batch_size: int | None, key: Any) -> None:
    """Refuse settings that make no sense for this objective, and params of another shape."""
    for way, leaf in jax.tree.leaves_with_path(params):
        if not hasattr(leaf, "dtype") and np.asarray(leaf).dtype.kind not in "biufc":
            raise ValueError(
                f"The params hold {leaf!r} at {jax.tree_util.keystr(way)}, which is no array. Train the arrays alone: "
                f"equinox.partition(module, equinox.is_inexact_array) or flax.nnx.split takes a module apart, and your "
                f"function puts it together again."
            )
    if batch_size is not None:
        if not isinstance(objective, Objective):
            raise ValueError("Batches need an objective from ll.objective; a plain function does not show its data.")
        objective.refuse_sparse("batch_size")
        if not 1 <= batch_size <= objective.examples:
            raise ValueError(f"batch_size must lie between 1 and the {objective.examples} examples, not {batch_size}.")
        if key is None:
            raise ValueError("Batches are drawn at random: give a key, say key=jax.random.key(0).")
    if isinstance(objective, Objective):
        refuse_other_params(objective, params)
