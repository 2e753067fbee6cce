"""The grid of a sweep: every pair with every seed, step size, penalty and further setting, cut into blocks.

A block is what one compiled program trains at once: some pairs, and for each of them the same runs. Blocks depend on
the grid and on the number of examples only, never on devices or processes, so that each is computed to the same bits
wherever it runs.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from lossland.core import checked_count, checked_reals, shown
from lossland.elements import ACTIVATIONS, LOSSES, Pair, find, halves, pair, pairs, refusal

SCORES = {"composed": 400_000, "fused": 1_700_000}
"""Scores that a block holds at once: the models' scores on all rows of a step then stay in the cache."""
PAIRS = {"composed": 48, "fused": 96}
"""Pairs in a block at most, so that a sweep over hundreds has a block for every core and shows how far it is."""
EARNS_FUSING = 50_000_000
"""Scores of a pair in all steps from which on compiling it by itself saves more time than it takes: about 50 ms are
paid for 1 ns a score."""


class Grid(NamedTuple):
    """What a sweep varies: pairs, seeds, and the values on each further axis.

    Attributes:
        pairs: the pairs.
        seeds: of the initial parameters (and of the batches, where each seed draws its own).
        axes: name -> values, in order: learning_rate, l2, then further parameters of the optimiser.
    """

    pairs: tuple[Pair, ...]
    seeds: tuple[int, ...]
    axes: dict[str, tuple[float, ...]]

    @property
    def shape(self) -> tuple[int, ...]:
        """(pairs, seeds, learning rates, l2s, ...)."""
        return (len(self.pairs), len(self.seeds), *map(len, self.axes.values()))

    @property
    def runs(self) -> int:
        """The number of models that each pair trains."""
        return math.prod(self.shape[1:])


class Block(NamedTuple):
    """Some pairs, and for each of them the runs number `first` to `first + wanted - 1`, padded to height x width.

    Attributes:
        number: the block's place among all.
        pairs: the pairs' numbers in the grid.
        height: how many pairs are trained; the last is repeated.
        first: the first run.
        wanted: how many runs.
        width: how many are trained; the last is repeated.
    """

    number: int
    pairs: range
    height: int
    first: int
    wanted: int
    width: int

    @property
    def runs(self) -> np.ndarray:
        """(width,) the numbers of the runs, each (seed, learning rate, l2, ...) in C order."""
        return self.first + np.minimum(np.arange(self.width), self.wanted - 1)

    @property
    def places(self) -> np.ndarray:
        """(height,) the numbers of the pairs."""
        return self.pairs.start + np.minimum(np.arange(self.height), len(self.pairs) - 1)


def earns_fusing(grid: Grid, rows: int, steps: int) -> bool:
    """Whether each pair of a sweep earns a program of its own, by the scores it takes; on a GPU always."""
    return jax.default_backend() != "cpu" or grid.runs * rows * steps >= EARNS_FUSING


def blocks(
    grid: Grid,
    rows: int,
    fused: bool = False,
    scores: int | None = None,
    apart: bool = False,
    multiple: int = 1,
    most: int | None = None,
) -> list[Block]:
    """Cut a grid into blocks of about `scores` scores.

    Args:
        grid: the grid.
        rows: examples that a step looks at.
        fused: whether each pair has a program of its own.
        scores: scores that a block holds at once; None: what fits the cache.
        apart: whether a block may hold one seed only.
        multiple: every block's width is a multiple of this (the devices that share it).
        most: models that a block holds at most, so that they fit the memory; None: any number.

    Returns:
        The blocks, all of one shape; together they hold every run of every pair once.
    """
    stretch = grid.runs // len(grid.seeds) if apart else grid.runs
    how = "fused" if fused else "composed"
    models = max(1, (SCORES[how] if scores is None else scores) // rows)
    models = models if most is None else min(models, most)
    parts = -(-stretch // models)
    width = -(-stretch // parts)
    together = max(1, min(PAIRS[how], models // width))
    wide = -(-width // multiple) * multiple
    starts = [
        (start, min(width, seed + stretch - start))
        for seed in range(0, grid.runs, stretch)
        for start in range(seed, seed + stretch, width)
    ]
    together = -(-len(grid.pairs) // -(-len(grid.pairs) // together))
    groups = [range(k, min(k + together, len(grid.pairs))) for k in range(0, len(grid.pairs), together)]
    cut = itertools.product(groups, starts)
    return [Block(i, group, together, start, count, wide) for i, (group, (start, count)) in enumerate(cut)]


def coordinates(grid: Grid, block: Block) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The seeds, (width,), and the value on each axis, (width,), of a block's runs."""
    places = np.unravel_index(block.runs, grid.shape[1:])
    axes = {name: np.asarray(values)[at] for (name, values), at in zip(grid.axes.items(), places[1:], strict=True)}
    return np.asarray(grid.seeds)[places[0]], axes


def make_grid(
    wanted: Any,
    seeds: int | Sequence[int],
    learning_rates: Sequence[float],
    l2s: Sequence[float],
    hyperparameters: Mapping[str, Sequence[float]],
    skip_inadmissible: bool = False,
) -> tuple[Grid, tuple[str, ...]]:
    """The grid that a user asks for, checked, and what was left out of it.

    Args:
        wanted: "all", a pair, or several, each by name, as (activation, loss) or as a `Pair`.
        seeds: how many, counted from 0, or which.
        learning_rates: step sizes, > 0.
        l2s: penalties, >= 0.
        hyperparameters: further keywords of the optimiser, each with its values.
        skip_inadmissible: leave out pairs that are not admissible instead of refusing.

    Returns:
        The grid, and for each pair left out the reason.

    Raises:
        ValueError: if an axis is empty, holds a value that makes no sense or one twice, or a pair is not admissible.
    """
    found, skipped = _pairs(wanted, skip_inadmissible)
    if np.ndim(seeds) == 0:
        listed = tuple(range(checked_count("seeds", seeds, 0, 10**7)))
    else:
        listed = tuple(checked_count("Each of the seeds", seed, 0) for seed in seeds)  # pyright: ignore[reportGeneralTypeIssues]
    if not listed:
        raise ValueError("A sweep needs at least one seed: seeds=8, or seeds=(0, 1, 2).")
    _once("seeds", listed)
    named = {"learning_rate": learning_rates, "l2": l2s} | dict(hyperparameters)
    if len(named) != 2 + len(hyperparameters):
        raise ValueError("learning_rate and l2 have their own arguments; hyperparameters holds the others.")
    axes = {name: _axis(name, values) for name, values in named.items()}
    if min(axes["learning_rate"]) <= 0:
        raise ValueError(f"Learning rates must be > 0; got {min(axes['learning_rate'])}.")
    if min(axes["l2"]) < 0:
        raise ValueError(f"l2 must be >= 0; got {min(axes['l2'])}.")
    return Grid(found, listed, axes), skipped


def _pairs(wanted: Any, skip: bool) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
    """The pairs asked for, each once and admissible, and why each of the others is not."""
    if isinstance(wanted, str) and wanted == "all":
        return pairs(), ()
    if not isinstance(wanted, (str, Iterable, Pair)):
        mend = ' A loss stands beside its output: ("relu", loss).' if callable(wanted) else ""
        mend = " Give its `.pair`." if isinstance(getattr(wanted, "pair", None), Pair) else mend
        raise ValueError(f'pairs is "all", a pair or its name, or several of them, not {shown(wanted)}.{mend}')
    several: Any = [wanted] if _is_one(wanted) else wanted
    made: list[Pair] = [_pair(each) for each in several]
    if not made:
        raise ValueError('A sweep needs at least one pair, say pairs=["relu+hinge", "identity+hinge"] or pairs="all".')
    reasons = {each.name: refusal(each) for each in made}
    refused = [reason for reason in reasons.values() if reason]
    if refused and not skip:
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        raise ValueError(f"{refused[0]}{more} skip_inadmissible=True leaves such pairs out.")
    kept = tuple(each for each in made if not reasons[each.name])
    if not kept:
        raise ValueError(f"No admissible pair is left. {refused[0]}")
    _once("pairs", [each.name for each in kept])
    return kept, tuple(refused)


def _is_one(wanted: Any) -> bool:
    """Whether this is one pair, by name, as (activation, loss) or as a `Pair`, and not several."""
    if isinstance(wanted, (str, Pair)):
        return True
    if not isinstance(wanted, tuple) or len(wanted) != 2:
        return False
    return not any(isinstance(w, (Pair, tuple)) or (isinstance(w, str) and halves(w)) for w in wanted)


def _pair(wanted: Any) -> Pair:
    """A pair, admissible or not."""
    if isinstance(wanted, Pair):
        return wanted
    if not isinstance(wanted, (str, Sequence)) or isinstance(wanted, bytes):
        raise ValueError(f"A pair is given by name, as (activation, loss) or by ll.pair, not by {shown(wanted)}.")
    parts = halves(wanted) if isinstance(wanted, str) else tuple(wanted)
    if parts is None or len(parts) != 2:
        return pair(wanted)
    activation, loss = parts
    return Pair(find(ACTIVATIONS, activation), find(LOSSES, loss))


def _axis(name: str, values: Any) -> tuple[float, ...]:
    """The values on an axis, finite, each once."""
    held = tuple(float(v) for v in np.ravel(checked_reals(name, values)))
    if not held:
        raise ValueError(f"{name} has no values; give at least one, say {name}: (0.1,).")
    wrong = [v for v in held if not math.isfinite(v)]
    if wrong:
        raise ValueError(f"{name} must be finite; got {wrong[0]}.")
    _once(name, held)
    return held


def _once(name: str, values: Sequence[Any]) -> None:
    """Refuse a value that stands twice."""
    twice = [v for i, v in enumerate(values) if v in values[:i]]
    if twice:
        raise ValueError(f"{name} holds {twice[0]!r} twice; name each once.")
