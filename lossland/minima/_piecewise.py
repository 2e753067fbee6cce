"""The objective of a pair made of lines and parabolas, over data: a sum of pieces whose knots are known exactly."""

from typing import Any, NamedTuple

import numpy as np

from lossland.core import checked_l2, with_ones
from lossland.curves import Parabolas, parabolas
from lossland.data import Dataset, refuse_soft
from lossland.elements import pair as as_pair

AT_ONCE = 2_000_000
"""Scores that are held at a time."""


class Pieced(NamedTuple):
    """The objective sum_i c_i l_i(a_i . p) + sum_j penalty_j p_j^2 / 2, l_i one of two curves made of pieces.

    Attributes:
        name: the pair's.
        rows: a, (n, D): the inputs, and a column of ones for a bias.
        labels: (n,), -1 or +1.
        weights: c, (n,): the sample weights divided by n.
        curves: those of positives and of negatives.
        penalty: (D,), l2 for weights and 0 for the bias.
    """

    name: str
    rows: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    curves: tuple[Parabolas, Parabolas]
    penalty: np.ndarray

    @property
    def linear(self) -> bool:
        """Whether both curves are made of lines; the penalty is left out."""
        return self.curves[0].linear and self.curves[1].linear

    def value(self, points: np.ndarray) -> np.ndarray:
        """The objective at points (k, D), (k,)."""
        size = self.at_once
        return np.concatenate([self._value(points[k : k + size]) for k in range(0, max(len(points), 1), size)])

    @property
    def at_once(self) -> int:
        """How many points are looked at at once: their scores of all examples take the memory of a block."""
        return max(AT_ONCE // max(len(self.rows), 1), 1)

    def _value(self, points: np.ndarray) -> np.ndarray:
        scores = points @ self.rows.T
        held = np.where(self.labels > 0, self.curves[0](scores), self.curves[1](scores))
        return held @ self.weights + 0.5 * points**2 @ self.penalty

    def pieces(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Value, slope and bend of the pieces at scores (k, n), each (k, n); at a knot of the right-hand one."""
        at = [curve.piece(scores) for curve in self.curves]
        return tuple(  # type: ignore[return-value]
            np.where(self.labels > 0, *(part[k] for part, k in zip(parts, at, strict=True)))
            for parts in zip(*((c.value, c.slope, c.bend) for c in self.curves), strict=True)
        )

    def gradient(self, points: np.ndarray) -> np.ndarray:
        """The gradient at points (k, D), (k, D); on a knot one-sided."""
        scores = points @ self.rows.T
        _, slope, bend = self.pieces(scores)
        return (self.weights * (slope + bend * scores)) @ self.rows + points * self.penalty

    def knots(self) -> tuple[np.ndarray, np.ndarray]:
        """The example (m,) and the score (m,) of every knot of every example that counts."""
        sizes = [curve.knots.size for curve in self.curves]
        which = np.concatenate(
            [
                np.repeat(np.flatnonzero((self.labels == t) & (self.weights > 0)), size)
                for t, size in zip((1, -1), sizes, strict=True)
            ]
        )
        each = [
            np.tile(c.knots, np.sum((self.labels == t) & (self.weights > 0)))
            for t, c in zip((1, -1), self.curves, strict=True)
        ]
        return which, np.concatenate(each)


def pieced(pair: Any, data: Dataset, l2: float, bias: bool, sample_weights: Any = None) -> Pieced:
    """The objective of a pair made of lines and parabolas over data, for a linear score.

    Args:
        pair: a pair or its name.
        data: n examples of d inputs.
        l2: the strength of the penalty on the weights.
        bias: whether the score has a bias, the last parameter.
        sample_weights: (n,), not negative; 1 by default.

    Returns:
        The objective; D = d + bias.

    Raises:
        ValueError: if the pair is not made of lines and parabolas, or a number is negative or not finite.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[1.0], [-1.0]], [1, -1])
        >>> pieced("relu+hinge", data, 0.0, True).value(np.array([[1.0, 0.0]])).tolist()
        [0.5]
    """
    made = as_pair(pair)
    checked_l2(l2)
    weights = np.ones(data.n) if sample_weights is None else np.asarray(sample_weights, float)
    if weights.shape != (data.n,) or not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError(
            f"sample_weights must be {data.n} finite numbers, not negative, one an example; got shape {weights.shape}."
        )
    rows = with_ones(data.inputs, bias)
    penalty = np.append(np.full(data.d, float(l2)), np.zeros(int(bias)))
    refuse_soft(data, "What counts cells and minima")
    return Pieced(made.name, rows, np.asarray(data.labels), weights / data.n, parabolas(made), penalty)


def of_lines(pair: Any, data: Dataset, l2: float, bias: bool, sample_weights: Any) -> Pieced:
    """The objective of a pair made of lines alone, as `pieced` takes it; one of parabolas too is refused."""
    total = pieced(pair, data, l2, bool(bias), sample_weights)
    if not total.linear:
        raise ValueError(
            f"{total.name} is made of parabolas too, and this takes lines only. With two parameters ll.cells takes it; "
            f"if it is convex, ll.solve does."
        )
    return total
