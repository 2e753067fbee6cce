"""Experiments: config in, results out; nothing is computed twice and nothing is lost.

An experiment is a file with `Config` (a frozen dataclass), `SMOKE` (a small Config), `compute(config, run)` (an
xarray.Dataset), `draw(results)` (figures by name), `report(results)` (tables) and its claims, small functions under
the decorator `claim`; `numbers(results)`, if it has one, gives the numbers that the paper quotes, by name. Its result
is named by a hash of config, source and versions, written to a temporary file and moved. Parts of a long run are
kept as they finish: a run killed at any moment resumes to the same bits.
"""

import contextlib
import difflib
import hashlib
import json
import logging
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lossland.core import (
    GOES_ON,
    PACKAGE,
    Table,
    guarded,
    holds_parts,
    only_writer,
    read,
    replacing,
    shown,
    sources,
    versions,
    writable,
)
from lossland.elements import load_file
from lossland.experiment._claims import claims_of, decide
from lossland.experiment._manifest import RESULTS, Outcome, Verdict, numbers, plain, record, refuse_another, said
from lossland.experiment._parts import compute_and_save
from lossland.experiment._report import write_section


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


@guarded()
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


@guarded()
def run(
    name: str, config: Any = None, *, out: Path = RESULTS, force: bool = False, quiet: bool = False, draw: bool = True
) -> Outcome:
    """Run an experiment, or take its saved result if config, source and versions are the same; draw and report.

    Its tables go to `out`/report.md, its verdicts and numbers to `out`/manifest.json.

    Args:
        name: an experiment's name or path.
        config: its Config; the default one if left out.
        out: where results, figures and the manifest go.
        force: compute again even if a result is there.
        quiet: print nothing; else how far it is, then a line that says what came out.
        draw: also write the figures.

    Returns:
        The outcome.

    Raises:
        ValueError: if the experiment is unknown, its `draw` or `report` gives something else than it should, or `out`
            holds results of another file of its name.
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
    refuse_another(stem, Path(str(module.__file__)), out)
    started = time.monotonic()
    parts = path.with_suffix(".parts")
    with writable(out, parts):
        out.mkdir(parents=True, exist_ok=True)
        # Who computes the same is waited for: its result is then taken, or what it left.
        with only_writer(path.with_suffix(".lock")):
            cached = path.exists() and not force
            if not cached:
                with _noting(parts):
                    compute_and_save(module, config, path, quiet)
            results = read(path)
            figures = draw_figures(module, results, figures_stem(module, plain(config), path), out) if draw else ()
            tables, verdicts = reported(module, results)
            outcome = Outcome(stem, path, figures, tuple(verdicts), time.monotonic() - started, cached)
        with only_writer(out / "manifest.lock"):
            record(outcome, config, out, numbers(module, results), Path(str(module.__file__)))
            write_section(outcome, question(module), tables, out)
    if not quiet:
        print(said(outcome), flush=True)
    return outcome


@guarded()
def figures_stem(module: Any, config: dict[str, Any], result: Path) -> str:
    """With what the names of figures begin: the experiment, and the result's hash for another config than its own.

    Args:
        module: of the experiment.
        config: as the manifest holds it.
        result: its file.

    Returns:
        A name; figures of two configs do not take each other's place.

    Example:
        >>> module = find_experiment("relu_vs_hinge")
        >>> figures_stem(module, plain(module.Config()), Path("relu_vs_hinge-3f6d0e0b7a52.nc"))
        'relu_vs_hinge'
        >>> figures_stem(module, plain(module.SMOKE), Path("relu_vs_hinge-0a1b2c3d4e5f.nc"))
        'relu_vs_hinge-0a1b2c3d4e5f'
    """
    return Path(str(module.__file__)).stem if config == plain(module.Config()) else result.stem


@guarded()
def question(module: Any) -> str:
    """What an experiment asks: the first line of its file's docstring.

    Args:
        module: of the experiment.

    Returns:
        A sentence; "" if the file has no docstring.

    Example:
        >>> question(find_experiment("relu_vs_hinge")).endswith(("?", "."))
        True
    """
    return (module.__doc__ or "").strip().partition("\n")[0]


@guarded()
def reported(module: Any, results: Any) -> tuple[list[Any], tuple[Verdict, ...]]:
    """An experiment's tables and the verdicts on its claims; `report` may also give verdicts of its own making.

    Args:
        module: of the experiment.
        results: what its `compute` returned.

    Returns:
        Tables and verdicts.

    Example:
        >>> import types
        >>> reported(types.SimpleNamespace(report=lambda results: []), None)
        ([], ())
    """
    told = module.report(results)
    tables, own = told if isinstance(told, tuple) and len(told) == 2 else (told, [])
    for what, held, kind in (("tables", tables, Table), ("verdicts", own, Verdict)):
        if not isinstance(held, (list, tuple)) or not all(isinstance(each, kind) for each in held):
            wrong = (
                next((x for x in held if not isinstance(x, kind)), held) if isinstance(held, (list, tuple)) else held
            )
            raise ValueError(
                f"{_file_of(module)}: report() gives a list of tables made by lossland.core.table, or a tuple of such "
                f"a list and a list of Verdicts; where {what} should be there is {shown(wrong)}."
            )
    decided = [decide(each, results) for each in claims_of(module).values()]
    return list(tables), (*decided, *own)


def _file_of(module: Any) -> str:
    return getattr(module, "__file__", "the experiment")


@contextlib.contextmanager
def _noting(parts: Path) -> Iterator[None]:
    """An interrupt inside the block carries the note that parts are kept, if there are some."""
    try:
        yield
    except KeyboardInterrupt as error:
        if holds_parts(parts):
            error.add_note(GOES_ON)
        raise


@guarded()
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


@guarded()
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
        for name, figure in _drawn(module, results).items():
            # Axes of a fixed shape find their place at the second drawing; the first would cut off titles.
            if any(axes.get_aspect() != "auto" for axes in figure.axes):
                figure.draw_without_rendering()
            for ending in ("pdf", "png"):
                path = folder / f"{stem}_{name}.{ending}"
                # No date inside: equal figures are equal files.
                metadata = {"CreationDate": None} if ending == "pdf" else None
                with replacing(path) as temporary:
                    figure.savefig(temporary, format=ending, dpi=200, metadata=metadata)
                # The places are found: to look for them is as long as to draw.
                figure.set_layout_engine("none")
            paths.append(folder / f"{stem}_{name}.png")
    return tuple(paths)


def _drawn(module: Any, results: Any) -> Mapping[str, Any]:
    """What an experiment's `draw` gives, refused unless it is figures by name."""
    made = module.draw(results)
    told = f"{_file_of(module)}: draw() gives a dict of name -> matplotlib Figure"
    if not isinstance(made, Mapping):
        raise ValueError(f"{told}, not {shown(made)}.")
    for name, figure in made.items():
        if not hasattr(figure, "savefig"):
            raise ValueError(f"{told}; {name!r} is {shown(figure)}.")
        if not isinstance(name, str) or not name or Path(name).name != name:
            raise ValueError(f"{told}; {name!r} cannot be part of a file's name.")
    return made
