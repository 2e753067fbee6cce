"""The hinge's exact path in C as a box whose ends grow with C, from an exact start at C_min.

beta_i = t_i alpha_i lies between 0 and C s_i t_i. Equal inputs with equal labels are one example of their common
weight: no sum is lost by it, and their duals are shared out by weight.

The start needs no solver. Some beta is the optimum of targets of its own, made up from it; while these targets move to
the labels, the optimum is followed like any other path, and ends at the optimum of C_min with its exact sets.
"""

from fractions import Fraction
from typing import Any, NamedTuple

import flint
import numpy as np

from lossland.solvers._certificates import BOUNDED, FREE, ZERO
from lossland.solvers._parametric_qp import HIGH, LOW, Ramp, Walk, walked
from lossland.solvers._parametric_qp import FREE as BETWEEN

CERTAIN = 1e-9
"""The relative gap up to which a piece of the path counts as right."""


class HingeProblem(NamedTuple):
    """What the path is of: kernel (n, n), labels t (n,), weights s (n,); inputs (n, d) if the kernel is linear."""

    kernel: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    inputs: np.ndarray | None = None


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
    betas: np.ndarray
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
    kernel = _rational_kernel(problem, pools) if exact else problem.kernel[np.ix_(pools.first, pools.first)]
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
    begun = _begun(kernel, t - about, start * low, start * high, excess)
    if begun.trouble:
        return _none(problem, f"At C = {C_min:g} {begun.trouble}.")
    ramp = Ramp(kernel, np.array([t - about, zero]), np.array([zero, low]), np.array([zero, high]))
    walk = walked(ramp, begun.sets[-1], start, end)
    if not walk.places:
        return _none(problem, f"At C = {C_min:g} {walk.trouble}.")
    return _certified(problem, pools, walk, float(about), C_max)


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


def _rational_kernel(problem: HingeProblem, pools: Pooled) -> np.ndarray:
    if problem.inputs is None:
        rows = problem.kernel[np.ix_(pools.first, pools.first)]
        return np.array([[_rational(v) for v in row] for row in rows], dtype=object)
    rows = problem.inputs[pools.first]
    flat = flint.fmpq_mat(*rows.shape, [_rational(v) for v in rows.ravel()])
    return np.array((flat * flat.transpose()).entries(), dtype=object).reshape(len(rows), len(rows))


def _begun(kernel: np.ndarray, target: np.ndarray, low: np.ndarray, high: np.ndarray, excess: Any) -> Walk:
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
    size = np.abs(fitted).max() + np.abs(target).max() + 0 * left
    size = size if size > 0 else size + 1
    from_here = fitted + size * sets
    zero = 0 * full
    ramp = Ramp(kernel, np.array([from_here, target - from_here]), np.array([low, zero]), np.array([high, zero]))
    return walked(ramp, sets, 0 * left, 0 * left + 1)


# ---------------------------------------------------------------------------------------------------------- certificate


def _none(problem: HingeProblem, message: str) -> Traced:
    n = len(problem.labels)
    nothing, rows = np.zeros(0), np.zeros((0, n))
    return Traced(nothing, rows, rows, nothing, np.zeros((0, n), int), nothing, nothing, message)


def _certified(problem: HingeProblem, pools: Pooled, walk: Walk, about: float, C_max: float) -> Traced:
    """The walk as floats of all examples, up to where its gaps, at breakpoints and halfway between them, end to hold."""
    Cs = np.array([float(_float(C)) for C in walk.places])
    betas = np.array([[_float(v) for v in row] for row in walk.betas]).reshape(len(Cs), -1)
    biases = about + np.array([_float(b) for b in walk.biases])
    sets = np.array(walk.sets)
    duals = _spread(problem, pools, Cs, betas * pools.labels, sets)
    rows = duals * problem.labels
    objective, gap = certificates(problem, Cs, rows, biases)
    middles = [0.5 * (part[1:] + part[:-1]) for part in (Cs, rows, biases)]
    _, between = certificates(problem, *middles)
    good = len(Cs)
    bad = np.flatnonzero(~(np.append(between, 0.0) <= CERTAIN) | ~(gap <= CERTAIN))
    message = ""
    if len(bad):
        good = int(bad[0]) + (1 if gap[bad[0]] <= CERTAIN else 0)
        message = f"beyond C = {Cs[max(good - 1, 0)]:.6g} rounding leaves no certified path"
    elif walk.trouble:
        message = f"at C = {Cs[-1]:.6g} {walk.trouble}"
    support = _support(problem, Cs, duals, pools, sets)[: max(good - 1, 0)]
    return Traced(Cs[:good], duals[:good], rows[:good], biases[:good], support, objective[:good], gap[:good], message)


def _float(value: Any) -> float:
    if isinstance(value, flint.fmpq):
        return float(Fraction(int(value.p), int(value.q)))
    return float(value)


def _spread(
    problem: HingeProblem, pools: Pooled, Cs: np.ndarray, duals: np.ndarray, sets: np.ndarray
) -> np.ndarray:
    """The pools' duals, (k, m), shared out to the examples by weight, (k, n); exactly at their ends where they are."""
    full = (sets != BETWEEN) & ((sets == HIGH) == (pools.labels > 0))
    share = duals / pools.weights
    share = np.where(sets == BETWEEN, np.clip(share, 0.0, Cs[:, None]), np.where(full, Cs[:, None], 0.0))
    kept = np.flatnonzero(pools.of >= 0)
    held = np.zeros((len(Cs), len(pools.of)))
    held[:, kept] = share[:, pools.of[kept]] * problem.weights[kept]
    return held


def _support(
    problem: HingeProblem, Cs: np.ndarray, duals: np.ndarray, pools: Pooled, sets: np.ndarray
) -> np.ndarray:
    """The sets between breakpoints: those walked with, and between where a dual leaves its end all the same."""
    full = (sets == HIGH) == (pools.labels > 0)
    codes = np.where(sets == BETWEEN, FREE, np.where(full, BOUNDED, ZERO))[:-1]
    codes = np.where(pools.of >= 0, codes[:, pools.of], ZERO)
    middle, limit = 0.5 * (duals[1:] + duals[:-1]), 0.5 * (Cs[1:] + Cs[:-1])[:, None] * problem.weights
    inside = (middle > 1e-9 * limit) & (middle < limit - 1e-9 * limit)
    return np.where(inside, FREE, codes)


def certificates(
    problem: HingeProblem, Cs: np.ndarray, betas: np.ndarray, biases: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The primal values and the relative gaps.

    Args:
        problem: what the path is of.
        Cs: (k,).
        betas: (k, n), t_i alpha_i.
        biases: (k,).

    Returns:
        Two arrays (k,).
    """
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
