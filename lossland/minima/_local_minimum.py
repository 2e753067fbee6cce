"""Is a point a local minimum of an objective made of lines? One-sided derivatives, the least of them by programs."""

import itertools
from typing import Any, NamedTuple

import numpy as np

from lossland.core import Reals, flat_point, guarded, renamed
from lossland.data import Dataset
from lossland.minima._piecewise import Pieced, of_lines

MOST_SIDES = 10
"""How many concave kinks a point may lie on before their sides are searched by integers, not one by one."""
TRIES = 4
"""After how many random choices of sides in a row that lead nowhere `descended` ends."""
DECIDED = 60.0
"""After how many seconds branch and bound gives up on a point."""


class LocalMinimum(NamedTuple):
    """Whether a point is a local minimum, and the proof.

    Attributes:
        minimal: whether it is one.
        value: the objective there.
        slope: the least one-sided derivative in a direction u with max |u_j| <= 1; 0 at a local minimum, up to
            rounding. Above `bound` where branch and bound ran out of time, yet negative.
        direction: (D,), a direction in which the objective falls with that slope; zeros at a local minimum.
        slopes: (r, n), the proof at a local minimum: for each choice of sides at the r = 2^k ways past its k concave
            kinks, one-sided slopes of the examples' losses in the score between which the gradient vanishes. Empty if
            it is none, or if k > 10 (then `bound` is the proof, by branch and bound).
        bound: a proven lower bound of `slope`.
        active: (n,), which examples lie on a kink.
    """

    minimal: bool
    value: float
    slope: float
    direction: np.ndarray
    slopes: np.ndarray
    bound: float
    active: np.ndarray


@renamed(activation="pair")
@guarded()
def local_minimum(
    pair: Any,
    data: Dataset,
    params: Any,
    *,
    l2: float = 0.0,
    bias: bool = True,
    sample_weights: Reals = None,
    tol: float = 1e-9,
) -> LocalMinimum:
    r"""Prove that a point is a local minimum of an objective made of lines, or find a direction that leads down.

    Near p the objective is F(p) + F'(p; u) up to l2 |u|^2 / 2, so p is a local minimum exactly if

    .. math:: F'(p; u) = \sum_i c_i \max_{s \in S_i} s \, a_i \cdot u \; (\min \text{ at a concave kink}) \;
        + l2 \, w \cdot u \ge 0 \quad \text{for all } u.

    Without concave kinks at p that is one linear program, else one for every choice of their sides.

    Args:
        pair: a pair or its name, made of lines without jumps.
        data: n examples.
        params: {"weights": (d,), "bias": ()} or one array (D,), the bias last.
        l2: the strength of the penalty on the weights.
        bias: whether the score has a bias.
        sample_weights: (n,), not negative; 1 by default.
        tol: how near a score is to a kink on which it lies, relative to 1 + |score|; and the slopes that count as 0,
            relative to the sum of all slopes.

    Returns:
        The verdict and its proof; see `LocalMinimum`.

    Raises:
        ValueError: if the pair is not made of lines, or the params do not fit the data or are not finite.
        RuntimeError: if so many concave kinks meet at the point that a minute does not decide.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[1.0], [2.0], [-1.0]], [1, 1, -1])
        >>> ll.local_minimum("relu+hinge", data, [0.0, -1.0]).minimal
        True
        >>> found = ll.local_minimum("relu+hinge", data, [0.0, 0.0])
        >>> found.minimal, round(found.slope, 9)
        (False, -1.666666667)
    """
    return verdict(of_lines(pair, data, l2, bias, sample_weights), flat_point(params, data.d, bias), tol)


def verdict(total: Pieced, point: np.ndarray, tol: float) -> LocalMinimum:
    """Whether a point is a local minimum; see `local_minimum`."""
    left, right, active = _one_sided(total, point, tol)
    held = total.weights > 0
    smooth = (total.weights * left)[~active] @ total.rows[~active] + total.penalty * point
    size = float(total.weights @ (np.maximum(np.abs(left), np.abs(right)) * np.abs(total.rows).sum(axis=1)))
    scale = size + float(np.abs(total.penalty * point).sum())
    convex, concave = held & active & (right > left), held & active & (right < left)
    rows = total.weights[:, None] * total.rows
    value = float(total.value(point[None])[0])
    if concave.sum() > MOST_SIDES:
        slope, direction, bound = _by_integers(rows, left, right, convex, concave, smooth)
        minimal = slope >= -tol * scale
        if minimal and bound < -1e-6 * scale:
            raise RuntimeError(
                f"{int(concave.sum())} concave kinks meet at the point, and {DECIDED:g} seconds did not decide whether "
                f"one leads down between them. Move the point a little."
            )
        none = np.zeros((0, len(rows)))
        return LocalMinimum(minimal, value, slope, direction * (not minimal), none, bound, active)
    proofs, slope, direction = [], 0.0, np.zeros(len(point))
    for sides in itertools.product((False, True), repeat=int(concave.sum())):
        chosen = left.copy()
        chosen[np.flatnonzero(concave)[list(sides)]] = right[concave][list(sides)]
        base = smooth + chosen[concave] @ rows[concave]
        found, towards, between = _least_slope(rows[convex], left[convex], right[convex], base)
        if found < slope:
            slope, direction = found, towards
        chosen[convex] = between
        proofs.append(chosen)
    minimal = slope >= -tol * scale
    kept = np.array(proofs) if minimal else np.zeros((0, len(rows)))
    return LocalMinimum(minimal, value, slope, direction * (not minimal), kept, slope, active)


def on_kinks(total: Pieced, point: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The point moved onto the kinks that it misses by the solver's tolerance, if that is no worse."""
    example, knots = total.knots()
    off = knots - total.rows[example] @ point
    near = np.abs(off) <= 1e-5 * (1 + np.abs(knots))
    if not near.any():
        return point
    moved = np.clip(point + np.linalg.lstsq(total.rows[example[near]], off[near])[0], *box)
    return moved if total.value(moved[None])[0] <= total.value(point[None])[0] else point


def descended(total: Pieced, point: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The point moved to kinks that lie lower, as long as a descent direction is found; a solver that stopped needs it.

    A point on concave kinks is looked at from a side of each chosen at random, a few times.
    """
    rng = np.random.default_rng(0)
    example, knots = total.knots()
    value = total.value(point[None])[0]
    left_over = TRIES
    while left_over:
        left_over -= 1
        direction = _way_down(total, point, rng)
        if not direction.any():
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            walls = np.where(direction > 0, box[1] - point, box[0] - point) / direction
            steps = (knots - total.rows[example] @ point) / (total.rows[example] @ direction)
        farthest = float(walls[direction != 0].min())
        steps = np.append(steps[(steps > 0) & (steps < farthest)], farthest)
        # Along a ray a function made of lines is least where it has a kink.
        tried = np.clip(point + steps[:, None] * direction, *box)
        values = total.value(tried)
        if values.min() < value - 1e-9 * (1 + abs(value)):
            point, value, left_over = tried[np.argmin(values)], values.min(), TRIES
    return point


def _way_down(total: Pieced, point: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A direction that leads down past concave kinks on sides chosen at random; zeros where there is none."""
    left, right, active = _one_sided(total, point, 1e-9)
    convex, concave = active & (right > left), active & (right < left)
    chosen = np.where(concave & (rng.uniform(size=left.size) < 0.5), right, left)
    rows = total.weights[:, None] * total.rows
    base = chosen[~convex] @ rows[~convex] + total.penalty * point
    slope, direction, _ = _least_slope(rows[convex], left[convex], right[convex], base)
    size = float(np.abs(chosen) @ np.abs(rows).sum(axis=1))
    return direction if slope < -1e-9 * size else np.zeros_like(direction)


def _one_sided(total: Pieced, point: np.ndarray, tol: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slopes of each example's loss on the left and on the right of its score, and who lies on a kink; each (n,)."""
    scores = total.rows @ point
    near = tol * (1 + np.abs(scores))
    low, high = total.pieces((scores - near)[None])[1][0], total.pieces((scores + near)[None])[1][0]
    # An example without inputs does not move, and one of weight 0 does not matter.
    active = (low != high) & total.rows.any(axis=1) & (total.weights > 0)
    return low, np.where(active, high, low), active


def _least_slope(
    rows: np.ndarray, left: np.ndarray, right: np.ndarray, base: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """The least of base . u + sum_k max(left_k r_k . u, right_k r_k . u) over |u_j| <= 1, u, and the slopes between.

    The slopes minimise the sum of |gradient_j|, which is minus the least slope: the dual program.
    """
    from scipy.optimize import linprog

    k, d = rows.shape
    # Over u and h: minimise base . u + sum h, h_k >= left_k r_k . u, h_k >= right_k r_k . u.
    cost = np.concatenate([base, np.ones(k)])
    above = np.concatenate([np.column_stack([s[:, None] * rows, -np.eye(k)]) for s in (left, right)])
    found = linprog(cost, A_ub=above, b_ub=np.zeros(2 * k), bounds=[(-1, 1)] * d + [(None, None)] * k, method="highs")
    if found.status != 0:
        raise RuntimeError(f"HiGHS did not solve the program of the least slope: {found.message}")
    share = -np.asarray(found.ineqlin.marginals)[k:] if k else np.zeros(0)
    direction = found.x[:d]
    products = rows @ direction
    slope = float(base @ direction + np.maximum(left * products, right * products).sum())
    return min(slope, 0.0), direction, left + np.clip(share, 0, 1) * (right - left)


def _by_integers(
    rows: np.ndarray, left: np.ndarray, right: np.ndarray, convex: np.ndarray, concave: np.ndarray, smooth: np.ndarray
) -> tuple[float, np.ndarray, float]:
    """The least slope, its direction and a bound where many concave kinks meet, by branch and bound."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    d, k, m = rows.shape[1], int(convex.sum()), int(concave.sum())
    up = rows[convex]
    over = np.concatenate([np.column_stack([s[convex, None] * up, -np.eye(k)]) for s in (left, right)])
    # At a concave kink h >= left r . u on one side of a binary and h >= right r . u on the other.
    down = rows[concave]
    reach = np.abs(left - right)[concave] * np.abs(down).sum(axis=1)
    first = np.column_stack([left[concave, None] * down, -np.eye(m), -np.diag(reach)])
    second = np.column_stack([right[concave, None] * down, -np.eye(m), np.diag(reach)])
    matrix = np.zeros((2 * k + 2 * m, d + k + 2 * m))
    matrix[: 2 * k, : d + k] = over
    matrix[2 * k :, :d] = np.concatenate([first[:, :d], second[:, :d]])
    matrix[2 * k :, d + k :] = np.concatenate([first[:, d:], second[:, d:]])
    limit: Any = np.concatenate([np.zeros(2 * k + m), reach])
    cost = np.concatenate([smooth, np.ones(k + m), np.zeros(m)])
    low: Any = np.concatenate([np.full(d, -1.0), np.full(k + m, -np.inf), np.zeros(m)])
    high: Any = np.concatenate([np.ones(d), np.full(k + m, np.inf), np.ones(m)])
    whole = np.concatenate([np.zeros(d + k + m), np.ones(m)])
    rules, options = LinearConstraint(matrix, -np.inf, limit), {"time_limit": DECIDED}
    found = milp(cost, constraints=rules, bounds=Bounds(low, high), integrality=whole, options=options)
    if found.x is None:
        raise RuntimeError(f"HiGHS did not solve the program of the least slope: {found.message}")
    u = found.x[:d]
    a, b = up @ u, down @ u
    bent = (
        np.maximum(left[convex] * a, right[convex] * a).sum() + np.minimum(left[concave] * b, right[concave] * b).sum()
    )
    return min(float(smooth @ u + bent), 0.0), u, float(found.mip_dual_bound)
