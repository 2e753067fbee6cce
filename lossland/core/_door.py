"""The door of public functions: each argument is held against what the signature says, and refused in a sentence.

What a signature says by a type alone is asked here, in one place: that a count is a whole number, a number a number, a
data set a `Dataset`, a choice one of its words. What depends on the other arguments is asked by the function itself.
"""

import functools
import inspect
import math
import numbers
import os
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, Union

import numpy as np

MOST = 2**31 - 1
"""The largest count: steps and places are counted in 32 bits."""
LARGEST_SEED = 2**63 - 1

_F = TypeVar("_F", bound=Callable[..., Any])

_MENDS = {
    "Dataset": "make one by ll.Dataset(inputs=X, labels=t), or by ll.load of a name or a file",
    "Pair": 'make one by ll.pair(activation, loss), say ll.pair("relu", "hinge")',
    "Model": "make one by ll.linear(), ll.mlp() or ll.Model(init, apply)",
    "Objective": "make one by ll.objective(pair, model, data)",
    "GradientTransformation": "take one of optax, say optax.sgd(0.1)",
}


class _Wanted(NamedTuple):
    """What an argument has to be: in words, what a value has to meet, whether it is a whole number, and of what."""

    words: str
    fits: Callable[[Any], bool]
    counts: bool = False
    inside: Any = None


def guarded(**least: int) -> Callable[[_F], _F]:
    """A decorator that holds the arguments of a public function against its annotations before it runs.

    Whole numbers, also those of NumPy and JAX, must be at least 0, or what is said here of their name. Of arguments
    that are annotated `Any`, nothing is asked.

    Args:
        **least: name -> the least whole number.

    Returns:
        The decorator.

    Example:
        >>> @guarded(steps=1)
        ... def walk(steps: int, side: Literal["left", "right"] = "left") -> int:
        ...     return steps
        >>> walk(np.array(3))
        3
        >>> walk(2.5)
        Traceback (most recent call last):
        ...
        ValueError: steps must be a whole number, not 2.5.
        >>> walk(3, "up")
        Traceback (most recent call last):
        ...
        ValueError: side is "left" or "right", not 'up'.
    """

    def guard(function: _F) -> _F:
        # What the wrapper calls stands in its closure, for its globals are the function's own.
        signature, taken = inspect.signature(function), _taken

        @functools.cache
        def wanted() -> dict[str, Any]:
            return _wanted_of(function, signature, least)

        def asked(*args: Any, **named: Any) -> Any:
            try:
                bound = signature.bind(*args, **named)
            except TypeError:
                return function(*args, **named)
            for name, want in wanted().items():
                if name in bound.arguments:
                    bound.arguments[name] = taken(name, bound.arguments[name], want, least.get(name, 0))
            return function(*bound.args, **bound.kwargs)

        # Doctest takes a function for its module's by its globals.
        own = types.FunctionType(asked.__code__, function.__globals__, function.__name__, None, asked.__closure__)
        return typing.cast("_F", functools.wraps(function)(own))

    return guard


def checked_count(name: str, value: Any, least: int = 1, most: int = MOST) -> int:
    """A whole number that is counted with, also one of NumPy or JAX, as an int.

    Args:
        name: of the argument, for the message.
        value: as it was given; numbers with a point are no counts, and True is none.
        least: the smallest.
        most: the largest.

    Raises:
        ValueError: if it is something else, too small or too large.

    Example:
        >>> checked_count("steps", 0)
        Traceback (most recent call last):
        ...
        ValueError: steps must be at least 1, not 0.
    """
    if not _is_whole(value):
        raise ValueError(f"{name} must be a whole number, not {shown(value)}.")
    number = int(value)
    if number < least:
        raise ValueError(f"{name} must be at least {least}, not {shown(number)}.")
    if number > most:
        raise ValueError(f"{name} must be at most {most}, not {shown(number)}.")
    return number


def checked_number(name: str, value: Any) -> Any:
    """A real number that is one: no NaN, no text, no array of several; it may be infinite, or be traced by JAX.

    Raises:
        ValueError: if it is something else.
    """
    if not _is_number(value):
        raise ValueError(f"{name} must be a number, not {shown(value)}.")
    return value


def checked_reals(name: str, value: Any) -> np.ndarray:
    """An array of real numbers in float64, of any shape; NaN and infinities are let through.

    Raises:
        ValueError: if it holds text, complex numbers or other things, or rows of different lengths.

    Example:
        >>> checked_reals("weights", [1, "2"])
        Traceback (most recent call last):
        ...
        ValueError: weights must be an array of real numbers, not a list of 2.
    """
    held = _reals(value)
    if held is None:
        raise ValueError(f"{name} must be an array of real numbers, not {shown(value)}.")
    return held


def checked_function(name: str, value: Any, count: int) -> Any:
    """A function that can be called with so many arguments.

    Raises:
        ValueError: if it cannot.
    """
    if not _takes(value, count):
        raise ValueError(f"{name} must be a function of {_arguments(count)}, not {shown(value)}.")
    return value


def checked_tree(name: str, value: Any) -> Any:
    """Params: a tree whose leaves are arrays of numbers, or keys.

    Raises:
        ValueError: if a leaf is something else; the message says which, and where.
    """
    import jax

    for way, leaf in jax.tree.leaves_with_path(value):
        if not _is_leaf(leaf):
            where = jax.tree_util.keystr(way)
            place = f" at {where}" if where else ""
            raise ValueError(f"{name} must be params, a tree of arrays of numbers; {shown(leaf)}{place} is none.")
    return value


def shown(value: Any) -> str:
    """A value in a message: itself if it is short, else what it is and of what size.

    Example:
        >>> shown("3"), shown(np.zeros((2, 3))), shown(10**400), shown([1] * 50)
        ("'3'", 'an array of shape (2, 3) and type float64', 'a whole number of 401 digits', 'a list of 50')
    """
    if isinstance(value, numbers.Integral) and not isinstance(value, bool) and abs(int(value)) >= 10**40:
        return f"a whole number of {int(abs(int(value)).bit_length() * math.log10(2)) + 1} digits"
    if value is None or isinstance(value, (bool, numbers.Number)):
        return str(value)
    if isinstance(value, str):
        return repr(value) if len(value) <= 60 else f"a text of {len(value)} letters"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        alone = np.ndim(value) == 0 and isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufcU"
        return str(value) if alone else f"an array of shape {value.shape} and type {value.dtype}"
    if isinstance(value, (list, tuple, dict, set)) and not hasattr(value, "_fields"):
        return f"a {type(value).__name__} of {len(value)}"
    kind = type(value).__name__
    return f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind}"


# ------------------------------------------------------------------------------------------------ from types to checks


def _wanted_of(function: Any, signature: inspect.Signature, least: Mapping[str, int]) -> dict[str, Any]:
    """What each argument has to be, of those whose annotation says something."""
    hints = typing.get_type_hints(function, include_extras=True)
    variadic = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    found = {}
    for name, parameter in signature.parameters.items():
        want = None if parameter.kind in variadic else _want(hints.get(name, Any), name)
        if want is not None and parameter.default is None:
            # What may be left out may be None, whatever the annotation says for brevity.
            want = _one_of([want, _NONE])
        if want is not None:
            found[name] = want
    unknown = set(least) - set(found)
    assert not unknown, f"{function.__name__} has no whole number called {unknown}"
    return found


def _taken(name: str, value: Any, want: _Wanted, least: int) -> Any:
    """The value as the function gets it, refused if it is something else."""
    if want.fits(value):
        if want.counts and _is_whole(value) and not _traced(value):
            return checked_count(name, value, least, LARGEST_SEED if name == "seed" else MOST)
        return value
    kind = want.words.removesuffix(" or None")
    if want.words.startswith(_TREE.words):
        checked_tree(name, value)
    if kind.startswith("a ") and kind[2:] in _MENDS:
        raise ValueError(f"{name} is {shown(value)}, not {kind}; {_MENDS[kind[2:]]}.")
    held = f", which holds {shown(_first_wrong(value, want.inside))}" if want.inside and _is_several(value) else ""
    verb = "is" if want.words.startswith('"') else "must be"
    raise ValueError(f"{name} {verb} {want.words}, not {shown(value)}{held}.")


def _first_wrong(values: Any, want: _Wanted) -> Any:
    return next((x for x in values if not want.fits(x)), None)


_NONE = _Wanted("None", lambda value: value is None)


def _want(hint: Any, name: str = "") -> _Wanted | None:
    """What a type asks of a value; None if it asks nothing that can be told of a value."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return {"params": _TREE, "reals": _REALS}.get(hint.__metadata__[0])
    if origin is Literal:
        return _choice(inner)
    if origin in (Union, types.UnionType):
        return _union(inner, name)
    if origin is tuple and Ellipsis not in inner:
        return _fixed(inner)
    if origin in (Sequence, tuple, list) and inner:
        return _several(inner[0])
    if origin is not None and inspect.isclass(origin) and issubclass(origin, Mapping):
        return _mapping(inner)
    if origin is os.PathLike:
        return _PLAIN[Path]
    if origin is Callable or hint is Callable:
        return _function(inner)
    if hint is np.ndarray:
        return _REALS
    if inspect.isclass(hint) and hint.__module__.partition(".")[0] in ("lossland", "optax"):
        return _Wanted(f"a {hint.__name__}", lambda value: isinstance(value, hint) or _traced(value))
    if name == "key" and "Array" in getattr(hint, "__name__", ""):
        return _Wanted("a key, say jax.random.key(0)", _is_key)
    return None


def _union(inner: Sequence[Any], name: str) -> _Wanted | None:
    if np.ndarray in inner and float in inner:
        # What JAX calls an ArrayLike.
        return _one_of([_REALS, _NONE]) if type(None) in inner else _REALS
    wants = [_want(each, name) for each in inner]
    known = [want for want in wants if want is not None]
    # A part of which nothing can be told lets everything through.
    return _one_of(known) if len(known) == len(wants) else None


def _one_of(wants: Sequence[_Wanted]) -> _Wanted:
    words = list(dict.fromkeys(word for want in wants for word in [want.words.removesuffix(" or None")]))
    words = [word for word in words if word != "None"] + ["None"] * any(
        _NONE.fits(None) and w.fits(None) for w in wants
    )
    told = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
    inside = next((want.inside for want in wants if want.inside), None)
    counts = any(want.counts for want in wants)
    return _Wanted(told, lambda value: any(want.fits(value) for want in wants), counts, inside)


def _function(inner: Sequence[Any]) -> _Wanted:
    """Something that can be called with as many arguments as its type names."""
    if not inner or inner[0] is Ellipsis:
        return _Wanted("a function", callable)
    count = len(inner[0])
    return _Wanted(f"a function of {_arguments(count)}", lambda value: _takes(value, count))


def _arguments(count: int) -> str:
    return f"{count} argument{'s' * (count != 1)}"


def _takes(value: Any, count: int) -> bool:
    """Whether something can be called with so many arguments, as far as its signature says."""
    if not callable(value):
        return False
    try:
        inspect.signature(value).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # it has no signature that can be read
        return True
    return True


def _choice(words: Sequence[Any]) -> _Wanted:
    said = [f'"{word}"' if isinstance(word, str) else str(word) for word in words]
    told = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} or {said[-1]}"
    return _Wanted(told, lambda value: isinstance(value, (str, type(None), int)) and value in words)


def _fixed(inner: Sequence[Any]) -> _Wanted:
    """What a tuple's type names, each by its place; how many they have to be the function says itself."""
    wants = [_want(each) for each in inner]
    told = {want.words for want in wants if want}
    kind = f", {next(iter(told))} each" if len(told) == 1 else ""

    def fits(value: Any) -> bool:
        return _is_several(value) and all(want is None or want.fits(x) for want, x in zip(wants, value, strict=False))

    return _Wanted(f"{len(inner)} in a tuple{kind}", fits, inside=wants[0])


def _several(inner: Any) -> _Wanted:
    """Any number of things, in a sequence or an array."""
    # Of a number among others the function says more: which axis it is, and what it is for.
    want = _NUMBERS if inner is float else _want(inner)
    kind = "" if want is None else f", {want.words} each"

    def fits(value: Any) -> bool:
        return _is_several(value) and (want is None or all(want.fits(x) for x in value))

    return _Wanted(f"a sequence{kind}", fits, inside=want)


def _mapping(inner: Sequence[Any]) -> _Wanted:
    """Things by name."""
    want = _want(inner[1]) if len(inner) == 2 else None
    kind = "" if want is None else f" with {want.words} under each name"

    def fits(value: Any) -> bool:
        return isinstance(value, Mapping) and (want is None or all(want.fits(x) for x in value.values()))

    return _Wanted(f"a dict{kind}", fits)


def _is_several(value: Any) -> bool:
    """Whether a value is a sequence or an array of at least one axis, and no text."""
    if hasattr(value, "shape"):
        return len(value.shape) > 0
    return isinstance(value, (Sequence, range)) and not isinstance(value, (str, bytes))


def _traced(value: Any) -> bool:
    """Whether JAX is tracing this value; nothing is where JAX is not imported."""
    return "jax" in sys.modules and isinstance(value, sys.modules["jax"].core.Tracer)


def _is_whole(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return False
    if isinstance(value, numbers.Integral):
        return True
    return getattr(value, "shape", None) == () and np.dtype(getattr(value, "dtype", float)).kind in "iu"


def _is_number(value: Any) -> bool:
    if _traced(value):
        return value.shape == ()
    if isinstance(value, (bool, np.bool_)):
        return False
    if isinstance(value, numbers.Real):
        try:
            return not math.isnan(value)
        except OverflowError:
            return False
    if getattr(value, "shape", None) != () or not hasattr(value, "dtype"):
        return False
    real = not str(value.dtype).startswith("key") and np.dtype(value.dtype).kind in "iufV"
    return real and not np.isnan(np.asarray(value, float))


def _is_nan(value: Any) -> bool:
    return isinstance(value, numbers.Real) and value != value


def _is_switch(value: Any) -> bool:
    if _traced(value) or isinstance(value, (bool, np.bool_)):
        return True
    return isinstance(value, int) and value in (0, 1)


def _is_key(value: Any) -> bool:
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return False
    if str(dtype).startswith("key"):
        return value.shape == ()
    return value.shape == (2,) and str(dtype) == "uint32"


def _is_tree(value: Any) -> bool:
    import jax

    return all(_is_leaf(leaf) for leaf in jax.tree.leaves(value))


def _is_leaf(leaf: Any) -> bool:
    """Whether a leaf of params is an array of numbers, a number or a key."""
    if hasattr(leaf, "dtype"):
        return str(leaf.dtype).startswith("key") or np.dtype(leaf.dtype).kind in "biufcV"
    return isinstance(leaf, (bool, float)) or (isinstance(leaf, int) and abs(leaf) <= LARGEST_SEED)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _reals(value: Any) -> np.ndarray | None:
    """The array of real numbers that a value is, in float64; None if it is none."""
    try:
        held = np.asarray(value)
        if held.dtype.kind == "O" and all(isinstance(x, numbers.Real) for x in held.flat):
            held = held.astype(float)
    except (TypeError, ValueError, OverflowError):
        return None
    real = held.dtype.kind in "biuf" or (held.dtype.kind == "V" and np.can_cast(held.dtype, float))
    return held.astype(float) if real else None


_REALS = _Wanted("a number or an array of real numbers", lambda value: _traced(value) or _reals(value) is not None)

_NUMBERS = _Wanted("a number", lambda value: _is_number(value) or _is_nan(value))

_TREE = _Wanted("params, a tree of arrays of numbers", _is_tree)

_PLAIN: dict[Any, _Wanted] = {
    type(None): _NONE,
    int: _Wanted("a whole number", lambda value: _traced(value) or _is_whole(value), counts=True),
    float: _Wanted("a number", _is_number),
    bool: _Wanted("True or False", _is_switch),
    str: _Wanted("a text", _is_text),
    Path: _Wanted("a path", lambda value: isinstance(value, os.PathLike)),
}
