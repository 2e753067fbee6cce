"""A start for losses of one box, as the hinge's: LIBLINEAR's dual coordinate descent, made to tell its dual point.

Coordinate descent (Hsieh et al. 2008) comes close to the optimum in few passes where conjugate gradients take many
products. LIBLINEAR keeps its duals to itself, and has no free bias. Each example is given one more column of its own,
whose weight is its dual; it adds 1/2 delta^2 alpha^2 to the dual problem, which is nothing for a tiny delta, and just
what a rounded hinge asks for where it is not. A bias is penalised about a centre, which the first run finds.
"""

import warnings
from typing import Any, NamedTuple

import numpy as np

from lossland.solvers._sparse_newton import SOFT, SparsePoint, SparseProblem, held

TINY = 1e-12
"""By how much a column of an example's own may move its margin."""
ROUGH = 1e-2
"""The tolerance at which a bias is found."""
LENGTH = 0.5
"""Of the bias's column, in lengths of a row."""
PASSES = 1000
NEAREST = 0.1
"""The least share of a knot that a centre of the bias leaves."""
LEAST_PULL = 1e-30
"""Of which powers are taken."""
SEED = 0
"""Of the order in which LIBLINEAR visits examples."""


class _Box(NamedTuple):
    """The one box of each example, (n,) each: knot, high end and curvature's inverse, times c or by it."""

    knot: np.ndarray
    high: np.ndarray
    soft: np.ndarray


def descended(problem: SparseProblem, target: float) -> SparsePoint | None:
    """A point near the optimum, its multipliers dual coordinate descent's; None for a loss of another form.

    Args:
        problem: the problem.
        target: the relative gap to come near to.
    """
    box = _box(problem)
    n, d = problem.inputs.shape
    if max(problem.inputs.nnz + 2 * n, d + 1 + n) > np.iinfo(np.int32).max:
        # LIBLINEAR counts in 32 bits.
        return None
    if box is None or not (problem.labels > 0).any() or not (problem.labels < 0).any():
        return None
    square = float(problem.inputs.data @ problem.inputs.data) / len(problem.labels)
    if not np.isfinite(square) or problem.weights.max() < np.finfo(float).tiny:
        # LIBLINEAR squares what it is given, and divides by it.
        return None
    tol = _tolerance(target, float(problem.weights.mean()) * square, float((box.soft * problem.weights).min()))
    centre = 0.0
    if problem.bias:
        found = _run(problem, box, 0.0, max(tol, ROUGH), square)
        centre = found[1]
        least = (1.0 - NEAREST) * float(box.knot.min())
        centre = min(max(centre, -least), least)
    beta, b = _run(problem, box, centre, tol, square)
    w = problem.inputs.T @ (problem.labels * beta)
    rest = problem.rows.knot.shape[1] - 1 if problem.rows is not None else 0
    return held(problem, w, b, np.concatenate([beta[None, None], np.zeros((1, rest, len(beta)))], axis=1), w)


def _tolerance(target: float, pull: float, soft: float) -> float:
    """LIBLINEAR's tolerance that leaves about a relative gap; Newton's steps make up for what it misses.

    A gap is of the size of the tolerance, where a loss is curved of its square, and smaller the more duals are at an
    end of their box: how much was measured on bags of words.

    Args:
        target: the gap.
        pull: c times a row's squared length, on average.
        soft: the loss's curvature's inverse, 0 at a kink.
    """
    if not pull > LEAST_PULL:
        return ROUGH
    if soft >= SOFT:
        tol = 12.0 * np.sqrt(target * soft / pull)
    else:
        tol = max(100.0 * pull ** (-3.0 if pull < 1 else -1.5), 3.0) * target
    return float(np.clip(tol, 1e-10, 0.1))


def _box(problem: SparseProblem) -> _Box | None:
    """The examples' boxes, where each has one that begins at 0, and the rest are empty."""
    rows = problem.rows
    if rows is None:
        return None
    shape = (rows.low.shape[1], len(problem.labels))
    knot, low, high, soft = (np.broadcast_to(np.asarray(part)[0], shape) for part in rows[:4])
    if low.any() or high[1:].any() or (knot[0] <= 0).any() or not (high[0] > 0).all():
        return None
    endless = np.isinf(high[0])
    if endless.any() and not (endless.all() and (soft[0] > 0).all()):
        return None
    return _Box(knot[0], high[0], soft[0])


def _run(problem: SparseProblem, box: _Box, centre: float, tol: float, square: float) -> tuple[np.ndarray, float]:
    """The duals (n,) and the bias of one run of LIBLINEAR, the bias penalised about `centre`.

    Args:
        problem: the problem.
        box: of each example.
        centre: of the bias.
        tol: LIBLINEAR's.
        square: the rows' mean squared length.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    t, (n, d) = problem.labels, problem.inputs.shape
    reach = box.knot - t * centre
    endless = bool(np.isinf(box.high[0]))
    weights = reach * reach / (2.0 * box.soft) if endless else reach * box.high
    own = np.sqrt(TINY / weights.max() + (0.0 if endless else box.soft / reach**2))
    length = LENGTH * np.sqrt(square or 1.0)
    rows = _widened(problem, reach, own, length)
    kind: Any = {"loss": "squared_hinge" if endless else "hinge", "dual": True, "fit_intercept": False}
    machine = LinearSVC(**kind, C=1.0, tol=tol, max_iter=PASSES, random_state=SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = machine.fit(rows, t, sample_weight=weights).coef_[0]
    beta = np.maximum(t * found[len(found) - n :] / own, 0.0) / reach
    # What was at an end is there but for the rounding of sums.
    beta = np.where(beta >= box.high * (1.0 - 1e-10), box.high, beta)
    beta = np.where(beta <= 1e-10 * np.where(endless, np.max(beta, initial=0.0), box.high), 0.0, beta)
    return beta, centre + (length * float(found[d]) if problem.bias else 0.0)


def _widened(problem: SparseProblem, reach: np.ndarray, own: Any, length: float) -> Any:
    """The inputs by what their margins have to reach, with a column for the bias, if there is one, and their own."""
    import scipy.sparse

    inputs, (n, d) = problem.inputs, problem.inputs.shape
    more = 1 + problem.bias
    begins = inputs.indptr + more * np.arange(n + 1, dtype=inputs.indptr.dtype)
    there = np.ones(inputs.nnz + more * n, bool)
    last = begins[1:] - 1
    there[last] = False
    if problem.bias:
        there[last - 1] = False
    values, columns = np.empty(len(there)), np.empty(len(there), inputs.indices.dtype)
    values[there], columns[there] = inputs.data, inputs.indices
    if problem.bias:
        values[last - 1], columns[last - 1] = length, d
    if (reach != 1).any():
        values /= np.repeat(reach, np.diff(begins))
    values[last], columns[last] = own, d + problem.bias + np.arange(n)
    return scipy.sparse.csr_array((values, columns, begins), shape=(n, d + problem.bias + n))
