"""The objective of a smooth loss, its derivatives and the bound that they give, at points on the host."""

from typing import Any

import numpy as np

from lossland.solvers import _host_algebra as host
from lossland.solvers import _normal_equations as normal
from lossland.solvers._elementwise import HostLoss
from lossland.solvers._host_algebra import Columns
from lossland.solvers._newton import NewtonPoint, NewtonProblem


def objective(loss: HostLoss, problem: NewtonProblem, scores: np.ndarray, point: np.ndarray) -> np.ndarray:
    """The objective, (k,), at scores (k or 1, n) of points (k or 1, size)."""
    held = loss.values(
        np.broadcast_to(scores, (max(len(scores), len(problem.labels)), scores.shape[1])), problem.labels
    )
    losses = np.where(problem.weights > 0, problem.weights * held, 0.0)
    return normal.half_square(problem.design, point) + losses.sum(axis=1)


def placed(loss: HostLoss, columns: Columns, problem: NewtonProblem, point: np.ndarray) -> NewtonPoint:
    """The objective and its derivatives at given points, as `_newton`'s; with a free bias there is no bound yet."""

    def seen(part: slice) -> tuple[np.ndarray, ...]:
        own = host.of_rows(columns, part)
        scores = host.margins_of(own, point)
        losses, slopes, bends, conjugates = loss.weighed(scores, problem.labels[:, part], problem.weights[:, part])
        total = losses.sum(axis=1)
        size = total if problem.infimum.min() >= 0 else np.abs(losses).sum(axis=1)
        return scores, slopes, bends, conjugates, total, size, host.pulled(own, slopes)

    scores, slopes, bends, conjugates, total, size, down = _whole(host.over_parts(columns, seen), 4)
    half = normal.half_square(problem.design, point)
    at = NewtonPoint(
        point=point,
        scores=scores,
        slopes=slopes,
        bends=bends,
        gradient=down + normal.penalised(problem.design, point),
        primal=half + total,
        size=half + size,
        dual=np.full(len(point), -np.inf),
        pull=-slopes,
        gains=-conjugates,
    )
    if problem.design.bias:
        return at
    return at._replace(dual=-normal.half_square(problem.design, down) + at.gains.sum(axis=1))


def bounded(columns: Columns, problem: NewtonProblem, at: NewtonPoint) -> NewtonPoint:
    """Points with the bounds that their slopes give, balanced where the bias is free."""
    if not problem.design.bias:
        return at
    side = at.pull.sum(axis=1, keepdims=True)
    weight = np.abs(at.pull).sum(axis=1, keepdims=True)
    # The heavier side gives up the share that is too much.
    kept = 1.0 - np.clip(np.abs(side) / np.maximum(0.5 * (weight + np.abs(side)), 1e-300), 0.0, 1.0)

    def balanced(part: slice) -> tuple[np.ndarray, ...]:
        pull, gains = at.pull[:, part], at.gains[:, part]
        share = np.where(pull * side > 0, kept, 1.0)
        pull = pull * share
        gains = gains * share
        if problem.infimum.any():
            labels, weights = problem.labels[:, part], problem.weights[:, part]
            lowest = weights * np.where(labels > 0, problem.infimum[0], problem.infimum[1])
            gains += np.where(share < 1.0, (1.0 - share) * lowest, 0.0)
        return pull, gains, gains.sum(axis=1), host.pulled(host.of_rows(columns, part), pull)

    pull, gains, total, drawn = _whole(host.over_parts(columns, balanced), 2)
    return at._replace(dual=total - normal.half_square(problem.design, drawn), pull=pull, gains=gains)


def _whole(parts: list[Any], rows: int) -> tuple[Any, ...]:
    """What parts of the examples gave: the first `rows` arrays side by side, the sum of each other."""
    if len(parts) == 1:
        return parts[0]
    found = list(zip(*parts, strict=True))
    joined = (np.concatenate(each, axis=1) for each in found[:rows])
    return *joined, *(sum(each[1:], each[0]) for each in found[rows:])
