"""Paths of solutions as C grows: a grid by one batched solve, and the hinge's exact path, piecewise linear in C."""

from typing import Any, Literal, NamedTuple

import numpy as np

from lossland.core import (
    Reals,
    checked_weights,
    guarded,
    html_repr,
    plotted,
    promoting,
    shaped_weights,
    short_repr,
    takes_sparse,
)
from lossland.data import Dataset, refuse_soft
from lossland.solvers._hinge_walk import HingeProblem, Traced, pooled, traced
from lossland.solvers._kernels import Kernel, bound_kernel, checked_matrix
from lossland.solvers._problems import refuse_traced
from lossland.solvers._solve import Solution, solve

LARGEST = 3000
"""Examples that the exact path takes: it holds the kernel matrix, and the path has of the order of n breakpoints."""
RATIONAL = 120
"""Different examples up to which a path that rounding spoils is walked again in rational numbers."""


class HingePath(NamedTuple):
    """The hinge's solutions for every C between the first and the last breakpoint, linear in C in between.

    Equal examples share a dual by their weights. Where the duals are not unique these are some that are optimal.

    Attributes:
        Cs: (k,), increasing: C_min, the breakpoints, C_max.
        duals: (k, n), alpha at each of them.
        bias: (k,), the middle of the optimal interval where it is one.
        weights: (k, d) for the linear kernel, else (k, 0).
        objective: (k,), the primal value.
        gap: (k,), the relative duality gap.
        support: (k - 1, n), the sets between a breakpoint and the next: 0 beyond the margin, 1 on it, 2 inside it; on
            the margin too where the dual is 0 or at its limit all along.
        message: why the path ends before C_max; empty if it does not.
    """

    Cs: np.ndarray
    duals: np.ndarray
    bias: np.ndarray
    weights: np.ndarray
    objective: np.ndarray
    gap: np.ndarray
    support: np.ndarray
    message: str = ""

    __repr__ = short_repr
    _repr_html_ = html_repr
    plot = plotted


@promoting
@guarded()
@takes_sparse
def path(loss: Any, data: Dataset, Cs: Reals, **options: Any) -> Solution:
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
    refuse_traced(Cs=Cs)
    grid = np.asarray(Cs, float)
    if grid.ndim != 1:
        raise ValueError(f"Cs has shape {grid.shape}; a path takes a list of values of C, shape (k,).")
    return solve(loss, data, C=grid, **options)


@promoting
@guarded(degree=1)
def hinge_path(
    data: Dataset,
    C_min: float,
    C_max: float,
    *,
    kernel: Kernel = "linear",
    gamma: float | Literal["scale"] = "scale",
    degree: int = 3,
    coef0: float = 0.0,
    sample_weights: Reals = None,
) -> HingePath:
    r"""The exact path of the hinge's solutions from C_min to C_max, breakpoint by breakpoint.

    Classes may be of any sizes, examples may be repeated, with both labels too, and several may reach the margin at
    once. Every breakpoint carries its own duality gap, and so, unseen, does the middle between two. Where rounding
    spoils a path of up to 120 different examples, of the linear kernel or a kernel matrix of whole numbers, it is
    walked again in rational numbers.

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
        A `HingePath`; `path_at` evaluates it between breakpoints. Where rounding leaves no certified way on, it ends
        before C_max, and its message says where and why.

    Raises:
        ValueError: if C_min and C_max are not 0 < C_min < C_max < inf, there are too many examples, only one class has
            any weight, or not even the solution at C_min is certified.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset(inputs=[[1.0, 2.0], [1.0, -1.0], [0.0, 0.0]], labels=[1, 1, -1])
        >>> exact = ll.hinge_path(data, 0.01, 10.0)
        >>> ll.solvers.path_at(exact, 1.0)[0].round(6).tolist(), bool(exact.gap.max() < 1e-9)
        ([0.333333, 0.666667, 1.0], True)

    Source: Hastie, Rosset, Tibshirani & Zhu (2004).
    """
    refuse_traced(C_min=C_min, C_max=C_max, sample_weights=sample_weights)
    if not 0 < C_min < C_max < np.inf:
        raise ValueError(f"A path runs from C_min > 0 up to a larger, finite C_max, not from {C_min} to {C_max}.")
    if data.n > LARGEST:
        raise ValueError(f"The exact path takes at most {LARGEST} examples, not {data.n}; use path(loss, data, Cs).")
    refuse_soft(data, "hinge_path")
    inputs, t = np.asarray(data.inputs), np.asarray(data.labels)
    function = bound_kernel(kernel, inputs, gamma, degree, coef0)
    s = checked_weights(shaped_weights(data.n, sample_weights))
    for label in (-1, 1):
        if not np.any(s[t == label] > 0):
            raise ValueError(f"No example of label {label} has a weight: the path needs both classes.")
    linear = kernel == "linear"
    # About their middle, inputs lose no digits to an offset.
    middle = inputs.mean(axis=0)
    centred = inputs - middle
    matrix = centred @ centred.T if linear else checked_matrix(function, inputs)
    problem = HingeProblem(matrix, t, s, *((inputs, middle) if linear else ()))
    found = _best(problem, inputs, float(C_min), float(C_max))
    if not len(found.Cs):
        raise ValueError(f"No certified start at C_min = {C_min}: {found.message} {_WAYS_OUT}")
    message = f"The path ends before C_max = {C_max:g}: {found.message} {_WAYS_OUT}" if found.message else ""
    biases = found.biases - found.weights @ middle if linear else found.biases
    return HingePath(found.Cs, found.duals, biases, found.weights, found.objective, found.gap, found.support, message)


_WAYS_OUT = "Standardise the inputs, take a smaller range of C, or take a grid: path('hinge', data, Cs)."


def _best(problem: HingeProblem, inputs: np.ndarray, C_min: float, C_max: float) -> Traced:
    """The path in floats, or, if it does not come to its end and can be walked in rationals, in these."""
    pools = pooled(inputs, problem.labels, problem.weights)
    found = traced(problem, pools, C_min, C_max, exact=False)
    rational = problem.inputs is not None or np.array_equal(problem.kernel, np.rint(problem.kernel))
    doubtful = found.message or found.gap.max() > 1e-11
    if doubtful and rational and len(pools.first) <= RATIONAL:
        again = traced(problem, pools, C_min, C_max, exact=True)
        if not again.message or (len(again.Cs) and again.Cs[-1] > np.max(found.Cs, initial=0.0)):
            return again
    return found


@guarded()
def path_at(exact: HingePath, C: Reals) -> tuple[np.ndarray, np.ndarray]:
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
        ends = f"The path runs from C = {exact.Cs[0]:g} to {exact.Cs[-1]:g}; {C} is not all inside."
        raise ValueError(f"{ends} {exact.message}".rstrip())
    right = np.clip(np.searchsorted(exact.Cs, C), 1, len(exact.Cs) - 1)
    low, high = exact.Cs[right - 1], exact.Cs[right]
    share = np.where(high > low, (C - low) / np.where(high > low, high - low, 1.0), 1.0)
    duals = exact.duals[right - 1] + share[..., None] * (exact.duals[right] - exact.duals[right - 1])
    return duals, exact.bias[right - 1] + share * (exact.bias[right] - exact.bias[right - 1])
