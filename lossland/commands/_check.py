"""The command `lossland check`: do the contract and the claims of a loss, an activation or a pair hold?"""

import dataclasses
from typing import Annotated, Literal

import tyro


@dataclasses.dataclass(frozen=True)
class CheckOptions:
    """Check the contract and the claims of a loss, an activation or a pair; a false claim fails with the point.

    Examples: `lossland check hinge`, `lossland check my_loss.py:my_loss`, `lossland check relu+hinge`
    """

    name: tyro.conf.Positional[str]
    """A registered name, path/to/file.py:name, package.module:name, or activation+loss."""
    from_: Annotated[tuple[str, ...], tyro.conf.arg(name="from")] = ()
    """Your own files or modules to read first, such as my_loss.py."""
    form: Literal["terminal", "markdown", "latex", "csv"] = "terminal"
    """How to write the table."""
    json: bool = False
    """Print what was seen as JSON, for a script."""
    quiet: bool = False
    """Print nothing but errors."""


def run_check(command: CheckOptions) -> int:
    """Check, and print what was seen; 1 if a contract is broken."""
    from lossland.commands import _output as output
    from lossland.core import show, table
    from lossland.properties import ContractError

    try:
        with output.waiting(f"checking {command.name}", command.quiet):
            checks = _checks(command)
    except ContractError as error:
        if not command.json:
            raise
        print(output.as_json({"name": command.name, "holds": False, "refuted": str(error), "contracts": []}))
        return 1
    if command.json:
        seen = [{"contract": check.name, "seen": check.seen} for check in checks]
        print(output.as_json({"name": command.name, "holds": True, "refuted": "", "contracts": seen}))
    elif not command.quiet:
        rows = [(check.name, "holds", check.seen) for check in checks]
        title = f"{command.name}: all {len(checks)} contracts hold"
        show(table(title, ("contract", "", "seen"), rows), command.form)
    return 0


def _checks(command: CheckOptions) -> tuple:
    from lossland.elements import ACTIVATIONS, halves, load_file
    from lossland.properties import check_activation, check_loss, check_pair

    for each in command.from_:
        load_file(each)
    path, colon, bare = command.name.rpartition(":")
    if halves(command.name):
        return check_pair(command.name)
    if colon and "(" not in path:
        load_file(path)
    is_activation = (bare if colon else command.name).partition("(")[0] in ACTIVATIONS
    return check_activation(command.name) if is_activation else check_loss(command.name)
