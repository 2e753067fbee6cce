"""Tables in files: text of separated cells, .parquet and .feather, an .npy matrix; each gives a `Table`."""

import io
import numbers
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lossland.data._delimited import SAMPLE, Rows, all_numbers, number, rows_of
from lossland.data._table import MISSING, Table, unique_names
from lossland.data._unpack import decoded

LARGE = 10**6
"""Characters from which on a plain text is read by `numpy.loadtxt`."""


def text_table(
    path: Path,
    held: bytes,
    sep: str = "",
    decimal: str = "",
    comment: str | None = None,
    encoding: str = "",
    header: bool | None = None,
    *,
    known: Sequence[str] = (),
    least: int = 2,
) -> Table:
    """The table of a text of at least so many columns; `known` are names that a header would hold."""
    text = decoded(path, held, encoding)
    if len(text) > LARGE and comment is None:
        table = _plain_table(path, text, sep, decimal, header, known)
        if table is not None:
            return table
    return _table_of_rows(path, rows_of(path, text, sep, decimal, comment, least), header, known)


def _table_of_rows(path: Path, rows: Rows, header: bool | None, known: Sequence[str]) -> Table:
    first, start, named = rows.cells[0], 0, True
    names = list(rows.names)
    if not (names and header is not False and (header or any(number(c, rows.decimal) is not None for c in first))):
        named = is_header(path, rows, known) if header is None else header
        names, start = (first, 1) if named else ([str(k) for k in range(len(first))], 0)
    if start == len(rows.cells):
        raise ValueError(f"{path} has a header and no line below it.")
    columns = [list(column) for column in zip(*rows.cells[start:], strict=True)]
    repeated = frozenset(name for name in names if names.count(name) > 1)
    place = lambda row: f"line {rows.lines[start + row]}"  # noqa: E731
    return Table(unique_names(names), named, columns, place, rows.decimal, repeated, header is None and not named)


def _plain_table(
    path: Path, text: str, sep: str, decimal: str, header: bool | None, known: Sequence[str]
) -> Table | None:
    """The same table of a large text without quotes and comments, many times faster; None where anything is unusual."""
    numbered = [(k, line) for k, line in enumerate(text.split("\n"), 1) if line and not line.isspace()]
    lines = [line for _, line in numbered]
    if '"' in text or "_" in text or not text.isascii() or any(line.lstrip()[0] in "#%" for line in lines):
        return None
    try:
        sample = rows_of(path, "\n".join(lines[:SAMPLE]), sep, decimal)
        head = _table_of_rows(path, sample, header, known)
    except ValueError:
        return None
    width, start = len(head.names), len(sample.cells) - len(head.columns[0])
    numeric = [k for k, column in enumerate(head.columns) if all_numbers(column) is not None]
    if sample.decimal != "." or sample.sep == " " or lines[0].startswith("sep=") or not numeric:
        return None
    if any(line.count(sample.sep) != width - 1 for line in lines):
        return None
    try:
        block = np.loadtxt(lines[start:], delimiter=sample.sep, comments=None, usecols=numeric, ndmin=2)
    except ValueError:
        return None
    if not np.isfinite(block).all():
        return None
    columns: list[Any] = [None] * width
    for j, k in enumerate(numeric):
        columns[k] = block[:, j]
    for k in set(range(width)) - set(numeric):
        columns[k] = [line.split(sample.sep)[k].strip() for line in lines[start:]]
    return head._replace(columns=columns, place=lambda row: f"line {numbered[start + row][0]}")


def is_header(path: Path, rows: Rows, known: Sequence[str]) -> bool:
    """Whether the first row names the columns: it holds no number, or a name that was asked for."""
    first, rest = rows.cells[0], rows.cells[1:]
    if any(name in first for name in known if not _is_whole(name)):
        return True
    numeric = [number(cell, rows.decimal) is not None for cell in first]
    if first[0] == "" and all(_is_whole(cell) for cell in first[1:]) and rest and all(row[0] for row in rest):
        # A data frame without names of columns, and its index.
        if [int(cell) for cell in first[1:]] == list(range(len(first) - 1)):
            return True
    if not any(numeric):
        return not rest or _names_or_words(path, rows)
    # A data frame whose columns have no names writes 0, 1, 2, ..., beside the names of those that have one.
    count = sum(numeric)
    counted = count > 1 and all(numeric[:count]) and first[:count] == [str(k) for k in range(count)]
    if not counted or not rest or first in rest:
        return False
    words = range(count, len(first))
    if words and all(number(row[k], rows.decimal) is not None for row in rest for k in words):
        return True
    if any(first[k] == row[k] for row in rest for k in words):
        return False
    told = ", ".join(first[:4]) + ", ..." * (len(first) > 4)
    raise ValueError(
        f"{path}, line {rows.lines[0]}: {told} may be the names of the columns, "
        f"as a data frame without names writes them, or a row. header=True or header=False (or --header true, "
        f"--header false) says which."
    )


def _names_or_words(path: Path, rows: Rows) -> bool:
    """Whether a first row without a number is a header, in a table that may be all words."""
    columns = list(zip(*rows.cells, strict=True))
    if any(number(cell, rows.decimal) is not None for column in columns for cell in column[1:]):
        return True
    again = [column[0] in column[1:] for column in columns if column[0].lower() not in MISSING]
    if not any(again):
        return True
    if all(again):
        return False
    raise ValueError(
        f"{path}, line {rows.lines[0]}: the table holds words only; are these the names of its columns? header=True or "
        f"header=False (or --header true, --header false) says so."
    )


def _is_whole(cell: str) -> bool:
    return cell.isascii() and cell.removeprefix("-").isdigit()


def frame_table(path: Path, held: bytes, format: str) -> Table:
    """The table of a .parquet or .feather file, read by pandas and pyarrow."""
    try:
        import pandas as pd

        read = pd.read_parquet if format == "parquet" else pd.read_feather
        frame = read(io.BytesIO(held))
    except ImportError:
        raise ImportError(f'Reading {path} needs pandas and pyarrow: pip install "lossland[parquet]"') from None
    except Exception as error:
        raise ValueError(f"{path} cannot be read as .{format}: {' '.join(str(error).split())}") from None
    if 0 in frame.shape:
        raise ValueError(f"{path} is empty: it has {frame.shape[0]} rows and {frame.shape[1]} columns.")
    names = unique_names([str(name) for name in frame.columns])
    columns = [_series(path, frame.iloc[:, k], names[k]) for k in range(len(names))]
    return Table(names, True, columns, lambda row: f"row {row} (from 0)")


def _series(path: Path, series: Any, name: str) -> Any:
    """A frame's column: an array of numbers, or a list of words with "" for what is missing."""
    import pandas as pd

    kind = pd.api.types
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype if not series.isna().any() else object)
    if kind.is_bool_dtype(series.dtype) or kind.is_numeric_dtype(series.dtype):
        if kind.is_complex_dtype(series.dtype):
            raise ValueError(f"{path}: column {name!r} holds complex numbers.")
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    values, missing = list(series), series.isna().tolist()
    if all(gone or isinstance(value, numbers.Real) for value, gone in zip(values, missing, strict=True)):
        return np.array([np.nan if gone else float(v) for v, gone in zip(values, missing, strict=True)])
    strange = next((v for v, gone in zip(values, missing, strict=True) if not gone and not isinstance(v, str)), None)
    if strange is not None:
        raise ValueError(
            f"{path}: column {name!r} holds values of type {type(strange).__name__}, which are neither numbers nor "
            f"words; turn them into numbers and save the file again."
        )
    return ["" if gone else value.strip() for value, gone in zip(values, missing, strict=True)]


def matrix_table(path: Path, held: bytes) -> Table:
    """The table of an .npy file: a matrix, or an array with named fields."""
    try:
        array = array_of(held)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as .npy: {error}") from None
    if array.dtype.names:
        names = list(array.dtype.names)
        columns = [_array_column(path, array[name].ravel(), name) for name in names]
        return Table(names, True, columns, lambda row: f"row {row} (from 0)")
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"{path} holds an array of shape {array.shape}; it must be a matrix, one row an example and one column the "
            f"labels. np.savez(path, inputs=..., labels=...) keeps the two apart."
        )
    names = [str(k) for k in range(array.shape[1])]
    columns = [_array_column(path, array[:, k], names[k]) for k in range(len(names))]
    return Table(names, False, columns, lambda row: f"row {row} (from 0)")


def _array_column(path: Path, values: np.ndarray, name: str) -> Any:
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    if values.dtype.kind in "UT":
        return [str(value).strip() for value in values]
    raise ValueError(f"{path}: column {name!r} is of type {values.dtype}, neither numbers nor words.")


def array_of(held: bytes) -> np.ndarray:
    """The array in the bytes of an .npy file.

    Raises:
        ValueError: if the bytes are broken, or hold Python objects.
    """
    import warnings

    if not held.startswith(b"\x93NUMPY"):
        raise ValueError("it is not in the format of .npy.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers written by Python 2, which are read all the same
            return np.load(io.BytesIO(held), allow_pickle=False)
    except MemoryError:
        raise ValueError("its header asks for more memory than there is.") from None
    except Exception as error:
        if "allow_pickle" in str(error):
            raise ValueError("it holds Python objects; save numbers or words, say labels.astype(str).") from None
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from None
