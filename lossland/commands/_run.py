"""The command `lossland run`: an experiment, or all of them, and the verdicts in one table.

The command `lossland report`: all tables. The command `lossland figures`: drawn again from what is saved.
"""

import contextlib
import dataclasses
import io
import itertools
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

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
    strict: bool = False
    """End with code 1 if a claim does not hold."""


def settings(words: list[str]) -> tuple[list[str], list[str]]:
    """Set apart the words after `run NAME` that are the experiment's own settings."""
    named = words[:1] == ["run"] and len(words) > 1 and not words[1].startswith("-")
    if not named or words[1] == "all":
        return [], words
    ours, own, rest = words[:2], [], iter(words[2:])
    for word in rest:
        flag = word.partition("=")[0]
        if flag.replace("--no-", "--") in ("--smoke", "--force", "--quiet", "--json", "--strict"):
            ours.append(word)
        elif flag == "--out":
            ours += [word] if "=" in word else [word, next(rest, "")]
        else:
            own.append(word)
    return own, ours


def run_experiments(command: RunOptions, settings: list[str]) -> int:
    """Run, say how far it is, end with one table of verdicts; a claim that fails is told, and is no error.

    Args:
        command: what to run.
        settings: the words that are the experiment's own settings.

    Returns:
        0; with `strict` 1 if a claim does not hold.
    """
    from lossland import experiment
    from lossland.commands import _output as output

    quiet = command.quiet or command.json
    if command.name == "all":
        names = list(experiment.experiments())
        begins = _announcing(len(names), command.smoke, quiet)
        small, given = command.smoke, {"out": command.out, "force": command.force, "quiet": quiet}
        outcomes = experiment.run_all(names, small=small, begins=begins, **given)
    else:
        outcomes = [_run_one(command, settings, quiet)]
    if not quiet:
        _sum_up(outcomes)
    if command.json:
        print(output.as_json([_as_dict(outcome) for outcome in outcomes]))
    failed = [o.name for o in outcomes if not all(v.holds for v in o.verdicts)]
    if failed:
        small = " The small version has too little data for some; the whole one decides." if command.smoke else ""
        print(f"lossland: Claims that do not hold: {', '.join(failed)}.{small}", file=sys.stderr)
    return 1 if failed and command.strict else 0


def _run_one(command: RunOptions, settings: list[str], quiet: bool) -> Any:
    """Run one experiment with settings of its own."""
    from lossland import experiment
    from lossland.commands import _usage as usage

    name = command.name
    module = experiment.find_experiment(name)
    default = module.SMOKE if command.smoke else module.Config()
    extra = "Besides: --smoke (the small version), --out DIR, --force (compute again), --quiet, --json, --strict."
    config = usage.parsed(module.Config, settings, f"lossland run {name}", f"{module.__doc__}\n{extra}", default)
    _announcing(1, command.smoke, quiet)(name)
    return experiment.run(name, config, out=command.out, force=command.force, quiet=quiet)


def _announcing(of: int, smoke: bool, quiet: bool) -> Callable[[str], None]:
    """A function that says at an experiment's start which it is, what it asks and about how long it takes."""
    from lossland import experiment
    from lossland.core import say

    count = itertools.count(1)

    def announce(name: str) -> None:
        module = experiment.find_experiment(name)
        place = f"[{next(count)}/{of}] " if of > 1 else ""
        seconds = None if smoke else getattr(module, "SECONDS", None)
        about = f" About {seconds} s." if seconds else ""
        say(f"{place}{Path(name).stem}: {experiment.question(module)}{about}", indent="  ")

    return (lambda name: None) if quiet else announce


def _as_dict(outcome: Any) -> dict[str, Any]:
    return outcome._asdict() | {"verdicts": [verdict._asdict() for verdict in outcome.verdicts]}


def _sum_up(outcomes: Sequence[Any]) -> None:
    """All verdicts in one table: an experiment with its figures, then a line a claim; one not held is told whole."""
    from rich.console import Console
    from rich.text import Text

    from lossland import experiment
    from lossland.core import line_width, say

    console = Console(soft_wrap=True)
    width = max(60, min(line_width(), 120))
    print(f"\n{'experiment: claim':<{width - 34}}{'verdict':<9}{'found':<25}\n{'-' * width}")
    for outcome in outcomes:
        figures = ", ".join(re.sub(rf"^{outcome.name}(-\w{{12}})?_", "", path.stem) for path in outcome.figures)
        console.print(
            Text(_cut(f"{outcome.name}" + (f" (figures: {figures})" if figures else ""), width), style="bold")
        )
        for v in outcome.verdicts:
            line = f"  {_cut(v.claim, width - 38):<{width - 36}}"
            console.print(Text(line) + Text(*WORDS[v.word]) + Text(f"    {_cut(v.found, 25)}".rstrip()))
            if not v.holds:
                whole = f"{v.claim}. Bound: {v.criterion}. Found: {v.found}."
                print(textwrap.fill(whole, width, initial_indent="      ", subsequent_indent="      "))
    number = f"{len(outcomes)} experiment{'' if len(outcomes) == 1 else 's'}"
    folder = outcomes[0].results.parent
    print()
    say(f"Whole sentences, bounds and tables: {folder / 'report.md'} (lossland report shows it).")
    if any(outcome.figures for outcome in outcomes):
        say(f"Figures: {folder / 'figures'} (.png and .pdf); {folder / 'manifest.json'} lists all.")
    say(f"{experiment.counted([v.word for outcome in outcomes for v in outcome.verdicts])} ({number}).")


WORDS = {"holds": ("holds", "green"), "open": ("open ", "yellow"), "fails": ("FAILS", "bold red")}
"""A verdict's word -> what is printed, and how."""


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3].rstrip()}..."


@dataclasses.dataclass(frozen=True)
class ReportOptions:
    """Read the report of what was run: questions, verdicts, tables.

    Examples: `lossland report`, `lossland report relu_vs_hinge`, `lossland report --form markdown > study.md`
    """

    name: tyro.conf.Positional[str] = ""
    """An experiment's name; all if left out."""
    out: Path = Path("results")
    """Where the results are."""
    form: Literal["terminal", "markdown"] = "terminal"
    """How to write it: to be read, or as the Markdown that it is kept in."""


def run_report(command: ReportOptions) -> int:
    """Show the report, a screen at a time where a person looks on."""
    from rich.console import Console

    from lossland import experiment

    text = experiment.report_of(command.name, command.out)
    if command.form == "markdown":
        print(text)
    elif (console := Console()).is_terminal:
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            _show_report(text, console.width)
        with console.pager():
            console.print(shown.getvalue(), markup=False, highlight=False, soft_wrap=True)
    else:
        _show_report(text, None)
    return 0


def _show_report(text: str, width: int | None) -> None:
    """A report for a reader: its tables and paragraphs within the line."""
    from lossland.core import from_markdown, say, show

    for is_table, lines in itertools.groupby(text.splitlines(), lambda line: line.startswith("|")):
        if is_table:
            show(from_markdown("\n".join(lines)), width=width)
            continue
        for line in lines:
            if line.startswith("#"):
                line = line.lstrip("# ")
                print(f"{line}\n{'=' * len(line)}")
            elif picture := re.fullmatch(r"!\[.*?\]\((.*)\)", line):
                print(f"Figure {picture[1]}")
            else:
                say(line.strip("*"), "  " if line.startswith("- ") else "", width)


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
        # An experiment of one's own may be a file anywhere.
        file = entry.get("file", "")
        module = experiment.find_experiment(file if Path(file).is_file() else name)
        results = read(command.out / entry["results"])
        stem = experiment.figures_stem(module, entry["config"], Path(entry["results"]))
        for path in experiment.draw_figures(module, results, stem, command.out):
            if not command.quiet:
                print(f"Figure {path}")
    return 0
