"""Linear and mixed-integer programs for objectives made of lines: `local_minimum` and `global_minimum`, with proofs."""

from typing import Any, NamedTuple

import numpy as np

from lossland.data import Dataset
from lossland.local_slopes import LocalMinimum, descended, on_kinks, verdict
from lossland.mixed import relaxation, solved
from lossland.pairing import pair
from lossland.piecewise import Pieced, checked_box, pieced


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
    return verdict(_of_lines(activation, data, l2, bias, sample_weights), flat_point(params, data.d, bias), tol)


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
    point = descended(total, on_kinks(total, point, held), held)
    value = float(total.value(point[None])[0])
    bound = min(bound, value)
    weights = point[: data.d]
    params = {"weights": weights, "bias": np.asarray(point[-1] if bias else 0.0)}
    return GlobalMinimum(value, bound, value - bound, params, point, value - bound <= gap * (1 + 1e-6), message)


def _of_lines(activation: Any, data: Dataset, l2: float, bias: bool, sample_weights: Any) -> Pieced:
    total = pieced(pair(activation), data, l2, bool(bias), sample_weights)
    if not total.linear:
        raise ValueError(
            f"{total.name} is made of parabolas too, and this takes lines only. With two parameters ll.cells takes it; "
            f"if it is convex, ll.solve does."
        )
    return total


def flat_point(params: Any, d: int, bias: bool) -> np.ndarray:
    """The params of a linear score as one array, the bias last.

    Raises:
        ValueError: if they do not fit or are not finite.
    """
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
