"""Claims on numbers of a curve: its infimum, and the suprema of its slope and curvature, each between two bounds."""

import math

import numpy as np

from lossland.proofs._cells import Budget, Cover, End, bounds, cover, least_size
from lossland.proofs._claim import MEASURED, PROVEN, Claim
from lossland.proofs._expression import Expression
from lossland.proofs._floats import float_jets
from lossland.proofs._growth import Growth
from lossland.proofs._interval import Interval
from lossland.proofs._intervals import on_cells
from lossland.proofs._pieces import Pieces
from lossland.proofs._stretches import constant_value, ends_of, flat_stretches, spans_of

SLACK = {"infimum": 1e-6, "lipschitz": 2e-3, "smoothness": 2e-3}
"""How wide a relative enclosure may be to count as proven."""


def infimum_claim(
    held: Pieces, covers: list[Cover | None], tails: tuple[Growth, Growth], monotone: Claim, trouble: str
) -> Claim:
    reached = [tail.limit for tail in tails if not math.isnan(tail.limit)]
    reached += [x for b in held.breaks for x in (b.left[0], b.right[0], b.point) if not math.isnan(x)]
    lower = list(reached)
    for k, c in enumerate(covers):
        if c is None:
            level = constant_value(held.parts[k])
            lower.append(math.nan if level is None else level)
            reached.append(lower[-1])
            continue
        below, above = _lowest(held.parts[k], c, ends_of(held, k), [math.isnan(tail.limit) for tail in tails])
        lower.append(below)
        reached.append(above)
    high = min(reached)
    low = min(*lower, high)
    for k, direction in ((1, "decreasing"), (0, "increasing")):
        if monotone.value == direction and monotone.status == PROVEN and not math.isnan(tails[k].limit):
            low = high = tails[k].limit
    close = high == low or high - low <= SLACK["infimum"] * (1e-2 + abs(high))
    status = PROVEN if close and not trouble else MEASURED
    return Claim(status, high if close else None, (low, high), reason=trouble)


def _lowest(
    part: Expression, c: Cover, ends: tuple[End | None, End | None], unknown: list[bool]
) -> tuple[float, float]:
    """Between which numbers the infimum of a piece lies, limits at its ends apart.

    Where the slope has a sign a smooth piece is lowest at the end of the cell: at a cell of unknown sign, at the end of
    the piece, or where falling turns into rising.
    """
    falls, rises = c.slope.high <= 0, c.slope.low >= 0
    lower = [math.inf, *c.value.low[~falls & ~rises].tolist()]
    turns = c.high[:-1][falls[:-1] & rises[1:]]
    upper = [float(c.at[0].high.min())]
    if turns.size:
        value = on_cells(part, Interval(turns, turns))[0]
        lower.append(float(value.low.min()))
        upper.append(float(value.high.min()))
    for k, (end, limit_unknown) in enumerate(zip(ends, unknown, strict=True)):
        if (end is None and limit_unknown) or (end is not None and not math.isfinite(end.value)):
            lower.append(float(c.value.low[0 if k == 0 else -1]))
    return min(lower), min(upper)


def attained_claim(held: Pieces, tails: tuple[Growth, Growth], infimum: Claim, monotone: Claim, trouble: str) -> Claim:
    if trouble or infimum.status != PROVEN:
        return Claim(MEASURED, None, reason=trouble or "its infimum is only measured")
    value = infimum.value
    if value == -math.inf:
        return Claim(PROVEN, False, reason="it has no lower bound")
    if any(abs(level - value) <= 1e-14 * abs(value) for _, level in flat_stretches(held)):
        return Claim(PROVEN, True, reason="it is constant there")
    jumps = any(b.order == 0 for b in held.breaks)
    if monotone.status == PROVEN and monotone.value in ("decreasing", "increasing") and not jumps:
        # A smooth piece that is not constant is constant on no interval: it is made of analytic functions.
        return Claim(PROVEN, False, reason="it only approaches its limit")
    if not jumps and all(tail.limit > infimum.enclosure[1] for tail in tails):
        return Claim(PROVEN, True, reason="it ends higher on both sides")
    return Claim(MEASURED, None, reason="where it is lowest is not decided")


def supremum_claim(
    held: Pieces, covers: list[Cover | None], tails: tuple[Growth, Growth], order: int, trouble: str
) -> Claim:
    """The supremum of |slope| or |curvature|."""
    name = ("", "lipschitz", "smoothness")[order]
    infinite = (math.inf, math.inf)
    for b in held.breaks:
        if b.order < order and b.sure and not b.rounded:
            what = "value" if b.order == 0 else "slope"
            return Claim(PROVEN, math.inf, infinite, (b.at,), f"its {what} jumps at z = {b.at:.6g}")
        if any(math.isinf(side[order]) for side in (b.left, b.right)):
            return Claim(
                MEASURED if trouble else PROVEN,
                math.inf,
                infinite,
                (b.at,),
                f"it grows without a bound towards z = {b.at:.6g}",
            )
    for tail in tails:
        grows = tail.kind in ("exponential", "super-exponential", "stretched") or (
            tail.kind == "polynomial" and tail.exponent > order
        )
        if math.isinf(tail.limit) and grows:
            return Claim(MEASURED if trouble else PROVEN, math.inf, infinite, reason="it grows without a bound far out")
    found = [bounds(c, order) for c in covers if c is not None]
    sides = [abs(side[order]) for b in held.breaks for side in (b.left, b.right) if not math.isnan(side[order])]
    low = max([0.0, *sides, *(x for x, _ in found)])
    high = max([low, *(x for _, x in found)])
    if low == math.inf:
        return Claim(MEASURED if trouble else PROVEN, math.inf, infinite, reason="it grows without a bound")
    close = high - low <= SLACK[name] * low + 1e-12
    if close:
        low = min(max(low, *(_peak(held.parts[k], c, order) for k, c in enumerate(covers) if c is not None), 0.0), high)
    outer = ((held.parts[0], -1), (held.parts[-1], 1))
    creeps = any(_creeps(part, side, tail, order) for (part, side), tail in zip(outer, tails, strict=True))
    settled = close and not trouble and not creeps
    return Claim(PROVEN if settled else MEASURED, low if close else None, (low, high), reason=trouble)


def _peak(part: Expression, c: Cover, order: int) -> float:
    """The largest |slope| or |curvature| seen beside the middle at which it is largest."""
    k = int(np.argmax(least_size(c.at[order])))
    low, high = float(c.low[k - 1 if k else 0]), float(c.high[min(k + 1, c.high.size - 1)])
    best = float(least_size(c.at[order])[k])
    for _ in range(6):
        scores = np.linspace(low, high, 65)[1:-1]
        sizes = np.abs(float_jets(part, scores)[order])
        sizes = np.where(np.isfinite(sizes), sizes, 0.0)
        top = int(np.argmax(sizes))
        best = max(best, float(sizes[top]))
        step = (high - low) / 64
        low, high = float(scores[top]) - step, float(scores[top]) + step
    return best


def enclosure(held: Pieces, low: float, high: float, order: int, budget: Budget) -> tuple[float, float]:
    """What a curve's value, slope or curvature lies between on a stretch of scores, kinks apart.

    Args:
        held: the curve's pieces.
        low: where the stretch begins.
        high: where it ends.
        order: 0 for the value, 1 for the slope, 2 for the curvature.
        budget: cells and time that a piece may cost.

    Returns:
        A lower and an upper bound, certain for programs without rounding.
    """
    found = [math.inf, -math.inf]
    for k, (part, (start, stop)) in enumerate(spans_of(held)):
        a, b = max(start, low), min(stop, high)
        if a > b:
            continue
        level = constant_value(part)
        if level is not None:
            bounds_ = (level, level) if order == 0 else (0.0, 0.0)
        else:
            ends = ends_of(held, k)
            inner = (ends[0] if a == start else None, ends[1] if b == stop else None)
            c = cover(part, a, math.nextafter(b, math.inf) if a == b else b, budget, inner)
            x = (c.value, c.slope, c.curvature)[order]
            bounds_ = (float(x.low.min()), float(x.high.max()))
        found = [min(found[0], bounds_[0]), max(found[1], bounds_[1])]
    return found[0], found[1]


def _creeps(part: Expression, side: int, tail: Growth, order: int) -> bool:
    """Whether a slope or curvature may grow without a bound so slowly that no cell shows it, as that of z log z."""
    if tail.kind == "unknown":
        return True
    if math.isfinite(tail.limit) or tail.kind != "polynomial" or tail.exponent != order:
        return False
    near, far = float_jets(part, np.array([side * 1e30, side * 1e140]))[order]
    return not abs(far - near) <= 1e-6 * abs(near)
