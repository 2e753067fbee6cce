"""What the page knows of each pair: its card in words, and its curves as a table in bytes."""

import contextlib
import math
import multiprocessing
import re
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np

from lossland.elements import Pair, load_file, pair
from lossland.page._nodes import thinned
from lossland.properties import facts, verdicts

FEW = 200
"""Up to so many pairs another process does not pay: it begins without what all pairs share, ten seconds of work."""
_PSI = re.compile(r"[,;] psi(\(1/2\))? = (inf|theta(\^2)?(/\d)?|[\d.e+-]+\d( theta(\^2)?)?)")
Entry = tuple[dict[str, Any], bytes]


def pair_entry(each: Pair) -> Entry:
    """A pair's card in words and its table in bytes."""
    found = facts(each)
    thin = thinned(each, found.curves)
    infimum = [shape.infimum for shape in found.shapes]
    threshold, told = found.calibration.best, verdicts(found)
    entry = {
        "activation": each.activation.name,
        "loss": each.loss.name,
        "nodes": thin.scores.size,
        "kinks": len(thin.ties),
        "tied": ["tie" in half.settings() for half in (each.activation, each.loss)],
        "infimum": [low if math.isfinite(low) else None for low in infimum],
        "convex": [bool(shape.convex) for shape in found.shapes],
        "threshold": threshold if threshold is not None and math.isfinite(threshold) else None,
        "verdicts": [list(verdict) for verdict in told],
        "headline": headline(told),
        "errors": thin.errors,
    }
    return entry, b"".join(
        np.ascontiguousarray(part).astype(part.dtype.newbyteorder("<")).tobytes()
        for part in (thin.scores, thin.rows, thin.ties)
    )


def headline(told: Sequence[tuple[str, str, str]], most: int = 3) -> list[list[str]]:
    """The first sentences of a card for those who do not know its formulas, each with its status.

    Args:
        told: (sign, sentence, status) of each verdict.
        most: at most so many.

    Example:
        >>> headline([("+", "Calibrated for the threshold 0 alone; psi = theta/2.", "proven")])
        [['Calibrated for the threshold 0 alone.', 'proven']]
    """
    return [[_PSI.sub("", text), status] for _, text, status in told[:most]]


def pair_entries(made: Sequence[Pair], files: Sequence[str] = (), processes: int = 1) -> Iterator[Entry]:
    """The entries of pairs, in their order.

    Args:
        made: the pairs.
        files: that another process reads first, so that it knows the same names.
        processes: at most so many work side by side; of pairs that are not found by their names, or are few, one.
    """
    done = 0
    if processes > 1 and len(made) > FEW and all(_is_found(each) for each in made):
        # A process that is killed, for want of memory say, leaves the rest to this one.
        with contextlib.suppress(BrokenProcessPool):
            for entry in _beside([each.name for each in made], files, processes):
                yield entry
                done += 1
    yield from map(pair_entry, made[done:])


def _is_found(each: Pair) -> bool:
    try:
        return pair(each.name) == each
    except ValueError:
        return False


def _beside(names: Sequence[str], files: Sequence[str], processes: int) -> Iterator[Entry]:
    # JAX has threads, which a fork would not copy.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, _begin, (tuple(files),))
    try:
        # Neighbours share an activation, and what is kept of it.
        yield from pool.map(_named_entry, names, chunksize=16)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _begin(files: tuple[str, ...]) -> None:
    # Ctrl-C is for the process that was asked.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for path in files:
        load_file(path)


def _named_entry(name: str) -> Entry:
    return pair_entry(pair(name))
