"""Arrangements of lines in a box of the plane: every vertex, edge and cell, whatever coincides, in NumPy.

Cells are told apart by the side of every line on which they lie. Euler's formula, vertices - edges + cells = 1, is
checked at the end: lines that are nearer to each other than rounding can tell would break it.
"""

from typing import NamedTuple

import numpy as np

SAME, ON = 1e-10, 1e-9
"""How near two lines or points count as one, and how near a point is to a line on which it lies, in half boxes."""
CHUNK = 2_000_000
"""Numbers held at a time."""


class Arrangement(NamedTuple):
    """Vertices, edges and cells of lines in a box; the box's four sides are lines too.

    Attributes:
        box: (2, 2), rows low and high.
        vertices: (v, 2).
        edges: (e, 2), the indices of their two vertices.
        sides: (e, 2), the cells on either side; -1 outside the box.
        corners: (k,), the vertices of the cells, counter-clockwise, one cell after the other.
        starts: (c + 1,), cell j has corners[starts[j] : starts[j + 1]].
        centres: (c, 2), a point inside each cell.
        areas: (c,).
    """

    box: np.ndarray
    vertices: np.ndarray
    edges: np.ndarray
    sides: np.ndarray
    corners: np.ndarray
    starts: np.ndarray
    centres: np.ndarray
    areas: np.ndarray


def arrange(normals: np.ndarray, offsets: np.ndarray, box: np.ndarray) -> Arrangement:
    """Enumerate the arrangement of the lines normal . p = offset in a box.

    Args:
        normals: (m, 2); a row of zeros is no line and left out.
        offsets: (m,).
        box: (2, 2), rows low and high.

    Returns:
        The arrangement.

    Raises:
        ValueError: if lines lie nearer to each other than rounding tells, without coinciding.

    Example:
        >>> found = arrange(np.eye(2), np.zeros(2), np.array([[-1.0, -1.0], [1.0, 1.0]]))
        >>> len(found.vertices), len(found.edges), len(found.centres), found.areas.tolist()
        (9, 12, 4, [1.0, 1.0, 1.0, 1.0])
    """
    middle, half = box.mean(axis=0), 0.5 * (box[1] - box[0])
    lines = _distinct(normals * half, offsets - normals @ middle)
    vertices = _vertices(lines)
    edges, owners = _edges(lines, vertices)
    sides = _sides(lines, vertices, edges, owners)
    corners, starts, centres, areas = _cells(vertices, edges, sides)
    used = np.unique(edges)
    if used.size - len(edges) + len(centres) != 1 or used.size != len(vertices):
        raise ValueError(
            f"The arrangement of {len(lines) - 4} lines is not consistent within rounding: lines almost coincide, or "
            f"three almost meet. Move the inputs a little, or choose another box."
        )
    return Arrangement(
        box, middle + vertices * half, edges, sides, corners, starts, middle + centres * half, areas * half.prod()
    )


def _distinct(normals: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Unit lines (m, 3), each once, those of the unit box first: x = -1, x = 1, y = -1, y = 1."""
    length = np.hypot(*normals.T)
    kept = length > 0
    with np.errstate(over="ignore"):
        lines = np.column_stack([normals[kept], offsets[kept]]) / length[kept, None]
    lines = lines[np.abs(lines[:, 2]) < 1.5]
    sign = np.where(np.abs(lines[:, 0]) > SAME, np.sign(lines[:, 0]), np.sign(lines[:, 1]))
    box = np.array([[1.0, 0, -1], [1, 0, 1], [0, 1, -1], [0, 1, 1]])
    lines = np.concatenate([box, lines * sign[:, None]])
    # Rounded duplicates go first: what is left is compared one with another.
    lines = lines[np.sort(np.unique(np.round(lines, 11), axis=0, return_index=True)[1])]
    close = np.stack([np.abs(lines - line).max(axis=1) <= SAME for line in lines])
    return lines[np.argmax(close, axis=1) == np.arange(len(lines))]


def _vertices(lines: np.ndarray) -> np.ndarray:
    """Where lines meet in the unit box, each point once."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    found = []
    for i, (a, b, c) in enumerate(lines[:-1]):
        other = lines[i + 1 :]
        det = a * other[:, 1] - b * other[:, 0]
        meets = np.abs(det) > SAME
        other, det = other[meets], det[meets]
        points = np.column_stack([c * other[:, 1] - b * other[:, 2], a * other[:, 2] - c * other[:, 0]]) / det[:, None]
        found.append(points[np.abs(points).max(axis=1) <= 1 + SAME])
    points = np.clip(np.concatenate(found), -1.0, 1.0)
    points = points[np.unique(np.round(points, 11), axis=0, return_index=True)[1]]
    near = KDTree(points).query_pairs(2 * SAME, output_type="ndarray")
    graph = coo_array((np.ones(len(near)), (near[:, 0], near[:, 1])), shape=(len(points), len(points)))
    _, group = connected_components(graph, directed=False)
    return points[np.unique(group, return_index=True)[1]]


def _edges(lines: np.ndarray, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The edges (e, 2) and the line of each (e,)."""
    edges, owners = [], []
    for number, (a, b, c) in enumerate(lines):
        on = np.flatnonzero(np.abs(vertices @ (a, b) - c) <= ON)
        on = on[np.argsort(vertices[on] @ (-b, a))]
        edges.append(np.column_stack([on[:-1], on[1:]]))
        owners.append(np.full(len(edges[-1]), number))
    return np.concatenate(edges), np.concatenate(owners)


def _sides(lines: np.ndarray, vertices: np.ndarray, edges: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """The cells on the negative and on the positive side of each edge's line, -1 outside the box."""
    marks = np.random.default_rng(0).integers(1, 2**63, size=len(lines), dtype=np.uint64)
    middles = vertices[edges].mean(axis=1)
    keys = np.zeros(len(edges), np.uint64)
    step = max(CHUNK // len(lines), 1)
    for k in range(0, len(edges), step):
        part = slice(k, k + step)
        above = middles[part] @ lines[:, :2].T > lines[:, 2]
        above[np.arange(len(above)), owners[part]] = False
        # A cell's key is the sum, modulo 2^64, of the marks of the lines above which it lies.
        keys[part] = np.where(above, marks, np.uint64(0)).sum(axis=1, dtype=np.uint64)
    both = np.column_stack([keys, keys + marks[owners]])
    outside = np.zeros(both.shape, bool)
    outside[(owners == 0) | (owners == 2), 0] = True
    outside[(owners == 1) | (owners == 3), 1] = True
    sides = np.full(both.shape, -1)
    sides[~outside] = np.unique(both[~outside], return_inverse=True)[1]
    return sides


def _cells(
    vertices: np.ndarray, edges: np.ndarray, sides: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Corners, starts, centres and areas."""
    pairs = np.unique(
        np.concatenate([np.column_stack([sides[:, s], edges[:, k]]) for s in (0, 1) for k in (0, 1)]), axis=0
    )
    pairs = pairs[pairs[:, 0] >= 0]
    starts = np.concatenate([[0], np.cumsum(np.bincount(pairs[:, 0]))])
    sizes = np.diff(starts)
    centres = np.add.reduceat(vertices[pairs[:, 1]], starts[:-1], axis=0) / sizes[:, None]
    spread = vertices[pairs[:, 1]] - centres[pairs[:, 0]]
    order = np.lexsort((np.arctan2(spread[:, 1], spread[:, 0]), pairs[:, 0]))
    corners = pairs[order, 1]
    here, there = spread[order], spread[order][following(starts)]
    areas = 0.5 * np.add.reduceat(here[:, 0] * there[:, 1] - here[:, 1] * there[:, 0], starts[:-1])
    return corners, starts, centres, areas


def following(starts: np.ndarray) -> np.ndarray:
    """For each corner the position of the next one of its cell, (k,).

    Example:
        >>> following(np.array([0, 3, 7])).tolist()
        [1, 2, 0, 4, 5, 6, 3]
    """
    after = np.arange(starts[-1]) + 1
    after[starts[1:] - 1] = starts[:-1]
    return after
