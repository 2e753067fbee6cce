"""Clarke subdifferentials of objectives of linear scores: one-sided slopes, gradients around a point, least norms."""

import itertools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.curves import tabulate
from lossland.elements import Pair, jit_by_pair

MOST_RAYS = 40_000
"""Up to how many rays of an arrangement, weighted by the cells around each, all cells are enumerated."""
SAMPLES = 200


class Sides(NamedTuple):
    """One-sided slopes of each example's loss in its score.

    Attributes:
        left: (n,).
        right: (n,).
        tied: (n,), whether they differ.
    """

    left: np.ndarray
    right: np.ndarray
    tied: np.ndarray


class Around(NamedTuple):
    """An objective near a point, to first order: base . u + sum_k max or min of (left_k, right_k) times rows_k . u.

    Attributes:
        base: (D,), what does not depend on the side.
        rows: (k, D), those of the tied examples, times their weights.
        left: (k,), slopes where rows . u < 0.
        right: (k,), slopes where rows . u > 0.
    """

    base: np.ndarray
    rows: np.ndarray
    left: np.ndarray
    right: np.ndarray

    def slope(self, direction: np.ndarray) -> float:
        """The one-sided derivative in a direction (D,)."""
        along = self.rows @ direction
        return float(self.base @ direction + np.where(along > 0, self.right, self.left) @ along)

    def gradients(self, signs: np.ndarray) -> np.ndarray:
        """The gradients (c, D) in the cells with signs (c, k) of rows . u."""
        return self.base + np.where(signs > 0, self.right, self.left) @ self.rows


def one_sided(pair: Pair, scores: np.ndarray, labels: np.ndarray, tol: float) -> Sides:
    """Slopes on the left and on the right of each score, from the table of kinks and not from what autodiff selects.

    Args:
        pair: any pair.
        scores: (n,).
        labels: (n,), -1 or +1.
        tol: how near a kink counts as on it, relative to 1 + |kink|.

    Returns:
        The slopes.

    Raises:
        ValueError: if a score lies on a jump of the value, or a slope is not finite.

    Example:
        >>> import lossland as ll
        >>> held = one_sided(ll.pair("relu", "hinge"), np.array([0.0, 0.0, 2.0]), np.array([1.0, -1.0, -1.0]), 1e-9)
        >>> held.left.tolist(), held.right.tolist()
        ([0.0, 0.0, 1.0], [-1.0, 1.0, 1.0])
    """
    step = 1e-9 * (1 + np.abs(scores))
    below, at, above = (slopes_at(pair, scores + h, labels) for h in (-step, 0.0, step))
    # On either side of the score the two agree, and autodiff on it does not: it selected a slope that there is not.
    mean = 0.5 * (below + above)
    agree = np.abs(at - mean) <= 1e-6 * (1 + np.abs(mean)) + np.abs(above - below)
    left = np.where(agree, at, mean)
    right = left.copy()
    for kink in tabulate(pair).kinks:
        near = (labels == kink.label) & (np.abs(scores - kink.at) <= tol * (1 + abs(kink.at)))
        if not near.any():
            continue
        if kink.what == "value":
            raise ValueError(
                f"Example {int(np.argmax(near))} has the score {kink.at:g}, where the loss of {pair.name} jumps: it "
                f"has no Clarke subdifferential there, which needs a Lipschitz function. Move the point a little."
            )
        if kink.what == "slope":
            left[near], right[near] = kink.left, kink.right
    wrong = ~(np.isfinite(left) & np.isfinite(right))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"{pair.name} has no finite slope at example {row}, score {scores[row]:g}; move the point.")
    return Sides(left, right, left != right)


def slopes_at(pair: Pair, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The slopes of a pair at scores with labels, (m,) each, in float64, by one program."""
    with jax.enable_x64(True):
        return np.asarray(_compiled(pair, jnp.asarray(scores), jnp.asarray(labels)), float)


@jit_by_pair((0,))
def _compiled(pair: Pair, scores: jax.Array, labels: jax.Array) -> jax.Array:
    return pair.slope(scores, labels)


def least_between(around: Around, target: np.ndarray | None = None) -> np.ndarray:
    r"""The element nearest to a target of :math:`\{base + \sum_k s_k rows_k : s_k \text{ between left and right}\}`.

    Args:
        around: the objective near the point.
        target: (D,); 0 by default.

    Returns:
        The element (D,), by least squares in a box.

    Example:
        >>> least_between(Around(np.array([1.0, 1.0]), np.eye(2)[:1], np.array([-2.0]), np.array([0.0]))).tolist()
        [0.0, 1.0]

    Source: bounded-variable least squares, Stark & Parker (1995).
    """
    from scipy.optimize import lsq_linear

    aim = np.zeros_like(around.base) if target is None else target
    if not len(around.rows):
        return around.base.copy()
    low, high = np.minimum(around.left, around.right), np.maximum(around.left, around.right)
    # Unknowns are shares of the way from low to high: all of one size.
    columns: Any = (around.rows * (high - low)[:, None]).T
    start = around.base + low @ around.rows
    scale = float(np.abs(columns).max()) or 1.0
    found = lsq_linear(columns / scale, (aim - start) / scale, (0.0, 1.0), method="bvls", tol=1e-15)
    return start + columns @ np.clip(found.x, 0.0, 1.0)


def least_in_hull(points: np.ndarray, target: np.ndarray | None = None) -> np.ndarray:
    r"""The point of a convex hull nearest to a target.

    Minimising :math:`\|\sum_k \lambda_k p_k\|^2 + (1 - \sum_k \lambda_k)^2` over :math:`\lambda \ge 0` gives the
    nearest point to 0 once lambda is scaled to sum 1: whatever the scale, the direction of lambda that is best for the
    first term is best.

    Args:
        points: (c, D).
        target: (D,); 0 by default.

    Returns:
        The nearest point (D,).

    Example:
        >>> least_in_hull(np.array([[2.0, 0.0], [0.0, 2.0], [4.0, 4.0]])).round(12).tolist()
        [1.0, 1.0]

    Source: by non-negative least squares, Lawson & Hanson (1974), chapter 23.
    """
    from scipy.optimize import nnls

    aim = np.zeros(points.shape[1]) if target is None else target
    moved = np.unique(points - aim, axis=0)
    scale = float(np.abs(moved).max()) or 1.0
    matrix = np.concatenate([moved.T / scale, np.ones((1, len(moved)))])
    goal = np.append(np.zeros(points.shape[1]), 1.0)
    shares = nnls(matrix, goal, maxiter=100 * len(moved) + 1000)[0]
    return shares / shares.sum() @ moved + aim


def enumerable(rows: np.ndarray) -> bool:
    """Whether the cells around a point are few enough to list."""
    distinct, _, _ = _distinct_rows(rows)
    rank = int(np.linalg.matrix_rank(distinct)) if len(distinct) else 0
    return rank <= 1 or math.comb(len(distinct), rank - 1) * 2**rank <= MOST_RAYS


def cones(rows: np.ndarray) -> np.ndarray:
    """The sign vectors of rows . u over all u at which none is 0: one for each cell of the lines through a point.

    Args:
        rows: (k, D), none of them 0.

    Returns:
        (c, k), -1 or +1, each cell once.

    Example:
        >>> len(cones(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))), len(cones(np.array([[1.0], [-2.0]])))
        (6, 2)

    Source: every cell has an extreme ray (Edelsbrunner 1987); around a ray the arrangement has one dimension less.
    """
    distinct, which, signs = _distinct_rows(rows)
    _, sizes, basis = np.linalg.svd(distinct, full_matrices=False)
    rank = int(np.sum(sizes > 1e-10 * sizes[0]))
    held = np.array(sorted(_cones(distinct @ basis[:rank].T)))
    return held[:, which] * signs


def _distinct_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of unit length without those parallel to another; which one each row is, and its sign."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    distinct: list[np.ndarray] = []
    which, signs = np.zeros(len(rows), int), np.ones(len(rows))
    for i, row in enumerate(unit):
        products = np.array([row @ other for other in distinct])
        same = np.flatnonzero(np.abs(products) > 1 - 1e-12)
        if same.size:
            which[i], signs[i] = same[0], np.sign(products[same[0]])
        else:
            which[i] = len(distinct)
            distinct.append(row)
    return np.array(distinct), which, signs


def _cones(rows: np.ndarray) -> set[tuple[float, ...]]:
    """The cells of rows (m, r) of rank r, as tuples of signs."""
    m, r = rows.shape
    if r == 1:
        signs = np.sign(rows[:, 0])
        return {tuple(signs), tuple(-signs)}
    found: set[tuple[float, ...]] = set()
    seen: list[frozenset[int]] = []
    for chosen in itertools.combinations(range(m), r - 1):
        if any(set(chosen) <= on for on in seen):
            continue
        sizes, basis = np.linalg.svd(rows[list(chosen)])[1:]
        if sizes[-1] < 1e-9:
            continue
        ray, rest = basis[-1], basis[:-1]
        products = rows @ ray
        on = np.abs(products) < 1e-9
        seen.append(frozenset(map(int, np.flatnonzero(on))))
        around = _cones(rows[on] @ rest.T)
        for side in (1.0, -1.0):
            signs = np.sign(side * products)
            for inner in around:
                signs[on] = inner
                found.add(tuple(signs))
    return found


def way_down(around: Around, gradients: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The direction of length 1 with the least slope among the axes, the rows, some at random and against gradients.

    Args:
        around: the objective near the point.
        gradients: (c, D), of some cells; may be empty.
        rng: for the random ones.

    Returns:
        The direction (D,); zeros if none of them leads down.
    """
    d = around.base.size
    tries = np.concatenate([np.eye(d), around.rows, rng.standard_normal((SAMPLES, d)), gradients, around.base[None]])
    lengths = np.linalg.norm(tries, axis=1, keepdims=True)
    tries = np.concatenate([tries, -tries])[np.tile(lengths[:, 0] > 0, 2)]
    tries = tries / np.linalg.norm(tries, axis=1, keepdims=True)
    along = tries @ around.rows.T
    slopes = tries @ around.base + np.sum(np.where(along > 0, around.right, around.left) * along, axis=1)
    size = float(np.linalg.norm(around.base) + np.abs(around.rows).sum())
    best = int(np.argmin(slopes)) if len(slopes) else 0
    return tries[best] if len(slopes) and slopes[best] < -1e-9 * size else np.zeros(d)


def sampled(around: Around, rng: np.random.Generator) -> np.ndarray:
    """Gradients (c, D) of some cells around the point: along the axes, at random, and against what is least so far.

    Source: gradient sampling, Burke, Lewis & Overton (2005).
    """
    d = around.base.size
    lengths = np.linalg.norm(around.rows, axis=1, keepdims=True)
    tries = np.concatenate([np.eye(d), -np.eye(d), around.rows / lengths, -around.rows / lengths])
    tries = np.concatenate([tries, rng.standard_normal((SAMPLES, d))])
    held = _of_directions(around, tries + 1e-7 * rng.standard_normal(tries.shape))
    for _ in range(20):
        least = least_in_hull(held)
        size = float(np.linalg.norm(least))
        if size < 1e-12 * (1 + np.abs(held).max()):
            break
        near = -least / size + 0.3 * rng.standard_normal((20, d)) * np.linspace(0, 1, 20)[:, None]
        held = np.unique(np.concatenate([held, _of_directions(around, near)]), axis=0)
    return held


def _of_directions(around: Around, directions: np.ndarray) -> np.ndarray:
    along = directions @ around.rows.T
    # On the boundary between two cells the gradient is neither's.
    inside = np.all(along != 0, axis=1)
    return np.unique(around.gradients(np.sign(along[inside])), axis=0)
