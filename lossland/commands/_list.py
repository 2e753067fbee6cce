"""The command `lossland list`: what the registries hold, as tables or for a script."""

import dataclasses
from typing import Annotated, Any, Literal

import tyro


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
    from lossland.commands import _output as output
    from lossland.commands import _registry_tables as made
    from lossland.core import show
    from lossland.elements import load_file

    for path in command.from_:
        load_file(path)
    if command.json:
        print(output.as_json(_entries(command.what)))
        return 0
    makers: dict[str, Any] = {
        "losses": (made.losses_table, made.aliases_table),
        "activations": (made.activations_table,),
        "pairs": (made.pairs_table,),
        "datasets": (made.datasets_table,),
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


def _entries(what: str) -> list[dict[str, Any]]:
    """What a registry holds, for a script: claims as values, not as text."""
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
