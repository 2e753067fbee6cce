"""Sums of pieces of parabolas and lines along the rows of a grid, exactly: each example bends only at its kinks.

Along a row the score of an example moves evenly; the places where it passes a kink are sorted into the grid's cells,
and running sums of what changes there give the row, in O(examples + pixels).
"""

import numpy as np

from lossland.piecewise import Parabolas


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
    origin, first, second = scores
    total = np.zeros((len(alphas), 3, len(betas)))
    for curve, label in zip(pair, (1, -1), strict=True):
        for sign in (1.0, -1.0):
            held = (labels == label) & ((second >= 0) if sign > 0 else (second < 0))
            if held.any():
                u = origin[held] + alphas[:, None] * first[held]
                total += _half_plane(curve, sign, u, second[held], weights[held], betas)
    return total[:, 0] + betas * (total[:, 1] + betas * total[:, 2])


def _half_plane(
    curve: Parabolas, sign: float, u: np.ndarray, v: np.ndarray, s: np.ndarray, betas: np.ndarray
) -> np.ndarray:
    """The coefficients of 1, beta and beta^2 at each pixel, (rows, 3, b), of examples whose v has one sign."""
    rows, cells = len(u), len(betas)
    step = betas[1] - betas[0] if cells > 1 else 1.0
    # Going along beta, a score with v < 0 meets the pieces from the right.
    coefficients = np.stack([curve.value, curve.slope, 0.5 * curve.bend], axis=1)
    pieces = coefficients if sign > 0 else coefficients[::-1]
    kinks = curve.knots if sign > 0 else curve.knots[::-1]
    degree = 2 if curve.linear else 3
    total = np.zeros((rows, 3, cells))
    total[:, :degree] = np.stack([x.sum(axis=1) for x in _in_beta(pieces[0], u, v, s, degree)], axis=1)[:, :, None]
    start = np.arange(rows)[:, None] * (cells + 1)
    for kink, change in zip(kinks, np.diff(pieces, axis=0), strict=True):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            place = (kink - u) / v
            # A score that does not move along beta has passed the kink from the start, or never does.
            place = np.where(np.isnan(place), -np.inf, place)
            cell = np.ceil((np.clip(place, betas[0] - step, betas[-1] + step) - betas[0]) / step)
        number = (start + np.clip(cell, 0, cells)).astype(np.intp).ravel()
        for power, part in enumerate(_in_beta(change, u, v, s, degree)):
            held = np.bincount(number, part.ravel(), minlength=rows * (cells + 1)).reshape(rows, cells + 1)
            total[:, power] += np.cumsum(held[:, :cells], axis=1)
    return total


def _in_beta(coefficients: np.ndarray, u: np.ndarray, v: np.ndarray, s: np.ndarray, degree: int) -> list[np.ndarray]:
    """Each example's coefficients of 1, beta, beta^2, (rows, n), of a polynomial in the score u + beta v."""
    one, first, second = coefficients
    if degree < 3:
        return [s * (one + first * u), np.broadcast_to(s * first * v, u.shape)][:degree]
    return [
        s * (one + u * (first + second * u)),
        s * v * (first + 2.0 * second * u),
        np.broadcast_to(s * second * v * v, u.shape),
    ]
