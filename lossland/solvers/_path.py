"""Paths of solutions as C grows: a grid by one batched solve, and the hinge's exact path, piecewise linear in C.

Between two breakpoints the examples on the margin (free), inside it (alpha_i = C s_i) and beyond it (alpha_i = 0) stay
the same. Then K_FF beta_F + b = t_F - C K_FB (s t)_B and sum beta_F = -C sum (s t)_B decide beta_F and b, so both are
linear in C, and so are all margins: the next breakpoint is where the first of them meets a bound.
"""

from typing import Any, Literal, NamedTuple

import numpy as np

from lossland.core import shaped_weights
from lossland.data import Dataset
from lossland.solvers._kernels import Kernel, bound_kernel, checked_matrix
from lossland.solvers._solve import BOUNDED, FREE, ZERO, Solution, solve
from lossland.solvers._solve_kernel import solve_kernel

LARGEST = 3000
"""Examples that the exact path takes: it holds the kernel matrix, and the path has of the order of n breakpoints."""


class HingePath(NamedTuple):
    """The hinge's solutions for every C between the first and the last breakpoint, linear in C in between.

    Attributes:
        Cs: (k,), increasing: C_min, the breakpoints, C_max.
        duals: (k, n), alpha at each of them.
        bias: (k,), the middle of the optimal interval where it is one.
        weights: (k, d) for the linear kernel, else (k, 0).
        objective: (k,), the primal value.
        gap: (k,), the relative duality gap.
        support: (k - 1, n), the sets between a breakpoint and the next: 0 beyond the margin, 1 on it, 2 inside it.
    """

    Cs: np.ndarray
    duals: np.ndarray
    bias: np.ndarray
    weights: np.ndarray
    objective: np.ndarray
    gap: np.ndarray
    support: np.ndarray


def path(loss: Any, data: Dataset, Cs: Any, **options: Any) -> Solution:
    """Solve for every C of a grid at once.

    Args:
        loss: as for `solve`.
        data: from `load` or `Dataset`.
        Cs: (k,), positive, in any order.
        **options: as for `solve`.

    Returns:
        A `Solution` whose arrays begin with an axis of length k.

    Raises:
        ValueError: as `solve`, or if Cs is not one-dimensional.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset(inputs=[[1.0, 2.0], [1.0, -1.0], [0.0, 0.0]], labels=[1, 1, -1])
        >>> ll.path("hinge", data, [0.1, 10.0]).weights[:, 0].round(6).tolist()
        [0.1, 2.0]
    """
    grid = np.asarray(Cs, float)
    if grid.ndim != 1:
        raise ValueError(f"Cs has shape {grid.shape}; a path takes a list of values of C, shape (k,).")
    return solve(loss, data, C=grid, **options)


def hinge_path(
    data: Dataset,
    C_min: float,
    C_max: float,
    *,
    kernel: Kernel = "linear",
    gamma: float | Literal["scale"] = "scale",
    degree: int = 3,
    coef0: float = 0.0,
    sample_weights: Any = None,
) -> HingePath:
    r"""The exact path of the hinge's solutions from C_min to C_max, breakpoint by breakpoint.

    It starts from a certified solution at C_min, so classes of different sizes need no special first step. Every
    breakpoint carries its own duality gap.

    Args:
        data: from `load` or `Dataset`, inputs (n, d), a few hundred examples; labels -1 and +1.
        C_min: where to start, positive.
        C_max: where to end, finite.
        kernel: as for `solve_kernel`.
        gamma: as for `solve_kernel`.
        degree: as for `solve_kernel`.
        coef0: as for `solve_kernel`.
        sample_weights: s, (n,), not negative: alpha_i <= C s_i.

    Returns:
        A `HingePath`; `path_at` evaluates it between breakpoints.

    Raises:
        ValueError: if C_min and C_max are not 0 < C_min < C_max < inf, there are too many examples, or the path is
            degenerate: examples on the margin that depend on each other, or ties that never come apart.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset(inputs=[[1.0, 2.0], [1.0, -1.0], [0.0, 0.0]], labels=[1, 1, -1])
        >>> exact = ll.hinge_path(data, 0.01, 10.0)
        >>> ll.solvers.path_at(exact, 1.0)[0].round(6).tolist(), bool(exact.gap.max() < 1e-9)
        ([0.333333, 0.666667, 1.0], True)

    Source: Hastie, Rosset, Tibshirani & Zhu (2004).
    """
    if not 0 < C_min < C_max < np.inf:
        raise ValueError(f"A path runs from C_min > 0 up to a larger, finite C_max, not from {C_min} to {C_max}.")
    if data.n > LARGEST:
        raise ValueError(f"The exact path takes at most {LARGEST} examples, not {data.n}; use path(loss, data, Cs).")
    inputs, t = np.asarray(data.inputs), np.asarray(data.labels)
    function = bound_kernel(kernel, inputs, gamma, degree, coef0)
    start = solve_kernel("hinge", data, C=C_min, kernel=function, sample_weights=sample_weights)
    if not start.converged:
        raise ValueError(f"No certified start at C_min = {C_min}: {start.message} Start from a larger C_min.")
    s = shaped_weights(data.n, sample_weights)
    walk = _Walk(checked_matrix(function, inputs), t, s)
    rows, sets = _walked(walk, start.support, float(C_min), float(C_max))
    Cs, betas, biases = (np.array(part) for part in zip(*rows, strict=True))
    objective, gap = _certificates(walk, Cs, betas, biases)
    weights = betas @ inputs if kernel == "linear" else np.zeros((len(Cs), 0))
    return HingePath(Cs, betas * t, biases, weights, objective, gap, np.array(sets))


def path_at(exact: HingePath, C: Any) -> tuple[np.ndarray, np.ndarray]:
    """The duals and the bias anywhere on a path.

    Args:
        exact: from `hinge_path`.
        C: a scalar or (m,), between the ends of the path.

    Returns:
        The duals, (n,) or (m, n), and the bias, a scalar or (m,).

    Raises:
        ValueError: if a C lies outside the path.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset(inputs=[[-1.0], [1.0]], labels=[-1, 1])
        >>> ll.solvers.path_at(ll.hinge_path(data, 0.1, 2.0), [0.25, 1.0])[0].round(6).tolist()
        [[0.25, 0.25], [0.5, 0.5]]
    """
    C = np.asarray(C, float)
    if not np.all((C >= exact.Cs[0]) & (C <= exact.Cs[-1])):
        raise ValueError(f"The path runs from C = {exact.Cs[0]:g} to {exact.Cs[-1]:g}; {C} is not all inside.")
    right = np.clip(np.searchsorted(exact.Cs, C), 1, len(exact.Cs) - 1)
    low, high = exact.Cs[right - 1], exact.Cs[right]
    share = np.where(high > low, (C - low) / np.where(high > low, high - low, 1.0), 1.0)
    duals = exact.duals[right - 1] + share[..., None] * (exact.duals[right] - exact.duals[right - 1])
    return duals, exact.bias[right - 1] + share * (exact.bias[right] - exact.bias[right - 1])


# ---------------------------------------------------------------------------------------------------------- the walk


class _Walk(NamedTuple):
    """The problem: kernel (n, n), labels t (n,), weights s (n,)."""

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


def _walked(walk: _Walk, support: np.ndarray, C: float, C_max: float) -> tuple[list, list[np.ndarray]]:
    """(C, beta, bias) at every breakpoint, and the sets between them."""
    sets = np.where(walk.weights > 0, support, ZERO)
    rows, history, idle = [], [], 0
    while True:
        line = _line(walk, sets)
        if line is None:
            line, event = _flat(walk, sets, C)
        else:
            event = _next(walk, sets, line, C)
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


def _line(walk: _Walk, sets: np.ndarray) -> _Line | None:
    """The segment of given sets; None if no example is on the margin, which leaves the bias open."""
    free, full = np.flatnonzero(sets == FREE), np.flatnonzero(sets == BOUNDED)
    grown = np.zeros(len(sets))
    grown[full] = walk.weights[full] * walk.labels[full]
    pushed = walk.kernel[:, full] @ grown[full]
    if not len(free):
        return None
    count = len(free)
    system = np.ones((count + 1, count + 1))
    system[:count, :count], system[count, count] = walk.kernel[np.ix_(free, free)], 0.0
    right = np.zeros((count + 1, 2))
    right[:count, 0], right[:count, 1], right[count, 1] = walk.labels[free], -pushed[free], -grown.sum()
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
    fitted = walk.kernel[:, free] @ solved[:count]
    return _Line((held, grown), (fitted[:, 0], fitted[:, 1] + pushed), (solved[count, 0], solved[count, 1]))


def _next(walk: _Walk, sets: np.ndarray, line: _Line, C: float) -> _Event:
    """The first example to reach an end of its box or the margin, moving towards it."""
    t, s = walk.labels, walk.weights
    dual, dual_rate = t * line.beta[0], t * line.beta[1]
    margin, margin_rate = t * (line.fitted[0] + line.bias[0]), t * (line.fitted[1] + line.bias[1])
    free, tiny = sets == FREE, 1e-13 * (1.0 + s)
    still = 1e-13 * (np.abs(line.fitted[1]) + abs(line.bias[1]) + np.abs(walk.kernel).max())
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


def _flat(walk: _Walk, sets: np.ndarray, C: float) -> tuple[_Line, _Event]:
    """A segment without examples on the margin: w grows with C, the bias keeps to the middle of its interval.

    The ends of the interval are t_i - C g_i for the tightest examples; the segment ends where one of these changes, or
    where the two ends meet and both examples come onto the margin.
    """
    t, s = walk.labels, walk.weights
    grown = np.where(sets == BOUNDED, s * t, 0.0)
    rates = walk.kernel @ grown
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


def _certificates(walk: _Walk, Cs: np.ndarray, betas: np.ndarray, biases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The primal values and the relative gaps at the breakpoints."""
    fitted = betas @ walk.kernel
    half = 0.5 * np.sum(betas * fitted, axis=1)
    margins = walk.labels * (fitted + biases[:, None])
    primal = half + Cs * (np.maximum(0.0, 1.0 - margins) @ walk.weights)
    inside = np.clip(betas * walk.labels, 0.0, Cs[:, None] * walk.weights)
    # A dual point outside its box by rounding is worth what the clipped one is, less the bias times what is cut off.
    off = np.abs((inside * walk.labels).sum(1)) * np.abs(biases)
    clipped = inside * walk.labels
    dual = inside.sum(1) - 0.5 * np.sum(clipped * (clipped @ walk.kernel), axis=1) - off
    return primal, np.abs(primal - dual) / primal
