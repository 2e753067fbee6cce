"""The two class curves of a pair, tabulated once: value, slope and curvature at scores to +-1e6, kinks exact.

What a card measures is read off this table; what it proves comes with it, from the pair's program. Between nodes a
curve is the quintic through value, slope and curvature at both ends, right to about 1e-14 near 0; at a kink the score
stands twice, with the values of its left and of its right side. Rows are (positive, negative). All in NumPy, float64.
"""

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from lossland.curves._evaluator import NODES, Evaluate, evaluator, grid
from lossland.curves._kinks import Kink, find_kinks, read_kinks
from lossland.curves._minimum import Minimum, lowest
from lossland.curves._quintic import halved, quintic, refined, still_missed
from lossland.curves._roughness import near_size
from lossland.curves._shape import Shape, falls, flat_runs, is_margin, shape
from lossland.curves._soundness import mended, not_numbers, not_resolved, unlike_differences
from lossland.elements import Pair
from lossland.proofs import Evidence, evidence


class Curves(NamedTuple):
    """A pair's class curves at n nodes.

    Attributes:
        scores: (n,), not decreasing; a kink's score stands twice.
        values: (2, n), positive first; inf where the loss overflows or is infinite.
        slopes: (2, n).
        curvatures: (2, n).
        limits: (2, 2), values at score -inf and +inf.
        kinks: in order of score.
        problems: what is wrong with the functions, in words; empty for a sound pair.
        evidence: what the pair's program proves.
    """

    scores: np.ndarray
    values: np.ndarray
    slopes: np.ndarray
    curvatures: np.ndarray
    limits: np.ndarray
    kinks: tuple[Kink, ...]
    problems: tuple[str, ...]
    evidence: Evidence

    def at(self, scores: Any, order: int = 0) -> np.ndarray:
        """Both class curves at any scores, by the table's quintics.

        Args:
            scores: (m,), finite or not.
            order: 0 for the values, 1 for the slopes, 2 for the curvatures.

        Returns:
            (2, m).

        Example:
            >>> import lossland as ll
            >>> tabulate(ll.pair("identity", "squared")).at([0.5]).round(12).tolist()
            [[0.25], [2.25]]
        """
        x = np.atleast_1d(np.asarray(scores, float))
        inside = np.clip(x, self.scores[0], self.scores[-1])
        cell = np.clip(np.searchsorted(self.scores, inside, side="right") - 1, 0, self.scores.size - 2)
        # A point on a kink lies at the left end of a cell: the right-hand value, as for a function given by cases.
        ends = [rows[:, cell + side] for side in (0, 1) for rows in (self.values, self.slopes, self.curvatures)]
        found = quintic(ends, self.scores[cell], self.scores[cell + 1], inside, order)
        edge = self.limits if order == 0 else np.zeros((2, 2))
        return np.where(x == -np.inf, edge[:, :1], np.where(x == np.inf, edge[:, 1:], found))

    def at_jumps(self) -> tuple[np.ndarray, np.ndarray]:
        """The scores at which a curve jumps or has one value alone, (k,), and both losses at them, (2, k).

        Neither side of the table tells what the loss is at such a score itself.

        Example:
            >>> import lossland as ll
            >>> scores, values = tabulate(ll.pair("identity", "zero_one")).at_jumps()
            >>> scores.tolist(), values.tolist()
            ([0.0], [[1.0], [1.0]])
        """
        pieces = self.evidence.pieces
        alone = {
            b.at
            for cut in pieces
            for b in cut.breaks
            if b.ball.is_exact() and (b.order == 0 or b.point != b.left[0]) and not math.isnan(b.point)
        }
        scores = np.array(sorted(alone))
        return scores, np.stack([cut.values(scores) for cut in pieces]) if alone else np.zeros((2, 0))

    def lowest(self, weights: Any, tilts: Any = 0.0) -> Minimum:
        """The minima of m combinations of the class curves over the extended reals.

        Args:
            weights: (m, 2), of the positive and the negative curve, not negative.
            tilts: (m,) or a scalar, the slope of the linear part.

        Returns:
            The minima; values to about 1e-12 of the curves' size within |z| <= 12, minimisers that are unique to 1e-8.

        Example:
            >>> import lossland as ll
            >>> found = tabulate(ll.pair("identity", "logistic")).lowest([[0.8, 0.2]])
            >>> f"{found.value[0]:.6f} {found.at[0]:.6f}"
            '0.500402 1.386294'
        """
        return lowest(self, weights, tilts)

    def shape(self, row: int) -> Shape:
        """The shape of one class curve.

        Args:
            row: 0 for positives, 1 for negatives.

        Returns:
            The facts; see `Shape`.

        Example:
            >>> import lossland as ll
            >>> found = tabulate(ll.pair("relu", "hinge")).shape(0)
            >>> found.convex, found.plateaus, found.levels
            (False, (Interval(low=-inf, high=0.0),), (1.0,))
        """
        return shape(self, row)

    def flat_runs(self, row: int) -> list[tuple[int, int]]:
        """First and last node of each maximal stretch with slope zero, tails that merely vanish left out."""
        return flat_runs(self, row)

    def falls(self, row: int) -> np.ndarray:
        """By how much the slope falls from each node to the next beyond tolerance, (n - 1,): positive where concave."""
        return falls(self, row)

    def is_margin(self) -> bool:
        """Whether negative(z) == positive(-z) to 1e-9 of the value, at every node.

        Example:
            >>> import lossland as ll
            >>> [tabulate(ll.pair(name)).is_margin() for name in ("tanh+hinge", "relu+hinge")]
            [True, False]
        """
        return is_margin(self)


@functools.lru_cache(maxsize=128)
def tabulate(pair: Pair, prove: bool = False) -> Curves:
    """Tabulate a pair's class curves and find their kinks.

    Args:
        pair: any pair, a user's too.
        prove: spend the full budget on what the default one leaves open.

    Returns:
        The table; the same object for the same pair.

    Example:
        >>> import lossland as ll
        >>> [(k.label, round(k.at, 9), k.left, k.right) for k in tabulate(ll.pair("relu", "hinge")).kinks]
        [(1, 0.0, 0.0, -1.0), (-1, 0.0, 0.0, 1.0), (1, 1.0, -1.0, 0.0)]
    """
    held = evidence(pair, prove)
    evaluate = evaluator(pair)
    points = _fourths(grid())
    rows = evaluate(np.concatenate([[-np.inf], points, [np.inf]]))
    limits, rows = rows[0][:, [0, -1]], rows[:, :, 1:-1]
    problems = not_numbers(points, rows)
    limits = _limits(held, limits)
    if np.isnan(limits).any():
        problems += [f"The loss is NaN at score {'-inf' if np.isnan(limits[:, 0]).any() else '+inf'}."]
        limits = np.where(np.isnan(limits), rows[0][:, [0, -1]], limits)
    rows = np.stack(mended(points, rows))
    if held.reason or held.own_slopes:
        kinks, sides, unresolved = find_kinks(evaluate, points, rows)
        problems += unlike_differences(points, rows, [at for at, *_ in sides])
    else:
        kinks, sides, unresolved = read_kinks(held, evaluate)
    scores, rows, coarse = refined(evaluate, points, rows, [at for at, *_ in sides])
    scores, rows = _with_sides(scores, rows, sides)
    if not held.reason:
        scores, rows, beside = _resolved(evaluate, scores, rows, [at for at, *_ in sides])
        scores, rows = _graded(evaluate, scores, rows)
        coarse += still_missed(evaluate, scores, rows, beside)
    else:
        scores, rows = _graded(evaluate, scores, rows)
    problems += not_resolved(unresolved + coarse)
    return Curves(scores, rows[0], rows[1], rows[2], limits, kinks, tuple(problems), held)


def _limits(held: Evidence, measured: np.ndarray) -> np.ndarray:
    """Values at -inf and +inf, (2, 2): from the program where it tells them."""
    told = [[tail.limit for tail in claims.tails] for claims in held.curves]
    return np.where(np.isnan(told), measured, told) if told else measured


def _with_sides(scores: np.ndarray, rows: np.ndarray, sides: list) -> tuple[np.ndarray, np.ndarray]:
    """Put each kink in twice, with the quantities on its left and on its right."""
    for at, left, right in sides:
        kept = scores != at
        scores, rows = scores[kept], rows[..., kept]
        place = np.searchsorted(scores, at)
        scores = np.insert(scores, place, [at, at])
        rows = np.concatenate([rows[..., :place], left[..., None], right[..., None], rows[..., place:]], axis=-1)
    return scores, rows


def _resolved(
    evaluate: Evaluate, scores: np.ndarray, rows: np.ndarray, places: list[float]
) -> tuple[np.ndarray, np.ndarray, list[tuple[float, float]]]:
    """Add nodes beside kinks until the quintics follow the curve there too; and the cells in which they never do."""
    beside = np.flatnonzero((np.isin(scores[:-1], places) | np.isin(scores[1:], places)) & (np.diff(scores) > 0))
    if not beside.size:
        return scores, rows, []
    size = near_size(rows[1], scores)[:, None]
    more, coarse = halved(evaluate, scores[beside], scores[beside + 1], rows[..., beside], rows[..., beside + 1], size)
    more = np.setdiff1d(more, scores)
    for part in (more[i : i + NODES] for i in range(0, more.size, NODES)):
        held = np.stack(mended(part, evaluate(part)))
        where = np.searchsorted(scores, part)
        scores, rows = np.insert(scores, where, part), np.insert(rows, where, held, axis=-1)
    return scores, rows, coarse


def _fourths(scores: np.ndarray) -> np.ndarray:
    """The scores with three more between any two."""
    between = np.diff(scores)[:, None] * np.arange(4) / 4 + scores[:-1, None]
    return np.append(between.ravel(), scores[-1])


def _graded(evaluate: Evaluate, scores: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add nodes that close in on each kink towards which a slope grows without a bound, as -log q does at q = 0."""
    slopes = np.abs(rows[1])
    copies = np.flatnonzero(np.diff(scores) == 0)
    added = []
    for node, step in [(i, -1) for i in copies if i > 0] + [(i + 1, 1) for i in copies if i + 2 < scores.size]:
        steep = np.isfinite(slopes[:, node]) & (slopes[:, node] > 20 * slopes[:, node + step] + 1e-9)
        if steep.any():
            # From node to node a tenth further off: there a quintic follows a logarithm to 1e-9.
            distances = np.logspace(-12, -0.3, 284)
            added.append(scores[node] + step * distances)
    if not added:
        return scores, rows
    more = np.setdiff1d(np.concatenate(added), scores)[:NODES]
    held = np.stack(mended(more, evaluate(more)))
    places = np.searchsorted(scores, more)
    return np.insert(scores, places, more), np.insert(rows, places, held, axis=-1)
