"""What a long sweep leaves on disk as it goes, so that the same sweep goes on from there and no other one does.

A sweep has a folder named by a hash of everything that its numbers depend on. A finished block is one file in it, a
block under way another; both are written beside their place, flushed and moved.
"""

import contextlib
import functools
import hashlib
import inspect
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lossland.running import Arrays, Saved
from lossland.storage import replacing, save, sources, versions, writable


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


def fingerprint(parts: Sequence[Any]) -> str:
    """A hash of numbers, words, arrays and functions (by their source and what they hold), and of the package."""
    digest = _package().copy()
    for part in parts:
        _feed(digest, part, ())
    return digest.hexdigest()


@functools.cache
def _package() -> Any:
    """The digest of versions and sources, which do not change while a process runs."""
    digest = hashlib.sha256(json.dumps(versions(), sort_keys=True).encode())
    for source in sources():
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest


def _feed(digest: Any, thing: Any, inside: tuple[int, ...]) -> None:
    """Put a thing's content into a digest."""
    if id(thing) in inside:
        return
    within = functools.partial(_feed, digest, inside=(*inside, id(thing)))
    digest.update(type(thing).__name__.encode() + b"\0")
    if thing is None or isinstance(thing, (bool, int, float, complex, str, bytes)):
        digest.update(repr(thing).encode() + b"\0")
    elif isinstance(thing, functools.partial):
        for part in (thing.func, thing.args, thing.keywords):
            within(part)
    elif isinstance(thing, Mapping):
        for key, value in thing.items():
            within(key)
            within(value)
    elif isinstance(thing, (list, tuple, set, frozenset, range)):
        for part in sorted(thing, key=repr) if isinstance(thing, (set, frozenset)) else thing:
            within(part)
    elif inspect.isfunction(thing):
        _feed_function(digest, thing, within)
    elif hasattr(thing, "__array__"):
        held = np.asarray(thing)
        digest.update(f"{held.dtype}{held.shape}".encode() + np.ascontiguousarray(held).tobytes())
    elif inspect.isclass(thing) or inspect.ismodule(thing) or inspect.isbuiltin(thing):
        digest.update(f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', thing.__name__)}".encode())
    else:
        within(vars(thing) if hasattr(thing, "__dict__") else repr(thing))


def _feed_function(digest: Any, function: Any, within: Callable[[Any], None]) -> None:
    digest.update(f"{function.__module__}.{function.__qualname__}\0".encode())
    _feed_code(digest, function.__code__)
    held = [cell.cell_contents for cell in function.__closure__ or () if not _empty(cell)]
    names = [n for n in function.__code__.co_names if n in function.__globals__]
    # What a function of the user's own file reads besides: constants and other functions beside it.
    beside = [function.__globals__[n] for n in names if function.__module__.partition(".")[0] not in _KNOWN]
    for part in (held, function.__defaults__, function.__kwdefaults__, beside):
        within(part)


def _feed_code(digest: Any, code: Any) -> None:
    # The code itself, not its text: two lambdas on one line have the same text.
    digest.update(code.co_code + repr(code.co_names).encode())
    for constant in code.co_consts:
        if inspect.iscode(constant):
            _feed_code(digest, constant)
        else:
            digest.update(repr(constant).encode())


_KNOWN = {"lossland", "jax", "optax", "numpy", "chex"}
"""Packages whose version, or source, is in the hash already."""


def _empty(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - an empty cell raises
    except ValueError:
        return True
    return False


def alive(partial: Path) -> bool:
    """Whether the process that writes this file still runs here."""
    number = partial.name.rsplit(".", 2)[-2]
    try:
        os.kill(int(number), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write named arrays to a file, whole, flushed and moved."""
    with writable(path.parent), replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())


def read_arrays(path: Path) -> Arrays | None:
    """The arrays of such a file; None if there is none."""
    if not path.exists():
        return None
    try:
        with np.load(path) as held:
            return dict(held)
    except Exception as error:
        raise ValueError(f"{path} cannot be read ({error}). Remove it and run again.") from error
