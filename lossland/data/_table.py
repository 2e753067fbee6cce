"""A table as it stands in a file, and its columns as numbers, words or ones and zeros; a bad cell is told its place."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lossland.data._delimited import all_numbers, number, why_no_number
from lossland.data._labels import as_word

MISSING = {"", "?", "na", "n/a", "nan", "null", "none", "<na>", "#n/a", "nat"}
TRUTH = {"true": 1.0, "false": 0.0}


class Table(NamedTuple):
    """A table as it stands in a file.

    Attributes:
        names: of the columns; their numbers where the file has no names.
        named: whether the file has names.
        columns: each an array of numbers, or a list of words.
        place: row (from 0) -> where that is in the file, "line 3".
        decimal: the decimal sign in words that are numbers.
        repeated: names that several columns had, which are numbered now.
        unsure: whether the first row may hold names although it was taken for numbers.
    """

    names: list[str]
    named: bool
    columns: list[Any]
    place: Callable[[int], str]
    decimal: str = "."
    repeated: frozenset[str] = frozenset()
    unsure: bool = False


def numbers(path: Path, table: Table, k: int, hint: str = "") -> np.ndarray:
    """Column k as numbers.

    Raises:
        ValueError: if a cell holds none; with its place.
    """
    column = table.columns[k]
    if isinstance(column, np.ndarray):
        return column
    fast = all_numbers(column, table.decimal)
    if fast is not None:
        return fast
    present(path, table, k)
    if column and all(cell.lower() in TRUTH for cell in column):
        return np.array([TRUTH[cell.lower()] for cell in column])
    found = [number(cell, table.decimal) for cell in column]
    row = next((row for row, value in enumerate(found) if value is None), None)
    if row is not None:
        refuse_a_header(path, table, k, found)
        told = why_no_number(column[row], table.decimal)
        raise ValueError(f"{where(path, table, row, k)}: {column[row]!r} is not a finite number.{told or hint}")
    return np.array(found, dtype=float)


def one_hot(path: Path, table: Table, k: int, words: Sequence[str]) -> list[np.ndarray]:
    """A column of 0 and 1 for each word.

    Raises:
        ValueError: if a value is missing or not among the words.
    """
    column = words_of(table, k)
    present(path, table, k)
    row = next((row for row, value in enumerate(column) if value not in words), None)
    if row is not None:
        raise ValueError(
            f"{where(path, table, row, k)}: {column[row]!r} is not among the words that the model knows: "
            f"{shown(words)}."
        )
    return [np.array([float(value == each) for value in column]) for each in words]


def words_of(table: Table, k: int) -> list[str]:
    """Column k as words; numbers as a person writes them, 1.0 as 1."""
    column = table.columns[k]
    found = column if isinstance(column, np.ndarray) else all_numbers(column, table.decimal)
    return list(column) if found is None else [as_word(value) for value in found.tolist()]


def present(path: Path, table: Table, k: int) -> None:
    """Refuse missing values in column k."""
    column = table.columns[k]
    missing = np.isnan(column) if isinstance(column, np.ndarray) else [cell.lower() in MISSING for cell in column]
    row = int(np.argmax(missing))
    if missing[row]:
        raise ValueError(
            f"{where(path, table, row, k)}: the value is missing ({str(column[row])!r}). Drop the row or fill it in."
        )


def unnamed(name: str) -> bool:
    """Whether a column's name is none: what data frames write above an index."""
    return not name or name.startswith("Unnamed: ") or name.startswith("__index_level_")


def unique_names(names: list[str]) -> list[str]:
    """Names that each occur once: a second "a" is "a.1", as data frames call it."""
    taken, found = set(names), []
    for k, name in enumerate(names):
        count = names[:k].count(name)
        while count and f"{name}.{count}" in taken:
            count += 1
        found.append(f"{name}.{count}" if count else name)
        taken.add(found[-1])
    return found


def where(path: Path, table: Table, row: int, k: int) -> str:
    return f"{path}, {table.place(row)}, column {table.names[k]!r}"


def shown(names: Sequence[str]) -> str:
    return ", ".join(name or "''" for name in names[:20]) + (f", ... ({len(names)} in all)" if len(names) > 20 else "")


def refuse_a_header(path: Path, table: Table, k: int, found: Sequence[float | None]) -> None:
    """Refuse a first line of which one cell is a word in a column of numbers."""
    if table.unsure and len(found) > 2 and found[0] is None and None not in found[1:]:
        raise ValueError(
            f"{where(path, table, 0, k)}: {table.columns[k][0]!r} is a word, and all below are numbers. If this line "
            f"holds the names of the columns, say header=True (or --header true); else mend the cell."
        )
