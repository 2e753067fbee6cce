"""Claims on the form of a curve: convex, monotone, quasi-convex, proven cell by cell or refuted by three scores."""

import math
from typing import Any, NamedTuple

import numpy as np

from lossland.proofs._balls import BITS, ball_of, with_bits
from lossland.proofs._cells import Cover
from lossland.proofs._claim import MEASURED, PROVEN, REFUTED, Claim
from lossland.proofs._pieces import Pieces
from lossland.proofs._stretches import is_wall, value_at


class Run(NamedTuple):
    """All cells of a curve and the joins between its pieces, in order.

    Attributes:
        direction: (n,) -1 not rising, +1 not falling, 0 constant, 2 unknown.
        convex: (n,) whether the curve is convex there.
        ups: scores at which it rises for certain.
        downs: scores at which it falls.
        bends: scores at which it is concave for certain.
    """

    direction: np.ndarray
    convex: np.ndarray
    ups: list[float]
    downs: list[float]
    bends: list[float]


def run_of(held: Pieces, covers: list[Cover | None]) -> Run:
    direction: list[Any] = []
    convex: list[Any] = []
    ups: list[float] = []
    downs: list[float] = []
    bends: list[float] = []
    for k, c in enumerate(covers):
        if c is None:
            direction.append([0])
            convex.append([True])
        else:
            rises, falls = c.slope.low >= 0, c.slope.high <= 0
            direction.append(np.where(rises & falls, 0, np.where(rises, 1, np.where(falls, -1, 2))))
            convex.append(c.curvature.low >= 0)
            ups += c.middle[c.at[1].low > 0].tolist()
            downs += c.middle[c.at[1].high < 0].tolist()
            bends += c.middle[c.at[2].high < 0].tolist()
        if k < len(held.breaks):
            b = held.breaks[k]
            jumps = b.right[0] - b.left[0] if b.order == 0 else 0.0
            direction.append([0 if b.order else 1 if jumps > 0 else -1])
            wall = is_wall(held, k)
            convex.append([wall or b.order >= 2 or (b.order == 1 and b.jump > 0)])
            (ups if jumps > 0 else downs if jumps < 0 else []).append(b.at)
            if not wall and (b.order == 0 or (b.order == 1 and b.jump < 0)):
                bends.append(b.at)
    return Run(np.concatenate(direction), np.concatenate(convex), sorted(ups), sorted(downs), bends)


def convex_claim(held: Pieces, run: Run, trouble: str) -> Claim:
    if run.bends:
        near = sorted(run.bends, key=abs)[:24]
        for at in near:
            witness = _above_chord(held, at)
            if witness:
                return Claim(
                    REFUTED, False, witness=witness, reason="the middle one of three scores lies above its chord"
                )
    for b in held.breaks:
        off = b.point - b.left[0]
        if b.order > 0 and abs(off) > 1e-12 * (1 + abs(b.left[0])):
            h = 1e-6 * (1 + abs(b.at))
            if off > 0:
                witness, why = (b.at - h, b.at, b.at + h), "one score alone lies above its chord"
            else:
                witness, why = (b.at, b.at + h, b.at + 2 * h), "one score alone lies below all others"
            return Claim(REFUTED, False, witness=witness, reason=why)
    if run.convex.all():
        return (
            Claim(MEASURED, True, reason=trouble)
            if trouble
            else Claim(PROVEN, True, reason="its curvature is never negative, nor does its slope fall at a kink")
        )
    return Claim(MEASURED, None, reason=trouble or "the sign of its curvature is not decided everywhere")


def _above_chord(held: Pieces, at: float) -> tuple[float, ...]:
    """Three scores beside a bend, the middle one above the chord of the others; () if none is found."""
    size = max(1.0, abs(at))
    # At a jump itself the loss may have either value.
    jumps = [b.at for b in held.breaks if b.order == 0]
    for step in (1.0, 0.3, 0.1, 0.01, 1e-3, 1e-4, 1e-6, 1e-9, 1e-12):
        h = step * size
        for a, m, b in ((at - h, at, at + h), (at - h, at - 0.5 * h, at + h), (at - h, at + 0.5 * h, at + h),
                        (at - 2 * h, at - h, at + 1e-3 * h), (at - 1e-3 * h, at + h, at + 2 * h)):  # fmt: skip
            if a < m < b and m not in jumps and _is_above(held, a, m, b):
                return a, m, b
    return ()


def _is_above(held: Pieces, a: float, m: float, b: float) -> bool:
    with with_bits(BITS):
        low, middle, high = (value_at(held, x) for x in (a, m, b))
        if not (low.is_finite() and high.is_finite() and middle.is_finite()):
            return False
        share = (ball_of(b) - ball_of(m)) / (ball_of(b) - ball_of(a))
        chord = share * low + (1 - share) * high
        # By more than anybody's doubles round.
        return bool(middle - chord > ball_of(1e-13) * (abs(low) + abs(middle) + abs(high)))


def monotone_claim(held: Pieces, run: Run, trouble: str) -> Claim:
    if run.ups and run.downs:
        return Claim(
            PROVEN if not trouble else MEASURED,
            "neither",
            # Of many the nearest to 0, where anybody can look.
            witness=(min(run.ups, key=abs), min(run.downs, key=abs)),
            reason="it rises at the first score and falls at the second",
        )
    down, up = bool(np.isin(run.direction, (-1, 0)).all()), bool(np.isin(run.direction, (1, 0)).all())
    value = "constant" if down and up else "decreasing" if down else "increasing" if up else None
    if value is None:
        return Claim(MEASURED, None, reason=trouble or "the sign of its slope is not decided everywhere")
    return Claim(MEASURED if trouble else PROVEN, value, reason=trouble)


def quasi_convex_claim(held: Pieces, run: Run, convex: Claim, monotone: Claim, trouble: str) -> Claim:
    if convex.value and convex.status == PROVEN:
        return Claim(PROVEN, True, reason="it is convex")
    if monotone.status == PROVEN and monotone.value != "neither":
        return Claim(PROVEN, True, reason="it is monotone")
    if run.ups and run.downs and run.ups[0] < run.downs[-1]:
        witness = _hump(held, run.ups, run.downs)
        if witness:
            return Claim(
                REFUTED, False, witness=witness, reason="the middle one of three scores lies above both others"
            )
    not_down = np.flatnonzero(~np.isin(run.direction, (-1, 0)))
    not_up = np.flatnonzero(~np.isin(run.direction, (1, 0)))
    first, last = (not_down[0] if not_down.size else run.direction.size), (not_up[-1] if not_up.size else -1)
    if first > last or run.convex[first : last + 1].all():
        return Claim(MEASURED if trouble else PROVEN, True, reason=trouble or "it falls, then rises")
    return Claim(MEASURED, None, reason=trouble or "the sign of its slope is not decided everywhere")


def _hump(held: Pieces, ups: list[float], downs: list[float]) -> tuple[float, ...]:
    """Scores a < m < b with the value at m above both others."""
    for up in ups[:6]:
        later = [x for x in downs if x > up]
        for down in (later[:1] + later[-1:]) if later else ():
            scores = np.linspace(up, down, 257)
            jumps = np.array([b.at for b in held.breaks if b.order == 0])
            beside = [x for side in (-math.inf, math.inf) for x in np.nextafter(jumps, side)]
            scores = np.union1d(scores, [x for x in (*ups, *downs, *beside) if up <= x <= down])
            values = held.values(scores)
            m = int(np.nanargmax(np.where(np.isfinite(values), values, -np.inf)))
            a, b = float(scores[max(m - 1, 0)]), float(scores[min(m + 1, scores.size - 1)])
            for low, high in ((float(scores[0]), float(scores[-1])), (a, b)):
                if _is_higher(held, low, float(scores[m]), high):
                    return low, float(scores[m]), high
    return ()


def _is_higher(held: Pieces, a: float, m: float, b: float) -> bool:
    if not a < m < b:
        return False
    with with_bits(BITS):
        low, middle, high = (value_at(held, x) for x in (a, m, b))
        return bool(middle > low and middle > high)
