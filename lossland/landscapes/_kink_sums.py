"""Sums of losses made of parabolas and lines along the rows of a grid, exactly: each bends only at its kinks.

Along a row the score of an example moves evenly, and the place where it passes a kink moves evenly from row to row.
These places are sorted into the grid's cells, and running sums of what changes there give the row, in
O(examples + pixels). Kinks that no row meets cost nothing: they belong to the polynomial that all rows start from.

`bucket_rows` sums what changes at the kinks of one pair; `_kink_moments` serves many pairs at once.
"""

import functools
from typing import NamedTuple

import numpy as np

from lossland.core import Keyed
from lossland.curves import Parabolas

HELD = 30_000
"""Places worked through at once: they stay in the cache."""
BLOCK = 16
"""Cells that are summed by one small product."""
ALONE = 250_000
"""Multiplications up to which OpenBLAS does a product in one thread."""


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
    tables, side = _tables_of(pair), np.where(labels > 0, 0, 1)
    u, first, v = scores
    place = _places(tables.knots[:, side], u, v, axis)
    moves, alone = np.isfinite(place).all(axis=0), np.zeros(len(alphas))
    if not moves.all():
        # What does not move along beta bends from row to row instead.
        alone = _still(pair, side[~moves], weights[~moves], u[~moves] + alphas[:, None] * first[~moves])
        u, first, v, weights, side, place = (x[..., moves] for x in (u, first, v, weights, side, place))
    base, kinks = _split(tables, side, place, (u, first, v), weights, axis)
    start = np.polynomial.polynomial.polyvander(alphas, 2) @ base
    # From powers of beta to powers of the pixel's number.
    start = np.stack([start @ [1.0, *(axis.origin ** np.array([1, 2]))], start[:, 1], start[:, 2]])
    start[1] = axis.step * (start[1] + 2.0 * axis.origin * start[2])
    start[2] *= axis.step**2
    start[0] += alone
    total = np.empty((len(alphas), len(betas)))
    rows = min(len(alphas), max(1, HELD // max(len(kinks.place), len(betas))))
    room = _room(kinks, start, rows, len(betas))
    for k in range(0, len(alphas), rows):
        part = slice(k, k + rows)
        _running(kinks, alphas[part], start[:, part, None], total[part], room)
    return total


class _Axis(NamedTuple):
    """The grid: alpha from `low` to `high`, beta from `origin` on in `cells` steps."""

    low: float
    high: float
    origin: float
    step: float
    cells: int


class _Tables(NamedTuple):
    """Both class curves as columns, padded to one number of pieces: knots and what changes there (k, 2), pieces."""

    knots: np.ndarray
    jumps: np.ndarray
    bends: np.ndarray
    pieces: np.ndarray


def _tables_of(pair: tuple[Parabolas, Parabolas]) -> _Tables:
    return _tables(Keyed(tuple(part.tobytes() for curve in pair for part in curve), pair))


@functools.lru_cache(maxsize=64)
def _tables(curves: Keyed) -> _Tables:
    """The curves as `_Tables`: pieces (3, p, 2) hold value, slope, half the bend; at padded knots nothing changes."""
    pair: tuple[Parabolas, Parabolas] = curves.value
    most = max(1, *(len(curve.knots) for curve in pair))
    columns = []
    for curve in pair:
        more = most - len(curve.knots)
        knots = np.append(curve.knots, np.full(more, curve.knots[-1] if len(curve.knots) else 0.0))
        changes = [np.append(x, np.zeros(more)) for x in (curve.jumps(), 0.5 * np.diff(curve.bend))]
        pieces = np.stack([np.append(x, np.full(more, x[-1])) for x in (curve.value, curve.slope, 0.5 * curve.bend)])
        columns.append((knots, *changes, pieces))
    return _Tables(*(np.stack(parts, axis=-1) for parts in zip(*columns, strict=True)))


def _places(knots: np.ndarray, u: np.ndarray, v: np.ndarray, axis: _Axis) -> np.ndarray:
    """Where each score passes its knots (k, n) at alpha = 0, in cells: (k, n), not finite if v is 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return ((knots - u) / v - axis.origin) / axis.step


def _still(pair: tuple[Parabolas, Parabolas], side: np.ndarray, weights: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The weighted sum of losses at scores (a, n): (a,)."""
    positive, negative = (curve(scores[:, side == k]) @ weights[side == k] for k, curve in enumerate(pair))
    return positive + negative


def _split(
    tables: _Tables,
    side: np.ndarray,
    place: np.ndarray,
    scores: tuple[np.ndarray, np.ndarray, np.ndarray],
    s: np.ndarray,
    axis: _Axis,
) -> tuple[np.ndarray, _Kinks]:
    """What all rows have in common, as coefficients of alpha^j beta^k, (3, 3), and the kinks that they meet."""
    u, first, v = scores
    pace = v * axis.step
    drift = -first / pace
    ends = axis.low * drift, axis.high * drift
    passed = place + np.maximum(*ends) <= 0
    meets = ~passed & (place + np.minimum(*ends) < axis.cells - 1)
    count = passed.sum(axis=0)
    piece = np.where(v > 0, count, len(place) - count)
    knot, example = np.nonzero(meets)
    turn, class_of = pace[example], side[example]
    size = s[example] * np.abs(turn)
    kinks = _Kinks(
        place[knot, example], drift[example], tables.jumps[knot, class_of] * size,
        tables.bends[knot, class_of] * size * turn,
    )  # fmt: skip
    return _summed_pieces(s * tables.pieces[:, piece, side], u, first, v), kinks


def _summed_pieces(pieces: np.ndarray, u: np.ndarray, first: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The sum of a + b z + c z^2, rows of pieces, at z = u + alpha first + beta v, as coefficients (3, 3)."""
    a, b, c = pieces
    total = np.zeros((3, 3))
    total[0, 0], total[1, 0], total[0, 1] = a.sum() + b @ u, b @ first, b @ v
    if c.any():
        cu = c * u
        total[0, 0] += cu @ u
        total[1, 0] += 2.0 * cu @ first
        total[0, 1] += 2.0 * cu @ v
        total[2, 0], total[1, 1], total[0, 2] = (c * first) @ first, 2.0 * (c * first) @ v, (c * v) @ v
    return total


class _Room(NamedTuple):
    """Arrays that each part of the rows is worked out in: made once, for new memory takes longer than the sums.

    Attributes:
        place: (rows, k), where kinks are, in cells.
        ahead: (rows, k).
        cell: (rows, k) whole numbers.
        block: (rows, k) whole numbers.
        held: (rows * blocks, count * BLOCK), the coefficients that begin at each cell.
        pixels: (rows * blocks, BLOCK).
    """

    place: np.ndarray
    ahead: np.ndarray
    cell: np.ndarray
    block: np.ndarray
    held: np.ndarray
    pixels: np.ndarray


def _room(kinks: _Kinks, start: np.ndarray, rows: int, cells: int) -> _Room:
    # Lines have two coefficients, parabolas three. One more cell than there are pixels takes the kinks that lie beyond.
    count, blocks = 3 if kinks.second.any() or start[2].any() else 2, rows * (cells // BLOCK + 1)
    shape = rows, len(kinks.place)
    return _Room(
        np.empty(shape), np.empty(shape), np.empty(shape, np.intp), np.empty(shape, np.intp),
        np.empty((blocks, count * BLOCK)), np.empty((blocks, BLOCK)),
    )  # fmt: skip


def _running(kinks: _Kinks, alphas: np.ndarray, start: np.ndarray, total: np.ndarray, room: _Room) -> None:
    """Fill some rows: from the polynomial (3, rows, 1) in the pixel's number that they start with, past their kinks.

    Cells go by blocks: each term is a polynomial of the place within the block of its kink, so a block's pixels are the
    product of what its cells begin with a small triangular matrix, and what earlier blocks hold is carried over.
    """
    rows, cells = total.shape
    if not len(kinks.place):
        along = np.arange(float(cells))
        total[:] = start[0] + along * (start[1] + along * start[2])
        return
    count, blocks = room.held.shape[1] // BLOCK, cells // BLOCK + 1
    place, ahead, cell, block = (part[:rows] for part in room[:4])
    held, pixels = (part[: rows * blocks] for part in room[4:])
    np.multiply(alphas[:, None], kinks.drift, out=place)
    place += kinks.place
    np.minimum(np.maximum(place, 0.0, out=ahead), cells, out=ahead)
    cell[:] = np.ceil(ahead, out=ahead)
    np.floor_divide(cell, BLOCK, out=block)
    # The block starts so far after the kink.
    np.multiply(block, float(BLOCK), out=ahead)
    ahead -= place
    block *= (count - 1) * BLOCK
    cell += block
    cell += (np.arange(rows) * (blocks * count * BLOCK))[:, None]
    held.fill(0.0)
    _begin(kinks, cell.ravel(), ahead, place, held.reshape(-1), count)
    within, whole, powers = _spread(count)
    begin = _carried((whole @ held.T).reshape(count, rows, blocks), start[:count, :, 0])
    _products(held, within, pixels)
    pixels += begin.reshape(count, -1).T @ powers
    total[:] = pixels.reshape(rows, -1)[:, :cells]


def _begin(kinks: _Kinks, cell: np.ndarray, ahead: np.ndarray, free: np.ndarray, held: np.ndarray, count: int) -> None:
    """Add to the cells the coefficients of the terms that begin there; `cell` and `free` are written over."""
    np.multiply(ahead, kinks.first, out=free)
    if count == 3:
        free += kinks.second * ahead * ahead
    np.add.at(held, cell, free.ravel())
    cell += BLOCK
    free[:] = kinks.first
    if count == 3:
        free += 2.0 * kinks.second * ahead
    np.add.at(held, cell, free.ravel())
    if count == 3:
        cell += BLOCK
        free[:] = kinks.second
        np.add.at(held, cell, free.ravel())


def _products(left: np.ndarray, right: np.ndarray, made: np.ndarray) -> None:
    """The product by parts so small that BLAS takes one thread: to wait for a second one takes longer than they do."""
    part = max(1, ALONE // right.size)
    for k in range(0, len(left), part):
        np.matmul(left[k : k + part], right, out=made[k : k + part])


def _begun(kinks: _Kinks, ahead: np.ndarray, count: int) -> np.ndarray:
    """The terms' coefficients in the pixel's place within the block that starts so far ahead: (count, rows, kinks)."""
    terms = np.empty((count, *ahead.shape))
    if count == 2:
        terms[0], terms[1] = kinks.first * ahead, kinks.first
    else:
        bent = kinks.second * ahead
        terms[0], terms[1], terms[2] = (kinks.first + bent) * ahead, kinks.first + 2.0 * bent, kinks.second
    return terms


@functools.cache
def _spread(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From a block's cells to its pixels, (count * BLOCK, BLOCK), and to the sums of its cells, (count, count * BLOCK).

    Coefficient m of a cell counts r^m at the pixels r from the cell on. The third are these powers, (count, BLOCK).
    """
    along, later = np.arange(float(BLOCK)), np.triu(np.ones((BLOCK, BLOCK)))
    powers = np.stack([along**m for m in range(count)])
    return np.concatenate([later * p for p in powers]), np.kron(np.eye(count), np.ones((1, BLOCK))), powers


def _carried(sums: np.ndarray, start: np.ndarray) -> np.ndarray:
    """What each block starts with, as coefficients of the place within it: (count, rows, blocks), like the sums."""
    begin = np.empty_like(sums)
    begin[..., 0] = start
    # p(r) = z + s r + q r^2 from one block on is z + B s + B^2 q, s + 2 B q, q.
    for m in reversed(range(len(sums))):
        gain = sums[m, :, :-1].copy()
        if m == 1 and len(sums) == 3:
            gain += 2.0 * BLOCK * begin[2, :, 1:]
        if m == 0:
            gain += BLOCK * (begin[1, :, :-1] + sums[1, :, :-1])
            if len(sums) == 3:
                gain += BLOCK**2 * begin[2, :, 1:]
        np.cumsum(gain, axis=1, out=begin[m, :, 1:])
        begin[m, :, 1:] += begin[m, :, :1]
    return begin
