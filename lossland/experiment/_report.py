"""The report of a study: every experiment's question, verdicts, tables and figures in one Markdown file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lossland.core import guarded, markdown, replacing, table
from lossland.experiment._manifest import RESULTS, Outcome, Verdict, counted, manifest

SECTIONS = "sections"


@guarded()
def verdict_table(title: str, verdicts: Sequence[Any]) -> Any:
    """Claims with their bounds, what was found and whether they hold.

    Args:
        title: of the table.
        verdicts: of one experiment or several.

    Returns:
        A table.

    Example:
        >>> from lossland.experiment import Verdict
        >>> verdict_table("One", [Verdict("It is small", "at most 1", "0.5", True, ("S1",), "before")]).rows
        (('S1', 'It is small', 'at most 1', 'before', '0.5', 'holds'),)
    """
    columns = ("of", "claim", "bound", "fixed", "found", "verdict")
    rows = [(", ".join(v.about), v.claim, v.criterion, v.fixed, v.found, v.word)
            for v in verdicts]  # fmt: skip
    return table(title, columns, rows)


def write_section(outcome: Outcome, question: str, tables: Sequence[Any], out: Path) -> None:
    """Write an experiment's section, then the whole report anew from the sections of all that the manifest lists."""
    folder = out / SECTIONS
    folder.mkdir(exist_ok=True)
    lines = [f"## {outcome.name}", "", question, "", markdown(verdict_table("", outcome.verdicts)), ""]
    for path in outcome.figures:
        lines += [f"![{path.stem}](figures/{path.name})", ""]
    for each in tables:
        lines += [f"**{each.title}**", "", markdown(each), ""]
    with replacing(folder / f"{outcome.name}.md") as temporary:
        temporary.write_text("\n".join(lines))
    _write_report(out)


def _write_report(out: Path) -> None:
    """All sections under one heading."""
    listed = manifest(out)
    listing = [(name, Verdict(**v)) for name, entry in listed.items() for v in entry["verdicts"]]
    head = ["# What the study found", "", f"{counted([v.word for _, v in listing])} ({len(listed)} experiments).", ""]
    for word, said in (("fails", "Those that fail:"), ("open", "Those that the data do not decide:")):
        rows = [
            f"- {name}: {v.claim} (bound: {v.criterion}; found: {v.found})" for name, v in listing if v.word == word
        ]
        head += [said, "", *rows, ""] if rows else []
    texts = [path.read_text() for name in listed if (path := out / SECTIONS / f"{name}.md").exists()]
    with replacing(out / "report.md") as temporary:
        temporary.write_text("\n".join([*head, *texts]))


@guarded()
def report_of(name: str = "", out: Path = RESULTS) -> str:
    """The report of an experiment, or of all that were run.

    Args:
        name: of an experiment; "" for all.
        out: the folder of results.

    Returns:
        Markdown.

    Raises:
        ValueError: if it was not run yet.

    Example:
        >>> report_of(out=Path("no such folder"))
        Traceback (most recent call last):
        ValueError: no such folder holds no report. Run an experiment first: lossland run all.
    """
    path = out / SECTIONS / f"{name}.md" if name else out / "report.md"
    if not path.exists():
        what = f"no report of {json.dumps(name)}" if name else "no report"
        raise ValueError(f"{out} holds {what}. Run an experiment first: lossland run {name or 'all'}.")
    return path.read_text()
