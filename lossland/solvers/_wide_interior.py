"""The interior point once more, with a hundred digits: for problems whose numbers are too unlike for float64.

The method is that of `_interior_point`, on one problem and in ball arithmetic's midpoints (Johansson 2017), so that
neither a C of 1e20 nor inputs far from 0 or of very unlike sizes cost it the digits that the answer needs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    pass

BITS = 400
"""Of each number: those of products of centred inputs, three times over."""
CIRCLE = 8
"""Steps without progress after which they are made more carefully."""
CLOSE = -150
"""The binary logarithm of the relative gap at which the steps end."""


class WideProblem(NamedTuple):
    """One problem, its boxes spread over coordinates.

    Attributes:
        columns: the inputs with a column of ones behind them if the bias is free, a matrix of n rows of balls.
        labels: (n,).
        owner: (q,), the example of each coordinate.
        knot: q numbers, in margins.
        low: q numbers; None where there is no end.
        high: the same.
        soft: q numbers, one over the curvature.
        fixed: n numbers, the part of alpha that has no room.
        bias: whether the last column is the bias's.
    """

    columns: Any
    labels: np.ndarray
    owner: list[int]
    knot: list[Any]
    low: list[Any]
    high: list[Any]
    soft: list[Any]
    fixed: list[Any]
    bias: bool


class WidePoint(NamedTuple):
    """Where it stands: the point (d + bias), beta and its multipliers (q each), the steps, the gap as a share."""

    point: list[Any]
    beta: list[Any]
    below: list[Any]
    above: list[Any]
    steps: int
    share: float


@contextmanager
def wide(bits: int = BITS) -> Iterator[None]:
    """Numbers of so many bits within the block."""
    from flint import ctx

    before = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = before


def interior_wide(problem: WideProblem, steps: int) -> WidePoint:
    """The optimum to some thirty digits, or as far as the steps lead; within `wide`."""
    at, best, idle = _start(problem), None, 0
    for count in range(steps + 1):
        share = _share(problem, at)
        at = at._replace(steps=count, share=share)
        idle = 0 if best is None or share < 0.99 * best.share else idle + 1
        if best is None or share < best.share:
            best = at
        if share <= 2.0**CLOSE or count == steps or not np.isfinite(share):
            break
        # Steps that go round in a circle are broken by one towards the middle.
        moved = _step(problem, at, idle > CIRCLE)
        if moved is None:
            break
        at = moved
    assert best is not None
    return best


def _start(problem: WideProblem) -> WidePoint:
    """The origin, and duals well inside their boxes whose classes balance as far as the boxes allow."""
    from flint import arb

    q, zero, half = len(problem.owner), arb(0), arb(1) / 2
    low = [
        a if a is not None else (b - 2 if b is not None else arb(-1))
        for a, b in zip(problem.low, problem.high, strict=True)
    ]
    high = [b if b is not None else a + 2 for a, b in zip(low, problem.high, strict=True)]
    t = [int(problem.labels[i]) for i in problem.owner]
    ends = {
        sign: [sum((e for e, s in zip(end, t, strict=True) if s == sign), zero) for end in (low, high)]
        for sign in (1, -1)
    }
    middle = _least(sum(ends[1], zero), sum(ends[-1], zero)) * half
    target = _most(_least(middle, _least(ends[1][1], ends[-1][1])), _most(ends[1][0], ends[-1][0]))
    share = {}
    for sign in (1, -1):
        width = ends[sign][1] - ends[sign][0]
        part = (target - ends[sign][0]) / width if width > 0 else half
        share[sign] = _least(_most(part, arb(1) / 20), arb(19) / 20)
    beta = [(low[i] + share[t[i]] * (high[i] - low[i])).mid() for i in range(q)]
    pull = [problem.soft[i] * beta[i] - problem.knot[i] for i in range(q)]
    below = [(_most(p, zero) + 4).mid() if e is not None else zero for p, e in zip(pull, problem.low, strict=True)]
    above = [(_most(-p, zero) + 4).mid() if e is not None else zero for p, e in zip(pull, problem.high, strict=True)]
    return WidePoint([zero] * problem.columns.ncols(), beta, below, above, 0, np.inf)


def _least(a: Any, b: Any) -> Any:
    return a if a < b else b


def _most(a: Any, b: Any) -> Any:
    return a if a > b else b


def _alpha(problem: WideProblem, beta: list[Any]) -> list[Any]:
    total = list(problem.fixed)
    for i, value in zip(problem.owner, beta, strict=True):
        total[i] = total[i] + value
    return total


def wide_scores(problem: WideProblem, point: list[Any]) -> list[Any]:
    """The columns times a point, n numbers."""
    from flint import arb_mat

    return (problem.columns * arb_mat([[v] for v in point])).mid().entries()


def _pulled(problem: WideProblem, values: list[Any]) -> list[Any]:
    """The columns' sums of t times values (n,)."""
    from flint import arb_mat

    signed = arb_mat([[int(t) * v for t, v in zip(problem.labels, values, strict=True)]])
    return (signed * problem.columns).mid().entries()


def _share(problem: WideProblem, at: WidePoint) -> float:
    """Complementarity and what infeasibility is worth, relative to the objective."""
    from flint import arb

    zero = arb(0)
    gap, size = zero, zero
    scores = wide_scores(problem, at.point)
    for i, own in enumerate(problem.owner):
        if problem.low[i] is not None:
            gap += at.below[i] * (at.beta[i] - problem.low[i])
        if problem.high[i] is not None:
            gap += at.above[i] * (problem.high[i] - at.beta[i])
        margin = int(problem.labels[own]) * scores[own]
        size += abs(at.beta[i] * (problem.knot[i] - margin - problem.soft[i] * at.beta[i] / 2))
        # A coordinate without ends has no multipliers to take this up at the start.
        push = problem.knot[i] - margin - problem.soft[i] * at.beta[i] + at.below[i] - at.above[i]
        gap += abs(at.beta[i] * push) + (push * push / problem.soft[i] if problem.soft[i] > 0 else zero)
    penalised = at.point[:-1] if problem.bias else at.point
    half = sum((v * v for v in penalised), zero) / 2
    off = _off(problem, at)
    worth = sum((abs(p * o) for p, o in zip(at.point, off, strict=True)), zero) + sum((o * o for o in off), zero) / 2
    size = size + half
    # Where the optimum is 0, what the margins could cost decides.
    floor = sum((abs(b) for b in at.beta), zero) * arb(2) ** -60
    total = (gap + worth) / (size + floor) if size + floor > 0 else gap + worth
    return float(total)


def _off(problem: WideProblem, at: WidePoint) -> list[Any]:
    """Z^T alpha - w, and the sum of t alpha."""
    drawn = _pulled(problem, _alpha(problem, at.beta))
    last = len(drawn) - 1
    return [d if problem.bias and j == last else d - w for j, (d, w) in enumerate(zip(drawn, at.point, strict=True))]


class _Newton(NamedTuple):
    """What both directions of a step share: rooms and their inverses, theta, the factored system's inputs."""

    over_low: list[Any]
    over_high: list[Any]
    theta: list[Any]
    matrix: Any
    push: list[Any]
    alpha: list[Any]


def _step(problem: WideProblem, at: WidePoint, careful: bool) -> WidePoint | None:
    """One predictor-corrector step; None where the system is singular."""
    from flint import arb

    q, zero = len(problem.owner), arb(0)
    newton = _newton(problem, at)
    guess = _direction(problem, at, newton, [zero] * q, [zero] * q)
    if guess is None:
        return None
    reach = _reach(problem, at, guess)
    now = after = zero
    _, change, below, above = guess
    count = 0
    for i in range(q):
        for end, own, more, way in (
            (problem.low[i], at.below[i], below[i], 1),
            (problem.high[i], at.above[i], above[i], -1),
        ):
            if end is not None:
                room = way * (at.beta[i] - end)
                now += own * room
                after += (own + reach * more) * (room + reach * way * change[i])
                count += 1
    # A product, for a power takes a logarithm, and rounding may leave `after` below 0.
    left = (after / now).mid() if now > 0 else zero
    aim = now / max(count, 1) * left * left * left
    if careful:
        aim, reach = _most(aim, now / max(count, 1) / 4), zero
    low = [aim - reach * c * b if e is not None else zero for c, b, e in zip(change, below, problem.low, strict=True)]
    high = [aim + reach * c * b if e is not None else zero for c, b, e in zip(change, above, problem.high, strict=True)]
    found = _direction(problem, at, newton, low, high)
    if found is None:
        return None
    move, change, below, above = found
    by = _reach(problem, at, found)
    by = arb(1) if by >= 1 else by * arb("0.9995")
    return WidePoint(
        [(p + by * m).mid() for p, m in zip(at.point, move, strict=True)],
        [(p + by * m).mid() for p, m in zip(at.beta, change, strict=True)],
        [(p + by * m).mid() for p, m in zip(at.below, below, strict=True)],
        [(p + by * m).mid() for p, m in zip(at.above, above, strict=True)],
        at.steps,
        at.share,
    )


def _newton(problem: WideProblem, at: WidePoint) -> _Newton:
    from flint import arb, arb_mat

    zero = arb(0)
    scores = wide_scores(problem, at.point)
    over_low = [1 / (b - e) if e is not None else zero for b, e in zip(at.beta, problem.low, strict=True)]
    over_high = [1 / (e - b) if e is not None else zero for b, e in zip(at.beta, problem.high, strict=True)]
    theta, push = [], []
    stiff = [zero] * len(problem.labels)
    for i, own in enumerate(problem.owner):
        share = (1 / (problem.soft[i] + at.below[i] * over_low[i] + at.above[i] * over_high[i])).mid()
        theta.append(share)
        stiff[own] = stiff[own] + share
        margin = int(problem.labels[own]) * scores[own]
        push.append((problem.knot[i] - margin - problem.soft[i] * at.beta[i]).mid())
    rows = problem.columns.tolist()
    scaled = arb_mat([[s.mid() * v for v in row] for s, row in zip(stiff, rows, strict=True)])
    matrix = (scaled.transpose() * problem.columns).mid()
    size = matrix.nrows()
    for j in range(size - 1 if problem.bias else size):
        matrix[j, j] += 1
    return _Newton(over_low, over_high, theta, matrix.mid(), push, _alpha(problem, at.beta))


def _direction(problem: WideProblem, at: WidePoint, newton: _Newton, low: list[Any], high: list[Any]) -> Any:
    """The Newton direction towards given complementary products: of the point, beta, below and above."""
    from flint import arb, arb_mat

    zero = arb(0)
    right = [
        p + a * o - b * r
        for p, a, o, b, r in zip(newton.push, low, newton.over_low, high, newton.over_high, strict=True)
    ]
    g = list(newton.alpha)
    for i, own in enumerate(problem.owner):
        g[own] = g[own] + newton.theta[i] * right[i]
    drawn = _pulled(problem, g)
    last = len(drawn) - 1
    aim = [d if problem.bias and j == last else d - w for j, (d, w) in enumerate(zip(drawn, at.point, strict=True))]
    try:
        move = newton.matrix.solve(arb_mat([[v] for v in aim]), algorithm="approx").mid().entries()
    except ZeroDivisionError:
        return None
    turn = wide_scores(problem, move)
    change, below, above = [], [], []
    for i, own in enumerate(problem.owner):
        step = (newton.theta[i] * (right[i] - int(problem.labels[own]) * turn[own])).mid()
        change.append(step)
        if problem.low[i] is not None:
            below.append(((low[i] - at.below[i] * step) * newton.over_low[i] - at.below[i]).mid())
        else:
            below.append(zero)
        if problem.high[i] is not None:
            above.append(((high[i] + at.above[i] * step) * newton.over_high[i] - at.above[i]).mid())
        else:
            above.append(zero)
    return move, change, below, above


def _reach(problem: WideProblem, at: WidePoint, way: Any) -> Any:
    """The longest step, at most 1, that keeps rooms and multipliers positive."""
    from flint import arb

    _, change, below, above = way
    best = arb(1)
    for i in range(len(problem.owner)):
        pairs = []
        if problem.low[i] is not None:
            pairs += [(at.beta[i] - problem.low[i], change[i]), (at.below[i], below[i])]
        if problem.high[i] is not None:
            pairs += [(problem.high[i] - at.beta[i], -change[i]), (at.above[i], above[i])]
        for room, step in pairs:
            if step < 0 and room < -best * step:
                best = (room / -step).mid()
    return best
