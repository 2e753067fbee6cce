"""`load`: a data set by its registered name, or from a file."""

import inspect
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lossland.data import _generators, _real_sets  # noqa: F401 - they register the built-in sets
from lossland.data._columns import Read, Recipe
from lossland.data._dataset import Dataset
from lossland.data._labels import choose
from lossland.data._read_on_disk import read_on_disk
from lossland.data._readers import FORMATS, known_ending, opened
from lossland.data._rows_on_disk import some_rows
from lossland.elements import DATASETS, Source, find


def load(name: str | os.PathLike[str] | Dataset | Source | Callable[..., Dataset], **parameters: Any) -> Dataset:
    """Load a data set by its registered name or from a file.

    A file is text of separated cells (.csv, .tsv, .txt, any name), LIBSVM text (.svm, .libsvm, a9a, any name), .npz,
    .npy, .parquet or .feather (these two by pandas), also packed (.gz, .bz2, .xz, .zip). The format is known by the
    ending, else by the first bytes and lines. What could be read in two ways is refused with the option that decides.

    Args:
        name: a registered name, with parameters if wanted ("two_gaussians(n=100, seed=1)"); a name and two classes or
            groups of classes, NEGATIVES/POSITIVES ("digits:3/8", "digits:0-4/5-9", "iris:versicolor/virginica");
            "path/to/file.py:name"; a data file; a `Dataset`, which is returned as it is.
        **parameters: of the registered function, such as `classes=(3, 8)`. Of a file:

            - any: `format` ("csv", "libsvm", "npz", "npy", "parquet", "feather"); `classes`, to choose two among more;
              `probabilities`, instead of `label`, the column (of .npz the array) of P(t = +1).
            - tables: `label`, the column of the labels, by name or number from 0 (default: the last); `index`, the
              column that only counts or names the rows, True for the first, False for none (default: a first column
              without a name); `drop`, columns to leave out; `encode`, columns of words to turn into one of 0 and 1 for
              each word, "one_hot" for all.
            - text: `sep`, `decimal` ("." or ","), `comment`, `encoding`, `header`, whether the first row names the
              columns (default: whether it holds no number).
            - LIBSVM: `n_features`, `zero_based`, `encoding`; `sparse=True`, to keep the inputs sparse; else
              `max_bytes`, how large the dense array may become.
            - .npz: `inputs` and `label`, the arrays' names.
            - .npy larger than the memory: `memory_map=True` leaves the inputs in the file, of any real type, and reads
              them by blocks of rows where they are computed with; `label`, `drop`, `index` as of tables, by number, or
              `labels`, (n,) or the .npy file that holds them.

    Returns:
        The data set; a built-in one is named so that `load(data.name)` finds it again.

    Raises:
        ValueError: if the name is unknown (near ones are suggested) or the file's content is not a data set; of a text,
            with the line.
        OSError: if the file does not exist.

    Example:
        >>> import lossland as ll
        >>> ll.load("digits:3/8")
        Dataset('digits:3/8', 357 x 64, 174 positive, -1 = '3', +1 = '8')
    """
    return load_with_recipe(name, **parameters).data


class Loaded(NamedTuple):
    """A data set, how a file's columns became its inputs (None elsewhere), and its rows, (n,) from 0, in the file."""

    data: Dataset
    recipe: Recipe | None
    rows: np.ndarray


def load_with_recipe(name: Any, **parameters: Any) -> Loaded:
    """What `load` gives, with what is needed to read another file in the same way.

    Args:
        name: as of `load`.
        **parameters: likewise.

    Raises:
        ValueError: as `load`.
    """
    if isinstance(name, Dataset):
        if parameters:
            raise ValueError(f"A Dataset is returned as it is; it takes no parameter {', '.join(parameters)}.")
        return Loaded(name, None, np.arange(name.n))
    if isinstance(name, os.PathLike) or (isinstance(name, str) and _is_file(name)):
        return _load_file(Path(name), parameters)
    entry, found_by = _entry(name, parameters)
    data = entry()
    if not isinstance(data, Dataset):
        raise ValueError(f"{entry.name} at {entry.place} returned a {type(data).__name__}; it must return a Dataset.")
    data = replace(data, name=data.name or found_by, source=data.source or entry.source)
    return Loaded(data, None, np.arange(data.n))


def _is_file(name: str) -> bool:
    """Whether a name means a file: a registered name wins, then a known ending, then whatever looks like a path."""
    if name.partition("(")[0].partition(":")[0] in DATASETS:
        return False
    path = Path(name)
    return known_ending(path) or (not set("(:") & set(name) and ("." in name or "/" in name or path.exists()))


def _entry(reference: Any, parameters: dict[str, Any]) -> tuple[Source, str]:
    """The registered entry with its parameters bound, and the name that finds it again."""
    head, colon, classes = reference.rpartition(":") if isinstance(reference, str) else ("", "", "")
    if not colon or ")" in classes or not ("/" in classes or head.partition("(")[0] in DATASETS):
        entry = find(DATASETS, reference)
        entry = entry.bind(**parameters) if parameters else entry
        return entry, entry.name
    if "classes" in parameters:
        raise ValueError(f"Classes are given twice: {classes!r} in {reference!r} and as a keyword. Leave one out.")
    entry = find(DATASETS, head)
    entry = entry.bind(**parameters) if parameters else entry
    return entry.bind(classes=classes), f"{entry.name}:{classes}"


def _load_file(path: Path, parameters: dict[str, Any]) -> Loaded:
    """The data set in a file."""
    mapped = parameters.pop("memory_map", False)
    if not isinstance(mapped, bool):
        raise ValueError(f"{path}: memory_map is True or False, not {mapped!r}.")
    if mapped:
        return _on_disk(path, parameters)
    format, held = opened(path, parameters.get("format") or "", parameters.get("encoding") or "")
    read = FORMATS[format]
    known = [*list(inspect.signature(read).parameters)[2:], "format"]
    known += [] if "classes" in known else ["classes"]
    known += ["probabilities"] if "label" in known else []
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise ValueError(
            f"{path}: there is no parameter {', '.join(unknown)} for a file of format {format}, only "
            f"{', '.join(known)}."
        )
    wanted = list(inspect.signature(read).parameters)[2:]
    asked = {key: value for key, value in parameters.items() if key in wanted}
    if "probabilities" in parameters:
        if "label" in parameters or "classes" in parameters:
            raise ValueError(
                f"{path}: probabilities names the column that stands for labels; leave label and classes out."
            )
        asked["label"] = parameters["probabilities"]
    return _checked(path, read(path, held, **asked), parameters)


def _on_disk(path: Path, parameters: dict[str, Any]) -> Loaded:
    """The data set in an .npy file, in which its inputs stay."""
    known = [*list(inspect.signature(read_on_disk).parameters)[1:], "classes", "probabilities", "format"]
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise ValueError(
            f"{path}: there is no parameter {', '.join(unknown)} with memory_map, only {', '.join(known)}."
        )
    asked = {key: value for key, value in parameters.items() if key in known[:-3]}
    if "probabilities" in parameters:
        if {"label", "labels", "classes"} & set(parameters):
            raise ValueError(f"{path}: probabilities names the column that stands for labels; leave the others out.")
        asked["label"] = parameters["probabilities"]
    return _checked(path, read_on_disk(path, **asked), parameters)


def _checked(path: Path, found: Read, parameters: dict[str, Any]) -> Loaded:
    """The data set of what a reader found."""
    inputs, labels, words = found.inputs, found.labels, ()
    rows = np.arange(np.shape(inputs)[0] if np.ndim(inputs) else 0)
    given = {"name": path.name.partition(".")[0], "input_names": found.names, "source": str(path)}
    try:
        if "probabilities" in parameters:
            return Loaded(Dataset(inputs, probabilities=np.asarray(labels), **given), found.recipe, rows)
        if "classes" in parameters:
            chosen, labels, words = choose(labels, parameters["classes"])
            inputs, rows = some_rows(inputs, chosen), rows[chosen]
        return Loaded(Dataset(inputs, labels, label_names=words, **given), found.recipe, rows)
    except (ValueError, IndexError) as error:
        about = "label" in str(error) or "classes" in str(error)
        raise ValueError(f"{path}: {error}{found.remark if about else ''}") from None
