"""The registries: a decorated function becomes an entry that everything downstream finds by name.

Each decorator files an entry and returns the function unchanged. A claim left out is not claimed; a claim made is
tested by `check_loss` or `check_activation`. A claim that depends on a loss's parameters is a function of them.
"""

import functools
import inspect
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Self, TypeVar, overload

from lossland.core import checked_number

F = TypeVar("F", bound=Callable[..., Any])

REALS = (-math.inf, math.inf)
PROBABILITIES = (0.0, 1.0)
LARGEST = 1e100
"""Of a parameter: products of two of them are still numbers."""


class Alias(NamedTuple):
    """Another library's name for a loss: their value is `scale` times ours at `stretch` times the margin."""

    library: str
    name: str
    scale: float = 1.0
    stretch: float = 1.0


@dataclass(frozen=True, repr=False)
class Entry:
    """What the registries hold: a function, its bound parameters and where it was defined."""

    name: str
    function: Callable[..., Any]
    parameters: tuple[tuple[str, Any], ...] = ()
    source: str = ""
    place: str = ""

    def __call__(self, *arguments: Any) -> Any:
        """Evaluate the function with its bound parameters."""
        given = self.function(*arguments, **dict(self.parameters))
        return _real(given) if isinstance(self, (Loss, Activation)) else given

    def __repr__(self) -> str:
        """The kind of thing and its name."""
        return f"<{type(self).__name__.lower()} {self.name}>"

    def __hash__(self) -> int:
        """By name, function and parameters, and by what a user's function sees now: a change of that is another key."""
        return hash((self.name, self.function, self.parameters, self._seen()))

    def _seen(self) -> Any:
        return None

    def __copy__(self) -> Self:
        """Itself: an entry does not change."""
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        """Itself: an entry does not change."""
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        """What pickle keeps: of a registered entry where it is found again, as its claims may be local functions."""
        filed = [entry for entry in _registry_of(type(self)).values() if entry.function is self.function]
        if not filed or self != (filed[0].bind(**dict(self.parameters)) if self.parameters else filed[0]):
            return super().__reduce_ex__(max(2, int(protocol)))
        in_a_file = self.function.__module__.startswith("lossland_user.")
        where = f"{self.place.rpartition(':')[0]}:{self.function.__name__}" if in_a_file else self.function
        return _unpickled, (type(self), where, self.parameters)

    def settings(self) -> dict[str, Any]:
        """Every keyword parameter with the value in force."""
        keywords = list(inspect.signature(self.function).parameters.values())[_positional(self) :]
        defaults = {k.name: k.default for k in keywords if k.default is not inspect.Parameter.empty}
        return defaults | dict(self.parameters)

    def claim(self, name: str) -> Any:
        """A claim's value, with this entry's parameters put in where the claim depends on them; None if unclaimed."""
        value = getattr(self, name)
        if not callable(value):
            return value
        settings = self.settings()
        given = {key: settings[key] for key in inspect.signature(value).parameters}
        # A claim on what is being traced cannot be made.
        return None if any(_is_traced(held) for held in given.values()) else value(**given)

    def bind(self, **parameters: Any) -> Self:
        """The same entry with keyword parameters fixed, named after them."""
        unknown = set(parameters) - set(self.settings())
        if unknown:
            has = ", ".join(self.settings()) or "none"
            raise ValueError(f"{self.name} has no parameter {', '.join(sorted(unknown))}; its parameters: {has}.")
        # NumPy and JAX scalars become Python numbers: an entry is hashed as part of a compiled program's key. One that
        # is being traced stays what it is, so that derivatives and vmap reach it.
        plain = {key: value if _is_traced(value) else _plain(value) for key, value in parameters.items()}
        for key, value in plain.items() if isinstance(self, (Loss, Activation)) else ():
            _refuse_no_number(self, key, value)
        bound = dict(self.parameters) | plain
        base = self.name.partition("(")[0]
        shown = ", ".join(f"{k}={'traced' if _is_traced(v) else repr(v)}" for k, v in bound.items())
        return replace(self, name=f"{base}({shown})" if bound else base, parameters=tuple(bound.items()))


def _real(given: Any) -> Any:
    """Whole numbers and booleans as the real numbers that they stand for: JAX takes no slope of others."""
    if getattr(getattr(given, "dtype", None), "kind", "") not in ("b", "i", "u"):
        return given
    from lossland.elements._numerics import as_float  # data sets are entries, too, and need no JAX

    return as_float(given)


def _is_infinite(value: Any) -> bool:
    return isinstance(value, float) and math.isinf(value)


def _is_traced(value: Any) -> bool:
    # Data sets are entries too, and loading them needs no JAX: where it is not imported nothing is traced.
    return "jax" in sys.modules and isinstance(value, sys.modules["jax"].core.Tracer)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _refuse_no_number(entry: Entry, name: str, value: Any) -> None:
    """Refuse what is no finite number for a parameter whose default is one."""
    own = inspect.signature(entry.function).parameters[name].default
    if isinstance(own, bool) or not isinstance(own, (int, float)) or _is_traced(value):
        return
    what = f"The parameter {name} of {entry.name.partition('(')[0]}"
    if abs(checked_number(what, value)) > LARGEST and not _is_infinite(own):
        raise ValueError(f"{what} must be finite, at most {LARGEST:g} in size, not {value}.")


@dataclass(frozen=True, repr=False)
class Loss(Entry):
    """A registered loss: of a margin, of a likelihood, or of an output and a label."""

    __hash__ = Entry.__hash__

    kind: Literal["margin", "likelihood", "label"] = "margin"
    domain: tuple[float, float] = REALS
    convex: bool | Callable[..., bool] | None = None
    decreasing: bool | Callable[..., bool] | None = None
    kinks: tuple[float, ...] | Callable[..., tuple[float, ...]] | None = None
    tail: str | Callable[..., str] | None = None
    aliases: tuple[Alias, ...] = ()

    def _seen(self) -> Any:
        return _seen(self.function, 2 if self.kind == "label" else 1)


@dataclass(frozen=True, repr=False)
class Activation(Entry):
    """A registered output activation; `neighbours` gives 1 - a, 1 + a and logarithms without lost digits."""

    __hash__ = Entry.__hash__

    range: tuple[float, float] | Callable[..., tuple[float, float]] | None = None
    kinks: tuple[float, ...] | Callable[..., tuple[float, ...]] | None = None
    monotone: bool | Callable[..., bool] | None = None
    symmetry: Literal["odd", "complement"] | None = None
    neighbours: Callable[..., Any] | None = None
    aliases: tuple[Alias, ...] = ()

    def _seen(self) -> Any:
        return _seen(self.function, 1)


def _seen(function: Any, arguments: int) -> Any:
    """What a user's function sees; the package's own see nothing that changes."""
    if (getattr(function, "__module__", None) or "").startswith("lossland."):
        return None
    from lossland.elements._seen import seen_now  # data sets are entries, too, and need no JAX

    return seen_now(function, arguments)


@dataclass(frozen=True, repr=False)
class Source(Entry):
    """A registered data set: a function that returns a Dataset."""

    __hash__ = Entry.__hash__

    real: bool = False
    about: str = ""


LOSSES: dict[str, Loss] = {}
ACTIVATIONS: dict[str, Activation] = {}
DATASETS: dict[str, Source] = {}


def _registry_of(kind: type) -> dict[str, Any]:
    """Where entries of this kind are filed."""
    return {Loss: LOSSES, Activation: ACTIVATIONS, Source: DATASETS}.get(kind, {})


def _unpickled(kind: type, reference: Any, parameters: tuple[tuple[str, Any], ...]) -> Any:
    """The registered entry again, from its function or its place in a user's file."""
    from lossland.elements._lookup import find

    found = find(_registry_of(kind), reference)
    return found.bind(**dict(parameters)) if parameters else found


@overload
def margin_loss(function: F, /) -> F: ...
@overload
def margin_loss(function: None = None, /, **claims: Any) -> Callable[[F], F]: ...
def margin_loss(function: Any = None, /, **claims: Any) -> Any:
    """File a loss of the margin m = label * output, a scalar function of one scalar applied elementwise.

    Args:
        function: `loss(margin, **parameters)`; every parameter is a keyword with a default.
        **claims: any of `convex`, `decreasing`, `kinks` (margins where the slope or the value jumps), `tail` ("zero",
            "exponential", "polynomial": how it vanishes at +inf), `source` (author and year), `aliases`. Each may be a
            function of the loss's parameters.

    Returns:
        The function, unchanged.

    Raises:
        ValueError: if the name is taken (both places are named) or a parameter has no default.

    Example:
        >>> import lossland as ll
        >>> @ll.margin_loss(convex=True, kinks=(2.0,), source="doctest")
        ... def doctest_wide_hinge(margin):
        ...     return ll.losses.hinge(margin - 1.0)
        >>> float(ll.pair("identity", "doctest_wide_hinge").positive(0.5))
        1.5
    """
    return _file(LOSSES, Loss, function, {"kind": "margin"} | claims)


@overload
def likelihood_loss(function: F, /) -> F: ...
@overload
def likelihood_loss(function: None = None, /, **claims: Any) -> Callable[[F], F]: ...
def likelihood_loss(function: Any = None, /, **claims: Any) -> Any:
    """File a loss of the likelihood q, the probability given to the true class: a if t = +1, 1 - a if t = -1.

    Write it with `jnp.log(likelihood)` and `1 - likelihood`: a pair evaluates both without lost digits.

    Args:
        function: `loss(likelihood, **parameters)`, on [0, 1].
        **claims: as for `margin_loss`; kinks are likelihoods.

    Returns:
        The function, unchanged.

    Raises:
        ValueError: as `margin_loss`.

    Example:
        >>> import lossland as ll, jax.numpy as jnp
        >>> @ll.likelihood_loss(convex=True)
        ... def doctest_surprise_in_bits(likelihood):
        ...     return -jnp.log(likelihood) / jnp.log(2.0)
        >>> float(ll.pair("sigmoid", "doctest_surprise_in_bits").negative(0.0))
        1.0
    """
    return _file(LOSSES, Loss, function, {"kind": "likelihood", "domain": PROBABILITIES} | claims)


@overload
def label_loss(function: F, /) -> F: ...
@overload
def label_loss(function: None = None, /, **claims: Any) -> Callable[[F], F]: ...
def label_loss(function: Any = None, /, **claims: Any) -> Any:
    """File a general loss(output, label), label in {-1, +1}, for one that is neither a margin nor a likelihood loss.

    Args:
        function: `loss(output, label, **parameters)`.
        **claims: as for `margin_loss`, and `domain`, the interval of outputs that it takes (default: all reals).

    Returns:
        The function, unchanged.

    Raises:
        ValueError: as `margin_loss`.

    Example:
        >>> import lossland as ll, jax.numpy as jnp
        >>> @ll.label_loss
        ... def doctest_costly_misses(output, label):
        ...     return jnp.where(label > 0, 5.0, 1.0) * ll.losses.hinge(label * output)
        >>> float(ll.pair("identity", "doctest_costly_misses").positive(0.0))
        5.0
    """
    return _file(LOSSES, Loss, function, {"kind": "label"} | claims)


@overload
def activation(function: F, /) -> F: ...
@overload
def activation(function: None = None, /, **claims: Any) -> Callable[[F], F]: ...
def activation(function: Any = None, /, **claims: Any) -> Any:
    """File an output activation a = g(z), a scalar function of the score applied elementwise.

    Args:
        function: `activation(score, **parameters)`.
        **claims: any of `range` (an interval that holds every output; needed for a likelihood loss), `kinks` (scores),
            `monotone` (nondecreasing), `symmetry` ("odd": g(-z) = -g(z); "complement": g(-z) = 1 - g(z)), `neighbours`
            (a function of the score that returns `lossland.elements.Output`), `source`, `aliases`.

    Returns:
        The function, unchanged.

    Raises:
        ValueError: as `margin_loss`.

    Example:
        >>> import lossland as ll
        >>> @ll.activation(range=(-1.0, float("inf")), kinks=(-1.0,), monotone=True)
        ... def doctest_floor(score):
        ...     return ll.activations.relu(score + 1.0) - 1.0
        >>> float(ll.pair("doctest_floor", "hinge").negative(-3.0))
        0.0
    """
    return _file(ACTIVATIONS, Activation, function, claims)


def dataset(function: Any = None, /, **claims: Any) -> Any:
    """File a data set: a function of keyword parameters that returns a `Dataset`. Claims: `real`, `about`, `source`.

    Args:
        function: of keyword parameters with defaults; left out where the decorator is given claims.
        **claims: of `Source`.

    Returns:
        The function itself; `lossland.load` finds it by its name, with parameters if wanted.

    Example:
        >>> import lossland as ll
        >>> @dataset(about="one point a class")
        ... def ends(far: float = 1.0):
        ...     return ll.Dataset([[-far], [far]], [-1, 1])
        >>> ll.load("ends(far=2.0)").inputs.ravel().tolist()
        [-2.0, 2.0]
        >>> held = DATASETS.pop("ends")  # an example leaves nothing behind
    """
    return _file(DATASETS, Source, function, claims)


def _file(registry: dict, make: Callable[..., Entry], function: Any, claims: dict[str, Any]) -> Any:
    """Put an entry for `function` into `registry`; as a decorator when `function` is None."""
    if function is None:
        return functools.partial(_file, registry, make, claims=claims)
    unknown = set(claims) - set(inspect.signature(make).parameters)
    if unknown:
        known = sorted(set(inspect.signature(make).parameters) - {"name", "function", "parameters", "place", "kind"})
        raise ValueError(
            f"{function.__name__}: no such claim: {', '.join(sorted(unknown))}. Claims: {', '.join(known)}."
        )
    entry = make(name=function.__name__, function=function, place=_place(function), **claims)
    _check_signature(entry)
    held = registry.get(entry.name)
    if held is not None and held.place != entry.place and not _interactive(function):
        raise ValueError(
            f"The name {entry.name!r} is taken: it was defined at {held.place} and again at {entry.place}. "
            f"Rename one of the two functions."
        )
    registry[entry.name] = entry
    return function


def _positional(entry: Entry) -> int:
    """How many positional arguments an entry's function takes before its keyword parameters."""
    if isinstance(entry, Source):
        return 0
    return 2 if isinstance(entry, Loss) and entry.kind == "label" else 1


def _check_signature(entry: Entry) -> None:
    """Refuse a function whose parameters beyond the leading arguments have no default."""
    parameters = list(inspect.signature(entry.function).parameters.values())
    count = _positional(entry)
    if len(parameters) < count:
        raise ValueError(f"{entry.name} at {entry.place} takes {len(parameters)} arguments; it must take {count}.")
    for parameter in parameters[count:]:
        if parameter.default is inspect.Parameter.empty and parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            raise ValueError(
                f"{entry.name} at {entry.place}: parameter {parameter.name!r} has no default. "
                f"Give it one: every parameter after the first {count} is a keyword with a default."
            )


def _place(function: Callable[..., Any]) -> str:
    code = inspect.unwrap(function).__code__
    return f"{code.co_filename}:{code.co_firstlineno}"


def _interactive(function: Callable[..., Any]) -> bool:
    """Whether the function was typed into a session, where defining it anew replaces it as Python itself does."""
    return function.__module__ == "__main__" and not hasattr(sys.modules["__main__"], "__file__")
