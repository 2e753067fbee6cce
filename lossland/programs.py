"""Linear and mixed-integer programs for objectives made of lines: `local_minimum` and `global_minimum`, with proofs."""

import itertools
from typing import Any, NamedTuple

import numpy as np

from lossland.data import Dataset
from lossland.mixed import relaxation, solved
from lossland.pairing import pair
from lossland.piecewise import Pieced, checked_box, pieced

MOST_SIDES = 10
"""How many concave kinks a point may lie on before their sides are searched by integers, not one by one."""


class LocalMinimum(NamedTuple):
    """Whether a point is a local minimum, and the proof.

    Attributes:
        minimal: whether it is one.
        value: the objective there.
        slope: the least one-sided derivative in a direction u with max |u_j| <= 1; 0 at a local minimum, up to
            rounding.
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


def local_minimum(
    activation: Any,
    data: Dataset,
    params: Any,
    *,
    l2: float = 0.0,
    bias: bool = True,
    sample_weights: Any = None,
    tol: float = 1e-9,
) -> LocalMinimum:
    r"""Prove that a point is a local minimum of an objective made of lines, or find a direction that leads down.

    Near p the objective is F(p) + F'(p; u) up to l2 |u|^2 / 2, so p is a local minimum exactly if

    .. math:: F'(p; u) = \sum_i c_i \max_{s \in S_i} s \, a_i \cdot u \; (\min \text{ at a concave kink}) \;
        + l2 \, w \cdot u \ge 0 \quad \text{for all } u.

    Without concave kinks at p that is one linear program, else one for every choice of their sides.

    Args:
        activation: a pair or its name, made of lines without jumps.
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

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[1.0], [2.0], [-1.0]], [1, 1, -1])
        >>> ll.local_minimum("relu+hinge", data, [0.0, -1.0]).minimal
        True
        >>> found = ll.local_minimum("relu+hinge", data, [0.0, 0.0])
        >>> found.minimal, round(found.slope, 9)
        (False, -1.666666667)
    """
    total = _of_lines(activation, data, l2, bias, sample_weights)
    point = _point(params, data.d, bias)
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


def global_minimum(
    activation: Any,
    data: Dataset,
    *,
    l2: float = 0.0,
    bias: bool = True,
    box: Any = 10.0,
    sample_weights: Any = None,
    gap: float = 1e-6,
    seconds: float = 60.0,
) -> GlobalMinimum:
    r"""Find the least value in a box of an objective made of lines, convex or not, with a proven bound.

    .. math:: \min_{p \in \text{box}} \; \frac1n \sum_i s_i \, \ell(z_i, t_i) + \frac{l2}{2} \|w\|^2.

    A mixed-integer program: each example's curve is split at its concave kinks into convex runs, and a binary says on
    which one the score lies. With a penalty, its tangents are added until the gap closes. The bound holds up to HiGHS's
    tolerances, 1e-7 for a constraint and 1e-6 for a binary.

    Args:
        activation: a pair or its name, made of lines without jumps.
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
    total = _of_lines(activation, data, l2, bias, sample_weights)
    held = checked_box(box, data.d + bias)
    point, bound, message = solved(relaxation(total, held), total, gap, seconds)
    point = _on_kinks(total, point, held)
    value = float(total.value(point[None])[0])
    bound = min(bound, value)
    weights = point[: data.d]
    params = {"weights": weights, "bias": np.asarray(point[-1] if bias else 0.0)}
    return GlobalMinimum(value, bound, value - bound, params, point, value - bound <= gap * (1 + 1e-6), message)


def _on_kinks(total: Pieced, point: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The point moved onto the kinks that it misses by the solver's tolerance, if that is no worse."""
    example, knots = total.knots()
    off = knots - total.rows[example] @ point
    near = np.abs(off) <= 1e-5 * (1 + np.abs(knots))
    if not near.any():
        return point
    moved = np.clip(point + np.linalg.lstsq(total.rows[example[near]], off[near])[0], *box)
    return moved if total.value(moved[None])[0] <= total.value(point[None])[0] else point


def _of_lines(activation: Any, data: Dataset, l2: float, bias: bool, sample_weights: Any) -> Pieced:
    total = pieced(pair(activation), data, l2, bool(bias), sample_weights)
    if not total.linear:
        raise ValueError(
            f"{total.name} is made of parabolas too, and this takes lines only. With two parameters ll.cells takes it; "
            f"if it is convex, ll.solve does."
        )
    return total


def _point(params: Any, d: int, bias: bool) -> np.ndarray:
    if isinstance(params, dict):
        if "weights" not in params:
            raise ValueError(f"params need 'weights', and 'bias' if there is one; they have {sorted(params)}.")
        held = np.asarray(params["weights"], float).ravel()
        if not bias and np.any(np.asarray(params.get("bias", 0.0))):
            raise ValueError(f"params have a bias of {params['bias']}, but bias=False; set it to 0 or leave bias=True.")
        held = np.append(held, float(np.asarray(params.get("bias", 0.0)))) if bias else held
    else:
        held = np.asarray(params, float).ravel()
    if held.shape != (d + bias,) or not np.isfinite(held).all():
        raise ValueError(
            f"params must be {d + bias} finite numbers ({d} weights{' and a bias' if bias else ''}), "
            f"not {held.tolist()}."
        )
    return held


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
    found = milp(
        cost, constraints=LinearConstraint(matrix, -np.inf, limit), bounds=Bounds(low, high), integrality=whole
    )
    if found.x is None:
        raise RuntimeError(f"HiGHS did not solve the program of the least slope: {found.message}")
    u = found.x[:d]
    a, b = up @ u, down @ u
    bent = (
        np.maximum(left[convex] * a, right[convex] * a).sum() + np.minimum(left[concave] * b, right[concave] * b).sum()
    )
    return min(float(smooth @ u + bent), 0.0), u, float(found.mip_dual_bound)
