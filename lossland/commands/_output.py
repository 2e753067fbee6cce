"""What a command says besides its result: that it works, how far it is, which file it wrote."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lossland.core import as_json as as_json

SECONDS = 5.0
"""Between two lines of a log that say how far a command is."""


@contextlib.contextmanager
def waiting(what: str, quiet: bool) -> Iterator[None]:
    """A line on the error stream that shows work is under way, where a person looks on."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    with console.status(what):
        yield


@contextlib.contextmanager
def counter(what: str, of: int | None, quiet: bool) -> Iterator[Any]:
    """A progress bar on the error stream, lines now and then where that is a log: yields a function of (done, of)."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not quiet and not console.is_terminal:
        yield _lines(what)
        return
    with Progress(console=console, disable=quiet, transient=True) as bar:
        task = bar.add_task(what, total=of)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _lines(what: str) -> Callable[[int, int], None]:
    """A function of (done, of) that prints a line on the error stream once `SECONDS` have passed since the last."""
    start = told = time.perf_counter()

    def tell(done: int, of: int) -> None:
        nonlocal told
        now = time.perf_counter()
        if now - told >= SECONDS:
            told = now
            print(f"{now - start:7.1f} s  {what}: {done} of {of}", file=sys.stderr, flush=True)

    return tell


def save_figure(figure: Any, path: Path, quiet: bool) -> None:
    """Write a matplotlib figure whole, in the format that the file's ending names."""
    from lossland.core import replacing
    from lossland.figures import check_ending

    check_ending(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], dpi=200)
    if not quiet:
        print(f"Figure {path}")
