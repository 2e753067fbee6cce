"""Stationary points, segments and regions that touch, made connected sets of minima; lengths, areas and distances."""

from typing import Any, NamedTuple

import numpy as np

from lossland.minima._arrangement import Arrangement
from lossland.minima._piecewise import Pieced

TOUCH = 1e-7
"""How near two sets touch, in half boxes."""
KINDS = ("point", "segment", "region")


class MinimumSet(NamedTuple):
    """A connected set of local minima of equal value.

    Attributes:
        level: the value.
        kind: "point", "segment" or "region" (a plateau), by its largest part.
        parts: convex parts, each by its extreme points (k, 2): a point, the ends of a segment, or corners
            counter-clockwise.
        length: that of the segments which bound no region of the set.
        area: that of the regions.
        closed: whether every point of its closure is a local minimum; else one descends from its rim.
        of_box: whether it lies on the box's boundary only: a minimum because of the box.
        least_slope: the certificate, the least one-sided derivative in any unit direction within any cell around the
            set, at its vertices and the ends of its segments; not negative within rounding.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[1.0, 0.0], [0.0, 1.0]], [1, 1], one_class=True)
        >>> best = ll.cells("identity+absolute", data, bias=False).minima[0]
        >>> best.kind, best.level, best.parts[0].tolist()
        ('point', 0.0, [[1.0, 1.0]])
    """

    level: float
    kind: str
    parts: tuple[np.ndarray, ...]
    length: float
    area: float
    closed: bool
    of_box: bool
    least_slope: float


class Parts(NamedTuple):
    """Stationary points, segments and regions as they are found, each apart.

    Attributes:
        points: the extreme points of each, (k, 2).
        faces: the vertex, edge or cell that each is, as (kind, index); None for a part of one.
        least: the certificates, see `MinimumSet.least_slope`.
        of_box: which lie on the box's boundary.
    """

    points: list[np.ndarray]
    faces: list[tuple[str, int] | None]
    least: list[float]
    of_box: list[bool]

    def add(self, points: np.ndarray, face: tuple[str, int] | None, least: Any, of_box: Any) -> None:
        """File one stationary set."""
        self.points.append(points)
        self.faces.append(face)
        self.least.append(float(least))
        self.of_box.append(bool(of_box))


def joined(parts: Parts, total: Pieced, cells: Arrangement, touch: float) -> tuple[MinimumSet, ...]:
    """The parts that touch made one set each."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(parts.points)
    links, closed, bounding = _links(parts, cells, touch)
    held = np.array(links).reshape(-1, 2)
    graph = coo_array((np.ones(len(held)), (held[:, 0], held[:, 1])), shape=(count, count))
    number, group = connected_components(graph, directed=False)
    levels = total.value(np.array([points.mean(axis=0) for points in parts.points]))
    members = [np.flatnonzero(group == k) for k in range(number)]
    sets = [_set(parts, levels, closed, bounding, which) for which in members]
    return tuple(sorted(sets, key=lambda s: (round(s.level, 9), *np.round(s.parts[0].mean(axis=0), 6))))


def _set(parts: Parts, levels: np.ndarray, closed: np.ndarray, bounding: np.ndarray, which: np.ndarray) -> MinimumSet:
    points = [parts.points[i] for i in which]
    dimension = min(max(len(p) for p in points), 3) - 1
    segments = [i for i in which if len(parts.points[i]) == 2 and not bounding[i]]
    return MinimumSet(
        level=float(levels[which].mean()),
        kind=KINDS[dimension],
        parts=tuple(sorted(points, key=len, reverse=True)),
        length=float(sum(np.linalg.norm(np.diff(parts.points[i], axis=0)) for i in segments)),
        area=float(sum(polygon_area(p) for p in points if len(p) > 2)),
        closed=bool(closed[which].all()),
        of_box=all(parts.of_box[i] for i in which),
        least_slope=min(parts.least[i] for i in which),
    )


def _links(parts: Parts, cells: Arrangement, touch: float) -> tuple[list[tuple[int, int]], np.ndarray, np.ndarray]:
    """Which parts touch, whether each one's closure holds minima only, and which edges bound a flat cell."""
    index = {face: i for i, face in enumerate(parts.faces) if face is not None}
    links: list[tuple[int, int]] = []
    closed = np.ones(len(parts.points), bool)
    bounding = np.zeros(len(parts.points), bool)
    around: dict[int, list[tuple[str, int]]] = {}
    for e, sides in enumerate(cells.sides):
        for c in sides[sides >= 0]:
            if ("cell", int(c)) in index:
                around.setdefault(int(c), []).append(("edge", e))
    for face, i in index.items():
        rim: list[tuple[str, int]] = []
        if face[0] == "edge":
            rim = [("vertex", int(v)) for v in cells.edges[face[1]]]
        elif face[0] == "cell":
            c = face[1]
            rim = around[c] + [("vertex", int(v)) for v in cells.corners[cells.starts[c] : cells.starts[c + 1]]]
        found = [index[other] for other in rim if other in index]
        closed[i] = len(found) == len(rim)
        links += [(i, j) for j in found]
        bounding[[j for j in found if face[0] == "cell"]] = True
    small = [i for i, points in enumerate(parts.points) if len(points) < 3]
    ends = np.array([[parts.points[i][0], parts.points[i][-1]] for i in small]).reshape(-1, 2, 2)
    for i in (k for k in small if parts.faces[k] is None):
        for x in parts.points[i]:
            near = [small[k] for k in np.flatnonzero(_reached(x, ends, touch)) if small[k] != i]
            links += [(i, j) for j in near]
            closed[i] &= bool(near) or len(parts.points[i]) == 1
    return links, closed, bounding


def _reached(x: np.ndarray, ends: np.ndarray, touch: float) -> np.ndarray:
    """Which points and open segments (k, 2, 2) lie within a distance of x."""
    step = ends[:, 1] - ends[:, 0]
    length = np.linalg.norm(step, axis=1)
    t = np.sum((x - ends[:, 0]) * step, axis=1) / np.where(length > 0, length, 1.0) ** 2
    off = np.linalg.norm(x - ends[:, 0] - np.clip(t, 0, 1)[:, None] * step, axis=1)
    inside = (length == 0) | ((t * length > touch) & ((1 - t) * length > touch))
    return (off <= touch) & inside


def distance(points: np.ndarray, part: np.ndarray) -> np.ndarray:
    """The distance of points (k, 2) to a convex part given by its extreme points, (k,).

    Example:
        >>> distance(np.array([[2.0, 0.0], [0.5, 0.5]]), np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])).tolist()
        [1.0, 0.0]
    """
    nearest = np.full(len(points), np.inf)
    inside = np.full(len(points), len(part) > 2)
    for a, b in zip(part, np.roll(part, -1, axis=0), strict=True):
        step, off = b - a, points - a
        t = np.clip(off @ step / max(float(step @ step), 1e-300), 0.0, 1.0)
        nearest = np.minimum(nearest, np.linalg.norm(off - t[:, None] * step, axis=1))
        inside &= step[0] * off[:, 1] - step[1] * off[:, 0] >= 0
    return np.where(inside, 0.0, nearest)


def polygon_area(corners: np.ndarray) -> float:
    """The area of a polygon with corners (k, 2), counter-clockwise."""
    x, y = (corners - corners[0]).T
    return float(0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
