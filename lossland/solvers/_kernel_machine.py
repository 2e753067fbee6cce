"""What the solvers of kernel machines share: the problem, its solution with a certificate, the losses at scores."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from lossland.proofs import PROVEN
from lossland.solvers._convex_form import Form


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


class KernelProblem(NamedTuple):
    """Inputs (n, d), labels (n,), weights c (n,) all positive, the loss, the kernel."""

    inputs: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    form: Form
    kernel: Callable[[Any, Any], Any]


def losses_at(problem: KernelProblem, scores: np.ndarray) -> np.ndarray:
    with jax.enable_x64(True):
        return problem.weights * np.asarray(problem.form.pair(scores, problem.labels))
