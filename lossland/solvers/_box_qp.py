"""The dual of a kernel machine with kinks: a quadratic over a box with one equation, solved exactly.

    min_beta  1/2 beta^T K beta - target^T beta   subject to   low <= beta <= high,  sum_i beta_i = 0

Pairs of coordinates come first (`_pairwise`): they find most of the active set at the price of one row of K a step.
Then whole active sets are solved at once (`_active_sets`), until the optimality conditions hold to rounding. Where that
does not settle, a dense interior point does the work and the active sets the last digits.

K stays n x n and the sets change size from step to step, so the linear algebra runs on the host, by LAPACK.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.solvers._kernels import factored

LANES = 32
"""Columns of a two-level reduction: a maximum over the leading axis is vectorised, one along a row is not."""


ACCURACIES = (2e-1, 1e-2, 1e-3, 1e-4, 1e-5)
"""How well pairs solve the problem before active sets are tried, relative to the target."""
FEW = 0.05
"""The share of free coordinates below which pairs go on at once: they are cheap then, and most ends still unknown."""


class Box(NamedTuple):
    """The problem.

    Attributes:
        kernel: (n, n) symmetric, positive semidefinite.
        target: (n,).
        low: (n,), -inf allowed.
        high: (n,), inf allowed.
    """

    kernel: np.ndarray
    target: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Point(NamedTuple):
    """An answer.

    Attributes:
        beta: (n,) inside the box, summing to zero up to rounding.
        fitted: (n,) kernel @ beta.
        bias: the multiplier of the equation, the middle of its interval.
        bias_interval: (2,) all optimal biases, as far as beta is optimal.
        iterations: steps of active sets and of the interior point, and pair steps divided by n.
        settled: whether the optimality conditions hold to rounding.
    """

    beta: np.ndarray
    fitted: np.ndarray
    bias: float
    bias_interval: np.ndarray
    iterations: int
    settled: bool


def solve_box(box: Box, tol: float = 1e-8) -> Point:
    """Minimise over the box: pairs, then active sets, and the interior point where these do not settle.

    Args:
        box: the problem.
        tol: the relative gap to which the interior point works if the active sets fail.

    Returns:
        The point; `settled` tells whether its active set solves the problem to rounding.

    Example:
        >>> box = Box(np.eye(2), np.array([1.0, -1.0]), np.array([0.0, -3.0]), np.array([3.0, 0.0]))
        >>> solve_box(box).beta
        array([ 1., -1.])
    """
    n, steps = len(box.target), 0
    beta, rest = np.zeros(n), box.target.copy()
    scale = max(1.0, float(np.abs(box.target).max()))
    with jax.enable_x64(True):
        # Once for all calls: a large kernel takes longer to copy than to work with.
        whole = box._replace(kernel=jax.device_put(box.kernel))
    for accuracy in ACCURACIES:
        with jax.enable_x64(True):
            state = _pairwise(whole, beta, rest, accuracy * scale, 20 * n)
        beta, rest, count = (np.asarray(part) for part in state)
        steps += int(count) // n + 1
        if accuracy > ACCURACIES[1] and np.sum((beta > box.low) & (beta < box.high)) < FEW * n:
            continue
        found = _active_sets(box, beta, most=7, rest=rest)
        steps += found.iterations
        if found.settled:
            return found._replace(iterations=steps)
    with np.errstate(all="ignore"):
        # Of numbers that overflow the best iterate before is returned.
        rough = interior(box, min(tol, 1e-11))
    steps += rough.iterations
    found = _active_sets(box, rough.beta, most=30, edge=1e-6)
    return (found if found.settled else rough)._replace(iterations=steps + found.iterations)


def cancelling(target: np.ndarray, low: np.ndarray, high: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The coordinates (n,) of the largest target^T beta whose sum is zero in every group (n,), within the box.

    A group whose box holds no such coordinates gets zeros.

    Example:
        >>> cancelling(np.array([1.0, -1.0]), np.array([0.0, -2.0]), np.array([3.0, 0.0]), np.array([0, 0]))
        array([ 2., -2.])
    """
    base = np.zeros(len(target))
    order = np.lexsort((-target, group))
    for held in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        width = high[held] - low[held]
        above = -math.fsum(low[held])
        if len(held) == 1 or not 0 <= above <= math.fsum(width):
            continue
        room = above - np.concatenate([[0.0], np.cumsum(width)[:-1]])
        base[held] = np.where(room >= width, high[held], low[held] + np.maximum(room, 0.0))
        # One coordinate balances the others, to the last digit.
        within = held[(base[held] > low[held]) & (base[held] < high[held])]
        base[within[:1]] -= math.fsum(base[held])
    return base


# ---------------------------------------------------------------------------------------- pairs of coordinates


@functools.partial(jax.jit)
def _pairwise(box: Box, beta: Array, rest: Array, accuracy: Array, most: Array) -> tuple[Array, Array, Array]:
    """Sequential minimal optimisation, second-order choice of pairs (Fan, Chen & Lin 2005); rest = target - K beta."""
    n = beta.shape[0]
    fill = -n % LANES
    diagonal = jnp.pad(jnp.diagonal(box.kernel), (0, fill), constant_values=1.0)
    low, high = jnp.pad(box.low, (0, fill)), jnp.pad(box.high, (0, fill))
    places = jnp.arange(n + fill, dtype=beta.dtype)

    def row(i: Array) -> Array:
        return jnp.pad(jax.lax.dynamic_index_in_dim(box.kernel, i, keepdims=False), (0, fill))

    def step(state: tuple) -> tuple:
        beta, rest, count, _ = state
        top, i = _largest(jnp.where(beta < high, rest, -jnp.inf), places)
        first = row(i)
        above = jnp.where(beta > low, top - rest, -jnp.inf)
        bend = jnp.maximum(diagonal[i] + diagonal - 2.0 * first, 1e-12)
        _, j = _largest(jnp.where(above > 0, above * above / bend, -jnp.inf), places)
        room = jnp.minimum(high[i] - beta[i], beta[j] - low[j])
        # The last look finds no pair that would gain.
        move = jnp.where(above[j] > 0, jnp.minimum(above[j] / bend[j], room), 0.0)
        ends = (
            jnp.where(move == high[i] - beta[i], high[i], beta[i] + move),
            jnp.where(move == beta[j] - low[j], low[j], beta[j] - move),
        )
        beta = beta.at[i].set(ends[0]).at[j].set(ends[1])
        return beta, rest - move * (first - row(j)), count + 1, _maximum(above)

    def going(state: tuple) -> Array:
        return (state[3] > accuracy) & (state[2] < most)

    start = jnp.pad(beta, (0, fill)), jnp.pad(rest, (0, fill)), jnp.zeros((), int), jnp.asarray(jnp.inf, beta.dtype)
    beta, rest, count, _ = jax.lax.while_loop(going, step, start)
    return beta[:n], rest[:n], count


def _maximum(values: Array) -> Array:
    return jnp.max(jnp.max(values.reshape(-1, LANES), 0))


def _largest(values: Array, places: Array) -> tuple[Array, Array]:
    """The maximum and the first place where it stands."""
    top = _maximum(values)
    return top, (-_maximum(jnp.where(values == top, -places, -jnp.inf))).astype(int)


# ---------------------------------------------------------------------------------------- active sets


def _active_sets(box: Box, beta: np.ndarray, most: int, edge: float = 0.0, rest: np.ndarray | None = None) -> Point:
    """Solve for all free coordinates at once, then move the sets by every violated sign (Hintermueller et al. 2003).

    It usually settles in a few steps from a rough answer; it may also cycle, hence `most`. `edge` is the distance from
    a bound, as a share of the box, below which a coordinate starts on it. `rest` is target - kernel @ beta if known.
    """
    width = np.where(np.isfinite(box.high - box.low), box.high - box.low, 1.0 + np.abs(beta))
    at_low, at_high = beta <= box.low + edge * width, beta >= box.high - edge * width
    scale = 1.0 + np.abs(box.target).max()
    moved = np.where(at_low, box.low, np.where(at_high, box.high, beta))
    # With no edge nothing has been moved.
    fitted = box.kernel @ moved if rest is None or edge else box.target - rest
    start = 0
    for step in range(1, most + 1):
        free = np.flatnonzero(~(at_low | at_high))
        # A set that swells is one that swings: pairs bring it closer first.
        start = len(free) if step == 1 else start
        if len(free) > 2 * start + 20:
            break
        fixed = np.where(at_low, box.low, np.where(at_high, box.high, moved))
        changed = np.flatnonzero(fixed != moved)
        fitted = fitted + (fixed - moved)[changed] @ box.kernel[changed]
        solved = _on_free(box, free, fixed, fitted)
        if solved is None:
            return Point(fixed, fitted, *_bias(box, fixed, fitted), step, False)
        moved, fitted, bias = solved
        if bias is None:
            bias = _bias(box, moved, fitted)[0]
        rest = box.target - fitted - bias
        slack, tiny = 1e-9 * scale, 1e-12 * width
        is_free = ~(at_low | at_high)
        to_low, to_high = is_free & (moved < box.low - tiny), is_free & (moved > box.high + tiny)
        leave_low, leave_high = at_low & (rest > slack), at_high & (rest < -slack)
        if not (to_low.any() or to_high.any() or leave_low.any() or leave_high.any()):
            balanced = abs(moved.sum()) <= 1e-10 * (1.0 + np.abs(moved).sum())
            inside = np.clip(moved, box.low, box.high)
            return Point(inside, fitted, *_bias(box, inside, fitted), step, bool(balanced))
        at_low, at_high = (at_low & ~leave_low) | to_low, (at_high & ~leave_high) | to_high
    inside = np.clip(moved, box.low, box.high)
    return Point(inside, box.kernel @ inside, *_bias(box, inside, fitted), most, False)


def _on_free(
    box: Box, free: np.ndarray, start: np.ndarray, fitted: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float | None] | None:
    """The minimum over the free coordinates with the equation, and what it fits; None if K is singular there."""
    if not len(free):
        return start, fitted, None
    rows = box.kernel[free]
    solved = _ridged(rows[:, free], np.stack([(box.target - fitted)[free], np.ones(len(free))], axis=1))
    if solved is None or not np.isfinite(solved).all():
        return None
    bias = (solved[:, 0].sum() + start.sum()) / solved[:, 1].sum()
    way = solved[:, 0] - bias * solved[:, 1]
    new = start.copy()
    new[free] += way
    return new, fitted + way @ rows, float(bias)


def _ridged(matrix: np.ndarray, right: np.ndarray) -> np.ndarray | None:
    """Solve a positive semidefinite system, ridged and refined where it is singular to rounding; None if that fails."""
    size = max(float(matrix.diagonal().max()), 1e-300)
    for ridge in (0.0, 1e-14, 1e-12):
        held = matrix.copy()
        held.flat[:: len(held) + 1] += ridge * len(held) ** 0.5 * size
        solve = factored(held)
        if solve is not None:
            solved = solve(right)
            return solved if not ridge else solved + solve(right - matrix @ solved)
    return None


def _bias(box: Box, beta: np.ndarray, fitted: np.ndarray) -> tuple[float, np.ndarray]:
    """The middle and the ends of the interval of multipliers for which beta is optimal, or nearest to it."""
    ends = bias_interval(box.target - fitted, beta, box.low, box.high)
    finite = ends[np.isfinite(ends)]
    return float(finite.mean()) if len(finite) else 0.0, ends


def bias_interval(rest: np.ndarray, beta: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The ends of the interval of multipliers for which beta is optimal, or nearest to it; `rest` is target - fitted.

    Example:
        >>> bias_interval(np.array([1.0, -1.0]), np.array([2.0, -2.0]), np.array([0.0, -2.0]), np.array([2.0, 0.0]))
        array([-1.,  1.])
    """
    least = np.max(rest[beta < high], initial=-np.inf)
    most = np.min(rest[beta > low], initial=np.inf)
    if least > most:
        least = most = 0.5 * (least + most)
    return np.array([least, most])


# ---------------------------------------------------------------------------------------- interior point


class _Inner(NamedTuple):
    """An iterate: beta, the multiplier of the equation, the multipliers of the lower and upper bounds."""

    beta: np.ndarray
    bias: float
    below: np.ndarray
    above: np.ndarray


def interior(box: Box, tol: float = 1e-10, most: int = 80) -> Point:
    """A dense primal-dual predictor-corrector: one n x n Cholesky factor a step (Mehrotra 1992).

    Args:
        box: the problem.
        tol: the sum of complementary products, relative to the objective, at which it stops.
        most: the most steps.

    Returns:
        The point, its beta strictly inside the box; never `settled`.

    Example:
        >>> box = Box(np.eye(2), np.array([1.0, -1.0]), np.array([0.0, -3.0]), np.array([3.0, 0.0]))
        >>> interior(box).beta.round(6)
        array([ 1., -1.])
    """
    bounded = np.isfinite(box.low), np.isfinite(box.high)
    low, high = np.where(bounded[0], box.low, 0.0), np.where(bounded[1], box.high, 0.0)
    beta = np.where(bounded[0] & bounded[1], 0.5 * (low + high), np.where(bounded[0], low + 1, high - bounded[1]))
    size = 1.0 + float(np.abs(box.target).max())
    now = _Inner(beta, 0.0, size * bounded[0], size * bounded[1])
    count = max(int(bounded[0].sum() + bounded[1].sum()), 1)
    steps, best, least = 0, now, np.inf
    while steps < most:
        steps += 1
        fitted = box.kernel @ now.beta
        residual = fitted - box.target + now.bias - now.below + now.above
        rooms = np.where(bounded[0], now.beta - low, 1.0), np.where(bounded[1], high - now.beta, 1.0)
        product = float(now.below @ rooms[0] + now.above @ rooms[1])
        value = abs(0.5 * now.beta @ fitted - box.target @ now.beta)
        off = float(np.abs(residual) @ np.abs(now.beta)) + abs(now.beta.sum()) * (1 + abs(now.bias))
        error = (product + off) / max(value, 1e-300)
        if error < least:
            best, least = now, error
        if error <= tol or not np.isfinite(error):
            break
        moved = _inner_step(box, now, residual, rooms, product / count, bounded)
        if moved is None:
            break
        now = moved
    beta = np.clip(best.beta - best.beta.mean(), box.low, box.high)
    fitted = box.kernel @ beta
    return Point(beta, fitted, best.bias, np.array([best.bias, best.bias]), steps, False)


def _inner_step(
    box: Box, now: _Inner, residual: np.ndarray, rooms: tuple, mean: float, bounded: tuple
) -> _Inner | None:
    matrix = box.kernel.copy()
    stiff = now.below / rooms[0] + now.above / rooms[1]
    matrix.flat[:: len(matrix) + 1] += stiff + 1e-14 * (1.0 + stiff)
    solve = factored(matrix)
    if solve is None:
        return None
    ones = solve(np.ones(len(stiff)))

    def direction(aim: float, second: tuple) -> _Inner:
        push = np.where(bounded[0], (aim - second[0]) / rooms[0], 0.0) - now.below
        pull = np.where(bounded[1], (aim - second[1]) / rooms[1], 0.0) - now.above
        moved = solve(-residual + push - pull)
        bias = (moved.sum() + now.beta.sum()) / ones.sum()
        moved = moved - bias * ones
        return _Inner(moved, float(bias), push - now.below / rooms[0] * moved, pull + now.above / rooms[1] * moved)

    def longest(way: _Inner) -> float:
        shares = [
            (way.beta, rooms[0], bounded[0]),
            (-way.beta, rooms[1], bounded[1]),
            (way.below, now.below, bounded[0]),
            (way.above, now.above, bounded[1]),
        ]
        return min([1.0, *(float(np.min(-r[on & (v < 0)] / v[on & (v < 0)], initial=1.0)) for v, r, on in shares)])

    guess = direction(0.0, (0.0, 0.0))
    reach = longest(guess)
    after = (now.below + reach * guess.below) @ (rooms[0] + reach * guess.beta * bounded[0])
    after += (now.above + reach * guess.above) @ (rooms[1] - reach * guess.beta * bounded[1])
    before = float(now.below @ rooms[0] + now.above @ rooms[1])
    aim = mean * (after / before) ** 3 if before > 0 else 0.0
    way = direction(float(aim), (guess.beta * guess.below, -guess.beta * guess.above))
    reach = 1.0 if (full := longest(way)) >= 1.0 else 0.995 * full
    return _Inner(
        now.beta + reach * way.beta,
        now.bias + reach * way.bias,
        now.below + reach * way.below,
        now.above + reach * way.above,
    )
