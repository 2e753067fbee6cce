"""The command `lossland solve`: the certified optimum of a convex loss on a data set or a file."""

import dataclasses
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from lossland.commands import _usage as usage


@dataclasses.dataclass(frozen=True)
class SolveOptions:
    """Solve a convex loss of a linear score exactly: optimum, certificate, support vectors, time.

    Examples: `lossland solve breast_cancer --loss hinge --C 0.1 1 10`, `lossland solve data.svm --loss logistic`,
    `lossland solve data.csv --loss hinge --C inf`, `lossland solve data.csv --kernel rbf --rank 500 --out machine.npz`
    """

    data: tyro.conf.Positional[str]
    """A data set's name or file (.csv, .npz, .parquet, .svm, .libsvm)."""
    label: str = ""
    """Of a .csv or .parquet file: the column of the labels, by name or number; the last if left out."""
    probabilities: str = ""
    """Instead of labels: the column (in .npz the array) of P(t = +1), in [0, 1]."""
    classes: tuple[str, ...] = ()
    """Two labels, the negative one first, where the data has more."""
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
    out: Path | None = None
    """Keep weights, bias, duals, objectives and gaps in this .npz file."""
    json: bool = False
    """Print the numbers as JSON, for a script."""
    form: Literal["terminal", "markdown", "latex", "csv"] = "terminal"
    """How to write the table."""
    quiet: bool = False
    """Print nothing but errors; with --out say."""


def run_solve(command: SolveOptions) -> int:
    """Solve, print a line for each C, and keep the arrays if asked; 1 if a gap stays open."""
    from lossland.commands._output import waiting
    from lossland.core import write_arrays
    from lossland.data import load, standardise
    from lossland.elements import load_file

    for path in command.from_:
        load_file(path)
    data = load(command.data, **usage.of_file(command))
    data = data if command.raw else standardise(data)
    started = time.perf_counter()
    with waiting(f"solving {command.loss} on {data.name}", command.quiet or command.json):
        rows, arrays = (_machines if command.kernel else _solutions)(command, data)
    seconds = time.perf_counter() - started
    if command.out is not None:
        write_arrays(command.out, arrays)
    if not command.quiet:
        _print_solutions(command, data, rows, seconds)
    return 0 if all(row["converged"] for row in rows) else 1


def _loss_or_pair(command: SolveOptions) -> Any:
    from lossland.elements import pair

    return pair(command.loss) if "+" in command.loss else command.loss


def _solutions(command: SolveOptions, data: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The facts of each linear problem, and all arrays by name; those with C = inf come last."""
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
    return [_facts(arrays, k, message, parts[0].convexity) for k in range(len(arrays["C"]))], arrays


def _machines(command: SolveOptions, data: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The facts of each kernel machine, and all arrays by name."""
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
    return [_facts(arrays, k, each.message, each.convexity) for k, each in enumerate(found)], arrays


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


def _print_solutions(command: SolveOptions, data: Any, rows: list[dict[str, Any]], seconds: float) -> None:
    from lossland.commands._output import as_json
    from lossland.core import show, table

    if command.json:
        about = {"data": data.name, "n": data.n, "d": data.d, "loss": command.loss, "seconds": seconds}
        print(as_json(about | {"solutions": rows}))
        return
    columns = ("C", "objective", "lower bound", "relative gap", "support vectors", "at their limit", "||w||", "bias")
    shown = [
        (
            f"{row['C']:g}",
            f"{row['objective']:.10g}",
            f"{row['dual_objective']:.10g}",
            f"{row['gap']:.1e}",
            str(row["support_vectors"]),
            str(row["at_their_limit"]),
            "" if row["norm"] is None else f"{row['norm']:.6g}",
            f"{row['bias']:.6g}",
        )
        for row in rows
    ]
    show(table(f"{command.loss} on {data.name or command.data} ({data.n} x {data.d})", columns, shown), command.form)
    for row in rows:
        if row["message"]:
            print(row["message"])
    if rows[0]["convexity"] != "proven":
        print(f"The loss's convexity is {rows[0]['convexity']}.")
    if command.form == "terminal":
        kept = f" Arrays {command.out}." if command.out else ""
        print(f"{len(rows)} problem{'s' if len(rows) > 1 else ''} in {seconds:.2f} s, compilation included.{kept}")
