"""The page: one HTML file on which a person explores pairs, from tables that Python made; no server, no network."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lossland.page.assembly import page_text
from lossland.storage import replacing, writable


def write_page(
    path: str | Path = "page.html",
    pairs: Sequence[Any] | None = None,
    files: Sequence[str] = (),
    tick: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the page: one self-contained HTML file.

    Curves and slopes are tables made by JAX, between whose nodes the browser interpolates; no formula is written twice.

    Args:
        path: where.
        pairs: pairs or their names; every admissible registered pair if left out, yours included.
        files: your own files as given to `load_file`, named in the Python lines that the page hands out.
        tick: called with (done, of) after each pair.

    Returns:
        The path.

    Raises:
        ValueError: if a pair is unknown or not admissible.
        OSError: if the file cannot be written.

    Example:
        It solves for the marked optima, some seconds of work; `docs/page.md` runs it.

        >>> import lossland as ll
        >>> ll.write_page("page.html", ["relu+hinge", "identity+hinge"])  # doctest: +SKIP
        PosixPath('page.html')
    """
    path = Path(path)
    text = page_text(pairs, files, tick)
    with writable(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return path
