"""What a name means: the entry of a loss, an activation or a data set, from a registry or from a user's file.

Parameters are read off the name, "focal(gamma=1.0)"; nothing in it is run.
"""

import ast
import difflib
import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lossland.core import guarded, no_file, shown
from lossland.elements._registry import ACTIVATIONS, DATASETS, LOSSES, Activation, Entry, Loss, Source


def find(registry: dict[str, Any], reference: Any) -> Any:
    """The entry that a reference names.

    Args:
        registry: LOSSES, ACTIVATIONS or DATASETS.
        reference: an entry; a registered function or a `functools.partial` of one; a name, with parameters if wanted
            ("focal(gamma=1.0)"); "path/to/file.py:name" or "package.module:name".

    Returns:
        The entry, its parameters bound.

    Raises:
        ValueError: if nothing of that name is registered; the message suggests the nearest names.

    Example:
        >>> from lossland.elements import LOSSES
        >>> find(LOSSES, "focal(gamma=1.0)").parameters
        (('gamma', 1.0),)
    """
    what = {id(LOSSES): "loss", id(ACTIVATIONS): "activation", id(DATASETS): "data set"}.get(id(registry))
    if what is None:
        raise ValueError(f"registry must be LOSSES, ACTIVATIONS or DATASETS, not {shown(registry)}.")
    if isinstance(reference, Entry):
        kind = {"loss": Loss, "activation": Activation, "data set": Source}[what]
        if not isinstance(reference, kind):
            raise ValueError(f"{reference.name} is not a {what}.")
        return reference
    if isinstance(reference, functools.partial):
        if reference.args:
            raise ValueError(f"A partial of a {what} may fix keyword parameters only, not {reference.args}.")
        return find(registry, reference.func).bind(**reference.keywords)
    if callable(reference):
        return _of_function(registry, reference, what)
    if not isinstance(reference, str):
        raise ValueError(f"A {what} is given by name, function or entry, not by {type(reference).__name__}.")
    path, colon, name = reference.rpartition(":")
    module = load_file(path) if colon and "(" not in path else None
    base, parameters = _parse(reference if module is None else name)
    if base not in registry:
        if callable(getattr(module, base, None)):
            # It stands in the file, without a decorator.
            return _of_function(registry, getattr(module, base), what)
        if base.endswith(".py"):
            raise ValueError(_which(registry, base, what))
        raise ValueError(_unknown(registry, base, what))
    return registry[base].bind(**parameters) if parameters else registry[base]


@guarded()
def load_file(path: str) -> Any:
    """Import a user's file ("path/to/file.py") or module ("package.module") once; it registers what it holds.

    Args:
        path: of a file, from the current folder; or a module's name.

    Returns:
        The module; the same one until the file changes.

    Raises:
        ValueError: if there is none.

    Example:
        >>> load_file("lossland.elements.losses").hinge.__name__
        'hinge'
    """
    if not path.strip():
        raise ValueError("A file or module of yours has a name; none was given.")
    if not path.endswith(".py"):
        try:
            return importlib.import_module(path)
        except ModuleNotFoundError as error:
            raise ValueError(
                f"No module {path!r} can be imported ({error}). A file is given as path/to/file.py."
            ) from None
    file = Path(path).resolve()
    if not file.is_file():
        raise no_file(Path(path))
    name = f"lossland_user.{file.stem}_{abs(hash(str(file))):x}"
    source = file.read_bytes()
    if name in sys.modules and getattr(sys.modules[name], "_source", None) != source:
        del sys.modules[name]
        for registry in (LOSSES, ACTIVATIONS, DATASETS):
            for entry in [e for e in registry.values() if e.place.rpartition(":")[0] == str(file)]:
                del registry[entry.name]
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None, file
        assert spec.loader is not None, file
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            # Not by the loader: it would take what it compiled of a file of the same size in the same second.
            exec(compile(source, str(file), "exec"), vars(module))
            vars(module)["_source"] = source
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def _which(registry: dict[str, Any], path: str, what: str) -> str:
    """Which of a file's entries is meant: they are listed."""
    load_file(path)
    file = str(Path(path).resolve())
    held = [entry.name.rpartition(":")[2] for entry in registry.values() if entry.place.rpartition(":")[0] == file]
    names = f" It holds {', '.join(held)}." if held else f" It registers no {what}."
    return f"Which {what} of {path}? Write {path}:{held[0] if held else 'name'}.{names}"


def _of_function(registry: dict[str, Any], function: Callable[..., Any], what: str) -> Any:
    for entry in registry.values():
        if entry.function is function:
            return entry
    decorators = {"loss": "@ll.margin_loss, @ll.likelihood_loss or @ll.label_loss", "activation": "@ll.activation"}
    name = getattr(function, "__name__", repr(function))
    raise ValueError(f"{name} is not a registered {what}. Put {decorators.get(what, '@dataset')} above its definition.")


def _parse(reference: str) -> tuple[str, dict[str, Any]]:
    """Split "focal(gamma=1.0)" into its name and parameters; only literals are read, nothing is run."""
    name, bracket, _ = reference.partition("(")
    if not bracket:
        return reference.strip(), {}
    try:
        call = ast.parse(reference.strip(), mode="eval").body
        if isinstance(call, ast.Call) and not call.args:
            return name.strip(), {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError):
        pass
    raise ValueError(f"Cannot read {reference!r}; write parameters as name(parameter=value), say focal(gamma=1.0).")


def _unknown(registry: dict[str, Any], name: str, what: str) -> str:
    same = [e.name for e in registry.values() for a in getattr(e, "aliases", ()) if a.name.lower() == name.lower()]
    near = same or difflib.get_close_matches(name, registry, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(dict.fromkeys(near))}?" if near else ""
    other = next((kind for kind, held in (("a loss", LOSSES), ("an activation", ACTIVATIONS)) if name in held), "")
    hint = f" {name} is {other}.{hint}" if other else hint
    return f"No {what} is called {name!r}.{hint} `lossland list` shows all names."
