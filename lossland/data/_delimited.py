"""Lines of cells: which separator, decimal sign and comments a text has, and its rows with their lines."""

import csv
import math
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

SEPARATORS = {"tab": "\t", "\\t": "\t", "space": " ", "whitespace": " ", r"\s+": " ", "comma": ",", "semicolon": ";"}
_GUESSED = ("\t", ";", "|", ",", " ")
_QUOTED_OR_BARE = re.compile(r'"((?:[^"]|"")*)"|(\S+)')
_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
SAMPLE = 1000
"""Lines that the separator is guessed from."""


class Rows(NamedTuple):
    """The rows of a text.

    Attributes:
        cells: one list of words a row, all of one length; the first may be a header.
        lines: the line, from 1, in which each row begins.
        decimal: "." or ",".
        sep: the separator.
        names: of a comment line just above the rows, with as many cells; empty if there is none.
    """

    cells: list[list[str]]
    lines: list[int]
    decimal: str
    sep: str
    names: tuple[str, ...]


def rows_of(
    path: Path, text: str, sep: str = "", decimal: str = "", comment: str | None = None, least: int = 2
) -> Rows:
    """The rows of a text.

    Args:
        path: for messages.
        text: with lines ended by a newline.
        sep: one character, or "tab", "space" (any number of spaces and tabs); guessed by default.
        decimal: "." or ","; guessed by default.
        least: how many columns there must be.
        comment: what begins a comment; by default # and % where a line begins with it and cannot be a row; "" for none.

    Raises:
        ValueError: if the rows are of different lengths, a quote is open, or the cells could be read in two ways; with
            the line and the option that helps.
    """
    numbered = [(k, line) for k, line in enumerate(text.split("\n"), 1)]
    said = re.fullmatch(r'"?sep=(.)"?\s*', numbered[0][1])  # Excel writes and reads this first line
    if said:
        sep, numbered = sep or said[1], numbered[1:]
    numbered, aside = _without_comments([(k, line) for k, line in numbered if line.strip()], comment)
    if not numbered:
        raise ValueError(f"{path} is empty." if not aside else f"{path} holds comments only.")
    sep = _checked_separator(path, sep) if sep else _guessed(path, numbered[:SAMPLE], least)
    found = [(k, row) for k, row in _parsed(path, numbered, sep) if any(row)]
    if not found:
        raise ValueError(f"{path} is empty.")
    lines, cells = [k for k, _ in found], _even(path, found, sep, least)
    names = _names_above(path, aside, lines, len(cells[0]), sep, comment)
    return Rows(cells, lines, _checked_decimal(path, cells, lines, decimal), sep, names)


def number(cell: str, decimal: str = ".") -> float | None:
    """The finite number that a cell holds; None if it holds none.

    Example:
        >>> number("1,5", ","), number("1e3"), number("1_000"), number("inf")
        (1.5, 1000.0, None, None)
    """
    cell = cell.replace("\u2212", "-")
    if decimal == ",":
        if "." in cell:
            return None
        cell = cell.replace(",", ".")
    # Python also reads "1_000" and digits of other alphabets.
    if "_" in cell or not cell.isascii():
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def all_numbers(column: list[str], decimal: str = ".") -> np.ndarray | None:
    """The finite numbers of a column (n,); None if a cell holds none.

    Example:
        >>> all_numbers(["1", "2.5"]), all_numbers(["1", "x"])
        (array([1. , 2.5]), None)
    """
    text = "\n".join(column).replace("\u2212", "-")
    if decimal == ",":
        if "." in text:
            return None
        text = text.replace(",", ".")
    # Python also reads "1_000" and digits of other alphabets.
    if "_" in text or not text.isascii():
        return None
    try:
        found = np.array(list(map(float, text.split("\n"))))
    except ValueError:
        return None
    return found if len(found) == len(column) and np.isfinite(found).all() else None


def why_no_number(cell: str, decimal: str) -> str:
    """What a cell that is almost a number lacks; "" where it is a word."""
    bare = re.sub(r"(?<=\d)[ \u00a0\u202f'.,](?=\d{3}\b)", "", cell.replace("\u2212", "-"))
    if number(cell, "," if decimal == "." else ".") is not None:
        return f" The decimal sign is {decimal!r} here; decimal= (or --decimal) names another."
    if number(bare, ".") is not None or number(bare, ",") is not None:
        return " Write numbers without groups of thousands."
    if number(cell.rstrip(" %$€£")) is not None:
        return " Write numbers without a unit."
    return ""


def _checked_separator(path: Path, sep: str) -> str:
    sep = SEPARATORS.get(sep, sep)
    if len(sep) != 1 or sep in '"\n\r':
        raise ValueError(f"{path}: sep={sep!r} must be one character, 'tab' or 'space'.")
    return sep


def _without_comments(
    numbered: list[tuple[int, str]], comment: str | None
) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """The lines that are no comments, and those that are."""
    if comment == "":
        return numbered, []
    marks = ("#", "%") if comment is None else (comment,)
    kept, aside = [], []
    for k, line in numbered:
        (aside if line.lstrip().startswith(marks) else kept).append((k, line))
    if comment:
        quoted = re.compile(rf'((?:[^"]|"[^"]*")*?){re.escape(comment)}.*')
        kept = [(k, m[1] if comment in line and (m := quoted.fullmatch(line)) else line) for k, line in kept]
    return kept, aside


def _names_above(
    path: Path, aside: list[tuple[int, str]], lines: list[int], width: int, sep: str, comment: str | None
) -> tuple[str, ...]:
    """The names in the last comment above the rows; a comment that could as well be a row is refused."""
    names: tuple[str, ...] = ()
    for k, line in aside:
        try:
            cells = next(iter(_parsed(path, [(k, line.strip())], sep)))[1]
            bare = next(iter(_parsed(path, [(k, line.strip().lstrip("#%"))], sep)), (k, []))[1]
        except ValueError:
            continue
        if k < lines[0]:
            names = tuple(bare) if len(bare) == width and not any(number(cell) is not None for cell in bare) else names
        elif comment is None and len(cells) == width:
            mark = line.strip()[0]
            raise ValueError(
                f"{path}, line {k} begins with {mark!r} but has {width} cells, like a row. If it is a comment, say "
                f"comment={mark!r}; if it is a row, comment='' (or --comment)."
            )
    return names


def _parsed(path: Path, numbered: Iterable[tuple[int, str]], sep: str) -> list[tuple[int, list[str]]]:
    """(line, cells) of each row, cells stripped; a cell in quotes may go over several lines."""
    if sep == " ":
        return [
            (k, [m[2] if m[2] is not None else m[1].replace('""', '"').strip() for m in _QUOTED_OR_BARE.finditer(line)])
            for k, line in numbered
        ]
    began: list[int] = []

    def feed() -> Iterable[str]:
        for k, line in numbered:
            began.append(k)
            yield line + "\n"

    rows, start = [], 0
    reader = csv.reader(feed(), delimiter=sep, strict=True, skipinitialspace=True)
    try:
        for row in reader:
            rows.append((began[start], [cell.strip() for cell in row]))
            start = len(began)
    except csv.Error as error:
        line = began[start] if start < len(began) else 1
        raise ValueError(
            f"{path}, line {line}: it cannot be read as cells separated by {sep!r} ({error}); is a quote left open?"
        ) from None
    return rows


def _guessed(path: Path, numbered: list[tuple[int, str]], least: int) -> str:
    """The separator: of those that cut the lines evenly, the one whose cells are most often numbers."""
    best, most, broken = "", 0.0, None
    for sep in _GUESSED:
        try:
            rows = [row for _, row in _parsed(path, numbered, sep)]
        except ValueError as error:
            broken = error
            continue
        width, often = Counter(map(len, rows)).most_common(1)[0]
        if width < 2:
            continue
        cells = [cell for row in rows for cell in row if cell]
        numbers = sum(number(cell) is not None or bool(_COMMA.fullmatch(cell)) for cell in cells)
        score = often / len(rows) * (numbers + 1e-3) / (len(cells) + 1)
        if score > most * (1 + 1e-9):
            best, most = sep, score
    if best:
        return best
    if broken is not None:
        raise broken
    if least < 2 or any("," in line for _, line in numbered):
        return ","
    raise ValueError(
        f"{path} has one column (line {numbered[0][0]}: {numbered[0][1][:60]!r}); it needs one of inputs and one of "
        f"labels at least, separated by commas, semicolons, tabs, | or spaces. sep= (or --sep) names another separator."
    )


def _even(path: Path, found: list[tuple[int, list[str]]], sep: str, least: int) -> list[list[str]]:
    """The rows, all of one length: separators at the ends of lines are dropped, R's short header gets an empty name."""
    rows = [row for _, row in found]
    first, rest = len(rows[0]), rows[1:]
    longer = bool(rest) and all(len(row) == first + 1 for row in rest)
    if longer and all(row[-1] == "" for row in rest):
        rows = [rows[0], *(row[:-1] for row in rest)]
    elif longer and not any(number(cell) is not None for cell in rows[0]) and _are_row_names([r[0] for r in rest]):
        rows = [["", *rows[0]], *rest]
    elif rest and rows[0][-1] == "" and all(len(row) == first - 1 for row in rest):
        rows = [rows[0][:-1], *rest]
    while len(rows[0]) > 1 and all(len(row) > 1 and row[-1] == "" for row in rows):
        rows = [row[:-1] for row in rows]
    for (line, _), row in zip(found, rows, strict=True):
        if len(row) != len(rows[0]):
            raise ValueError(
                f"{path}, line {line}: it has {len(row)} cells, but the first line has {len(rows[0])}. Cells are "
                f"separated by {sep!r} here; sep= (or --sep) names another separator, and lines of text above the "
                f"table must go or begin with #."
            )
    if len(rows[0]) < least:
        raise ValueError(
            f"{path} has one column (line {found[0][0]}: {rows[0][0][:60]!r}) when cells are separated by {sep!r}; it "
            f"needs one of inputs and one of labels at least."
        )
    return rows


def _are_row_names(column: list[str]) -> bool:
    """Whether a column without a name holds R's row names, and not the whole part of numbers with a decimal comma."""
    counts = [str(k + 1) for k in range(len(column))]
    words = len(set(column)) == len(column) and not any(number(cell) is not None for cell in column)
    return words or (len(column) >= 5 and column == counts)


def _checked_decimal(path: Path, cells: list[list[str]], lines: list[int], decimal: str) -> str:
    """The decimal sign; where commas in numbers could part thousands as well, it must be given."""
    if decimal not in ("", ".", ","):
        raise ValueError(f"{path}: decimal={decimal!r} must be '.' or ','.")
    if decimal or not any("," in cell for row in cells for cell in row):
        return decimal or "."
    commas = [(k, c) for k, row in zip(lines, cells, strict=True) for c in row if "," in c and _COMMA.fullmatch(c)]
    grouped = [(k, c) for k, row in zip(lines, cells, strict=True) for c in row if "," in c and _THOUSANDS.fullmatch(c)]
    if not commas and not grouped:
        return "."
    if len(grouped) == len({*commas, *grouped}) or any(c.count(",") > 1 for _, c in grouped):
        line, cell = next((each for each in grouped if each[1].count(",") > 1), grouped[0])
        raise ValueError(
            f"{path}, line {line}: {cell!r} may be a number with groups of thousands or with a decimal comma. "
            f"decimal=',' (or --decimal ,) says the second; else remove the commas."
        )
    for line, row in zip(lines, cells, strict=True):
        for cell in row:
            if "." in cell and number(cell) is not None:
                other, said = commas[0]
                raise ValueError(
                    f"{path}, line {line}: {cell!r} has a decimal point, but {said!r} in line {other} has a comma. "
                    f"Write all numbers alike, or say decimal=',' or '.' (or --decimal)."
                )
    return ","
