"""The least value of an objective made of lines in a box, with a proven bound: a mixed-integer program.

A curve's convex runs lie between its concave kinks. Of an example with r > 1 runs within its reach, y_r says on which
one its score lies, and z = sum_r z_r, low_r y_r <= z_r <= high_r y_r, e_r >= slope_k z_r + value_k y_r for the lines k
of the run: no formulation has a tighter relaxation of one curve. Tangents of the penalty are added as needed.
"""

import itertools
import time
from typing import Any, NamedTuple

import numpy as np

from lossland.core import Reals, checked_box, guarded, renamed
from lossland.curves import Parabolas
from lossland.data import Dataset
from lossland.minima._local_minimum import descended, on_kinks
from lossland.minima._piecewise import Pieced, of_lines

ROUNDS = 60
"""How often tangents of the penalty are added."""
SCALE = 1e3
"""Costs are multiplied by it: HiGHS stops at an absolute gap of 1e-6, whatever it is asked for."""


class GlobalMinimum(NamedTuple):
    """The least value in a box, with a bound.

    Attributes:
        value: the objective at `params`, an upper bound of the least value.
        bound: a proven lower bound of the least value in the box.
        gap: value - bound.
        params: {"weights": (d,), "bias": ()}, as `linear()` takes them.
        point: (D,), the same as one array, the bias last.
        proven: whether the gap is at most the one asked for.
        message: what the solver said.
    """

    value: float
    bound: float
    gap: float
    params: dict[str, np.ndarray]
    point: np.ndarray
    proven: bool
    message: str


@renamed(activation="pair")
@guarded()
def global_minimum(
    pair: Any,
    data: Dataset,
    *,
    l2: float = 0.0,
    bias: bool = True,
    box: Reals = 10.0,
    sample_weights: Reals = None,
    gap: float = 1e-6,
    seconds: float = 60.0,
) -> GlobalMinimum:
    r"""Find the least value in a box of an objective made of lines, convex or not, with a proven bound.

    .. math:: \min_{p \in \text{box}} \; \frac1n \sum_i s_i \, \ell(z_i, t_i) + \frac{l2}{2} \|w\|^2.

    A mixed-integer program: each example's curve is split at its concave kinks into convex runs, and a binary says on
    which one the score lies. With a penalty, its tangents are added until the gap closes. The bound holds up to HiGHS's
    tolerances, 1e-7 for a constraint and 1e-6 for a binary.

    Args:
        pair: a pair or its name, made of lines without jumps.
        data: n examples, up to a few hundred.
        l2: the strength of the penalty on the weights.
        bias: whether the score has a bias, the last parameter.
        box: (low, high), each (D,), or half the width of a cube around 0.
        sample_weights: s, (n,), not negative; 1 by default.
        gap: when to stop, in units of the objective. With a penalty the point itself is as near to the minimiser of
            its convex runs as sqrt(2 gap / l2).
        seconds: when to stop at the latest; what is proven until then is returned.

    Returns:
        The point, its value and a lower bound; see `GlobalMinimum`.

    Raises:
        ValueError: if the pair is not made of lines, or the box is empty.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[1.0], [2.0], [-1.0], [3.0]], [1, 1, -1, -1])
        >>> found = ll.global_minimum("relu+hinge", data)
        >>> round(found.value, 6), found.proven
        (0.916667, True)

    Source: Vielma 2015, Mixed integer linear programming formulation techniques; solved by HiGHS.
    """
    if not (gap > 0 and seconds > 0):
        raise ValueError(f"gap and seconds must be positive, not {gap} and {seconds}.")
    total = of_lines(pair, data, l2, bias, sample_weights)
    held = checked_box(box, data.d + bias)
    point, bound, message = solved(relaxation(total, held), total, gap, seconds)
    point = descended(total, on_kinks(total, point, held), held)
    value = float(total.value(point[None])[0])
    bound = min(bound, value)
    weights = point[: data.d]
    params = {"weights": weights, "bias": np.asarray(point[-1] if bias else 0.0)}
    return GlobalMinimum(value, bound, value - bound, params, point, value - bound <= gap * (1 + 1e-6), message)


# ------------------------------------------------------------------------------------------------ the program


class Relaxation(NamedTuple):
    """A mixed-integer program over x = (p, e, f, ...): minimise cost . x.

    Attributes:
        cost: (v,).
        rows: the entries of the constraints, (k, 3): constraint, variable, factor.
        low: (m,), with high the bounds of the constraints.
        high: (m,).
        bounds: (2, v).
        whole: (v,), 1 for an integer.
        dimension: D: p is the first D variables.
        penalties: (D,), the variables that stand for p_j^2 / 2, -1 without a penalty.
    """

    cost: np.ndarray
    rows: np.ndarray
    low: np.ndarray
    high: np.ndarray
    bounds: np.ndarray
    whole: np.ndarray
    dimension: int
    penalties: np.ndarray


class _Program:
    """The variables and constraints of a mixed-integer program while it is being made."""

    def __init__(self) -> None:
        self.cost: list[float] = []
        self.bounds: list[tuple[float, float]] = []
        self.whole: list[int] = []
        self.entries: list[tuple[int, int, float]] = []
        self.limits: list[tuple[float, float]] = []

    def variable(self, low: float, high: float, cost: float = 0.0, whole: bool = False) -> int:
        self.cost.append(cost)
        self.bounds.append((low, high))
        self.whole.append(int(whole))
        return len(self.cost) - 1

    def constrain(self, terms: list[tuple[int, float]], low: float, high: float) -> None:
        self.entries += [(len(self.limits), variable, float(factor)) for variable, factor in terms if factor]
        self.limits.append((low, high))


def relaxation(total: Pieced, box: np.ndarray) -> Relaxation:
    """The program of an objective in a box (2, D), with tangents of the penalty at 9 places along each axis."""
    made = _Program()
    dimension = box.shape[1]
    for low, high in box.T:
        made.variable(low, high)
    middle, half = total.rows @ box.mean(axis=0), np.abs(total.rows) @ (0.5 * (box[1] - box[0]))
    for i in np.flatnonzero(total.weights > 0):
        curve = total.curves[0] if total.labels[i] > 0 else total.curves[1]
        _add_example(made, curve, total.rows[i], float(total.weights[i]), middle[i] - half[i], middle[i] + half[i])
    penalties = np.full(dimension, -1)
    for j in np.flatnonzero(total.penalty):
        penalties[j] = made.variable(0.0, np.inf, float(total.penalty[j]))
        for at in np.linspace(box[0, j], box[1, j], 9):
            made.constrain([(int(penalties[j]), 1.0), (int(j), -at)], -0.5 * at * at, np.inf)
    limits = np.array(made.limits).reshape(-1, 2)
    entries = np.array(made.entries).reshape(-1, 3)
    return Relaxation(np.array(made.cost), entries, limits[:, 0], limits[:, 1], np.array(made.bounds).T,
                      np.array(made.whole), dimension, penalties)  # fmt: skip


def runs(curve: Parabolas, low: float, high: float) -> list[tuple[float, float, list[tuple[float, float]]]]:
    """The convex runs of a curve of lines within [low, high]: their ends and their lines (slope, value).

    Example:
        >>> from lossland.curves import parabolas
        >>> [(a, b, len(lines)) for a, b, lines in runs(parabolas("relu+hinge")[0], -3.0, 3.0)]
        [(-3.0, 0.0, 1), (0.0, 3.0, 2)]
    """
    inside = (curve.knots > low) & (curve.knots < high)
    ends = [low, *curve.knots[inside & (curve.jumps() < 0)].tolist(), high]
    found = []
    for a, b in itertools.pairwise(ends):
        first, last = int(np.searchsorted(curve.knots, a, "right")), int(np.searchsorted(curve.knots, b, "left"))
        lines = [(float(curve.slope[k]), float(curve.value[k])) for k in range(first, max(last, first) + 1)]
        found.append((a, b, lines))
    return found


def _add_example(made: _Program, curve: Parabolas, row: np.ndarray, weight: float, low: float, high: float) -> None:
    """The variables and constraints of one example."""
    found = runs(curve, low, high)
    score = [(j, float(factor)) for j, factor in enumerate(row)]
    if len(found) == 1:
        lines = found[0][2]
        if len(lines) == 1 and lines[0][0] == 0:
            made.variable(lines[0][1], lines[0][1], weight)
            return
        height = made.variable(-np.inf, np.inf, weight)
        for slope, value in lines:
            made.constrain([(height, 1.0), *((j, -slope * factor) for j, factor in score)], value, np.inf)
        return
    parts, marks = [], []
    for a, b, lines in found:
        mark = made.variable(0.0, 1.0, whole=True)
        part = made.variable(-np.inf, np.inf)
        height = made.variable(-np.inf, np.inf, weight)
        made.constrain([(part, 1.0), (mark, -a)], 0.0, np.inf)
        made.constrain([(part, 1.0), (mark, -b)], -np.inf, 0.0)
        for slope, value in lines:
            made.constrain([(height, 1.0), (part, -slope), (mark, -value)], 0.0, np.inf)
        parts.append(part)
        marks.append(mark)
    made.constrain([(mark, 1.0) for mark in marks], 1.0, 1.0)
    made.constrain([*((part, 1.0) for part in parts), *((j, -factor) for j, factor in score)], 0.0, 0.0)


def solved(program: Relaxation, total: Pieced, gap: float, seconds: float) -> tuple[np.ndarray, float, str]:
    """The best point found (D,), a lower bound of the objective in the box, and what the solver said."""
    d = program.dimension
    best, bound, message = program.bounds[:, :d].mean(axis=0), -np.inf, ""
    lowest = float(total.value(best[None])[0])
    until = time.monotonic() + seconds
    tangents: list[tuple[int, float]] = []
    for _ in range(ROUNDS):
        left = until - time.monotonic()
        if left <= 0:
            return best, bound, f"Stopped after {seconds:g} seconds."
        found = _highs(program, tangents, 0.5 * gap / max(abs(lowest), 1.0), left)
        message = str(found.message)
        # Without integers the program is linear, its optimum its own bound.
        proven = found.mip_dual_bound if program.whole.any() else found.fun if found.status == 0 else None
        bound = bound if proven is None else max(bound, float(proven) / SCALE)
        if found.x is None:
            break
        point = np.clip(found.x[:d], *program.bounds[:, :d])
        value = float(total.value(point[None])[0])
        if value < lowest:
            best, lowest = point, value
        if lowest - bound <= gap or not (program.penalties >= 0).any() or found.status != 0:
            break
        tangents += [(j, float(point[j])) for j in np.flatnonzero(program.penalties >= 0).tolist()]
    return best, bound, message


def _highs(program: Relaxation, tangents: list[tuple[int, float]], gap: float, seconds: float) -> Any:
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    count = len(program.low)
    more = [
        entry
        for k, (j, at) in enumerate(tangents)
        for entry in ((count + k, program.penalties[j], 1.0), (count + k, j, -at))
    ]
    entries = np.concatenate([program.rows, np.array(more).reshape(-1, 3)])
    shape = (count + len(tangents), program.cost.size)
    matrix = coo_array((entries[:, 2], (entries[:, 0].astype(int), entries[:, 1].astype(int))), shape=shape).tocsr()
    low: Any = np.concatenate([program.low, [-0.5 * at * at for _, at in tangents]])
    high: Any = np.concatenate([program.high, np.full(len(tangents), np.inf)])
    options = {"time_limit": seconds, "mip_rel_gap": gap}
    return milp(SCALE * program.cost, constraints=LinearConstraint(matrix, low, high), bounds=Bounds(*program.bounds),
                integrality=program.whole, options=options)  # fmt: skip
