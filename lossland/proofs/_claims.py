"""Claims on a class curve: each proven, refuted with points that anybody can check, or left to measurement."""

import functools
import logging
from typing import Any, NamedTuple

import numpy as np

from lossland.proofs._cells import Budget, Cover, cover
from lossland.proofs._claim import MEASURED, PROVEN, Claim
from lossland.proofs._expression import Expression
from lossland.proofs._form_claims import convex_claim, monotone_claim, quasi_convex_claim, run_of
from lossland.proofs._growth import Growth, growth
from lossland.proofs._interval import Interval
from lossland.proofs._pieces import Pieces, pieces
from lossland.proofs._size_claims import attained_claim, infimum_claim, supremum_claim
from lossland.proofs._stretches import (
    constant_value,
    ends_of,
    flat_stretches,
    slope_of_line,
    spans_of,
    still_piece,
    trouble_in,
)

logger = logging.getLogger("lossland.proofs")


class CurveClaims(NamedTuple):
    """What is known of one class curve as a function of the score, for scores up to 1e150 in size.

    Attributes:
        convex: value True or False.
        quasi_convex: no rise is followed by a fall.
        monotone: "decreasing", "increasing" (not strictly), "constant" or "neither".
        infimum: the greatest lower bound, with its enclosure.
        attained: whether a finite score reaches it.
        lipschitz: the supremum of |slope|, with its enclosure.
        smoothness: the supremum of |curvature|; inf at a kink of the slope.
        kinks: value: the breaks, a tuple of `Break`.
        plateaus: value: ((low, high), level) of every stretch where the curve is constant.
        tails: how the curve ends at -inf and at +inf.
    """

    convex: Claim
    quasi_convex: Claim
    monotone: Claim
    infimum: Claim
    attained: Claim
    lipschitz: Claim
    smoothness: Claim
    kinks: Claim
    plateaus: Claim
    tails: tuple[Growth, Growth]


@functools.lru_cache(maxsize=4096)
def curve_claims(expression: Expression, budget: Budget) -> CurveClaims:
    """Prove or refute what can be said of a class curve.

    Args:
        expression: of the curve, from `program`.
        budget: cells and time that a piece may cost.

    Returns:
        The claims; the same object for the same expression and budget.

    Example:
        >>> import lossland as ll
        >>> from lossland.proofs import program
        >>> found = curve_claims(program(ll.pair("identity", "logistic")).curves[0], Budget())
        >>> found.convex.status, found.convex.value, found.monotone.value, found.tails[1].exponent
        ('proven', True, 'decreasing', 1.0)
        >>> found = curve_claims(program(ll.pair("relu", "hinge")).curves[0], Budget())
        >>> found.convex.status, found.convex.witness, found.plateaus.value[0]
        ('refuted', (-1.0, 0.0, 1.0), ((-inf, 0.0), 1.0))
    """
    held = pieces(expression)
    covers = _covers(held, budget)
    run = run_of(held, covers)
    tails = growth(held.parts[0], -1), growth(held.parts[-1], 1)
    trouble = trouble_in(held)
    convex = convex_claim(held, run, trouble)
    monotone = monotone_claim(held, run, trouble)
    still = trouble or still_piece(held)
    infimum = infimum_claim(held, covers, tails, monotone, trouble)
    return CurveClaims(
        convex=convex,
        quasi_convex=quasi_convex_claim(held, run, convex, monotone, trouble),
        monotone=monotone,
        infimum=infimum,
        attained=attained_claim(held, tails, infimum, monotone, still),
        lipschitz=supremum_claim(held, covers, tails, 1, trouble),
        smoothness=supremum_claim(held, covers, tails, 2, trouble),
        kinks=Claim(MEASURED if trouble else PROVEN, held.breaks, reason=trouble),
        plateaus=Claim(MEASURED if still else PROVEN, flat_stretches(held), reason=still),
        tails=tails,
    )


def _covers(held: Pieces, budget: Budget) -> list[Cover | None]:
    """The cells of each piece; None for one that is constant."""
    found: list[Cover | None] = []
    for k, (part, span) in enumerate(spans_of(held)):
        if constant_value(part) is not None:
            found.append(None)
            continue
        logger.info("piece %d of %d, z from %.6g to %.6g", k + 1, len(held.parts), *span)
        covered = cover(part, *span, budget, ends_of(held, k))
        found.append(_straightened(covered, slope_of_line(held, k)) if _leaves_bend_open(covered) else covered)
    return found


def _leaves_bend_open(c: Cover) -> bool:
    return bool(np.any((c.curvature.low < 0) & (c.curvature.high > 0)))


def _straightened(c: Cover, slope: Any) -> Cover:
    """The cover of a piece that is a line although its terms bend, as (1 - z)^2 - z^2 is."""
    if slope is None:
        return c
    ends = np.nextafter(float(slope.mid()), [-np.inf, np.inf]) if not slope.is_zero() else np.zeros(2)
    n = c.low.size
    nothing, rate = Interval(np.zeros(n), np.zeros(n)), Interval(np.full(n, ends[0]), np.full(n, ends[1]))
    return c._replace(slope=rate, curvature=nothing, at=(c.at[0], rate, nothing))
