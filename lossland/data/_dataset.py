"""`Dataset`: any two-class data, checked and converted, with labels of exactly -1 and +1.

Data are host arrays of float64; an objective moves them to the device. A data set's arrays are read-only.
"""

import hashlib
import html
import itertools
import numbers
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lossland.core import plotted
from lossland.data._labels import checked_labels, checked_probabilities, of_probabilities, real, refuse_traced
from lossland.data._npy_file import of_memory_map
from lossland.data._rows_on_disk import RowsOnDisk, checked_finite
from lossland.data._sparse import checked_sparse, dense_rows, is_sparse, needs_dense, parts

SHOWN_ROWS, SHOWN_COLUMNS = 5, 8
"""What a notebook is shown of a data set."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples of two classes, checked and converted: inputs (n, d), labels (n,) of exactly -1.0 and +1.0.

    Labels may come as -1/+1, 0/1, booleans, any two numbers (the smaller becomes -1) or two strings (the first in
    sorted order becomes -1), in a list, an array or a pandas column. The mapping is kept in `label_names`.

    Soft labels come instead as probabilities p = P(t = +1): an example's loss is then p * positive(z) + (1 - p) *
    negative(z). Errors, margins and stratified splits take it for t = +1 where p >= 1/2 (a tie counts as +1), and for
    t = -1 elsewhere; that is what `labels` then holds.

    Args:
        inputs: (n, d) finite real numbers, an array, nested lists or a data frame. A sparse matrix or array of scipy
            stays sparse: `inputs` is then a `scipy.sparse.csr_array`, its duplicates summed, without stored zeros. A
            whole `np.memmap` of an .npy file opened to read stays in its file, as with `load(..., memory_map=True)`.
        labels: (n,) of two distinct values; left out with probabilities.
        name: what tables and figures call it.
        input_names: d names of columns; a data frame's own by default.
        label_names: (negative, positive), the words for the two classes; the original labels by default. The original
            labels themselves in the other order decide which is negative (-1 and +1 always keep their signs).
        source: author and year, or the file.
        one_class: allow that every label is the same, -1 or +1.
        probabilities: (n,) P(t = +1) of each example, in [0, 1]; None with labels.

    Raises:
        ValueError: if anything in the data cannot be meant; the message says what, where and how to mend it.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset(inputs=[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], labels=["no", "yes", "no"])
        >>> data
        Dataset(3 x 2, 1 positive, -1 = 'no', +1 = 'yes')
        >>> data.labels
        array([-1.,  1., -1.])
        >>> ll.Dataset(inputs=[[0.0], [1.0]], probabilities=[0.25, 0.9]).labels
        array([-1.,  1.])
    """

    inputs: Any
    labels: np.ndarray = None  # pyright: ignore[reportAssignmentType]
    name: str = ""
    input_names: tuple[str, ...] = ()
    label_names: tuple[str, ...] = ()
    source: str = ""
    one_class: bool = False
    probabilities: np.ndarray | None = None

    def __post_init__(self) -> None:
        columns = self.input_names if len(self.input_names) else getattr(self.inputs, "columns", ())
        input_names = tuple(str(column) for column in columns)
        inputs = _checked_inputs(self.inputs, input_names)
        words = tuple(map(str, self.label_names))
        if self.probabilities is None:
            if self.labels is None:
                raise ValueError("A data set needs labels=, or probabilities= for soft labels in [0, 1].")
            labels, label_names = checked_labels(self.labels, inputs.shape[0], words, self.one_class)
            shares = None
        else:
            shares = checked_probabilities(self.probabilities, inputs.shape[0])
            labels, label_names = of_probabilities(shares, self.labels, words)
        for array in (*(parts(inputs) if is_sparse(inputs) else (inputs,)), labels, shares):
            if array is not None and not isinstance(array, RowsOnDisk):
                array.flags.writeable = False
        converted = {"inputs": inputs, "labels": labels, "input_names": input_names, "label_names": label_names}
        converted["probabilities"] = shares
        for field, value in converted.items():
            object.__setattr__(self, field, value)

    def __repr__(self) -> str:
        name = f"{self.name!r}, " if self.name else ""
        negative, positive = self.label_names
        words = f"-1 = {negative!r}, +1 = {positive!r}"
        size = f"{self.n} x {self.d}"
        if self.sparse:
            size += f" sparse, {100 * self.inputs.nnz / (self.n * self.d):.2g} % stored"
        if self.probabilities is not None:
            return f"Dataset({name}{size}, soft labels of mean {self.probabilities.mean():.3g}, {words})"
        return f"Dataset({name}{size}, {int((self.labels > 0).sum())} positive, {words})"

    plot = plotted

    def _repr_html_(self) -> str:
        """Classes, or probabilities, and first rows as a table, for a notebook."""
        names = self.input_names or tuple(f"input {k}" for k in range(self.d))
        shown = slice(0, SHOWN_COLUMNS)
        more = "<th>...</th>" if self.d > SHOWN_COLUMNS else ""
        head = "".join(f"<th>{html.escape(name)}</th>" for name in names[shown]) + more
        first = self.inputs[:SHOWN_ROWS]
        first = first[:, shown].toarray() if self.sparse else first[:, shown]
        what, said = "label", [self.label_names[int(label > 0)] for label in self.labels[:SHOWN_ROWS]]
        if self.probabilities is not None:
            what, said = f"P(t = {self.label_names[1]})", [f"{p:.4g}" for p in self.probabilities[:SHOWN_ROWS]]
        rows = [
            f"<tr><td>{html.escape(name)}</td>"
            + "".join(f"<td>{x:.4g}</td>" for x in row) + ("<td></td>" if more else "") + "</tr>"
            for name, row in zip(said, first, strict=True)
        ]  # fmt: skip
        head = f"<th>{html.escape(what)}</th>{head}"
        return f"<code>{html.escape(repr(self))}</code><table><tr>{head}</tr>{''.join(rows)}</table>"

    @property
    def n(self) -> int:
        """How many examples there are."""
        return self.inputs.shape[0]

    @property
    def d(self) -> int:
        """How many columns the inputs have."""
        return self.inputs.shape[1]

    @property
    def sparse(self) -> bool:
        """Whether the inputs are sparse."""
        return is_sparse(self.inputs)

    def dense(self) -> "Dataset":
        """The same data with dense inputs.

        Raises:
            ValueError: if they take more memory than is free.

        Example:
            >>> import scipy.sparse, lossland as ll
            >>> data = ll.Dataset(scipy.sparse.csr_array([[0.0, 2.0], [1.0, 0.0]]), [-1, 1])
            >>> data, data.dense().inputs.tolist()
            (Dataset(2 x 2 sparse, 50 % stored, 1 positive, -1 = '-1', +1 = '1'), [[0.0, 2.0], [1.0, 0.0]])
        """
        return replace(self, inputs=dense_rows(self.inputs)) if self.sparse else self

    def refuse_sparse(self, what: str) -> None:
        """Refuse sparse inputs where dense ones are needed: how much these would take, and how to get them.

        Args:
            what: needs dense inputs.

        Raises:
            ValueError: if the inputs are sparse.
        """
        if self.sparse:
            raise needs_dense(self.inputs, what)

    @property
    def sha256(self) -> str:
        """A hash of shape and numbers only: the same data under another name have the same hash.

        Of sparse inputs it is another than of the same numbers as dense rows.
        """
        digest = hashlib.sha256(f"{self.n} x {self.d}{' sparse' * self.sparse}".encode())
        soft = () if self.probabilities is None else (self.probabilities,)
        inputs: Any = parts(self.inputs) if self.sparse else (self.inputs,)
        if isinstance(self.inputs, RowsOnDisk):
            inputs = (block for _, block in self.inputs.blocks())
        for array in itertools.chain(inputs, (self.labels, *soft)):
            digest.update(np.ascontiguousarray(array, dtype="<f8").data)
        return digest.hexdigest()


def _checked_inputs(given: Any, names: tuple[str, ...]) -> Any:
    """A fresh float64 (n, d) array, C-contiguous and finite; sparse rows, and rows on disk, where such are given."""
    refuse_traced(given, "inputs")
    if is_sparse(given):
        return checked_sparse(given, names)
    mapped = of_memory_map(given)
    if mapped is not None:
        given = RowsOnDisk(mapped, np.arange(mapped.shape[1]))
    if isinstance(given, RowsOnDisk):
        _check_names(given.shape, names)
        return checked_finite(given, lambda column: _column(column, names))
    if hasattr(given, "toarray") or hasattr(given, "todense"):
        raise ValueError(
            f"inputs is a {type(given).__name__}, sparse, but not of scipy; pass a scipy.sparse.csr_array, or dense "
            f"rows."
        )
    if np.ma.is_masked(given):
        raise ValueError("inputs is a masked array with masked entries; fill them or drop their rows.")
    try:
        array = np.asarray(given)
    except ValueError:
        raise ValueError("inputs has rows of different lengths; every row must have the same d numbers.") from None
    if array.ndim != 2:
        mend = " A single column is written inputs.reshape(-1, 1)." if array.ndim == 1 else ""
        raise ValueError(f"inputs has shape {array.shape}; it must be (n, d), one row an example.{mend}")
    if 0 in array.shape:
        raise ValueError(f"inputs is empty: its shape is {array.shape}. At least one row and one column are needed.")
    _check_names(array.shape, names)
    if array.dtype.kind in "OUST":
        array = np.array(given, dtype=object)  # NumPy turns the number in [1, "a"] into a word, and would name it below
        words = (index for index, value in np.ndenumerate(array) if not isinstance(value, numbers.Real | np.bool_))
        row, column = next(words, (None, 0))
        if row is not None:
            held = f"{array[row, column]!r} in row {row}, column {_column(column, names)}, counted from 0"
            raise ValueError(f"inputs must be numbers; it holds {held}. Turn words into numbers, or drop the column.")
        if not hasattr(given, "columns"):  # a data frame with columns of several types is an object array rightly
            raise ValueError("inputs is an array of Python objects; pass inputs.astype(float).")
        array = array.astype(np.float64)
    with np.errstate(over="ignore"):  # a long double too large for float64 is reported below, as inf
        array = np.array(real(array, "inputs"), dtype=np.float64, order="C")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        row, column = bad[0]
        raise ValueError(
            f"inputs holds {len(bad)} value(s) that are not finite; the first is {array[row, column]} at row {row}, "
            f"column {_column(column, names)}, counted from 0. Drop those rows or fill them in."
        )
    return array


def _check_names(shape: tuple[int, ...], names: tuple[str, ...]) -> None:
    if names and len(names) != shape[1]:
        raise ValueError(f"inputs has {shape[1]} columns, but input_names has {len(names)} names.")


def _column(index: int, names: Sequence[str]) -> str:
    return f"{index} ({names[index]!r})" if len(names) else str(index)
