"""What solvers of many problems hand on: the optima of a loss made of parabolas and lines, finished from its points."""

from typing import Any, NamedTuple

import numpy as np

from lossland.solvers import _normal_equations as normal
from lossland.solvers._certificates import BOUNDED, FREE, ZERO, bias_interval
from lossland.solvers._normal_equations import Design
from lossland.solvers._plq import Rows, Terms, array_module


class Optimum(NamedTuple):
    """The optima of k problems, as a compiled program or the host returns them.

    Attributes:
        point: (k, d + bias), the weights and the bias.
        duals: (k, n); these and the rest as `Solution`'s.
        iterations: (k,).
        interval: (k, 2).
        support: (k, n).
        gains: (k, n), the examples' part of the dual value.
    """

    point: Any
    duals: Any
    iterations: Any
    interval: Any
    support: Any
    gains: Any


class Stop(NamedTuple):
    """When to stop: the most steps, the relative gap, the most rounds of polish."""

    steps: Any
    tol: Any
    rounds: Any


def finished(
    design: Design, labels: Any, weights: Any, terms: Terms, rows: Rows, point: Any, beta: Any, iterations: Any
) -> Optimum:
    """The optima at points (k, d + bias) and dual points (k, J, n): biases that are as good, supports and gains."""
    xp = array_module(point)
    interval = xp.zeros((point.shape[0], 2))
    if design.bias:
        low, high = bias_interval(rows, labels, normal.scores(design, normal.penalised(design, point)), beta)
        free = ~((low < high) & xp.isfinite(high - low))
        low, high = xp.where(free, point[:, -1], low), xp.where(free, point[:, -1], high)
        point = xp.concatenate([point[:, :-1], 0.5 * (low + high)[:, None]], axis=1)
        interval = xp.stack([low, high], axis=1)
    fixed = xp.where(labels > 0, terms.constant[0], terms.constant[1])
    alpha = beta.sum(axis=1)
    ended = ((beta == rows.low) | (beta == rows.high) | (rows.counts == 0)).all(axis=1)
    support = xp.where(alpha == 0, ZERO, xp.where(ended, BOUNDED, FREE)).astype(np.int8)
    gains = xp.where(rows.counts > 0, beta * (rows.knot - 0.5 * rows.soft * beta), 0.0).sum(axis=1)
    return Optimum(point, alpha, iterations, interval, support, gains + weights * fixed)
