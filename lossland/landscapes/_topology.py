"""The shape of a plane: its minima, the saddles where their basins meet, and how long each lasts as the level rises.

The level sets {V <= c} of a grid are those of its points, of the edges between neighbours along an axis, and of the
squares between four of them; each edge and square enters with its highest corner. Holes (NaN) never enter.
"""

from typing import Any, NamedTuple

import numpy as np

from lossland.core import guarded
from lossland.landscapes._plane import Plane


class Persistence(NamedTuple):
    """The classes of the sublevel sets of a plane, the longest-lived first.

    Attributes:
        births: (m,) the level at which each appears.
        deaths: (m,) the level at which it merges into an older one, or is filled in; inf if that never happens.
        dimensions: (m,) 0: a component, a basin; 1: a ring around a hill.
        birth_places: (m, 2) the pixel [i, j] where it appears.
        death_places: (m, 2) the pixel where it goes; (-1, -1) if it never does.
    """

    births: np.ndarray
    deaths: np.ndarray
    dimensions: np.ndarray
    birth_places: np.ndarray
    death_places: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """(m,) deaths - births."""
        return self.deaths - self.births


class MergeTree(NamedTuple):
    """Which basin of a plane merges into which, and where; the longest-lived first.

    Attributes:
        births: (m,) the value at the minimum.
        deaths: (m,) the value at the saddle where its basin meets an older one, inf for the oldest of a component.
        parents: (m,) the number of that older basin; -1 if it has none.
        minima: (m, 2) the pixel [i, j] of the minimum.
        saddles: (m, 2) the pixel of the saddle; (-1, -1) without one.
    """

    births: np.ndarray
    deaths: np.ndarray
    parents: np.ndarray
    minima: np.ndarray
    saddles: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """(m,) deaths - births."""
        return self.deaths - self.births


@guarded()
def persistence(p: Plane | np.ndarray, least: float = 0.0) -> Persistence:
    r"""Components and rings of the sublevel sets :math:`\{V \le c\}` of a plane, by gudhi.

    They are those of the grid: a narrow valley that runs across it at an angle breaks into beads, each a minimum of the
    grid and none of the objective. Their bars are short; `least` leaves them out.

    Args:
        p: the plane, or a (a, b) array of values.
        least: classes that last no longer than this are left out.

    Returns:
        A `Persistence`.

    Raises:
        ModuleNotFoundError: without gudhi; the message says how to install it.
        ValueError: if no value is finite, or least is negative.

    Example:
        >>> import numpy as np, lossland as ll
        >>> found = ll.landscapes.persistence(np.array([[0.0, 3.0, 1.0]]))
        >>> found.births.tolist(), found.deaths.tolist(), found.birth_places.tolist()
        ([0.0, 1.0], [inf, 3.0], [[0, 0], [0, 2]])

    Source: Edelsbrunner, Letscher & Zomorodian 2002; The GUDHI Project, cubical complexes.
    """
    gudhi = _gudhi()
    values = _filtration(p, least)
    made = gudhi.CubicalComplex(vertices=values)
    made.compute_persistence(min_persistence=least)
    pairs, lasting = made.vertices_of_persistence_pairs()
    rows = [(k, *pair) for k, found in enumerate(pairs) for pair in np.reshape(found, (-1, 2))]
    rows += [(k, birth, -1) for k, found in enumerate(lasting) for birth in np.ravel(found)]
    dimensions, births, deaths = np.array(rows, int).reshape(-1, 3).T
    # gudhi counts the first axis first.
    flat = np.append(values.ravel(order="F"), np.inf)
    held = np.isfinite(flat[births])
    dimensions, births, deaths = dimensions[held], births[held], deaths[held]
    deaths = np.where(np.isfinite(flat[deaths]), deaths, -1)
    order = _longest(flat[births], flat[deaths], births)
    places = [_pixels(index[order], values.shape, "F") for index in (births, deaths)]
    return Persistence(flat[births][order], flat[deaths][order], dimensions[order], *places)


@guarded()
def merge_tree(p: Plane | np.ndarray, least: float = 0.0) -> MergeTree:
    r"""The tree of the basins of a plane: where each, as the level rises, meets one whose minimum is lower.

    Args:
        p: the plane, or a (a, b) array of values.
        least: basins that last no longer than this are left out; they never part one that stays from its older one.

    Returns:
        A `MergeTree`; its births and deaths are `persistence`'s of dimension 0.

    Raises:
        ValueError: if no value is finite, or least is negative.

    Example:
        >>> import numpy as np, lossland as ll
        >>> tree = ll.landscapes.merge_tree(np.array([[0.0, 3.0, 1.0, 2.0, 1.5]]))
        >>> tree.births.tolist(), tree.deaths.tolist(), tree.parents.tolist()
        ([0.0, 1.0, 1.5], [inf, 3.0, 2.0], [-1, 0, 1])

    Source: Carr, Snoeyink & Axen 2003.
    """
    values = _filtration(p, least)
    flat = values.ravel()
    basins, edges, rank = _basins(values)
    deaths, parents = _merged(basins, edges, rank)
    minima = np.array(sorted(deaths))
    at = np.array([deaths[m] for m in minima])
    ends = np.append(flat, np.inf)[at]
    known = np.isfinite(flat[minima])
    held = known & (ends - np.where(known, flat[minima], 0.0) > least)
    order = np.flatnonzero(held)[_longest(flat[minima[held]], ends[held], minima[held])]
    number = {int(m): k for k, m in enumerate(minima[order])}
    into = np.array([number.get(parents.get(int(m), -1), -1) for m in minima[order]], int)
    places = [_pixels(index[order], values.shape, "C") for index in (minima, at)]
    return MergeTree(flat[minima[order]], ends[order], into, *places)


# ------------------------------------------------------------------------------------------------- on a grid of numbers


def _basins(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The minimum that each pixel falls to, (a * b,), and the edges between basins, (e, 3), by growing level; ranks.

    An edge is two pixels and the higher of both; equal values are told apart by their place, so that nothing is level.
    A pixel enters after the neighbour that it falls to, and so belongs to its component: only edges between basins can
    join two components.
    """
    numbers = np.arange(values.size).reshape(values.shape)
    rank = np.empty(values.size, int)
    rank[np.argsort(values.ravel(), kind="stable")] = np.arange(values.size)
    sides = [(numbers[1:].ravel(), numbers[:-1].ravel()), (numbers[:, 1:].ravel(), numbers[:, :-1].ravel())]
    lowest = numbers.ravel().copy()
    for one, other in sides:
        for here, there in ((one, other), (other, one)):
            better = rank[there] < rank[lowest[here]]
            lowest[here[better]] = there[better]
    while not np.array_equal(further := lowest[lowest], lowest):
        lowest = further
    one, other = (np.concatenate(x) for x in zip(*sides, strict=True))
    higher = np.where(rank[one] > rank[other], one, other)
    held = (lowest[one] != lowest[other]) & np.isfinite(values.ravel()[higher])
    edges = np.stack([one, other, higher], axis=1)[held]
    return lowest, edges[np.argsort(rank[edges[:, 2]], kind="stable")], rank


def _merged(basins: np.ndarray, edges: np.ndarray, rank: np.ndarray) -> tuple[dict[int, int], dict[int, int]]:
    """The pixel where each minimum's basin meets an older one (-1: nowhere), and that one's minimum, by a union-find.

    A component's root is its oldest minimum; of two that meet the younger ends.
    """
    root = {m: m for m in np.unique(basins).tolist()}
    deaths, parents = dict.fromkeys(root, -1), {}

    def oldest(m: int) -> int:
        while root[m] != m:
            root[m] = root[root[m]]
            m = root[m]
        return m

    ends = np.stack([basins[edges[:, 0]], basins[edges[:, 1]], edges[:, 2]], axis=1)
    for one, other, place in ends.tolist():
        old, young = sorted((oldest(one), oldest(other)), key=rank.__getitem__)
        if old != young:
            root[young], parents[young], deaths[young] = old, old, place
    return deaths, parents


def _gudhi() -> Any:
    try:
        import gudhi
    except ModuleNotFoundError:
        raise ModuleNotFoundError("persistence needs gudhi: pip install 'lossland[topology]'") from None
    return gudhi


def _filtration(p: Any, least: float) -> np.ndarray:
    """The values of a plane, checked, with holes at inf, where nothing enters."""
    values = np.asarray(p.values if isinstance(p, Plane) else p, float)
    if values.ndim != 2 or not np.isfinite(values).any():
        raise ValueError(f"A plane's shape needs a (a, b) grid with a finite value, not shape {values.shape}.")
    if not least >= 0:
        raise ValueError(f"least must be >= 0, not {least}.")
    return np.where(np.isnan(values), np.inf, values)


def _longest(births: np.ndarray, deaths: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.lexsort([places, births, births - deaths])


def _pixels(index: np.ndarray, shape: tuple[int, ...], order: Any) -> np.ndarray:
    found = np.stack(np.unravel_index(np.maximum(index, 0), shape, order=order), axis=1)
    return np.where(index[:, None] < 0, -1, found)
