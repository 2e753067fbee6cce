"""Linear decision rules compared: margins on both sides, disagreement, and where the threshold is put."""

from typing import Any, Literal, NamedTuple

import numpy as np

from lossland.core import Reals, checked_number, checked_reals, guarded, renamed, shown
from lossland.data import Dataset
from lossland.geometry._angles import ZeroDirection
from lossland.properties import card


class ClassMargins(NamedTuple):
    """Distances to the line w . x + b = threshold; below 0 on the wrong side.

    Attributes:
        positive: of the nearest positive, signed.
        negative: of the nearest negative.
        least: the smaller of the two, the normalised margin.
        mean_positive: over positives.
        mean_negative: over negatives.
    """

    positive: float
    negative: float
    least: float
    mean_positive: float
    mean_negative: float


class Thresholds(NamedTuple):
    """Three thresholds on the score, and the error of each.

    Attributes:
        zero: 0.
        card: the card's best; 0 if none is calibrated.
        chosen: the one with the fewest errors on the given scores; in the middle of the widest such gap.
        errors: three shares of wrong examples, in that order, on the given scores.
    """

    zero: float
    card: float
    chosen: float
    errors: tuple[float, float, float]


@guarded()
def class_margins(weights: Reals, bias: Reals, data: Dataset, *, threshold: float = 0.0) -> ClassMargins:
    r"""How far the nearest example of each class lies from a decision line, on its own side.

    .. math:: \min_{t_i = t} \; t \, (w \cdot x_i + b - \tau) / \|w\|

    Args:
        weights: w, (d,).
        bias: b.
        data: examples of both classes.
        threshold: tau.

    Returns:
        The distances; see `ClassMargins`.

    Raises:
        ZeroDirection: if the weights are 0: there is no line.
        ValueError: if a class has no examples, or a number is not finite.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[2.0], [-1.0]], [1, -1])
        >>> at = ll.geometry.class_margins
        >>> at([2.0], 0.0, data)[:3], at([2.0], 0.0, data, threshold=1.0)[:3]
        ((2.0, 1.0, 1.0), (1.5, 1.5, 1.5))
    """
    w, size = _line(weights, bias, data)
    distances = data.labels * (data.inputs @ w + float(bias) - threshold) / size
    sides = [distances[data.labels == t] for t in (1, -1)]
    if not all(side.size for side in sides):
        raise ValueError("Margins on both sides need both classes; these data hold one.")
    near = [float(side.min()) for side in sides]
    return ClassMargins(near[0], near[1], min(near), float(sides[0].mean()), float(sides[1].mean()))


@guarded()
def disagreement(
    first: Any,
    second: Any,
    data: Dataset,
    *,
    thresholds: tuple[float, float] = (0.0, 0.0),
    distribution: Literal["examples", "gaussians"] = "examples",
) -> float:
    r"""How probable it is that two linear rules differ: :math:`P(\mathrm{sign}(z_1 - \tau_1) \ne
    \mathrm{sign}(z_2 - \tau_2))`.

    Args:
        first: (weights (d,), bias).
        second: the same of the other rule.
        data: the examples.
        thresholds: tau of both.
        distribution: over the examples themselves, or over one Gaussian a class with its mean and covariance: the
            exact area between the two lines, counted by density.

    Returns:
        The probability, in [0, 1].

    Raises:
        ZeroDirection: if the weights of a rule are 0.
        ValueError: if shapes do not fit, or the distribution is unknown.

    Example:
        >>> import lossland as ll
        >>> data = ll.load("two_gaussians(n=400, distance=2.0)")
        >>> ll.geometry.disagreement(([1.0, 0.0], 0.0), ([2.0, 0.0], 0.0), data)
        0.0
    """  # noqa: D205 - the formula runs on
    if len(thresholds) != 2:
        raise ValueError(f"thresholds are two, one a rule, not {len(thresholds)}.")
    for name, rule in (("first", first), ("second", second)):
        if not isinstance(rule, (tuple, list)) or len(rule) != 2:
            raise ValueError(f"{name} is a rule, (weights, bias), not {shown(rule)}.")
    lines = [(*_line(w, b, data), float(b) - at) for (w, b), at in zip((first, second), thresholds, strict=True)]
    if distribution == "examples":
        sides = [data.inputs @ w + b > 0 for w, _, b in lines]
        return float(np.mean(sides[0] != sides[1]))
    if distribution != "gaussians":
        raise ValueError(f"distribution is 'examples' or 'gaussians', not {distribution!r}.")
    rows, shifts = np.array([w / size for w, size, _ in lines]), np.array([b / size for _, size, b in lines])
    total = 0.0
    for t in (1, -1):
        held = data.inputs[data.labels == t]
        if len(held):
            spread = np.atleast_2d(np.cov(held.T, bias=True)) if len(held) > 1 else np.zeros((data.d, data.d))
            total += len(held) / data.n * _apart(rows @ held.mean(axis=0) + shifts, rows @ spread @ rows.T)
    return float(np.clip(total, 0.0, 1.0))


@renamed(activation="pair")
@guarded()
def decision_thresholds(pair: Any, scores: Reals, labels: Reals) -> Thresholds:
    """Compare the thresholds 0, the card's and the one chosen on held-out scores.

    Args:
        pair: a pair or its name.
        scores: (n,), of validation examples.
        labels: (n,), -1 or +1.

    Returns:
        The thresholds with their errors on these scores; see `Thresholds`.

    Raises:
        ValueError: if shapes differ, there are no scores, or one is not finite.

    Example:
        >>> import lossland as ll
        >>> held = ll.geometry.decision_thresholds("relu+hinge", [-1.0, 0.2, 0.9, 1.3], [-1, -1, 1, 1])
        >>> held.card, round(held.chosen, 9), held.errors
        (0.5, 0.55, (0.25, 0.0, 0.0))
    """
    z, t = np.asarray(scores, float), np.asarray(labels, float)
    if z.shape != t.shape or z.ndim != 1 or not z.size or not np.isfinite(z).all():
        raise ValueError(f"scores and labels are finite, one an example each; got shapes {z.shape} and {t.shape}.")
    if not np.all(np.abs(t) == 1):
        raise ValueError("labels are -1 or +1.")
    best = card(pair).best_threshold
    held = (0.0, 0.0 if best is None else float(best), _fewest_errors(z, t))
    errors = [float(np.mean(np.where(z > at, 1.0, -1.0) != t)) for at in held]
    return Thresholds(*held, (errors[0], errors[1], errors[2]))


def _line(weights: Any, bias: Any, data: Dataset) -> tuple[np.ndarray, float]:
    """A rule's weights and their norm, refused where they are no line."""
    w = checked_reals("weights", weights)
    if w.shape != (data.d,) or not (np.isfinite(w).all() and np.isfinite(checked_number("bias", bias))):
        raise ValueError(f"weights must be {data.d} finite numbers and bias one; got shape {w.shape}, bias {bias}.")
    size = float(np.linalg.norm(w))
    if size == 0:
        raise ZeroDirection("The weights are 0, so there is no decision line; leave this run out.")
    return w, size


def _apart(mean: np.ndarray, cov: np.ndarray) -> float:
    """P(the two coordinates of a Gaussian have different signs)."""
    from scipy.stats import multivariate_normal, norm

    scale = np.sqrt(np.maximum(np.diag(cov), 0.0))
    if scale.min() <= 1e-12 * (1 + scale.max()):
        # A coordinate without spread is a sign.
        below = [norm.cdf(0.0, m, s) if s > 0 else float(m <= 0) for m, s in zip(mean, scale, strict=True)]
        return float(below[0] * (1 - below[1]) + (1 - below[0]) * below[1])
    h, rho = -mean / scale, float(np.clip(cov[0, 1] / (scale[0] * scale[1]), -1.0, 1.0))
    low = norm.cdf(h)
    if 1 - abs(rho) < 1e-12:
        return float(abs(low[0] - low[1])) if rho > 0 else float(1 - abs(1 - low[0] - low[1]))
    spread: Any = np.array([[1.0, rho], [rho, 1.0]])
    both = multivariate_normal.cdf(h, mean=np.zeros(2), cov=spread)
    return float(low[0] + low[1] - 2 * both)


def _fewest_errors(scores: np.ndarray, labels: np.ndarray) -> float:
    """The threshold with the fewest errors; of several gaps with as few the widest, in its middle."""
    order = np.argsort(scores, kind="stable")
    z, t = scores[order], labels[order]
    # Below the k-th score: k examples are called negative.
    wrong = np.concatenate([[0], np.cumsum(t > 0)]) + np.concatenate([[0], np.cumsum(t < 0)])[-1]
    wrong = wrong - np.concatenate([[0], np.cumsum(t < 0)])
    edges = np.concatenate([[z[0] - 2.0], z, [z[-1] + 2.0]])
    gaps = np.diff(edges)
    wrong = np.where(gaps > 0, wrong, len(z) + 1)
    best = np.flatnonzero(wrong == wrong.min())
    k = int(best[np.argmax(gaps[best])])
    return float(0.5 * (edges[k] + edges[k + 1]))
