"""The shape of a class curve on the score axis: convexity, infimum, plateaus, constants and limits.

What the pair's program decides stands; the rest is read off the table of `curves`, with the tolerance that its function
states. `Curves.evidence` says which is which.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lossland.curves._evaluator import LABELS, grid
from lossland.curves._kinks import Kink
from lossland.curves._roughness import is_flat
from lossland.proofs import Claim

if TYPE_CHECKING:
    from lossland.curves._table import Curves


class Interval(NamedTuple):
    """A closed interval of scores, ends at +-inf allowed."""

    low: float
    high: float


class Shape(NamedTuple):
    """What is read off one class curve on the score axis.

    Attributes:
        convex: to a slope tolerance of 1e-9.
        quasi_convex: no rise is followed by a fall.
        monotone: "decreasing", "increasing", "constant" or "neither".
        walls: maximal intervals where the loss is infinite, not by overflow.
        infimum: its greatest lower bound, -inf if there is none.
        attained: whether a finite score reaches it.
        plateaus: maximal intervals where the slope is zero and the value lies above the infimum: the dead zones.
        levels: the value on each plateau.
        bottoms: maximal intervals where the slope is zero and the value is the infimum.
        kinks: where value, slope or curvature jumps.
        lipschitz: the largest |slope|, inf if it has no bound.
        smoothness: the largest |curvature|, inf at a kink of the slope or if it has no bound.
        limits: the values at -inf and +inf.
        refutes_convexity: a score where the curve bends the wrong way, NaN if it is convex.
    """

    convex: bool
    quasi_convex: bool
    monotone: str
    walls: tuple[Interval, ...]
    infimum: float
    attained: bool
    plateaus: tuple[Interval, ...]
    levels: tuple[float, ...]
    bottoms: tuple[Interval, ...]
    kinks: tuple[Kink, ...]
    lipschitz: float
    smoothness: float
    limits: tuple[float, float]
    refutes_convexity: float


def shape(curves: "Curves", row: int) -> Shape:
    """The shape of one class curve of a table; see `Curves.shape`."""
    return _proven_shape(curves, row) if curves.evidence.curves else _measured_shape(curves, row)


def _measured_shape(curves: "Curves", row: int) -> Shape:
    """The shape as the table shows it."""
    kinks = _kinks_of(curves, row)
    runs = flat_runs(curves, row)
    infimum, attained = _infimum(curves, row)
    levels = [float(curves.values[row, start]) for start, _ in runs]
    spans = [_span(curves, run) for run in runs]
    wrong = _bends_down(curves, row, kinks)
    plateaus, heights, bottoms = _sorted_out(spans, levels, infimum, _scale(curves, row))
    # What is no number somewhere has no form at all.
    defined = not np.isnan(curves.values[row]).any()
    return Shape(
        convex=defined and math.isnan(wrong),
        quasi_convex=defined and _quasi_convex(curves, row),
        monotone=_monotone(curves, row) if defined else "neither",
        walls=_walls(curves, row),
        infimum=infimum,
        attained=attained,
        plateaus=plateaus,
        levels=heights,
        bottoms=bottoms,
        kinks=kinks,
        lipschitz=_largest(curves, row, 1, kinks),
        smoothness=_largest(curves, row, 2, kinks),
        limits=_limits_of(curves, row),
        refutes_convexity=wrong,
    )


def _kinks_of(curves: "Curves", row: int) -> tuple[Kink, ...]:
    return tuple(kink for kink in curves.kinks if kink.label == int(LABELS[row]))


def _limits_of(curves: "Curves", row: int) -> tuple[float, float]:
    return float(curves.limits[row, 0]), float(curves.limits[row, 1])


def _sorted_out(
    spans: list[Interval], levels: list[float], infimum: float, scale: float
) -> tuple[tuple[Interval, ...], tuple[float, ...], tuple[Interval, ...]]:
    """Flat stretches as plateaus, their levels, and bottoms."""
    # inf - inf: a curve without a lower bound has no bottom.
    above = [level - infimum > 1e-9 * scale if math.isfinite(infimum) else True for level in levels]
    return (
        tuple(span for span, high in zip(spans, above, strict=True) if high),
        tuple(level for level, high in zip(levels, above, strict=True) if high),
        tuple(span for span, high in zip(spans, above, strict=True) if not high),
    )


def _proven_shape(curves: "Curves", row: int) -> Shape:
    """What the program decides, and the table where it does not."""
    claims, kinks = curves.evidence.curves[row], _kinks_of(curves, row)
    # A minimum inside is refined on the table further than a proof needs to.
    exact = claims.infimum.enclosure[0] == claims.infimum.enclosure[1]
    seen = (claims.infimum.value, claims.attained.value) if exact else _infimum(curves, row)
    infimum = _within(seen[0], claims.infimum.enclosure) + 0.0
    infimum = 0.0 if abs(infimum) < 1e-300 else infimum
    flats = [(Interval(*span), level) for span, level in claims.plateaus.value]
    plateaus, levels, bottoms = _sorted_out(
        [span for span, _ in flats], [level for _, level in flats], infimum, min(_scale(curves, row), 1.0)
    )
    wrong = math.nan
    if claims.convex.value is None:
        wrong = _bends_down(curves, row, kinks)
    elif not claims.convex.value:
        wrong = claims.convex.witness[1]
    attained = seen[1] if claims.attained.value is None else claims.attained.value
    return Shape(
        convex=math.isnan(wrong),
        quasi_convex=_quasi_convex(curves, row) if claims.quasi_convex.value is None else claims.quasi_convex.value,
        monotone=claims.monotone.value or _monotone(curves, row),
        walls=_read_walls(curves, row),
        infimum=infimum,
        attained=_infimum(curves, row)[1] if attained is None else attained,
        plateaus=plateaus,
        levels=levels,
        bottoms=bottoms,
        kinks=kinks,
        lipschitz=_or_measured(claims.lipschitz, lambda: _largest(curves, row, 1, kinks)),
        smoothness=_or_measured(claims.smoothness, lambda: _largest(curves, row, 2, kinks)),
        limits=_limits_of(curves, row),
        refutes_convexity=wrong,
    )


def _or_measured(claim: Claim, measure: Callable[[], float]) -> float:
    """A number that the program tells, else the measured one, moved into what encloses the true one."""
    return _within(measure(), claim.enclosure) if claim.value is None else float(claim.value)


def _within(measured: float, enclosure: tuple[float, float]) -> float:
    """A measured number moved into the interval that holds the true one for certain."""
    low, high = enclosure
    if math.isnan(low) or low <= measured <= high:
        return measured
    return low if measured < low or math.isnan(measured) else high


def _read_walls(curves: "Curves", row: int) -> tuple[Interval, ...]:
    """Where the loss is infinite by its program, neighbouring pieces made one."""
    held = curves.evidence.pieces[row]
    places = [-math.inf, *(b.at for b in held.breaks), math.inf]
    found: list[Interval] = []
    for k, part in enumerate(held.parts):
        if part.nodes[-1] == ("const", (), math.inf):
            low = found.pop().low if found and found[-1].high == places[k] else places[k]
            found.append(Interval(low, places[k + 1]))
    return tuple(found)


def is_margin(curves: "Curves") -> bool:
    """Whether a table is that of a margin loss; see `Curves.is_margin`."""
    if curves.evidence.mirrored:
        return True
    nodes = np.searchsorted(curves.scores, grid())
    positive, negative = curves.values[0, nodes][::-1], curves.values[1, nodes]
    with np.errstate(invalid="ignore"):
        close = np.abs(positive - negative) <= 1e-9 * np.abs(positive) + 1e-12 * min(_scale(curves, 0), 1e3)
    finite = np.isfinite(positive) & np.isfinite(negative)
    return bool(np.all((close & finite) | (positive == negative)))


# ---------------------------------------------------------------------------------------------------- flat stretches


def flat_runs(curves: "Curves", row: int) -> list[tuple[int, int]]:
    """First and last node of each maximal stretch with slope zero, tails that merely vanish left out.

    A flat stretch begins where a curve that still moves stops: at a kink, a knot or a contact. A tail that has
    underflowed or been rounded to its limit is no stretch: its slope was tiny before.
    """
    slopes, scores = curves.slopes[row], curves.scores
    still = is_flat(slopes, scores) & np.isfinite(curves.values[row])
    moving = np.abs(slopes[np.isfinite(slopes)])
    largest = float(moving.max(initial=0.0))
    near = min(np.abs(slopes[np.isfinite(slopes) & (np.abs(scores) <= 12)]).max(initial=0.0), 1e3)
    runs = []
    start = 0
    edges = np.flatnonzero(still[1:] != still[:-1]) + 1
    jump = {int(i) for i in np.flatnonzero(np.diff(scores) == 0) + 1 if _jumps(curves, row, int(i))}
    for stop in [*sorted({*edges.tolist(), *jump}), scores.size]:
        first, last = start, stop - 1
        start = stop
        if not still[first] or scores[last] - scores[first] <= 1e-6 * (1 + abs(scores[first])):
            continue
        ends = [i for i in (first - 1, last + 1) if 0 <= i < scores.size]
        beside = [abs(slopes[i]) for i in ends]
        at_jump = any(i in jump for i in (first, last + 1))
        if not ends or largest == 0.0 or at_jump or max(beside) > 1e-9 * max(near, 1e-300):
            runs.append((first, last))
    return runs


def _jumps(curves: "Curves", row: int, i: int) -> bool:
    before, after = curves.values[row, i - 1], curves.values[row, i]
    return bool(before != after and not abs(before - after) <= 1e-9 * (abs(before) + abs(after)))


def _span(curves: "Curves", run: tuple[int, int]) -> Interval:
    first, last = run
    low = -math.inf if first == 0 else float(curves.scores[first])
    return Interval(low, math.inf if last == curves.scores.size - 1 else float(curves.scores[last]))


def _scale(curves: "Curves", row: int) -> float:
    near = curves.values[row][np.abs(curves.scores) <= 12]
    size = float(np.abs(near[np.isfinite(near)]).max(initial=0.0))
    return size if size > 0 else 1.0


# ------------------------------------------------------------------------------------------------- infimum, convexity


def _walls(curves: "Curves", row: int) -> tuple[Interval, ...]:
    values = curves.values[row]
    infinite = values == math.inf
    if not infinite.any() or infinite.all() or np.abs(values[~infinite]).max() > 1e100:
        return ()
    ends = np.flatnonzero(np.diff(np.concatenate([[False], infinite, [False]]).astype(int)))
    return tuple(_span(curves, (first, stop - 1)) for first, stop in zip(ends[::2], ends[1::2], strict=True))


def _infimum(curves: "Curves", row: int) -> tuple[float, bool]:
    """The greatest lower bound and whether a finite score reaches it."""
    found = curves.lowest(np.eye(2)[[row]])
    value, low, high = float(found.value[0]), float(found.low[0]), float(found.high[0])
    value = 0.0 if abs(value) < 1e-12 * min(_scale(curves, row), 1e3) else value
    return value, math.isfinite(value) and (low, high) not in ((-math.inf, -math.inf), (math.inf, math.inf))


def falls(curves: "Curves", row: int) -> np.ndarray:
    """By how much the slope falls from each node to the next beyond tolerance, (n - 1,): positive where concave."""
    slopes, values, scores = curves.slopes[row], curves.values[row], curves.scores
    finite = np.isfinite(values[:-1]) & np.isfinite(values[1:]) & np.isfinite(slopes[:-1]) & np.isfinite(slopes[1:])
    with np.errstate(invalid="ignore", over="ignore"):
        size = np.abs(slopes[:-1]) + np.abs(slopes[1:])
        near = min(np.abs(slopes[np.isfinite(slopes) & (np.abs(scores) <= 12)]).max(initial=0.0), 1e3)
        return np.where(finite, slopes[:-1] - slopes[1:] - 1e-9 * size - 1e-13 * near, -np.inf)


def _bends_down(curves: "Curves", row: int, kinks: tuple[Kink, ...]) -> float:
    """A score where the slope falls or the value jumps; NaN if there is none."""
    scores = curves.scores
    for kink in kinks:
        # A wall, infinite on one side, is no fault: convex functions may take the value inf.
        if kink.what == "value" and math.isfinite(kink.left) and math.isfinite(kink.right):
            return kink.at
    fall = falls(curves, row)
    # The worst point near 0 says most.
    near_zero = np.where(np.abs(scores[:-1]) <= 12, fall, -np.inf)
    worst = int(np.argmax(near_zero if near_zero.max() > 0 else fall))
    return float(0.5 * (scores[worst] + scores[worst + 1])) if fall[worst] > 0 else math.nan


def _steps(curves: "Curves", row: int) -> np.ndarray:
    """The sign of each step from node to node: -1 down, 0 level to 1e-12, +1 up."""
    values = curves.values[row]
    with np.errstate(invalid="ignore", over="ignore"):
        step = np.nan_to_num(np.diff(values), posinf=np.finfo(float).max, neginf=-np.finfo(float).max)
        size = np.nan_to_num(np.abs(values[1:]) + np.abs(values[:-1]), posinf=0.0)
    return np.where(np.abs(step) > 1e-12 * np.minimum(size, 1e300) + 1e-14 * _scale(curves, row), np.sign(step), 0.0)


def _quasi_convex(curves: "Curves", row: int) -> bool:
    moves = _steps(curves, row)
    up, down = np.flatnonzero(moves > 0), np.flatnonzero(moves < 0)
    return not (up.size and down.size and up[0] < down[-1])


def _monotone(curves: "Curves", row: int) -> str:
    moves = _steps(curves, row)
    directions = {(True, True): "neither", (True, False): "increasing", (False, True): "decreasing"}
    return directions.get((bool(np.any(moves > 0)), bool(np.any(moves < 0))), "constant")


# --------------------------------------------------------------------------------------------------- constants, tails


def _largest(curves: "Curves", row: int, order: int, kinks: tuple[Kink, ...]) -> float:
    """The supremum of |slope| (order 1) or |curvature| (order 2), sought between the nodes beside the largest one."""
    breaking = ("value",) if order == 1 else ("value", "slope")
    if any(kink.what in breaking for kink in kinks):
        return math.inf
    size = np.abs((curves.slopes, curves.curvatures)[order - 1][row])
    if not np.all(np.isfinite(size)) or not np.all(np.isfinite(curves.values[row])) or size.max() > 1e100:
        return math.inf
    peak = int(np.argmax(size))
    scores = curves.scores
    if peak in (0, size.size - 1):
        # Still growing by more than 1 % over the last factor of ten: without a bound.
        earlier = np.abs(curves.at([scores[peak] / 10], 1)[row, 0]) if order == 1 else size[abs(peak - 160)]
        return math.inf if size[peak] > 1.01 * earlier else float(size[peak])
    for place in scores[1:][np.diff(scores) == 0]:
        away = scores[peak] - place
        if abs(away) < 1e-6 * (1 + abs(place)):
            # Far less a little further off, on the side where it is large: it grows without a bound towards there.
            sides = place + np.array([-1e-3, 1e-3]) * (1 + abs(place))
            further = np.abs(curves.at(sides, order)[row])
            side = int(away > 0 or (away == 0 and scores[peak - 1] == scores[peak]))
            if size[peak] > 3 * further[side] + 1e-9:
                return math.inf
    inside = np.linspace(scores[peak - 1], scores[peak + 1], 801)
    inside = inside[~np.isin(inside, [kink.at for kink in kinks])]
    return float(max(size[peak], np.abs(curves.at(inside, order)[row]).max(initial=0.0)))
