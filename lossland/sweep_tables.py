"""A sweep as rows: for each pair the setting that the validation part chose, and what the test part says of it."""

from typing import Any

import numpy as np

from lossland.sweeps import Sweep
from lossland.tables import Table, table


def best_table(made: Sweep, by: str = "validation_error") -> Table:
    """A row a pair, best test error first: chosen setting, errors as mean and standard deviation over seeds.

    Each threshold of the sweep has its own choice and its own columns.
    """
    chosen = {line: made.best(by, line) for line in made.thresholds}
    first = chosen[made.thresholds[0]]
    lost = made.diverged.reshape(len(made.pairs), -1)
    columns = ["pair", *made.axes, "step"]
    columns += [f"{part} error {_above(line)}" for line in chosen for part in ("validation", "test")]
    rows = []
    for k, name in enumerate(made.pairs):
        one = first.sel(pair=name)
        row: list[Any] = [name, *(f"{float(one[axis]):g}" for axis in made.axes), int(one.step)]
        for line, best in chosen.items():
            for part in ("validation", "test"):
                values = best[f"{part}_error"].sel(pair=name, threshold=str(line)).values
                row.append(f"{values.mean():.3f} ± {values.std():.3f}")
        rows.append((*row, f"{lost[k].sum()} of {lost.shape[1]}" if lost[k].any() else ""))
    errors = [
        float(best["test_error"].sel(threshold=str(line)).mean("seed").sel(pair=n))
        for n in made.pairs
        for line, best in list(chosen.items())[:1]
    ]
    ordered = [rows[k] for k in np.argsort(errors, kind="stable")]
    return table("Chosen by validation, a row a pair", (*columns, "diverged"), ordered)


def _above(line: float | str) -> str:
    return "at best" if line == "best" else f"at {line:g}"
