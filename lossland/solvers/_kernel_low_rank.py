"""Kernel machines of a low rank, by Nystrom or random features; the gap is that of the exact kernel."""

from typing import Any

import jax
import numpy as np

from lossland.core import Key
from lossland.data import Dataset
from lossland.solvers._kernel_machine import KernelProblem, KernelSolution, losses_at
from lossland.solvers._kernels import evaluate, pivoted_cholesky, rbf, row_blocks
from lossland.solvers._solve import Solution, solve
from lossland.training import feature_map


def by_representers(problem: KernelProblem, rank: int, tol: float) -> KernelSolution:
    """Solve over the span of some representers; the certificate is computed with the exact kernel, block by block."""
    if not 1 <= rank:
        raise ValueError(f"rank must be at least 1, not {rank}.")
    factor, chosen = pivoted_cholesky(problem.kernel, problem.inputs, min(rank, len(problem.labels)))
    sol = _linear(problem, factor, tol)
    # f = sum_p a_p k(x_p, .) with L_P^T a = w has the scores L w and the norm |w|: the objective is exact.
    coefficients = np.linalg.solve(factor[chosen].T, sol.weights)
    beta = sol.duals * problem.labels
    square = float(beta @ _fitted(problem, beta))
    dual = float(sol.dual_objective + 0.5 * np.sum((factor.T @ beta) ** 2) - 0.5 * square)
    losses = losses_at(problem, factor @ sol.weights + sol.bias)
    size = 0.5 * float(sol.weights @ sol.weights) + float(np.abs(losses).sum())
    found = _approximate(problem, sol, float(sol.objective), dual, size, len(chosen), tol)
    return found._replace(coefficients=coefficients, inputs=problem.inputs[chosen])


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
    losses = losses_at(problem, fitted + bias)
    dual = float(sol.dual_objective + 0.5 * np.sum((features.T @ beta) ** 2) - half)
    primal, size = half + float(losses.sum()), half + float(np.abs(losses).sum())
    found = _approximate(problem, sol, primal, dual, size, rank, tol)
    return found._replace(bias=bias, bias_interval=np.array([bias, bias]))


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


def _approximate(
    problem: KernelProblem, sol: Solution, primal: float, dual: float, size: float, rank: int, tol: float
) -> KernelSolution:
    gap = 0.0 if primal == dual else abs(primal - dual) / size
    done, n = bool(gap <= tol), len(problem.labels)
    message = (
        f"The relative gap to the exact kernel is {gap:.2g}, above tol = {tol:g}; rank {rank} for {n} "
        f"examples allows no better. Raise the rank."
    )
    duals = np.asarray(sol.duals)
    return KernelSolution(
        duals * problem.labels, float(sol.bias), duals, primal, dual, gap, int(sol.iterations), done,
        np.asarray(sol.bias_interval), np.asarray(sol.support), problem.inputs, problem.kernel, "" if done else message,
    )  # fmt: skip
