"""`load`: a data set by its registered name, or from a file."""

import inspect
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lossland.data import _generators, _real_sets  # noqa: F401 - they register the built-in sets
from lossland.data._dataset import Dataset, choose
from lossland.data._readers import READERS, ending
from lossland.elements import DATASETS, Source, find


def load(name: str | os.PathLike[str] | Dataset | Source | Callable[..., Dataset], **parameters: Any) -> Dataset:
    """Load a data set by its registered name or from a file.

    Args:
        name: a registered name, with parameters if wanted ("two_gaussians(n=100, seed=1)"); a name and two classes or
            groups of classes, NEGATIVES/POSITIVES ("digits:3/8", "digits:0-4/5-9", "iris:versicolor/virginica");
            "path/to/file.py:name"; a data file, .csv, .npz, .parquet, .svm or .libsvm (these two also with .gz or
            .bz2); a `Dataset`, which is returned as it is.
        **parameters: of the registered function, such as `classes=(3, 8)`. Of any file: `classes`, to choose two among
            more. Of .csv and .parquet: `label`, the label column's name or index (default: the last), or
            `probabilities`, the name or index of a column of P(t = +1) instead; of .npz, the name of that array. Of
            .csv: `header`, whether the first row names the columns (default: whether it holds no number). Of .svm:
            `max_bytes`, how large the dense array may become.

    Returns:
        The data set; a built-in one is named so that `load(data.name)` finds it again.

    Raises:
        ValueError: if the name is unknown (near ones are suggested) or the file's content is not a data set.
        OSError: if the file does not exist.

    Example:
        >>> import lossland as ll
        >>> ll.load("digits:3/8")
        Dataset('digits:3/8', 357 x 64, 174 positive, -1 = '3', +1 = '8')
    """
    if isinstance(name, Dataset):
        if parameters:
            raise ValueError(f"A Dataset is returned as it is; it takes no parameter {', '.join(parameters)}.")
        return name
    if isinstance(name, os.PathLike) or (isinstance(name, str) and _is_file(name)):
        return _load_file(Path(name), parameters)
    entry, found_by = _entry(name, parameters)
    data = entry()
    if not isinstance(data, Dataset):
        raise ValueError(f"{entry.name} at {entry.place} returned a {type(data).__name__}; it must return a Dataset.")
    return replace(data, name=data.name or found_by, source=data.source or entry.source)


def _is_file(name: str) -> bool:
    """Whether a name means a file: a registered name wins, then a known ending, then whatever looks like a path."""
    if name.partition("(")[0].partition(":")[0] in DATASETS:
        return False
    path = Path(name)
    return ending(path) in READERS or (not set("(:") & set(name) and ("." in name or "/" in name or path.exists()))


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


def _load_file(path: Path, parameters: dict[str, Any]) -> Dataset:
    """The data set in a file, read by the file's ending."""
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory; give one data file in it.")
    read = READERS.get(ending(path))
    if read is None:
        raise ValueError(f"{path} ends in none of {', '.join(READERS)}, the formats that can be read.")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty.")
    known = [*list(inspect.signature(read).parameters)[1:], "classes"]
    if "label" in known:
        known.append("probabilities")
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise ValueError(f"{path}: there is no parameter {', '.join(unknown)} for it, only {', '.join(known)}.")
    asked = {key: value for key, value in parameters.items() if key not in ("classes", "probabilities")}
    soft = "probabilities" in parameters
    if soft:
        if "label" in parameters or "classes" in parameters:
            raise ValueError(
                f"{path}: probabilities names the column that stands for labels; leave label and classes out."
            )
        asked["label"] = parameters["probabilities"]
    inputs, labels, input_names = read(path, **asked)
    words: tuple[str, ...] = ()
    try:
        if "classes" in parameters:
            rows, labels, words = choose(labels, parameters["classes"])
            inputs = inputs[rows]
        given = {"name": path.name.partition(".")[0], "input_names": input_names, "source": str(path)}
        if soft:
            return Dataset(inputs, probabilities=np.asarray(labels), **given)
        return Dataset(inputs, labels, label_names=words, **given)
    except (ValueError, IndexError) as error:
        raise ValueError(f"{path}: {error}") from None
