"""What long descent tends to, exactly: the hard margin and the offset beside it; on other data a ray and its foot."""

from typing import Any, NamedTuple

import numpy as np

from lossland.core import guarded, with_ones
from lossland.data import Dataset, refuse_soft
from lossland.solvers import separate, solve


class DescentLimit(NamedTuple):
    """w(t) = weights log t + offset + o(1), for a loss whose tail is exp(-m).

    Attributes:
        weights: (p,), the hard margin's; the bias last where one is appended.
        offset: (p,), the least one; unique if the support vectors span the space.
        duals: (n,).
        margin: 1 / ||weights||, the largest least distance.
        spans: whether the support vectors span the space.
    """

    weights: np.ndarray
    offset: np.ndarray
    duals: np.ndarray
    margin: float
    spans: bool


class RayAndFoot(NamedTuple):
    """Where descent goes on any data: along foot + r * ray, r growing like log t; the ray is 0 if nothing separates.

    Attributes:
        ray: (p,), of length 1, the direction of largest margin on what can be separated; 0 if nothing can.
        foot: (p,), the least risk of the rest, in its span.
        separated: (n,), which examples have a loss that goes to 0.
        margin: of the ray, on those; inf where there is none to separate.
    """

    ray: np.ndarray
    foot: np.ndarray
    separated: np.ndarray
    margin: float


@guarded()
def descent_limit(data: Dataset, *, learning_rate: float = 1.0, bias: bool = False) -> DescentLimit:
    r"""The direction and the offset of descent on the sum of exponential or logistic losses, separable data.

    .. math:: w(t) - \hat w \log t \to \tilde w, \qquad \eta \, e^{-t_i x_i \cdot \tilde w} = \alpha_i
        \text{ on support vectors}

    with alpha the hard margin's duals. The regularisation path min L + l2/2 ||w||^2 has the same offset with
    eta = 1: w(l2) - r w-hat -> offset, where r + log r = log(1/l2).

    Args:
        data: n examples, separable.
        learning_rate: eta, of the sum of the losses.
        bias: append a feature of ones, whose weight counts in the norm.

    Returns:
        The limit; see `DescentLimit`.

    Raises:
        NotSeparable: if no such plane separates the classes.
        ValueError: if the equations contradict each other, as the duals are not unique.

    Example:
        >>> import lossland as ll
        >>> limit = ll.descent_limit(ll.load("two_points"), learning_rate=0.5)
        >>> limit.weights.round(9).tolist()[0], bool(np.isclose(limit.offset[1], np.log(2.0) / 3))
        (1.0, True)

    Source: Soudry et al. (2018), theorems 3 and 4.
    """
    if not learning_rate > 0:
        raise ValueError(f"learning_rate must be positive, not {learning_rate}.")
    refuse_soft(data, "descent_limit")
    every = data.labels[:, None] * with_ones(data.inputs, bias)
    # Without a bias an example is its mirror image with the other label: so there are always two classes.
    both = Dataset(np.concatenate([every, -every]), np.repeat([1, -1], data.n))
    sol = solve("hinge", both, C=np.inf, bias=False)
    duals = sol.duals[: data.n] + sol.duals[data.n :]
    support = duals > 1e-9 * duals.max()
    rows, aims = every[support], np.log(learning_rate / duals[support])
    offset, _, rank, _ = np.linalg.lstsq(rows, aims)
    if np.abs(rows @ offset - aims).max() > 1e-6 * (1 + np.abs(aims).max()):
        raise ValueError(
            f"{int(support.sum())} support vectors of rank {rank} ask for an offset that does not exist: their duals "
            f"are not the only ones. Leave out copies of points, or move one a little."
        )
    size = float(np.linalg.norm(sol.weights))
    return DescentLimit(sol.weights, offset, duals, 1.0 / size, int(rank) == every.shape[1])


@guarded()
def ray_and_foot(data: Dataset, *, bias: bool = False) -> RayAndFoot:
    r"""Where gradient descent on the logistic loss goes on any data: the unique ray and the point it starts from.

    The examples fall into those that some w puts on their own side while no other example is put on the wrong one, and
    the rest. In the span S of the rest the risk has one minimiser, the foot; off it, descent follows the direction of
    largest margin.

    .. math:: \bar v = \arg\min_{v \in S} \sum_{\text{rest}} \log(1 + e^{-t x \cdot v}), \quad
        \bar u = \arg\max_{\|u\| = 1, u \perp S} \min_{\text{separated}} t x \cdot u

    Args:
        data: n examples, separable or not.
        bias: append a feature of ones, whose weight counts in the norm.

    Returns:
        Ray and foot; see `RayAndFoot`.

    Raises:
        ValueError: if every input is 0.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0], [0.0, 2.0]], [1, 1, 1, 1], one_class=True)
        >>> found = ll.geometry.ray_and_foot(data)
        >>> found.ray.round(9).tolist(), found.foot.round(6).tolist(), found.separated.tolist()
        ([0.0, 1.0], [-0.693147, 0.0], [False, False, False, True])

    Source: Ji & Telgarsky (2019), The implicit bias of gradient descent on nonseparable data, theorem 1.
    """
    refuse_soft(data, "ray_and_foot")
    rows = data.labels[:, None] * with_ones(data.inputs, bias)
    if not rows.any():
        raise ValueError("Every input is 0, so nothing moves the weights.")
    separated = _separated(rows)
    rest = rows[~separated]
    basis = _span(rest)
    off = np.eye(rows.shape[1]) - basis.T @ basis
    foot = basis.T @ _least_risk(rest @ basis.T)
    if not separated.any():
        return RayAndFoot(np.zeros(rows.shape[1]), foot, separated, np.inf)
    held = rows[separated] @ off
    found = separate(np.concatenate([held, -held]), np.repeat([1.0, -1.0], len(held)), False, 200)
    size = float(np.linalg.norm(found.weights))
    return RayAndFoot(found.weights / size, foot, separated, 1.0 / size)


def _separated(rows: np.ndarray) -> np.ndarray:
    """Which rows some u puts above 0 while it puts none below: a linear program finds all of them at once."""
    from scipy.optimize import linprog

    n, p = rows.shape
    # Over u and s: maximise sum s, 0 <= s_i <= 1, rows_i . u >= s_i. Sums of solutions are solutions.
    matrix = np.column_stack([-rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300), np.eye(n)])
    cost, bounds = np.append(np.zeros(p), -np.ones(n)), [(None, None)] * p + [(0, 1)] * n
    found = linprog(cost, A_ub=matrix, b_ub=np.zeros(n), bounds=bounds, method="highs")
    if found.status != 0:
        raise RuntimeError(f"HiGHS did not find what can be separated: {found.message}")
    return found.x[p:] > 0.5


def _span(rows: np.ndarray) -> np.ndarray:
    """An orthonormal basis (r, p) of the span of rows."""
    if not rows.any():
        return np.zeros((0, rows.shape[1]))
    _, sizes, basis = np.linalg.svd(rows, full_matrices=False)
    return basis[sizes > 1e-10 * sizes[0]]


def _least_risk(rows: np.ndarray) -> np.ndarray:
    """The minimiser of sum log(1 + exp(-rows . v)), which exists; Newton with halved steps."""
    v: Any = np.zeros(rows.shape[1])
    for _ in range(200):
        pulls = 1.0 / (1.0 + np.exp(np.clip(rows @ v, -700, 700)))
        gradient = -pulls @ rows
        step = np.linalg.lstsq(rows.T * (pulls * (1 - pulls)) @ rows, -gradient)[0]
        value, size = np.logaddexp(0.0, -rows @ v).sum(), 1.0
        while np.logaddexp(0.0, -rows @ (v + size * step)).sum() > value and size > 1e-12:
            size /= 2
        v = v + size * step
        if np.linalg.norm(gradient) <= 1e-14 * (1 + np.abs(rows).sum()):
            break
    return v
