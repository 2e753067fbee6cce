"""A hash of everything that a result's numbers depend on: values, functions, the package's sources and versions.

What a long run leaves on disk is named by it, so that the same run goes on from there and no other one does.
"""

import functools
import hashlib
import inspect
import json
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lossland.core._floors import PACKAGE
from lossland.core._storage import sources, versions


def fingerprint(parts: Sequence[Any]) -> str:
    """A hash of numbers, words, arrays and functions (by their source and what they hold), and of the package."""
    digest = _package().copy()
    for part in parts:
        _feed(digest, part, ())
    return digest.hexdigest()


@functools.cache
def _package() -> Any:
    """The digest of versions and sources, which do not change while a process runs."""
    digest = hashlib.sha256(json.dumps(versions(), sort_keys=True).encode())
    for source in sources():
        digest.update(source.relative_to(PACKAGE).as_posix().encode() + b"\0" + source.read_bytes())
    return digest


def _feed(digest: Any, thing: Any, inside: tuple[int, ...]) -> None:
    """Put a thing's content into a digest."""
    if id(thing) in inside:
        return
    within = functools.partial(_feed, digest, inside=(*inside, id(thing)))
    digest.update(type(thing).__name__.encode() + b"\0")
    if thing is None or isinstance(thing, (bool, int, float, complex, str, bytes)):
        digest.update(repr(thing).encode() + b"\0")
    elif isinstance(thing, types.MethodType):
        within(thing.__func__)
        within(thing.__self__)
    elif isinstance(thing, functools.partial):
        for part in (thing.func, thing.args, thing.keywords):
            within(part)
    elif isinstance(thing, Mapping):
        digest.update(f"{len(thing)}\0".encode())
        for key, value in thing.items():
            within(key)
            within(value)
    elif isinstance(thing, (list, tuple, set, frozenset, range)):
        digest.update(f"{len(thing)}\0".encode())
        for part in sorted(thing, key=repr) if isinstance(thing, (set, frozenset)) else thing:
            within(part)
    elif inspect.isfunction(thing):
        _feed_function(digest, thing, within)
    elif hasattr(type(thing), "content_hash"):
        # What is too large to be held at once hashes itself.
        digest.update(thing.content_hash().encode())
    elif hasattr(thing, "__array__"):
        held = np.asarray(thing)
        digest.update(f"{held.dtype}{held.shape}".encode() + np.ascontiguousarray(held).tobytes())
    elif inspect.isclass(thing) or inspect.ismodule(thing) or inspect.isbuiltin(thing):
        digest.update(f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', thing.__name__)}".encode())
    else:
        within(vars(thing) if hasattr(thing, "__dict__") else repr(thing))


def _feed_function(digest: Any, function: Any, within: Callable[[Any], None]) -> None:
    """Put a function into a digest: its code, what it closes over, its defaults, and what it reads of a user's file."""
    digest.update(f"{function.__module__}.{function.__qualname__}\0".encode())
    _feed_code(digest, function.__code__)
    held = [cell.cell_contents for cell in function.__closure__ or () if not _empty(cell)]
    names = [n for n in _names(function.__code__) if n in function.__globals__]
    # By its globals: `functools.wraps` lends another function's module.
    home = function.__globals__.get("__name__")
    # What a function of the user's own file reads besides: constants and other functions beside it.
    beside = [function.__globals__[n] for n in names if str(home).partition(".")[0] not in _KNOWN]
    for part in (held, vars(function), function.__defaults__, function.__kwdefaults__, beside):
        within(part)


def _names(code: types.CodeType) -> list[str]:
    """The names that a function's code and the functions within it look up."""
    inner = [_names(constant) for constant in code.co_consts if inspect.iscode(constant)]
    return sorted({*code.co_names, *(name for names in inner for name in names)})


def _feed_code(digest: Any, code: Any) -> None:
    """Put compiled code and the code within it into a digest."""
    # The code itself, not its text: two lambdas on one line have the same text.
    digest.update(code.co_code + repr(code.co_names).encode())
    for constant in code.co_consts:
        if inspect.iscode(constant):
            _feed_code(digest, constant)
        else:
            digest.update(repr(constant).encode())


_KNOWN = {"lossland", "jax", "optax", "numpy", "chex"}
"""Packages whose version, or source, is in the hash already."""


def _empty(cell: Any) -> bool:
    """Whether a cell of a closure holds nothing yet."""
    try:
        cell.cell_contents  # noqa: B018 - an empty cell raises
    except ValueError:
        return True
    return False
