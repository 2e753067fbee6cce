"""The command `lossland card`: what one pair is, in words, as JSON, as a figure."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import tyro


@dataclasses.dataclass(frozen=True)
class Card:
    """Say what a pair is, in words and numbers: convex? plateaus? calibrated? proper? what does it equal?

    Examples: `lossland card relu hinge`, `lossland card sigmoid+focal --json`, `lossland card my_loss.py:my_loss`
    """

    names: tyro.conf.Positional[tuple[str, ...]]
    """An activation and a loss, a pair such as relu+hinge, or a loss alone (then on a linear or a sigmoid output)."""
    from_: Annotated[tuple[str, ...], tyro.conf.arg(name="from")] = ()
    """Your own files or modules to read first, such as my_loss.py."""
    json: bool = False
    """Print the card as JSON, for a script."""
    figure: Path | None = None
    """Also draw the card into this file (.png, .pdf, .svg)."""


def run(command: Card) -> int:
    """Print the card, and draw it if asked."""
    from lossland import telling
    from lossland.card_tables import as_json
    from lossland.registry import load_file

    for path in command.from_:
        load_file(path)
    with telling.waiting("computing the card", quiet=command.json):
        made = _card(command.names)
    if command.json:
        print(as_json(made))
    else:
        made.show()
    if command.figure is not None:
        from lossland.card_figures import card_figure

        telling.save_figure(card_figure(made), command.figure, quiet=command.json)
    return 0


def _card(names: tuple[str, ...]) -> Any:
    from lossland.carding import card
    from lossland.pairing import halves
    from lossland.registry import ACTIVATIONS, LOSSES, find, load_file

    if len(names) == 2:
        return card(*names)
    if len(names) != 1:
        raise ValueError(
            f"A card is of an activation and a loss, say: lossland card relu hinge. Got {len(names)} names."
        )
    (name,) = names
    if halves(name):
        return card(name)
    path, colon, bare = name.rpartition(":")
    if colon and "(" not in path:
        load_file(path)
    base = (bare if colon else name).partition("(")[0]
    if base in ACTIVATIONS and base not in LOSSES:
        raise ValueError(f"{base} is an activation: name a loss too, say: lossland card {name} hinge.")
    loss = find(LOSSES, name)
    return card("sigmoid" if loss.domain == (0.0, 1.0) else "identity", loss)
