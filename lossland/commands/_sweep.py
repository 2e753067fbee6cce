"""The command `lossland sweep`: settings from the command line, one process or several, results in one file."""

import contextlib
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from lossland.commands._data_options import File, FileOptions, of_file


@dataclasses.dataclass(frozen=True)
class SweepOptions:
    """Train every pair with every seed, step size and penalty at once; stopped or killed, the same command goes on.

    Examples: `lossland sweep relu+hinge identity+hinge --data breast_cancer`, `lossland sweep --all --steps 200`,
    `lossland sweep identity+my_loss.py:my_loss identity+hinge --data my_data.csv --json`,
    `lossland sweep --all --optimizer adam --learning-rates 0.001 0.01 --batch-size 32 --processes 2`
    """

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Pairs such as relu+hinge."""
    all: bool = False
    """Every admissible pair."""
    from_: Annotated[tuple[str, ...], tyro.conf.arg(name="from")] = ()
    """Your own files or modules to read first, such as my_loss.py."""
    skip_inadmissible: bool = False
    """Leave out pairs that are not admissible, and say which, instead of refusing."""
    data: str = "breast_cancer"
    """A data set's name or file; 60 % train, 20 % select, 20 % test, standardised by the training part."""
    file: File = dataclasses.field(default_factory=FileOptions)
    model: Literal["linear", "mlp"] = "linear"
    """What gives the scores."""
    widths: tuple[int, ...] = (16,)
    """Units of each hidden layer of the mlp."""
    seeds: int = 8
    """How many starts of each model."""
    learning_rates: tuple[float, ...] = (0.01, 0.1, 1.0)
    """Step sizes."""
    l2s: tuple[float, ...] = (0.0, 0.001)
    """Penalties."""
    optimizer: str = "sgd"
    """One of optax, by name: sgd, adam, adamw, rmsprop, lion, ..."""
    momentums: tuple[float, ...] = ()
    """Values of the optimiser's momentum."""
    steps: int = 1000
    """Updates of each model."""
    batch_size: int | None = None
    """Examples a step; all if left out."""
    record: str = "log"
    """"log" (two records a doubling), or every so many steps."""
    thresholds: tuple[str, ...] = ("0", "best")
    """Scores above which +1 is predicted; "best" is the pair's own, from its card."""
    tolerance: float = 0.0
    """Stop a model when its gradient's norm falls to this."""
    average_from: int | None = None
    """Average the iterates from this update on."""
    seed: int = 0
    """Decides the split of the data and the batches."""
    sharding: Literal["models", "rows"] | None = None
    """Share the models, or the rows, over the devices of a process."""
    block_scores: int | None = None
    """Scores that one block holds at once; left out, what the cache holds. Less cuts the sweep into more blocks."""
    processes: int = 1
    """Start so many processes on this machine; each trains its own part of the models."""
    silence: float = 300.0
    """Seconds without a word from a process after which all are ended."""
    distributed: bool = False
    """This is one of several processes that Slurm, Open MPI or Kubernetes started."""
    coordinator: str = ""
    """host:port of process 0, if no such system started this process."""
    process_count: int = 0
    """With --coordinator: how many processes."""
    process_index: int = -1
    """With --coordinator: which of them this is, from 0."""
    x64: bool = False
    """Compute in float64."""
    out: Path = Path("results")
    """Where the result and the checkpoints go."""
    form: Literal["terminal", "markdown", "latex", "csv"] = "terminal"
    """How to write the table."""
    json: bool = False
    """Print the table as JSON, for a script."""
    quiet: bool = False
    """Show no progress."""


def run_sweep(command: SweepOptions, words: Sequence[str]) -> int:
    """Run the command; `words` are those of the command line, for the processes that it may start."""
    if command.processes < 1:
        raise ValueError(f"--processes must be at least 1, not {command.processes}.")
    if command.processes > 1:
        return _launch(command, words)
    import jax

    from lossland.training import join, tell

    started_here = bool(command.coordinator) and not sys.stdout.isatty()
    if command.distributed or command.coordinator:
        join(command.coordinator, command.process_count, command.process_index)
    jax.config.update("jax_enable_x64", command.x64)
    with _bar(command.quiet or started_here or jax.process_index() > 0) as bar:
        made = _swept(command, tell if started_here else bar)
    if jax.process_index() == 0 and not started_here:
        _show(command, made)
    return 0


def _launch(command: SweepOptions, words: Sequence[str]) -> int:
    import jax

    from lossland.training import launch

    alone = dataclasses.replace(command, processes=1)
    flag = next(i for i, word in enumerate(words) if word.startswith("--processes"))
    kept = [*words[:flag], *words[flag + (1 if "=" in words[flag] else 2) :]]
    with _bar(command.quiet) as bar:
        launch(kept, command.processes, command.out, command.silence, bar)
    # The processes left the result: this reads it.
    jax.config.update("jax_enable_x64", command.x64)
    _show(command, _swept(alone, None))
    return 0


def _swept(command: SweepOptions, progress: Any) -> Any:
    import jax

    from lossland.data import load, split, standardise
    from lossland.elements import load_file
    from lossland.training import linear, mlp, sweep

    for path in command.from_:
        load_file(path)
    if bool(command.names) == command.all:
        raise ValueError("Which pairs? Give names (relu+hinge identity+hinge) or --all, one of the two.")
    rest, test, *_ = split(load(command.data, **of_file(command.file)), 0.2, command.seed, standardised=False)
    train, validation, *_ = split(rest, 0.25, command.seed, standardised=False)
    train, validation, test = (standardise(part, like=train) for part in (train, validation, test))
    return sweep(
        "all" if command.all else list(command.names),
        train,
        model=linear() if command.model == "linear" else mlp(command.widths),
        seeds=command.seeds,
        learning_rates=command.learning_rates,
        l2s=command.l2s,
        optimizer=_optimizer(command.optimizer),
        hyperparameters={"momentum": command.momentums} if command.momentums else None,
        steps=command.steps,
        batch_size=command.batch_size,
        record="log" if command.record == "log" else _number("--record", command.record, int),
        thresholds=[t if t == "best" else _number("--thresholds", t, float) for t in command.thresholds],
        validation=validation,
        test=test,
        tolerance=command.tolerance,
        average_from=command.average_from,
        key=jax.random.key(command.seed),
        sharding=command.sharding,
        block_scores=command.block_scores,
        skip_inadmissible=command.skip_inadmissible,
        folder=command.out,
        progress=progress,
    )


def _optimizer(name: str) -> Any:
    import difflib
    import inspect

    import optax

    made = getattr(optax, name, None)
    if not inspect.isfunction(made) or "learning_rate" not in inspect.signature(made).parameters:
        every = [n for n in dir(optax) if "learning_rate" in str(_signature(getattr(optax, n)))]
        near = difflib.get_close_matches(name, every, n=1, cutoff=0.3)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"optax has no optimiser {name!r}.{hint} There are: {', '.join(every)}.")
    return made


def _signature(thing: Any) -> Any:
    import inspect

    return inspect.signature(thing).parameters if inspect.isfunction(thing) else ""


def _number(flag: str, word: str, kind: type) -> Any:
    try:
        return kind(word)
    except ValueError:
        word_for = {int: "a whole number", float: "a number"}[kind]
        also = "log" if flag == "--record" else "best"
        raise ValueError(f"{flag} takes {word_for} or {also!r}, not {word!r}.") from None


@contextlib.contextmanager
def _bar(quiet: bool) -> Iterator[Any]:
    """A progress bar on the error stream: yields a function of (model-steps done, of, what)."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %")]
    columns += [TextColumn("{task.fields[rate]}"), TextColumn("left"), TimeRemainingColumn()]
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bar:
        task = bar.add_task("starting", total=None, rate="")

        def update(done: int, of: int, what: str) -> None:
            held = bar.tasks[0]
            rate = f"{held.speed / 1e3:,.0f} thousand model-steps/s" if held.speed else ""
            bar.update(task, completed=done, total=of, description=what, rate=rate)

        yield update


def _show(command: SweepOptions, made: Any) -> None:
    from lossland.commands._output import as_json
    from lossland.core import say, show
    from lossland.training import best_table

    if command.json:
        print(as_json(_chosen_settings(made)))
        return
    show(best_table(made), command.form)
    for reason in made.skipped:
        print(f"Left out: {reason}", file=sys.stderr)
    lost = int(made.diverged.sum())
    if command.form == "terminal":
        told = f", {lost} of them diverged" if lost else ""
        say(f"{made.status.size} models of {len(made.pairs)} pairs{told}.")
        print(f"Result {made.path}")


def _chosen_settings(made: Any) -> dict[str, Any]:
    """For each threshold and pair: the setting that validation chose, with the errors of each seed."""
    rows = []
    for line in made.thresholds:
        best = made.best(threshold=line)
        for name in made.pairs:
            one, errors = best.sel(pair=name), best.sel(pair=name, threshold=str(line))
            rows.append(
                {"pair": name, "threshold": line, "step": int(one.step)}
                | {axis: float(one[axis]) for axis in made.axes}
                | {f"{part}_error": errors[f"{part}_error"].values.tolist() for part in ("validation", "test")}
            )
    about = {"result": str(made.path), "models": int(made.status.size), "diverged": int(made.diverged.sum())}
    return about | {"left_out": list(made.skipped), "best": rows}
