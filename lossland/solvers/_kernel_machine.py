"""What the solvers of kernel machines share: the problem, its solution with a certificate, the losses at scores."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from lossland.core import html_repr, plotted, short_repr
from lossland.elements import Pair, jit_by_pair
from lossland.proofs import PROVEN
from lossland.solvers._convex_form import Form
from lossland.solvers._exact_value import exact_bound, exact_primal, exact_problem
from lossland.solvers._kernels import distinct_rows, evaluate
from lossland.solvers._rounded_point import as_double, exact_ratio
from lossland.solvers._rounding import UNIT, steepness

FEW = 100
"""Examples up to which the gap is computed in rational arithmetic whenever rounding shows in it, for milliseconds."""
EXACTLY = 1000
"""Examples up to which a gap that rounding leaves open is computed in rational arithmetic, for seconds."""


class KernelSolution(NamedTuple):
    """A kernel machine and its certificate.

    Attributes:
        coefficients: (m,), the decision function is sum_j coefficients_j k(x_j, .) + bias.
        bias: a scalar, the middle of `bias_interval`.
        duals: (n,), alpha_i = -c_i phi'(m_i) of every example; with the full matrix, coefficients = alpha * labels,
            up to equal rows, whose coefficients are added up on the first.
        objective: the primal value of this decision function, in the RKHS norm of the exact kernel.
        dual_objective: the dual value at `duals` with the exact kernel, a lower bound of every primal value.
        gap: (objective - dual_objective) / (the sum of the absolute values of the objective's terms).
        iterations: steps taken.
        converged: gap <= tol.
        bias_interval: (2,), the least and the largest optimal bias.
        support: (n,), 0 where alpha = 0, 2 where alpha is at its limit, 1 between.
        inputs: (m, d), the inputs that the coefficients belong to.
        kernel: the function (a, b) -> (len(a), len(b)) with its parameters bound.
        message: why it did not converge; empty if it did.
        convexity: as `Solution`'s.
    """

    coefficients: np.ndarray
    bias: float
    duals: np.ndarray
    objective: float
    dual_objective: float
    gap: float
    iterations: int
    converged: bool
    bias_interval: np.ndarray
    support: np.ndarray
    inputs: np.ndarray
    kernel: Callable[[Any, Any], Any]
    message: str
    convexity: str = PROVEN

    __repr__ = short_repr
    _repr_html_ = html_repr
    plot = plotted


class KernelProblem(NamedTuple):
    """Inputs (n, d), labels (n,), weights c (n,) all positive, the loss, the kernel."""

    inputs: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    form: Form
    kernel: Callable[[Any, Any], Any]


def losses_at(problem: KernelProblem, scores: np.ndarray) -> np.ndarray:
    with jax.enable_x64(True):
        return problem.weights * np.asarray(_losses(problem.form.pair, scores, problem.labels))


@jit_by_pair((0,))
def _losses(pair: Pair, scores: jax.Array, labels: jax.Array) -> jax.Array:
    return pair(scores, labels)


class Values(NamedTuple):
    """A machine's objective, its lower bound, and the gap between them with what rounding may hide of it.

    They are those of the coefficients and the bias times `scale`, which lifts margins of 1 less a digit to 1.
    """

    objective: float
    dual_objective: float
    gap: float
    scale: float = 1.0


class Reached(NamedTuple):
    """What a machine's values are of.

    Attributes:
        rows: (m,), the examples whose coefficients are not all zero.
        coefficients: (m,).
        bias: a number.
        scores: (n,).
        duals: (n,).
        half: 1/2 ||f||^2.
        dual: the dual value.
        sure: whether the dual value has no rounding to be asked about.
    """

    rows: np.ndarray
    coefficients: np.ndarray
    bias: float
    scores: np.ndarray
    duals: np.ndarray
    half: float
    dual: float
    sure: bool = False


def values(problem: KernelProblem, diagonal: np.ndarray, at: Reached, tol: float) -> Values:
    """The values of a machine; in rational arithmetic where float64 leaves the gap open.

    Args:
        problem: the problem.
        diagonal: (n,), k(x_i, x_i), by which the kernel's entries are bounded.
        at: the machine.
        tol: the relative gap that is asked for.
    """
    losses = losses_at(problem, at.scores)
    objective, size = at.half + float(losses.sum()), at.half + float(np.abs(losses).sum())
    apart = abs(objective - at.dual)
    if apart == 0 and size == 0:
        return Values(objective, at.dual, 0.0)
    gap = (apart + _doubt(problem, diagonal, at, size)) / size
    few = len(problem.labels) <= FEW and not gap <= min(tol, 1e-12)
    exactly = few or (len(problem.labels) <= EXACTLY and not gap <= tol)
    if exactly and not at.sure and problem.form.terms is not None:
        return _exact_values(problem, at) or Values(objective, at.dual, gap)
    return Values(objective, at.dual, gap)


def _doubt(problem: KernelProblem, diagonal: np.ndarray, at: Reached, size: float) -> float:
    """What rounding may hide: |k(x, y)|^2 <= k(x, x) k(y, y) bounds every sum."""
    n, length = len(problem.labels), np.sqrt(np.abs(diagonal))
    wrong = (n + 4) * UNIT * (length * float(length[at.rows] @ np.abs(at.coefficients)) + abs(at.bias))
    steep = steepness(problem.form.terms, problem.labels, problem.weights, at.scores, at.duals, wrong)
    total = float(np.abs(at.duals).sum())
    off = abs(float(problem.labels @ at.duals)) + n * UNIT * total
    # The duals of equal inputs with both labels cancel before they meet the kernel.
    if distinct_rows(problem.inputs):
        weighed = float(length @ np.abs(at.duals))
    else:
        _, first, of = np.unique(problem.inputs, axis=0, return_index=True, return_inverse=True)
        weighed = float(length[first] @ np.abs(np.bincount(of.ravel(), problem.labels * at.duals)))
    lost = n * UNIT * total * (1.0 + float(np.abs(at.scores - at.bias).max()))
    of_dual = 0.0 if at.sure else 2.0 * n * UNIT * weighed**2 + lost + off * (abs(at.bias) + 1.0)
    return float(steep @ wrong) + 16.0 * n * UNIT * size + of_dual


def _exact_values(problem: KernelProblem, at: Reached) -> Values | None:
    """The same in rational arithmetic of the matrix of doubles; None where there is no finite bound."""
    terms = problem.form.terms
    assert terms is not None
    matrix = evaluate(problem.kernel, problem.inputs, problem.inputs)
    matrix = 0.5 * (matrix + matrix.T)
    exact = exact_problem(terms, matrix, problem.labels, problem.weights, True)._replace(kernel=True)
    bound = exact_bound(exact, at.duals)
    if bound is None:
        return None
    coefficients = np.zeros(len(matrix))
    coefficients[at.rows] = at.coefficients
    length = np.sqrt(np.abs(matrix.diagonal()))
    best = None
    for digits in (None, -50, -47, -44, -41, -38, -35, -32, -29):
        scale = 1.0 if digits is None else 1.0 + 2.0**digits
        found = exact_primal(exact, scale * coefficients, scale * at.bias)
        if found is None:
            continue
        # The kernel's entries are themselves rounded: by so much the scores are open.
        wrong = 4.0 * UNIT * length * float(length[at.rows] @ np.abs(scale * at.coefficients))
        scores = scale * (matrix @ coefficients + at.bias)
        steep = steepness(terms, problem.labels, problem.weights, scores, at.duals, wrong + 4.0 * UNIT * np.abs(scores))
        primal, size = as_double(found[0]), as_double(found[1])
        gap = exact_ratio(abs(found[0] - bound), found[1]) + (float(steep @ wrong) / size if size > 0 else 0.0)
        # A scale that does not decide anything is left alone.
        if best is None or gap < 0.5 * best.gap:
            best = Values(primal, as_double(bound), gap, scale)
    return best
