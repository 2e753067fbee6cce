"""Results to rows: one table, printed to a terminal, as Markdown, LaTeX or comma-separated text."""

import csv
import io
import re
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


def show(table: Table, form: Literal["terminal", "markdown", "csv", "latex"] = "terminal") -> None:
    """Print the table; a terminal gets rules and wrapped cells.

    Args:
        table: any.
        form: "terminal" also prints the title.

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

    drawn = Rich(title=table.title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for number, name in enumerate(table.columns):
        drawn.add_column(name, overflow="fold", no_wrap=number == 0)
    for row in table.rows:
        drawn.add_row(*(Text(cell) for cell in row))
    console = Console()
    # A file or a pipe has no width of its own: give it enough that no cell is wrapped.
    Console(width=None if console.is_terminal else 200).print(drawn)
