"""What a thing is, apart from which object it is: equal keys mean programs that compute the same.

Compiled programs are kept by such keys, so that a second call with new but equal lambdas, models and optimisers
compiles nothing. A key holds all that a function can see: its code, what it closes over, its defaults, and the values
of the names that it looks up, as they are now. Where that cannot be read to the end (an object of a user's class, a
module of his, an import within a function), there is no key, and whoever asked must look at the program itself.
"""

import builtins
import dataclasses
import dis
import functools
import hashlib
import inspect
import site
import sys
import sysconfig
import types
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

Within = Callable[[Any], Hashable]


@dataclass(frozen=True)
class Keyed:
    """A value that compares by its structure: an argument of a cached function.

    Attributes:
        key: from `structure`; of a value that cannot be read, a key that no other has.
        value: the value.
        readable: whether the key says all.
    """

    key: Hashable
    value: Any = field(compare=False)
    readable: bool = field(default=True, compare=False)


def keyed(value: Any) -> Keyed:
    """A value together with its structure."""
    key = structure(value)
    return Keyed(same(object()), value, readable=False) if key is None else Keyed(key, value)


def by_structure(maxsize: int) -> Callable[[Callable], Callable]:
    """Keep what a function of `Keyed` values made for the arguments used last; what cannot be read is made anew."""

    def keep(function: Callable) -> Callable:
        kept = functools.lru_cache(maxsize=maxsize)(function)

        @functools.wraps(function)
        def call(*arguments: Any) -> Any:
            readable = all(a.readable for a in arguments if isinstance(a, Keyed))
            return (kept if readable else function)(*arguments)

        return call

    return keep


class _Same:
    """A thing that equals itself alone, and is kept alive, so that no other can take its address."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.thing is other.thing

    def __hash__(self) -> int:
        return id(self.thing)


class _Unreadable(Exception):
    """There is something that a key cannot hold."""


def same(*things: Any) -> Hashable:
    """A key that only these very objects have."""
    return tuple(_Same(thing) for thing in things)


def structure(thing: Any) -> Hashable | None:
    """A key of what a thing is now: functions by all that they can see, arrays and containers by content.

    Args:
        thing: numbers, words, arrays, containers, functions, and whatever else a program is made from.

    Returns:
        A hashable key; two things with equal keys give equal programs. None: the thing cannot be read to the end.

    Example:
        >>> rates = [lambda: (lambda x: 2 * x), lambda: (lambda x: 3 * x)]
        >>> structure(rates[0]()) == structure(rates[0]()), structure(rates[0]()) == structure(rates[1]())
        (True, False)
        >>> print(structure(object()))
        None
    """
    seen: dict[int, Hashable] = {}

    def within(part: Any) -> Hashable:
        if part is None or type(part) in (bool, int, str, bytes, type(Ellipsis)):
            return type(part), part
        if type(part) in (float, complex):
            return type(part), repr(part)
        if id(part) not in seen:
            # While a thing is being read, what it holds sees it by its number.
            seen[id(part)] = ("met before", len(seen))
            seen[id(part)] = type(part), _reader(part)(part, within)
        return seen[id(part)]

    try:
        return within(thing)
    except (_Unreadable, RecursionError, AttributeError, RuntimeError, ValueError):
        return None


def _reader(thing: Any) -> Callable[[Any, Within], Hashable]:
    """What reads a thing of this kind."""
    kind = type(thing)
    if kind in _READERS:
        return _READERS[kind]
    for fits, read in _FITTING:
        if fits(thing):
            return read
    raise _Unreadable(kind)


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
    return within(thing.func), within(thing.args), within(thing.keywords), within(vars(thing))


def _itself(thing: Any, within: Within) -> Hashable:
    return _Same(thing)


def _of_array(array: Any, within: Within) -> Hashable:
    if array.dtype.hasobject:
        raise _Unreadable(array.dtype)
    held = np.ascontiguousarray(array).tobytes()
    return str(array.dtype), array.shape, held if len(held) < 4096 else hashlib.sha256(held).digest()


def _of_jax_array(thing: Any, within: Within) -> Hashable:
    if jax.numpy.issubdtype(thing.dtype, jax.dtypes.prng_key):
        # While a program is traced around this, a key is still a value.
        with jax.ensure_compile_time_eval():
            return str(thing.dtype), within(np.asarray(jax.random.key_data(thing)))
    return _of_array(np.asarray(thing), within), bool(thing.weak_type)


def _of_dataclass(thing: Any, within: Within) -> Hashable:
    return tuple(within(getattr(thing, f.name)) for f in dataclasses.fields(thing))


def _of_wrapped(thing: Any, within: Within) -> Hashable:
    return _Same(thing), within(thing.__wrapped__)


def _of_function(function: types.FunctionType, within: Within) -> Hashable:
    code, seen = function.__code__, function.__globals__
    closed = tuple(within(cell.cell_contents) for cell in function.__closure__ or ())
    given = code, code.co_filename, closed, within(function.__defaults__), within(function.__kwdefaults__)
    given = (*given, within(vars(function)))
    if _is_settled(seen.get("__name__")):
        return given
    names = _names(code)
    if not names.isdisjoint(_BLIND):
        raise _Unreadable(names & _BLIND)
    builtin = seen.get("__builtins__", builtins)
    outside = builtin if isinstance(builtin, dict) else vars(builtin)
    read = [(name, within(seen[name])) for name in sorted(names) if name in seen]
    read += [(name, within(outside[name])) for name in sorted(names) if name not in seen and name in outside]
    return (*given, tuple(read))


@functools.lru_cache(maxsize=4096)
def _names(code: types.CodeType) -> set[str]:
    """The names that a function's code and the functions within it look up."""
    if any(step.opname.startswith("IMPORT_") for step in dis.get_instructions(code)):
        raise _Unreadable(code)
    inner: Iterable[types.CodeType] = (c for c in code.co_consts if inspect.iscode(c))
    return set(code.co_names).union(*(_names(c) for c in inner))


_BLIND = {"eval", "exec", "globals", "locals", "vars", "getattr", "setattr", "__import__", "open", "input", "__dict__"}
_BLIND |= {"environ", "getenv"}
"""What reads names that do not stand in the code."""


# ---------------------------------------------------------------------------------------------- what does not change


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


def _settled_class(thing: Any) -> bool:
    return inspect.isclass(thing) and thing.__module__ != "__main__" and _is_settled(thing.__module__)


def _wraps_in_jax(thing: Any) -> bool:
    """Whether this is a function of JAX around a function: jit, a custom derivative."""
    return type(thing).__module__.startswith("jax") and callable(getattr(thing, "__wrapped__", None))


_READERS: dict[type, Callable[[Any, Within], Hashable]] = {
    **dict.fromkeys((tuple, list), _of_parts),
    **dict.fromkeys((set, frozenset), _of_set),
    **dict.fromkeys((dict, types.MappingProxyType), _of_mapping),
    **dict.fromkeys((range, slice), _of_span),
    functools.partial: _of_partial,
    types.FunctionType: _of_function,
    types.BuiltinFunctionType: _itself,
    np.ndarray: _of_array,
    np.ufunc: _itself,
}
_FITTING: tuple[tuple[Callable[[Any], bool], Callable[[Any, Within], Hashable]], ...] = (
    (lambda thing: isinstance(thing, np.generic), _of_array),
    (lambda thing: isinstance(thing, jax.Array) and not isinstance(thing, Tracer), _of_jax_array),
    (_settled_class, _itself),
    (lambda thing: inspect.ismodule(thing) and _is_settled(thing.__name__), _itself),
    (lambda thing: isinstance(thing, np.dtype), _itself),
    # Of a class that does not change: what it holds says all, if it is a tuple or a dataclass.
    (lambda thing: _settled_class(type(thing)) and isinstance(thing, tuple) and hasattr(thing, "_fields"), _of_parts),
    (lambda thing: _settled_class(type(thing)) and dataclasses.is_dataclass(thing), _of_dataclass),
    (_wraps_in_jax, _of_wrapped),
)
