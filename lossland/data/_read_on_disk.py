"""Files that are too large for the memory: an .npy file's inputs stay in it, its labels are read."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lossland.core import no_file
from lossland.data._columns import Part, Read, Recipe
from lossland.data._npy_file import NpyFile, npy_file, read_rows
from lossland.data._rows_on_disk import RowsOnDisk

COUNTED = 10
"""From how many rows on a first column of 0, 1, 2, ... is taken for a count of the rows, as in other files."""


def read_on_disk(
    path: Path,
    *,
    label: int | str | None = None,
    labels: Any = None,
    index: int | str | bool | None = None,
    drop: Any = (),
) -> Read:
    """Inputs that stay in an .npy file, and their labels in memory.

    Args:
        path: of a matrix, one row an example.
        label: the number of the labels' column; the last by default.
        labels: instead, the labels (n,) themselves, or the .npy file with them; every column is an input then.
        index: the column that only counts the rows, True for the first, False for none.
        drop: numbers of columns to leave out.

    Raises:
        ValueError: if the file is no .npy file with a matrix of real numbers, a column is not there, or there are
            fewer or more labels than rows.
        OSError: if there is no such file.
    """
    _refuse_other_formats(path)
    file = npy_file(path)
    width = file.shape[1]
    left_out = {_column(path, each, width, "to drop") for each in _listed(drop)}
    if index is not None and index is not False:
        left_out.add(0 if index is True else _column(path, index, width, "as the index"))
    elif index is None:
        _refuse_count(path, file)
    kept = [k for k in range(width) if k not in left_out]
    if labels is not None and label is not None:
        raise ValueError(f"{path}: label= names a column, labels= brings the labels themselves; give one of the two.")
    at = -1
    if labels is None:
        at = (
            kept[-1]
            if kept and (label is None or str(label) == "-1")
            else _column(path, label, width, "for the labels")
        )
        if at in left_out:
            raise ValueError(f"{path}: column {at} was asked for the labels, but it is left out by drop or index.")
        kept.remove(at)
    if not kept:
        raise ValueError(
            f"{path}: no column of inputs is left{' beside the labels' if at >= 0 else ''}. Labels in a file of their "
            f"own are given as labels='y.npy'."
        )
    inputs = RowsOnDisk(file, np.array(kept))
    found = _labels_of(labels, file.shape[0], path) if labels is not None else _one_column(file, at)
    parts = tuple(Part(str(k), k) for k in kept)
    layout = tuple(k for k in range(width) if k not in left_out)
    return Read(inputs, found, (), Recipe(parts, (str(at), at) if at >= 0 else ("", -1), layout, False))


def _listed(given: Any) -> Sequence[Any]:
    return (given,) if isinstance(given, str | int) else given


def _column(path: Path, key: Any, width: int, role: str) -> int:
    """The number of a column, which an .npy file has no names for."""
    try:
        return range(width)[int(key)]
    except (ValueError, IndexError, TypeError):
        raise ValueError(
            f"{path} has no column {key!r} {role}; its {width} columns have the numbers 0 to {width - 1}."
        ) from None


def _one_column(file: NpyFile, at: int) -> np.ndarray:
    """A column in memory, (n,)."""
    return np.concatenate([block[:, 0] for _, block in RowsOnDisk(file, np.array([at])).blocks()])


def _refuse_count(path: Path, file: NpyFile) -> None:
    """Refuse a first column that counts the rows, which may be an index or an input."""
    n, width = file.shape
    if n < COUNTED or width < 3:
        return
    few = read_rows(file, 0, COUNTED)[:, 0].tolist()
    if few not in ([*range(COUNTED)], [*range(1, COUNTED + 1)]):
        return
    first = _one_column(file, 0)
    if np.array_equal(first, np.arange(n) + first[0]):
        raise ValueError(
            f"{path}: the first column counts the rows. If it is an index, index=True (or --index true) leaves it out; "
            f"if it is an input, index=False (or --index false) keeps it."
        )


def _labels_of(given: Any, n: int, path: Path) -> Any:
    """Labels that were given beside the file, or the path of the .npy file that holds them."""
    if not isinstance(given, str | os.PathLike):
        return given
    place = Path(given)
    if not place.exists():
        raise no_file(place)
    try:
        held = np.load(place, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{place} cannot be read as .npy: {' '.join(str(error).split())}") from None
    if not isinstance(held, np.ndarray):
        raise ValueError(f"{place} is an archive of arrays; labels= takes the .npy file of one, (n,).")
    held = held[:, 0] if held.ndim == 2 and held.shape[1] == 1 else held
    if held.shape != (n,):
        raise ValueError(f"{place} holds labels of shape {held.shape}; {path} has {n} rows, each of which needs one.")
    return held


def _refuse_other_formats(path: Path) -> None:
    """Refuse what is no .npy file, with how to make one of it."""
    if not path.exists():
        raise no_file(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory; give one data file in it.")
    with path.open("rb") as held:
        head = held.read(6)
    if head == b"\x93NUMPY":
        return
    if head[:4] == b"PK\x03\x04":
        raise ValueError(
            f"{path} is an archive, whose arrays must be unpacked whole; rows are read from an .npy file. Once, where "
            f"the memory is there: np.save('x.npy', held['inputs']), np.save('y.npy', held['labels']) with "
            f"held = np.load({str(path)!r}); then ll.load('x.npy', labels='y.npy', memory_map=True)."
        )
    raise ValueError(
        f"{path} is no .npy file, and only of one are rows read where they stand. ll.data.write_npy({str(path)!r}, "
        f"'x.npy') writes its numbers to one by parts; then ll.load('x.npy', memory_map=True)."
    )
