"""Attacks: what is claimed of a curve against the curve itself in many digits, looked at closely where it may fail."""

import math

import mpmath as mp

from lossland.proofs import MEASURED, PROVEN, REFUTED
from tests.proofs import cases

NEAR = tuple(mp.mpf(10) ** -k for k in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13))
DECADES = (1.1, 1.4, 1.7, 2, 2.3, 2.7, 3, 3.2, 3.4, 3.6, 3.8, 4, 4.3, 5, 8, 15, 30)
TINY = mp.mpf(10) ** -30
ULP = mp.mpf(2) ** -52
"""By which a number may be rounded when it becomes a double."""
SMALL = mp.mpf(10) ** -48
"""What 60 digits tell from 0, relative."""


class Curve:
    """A curve in many digits: `jet` takes a number; values are kept.

    Attributes:
        jet: from a number to (value, slope, curvature).
        places: where it may break or turn, by whoever wrote it.
        reach: how far out it is looked at.
    """

    def __init__(self, jet, places=(), reach=1e30):
        self.jet, self.places, self.reach, self.held = jet, list(places), reach, {}

    def __call__(self, x):
        if x not in self.held:
            with mp.workdps(cases.DIGITS):
                self.held[x] = self.jet(x)
        return self.held[x]


def looked_at(curve, breaks):
    """Numbers in order: a grid, far ones, and those around each place and break."""
    with mp.workdps(cases.DIGITS):
        far = [s * mp.mpf(10) ** k for k in DECADES for s in (-1, 1) if 10**k <= curve.reach]
        grid = [mp.mpf(k) / 16 + mp.mpf(1) / 731 for k in (*range(-96, 97, 5), *range(-600, 601, 24))]
        close = []
        for b in breaks:
            middle = cases.number(b.ball)[0]
            close += [middle + s * step for s in (-1, 1) for step in (*NEAR, TINY)]
        for place in curve.places:
            close += [place + s * step for s in (-1, 1) for step in (*NEAR, 10**5 * TINY)]
        return sorted({mp.mpf(x) for x in (*far, *grid, *close)})


def attack(claims, pieces, curve):
    """Hold every claim against the curve; what fails names the claim and where."""
    breaks = pieces.breaks
    xs = looked_at(curve, breaks)
    with mp.workdps(cases.DIGITS):
        check_parts(pieces, curve, xs)
        check_breaks(claims.kinks, curve)
        check_convex(claims.convex, curve, xs)
        check_quasi_convex(claims.quasi_convex, curve, xs)
        check_monotone(claims.monotone, curve, xs)
        check_infimum(claims, curve, xs)
        for order, claim in ((1, claims.lipschitz), (2, claims.smoothness)):
            check_supremum(claim, order, curve, xs, breaks)
        check_plateaus(claims.plateaus, curve, xs)


def check_parts(pieces, curve, xs):
    """Each piece is the curve between its breaks, and chooses nothing."""
    middles = [cases.number(b.ball)[0] for b in pieces.breaks]
    for part in pieces.parts:
        assert not {op for op, *_ in part.nodes} & {"max", "min", "abs", "select", "lt", "le", "eq"}, part
    for x in xs:
        if any(abs(x - m) <= mp.mpf(4e-16) * abs(m) + mp.mpf(10) ** -45 for m in middles) or pieces.doubts:
            continue
        want = curve(x)
        try:
            got = cases.exact_jet(pieces.parts[sum(m < x for m in middles)], x)
        except cases.Undefined:
            continue
        for order in range(3):
            close = abs(got[order] - want[order]) <= SMALL * (1 + max(map(abs, want)))
            assert close, f"piece, order {order} at {mp.nstr(x, 25)}: {mp.nstr(got[order])}, not {mp.nstr(want[order])}"


def check_breaks(claim, curve):
    """One-sided limits, and the first of them that jumps."""
    for b in claim.value if claim.status == PROVEN else ():
        middle = cases.number(b.ball)[0]
        assert abs(middle - b.at) <= 3e-16 * abs(middle) + 1e-40, b
        sides = [curve(middle + s * TINY * (1 + abs(middle))) for s in (-1, 1)]
        for told, seen in zip((b.left, b.right), sides, strict=True):
            for order in range(3):
                large = math.isinf(told[order]) and abs(seen[order]) > 1e3
                near = abs(told[order] - seen[order]) <= 1e-12 * (1 + max(map(abs, seen)))
                assert large or near, f"{b}, order {order}: {mp.nstr(seen[order], 20)}"
        for order in range(min(b.order, 3)):
            assert abs(sides[0][order] - sides[1][order]) <= 1e-12 * (1 + abs(sides[0][order])), (b, order)
        if b.order < 3:
            assert abs(sides[0][b.order] - sides[1][b.order]) > 0, b


def above_chord(curve, a, m, b):
    """By how much the middle one of three numbers lies above the chord of the others, relative."""
    low, middle, high = (curve(mp.mpf(x)).value for x in (a, m, b))
    chord = ((b - m) * low + (m - a) * high) / (b - a)
    return (middle - chord) / (abs(low) + abs(middle) + abs(high) + mp.mpf(10) ** -300)


def check_convex(claim, curve, xs):
    if claim.status == REFUTED:
        a, m, b = (mp.mpf(x) for x in claim.witness)
        assert a < m < b
        assert above_chord(curve, a, m, b) > 0, f"no witness against convexity: {claim}"
    if claim.status == PROVEN:
        for stride in (1, 2, 5, 17):
            for a, m, b in zip(xs, xs[stride:], xs[2 * stride :], strict=False):
                assert above_chord(curve, a, m, b) <= SMALL, f"not convex: {mp.nstr((a, m, b), 25)}"


def check_quasi_convex(claim, curve, xs):
    if claim.status == REFUTED:
        low, middle, high = (curve(mp.mpf(x)).value for x in claim.witness)
        assert middle > max(low, high), f"no witness against quasi-convexity: {claim}"
    if claim.status == PROVEN:
        values = [curve(x).value for x in xs]
        left, right = [values[0]], [values[-1]]
        for low, high in zip(values[1:], values[-2::-1], strict=True):
            left.append(min(left[-1], low))
            right.append(min(right[-1], high))
        for x, value, low, high in zip(xs, values, left, right[::-1], strict=True):
            assert value <= max(low, high) + SMALL * abs(value), f"not quasi-convex: {mp.nstr(x, 25)}"


def moves(curve, x):
    """How the curve moves at a number: by its slopes on either side, or by a jump."""
    step = TINY * (1 + abs(x))
    before, after = curve(x - step), curve(x + step)
    return [before.slope, after.slope, after.value - before.value]


def check_monotone(claim, curve, xs):
    if claim.status != PROVEN:
        return
    if claim.value == "neither":
        up, down = (moves(curve, mp.mpf(x)) for x in claim.witness)
        assert max(up) > 0, f"no witness against monotony: {claim}"
        assert min(down) < 0, f"no witness against monotony: {claim}"
        return
    values = [curve(x).value for x in xs]
    for x, low, high in zip(xs, values, values[1:], strict=False):
        gap = (high - low) / (abs(low) + abs(high) + mp.mpf(10) ** -300)
        assert claim.value == "increasing" or gap <= SMALL, f"not {claim.value} at {mp.nstr(x, 25)}"
        assert claim.value == "decreasing" or gap >= -SMALL, f"not {claim.value} at {mp.nstr(x, 25)}"


def refined(size, xs):
    """The largest of a function at numbers, and beside the best of them by golden section."""
    k = max(range(len(xs)), key=lambda k: size(xs[k]))
    low, high = xs[max(k - 1, 0)], xs[min(k + 1, len(xs) - 1)]
    best = size(xs[k])
    for _ in range(40):
        first, second = low + (high - low) * 0.382, low + (high - low) * 0.618
        one, other = size(first), size(second)
        best, (low, high) = max(best, one, other), (low, second) if one > other else (first, high)
    return best


def check_infimum(claims, curve, xs):
    claim, attained, (low, high) = claims.infimum, claims.attained, claims.infimum.enclosure
    # A tail that hardly moves is not followed to its end.
    creeps = any(t.kind == "slower" or (t.kind == "polynomial" and t.exponent < 0.1) for t in claims.tails)
    lowest = -refined(lambda x: -curve(x).value, xs)
    assert math.isnan(low) or lowest >= low - ULP * abs(low), f"lower than its infimum {claim}: {mp.nstr(lowest, 25)}"
    if claim.status == PROVEN:
        assert low <= claim.value <= high
        nearer = min(curve(x).value for x in xs if abs(x) <= mp.sqrt(curve.reach))
        met = lowest < nearer if high == -math.inf else lowest <= high + 1e-5 * (1e-2 + abs(high))
        assert met or creeps, f"never near its infimum {claim}: {mp.nstr(lowest, 25)}"
    if attained.status == PROVEN and attained.value:
        assert lowest <= high + 1e-6 * (1e-2 + abs(high)), f"not attained: {claim}"
    if attained.status == PROVEN and attained.value is False and high > -math.inf:
        check_only_approached(curve, xs)


def check_only_approached(curve, xs):
    """What is not attained is approached: at one end of the numbers the curve is lowest, and still falling."""
    if any(abs(place) > 300 for place in curve.places):
        return
    xs = [x for x in xs if abs(x) <= 300]
    lowest = min(curve(x).value for x in xs)
    ties = [x for x in xs if curve(x).value == lowest]
    # A jump may have its lower end left out.
    if len(ties) == 1 and abs(curve(ties[0] + TINY).value - curve(ties[0] - TINY).value) > SMALL:
        return
    with mp.workdps(4000):
        ends = [curve.jet(x).value for x in (xs[0], xs[1], xs[-1], xs[-2])]
        falling = min(ends[0], ends[2]) < min(ends[1], ends[3])
        assert falling, f"its infimum is attained at {mp.nstr(ties[0], 25)}"
        assert {xs[0], xs[-1]} & set(ties), f"its infimum is attained at {mp.nstr(ties[0], 25)}"


def check_supremum(claim, order, curve, xs, breaks):
    """The largest |slope| (1) or |curvature| (2)."""
    low, high = claim.enclosure
    largest = max(abs(curve(x)[order]) for x in xs)
    assert math.isnan(high) or largest <= high * (1 + ULP) + mp.mpf(10) ** -40, (
        f"order {order} exceeds {claim}: {mp.nstr(largest, 25)}"
    )
    if claim.status == MEASURED:
        return
    if claim.value == math.inf:
        jumps = any(b.order < order for b in breaks)
        grows = max(abs(curve(x)[order]) for x in (xs[0], xs[-1], *(x for b in breaks for x in beside(b))))
        assert jumps or grows > 1e3, f"order {order} is bounded, unlike {claim}: {mp.nstr(grows)}"
    else:
        assert low <= claim.value <= high
        best = refined(lambda x: abs(curve(x)[order]), xs)
        assert best >= low * (1 - mp.mpf(0.02)) - mp.mpf(10) ** -15, f"order {order} is smaller than {claim}: {best}"


def beside(b):
    middle = cases.number(b.ball)[0]
    return [middle + s * TINY * (1 + abs(middle)) for s in (-1, 1)]


def check_plateaus(claim, curve, xs):
    """Constant on every plateau, and nowhere else."""
    if claim.status != PROVEN:
        return
    for (low, high), level in claim.value:
        values = [curve(x).value for x in xs if low + ULP * 4 * abs(low) < x < high - ULP * 4 * abs(high)]
        assert max(values, default=0) - min(values, default=0) <= SMALL * (1 + abs(level)), f"no plateau: {claim}"
        assert all(abs(v - level) <= 1e-15 * (1 + abs(level)) for v in values), f"not at {level}: {claim}"
    flat = [
        m
        for a, m, b in zip(xs, xs[1:], xs[2:], strict=False)
        if curve(a).value == curve(m).value == curve(b).value and curve(m).slope == curve(m).curvature == 0
    ]
    margin = 4 * ULP
    missed = [
        m
        for m in flat
        if not any(low <= m + margin * abs(m) <= high + 2 * margin * abs(m) for (low, high), _ in claim.value)
    ]
    for m in sorted(missed, key=abs)[:3]:
        with mp.workdps(4000):
            assert curve.jet(m).slope != 0 or curve.jet(m).curvature != 0, f"constant at {mp.nstr(m, 25)}: {claim}"
