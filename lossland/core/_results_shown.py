"""How results show themselves: a short repr, a table with a picture in a notebook, and `.plot()`.

A result is a NamedTuple, which takes no base class: its class body takes these functions by name instead,
`__repr__ = short_repr`, `_repr_html_ = html_repr` and `plot = plotted`.
"""

import base64
import html
import importlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

SPREAD = ("values", "objective", "gap", "gradient_norms", "losses", "levels")
"""Fields of which the least and the largest number are shown beside the shape: they say how good a result is."""
LONG = 60
"""Letters of a word or of a list of names that are shown."""
DIGITS = 5


def short_repr(self: Any) -> str:
    """A result in a line or a few: numbers as they are, arrays by their shapes.

    Example:
        >>> import lossland as ll
        >>> ll.solve("hinge", ll.load("two_points"), C=1.0)
        Solution(weights=(2,), bias=-0.6, duals=(2,), objective=0.4, dual_objective=0.4, gap=..., converged=True, ...)
    """
    inside = ", ".join(f"{name}={_field_told(name, value)}" for name, value in _fields(self) if not _empty(value))
    return f"{type(self).__name__}({inside})"


def html_repr(self: Any) -> str:
    """The same as a table for a notebook, with the result's picture where it can be drawn."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th><td style='text-align:left'>"
        f"{html.escape(_field_told(name, value))}</td></tr>"
        for name, value in _fields(self)
        if not _empty(value)
    )
    return f"<b>{type(self).__name__}</b>{picture_html(self)}<table>{rows}</table>"


def plotted(self: Any, ax: Any = None, **options: Any) -> Any:
    """Draw this result.

    Args:
        self: the result.
        ax: matplotlib axes to draw on; new ones if left out.
        **options: see `lossland.figures.plot`, which draws.

    Returns:
        The axes.
    """
    # Drawing stands on a higher floor than computing, which never needs it: it is asked for by name, at the call.
    return importlib.import_module("lossland.figures").plot(self, ax, **options)


def _field_told(name: str, value: Any) -> str:
    """A field in a few letters, with its range or how many of it are true where that says how good a result is."""
    text = told(value)
    if not hasattr(value, "shape") or value.shape == () or name not in (*SPREAD, "converged"):
        return text
    try:
        held = np.asarray(value)
    except Exception:  # a tracer has no numbers yet
        return text
    if name == "converged":
        return f"{int(held.sum())} of {held.size}"
    finite = held[np.isfinite(held)]
    left = held.size - finite.size
    text = f"{text} from {told(float(finite.min()))} to {told(float(finite.max()))}" if finite.size else text
    return f"{text}, {left} of {held.size} not finite" if left else text


def told(value: Any) -> str:
    """A value in a few letters: a number as a number, an array by its shape, a dict by its leaves."""
    if value is None or isinstance(value, (bool, int)):
        return str(value)
    if isinstance(value, str):
        return repr(value if len(value) <= LONG else f"{value[: LONG - 3]}...")
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return _array(value)
    if hasattr(value, "_fields") or hasattr(value, "__dataclass_fields__"):
        return f"{type(value).__name__}(...)"
    if isinstance(value, Mapping):
        return _cut(f"{name}: {told(each)}" for name, each in value.items())
    if isinstance(value, (tuple, list)):
        if len(value) > 6 or not all(isinstance(each, (str, int, float)) for each in value):
            return f"{len(value)} of {type(value[0]).__name__}" if value else "none"
        return f"({', '.join(told(each) for each in value)})"
    return _cut([str(value)], "{}") if not callable(value) else getattr(value, "__name__", type(value).__name__)


def _array(value: Any) -> str:
    """A scalar as its number, an array as its shape; one under tracing too."""
    if value.shape == ():
        try:
            return told(value.item())
        except Exception:
            return f"traced {value.dtype}"
    return f"({', '.join(map(str, value.shape))}{',' if len(value.shape) == 1 else ''})"


def _cut(parts: Iterable[str], around: str = "{{{}}}") -> str:
    text = ", ".join(parts)
    return around.format(text if len(text) <= LONG else f"{text[: LONG - 3]}...")


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, (str, tuple, dict)) and not value)


def _fields(result: Any) -> list[tuple[str, Any]]:
    if hasattr(result, "_fields"):
        return list(zip(result._fields, result, strict=True))
    return [(name, getattr(result, name)) for name in result.__dataclass_fields__ if not name.startswith("_")]


def picture_html(result: Any) -> str:
    """The result drawn, as an image inside the page; nothing if it cannot be drawn."""
    made = importlib.import_module("lossland.figures").picture(result)
    return f"<div><img src='data:image/png;base64,{base64.b64encode(made).decode()}'></div>" if made else ""
