"""What a long sweep leaves on disk as it goes, so that the same sweep goes on from there and no other one does.

A sweep has a folder named by a hash of everything that its numbers depend on. A finished block is one file in it, a
block under way another; both are written beside their place, flushed and moved.
"""

import contextlib
import json
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lossland.core import Arrays, alive, read_arrays, replacing, save, writable, write_arrays
from lossland.training._block import Saved


class Store(NamedTuple):
    """Where the blocks of one sweep are kept, and how many seconds may pass between two checkpoints."""

    folder: Path
    seconds: float

    @property
    def path(self) -> Path:
        """Where the whole result goes."""
        return self.folder.with_suffix(".nc")

    def conclude(self, result: Any) -> None:
        """Keep the whole result, an xarray.Dataset; the blocks are no longer needed."""
        with writable(self.folder.parent):
            save(result, self.path)
        shutil.rmtree(self.folder)

    def finished(self, number: int) -> Arrays | None:
        """The result of a block, if it is there and whole."""
        return read_arrays(self.folder / f"block_{number:06d}.npz")

    def under_way(self, number: int) -> Saved | None:
        """Where a block was when it was last kept."""
        held = read_arrays(self.folder / f"block_{number:06d}.state.npz")
        if held is None:
            return None
        leaves = [held[f"leaf_{k}"] for k in range(sum(name.startswith("leaf_") for name in held))]
        series = {name.removeprefix("record_"): x for name, x in held.items() if name.startswith("record_")}
        count = len(next(iter(series.values()), ()))
        return Saved(leaves, [{name: x[k] for name, x in series.items()} for k in range(count)])

    def finish(self, number: int, result: Arrays) -> None:
        """Keep the result of a block; its checkpoint is no longer needed."""
        write_arrays(self.folder / f"block_{number:06d}.npz", result)
        (self.folder / f"block_{number:06d}.state.npz").unlink(missing_ok=True)

    def keeper(self, number: int, stop: Callable[[], bool]) -> Callable[[Callable[[], Saved]], None]:
        """A function that keeps a block under way: if the last time was `seconds` ago, and before it stops."""
        last = [time.monotonic()]

        def keep(make: Callable[[], Saved]) -> None:
            stopping = stop()
            if not stopping and time.monotonic() - last[0] < self.seconds:
                return
            saved = make()
            arrays = {f"leaf_{k}": leaf for k, leaf in enumerate(saved.leaves)}
            if saved.records:
                arrays |= {f"record_{name}": np.stack([r[name] for r in saved.records]) for name in saved.records[0]}
            write_arrays(self.folder / f"block_{number:06d}.state.npz", arrays)
            last[0] = time.monotonic()
            if stopping:
                raise KeyboardInterrupt

        return keep


@contextlib.contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Within the block Ctrl-C and SIGTERM only set what the yielded function tells; a second Ctrl-C interrupts."""
    asked = []

    def ask(number: int, frame: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def store(folder: Path, fingerprint: str, config: Mapping[str, Any], seconds: float) -> Store:
    """The store of a sweep inside `folder`, made if need be; leftovers of writes that were cut off are removed."""
    place = folder / f"sweep-{fingerprint[:16]}.parts"
    if place.with_suffix(".nc").exists():
        return Store(place, seconds)
    with writable(folder):
        place.mkdir(parents=True, exist_ok=True)
        for leftover in place.glob(".*.partial"):
            # Another process may be writing now; one that was killed left its file long ago.
            if time.time() - leftover.stat().st_mtime > 3600 or not alive(leftover):
                leftover.unlink(missing_ok=True)
        told = place / "config.json"
        if not told.exists():
            with replacing(told) as temporary:
                temporary.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    return Store(place, seconds)
