"""The hard margin: the separating plane of largest margin, or a point that both classes' convex hulls have in common.

Minimising 1/2 ||w||^2 subject to t_i (x_i . w + b) >= 1 is the limit C = inf of every loss that vanishes from margin 1
on (Vapnik & Chervonenkis 1974). Its dual is unbounded where the classes cannot be separated; a convex combination of
positives that equals one of negatives then proves it (Gordan 1873).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.solvers import _interior_point as interior
from lossland.solvers import _normal_equations as normal
from lossland.solvers._active_set import polish
from lossland.solvers._certificates import balanced, dual_value
from lossland.solvers._normal_equations import Design
from lossland.solvers._plq import Terms, spread

ROUNDING = 1e-9
"""How far apart, relative to the largest input, two points may be that count as one."""


class NotSeparable(ValueError):
    """The classes cannot be separated.

    Attributes:
        combination: (n,), not negative, such that sum_i combination_i t_i x_i = 0 within rounding; with a bias the
            entries of each class sum to 1, so that the two convex hulls share a point; without one all sum to 1.
    """

    def __init__(self, message: str, combination: np.ndarray):
        # Both are arguments of the error, by which it is pickled and copied.
        super().__init__(message, combination)
        self.combination = combination

    def __str__(self) -> str:
        """The message alone."""
        return str(self.args[0])


class Separation(NamedTuple):
    """The widest separation: point (d + bias,), duals (n,), the objective, its lower bound, iterations."""

    point: np.ndarray
    duals: np.ndarray
    objective: float
    dual_objective: float
    iterations: int


def separate(inputs: np.ndarray, labels: np.ndarray, bias: bool, steps: int) -> Separation:
    """The hard-margin solution.

    Args:
        inputs: (n, d).
        labels: (n,), both classes.
        bias: whether the plane may miss the origin.
        steps: the most iterations.

    Returns:
        The separation; its duals satisfy their constraints.

    Raises:
        NotSeparable: with a certificate.

    Example:
        >>> found = separate(np.array([[1.0, 2.0], [1.0, -1.0], [-1.0, 0.0]]), np.array([1.0, 1.0, -1.0]), True, 100)
        >>> round(float(found.point[0]), 9), round(found.objective, 9)
        (1.0, 0.5)
    """
    scale = float(np.abs(inputs).max()) or 1.0
    scaled = inputs / scale
    with jax.enable_x64(True):
        held = _interior(Design(jnp.asarray(scaled), bias), jnp.asarray(labels)[None], steps)
        point, alpha, dual, iterations = (np.asarray(part)[0] for part in held)
    weights = [w for w in (scaled.T @ (labels * alpha), point[: inputs.shape[1]]) if np.isfinite(w).all()]
    planes = [plane for plane in (_widest(scaled, labels, w, bias) for w in weights) if plane is not None]
    if not planes:
        raise _refusal(scaled, labels, alpha, bias)
    best = min(planes, key=lambda plane: np.sum(plane[: inputs.shape[1]] ** 2))
    # Inputs divided by s ask for weights multiplied by s: the objective falls by s^2.
    best[: inputs.shape[1]] /= scale
    objective = 0.5 * float(np.sum(best[: inputs.shape[1]] ** 2))
    return Separation(best, alpha / scale**2, objective, float(dual) / scale**2, int(iterations))


@jax.jit
def _interior(design: Design, labels: Array, steps: Array) -> tuple[Array, Array, Array, Array]:
    """The interior point's answer to the hard margin: point, duals, dual value, iterations."""
    one = jnp.ones((2, 1))
    rows = spread(Terms(one, 0 * one, jnp.inf * one, 0 * one, one[:, 0]), labels, jnp.ones_like(labels))
    design = normal.kept(design)
    at = interior.starting_point(design, labels, jnp.ones_like(labels), rows)
    at = interior.advance(design, labels, rows, at, steps, jnp.asarray(1e-13))
    found = polish(design, labels, rows, at, 2)
    # What is left of the duals of examples beyond the margin is rounding: 0 says so.
    few = jnp.where(found.beta > 1e-10 * found.beta.max(), found.beta, 0.0)
    few = balanced(rows, labels, few) if design.bias else few
    dual = dual_value(design, rows, labels, few)
    enough = dual >= found.dual * (1.0 - 1e-12)
    beta = jnp.where(enough[:, None, None], few, found.beta)
    return found.point, beta[:, 0], jnp.where(enough, dual, found.dual), at.iterations


def _widest(inputs: np.ndarray, labels: np.ndarray, weights: np.ndarray, bias: bool) -> np.ndarray | None:
    """The plane of a direction, scaled so that the smallest margin is 1; None if it does not separate."""
    scores = inputs @ weights
    low, high = scores[labels > 0].min(), scores[labels < 0].max()
    margin = 0.5 * (low - high) if bias else min(low, -high)
    # A margin of rounding size proves nothing.
    if not margin > 1e-12 * (np.abs(scores).max() + np.abs(weights).max()):
        return None
    plane = np.append(weights, -0.5 * (low + high)) if bias else weights.copy()
    return plane / margin


def _refusal(inputs: np.ndarray, labels: np.ndarray, alpha: np.ndarray, bias: bool) -> ValueError:
    """The certificate of common points, from the examples on which the dual piled its weight."""
    order = np.argsort(-np.where(np.isfinite(alpha), alpha, 0.0), kind="stable")
    most = [4 * (inputs.shape[1] + 2), *([len(labels)] if len(labels) <= 20_000 else [])]
    for count in most:
        rows = order[:count]
        combination = np.zeros(len(labels))
        combination[rows] = _combined(inputs[rows], labels[rows], bias)
        apart = np.abs((combination * labels) @ inputs).max()
        sums = [combination[labels > 0].sum(), combination[labels < 0].sum()] if bias else [combination.sum()]
        if apart <= ROUNDING and np.allclose(sums, 1.0, rtol=0, atol=ROUNDING):
            return NotSeparable(
                f"The classes cannot be separated, so C=inf has no solution: their convex hulls share a point, a "
                f"combination of {np.sum(combination > 0)} examples (the error's .combination). Give a finite C.",
                combination,
            )
    return ValueError(
        "C=inf: neither a separating plane nor a common point of the classes was found within rounding; the margin, "
        "if there is one, is below 1e-12 of the inputs' size. Give a finite C, or standardise the data."
    )


def _combined(inputs: np.ndarray, labels: np.ndarray, bias: bool) -> np.ndarray:
    """Non-negative weights that bring both classes' means together, by non-negative least squares."""
    from scipy.optimize import nnls

    sums = np.stack([labels > 0, labels < 0]) if bias else np.ones((1, len(labels)))
    matrix = np.concatenate([(labels[:, None] * inputs).T, sums.astype(float)])
    target: Any = np.concatenate([np.zeros(inputs.shape[1]), np.ones(len(sums))])
    try:
        return nnls(matrix, target, maxiter=50 * len(labels))[0]
    except RuntimeError:
        return np.zeros(len(labels))
