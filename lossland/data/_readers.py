"""Data files: which format a file has, and one reader a format; `Dataset` checks what they give."""

import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lossland.core import no_file
from lossland.data._columns import Read, assemble
from lossland.data._libsvm import looks_like_libsvm, read_libsvm
from lossland.data._table import Table
from lossland.data._table_files import array_of, frame_table, matrix_table, text_table
from lossland.data._unpack import PACKED, decoded, kind, unpacked

ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".npz": "npz",
    ".npy": "npy",
    ".parquet": "parquet",
    ".feather": "feather",
    ".svm": "libsvm",
    ".libsvm": "libsvm",
}
_ALSO = {"svm": "libsvm", "svmlight": "libsvm", "tsv": "csv", "txt": "csv", "text": "csv", "arrow": "feather"}
_BINARY = ("npz", "npy", "parquet", "feather")
_PAIRS = (("inputs", "labels"), ("X", "y"), ("x", "y"), ("data", "target"))


def ending(path: Path) -> str:
    """The last ending, with the one before it if the file is packed, in lower case."""
    parts = [part.lower() for part in path.suffixes]
    return "".join(parts[-2:] if parts and parts[-1] in PACKED else parts[-1:])


def known_ending(path: Path) -> bool:
    """Whether the ending says that a file holds data."""
    parts = ending(path).split(".")
    return f".{parts[1]}" in ENDINGS if len(parts) > 1 else False


def opened(path: Path, format: str = "", encoding: str = "") -> tuple[str, bytes]:
    """The format of a file, as its ending, else its first bytes and lines show, and its bytes, unpacked.

    Raises:
        ValueError: if the file is empty, broken, or of no format that can be read.
        OSError: if there is no such file.
    """
    if not path.exists():
        raise no_file(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory; give one data file in it.")
    asked = _ALSO.get(format.lower().lstrip("."), format.lower().lstrip("."))
    if format and asked not in FORMATS:
        raise ValueError(f"{path}: format={format!r} is none of {', '.join(FORMATS)}.")
    held = unpacked(path)
    seen = kind(path, held)
    said = asked or (ENDINGS.get(f".{ending(path).split('.')[1]}", "") if known_ending(path) else "")
    if said in _BINARY and seen != said:
        found = f"the bytes are those of .{seen}" if seen else f"it is not an .{said} file"
        written = "; np.savez(path, inputs=..., labels=...) writes one" if said == "npz" else ""
        raise ValueError(f"{path} cannot be read as .{said}: {found}{written}.")
    if said and seen and said != seen:
        raise ValueError(
            f"{path} cannot be read as {said} text: the bytes are those of .{seen}; format={seen!r} reads it."
        )
    if said == "csv" and not asked and looks_like_libsvm(held[: 2**16].decode(errors="replace")):
        raise ValueError(f"{path} looks like LIBSVM text; format='libsvm' (or --format libsvm) reads it.")
    if said or seen:
        return said or seen, held
    try:
        text = decoded(path, held, encoding)
    except ValueError as error:
        raise ValueError(
            f"{error} Its format is not known by its name either; format= (or --format) says it."
        ) from None
    return "libsvm" if looks_like_libsvm(text) else "csv", held


def read_csv(
    path: Path,
    held: bytes,
    label: int | str | None = None,
    *,
    sep: str = "",
    decimal: str = "",
    comment: str | None = None,
    encoding: str = "",
    header: bool | None = None,
    index: int | str | bool | None = None,
    drop: Any = (),
    encode: Any = (),
    classes: Any = (),
) -> Read:
    """Separated cells with one column of labels, which may be words; a bad cell is named by line and column."""
    known = [each for each in (label, index, *_words(drop), *_words(encode)) if isinstance(each, str)]
    table = text_table(path, held, sep, decimal, comment, encoding, header, known=known)
    return assemble(path, table, label, index, drop, encode, _words(classes))


def _words(given: Any) -> tuple[Any, ...]:
    return (given,) if isinstance(given, str | int) else tuple(given or ())


def _of_table(read: Callable[[Path, bytes], Table]) -> Callable[..., Read]:
    def reader(
        path: Path,
        held: bytes,
        label: int | str | None = None,
        *,
        index: int | str | bool | None = None,
        drop: Any = (),
        encode: Any = (),
        classes: Any = (),
    ) -> Read:
        return assemble(path, read(path, held), label, index, drop, encode, _words(classes))

    return reader


def read_npz(path: Path, held: bytes, label: str = "", *, inputs: str = "") -> Read:
    """Two arrays: called inputs and labels or X and y, as they are said to be called, or the only matrix and vector."""
    arrays = npz_arrays(path, held)
    pairs = [(inputs or x, label or y) for x, y in _PAIRS]
    found = next(((x, y) for x, y in pairs if x in arrays and y in arrays), None)
    if found is None and not (inputs or label):
        shapes = {name: array.shape for name, array in arrays.items()}
        matrices = [name for name, shape in shapes.items() if len(shape) == 2 and shape[1] > 1]
        vectors = [name for name, shape in shapes.items() if len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)]
        alike = len(matrices) == len(vectors) == 1 and shapes[matrices[0]][0] == shapes[vectors[0]][0]
        found = (matrices[0], vectors[0]) if alike and len(arrays) == 2 else None
    if found is None:
        names = (
            f"{inputs or 'inputs (or X)'} and {label or 'labels (or y)'}"
            if inputs or label
            else "inputs and labels, or X and y"
        )
        raise ValueError(
            f"{path} holds {', '.join(arrays) or 'nothing'}; it must hold the arrays {names}. inputs= and label= (or "
            f"--inputs and --label) name two others."
        )
    x, y = (arrays[name] for name in found)
    return Read(x, y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y, ())


def npz_arrays(path: Path, held: bytes) -> dict[str, np.ndarray]:
    """The arrays of an .npz file, by name.

    Raises:
        ValueError: if the file is broken, locked or holds Python objects; with the array's name.
    """
    name = ""
    try:
        with warnings.catch_warnings(), zipfile.ZipFile(io.BytesIO(held)) as archive:
            warnings.simplefilter("ignore")  # of a name that occurs twice
            arrays = {}
            for name in archive.namelist():
                if name.endswith(".npy"):
                    arrays[name.removesuffix(".npy")] = array_of(archive.read(name))
            return arrays
    except Exception as error:
        at = f", array {name.removesuffix('.npy')!r}" if name else ""
        raise ValueError(
            f"{path} cannot be read as .npz{at}: {' '.join(str(error).split()) or type(error).__name__}"
        ) from None


def _read_libsvm(
    path: Path,
    held: bytes,
    *,
    n_features: int | None = None,
    zero_based: bool | None = None,
    max_bytes: int = 4 * 2**30,
    encoding: str = "",
    sparse: bool = False,
) -> Read:
    """LIBSVM text, "label index:value ...", made dense unless it is to stay sparse."""
    inputs, labels = read_libsvm(path, decoded(path, held, encoding), n_features, zero_based, max_bytes, sparse)
    return Read(inputs, labels, ())


FORMATS: dict[str, Callable[..., Read]] = {
    "csv": read_csv,
    "npz": read_npz,
    "npy": _of_table(matrix_table),
    "parquet": _of_table(lambda path, held: frame_table(path, held, "parquet")),
    "feather": _of_table(lambda path, held: frame_table(path, held, "feather")),
    "libsvm": _read_libsvm,
}
TABLES: dict[str, Callable[..., Table]] = {
    "csv": text_table,
    "npy": matrix_table,
    "parquet": lambda path, held: frame_table(path, held, "parquet"),
    "feather": lambda path, held: frame_table(path, held, "feather"),
}
