"""The command `lossland names`: which name for what, by question, from the page of the documentation."""

import dataclasses
import difflib
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

import tyro

PAGE = "names.md"


@dataclasses.dataclass(frozen=True)
class NamesOptions:
    """Say which name to use for what: what you have, what you want, the call.

    Examples: `lossland names`, `lossland names landscape`, `lossland names many params`, `lossland names ll.solve`
    """

    words: tyro.conf.Positional[tuple[str, ...]] = ()
    """Only lines that hold all of these words; all lines if left out."""
    form: Literal["terminal", "markdown", "latex", "csv"] = "terminal"
    """How to write the tables."""
    json: bool = False
    """Print them as JSON, for a script."""


class Line(NamedTuple):
    """A line of the page: its heading, what one has, what one wants, the call."""

    topic: str
    have: str
    want: str
    call: str


def run_names(command: NamesOptions) -> int:
    """Print the lines that hold the words."""
    from lossland.commands._output import as_json
    from lossland.core import show, table

    every = lines()
    found = [line for line in every if all(_holds(line, word) for word in command.words)]
    if not found:
        raise ValueError(_nothing(command.words, every))
    if command.json:
        print(as_json([line._asdict() for line in found]))
        return 0
    for topic in dict.fromkeys(line.topic for line in found):
        rows = [line[1:] for line in found if line.topic == topic]
        show(table(topic, ("I have", "I want", "call"), rows), command.form)
    return 0


def lines() -> list[Line]:
    """The lines of the page in order; "the same" is written out.

    Example:
        >>> next(line.call for line in lines() if line.want == "a loss")
        '@ll.margin_loss'
    """
    found, topic, above = [], "", Line("", "", "", "")
    for text in _page().read_text(encoding="utf-8").splitlines():
        topic = text.removeprefix("## ") if text.startswith("## ") else topic
        cells = [_plain(cell) for cell in re.split(r"(?<!\\)\|", text)[1:-1]]
        if len(cells) != 3 or cells[0] == "I have" or not cells[0].strip("-"):
            continue
        have, want = (old if new == "the same" else new for new, old in zip(cells[:2], above[1:3], strict=True))
        above = Line(topic, have, want, cells[2])
        found.append(above)
    return found


def _page() -> Path:
    """The page, as it lies in the package that is installed, else in the source tree."""
    from lossland.core import PACKAGE

    inside = PACKAGE / f"_{PAGE}"
    return inside if inside.exists() else PACKAGE.parent / "docs" / PAGE


def _plain(cell: str) -> str:
    """A cell of Markdown without the marks of code and links."""
    return re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", cell.replace("`", "").replace("\\|", "|")).strip()


def _holds(line: Line, word: str) -> bool:
    return word.lower() in " ".join(line).lower()


def _nothing(words: Any, every: list[Line]) -> str:
    known = {word.lower() for line in every for word in re.findall(r"\w{3,}", " ".join(line))}
    asked = next((word for word in words if not any(_holds(line, word) for line in every)), "")
    near = difflib.get_close_matches(asked.lower(), known, n=3, cutoff=0.6)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    said = f"No line holds {asked!r}." if asked else f"No line holds all of {', '.join(words)}."
    return f"{said}{hint} `lossland names` shows all lines."
