"""The command line: `lossland COMMAND ...` or `python -m lossland COMMAND ...`. JAX is imported after parsing."""

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from lossland import landscape_command, solve_command, sweep_command
from lossland.landscape_command import Landscape
from lossland.solve_command import Solve
from lossland.sweep_command import Sweep

Form = Literal["terminal", "markdown", "latex", "csv"]


@dataclasses.dataclass(frozen=True)
class List:
    """List what is registered: losses (with their names elsewhere), activations, pairs, datasets or experiments.

    Examples: `lossland list losses`, `lossland list losses --from my_loss.py`, `lossland list pairs --form markdown`
    """

    what: tyro.conf.Positional[Literal["losses", "activations", "pairs", "datasets", "experiments"]]
    """What to list."""
    from_: Annotated[tuple[str, ...], tyro.conf.arg(name="from")] = ()
    """Your own files or modules to read first, such as my_loss.py."""
    form: Form = "terminal"
    """How to write the table."""


@dataclasses.dataclass(frozen=True)
class Check:
    """Check the contract and the claims of a loss, an activation or a pair; a false claim fails with the point.

    Examples: `lossland check hinge`, `lossland check my_loss.py:my_loss`, `lossland check relu+hinge`
    """

    name: tyro.conf.Positional[str]
    """A registered name, path/to/file.py:name, package.module:name, or activation+loss."""
    form: Form = "terminal"
    """How to write the table."""


@dataclasses.dataclass(frozen=True)
class Card:
    """Say what a pair is, in words and numbers: convex? plateaus? calibrated? proper? what does it equal?

    Examples: `lossland card relu hinge`, `lossland card sigmoid+focal --json`, `lossland card my_loss.py:my_loss`
    """

    names: tyro.conf.Positional[tuple[str, ...]]
    """An activation and a loss, a pair such as relu+hinge, or a loss alone (then on a linear or a sigmoid output)."""
    json: bool = False
    """Print the card as JSON, for a script."""
    figure: Path | None = None
    """Also draw the card into this file (.png, .pdf, .svg)."""


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
    form: Form = "terminal"
    """How to write the table."""
    figure: Path | None = None
    """Also draw the map of verdicts into this file (.png, .pdf, .svg)."""
    quiet: bool = False
    """Show no progress."""


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


@dataclasses.dataclass(frozen=True)
class Figures:
    """Draw the figures of saved results again, without computing."""

    out: Path = Path("results")
    """Where the results are."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 well, 1 failed, 2 wrong usage, 130 interrupted.

    Args:
        arguments: the words after `lossland`; those of the process if left out.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug, fresh = "--debug" in words, "--no-compilation-cache" in words
    words = [word for word in words if word not in ("--debug", "--no-compilation-cache")]
    if not fresh:
        _keep_compiled()
    try:
        code = _command(words)
    except KeyboardInterrupt:
        _complain("Interrupted. What was finished is kept: the same command goes on from there.")
        code = 130
    except Exception as error:
        if debug:
            raise
        _complain(f"{error} (--debug shows where)" if str(error) else f"{type(error).__name__} (--debug shows where)")
        code = 2 if isinstance(error, (ValueError, FileNotFoundError)) else 1
    sys.exit(code)


def _keep_compiled() -> None:
    """Let JAX keep compiled programs in the user's cache folder; --no-compilation-cache leaves this out."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lossland" / "compiled"
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")


def _command(words: list[str]) -> int:
    settings, rest = _settings(words)
    description = "Losses, output activations, and what each pair of them really optimises."
    command = tyro.cli(
        List | Check | Card | Cards | Solve | Sweep | Landscape | Run | Figures,  # pyright: ignore[reportArgumentType]
        args=rest,
        prog="lossland",
        description=description,
    )
    if isinstance(command, Run):
        return _run(command, settings)
    if isinstance(command, Sweep):
        return sweep_command.run(command, words)
    if isinstance(command, Solve):
        return solve_command.run(command)
    if isinstance(command, Landscape):
        return landscape_command.run(command)
    return {List: _list, Check: _check, Card: _card, Cards: _cards, Figures: _figures}[type(command)](command)


def _settings(words: list[str]) -> tuple[list[str], list[str]]:
    """Set apart the words after `run NAME` that are the experiment's own settings."""
    named = words[:1] == ["run"] and len(words) > 1 and not words[1].startswith("-")
    if not named or words[1] == "all":
        return [], words
    ours, own, rest = words[:2], [], iter(words[2:])
    for word in rest:
        flag = word.partition("=")[0]
        if flag in ("--smoke", "--force", "--quiet", "--no-smoke", "--no-force", "--no-quiet"):
            ours.append(word)
        elif flag == "--out":
            ours += [word] if "=" in word else [word, next(rest, "")]
        else:
            own.append(word)
    return own, ours


def _run(command: Run, settings: list[str]) -> int:
    from lossland import experiment

    names = list(experiment.experiments()) if command.name == "all" else [command.name]
    modules = {name: experiment.find_experiment(name) for name in names}
    outcomes = []
    for name, module in modules.items():
        default = module.SMOKE if command.smoke else module.Config()
        prog = f"lossland run {name}"
        extra = "Besides: --smoke (the small version), --out DIR, --force (compute again), --quiet."
        config = tyro.cli(
            module.Config, args=settings, default=default, prog=prog, description=f"{module.__doc__}\n{extra}"
        )
        outcomes.append(experiment.run(name, config, out=command.out, force=command.force, quiet=command.quiet))
    if len(outcomes) > 1 and not command.quiet:
        _sum_up(outcomes)
    failed = [o.name for o in outcomes if not all(v.holds for v in o.verdicts)]
    if failed:
        _complain(f"Claims that do not hold: {', '.join(failed)}.")
    return 1 if failed else 0


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


def _figures(command: Figures) -> int:
    from lossland import experiment

    listed = experiment.manifest(command.out)
    if not listed:
        raise ValueError(f"{command.out} holds no results. Run an experiment first: lossland run all.")
    for name, entry in listed.items():
        module = experiment.find_experiment(name)
        results = experiment.read(command.out / entry["results"])
        for path in experiment.draw_figures(module, results, name, command.out):
            print(f"Figure {path}")
    return 0


def _list(command: List) -> int:
    from lossland import tables
    from lossland.registry import load_file

    for path in command.from_:
        load_file(path)
    makers: dict[str, Any] = {
        "losses": (tables.losses_table, tables.aliases_table),
        "activations": (tables.activations_table,),
        "pairs": (tables.pairs_table,),
        "datasets": (tables.datasets_table,),
        "experiments": (_experiments_table,),
    }
    for make in makers[command.what]:
        tables.show(make(), command.form)
    return 0


def _experiments_table() -> Any:
    import ast

    from lossland.experiment import experiments
    from lossland.tables import table

    docs = {name: ast.get_docstring(ast.parse(path.read_text())) or "" for name, path in experiments().items()}
    return table("Experiments", ("name", "question"), [(name, doc.partition("\n")[0]) for name, doc in docs.items()])


def _check(command: Check) -> int:
    from lossland import tables
    from lossland.pairing import halves
    from lossland.registry import ACTIVATIONS, load_file
    from lossland.testing import check_activation, check_loss, check_pair

    path, colon, bare = command.name.rpartition(":")
    if halves(command.name):
        checks = check_pair(command.name)
    else:
        if colon and "(" not in path:
            load_file(path)
        is_activation = (bare if colon else command.name).partition("(")[0] in ACTIVATIONS
        checks = check_activation(command.name) if is_activation else check_loss(command.name)
    rows = [(check.name, "holds", check.seen) for check in checks]
    tables.show(
        tables.table(f"{command.name}: all {len(checks)} contracts hold", ("contract", "", "seen"), rows), command.form
    )
    return 0


def _card(command: Card) -> int:
    from lossland.card_tables import as_json

    made = _one_card(command.names)
    if command.json:
        print(as_json(made))
    else:
        made.show()
    if command.figure is not None:
        from lossland.card_figures import card_figure

        _save(card_figure(made), command.figure, quiet=command.json)
    return 0


def _one_card(names: tuple[str, ...]) -> Any:
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


def _cards(command: Cards) -> int:
    from lossland import tables
    from lossland.card_tables import cards_table
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
    with _counter("cards", len(wanted), command.quiet) as tick:
        made = cards(wanted, tick)
    tables.show(cards_table(made, command.sort), command.form)
    if command.figure is not None:
        from lossland.card_figures import verdict_map

        _save(verdict_map(made), command.figure, quiet=command.form != "terminal")
    return 0


@contextlib.contextmanager
def _counter(what: str, of: int, quiet: bool) -> Iterator[Any]:
    """A progress bar on the error stream: yields a function of (done, of)."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=quiet, transient=True) as bar:
        task = bar.add_task(what, total=of)
        yield lambda done, _: bar.update(task, completed=done)


def _save(figure: Any, path: Path, quiet: bool) -> None:
    from lossland.storage import replacing

    if not path.suffix:
        raise ValueError(f"A figure's file needs an ending, say {path}.png.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], dpi=200)
    if not quiet:
        print(f"Figure {path}")


def _complain(message: str) -> None:
    print(f"lossland: {message}", file=sys.stderr)


if __name__ == "__main__":
    main()
