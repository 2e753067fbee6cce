"""Newton's method on sparse inputs: conjugate gradients on the rows that curve, and multipliers where a loss has kinks.

A loss made of parabolas and lines is rounded about the dual point so far: its boxes' values less
prox / 2 (beta - beta_old)^2. The minimum of the rounded problem gives the next dual point, and the rounding may stay
wide while the points converge: the proximal method of multipliers (Rockafellar 1976; for the hinge Yan & Li 2020). Only
rows whose dual is inside its box curve, so that a step costs products with these rows. No d x d matrix is ever formed.
"""

from typing import Any, NamedTuple

import numpy as np

from lossland.elements import Pair
from lossland.solvers._elementwise import on_host
from lossland.solvers._plq import Rows, values

HALVINGS = 40
INNER = 60
"""Newton's steps on one rounded problem, at most."""
STALLED = 100
"""Newton's steps in which the gap has to fall by a tenth: where rounding hides the way, more of them are of no use."""
MOST_PRODUCTS = 400
"""Of conjugate gradients in one step."""
ROUNDNESS, SHARPEST = 1.0, 1e-7
"""The width of a kink's rounding, in margins, at the start and at the least."""
SHARPER = 0.3
"""What the width is multiplied by after each update of the multipliers."""


class SparseProblem(NamedTuple):
    """One problem.

    Attributes:
        inputs: (n, d), of compressed rows.
        labels: (n,).
        weights: c, (n,), all positive.
        bias: whether b is free.
        pair: the loss, where it is smooth.
        rows: its boxes, (1, J, n) each, where it is made of parabolas and lines; else None.
        constant: (n,), c times the boxes' constants.
        infimum: (n,), c times a lower bound of the loss.
        curvature: the loss's, near margin 0.
    """

    inputs: Any
    labels: np.ndarray
    weights: np.ndarray
    bias: bool
    pair: Pair
    rows: Rows | None
    constant: np.ndarray
    infimum: np.ndarray
    curvature: float


class SparsePoint(NamedTuple):
    """A point, what the problem is there, and the dual point that its slopes give.

    Attributes:
        w: (d,).
        b: the bias.
        scores: (n,).
        beta: (1, J, n), the duals of the boxes; of a smooth loss (1, 1, n), alpha.
        alpha: (n,), their sums.
        bends: (n,), curvatures of the rounded losses.
        rounded: the sum of the rounded losses.
        pulled: (d,), sum_i alpha_i t_i x_i.
        off: sum_i alpha_i t_i.
    """

    w: np.ndarray
    b: float
    scores: np.ndarray
    beta: np.ndarray
    alpha: np.ndarray
    bends: np.ndarray
    rounded: float
    pulled: np.ndarray
    off: float


class Shares(NamedTuple):
    """What a duality gap is made of, each part not negative.

    Attributes:
        stationary: 1/2 ||w - sum_i alpha_i t_i x_i||^2, and what the balance of the duals is off.
        slack: the sum of the examples' gaps, c_i phi(m_i) less the line of slope -alpha_i under it.
        size: 1/2 ||w||^2 and the sum of the losses' absolute values.
    """

    stationary: float
    slack: float
    size: float


class SparseStart(NamedTuple):
    """Where to start: weights (d,), bias, multipliers (1, J, n) and the width of rounding; None for the usual ones."""

    w: np.ndarray
    b: float
    old: np.ndarray | None
    width: float | None


class SparseFound(NamedTuple):
    """A point with the multipliers that its losses were rounded about, its width, and the steps made."""

    at: SparsePoint
    old: np.ndarray
    width: float
    steps: int


def newton_sparse(problem: SparseProblem, start: SparseStart, target: float, steps: int) -> SparseFound:
    """Newton steps and updates of multipliers until the gap, but for rounding, is at most `target` of its size.

    Args:
        problem: the problem.
        start: where to start.
        target: the relative gap.
        steps: updates of the multipliers, or of a smooth loss Newton's steps, at most.
    """
    w, b, old, width = start
    kinked = problem.rows is not None and bool((np.asarray(problem.rows.soft) * problem.weights < SOFT).any())
    width = (ROUNDNESS if width is None else width) if kinked else 0.0
    spent = count = inner = since = 0
    least = np.inf
    old = _middle(problem) if old is None else old
    at = _placed(problem, w, b, problem.inputs @ w + b, old, width)
    while True:
        seen = shares(problem, at)
        total = seen.stationary + seen.slack
        least, since = (total, spent) if total < 0.9 * least else (least, since)
        if _enough(seen, target) or count >= steps or spent - since >= STALLED:
            return SparseFound(at, old, width, count)
        if kinked and (seen.stationary <= 0.3 * seen.slack or inner >= INNER):
            count, inner, old, width = count + 1, 0, at.beta, max(SHARPER * width, SHARPEST)
            at = _placed(problem, at.w, at.b, at.scores, old, width)
            continue
        relative = total / max(seen.size, 1e-300)
        new = _stepped(problem, at, old, width, min(0.1, max(relative, 1e-6) ** 0.5))
        if new is None and (not kinked or inner == 0):
            return SparseFound(at, old, width, count)
        spent, inner, count = spent + 1, (INNER if new is None else inner + 1), count + (not kinked)
        at = at if new is None else new


def held(problem: SparseProblem, w: np.ndarray, b: float, beta: np.ndarray, pulled: np.ndarray) -> SparsePoint:
    """A point with a dual point that its slopes do not give; its rounded losses are not told."""
    alpha = beta[0].sum(axis=0)
    scores = problem.inputs @ w + b
    off = float(problem.labels @ alpha)
    return SparsePoint(w, b, scores, beta, alpha, np.zeros_like(alpha), np.nan, pulled, off)


SOFT = 1e-2
"""The curvature's inverse from which on a loss is round enough to be minimised as it is."""


def _middle(problem: SparseProblem) -> np.ndarray:
    """Multipliers to start from: 0, or the end of the box that is next to it."""
    if problem.rows is None:
        return np.zeros((1, 1, len(problem.labels)))
    return np.clip(np.zeros((1, 1, len(problem.labels))), problem.rows.low, problem.rows.high)


def near(problem: SparseProblem, at: SparsePoint, target: float) -> bool:
    """Whether the gap at a point, but for rounding, is at most `target` of its size."""
    return _enough(shares(problem, at), target)


def _enough(seen: Shares, target: float) -> bool:
    return seen.stationary + seen.slack <= target * seen.size


def shares(problem: SparseProblem, at: SparsePoint) -> Shares:
    """The parts of the gap at a point, but for rounding; the losses are the ones of the problem, not rounded."""
    losses, conjugates = losses_and_conjugates(problem, at)
    margins = problem.labels * at.scores
    slack = float((losses + conjugates + at.alpha * margins).sum())
    away = at.w - at.pulled
    off = abs(at.off) * (1.0 + abs(at.b)) if problem.bias else 0.0
    return Shares(
        0.5 * float(away @ away) + off, max(slack, 0.0), 0.5 * float(at.w @ at.w) + float(np.abs(losses).sum())
    )


def losses_and_conjugates(problem: SparseProblem, at: SparsePoint) -> tuple[np.ndarray, np.ndarray]:
    """c_i phi(m_i) and c_i phi*(-alpha_i / c_i), or more, (n,) each."""
    rows = problem.rows
    if rows is None:
        losses, _, _, conjugates = _smooth(problem, at.scores)
        return losses, conjugates
    losses = values(rows, (problem.labels * at.scores)[None])[0].sum(axis=0) + problem.constant
    gains = (at.beta * (rows.knot - 0.5 * rows.soft * at.beta))[0].sum(axis=0) + problem.constant
    return losses, -gains


def _smooth(problem: SparseProblem, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    losses, slopes, bends, conjugates = on_host(problem.pair).weighed(
        scores[None], problem.labels[None], problem.weights[None]
    )
    return losses[0], slopes[0], bends[0], conjugates[0]


def _placed(
    problem: SparseProblem, w: np.ndarray, b: float, scores: np.ndarray, old: np.ndarray, width: float
) -> SparsePoint:
    """What the rounded problem is at a point, whose scores are known."""
    rounded, beta, alpha, bends = _rounded(problem, scores, old, width)
    signed = problem.labels * alpha
    return SparsePoint(w, b, scores, beta, alpha, bends, rounded, problem.inputs.T @ signed, float(signed.sum()))


def _rounded(
    problem: SparseProblem, scores: np.ndarray, old: np.ndarray, width: float
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """The sum of the rounded losses, the duals that they give, and their curvatures."""
    rows = problem.rows
    if rows is None:
        losses, slopes, bends, _ = _smooth(problem, scores)
        alpha = -problem.labels * slopes
        return float(losses.sum()), alpha[None, None], alpha, bends
    gap = rows.knot - (problem.labels * scores)[None, None]
    prox = width / problem.weights
    wide = rows.soft + prox
    # An empty box has no curvature, and none of its own is asked for.
    beta = np.clip((gap + prox * old) / np.where(wide > 0, wide, 1.0), rows.low, rows.high)
    held = beta * (gap - 0.5 * rows.soft * beta) - 0.5 * prox * (beta - old) ** 2
    bends = np.where((beta > rows.low) & (beta < rows.high), 1.0 / np.where(wide > 0, wide, 1.0), 0.0)
    return float(held.sum() + problem.constant.sum()), beta, beta[0].sum(axis=0), bends[0].sum(axis=0)


def _stepped(
    problem: SparseProblem, at: SparsePoint, old: np.ndarray, width: float, rough: float
) -> SparsePoint | None:
    """The point after one Newton step with a line search; None if no step lowers the rounded objective."""
    gradient, level = at.w - at.pulled, -at.off if problem.bias else 0.0
    # Where the losses are straight a step is far too long: they are then lent all the curvature that they have.
    for bends in (at.bends, _largest_bends(problem, width)):
        move, turn = _direction(problem, bends, gradient, level, rough)
        new = _searched(problem, at, old, width, move, turn, float(gradient @ move) + level * turn)
        if new is not None:
            return new
    return None


def _largest_bends(problem: SparseProblem, width: float) -> np.ndarray:
    """The largest curvatures of the rounded losses, (n,); of a smooth loss those near margin 0."""
    rows = problem.rows
    if rows is None:
        return problem.curvature * problem.weights
    wide = rows.soft + width / problem.weights
    return np.where((rows.low < rows.high) & (wide > 0), 1.0 / np.where(wide > 0, wide, 1.0), 0.0)[0].sum(axis=0)


def _searched(
    problem: SparseProblem, at: SparsePoint, old: np.ndarray, width: float, move: np.ndarray, turn: float, fall: float
) -> SparsePoint | None:
    """The first point at length 1, 1/2, 1/4, ... of a move where the rounded objective falls enough, if any."""
    along = problem.inputs @ move + turn
    here, cross, square = 0.5 * float(at.w @ at.w) + at.rounded, float(at.w @ move), float(move @ move)
    if not (np.isfinite(fall) and fall < 0):
        return None
    by = 1.0
    for _ in range(HALVINGS):
        scores = at.scores + by * along
        with np.errstate(all="ignore"):
            value = 0.5 * float(at.w @ at.w) + by * cross + 0.5 * by * by * square
            value += _rounded(problem, scores, old, width)[0]
        if value <= here + 1e-4 * by * fall + 1e-15 * abs(here):
            return _placed(problem, at.w + by * move, at.b + by * turn, scores, old, width)
        by *= 0.5
    return None


def _direction(
    problem: SparseProblem, bends: np.ndarray, gradient: np.ndarray, level: float, rough: float
) -> tuple[np.ndarray, float]:
    """The Newton step, by conjugate gradients, until what is left of the gradient is `rough` of it.

    Scaled by the diagonal, common words, whose columns are long, count as much as rare ones.
    """
    import scipy.sparse

    active = np.flatnonzero(bends > 0)
    root = np.sqrt(bends[active])
    part = problem.inputs[active]
    part.data *= np.repeat(root, np.diff(part.indptr))
    squares = scipy.sparse.csr_array((part.data**2, part.indices, part.indptr), shape=part.shape)
    scale = 1.0 + squares.T @ np.ones(len(active))
    # Where no row curves, the bias is moved as if some did.
    stiff = float(bends.sum())
    floor = 1e-3 * problem.curvature * float(problem.weights.sum()) if stiff == 0 else 1e-12 * stiff
    own = stiff + floor
    back = part.T

    def curved(x: np.ndarray, y: float) -> tuple[np.ndarray, float]:
        rows = part @ x
        if problem.bias:
            rows += y * root
        return x + back @ rows, (float(root @ rows) + floor * y if problem.bias else 0.0)

    x, y = np.zeros_like(gradient), 0.0
    r, s = -gradient, -level
    z, v = r / scale, s / own
    p, q = z, v
    rho = float(r @ z) + s * v
    enough = rough * rough * rho
    for _ in range(MOST_PRODUCTS):
        if not rho > enough:
            break
        hp, hq = curved(p, q)
        step = rho / (float(p @ hp) + q * hq)
        x, y = x + step * p, y + step * q
        r, s = r - step * hp, s - step * hq
        z, v = r / scale, s / own
        new = float(r @ z) + s * v
        p, q = z + (new / rho) * p, v + (new / rho) * q
        rho = new
    return x, y
