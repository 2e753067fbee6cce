"""The losses of many pairs, each activation and each loss compiled once and put together by the chain rule.

Hundreds of pairs are made of some twenty activations and thirty losses. A tile of scores, small enough to stay in the
cache, passes through its activation's program, which hands the output, its neighbours and their slopes over to its
loss's program. Which programs a tile passes through is data, so that every block of a sweep runs the same program.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.core import Keyed, by_structure, keyed, placed
from lossland.elements import (
    Handed,
    Pair,
    handed_fields,
    loss_half,
    mirrored,
    output_half,
    read_fields,
    settled,
    within_reach,
)

TILE = 4096
"""Scores that pass through the two programs at once."""


class Group(NamedTuple):
    """Pairs whose outputs hand over the same fields.

    Attributes:
        kind: of their losses.
        filled: which fields of `Handed` the activations fill.
        read: which of those the losses read.
        outputs: (activation, whether it is taken of t * z), each once.
        losses: each once.
    """

    kind: str
    filled: tuple[bool, ...]
    read: tuple[bool, ...]
    outputs: tuple[tuple[Keyed, bool], ...]
    losses: tuple[Keyed, ...]


class Recipe(NamedTuple):
    """All that pairs are made of, each half keyed by its structure; what the compiled program is made for."""

    groups: tuple[Group, ...]
    activations: tuple[Keyed, ...]

    @property
    def keyed(self) -> Keyed:
        """The recipe by the structure of its halves."""
        halves = (*self.activations, *(loss for group in self.groups for loss in group.losses))
        return Keyed(self, self, all(half.readable for half in halves))


class Members(NamedTuple):
    """Which pairs a block has, as numbers into a recipe.

    Attributes:
        rows: (groups, pairs, 3): a pair's place in the block, its output's and its loss's number in the group.
        counts: (groups,): how many of a group's rows count.
        activations: (pairs,) the number of each pair's activation in the recipe.
    """

    rows: Array
    counts: Array
    activations: Array


def recipe_of(pairs: Sequence[Pair], dtype: Any = None) -> tuple[Recipe, np.ndarray]:
    """What these pairs are made of.

    Args:
        pairs: the pairs of a sweep.
        dtype: of the scores; the default float if left out.

    Returns:
        The recipe, and a row for each pair: the numbers of its group, of its output and its loss in that group, and of
        its activation.
    """
    dtype = jnp.result_type(float) if dtype is None else dtype
    halves = {half: keyed(half) for pair in pairs for half in (pair.activation, pair.loss)}
    sorts: dict[tuple[str, tuple[bool, ...], tuple[bool, ...]], tuple[dict, dict]] = {}
    activations: dict[Keyed, int] = {}
    numbers = []
    for pair in pairs:
        activation, loss = halves[pair.activation], halves[pair.loss]
        mirror = mirrored(pair.activation, pair.loss)
        filled = _filled(activation, pair.loss.kind, mirror, str(dtype))
        sort = pair.loss.kind, filled, _read(loss, filled, str(dtype))
        outputs, losses = sorts.setdefault(sort, ({}, {}))
        place = list(sorts).index(sort), outputs.setdefault((activation, mirror), len(outputs))
        own = losses.setdefault(loss, len(losses)), activations.setdefault(activation, len(activations))
        numbers.append((*place, *own))
    groups = [Group(*sort, tuple(outputs), tuple(losses)) for sort, (outputs, losses) in sorts.items()]
    return Recipe(tuple(groups), tuple(activations)), np.asarray(numbers, np.int32)


def members_of(recipe: Recipe, numbers: np.ndarray) -> Members:
    """The pairs of a block, from their rows of numbers in a recipe."""
    rows = np.zeros((len(recipe.groups), len(numbers), 3), np.int32)
    counts = np.zeros(len(recipe.groups), np.int32)
    for at, (group, output, loss, _) in enumerate(numbers):
        rows[group, counts[group]] = at, output, loss
        counts[group] += 1
    return Members(*(placed(x) for x in (rows, counts, numbers[:, 3])))


def composed_losses(
    recipe: Recipe, members: Members, scores: Array, labels: Array, limits: Array, values: bool = True
) -> tuple[Any, Array]:
    """Value and slope of every model's loss at its scores.

    Args:
        recipe: what the pairs are made of.
        members: which pair each stretch of models has.
        scores: (models, n), as many models of each pair.
        labels: (n,).
        limits: a truth value: whether slopes get their limits at infinity; then an infinite score has no value here.
        values: whether the values are wanted.

    Returns:
        The values, (models, n), or None; and the slopes, (models, n).
    """
    tiling = _tiling(scores.shape, members.activations.shape[0])
    both = (jnp.zeros_like(scores) if values else None, jnp.zeros_like(scores))
    for group, rows, count in zip(recipe.groups, members.rows, members.counts, strict=True):

        def body(at: Array, both: Any, group: Group = group, rows: Array = rows) -> Any:
            place, output, loss = rows[at // tiling.each]
            corner = tiling.corner(place, at % tiling.each)
            score = jax.lax.dynamic_slice(scores, corner, tiling.size)
            label = jax.lax.dynamic_slice(labels, corner[1:], tiling.size[1:])[None]
            score = jnp.where(limits, within_reach(score), score)
            handed = jax.lax.switch(output, [_output_program(*o, group) for o in group.outputs], score, label)
            found = jax.lax.switch(
                loss, [_loss_jet(each, group.filled, group.read) for each in group.losses], *handed, label
            )
            kept = found if values else (None, found[1])
            return jax.tree.map(lambda whole, x: jax.lax.dynamic_update_slice(whole, x, corner), both, kept)

        both = jax.lax.fori_loop(np.int32(0), count * tiling.each, body, both)
    settle = functools.partial(_settled, recipe, members, tiling, scores)
    return both[0], jax.lax.cond(limits, settle, lambda slopes: slopes, both[1])


# ---------------------------------------------------------------------------------------------------------------- tiles


class _Tiling(NamedTuple):
    """How each pair's rows of scores are cut into tiles; the last ones overlap those before."""

    size: tuple[int, int]
    each: int
    across: int
    width: int
    n: int

    def corner(self, pair: Array, number: Array) -> tuple[Array, Array]:
        """Where a pair's tile begins."""
        down, right = number // self.across, number % self.across
        row = pair * self.width + jnp.minimum(down * self.size[0], self.width - self.size[0])
        column = jnp.minimum(right * self.size[1], self.n - self.size[1])
        return row.astype(jnp.int32), column.astype(jnp.int32)


def _tiling(shape: tuple[int, ...], pairs: int) -> _Tiling:
    width, n = shape[0] // pairs, shape[1]
    across = math.ceil(n / TILE)
    columns = math.ceil(n / across)
    rows = min(width, max(1, TILE // columns))
    return _Tiling((rows, columns), math.ceil(width / rows) * across, across, width, n)


def _settled(recipe: Recipe, members: Members, tiling: _Tiling, scores: Array, slopes: Array) -> Array:
    """The slopes with their limits where autodiff meets inf * 0."""

    def body(at: Array, slopes: Array) -> Array:
        place = at // tiling.each
        corner = tiling.corner(place, at % tiling.each)
        score, slope = (jax.lax.dynamic_slice(x, corner, tiling.size) for x in (scores, slopes))
        programs = [functools.partial(_along, a.value) for a in recipe.activations]
        output, output_slope = jax.lax.switch(members.activations[place], programs, within_reach(score))
        return jax.lax.dynamic_update_slice(slopes, settled(slope, output, output_slope, score), corner)

    count = members.activations.shape[0] * tiling.each
    return jax.lax.fori_loop(np.int32(0), np.int32(count), body, slopes)


# ------------------------------------------------------------------------------------------------------------- programs


@by_structure(maxsize=256)
def _filled(activation: Keyed, kind: str, mirror: bool, dtype: str) -> tuple[bool, ...]:
    return handed_fields(activation.value, kind, mirror, dtype)


@by_structure(maxsize=256)
def _read(loss: Keyed, filled: tuple[bool, ...], dtype: str) -> tuple[bool, ...]:
    return read_fields(loss.value, filled, dtype)


@by_structure(maxsize=256)
def _output_jet(activation: Keyed, mirror: bool, kind: str) -> Callable[[Array, Array], tuple[Handed, Handed]]:
    """All that an output hands over and its slopes; traced once for all programs that read of it."""

    def jet(score: Array, label: Array) -> tuple[Handed, Handed]:
        return _along(lambda z: output_half(activation.value, kind, mirror, z, label), score)

    return jax.jit(jet, inline=True)


@by_structure(maxsize=256)
def _loss_jet(loss: Keyed, filled: tuple[bool, ...], read: tuple[bool, ...]) -> Callable[..., tuple[Array, Array]]:
    """Value and slope of a loss from the fields that it reads and their slopes; traced once."""

    def jet(values: tuple[Array, ...], slopes: tuple[Array, ...], label: Array) -> tuple[Array, Array]:
        shape, dtype = values[0].shape, str(values[0].dtype)
        if read_fields(loss.value, filled, dtype, shape) != read:
            raise ValueError(
                f"{loss.value.name} is not elementwise: what it reads depends on the shape of its argument. A loss is "
                "a function of one number, applied to each."
            )
        nothing = jnp.zeros_like(values[0])

        def whole(given: tuple[Array, ...]) -> Handed:
            left = iter(given)
            parts: Any = [
                next(left) if wanted else nothing if there else None for there, wanted in zip(filled, read, strict=True)
            ]
            return Handed(*parts)

        return jax.jvp(lambda handed: loss_half(loss.value, handed, label), (whole(values),), (whole(slopes),))

    return jax.jit(jet, inline=True)


def _output_program(activation: Keyed, mirror: bool, group: Group) -> Callable:
    """Scores and labels to the fields that the group's losses read, and their slopes."""

    def program(score: Array, label: Array) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        values, slopes = _output_jet(activation, mirror, group.kind)(score, label)
        return _kept(values, group.read), _kept(slopes, group.read)

    return program


def _kept(handed: Handed, read: tuple[bool, ...]) -> tuple[Array, ...]:
    return tuple(x for x, wanted in zip(handed, read, strict=True) if wanted and x is not None)


def _along(function: Callable[[Array], Any], z: Array) -> tuple[Any, Any]:
    return jax.jvp(function, (z,), (jnp.ones_like(z),))
