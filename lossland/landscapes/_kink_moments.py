"""Sums of many pairs made of parabolas and lines on a grid, exactly, at the cost of a few.

Pairs share the places where a score passes a kink: there the moments of the examples beyond it are summed, (1, z, z^2),
once for each kink that any pair has, and a pair is a combination of them.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from lossland.curves import Parabolas


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
