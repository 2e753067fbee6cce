"""Inputs that stay in their file: shifted, scaled, cut and multiplied by blocks of rows, and never held whole.

To what computes with matrices they are one: `inputs @ w`, `rows @ inputs`, `inputs - centre`, `inputs / scale`. What is
asked of them else is refused with the memory that it would take, so that nothing loads a file unseen.
"""

import functools
import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NoReturn

import numpy as np

from lossland.data._npy_file import NpyFile, pick_rows, read_rows

FLOAT64 = np.dtype(np.float64)
LEAST = 32
"""Rows of the smallest block. Blocks have this many times a power of two: sums by halves then stay sums by halves."""
WORKERS = min(os.cpu_count() or 1, 4)
"""Blocks that are read and multiplied at once."""


@dataclass(frozen=True, eq=False, repr=False)
class RowsOnDisk:
    """Inputs (n, d) whose rows stay in a file.

    Attributes:
        file: where they are.
        used: (d,) which of the file's columns are inputs.
        rows: (n,) which of its rows; None: all.
        scalings: (d,) vectors taken off the columns and, where not None, by which they are divided, in this order.
        dtype: in which blocks are given.
        checked: whether all of them were seen to be finite.

    Equal are two if they are the same object.
    """

    file: NpyFile
    used: np.ndarray
    rows: np.ndarray | None = None
    scalings: tuple[tuple[np.ndarray | None, np.ndarray | None], ...] = ()
    dtype: np.dtype = FLOAT64
    checked: bool = False

    ndim: ClassVar = 2
    NUMBERS: ClassVar = 2**19
    """Numbers that a block holds: 4 MiB of float64."""

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return (self.file.shape[0] if self.rows is None else len(self.rows)), len(self.used)

    @property
    def size(self) -> int:
        """N d."""
        return self.shape[0] * self.shape[1]

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"RowsOnDisk({self.shape[0]} x {self.shape[1]} in {str(self.file.path)!r})"

    # -------------------------------------------------------------------------------------------------- what is read

    def read(self, start: int, stop: int) -> np.ndarray:
        """Rows `start` to `stop` in memory, (stop - start, d).

        Raises:
            ValueError: if the file is not what it was when it was loaded.
        """
        if self.rows is None:
            return self._converted(read_rows(self.file, start, stop))
        return self._converted(pick_rows(self.file, self.rows[start:stop]))

    def picked(self, rows: np.ndarray) -> np.ndarray:
        """Rows of given numbers in memory, (k, d).

        Raises:
            ValueError: as `read`.
        """
        return self._converted(pick_rows(self.file, rows if self.rows is None else self.rows[rows]))

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """All rows block by block: the number of the first, and the block."""
        for start, stop in self.spans():
            yield start, self.read(start, stop)

    def spans(self) -> list[tuple[int, int]]:
        """First row and end of each block."""
        n, step = len(self), self.block_rows
        return [(start, min(start + step, n)) for start in range(0, n, step)]

    def content_hash(self) -> str:
        """A hash of shape and numbers, wherever the file is."""
        digest = hashlib.sha256(f"{self.shape} {self.dtype}".encode())
        for _, block in self.blocks():
            digest.update(block.tobytes())
        return digest.hexdigest()

    @property
    def block_rows(self) -> int:
        """Rows of a block but the last."""
        most = max(self.NUMBERS // (LEAST * self.file.shape[1]), 1)
        return LEAST << (most.bit_length() - 1)

    def over_blocks(self, function: Callable[[int, np.ndarray], Any]) -> list[Any]:
        """What a function of a block's first row and the block gives, in order; some are computed at once."""
        spans = self.spans()
        if len(spans) < 2 or WORKERS < 2:
            return [function(start, self.read(start, stop)) for start, stop in spans]
        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(lambda span: function(span[0], self.read(*span)), spans))

    def _converted(self, stored: np.ndarray) -> np.ndarray:
        if len(self.used) < stored.shape[1]:
            stored = stored[:, self.used]
        with np.errstate(over="ignore", invalid="ignore"):
            if not self.scalings:
                return np.ascontiguousarray(stored, self.dtype)
            held = np.array(stored, np.float64, order="C")
            for off, by in self.scalings:
                held = held if off is None else np.subtract(held, off, out=held)
                held = held if by is None else np.divide(held, by, out=held)
            return held.astype(self.dtype, copy=False)

    def __getitem__(self, which: Any) -> np.ndarray:
        """Some rows in memory: a slice, numbers, or (n,) booleans; refused where they do not fit."""
        if isinstance(which, tuple):
            self.refuse("columns of them")
        if isinstance(which, slice):
            picked = range(len(self))[which]
        else:
            picked = np.arange(len(self))[which]
            if not picked.ndim:
                return self.picked(picked[None])[0]
        needed = 8 * len(picked) * self.shape[1]
        if needed > 2**24:
            from lossland.core import refuse_bytes

            refuse_bytes(f"{len(picked)} rows of {self.file.path} in memory", needed, "Take fewer rows.")
        if isinstance(picked, range) and picked.step == 1:
            return self.read(picked.start, max(picked.stop, picked.start))
        return self.picked(np.asarray(picked, int))

    # --------------------------------------------------------------------------------- what is changed, and not read

    def taken(self, rows: Any) -> "RowsOnDisk":
        """Some rows, (k,) numbers or (n,) booleans, which stay in the file."""
        return replace(self, rows=(np.arange(len(self)) if self.rows is None else self.rows)[rows])

    def astype(self, dtype: Any) -> "RowsOnDisk":
        """The same rows, given in another type of floats."""
        return replace(self, dtype=np.dtype(dtype))

    def __sub__(self, off: Any) -> "RowsOnDisk":
        return replace(self, scalings=(*self.scalings, (self._of_columns(off), None)), checked=False)

    def __truediv__(self, by: Any) -> "RowsOnDisk":
        return replace(self, scalings=(*self.scalings, (None, self._of_columns(by))), checked=False)

    def _of_columns(self, given: Any) -> np.ndarray:
        if np.shape(given) not in ((), self.shape[1:]):
            self.refuse("an array for every row")
        return np.broadcast_to(np.asarray(given, np.float64), self.shape[1:])

    # ------------------------------------------------------------------------------------------------------- products

    @property
    def T(self) -> "Transposed":
        """The transpose, to multiply by."""
        return Transposed(self)

    def __matmul__(self, right: Any) -> np.ndarray:
        return np.concatenate(self.over_blocks(lambda _, block: block @ right))

    def __rmatmul__(self, left: Any) -> np.ndarray:
        parts = self.over_blocks(lambda start, block: left[..., start : start + len(block)] @ block)
        return functools.reduce(np.add, parts)

    def __array_ufunc__(self, ufunc: Any, method: str, *given: Any, **_: Any) -> Any:
        """NumPy's `array @ inputs`; any other of its functions is refused."""
        if ufunc is np.matmul and method == "__call__" and len(given) == 2 and given[1] is self:
            return self.__rmatmul__(given[0])
        if ufunc is np.matmul and method == "__call__" and len(given) == 2 and given[0] is self:
            return self.__matmul__(given[1])
        self.refuse(f"numpy.{ufunc.__name__} of them")

    # -------------------------------------------------------------------------------------------------- what is refused

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        self.refuse("them whole")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(name)
        self.refuse(f"`{name}` of them")

    def refuse(self, what: str) -> NoReturn:
        """Refuse what would hold them whole.

        Args:
            what: is needed, "the kernel of them" say.

        Raises:
            ValueError: always; it says how much memory that would take.
        """
        n, d = self.shape
        raise ValueError(
            f"The {n} x {d} inputs stay in {self.file.path}, and this needs {what}, which would take "
            f"{8e-9 * n * d:.2g} GB or more. What works by blocks of rows: solve, objective, fit, sweep, plane, "
            f"standardise, split, folds. Else take some rows (data.inputs[:10_000]), or load without memory_map."
        )


class Transposed:
    """The transpose (d, n) of inputs that stay in a file: `points @ inputs.T` are scores."""

    ndim = 2

    def __init__(self, inputs: RowsOnDisk) -> None:
        self._inputs = inputs

    @property
    def shape(self) -> tuple[int, int]:
        """(d, n)."""
        n, d = self._inputs.shape
        return d, n

    @property
    def T(self) -> RowsOnDisk:
        """The inputs themselves."""
        return self._inputs

    def __rmatmul__(self, left: Any) -> np.ndarray:
        return np.concatenate(self._inputs.over_blocks(lambda _, block: left @ block.T), axis=-1)

    def __array_ufunc__(self, ufunc: Any, method: str, *given: Any, **_: Any) -> Any:
        """NumPy's `array @ inputs.T`."""
        if ufunc is np.matmul and method == "__call__" and len(given) == 2 and given[1] is self:
            return self.__rmatmul__(given[0])
        return self._inputs.__array__()

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        self._inputs.__array__()


def some_rows(inputs: Any, rows: Any) -> Any:
    """Some rows, (k,) numbers or (n,) booleans, of inputs in memory or on disk; those on disk stay there."""
    return inputs.taken(rows) if isinstance(inputs, RowsOnDisk) else inputs[rows]


def checked_finite(inputs: RowsOnDisk, name: Callable[[int], str]) -> RowsOnDisk:
    """The inputs, read through once, if all values are finite.

    Args:
        inputs: to look at; those that were seen before are not read again.
        name: what column k is called in the message.

    Raises:
        ValueError: if a value is not finite; the first is named with its place.
    """
    if inputs.checked:
        return inputs

    def first_bad(start: int, block: np.ndarray) -> tuple[int, int, float] | None:
        # A sum is finite where all are, but for an overflow: only then is each looked at.
        if np.isfinite(block.sum()):
            return None
        bad = np.argwhere(~np.isfinite(block))
        return (start + int(bad[0][0]), int(bad[0][1]), float(block[tuple(bad[0])])) if len(bad) else None

    with np.errstate(over="ignore", invalid="ignore"):
        found = next((each for each in inputs.over_blocks(first_bad) if each is not None), None)
    if found is not None:
        row, column, value = found
        raise ValueError(
            f"inputs holds values that are not finite; the first is {value} at row {row}, column {name(column)}, "
            f"counted from 0. Drop those rows or fill them in."
        )
    return replace(inputs, checked=True)


def column_scaling(inputs: RowsOnDisk) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column in two passes; scale 1 where a column is constant."""
    ends = inputs.over_blocks(lambda _, block: (block.min(axis=0), block.max(axis=0)))
    low, high = np.min([a for a, _ in ends], axis=0), np.max([b for _, b in ends], axis=0)
    span = np.where(high > low, high - low, 1.0)

    def moments(_: int, block: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
        unit = (block - low) / span
        mean = unit.mean(axis=0)
        return len(unit), mean, np.square(unit - mean).sum(axis=0)

    count, mean, square = functools.reduce(_merged, inputs.over_blocks(moments))
    scale = np.where(high > low, span * np.sqrt(square / count), 1.0)
    return low + span * mean, np.where(scale > 0, scale, 1.0)


def _merged(
    one: tuple[int, np.ndarray, np.ndarray], other: tuple[int, np.ndarray, np.ndarray]
) -> tuple[int, np.ndarray, np.ndarray]:
    """Count, mean and sum of squares about the mean of two parts together (Chan, Golub & LeVeque 1983)."""
    (m, a, p), (n, b, q) = one, other
    apart = b - a
    return m + n, a + apart * (n / (m + n)), p + q + apart**2 * (m * n / (m + n))
