"""From words to a command: tyro reads them, and a mistake becomes one line with a suggestion.

The command `lossland completion`: a script that lets a shell complete commands and options.
"""

import contextlib
import dataclasses
import difflib
import io
import itertools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import tyro

from lossland.commands._data_options import FileOptions, with_switches

WORD = r"'(.*?)'"


class UsageError(ValueError):
    """What was typed cannot be read."""


def parsed(what: Any, words: Sequence[str], prog: str, description: str | None = None, default: Any = None) -> Any:
    """The frozen dataclass `what`, filled from the words.

    Args:
        what: a dataclass.
        words: those after `prog`.
        prog: the command so far, as a user types it.
        description: shown by --help; the class's docstring if left out.
        default: an instance whose values hold where the words say nothing.

    Raises:
        UsageError: in one line, if the words do not fit.
        SystemExit: after --help.
    """
    given = {} if default is None else {"default": default}
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            return tyro.cli(what, args=with_switches(words), prog=prog, description=description, **given)
    except SystemExit as ended:
        if not ended.code:
            raise
    raise UsageError(_in_a_line(errors.getvalue(), what, prog))


def chosen(word: str, known: Iterable[str], what: str) -> str:
    """The word if it is known; else a `UsageError` that names the nearest."""
    known = list(known)
    if word in known:
        return word
    raise UsageError(f"There is no {what} {word!r}.{_nearest(word, known)} There are: {', '.join(known)}.")


def _in_a_line(box: str, what: Any, prog: str) -> str:
    """The first paragraph of tyro's message, out of its box of lines (of ASCII where the terminal has no other)."""
    lines = [line.strip("│| ") for line in re.sub(r"\x1b\[[0-9;]*m", "", box).splitlines()]
    paragraphs = [list(group) for ruled, group in itertools.groupby(lines, _is_rule) if not ruled]
    # A box of lines has its title in its upper edge, one of ASCII in a paragraph of its own.
    told = " ".join(" ".join(paragraphs[lines[0] in paragraphs[0]]).split())
    help_ = f"`{prog} --help` shows what it takes."
    head, _, rest = told.partition("Unrecognized options: ")
    if not head and rest:
        word = rest.split(", ")[0]
        if not word.startswith("-"):
            return f"{prog}: {word!r} is one word too many. {help_}"
        return f"{prog} has no option {word}.{_nearest_option(word.partition('=')[0], _options(what))} {help_}"
    wrong = re.match(r"invalid choice '(.*?)' for .* Expected one of \((.*)\)\.?$", told)
    if wrong:
        told = f"{told}{_nearest(wrong[1], re.findall(WORD, wrong[2]))}"
    told = told.removesuffix(" (required)").replace(f"Missing from {prog}:", "missing")
    return f"{prog}: {told[:1].lower()}{told[1:]}{'' if told.endswith(('.', '?')) else '.'} {help_}"


def _is_rule(line: str) -> bool:
    edges = "─-+╭╮╰╯ "
    return not line.strip(edges) or line[0] in "╭+"


def _options(what: Any) -> list[str]:
    fields = [*dataclasses.fields(what)]
    if "file" in {field.name for field in fields}:
        fields += dataclasses.fields(FileOptions)
    names = [field.name.strip("_").replace("_", "-") for field in fields]
    return [f"--{name}" for name in names]


OTHERS = (("--out", "--output", "--save", "--figure", "--results", "--file", "-o"), ("--pair", "--pairs", "--names"))
"""Options of one meaning, which other commands and programs call otherwise."""


def _nearest_option(word: str, known: Sequence[str]) -> str:
    """The option of the same meaning, else the nearest in spelling."""
    same = [name for group in OTHERS if word in group for name in group if name in known]
    return f" Did you mean {same[0]}?" if same else _nearest(word, known)


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word.replace("_", "-"), known, n=1, cutoff=0.5)
    return f" Did you mean {near[0]}?" if near else ""


@dataclasses.dataclass(frozen=True)
class CompletionOptions:
    """Print a script that lets your shell complete commands and options.

    Examples: `eval "$(lossland completion bash)"` in ~/.bashrc, `lossland completion zsh > ~/.zfunc/_lossland`
    (a folder of your fpath), `lossland completion fish > ~/.config/fish/completions/lossland.fish`
    """

    shell: tyro.conf.Positional[Literal["bash", "zsh", "fish"]]
    """Which shell."""


def run_completion(command: CompletionOptions, every: Any) -> int:
    """Print the script; `every` is the union of all commands."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script"
        words = ["--tyro-write-completion", command.shell, str(script)]
        with contextlib.suppress(SystemExit):
            tyro.cli(every, prog="lossland", args=words)
        print(script.read_text(), end="")
    return 0
