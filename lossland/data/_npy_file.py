"""A matrix in an .npy file, read by rows: what its header promises, and blocks and single rows of it.

The file is read, not mapped: one that is cut short ends a mapped process without a word, and what is mapped counts as
this process's own. At every read the file is held against what it was when it was opened.
"""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from lossland.core import RowsLost, no_file

GAP = 2**16
"""Bytes between two rows from which on what lies between them is not read."""
SPAN = 2**22
"""Bytes that are read at once to pick rows from."""


class NpyFile(NamedTuple):
    """A matrix in a file, and how the file was when it was opened.

    Attributes:
        path: of the file.
        shape: (n, columns) of the matrix.
        dtype: of its numbers.
        by_columns: whether columns, not rows, lie together (Fortran's order).
        offset: bytes before the first number.
        state: device, number, size and time of the last change.
    """

    path: Path
    shape: tuple[int, int]
    dtype: np.dtype
    by_columns: bool
    offset: int
    state: tuple[int, ...]


def npy_file(path: Path) -> NpyFile:
    """The matrix in an .npy file, of which only the header is read.

    Raises:
        ValueError: if the file is no .npy file, holds no matrix of real numbers, or is shorter than its header says.
        OSError: if there is no such file.
    """
    if not path.exists():
        raise no_file(path)
    with path.open("rb") as held:
        try:
            version = np.lib.format.read_magic(held)
            header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            shape, by_columns, dtype = header[version](held)
        except (ValueError, KeyError) as error:
            raise ValueError(f"{path} cannot be read as .npy: {' '.join(str(error).split())}") from None
        offset, state = held.tell(), _state(held)
    if len(shape) != 2 or 0 in shape:
        mend = " A single column is written X.reshape(-1, 1)." if len(shape) == 1 else ""
        raise ValueError(
            f"{path} holds an array of shape {shape}; rows are read from a matrix (n, columns), an example each.{mend}"
        )
    if dtype.kind not in "biuf":
        raise ValueError(
            f"{path} holds numbers of type {dtype}; what stays in its file must be real numbers, float32 or float64 "
            f"best. np.save(path, X.astype(np.float32)) writes them."
        )
    needed = offset + shape[0] * shape[1] * dtype.itemsize
    if state[2] < needed:
        raise ValueError(
            f"{path} is cut short: its header says {shape[0]} x {shape[1]} numbers, which take {needed} bytes, and the "
            f"file has {state[2]}. Copy or write it again."
        )
    return NpyFile(path.absolute(), (shape[0], shape[1]), dtype, by_columns, offset, state)


def of_memory_map(given: Any) -> NpyFile | None:
    """The file behind a whole `np.memmap` of an .npy file opened to read; None where it is none, or a part of one."""
    if type(given) is not np.memmap or given.mode != "r" or given.ndim != 2 or given.filename is None:
        return None
    try:
        file = npy_file(Path(given.filename))
    except (OSError, ValueError):
        return None
    # A part of a map still bears the whole's name and offset: where it lies in memory tells them apart.
    whole = given.base is not None and not isinstance(given.base, np.ndarray)
    same = file.shape == given.shape and file.dtype == given.dtype and file.offset == given.offset
    return file if whole and same else None


def read_rows(file: NpyFile, start: int, stop: int) -> np.ndarray:
    """Rows `start` to `stop`, (stop - start, columns), as they are stored.

    Raises:
        ValueError: if the file is not what it was when it was opened.
    """
    with _opened(file) as held:
        return _span(file, held, start, stop)


def pick_rows(file: NpyFile, rows: np.ndarray) -> np.ndarray:
    """Rows of given numbers, in any order and also repeated, (k, columns), as they are stored.

    Raises:
        ValueError: if the file is not what it was when it was opened.
    """
    order = np.argsort(rows, kind="stable")
    sought = rows[order]
    found = np.empty((len(rows), file.shape[1]), file.dtype)
    with _opened(file) as held:
        for part in _near_one_another(sought, file.shape[1] * file.dtype.itemsize):
            first = int(sought[part.start])
            span = _span(file, held, first, int(sought[part.stop - 1]) + 1)
            found[order[part]] = span[sought[part] - first]
    return found


def _near_one_another(sought: np.ndarray, row_bytes: int) -> Iterator[slice]:
    """Stretches of ascending row numbers that are read in one go each."""
    far = np.flatnonzero(np.diff(sought) > GAP // row_bytes + 1) + 1
    for start, stop in itertools.pairwise([0, *far.tolist(), len(sought)]):
        while start < stop:
            beyond = int(sought[start]) + max(SPAN // row_bytes, 1)
            end = start + int(np.searchsorted(sought[start:stop], beyond))
            yield slice(start, end)
            start = end


def _opened(file: NpyFile) -> IO[bytes]:
    """The file, if it is still what it was."""
    try:
        held = file.path.open("rb", buffering=0)
    except OSError as error:
        raise RowsLost(f"{file.path} cannot be read any more ({error.strerror}), and its rows stay there.") from None
    if _state(held) != file.state:
        held.close()
        raise RowsLost(
            f"{file.path} was changed after it was loaded: size or time of the last change are others. What was "
            f"computed is of neither file; load it again, and leave it alone while it is read."
        )
    return held


def _state(held: IO[bytes]) -> tuple[int, ...]:
    found = os.fstat(held.fileno())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _span(file: NpyFile, held: IO[bytes], start: int, stop: int) -> np.ndarray:
    """Neighbouring rows."""
    (n, columns), width = file.shape, file.dtype.itemsize
    if not file.by_columns:
        found = np.empty((stop - start, columns), file.dtype)
        _fill(file, held, file.offset + start * columns * width, found)
        return found
    found = np.empty((columns, stop - start), file.dtype)
    for k, column in enumerate(found):
        _fill(file, held, file.offset + (k * n + start) * width, column)
    return found.T


def _fill(file: NpyFile, held: IO[bytes], at: int, found: np.ndarray) -> None:
    """Fill an array with the bytes from a place on; one read may give fewer than are asked for."""
    flat: Any = found.reshape(-1).view(np.uint8)
    room, done = memoryview(flat), 0
    held.seek(at)
    while done < len(room):
        got = held.readinto(room[done:])  # pyright: ignore[reportAttributeAccessIssue] - unbuffered files have it
        if not got:
            raise RowsLost(f"{file.path} ends before its last row: it was cut short while it was read.")
        done += got
