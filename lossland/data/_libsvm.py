"""LIBSVM text, "label index:value ...", made dense or kept sparse; what is wrong in it is named by its line."""

import io
import re
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lossland.data._delimited import number

_LINE = re.compile(r"\s*[^\s:]+(\s+(\d+|qid):[^\s:]+)*\s*(#.*)?")


def looks_like_libsvm(text: str) -> bool:
    """Whether the first lines are a word and pairs of an index and a value."""
    lines = [line for line in text[: 2**16].split("\n")[:100] if line.strip() and not line.lstrip().startswith("#")]
    whole = lines[:-1] if len(lines) > 1 else lines  # the last may be cut off
    return any(":" in line for line in whole) and all(_LINE.fullmatch(line) for line in whole)


def read_libsvm(
    path: Path, text: str, n_features: int | None, zero_based: bool | None, max_bytes: int, keep_sparse: bool = False
) -> tuple[Any, np.ndarray]:
    """Inputs (n, d) and labels (n,).

    Args:
        path: for messages.
        text: the lines.
        n_features: d, where the file does not show the last columns; by default its largest index.
        zero_based: whether the first column has index 0, not 1; by default whether an index 0 occurs.
        max_bytes: how large the dense inputs may become.
        keep_sparse: whether they stay sparse.

    Raises:
        ValueError: if a line cannot be read, an index is too large, or the dense inputs are.

    Warns:
        UserWarning: if lines have query numbers, which are left out.
    """
    from sklearn.datasets import load_svmlight_file

    if n_features is not None and not (isinstance(n_features, int) and n_features >= 1):
        raise ValueError(f"{path}: n_features={n_features!r} must be a positive whole number.")
    if not isinstance(keep_sparse, bool):
        raise ValueError(f"{path}: sparse={keep_sparse!r} must be True or False.")
    based: Any = "auto" if zero_based is None else zero_based
    try:
        # Python's numbers, which this reads, may have underscores; LIBSVM's have none.
        if "_" in text:
            raise ValueError("an underscore in a number")
        sparse, labels = load_svmlight_file(io.BytesIO(text.encode()), dtype=np.float64, zero_based=based)
    except (ValueError, OverflowError) as error:
        found = _scanned(path, text, zero_based)
        if not keep_sparse:
            _check_size(path, found, found.largest + (0 if found.least == 0 else -1) + 1, max_bytes)
        elif found.largest > np.iinfo(np.int32).max:
            raise ValueError(
                f"{path}, line {found.line}: the index {found.largest} is beyond {np.iinfo(np.int32).max}, the largest "
                f"that a sparse column may have. Hash or renumber the columns."
            ) from None
        raise ValueError(f"{path} cannot be read as LIBSVM text: {error}") from None
    if not (np.isfinite(sparse.data).all() and np.isfinite(labels).all()):
        _scanned(path, text, zero_based)
    n, d = sparse.shape
    if n == 0:
        raise ValueError(f"{path} is empty.")
    if "qid:" in text:
        told = "its query numbers (qid:) are left out: every example stands alone here, whatever query it belongs to."
        warnings.warn(f"{path}: {told}", stacklevel=2)
    if n_features is not None and d > n_features:
        found = _scanned(path, text, zero_based)
        raise ValueError(
            f"{path}, line {found.line}: index {found.largest} is beyond n_features={n_features}; the file has "
            f"{d} columns."
        )
    wide = n_features or d
    if keep_sparse:
        sparse.resize((n, wide))
        return sparse, labels
    if 8 * n * wide > max_bytes:
        _check_size(path, _scanned(path, text, zero_based), wide, max_bytes)
    inputs = np.zeros((n, wide))
    inputs[:, :d] = sparse.toarray()
    return inputs, labels


class _Scan(NamedTuple):
    """Examples, the least and the largest index, and the line of the largest."""

    n: int
    least: int
    largest: int
    line: int


def _check_size(path: Path, found: _Scan, d: int, max_bytes: int) -> None:
    size = 8 * found.n * d
    if size > max_bytes:
        raise ValueError(
            f"{path} is {found.n} x {d}: dense, it takes {size / 2**30:.3g} GiB, more than the {max_bytes / 2**30:.3g} "
            f"GiB allowed. Its largest index, {found.largest}, is in line {found.line}. Pass max_bytes={size} if the "
            f"memory is there, sparse=True (or --sparse) to keep it sparse, or keep fewer columns."
        )


def _scanned(path: Path, text: str, zero_based: bool | None) -> _Scan:
    """Read line by line, slowly, for the first that is wrong."""
    n, least, largest, line = 0, 2**63, -1, 0
    for k, each in enumerate(text.split("\n"), 1):
        words = each.partition("#")[0].split()
        if not words:
            continue
        n += 1
        indices = _indices(f"{path}, line {k}", words, zero_based)
        if indices:
            least = min(least, indices[0])
            if indices[-1] > largest:
                largest, line = indices[-1], k
    return _Scan(n, least, largest, line)


def _indices(where: str, words: list[str], zero_based: bool | None) -> list[int]:
    """The indices of a line, ascending; what is wrong in it is refused."""
    label, *pairs = words
    if number(label) is None:
        if "," in label:
            told = "are several labels; an example has one, of two classes. A table of cells is read by format='csv'."
            raise ValueError(f"{where}: {label!r} {told}")
        if ":" in label:
            raise ValueError(f"{where}: it begins with {label!r}, without a label. A line is: label index:value ...")
        raise ValueError(f"{where}: the label {label!r} is not a number, as LIBSVM text asks for. Write -1 and +1.")
    indices: list[int] = []
    for pair in pairs:
        index, colon, value = pair.partition(":")
        if index == "qid" and colon:
            continue
        if not colon or not value:
            raise ValueError(f"{where}: {pair!r} is not index:value.")
        if not (index.isascii() and index.isdigit()):
            raise ValueError(f"{where}: the index {index!r} in {pair!r} is not a whole number from 0 or 1 on.")
        if number(value) is None:
            raise ValueError(f"{where}: the value {value!r} in {pair!r} is not a finite number.")
        if zero_based is False and int(index) == 0:
            raise ValueError(f"{where}: it has the index 0, but zero_based=False says that the first column is 1.")
        if indices and int(index) <= indices[-1]:
            wrong = "occurs twice" if int(index) == indices[-1] else f"comes after {indices[-1]}; indices must ascend"
            raise ValueError(f"{where}: the index {index} {wrong}.")
        indices.append(int(index))
    return indices
