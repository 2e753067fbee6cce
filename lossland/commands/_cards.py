"""The command `lossland card`: what one pair is, in words, as JSON, as a figure.

The command `lossland cards`: many pairs in one table and one map.
"""

import contextlib
import dataclasses
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro


@dataclasses.dataclass(frozen=True)
class CardOptions:
    """Say what a pair is, in words and numbers: convex? plateaus? calibrated? proper? what does it equal?

    Marks say how certain each line is: proven, refuted by the scores named, or measured.

    Examples: `lossland card relu hinge`, `lossland card sigmoid+focal --json`,
    `lossland card my_loss.py:my_loss --prove`
    """

    names: tyro.conf.Positional[tuple[str, ...]]
    """An activation and a loss, a pair such as relu+hinge, or a loss alone (then on a linear or a sigmoid output)."""
    from_: Annotated[tuple[str, ...], tyro.conf.arg(name="from")] = ()
    """Your own files or modules to read first, such as my_loss.py."""
    prove: bool = False
    """Spend up to 20 s on each smooth piece of a curve to settle what a quick look leaves open."""
    json: bool = False
    """Print the card as JSON, for a script."""
    figure: Path | None = None
    """Also draw the card into this file (.png, .pdf, .svg)."""


def run_card(command: CardOptions) -> int:
    """Print the card, and draw it if asked."""
    from lossland.commands import _output as output
    from lossland.elements import load_file
    from lossland.properties import card, card_json

    for path in command.from_:
        load_file(path)
    wanted = _pair(command.names)
    waits = proving(wanted.name) if command.prove else output.waiting("computing the card", quiet=command.json)
    with waits:
        made = card(wanted, prove=command.prove)
    if command.json:
        print(card_json(made))
    else:
        made.show()
    if command.figure is not None:
        from lossland.figures import card_figure

        output.save_figure(card_figure(made), command.figure, quiet=command.json)
    return 0


@contextlib.contextmanager
def proving(name: str) -> Iterator[None]:
    """Lines on the error stream while a pair is proven: which class and piece, after how many seconds."""
    logger = logging.getLogger("lossland.proofs")
    handler, level = _Progress(name), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class _Progress(logging.Handler):
    """Prints what is said of one pair, each line once; other pairs, to which it is compared, are left out."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.pair, self.start = name, time.perf_counter()
        self.heading, self.seen = "", set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line if it is about the pair and new."""
        said = record.getMessage()
        self.heading = said if said.startswith("proving ") else self.heading
        line = self.heading, said
        if line in self.seen or not self.heading.startswith(f"proving {self.pair} "):
            return
        self.seen.add(line)
        indent = "" if said == self.heading else "  "
        print(f"{time.perf_counter() - self.start:7.1f} s  {indent}{said}", file=sys.stderr, flush=True)


def _pair(names: tuple[str, ...]) -> Any:
    from lossland.elements import ACTIVATIONS, LOSSES, find, halves, load_file, pair

    if len(names) == 2:
        return pair(*names)
    if len(names) != 1:
        raise ValueError(
            f"A card is of an activation and a loss, say: lossland card relu hinge. Got {len(names)} names."
        )
    (name,) = names
    if halves(name):
        return pair(name)
    path, colon, bare = name.rpartition(":")
    if colon and "(" not in path:
        load_file(path)
    base = (bare if colon else name).partition("(")[0]
    if base in ACTIVATIONS and base not in LOSSES:
        raise ValueError(f"{base} is an activation: name a loss too, say: lossland card {name} hinge.")
    loss = find(LOSSES, name)
    return pair("sigmoid" if loss.domain == (0.0, 1.0) else "identity", loss)


@dataclasses.dataclass(frozen=True)
class CardsOptions:
    """Put many pairs' cards into one table, a row each, and into a map of verdicts; ~ marks what is only measured.

    Examples: `lossland cards --all --figure map.png`, `lossland cards relu+hinge identity+hinge`,
    `lossland cards --loss hinge --sort "psi"`, `lossland cards --all --form csv --quiet`
    """

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Pairs such as relu+hinge."""
    all: bool = False
    """Every admissible pair."""
    activation: str = ""
    """Every pair of this activation."""
    loss: str = ""
    """Every pair of this loss."""
    from_: Annotated[tuple[str, ...], tyro.conf.arg(name="from")] = ()
    """Your own files or modules to read first, such as my_loss.py."""
    sort: str = ""
    """The column to sort by."""
    form: Literal["terminal", "markdown", "latex", "csv"] = "terminal"
    """How to write the table."""
    json: bool = False
    """Print every card whole as JSON, for a script."""
    figure: Path | None = None
    """Also draw the map of verdicts into this file (.png, .pdf, .svg)."""
    quiet: bool = False
    """Show no progress."""


def run_cards(command: CardsOptions) -> int:
    """Print a row a card, and draw the map if asked."""
    from lossland.commands import _output as output
    from lossland.core import show
    from lossland.elements import ACTIVATIONS, LOSSES, find, load_file, pair, pairs
    from lossland.properties import as_dict, cards, cards_table

    for path in command.from_:
        load_file(path)
    wanted = [pair(name) for name in command.names]
    if command.all or command.activation or command.loss:
        activation = find(ACTIVATIONS, command.activation) if command.activation else None
        loss = find(LOSSES, command.loss) if command.loss else None
        wanted += [p for p in pairs() if activation in (None, p.activation) and loss in (None, p.loss)]
    if not wanted:
        raise ValueError("Which pairs? Give names (relu+hinge), --activation, --loss, or --all.")
    with output.counter("cards", len(wanted), command.quiet) as tick:
        made = cards(wanted, tick)
    rows = cards_table(made, command.sort)
    if command.json:
        print(output.as_json([as_dict(card) for card in made]))
    else:
        show(rows, command.form)
    if command.figure is not None:
        from lossland.figures import verdict_map

        plain = command.json or command.form != "terminal"
        output.save_figure(verdict_map(made), command.figure, quiet=plain)
    return 0
