"""Inputs for a model from another file than it was trained on: the same columns, whatever else the file holds."""

import difflib
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lossland.data._columns import Part, Recipe
from lossland.data._dataset import Dataset
from lossland.data._delimited import number
from lossland.data._labels import as_word
from lossland.data._readers import FORMATS, TABLES, npz_arrays, opened
from lossland.data._table import Table, numbers, one_hot, present, unnamed, words_of


class NewInputs(NamedTuple):
    """What another file holds for a model.

    Attributes:
        inputs: (m, d).
        labels: (m,) of -1.0 and +1.0; None where the file has none that the model knows.
        remarks: sentences on how the file was read.
    """

    inputs: np.ndarray
    labels: np.ndarray | None
    remarks: tuple[str, ...]


def new_inputs(path: Path, data: Dataset, recipe: Recipe | None, parameters: dict[str, Any]) -> NewInputs:
    """The inputs in another file, in the order of the data's columns, with the labels if they are there.

    Columns are found by their names; where the file or the data have none, by their places, and a remark says so.

    Args:
        path: of the file.
        data: what the model was trained on, inputs (n, d).
        recipe: how its file was read, from `load_with_recipe`; None if it came from no table.
        parameters: of `load`; those that the file's format knows count here too.

    Raises:
        ValueError: if a column is missing, there are fewer or more columns, or a value is missing or not a number.
        OSError: if there is no such file.
    """
    recipe = _plain(data) if recipe is None else recipe
    same = path.suffix == Path(data.source).suffix
    format, held = opened(path, parameters.get("format") or "" if same else "", parameters.get("encoding") or "")
    if format in TABLES:
        read = TABLES[format]
        known = {key: value for key, value in parameters.items() if key in inspect.signature(read).parameters}
        if format == "csv":
            known |= {"known": [part.name for part in recipe.parts] if recipe.named else [], "least": 1}
        return _checked(path, data, *_of_table(path, read(path, held, **known), recipe))
    if format == "npz":
        return _checked(path, data, *_of_arrays(path, npz_arrays(path, held), parameters), ())
    read = FORMATS[format]
    known = {key: value for key, value in parameters.items() if key in inspect.signature(read).parameters}
    found = read(path, held, **({"n_features": data.d} | known))
    return _checked(path, data, found.inputs, found.labels, ())


def _plain(data: Dataset) -> Recipe:
    """The recipe of data that came from no table."""
    names = data.input_names or [str(k) for k in range(data.d)]
    parts = tuple(Part(name, k) for k, name in enumerate(names))
    return Recipe(parts, ("", -1), tuple(range(data.d)), bool(data.input_names))


def _checked(
    path: Path, data: Dataset, inputs: Any, labels: Sequence[Any] | None, remarks: tuple[str, ...]
) -> NewInputs:
    """The inputs as a data set would hold them, and the labels where each is one of the data's two."""
    if np.ndim(inputs) == 2 and np.shape(inputs)[1] != data.d:
        raise ValueError(f"{path} has {np.shape(inputs)[1]} columns of inputs; the model takes {data.d}.")
    try:
        # A data set of one class checks inputs as those of the training were checked.
        held = Dataset(inputs, np.ones(np.shape(inputs)[0]), one_class=True, input_names=data.input_names).inputs
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if labels is None or data.probabilities is not None:
        return NewInputs(held, None, remarks)
    coded = {name: sign for name, sign in zip(data.label_names, (-1.0, 1.0), strict=True)}
    words = [_class_word(value) for value in labels]
    strange = next((word for word in words if word not in coded), None)
    if len(words) != held.shape[0] or strange is not None:
        return NewInputs(held, None, (*remarks, f"Its label {strange!r} is of no class here: errors are not counted."))
    return NewInputs(held, np.array([coded[word] for word in words]), remarks)


def _class_word(value: Any) -> str:
    """A label as `label_names` writes it."""
    found = number(value) if isinstance(value, str) else None
    return as_word(value if found is None else found)


def _of_table(path: Path, table: Table, recipe: Recipe) -> tuple[np.ndarray, list[str] | None, tuple[str, ...]]:
    """Inputs, labels and remarks of a table."""
    by_name = recipe.named and table.named
    places, label, remarks = (_by_name if by_name else _by_place)(path, table, recipe)
    columns = []
    for part, k in zip(recipe.parts, places, strict=True):
        present(path, table, k)
        columns += one_hot(path, table, k, part.words) if part.words else [numbers(path, table, k)]
    return np.stack(columns, axis=1), None if label is None else words_of(table, label), remarks


def _by_name(path: Path, table: Table, recipe: Recipe) -> tuple[list[int], int | None, tuple[str, ...]]:
    """Where the model's columns and the label are, and which columns are left aside."""
    wanted = [part.name for part in recipe.parts]
    missing = [name for name in wanted if name not in table.names]
    if missing:
        near = difflib.get_close_matches(missing[0], table.names, n=1)
        hint = f" Did you mean {near[0]!r} by {missing[0]!r}?" if near else ""
        raise ValueError(
            f"{path} lacks {_told(missing)} of the model's columns.{hint} It holds: {', '.join(table.names[:20])}."
        )
    label = table.names.index(recipe.label[0]) if recipe.label[0] in table.names else None
    aside = [name for k, name in enumerate(table.names) if name not in wanted and k != label and not unnamed(name)]
    remarks = (f"Columns that the model does not take were left aside: {_told(aside)}.",) if aside else ()
    return [table.names.index(name) for name in wanted], label, remarks


def _told(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:8])) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _by_place(path: Path, table: Table, recipe: Recipe) -> tuple[list[int], int | None, tuple[str, ...]]:
    """The same by the places of the columns: all of the model's file, all but the label, or the inputs alone."""
    held = [k for k, name in enumerate(table.names) if not (table.named and k == 0 and unnamed(name))]
    used, label = [part.at for part in recipe.parts], recipe.label[1]
    layouts = [list(recipe.layout), [k for k in recipe.layout if k != label], used]
    layout = next((each for each in layouts if len(each) == len(held)), None)
    if layout is None:
        raise ValueError(
            f"{path} has {len(held)} columns; the model takes {len(used)}{' with names' if recipe.named else ''}, "
            f"the label's column beside them or not."
        )
    where = dict(zip(layout, held, strict=True))
    remark = "Its columns were taken by their places, as the model's file or this one has no names."
    return [where[k] for k in used], where.get(label), (remark,)


def _of_arrays(path: Path, arrays: dict[str, np.ndarray], parameters: dict[str, Any]) -> tuple[Any, Any]:
    """Inputs and labels, or None, of an .npz file."""
    names = [parameters.get("inputs"), "inputs", "X", "x", "data"]
    found = next((name for name in names if name in arrays), None)
    matrices = [name for name, array in arrays.items() if array.ndim == 2]
    if found is None and len(matrices) != 1:
        raise ValueError(f"{path} holds {', '.join(arrays) or 'nothing'}; it must hold the array inputs (or X).")
    label = next((name for name in (parameters.get("label"), "labels", "y", "target") if name in arrays), None)
    return arrays[found or matrices[0]], None if label is None else arrays[label].ravel().tolist()
