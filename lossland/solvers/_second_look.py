"""A second look at a problem that float64 did not settle: more digits inside, and an exact certificate outside.

The optimum of a loss made of parabolas and lines is found with a hundred digits (`_wide_interior`), brought back to
doubles (`_rounded_point`), and certified in rational arithmetic (`_exact_value`); a smooth loss takes `_wide_newton`.
"""

import logging
from typing import Any, NamedTuple

import numpy as np

from lossland.solvers._certificates import BOUNDED, FREE, ZERO
from lossland.solvers._convex_form import Form
from lossland.solvers._exact_value import ExactProblem, exact_bound, exact_problem, rational
from lossland.solvers._plq import Terms
from lossland.solvers._rounded_point import Doubles, as_double, doubles, exact_ratio, rounded_point
from lossland.solvers._rounding import within
from lossland.solvers._wide_interior import BITS, WidePoint, WideProblem, interior_wide, wide, wide_scores
from lossland.solvers._wide_newton import SmoothProblem, newton_wide, place

LOG = logging.getLogger("lossland.solver")
ENOUGH = 100
"""From how many allowed steps on nobody wanted few of them."""
STEPS = 200
"""Newton's, of a smooth loss."""
CLOSE = 1e-10
"""A relative gap of rounding size: a larger one was asked for, and the weights that it leaves open with it."""
VAGUE = 0.03
"""The share of the weights' size from which on their uncertainty calls for a second look."""
LARGEST = 4_000_000
"""Numbers n (d + 1)^2 up to which a second look is made: some ten seconds."""


_ONE = np.ones((2, 1))
HARD_MARGIN = Terms(_ONE, 0.0 * _ONE, np.inf * _ONE, 0.0 * _ONE, np.zeros(2))
"""What the hinge becomes at C = inf."""


class Looked(NamedTuple):
    """Solutions, as `Solution`'s fields, of one problem or of k; the gap includes what rounding may hide.

    `reason` says what float64 cannot do, where a second look could not either; else it is empty.
    """

    weights: Any
    bias: Any
    duals: Any
    objective: Any
    dual_objective: Any
    gap: Any
    iterations: Any
    interval: Any
    support: Any
    reason: Any = ""


def together(rows: list[Looked]) -> Looked:
    """Solutions of single problems as one table."""
    columns = list(zip(*rows, strict=True))
    return Looked(*[np.array(column) for column in columns[:-1]], reason=np.array(columns[-1], object))


def look_again_where(
    form: Form, inputs: np.ndarray, t: np.ndarray, c: np.ndarray, bias: bool, tol: float, steps: int, found: Looked
) -> Looked:
    """The table with the problems that float64 left open looked at again, if they are small enough.

    Args:
        form: the loss.
        inputs: (n, d).
        t: labels, (1 or k, n).
        c: weights, (k, n), finite.
        bias: whether b is free.
        tol: the relative gap asked for.
        steps: the steps that were allowed: who allows few wants no more of them.
        found: what float64 found, with its gaps.
    """
    open_still = ~(found.gap <= tol) & ((found.iterations < steps) | (steps >= ENOUGH))
    if form.terms is not None and inputs.shape[0] * (inputs.shape[1] + 1) ** 2 <= LARGEST // 10:
        # A small gap of a large objective leaves the weights open: half their squared distance is at most the gap.
        away = np.sqrt(2.0 * found.gap * np.abs(found.objective))
        open_still |= (
            (found.gap <= min(tol, CLOSE)) & (away > VAGUE * np.linalg.norm(found.weights, axis=1)) & (away > 0)
        )
    if not open_still.any() or not affordable(*inputs.shape):
        return found
    LOG.info("solve looks again at %d of %d problems, with more digits.", open_still.sum(), len(open_still))
    parts = [np.array(part) for part in found]
    for k in np.flatnonzero(open_still):
        own = inputs, t[k % len(t)], c[k], bias
        start = (found.weights[k], float(found.bias[k]))
        again = look_again_smooth(form, *own, start) if form.terms is None else look_again(form.terms, *own)
        if again is not None and not again.gap >= found.gap[k]:
            for whole, part in zip(parts, again, strict=True):
                whole[k] = part
    return Looked(*parts)


def affordable(n: int, d: int) -> bool:
    """Whether a problem of this size is given a second look."""
    return n * (d + 1) ** 2 <= LARGEST


def look_again(
    terms: Terms, inputs: np.ndarray, t: np.ndarray, c: np.ndarray, bias: bool, steps: int = 120
) -> Looked | None:
    """The solution of one problem with its exact gap; None if no dual point with a finite value was found.

    Args:
        terms: of the loss.
        inputs: (n, d).
        t: labels, (n,).
        c: weights, (n,), not negative; inf for the hard margin.
        bias: whether b is free.
        steps: the most steps.
    """
    kept = np.flatnonzero(c > 0)
    x, labels, weights = inputs[kept], t[kept], c[kept]
    with wide():
        problem, centre = _spread(terms, x, labels, weights, bias)
        at = interior_wide(problem, steps)
        sides, alpha, support = _sets(problem, at, len(kept))
        exact = _rationals(terms, x, labels, weights, bias)
        duals = within(terms, labels[None], weights[None], _balanced(exact, alpha, support)[None])[0]
        bound = exact_bound(exact, duals)
        nothing = exact_bound(exact, np.zeros(len(duals)))
        if nothing is not None and (bound is None or nothing >= bound):
            duals, bound, support = np.zeros(len(duals)), nothing, np.full(len(duals), ZERO, np.int8)
        if bound is None:
            return None
        found = rounded_point(
            exact, x, centre, at.point, wide_scores(problem, at.point), sides, bound * (1 + rational(1e-15))
        )
        if found is None:
            return None
        interval = _biases(problem, at, found, centre) if bias else np.zeros(2)
    whole, sets = np.zeros(len(t)), np.zeros(len(t), np.int8)
    whole[kept], sets[kept] = duals, support
    gap = exact_ratio(found.primal - bound, found.size)
    return Looked(
        found.weights, found.bias, whole, as_double(found.primal), as_double(bound), gap, at.steps, interval, sets,
        _reason(gap, at, x, c, found),
    )  # fmt: skip


def _reason(gap: float, at: WidePoint, x: np.ndarray, c: np.ndarray, found: Doubles) -> str:
    """What keeps doubles from a smaller gap."""
    if at.share > 1e-20:
        return f"with {BITS} bits the steps led to a relative gap of {at.share:.2g} and no further. Lower C."
    digit = 2.0**-53 * float(np.max(np.abs(x) @ np.abs(found.weights)) + abs(found.bias))
    return (
        f"the optimum is known to {at.share:.1g}, but weights in float64 cannot express it: their last digits move "
        f"margins by {digit:.1g}, which weigh up to {float(np.max(c)):.1g} each. Lower C, or move the data to 0."
    )


def look_again_smooth(
    form: Form, inputs: np.ndarray, t: np.ndarray, c: np.ndarray, bias: bool, start: tuple[np.ndarray, float]
) -> Looked | None:
    """The solution of one problem of a smooth loss, from a starting point."""
    kept = np.flatnonzero(c > 0)
    x, labels = inputs[kept], t[kept]
    with wide():
        columns, centre = centred(x, bias)
        problem = SmoothProblem(form.pair, columns, labels, c[kept], form.infimum, bias, form.curvature)
        at = newton_wide(problem, _moved(*start, centre, bias), STEPS)
        w, b = doubles(centre, at.point[:-1] if bias else at.point, at.point[-1] if bias else None)
        primal, size = _smooth_primal(problem, centre, w, b)
        gap = float((primal - at.dual) / size) if size > 0 else 0.0
    duals, support = np.zeros(len(t)), np.zeros(len(t), np.int8)
    duals[kept], support[kept] = at.alpha, np.where(at.alpha == 0, ZERO, FREE)
    return Looked(
        w, b, duals, float(primal), float(at.dual), abs(gap), at.steps, np.array([b, b]), support,
        "with 400 bits Newton's steps led no further; the loss's slopes are float64's. Lower C.",
    )  # fmt: skip


def _moved(weights: np.ndarray, b: float, centre: np.ndarray, bias: bool) -> list[Any]:
    """A point of doubles in the frame of centred inputs; the origin where it is not finite."""
    from flint import arb

    if not (np.isfinite(weights).all() and np.isfinite(b)):
        return [arb(0)] * (len(weights) + bias)
    own = [arb(float(v)) for v in weights]
    return [*own, arb(b) + sum((arb(float(m)) * v for m, v in zip(centre, own, strict=True)), arb(0))] if bias else own


def _smooth_primal(problem: SmoothProblem, centre: np.ndarray, w: np.ndarray, b: float) -> tuple[Any, Any]:
    """The objective at doubles, and its size."""
    from flint import arb

    point = _moved(w, b, centre, problem.bias)
    at = place(problem, point)
    if at.primal is None:
        return arb("inf"), arb(1)
    half = sum((v * v for v in (point[:-1] if problem.bias else point)), arb(0)) / 2
    return at.primal, half + arb(float(np.abs(at.losses).sum()))


def centred(x: np.ndarray, bias: bool) -> tuple[Any, np.ndarray]:
    """The inputs less their mean with a column of ones, as balls, if the bias is free; and their mean."""
    from flint import arb, arb_mat

    centre = x.mean(axis=0)
    centre = np.where(np.isfinite(centre), centre, 0.0)
    if not bias:
        return arb_mat([[arb(float(v)) for v in row] for row in x]), centre
    return arb_mat(
        [[*(arb(float(v)) - arb(float(m)) for v, m in zip(row, centre, strict=True)), arb(1)] for row in x]
    ), centre


def _spread(terms: Terms, x: np.ndarray, t: np.ndarray, c: np.ndarray, bias: bool) -> tuple[WideProblem, np.ndarray]:
    """The problem of balls in the frame where the inputs lie around 0, and what was taken off them."""
    from flint import arb

    columns, centre = centred(x, bias)
    owner, boxes, fixed = [], [], [arb(0)] * len(x)
    for i in range(len(x)):
        side, weight = 0 if t[i] > 0 else 1, arb(float(c[i]))
        for knot, low, high, soft in zip(*(np.asarray(part)[side] for part in terms[:4]), strict=True):
            if low == high:
                fixed[i] += weight * arb(float(low)) if low else arb(0)
                continue
            own = arb(1) if np.isinf(c[i]) else weight
            ends = [_end(low, c[i], weight), _end(high, c[i], weight)]
            owner.append(i)
            boxes.append((arb(float(knot)), *ends, (arb(float(soft)) / own).mid()))
    knots, lows, highs, softs = (list(part) for part in zip(*boxes, strict=True))
    return WideProblem(columns, t, owner, knots, lows, highs, softs, fixed, bias), centre


def _end(value: float, c: float, weight: Any) -> Any:
    from flint import arb

    if value == 0:
        return arb(0)
    return None if np.isinf(value) or np.isinf(c) else (arb(float(value)) * weight).mid()


def _rationals(terms: Terms, x: np.ndarray, t: np.ndarray, c: np.ndarray, bias: bool) -> ExactProblem:
    """The same in rationals; for the hard margin, boxes without an upper end and weights 1."""
    if np.isfinite(c).all():
        return exact_problem(terms, x, t, c, bias)
    return exact_problem(HARD_MARGIN, x, t, np.ones(len(c)), bias)


def _sets(problem: WideProblem, at: WidePoint, n: int) -> tuple[np.ndarray, list[Any], np.ndarray]:
    """The cheap side of every example on a knot (n,), alpha with what is at an end put there, and the support sets."""
    sides, ended, alpha = np.zeros(n), np.ones(n, bool), list(problem.fixed)
    for i, own in enumerate(problem.owner):
        low, high, beta = problem.low[i], problem.high[i], at.beta[i]
        span = high - low if low is not None and high is not None else 1 + abs(beta)
        if low is not None and beta - low < at.below[i] * span:
            beta = low
        elif high is not None and high - beta < at.above[i] * span:
            beta = high
        else:
            ended[own] = False
            if problem.soft[i] == 0:
                cheap = high is None or (low is not None and beta - low < high - beta)
                sides[own] = 1.0 if cheap else -1.0
        alpha[own] = alpha[own] + beta
    support = np.array([ZERO if a == 0 else BOUNDED if e else FREE for a, e in zip(alpha, ended, strict=True)], np.int8)
    return sides, alpha, support


def _balanced(problem: ExactProblem, alpha: list[Any], support: np.ndarray) -> np.ndarray:
    """The duals as doubles, which balance to the last digit that some free one has."""
    duals = np.array([float(a.mid()) for a in alpha])
    if not problem.bias:
        return duals
    free = np.flatnonzero(support == FREE)
    for j in free[np.argsort(-np.abs(duals[free]), kind="stable")][-4:]:
        off = sum((int(t) * rational(a) for t, a in zip(problem.labels, duals, strict=True)), rational(0.0))
        if off == 0:
            break
        moved = as_double(rational(duals[j]) - int(problem.labels[j]) * off)
        if abs(moved - duals[j]) <= 0.5 * abs(duals[j]):
            duals[j] = moved
    return duals


def _biases(problem: WideProblem, at: WidePoint, found: Doubles, centre: np.ndarray) -> np.ndarray:
    """The least and the largest optimal bias: where no example's dual leaves its set."""
    scores = (problem.columns * _column([*at.point[:-1], 0])).entries()
    least, most = [], []
    for i, own in enumerate(problem.owner):
        low, high, beta = problem.low[i], problem.high[i], at.beta[i]
        span = high - low if low is not None and high is not None else 1 + abs(beta)
        at_low = low is not None and beta - low < at.below[i] * span
        at_high = not at_low and high is not None and high - beta < at.above[i] * span
        sign = int(problem.labels[own])
        place = sign * (problem.knot[i] - problem.soft[i] * beta) - scores[own]
        if at_low or at_high:
            # At the low end the margin is that or more, at the high end that or less.
            (least if at_low == (sign > 0) else most).append(place)
        else:
            return np.array([found.bias, found.bias])
    shift = sum((w * float(m) for w, m in zip(at.point[:-1], centre, strict=True)), 0 * at.point[0])
    low = float((max(least, key=float) - shift).mid()) if least else -np.inf
    high = float((min(most, key=float) - shift).mid()) if most else np.inf
    return np.array([low, high]) if low < high else np.array([found.bias, found.bias])


def _column(values: list[Any]) -> Any:
    from flint import arb_mat

    return arb_mat([[v] for v in values])
