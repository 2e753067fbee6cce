"""The command line: `lossland COMMAND ...` or `python -m lossland COMMAND ...`. JAX is imported after parsing."""

import functools
import gc
import operator
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import tyro

from lossland import __version__
from lossland.commands import COMMANDS, UsageError, chosen, parsed, settings
from lossland.core import SWITCH, keep_compiled_of_commands

FIRST = """lossland: what each pair of output activation and loss really optimises.
Five things to do:

  lossland answer                          is ReLU + hinge an SVM? Ten seconds
  lossland card relu hinge                 all about a pair, and what is proven
  lossland check my_loss.py:my_loss        does your own loss keep its promises?
  lossland sweep relu+hinge tanh+hinge     train pairs side by side on real data
  lossland solve my_data.csv               an SVM of your data, certified

`lossland --help` lists all commands, `lossland COMMAND --help` has examples,
`lossland names` says which name to use for what in Python."""

COLLECTED = 50_000
"""How many new objects a command makes before Python looks for cycles among them."""
ANYWHERE = ("--debug", "--no-compilation-cache")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 well, 1 failed, 2 wrong usage, 130 interrupted.

    Args:
        arguments: the words after `lossland`; those of the process if left out.
    """
    # Modules and programs make objects that stay: looking for cycles at every 700 takes a twentieth of a short command.
    gc.set_threshold(COLLECTED)
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug, fresh = (word in words for word in ANYWHERE)
    words = [word for word in words if word not in ANYWHERE]
    if fresh:
        os.environ[SWITCH] = "off"
    keep_compiled_of_commands()
    # A program that cannot be read, half written say, is compiled again, which nobody needs to be told.
    warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation cache")
    # A user's file is not the main program, where alone Python shows that a name will go.
    warnings.filterwarnings("default", message=r"\S+ is lossland\.", category=DeprecationWarning)
    try:
        code = _command(words)
    except KeyboardInterrupt as interrupt:
        # Who leaves parts of a run on disk notes it.
        _complain(" ".join(["Interrupted.", *getattr(interrupt, "__notes__", ())]))
        code = 130
    except BrokenPipeError:
        # Who read the output, `head` say, has seen enough. Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except UsageError as error:
        _complain(str(error))
        code = 2
    except Exception as error:
        if debug:
            raise
        # A mistake in what was asked is told whole; where the program stopped helps with the others only.
        code = 2 if _is_usage(error) else 1
        _complain(_in_one_line(error) + ("" if code == 2 else " (--debug shows where)"))
    sys.exit(code)


def _command(words: list[str]) -> int:
    if not words:
        print(FIRST)
        return 0
    if words[0] == "--version":
        print(f"lossland {__version__}")
        return 0
    if words[0] in ("--help", "-h"):
        parsed(_every(), words, "lossland", _description())
    name = chosen(words[0], COMMANDS, "option" if words[0].startswith("-") else "command")
    asked, run = COMMANDS[name]
    own, rest = settings(words) if name == "run" else ([], words)
    command = parsed(asked, rest[1:], f"lossland {name}")
    if name == "run":
        return run(command, own)
    if name == "sweep":
        return run(command, words)
    if name == "completion":
        return run(command, _every())
    return run(command)


def _every() -> Any:
    """All commands as a union, each with the first sentence of its description."""
    made = [
        Annotated[asked, tyro.conf.subcommand(name, description=str(asked.__doc__).partition("\n")[0])]
        for name, (asked, _) in COMMANDS.items()
    ]
    return functools.reduce(operator.or_, made)


def _description() -> str:
    return (
        "Losses, output activations, and what each pair of them really optimises.\n"
        "`lossland COMMAND --help` shows examples. Every command takes --debug (where it failed) and "
        "--no-compilation-cache; `lossland --version` prints the version. Exit codes: 0 well, 1 failed, 2 wrong usage, "
        "130 interrupted."
    )


def _is_usage(error: Exception) -> bool:
    """Whether what was asked cannot be done as it was asked: lossland itself refused it, and the disk did not."""
    from lossland.core import Broken

    # An error of the system has a number; where lossland itself looked for a named file, there is none.
    refused = isinstance(error, FileNotFoundError) and error.errno is None
    refused = refused or (isinstance(error, ValueError) and not isinstance(error, Broken))
    # Python names what it cannot import; lossland says which extra brings it.
    refused = refused or (isinstance(error, ImportError) and error.name is None)
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    own = last is not None and str(last.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == "lossland"
    return refused and own


def _in_one_line(error: Exception) -> str:
    """An error in one line; one that no sentence was written for is told with its kind."""
    written = isinstance(error, (ValueError, OSError, RuntimeError, AssertionError, ImportError))
    text = " ".join(str(error).split())
    return text if written and text else f"{type(error).__name__}: {text}".removesuffix(": ")


def _complain(message: str) -> None:
    print(f"lossland: {message}", file=sys.stderr)


if __name__ == "__main__":
    main()
