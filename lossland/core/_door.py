"""The door of public functions: each argument is held against what the signature says, and refused in a sentence.

What a signature says by a type alone is asked here, in one place: that a count is a whole number, a number a number, a
data set a `Dataset`, a choice one of its words. What depends on the other arguments is asked by the function itself.
"""

import functools
import inspect
import os
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, Union

import numpy as np

from lossland.core._given import (
    LARGEST_SEED,
    MOST,
    arguments,
    checked_count,
    checked_tree,
    is_nan,
    is_number,
    is_prng_key,
    is_several,
    is_switch,
    is_text,
    is_tree,
    is_whole,
    reals_of,
    shown,
    takes,
    traced,
)
from lossland.core._missing_files import RowsLost

_F = TypeVar("_F", bound=Callable[..., Any])

_MENDS = {
    "Dataset": "make one by ll.Dataset(inputs=X, labels=t), or by ll.load of a name or a file",
    "Pair": 'make one by ll.pair(activation, loss), say ll.pair("relu", "hinge")',
    "Model": "make one by ll.linear(), ll.mlp() or ll.Model(init, apply)",
    "Objective": "make one by ll.objective(pair, model, data)",
    "GradientTransformation": "take one of optax, say optax.sgd(0.1)",
}


_LOST = re.compile(rf"^(?:\S+\.)?{RowsLost.__name__}: (.*)$", re.MULTILINE)


class _Wanted(NamedTuple):
    """What an argument has to be: in words, what a value has to meet, whether it is a whole number, and of what."""

    words: str
    fits: Callable[[Any], bool]
    counts: bool = False
    inside: Any = None


def takes_sparse(function: _F) -> _F:
    """Mark a public function, below `guarded`, as one that takes sparse inputs: others refuse them at their door."""
    typing.cast("Any", function).takes_sparse = True
    return function


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
        signature, taken, check_dense, lost = inspect.signature(function), _taken, _check_dense, _LOST
        sparse_too = getattr(function, "takes_sparse", False)

        @functools.cache
        def wanted() -> dict[str, Any]:
            return _wanted_of(function, signature, least)

        def asked(*args: Any, **named: Any) -> Any:
            try:
                bound = signature.bind(*args, **named)
            except TypeError:
                return function(*args, **named)
            if not sparse_too:
                check_dense(function.__name__, bound.arguments.values())
            for name, want in wanted().items():
                if name in bound.arguments:
                    bound.arguments[name] = taken(name, bound.arguments[name], want, least.get(name, 0))
            try:
                return function(*bound.args, **bound.kwargs)
            except RuntimeError as error:
                said = lost.search(str(error))
                if said is None:
                    raise
                # A compiled program that could not read on tells it within a trace of its own.
                raise ValueError(said[1]) from None

        # Doctest takes a function for its module's by its globals.
        own = types.FunctionType(asked.__code__, function.__globals__, function.__name__, None, asked.__closure__)
        return typing.cast("_F", functools.wraps(function)(own))

    return guard


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
        if want.counts and is_whole(value) and not traced(value):
            return checked_count(name, value, least, LARGEST_SEED if name == "seed" else MOST)
        return value
    kind = want.words.removesuffix(" or None")
    if kind == _REALS.words and hasattr(value, "tocsr"):
        raise ValueError(f"{name} must be dense, and {shown(value)} is sparse; {name}.toarray() makes it dense.")
    if want.words.startswith(_TREE.words):
        checked_tree(name, value)
    if kind.startswith("a ") and kind[2:] in _MENDS:
        article = "an" if kind[2] in "AEIOU" else "a"
        raise ValueError(f"{name} is {shown(value)}, not {article} {kind[2:]}; {_MENDS[kind[2:]]}.")
    held = f", which holds {shown(_first_wrong(value, want.inside))}" if want.inside and is_several(value) else ""
    verb = "is" if want.words.startswith('"') else "must be"
    raise ValueError(f"{name} {verb} {want.words}, not {shown(value)}{held}.")


def _check_dense(name: str, values: Iterable[Any]) -> None:
    """Refuse data sets and objectives with sparse inputs."""
    for value in values:
        refuse = getattr(value, "refuse_sparse", None)
        if refuse is not None and not inspect.isclass(value):
            refuse(name)


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
        return _Wanted(f"a {hint.__name__}", lambda value: isinstance(value, hint) or traced(value))
    if name == "key" and "Array" in getattr(hint, "__name__", ""):
        return _Wanted("a key, say jax.random.key(0)", is_prng_key)
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
    return _Wanted(f"a function of {arguments(count)}", lambda value: takes(value, count))


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
        return is_several(value) and all(want is None or want.fits(x) for want, x in zip(wants, value, strict=False))

    return _Wanted(f"{len(inner)} in a tuple{kind}", fits, inside=wants[0])


def _several(inner: Any) -> _Wanted:
    """Any number of things, in a sequence or an array."""
    # Of a number among others the function says more: which axis it is, and what it is for.
    want = _NUMBERS if inner is float else _want(inner)
    kind = "" if want is None else f", {want.words} each"

    def fits(value: Any) -> bool:
        return is_several(value) and (want is None or all(want.fits(x) for x in value))

    return _Wanted(f"a sequence{kind}", fits, inside=want)


def _mapping(inner: Sequence[Any]) -> _Wanted:
    """Things by name."""
    want = _want(inner[1]) if len(inner) == 2 else None
    kind = "" if want is None else f" with {want.words} under each name"

    def fits(value: Any) -> bool:
        return isinstance(value, Mapping) and (want is None or all(want.fits(x) for x in value.values()))

    return _Wanted(f"a dict{kind}", fits)


_REALS = _Wanted("a number or an array of real numbers", lambda value: traced(value) or reals_of(value) is not None)

_NUMBERS = _Wanted("a number", lambda value: is_number(value) or is_nan(value))

_TREE = _Wanted("params, a tree of arrays of numbers", is_tree)

_PLAIN: dict[Any, _Wanted] = {
    type(None): _NONE,
    int: _Wanted("a whole number", lambda value: traced(value) or is_whole(value), counts=True),
    float: _Wanted("a number", is_number),
    bool: _Wanted("True or False", is_switch),
    str: _Wanted("a text", is_text),
    Path: _Wanted("a path", lambda value: isinstance(value, os.PathLike)),
}
