"""What a command says besides its result: that it works, how far it is, which file it wrote."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lossland.core import as_json as as_json


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
def counter(what: str, of: int, quiet: bool) -> Iterator[Any]:
    """A progress bar on the error stream: yields a function of (done, of)."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=quiet or not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=of)
        yield lambda done, _: bar.update(task, completed=done)


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
