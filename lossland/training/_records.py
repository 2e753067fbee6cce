"""What a sweep writes down along the way: when, and which numbers of each model."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.core import checked_count, weighted
from lossland.data import RowsOnDisk
from lossland.training._composed import Members
from lossland.training._examples import Examples, as_answered, as_asked
from lossland.training._sparse_inputs import is_bcoo
from lossland.training._step import (
    BlockState,
    Hyperparameters,
    Plan,
    gradient_of,
    merged,
    penalty,
    scores_of,
    settled_losses,
)

MEASURES = {
    "risk": "mean loss over the training examples, without the penalty",
    "objective": "risk + l2 / 2 * ||w||^2",
    "gradient_norm": "Euclidean norm of the objective's gradient",
    "weight_norm": "||w||, biases left out",
    "dead": "share of examples on the wrong side of 0 whose slope is 0",
    "active": "share of examples whose slope is not 0",
    "margin": "smallest t * z / ||w|| over the training examples",
    "train_error": "share of training examples on the wrong side of the threshold",
}
"""Every number that is recorded by itself, and what it means. Each part held out adds its risk and its error."""

Metric = Callable[[Array, Array, Any], Array]


def record_steps(record: int | Sequence[int] | Literal["log"], steps: int) -> tuple[int, ...]:
    """The steps at which a run of `steps` updates is recorded; always before the first and after the last.

    Args:
        record: every so many steps; or these steps; or "log": 0, 1, 2, 3, 4, 6, 8, 11, 16, ..., two a doubling.
        steps: the number of updates.

    Returns:
        The steps, growing.

    Raises:
        ValueError: if a step lies outside 0 to `steps`.
    """
    if isinstance(record, str) and record == "log":
        inner = np.unique(np.round(2.0 ** (np.arange(2 * np.ceil(np.log2(steps)) + 1) / 2)).astype(int))
    elif np.ndim(record) == 0 and not isinstance(record, str):
        inner = np.arange(0, steps, checked_count("record", record))
    elif isinstance(record, str):
        raise ValueError(f'record is "log", every so many steps, or the steps, not {record!r}.')
    else:
        inner = np.asarray([checked_count("Each step to record", step, 0) for step in np.asarray(record).tolist()], int)
        if inner.size and not (inner.min() >= 0 and inner.max() <= steps):
            raise ValueError(f"Steps to record lie between 0 and {steps}; got {inner.min()} to {inner.max()}.")
    return tuple(int(k) for k in np.unique([0, *inner[inner < steps], steps]))


def measure(
    plan: Plan,
    metrics: tuple[tuple[str, Metric], ...],
    members: Members,
    examples: Examples,
    held_out: Mapping[str, Examples],
    thresholds: Array,
    hyper: Hyperparameters,
    state: BlockState,
) -> dict[str, Array]:
    """What is recorded of each model of a block at one step, at the averaged parameters where there are such.

    Args:
        plan: the block's plan.
        metrics: the user's own: name and (scores (n,), labels (n,), params) -> scalar.
        members: which pair each stretch of models has.
        examples: the training examples.
        held_out: further parts by name, such as "test".
        thresholds: (pairs, k) scores above which +1 is predicted.
        hyper: learning rate, penalty and the rest of each model.
        state: the models as they are now.

    Returns:
        name -> (pairs, width), errors (pairs, width, k).
    """
    params = merged(state.params if state.mean is None else state.mean)
    l2, lines = hyper.l2.reshape(-1), jnp.repeat(thresholds, hyper.l2.shape[1], axis=0)
    total = (lambda x: jax.lax.psum(x, plan.axis)) if plan.axis else (lambda x: x)
    # One elementwise program for all parts: compiling it is what takes time.
    parts = {"train": examples, **held_out}
    apart = [part.inputs for part in parts.values()]
    # What stays on disk is read part by part.
    kept_apart = plan.mixed or is_bcoo(apart[0]) or any(isinstance(rows, RowsOnDisk) for rows in apart)
    looked_at = apart if kept_apart else [jnp.concatenate(apart)]
    together = jnp.concatenate([scores_of(plan.model, params, rows)[0] for rows in looked_at], axis=1)
    ends = np.cumsum([part.labels.shape[0] for part in parts.values()])
    spans = {
        name: slice(end - part.labels.shape[0], end) for (name, part), end in zip(parts.items(), ends, strict=True)
    }
    asked = [as_asked(part, together[:, spans[name]]) for name, part in parts.items()]
    given, told = (jnp.concatenate(x, axis=-1) for x in zip(*asked, strict=True))
    losses, derivatives = settled_losses(plan, members, given, told, hyper.parameters)
    ends = np.cumsum([labels.shape[0] for _, labels in asked])
    found_at = dict(zip(parts, zip(np.append(0, ends[:-1]), ends, strict=True), strict=True))

    def of_part(name: str, x: Array) -> Array:
        return as_answered(parts[name], x[:, slice(*found_at[name])])

    scores, values, slopes = together[:, spans["train"]], of_part("train", losses), of_part("train", derivatives)
    gradient = gradient_of(plan, examples, l2, params, slopes, scores_of(plan.model, params, examples.inputs)[1])
    sides = examples.labels[None] * scores
    norm = jnp.sqrt(_square(jax.vmap(plan.model.penalised)(params), l2.size))
    risk = total(_mean(values if examples.weights is None else weighted(values, examples.weights[None]), examples))
    smallest = jnp.min(sides if examples.real is None else jnp.where(examples.real[None] > 0, sides, jnp.inf), axis=1)
    found = {
        "risk": risk,
        "objective": risk + jax.vmap(lambda p, k: penalty(plan.model, p, k))(params, l2),
        "gradient_norm": jnp.sqrt(_square(gradient, l2.size)),
        "weight_norm": norm,
        "dead": total(_mean((slopes == 0) & (sides <= 0), examples)),
        "active": total(_mean(slopes != 0, examples)),
        # Without a direction there is no margin.
        "margin": (jax.lax.pmin(smallest, plan.axis) if plan.axis else smallest) / norm,
        "train_error": total(_errors(scores, examples, lines)),
    }
    for name, part in held_out.items():
        found[f"{name}_risk"] = _mean(of_part(name, losses), part)
        found[f"{name}_error"] = _errors(together[:, spans[name]], part, lines)
    for name, metric in metrics:
        found[name] = jax.vmap(lambda z, p, metric=metric: metric(z, examples.labels, p))(scores, params)
    if plan.keeps:
        found |= {f"{KEPT}{k}": leaf for k, leaf in enumerate(jax.tree.leaves(params))}
    return {name: x.reshape(*hyper.l2.shape, *x.shape[1:]) for name, x in found.items()}


KEPT = "params_at_"
"""Before the number of an array of the params, where they are recorded at every recorded step."""


RESERVED = ("status", "stopped", "pair", "seed", "step", "threshold", "input")
"""What else a sweep's file holds beside its records."""


def refuse_names(metrics: Mapping[str, Any], axes: Mapping[str, Any]) -> None:
    """Refuse metrics whose names mean something else in a sweep."""
    for name in metrics:
        parts = [f"{part}_{what}" for part in ("validation", "test") for what in ("risk", "error")]
        if name in (*MEASURES, *RESERVED, *parts, *axes) or name.startswith("params_") or "/" in name:
            raise ValueError(f"A metric may not be called {name!r}: a sweep means something else by it. Rename it.")


def _mean(x: Array, examples: Examples) -> Array:
    """The sum over examples divided by the number of examples, (models,)."""
    x = x.astype(examples.inputs.dtype)
    return jnp.sum(x if examples.real is None else x * examples.real[None], axis=1) / examples.n


def _errors(scores: Array, examples: Examples, thresholds: Array) -> Array:
    """The share of examples on the wrong side of each threshold, (models, k)."""
    wrong = [(scores > thresholds[:, k : k + 1]) != (examples.labels[None] > 0) for k in range(thresholds.shape[1])]
    return jnp.stack([_mean(w, examples) for w in wrong], axis=1)


def _square(tree: Any, models: int) -> Array:
    """The squared Euclidean norm of each model's arrays, (models,); 0 where there are none."""
    parts = [jnp.sum((x * x).reshape(x.shape[0], -1), axis=1) for x in jax.tree.leaves(tree)]
    return functools.reduce(jnp.add, parts, jnp.zeros(models))
