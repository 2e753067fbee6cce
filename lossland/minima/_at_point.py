"""An objective of a linear score near one point, to first order, and what is known of its subdifferential there."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.core import checked_l2, flat_point, with_ones
from lossland.curves import tabulate
from lossland.data import Dataset, refuse_soft
from lossland.elements import Pair
from lossland.elements import pair as as_pair
from lossland.minima._subdifferential import Around, cones, enumerable, one_sided, sampled


class AtPoint(NamedTuple):
    """An objective of a linear score at one point.

    Attributes:
        pair: the pair.
        point: p, (D,), the bias last.
        scores: (n,).
        rows: a, (n, D): the inputs, and a column of ones for a bias.
        labels: (n,), -1 or +1.
        weights: c, (n,): the sample weights divided by n.
        penalty: (D,), l2 for weights and 0 for the bias.
        data: the examples.
        settings: l2, bias and sample weights as they were given.
        rng: for directions tried at random.
    """

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

    def value(self) -> float:
        """The objective at the point."""
        with jax.enable_x64(True):
            losses = np.asarray(self.pair(jnp.asarray(self.scores), jnp.asarray(self.labels)), float)
        return float(self.weights @ losses + 0.5 * self.penalty @ self.point**2)

    def floor(self) -> float:
        """The weighted mean of the class curves' infima, below which the objective is nowhere."""
        least = [tabulate(self.pair).shape(row).infimum for row in (0, 1)]
        shares = [self.weights[self.labels == t].sum() for t in (1, -1)]
        return float(sum(share * low for share, low in zip(shares, least, strict=True) if share > 0))

    def still(self, tol: float) -> bool:
        """Whether no example's loss changes around the point, nor the penalty."""
        sides = one_sided(self.pair, self.scores, self.labels, tol)
        moving = (sides.left != 0) | (sides.right != 0)
        return not (np.any(moving & (self.weights > 0) & self.rows.any(axis=1)) or self.penalty.any())


def at_point(pair: Any, data: Dataset, params: Any, l2: float, bias: bool, sample_weights: Any) -> AtPoint:
    """A checked objective at a point; arguments as in `clarke_stationarity`."""
    refuse_soft(data, "What looks at a point's subgradients")
    made = as_pair(pair)
    checked_l2(l2)
    weights = np.ones(data.n) if sample_weights is None else np.asarray(sample_weights, float)
    if weights.shape != (data.n,) or not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError(f"sample_weights must be {data.n} finite numbers, not negative; got shape {weights.shape}.")
    rows = with_ones(data.inputs, bias)
    point = flat_point(params, data.d, bool(bias))
    penalty = np.append(np.full(data.d, float(l2)), np.zeros(int(bias)))
    settings, rng = {"l2": l2, "bias": bool(bias), "sample_weights": sample_weights}, np.random.default_rng(0)
    return AtPoint(
        made, point, rows @ point, rows, np.asarray(data.labels, float), weights / data.n, penalty, data, settings, rng
    )


def around_point(held: AtPoint, tol: float) -> tuple[Around, np.ndarray, np.ndarray, float]:
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


def subdifferential(around: Around) -> tuple[str, np.ndarray | None]:
    """How the subdifferential is known (`ClarkeStationarity.how`), and its vertices where it is no box of slopes."""
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
