"""How far an experiment is: a bar for a person, a line each ten seconds for a log."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator

EVERY = 10.0
"""Seconds between two lines of a log."""

Tell = Callable[[str, float], None]
"""Takes what is being done and the share that is done, 0 to 1."""


@contextlib.contextmanager
def progress(name: str, quiet: bool) -> Iterator[Tell]:
    """Show how far `name` is on the error stream: yields a function of (what, share)."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet:
        yield lambda what, share: None
    elif console.is_terminal:
        with _bar(name, console) as tell:
            yield tell
    else:
        with _lines(name) as tell:
            yield tell


@contextlib.contextmanager
def _bar(name: str, console: object) -> Iterator[Tell]:
    """A bar that is gone when the work is done: the line that says what came out stands in its place."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = [TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %")]
    columns += [TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()]
    # What is printed meanwhile stands above the bar; the output of a pipe stays the pipe's.
    with Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bar:  # pyright: ignore[reportArgumentType]
        task = bar.add_task(name, total=1.0)
        yield lambda what, share: bar.update(task, description=f"{name}: {what}", completed=share)


@contextlib.contextmanager
def _lines(name: str) -> Iterator[Tell]:
    """A line each `EVERY` seconds, also while one long step runs."""
    state: tuple[str, float] = ("", 0.0)
    start, done = time.monotonic(), threading.Event()

    def tell(what: str, share: float) -> None:
        nonlocal state
        state = what, share

    def speak() -> None:
        while not done.wait(EVERY):
            what, share = state
            line = f"{time.monotonic() - start:7.0f} s  {name}: {100 * share:.0f} % done, now {what}"
            print(line, file=sys.stderr, flush=True)

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    try:
        yield tell
    finally:
        done.set()
        speaker.join()
