"""The command `lossland completion`: a script that lets a shell complete commands and options."""

import dataclasses
from typing import Any, Literal

import tyro


@dataclasses.dataclass(frozen=True)
class Completion:
    """Print a script that lets your shell complete commands and options.

    Examples: `eval "$(lossland completion bash)"` in ~/.bashrc, `lossland completion zsh > ~/.zfunc/_lossland`
    (a folder of your fpath), `lossland completion fish > ~/.config/fish/completions/lossland.fish`
    """

    shell: tyro.conf.Positional[Literal["bash", "zsh", "fish"]]
    """Which shell."""


def run(command: Completion, every: Any) -> int:
    """Print the script; `every` is the union of all commands."""
    import contextlib
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script"
        words = ["--tyro-write-completion", command.shell, str(script)]
        with contextlib.suppress(SystemExit):
            tyro.cli(every, prog="lossland", args=words)
        print(script.read_text(), end="")
    return 0
