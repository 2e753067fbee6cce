"""The walk along the hinge's exact path, from breakpoint to breakpoint.

Between two breakpoints the examples on the margin (free), inside it (alpha_i = C s_i) and beyond it (alpha_i = 0) stay
the same. Then K_FF beta_F + b = t_F - C K_FB (s t)_B and sum beta_F = -C sum (s t)_B decide beta_F and b, so both are
linear in C, and so are all margins: the next breakpoint is where the first of them meets a bound.
"""

from typing import NamedTuple

import numpy as np

from lossland.solvers._certificates import BOUNDED, FREE, ZERO


class HingeProblem(NamedTuple):
    """What the path is of: kernel (n, n), labels t (n,), weights s (n,)."""

    kernel: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


class _Line(NamedTuple):
    """A segment: beta and fitted = K beta are held + C * grown, (n,) each; the bias too, or its two ends."""

    beta: tuple[np.ndarray, np.ndarray]
    fitted: tuple[np.ndarray, np.ndarray]
    bias: tuple[float, float]


class _Event(NamedTuple):
    """Where a segment ends, and the moves (example, new set) made there."""

    C: float
    moves: tuple[tuple[int, int], ...]


def walked(problem: HingeProblem, support: np.ndarray, C: float, C_max: float) -> tuple[list, list[np.ndarray]]:
    """The path from a solution at C to C_max: (C, beta, bias) at every breakpoint, and the sets between them.

    Args:
        problem: what the path is of.
        support: (n,), the sets at C, as `Solution.support`.
        C: where to start.
        C_max: where to end.

    Returns:
        The breakpoints, both ends included, and one array of sets less.

    Raises:
        ValueError: if the path is degenerate.
    """
    sets = np.where(problem.weights > 0, support, ZERO)
    rows, history, idle = [], [], 0
    while True:
        line = _line(problem, sets)
        if line is None:
            line, event = _flat(problem, sets, C)
        else:
            event = _next(problem, sets, line, C)
        end = min(event.C, C_max)
        rows.append((C, line.beta[0] + C * line.beta[1], line.bias[0] + C * line.bias[1]))
        history.append(sets.copy())
        if event.C >= C_max:
            rows.append((C_max, line.beta[0] + C_max * line.beta[1], line.bias[0] + C_max * line.bias[1]))
            return rows, history
        idle = idle + 1 if end <= C * (1 + 1e-14) else 0
        if idle:  # a segment of no length is no segment
            rows.pop()
            history.pop()
        if idle > 10 * len(sets):
            raise ValueError(
                f"The path is degenerate at C = {C:.6g}: ties between examples that do not come apart. Move the inputs "
                f"by a tiny noise, or take a grid: path('hinge', data, Cs)."
            )
        for example, place in event.moves:
            sets[example] = place
        C = max(end, C)


def _line(problem: HingeProblem, sets: np.ndarray) -> _Line | None:
    """The segment of given sets; None if no example is on the margin, which leaves the bias open."""
    free, full = np.flatnonzero(sets == FREE), np.flatnonzero(sets == BOUNDED)
    grown = np.zeros(len(sets))
    grown[full] = problem.weights[full] * problem.labels[full]
    pushed = problem.kernel[:, full] @ grown[full]
    if not len(free):
        return None
    count = len(free)
    system = np.ones((count + 1, count + 1))
    system[:count, :count], system[count, count] = problem.kernel[np.ix_(free, free)], 0.0
    right = np.zeros((count + 1, 2))
    right[:count, 0], right[:count, 1], right[count, 1] = problem.labels[free], -pushed[free], -grown.sum()
    if np.linalg.cond(system) > 1e14:
        names = ", ".join(map(str, free[:6])) + (", ..." if count > 6 else "")
        raise ValueError(
            f"The path is degenerate: the {count} examples on the margin ({names}) depend on each other, so their "
            f"duals are not unique. Drop duplicated examples, move the inputs by a tiny noise, or take a grid: "
            f"path('hinge', data, Cs)."
        )
    solved = np.linalg.solve(system, right)
    held = np.zeros(len(sets))
    held[free], grown[free] = solved[:count].T
    fitted = problem.kernel[:, free] @ solved[:count]
    return _Line((held, grown), (fitted[:, 0], fitted[:, 1] + pushed), (solved[count, 0], solved[count, 1]))


def _next(problem: HingeProblem, sets: np.ndarray, line: _Line, C: float) -> _Event:
    """The first example to reach an end of its box or the margin, moving towards it."""
    t, s = problem.labels, problem.weights
    dual, dual_rate = t * line.beta[0], t * line.beta[1]
    margin, margin_rate = t * (line.fitted[0] + line.bias[0]), t * (line.fitted[1] + line.bias[1])
    free, tiny = sets == FREE, 1e-13 * (1.0 + s)
    still = 1e-13 * (np.abs(line.fitted[1]) + abs(line.bias[1]) + np.abs(problem.kernel).max())
    ends = [
        (free & (dual_rate < -tiny), -dual, dual_rate, ZERO),
        (free & (dual_rate > s + tiny), -dual, dual_rate - s, BOUNDED),
        ((sets == BOUNDED) & (margin_rate > still), 1.0 - margin, margin_rate, FREE),
        ((sets == ZERO) & (s > 0) & (margin_rate < -still), 1.0 - margin, margin_rate, FREE),
    ]
    best = _Event(np.inf, ())
    for who, left, rate, place in ends:
        found = np.flatnonzero(who)
        if len(found):
            where = np.maximum(left[found] / rate[found], C)
            first = int(where.argmin())
            if where[first] < best.C:
                best = _Event(float(where[first]), ((int(found[first]), place),))
    return best


def _flat(problem: HingeProblem, sets: np.ndarray, C: float) -> tuple[_Line, _Event]:
    """A segment without examples on the margin: w grows with C, the bias keeps to the middle of its interval.

    The ends of the interval are t_i - C g_i for the tightest examples; the segment ends where one of these changes, or
    where the two ends meet and both examples come onto the margin.
    """
    t, s = problem.labels, problem.weights
    grown = np.where(sets == BOUNDED, s * t, 0.0)
    rates = problem.kernel @ grown
    up = (s > 0) & ((sets == BOUNDED) == (t < 0))
    down = (s > 0) & ~up
    tied = 1e-12 * (1 + C * np.abs(rates).max())
    low, low_end = _tightest(t, rates, np.flatnonzero(up), C, 1.0, tied)
    high, high_end = _tightest(t, rates, np.flatnonzero(down), C, -1.0, tied)
    zero = np.zeros(len(t))
    middle = 0.5 * (t[low] + t[high]), -0.5 * (rates[low] + rates[high])
    line = _Line((zero, grown), (zero, rates), middle)
    room, closing = t[high] - t[low], rates[high] - rates[low]
    meet = max(room / closing, C) if closing > 0 else np.inf
    if meet <= min(low_end, high_end):
        return line, _Event(float(meet), ((low, FREE), (high, FREE)))
    return line, _Event(float(min(low_end, high_end)), ())


def _tightest(
    t: np.ndarray, rates: np.ndarray, among: np.ndarray, C: float, sign: float, tied: float
) -> tuple[int, float]:
    """The example whose t_i - C g_i is largest (sign 1) or least (-1) just beyond C, and the C up to which it is."""
    height, slope = sign * t[among], -sign * rates[among]
    now = height + C * slope
    first = np.flatnonzero(now >= now.max() - tied)
    lead = first[slope[first].argmax()]
    steeper = slope > slope[lead] + 1e-13 * (1 + np.abs(slope[lead]))
    crossing = (height[lead] - height[steeper]) / (slope[steeper] - slope[lead])
    return int(among[lead]), float(np.max([np.min(crossing, initial=np.inf), C]))


def certificates(
    problem: HingeProblem, Cs: np.ndarray, betas: np.ndarray, biases: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The primal values and the relative gaps at the breakpoints."""
    fitted = betas @ problem.kernel
    half = 0.5 * np.sum(betas * fitted, axis=1)
    margins = problem.labels * (fitted + biases[:, None])
    primal = half + Cs * (np.maximum(0.0, 1.0 - margins) @ problem.weights)
    inside = np.clip(betas * problem.labels, 0.0, Cs[:, None] * problem.weights)
    # A dual point outside its box by rounding is worth what the clipped one is, less the bias times what is cut off.
    off = np.abs((inside * problem.labels).sum(1)) * np.abs(biases)
    clipped = inside * problem.labels
    dual = inside.sum(1) - 0.5 * np.sum(clipped * (clipped @ problem.kernel), axis=1) - off
    return primal, np.abs(primal - dual) / primal
