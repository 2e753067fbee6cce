"""Several processes for one sweep: each trains its own blocks; JAX brings them together, this module watches.

JAX itself waits for a hung process without limit, and ends the others with a long C++ trace when one dies. Here a
process that dies or falls silent makes all end within a stated time, with one sentence; the finished blocks stay.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lossland.core import GOES_ON, follow, holds_parts, only_writer

GRACE = 10.0
"""Seconds that processes get to write a checkpoint before they are killed."""


class Child(NamedTuple):
    """A process that was started here: what it is, the file its output goes to, and the last line it told."""

    process: subprocess.Popen
    log: Path
    told: dict[str, Any]


def join(coordinator: str = "", count: int = 0, index: int = -1, heartbeat: int = 10) -> None:
    """Make this process one of several, before anything else is asked of JAX.

    Args:
        coordinator: "host:port" of process 0; empty: as Slurm, Open MPI or Kubernetes say (JAX recognises them).
        count: how many processes.
        index: which of them this is, from 0.
        heartbeat: seconds after which a process that does not answer counts as dead.

    Raises:
        ValueError: if only some of the three are given, or the index is out of range.
    """
    import jax

    explicit = (bool(coordinator), count > 0, index >= 0)
    if any(explicit) and not all(explicit):
        raise ValueError("coordinator, process count and process index belong together: give all three or none.")
    if all(explicit) and index >= count:
        raise ValueError(f"Process {index} of {count}: indices go from 0 to {count - 1}.")
    given: dict[str, Any] = {}
    if all(explicit):
        given = {"coordinator_address": coordinator, "num_processes": count, "process_id": index}
    jax.distributed.initialize(**given, heartbeat_timeout_seconds=heartbeat)


def gather(arrays: dict[str, Any] | None, owner: int, template: dict[str, Any], limit: float) -> dict[str, Any]:
    """A block's arrays in every process, from the process that trained it.

    Args:
        arrays: the arrays, in the owner; None elsewhere.
        owner: the process that has them.
        template: name -> an array of that shape and dtype.
        limit: seconds that the others may take; then this process ends with a sentence.

    Returns:
        name -> array, the same in all.
    """
    import jax
    import numpy as np
    from jax.experimental import multihost_utils

    mine = arrays if arrays is not None else {name: np.zeros(t.shape, t.dtype) for name, t in template.items()}
    with _limited(limit, f"process {owner} did not hand over its result within {limit:g} s"):
        held = multihost_utils.broadcast_one_to_all(mine, is_source=jax.process_index() == owner)
    return {name: np.asarray(array) for name, array in held.items()}


@contextlib.contextmanager
def one_group(lock: Path, done: Callable[[], bool], tell: Callable[[str], None] | None) -> Iterator[None]:
    """Within the block no other sweep writes what this lock guards; the processes of one sweep enter it together.

    Args:
        lock: its file.
        done: whether the result is there, and nothing is left to write.
        tell: called with a sentence while another is waited for.
    """
    import jax
    import numpy as np
    from jax.experimental import multihost_utils

    if jax.process_count() == 1:
        with only_writer(lock, tell=tell):
            yield
        return
    # Process 0 writes the group's token into the lock; the others look for it there.
    drawn = np.frombuffer(os.urandom(8), np.uint32)
    token = np.asarray(multihost_utils.broadcast_one_to_all(drawn)).tobytes().hex()
    with contextlib.ExitStack() as held:
        if jax.process_index() == 0:
            held.enter_context(only_writer(lock, token, tell))
        else:
            follow(lock, token, done, tell)
        # Process 0 may not be through before the others have seen that it writes.
        multihost_utils.sync_global_devices("lossland: one group writes")
        yield


@contextlib.contextmanager
def _limited(seconds: float, sentence: str) -> Iterator[None]:
    """End this process if the block takes longer: a collective that waits for a dead peer cannot be interrupted."""

    def end() -> None:
        print(f"lossland: {sentence}. Run the same again: it goes on from what is kept.", file=sys.stderr, flush=True)
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


# ------------------------------------------------------------------------------------------- starting and watching them


def tell(done: int, of: int, what: str) -> None:
    """Tell the process that started this one how far it is."""
    print(json.dumps({"done": done, "of": of, "what": what}), flush=True)


def launch(
    words: Sequence[str],
    count: int,
    folder: Path,
    silence: float,
    progress: Callable[[int, int, str], None] | None = None,
) -> None:
    """Start `count` processes of the same command here, watch them, and end them all when one fails.

    Args:
        words: the command's words after `lossland`; each process gets --coordinator, --process-count and
            --process-index besides.
        count: how many.
        folder: where their logs go.
        silence: seconds without a word after which a process counts as hung.
        progress: called with (model-steps done, of, what) of all processes together.

    Raises:
        RuntimeError: if one died or hung; the sentence says which, and where its log is.
        KeyboardInterrupt: after all were told to stop and kept what they had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    children = [_start([*words, "--coordinator", address], count, index, folder) for index in range(count)]
    try:
        with _terminated_as_interrupted():
            _watch(children, silence, progress)
    except KeyboardInterrupt as error:
        _stop(children, signal.SIGINT)
        if _kept(folder):
            error.add_note(GOES_ON)
        raise
    except RuntimeError as error:
        _stop(children, signal.SIGTERM)
        goes_on = " Finished blocks and checkpoints are kept: the same command goes on from there."
        raise RuntimeError(f"{error}{goes_on if _kept(folder) else ''}") from None
    except BaseException:
        _stop(children, signal.SIGTERM)
        raise
    for child in children:
        child.log.unlink(missing_ok=True)


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM to this process must reach the ones it started, as Ctrl-C does."""

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _start(words: Sequence[str], count: int, index: int, folder: Path) -> Child:
    """Start process number `index` of the same command, its errors into a log, its progress into `told`."""
    # Another sweep may have its logs in the same folder.
    log = folder / f"process_{index}_of_{os.getpid()}.log"
    command = [sys.executable, "-m", "lossland", *words, "--process-count", str(count), "--process-index", str(index)]
    with open(log, "wb") as errors:
        # A session of its own: Ctrl-C reaches this process alone, which then asks the others to stop.
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, start_new_session=True)
    told: dict[str, Any] = {"at": time.monotonic(), "done": 0, "of": 0, "what": "starting"}
    threading.Thread(target=_listen, args=(process, told), daemon=True).start()
    return Child(process, log, told)


def _listen(process: subprocess.Popen, told: dict[str, Any]) -> None:
    """Note what a process tells of its progress, and when it last told anything."""
    for line in process.stdout or ():
        told["at"] = time.monotonic()
        with contextlib.suppress(json.JSONDecodeError):
            told.update(json.loads(line))


def _watch(children: list[Child], silence: float, progress: Callable[[int, int, str], None] | None) -> None:
    """Wait until all processes ended well; raise as soon as one failed or fell silent."""
    while True:
        codes = [child.process.poll() for child in children]
        for index, (child, code) in enumerate(zip(children, codes, strict=True)):
            if code == 2:
                raise ValueError(_words(child))
            if code == -signal.SIGABRT and (hung := _quietest(children, codes)) is not None:
                # JAX ends a process whose peer no longer answers; the peer is the one to name.
                silent = time.monotonic() - children[hung].told["at"]
                raise RuntimeError(
                    _failure(hung, len(children), f"no longer answers, silent for {silent:.0f} s", children[hung])
                )
            if code not in (None, 0):
                raise RuntimeError(_failure(index, len(children), _ended(code), child))
            quiet = time.monotonic() - child.told["at"]
            if code is None and quiet > silence:
                raise RuntimeError(_failure(index, len(children), f"has been silent for {quiet:.0f} s", child))
        if progress is not None:
            done, of = (sum(child.told[key] for child in children) for key in ("done", "of"))
            progress(done, max(of, 1), next(c.told["what"] for c in children))
        if all(code == 0 for code in codes):
            return
        time.sleep(0.2)


def _quietest(children: list[Child], codes: list[int | None]) -> int | None:
    """The running process that has been silent longest, if for more than a few seconds."""
    quiet = {k: time.monotonic() - child.told["at"] for k, child in enumerate(children) if codes[k] is None}
    longest = max(quiet, key=quiet.__getitem__, default=None)
    return longest if longest is not None and quiet[longest] > 5 else None


def _ended(code: int) -> str:
    """How a process ended, from its exit code."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def _failure(index: int, count: int, what: str, child: Child) -> str:
    """The sentence that ends a sweep of several processes: which one failed, how, and where its log is."""
    words = _words(child)
    return (
        f"Process {index} of {count} {what}; the others were stopped.{f' It said: {words}' if words else ''} "
        f"Its log is {child.log}."
    )


def _kept(folder: Path) -> bool:
    """Whether a sweep has left blocks or checkpoints in a folder of results."""
    return any(holds_parts(parts) for parts in folder.glob("sweep-*.parts"))


def _words(child: Child) -> str:
    """The last sentence of ours in a process's log."""
    text = child.log.read_text(errors="replace") if child.log.exists() else ""
    lines = [line for line in text.splitlines() if line.startswith("lossland: ")]
    return lines[-1].removeprefix("lossland: ").removesuffix(" (--debug shows where)") if lines else ""


def _stop(children: list[Child], how: signal.Signals) -> None:
    """Ask all processes to stop, and kill those that have not after a while."""
    for child in children:
        if child.process.poll() is None:
            child.process.send_signal(how)
    until = time.monotonic() + GRACE
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.0, until - time.monotonic()))
        if child.process.poll() is None:
            child.process.kill()
            child.process.wait()
