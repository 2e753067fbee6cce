"""What kind of convex function a loss is, found from the function itself: pieces of parabolas, or smooth.

`convex_form` looks at a loss of the score on a fine grid. A loss made of parabolas and lines is taken apart into its
terms, exactly, for the interior point; any other convex loss must have a continuous slope, for Newton's method.
"""

import functools
import itertools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.pairing import Pair, pair
from lossland.registry import LOSSES, Loss, find
from lossland.terms import Terms

NODES = 2048
MOST_PIECES = 24


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


class _Curve(NamedTuple):
    """One class curve on the margin axis: nodes, values, slopes and curvatures, all (m,)."""

    at: np.ndarray
    value: np.ndarray
    slope: np.ndarray
    bend: np.ndarray


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
    curves = [_curve(given, label, _grid()) for label in (1.0, -1.0)]
    for curve, label in zip(curves, (1.0, -1.0), strict=True):
        wrong = _refutes_convexity(curve)
        if wrong is not None:
            raise ValueError(_not_convex(given, label, wrong))
    infimum = np.array([_infimum(given, curve, label) for curve, label in zip(curves, (1.0, -1.0), strict=True)])
    bend = max(float(np.max(curve.bend[np.abs(curve.at) < 3.0], initial=0.0)) for curve in curves)
    # A margin's slope is minus the score's for a negative.
    ends = [np.sort(label * curve.slope[[0, -1]]) for curve, label in zip(curves, (1.0, -1.0), strict=True)]
    slopes = np.array(ends).T
    pieces = [_pieces(given, curve, label) for curve, label in zip(curves, (1.0, -1.0), strict=True)]
    found = [part for part in pieces if part is not None]
    if len(found) == 2 and all(part.bend.size > 1 or part.bend[0] > 0 for part in found):
        return Form(given, _terms(found), infimum, bend, slopes)
    if len(found) < 2:
        for curve, label in zip(curves, (1.0, -1.0), strict=True):
            _refuse_kink(given, curve, label)
    return Form(given, None, infimum, bend, slopes)


def _grid() -> np.ndarray:
    half = np.sinh(np.linspace(0.0, 14.5, NODES - 1)[1::2])
    return np.concatenate([-half[::-1], half])


@functools.partial(jax.jit, static_argnums=0)
def _evaluated(given: Pair, scores: Any, label: Any) -> Any:
    labels = jnp.full_like(scores, label)
    return given(scores, labels), given.slope(scores, labels), given.curvature(scores, labels)


def _curve(given: Pair, label: float, at: np.ndarray) -> _Curve:
    """The curve at margins (m,), m <= NODES, where it is finite."""
    padded = np.concatenate([at, np.full(NODES - at.size, at[-1])])
    with jax.enable_x64(True):
        held = [np.asarray(row)[: at.size] for row in _evaluated(given, label * padded, label)]
    value, slope, bend = held[0], label * held[1], held[2]
    good = np.isfinite(value) & np.isfinite(slope) & np.isfinite(bend)
    if np.isnan(value).any():
        raise ValueError(f"{given.name} is NaN at score {label * at[np.isnan(value)][0]:.6g}.")
    return _Curve(at[good], value[good], slope[good], bend[good])


def _infimum(given: Pair, curve: _Curve, label: float) -> float:
    """A curve's greatest lower bound."""
    with jax.enable_x64(True):
        held = np.asarray(given(jnp.array([-np.inf, np.inf]), jnp.full(2, label)))
    limits = [float(v) for v in held if not math.isnan(v)]
    for _ in range(3):
        place = int(np.argmin(curve.value))
        low, high = curve.at[max(place - 1, 0)], curve.at[min(place + 1, curve.at.size - 1)]
        curve = _curve(given, label, np.linspace(low, high, NODES))
    return min([float(curve.value.min()), *limits])


def _refutes_convexity(curve: _Curve) -> float | None:
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


# ---------------------------------------------------------------------------------------------- parabolas and lines


class _Pieces(NamedTuple):
    """A convex curve of p parabolas.

    Attributes:
        breaks: (p - 1,) margins.
        jumps: (p - 1,), of the slope there.
        bend: (p,), the curvatures.
        held: (p,), a margin on each piece.
        slope: (p,), the slope there.
        at: some margin.
        value: the value there.
    """

    breaks: np.ndarray
    jumps: np.ndarray
    bend: np.ndarray
    held: np.ndarray
    slope: np.ndarray
    at: float
    value: float


def _breaks(curve: _Curve) -> np.ndarray:
    """Cells across which the curve is not one parabola."""
    h = np.diff(curve.at)
    s, q = curve.slope, curve.bend
    size = np.abs(s[:-1]) + np.abs(s[1:]) + h * (np.abs(q[:-1]) + np.abs(q[1:]))
    bent = np.abs(np.diff(q)) > 1e-9 * (np.abs(q[:-1]) + np.abs(q[1:]))
    return np.flatnonzero(bent | (np.abs(np.diff(s) - 0.5 * h * (q[:-1] + q[1:])) > 1e-12 * size))


def _pieces(given: Pair, curve: _Curve, label: float) -> _Pieces | None:
    """The parabolas of a curve; None if it has others."""
    for _ in range(2):
        cells = _breaks(curve)
        if cells.size > MOST_PIECES:
            return None
        if not cells.size:
            break
        fine = [np.linspace(curve.at[c], curve.at[c + 1], NODES // cells.size)[1:-1] for c in cells]
        extra = _curve(given, label, np.unique(np.concatenate(fine)))
        at, first = np.unique(np.concatenate([curve.at, extra.at]), return_index=True)
        curve = _Curve(at, *(np.concatenate(rows)[first] for rows in zip(curve[1:], extra[1:], strict=True)))
    ends = np.concatenate([[-1], _breaks(curve), [curve.at.size - 1]])
    # A node that sits on a kink belongs to no piece.
    spans = [(a + 1, b) for a, b in itertools.pairwise(ends) if b - a > 2]
    if not spans or len(spans) > MOST_PIECES:
        return None
    breaks, jumps = [], []
    for (_, left), (right, _) in itertools.pairwise(spans):
        found = _meeting(curve, left, right)
        if found is None:
            return None
        breaks.append(found[0])
        jumps.append(found[1])
    middle = [(a + b) // 2 for a, b in spans]
    bend = np.array([curve.bend[i] if curve.bend[i] > 1e-12 else 0.0 for i in middle])
    held = int(np.argmin(np.abs(curve.at)))
    return _Pieces(np.array(breaks), np.array(jumps), bend, curve.at[middle], curve.slope[middle],
                   float(curve.at[held]), float(curve.value[held]))  # fmt: skip


def _meeting(curve: _Curve, left: int, right: int) -> tuple[float, float] | None:
    """Where two neighbouring parabolas meet, and by how much the slope jumps there."""
    a, b = curve.at[left], curve.at[right]
    v0, s0, q0 = curve.value[left], curve.slope[left], curve.bend[left]
    v1, s1, q1 = curve.value[right], curve.slope[right], curve.bend[right]
    # Both parabolas about the left end: the difference is c + j x + k x^2 / 2.
    c = v1 - v0 - (b - a) * (s1 - 0.5 * (b - a) * q1)
    j, k = s1 - (b - a) * q1 - s0, q1 - q0
    size = abs(s0) + abs(s1) + (b - a) * (abs(q0) + abs(q1))
    tiny = 1e-10 * (b - a) + 1e-12 * (1 + abs(a))
    if k != 0 and -tiny <= -j / k <= b - a + tiny and abs(c - 0.5 * j * j / k) <= 1e-12 * (abs(v0) + abs(v1) + size):
        return _tidy(a - j / k), 0.0
    roots = [-c / j] if k == 0 and j != 0 else [r.real for r in np.roots([0.5 * k, j, c])] if k != 0 else []
    inside = [r for r in roots if -tiny <= r <= b - a + tiny]
    if not inside:
        return None
    jump = j + k * inside[0]
    return (_tidy(a + inside[0]), float(jump)) if jump > -1e-9 * size else None


def _tidy(x: float) -> float:
    near = round(float(x), 9) + 0.0
    return near if abs(x - near) < 2e-11 * (1 + abs(x)) else float(x)


def _terms(pieces: list[_Pieces]) -> Terms:
    """The boxes of both classes, padded to the same number of terms by empty ones."""
    tables = [_boxes(part) for part in pieces]
    most = max(len(table) for table, _ in tables)
    padded = np.array([table + [(0.0, 0.0, 0.0, 1.0)] * (most - len(table)) for table, _ in tables])
    constants = np.array([constant for _, constant in tables])
    return Terms(padded[..., 0], padded[..., 1], padded[..., 2], padded[..., 3], constants)


def _boxes(part: _Pieces) -> tuple[list[tuple[float, float, float, float]], float]:
    """(knot, low, high, soft) of each term, and the constant."""
    found = [(float(x), 0.0, float(jump), 0.0) for x, jump in zip(part.breaks, part.jumps, strict=True) if jump > 0]
    edges = np.concatenate([[-np.inf], part.breaks, [np.inf]])
    at, slope = part.held[-1], part.slope[-1]
    a = -np.inf
    for i, q in enumerate(part.bend):
        b = edges[i + 1]
        if i + 1 < part.bend.size and q > 0 and abs(part.bend[i + 1] - q) <= 1e-9 * q:
            continue
        if q > 0 and b < np.inf:
            found.append((b, 0.0, _rise(part, i, q * (b - a)), 1.0 / q))
        elif q > 0 and a > -np.inf:
            found.append((a, -np.inf, 0.0, 1.0 / q))
            slope = slope - q * (at - a)
        elif q > 0:
            found.append((_tidy(at - slope / q), -np.inf, np.inf, 1.0 / q))
            slope = 0.0
        a = b
    # The slope that is left far to the right goes into the first term.
    slope = round(slope, 12) + 0.0
    knot, low, high, soft = found[0]
    found[0] = (_tidy(knot - soft * slope), low - slope, high - slope, soft)
    total = sum(_value(term, part.at) for term in found)
    return found, _tidy(part.value - total)


def _rise(part: _Pieces, i: int, rise: float) -> float:
    """How much the slope rises over a bent piece: the difference of its neighbours' slopes if these are lines."""
    inner = 0 < i < part.bend.size - 1
    if inner and not part.bend[i - 1] and not part.bend[i + 1] and not part.jumps[i - 1] and not part.jumps[i]:
        return float(part.slope[i + 1] - part.slope[i - 1])
    return float(rise)


def _value(term: tuple[float, float, float, float], margin: float) -> float:
    knot, low, high, soft = term
    gap = knot - margin
    best = float(np.clip(gap / soft, low, high)) if soft > 0 else (high if gap > 0 else low)
    return best * gap - 0.5 * soft * best * best


# ------------------------------------------------------------------------------------------------------ smooth losses


def _refuse_kink(given: Pair, curve: _Curve, label: float) -> None:
    """Raise where the slope jumps: zoom into the cells whose ends explain them least; a jump outlives every zoom."""
    near = np.abs(curve.at) < 50.0
    curve = _Curve(*(row[near] for row in curve))
    for cell in np.argsort(-_unexplained(curve))[:8]:
        low, high = curve.at[cell], curve.at[cell + 1]
        for _ in range(4):
            part = _curve(given, label, np.linspace(low, high, 256))
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


def _unexplained(curve: _Curve) -> np.ndarray:
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
