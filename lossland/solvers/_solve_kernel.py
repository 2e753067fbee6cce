"""`solve_kernel`: the exact minimum of a convex loss over a kernel's functions, certified by its duality gap."""

import contextlib
from typing import Any, Literal, NamedTuple

import numpy as np

from lossland.core import Key, Reals, guarded, keep_compiled, promoting
from lossland.data import Dataset, refuse_soft
from lossland.solvers import _box_qp as boxes
from lossland.solvers import _kernel_newton as representers
from lossland.solvers._blas import one_thread
from lossland.solvers._certificates import BOUNDED, FREE, ZERO
from lossland.solvers._convex_form import convex_form
from lossland.solvers._kernel_low_rank import by_features, by_representers
from lossland.solvers._kernel_machine import KernelProblem, KernelSolution, Reached, values
from lossland.solvers._kernels import Kernel, bound_kernel, checked_matrix, distinct_rows, evaluate, row_blocks
from lossland.solvers._problems import check_bounded, check_tol, problems

SMALL = 150
"""Examples up to which what the full matrix left open is solved once more, linear in its factor's columns."""
ALONE = 3000
"""Examples up to which products of matrices keep to one thread."""
LARGEST = 6000
"""Examples whose kernel matrix is held in full, 0.3 GB of float64; beyond it a rank is asked for."""


@promoting
@guarded(degree=1, rank=1)
def solve_kernel(
    loss: Any,
    data: Dataset,
    *,
    C: float | None = None,
    l2: float | None = None,
    kernel: Kernel = "rbf",
    gamma: float | Literal["scale"] = "scale",
    degree: int = 3,
    coef0: float = 0.0,
    sample_weights: Reals = None,
    rank: int | None = None,
    approximation: Literal["nystrom", "random_features"] = "nystrom",
    key: Key | None = None,
    tol: float = 1e-8,
) -> KernelSolution:
    r"""Minimise :math:`\frac12 \|f\|_k^2 + C \sum_i s_i \, \phi(t_i (f(x_i) + b))` over a kernel's functions f and b.

    Losses with kinks (hinge, absolute) are solved by pairs of coordinates followed by whole active sets, with an
    interior point behind them; smooth ones by Newton's method in the representers' coefficients. All in float64.

    Args:
        loss: as for `solve`.
        data: from `load` or `Dataset`, inputs (n, d); labels -1 and +1.
        C: the weight of the losses, a positive scalar.
        l2: instead of C: C = 1 / (n * l2).
        kernel: "rbf", exp(-gamma |x - y|^2); "linear", x . y, which takes d representers; "polynomial",
            (gamma x . y + coef0)^degree; or a function of inputs (n, d) and (m, d) that gives (n, m).
        gamma: positive; "scale" is 1 / (d * the variance of all inputs), as in scikit-learn.
        degree: of the polynomial, a positive integer.
        coef0: of the polynomial.
        sample_weights: s, (n,), not negative.
        rank: work with an approximation of this rank, for n beyond a few thousand. Objective, dual value and gap are
            still those of the exact kernel, so the gap states the error.
        approximation: "nystrom": so many representers, chosen by pivoted Cholesky; "random_features": the duals of so
            many random Fourier features (for "rbf" only) are given to the exact kernel's representers.
        key: decides the random features.
        tol: the relative gap at which the answer counts as converged.

    Returns:
        A `KernelSolution`; `decision_function` evaluates it.

    Raises:
        ValueError: as `solve`; if the kernel's matrix is not finite, not symmetric or
            not positive semidefinite, a parameter is out of range, or n is too large and no rank is given.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset(inputs=[[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]], labels=[-1, -1, 1, 1])
        >>> sol = ll.solve_kernel("hinge", data, C=10.0, kernel="rbf", gamma=1.0)
        >>> ll.decision_function(sol, data.inputs).round(6).tolist(), sol.converged
        ([-1.0, -1.0, 1.0, 1.0], True)

    Sources: Cortes & Vapnik (1995); Fan, Chen & Lin (2005); Chapelle (2007); Harbrecht, Peters & Schneider (2012);
    Rahimi & Recht (2007).
    """
    refuse_soft(data, "solve_kernel")
    check_tol(tol)
    keep_compiled()
    form = convex_form(loss)
    t, c, shape = problems(data, C, l2, sample_weights, None)
    check_bounded(form, t, c, True)
    if shape != ():
        raise ValueError(
            f"solve_kernel takes one C and one set of weights, not a batch of shape {shape}; loop over it."
        )
    if np.isinf(c).any():
        raise ValueError("solve_kernel takes a finite C; from the largest dual on, every C gives the hard margin.")
    k = bound_kernel(kernel, np.asarray(data.inputs), gamma, degree, coef0)
    kept = np.flatnonzero(c[0] > 0)
    problem = KernelProblem(np.asarray(data.inputs)[kept], t[0][kept], c[0][kept], form, k)
    if approximation not in ("nystrom", "random_features"):
        raise ValueError(f'approximation is "nystrom" or "random_features", not {approximation!r}.')
    if kernel == "linear" and rank is None and 2 * data.d < len(kept):
        rank = data.d
    if approximation == "random_features":
        found = by_features(problem, rank, key, tol)
    elif rank is not None:
        found = by_representers(problem, rank, tol)
    elif len(kept) > LARGEST:
        raise ValueError(
            f"The kernel matrix of {len(kept)} examples takes {8e-9 * len(kept) ** 2:.1f} GB. Give a rank, say "
            f"rank=500: the gap then tells what the approximation costs. Or take at most {LARGEST} examples."
        )
    else:
        # Few examples' products end before a second thread of them has begun.
        with one_thread() if len(kept) <= ALONE else contextlib.nullcontext():
            found = _full(problem, tol)
        if not found.converged and form.terms is not None and len(kept) <= SMALL:
            found = min(found, by_representers(problem, len(kept), tol), key=_gap)
    duals, support = np.zeros(data.n), np.zeros(data.n, int)
    duals[kept], support[kept] = found.duals, found.support
    return found._replace(duals=duals, support=support, convexity=form.convexity)


def _gap(found: KernelSolution) -> float:
    return found.gap if np.isfinite(found.gap) else np.inf


@guarded()
def decision_function(solution: KernelSolution, inputs: Reals) -> np.ndarray:
    """The scores f(x) + b of a kernel machine; their signs are the predicted labels.

    Args:
        solution: from `solve_kernel`.
        inputs: (m, d).

    Returns:
        The scores (m,), float64.

    Raises:
        ValueError: if the inputs have another number of columns than the machine's.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset(inputs=[[-1.0], [1.0]], labels=[-1, 1])
        >>> ll.decision_function(ll.solve_kernel("hinge", data, C=1.0, kernel="linear"), [[3.0]]).round(9).tolist()
        [3.0]
    """
    inputs = np.asarray(inputs, float)
    if inputs.ndim != 2 or inputs.shape[1] != solution.inputs.shape[1]:
        raise ValueError(f"inputs have shape {inputs.shape}; this machine takes (m, {solution.inputs.shape[1]}).")
    used = np.flatnonzero(solution.coefficients)
    total = np.full(len(inputs), solution.bias)
    for rows in row_blocks(len(inputs), max(len(used), 1)):
        total[rows] += evaluate(solution.kernel, inputs[rows], solution.inputs[used]) @ solution.coefficients[used]
    return total


# ------------------------------------------------------------------------------------------------------ the full matrix


class _Groups(NamedTuple):
    """Examples with equal inputs: the first example of every group (m,), and the group of every example (n,)."""

    first: np.ndarray
    of: np.ndarray

    def spread(self, beta: np.ndarray, fitted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients (m,), put on the first of every group, and scores (m,), the same for a whole group."""
        coefficients = np.zeros(len(self.of))
        coefficients[self.first] = beta
        return coefficients, fitted[self.of]


def _groups(inputs: np.ndarray) -> _Groups | None:
    """The groups in the order of their first examples; None if all inputs differ."""
    if distinct_rows(inputs):
        return None
    _, first, of = np.unique(inputs, axis=0, return_index=True, return_inverse=True)
    if len(first) == len(inputs):
        return None
    order = np.argsort(first)
    return _Groups(first[order], np.argsort(order)[of.ravel()])


def _full(problem: KernelProblem, tol: float) -> KernelSolution:
    whole, equal = checked_matrix(problem.kernel, problem.inputs), _groups(problem.inputs)
    matrix, of = (whole, None) if equal is None else (whole[np.ix_(equal.first, equal.first)], equal.of)
    terms = problem.form.terms
    if terms is not None and np.any((terms.soft == 0) & (terms.low < terms.high)):
        if equal is not None and not np.any(terms.soft):
            return _by_pools(problem, matrix, equal, tol)
        return _by_box(problem, whole, tol)
    machine = representers.Machine(matrix, problem.labels, problem.weights, problem.form.pair, of)
    at = representers.minimise_over_kernel(machine, tol=min(tol, 1e-12))
    duals = at.pulls * problem.labels
    beta, fitted = (at.beta, at.fitted) if equal is None else equal.spread(at.beta, at.fitted)
    support = np.where(duals == 0, ZERO, FREE)
    ends = np.array([at.bias, at.bias])
    return _certified(problem, beta, fitted, ends, duals, at.dual, at.iterations, support, whole.diagonal(), tol)


def _coordinates(problem: KernelProblem) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Every term of every example as a coordinate of the box: its target, its ends and its own curvature, (n, J)."""
    terms, t = problem.form.terms, problem.labels
    assert terms is not None
    knot, low, high, soft = (np.asarray(table)[np.where(t > 0, 0, 1)] for table in terms[:4])
    low, high, soft = problem.weights[:, None] * low, problem.weights[:, None] * high, soft / problem.weights[:, None]
    up = (t > 0)[:, None]
    return t[:, None] * knot, np.where(up, low, -high), np.where(up, high, -low), soft


def _by_box(problem: KernelProblem, matrix: np.ndarray, tol: float) -> KernelSolution:
    """A loss with kinks: every term of every example is a coordinate of the box."""
    target, low, high, soft = _coordinates(problem)
    count = target.shape[1]
    wide = matrix if count == 1 else np.kron(matrix, np.ones((count, count)))
    if soft.any():
        wide = wide + np.diag(soft.ravel())
    at = boxes.solve_box(boxes.Box(wide, target.ravel(), low.ravel(), high.ravel()), tol)
    parts = at.beta.reshape(-1, count)
    beta = parts.sum(1)
    gains = float(at.beta @ (target - 0.5 * soft * parts).ravel())
    fitted = matrix @ beta
    dual = gains - 0.5 * float(beta @ fitted) + _constants(problem)
    support = np.where(beta == 0, ZERO, np.where(((parts == low) | (parts == high)).all(1), BOUNDED, FREE))
    return _certified(
        problem, beta, fitted, at.bias_interval, beta * problem.labels, dual, at.iterations, support,
        matrix.diagonal(), tol,
    )  # fmt: skip


def _constants(problem: KernelProblem) -> float:
    assert problem.form.terms is not None
    return float(problem.weights @ np.asarray(problem.form.terms.constant)[np.where(problem.labels > 0, 0, 1)])


def _by_pools(problem: KernelProblem, matrix: np.ndarray, equal: _Groups, tol: float) -> KernelSolution:
    """A loss made of lines on inputs of which some are equal, whose kernel matrix without repetitions is given.

    The duals of equal inputs with both labels are of the size of C and cancel. So the box's coordinates are the
    distances from duals that cancel exactly: these drop out of K beta, which then loses no digits to them.
    """
    target, low, high, _ = _coordinates(problem)
    count = target.shape[1]
    # Equal inputs with equal labels are one example of their common weight.
    _, first, pool = np.unique(2 * equal.of + (problem.labels > 0), return_index=True, return_inverse=True)
    own = count * pool[:, None] + np.arange(count)
    least, most = (np.bincount(own.ravel(), end.ravel()) for end in (low, high))
    goal, owner = target[first].ravel(), np.repeat(equal.of[first], count)
    base = boxes.cancelling(goal, least, most, owner)
    box = boxes.Box(matrix[np.ix_(owner, owner)], goal, least - base, most - base)
    at = boxes.solve_box(box, tol)
    gamma = np.bincount(owner, at.beta)
    fitted = matrix @ gamma
    dual = float(goal @ base) + float(goal @ at.beta) - 0.5 * float(gamma @ fitted) + _constants(problem)
    share = problem.weights / np.bincount(pool, problem.weights)[pool]
    parts = np.clip(share[:, None] * (base + at.beta)[own], low, high)
    parts = np.where((at.beta == box.low)[own], low, np.where((at.beta == box.high)[own], high, parts))
    beta = parts.sum(1)
    support = np.where(beta == 0, ZERO, np.where(((parts == low) | (parts == high)).all(1), BOUNDED, FREE))
    coefficients, scores = equal.spread(gamma, fitted)
    return _certified(
        problem, coefficients, scores, at.bias_interval, beta * problem.labels, dual, at.iterations, support,
        matrix.diagonal()[equal.of], tol,
    )  # fmt: skip


def _certified(
    problem: KernelProblem,
    coefficients: np.ndarray,
    fitted: np.ndarray,
    ends: np.ndarray,
    duals: np.ndarray,
    dual: float,
    iterations: int,
    support: np.ndarray,
    diagonal: np.ndarray,
    tol: float,
) -> KernelSolution:
    finite = ends[np.isfinite(ends)]
    bias = float(finite.mean()) if len(finite) else 0.0
    rows = np.flatnonzero(coefficients)
    half = 0.5 * float(coefficients @ fitted)
    at = Reached(rows, coefficients[rows], bias, fitted + bias, duals, half, dual)
    objective, dual, gap, scale = values(problem, diagonal, at, tol)
    coefficients, bias, ends = scale * coefficients, scale * bias, scale * ends
    done = bool(gap <= tol)
    message = "" if done else f"The relative gap is {gap:.2g}, above tol = {tol:g}, after {iterations} iterations."
    return KernelSolution(
        coefficients, bias, duals, objective, dual, gap, iterations, done, ends, support, problem.inputs,
        problem.kernel, message,
    )  # fmt: skip
