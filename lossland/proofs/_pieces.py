"""A class curve cut where its program chooses: smooth pieces without choices, and the breaks between them.

Every max, min, abs, comparison and select is decided by the sign of a difference. The roots of these differences cut
the line; between two of them every choice is made, once, at one point, and what is left is a smooth expression.
"""

import functools
import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from lossland.proofs._balls import BITS, ball_jet, ball_of, one_sided, with_bits
from lossland.proofs._expression import CHOICES, Expression
from lossland.proofs._floats import float_jets
from lossland.proofs._graph import Graph, add_node, embedded, finished
from lossland.proofs._roots import FAR, Root, roots

NONE, EQUAL, ROUNDED = 0, 1, 2
SAME = 150
"""What differs by less than 2^-SAME of its size is one number."""
DYING = frozenset(("exp", "logistic", "normal_cdf", "gumbel_cdf", "gumbel_survival"))
ROUNDING = 2.0**-46
"""Up to here, relative, a jump may come from constants that were rounded when the loss was written."""


class Break(NamedTuple):
    """A score at which a curve passes from one smooth piece to the next.

    Attributes:
        at: the double beside it.
        ball: the score itself, to many bits.
        left: value, slope and curvature from below, as doubles.
        right: from above.
        order: the first of value (0), slope (1) and curvature (2) that jumps; 3 if none does.
        jump: by how much, as a double.
        rounded: whether a jump of lower order was passed over because rounded constants explain it.
        sure: whether the score is surely a root, once.
        point: the value at the score itself, where neither side is meant.
    """

    at: float
    ball: Any
    left: tuple[float, float, float]
    right: tuple[float, float, float]
    order: int
    jump: float
    rounded: bool
    sure: bool
    point: float


class Pieces(NamedTuple):
    """A curve in pieces.

    Attributes:
        breaks: in order.
        parts: one more, the smooth expression before, between and after them.
        doubts: choices that could not be decided, in words.
    """

    breaks: tuple[Break, ...]
    parts: tuple[Expression, ...]
    doubts: tuple[str, ...]

    def jets(self, scores: np.ndarray) -> np.ndarray:
        """Value, slope and curvature at scores (m,), (3, m); at a break those of its right side."""
        scores = np.asarray(scores, float)
        piece = np.searchsorted([b.at for b in self.breaks], scores, side="right")
        found = np.empty((3, *scores.shape))
        for k, part in enumerate(self.parts):
            chosen = piece == k
            if chosen.any():
                found[:, chosen] = float_jets(part, scores[chosen])
        return found

    def values(self, scores: np.ndarray) -> np.ndarray:
        """The values at scores (m,); at a break that of the score itself, which may be neither side's."""
        scores = np.asarray(scores, float)
        found = self.jets(scores)[0]
        for b in self.breaks:
            if not math.isnan(b.point):
                found = np.where(scores == b.at, b.point, found)
        return found


@functools.lru_cache(maxsize=2048)
def pieces(expression: Expression) -> Pieces:
    """Cut a curve into smooth pieces.

    Args:
        expression: of any operations.

    Returns:
        The pieces, the same object for the same expression.

    Example:
        >>> import lossland as ll
        >>> from lossland.proofs import program
        >>> found = pieces(program(ll.pair("relu", "hinge")).curves[0])
        >>> [(b.at, b.order, b.jump) for b in found.breaks]
        [(0.0, 1, -1.0), (1.0, 1, 1.0)]
    """
    cut = _Cutting(expression)
    parts = cut.between(None, None)
    breaks, kept = [], [parts[0][2]]
    # An equality may single out one score between two equal pieces.
    singled_out = any(op == "eq" for op, _, _ in expression.nodes)
    for (_, root, left), (_, _, right) in itertools.pairwise(parts):
        if left == right and not singled_out:
            continue
        found = _told(expression, root, kept[-1], right)
        if left == right and found.point == found.left[0]:
            continue
        breaks.append(found)
        kept.append(right)
    return Pieces(tuple(breaks), tuple(kept), tuple(cut.doubts))


class _Cutting:
    """One expression being cut."""

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self.doubts: list[str] = []

    def between(self, low: Root | None, high: Root | None) -> list[tuple[Root | None, Any, Expression]]:
        """The pieces between two cuts: (lower cut, upper cut, smooth expression), in order."""
        graph, places = Graph(), []
        point = inner_point(low, high)
        for op, args, param in self.expression.nodes:
            given = tuple(places[a] for a in args)
            node = add_node(graph, op, given, param)
            if op == "score":
                graph.bound(node, *_reach(low, high))
            if graph.op(node) == op and op in (*CHOICES, "lt", "le", "eq"):
                chosen = self.chosen(graph, node, low, high, point)
                if not isinstance(chosen, int):
                    edges = [low, *chosen, high]
                    return [part for pair in itertools.pairwise(edges) for part in self.between(*pair)]
                node = chosen
            places.append(node)
        return [(low, high, _flattened(finished(graph, places[-1]), low, high))]

    def chosen(self, graph: Graph, node: int, low: Any, high: Any, point: Any) -> Any:
        """The node that a choice comes to between two cuts, or the roots that cut further."""
        op, args, _ = graph.nodes[node]
        if op == "select":
            raise AssertionError("a select whose predicate is not decided")
        gap = args[0] if op == "abs" else _difference(graph, *args)
        known = graph.value(gap)
        if known is None:
            difference = finished(graph, gap)
            ends = -math.inf if low is None else low.at, math.inf if high is None else high.at
            found = () if ends[0] >= ends[1] else roots(difference, *ends)
            wide = next((root for root in found if root.wide), None)
            if wide is not None:
                self.doubts.append(f"whether a choice changes near z = {wide.at:.4g} is not decided")
            inside = _inside(tuple(root for root in found if not root.wide), low, high)
            if inside:
                return inside
            sign = self.sign(difference, point)
        else:
            sign = (known > 0) - (known < 0)
        if op in ("lt", "le", "eq"):
            return graph.const({"lt": sign < 0, "le": sign <= 0, "eq": sign == 0}[op])
        if op == "abs":
            return gap if sign >= 0 else add_node(graph, "neg", (gap,))
        first = sign >= 0 if op == "max" else sign <= 0
        return args[0] if first else args[1]

    def sign(self, difference: Expression, point: Any) -> int:
        """The sign of a difference at a point that is no root of it; 0 if it is zero as far as can be seen."""
        for bits in (BITS, 8 * BITS, 40 * BITS):
            with with_bits(bits):
                value = ball_jet(difference, point).value
                if value > 0:
                    return 1
                if value < 0:
                    return -1
        self.doubts.append(f"a choice at z = {float(point):.4g} is not decided")
        return 0


def _flattened(part: Expression, low: Root | None, high: Root | None) -> Expression:
    """A piece that is constant although its program names the score, as (x + 1) - (x + 2) does, as that constant.

    A smooth piece is made of analytic functions: one whose slope vanishes on an interval is constant.
    """
    scores = [k for k, (op, _, _) in enumerate(part.nodes) if op == "score"]
    if sum(args.count(k) for k in scores for _, args, _ in part.nodes) < 2:
        return part
    with with_bits(BITS):
        point = inner_point(low, high)
        if not ball_jet(part, inner_ball(low, high)).slope.is_zero():
            return part
    inside = float(point)
    if (low is not None and inside <= low.at) or (high is not None and inside >= high.at):
        return part
    graph = Graph()
    return finished(graph, embedded(graph, part, {"score": graph.const(inside)}))


def _difference(graph: Graph, a: int, b: int) -> int:
    """A node with the sign of a - b: of positive numbers that die out, that of their logarithms' difference."""
    if graph.signs[a] == graph.signs[b] == "+" and {graph.op(a), graph.op(b)} & DYING:
        return add_node(graph, "sub", (add_node(graph, "log", (a,)), add_node(graph, "log", (b,))))
    return add_node(graph, "sub", (a, b))


def _reach(low: Root | None, high: Root | None) -> tuple[float, float]:
    """Doubles between which a piece lies."""
    ends = [-math.inf if low is None else low.at, math.inf if high is None else high.at]
    if low is not None and not low.ball.is_exact():
        ends[0] = math.nextafter(ends[0], -math.inf)
    if high is not None and not high.ball.is_exact():
        ends[1] = math.nextafter(ends[1], math.inf)
    return ends[0], ends[1]


def inner_point(low: Root | Break | None, high: Root | Break | None) -> Any:
    """A score between two cuts, of no particular place."""
    with with_bits(BITS):
        if low is None and high is None:
            return ball_of(0.37176)
        if low is None:
            return (high.ball - 0.7 * (1 + abs(high.ball))).mid()  # type: ignore[union-attr]
        if high is None:
            return (low.ball + 0.7 * (1 + abs(low.ball))).mid()
        return (low.ball + (high.ball - low.ball) * 0.47).mid()


def inner_ball(low: Root | Break | None, high: Root | Break | None) -> Any:
    """A short interval between two cuts, as a ball."""
    point = inner_point(low, high)
    ends = [abs(point - root.ball) for root in (low, high) if root is not None]
    width = ball_of(2) ** -10 * min([1 + abs(point), *ends], key=float)
    return point + ball_of(0).union(width).union(-width)


def _inside(found: tuple[Root, ...], low: Root | None, high: Root | None) -> list[Root]:
    """The roots that lie strictly between two cuts."""
    kept = []
    for root in found:
        if abs(root.at) >= FAR:
            continue
        above = low is None or (root.ball > low.ball and not _one_place(root, low))
        below = high is None or (root.ball < high.ball and not _one_place(root, high))
        if above and below:
            kept.append(root)
    return kept


def _one_place(a: Root, b: Root) -> bool:
    """Whether two roots are one, or lie within one ulp: a piece between them would hold no double."""
    return a.ball.overlaps(b.ball) or abs(a.at - b.at) <= 2.3e-16 * abs(a.at)


# ------------------------------------------------------------------------------------------------------------- breaks


def _told(whole: Expression, root: Root, left: Expression, right: Expression) -> Break:
    """What happens where two pieces meet."""
    before, after = one_sided(left, root.ball, -1), one_sided(right, root.ball, 1)
    order, jump, rounded = 3, 0.0, False
    with with_bits(BITS):
        for k, (x, y) in enumerate(zip(before, after, strict=True)):
            verdict = _compared(x, y, [before, after], k)
            rounded |= verdict == ROUNDED
            if verdict == NONE:
                order, jump = k, _double(y) - _double(x)
                break
        sides = tuple(tuple(_double(x) for x in side) for side in (before, after))
    return Break(root.at, root.ball, sides[0], sides[1], order, jump, rounded, root.sure, _at_itself(whole, root))  # type: ignore[arg-type]


def _compared(x: Any, y: Any, sides: Any, k: int) -> int:
    """Whether two one-sided limits are EQUAL, differ as ROUNDED constants may, or neither."""
    if not (x.is_finite() and y.is_finite()):
        return EQUAL if _double(x) == _double(y) else NONE
    gap = abs(y - x)
    size = abs(x) + abs(y)
    if gap <= ball_of(2) ** -SAME * (1 + size):
        return EQUAL
    scale = size + sum(abs(side[0]) for side in sides) * (1 if k == 0 else 0)
    return ROUNDED if gap < ROUNDING * scale else NONE


def _double(x: Any) -> float:
    if x.is_finite():
        if x.contains(0):
            return 0.0
        return float(x.mid()) + 0.0
    return math.inf if x > 0 else -math.inf if x < 0 else math.nan


def _at_itself(whole: Expression, root: Root) -> float:
    """The value at the break, where differences that vanish there count as zero."""
    graph, places = Graph(), []
    with with_bits(BITS):
        for op, args, param in whole.nodes:
            given = tuple(places[a] for a in args)
            node = add_node(graph, op, given, param)
            if graph.op(node) == op and op in (*CHOICES, "lt", "le", "eq") and op != "select":
                node = _chosen_at(graph, node, root)
            places.append(node)
        return _double(ball_jet(finished(graph, places[-1]), root.ball).value)


def _chosen_at(graph: Graph, node: int, root: Root) -> int:
    op, args, _ = graph.nodes[node]
    gap = args[0] if op == "abs" else add_node(graph, "sub", args)
    value = ball_jet(finished(graph, gap), root.ball).value
    sign = 1 if value > 0 and not value.contains(0) else -1 if value < 0 and not value.contains(0) else 0
    if op in ("lt", "le", "eq"):
        return graph.const({"lt": sign < 0, "le": sign <= 0, "eq": sign == 0}[op])
    if op == "abs":
        return gap if sign >= 0 else add_node(graph, "neg", (gap,))
    first = sign >= 0 if op == "max" else sign <= 0
    return args[0] if first else args[1]
