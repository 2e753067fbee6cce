"""The active-set polish of `_active_set` on the host, and the optima of problems that it ends with."""

import numpy as np

from lossland.solvers import _host_algebra as host
from lossland.solvers._active_set import (
    PASSES,
    ROUNDING,
    STIFF,
    Polished,
    at_ends,
    better_of,
    judged,
    sets_of,
    sets_read,
)
from lossland.solvers._host_algebra import Columns
from lossland.solvers._host_interior import advance, of_some, solved
from lossland.solvers._interior_point import Iterate
from lossland.solvers._normal_equations import Design, scores
from lossland.solvers._optimum import Optimum, Stop, finished
from lossland.solvers._plq import Rows, Terms
from lossland.solvers._row_blocks import longest_square

NEARER = 0.03
"""By how much nearer those go that were not near enough."""


def by_interior(
    columns: Columns, design: Design, labels: np.ndarray, weights: np.ndarray, terms: Terms, stop: Stop
) -> Optimum:
    """The optima of k problems of a loss made of parabolas and lines: interior point and polish."""
    with np.errstate(all="ignore"):
        at, problems, rows = solved(columns, design, labels, weights, terms, stop.steps, stop.tol)
        best = polished(columns, design, labels, rows, at, stop.rounds)
        short = np.flatnonzero(~(best.primal - best.dual <= stop.tol * np.abs(best.primal)))
        if stop.rounds == 0 and len(short):
            # Complementarity is a gap of feasible points only: where made feasible it is more, a little further on.
            left = Iterate(*(part[short] for part in at))._replace(done=np.zeros(len(short), bool))
            left = advance(of_some(problems, short), left, stop.steps, NEARER * stop.tol)
            some = labels if len(labels) == 1 else labels[short]
            new = polished(of_some(problems, short).columns, design, some, _rows_of(rows, short), left, 0)
            best = _put(best, short, better_of(new, Polished(*(part[short] for part in best))))
            at.iterations[short] = left.iterations
        return finished(design, labels, weights, terms, rows, best.point, best.beta, at.iterations)


def polished(columns: Columns, design: Design, labels: np.ndarray, rows: Rows, at: Iterate, rounds: int) -> Polished:
    """The best points of interior iterate and polish, each by its own value, as `_active_set.polish` chooses them."""
    sets = sets_of(rows, at)
    best = judged(design, labels, rows, at.point, at_ends(rows, at.beta, sets))
    take = (best.primal - best.dual <= 1e-12 * best.primal) & np.isfinite(best.dual)
    if not take.all():
        # Exact ends are worth a gap of rounding size, no more; and the origin costs nothing to try.
        left = np.flatnonzero(~take)
        own, some = _rows_of(rows, left), labels if len(labels) == 1 else labels[left]
        raw = judged(design, some, own, at.point[left], at.beta[left])
        ended = Polished(*(part[left] for part in best))
        # NaN is no value to beat.
        ended = ended._replace(dual=np.where(np.isnan(ended.dual), -np.inf, ended.dual))
        zero = judged(design, some, own, 0.0 * np.nan_to_num(raw.point), np.zeros_like(raw.beta))
        best = _put(best, left, better_of(zero, better_of(ended, raw)))
    left, point, beta = np.arange(len(sets)), at.point, at.beta
    for _ in range(rounds):
        going = best.primal[left] - best.dual[left] > ROUNDING * np.abs(best.primal[left])
        if not going.any():
            break
        left, point, beta, sets = left[going], point[going], beta[going], sets[going]
        own, some = _rows_of(rows, left), labels if len(labels) == 1 else labels[left]
        point, beta = _settled(host.of_problems(columns, left), design, some, own, point, beta, sets)
        old = Polished(*(part[left] for part in best))
        new = better_of(judged(design, some, own, point, beta), old)
        best = _put(best, left, new)
        sets = sets_read(own, some * scores(design, point), beta, sets)
        helped = new.primal - new.dual < 0.5 * (old.primal - old.dual)
        left, point, beta, sets = left[helped], point[helped], beta[helped], sets[helped]
    return best


def _rows_of(rows: Rows, left: np.ndarray) -> Rows:
    return Rows(*(field[left] if len(field) > 1 else field for field in rows))


def _put(best: Polished, left: np.ndarray, new: Polished) -> Polished:
    """The best points with those of some problems replaced."""
    for to, part in zip(best, new, strict=True):
        to[left] = part
    return best


def _settled(
    columns: Columns,
    design: Design,
    labels: np.ndarray,
    rows: Rows,
    point: np.ndarray,
    beta: np.ndarray,
    sets: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The optimum for fixed sets, by the method of multipliers."""
    longest = 1.0 + longest_square(design.inputs)
    soft = np.where(rows.soft > 0, rows.soft, longest / STIFF)
    theta = np.where((sets == 0) & (rows.counts > 0), 1.0 / soft, 0.0)
    beta = at_ends(rows, beta, sets)
    stiffness = theta.sum(axis=1)
    factors = host.factor(columns, stiffness, design.bias)
    pinned = (stiffness > 0).any(axis=1)
    penalty = np.append(np.ones(design.inputs.shape[1]), 0.0) if design.bias else np.ones(design.inputs.shape[1])
    for _ in range(PASSES):
        right = rows.knot - host.margins_of(columns, point)[:, None, :] - rows.soft * beta
        pull = host.pulled(columns, (theta * right + beta).sum(axis=1))
        if design.bias:
            # Nothing free: no bias is better than the one that is there.
            pull[:, -1] = np.where(pinned, pull[:, -1], 0.0)
        move = host.solve_factored(factors, pull - penalty * point)
        point = point + move
        beta = beta + theta * (right - host.margins_of(columns, move)[:, None, :])
    return point, beta
