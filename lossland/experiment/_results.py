"""Parts of a run as labelled arrays: stacked along named axes, ragged ones padded."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lossland.core import guarded


@guarded()
def gather(
    parts: Mapping[str, Mapping[str, Any]],
    label: Callable[..., str],
    axes: Mapping[str, Sequence[Any]],
    fields: Mapping[str, Sequence[str]],
    *,
    prefix: str = "",
    names: Mapping[str, Sequence[str]] | None = None,
) -> Any:
    """Stack the parts of a run along named axes.

    Args:
        parts: label -> field -> array, as `run` returns them.
        label: the coordinates of a part, one for each axis -> its label.
        axes: name of each outer axis -> its coordinates.
        fields: name of each field that is kept -> the names of its own axes. Arrays of unequal length along these
            are padded with NaN at their ends.
        prefix: set before each field's name.
        names: other coordinates for some axes, to be shown in place of those that label the parts.

    Returns:
        An xarray.Dataset; each field has the outer axes, then its own.

    Raises:
        ValueError: if a part or a field is missing.

    Example:
        >>> parts = {"a": {"x": np.ones(2)}, "b": {"x": np.zeros(3)}}
        >>> gather(parts, lambda which: which, {"part": ["a", "b"]}, {"x": ["step"]}).x.values.tolist()
        [[1.0, 1.0, nan], [0.0, 0.0, 0.0]]
    """
    import xarray

    cells = [label(*place) for place in itertools.product(*axes.values())]
    missing = [cell for cell in cells if cell not in parts]
    if missing:
        raise ValueError(f"No part is called {missing[0]!r}; there are {', '.join(parts)}.")
    coords = {axis: [*((names or {}).get(axis, where))] for axis, where in axes.items()}
    results = xarray.Dataset(coords=coords)
    shape = tuple(len(where) for where in axes.values())
    for field, own in fields.items():
        lacking = [cell for cell in cells if field not in parts[cell]]
        if lacking:
            raise ValueError(f"Part {lacking[0]!r} has no field {field!r}; it has {', '.join(parts[lacking[0]])}.")
        stacked = _padded([np.asarray(parts[cell][field]) for cell in cells])
        results[f"{prefix}{field}"] = ((*axes, *own), stacked.reshape(shape + stacked.shape[1:]))
    return results


@guarded()
def stack_datasets(sets: Sequence[Any]) -> tuple[Any, Any, Any]:
    """Data sets of unequal size in one array each, so that one compiled program trains on all of them.

    Args:
        sets: k of them, of at most n examples with at most d inputs.

    Returns:
        Inputs (k, n, d), filled up with 0; labels (k, n), filled up with 1; weights (k, n), of each data set 1 / its
        number of examples, filled up with 0.

    Example:
        >>> import lossland as ll
        >>> two, four = ll.load("two_points"), ll.load("soudry_figure1")
        >>> inputs, labels, weights = stack_datasets([two, four])
        >>> inputs.shape, weights.tolist()
        ((2, 4, 2), [[0.5, 0.5, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])
    """
    shape = len(sets), max(s.n for s in sets), max(s.d for s in sets)
    inputs, labels, weights = np.zeros(shape), np.ones(shape[:2]), np.zeros(shape[:2])
    for k, s in enumerate(sets):
        inputs[k, : s.n, : s.d], labels[k, : s.n], weights[k, : s.n] = s.inputs, s.labels, 1.0 / s.n
    return inputs, labels, weights


def _padded(arrays: Sequence[Any]) -> Any:
    """Arrays of one rank stacked; where their shapes differ, the shorter are filled up with NaN."""
    if len({each.shape for each in arrays}) == 1:
        return np.stack(arrays)
    longest = np.max([each.shape for each in arrays], axis=0)
    held = np.full((len(arrays), *longest), np.nan)
    for row, each in zip(held, arrays, strict=True):
        row[tuple(map(slice, each.shape))] = each
    return held
