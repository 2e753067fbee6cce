"""What is said of a file that is not there. Light: commands that only look for one import nothing else."""

import difflib
from pathlib import Path


class RowsLost(ValueError):
    """Rows that stay in their file cannot be read from it any more; the message says why."""


def no_file(path: Path) -> FileNotFoundError:
    """The error for a file that is not there; a file of a name like it is suggested."""
    folder = path.parent
    names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.7)
    hint = f" Did you mean {folder / near[0]}?" if near else "" if folder.is_dir() else f" There is no folder {folder}."
    return FileNotFoundError(f"There is no file {path}.{hint}")
