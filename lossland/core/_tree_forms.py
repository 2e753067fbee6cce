"""Trees of arrays in files: names for their arrays, and containers as plain JSON, so that the same tree comes back."""

import collections
import importlib
from collections.abc import Collection, Iterator
from typing import Any

import jax

from lossland.core._params import leaf_paths
from lossland.core._types import Params


def leaf_names(params: Params, taken: Collection[str] = ()) -> list[str]:
    """A name in a file for each array of a tree, in order: the way to it, or one like it where that is taken.

    Args:
        params: any tree.
        taken: names that mean something else there.

    Example:
        >>> leaf_names({"weights": 1.0, "net": [{"a/b": 2.0}], "risk": 3.0}, taken=("risk",))
        ['net_0_a.b', 'params_risk', 'weights']
    """
    names: list[str] = []
    for way in leaf_paths(params).values() if _distinct(params) else _ways(params):
        name = "_".join(str(step) for step in way).replace("/", ".") or "params"
        while name in taken or name in names:
            name = f"params_{name}"
        names.append(name)
    return names


def _ways(params: Params) -> list[list[Any]]:
    return [[str(step) for step in way] for way, _ in jax.tree.leaves_with_path(params)]


def _distinct(params: Params) -> bool:
    return len(leaf_paths(params)) == len(jax.tree.leaves(params))


def tree_form(params: Params) -> Any:
    """A tree's containers as JSON takes them, each array by its number.

    Raises:
        ValueError: if a container is none of dict, list, tuple, NamedTuple and None; it is named.

    Example:
        >>> tree_form({"b": (1.0, 2.0), "a": [3.0]})
        {'dict': [['a', {'list': [0]}], ['b', {'tuple': [1, 2]}]]}
    """
    numbers = iter(range(len(jax.tree.leaves(params))))
    return _form(params, numbers)


def _form(tree: Any, numbers: Iterator[int]) -> Any:
    if tree is None:
        return None
    if jax.tree_util.all_leaves([tree]):
        return next(numbers)
    if type(tree) is dict and all(isinstance(key, str | int) for key in tree):
        return {"dict": [[key, _form(tree[key], numbers)] for key in sorted(tree)]}
    if type(tree) in (list, tuple):
        return {type(tree).__name__: [_form(part, numbers) for part in tree]}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        kind = type(tree)
        held = [_form(part, numbers) for part in tree]
        return {"namedtuple": [kind.__module__, kind.__qualname__, list(kind._fields), held]}  # type: ignore[attr-defined]
    raise ValueError(
        f"Params that hold a {type(tree).__qualname__} cannot be written to a file and read again: dicts, lists, "
        "tuples and NamedTuples can. Take its arrays apart first, as equinox.partition and flax.nnx.split do."
    )


def tree_of(form: Any, leaves: list[Any]) -> Params:
    """The tree of `tree_form`; a NamedTuple whose class is not there any more is one of the same name and fields.

    Example:
        >>> tree_of({"dict": [["a", {"list": [0]}], ["b", {"tuple": [1, 2]}]]}, [3.0, 1.0, 2.0])
        {'a': [3.0], 'b': (1.0, 2.0)}
    """
    if form is None:
        return None
    if isinstance(form, int):
        return leaves[form]
    ((kind, parts),) = form.items()
    if kind == "dict":
        return {key: tree_of(part, leaves) for key, part in parts}
    if kind == "namedtuple":
        module, name, fields, held = parts
        return _named(module, name, fields)(*(tree_of(part, leaves) for part in held))
    made = [tree_of(part, leaves) for part in parts]
    return made if kind == "list" else tuple(made)


def _named(module: str, name: str, fields: list[str]) -> Any:
    try:
        found: Any = importlib.import_module(module)
        for step in name.split("."):
            found = getattr(found, step)
    except (ImportError, AttributeError):
        found = None
    same = list(getattr(found, "_fields", ())) == fields
    return found if same else collections.namedtuple(name.rpartition(".")[2], fields)
