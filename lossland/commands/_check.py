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
    """Check, and print all that was seen; 1 if a contract is broken."""
    from lossland.commands import _output as output
    from lossland.properties import ContractError

    try:
        with output.waiting(f"checking {command.name}", command.quiet):
            checks, error = _checks(command), None
    except ContractError as broken:
        checks, error = broken.checks, broken
    if command.json:
        seen = [{"contract": c.name, "holds": not c.refutation, "seen": c.refutation or c.seen} for c in checks]
        told = {"name": command.name, "holds": error is None, "refuted": str(error or ""), "contracts": seen}
        print(output.as_json(told))
    elif not command.quiet:
        _print_table(command, checks)
    if error is not None and (command.quiet and not command.json):
        raise error
    return 0 if error is None else 1


def _print_table(command: CheckOptions, checks: tuple) -> None:
    """Every contract, those that fail first."""
    from lossland.core import show, table

    failed = sum(bool(check.refutation) for check in checks)
    ordered = sorted(checks, key=lambda check: not check.refutation)
    rows = [(c.name, "FAILS" if c.refutation else "holds", c.refutation or c.seen) for c in ordered]
    said = f"{failed} of {len(checks)} contracts fail" if failed else f"all {len(checks)} contracts hold"
    show(table(f"{command.name}: {said}", ("contract", "", "seen"), rows), command.form)


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
