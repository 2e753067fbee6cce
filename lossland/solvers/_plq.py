"""Convex losses made of parabolas and lines, as sums of boxes: the form in which the interior point takes them.

    phi(m) = constant + sum_j max { v (knot_j - m) - soft_j v^2 / 2 : low_j <= v <= high_j }

The hinge is one box, v in [0, 1] with knot 1 and soft 0; the dual variables of example i are beta_ij = c_i v_ij, and
alpha_i = sum_j beta_ij is minus c_i times the slope.

A class curve looked at on a fine grid, and taken apart into parabolas and lines if it is made of them.
"""

import contextlib
import functools
import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.core import tracing
from lossland.curves import rounding_off
from lossland.elements import Pair


def array_module(array: Any) -> Any:
    """NumPy for what lies on the host, jax.numpy for JAX's arrays: some functions here serve both."""
    return np if isinstance(array, np.ndarray) else jnp


class Terms(NamedTuple):
    """A convex piecewise linear-quadratic loss of the margin; rows are (positive, negative), columns the J terms.

    Attributes:
        knot: (2, J), where the term's slope begins to turn, or turns at once.
        low: (2, J), the least v, -inf allowed.
        high: (2, J), the largest v, inf allowed.
        soft: (2, J), one over the curvature; 0 at a kink.
        constant: (2,).
    """

    knot: Any
    low: Any
    high: Any
    soft: Any
    constant: Any


class Rows(NamedTuple):
    """The terms spread over examples, arrays that broadcast to (k, J, n); low, high and soft are the dual's own.

    Attributes:
        knot: margins.
        low: c_i low_j.
        high: c_i high_j.
        soft: soft_j / c_i.
        counts: 1 where the example has a weight, else 0.
    """

    knot: Any
    low: Any
    high: Any
    soft: Any
    counts: Any


def spread(terms: Terms, labels: Any, weights: Any) -> Rows:
    """The terms for every example: labels (k or 1, n), weights c (k, n)."""
    xp = array_module(weights)

    def pick(table: Any) -> Any:
        return xp.where(labels[:, None, :] > 0, table[0][None, :, None], table[1][None, :, None])

    c = xp.where(weights > 0, weights, 1.0)[:, None, :]
    return Rows(
        pick(terms.knot),
        c * pick(terms.low),
        c * pick(terms.high),
        pick(terms.soft) / c,
        (weights > 0).astype(c.dtype)[:, None, :],
    )


def values(rows: Rows, margins: Any) -> Any:
    """c_i times the loss of every term at margins (k, n), without the constant: (k, J, n)."""
    xp = array_module(margins)
    gap = rows.knot - margins[:, None, :]
    soft = xp.where(rows.soft > 0, rows.soft, 1.0)
    best = xp.where(rows.soft > 0, gap / soft, xp.where(gap > 0, rows.high, rows.low))
    best = xp.clip(best, rows.low, rows.high)
    held = best * (gap - 0.5 * rows.soft * best)
    return xp.where(rows.counts > 0, xp.where(gap == 0, 0.0, held), 0.0)


def geometric_middle(weights: Any) -> Any:
    """One row of weights (1, n) that stands for many, (k, n): the mean of their shares times the middle total."""
    xp = array_module(weights)
    total = weights.sum(axis=1, keepdims=True)
    return xp.exp(xp.log(total).mean()) * (weights / total).mean(axis=0, keepdims=True)


NODES = 2048
MOST_PIECES = 24


class Curve(NamedTuple):
    """One class curve on the margin axis: nodes, values, slopes and curvatures, all (m,)."""

    at: np.ndarray
    value: np.ndarray
    slope: np.ndarray
    bend: np.ndarray


def score_grid() -> np.ndarray:
    """Margins from -1e6 to 1e6, even in asinh; 0 lies between two of them."""
    half = np.sinh(np.linspace(0.0, 14.5, NODES - 1)[1::2])
    return np.concatenate([-half[::-1], half])


@functools.partial(jax.jit, static_argnums=0)
def evaluated_at(given: Pair, scores: Any, label: Any) -> Any:
    """Values, slopes and curvatures in the score, of one label."""
    labels = jnp.full_like(scores, label)
    return given(scores, labels), given.slope(scores, labels), given.curvature(scores, labels)


def curve_at(given: Pair, label: float, at: np.ndarray) -> Curve:
    """The curve at margins (m,), m <= NODES, where it is finite."""
    padded = np.concatenate([at, np.full(NODES - at.size, at[-1])])
    # Inside a traced function of the user's these are numbers all the same; elsewhere one program serves.
    own = jax.ensure_compile_time_eval() if tracing() else contextlib.nullcontext()
    with own, jax.enable_x64(True):
        held = [np.asarray(row)[: at.size] for row in evaluated_at(given, label * padded, label)]
    value, slope, bend = held[0], label * held[1], held[2]
    good = np.isfinite(value) & np.isfinite(slope) & np.isfinite(bend)
    if np.isnan(value).any():
        raise ValueError(f"{given.name} is NaN at score {label * at[np.isnan(value)][0]:.6g}.")
    return Curve(at[good], value[good], slope[good], bend[good])


class Pieces(NamedTuple):
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


def _breaks(curve: Curve) -> np.ndarray:
    """Cells across which the curve is not one parabola."""
    h = np.diff(curve.at)
    s, q = curve.slope, curve.bend
    size = np.abs(s[:-1]) + np.abs(s[1:]) + h * (np.abs(q[:-1]) + np.abs(q[1:]))
    bent = np.abs(np.diff(q)) > 1e-9 * (np.abs(q[:-1]) + np.abs(q[1:]))
    return np.flatnonzero(bent | (np.abs(np.diff(s) - 0.5 * h * (q[:-1] + q[1:])) > 1e-12 * size))


def pieces_of(given: Pair, curve: Curve, label: float) -> Pieces | None:
    """The parabolas of a curve; None if it has others."""
    # Not `curves.parabolas`, whose knots are the same: its slopes differ in the last digit, and so would solutions.
    for _ in range(2):
        cells = _breaks(curve)
        if cells.size > MOST_PIECES:
            return None
        if not cells.size:
            break
        fine = [np.linspace(curve.at[c], curve.at[c + 1], NODES // cells.size)[1:-1] for c in cells]
        extra = curve_at(given, label, np.unique(np.concatenate(fine)))
        at, first = np.unique(np.concatenate([curve.at, extra.at]), return_index=True)
        curve = Curve(at, *(np.concatenate(rows)[first] for rows in zip(curve[1:], extra[1:], strict=True)))
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
    return Pieces(np.array(breaks), np.array(jumps), bend, curve.at[middle], curve.slope[middle],
                   float(curve.at[held]), float(curve.value[held]))  # fmt: skip


def _meeting(curve: Curve, left: int, right: int) -> tuple[float, float] | None:
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
        return rounding_off(a - j / k, 9, 2e-11), 0.0
    roots = [-c / j] if k == 0 and j != 0 else [r.real for r in np.roots([0.5 * k, j, c])] if k != 0 else []
    inside = [r for r in roots if -tiny <= r <= b - a + tiny]
    if not inside:
        return None
    jump = j + k * inside[0]
    return (rounding_off(a + inside[0], 9, 2e-11), float(jump)) if jump > -1e-9 * size else None


def terms_of(pieces: list[Pieces]) -> Terms:
    """The boxes of both classes, padded to the same number of terms by empty ones."""
    tables = [_boxes(part) for part in pieces]
    most = max(len(table) for table, _ in tables)
    padded = np.array([table + [(0.0, 0.0, 0.0, 1.0)] * (most - len(table)) for table, _ in tables])
    constants = np.array([constant for _, constant in tables])
    return Terms(padded[..., 0], padded[..., 1], padded[..., 2], padded[..., 3], constants)


def _boxes(part: Pieces) -> tuple[list[tuple[float, float, float, float]], float]:
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
            found.append((rounding_off(at - slope / q, 9, 2e-11), -np.inf, np.inf, 1.0 / q))
            slope = 0.0
        a = b
    # The slope that is left far to the right goes into the first term.
    slope = round(slope, 12) + 0.0
    knot, low, high, soft = found[0]
    found[0] = (rounding_off(knot - soft * slope, 9, 2e-11), low - slope, high - slope, soft)
    total = sum(_value(term, part.at) for term in found)
    return found, rounding_off(part.value - total, 9, 2e-11)


def _rise(part: Pieces, i: int, rise: float) -> float:
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
