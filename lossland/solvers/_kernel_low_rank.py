"""Kernel machines of a low rank, by Nystrom or random features; the gap is that of the exact kernel."""

from typing import Any

import jax
import numpy as np

from lossland.core import Key
from lossland.data import Dataset
from lossland.solvers._kernel_machine import KernelProblem, KernelSolution, Reached, losses_at, values
from lossland.solvers._kernels import diagonal_of, evaluate, is_linear, pivoted_cholesky, rbf, row_blocks
from lossland.solvers._solve import Solution, solve
from lossland.training import feature_map


def by_representers(problem: KernelProblem, rank: int, tol: float) -> KernelSolution:
    """Solve over the span of some representers; the certificate is computed with the exact kernel, block by block."""
    if not 1 <= rank:
        raise ValueError(f"rank must be at least 1, not {rank}.")
    factor, chosen = pivoted_cholesky(problem.kernel, problem.inputs, min(rank, len(problem.labels)))
    plain = is_linear(problem.kernel)
    # A linear kernel's features are the inputs, whose dual value has no kernel's rounding in it.
    features = problem.inputs if plain else factor
    sol = _linear(problem, features, tol)
    # f = sum_p a_p k(x_p, .) with L_P^T a = w has the scores L w and the norm |w|: the objective is exact.
    coefficients = np.linalg.lstsq(features[chosen].T, sol.weights)[0]
    beta = sol.duals * problem.labels
    dual = float(sol.dual_objective)
    if not plain:
        dual += 0.5 * float(np.sum((factor.T @ beta) ** 2) - beta @ _fitted(problem, beta))
    scores, half = features @ sol.weights + sol.bias, 0.5 * float(sol.weights @ sol.weights)
    at = Reached(chosen, coefficients, float(sol.bias), scores, np.asarray(sol.duals), half, dual, plain)
    return _approximate(problem, sol, at, len(chosen), tol)


def by_features(problem: KernelProblem, rank: int | None, key: Key | None, tol: float) -> KernelSolution:
    """The duals of a linear machine on random features, given to the exact kernel: they are feasible there too."""
    if getattr(problem.kernel, "func", None) is not rbf or rank is None or key is None:
        raise ValueError('approximation="random_features" needs kernel="rbf", a rank and a key.')
    with jax.enable_x64(True):
        width = (2.0 * problem.kernel.keywords["gamma"]) ** -0.5  # type: ignore[attr-defined]
        features = np.asarray(feature_map("rbf", rank, width, key)(jax.numpy.asarray(problem.inputs)))
    sol = _linear(problem, features, tol)
    beta = sol.duals * problem.labels
    fitted = _fitted(problem, beta)
    half = 0.5 * float(beta @ fitted)
    bias = _best_bias(problem, fitted, float(sol.bias))
    dual = float(sol.dual_objective + 0.5 * np.sum((features.T @ beta) ** 2) - half)
    at = Reached(np.arange(len(beta)), beta, bias, fitted + bias, np.asarray(sol.duals), half, dual)
    found = _approximate(problem, sol, at, rank, tol)
    return found._replace(bias_interval=np.array([found.bias, found.bias]))


def _linear(problem: KernelProblem, features: np.ndarray, tol: float) -> Solution:
    strength = float(problem.weights.max())
    data = Dataset(inputs=features, labels=problem.labels)
    return solve(problem.form.pair, data, C=strength, sample_weights=problem.weights / strength, tol=tol)


def _fitted(problem: KernelProblem, beta: np.ndarray) -> np.ndarray:
    """K beta with the exact kernel, block by block."""
    n = len(beta)
    return np.concatenate(
        [evaluate(problem.kernel, problem.inputs[r], problem.inputs) @ beta for r in row_blocks(n, n)]
    )


def _best_bias(problem: KernelProblem, fitted: np.ndarray, near: float) -> float:
    from scipy.optimize import minimize_scalar

    found: Any = minimize_scalar(
        lambda b: float(losses_at(problem, fitted + b).sum()), bracket=(near - 0.1, near + 0.1)
    )
    return float(found.x)


def _approximate(problem: KernelProblem, sol: Solution, at: Reached, rank: int, tol: float) -> KernelSolution:
    objective, dual, gap, scale = values(problem, diagonal_of(problem.kernel, problem.inputs), at, tol)
    done, n = bool(gap <= tol), len(problem.labels)
    message = (
        f"The relative gap to the exact kernel is {gap:.2g}, above tol = {tol:g}; rank {rank} for {n} "
        f"examples allows no better. Raise the rank."
    )
    return KernelSolution(
        scale * at.coefficients, scale * at.bias, at.duals, objective, dual, gap, int(sol.iterations), done,
        scale * np.asarray(sol.bias_interval), np.asarray(sol.support), problem.inputs[at.rows], problem.kernel,
        "" if done else message,
    )  # fmt: skip
