"""Is a pair made of lines and parabolas, and of which? Knots and coefficients of its class curves, from its table.

Between two knots a curve is value + slope z + bend z^2 / 2. `parabolas` gives the pieces and refuses, with the reason,
a pair with a jump of its value, without a bound on the number of its pieces or with any other curve; whether they are
lines alone `continuous_lines` says, and of a pair with jumps too `made_of_lines`.
"""

import functools
import itertools
import math
from typing import Any, NamedTuple

import jax
import numpy as np

from lossland.curves._evaluator import evaluator, grid
from lossland.curves._rounding import rounding_off
from lossland.curves._table import Curves, tabulate
from lossland.elements import Pair
from lossland.elements import pair as as_pair
from lossland.proofs import PROVEN, Budget, enclosure, evidence

FAR = 1e3
"""Scores up to which the pieces are held against the table, or twice as far as the furthest knot."""
MOST_BENDS = 16
"""How many different second derivatives a curve of few parabolas may have."""


class Parabolas(NamedTuple):
    """A continuous curve of p pieces on the score axis.

    Attributes:
        knots: (p - 1,), increasing.
        value: (p,), with slope and bend: the piece is value + slope z + bend z^2 / 2.
        slope: (p,).
        bend: (p,).
    """

    knots: np.ndarray
    value: np.ndarray
    slope: np.ndarray
    bend: np.ndarray

    @property
    def linear(self) -> bool:
        """Whether every piece is a line."""
        return not self.bend.any()

    def piece(self, scores: Any) -> np.ndarray:
        """The index of the piece of each score, shaped as scores; at a knot the right-hand one."""
        return np.searchsorted(self.knots, scores, side="right")

    def __call__(self, scores: Any) -> np.ndarray:
        """The curve at scores, shaped as they are."""
        scores = np.asarray(scores, float)
        k = self.piece(scores)
        return self.value[k] + scores * (self.slope[k] + 0.5 * scores * self.bend[k])

    def jumps(self) -> np.ndarray:
        """By how much the slope jumps at each knot, (p - 1,): positive at a convex kink."""
        sides = self.slope + self.bend * np.concatenate([self.knots, [0.0]])
        return self.slope[1:] + self.bend[1:] * self.knots - sides[:-1]


def parabolas(pair: Any) -> tuple[Parabolas, Parabolas]:
    """The pieces of the two class curves.

    Args:
        pair: a pair or its name.

    Returns:
        Those of positives and of negatives.

    Raises:
        ValueError: if the pair is not continuous and made of a few lines and parabolas; the message says why.

    Example:
        >>> positive, negative = parabolas("relu+hinge")
        >>> positive.knots.tolist(), positive.slope.tolist(), negative.slope.tolist()
        ([0.0, 1.0], [0.0, -1.0, 0.0], [0.0, 1.0])
    """
    return _parabolas(as_pair(pair))


def continuous_lines(pair: Pair) -> bool:
    """Whether both class curves are continuous and made of lines alone, of one at least.

    Example:
        >>> import lossland as ll
        >>> [continuous_lines(ll.pair("identity", loss)) for loss in ("hinge", "squared_hinge", "unhinged", "zero_one")]
        [True, False, True, False]
    """
    cuts = _lines_of(pair)
    if cuts is not None:
        # A wall counts as a jump.
        return cuts.straight and not cuts.jumps
    try:
        return all(part.linear for part in _parabolas(pair))
    except ValueError:
        return False


@functools.lru_cache(maxsize=512)
def made_of_lines(pair: Pair) -> bool:
    """Whether both class curves are lines between kinks or jumps, of which there are some.

    Its program decides; of a pair whose program cannot be read it is read off the table.

    Example:
        >>> import lossland as ll
        >>> [made_of_lines(ll.pair("identity", loss)) for loss in ("hinge", "squared_hinge", "unhinged")]
        [True, False, False]
    """
    cuts = _lines_of(pair)
    if cuts is not None:
        return cuts.straight and (cuts.kinks or cuts.jumps)
    # Within a traced function the table would be traced too.
    with jax.ensure_compile_time_eval():
        curves = tabulate(pair)
    straight = np.max(np.abs(curves.curvatures)) <= 1e-12 * np.max(np.abs(curves.slopes), initial=1e-300)
    return bool(straight and any(kink.what in ("value", "slope") for kink in curves.kinks))


class _Lines(NamedTuple):
    """Whether both class curves are straight between breaks, and whether a slope or a value jumps at one."""

    straight: bool
    kinks: bool
    jumps: bool


@functools.lru_cache(maxsize=512)
def _lines_of(pair: Pair) -> _Lines | None:
    """What a pair's program says of it; None where it cannot be read or does not tell every break."""
    with jax.ensure_compile_time_eval():
        held = evidence(pair)
    if not held.curves or any(claims.kinks.status != PROVEN for claims in held.curves):
        return None
    orders = {b.order for cut in held.pieces for b in cut.breaks}
    straight = all(enclosure(cut, -math.inf, math.inf, 2, Budget()) == (0.0, 0.0) for cut in held.pieces)
    return _Lines(straight, 1 in orders, 0 in orders)


@functools.lru_cache(maxsize=512)
def _parabolas(pair: Pair) -> tuple[Parabolas, Parabolas]:
    points = grid()
    points = points[np.abs(points) < FAR]
    value, _, bend = evaluator(pair)(points)
    if np.isnan(value).any():
        raise ValueError(f"{pair.name} is NaN at score {points[np.isnan(value).any(axis=0)][0]:.6g}; mend the loss.")
    for row, side in enumerate(("positive", "negative")):
        rounded = np.round(np.clip(np.nan_to_num(bend[row]), -1e9, 1e9), 6)
        if np.unique(rounded).size > MOST_BENDS:
            worst = points[1:][np.diff(rounded) != 0]
            near = worst[np.argmin(np.abs(worst))]
            raise _refused(pair, f"the second derivative of a {side}'s loss changes all along, say at z = {near:.3g}")
        if not np.isfinite(value[row]).all():
            raise _refused(
                pair, f"the loss of a {side} is infinite, say at z = {points[~np.isfinite(value[row])][0]:.3g}"
            )
    curves = tabulate(pair)
    for kink in curves.kinks:
        if kink.what == "value":
            raise _refused(
                pair, f"the loss of label {kink.label:+d} jumps at z = {kink.at:g}, so that a minimum need not exist"
            )
    found = [_pieces(curves, row) for row in (0, 1)]
    for part, side in zip(found, ("positive", "negative"), strict=True):
        if part is None:
            raise _refused(pair, f"the loss of a {side} is not a line or a parabola between its kinks")
    return found[0], found[1]  # type: ignore[return-value]


def _refused(pair: Pair, reason: str) -> ValueError:
    return ValueError(
        f"{pair.name} is not made of lines and parabolas: {reason}. Pairs that are: relu+hinge, hard_tanh+hinge, "
        f"leaky_relu+absolute, identity+squared_hinge."
    )


def _pieces(curves: Curves, row: int) -> Parabolas | None:
    """The pieces of one curve; None where a stretch between kinks is no parabola."""
    knots = np.array([kink.at for kink in curves.kinks if kink.label == (1, -1)[row]])
    far = max(FAR, 2 * np.abs(knots).max(initial=0.0))
    edges = np.concatenate([[-far], knots, [far]])
    held = []
    for low, high in itertools.pairwise(edges):
        inside = np.flatnonzero((curves.scores > low) & (curves.scores < high))
        if not inside.size:
            return None
        z = curves.scores[inside]
        value, slope, bend = (part[row, inside] for part in (curves.values, curves.slopes, curves.curvatures))
        # Near 0, where the coefficients lose the least, but off the knots.
        inset = min(1.0, 0.5 * (high - low))
        near = np.argmin(np.abs(z - np.clip(0.0, low + inset, high - inset)))
        q = rounding_off(bend[near], 10, 1e-11)
        s = rounding_off(slope[near] - q * z[near], 10, 1e-11)
        v = rounding_off(value[near] - z[near] * (s + 0.5 * q * z[near]), 10, 1e-11)
        off = np.abs(v + z * (s + 0.5 * q * z) - value)
        if np.any(off > 1e-9 * (1 + np.abs(value) + np.abs(s * z) + np.abs(q) * z * z)):
            return None
        held.append((v, s, q))
    return Parabolas(knots, *np.array(held).T)
