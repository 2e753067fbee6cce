"""Experiments: config in, results out; nothing is computed twice and nothing is lost.

An experiment is a file with `Config` (a frozen dataclass), `SMOKE` (a small Config), `compute(config, run)` (an
xarray.Dataset), `draw(results)` (figures by name) and `report(results)` (tables and verdicts); `numbers(results)`, if
it has one, gives the numbers that the paper quotes, by name. Its result is named by a hash of config, source and
versions, written to a temporary file and moved. Parts of a long run are kept as they finish: a run killed at any
moment resumes to the same bits.
"""

import contextlib
import dataclasses
import difflib
import hashlib
import json
import logging
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lossland.core import PACKAGE, Arrays, read, replacing, save, sources, versions, writable, write_arrays
from lossland.elements import load_file

RESULTS = Path("results")
Part = Callable[[Callable[[int, int], None]], Arrays]


class Verdict(NamedTuple):
    """A claim, the criterion that decides it, the number found and whether the claim holds.

    Attributes:
        claim: a sentence.
        criterion: what has to be so, with its number.
        found: the number, as it is shown.
        holds: whether it is so.

    Example:
        >>> Verdict("The hinge bounds the 0-1 loss", "least distance >= 0", "0", True).holds
        True
    """

    claim: str
    criterion: str
    found: str
    holds: bool


class Outcome(NamedTuple):
    """What running one experiment left behind.

    Attributes:
        name: of the experiment.
        results: its file.
        figures: files, PDF and PNG.
        verdicts: one a claim.
        seconds: what computing took.
        cached: whether the result was there already.
    """

    name: str
    results: Path
    figures: tuple[Path, ...]
    verdicts: tuple[Verdict, ...]
    seconds: float
    cached: bool


def experiments() -> dict[str, Path]:
    """The experiments that can be run by name: those of the current folder, of the source tree, of the package.

    Returns:
        Name -> file; a file of the current folder comes before another of its name.

    Example:
        >>> "relu_vs_hinge" in experiments()
        True
    """
    folders = [PACKAGE / "_experiments", PACKAGE.parent / "experiments", Path.cwd() / "experiments"]
    return {path.stem: path for folder in folders if folder.is_dir() for path in sorted(folder.glob("*.py"))}


def find_experiment(name: str) -> Any:
    """The module of an experiment, by name or path.

    Args:
        name: of an experiment, or a file.

    Returns:
        The module, with `Config`, `SMOKE`, `compute`, `draw` and `report`.

    Raises:
        ValueError: if there is none of that name (the nearest is suggested) or the file lacks a part.

    Example:
        >>> find_experiment("relu_vs_hinge").Config.__name__
        'Config'
    """
    path = Path(name) if name.endswith(".py") else experiments().get(name)
    if path is None:
        near = difflib.get_close_matches(name, experiments(), n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"No experiment is called {name!r}.{hint} `lossland list experiments` shows all.")
    module = load_file(str(path))
    missing = [part for part in ("Config", "SMOKE", "compute", "draw", "report") if not hasattr(module, part)]
    if missing:
        raise ValueError(f"{path} is not an experiment: it lacks {', '.join(missing)}.")
    return module


def run(
    name: str, config: Any = None, *, out: Path = RESULTS, force: bool = False, quiet: bool = False, draw: bool = True
) -> Outcome:
    """Run an experiment, or take its saved result if config, source and versions are the same; draw and report.

    Args:
        name: an experiment's name or path.
        config: its Config; the default one if left out.
        out: where results, figures and the manifest go.
        force: compute again even if a result is there.
        quiet: print nothing.
        draw: also write the figures.

    Returns:
        The outcome.

    Raises:
        ValueError: if the experiment is unknown.
        OSError: if the disk refuses; finished parts are kept.

    Example:
        >>> small = find_experiment("relu_vs_hinge").SMOKE
        >>> run("relu_vs_hinge", small, quiet=True).results  # doctest: +SKIP
        PosixPath('results/relu_vs_hinge-3f6d0e0b7a52.nc')
    """
    module = find_experiment(name)
    stem = Path(str(module.__file__)).stem
    config = module.Config() if config is None else config
    path = out / f"{stem}-{result_fingerprint(module, config)[:12]}.nc"
    started = time.monotonic()
    cached = path.exists() and not force
    with writable(out):
        if not cached:
            out.mkdir(parents=True, exist_ok=True)
            _compute(module, config, path, quiet)
        results = read(path)
        figures = draw_figures(module, results, stem, out) if draw else ()
        tables, verdicts = module.report(results)
        outcome = Outcome(stem, path, figures, tuple(verdicts), time.monotonic() - started, cached)
        _record(outcome, config, out, numbers(module, results))
    if not quiet:
        _print_outcome(outcome, tables)
    return outcome


def result_fingerprint(module: Any, config: Any) -> str:
    """A hash of config, source (the experiment's and the package's, drawing apart) and versions.

    Args:
        module: of the experiment.
        config: its Config.

    Returns:
        64 hexadecimal digits; a result's file is named by the first twelve.

    Example:
        >>> module = find_experiment("relu_vs_hinge")
        >>> result_fingerprint(module, module.Config()) == result_fingerprint(module, module.SMOKE)
        False
    """
    digest = hashlib.sha256(json.dumps([plain(config), versions()], sort_keys=True).encode())
    own = Path(str(module.__file__))
    digest.update(own.name.encode() + b"\0" + own.read_bytes())
    for source in sources():
        digest.update(source.relative_to(PACKAGE).as_posix().encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


def draw_figures(module: Any, results: Any, stem: str, out: Path) -> tuple[Path, ...]:
    """Draw an experiment's figures in the house style and write each as PNG and PDF into `out`/figures.

    Args:
        module: of the experiment; its `draw` is called.
        results: what its `compute` returned.
        stem: with which the files' names begin.
        out: the folder of results.

    Returns:
        The PNG files.

    Example:
        >>> import tempfile, types
        >>> from lossland.figures import panels
        >>> module = types.SimpleNamespace(draw=lambda results: {"empty": panels(1, 1)[0]})
        >>> [path.name for path in draw_figures(module, None, "mine", Path(tempfile.mkdtemp()))]
        ['mine_empty.png']
    """
    from lossland.figures import style

    folder = out / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    # Matplotlib's fonts carry dates of 1970, of which their subsetter warns at every PDF.
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    with style():
        for name, figure in module.draw(results).items():
            # Axes of a fixed shape find their place at the second drawing; the first would cut off titles.
            figure.draw_without_rendering()
            for ending in ("pdf", "png"):
                path = folder / f"{stem}_{name}.{ending}"
                # No date inside: equal figures are equal files.
                metadata = {"CreationDate": None} if ending == "pdf" else None
                with replacing(path) as temporary:
                    figure.savefig(temporary, format=ending, dpi=200, metadata=metadata)
            paths.append(folder / f"{stem}_{name}.png")
    return tuple(paths)


# ------------------------------------------------------------------------------------------------------------ computing


def _compute(module: Any, config: Any, path: Path, quiet: bool) -> None:
    """Compute a result and save it with what it depends on; its parts are then removed."""
    import jax

    folder = path.with_suffix(".parts")
    with jax.enable_x64(bool(getattr(config, "x64", False))), _progress(quiet) as bar:
        results = module.compute(config, lambda parts: _run_parts(parts, folder, bar))
        results.attrs |= {
            "experiment": path.stem.rpartition("-")[0],
            "config": json.dumps(plain(config)),
            "versions": json.dumps(versions()),
            "commit": _commit(),
            "device": str(jax.devices()[0].device_kind),
            "platform": jax.default_backend(),
            "x64": int(bool(getattr(config, "x64", False))),
            "seed": int(getattr(config, "seed", 0)),
        }
    save(results, path)
    for part in folder.glob("*.npz") if folder.is_dir() else ():
        part.unlink()
    if folder.is_dir():
        folder.rmdir()


def _run_parts(parts: Mapping[str, Part], folder: Path, bar: Any) -> dict[str, Arrays]:
    """Compute each part, or read it if an earlier run left it; each is moved into place when done."""
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(".*.partial"):
        leftover.unlink()
    task = bar.add_task("", total=len(parts))
    done: dict[str, Arrays] = {}
    for number, (label, part) in enumerate(parts.items()):
        path = folder / f"{hashlib.sha256(label.encode()).hexdigest()[:16]}.npz"
        bar.update(task, description=label)
        if path.exists():
            with np.load(path) as held:
                done[label] = dict(held)
        else:
            tick = _ticker(bar, task, number)
            done[label] = {key: np.asarray(value) for key, value in part(tick).items()}
            write_arrays(path, done[label])
        bar.update(task, completed=number + 1)
    return done


def _ticker(bar: Any, task: Any, number: int) -> Callable[[int, int], None]:
    """A function of (done, of) that moves the bar within one part."""
    return lambda at, of: bar.update(task, completed=number + at / of)


def _progress(quiet: bool) -> Any:
    """A progress bar of the parts on the error stream."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = [TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %")]
    columns += [TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()]
    return Progress(*columns, console=Console(stderr=True), disable=quiet, transient=False)


def _commit() -> str:
    """The commit of the source tree, marked where files differ from it; empty outside a repository."""
    root = PACKAGE.parent
    if not (root / ".git").exists():
        return ""
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        told = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, check=True
        )
        return told.stdout.decode().strip()
    return ""


def plain(config: Any) -> dict[str, Any]:
    """A config as the manifest holds it.

    Args:
        config: a dataclass.

    Returns:
        What JSON can hold of it.

    Example:
        >>> plain(dataclasses.make_dataclass("Config", [("sizes", tuple)])((1, 2)))
        {'sizes': [1, 2]}
    """
    return json.loads(json.dumps(dataclasses.asdict(config), default=str))


# ------------------------------------------------------------------------------------------------------------ reporting


def manifest(out: Path = RESULTS) -> dict[str, Any]:
    """What `out`/manifest.json lists: the latest result of each experiment with its config, versions and figures.

    Args:
        out: the folder of results.

    Returns:
        Name -> what is known of its result; empty before the first run.

    Example:
        >>> manifest(Path("no such folder"))
        {}
    """
    path = out / "manifest.json"
    return json.loads(path.read_text()) if path.exists() else {}


def numbers(module: Any, results: Any) -> dict[str, str]:
    """The numbers that the paper quotes from an experiment's results, as text; empty if it has none.

    Args:
        module: of the experiment; its `numbers` is called if it has one.
        results: what its `compute` returned.

    Returns:
        Name -> number.

    Raises:
        ValueError: if a name is not of small letters and underscores, which is what the paper can quote, or a number
            is not text.

    Example:
        >>> import types
        >>> numbers(types.SimpleNamespace(numbers=lambda results: {"share": "37 %"}), None)
        {'share': '37 %'}
    """
    held = module.numbers(results) if hasattr(module, "numbers") else {}
    for name, number in held.items():
        if not re.fullmatch("[a-z_]+", name) or not isinstance(number, str):
            raise ValueError(
                f"{module.__file__}: numbers() gives {name!r}: {number!r}. Names are of small letters and "
                "underscores, numbers are formatted text."
            )
    return held


def _record(outcome: Outcome, config: Any, out: Path, quoted: dict[str, str]) -> None:
    """Note a result in the manifest."""
    listed = manifest(out)
    listed[outcome.name] = {
        "results": outcome.results.name,
        "config": plain(config),
        "versions": versions(),
        "figures": [f"figures/{path.name}" for path in outcome.figures],
        "verdicts": [verdict._asdict() for verdict in outcome.verdicts],
        "numbers": quoted,
    }
    with replacing(out / "manifest.json") as temporary:
        temporary.write_text(json.dumps(listed, indent=1, sort_keys=True) + "\n")


def _print_outcome(outcome: Outcome, tables: Sequence[Any]) -> None:
    """Print tables, verdicts and where the files are."""
    from lossland.core import show, table

    for each in tables:
        show(each)
    rows = [(v.claim, v.criterion, v.found, "holds" if v.holds else "FAILS") for v in outcome.verdicts]
    show(table(f"Verdicts of {outcome.name}", ("claim", "criterion", "found", "verdict"), rows))
    how = "taken from an earlier run" if outcome.cached else f"computed in {outcome.seconds:.1f} s"
    print(f"Result {outcome.results} ({how}).")
    for path in outcome.figures:
        print(f"Figure {path}")
