"""What kind of convex function a loss is, found from the function itself: made of parabolas and lines, or smooth.

`convex_form` takes a loss of the score apart into its terms, exactly, for the interior point; a convex loss that is not
made of parabolas and lines must have a continuous slope, for Newton's method.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.elements import LOSSES, Loss, Pair, find, pair
from lossland.solvers._plq import NODES, Curve, Terms, curve_at, pieces_of, score_grid, terms_of


class Form(NamedTuple):
    """A convex loss of the score, ready to be minimised.

    Attributes:
        pair: the loss with its output activation, the identity unless a pair was given.
        terms: the parabolas and lines that it is made of, of the margin; None for a smooth loss.
        infimum: (2,), its greatest lower bound for positives and negatives, -inf if it has none.
        curvature: the largest curvature at scores within [-3, 3].
        slopes: (2, 2), the least (first row) and the largest slope in the score of positives and of negatives.
    """

    pair: Pair
    terms: Terms | None
    infimum: np.ndarray
    curvature: float
    slopes: np.ndarray


def convex_form(loss: Any) -> Form:
    """The form of a loss that `solve` can minimise.

    Args:
        loss: a name, a function or an entry of a margin or label loss, or a pair.

    Returns:
        The form.

    Raises:
        ValueError: if the loss is not convex in the score (a score that refutes it is named), is one of a likelihood,
            or is neither piecewise quadratic nor once differentiable.

    Example:
        >>> convex_form("absolute").terms.low.tolist(), convex_form("logistic").terms
        ([[-1.0], [-1.0]], None)
    """
    if not isinstance(loss, Pair):
        entry = find(LOSSES, loss)
        if entry.kind == "likelihood":
            raise ValueError(_of_likelihood(entry))
        loss = pair("identity", entry)
    return _form(loss)


@functools.lru_cache(maxsize=256)
def _form(given: Pair) -> Form:
    curves = [curve_at(given, label, score_grid()) for label in (1.0, -1.0)]
    for curve, label in zip(curves, (1.0, -1.0), strict=True):
        wrong = _refutes_convexity(curve)
        if wrong is not None:
            raise ValueError(_not_convex(given, label, wrong))
    infimum = np.array([_infimum(given, curve, label) for curve, label in zip(curves, (1.0, -1.0), strict=True)])
    bend = max(float(np.max(curve.bend[np.abs(curve.at) < 3.0], initial=0.0)) for curve in curves)
    # A margin's slope is minus the score's for a negative.
    ends = [np.sort(label * curve.slope[[0, -1]]) for curve, label in zip(curves, (1.0, -1.0), strict=True)]
    slopes = np.array(ends).T
    pieces = [pieces_of(given, curve, label) for curve, label in zip(curves, (1.0, -1.0), strict=True)]
    found = [part for part in pieces if part is not None]
    if len(found) == 2 and all(part.bend.size > 1 or part.bend[0] > 0 for part in found):
        return Form(given, terms_of(found), infimum, bend, slopes)
    if len(found) < 2:
        for curve, label in zip(curves, (1.0, -1.0), strict=True):
            _refuse_kink(given, curve, label)
    return Form(given, None, infimum, bend, slopes)


def _infimum(given: Pair, curve: Curve, label: float) -> float:
    """A curve's greatest lower bound."""
    with jax.enable_x64(True):
        held = np.asarray(given(jnp.array([-np.inf, np.inf]), jnp.full(2, label)))
    limits = [float(v) for v in held if not math.isnan(v)]
    for _ in range(3):
        place = int(np.argmin(curve.value))
        low, high = curve.at[max(place - 1, 0)], curve.at[min(place + 1, curve.at.size - 1)]
        curve = curve_at(given, label, np.linspace(low, high, NODES))
    return min([float(curve.value.min()), *limits])


def _refutes_convexity(curve: Curve) -> float | None:
    """A margin where the slope falls, by more than rounding; None for a convex curve."""
    size = np.maximum(np.abs(curve.slope[:-1]), np.abs(curve.slope[1:]))
    fall = np.diff(curve.slope) < -1e-9 * (size + 1e-3)
    # A step of the value has no slope: a chord above the curve's own slopes gives it away.
    h = np.diff(curve.at)
    chord = np.diff(curve.value) / h
    rounding = 1e-9 * (1e-3 + size) + 1e-14 * np.maximum(np.abs(curve.value[:-1]), np.abs(curve.value[1:])) / h
    off = (chord > np.maximum(curve.slope[:-1], curve.slope[1:]) + rounding) | (
        chord < np.minimum(curve.slope[:-1], curve.slope[1:]) - rounding
    )
    found = np.flatnonzero(fall | off)
    return float(curve.at[found[np.argmin(np.abs(curve.at[found]))]]) if found.size else None


# ------------------------------------------------------------------------------------------------------ smooth losses


def _refuse_kink(given: Pair, curve: Curve, label: float) -> None:
    """Raise where the slope jumps: zoom into the cells whose ends explain them least; a jump outlives every zoom."""
    near = np.abs(curve.at) < 50.0
    curve = Curve(*(row[near] for row in curve))
    for cell in np.argsort(-_unexplained(curve))[:8]:
        low, high = curve.at[cell], curve.at[cell + 1]
        for _ in range(4):
            part = curve_at(given, label, np.linspace(low, high, 256))
            jumps = _unexplained(part)
            place = int(np.argmax(jumps))
            if jumps[place] < 1e-6:
                break
            low, high = part.at[place], part.at[place + 1]
        else:
            raise ValueError(
                f"{given.name} has a kink at score {label * low:.6g} and is not made of parabolas and lines; solve "
                f"takes losses that are either smooth or made of those. Round the kink: ll.smoothed(loss, gamma)."
            )


def _unexplained(curve: Curve) -> np.ndarray:
    """How far each cell's slopes differ from what the curvature between them says, as a share."""
    h = np.diff(curve.at)
    off = np.abs(np.diff(curve.slope) - 0.5 * h * (curve.bend[:-1] + curve.bend[1:]))
    return off / (1e-3 + np.abs(curve.slope[:-1]) + np.abs(curve.slope[1:]))


# ------------------------------------------------------------------------------------------------------------ refusals


def _not_convex(given: Pair, label: float, margin: float) -> str:
    side = "positive" if label > 0 else "negative"
    near = [e.name for e in LOSSES.values() if e.kind == "margin" and e.claim("convex")]
    return (
        f"{given.name} is not convex: for a {side} its slope falls near score {label * margin:.6g}, so a minimum found "
        f"need not be the lowest. Nearest convex losses: {', '.join(_nearest(given, near)[:3])}."
    )


def _nearest(given: Pair, names: list[str]) -> list[str]:
    """Convex losses, those first that differ least where a positive is classified well, on scores in [0, 3]."""
    scores = np.linspace(0.0, 3.0, 31)
    with jax.enable_x64(True):
        own = np.asarray(given(jnp.asarray(scores), 1.0))
        away = {
            name: np.max(np.abs(np.asarray(pair("identity", name)(jnp.asarray(scores), 1.0)) - own)) for name in names
        }
    return sorted(names, key=lambda name: away[name])


def _of_likelihood(entry: Loss) -> str:
    given = pair("sigmoid", entry)
    names = [e.name for e in LOSSES.values() if e.kind == "margin" and e.claim("convex")]
    near = _nearest(given, names)[0]
    scores = np.linspace(-5.0, 5.0, 21)
    with jax.enable_x64(True):
        same = np.allclose(given(jnp.asarray(scores), 1.0), pair("identity", near)(jnp.asarray(scores), 1.0), rtol=1e-9)
    if same:
        meant = f"On a sigmoid output it is the margin loss {near!r}: solve({near!r}, ...)."
    else:
        meant = f"Give the pair that is meant, say solve(ll.pair('sigmoid', {entry.name!r}), ...), if it is convex."
    return f"{entry.name} is a loss of a likelihood, and solve minimises losses of a linear score. {meant}"
