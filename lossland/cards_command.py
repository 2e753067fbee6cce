"""The command `lossland cards`: many pairs in one table and one map."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro


@dataclasses.dataclass(frozen=True)
class Cards:
    """Put many pairs' cards into one table, a row each, and into a map of verdicts.

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


def run(command: Cards) -> int:
    """Print a row a card, and draw the map if asked."""
    from lossland import tables, telling
    from lossland.card_tables import as_dict, cards_table
    from lossland.carding import cards
    from lossland.pairing import pair, pairs
    from lossland.registry import ACTIVATIONS, LOSSES, find, load_file

    for path in command.from_:
        load_file(path)
    wanted = [pair(name) for name in command.names]
    if command.all or command.activation or command.loss:
        activation = find(ACTIVATIONS, command.activation) if command.activation else None
        loss = find(LOSSES, command.loss) if command.loss else None
        wanted += [p for p in pairs() if activation in (None, p.activation) and loss in (None, p.loss)]
    if not wanted:
        raise ValueError("Which pairs? Give names (relu+hinge), --activation, --loss, or --all.")
    with telling.counter("cards", len(wanted), command.quiet) as tick:
        made = cards(wanted, tick)
    rows = cards_table(made, command.sort)
    if command.json:
        print(telling.as_json([as_dict(card) for card in made]))
    else:
        tables.show(rows, command.form)
    if command.figure is not None:
        from lossland.card_figures import verdict_map

        plain = command.json or command.form != "terminal"
        telling.save_figure(verdict_map(made), command.figure, quiet=plain)
    return 0
