"""What a curve does at one score: the sign of its slope there, and how far it is a line around it."""

from typing import NamedTuple

from lossland.proofs._balls import BITS, ball_jet, ball_of, with_bits
from lossland.proofs._pieces import Pieces
from lossland.proofs._stretches import slope_of_line


class Local(NamedTuple):
    """A curve at a score.

    Attributes:
        slope: its slope, of both sides alike, as a double; 0.0 only where it is exactly 0.
        sign: of the slope, -1, 0 or 1; None where it is not decided.
        smooth: whether both sides have one slope; None where that is not decided.
        low: where the line through it begins: the score itself if the curve bends there.
        high: where it ends.
        ends_in_kink: whether the slope jumps at the nearer of the two ends.
    """

    slope: float
    sign: int | None
    smooth: bool | None
    low: float
    high: float
    ends_in_kink: bool


def local(held: Pieces, at: float) -> Local:
    """Look at a curve at one score.

    Args:
        held: the curve, in pieces.
        at: the score.

    Example:
        >>> import lossland as ll
        >>> from lossland.proofs import evidence
        >>> local(evidence(ll.pair("identity", "hinge")).pieces[0], 0.0)
        Local(slope=-1.0, sign=-1, smooth=True, low=-inf, high=1.0, ends_in_kink=True)
    """
    with with_bits(BITS):
        here = ball_of(at)
        met = [k for k, b in enumerate(held.breaks) if b.ball.overlaps(here)]
        before = sum(1 for b in held.breaks if b.ball < here)
        if not met:
            slope = ball_jet(held.parts[before], here).slope
            sign = 1 if slope > 0 else -1 if slope < 0 else 0 if slope.is_zero() else None
            smooth: bool | None = True
            value = float(slope.mid()) if slope.is_finite() else float("nan")
        else:
            b = held.breaks[met[0]]
            sure = b.ball.is_exact() and b.sure and not b.rounded
            smooth = None if not sure else b.order > 1
            value = b.left[1]
            sign = (value > 0) - (value < 0) if smooth else None
    left, right = (met[0], met[0] + 1) if met else (before, before)
    low = _end(held, left, -1) if smooth else (at, False)
    high = _end(held, right, 1) if smooth else (at, False)
    if low[0] is None or high[0] is None or (met and smooth and held.breaks[met[0]].order == 2):
        low = high = (at, False)
    gaps = at - (at if low[0] is None else low[0]), (at if high[0] is None else high[0]) - at
    kink = (gaps[0] <= gaps[1] and low[1]) or (gaps[1] <= gaps[0] and high[1])
    return Local(value + 0.0, sign, smooth, low[0] or 0.0, high[0] or 0.0, kink)


def surely_moves_together(cuts: tuple[Pieces, ...], at: float) -> bool:
    """Whether the sum of curves is certainly moving at a score: its slope is not 0 there, to many bits.

    Example:
        >>> import lossland as ll
        >>> from lossland.proofs import evidence
        >>> [surely_moves_together(evidence(ll.pair(f"identity+{n}")).pieces, 0.7) for n in ("hinge", "logistic")]
        [False, True]
    """
    with with_bits(BITS):
        here, total = ball_of(at), ball_of(0)
        for held in cuts:
            if any(b.ball.overlaps(here) for b in held.breaks):
                return False
            total += ball_jet(held.parts[sum(1 for b in held.breaks if b.ball < here)], here).slope
        return bool(total > 0 or total < 0)


def _end(held: Pieces, k: int, step: int) -> tuple[float | None, bool]:
    """Where the line that piece k is ends on one side, and whether in a kink; None if the piece is no line."""
    if slope_of_line(held, k) is None:
        return None, False
    while True:
        edge = k - 1 if step < 0 else k
        if not 0 <= edge < len(held.breaks):
            return step * float("inf"), False
        b = held.breaks[edge]
        if b.order < 2:
            return b.at, True
        if slope_of_line(held, k + step) is None:
            return b.at, False
        k += step
