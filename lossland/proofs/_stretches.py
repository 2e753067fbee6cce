"""The pieces of a curve as stretches of scores: where each lies, what its ends are, what makes it doubtful."""

import math
from typing import Any

from lossland.proofs._balls import BITS, ball_jet, ball_of, with_bits
from lossland.proofs._cells import End
from lossland.proofs._expression import Expression
from lossland.proofs._pieces import Pieces, inner_ball, inner_point


def constant_value(part: Expression) -> float | None:
    """The value of a piece that does not depend on the score."""
    if any(op == "score" for op, _, _ in part.nodes):
        return None
    with with_bits(BITS):
        value = ball_jet(part, ball_of(0)).value
        return (
            float(value.mid()) + 0.0
            if value.is_finite()
            else math.inf
            if value > 0
            else -math.inf
            if value < 0
            else math.nan
        )


def spans_of(held: Pieces) -> list[tuple[Expression, tuple[float, float]]]:
    """Each piece with doubles that enclose it."""
    places = [-math.inf, *(b.at for b in held.breaks), math.inf]
    exact = [True, *(b.ball.is_exact() for b in held.breaks), True]
    found = []
    for k, part in enumerate(held.parts):
        low = places[k] if exact[k] else math.nextafter(places[k], -math.inf)
        high = places[k + 1] if exact[k + 1] else math.nextafter(places[k + 1], math.inf)
        found.append((part, (low, high)))
    return found


def ends_of(held: Pieces, k: int) -> tuple[End | None, End | None]:
    """What the breaks on either side of piece k say of it."""
    before = End(*held.breaks[k - 1].right[:2]) if k else None
    after = End(*held.breaks[k].left[:2]) if k < len(held.breaks) else None
    return before, after


def flat_stretches(held: Pieces) -> tuple[tuple[tuple[float, float], float], ...]:
    places = [-math.inf, *(b.at for b in held.breaks), math.inf]
    values = [(places[k], places[k + 1], constant_value(part)) for k, part in enumerate(held.parts)]
    return tuple(((a, b), v) for a, b, v in values if v is not None and math.isfinite(v))


def slope_of_line(held: Pieces, k: int) -> Any:
    """The slope of piece k if it is a line: its curvature is exactly 0 on an interval inside; else None."""
    low, high = held.breaks[k - 1] if k else None, held.breaks[k] if k < len(held.breaks) else None
    with with_bits(BITS):
        point = inner_point(low, high)
        found = ball_jet(held.parts[k], inner_ball(low, high))
        # A smooth piece is made of analytic functions.
        return ball_jet(held.parts[k], point).slope if found.curvature.is_zero() else None


def surely_moves(part: Expression, held: Pieces, k: int) -> bool:
    """Whether piece k of a curve is certainly not constant: its slope is not 0 at some score inside."""
    if constant_value(part) is not None:
        return False
    with with_bits(BITS):
        low, high = held.breaks[k - 1] if k else None, held.breaks[k] if k < len(held.breaks) else None
        slope = ball_jet(part, inner_point(low, high)).slope
        return bool(slope > 0 or slope < 0)


def still_piece(held: Pieces) -> str:
    """That a piece may be constant where its program does not say so; empty if each is known to be or not to be."""
    for k, part in enumerate(held.parts):
        if constant_value(part) is None and not surely_moves(part, held, k):
            return f"whether its piece {k + 1} of {len(held.parts)} is constant is not decided"
    return ""


def value_at(held: Pieces, score: float) -> Any:
    """The value at a double, in a ball."""
    x = ball_of(score)
    for b in held.breaks:
        if b.at == score and b.order == 0 and b.ball.is_exact() and not math.isnan(b.point):
            once_rounded = ball_of(2) ** -52
            return ball_of(b.point) * (1 + once_rounded.union(-once_rounded))
    k = sum(1 for b in held.breaks if b.ball < x or (b.ball.overlaps(x) and b.at <= score))
    return ball_jet(held.parts[k], x).value


def is_wall(held: Pieces, k: int) -> bool:
    """Whether a jump leads to an infinite value that is kept to the end."""
    b = held.breaks[k]
    outer = held.parts[: k + 1] if b.left[0] == math.inf else held.parts[k + 1 :] if b.right[0] == math.inf else ()
    return bool(outer) and all(constant_value(part) == math.inf for part in outer)


def trouble_in(held: Pieces) -> str:
    """What keeps claims from being proofs; empty if nothing does."""
    if held.doubts:
        return held.doubts[0]
    for b in held.breaks:
        if not b.sure:
            return f"whether the curve has a break at z = {b.at:.6g} is not decided"
        if b.rounded:
            return f"the two sides at z = {b.at:.6g} differ by no more than rounded constants may"
        if b.order > 0 and not abs(b.point - b.left[0]) <= 1e-12 * (1 + abs(b.left[0])) and b.point != b.left[0]:
            return f"at z = {b.at:.6g} itself the loss is {b.point:.6g}, unlike beside it"
        if b.order == 0 and not min(b.left[0], b.right[0]) <= b.point <= max(b.left[0], b.right[0]):
            return f"at z = {b.at:.6g} itself the loss is {b.point:.6g}, unlike on either side"
    if any(math.isnan(value) for value in map(constant_value, held.parts) if value is not None):
        return "a piece of the curve is not a number"
    return ""
