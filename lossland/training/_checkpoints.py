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

from lossland.core import (
    GOES_ON,
    Arrays,
    Broken,
    holds_parts,
    read_arrays,
    remove_leftovers,
    replacing,
    save,
    writable,
    write_arrays,
)
from lossland.training._block import Saved
from lossland.training._processes import one_group


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
        with writable(self.folder.parent, self.folder):
            save(result, self.path)
        self.clear()

    def clear(self) -> None:
        """Remove the blocks of a sweep whose whole result is kept."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def finished(self, number: int) -> Arrays | None:
        """The result of a block, if it is there and whole."""
        return read_arrays(self.folder / f"block_{number:06d}.npz")

    def under_way(self, number: int) -> Saved | None:
        """Where a block was when it was last kept."""
        path = self.folder / f"block_{number:06d}.state.npz"
        held = read_arrays(path)
        if held is None:
            return None
        if "leaf_0" not in held:
            raise Broken(f"{path} holds no checkpoint. Remove it and run again.")
        leaves = [held[f"leaf_{k}"] for k in range(sum(name.startswith("leaf_") for name in held))]
        series = {name.removeprefix("record_"): x for name, x in held.items() if name.startswith("record_")}
        count = len(next(iter(series.values()), ()))
        return Saved(leaves, [{name: x[k] for name, x in series.items()} for k in range(count)], path)

    def finish(self, number: int, result: Arrays) -> None:
        """Keep the result of a block; its checkpoint is no longer needed."""
        write_arrays(self.folder / f"block_{number:06d}.npz", result, self.folder)
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
            write_arrays(self.folder / f"block_{number:06d}.state.npz", arrays, self.folder)
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


@contextlib.contextmanager
def store(
    folder: Path,
    fingerprint: str,
    config: Mapping[str, Any],
    seconds: float,
    tell: Callable[[str], None] | None = None,
) -> Iterator[Store]:
    """The store of a sweep inside `folder`, made if need be, which no one else writes within the block.

    Another process or thread that runs the same sweep is waited for: it leaves the result, or what it had. Leftovers of
    writes that were cut off are removed.
    """
    kept = Store(folder / f"sweep-{fingerprint[:16]}.parts", seconds)
    if kept.path.exists() and not kept.folder.exists():
        yield kept
        return
    with writable(folder, kept.folder):
        folder.mkdir(parents=True, exist_ok=True)
        writing = contextlib.ExitStack()
        writing.enter_context(one_group(kept.folder.with_suffix(".lock"), kept.path.exists, tell))
    with writing:
        if not kept.path.exists():
            with writable(folder, kept.folder):
                _begin(kept.folder, config)
        try:
            yield kept
        except KeyboardInterrupt as error:
            if holds_parts(kept.folder):
                error.add_note(GOES_ON)
            raise


def _begin(place: Path, config: Mapping[str, Any]) -> None:
    """The folder of a sweep's blocks, with its settings in words."""
    place.mkdir(parents=True, exist_ok=True)
    remove_leftovers(place)
    told = place / "config.json"
    if not told.exists():
        with replacing(told) as temporary:
            temporary.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
