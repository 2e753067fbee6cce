"""The command `lossland page`: the interactive page as one HTML file."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

MOST = 4
"""Processes side by side: each takes half a GB."""


@dataclasses.dataclass(frozen=True)
class PageOptions:
    """Write one HTML file to explore pairs on: curves, landscape, data and descent; no server, no network.

    Examples: `lossland page`, `lossland page relu+hinge sigmoid+cross_entropy`, `lossland page --from my_loss.py`
    """

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Pairs such as relu+hinge; every admissible pair if left out."""
    from_: Annotated[tuple[str, ...], tyro.conf.arg(name="from")] = ()
    """Your own files or modules to read first, such as my_loss.py."""
    out: Path = Path("page.html")
    """The file to write."""
    quiet: bool = False
    """Show no progress."""


def run_page(command: PageOptions) -> int:
    """Write the page and say where it is."""
    from lossland.commands._output import counter
    from lossland.core import cores
    from lossland.elements import load_file
    from lossland.page import write_page

    for path in command.from_:
        load_file(path)
    with counter("pairs and data sets", None, command.quiet) as tick:
        made = write_page(command.out, command.names or None, command.from_, tick, processes=min(cores(), MOST))
    if not command.quiet:
        print(f"Page {made}, {made.stat().st_size / 1e6:.1f} MB. Open it in a browser.")
    return 0
