"""The hard margin: the separating plane of largest margin, or a point that both classes' convex hulls have in common.

Minimising 1/2 ||w||^2 subject to t_i (x_i . w + b) >= 1 is the limit C = inf of every loss that vanishes from margin 1
on (Vapnik & Chervonenkis 1974). Its dual is unbounded where the classes cannot be separated; a convex combination of
positives that equals one of negatives then proves it (Gordan 1873).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.solvers import _interior_point as interior
from lossland.solvers import _normal_equations as normal
from lossland.solvers._active_set import polish
from lossland.solvers._certificates import FREE, ZERO, balanced, dual_value
from lossland.solvers._common_point import not_separable
from lossland.solvers._normal_equations import Design
from lossland.solvers._plq import Terms, spread
from lossland.solvers._rounding import UNIT, Evaluated, certificate, frame_of
from lossland.solvers._second_look import HARD_MARGIN, Looked, affordable, look_again

CLOSE = 1e-12
"""The relative gap up to which float64 is taken to have solved it."""
NEITHER = (
    "C=inf: within rounding neither a separating plane nor a common point of the classes was found. If there is a "
    "margin, float64 weights cannot express it. Give a finite C, or move the data to 0 and standardise them."
)


def separate(inputs: np.ndarray, labels: np.ndarray, bias: bool, steps: int) -> Looked:
    """The hard-margin solution.

    Args:
        inputs: (n, d).
        labels: (n,), both classes.
        bias: whether the plane may miss the origin.
        steps: the most iterations.

    Returns:
        The separation, every margin at least 1 and the gap exact.

    Raises:
        NotSeparable: with a certificate.

    Example:
        >>> found = separate(np.array([[1.0, 2.0], [1.0, -1.0], [-1.0, 0.0]]), np.array([1.0, 1.0, -1.0]), True, 100)
        >>> round(float(found.weights[0]), 9), round(found.objective, 9)
        (1.0, 0.5)
    """
    centre = inputs.mean(axis=0) if bias else np.zeros(inputs.shape[1])
    centre = np.where(np.isfinite(centre), centre, 0.0)
    scale = float(np.abs(inputs - centre).max()) or 1.0
    scaled = (inputs - centre) / scale
    with jax.enable_x64(True):
        held = _interior(Design(jnp.asarray(scaled), bias), jnp.asarray(labels)[None], steps)
        point, alpha, iterations = (np.asarray(part)[0] for part in held)
    weights = [w for w in (scaled.T @ (labels * alpha), point[: inputs.shape[1]]) if np.isfinite(w).all()]
    planes = [_certified(inputs, labels, w / scale, bias, alpha / scale**2, iterations, centre) for w in weights]
    found = min((plane for plane in planes if plane is not None), key=lambda plane: plane.gap, default=None)
    if found is not None and found.gap <= CLOSE:
        return found
    if found is None:
        proof = not_separable(scaled, inputs, labels, alpha, bias)
        if proof is not None:
            raise proof
    endless = np.full(len(labels), np.inf)
    again = look_again(HARD_MARGIN, inputs, labels, endless, bias) if affordable(*inputs.shape) else None
    best = min((each for each in (found, again) if each is not None), key=lambda each: each.gap, default=None)
    if best is None:
        raise ValueError(NEITHER)
    return best


@jax.jit
def _interior(design: Design, labels: Array, steps: Array) -> tuple[Array, Array, Array]:
    """The interior point's answer to the hard margin: point, duals, iterations."""
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
    return found.point, beta[:, 0], at.iterations


def _certified(
    inputs: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    bias: bool,
    alpha: np.ndarray,
    iterations: int,
    centre: np.ndarray,
) -> Looked | None:
    """The plane of a direction, every margin at least 1, with its gap; None if it does not separate."""
    scores = inputs @ weights
    low, high = scores[labels > 0].min(), scores[labels < 0].max()
    margin = 0.5 * (low - high) if bias else min(low, -high)
    b = -0.5 * (low + high) if bias else 0.0
    # By so much a margin may be less than it looks.
    wrong = 2.0 * (inputs.shape[1] + 4) * UNIT * float(np.max(np.abs(inputs) @ np.abs(weights)) + abs(b))
    if not margin > 2.0 * wrong:
        return None
    w, b = weights / (margin - wrong), b / (margin - wrong)
    scores = (inputs @ w + b)[None]
    at = Evaluated(w[None], np.array([b]), scores, np.zeros_like(scores), alpha[None], alpha[None])
    frame = frame_of(inputs, centre if centre.any() else None, bias)
    proof = certificate(None, frame, labels[None], np.ones((1, len(labels))), at, CLOSE)
    # No margin is short of 1: their rounding is paid for already.
    gap = float((abs(proof.objective - proof.dual_objective) + proof.doubt)[0] / proof.size[0])
    support = np.where(alpha > 0, FREE, ZERO).astype(np.int8)
    return Looked(
        w, b, alpha, float(proof.objective[0]), float(proof.dual_objective[0]), gap, int(iterations),
        np.array([b, b]), support,
    )  # fmt: skip
