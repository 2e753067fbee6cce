"""The command `lossland solve`: the certified optimum of a convex loss on a data set or a file."""

import dataclasses
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from lossland.commands._data_options import File, FileOptions, of_file


@dataclasses.dataclass(frozen=True)
class SolveOptions:
    """Solve a convex loss of a linear score exactly: optimum, certificate, coefficients, support vectors, predictions.

    Examples: `lossland solve breast_cancer --loss hinge --C 0.1 1 10`, `lossland solve data.svm --loss logistic`,
    `lossland solve data.csv --label kind --classes no yes --predict new.csv`, `lossland solve data.csv --C inf`,
    `lossland solve export.txt --sep ";" --decimal , --encoding cp1252 --drop name --encode one_hot`,
    `lossland solve data.csv --kernel rbf --rank 500 --out machine.npz`
    """

    data: tyro.conf.Positional[str]
    """A data set's name or file: separated cells, LIBSVM text, .npz, .npy, .parquet, .feather, also packed."""
    file: File = dataclasses.field(default_factory=FileOptions)
    loss: str = "hinge"
    """A convex loss, or a pair such as hard_sigmoid+brier: a name, path/to/file.py:name or package.module:name."""
    C: tuple[float, ...] = (1.0,)
    """The weight of the losses; several are solved together, "inf" is the hard margin."""
    from_: Annotated[tuple[str, ...], tyro.conf.arg(name="from")] = ()
    """Your own files or modules to read first, such as my_loss.py."""
    raw: bool = False
    """Leave the inputs as they are instead of standardising them."""
    bias: bool = True
    """Whether there is a bias; it is never penalised."""
    kernel: str = ""
    """"rbf", "polynomial" or "linear": over a kernel's functions instead."""
    rank: int | None = None
    """With a kernel: work with so many representers; the gap then tells what that costs."""
    tol: float = 1e-8
    """The relative duality gap that counts as solved."""
    predict: Path | None = None
    """Another file with the same columns: score and class of each of its rows."""
    out: Path | None = None
    """Keep weights (also in the data's units), bias, duals, gaps, scaling, names and predictions in this .npz file."""
    json: bool = False
    """Print the numbers as JSON, for a script."""
    form: Literal["terminal", "markdown", "latex", "csv"] = "terminal"
    """How to write the table."""
    quiet: bool = False
    """Print nothing but errors; with --out say."""


def run_solve(command: SolveOptions) -> int:
    """Solve, tell what came out, and keep the arrays if asked; 1 if a gap stays open."""
    from lossland.commands import _solution_report as report
    from lossland.commands._output import waiting
    from lossland.core import write_arrays
    from lossland.data import load_with_recipe, new_inputs, standardise
    from lossland.elements import load_file

    for path in command.from_:
        load_file(path)
    options = of_file(command.file, sparse_too=True)
    loaded = load_with_recipe(command.data, **options)
    new = None if command.predict is None else new_inputs(command.predict, loaded.data, loaded.recipe, options)
    if loaded.data.sparse and not command.raw:
        raise ValueError("Sparse inputs less their means would be dense: add --raw, which leaves them as they are.")
    data = loaded.data if command.raw else standardise(loaded.data)
    started = time.perf_counter()
    with waiting(f"solving {command.loss} on {data.name}", command.quiet or command.json):
        rows, arrays, machines = (_machines if command.kernel else _solutions)(command, data)
    seconds = time.perf_counter() - started
    told = report.reported(command, loaded, rows, arrays, seconds)
    if new is not None:
        told |= report.predicted(str(command.predict), new, loaded.data, told, arrays, machines)
    if command.out is not None:
        write_arrays(command.out, report.kept(told, arrays))
    if not command.quiet:
        report.show_all(told, command.form, command.json, command.out)
    return 0 if all(row["converged"] for row in rows) else 1


def _loss_or_pair(command: SolveOptions) -> Any:
    from lossland.elements import pair

    return pair(command.loss) if "+" in command.loss else command.loss


def _solutions(command: SolveOptions, data: Any) -> tuple[list[dict[str, Any]], dict[str, Any], list[Any]]:
    """The facts of each linear problem, all arrays by name, and no machine; those with C = inf come last."""
    import numpy as np

    from lossland.solvers import solve

    finite = [c for c in command.C if np.isfinite(c)]
    parts = [solve(_loss_or_pair(command), data, C=finite, bias=command.bias, tol=command.tol)] if finite else []
    hard = len(command.C) - len(finite)
    parts += [solve(_loss_or_pair(command), data, C=[np.inf], bias=command.bias, tol=command.tol)] if hard else []
    wanted = ("weights", "bias", "duals", "objective", "dual_objective", "gap", "iterations", "converged", "support")
    arrays = {name: np.concatenate([np.asarray(getattr(part, name)) for part in parts]) for name in wanted}
    arrays["C"] = np.array(finite + [np.inf] * bool(hard))
    message = next((p.message for p in parts if p.message), "")
    return [_facts(arrays, k, message, parts[0].convexity) for k in range(len(arrays["C"]))], arrays, []


def _machines(command: SolveOptions, data: Any) -> tuple[list[dict[str, Any]], dict[str, Any], list[Any]]:
    """The facts of each kernel machine, all arrays by name, and the machines."""
    import numpy as np

    from lossland.solvers import solve_kernel

    if not command.bias:
        raise ValueError("A kernel machine has a free bias; leave out --no-bias.")
    kernel: Any = command.kernel
    found = [
        solve_kernel(_loss_or_pair(command), data, C=c, kernel=kernel, rank=command.rank, tol=command.tol)
        for c in command.C
    ]
    wanted = ("coefficients", "bias", "duals", "objective", "dual_objective", "gap", "iterations", "converged")
    arrays = {name: np.stack([np.asarray(getattr(each, name)) for each in found]) for name in (*wanted, "support")}
    arrays |= {"C": np.array(command.C), "inputs": found[0].inputs}
    return [_facts(arrays, k, each.message, each.convexity) for k, each in enumerate(found)], arrays, found


def _facts(arrays: dict[str, Any], k: int, message: str, convexity: str) -> dict[str, Any]:
    """The numbers of the k-th problem that are printed, by name."""
    import numpy as np

    support = arrays["support"][k]
    return {
        "C": float(arrays["C"][k]),
        "objective": float(arrays["objective"][k]),
        "dual_objective": float(arrays["dual_objective"][k]),
        "gap": float(arrays["gap"][k]),
        "converged": bool(arrays["converged"][k]),
        "iterations": int(arrays["iterations"][k]),
        "support_vectors": int((arrays["duals"][k] != 0).sum()),
        "at_their_limit": int((support == 2).sum()),
        "norm": float(np.linalg.norm(arrays["weights"][k])) if "weights" in arrays else None,
        "bias": float(arrays["bias"][k]),
        "convexity": convexity,
        "message": "" if arrays["converged"][k] else message,
    }
