"""Columns of a table as inputs and labels: which holds the labels, which counts rows, which words become numbers."""

import difflib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lossland.data._delimited import all_numbers, number
from lossland.data._table import (
    MISSING,
    TRUTH,
    Table,
    numbers,
    one_hot,
    present,
    refuse_a_header,
    shown,
    unnamed,
    where,
    words_of,
)

_MAY_BE_A_CLASS = {"na", "n/a", "null", "none"}
_LABEL_NAMES = {"label", "labels", "target", "class", "y", "outcome"}
_ALL = ("one_hot", "one-hot", "onehot")
_COUNTERS = {"", "id", "index", "idx", "row", "rows", "rownames", "row.names", "row_id", "nr", "no", "no.", "#", "n"}


class Part(NamedTuple):
    """A column that inputs are made of: its name and number in the file, and its words where it is one-hot."""

    name: str
    at: int
    words: tuple[str, ...] = ()


class Recipe(NamedTuple):
    """How a file's columns became inputs, to be done again with another file.

    Attributes:
        parts: the columns that are used; empty where the file held an array of inputs.
        label: the label's column, by name and number.
        layout: the numbers of all columns but an index.
        named: whether the columns have names.
    """

    parts: tuple[Part, ...]
    label: tuple[str, int]
    layout: tuple[int, ...]
    named: bool


class Read(NamedTuple):
    """What a reader found: inputs (n, d), labels (n,), d names or none, the recipe, and a remark on the labels."""

    inputs: Any
    labels: Any
    names: tuple[str, ...]
    recipe: Recipe | None = None
    remark: str = ""


def assemble(
    path: Path,
    table: Table,
    label: int | str | None = None,
    index: int | str | bool | None = None,
    drop: Any = (),
    encode: Any = (),
    classes: Collection[str] = (),
) -> Read:
    """Inputs and labels of a table.

    Args:
        path: for messages.
        table: the columns.
        label: the labels' column, by name or number; the last by default.
        index: the column that only numbers or names the rows, True for the first, False for none; by default a first
            column without a name.
        drop: columns to leave out, by name or number.
        encode: columns of words to turn into one column of 0 and 1 for each word; "one_hot" for all such.
        classes: the words of classes that were named: "None" and "NA" are then classes.

    Raises:
        ValueError: if a column is not there, a value is missing or not a number; with its place and what helps.
    """
    counting = _index(path, table, index)
    dropped = {_at(path, each, table, "to drop") for each in _listed(drop)}
    kept = [k for k in range(len(table.names)) if k not in dropped and k != counting]
    if not kept:
        raise ValueError(f"{path}: no column is left for the labels.")
    at = _label(path, table, label, kept)
    if at == counting or at in dropped:
        raise ValueError(
            f"{path}: column {table.names[at]!r} was asked for the labels, but it is "
            f"{'left out by drop' if at in dropped else 'the index of the rows'}; the others: {shown(table.names)}."
        )
    if len(kept) < 2:
        raise ValueError(f"{path}: no column of inputs is left beside the labels, {table.names[at]!r}.")
    wanted = _encoded(path, table, encode, [k for k in kept if k != at], at)
    parts, inputs = [], []
    for k in kept:
        if k != at:
            made, columns = _part(path, table, k, k in wanted, at, kept)
            parts.append(made)
            inputs += columns
    names = tuple(name for part in parts for name in _names_of(part)) if table.named or wanted else ()
    labels = _label_values(path, table, at, classes)
    return Read(
        np.stack(inputs, axis=1),
        labels,
        names,
        Recipe(
            tuple(parts), (table.names[at], at), tuple(k for k in range(len(table.names)) if k != counting), table.named
        ),
        _remark(table, at, labels, label is not None),
    )


def _listed(given: Any) -> Sequence[Any]:
    return (given,) if isinstance(given, str | int) else given


def _at(path: Path, key: Any, table: Table, role: str) -> int:
    """The number of a column, by its name or, if no column is called so, by its number."""
    names = table.names
    if isinstance(key, str) and key in names:
        if key in table.repeated:
            raise ValueError(f"{path}: several columns are called {key!r}; give the number of the one {role}.")
        return names.index(key)
    try:
        return range(len(names))[int(key)]
    except (ValueError, IndexError, TypeError):
        near = difflib.get_close_matches(str(key), names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{path} has no column {key!r} {role}.{hint} Its columns: {shown(names)}.") from None


def _index(path: Path, table: Table, index: Any) -> int | None:
    """The number of the column that only numbers or names the rows."""
    if index is not None and index is not False:
        return 0 if index is True else _at(path, index, table, "as the index")
    if index is False or len(table.names) < 3:
        return None
    values = words_of(table, 0)
    if table.named and unnamed(table.names[0]):
        if len(set(values)) == len(values):
            return 0
        raise ValueError(
            f"{path}: the first column has no name, as the index of a data frame has none, but its values repeat. "
            f"index=True (or --index true) leaves it out, index=False keeps it."
        )
    if len(values) >= 10 and (not table.named or table.names[0].strip().lower() in _COUNTERS):
        if values in ([str(k) for k in range(len(values))], [str(k + 1) for k in range(len(values))]):
            raise ValueError(
                f"{path}: the first column, {table.names[0]!r}, counts the rows. If it is an index, index=True "
                f"(or --index true) leaves it out; if it is an input, index=False (or --index false) keeps it."
            )
    return None


def _label(path: Path, table: Table, label: int | str | None, kept: Sequence[int]) -> int:
    """The number of the labels' column."""
    if label is not None:
        # A number counts the columns of the file; -1 is the last one that is left.
        at = _at(path, label, table, "for the labels")
        return kept[-1] if str(label) == "-1" and label not in table.names else at
    likely = [k for k in kept if table.named and table.names[k].lower() in _LABEL_NAMES]
    if likely and kept[-1] not in likely:
        raise ValueError(
            f"{path}: are the labels in column {table.names[likely[0]]!r}, or in the last, {table.names[kept[-1]]!r}? "
            f"label={table.names[likely[0]]!r} or label=-1 (or --label) says which."
        )
    return kept[-1]


def _label_values(path: Path, table: Table, at: int, classes: Collection[str]) -> Any:
    """The labels: numbers if all are, else words."""
    column = table.columns[at]
    if isinstance(column, np.ndarray):
        return column
    lowered = [cell.lower() for cell in column]
    row = next((k for k, cell in enumerate(lowered) if cell in MISSING - (_MAY_BE_A_CLASS if classes else set())), None)
    if row is not None:
        others = list(dict.fromkeys(cell for cell, low in zip(column, lowered, strict=True) if low not in MISSING))
        mend = "Drop the row or fill it in."
        if lowered[row] in _MAY_BE_A_CLASS and others and any(number(each, table.decimal) is None for each in others):
            pair = (column[row], others[0])
            mend = (
                f"If {column[row]!r} is a class, name the two: classes={pair} (or --classes {' '.join(pair)}). {mend}"
            )
        raise ValueError(f"{where(path, table, row, at)}: the value is missing ({column[row]!r}). {mend}")
    fast = all_numbers(column, table.decimal)
    if fast is not None:
        return fast
    refuse_a_header(path, table, at, [number(cell, table.decimal) for cell in column])
    return np.array(column, dtype=object)


def _remark(table: Table, at: int, labels: Any, said: bool) -> str:
    """What to consider where the labels turn out to be no labels."""
    last = "" if said else f" The labels are column {table.names[at]!r}, the last; label= (or --label) names another."
    if table.unsure and labels.dtype != object and labels[0] not in labels[1:] and len(set(labels[1:].tolist())) == 2:
        last += f" Or does {table.place(0)} hold the names of the columns? Then say header=True (or --header true)."
    return last


def _encoded(path: Path, table: Table, encode: Any, inputs: Sequence[int], at: int) -> set[int]:
    """The numbers of the columns to be one-hot."""
    given = [_ALL[0]] if encode is True else [] if encode in (None, False) else _listed(encode)
    wanted = set()
    for each in given:
        if each in _ALL and each not in table.names:
            wanted |= {k for k in inputs if _is_words(table, k)}
        else:
            wanted.add(_at(path, each, table, "to encode"))
    if at in wanted:
        raise ValueError(f"{path}: column {table.names[at]!r} holds the labels, which are not encoded.")
    return wanted


def _is_words(table: Table, k: int) -> bool:
    column = table.columns[k]
    if isinstance(column, np.ndarray) or all_numbers(column, table.decimal) is not None:
        return False
    told = [cell for cell in column if cell.lower() not in MISSING]
    return any(number(cell, table.decimal) is None for cell in told) and not {c.lower() for c in told} <= set(TRUTH)


def _part(
    path: Path, table: Table, k: int, encoded: bool, label: int, kept: Sequence[int]
) -> tuple[Part, list[np.ndarray]]:
    """A column's part of the inputs."""
    name = table.names[k]
    if not encoded:
        if not _is_words(table, k):
            return Part(name, k), [numbers(path, table, k)]
        return Part(name, k), [numbers(path, table, k, _of_words(table, k, label, kept))]
    present(path, table, k)
    words = tuple(sorted(set(words_of(table, k))))
    return Part(name, k, words), one_hot(path, table, k, words)


def _of_words(table: Table, k: int, label: int, kept: Sequence[int]) -> str:
    """What to do with a column of words among the inputs, and with the others like it."""
    name, cells = table.names[k], table.columns[k]
    wrong = sum(number(cell, table.decimal) is None for cell in cells)
    kinds = len(set(cells))
    others = [each for each in kept if each not in (k, label) and _is_words(table, each)]
    named = ", ".join(f"{table.names[each]!r} (number {each})" for each in others)
    also = f"; so does {named}" if len(others) == 1 else f"; so do {named}" if others else ""
    every = f", encode={_ALL[0]!r} (or --encode {_ALL[0]}) of those of every such column" if others else ""
    made = f"encode={name!r} (or --encode {name}) makes a column of 0 and 1 of each of its {kinds} values{every}; "
    return (
        f" Inputs are numbers, and this column, number {k} counted from 0, holds words in {wrong} of {len(cells)} "
        f"rows{also}. {made if kinds <= max(20, len(cells) // 2) else ''}drop={name!r} (or --drop {name}) leaves it "
        f"out; label={name!r} (or --label {name}) takes the labels from it, not from {table.names[label]!r}."
    )


def _names_of(part: Part) -> list[str]:
    return [f"{part.name}={each}" for each in part.words] if part.words else [part.name]
