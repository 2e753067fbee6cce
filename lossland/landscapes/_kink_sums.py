"""Sums of losses made of parabolas and lines along the rows of a grid, exactly: each bends only at its kinks.

Along a row the score of an example moves evenly, and the place where it passes a kink moves evenly from row to row.
These places are sorted into the grid's cells, and running sums of what changes there give the row, in
O(examples + pixels). Kinks that no row meets cost nothing: they belong to the polynomial that all rows start from.

`bucket_rows` sums what changes at the kinks of one pair. `moment_rows` serves many pairs, which share the places where
a score passes a kink: it sums the moments of the examples beyond it, (1, z, z^2), once for each kink that any pair has;
a pair is a combination of them.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from lossland.curves import Parabolas

HELD = 60_000
"""Places worked through at once: they stay in the cache."""


class _Kinks(NamedTuple):
    """Kinks that some row meets inside the grid: at beta = place + alpha * drift a term begins, (k,) each.

    Attributes:
        place: in cells from the first beta.
        drift: cells per unit of alpha.
        first: the term is first * (beta - place) + second * (beta - place)^2, in cells.
        second: see first.
    """

    place: np.ndarray
    drift: np.ndarray
    first: np.ndarray
    second: np.ndarray


def bucket_rows(
    pair: tuple[Parabolas, Parabolas],
    labels: np.ndarray,
    weights: np.ndarray,
    scores: tuple[np.ndarray, np.ndarray, np.ndarray],
    alphas: np.ndarray,
    betas: np.ndarray,
) -> np.ndarray:
    r"""The weighted sum of losses on a grid, exactly, in O(examples + pixels) a row.

    .. math:: S_{jk} = \sum_i s_i \, \ell(z^0_i + \alpha_j z^1_i + \beta_k z^2_i, t_i)

    Args:
        pair: both class curves as pieces.
        labels: (n,), -1 or +1.
        weights: s, (n,).
        scores: z0, z1, z2, each (n,).
        alphas: (a,).
        betas: (b,), evenly spaced and growing.

    Returns:
        (a, b).
    """
    step = betas[1] - betas[0] if len(betas) > 1 else 1.0
    axis = _Axis(float(alphas.min()), float(alphas.max()), float(betas[0]), float(step), len(betas))
    base, alone, met = np.zeros((3, 3)), np.zeros(len(alphas)), []
    for curve, label in zip(pair, (1, -1), strict=True):
        held = labels == label
        u, first, v, s = (x[held] for x in (*scores, weights))
        still = ~np.isfinite(_outer_places(curve, u, first, v, axis)[1:]).all(axis=0)
        if still.any():
            # What does not move along beta bends from row to row instead.
            alone += curve(u[still] + alphas[:, None] * first[still]) @ s[still]
            u, first, v, s = (x[~still] for x in (u, first, v, s))
        terms, kinks = _split(curve, u, first, v, s, axis)
        base += terms
        met.append(kinks)
    kinks = _Kinks(*(np.concatenate(part) for part in zip(*met, strict=True)))
    start = np.polynomial.polynomial.polyvander(alphas, 2) @ base
    # From powers of beta to powers of the pixel's number.
    start = np.stack([start @ [1.0, *(axis.origin ** np.array([1, 2]))], start[:, 1], start[:, 2]])
    start[1] = axis.step * (start[1] + 2.0 * axis.origin * start[2])
    start[2] *= axis.step**2
    start[0] += alone
    total = np.empty((len(alphas), len(betas)))
    rows = max(1, HELD // max(len(kinks.place), len(betas)))
    for k in range(0, len(alphas), rows):
        part = slice(k, k + rows)
        _running(kinks, alphas[part], start[:, part, None], total[part])
    return total


class _Axis(NamedTuple):
    """The grid: alpha from `low` to `high`, beta from `origin` on in `cells` steps."""

    low: float
    high: float
    origin: float
    step: float
    cells: int


def _outer_places(curve: Parabolas, u: np.ndarray, first: np.ndarray, v: np.ndarray, axis: _Axis) -> np.ndarray:
    """For each example its drift, and the places of the outermost kinks, in cells: (3, n), not finite if v is 0."""
    outer = curve.knots[[0, -1]] if len(curve.knots) else np.zeros(2)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.stack([-first / (v * axis.step), *(((outer[:, None] - u) / v - axis.origin) / axis.step)])


def _split(
    curve: Parabolas, u: np.ndarray, first: np.ndarray, v: np.ndarray, s: np.ndarray, axis: _Axis
) -> tuple[np.ndarray, _Kinks]:
    """What all rows have in common, as coefficients of alpha^j beta^k, (3, 3), and the kinks that they meet."""
    place = ((curve.knots[:, None] - u) / v - axis.origin) / axis.step
    drift = np.broadcast_to(-first / (v * axis.step), place.shape)
    low, high = place + axis.low * drift, place + axis.high * drift
    passed = np.maximum(low, high) <= 0
    meets = ~passed & (np.minimum(low, high) < axis.cells - 1)
    count = passed.sum(axis=0)
    piece = np.where(v > 0, count, len(curve.knots) - count)
    size = s * np.abs(v) * axis.step
    jumps = curve.jumps()[:, None] * size
    bends = 0.5 * np.diff(curve.bend)[:, None] * (size * v * axis.step)
    kinks = _Kinks(place[meets], drift[meets], jumps[meets], bends[meets])
    return _summed_pieces(curve, piece, u, first, v, s), kinks


def _summed_pieces(
    curve: Parabolas, piece: np.ndarray, u: np.ndarray, first: np.ndarray, v: np.ndarray, s: np.ndarray
) -> np.ndarray:
    """The sum of s (value + slope z + bend z^2 / 2) at z = u + alpha first + beta v, as coefficients (3, 3)."""
    a, b, c = s * curve.value[piece], s * curve.slope[piece], 0.5 * s * curve.bend[piece]
    cu, total = c * u, np.zeros((3, 3))
    total[0, 0] = a.sum() + b @ u + cu @ u
    total[1, 0], total[0, 1] = b @ first + 2.0 * cu @ first, b @ v + 2.0 * cu @ v
    total[2, 0], total[1, 1], total[0, 2] = (c * first) @ first, 2.0 * (c * first) @ v, (c * v) @ v
    return total


def _running(kinks: _Kinks, alphas: np.ndarray, start: np.ndarray, total: np.ndarray) -> None:
    """Fill some rows: from the polynomial (3, rows, 1) in the pixel's number that they start with, past their kinks."""
    rows, cells = total.shape
    along = np.arange(float(cells))
    if not len(kinks.place):
        total[:] = start[0] + along * (start[1] + along * start[2])
        return
    place = alphas[:, None] * kinks.drift
    place += kinks.place
    number = np.clip(place, 0.0, cells)
    np.ceil(number, out=number)
    number += np.arange(rows)[:, None] * (cells + 1.0)
    number = number.astype(np.intp).ravel()

    def gathered(parts: np.ndarray, more: np.ndarray) -> np.ndarray:
        sums = np.bincount(number, parts.ravel(), minlength=rows * (cells + 1)).reshape(rows, cells + 1)
        sums[:, :1] += more
        return np.cumsum(sums[:, :cells], axis=1)

    if kinks.second.any() or start[2].any():
        turned = kinks.second * place
        square = gathered(np.broadcast_to(kinks.second, place.shape), start[2])
        linear = gathered(kinks.first - 2.0 * turned, start[1])
        constant = gathered((turned - kinks.first) * place, start[0])
        np.multiply(square, along, out=square)
        np.add(linear, square, out=linear)
    else:
        linear = gathered(np.broadcast_to(kinks.first, place.shape), start[1])
        constant = gathered(-kinks.first * place, start[0])
    np.multiply(linear, along, out=linear)
    np.add(linear, constant, out=total)


def moment_rows(
    pairs: Sequence[tuple[Parabolas, Parabolas]],
    labels: np.ndarray,
    weights: np.ndarray,
    scores: np.ndarray,
    alphas: np.ndarray,
    betas: np.ndarray,
) -> list[np.ndarray]:
    r"""The weighted sum of losses on a grid for each pair, exactly.

    .. math:: S^p_{jk} = \sum_r c^p_0 M^r_0 + c^p_1 M^r_1 + c^p_2 M^r_2, \quad
        M^r_m = \sum_{i: z_i > r} s_i z_i^m, \quad z_i = z^0_i + \alpha_j z^1_i + \beta_k z^2_i

    over the kinks r, c the changes of a pair's coefficients there.

    Args:
        pairs: the class curves of each pair.
        labels: (n,), -1 or +1.
        weights: s, (n,).
        scores: z0, z1, z2, (3, n).
        alphas: (a,).
        betas: (b,), evenly spaced and growing.

    Returns:
        For each pair (a, b).
    """
    totals = [np.zeros((len(alphas), len(betas))) for _ in pairs]
    for side, label in enumerate((1, -1)):
        for sign in (1.0, -1.0):
            held = (labels == label) & ((scores[2] >= 0) if sign > 0 else (scores[2] < 0))
            if held.any():
                u = scores[0, held] + alphas[:, None] * scores[1, held]
                curves = [pair[side] for pair in pairs]
                _add_class(totals, curves, sign, u, scores[2, held], weights[held], betas)
    return totals


def _add_class(
    totals: list[np.ndarray],
    curves: list[Parabolas],
    sign: float,
    u: np.ndarray,
    v: np.ndarray,
    s: np.ndarray,
    betas: np.ndarray,
) -> None:
    """Add to each pair's total the examples of one class whose v has one sign."""
    tables = [np.stack([c.value, c.slope, 0.5 * c.bend], axis=1) for c in curves]
    # Going along beta, a score with v < 0 meets the pieces from the right.
    tables = tables if sign > 0 else [t[::-1] for t in tables]
    knots = [c.knots if sign > 0 else c.knots[::-1] for c in curves]
    degree = 1 if all(c.linear for c in curves) else 2
    moments = list(_moments(u, v, s, degree))
    everywhere = _powers([m.sum(axis=1, keepdims=True) for m in moments], betas)
    for total, table in zip(totals, tables, strict=True):
        _combine(total, table[0], everywhere)
    for knot in sorted(set(np.concatenate(knots).tolist())):
        beyond = _powers(_beyond(knot, u, v, moments, betas), betas)
        for total, table, at in zip(totals, tables, knots, strict=True):
            for k in np.flatnonzero(at == knot):
                _combine(total, table[k + 1] - table[k], beyond)


def _moments(u: np.ndarray, v: np.ndarray, s: np.ndarray, degree: int) -> Iterator[np.ndarray]:
    """The coefficients of s, s z and s z^2 as polynomials of beta: s | s u, s v | s u^2, 2 s u v, s v^2."""
    yield np.broadcast_to(s, u.shape)
    yield s * u
    yield np.broadcast_to(s * v, u.shape)
    if degree == 2:
        yield s * u * u
        yield 2.0 * s * v * u
        yield np.broadcast_to(s * v * v, u.shape)


def _beyond(
    knot: float, u: np.ndarray, v: np.ndarray, moments: list[np.ndarray], betas: np.ndarray
) -> list[np.ndarray]:
    """Each moment's sum over the examples that have passed the knot, at each pixel: (rows, b)."""
    rows, cells = len(u), len(betas)
    step = betas[1] - betas[0] if cells > 1 else 1.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        place = (knot - u) / v
        # A score that does not move along beta has passed the kink from the start, or never does.
        place = np.where(np.isnan(place), -np.inf, place)
        cell = np.ceil((np.clip(place, betas[0] - step, betas[-1] + step) - betas[0]) / step)
    start = np.arange(rows)[:, None] * (cells + 1)
    number = (start + np.clip(cell, 0, cells)).astype(np.intp).ravel()
    size = rows * (cells + 1)
    held = [np.bincount(number, m.ravel(), minlength=size).reshape(rows, cells + 1)[:, :cells] for m in moments]
    return [np.cumsum(h, axis=1) for h in held]


def _powers(moments: list[np.ndarray], betas: np.ndarray) -> list[np.ndarray]:
    """The sums of s, s z and s z^2 at each pixel, from their coefficients in beta."""
    one, first, first_beta, *second = moments
    made = [one, first + betas * first_beta]
    return [*made, second[0] + betas * (second[1] + betas * second[2])] if second else made


def _combine(total: np.ndarray, coefficients: np.ndarray, powers: list[np.ndarray]) -> None:
    for coefficient, power in zip(coefficients, powers, strict=False):
        if coefficient:
            total += coefficient * power
