"""Data files: each reader returns the arrays as they stand in the file; `Dataset` checks them."""

import bz2
import csv
import difflib
import gzip
import math
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

MISSING = {"", "?", "na", "n/a", "nan", "null", "none"}


def ending(path: Path) -> str:
    """The last ending, with the one before it if the file is compressed, in lower case."""
    parts = [part.lower() for part in path.suffixes]
    return "".join(parts[-2:] if parts and parts[-1] in (".gz", ".bz2") else parts[-1:])


def _csv(path: Path, label: int | str = -1, header: bool | None = None) -> tuple[Any, Any, tuple[str, ...]]:
    """Comma-separated numbers with one column of labels, which may be words; a bad cell is named by line and column."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as comma-separated text: {error}.") from None
    lines = [(line, row) for line, row in lines if len(row) > 1 or any(row)]  # blank lines are passed over
    if not lines:
        raise ValueError(f"{path} is empty.")
    first = lines[0][1]
    for line, row in lines:
        if len(row) != len(first):
            raise ValueError(f"{path}, line {line}: it has {len(row)} cells, but the first line has {len(first)}.")
    if len(first) < 2:
        raise ValueError(
            f"{path} has one column (line {lines[0][0]}: {first[0]!r}); it needs one of inputs and one of labels at "
            f"least, separated by commas."
        )
    if header is None:
        header = label in first or not any(_is_number(cell) for cell in first)
    names = first if header else [str(column) for column in range(len(first))]
    at = _label_column(path, label, names)
    lines = lines[1:] if header else lines
    if not lines:
        raise ValueError(f"{path} has a header and no line below it.")
    for line, row in lines:
        for column, cell in enumerate(row):
            where = f"{path}, line {line}, column {names[column]!r}"
            if cell.lower() in MISSING:
                raise ValueError(f"{where}: the value is missing ({cell!r}). Drop the line or fill it in.")
            if column != at and not _is_number(cell):
                raise ValueError(
                    f"{where}: {cell!r} is not a finite number. Only the label may be a word, here in column "
                    f"{names[at]!r}; label={names[column]!r} (or --label) names another."
                )
    inputs = [[float(cell) for cell in row[:at] + row[at + 1 :]] for _, row in lines]
    labels = [row[at] for _, row in lines]
    numeric = all(map(_is_number, labels))
    return (
        np.array(inputs),
        np.array(list(map(float, labels))) if numeric else np.array(labels),
        tuple(names[:at] + names[at + 1 :]) if header else (),
    )


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _label_column(path: Path, label: int | str, names: Sequence[str]) -> int:
    """The index of the column that holds the labels."""
    if isinstance(label, str) and label in names:
        return list(names).index(label)
    try:
        return range(len(names))[int(label)]
    except (ValueError, IndexError):
        near = difflib.get_close_matches(str(label), names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"{path} has no column {label!r} for the labels.{hint} Its columns: {', '.join(names)}."
        ) from None


def _npz(path: Path, label: str = "") -> tuple[Any, Any, tuple[str, ...]]:
    """Two arrays, called inputs and labels or X and y; or the labels as they are said to be called."""
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not an .npz file; np.savez(path, inputs=..., labels=...) writes one.")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            wanted = (("inputs", label), ("X", label)) if label else (("inputs", "labels"), ("X", "y"))
            for inputs, labels in wanted:
                if inputs in arrays and labels in arrays:
                    return arrays[inputs], arrays[labels], ()
            held = ", ".join(arrays) or "nothing"
    except (ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} cannot be read as .npz: {error}") from None
    names = f"inputs (or X) and {label}" if label else "inputs and labels, or X and y"
    raise ValueError(f"{path} holds {held}; it must hold the arrays {names}.")


def _parquet(path: Path, label: int | str = -1) -> tuple[Any, Any, tuple[str, ...]]:
    """A data frame with one column of labels."""
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except ImportError:
        raise ImportError(f'Reading {path} needs pyarrow: pip install "lossland[parquet]"') from None
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} cannot be read as .parquet: {error}") from None
    names = [str(column) for column in frame.columns]
    at = _label_column(path, label, names)
    return frame.iloc[:, [j for j in range(len(names)) if j != at]], frame.iloc[:, at], ()


def _svm(path: Path, max_bytes: int = 4 * 2**30) -> tuple[Any, Any, tuple[str, ...]]:
    """LIBSVM text, "label index:value ...", made dense."""
    from sklearn.datasets import load_svmlight_file

    unpack: Any = {".gz": gzip.open, ".bz2": bz2.open}.get(path.suffix.lower(), open)
    try:
        with unpack(path, "rb") as file:
            inputs, labels = load_svmlight_file(file, dtype=np.float64)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read as LIBSVM text: {error}") from None
    n, d = inputs.shape
    size = 8 * n * d
    if size > max_bytes:
        raise ValueError(
            f"{path} is {n} x {d}: dense, it takes {size / 2**30:.3g} GiB, more than the {max_bytes / 2**30:.3g} GiB "
            f"allowed. Pass max_bytes={size} if the memory is there, or keep fewer columns."
        )
    return inputs.toarray(), labels, ()


READERS: dict[str, Callable[..., tuple[Any, Any, tuple[str, ...]]]] = {
    ".csv": _csv,
    ".npz": _npz,
    ".parquet": _parquet,
    **{plain + packed: _svm for plain in (".svm", ".libsvm") for packed in ("", ".gz", ".bz2")},
}
