"""Where an expression is zero: all its roots between two scores, each in a ball, isolated by cells and signs."""

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from lossland.proofs._balls import BITS, ball_jet, ball_of, with_bits
from lossland.proofs._expression import Expression
from lossland.proofs._intervals import Interval, on_cells

FAR = 1e18
"""Signs towards infinity are those at this score."""
ROUNDS, MOST = 60, 2000
"""How often cells are halved, and how many there may be at once."""
WIDTH = 220
"""A root is known to 2^-WIDTH of its size."""


class Root(NamedTuple):
    """One root, or a stretch so short that no cell tells whether there is one.

    Attributes:
        ball: where.
        at: the double beside it.
        sure: whether there is exactly one.
        wide: whether it is no place but a long stretch on which nothing is known.
    """

    ball: Any
    at: float
    sure: bool = True
    wide: bool = False


@functools.lru_cache(maxsize=4096)
def roots(expression: Expression, low: float, high: float) -> tuple[Root, ...]:
    """The roots of an expression without choices within [low, high].

    Args:
        expression: of smooth operations only.
        low: a score, -inf allowed.
        high: a larger one.

    Returns:
        The roots in order. An expression that is zero on a whole stretch has none there.

    Example:
        >>> from lossland.proofs._graph import Graph, add_node, finished
        >>> g = Graph()
        >>> gap = add_node(g, "sub", (add_node(g, "exp", (g.put("score"),)), g.const(2.0)))
        >>> [round(root.at, 6) for root in roots(finished(g, gap), -np.inf, np.inf)]
        [0.693147]
    """
    with with_bits(BITS):
        if _degree(expression) <= 1:
            return _of_line(expression)
        found: list[Root] = []
        for a, b, sure in _brackets(expression, low, high):
            found.append(_refined(expression, a, b) if sure else _doubtful(expression, a, b))
    return _merged(sorted(found, key=lambda root: root.at))


def _degree(expression: Expression) -> float:
    """The degree of a polynomial that is plainly one; inf for anything else."""
    held: list[float] = []
    for op, args, param in expression.nodes:
        given = [held[a] for a in args]
        if op == "score":
            held.append(1)
        elif not given or max(given) == 0:
            held.append(0)
        elif op in ("neg", "add", "sub"):
            held.append(max(given))
        elif op == "mul":
            held.append(sum(given))
        elif op == "div" and given[1] == 0:
            held.append(given[0])
        elif op == "power" and param > 0:
            held.append(given[0] * param)
        else:
            held.append(math.inf)
    return held[-1]


def _of_line(expression: Expression) -> tuple[Root, ...]:
    value, slope, _ = ball_jet(expression, ball_of(0))
    if slope.contains(0):
        return ()
    return (_root(expression, -value / slope),)


def _root(expression: Expression, ball: Any) -> Root:
    """A root in a ball: as a double itself, if that double is one."""
    at = float(ball.mid())
    at = round(at, 9) + 0.0 if ball.contains(ball_of(round(at, 9))) else at
    value = ball_jet(expression, ball_of(at)).value
    exact = ball.contains(ball_of(at)) and value.is_zero()
    return Root(ball_of(at) if exact else ball, at)


def _edges(low: float, high: float) -> np.ndarray:
    half = np.concatenate([[0.125, 0.25, 0.5, 1.0], 2.0 ** np.arange(1, 11), [1e4, 1e6, 1e9, FAR, np.inf]])
    every = np.concatenate([-half[::-1], [0.0], half])
    return np.concatenate([[low], every[(every > low) & (every < high)], [high]])


def _brackets(expression: Expression, low: float, high: float) -> list[tuple[float, float, bool]]:
    """Cells with one root each, and those of which nothing is known."""
    edges = _edges(low, high)
    cells, found = Interval(edges[:-1], edges[1:]), []
    for _ in range(ROUNDS):
        value, slope, _ = on_cells(expression, cells)
        maybe = (value.low <= 0) & (value.high >= 0) & ((value.low != 0) | (value.high != 0))
        monotone = maybe & ((slope.low >= 0) | (slope.high <= 0))
        found += [
            (a, b, True)
            for a, b in zip(cells.low[monotone].tolist(), cells.high[monotone].tolist(), strict=True)
            if _changes_sign(expression, a, b)
        ]
        open_ = np.flatnonzero(maybe & ~monotone)
        if not open_.size:
            return found
        a, b = cells.low[open_], cells.high[open_]
        middle = _middles(a, b)
        narrow = (middle <= a) | (middle >= b) | (b - a <= 1e-14 * (1 + np.abs(a)))
        found += [(x, y, False) for x, y in zip(a[narrow].tolist(), b[narrow].tolist(), strict=True)]
        a, b, middle = a[~narrow], b[~narrow], middle[~narrow]
        if not a.size:
            return found
        if a.size > MOST:
            return [*found, (float(a.min()), float(b.max()), False)]
        cells = Interval(np.concatenate([a, middle]), np.concatenate([middle, b]))
    return found + [(x, y, False) for x, y in zip(cells.low.tolist(), cells.high.tolist(), strict=True)]


def _middles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where to cut cells: in the middle, or by powers where an end is far away."""
    with np.errstate(invalid="ignore", over="ignore"):
        plain = 0.5 * a + 0.5 * b
        outward = np.where(np.isinf(a), np.minimum(4.0 * b, -4.0), np.maximum(4.0 * a, 4.0))
    return np.where(np.isinf(a) & np.isinf(b), 0.0, np.where(np.isinf(a) | np.isinf(b), outward, plain))


def _sign_at(expression: Expression, score: float) -> int | None:
    """-1, 0 or +1; None if it cannot be told."""
    score = min(max(score, -FAR), FAR)
    for bits in (BITS, 8 * BITS):
        with with_bits(bits):
            value = ball_jet(expression, ball_of(score)).value
            if value > 0:
                return 1
            if value < 0:
                return -1
            if value.is_zero():
                return 0
    return None


def _changes_sign(expression: Expression, low: float, high: float) -> bool:
    """Whether a monotone expression has a root in [low, high)."""
    left, right = _sign_at(expression, low), _sign_at(expression, high)
    if left is None or right is None or left == 0:
        return True
    return (left != right and right != 0) or (right == 0 and left != 0)


def _refined(expression: Expression, low: float, high: float) -> Root:
    """The root in a cell on which the expression is monotone, by Newton's method inside the bracket."""
    for end in (low, high):
        if _sign_at(expression, end) == 0:
            return Root(ball_of(end), float(end))
    rising = _sign_at(expression, low) == -1
    a, b = ball_of(max(low, -FAR)), ball_of(min(high, FAR))
    x = (a + b) / 2
    for _ in range(400):
        value, slope, _ = ball_jet(expression, x)
        if value.contains(0):
            break
        if (value < 0) == rising:
            a = x
        else:
            b = x
        step = None if slope.contains(0) else (x - value / slope).mid()
        x = step if step is not None and a < step < b else ((a + b) / 2).mid()
        if b - a < ball_of(2) ** -WIDTH * (1 + abs(x)):
            break
    width = ball_of(2) ** -WIDTH * (1 + abs(x))
    value, slope, _ = ball_jet(expression, x)
    if value.contains(0) and not slope.contains(0):
        width = width + 2 * (value / slope).abs_upper()
    ball = x.mid() + ball_of(0).union(width).union(-width)
    return _root(expression, ball)


def _doubtful(expression: Expression, low: float, high: float) -> Root:
    """A short stretch in which the expression may touch 0: at a double of few digits that is a root, if any."""
    low, high = max(low, -FAR), min(high, FAR)
    middle = 0.5 * (low + high)
    if high - low > 1e-6 * (1 + abs(low)):
        return Root(ball_of(middle), middle, False, True)
    for at in (round(middle, 9), low, high, middle):
        if ball_jet(expression, ball_of(at)).value.is_zero():
            return Root(ball_of(at), float(at), True)
    return Root(ball_of(middle), middle, False)


def _merged(found: list[Root]) -> tuple[Root, ...]:
    """Roots in order, those that no ball tells apart made one."""
    kept: list[Root] = []
    for root in found:
        near = kept and (kept[-1].ball.overlaps(root.ball) or abs(root.at - kept[-1].at) <= 1e-13 * (1 + abs(root.at)))
        if near and not (kept[-1].sure and root.sure and not kept[-1].ball.overlaps(root.ball)):
            kept[-1] = kept[-1] if kept[-1].sure else root
        else:
            kept.append(root)
    return tuple(kept)
