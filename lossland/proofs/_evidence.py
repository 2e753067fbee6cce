"""Evidence: what is claimed of both class curves of a pair, and whether one mirrors the other."""

import functools
import logging
import math
from typing import NamedTuple

from lossland.elements import Pair
from lossland.proofs._cells import FULL, Budget
from lossland.proofs._claim import Claim
from lossland.proofs._claims import CurveClaims, curve_claims
from lossland.proofs._expression import Expression
from lossland.proofs._graph import Graph, add_node, embedded
from lossland.proofs._growth import Growth
from lossland.proofs._pieces import Break, Pieces, pieces
from lossland.proofs._program import program

DEFAULT = Budget()
logger = logging.getLogger("lossland.proofs")


class Evidence(NamedTuple):
    """What is known of a pair from its program.

    Attributes:
        curves: the claims on both class curves, positive first; empty where the program cannot be read.
        pieces: both curves in smooth pieces.
        mirrored: whether negative(z) = positive(-z) follows from the program: then the pair is a margin loss.
        own_slopes: whether a function in it brings a derivative of its own.
        reason: why the program cannot be read; empty where it is.
    """

    curves: tuple[CurveClaims, ...]
    pieces: tuple[Pieces, ...]
    mirrored: bool
    own_slopes: bool
    reason: str


@functools.lru_cache(maxsize=1024)
def evidence(pair: Pair, prove: bool = False) -> Evidence:
    """What can be proven of a pair.

    Args:
        pair: any pair.
        prove: spend the full budget, up to 20 s a piece, instead of the default of 0.15 s.

    Returns:
        The evidence; the same object for the same pair.

    Example:
        >>> import lossland as ll
        >>> found = evidence(ll.pair("identity", "hinge"))
        >>> [(c.convex.status, c.convex.value, c.lipschitz.value) for c in found.curves], found.mirrored
        ([('proven', True, 1.0), ('proven', True, 1.0)], True)
    """
    read = program(pair)
    if read.reason:
        return Evidence((), (), False, False, read.reason)
    budget = FULL if prove else DEFAULT
    positive, negative = read.curves
    mirrors = is_mirror(positive, negative)
    logger.info("proving %s for positives", pair.name)
    first = curve_claims(positive, budget)
    if not mirrors:
        logger.info("proving %s for negatives", pair.name)
    second = mirrored_claims(first) if mirrors else curve_claims(negative, budget)
    cut = pieces(positive), pieces(negative)
    return Evidence((first, second), cut, mirrors, read.own_slopes, "")


def is_mirror(positive: Expression, negative: Expression) -> bool:
    """Whether one curve at z is the other at -z, by their programs or piece by piece."""
    if _mirrors(positive, negative):
        return True
    first, second = pieces(positive), pieces(negative)
    if len(first.breaks) != len(second.breaks) or first.doubts or second.doubts:
        return False
    return all(_mirrors(x, y) for x, y in zip(first.parts, second.parts[::-1], strict=True)) and all(
        x.ball.overlaps(-y.ball) and x.point == y.point for x, y in zip(first.breaks, second.breaks[::-1], strict=True)
    )


def _mirrors(positive: Expression, negative: Expression) -> bool:
    graph = Graph()
    score = graph.put("score")
    there = embedded(graph, negative, {"score": score})
    return there == embedded(graph, positive, {"score": add_node(graph, "neg", (score,))})


def mirrored_claims(claims: CurveClaims) -> CurveClaims:
    """The claims on z -> f(-z)."""
    swapped = {"decreasing": "increasing", "increasing": "decreasing"}
    monotone = _mirrored(claims.monotone)
    return CurveClaims(
        convex=_mirrored(claims.convex),
        quasi_convex=_mirrored(claims.quasi_convex),
        monotone=monotone._replace(value=swapped.get(monotone.value, monotone.value)),
        infimum=claims.infimum,
        attained=claims.attained,
        lipschitz=_mirrored(claims.lipschitz),
        smoothness=_mirrored(claims.smoothness),
        kinks=claims.kinks._replace(value=tuple(_mirrored_break(b) for b in claims.kinks.value[::-1])),
        plateaus=claims.plateaus._replace(
            value=tuple(((0.0 - high, 0.0 - low), level) for (low, high), level in claims.plateaus.value[::-1])
        ),
        tails=(claims.tails[1], claims.tails[0]),
    )


def _mirrored(claim: Claim) -> Claim:
    return claim._replace(witness=tuple(0.0 - x for x in claim.witness[::-1]))


def _mirrored_break(b: Break) -> Break:
    left, right = (_side(side) for side in (b.right, b.left))
    jump = b.jump if b.order == 1 else 0.0 - b.jump
    return b._replace(at=0.0 - b.at, ball=-b.ball, left=left, right=right, jump=jump)


def _side(side: tuple[float, float, float]) -> tuple[float, float, float]:
    value, slope, curvature = side
    return value, slope if math.isnan(slope) else 0.0 - slope, curvature


def tails_of(found: Evidence) -> tuple[Growth, Growth]:
    """How each class curve ends on its well classified side."""
    return found.curves[0].tails[1], found.curves[1].tails[0]
