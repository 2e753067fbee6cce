"""Local minima of a piecewise quadratic function of the plane: points, segments and regions, each with its certificate.

On every vertex, edge and cell the function's stationary points are found, and kept where in every cell around them no
direction leads down, to second order. Those that touch are one set.
"""

from typing import NamedTuple

import numpy as np

from lossland.minima._arrangement import Arrangement, following
from lossland.minima._minimum_sets import TOUCH, MinimumSet, Parts, joined
from lossland.minima._piecewise import Pieced

TINY = 1e-9
"""Slopes, bends and lengths that count as 0, relative to the largest slope, bend and to half the box."""


class Quadratics(NamedTuple):
    """The function on each of c cells: constant + slope . p + p . bend p / 2.

    Attributes:
        bend: (c, 2, 2).
        slope: (c, 2).
        constant: (c,).
    """

    bend: np.ndarray
    slope: np.ndarray
    constant: np.ndarray


class _Tolerance(NamedTuple):
    slope: float
    bend: float
    length: float


def quadratics(total: Pieced, cells: Arrangement) -> Quadratics:
    """A piecewise quadratic function on every cell of the arrangement of its knots."""
    bends, slopes, constants = [], [], []
    products = total.rows[:, :, None] * total.rows[:, None, :]
    step = total.at_once
    for k in range(0, len(cells.centres), step):
        value, slope, bend = total.pieces(cells.centres[k : k + step] @ total.rows.T)
        bends.append(np.tensordot(total.weights * bend, products, 1) + np.diag(total.penalty))
        slopes.append((total.weights * slope) @ total.rows)
        constants.append(value @ total.weights)
    return Quadratics(np.concatenate(bends), np.concatenate(slopes), np.concatenate(constants))


def basins(total: Pieced, cells: Arrangement, on: Quadratics) -> tuple[MinimumSet, ...]:
    """Every set of local minima in the box, lowest first.

    Args:
        total: the function.
        cells: the arrangement of its knots.
        on: the function on every cell.

    Returns:
        The sets, those that the box makes included; see `MinimumSet`.
    """
    half = float(0.5 * (cells.box[1] - cells.box[0]).max())
    size = np.abs(on.slope).max() + np.abs(on.bend).max() * np.abs(cells.box).max()
    tolerance = _Tolerance(TINY * size, TINY * max(np.abs(on.bend).max(), size / half), TINY * half)
    parts = Parts([], [], [], [])
    corners_of_box = np.any(np.abs(cells.vertices[:, None] - cells.box).min(axis=1) <= tolerance.length, axis=1)
    _at_vertices(parts, cells, on, tolerance, corners_of_box)
    _on_edges(parts, cells, on, tolerance)
    _in_cells(parts, cells, on, tolerance)
    return joined(parts, total, cells, TOUCH * half)


def _at_vertices(parts: Parts, cells: Arrangement, on: Quadratics, tiny: _Tolerance, of_box: np.ndarray) -> None:
    """The vertices that are local minima: no direction within any corner leads down."""
    cell = np.repeat(np.arange(len(cells.centres)), np.diff(cells.starts))
    after = following(cells.starts)
    here = cells.vertices[cells.corners]
    there = here[after]
    rays = [_unit(there - here), np.empty_like(here)]
    rays[1][after] = -rays[0]
    bend = on.bend[cell]
    gradient = _times(bend, here) + on.slope[cell]
    down = [np.sum(gradient * ray, axis=1) for ray in rays]
    turned = [_times(bend, ray) for ray in rays]
    bent = [np.sum(ray * other, axis=1) for ray, other in zip(rays, turned, strict=True)]
    across = np.sum(rays[0] * turned[1], axis=1)
    level = [slope <= tiny.slope for slope in down]
    rises = np.ones(len(cell), bool)
    for slope, flat, second in zip(down, level, bent, strict=True):
        rises &= (slope >= -tiny.slope) & (~flat | (second >= -tiny.bend))
    # Level along both rays: p . bend p must not be negative between them either.
    least_cross = -np.sqrt(np.maximum(bent[0], 0) * np.maximum(bent[1], 0)) - tiny.bend
    rises &= ~(level[0] & level[1]) | (across >= least_cross)
    bad = np.bincount(cells.corners, weights=~rises, minlength=len(cells.vertices)) > 0
    least = np.full(len(cells.vertices), np.inf)
    np.minimum.at(least, cells.corners, np.minimum(*down))
    for v in np.flatnonzero(~bad):
        parts.add(cells.vertices[[v]], ("vertex", int(v)), least[v], of_box[v])


def _on_edges(parts: Parts, cells: Arrangement, on: Quadratics, tiny: _Tolerance) -> None:
    """Stationary points in edges, and edges along which nothing changes, where both sides rise."""
    a, b = cells.vertices[cells.edges[:, 0]], cells.vertices[cells.edges[:, 1]]
    length, along = np.linalg.norm(b - a, axis=1), _unit(b - a)
    one = cells.sides.max(axis=1)
    slope = np.sum((_times(on.bend[one], a) + on.slope[one]) * along, axis=1)
    bend = np.sum(_times(on.bend[one], along) * along, axis=1)
    point = bend > tiny.bend
    place = -slope / np.where(point, bend, 1.0)
    point &= (place > tiny.length) & (place < length - tiny.length)
    flat = (np.abs(bend) <= tiny.bend) & (np.abs(slope) <= tiny.slope)
    low, high = np.where(point, place, 0.0), np.where(point, place, length)
    good, least = point | flat, np.full(len(length), np.inf)
    lowest = np.linalg.eigvalsh(on.bend)[:, 0]
    inward = []
    for cell in cells.sides.T:
        off = cells.centres[cell] - a
        normal = _unit(off - np.sum(off * along, axis=1)[:, None] * along)
        start = np.sum((_times(on.bend[cell], a) + on.slope[cell]) * normal, axis=1)
        change = np.sum(_times(on.bend[cell], along) * normal, axis=1)
        steep = flat & (cell >= 0) & (np.abs(change) > tiny.bend)
        zero = -start / np.where(steep, change, 1.0)
        low = np.where(steep & (change > 0), np.maximum(low, zero), low)
        high = np.where(steep & (change < 0), np.minimum(high, zero), high)
        inward.append((cell, start, change))
    good &= point | (high - low > tiny.length)
    for cell, start, change in inward:
        ends = np.minimum(start + change * low, start + change * high)
        middle = start + change * 0.5 * (low + high)
        convex = lowest[cell] >= -tiny.bend
        good &= (cell < 0) | ((ends >= -tiny.slope) & ((middle > tiny.slope) | convex))
        least = np.where(cell < 0, least, np.minimum(least, ends))
    for e in np.flatnonzero(good):
        whole = flat[e] and low[e] == 0.0 and high[e] == length[e]
        ends = [low[e]] if point[e] else [low[e], high[e]]
        held = cells.vertices[cells.edges[e]] if whole else np.array([a[e] + t * along[e] for t in ends])
        parts.add(held, ("edge", int(e)) if whole else None, least[e], bool(cells.sides[e].min() < 0))


def _in_cells(parts: Parts, cells: Arrangement, on: Quadratics, tiny: _Tolerance) -> None:
    """Stationary points, lines and whole cells where the function is convex."""
    values, vectors = np.linalg.eigh(on.bend)
    pull = np.einsum("cji,cj->ci", vectors, on.slope)
    convex = values[:, 0] >= -tiny.bend
    bent = values > tiny.bend
    solvable = np.all(bent | (np.abs(pull) <= tiny.slope), axis=1)
    for c in np.flatnonzero(convex & solvable):
        corners = cells.vertices[cells.corners[cells.starts[c] : cells.starts[c + 1]]]
        if not bent[c].any():
            parts.add(corners, ("cell", int(c)), -float(np.linalg.norm(on.slope[c])), False)
            continue
        at = vectors[c] @ np.where(bent[c], -pull[c] / np.where(bent[c], values[c], 1.0), 0.0)
        held = _clipped(at, np.zeros(2) if bent[c].all() else vectors[c][:, 0], corners, tiny.length)
        if held is not None:
            steep = np.linalg.norm(held @ on.bend[c] + on.slope[c], axis=1).max()
            parts.add(held, None, -float(steep), False)


def _clipped(at: np.ndarray, along: np.ndarray, corners: np.ndarray, tiny: float) -> np.ndarray | None:
    """The part of a point (along = 0) or a line that lies inside a polygon; None if there is none."""
    sides = _unit(np.roll(corners, -1, axis=0) - corners)
    inner = np.column_stack([-sides[:, 1], sides[:, 0]])
    depth, speed = np.sum((at - corners) * inner, axis=1), inner @ along
    moving = np.abs(speed) > 1e-12
    if np.any(depth[~moving] <= tiny):
        return None
    if not along.any():
        return at[None]
    hits = -depth[moving] / speed[moving]
    low = hits[speed[moving] > 0].max(initial=-np.inf)
    high = hits[speed[moving] < 0].min(initial=np.inf)
    return np.array([at + low * along, at + high * along]) if high - low > tiny else None


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-300)


def _times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return np.einsum("kij,kj->ki", matrices, vectors)
