"""The command `lossland run`: an experiment, or all of them, and the verdicts in one table."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tyro


@dataclasses.dataclass(frozen=True)
class Run:
    """Run an experiment, or all of them; a result that is there already is reused.

    Examples: `lossland run relu_vs_hinge --smoke`, `lossland run all`, `lossland run NAME --help` (its settings)
    """

    name: tyro.conf.Positional[str]
    """An experiment's name or file, or "all"."""
    smoke: bool = False
    """The small version, for trying out."""
    out: Path = Path("results")
    """Where results, figures and the manifest go."""
    force: bool = False
    """Compute again even if the result is there."""
    quiet: bool = False
    """Print nothing but errors."""
    json: bool = False
    """Print verdicts and files as JSON at the end, for a script."""


def settings(words: list[str]) -> tuple[list[str], list[str]]:
    """Set apart the words after `run NAME` that are the experiment's own settings."""
    named = words[:1] == ["run"] and len(words) > 1 and not words[1].startswith("-")
    if not named or words[1] == "all":
        return [], words
    ours, own, rest = words[:2], [], iter(words[2:])
    for word in rest:
        flag = word.partition("=")[0]
        if flag.replace("--no-", "--") in ("--smoke", "--force", "--quiet", "--json"):
            ours.append(word)
        elif flag == "--out":
            ours += [word] if "=" in word else [word, next(rest, "")]
        else:
            own.append(word)
    return own, ours


def run(command: Run, settings: list[str]) -> int:
    """Run, print tables and verdicts; 1 if a claim does not hold.

    Args:
        command: what to run.
        settings: the words that are the experiment's own settings.
    """
    from lossland import experiment, telling, usage

    names = list(experiment.experiments()) if command.name == "all" else [command.name]
    modules = {name: experiment.find_experiment(name) for name in names}
    quiet = command.quiet or command.json
    outcomes = []
    for name, module in modules.items():
        default = module.SMOKE if command.smoke else module.Config()
        extra = "Besides: --smoke (the small version), --out DIR, --force (compute again), --quiet, --json."
        told = f"{module.__doc__}\n{extra}"
        config = usage.parsed(module.Config, settings, f"lossland run {name}", told, default)
        outcomes.append(experiment.run(name, config, out=command.out, force=command.force, quiet=quiet))
    if len(outcomes) > 1 and not quiet:
        _sum_up(outcomes)
    if command.json:
        print(telling.as_json([_plain(outcome) for outcome in outcomes]))
    failed = [o.name for o in outcomes if not all(v.holds for v in o.verdicts)]
    if failed:
        print(f"lossland: Claims that do not hold: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


def _plain(outcome: Any) -> dict[str, Any]:
    return outcome._asdict() | {"verdicts": [verdict._asdict() for verdict in outcome.verdicts]}


def _sum_up(outcomes: Sequence[Any]) -> None:
    """All verdicts in one table: who runs everything wants to see at its end what holds."""
    from lossland.tables import show, table

    rows = []
    for outcome in outcomes:
        took = "kept" if outcome.cached else f"{outcome.seconds:.0f} s"
        first = outcome.figures[0].name if outcome.figures else ""
        for k, v in enumerate(outcome.verdicts):
            apart = (outcome.name, took, first) if k == 0 else ("", "", "")
            rows.append((apart[0], v.claim, v.found, "holds" if v.holds else "FAILS", apart[1], apart[2]))
    show(table("What holds", ("experiment", "claim", "found", "verdict", "time", "first figure"), rows))
