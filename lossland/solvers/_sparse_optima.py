"""The optima of several problems on sparse inputs, one after another as C grows, each with its certificate."""

from typing import Any, NamedTuple

import numpy as np

from lossland.data import Dataset, needs_dense
from lossland.solvers._blas import one_thread
from lossland.solvers._certificates import BOUNDED, FREE, ZERO, balanced, bias_interval
from lossland.solvers._convex_form import Form
from lossland.solvers._elementwise import on_host, values_at
from lossland.solvers._plq import Rows, spread
from lossland.solvers._rounding import Evaluated, within
from lossland.solvers._second_look import Looked, together
from lossland.solvers._sparse_certificate import SparseFrame, sparse_certificate, sparse_frame
from lossland.solvers._sparse_descent import descended
from lossland.solvers._sparse_newton import (
    SparseFound,
    SparsePoint,
    SparseProblem,
    SparseStart,
    held,
    near,
    newton_sparse,
)

ROUNDS = 4
"""How often a problem is gone on with whose gap, rounding included, is larger than the one that was aimed at."""
FAR, ROOM = 1e-2, 10.0
"""The share of its box below which a dual is far from its end, and the room that smaller weights leave it."""


class _Warm(NamedTuple):
    """A point to start from: labels and weights that it is of, weights, bias, multipliers (1, J, n)."""

    t: np.ndarray
    c: np.ndarray
    at: SparseStart


def refuse_for_sparse(data: Dataset, c: np.ndarray, devices: Any) -> None:
    """Refuse what only dense inputs are solved for: C = inf, and rows cut over devices."""
    if np.isinf(c).any():
        raise needs_dense(data.inputs, "C=inf")
    if devices is not None:
        raise ValueError("Sparse inputs are solved on the host: leave devices out.")


def sparse_optima(form: Form, inputs: Any, t: np.ndarray, c: np.ndarray, bias: bool, tol: float, steps: int) -> Looked:
    """The optima of k problems of one loss on sparse inputs; each starts from the one before, of smaller weights.

    Args:
        form: the loss.
        inputs: (n, d), of compressed rows.
        t: labels, (1 or k, n).
        c: weights, (k, n), finite.
        bias: whether b is free.
        tol: the relative gap asked for.
        steps: the most steps.
    """
    rows: list[Any] = [None] * len(c)
    counts = [(row > 0).tobytes() for row in c]
    signs = [(row > 0).tobytes() for row in t]
    total = c.sum(axis=1)
    order = sorted(range(len(c)), key=lambda k: (counts[k], signs[k % len(t)], total[k]))
    frame: Any = None
    warm: _Warm | None = None
    kept, seen = np.arange(0), b""
    with one_thread(), np.errstate(over="ignore", invalid="ignore"):
        for k in order:
            if frame is None or counts[k] != seen:
                kept, seen, warm = np.flatnonzero(c[k] > 0), counts[k], None
                frame = sparse_frame(inputs if len(kept) == inputs.shape[0] else inputs[kept])
            found, warm = _solved(form, frame, t[k % len(t)][kept], c[k][kept], bias, tol, steps, warm)
            rows[k] = _whole(found, kept, inputs.shape[0])
    return together(rows)


def _whole(found: Looked, kept: np.ndarray, n: int) -> Looked:
    """A solution of some examples as one of all, of which the others have no weight."""
    duals, support = np.zeros(n), np.zeros(n, np.int8)
    duals[kept], support[kept] = found.duals, found.support
    return found._replace(duals=duals, support=support)


def _solved(
    form: Form,
    frame: SparseFrame,
    t: np.ndarray,
    c: np.ndarray,
    bias: bool,
    tol: float,
    steps: int,
    warm: _Warm | None,
) -> tuple[Looked, _Warm]:
    """The solution of one problem, and where the next may start."""
    problem = _problem(form, frame.inputs, t, c, bias)
    target, used = 0.9 * tol, 0
    at = descended(problem, target)
    start = _start(problem, warm) if at is None else SparseStart(at.w, at.b, at.beta, None)
    if at is not None and not near(problem, at, target):
        found, looked = _of_smaller_weights(form, frame, problem, at, target, tol, steps)
        if found is not None and looked.gap <= tol:
            return looked, _Warm(t, c, SparseStart(found.at.w, found.at.b, found.at.beta, None))
    if at is None or not near(problem, at, target):
        found = newton_sparse(problem, start, target, steps)
    else:
        found = SparseFound(at, at.beta, 0.0, 0)
    best = _certified(form, frame, problem, found, found.steps, tol)
    for _ in range(ROUNDS):
        used += found.steps
        if best.gap <= tol or used >= steps:
            break
        # What rounding hides is no smaller for a smaller gap.
        target *= 0.1
        start = SparseStart(found.at.w, found.at.b, found.old, found.width or None)
        found = newton_sparse(problem, start, target, steps - used)
        looked = _certified(form, frame, problem, found, used + found.steps, tol)
        best = looked if looked.gap < best.gap else best
    kept = SparseStart(found.at.w, found.at.b, found.at.beta if problem.rows is not None else None, None)
    reason = "" if best.gap <= tol else _reason(used >= steps)
    return best._replace(iterations=used, reason=reason), _Warm(t, c, kept)


def _of_smaller_weights(
    form: Form, frame: SparseFrame, problem: SparseProblem, at: SparsePoint, target: float, tol: float, steps: int
) -> tuple[SparseFound | None, Any]:
    """The solution by way of smaller weights, where no dual comes near the end of its box; None where one does.

    Where none is at its end the optimum is that of smaller weights, too, at which Newton's method has an easier way.
    Scaled until every margin is what it has to be, its losses vanish, whatever they weigh.
    """
    rows: Any = problem.rows
    most = float((at.beta[0, 0] / rows.high[0, 0]).max())
    if not 0 < most < FAR:
        return None, None
    smaller = _problem(form, problem.inputs, problem.labels, ROOM * most * problem.weights, problem.bias)
    found = newton_sparse(smaller, SparseStart(at.w, at.b, at.beta, None), 0.1 * target, steps)
    point, used = found.at, found.steps
    margins = problem.labels * point.scores
    if (margins > 0).all():
        # A little beyond, so that no rounding of a score, times C, is a loss.
        by = max(1.0, float((rows.knot[0, 0] / margins).max())) * (1.0 + 1e-2 * min(tol, 1e-6))
        point = held(problem, by * point.w, by * point.b, point.beta, point.pulled)
    found = SparseFound(point, point.beta, 0.0, used)
    return found, _certified(form, frame, problem, found, used, tol)._replace(iterations=used)


def _reason(used_up: bool) -> str:
    """Why a problem is not solved, and what helps where the mean cannot be taken off."""
    ended = "the steps allowed were used up" if used_up else "rounding allowed no better step"
    return (
        f"{ended}. Columns of very different sizes or a very large C do this: bring the columns to one size, lower C, "
        f"or solve data.dense(), for which there are more digits."
    )


def _start(problem: SparseProblem, warm: _Warm | None) -> SparseStart:
    """Where Newton's method starts: at the optimum of the problem before, of the same labels, or at the origin."""
    if warm is None or not np.array_equal(warm.t, problem.labels):
        return SparseStart(np.zeros(problem.inputs.shape[1]), 0.0, None, None)
    old = None if warm.at.old is None else _scaled(problem.rows, warm.at.old, problem.weights / warm.c)
    return warm.at._replace(old=old)


def _problem(form: Form, inputs: Any, t: np.ndarray, c: np.ndarray, bias: bool) -> SparseProblem:
    side = np.where(t > 0, 0, 1)
    infimum = c * np.asarray(form.infimum)[side]
    if form.terms is None:
        nothing = np.zeros(len(c))
        return SparseProblem(inputs, t, c, bias, form.pair, None, nothing, infimum, form.curvature)
    rows = spread(form.terms, t[None], c[None])
    constant = c * np.asarray(form.terms.constant)[side]
    return SparseProblem(inputs, t, c, bias, form.pair, rows, constant, infimum, max(form.curvature, 1.0))


def _scaled(rows: Rows | None, old: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Multipliers of smaller weights brought to these, inside their boxes."""
    moved = old * by
    return moved if rows is None else np.clip(moved, rows.low, rows.high)


def _certified(
    form: Form, frame: SparseFrame, problem: SparseProblem, found: SparseFound, used: int, tol: float
) -> Looked:
    """The solution at a point, its dual point made feasible, with its gap."""
    t, c, at = problem.labels[None], problem.weights[None], found.at
    # After steps the scores are sums of their moves.
    free = at.scores if found.steps == 0 and not problem.bias else frame.inputs @ at.w
    b, interval = at.b, np.array([at.b, at.b])
    if problem.rows is None:
        duals, gains = _of_slopes(problem, at.scores)
        support = np.where(duals == 0, ZERO, FREE).astype(np.int8)
    else:
        rows = problem.rows
        beta = balanced(rows, t, at.beta) if problem.bias else at.beta
        if problem.bias:
            low, high = (float(side[0]) for side in bias_interval(rows, t, free[None], beta))
            if low < high and np.isfinite(high - low):
                b, interval = 0.5 * (low + high), np.array([low, high])
        ended = ((beta == rows.low) | (beta == rows.high)).all(axis=1)
        duals = beta.sum(axis=1)
        support = np.where(duals == 0, ZERO, np.where(ended, BOUNDED, FREE)).astype(np.int8)[0]
        gains = ((beta * (rows.knot - 0.5 * rows.soft * beta)).sum(axis=1) + problem.constant)[0]
        duals = within(form.terms, t, c, duals)[0] if form.terms is not None else duals[0]
    scores = (free + b)[None]
    losses = c * values_at(form.pair, scores, t)
    point = Evaluated(at.w[None], np.array([b]), scores, losses, duals[None], gains[None])
    drawn = at.pulled if np.array_equal(duals, at.alpha) else frame.inputs.T @ (t[0] * duals)
    proof = sparse_certificate(form.terms, frame, t, c, point, drawn, problem.bias, tol)
    objective, dual, size, doubt = (float(part[0]) for part in proof)
    apart = abs(objective - dual)
    gap = 0.0 if apart == 0 and size == 0 else (apart + doubt) / size
    # What overflows bounds nothing.
    gap = np.inf if np.isnan(gap) else gap
    return Looked(at.w, b, duals, objective, dual, gap, used, interval, support, "")


def _of_slopes(problem: SparseProblem, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Feasible duals from a smooth loss's slopes at the scores, and the examples' part of the dual value, (n,) each.

    Where the bias is free the heavier side gives up a share, so that they balance; a conjugate is convex, and so the
    mixture with 0, where it is minus the loss's infimum, bounds it.
    """
    t, c = problem.labels, problem.weights
    _, slopes, _, conjugates = on_host(problem.pair).weighed(scores[None], t[None], c[None])
    pull, conjugate = -slopes[0], conjugates[0]
    if problem.bias:
        off = float(pull.sum())
        heavy = pull * off > 0
        share = np.where(heavy, min(abs(off) / max(float(np.abs(pull[heavy]).sum()), 1e-300), 1.0), 0.0)
        conjugate = (1.0 - share) * conjugate - np.where(share > 0, share * problem.infimum, 0.0)
        pull = (1.0 - share) * pull
    return t * pull, -conjugate
