"""How a data file is read: the same words for every command that takes data, those of `load`."""

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any

import tyro

_SWITCHES = ("--header", "--zero-based")
_TRUTH = {"true": True, "yes": True, "false": False, "no": False, "none": False}


@dataclasses.dataclass(frozen=True)
class FileOptions:
    """How to read a data file."""

    label: str = ""
    """Of a table: the column of the labels, by name or number from 0; the last if left out. Of .npz: the array."""
    probabilities: str = ""
    """Instead of labels: the column (in .npz the array) of P(t = +1), in [0, 1]."""
    classes: tuple[str, ...] = ()
    """Two labels, the negative one first, where the data has more."""
    format: str = ""
    """csv, libsvm, npz, npy, parquet or feather, where the file's name and beginning do not show it."""
    sep: str = ""
    """What separates cells: a character, "tab" or "space"; found out if left out."""
    decimal: str = ""
    """The decimal sign, "." or ","; found out if left out."""
    comment: str | None = None
    """What begins a comment; # and % at the start of a line if left out."""
    encoding: str = ""
    """Of the text, say cp1252, latin-1 or utf-16; UTF-8 if left out."""
    header: str = ""
    """Whether the first row names the columns, true or false; true if left out and no cell of it is a number."""
    index: str = ""
    """The column that only counts or names the rows, true for the first, false for none; one without a name if left
    out."""
    drop: tuple[str, ...] = ()
    """Columns to leave out."""
    encode: tuple[str, ...] = ()
    """Columns of words to turn into one of 0 and 1 for each word; one_hot for all such."""
    n_features: int | None = None
    """Of LIBSVM text: how many columns, where the file does not show the last ones."""
    zero_based: str = ""
    """Of LIBSVM text: whether the first column is 0, true or false; true if left out and a 0 occurs."""
    inputs: str = ""
    """Of .npz: the array of the inputs."""
    memory_map: bool = False
    """Leave the inputs in the .npy file and read them by blocks of rows, where they are larger than the memory."""
    labels: str = ""
    """With --memory-map: the .npy file of the labels, where they are no column."""
    max_bytes: int | None = None
    """Of LIBSVM text: how large the dense inputs may become; 4 GiB if left out."""
    sparse: bool = False
    """Of LIBSVM text: keep the inputs sparse, as for text; `solve` takes them with --raw."""


File = Annotated[FileOptions, tyro.conf.arg(name="")]


def of_file(options: FileOptions, sparse_too: bool = False) -> dict[str, Any]:
    """What was said of a data file, as `load` takes it.

    Args:
        options: what was said.
        sparse_too: whether the command takes sparse inputs.

    Raises:
        ValueError: if it does not, and they are asked for.
    """
    if options.sparse and not sparse_too:
        raise ValueError(
            "--sparse is for `lossland solve --raw`: this command standardises the inputs, and less their means they "
            "would be dense. Leave it out."
        )
    said = {
        field.name: getattr(options, field.name)
        for field in dataclasses.fields(options)
        if getattr(options, field.name) != field.default
    }
    if "classes" in said:
        said["classes"] = "/".join(options.classes)
    for name in ("header", "zero_based"):
        if name in said:
            said[name] = _truth(f"--{name.replace('_', '-')}", said[name])
    if "index" in said:
        said["index"] = _TRUTH.get(options.index.lower(), options.index)
    return said


def _truth(flag: str, word: str) -> bool:
    if word.lower() not in _TRUTH:
        raise ValueError(f"{flag} takes true or false, not {word!r}.")
    return _TRUTH[word.lower()]


def with_switches(words: Sequence[str]) -> list[str]:
    """The words, `--header` alone as `--header true` and `--no-header` as `--header false`.

    Example:
        >>> with_switches(["a.csv", "--header", "--zero-based", "false", "--no-header"])
        ['a.csv', '--header', 'true', '--zero-based', 'false', '--header', 'false']
    """
    found: list[str] = []
    for k, word in enumerate(words):
        if word in _SWITCHES and (k + 1 == len(words) or words[k + 1].lower() not in _TRUTH):
            found += [word, "true"]
        elif word.replace("--no-", "--") in _SWITCHES and word not in _SWITCHES:
            found += [word.replace("--no-", "--"), "false"]
        else:
            found.append(word)
    return found
