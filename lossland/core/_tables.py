"""Results to rows: one table, printed to a terminal, as Markdown, LaTeX or comma-separated text."""

import csv
import html
import io
import os
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple


class Table(NamedTuple):
    """A title, the names of the columns and the rows, cells as text.

    Attributes:
        title: one line.
        columns: k names.
        rows: k cells each.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """Make a table; numbers are written with five significant digits.

    Args:
        title: one line.
        columns: k names.
        rows: sequences of k cells.

    Returns:
        The table.

    Example:
        >>> print(markdown(table("t", ["a", "b"], [[1.0, "x"]])))
        | a | b |
        |---|---|
        | 1 | x |
    """
    return Table(title, tuple(columns), tuple(tuple(_cell(x) for x in row) for row in rows))


def _cell(x: Any) -> str:
    if x is None:
        return ""
    return f"{x:.5g}" if isinstance(x, float) else str(x)


def markdown(table: Table) -> str:
    r"""The table as GitHub Markdown, without its title; what looks like HTML is shown as text.

    Args:
        table: any.

    Returns:
        Lines of text.

    Example:
        >>> markdown(table("t", ["a", "b"], [[1.0, None]]))
        '| a | b |\n|---|---|\n| 1 |  |'
    """
    lines = [table.columns, ("---",) * len(table.columns), *table.rows]
    joined = ["| " + " | ".join(_as_text(cell) for cell in line) + " |" for line in lines]
    joined[1] = "|" + "---|" * len(table.columns)
    return "\n".join(joined)


def _as_text(cell: str) -> str:
    """A cell that Markdown shows letter by letter: neither HTML nor an end of the cell or the row."""
    # An & stays as it is where it begins no entity: "Cortes & Vapnik" is read in the source too.
    held = re.sub(r"&(?=#?\w+;)", "&amp;", cell).replace("<", "&lt;").replace(">", "&gt;")
    return " ".join(held.replace("\\|", "\\&#124;").replace("|", "\\|").splitlines())


def from_markdown(text: str, title: str = "") -> Table:
    r"""The table that `markdown` wrote.

    Args:
        text: its lines.
        title: which Markdown leaves out.

    Returns:
        The table, cells as text.

    Example:
        >>> from_markdown(markdown(table("", ["a|b", "c"], [[1.0, "<x>"]])))[1:]
        (('a|b', 'c'), (('1', '<x>'),))
    """
    lines = [re.split(r"(?<!\\)\|", line.strip())[1:-1] for line in text.strip().splitlines()]
    cells = [tuple(html.unescape(cell.strip().replace("\\|", "|")) for cell in line) for line in lines]
    return Table(title, cells[0], tuple(cells[2:]))


def delimited(table: Table) -> str:
    """The table as comma-separated text with a header row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.rows)
    return text.getvalue().rstrip("\n")


def latex(table: Table) -> str:
    r"""The table as a LaTeX tabular with booktabs rules, without its title.

    Args:
        table: any.

    Returns:
        Text for a document that uses the package booktabs.

    Example:
        >>> print(latex(table("t", ["a_b", "n"], [["50 %", 1.0]])))
        \begin{tabular}{ll}
        \toprule
        a\_b & n \\
        \midrule
        50 \% & 1 \\
        \bottomrule
        \end{tabular}
    """
    lines = [" & ".join(_escaped(cell) for cell in row) + r" \\" for row in (table.columns, *table.rows)]
    head = [rf"\begin{{tabular}}{{{'l' * len(table.columns)}}}", r"\toprule", lines[0], r"\midrule"]
    return "\n".join([*head, *lines[1:], r"\bottomrule", r"\end{tabular}"])


def _escaped(cell: str) -> str:
    marks = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    marks |= {"<": r"\textless{}", ">": r"\textgreater{}"} | {mark: rf"\{mark}" for mark in "&%$#_{}"}
    return "".join(marks.get(mark, mark) for mark in cell)


PIPED = 80
"""Letters in a line of a pipe or a file, which have no width of their own; the variable COLUMNS names another."""
GAP = 2
"""Letters between two columns."""
ROOMY = 16
"""Letters down to which a column of words is wrapped before it moves below."""


def line_width() -> int:
    """How many letters fit in a line of the output: those of the terminal, in a pipe or a file 80 or what COLUMNS says.

    Returns:
        At least 20.
    """
    from rich.console import Console

    console = Console()
    said = os.environ.get("COLUMNS", "")
    piped = int(said) if said.isdigit() and int(said) else PIPED
    return max(20, console.width if console.is_terminal else piped)


def say(text: str, indent: str = "", width: int | None = None) -> None:
    """Print a text in lines that fit the output, broken between words only: a file's name stays whole.

    Args:
        text: one paragraph.
        indent: before the second line and those after it.
        width: letters in a line; those of the output if left out.

    Example:
        >>> say("one two")
        one two
    """
    broken: Any = {"break_long_words": False, "break_on_hyphens": False}
    print(textwrap.fill(text, width or line_width(), subsequent_indent=indent, **broken))


def show(
    table: Table, form: Literal["terminal", "markdown", "csv", "latex"] = "terminal", width: int | None = None
) -> None:
    """Print the table; on a terminal cells are wrapped to its width, and columns that do not fit stand below.

    Args:
        table: any.
        form: "terminal" also prints the title.
        width: letters in a line of a terminal; those of the output if left out, which in a pipe or a file are 80 or
            what the variable COLUMNS says.

    Example:
        >>> show(table("t", ["a", "b"], [[1.0, "x"]]), "csv")
        a,b
        1,x
    """
    if form != "terminal":
        print({"markdown": markdown, "csv": delimited, "latex": latex}[form](table))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table as Rich
    from rich.text import Text

    width = width or line_width()
    console = Console(width=width)
    # Rich sets a gap behind the last column, too.
    parts = _parts(table, width - GAP + 1)
    if table.title:
        more = f" ({len(table.columns)} columns in {len(parts)} parts)" if len(parts) > 1 else ""
        console.print(Text(f"{table.title}{more}", style="bold"))
    for widths in parts:
        drawn = Rich(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
        for k, letters in widths.items():
            drawn.add_column(Text(table.columns[k]), overflow="fold", width=letters)
        for row in table.rows:
            drawn.add_row(*(Text(row[k]) for k in widths))
        with console.capture() as lines:
            console.print(drawn)
        print("\n".join(line.rstrip() for line in lines.get().splitlines()), end="\n\n")


def _parts(table: Table, width: int) -> list[dict[int, int]]:
    """The columns as they fit side by side: of each part its columns, by number, and the letters that each gets.

    The first column names the rows, and stands in every part.
    """
    columns = [[name, *(row[k] for row in table.rows)] for k, name in enumerate(table.columns)]
    whole = [max(len(line) for cell in cells for line in cell.splitlines() or [""]) for cells in columns]
    least = [_least(cells, letters) for cells, letters in zip(columns, whole, strict=True)]
    # Names of rows are wrapped where all columns then fit, or where they would take more than half of the line.
    if sum(least) + GAP * (len(least) - 1) > width:
        least[0] = max(least[0], width // 2)
    least[0] = min(whole[0], least[0], width)
    parts: list[list[int]] = [[0]]
    for k in range(1, len(columns)):
        least[k] = min(least[k], max(1, width - least[0] - GAP))
        if sum(least[at] + GAP for at in parts[-1]) + least[k] > width and len(parts[-1]) > 1:
            parts.append([0])
        parts[-1].append(k)
    return [_widths(part, least, whole, width) for part in parts]


def _least(cells: Sequence[str], whole: int) -> int:
    """The fewest letters of a column: its longest word, and of a text no narrow strip."""
    return max(min(whole, ROOMY), *(len(word) for cell in cells for word in cell.split()), 0)


def _widths(part: Sequence[int], least: Sequence[int], whole: Sequence[int], width: int) -> dict[int, int]:
    """The letters of each column of a part: what is left of the line goes first to those that need little."""
    left = width - sum(least[k] + GAP for k in part) + GAP
    widths = dict.fromkeys(part, 0)
    for count, k in enumerate(sorted(part, key=lambda k: whole[k] - least[k])):
        more = min(whole[k] - least[k], max(left, 0) // (len(part) - count))
        widths[k], left = least[k] + more, left - more
    return widths
