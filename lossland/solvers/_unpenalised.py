"""C = inf of a smooth loss: the estimate without a penalty, or the direction along which there is none.

Logistic regression has a maximum likelihood estimate if and only if no plane separates the classes, not even with some
examples on it (Albert & Anderson 1984). A linear programme looks for such a plane, rational arithmetic checks it.
"""

from typing import Any

import numpy as np

from lossland.solvers._certificates import FREE
from lossland.solvers._convex_form import Form
from lossland.solvers._exact_value import rational
from lossland.solvers._rounded_point import as_double, doubles
from lossland.solvers._second_look import HARD_MARGIN, Looked, affordable, centred, look_again
from lossland.solvers._wide_interior import wide
from lossland.solvers._wide_newton import SmoothProblem, jets, newton_wide, place


class Separable(ValueError):
    """No estimate without a penalty exists: a plane separates the classes, and the loss falls forever along it.

    Attributes:
        weights: (d,), the direction.
        bias: its bias.
        margins: (n,), t_i (x_i . weights + bias), none negative, computed without rounding, of weights and bias as they
            are, or, where doubles cannot put an example on the plane, of the rational numbers next to them; 0 of
            examples on the plane, and of those that have no weight. Soft labels have 2 n, of n as +1 and n as -1.
        complete: whether no example lies on the plane.
    """

    def __init__(self, message: str, weights: np.ndarray, bias: float, margins: np.ndarray, complete: bool):
        super().__init__(message)
        self.weights, self.bias, self.margins, self.complete = weights, bias, margins, complete

    def __reduce__(self) -> Any:
        return type(self), (self.args[0], self.weights, self.bias, self.margins, self.complete)


def unpenalised(form: Form, inputs: np.ndarray, t: np.ndarray, s: np.ndarray, bias: bool, steps: int) -> Looked:
    """The minimum of sum_i s_i phi(t_i (x_i . w + b)) of one problem, with its gap.

    Args:
        form: a smooth loss.
        inputs: (n, d).
        t: labels, (n,).
        s: weights, (n,), not negative and finite.
        bias: whether b is free.
        steps: the most steps.

    Returns:
        The estimate; where columns depend on one another, one of many.

    Raises:
        Separable: with the direction along which the loss falls, if there is one.

    Example:
        >>> from lossland.solvers._convex_form import convex_form
        >>> x, t = np.array([[0.0], [1.0], [0.0], [1.0]]), np.array([1.0, 1.0, -1.0, 1.0])
        >>> unpenalised(convex_form("logistic"), x, t, np.ones(4), True, 100)
        Traceback (most recent call last):
            ...
        lossland.solvers._unpenalised.Separable: There is no minimum without a penalty: ...
    """
    kept = np.flatnonzero(s > 0)
    x, labels = inputs[kept], t[kept]
    if not _grows_both_ways(form):
        plane = _separating(x, labels, bias)
        if plane is not None:
            raise _separable(plane, kept, len(t))
    with wide():
        columns, centre = centred(x, bias)
        problem = SmoothProblem(form.pair, columns, labels, s[kept], form.infimum, bias, form.curvature, penalty=0)
        from flint import arb

        start = _near(form, x - centre if bias else x, labels, s[kept], bias)
        at = newton_wide(problem, [arb(float(v)) for v in start], steps)
        w, b = doubles(centre, at.point[:-1] if bias else at.point, at.point[-1] if bias else None)
        level = sum((arb(float(m)) * arb(float(v)) for m, v in zip(centre, w, strict=True)), arb(b))
        there = place(problem, [*(arb(float(v)) for v in w), level] if bias else [arb(float(v)) for v in w])
        primal, size = there.primal, float(np.abs(there.losses).sum())
        gap = abs(float(primal - at.dual)) / size if primal is not None and size > 0 else np.inf
    if not gap <= 1e-6 and not _grows_both_ways(form):
        # Where float64's linear programme saw no plane, more digits may.
        plane = _by_hard_margin(x, labels, bias)
        if plane is not None:
            raise _separable(plane, kept, len(t))
    duals, support = np.zeros(len(t)), np.zeros(len(t), np.int8)
    duals[kept], support[kept] = at.alpha, FREE
    value = np.inf if primal is None else float(primal)
    return Looked(
        w, b, duals, value, float(at.dual), gap, at.steps, np.array([b, b]), support,
        "Newton's steps led no further: the classes are all but separated. Give a finite C.",
    )  # fmt: skip


def _near(form: Form, x: np.ndarray, t: np.ndarray, s: np.ndarray, bias: bool) -> np.ndarray:
    """Where float64's Newton steps lead from the origin: a start that saves the costly ones."""
    size = np.abs(x).max(axis=0)
    size = np.where(size > 0, size, 1.0)
    rows = np.concatenate([x / size, np.ones((len(x), int(bias)))], axis=1)
    scales = np.concatenate([size, np.ones(int(bias))])
    point = np.zeros(rows.shape[1])
    value, slope, bend = (s * part for part in jets(form.pair, rows @ point, t))
    for _ in range(60):
        system = rows.T @ (np.maximum(bend, 1e-9 * form.curvature * s)[:, None] * rows)
        move = np.linalg.lstsq(system, -(rows.T @ slope), rcond=1e-14)[0]
        for by in 0.5 ** np.arange(30):
            new = [s * part for part in jets(form.pair, rows @ (point + by * move), t)]
            if np.isfinite(new[0]).all() and new[0].sum() < value.sum():
                break
        else:
            break
        point = point + by * move
        value, slope, bend = new
    return point / scales


def _grows_both_ways(form: Form) -> bool:
    """Whether the loss of either class grows on both sides: then it has a minimum whatever the data."""
    return bool(np.all(form.slopes[0] < 0) and np.all(form.slopes[1] > 0))


def _separable(plane: tuple[np.ndarray, float, np.ndarray], kept: np.ndarray, n: int) -> Separable:
    weights, b, own = plane
    margins = np.zeros(n)
    margins[kept] = own
    on = int(np.sum(own == 0))
    how = "separates the classes" if not on else f"separates the classes but for {on} examples that lie on it"
    return Separable(
        f"There is no minimum without a penalty: a plane, the error's .weights and .bias, {how}, so that the loss "
        f"falls forever along it (checked in rational arithmetic). Give a finite C.",
        weights,
        b,
        margins,
        not on,
    )


def _separating(x: np.ndarray, t: np.ndarray, bias: bool) -> tuple[np.ndarray, float, np.ndarray] | None:
    """A plane with no example on its wrong side and some beside it, with the exact margins; None if none was found."""
    from scipy.optimize import linprog

    n, d = x.shape
    centre = x.mean(axis=0) if bias else np.zeros(d)
    size = np.abs(x - centre).max(axis=0)
    size = np.where(size > 0, size, 1.0)
    rows = t[:, None] * np.concatenate([(x - centre) / size, np.ones((n, int(bias)))], axis=1)
    # The most examples off the plane, each counted up to a distance of 1.
    cost = np.concatenate([np.zeros(rows.shape[1]), -np.ones(n)])
    bound = np.concatenate([-rows, np.eye(n)], axis=1)
    ends = [(None, None)] * rows.shape[1] + [(0.0, 1.0)] * n
    found: Any = linprog(cost, A_ub=bound, b_ub=np.zeros(n), bounds=ends, method="highs")
    if found.x is None or -found.fun <= 1e-9:
        return None
    direction = found.x[: rows.shape[1]]
    direction = direction / np.abs(direction).max()
    near = np.abs(rows @ direction)
    for tiny in (0.0, 1e-12, 1e-9, 1e-6):
        plane = _exactly(x, t, centre, size, direction, near <= tiny, bias)
        if plane is not None:
            return plane
    return None


def _by_hard_margin(x: np.ndarray, t: np.ndarray, bias: bool) -> tuple[np.ndarray, float, np.ndarray] | None:
    """The plane of the widest margin, found with many digits; None if there is none or the problem is too large."""
    if not affordable(*x.shape):
        return None
    found = look_again(HARD_MARGIN, x, t, np.full(len(t), np.inf), bias)
    if found is None:
        return None
    margins = _margins_at(x, t, found.weights, found.bias)
    return (found.weights, found.bias, np.array([as_double(m) for m in margins])) if min(margins) > 0 else None


def _margins_at(x: np.ndarray, t: np.ndarray, weights: np.ndarray, b: float) -> list[Any]:
    """t_i (x_i . weights + b) of doubles, exactly."""
    from flint import fmpq_mat

    level = rational(b)
    scores = fmpq_mat([[rational(v) for v in row] for row in x]) * fmpq_mat([[rational(v)] for v in weights])
    return [int(label) * (z + level) for label, z in zip(t, scores.entries(), strict=True)]


def _exactly(
    x: np.ndarray,
    t: np.ndarray,
    centre: np.ndarray,
    size: np.ndarray,
    direction: np.ndarray,
    on: np.ndarray,
    bias: bool,
) -> tuple[np.ndarray, float, np.ndarray] | None:
    """The plane with some examples exactly on it, if then no margin is negative; weights, bias and margins."""
    from flint import fmpq, fmpq_mat

    d = x.shape[1]
    w = [rational(v) / rational(s) for v, s in zip(direction[:d], size, strict=True)]
    level = rational(direction[-1]) - sum((a * rational(m) for a, m in zip(w, centre, strict=True)), fmpq(0))
    point = [*w, level] if bias else w
    rows = [[rational(v) for v in row] + [fmpq(1)] * bias for row in x]
    if on.any():
        point = _onto([rows[i] for i in np.flatnonzero(on)], point)
    scores = (fmpq_mat(rows) * fmpq_mat([[v] for v in point])).entries()
    margins = [int(label) * z for label, z in zip(t, scores, strict=True)]
    if any(m < 0 for m in margins) or not any(m > 0 for m in margins):
        return None
    b = as_double(point[-1]) if bias else 0.0
    weights = np.array([as_double(v) for v in point[:d]])
    at_doubles = _margins_at(x, t, weights, b)
    if min(at_doubles) >= 0 and max(at_doubles) > 0:
        margins = at_doubles
    return weights, b, np.array([as_double(m) for m in margins])


def _onto(rows: list[list[Any]], point: list[Any]) -> list[Any]:
    """The point with some coordinates changed so that the rows' scores are exactly 0."""
    from flint import fmpq, fmpq_mat

    reduced, rank = fmpq_mat(rows).rref()
    held, moved = reduced.tolist(), list(point)
    pivots = [next(k for k, v in enumerate(row) if v != 0) for row in held[:rank]]
    for row, pivot in zip(held[:rank], pivots, strict=True):
        moved[pivot] = -sum((row[k] * point[k] for k in range(len(point)) if k not in pivots), fmpq(0))
    return moved
