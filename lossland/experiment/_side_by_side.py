"""Many experiments by several processes: each runs whole in one of them, the longest first.

They share nothing but a folder whose files are written whole, so that results are those of one process.
"""

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from lossland.core import GOES_ON, cores, guarded, holds_parts
from lossland.experiment._manifest import RESULTS, Outcome, said
from lossland.experiment._progress import progress
from lossland.experiment._run import find_experiment, run

MOST = 4
"""Processes side by side: each takes up to a GB."""


def _silent(name: str) -> None:
    """Say nothing of an experiment that begins."""


@guarded(processes=1)
def run_all(
    names: Sequence[str],
    *,
    small: bool = False,
    out: Path = RESULTS,
    force: bool = False,
    quiet: bool = False,
    processes: int | None = None,
    begins: Callable[[str], None] = _silent,
) -> list[Outcome]:
    """Run experiments, several side by side where there are cores for them, each as `run` does.

    Args:
        names: experiments' names or paths.
        small: their SMOKE, in place of the default Config.
        out: where results, figures and the manifest go.
        force: compute again even if a result is there.
        quiet: print nothing; else how far all are, and a line for each that says what came out.
        processes: how many may work side by side; as many as there are cores if left out, at most 4, and one on a
            GPU, which one process takes for itself. A script that lets more than one work needs the guard
            `if __name__ == "__main__":`, as Python's own processes do.
        begins: called with the name of each as it begins.

    Returns:
        The outcomes, in the order of the names.

    Raises:
        ValueError: if an experiment is unknown, or as `run` raises it.
        OSError: if the disk refuses; finished parts are kept.

    Example:
        >>> [outcome.cached for outcome in run_all(["cells", "planes"], small=True)]  # doctest: +SKIP
        [False, False]
    """
    lengths = {name: float(getattr(find_experiment(name), "SECONDS", 0)) for name in names}
    count = min(len(lengths), _processes() if processes is None else processes)
    given = {"out": out, "force": force}
    if count < 2:
        return [_alone(name, small, quiet, begins, given) for name in names]
    # Short ones at the end leave no process without work for long.
    order = sorted(lengths, key=lambda name: -lengths[name])
    found: dict[str, Outcome | None] = {}
    whole = sum(lengths.values()) or 1.0
    with progress("experiments", quiet) as tell, _noting_parts(out):
        for name, outcome, running in _beside(order, small, count, begins, given):
            if name:
                found[name] = outcome
            if outcome is not None and not quiet:
                print(said(outcome), flush=True)
            tell(", ".join(Path(each).stem for each in running), sum(lengths[each] for each in found) / whole)
    # What failed beside runs again here, from its last finished part, where its error is told as it always is.
    return [found.get(name) or _alone(name, small, quiet, begins, given) for name in names]


def _processes() -> int:
    import jax

    return min(cores(), MOST) if jax.default_backend() == "cpu" else 1


@contextlib.contextmanager
def _noting_parts(out: Path) -> Iterator[None]:
    """An interrupt inside the block carries the note that parts are kept, if there are some."""
    try:
        yield
    except KeyboardInterrupt as error:
        if any(holds_parts(parts) for parts in out.glob("*.parts")):
            error.add_note(GOES_ON)
        raise


def _alone(name: str, small: bool, quiet: bool, begins: Callable[[str], None], given: dict[str, Any]) -> Outcome:
    """Run one experiment in this process."""
    import jax

    begins(name)
    module = find_experiment(name)
    try:
        return run(name, module.SMOKE if small else None, quiet=quiet, **given)
    finally:
        # What was compiled for one serves few others, and all of them together hold gigabytes.
        jax.clear_caches()


def _beside(
    names: Sequence[str], small: bool, count: int, begins: Callable[[str], None], given: dict[str, Any]
) -> Iterator[tuple[str, Outcome | None, list[str]]]:
    """Run experiments by other processes: yields which has ended, with what (None: it failed), and which run.

    At the start the name is empty.
    """
    # JAX has threads, which a fork would not copy.
    context = multiprocessing.get_context("spawn")
    left, workers = list(names), []
    busy: dict[Any, str] = {}
    for _ in range(count):
        ours, theirs = context.Pipe()
        worker = context.Process(target=_work, args=(theirs, small, given), daemon=True)
        worker.start()
        theirs.close()
        workers.append((worker, ours))
    try:
        for _, ours in workers:
            _next(ours, left, busy, begins)
        yield "", None, list(busy.values())
        while busy:
            ready: list[Any] = wait(list(busy))
            for ours in ready:
                name, outcome = busy.pop(ours), None
                # A process that was killed, for want of memory say, takes no more.
                with contextlib.suppress(EOFError, OSError):
                    outcome = ours.recv()
                    _next(ours, left, busy, begins)
                yield name, outcome, list(busy.values())
    finally:
        for worker, ours in workers:
            ours.close()
            worker.terminate()
            worker.join()


def _next(ours: Any, left: list[str], busy: dict[Any, str], begins: Callable[[str], None]) -> None:
    """Hand the next experiment to a process."""
    if left:
        ours.send(left[0])
        busy[ours] = left.pop(0)
        begins(busy[ours])


def _work(asked: Any, small: bool, given: dict[str, Any]) -> None:
    """Run what is asked until the other end is closed: sends outcomes, None for an experiment that failed."""
    # Ctrl-C is for the process that was asked; it ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, OSError):
        while True:
            name = asked.recv()
            try:
                outcome = _alone(name, small, True, _silent, given)
            except Exception:
                outcome = None
            asked.send(outcome)
