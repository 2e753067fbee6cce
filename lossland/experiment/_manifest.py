"""What an experiment leaves behind: its verdicts, the numbers that the paper quotes, the manifest that lists all."""

import dataclasses
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lossland.core import Broken, guarded, replacing, versions
from lossland.core import plain as as_json_can

RESULTS = Path("results")
ENTRIES = {"results", "config", "figures", "verdicts"}
"""What is listed of a result at least."""


class Verdict(NamedTuple):
    """A claim, the criterion that decides it, the number found and whether the claim holds.

    Attributes:
        claim: a sentence.
        criterion: what has to be so, with its number.
        found: the number, as it is shown.
        holds: whether it is so.
        about: the claims of the study that it belongs to.
        fixed: whether the criterion was fixed "before" the first result was seen or "after"; "" if nobody says.
        value: the number found; NaN if it is none.
        open: it does not hold, but its interval has both numbers that keep the bound and numbers that do not: the data
            do not decide.

    Example:
        >>> Verdict("The hinge bounds the 0-1 loss", "least distance >= 0", "0", True).holds
        True
    """

    claim: str
    criterion: str
    found: str
    holds: bool
    about: tuple[str, ...] = ()
    fixed: str = ""
    value: float = math.nan
    open: bool = False

    @property
    def word(self) -> str:
        """What the table says of it: holds, fails or open."""
        return "holds" if self.holds else "open" if self.open else "fails"


class Outcome(NamedTuple):
    """What running one experiment left behind.

    Attributes:
        name: of the experiment.
        results: its file.
        figures: files, PDF and PNG.
        verdicts: one a claim.
        seconds: what computing took.
        cached: whether the result was there already.
    """

    name: str
    results: Path
    figures: tuple[Path, ...]
    verdicts: tuple[Verdict, ...]
    seconds: float
    cached: bool


def plain(config: Any) -> dict[str, Any]:
    """A config as the manifest holds it.

    Args:
        config: a dataclass.

    Returns:
        What JSON can hold of it.

    Example:
        >>> plain(dataclasses.make_dataclass("Config", [("sizes", tuple)])((1, 2)))
        {'sizes': [1, 2]}
    """
    return json.loads(json.dumps(dataclasses.asdict(config), default=str))


@guarded()
def manifest(out: Path = RESULTS) -> dict[str, Any]:
    """What `out`/manifest.json lists: the latest result of each experiment with its config, versions and figures.

    Args:
        out: the folder of results.

    Returns:
        Name -> what is known of its result; empty before the first run.

    Raises:
        ValueError: if the file is broken; the message says how to go on.

    Example:
        >>> manifest(Path("no such folder"))
        {}
    """
    path = out / "manifest.json"
    if not path.exists():
        return {}
    try:
        held = json.loads(path.read_text())
        wrong = None if isinstance(held, dict) else "it holds no entries by name"
        missing = [name for name, entry in held.items() if not ENTRIES <= set(entry)] if wrong is None else []
        wrong = f"its entry {missing[0]!r} lacks a part" if missing else wrong
    except (ValueError, TypeError) as error:
        held, wrong = {}, str(error)
    if wrong:
        raise Broken(
            f"{path}, which lists what was run, cannot be read: {wrong}. Remove it and run the experiments again: "
            f"results that are saved are taken, and only listed anew."
        )
    return held


def refuse_another(name: str, file: Path, out: Path) -> None:
    """Refuse an experiment of whose name the folder holds another's result: its report and figures would be lost.

    Args:
        name: of the experiment.
        file: that it stands in.
        out: the folder of results.

    Raises:
        ValueError: if the other's file is still there, at another place and with other contents.
    """
    other = Path(manifest(out).get(name, {}).get("file", file))
    if other.is_file() and not other.samefile(file) and other.read_bytes() != file.read_bytes():
        raise ValueError(
            f"{out} holds results of another experiment called {name}, {other}; figures and report of {file} would "
            f"take their place. Rename one of the files, or give another folder: out= (or --out)."
        )


def numbers(module: Any, results: Any) -> dict[str, str]:
    """The numbers that the paper quotes from an experiment's results, as text; empty if it has none.

    Args:
        module: of the experiment; its `numbers` is called if it has one.
        results: what its `compute` returned.

    Returns:
        Name -> number.

    Raises:
        ValueError: if a name is not of small letters and underscores, which is what the paper can quote, or a number
            is not text.

    Example:
        >>> import types
        >>> numbers(types.SimpleNamespace(numbers=lambda results: {"share": "37 %"}), None)
        {'share': '37 %'}
    """
    held = module.numbers(results) if hasattr(module, "numbers") else {}
    for name, number in held.items():
        if not re.fullmatch("[a-z_]+", name) or not isinstance(number, str):
            raise ValueError(
                f"{module.__file__}: numbers() gives {name!r}: {number!r}. Names are of small letters and "
                "underscores, numbers are formatted text."
            )
    return held


def record(outcome: Outcome, config: Any, out: Path, quoted: dict[str, str], file: Path) -> None:
    """Note a result in the manifest, with the file of its experiment."""
    listed = manifest(out)
    listed[outcome.name] = {
        "results": outcome.results.name,
        "file": str(file),
        "config": plain(config),
        "versions": versions(),
        "figures": [f"figures/{path.name}" for path in outcome.figures],
        "verdicts": [as_json_can(verdict._asdict()) for verdict in outcome.verdicts],
        "numbers": quoted,
    }
    with replacing(out / "manifest.json") as temporary:
        temporary.write_text(json.dumps(listed, indent=1, sort_keys=True) + "\n")


def said(outcome: Outcome) -> str:
    """An outcome in a line: how many claims hold, how many figures there are, what it took."""
    how = "taken from an earlier run" if outcome.cached else f"{outcome.seconds:.0f} s"
    figures = f"{len(outcome.figures)} figure{'' if len(outcome.figures) == 1 else 's'}"
    return f"{outcome.name}: {counted([v.word for v in outcome.verdicts])}; {figures}, {how}"


@guarded()
def counted(words: Sequence[str]) -> str:
    """Of verdicts, how many hold, fail and are open.

    Args:
        words: of each verdict, its `word`.

    Returns:
        Text.

    Example:
        >>> counted(["holds", "open", "holds", "fails"])
        '2 of 4 claims hold, 1 fails, 1 is open'
    """
    words = list(words)
    told = f"{words.count('holds')} of {len(words)} claims hold"
    fails, undecided = words.count("fails"), words.count("open")
    told += f", {fails} fail{'s' if fails == 1 else ''}" if fails else ""
    return told + (f", {undecided} {'is' if undecided == 1 else 'are'} open" if undecided else "")
