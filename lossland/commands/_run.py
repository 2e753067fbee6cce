"""The command `lossland run`: an experiment, or all of them, and the verdicts in one table.

The command `lossland figures`: drawn again from what is saved.
"""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tyro


@dataclasses.dataclass(frozen=True)
class RunOptions:
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


def run_experiments(command: RunOptions, settings: list[str]) -> int:
    """Run, print tables and verdicts; 1 if a claim does not hold.

    Args:
        command: what to run.
        settings: the words that are the experiment's own settings.
    """
    import jax

    from lossland import experiment
    from lossland.commands import _output as output
    from lossland.commands import _usage as usage

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
        # What was compiled for one serves no other, and all of them together hold gigabytes.
        jax.clear_caches()
    if len(outcomes) > 1 and not quiet:
        _sum_up(outcomes)
    if command.json:
        print(output.as_json([_as_dict(outcome) for outcome in outcomes]))
    failed = [o.name for o in outcomes if not all(v.holds for v in o.verdicts)]
    if failed:
        small = " The small version has too little data for some; the whole one decides." if command.smoke else ""
        print(f"lossland: Claims that do not hold: {', '.join(failed)}.{small}", file=sys.stderr)
    return 1 if failed and not command.smoke else 0


def _as_dict(outcome: Any) -> dict[str, Any]:
    return outcome._asdict() | {"verdicts": [verdict._asdict() for verdict in outcome.verdicts]}


def _sum_up(outcomes: Sequence[Any]) -> None:
    """All verdicts in one table: who runs everything wants to see at its end what holds."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    # Columns of words are read best when lines are short; a pipe or a file has no width of its own.
    width = max(80, min(console.width, 120)) if console.is_terminal else 120
    looks: Any = {"title_justify": "left", "title_style": "bold", "pad_edge": False}
    drawn = Table(title="What holds", box=box.SIMPLE_HEAD, width=width, **looks)
    for name, options in {
        "experiment": {"no_wrap": True},
        "claim": {"ratio": 5},
        "verdict": {"no_wrap": True},
        "found": {"ratio": 4},
        "time": {"no_wrap": True, "justify": "right"},
        "figures": {"min_width": 12, "max_width": 16},
    }.items():
        drawn.add_column(name, overflow="fold", **options)
    for outcome in outcomes:
        took = "kept" if outcome.cached else f"{outcome.seconds:.0f} s"
        names = [path.stem.removeprefix(f"{outcome.name}_") for path in outcome.figures]
        # A figure beside each claim, as long as there are any: a list of them would make the first row tall.
        most = len(outcome.verdicts) - 1
        shown = [*names[:most], ", ".join(names[most:])] + [""] * most
        for k, v in enumerate(outcome.verdicts):
            verdict = Text("holds", style="green") if v.holds else Text("FAILS", style="bold red")
            name, spent = (outcome.name, took) if k == 0 else ("", "")
            row = (Text(name), Text(v.claim), verdict, Text(v.found), spent, Text(shown[k]))
            drawn.add_row(*row, end_section=k == most)
    Console(width=width).print(drawn)
    held = [v.holds for outcome in outcomes for v in outcome.verdicts]
    print(f"{sum(held)} of {len(held)} claims of {len(outcomes)} experiments hold.")
    folder = outcomes[0].results.parent
    print(f"Figures are {folder / 'figures'}/EXPERIMENT_FIGURE.png (and .pdf); {folder / 'manifest.json'} lists all.")


@dataclasses.dataclass(frozen=True)
class FiguresOptions:
    """Draw the figures of saved results again, without computing.

    Examples: `lossland figures`, `lossland figures --out my_results --quiet`
    """

    out: Path = Path("results")
    """Where the results are."""
    quiet: bool = False
    """Print nothing but errors."""


def run_figures(command: FiguresOptions) -> int:
    """Draw what the manifest lists."""
    from lossland import experiment
    from lossland.core import read

    listed = experiment.manifest(command.out)
    if not listed:
        raise ValueError(f"{command.out} holds no results. Run an experiment first: lossland run all.")
    for name, entry in listed.items():
        module = experiment.find_experiment(name)
        results = read(command.out / entry["results"])
        for path in experiment.draw_figures(module, results, name, command.out):
            if not command.quiet:
                print(f"Figure {path}")
    return 0
