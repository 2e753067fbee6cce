"""Stationary in Clarke's sense: the element of least norm of the subdifferential, with what it certifies."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.core import checked_l2, flat_point, with_ones
from lossland.curves import parabolas, shape, tabulate
from lossland.data import Dataset
from lossland.elements import TIES, Pair, pair, with_tie
from lossland.minima._local_minimum import local_minimum
from lossland.minima._subdifferential import (
    Around,
    cones,
    enumerable,
    least_between,
    least_in_hull,
    one_sided,
    sampled,
    way_down,
)


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


class Selection(NamedTuple):
    """What autodiff takes for the gradient under one tie.

    Attributes:
        tie: of activation and loss; None if neither takes one.
        gradient: (D,).
        distance: from the Clarke subdifferential; where that is only known to lie in a larger set, from that set.
        inside: whether it is a Clarke subgradient: the distance is 0 up to rounding.
    """

    tie: float | None
    gradient: np.ndarray
    distance: float
    inside: bool


class _Held(NamedTuple):
    pair: Pair
    point: np.ndarray
    scores: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    penalty: np.ndarray
    data: Dataset
    settings: dict[str, Any]
    rng: np.random.Generator


def clarke_stationarity(
    activation: Any,
    data: Dataset,
    params: Any,
    *,
    l2: float = 0.0,
    bias: bool = True,
    sample_weights: Any = None,
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
        activation: a pair or its name.
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
    held = _held(activation, data, params, l2, bias, sample_weights)
    around, tied, intervals, size = _around(held, tol)
    how, vertices = _known(around)
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
    value, floor = _value(held), _floor(held)
    spurious = _spurious(stationary, value, floor, minimum)
    return ClarkeStationarity(
        stationary, kind, least, norm, bound, how, direction, around.slope(direction) + 0.0, value, floor, spurious,
        tied, intervals,
    )  # fmt: skip


def autodiff_selections(
    activation: Any,
    data: Dataset,
    params: Any,
    *,
    l2: float = 0.0,
    bias: bool = True,
    sample_weights: Any = None,
    tol: float = 1e-9,
) -> tuple[Selection, ...]:
    r"""Hold what autodiff returns under each tie against the Clarke subdifferential.

    Each tie selects :math:`g = \sum_i c_i s_i a_i + l2 \, w` with s_i a slope between the one-sided ones; that need not
    be a Clarke subgradient of F, and of :math:`relu(z) - relu(-z) = z` it is none even of one example.

    Args:
        activation: a pair or its name; ties that it names itself are overridden.
        data: n examples.
        params: as in `clarke_stationarity`.
        l2: the strength of the penalty.
        bias: whether the score has a bias.
        sample_weights: (n,), not negative; 1 by default.
        tol: as in `clarke_stationarity`.

    Returns:
        One selection for each of the ties 0, 1/2 and 1; one if the pair takes no tie.

    Raises:
        ValueError: as `clarke_stationarity`.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[1.0], [-1.0]], [1, -1])
        >>> taken = ll.minima.autodiff_selections("relu+hinge", data, [0.0, 0.0])
        >>> [(s.tie, s.gradient.tolist(), s.inside) for s in taken]
        [(0.0, [0.0, 0.0], True), (0.5, [-0.5, 0.0], True), (1.0, [-1.0, 0.0], True)]

    Source: Bolte & Pauwels (2021), Conservative set valued fields.
    """
    held = _held(activation, data, params, l2, bias, sample_weights)
    around, _, _, size = _around(held, tol)
    vertices = _known(around)[1]
    settings = held.pair.activation.settings() | held.pair.loss.settings()
    variants = {tie: with_tie(held.pair, tie) for tie in TIES} if "tie" in settings else {None: held.pair}
    found = []
    for tie, variant in variants.items():
        with jax.enable_x64(True):
            slopes = np.asarray(variant.slope(jnp.asarray(held.scores), jnp.asarray(held.labels)), float)
        gradient = (held.weights * slopes) @ held.rows + held.penalty * held.point
        near = least_between(around, gradient) if vertices is None else least_in_hull(vertices, gradient)
        distance = float(np.linalg.norm(near - gradient))
        found.append(Selection(tie, gradient, distance, distance <= 1e-7 * size))
    return tuple(found)


def _held(activation: Any, data: Dataset, params: Any, l2: float, bias: bool, sample_weights: Any) -> _Held:
    made = pair(activation)
    checked_l2(l2)
    weights = np.ones(data.n) if sample_weights is None else np.asarray(sample_weights, float)
    if weights.shape != (data.n,) or not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError(f"sample_weights must be {data.n} finite numbers, not negative; got shape {weights.shape}.")
    rows = with_ones(data.inputs, bias)
    point = flat_point(params, data.d, bool(bias))
    penalty = np.append(np.full(data.d, float(l2)), np.zeros(int(bias)))
    settings, rng = {"l2": l2, "bias": bool(bias), "sample_weights": sample_weights}, np.random.default_rng(0)
    return _Held(
        made, point, rows @ point, rows, np.asarray(data.labels, float), weights / data.n, penalty, data, settings, rng
    )


def _around(held: _Held, tol: float) -> tuple[Around, np.ndarray, np.ndarray, float]:
    """The objective near the point, who is tied, the intervals, and the size that rounding is relative to."""
    sides = one_sided(held.pair, held.scores, held.labels, tol)
    # An example without inputs does not move, and one of weight 0 does not matter.
    tied = sides.tied & held.rows.any(axis=1) & (held.weights > 0)
    smooth = (held.weights * sides.left)[~tied] @ held.rows[~tied] + held.penalty * held.point
    rows = held.weights[:, None] * held.rows
    steep = np.maximum(np.abs(sides.left), np.abs(sides.right))
    size = float(steep @ np.linalg.norm(rows, axis=1) + np.linalg.norm(held.penalty * held.point))
    intervals = np.sort(np.stack([sides.left, sides.right], axis=1), axis=1)
    return Around(smooth, rows[tied], sides.left[tied], sides.right[tied]), tied, intervals, size


def _known(around: Around) -> tuple[str, np.ndarray | None]:
    """What makes the set exact, and its vertices where it is not the whole box that is."""
    k = len(around.rows)
    convex = around.right > around.left
    if k == 0:
        return "smooth", None
    if convex.all() or not convex.any():
        return "regular", None
    if k <= around.base.size and np.linalg.matrix_rank(around.rows) == k:
        return "independent", None
    if enumerable(around.rows):
        return "enumerated", around.gradients(cones(around.rows))
    return "sampled", sampled(around, np.random.default_rng(0))


def _kind(
    held: _Held, around: Around, vertices: np.ndarray | None, stationary: bool | None, tol: float
) -> tuple[str, np.ndarray]:
    """The kind of the point, and a direction that leads down from one that is not known to be no minimum."""
    nowhere = np.zeros_like(held.point)
    if stationary is False:
        return "descending", nowhere
    sides = [shape(tabulate(held.pair), row) for row in (0, 1) if np.any(held.labels == (1, -1)[row])]
    lines = _lines(held.pair)
    if stationary and lines and not len(around.rows) and _still(held, tol):
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


def _still(held: _Held, tol: float) -> bool:
    """Whether no example's loss changes around the point, nor the penalty."""
    sides = one_sided(held.pair, held.scores, held.labels, tol)
    moving = (sides.left != 0) | (sides.right != 0)
    return not (np.any(moving & (held.weights > 0) & held.rows.any(axis=1)) or held.penalty.any())


def _lines(given: Pair) -> bool:
    try:
        return all(part.linear for part in parabolas(given))
    except ValueError:
        return False


def _value(held: _Held) -> float:
    with jax.enable_x64(True):
        losses = np.asarray(held.pair(jnp.asarray(held.scores), jnp.asarray(held.labels)), float)
    return float(held.weights @ losses + 0.5 * held.penalty @ held.point**2)


def _floor(held: _Held) -> float:
    least = [shape(tabulate(held.pair), row).infimum for row in (0, 1)]
    shares = [held.weights[held.labels == t].sum() for t in (1, -1)]
    return float(sum(share * low for share, low in zip(shares, least, strict=True) if share > 0))


def _spurious(stationary: bool | None, value: float, floor: float, minimum: float | None) -> bool | None:
    if stationary is None:
        return None
    slack = 1e-9 * (1 + abs(value))
    if not stationary or value <= floor + slack:
        return False
    return None if minimum is None else bool(value > minimum + slack)
