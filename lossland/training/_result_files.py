"""A sweep's result in a file, read again: its arrays by name, and its params in the containers that they had."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from lossland.core import tree_of
from lossland.training._result import Sweep


def from_xarray(saved: Any, path: Path | None = None) -> Sweep:
    """The sweep that `Sweep.to_xarray` made this data set of."""
    leaves = json.loads(saved.attrs["leaves"])
    arrays = [saved[name].values for name in leaves]
    form = json.loads(saved.attrs["tree"]) if "tree" in saved.attrs else None
    if form is not None:
        params = tree_of(form, arrays)
    elif "tree" in saved.attrs:
        # Of a container that no file can hold: its arrays by name.
        params = dict(zip(leaves, arrays, strict=True))
    else:
        # As 0.1 wrote it: dicts and lists, by words and numbers.
        params = _nested([(name.split("_"), array) for name, array in zip(leaves, arrays, strict=True)])
    axes = [str(d) for d in saved.status.dims[2:]]
    at_steps = json.loads(saved.attrs.get("kept", "[]"))
    own = {"status", "stopped", *leaves, *at_steps}
    kept = None
    if at_steps:
        held = [saved[name].values for name in at_steps]
        kept = dict(zip(leaves, held, strict=True)) if form is None else tree_of(form, held)
    lines = [t if t == "best" else float(t) for t in saved.threshold.values.tolist()]
    return Sweep(
        pairs=tuple(saved.pair.values.tolist()),
        seeds=tuple(saved.seed.values.tolist()),
        axes={name: tuple(saved[name].values.tolist()) for name in axes},
        thresholds=tuple(lines),
        steps=tuple(saved.step.values.tolist()),
        records={str(name): saved[name].values for name in saved.data_vars if name not in own},
        params=params,
        status=saved.status.values,
        stopped=saved.stopped.values,
        skipped=tuple(json.loads(saved.attrs["skipped"])),
        settings=json.loads(saved.attrs["settings"]),
        path=path,
        kept=kept,
    )


def _nested(leaves: list[tuple[list[str], np.ndarray]]) -> Any:
    """Leaves with their paths to dicts (by word) and lists (by number)."""
    if len(leaves) == 1 and not leaves[0][0]:
        return leaves[0][1]
    groups: dict[str, list] = {}
    for path, leaf in leaves:
        groups.setdefault(path[0], []).append((path[1:], leaf))
    if all(word.isdigit() for word in groups):
        return [_nested(groups[str(k)]) for k in range(len(groups))]
    return {word: _nested(group) for word, group in groups.items()}
