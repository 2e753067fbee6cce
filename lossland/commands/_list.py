"""The command `lossland list`: what the registries hold, as tables or for a script."""

import dataclasses
from typing import Annotated, Any, Literal

import tyro

from lossland.core import Table, table
from lossland.data import DATASETS
from lossland.elements import ACTIVATIONS, LOSSES, Entry, pairs


@dataclasses.dataclass(frozen=True)
class ListOptions:
    """List what is registered: losses (with their names elsewhere), activations, pairs, datasets or experiments.

    Examples: `lossland list losses`, `lossland list losses --from my_loss.py`, `lossland list pairs --form markdown`,
    `lossland list datasets --json`
    """

    what: tyro.conf.Positional[Literal["losses", "activations", "pairs", "datasets", "experiments"]]
    """What to list."""
    from_: Annotated[tuple[str, ...], tyro.conf.arg(name="from")] = ()
    """Your own files or modules to read first, such as my_loss.py."""
    form: Literal["terminal", "markdown", "latex", "csv"] = "terminal"
    """How to write the table."""
    json: bool = False
    """Print it as JSON, for a script."""


def run_list(command: ListOptions) -> int:
    """Print the tables, or the same as JSON."""
    from lossland.commands import _output as telling
    from lossland.commands._list import activations_table, aliases_table, datasets_table, losses_table, pairs_table
    from lossland.core import show
    from lossland.elements import load_file

    for path in command.from_:
        load_file(path)
    if command.json:
        print(telling.as_json(_plain(command.what)))
        return 0
    makers: dict[str, Any] = {
        "losses": (losses_table, aliases_table),
        "activations": (activations_table,),
        "pairs": (pairs_table,),
        "datasets": (datasets_table,),
        "experiments": (_experiments_table,),
    }
    for make in makers[command.what]:
        show(make(), command.form)
    return 0


def _questions() -> list[tuple[str, str]]:
    """(name, question) of each experiment, read without running it."""
    import ast

    from lossland.experiment import experiments

    docs = {name: ast.get_docstring(ast.parse(path.read_text())) or "" for name, path in experiments().items()}
    return [(name, doc.partition("\n")[0]) for name, doc in docs.items()]


def _experiments_table() -> Any:
    from lossland.core import table

    return table("Experiments", ("name", "question"), _questions())


def _plain(what: str) -> list[dict[str, Any]]:
    """The entries with their claims as values, not as text."""
    from lossland.data import DATASETS
    from lossland.elements import ACTIVATIONS, LOSSES, pairs

    def entry(e: Any, *claims: str) -> dict[str, Any]:
        held = {"name": e.name, "parameters": e.settings()} | {name: e.claim(name) for name in claims}
        theirs = {"aliases": [alias._asdict() for alias in e.aliases]} if hasattr(e, "aliases") else {}
        return held | theirs | {"source": e.source}

    if what == "experiments":
        return [{"name": name, "question": question} for name, question in _questions()]
    if what == "pairs":
        return [{"name": p.name, "activation": p.activation.name, "loss": p.loss.name} for p in pairs()]
    if what == "datasets":
        return [entry(e, "real", "about") for e in DATASETS.values()]
    if what == "activations":
        return [entry(e, "range", "kinks", "monotone", "symmetry") for e in ACTIVATIONS.values()]
    return [entry(e, "kind", "domain", "convex", "decreasing", "kinks", "tail") for e in LOSSES.values()]


# ------------------------------------------------------------------------------------------------------- the registries


def losses_table() -> Table:
    """Every registered loss: kind, claims, source, and what other libraries call it."""
    rows = [
        (e.name, e.kind, _parameters(e), _yes(e.claim("convex")), _points(e.claim("kinks")), e.claim("tail"), e.source)
        for e in LOSSES.values()
    ]
    return table("Losses", ("name", "of", "parameters", "convex", "kinks", "tail", "source"), rows)


def aliases_table() -> Table:
    """What other libraries call each loss: their value is `scale` times ours, at `stretch` times the margin."""
    rows = [(e.name, a.library, a.name, a.scale, a.stretch) for e in LOSSES.values() for a in e.aliases]
    return table(
        "Their names: theirs(m) = scale * ours(stretch * m)", ("ours", "library", "theirs", "scale", "stretch"), rows
    )


def activations_table() -> Table:
    """Every registered output activation: claims and what other libraries call it."""
    rows = []
    for e in ACTIVATIONS.values():
        low, high = e.claim("range") or (None, None)
        outputs = "" if low is None else f"({low:.4g}, {high:.4g})"
        theirs = ", ".join(f"{a.library} {a.name}" for a in e.aliases)
        rows.append((e.name, _parameters(e), outputs, _points(e.claim("kinks")), _yes(e.monotone), theirs, e.source))
    columns = ("name", "parameters", "outputs in", "kinks", "monotone", "elsewhere", "source")
    return table("Output activations", columns, rows)


def pairs_table() -> Table:
    """Every admissible pair, an activation a row."""
    by_activation: dict[str, list[str]] = {}
    for pair in pairs():
        by_activation.setdefault(pair.activation.name, []).append(pair.loss.name)
    rows = [(name, len(losses), ", ".join(losses)) for name, losses in by_activation.items()]
    return table(f"{sum(int(r[1]) for r in rows)} admissible pairs", ("activation", "pairs", "with"), rows)


def datasets_table() -> Table:
    """Every registered data set."""
    rows = [(e.name, "real" if e.real else "made", _parameters(e), e.about, e.source) for e in DATASETS.values()]
    return table("Data sets", ("name", "kind", "parameters", "about", "source"), rows)


def _parameters(entry: Entry) -> str:
    return ", ".join(f"{key}={value}" for key, value in entry.settings().items())


def _yes(claim: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[claim]


def _points(points: tuple[float, ...] | None) -> str:
    return "?" if points is None else ", ".join(f"{p:g}" for p in points) or "none"
