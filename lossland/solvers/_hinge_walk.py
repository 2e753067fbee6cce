"""The hinge's exact path in C as a box whose ends grow with C, from an exact start at C_min.

beta_i = t_i alpha_i lies between 0 and C s_i t_i. Equal inputs with equal labels are one example of their common
weight: no sum is lost by it, and their duals are shared out by weight.

The start needs no solver. Some beta is the optimum of targets of its own, made up from it; while these targets move to
the labels, the optimum is followed like any other path, and ends at the optimum of C_min with its exact sets.
"""

from typing import Any, NamedTuple

import flint
import numpy as np

from lossland.solvers._certificates import BOUNDED, FREE, ZERO
from lossland.solvers._parametric_qp import FREE as BETWEEN
from lossland.solvers._parametric_qp import HIGH, LOW, Ramp, Walk, walked

CERTAIN, LOST = 1e-9, 1e-3
"""The relative gap up to which a piece of the path counts as right, and the most that rounding may add to it."""


class HingeProblem(NamedTuple):
    """What the path is of.

    Attributes:
        kernel: (n, n); the linear one is of the inputs about their middle.
        labels: (n,).
        weights: (n,), not negative.
        inputs: (n, d) if the kernel is linear, else None.
        middle: (d,), what is taken off the inputs: sum_i beta_i = 0, so only the bias changes with it.
    """

    kernel: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    inputs: np.ndarray | None = None
    middle: np.ndarray | None = None


class Pooled(NamedTuple):
    """Examples with a weight, equal ones together.

    Attributes:
        first: (m,), an example of each pool.
        of: (n,), every example's pool; -1 without a weight.
        labels: (m,).
        weights: (m,), the sums.
    """

    first: np.ndarray
    of: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


class Traced(NamedTuple):
    """The path as far as it is certified: k breakpoints, and why it ends before C_max, empty if it does not."""

    Cs: np.ndarray
    duals: np.ndarray
    weights: np.ndarray
    biases: np.ndarray
    support: np.ndarray
    objective: np.ndarray
    gap: np.ndarray
    message: str


def pooled(inputs: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Pooled:
    """Equal examples put together.

    Args:
        inputs: (n, d).
        labels: (n,), -1 or +1.
        weights: (n,), not negative.

    Returns:
        The pools, in the order of their first examples.
    """
    kept = np.flatnonzero(weights > 0)
    rows = np.column_stack([labels[kept], inputs[kept]]) + 0.0
    _, first, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    of = np.full(len(labels), -1)
    of[kept] = np.argsort(order)[inverse.ravel()]
    chosen = kept[first[order]]
    return Pooled(chosen, of, labels[chosen].astype(float), np.bincount(of[kept], weights[kept]))


def traced(problem: HingeProblem, pools: Pooled, C_min: float, C_max: float, exact: bool) -> Traced:
    """The path from C_min on, in floats or in rationals, cut where its certificate ends.

    Args:
        problem: what the path is of.
        pools: its examples, equal ones together.
        C_min: where to start.
        C_max: where to end.
        exact: whether to walk in rationals.

    Returns:
        The path; without breakpoints if not even the start is certified.
    """
    number = _rational if exact else np.float64
    rows = _rational_inputs(problem, pools) if exact and problem.inputs is not None else None
    kernel = _rational_kernel(problem, pools, rows) if exact else problem.kernel[np.ix_(pools.first, pools.first)]
    t = _vector(pools.labels, number)
    s = _vector(pools.weights, number)
    if exact:
        s = _summed(problem.weights, pools)
    start, end = number(C_min), number(C_max)
    # Near C = 0 the bias is the larger class's label: what is left then loses no digits to it.
    excess = t @ s
    share = 0 if exact else 1e-12 * s.sum()
    about = 0 * s[0] + (1 if excess > share else -1 if excess < -share else 0)
    zero = 0 * s
    bound = t * s
    low, high = np.where(bound < 0, bound, zero), np.where(bound > 0, bound, zero)
    size = np.abs(kernel).max()
    begun = _begun(kernel, t - about, start * low, start * high, excess, size)
    if begun.trouble:
        return _none(problem, f"At C = {C_min:g} {begun.trouble}.")
    ramp = Ramp(kernel, np.array([t - about, zero]), np.array([zero, low]), np.array([zero, high]), size)
    walk = walked(ramp, begun.sets[-1], start, end)
    if not walk.places:
        return _none(problem, f"At C = {C_min:g} {walk.trouble}.")
    return _certified(problem, pools, walk, int(about), rows)


def _rational(value: Any) -> flint.fmpq:
    return flint.fmpq(*float(value).as_integer_ratio())


def _vector(values: np.ndarray, number: Any) -> np.ndarray:
    held = [number(v) for v in values]
    return np.array(held, dtype=object if number is _rational else float)


def _summed(weights: np.ndarray, pools: Pooled) -> np.ndarray:
    """The pools' weights, summed in rationals."""
    total = np.array([flint.fmpq(0)] * len(pools.first), dtype=object)
    for i in np.flatnonzero(pools.of >= 0):
        total[pools.of[i]] += _rational(weights[i])
    return total


def _rational_inputs(problem: HingeProblem, pools: Pooled) -> np.ndarray:
    """The pools' inputs about the middle, (m, d)."""
    assert problem.inputs is not None
    assert problem.middle is not None
    middle = _vector(problem.middle, _rational)
    return np.array([_vector(row, _rational) - middle for row in problem.inputs[pools.first]], dtype=object)


def _rational_kernel(problem: HingeProblem, pools: Pooled, rows: np.ndarray | None) -> np.ndarray:
    if rows is None:
        held = problem.kernel[np.ix_(pools.first, pools.first)]
        return np.array([_vector(row, _rational) for row in held], dtype=object)
    flat = flint.fmpq_mat(rows.shape[0], rows.shape[1], list(rows.ravel()))
    return np.array((flat * flat.transpose()).entries(), dtype=object).reshape(len(rows), len(rows))


def _begun(kernel: np.ndarray, target: np.ndarray, low: np.ndarray, high: np.ndarray, excess: Any, size: Any) -> Walk:
    """The optimum of a box, by following it from targets that make a corner of the box optimal.

    The larger class's duals are filled up, those with the least margins first, until they balance the other's.
    """
    positive = np.array(high > 0, bool)
    full = np.where(positive, high, low)
    is_larger = positive == (excess >= 0)
    larger, smaller = np.flatnonzero(is_larger), np.flatnonzero(~is_larger)
    sets = np.where(positive != is_larger, HIGH, LOW)
    beta = 0 * full
    beta[smaller] = full[smaller]
    left = abs(full[smaller].sum())
    pushed = kernel @ beta
    tiny = 0 if kernel.dtype == object else 1e-13 * left
    for i in larger[np.argsort(pushed[larger] * (1 if excess >= 0 else -1), kind="stable")]:
        if left <= tiny:
            break
        if left >= abs(full[i]) - tiny:
            beta[i], sets[i], left = full[i], -sets[i], left - abs(full[i])
        else:
            beta[i], sets[i], left = (left if full[i] > 0 else -left), BETWEEN, 0 * left
    fitted = kernel @ beta
    away = np.abs(fitted).max() + np.abs(target).max() + 0 * left
    from_here = fitted + (away if away > 0 else away + 1) * sets
    zero = 0 * full
    ramp = Ramp(kernel, np.array([from_here, target - from_here]), np.array([low, zero]), np.array([high, zero]), size)
    return walked(ramp, sets, 0 * left, 0 * left + 1)


# ---------------------------------------------------------------------------------------------------------- certificate


def _none(problem: HingeProblem, message: str) -> Traced:
    n = len(problem.labels)
    nothing, rows = np.zeros(0), np.zeros((0, n))
    return Traced(nothing, rows, np.zeros((0, 0)), nothing, np.zeros((0, n), int), nothing, nothing, message)


def _certified(problem: HingeProblem, pools: Pooled, walk: Walk, about: int, rational: np.ndarray | None) -> Traced:
    """The walk as floats of all examples, up to where its gaps, at breakpoints and halfway between, end to hold."""
    Cs = _floats(np.array(walk.places))
    # Rationals that are one float: the last of them stands for all.
    kept = np.flatnonzero(np.append(np.diff(Cs) > 0, True))
    Cs = Cs[kept]
    # Rationals are rounded once, at the end.
    biases = _floats(np.array(walk.biases)[kept] + about)
    betas, sets = np.array(walk.betas)[kept], np.array(walk.sets)[kept]
    weights = _floats(betas @ rational) if rational is not None else None
    duals = _spread(problem, pools, Cs, _floats(betas) * pools.labels, sets)
    if weights is None and problem.inputs is not None:
        weights = (duals * problem.labels) @ (problem.inputs - problem.middle)
    weights = np.zeros((len(Cs), 0)) if weights is None else weights
    every = Cs, duals, weights, biases
    objective, gap, lost = certificates(problem, *every)
    between = certificates(problem, *(0.5 * (part[1:] + part[:-1]) for part in every))
    sure = gap <= CERTAIN + lost
    bad = np.flatnonzero(~sure | ~np.append(between[1] <= CERTAIN + between[2], True))
    good, message = len(Cs), ""
    if len(bad):
        good = int(bad[0]) + int(sure[bad[0]])
        message = f"beyond C = {Cs[max(good - 1, 0)]:.6g} rounding leaves no certified path"
    elif walk.trouble:
        message = f"at C = {Cs[-1]:.6g} {walk.trouble}"
    support = _support(problem, Cs, duals, pools, sets)[: max(good - 1, 0)]
    Cs, duals, weights, biases = (part[:good] for part in every)
    message = f"{message}." if message else ""
    return Traced(Cs, duals, weights, biases, support, objective[:good], gap[:good], message)


def _floats(values: np.ndarray) -> np.ndarray:
    """The same as floats, rationals rounded to the nearest."""
    if values.dtype != object:
        return values
    return np.array([int(v.p) / int(v.q) for v in values.ravel()]).reshape(values.shape)


def _spread(problem: HingeProblem, pools: Pooled, Cs: np.ndarray, duals: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """The pools' duals, (k, m), shared out to the examples by weight, (k, n); exactly at their ends where they are."""
    full = (sets != BETWEEN) & ((sets == HIGH) == (pools.labels > 0))
    share = duals / pools.weights
    share = np.where(sets == BETWEEN, np.clip(share, 0.0, Cs[:, None]), np.where(full, Cs[:, None], 0.0))
    kept = np.flatnonzero(pools.of >= 0)
    held = np.zeros((len(Cs), len(pools.of)))
    held[:, kept] = share[:, pools.of[kept]] * problem.weights[kept]
    return held


def _support(problem: HingeProblem, Cs: np.ndarray, duals: np.ndarray, pools: Pooled, sets: np.ndarray) -> np.ndarray:
    """The sets between breakpoints: those walked with, and between where a dual leaves its end all the same."""
    full = (sets == HIGH) == (pools.labels > 0)
    codes = np.where(sets == BETWEEN, FREE, np.where(full, BOUNDED, ZERO))[:-1]
    codes = np.where(pools.of >= 0, codes[:, pools.of], ZERO)
    middle, limit = 0.5 * (duals[1:] + duals[:-1]), 0.5 * (Cs[1:] + Cs[:-1])[:, None] * problem.weights
    inside = (middle > 1e-9 * limit) & (middle < limit - 1e-9 * limit)
    return np.where(inside, FREE, codes)


def certificates(
    problem: HingeProblem, Cs: np.ndarray, duals: np.ndarray, weights: np.ndarray, biases: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The primal values, the relative gaps, and what is lost of these where a margin of 1 is rounded.

    Args:
        problem: what the path is of.
        Cs: (k,).
        duals: (k, n), in their boxes.
        weights: (k, d) for the linear kernel, else (k, 0).
        biases: (k,).

    Returns:
        Three arrays (k,).
    """
    betas = duals * problem.labels
    if problem.inputs is None:
        fitted = betas @ problem.kernel
        sizes = np.abs(betas) @ np.abs(problem.kernel)
        half = dual_half = 0.5 * np.sum(betas * fitted, axis=1)
    else:
        inputs = problem.inputs - problem.middle
        fitted, sizes = weights @ inputs.T, np.abs(weights) @ np.abs(inputs).T
        half, dual_half = (0.5 * np.sum(w * w, axis=1) for w in (weights, betas @ inputs))
    margins = problem.labels * (fitted + biases[:, None])
    primal = half + Cs * (np.maximum(0.0, 1.0 - margins) @ problem.weights)
    # What sum_i beta_i is off 0 by rounding costs the bound as much times the bias.
    dual = duals.sum(axis=1) - dual_half - np.abs(betas.sum(axis=1) * biases)
    sizes = sizes + np.abs(biases)[:, None] + 1.0
    lost = 4e-15 * Cs * (((np.abs(margins - 1.0) <= 1e-9 * sizes) * sizes) @ problem.weights)
    return primal, np.abs(primal - dual) / primal, np.minimum(lost / primal, LOST)
