"""Stationary in Clarke's sense: the element of least norm of the subdifferential, with what it certifies."""

from typing import Any, NamedTuple

import numpy as np

from lossland.core import Reals, guarded, renamed
from lossland.curves import continuous_lines, tabulate
from lossland.data import Dataset
from lossland.minima._at_point import AtPoint, around_point, at_point, subdifferential
from lossland.minima._local_minimum import local_minimum
from lossland.minima._subdifferential import Around, least_between, least_in_hull, way_down


class ClarkeStationarity(NamedTuple):
    """Whether 0 lies in the Clarke subdifferential at a point, and what kind of point it is.

    Attributes:
        stationary: True or False, certified up to `tol`; None if undecided (then `how` is "sampled").
        kind: "descending" (not stationary), "saddle" (stationary, and a direction leads down), "plateau" (constant all
            around), "minimum" (a local one), "stationary" (no more is known: the pair is neither convex nor made of
            lines, or too many concave kinks meet) or "undecided".
        least: (D,), the element of least norm; where the set is only sampled, of the sampled part.
        norm: its length.
        bound: a lower bound of the least norm; equal to `norm` where the set is known exactly.
        how: what makes the set exact: "smooth" (one element), "regular" (all kinks there convex, or all concave),
            "independent" (the tied rows are), "enumerated" (every cell around); or "sampled": it is not.
        direction: (D,), of length 1, in which the objective falls; zeros if none was found.
        slope: the one-sided derivative in that direction; 0 if none was found.
        value: the objective.
        floor: the weighted mean of the class curves' infima, a lower bound of the objective everywhere.
        spurious: whether it is stationary above the least value; None where that is not known.
        tied: (n,), which examples lie on a kink.
        intervals: (n, 2), the Clarke interval of each example's loss in its score.
    """

    stationary: bool | None
    kind: str
    least: np.ndarray
    norm: float
    bound: float
    how: str
    direction: np.ndarray
    slope: float
    value: float
    floor: float
    spurious: bool | None
    tied: np.ndarray
    intervals: np.ndarray


@renamed(activation="pair")
@guarded()
def clarke_stationarity(
    pair: Any,
    data: Dataset,
    params: Any,
    *,
    l2: float = 0.0,
    bias: bool = True,
    sample_weights: Reals = None,
    minimum: float | None = None,
    tol: float = 1e-9,
) -> ClarkeStationarity:
    r"""Find the least-norm element of the Clarke subdifferential of an objective of linear scores.

    .. math:: \partial^\circ F(p) = \mathrm{conv} \{ \lim \nabla F(p_k) : p_k \to p \} \subseteq
        \sum_i c_i [\min(l_i, r_i), \max(l_i, r_i)] \, a_i + l2 \, w

    with l_i, r_i the slopes left and right of example i's score. Equality holds if all kinks at p are convex or all
    are concave, or the tied rows a_i are linearly independent: then the least element is a least-squares problem in a
    box. Else the gradients of all cells around p are listed, if they are few, and the least element of their hull is
    taken. Else the box bounds the norm from below and sampled cells bound it from above.

    If the least element v is not 0, the objective falls along -v at least at the rate |v|.

    Args:
        pair: a pair or its name.
        data: n examples.
        params: {"weights": (d,), "bias": ()} or one array (D,), the bias last.
        l2: the strength of the penalty on the weights.
        bias: whether the score has a bias.
        sample_weights: (n,), not negative; 1 by default.
        minimum: the least value of the objective, where it is known (`cells`, `global_minimum`): it decides `spurious`.
        tol: how near a score is to a kink on which it lies, relative to 1 + |score|; and the norm that counts as 0,
            relative to the sum of the lengths of all examples' gradients.

    Returns:
        The verdict, the element and a direction that leads down where there is one; see `ClarkeStationarity`.

    Raises:
        ValueError: if the params do not fit the data, or the loss jumps at one of the scores.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[1.0], [2.0], [-1.0]], [1, 1, -1])
        >>> at_zero = ll.clarke_stationarity("relu+hinge", data, [0.0, 0.0])
        >>> at_zero.stationary, at_zero.kind, at_zero.how, round(at_zero.slope, 3)
        (True, 'saddle', 'enumerated', -1.202)
        >>> ll.clarke_stationarity("relu+hinge", data, [0.0, -1.0]).kind
        'plateau'

    Source: Clarke (1983), Optimization and Nonsmooth Analysis, 2.3.3, 2.3.10 and 2.5.1.
    """
    held = at_point(pair, data, params, l2, bias, sample_weights)
    around, tied, intervals, size = around_point(held, tol)
    how, vertices = subdifferential(around)
    outer = least_between(around)
    least = outer if vertices is None else least_in_hull(vertices)
    norm = float(np.linalg.norm(least))
    bound = float(np.linalg.norm(outer)) if how == "sampled" else norm
    small = 10 * tol * size
    stationary = True if norm <= small else False if bound > small else None
    kind, direction = _kind(held, around, vertices, stationary, tol)
    if stationary is not True and not direction.any() and norm > 0:
        away = outer if how == "sampled" and bound > small else least
        direction = -away / np.linalg.norm(away)
        if around.slope(direction) >= 0:
            direction = np.zeros_like(direction)
    value, floor = held.value(), held.floor()
    spurious = _spurious(stationary, value, floor, minimum)
    return ClarkeStationarity(
        stationary, kind, least, norm, bound, how, direction, around.slope(direction) + 0.0, value, floor, spurious,
        tied, intervals,
    )  # fmt: skip


def _kind(
    held: AtPoint, around: Around, vertices: np.ndarray | None, stationary: bool | None, tol: float
) -> tuple[str, np.ndarray]:
    """The kind of the point, and a direction that leads down from one that is not known to be no minimum."""
    nowhere = np.zeros_like(held.point)
    if stationary is False:
        return "descending", nowhere
    sides = [tabulate(held.pair).shape(row) for row in (0, 1) if np.any(held.labels == (1, -1)[row])]
    lines = continuous_lines(held.pair)
    if stationary and lines and not len(around.rows) and held.still(tol):
        return "plateau", nowhere
    if stationary and all(part.convex for part in sides):
        return "minimum", nowhere
    direction = way_down(around, np.zeros((0, nowhere.size)) if vertices is None else vertices, held.rng)
    if not direction.any() and lines:
        try:
            found = local_minimum(held.pair, held.data, held.point, **held.settings, tol=tol)
        except RuntimeError:
            # Too many concave kinks meet here for branch and bound: that it is stationary still holds.
            return ("stationary" if stationary else "undecided"), nowhere
        if found.minimal and stationary:
            return "minimum", nowhere
        direction = found.direction / max(float(np.linalg.norm(found.direction)), 1e-300)
    if direction.any() and stationary:
        return "saddle", direction
    return ("stationary" if stationary else "undecided"), direction


def _spurious(stationary: bool | None, value: float, floor: float, minimum: float | None) -> bool | None:
    if stationary is None:
        return None
    slack = 1e-9 * (1 + abs(value))
    if not stationary or value <= floor + slack:
        return False
    return None if minimum is None else bool(value > minimum + slack)
