"""A data file of numbers written once as an .npy file, part by part, so that its rows can be read where they stand."""

import io
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from lossland.core import guarded, named_path, no_file, replacing
from lossland.data._delimited import rows_of
from lossland.data._libsvm import looks_like_libsvm
from lossland.data._table import unnamed
from lossland.data._table_files import is_header

LINES = 20_000
"""Lines of text that are read at once."""
SEEN = 1000
"""Lines by which the separator and the names are found."""
NUMBERS = 2**22
"""Numbers that are written at once."""


class Written(NamedTuple):
    """An .npy file that was written.

    Attributes:
        path: of the file.
        shape: (n, columns) of its matrix.
        names: of the columns; empty where the file that was read has none.
    """

    path: Path
    shape: tuple[int, int]
    names: tuple[str, ...]


class _Parts(NamedTuple):
    """What a reader gives: names of columns, how many there are, and the matrix block by block."""

    names: tuple[str, ...]
    width: int
    blocks: Iterator[np.ndarray]


@guarded()
def write_npy(
    path: str | Path,
    to: str | Path,
    dtype: Literal["float32", "float64"] = "float64",
    sep: str = "",
    header: bool | None = None,
) -> Written:
    r"""Write the numbers of a data file as a matrix in an .npy file, without ever holding them all.

    The file is separated cells, LIBSVM text or .parquet, not packed; `load(to, memory_map=True)` then leaves the inputs
    where they are. Columns keep their order: :math:`x_{ij}` is cell j of row i. Of LIBSVM text the label is the last.
    The index of a data frame, a first column of whole numbers without a name or what .parquet calls one, is left out.

    Args:
        path: of the file.
        to: the .npy file, which is written whole or not at all.
        dtype: of its numbers; float32 takes half the room, and rounds.
        sep: of separated cells, one character, "tab" or "space"; guessed from the first lines by default.
        header: whether the first row of separated cells names the columns; by default whether it holds no number, and
            to be said where it is 0, 1, 2, ..., which may be names or a row.

    Returns:
        `Written(path, shape, names)`; `names.index("kind")` is what `load` takes as `label`.

    Raises:
        ValueError: if a cell is not a finite number, with its lines, rows differ in length, the format is another, or
            both paths are the same file.
        OSError: if there is no such file.

    Example:
        >>> import tempfile, lossland as ll
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "t.csv").write_text("a,b,kind\n1,2,0\n3,4,1\n")
        ...     made = ll.data.write_npy(f"{folder}/t.csv", f"{folder}/t.npy")
        ...     data = ll.load(made.path, memory_map=True, label=made.names.index("kind"))
        >>> made.shape, made.names, data
        ((2, 3), ('a', 'b', 'kind'), Dataset('t', 2 x 2, 1 positive, -1 = '0', +1 = '1'))
    """
    source, target = Path(path), named_path(to)
    if not source.exists():
        raise no_file(source)
    if source.is_dir():
        raise IsADirectoryError(f"{source} is a directory; give one data file in it.")
    if target.exists() and target.samefile(source):
        raise ValueError(f"{source} would be replaced by what is written of it; give another file to write to.")
    if not target.absolute().parent.is_dir():
        raise FileNotFoundError(f"There is no folder {target.parent} to write {target.name} to; make it first.")
    parts = _reader(source)(source, sep, header)
    n = 0
    with replacing(target) as temporary, temporary.open("w+b") as held:
        # NumPy leaves room in a header for more rows, so that it is written again when their number is known.
        _write_header(held, (0, parts.width), dtype)
        for block in parts.blocks:
            with np.errstate(over="ignore"):
                stored = np.ascontiguousarray(block, dtype)
            if not np.isfinite(stored).all():
                raise ValueError(
                    f"{source}: rows {n} to {n + len(block) - 1}, counted from 0, hold a value that is missing, not "
                    f"finite, or too large for {dtype}."
                )
            held.write(stored.data)
            n += len(block)
        if n == 0:
            raise ValueError(f"{source} is empty.")
        ends = held.tell()
        held.seek(0)
        _write_header(held, (n, parts.width), dtype)
        assert ends > held.tell()
    return Written(target, (n, parts.width), parts.names)


def _write_header(held: Any, shape: tuple[int, int], dtype: str) -> None:
    described = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(held, described)


def _reader(path: Path) -> Callable[[Path, str, bool | None], _Parts]:
    """The reader of a file's format, by its first bytes."""
    with path.open("rb") as held:
        head = held.read(2**16)
    if head.startswith(b"PAR1"):
        return _parquet
    text = head.decode("utf-8", errors="replace")
    if b"\0" in head or head.startswith(b"\x93NUMPY"):
        raise ValueError(
            f"{path} is neither text nor .parquet, which are written part by part; np.save('x.npy', X) writes an "
            f"array, and packed text is unpacked first."
        )
    return _libsvm if looks_like_libsvm(text) else _cells


def _cells(path: Path, sep: str, header: bool | None) -> _Parts:
    """Separated cells."""
    first = "".join(itertools.islice(_lines(path), SEEN))
    seen = rows_of(path, first, sep, ".", least=2)
    named = is_header(path, seen, ()) if header is None else header
    names = tuple(seen.cells[0]) if named else seen.names
    width = len(seen.cells[0])
    blocks = _cell_blocks(path, seen.sep, seen.lines[0] if named else seen.lines[0] - 1, width)
    if width > 2 and names and unnamed(names[0]):
        return _Parts(names[1:], width - 1, _without_index(path, blocks))
    return _Parts(names, width, blocks)


def _lines(path: Path) -> Iterator[str]:
    """The lines of a text in UTF-8."""
    with path.open(encoding="utf-8-sig") as held:
        try:
            yield from held
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path} is not in UTF-8 ({error.reason}), in which text is written part by part; save it so."
            ) from None


def _without_index(path: Path, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """The blocks but their first column, which has no name."""
    for block in blocks:
        if not np.array_equal(block[:, 0], np.round(block[:, 0])):
            raise ValueError(
                f"{path}: the first column has no name, as the index of a data frame has none, but holds broken "
                f"numbers. Give it a name if it is an input; else take it out."
            )
        yield block[:, 1:]


def _cell_blocks(path: Path, sep: str, skipped: int, width: int) -> Iterator[np.ndarray]:
    rows = itertools.islice(_lines(path), skipped, None)
    line = skipped
    while lines := list(itertools.islice(rows, max(min(LINES, NUMBERS // width), 1))):
        given = [each for each in lines if each.strip() and each.lstrip()[0] not in "#%"]
        try:
            block = np.loadtxt(given, delimiter=None if sep == " " else sep, comments=None, quotechar='"', ndmin=2)
        except ValueError as error:
            raise ValueError(
                f"{path}, lines {line + 1} to {line + len(lines)}: {' '.join(str(error).split())} (rows counted "
                f"within). Every cell must be a number here: write words as numbers first."
            ) from None
        line += len(lines)
        if given and block.shape[1] != width:
            raise ValueError(f"{path}, near line {line}: rows of {block.shape[1]} cells, the first has {width}.")
        if given:
            yield block


def _libsvm(path: Path, _sep: str, _header: bool | None) -> _Parts:
    """LIBSVM text, read twice: for the number of columns first."""
    least, largest = 1, 0
    for matrix, _ in _libsvm_parts(path, None):
        least = min(least, int(matrix.indices.min(initial=1)))
        largest = max(largest, int(matrix.indices.max(initial=0)))
    width = largest + (least == 0)

    def blocks() -> Iterator[np.ndarray]:
        for matrix, labels in _libsvm_parts(path, largest + 1):
            step = max(NUMBERS // (width + 1), 1)
            for start in range(0, len(labels), step):
                dense = matrix[start : start + step].toarray()[:, least:]
                yield np.column_stack([dense, labels[start : start + step]])

    return _Parts((), width + 1, blocks())


def _libsvm_parts(path: Path, columns: int | None) -> Iterator[tuple[Any, np.ndarray]]:
    """Sparse rows, indices as they stand, and labels, of some lines at once."""
    from sklearn.datasets import load_svmlight_file

    as_it_stands: Any = True
    with path.open("rb") as held:
        line = 0
        while lines := list(itertools.islice(held, LINES)):
            try:
                matrix, labels = load_svmlight_file(
                    io.BytesIO(b"".join(lines)), n_features=columns, zero_based=as_it_stands
                )
            except (ValueError, OverflowError) as error:
                where = f"{path}, lines {line + 1} to {line + len(lines)}"
                raise ValueError(f"{where}, cannot be read as LIBSVM text: {error}") from None
            line += len(lines)
            if len(labels):
                yield matrix, labels


def _parquet(path: Path, _sep: str, _header: bool | None) -> _Parts:
    """A .parquet file, some rows of its row groups at once."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise ImportError(f'Reading {path} needs pyarrow: pip install "lossland[parquet]"') from None
    file = parquet.ParquetFile(path)
    # Of an index that only counts pandas keeps first and step, no column.
    index = [
        each for each in (file.schema_arrow.pandas_metadata or {}).get("index_columns", ()) if isinstance(each, str)
    ]
    names = tuple(name for name in map(str, file.schema_arrow.names) if name not in index)

    def blocks() -> Iterator[np.ndarray]:
        for batch in file.iter_batches(batch_size=max(NUMBERS // max(len(names), 1), 1), columns=list(names)):
            columns = [column.to_numpy(zero_copy_only=False) for column in batch.columns]
            for name, column in zip(names, columns, strict=True):
                if column.dtype.kind not in "biuf":
                    raise ValueError(
                        f"{path}: column {name!r} holds words, or values are missing; write it as numbers first."
                    )
            yield np.column_stack([column.astype(np.float64) for column in columns])

    return _Parts(names, len(names), blocks())
