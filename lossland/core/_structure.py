"""What a thing is, apart from which object it is: equal keys mean programs that compute the same.

Compiled programs are kept by such keys, so that a second call with new but equal lambdas, models and optimisers
compiles nothing. A function's key holds its code, what it closes over, its defaults and the values it reads from its
module. Whatever has no readable structure is its own key: then nothing is shared, and nothing is wrong.
"""

import dataclasses
import functools
import hashlib
import inspect
import site
import sys
import sysconfig
import types
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

Within = Callable[[Any], Hashable]


@dataclass(frozen=True)
class Keyed:
    """A value that compares by its structure: an argument of a cached function."""

    key: Hashable
    value: Any = field(compare=False)


class _Same:
    """A thing that equals itself alone, and is kept alive, so that no other can take its address."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.thing is other.thing

    def __hash__(self) -> int:
        return id(self.thing)


def keyed(value: Any) -> Keyed:
    """A value together with its structure."""
    return Keyed(structure(value), value)


def structure(thing: Any, inside: tuple[int, ...] = ()) -> Hashable:
    """A key of what a thing is: functions by code and by what they hold, arrays by content, the rest by identity.

    Args:
        thing: numbers, words, arrays, containers, functions, and whatever else a program is made from.
        inside: the ids of the things that hold this one, where recursion ends.

    Returns:
        A hashable key; two things with equal keys give equal programs.

    Example:
        >>> rates = [lambda: (lambda x: 2 * x), lambda: (lambda x: 3 * x)]
        >>> structure(rates[0]()) == structure(rates[0]()), structure(rates[0]()) == structure(rates[1]())
        (True, False)
    """
    kind = type(thing)
    if thing is None or kind in (bool, int, str, bytes, type(Ellipsis)):
        return kind, thing
    if kind in (float, complex):
        return kind, repr(thing)
    if id(thing) in inside:
        return "within", len(inside) - inside.index(id(thing))
    within = functools.partial(structure, inside=(*inside, id(thing)))
    read = _READERS.get(kind) or next((read for fits, read in _FITTING if fits(thing)), _of_object)
    return kind, read(thing, within)


# ------------------------------------------------------------------------------------------- one reader for each kind


def _of_parts(thing: Any, within: Within) -> Hashable:
    return tuple(within(part) for part in thing)


def _of_set(thing: Any, within: Within) -> Hashable:
    return frozenset(within(part) for part in thing)


def _of_mapping(thing: Any, within: Within) -> Hashable:
    return tuple((within(key), within(value)) for key, value in thing.items())


def _of_span(thing: Any, within: Within) -> Hashable:
    return within((thing.start, thing.stop, thing.step))


def _of_partial(thing: Any, within: Within) -> Hashable:
    return within(thing.func), within(thing.args), within(thing.keywords)


def _of_method(thing: Any, within: Within) -> Hashable:
    return within(thing.__func__), within(thing.__self__)


def _of_jax_array(thing: Any, within: Within) -> Hashable:
    if jax.numpy.issubdtype(thing.dtype, jax.dtypes.prng_key):
        return str(thing.dtype), within(jax.random.key_data(thing))
    return _of_array(np.asarray(thing), within), bool(thing.weak_type)


def _of_dataclass(thing: Any, within: Within) -> Hashable:
    return tuple(within(getattr(thing, f.name)) for f in dataclasses.fields(thing)), _state(thing, within)


def _of_object(thing: Any, within: Within) -> Hashable:
    return _Same(thing), _state(thing, within)


def _of_array(array: Any, within: Within) -> Hashable:
    if array.dtype.hasobject:
        return _Same(array)
    held = np.ascontiguousarray(array).tobytes()
    return str(array.dtype), array.shape, held if len(held) < 4096 else hashlib.sha256(held).digest()


def _state(thing: Any, within: Within) -> Hashable:
    """What an object of a user's own class holds now, besides being itself."""
    if inspect.isclass(thing) or inspect.ismodule(thing) or _is_settled(type(thing).__module__):
        return None
    return within(dict(getattr(thing, "__dict__", {})))


def _of_function(function: types.FunctionType, within: Within) -> Hashable:
    """A function's code, what it closes over, its defaults, and what it reads of a user's module."""
    code = function.__code__
    closed = tuple("empty" if _is_empty(cell) else within(cell.cell_contents) for cell in function.__closure__ or ())
    given = code, code.co_filename, closed, within(function.__defaults__), within(function.__kwdefaults__)
    if _is_settled(function.__module__):
        return given
    names = _names(code)
    read = {name: function.__globals__[name] for name in sorted(names) if name in function.__globals__}
    parts = tuple((name, within(value), _read_of_module(value, names, within)) for name, value in read.items())
    return (*given, parts, _Same(function.__globals__))


def _read_of_module(module: Any, names: set[str], within: Within) -> Hashable:
    """The values that code may read from a user's own module, by their names; nothing of other modules."""
    if not inspect.ismodule(module) or _is_settled(module.__name__):
        return None
    return tuple((name, within(vars(module)[name])) for name in sorted(names) if name in vars(module))


@functools.lru_cache(maxsize=1024)
def _is_settled(name: str | None) -> bool:
    """Whether a module is installed or this package's own, so that it does not change while a process runs."""
    top = (name or "").partition(".")[0]
    if top == "lossland":
        return True
    place = getattr(sys.modules.get(top), "__file__", None)
    if place is None:
        return top in sys.builtin_module_names or top in sys.stdlib_module_names
    return any(Path(place).is_relative_to(home) for home in _homes())


@functools.cache
def _homes() -> frozenset[str]:
    """Where installed packages live."""
    paths = sysconfig.get_paths()
    return frozenset(paths[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib")) | frozenset(
        site.getsitepackages()
    )


def _names(code: types.CodeType) -> set[str]:
    """The names that a function's code and the functions within it look up."""
    return set(code.co_names).union(*(_names(c) for c in code.co_consts if inspect.iscode(c)))


def _is_empty(cell: Any) -> bool:
    """Whether a cell of a closure holds nothing yet."""
    try:
        cell.cell_contents  # noqa: B018 - an empty cell raises
    except ValueError:
        return True
    return False


_READERS: dict[type, Callable[[Any, Within], Hashable]] = {
    **dict.fromkeys((tuple, list), _of_parts),
    **dict.fromkeys((set, frozenset), _of_set),
    **dict.fromkeys((dict, types.MappingProxyType), _of_mapping),
    **dict.fromkeys((range, slice), _of_span),
    functools.partial: _of_partial,
    types.MethodType: _of_method,
    types.FunctionType: _of_function,
}
_FITTING: tuple[tuple[Callable[[Any], bool], Callable[[Any, Within], Hashable]], ...] = (
    (lambda thing: isinstance(thing, tuple) and hasattr(thing, "_fields"), _of_parts),
    (lambda thing: isinstance(thing, (np.ndarray, np.generic)), _of_array),
    (lambda thing: isinstance(thing, jax.Array) and not isinstance(thing, Tracer), _of_jax_array),
    (lambda thing: dataclasses.is_dataclass(thing) and not inspect.isclass(thing), _of_dataclass),
)
