"""Built-in data sets that are made: clouds and shapes, and small exact constructions from the literature.

A registered function takes keyword parameters, `seed` last, and returns the same data on every machine.
"""

from collections.abc import Sequence

import numpy as np

from lossland.core import checked_count, guarded, shown
from lossland.data._dataset import Dataset
from lossland.elements import dataset


@dataset(about="two overlapping Gaussian clouds", source="textbook")
@guarded()
def two_gaussians(n: int = 200, d: int = 2, distance: float = 2.0, positives: float = 0.5, seed: int = 0) -> Dataset:
    """Two Gaussian clouds of unit covariance, x ~ N(t * distance/2 * u, I) with u = (1, ..., 1)/sqrt(d).

    For equal shares the best possible error is Phi(-distance/2).

    Args:
        n: how many examples.
        d: how many columns.
        distance: between the two means.
        positives: share of positive examples; exactly round(positives * n) are positive.
        seed: of the random numbers.

    Returns:
        The data set, inputs (n, d).

    Raises:
        ValueError: if a class would be empty.

    Example:
        >>> import lossland as ll
        >>> ll.load("two_gaussians(n=100, positives=0.1)")
        Dataset('two_gaussians(n=100, positives=0.1)', 100 x 2, 10 positive, -1 = '-1', +1 = '1')
    """
    _at_least(n, 2, "n")
    if not 0 <= positives <= 1:
        raise ValueError(f"positives={positives} must be a share between 0 and 1.")
    count = round(positives * n)
    if not 0 < count < n:
        raise ValueError(f"positives={positives} of n={n} gives {count} positive examples; both classes need one.")
    key = np.random.default_rng(seed)
    labels = key.permutation(np.where(np.arange(n) < count, 1.0, -1.0))
    means = labels[:, None] * np.full(_at_least(d, 1, "d"), 0.5 * distance / np.sqrt(d))
    return Dataset(means + key.standard_normal((n, d)), labels)


@dataset(about="separable clouds whose hard-margin SVM is known exactly", source="construction")
@guarded()
def separable(n: int = 100, d: int = 2, margin: float = 1.0, offset: float = 0.5, seed: int = 0) -> Dataset:
    """Two separable clouds whose max-margin plane is known: u.x = offset with u = (1, ..., 1)/sqrt(d).

    The hard-margin SVM is w = u/margin, b = -offset/margin: every example has t (u.x - offset) >= margin, and some
    come in pairs p - margin u, p + margin u of opposite labels, so that no plane is farther from both classes.

    Args:
        n: how many examples; half of them, rounded up, are positive.
        d: how many columns.
        margin: distance of the plane from the nearest examples, min(d, n // 4) or 1 of each class.
        offset: distance of the plane from the origin, along u.
        seed: of the random numbers.

    Returns:
        The data set, inputs (n, d).

    Raises:
        ValueError: if the margin is not positive.

    Example:
        >>> import numpy as np
        >>> data = separable(n=10, margin=2.0)
        >>> float((data.labels * (data.inputs.sum(axis=1) / np.sqrt(2.0) - 0.5)).min().round(12))
        2.0
    """
    _at_least(n, 2, "n")
    u = np.full(_at_least(d, 1, "d"), 1 / np.sqrt(d))
    if not margin > 0:
        raise ValueError(f"margin={margin} must be positive.")
    key = np.random.default_rng(seed)
    along = key.standard_normal((n, d))
    beyond = key.exponential(size=n)
    labels = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    paired = 2 * max(1, min(d, n // 4))  # rows 0 and 1, 2 and 3, ... face each other across the plane
    along[1:paired:2] = along[0:paired:2]
    beyond[:paired] = 0.0
    along -= np.outer(along @ u, u)
    inputs = along + np.outer(offset + labels * margin * (1 + beyond), u)
    order = key.permutation(n)
    return Dataset(inputs[order], labels[order])


@dataset(about="two interleaved half circles", source="as scikit-learn's make_moons")
@guarded()
def two_moons(n: int = 200, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Two interleaved half circles: (cos a, sin a) negative, (1 - cos a, 1/2 - sin a) positive, a in [0, pi].

    Args:
        n: how many examples; half of them, rounded up, are negative.
        noise: standard deviation of the Gaussian noise added to both columns.
        seed: of the random numbers.

    Returns:
        The data set, inputs (n, 2).

    Example:
        >>> two_moons(n=4, noise=0.0).inputs.round(6) + 0.0
        array([[ 1. ,  0. ],
               [-1. ,  0. ],
               [ 0. ,  0.5],
               [ 2. ,  0.5]])
    """
    count = (_at_least(n, 2, "n") + 1) // 2
    upper, lower = np.linspace(0, np.pi, count), np.linspace(0, np.pi, n - count)
    negatives = np.stack([np.cos(upper), np.sin(upper)], axis=1)
    positives = np.stack([1 - np.cos(lower), 0.5 - np.sin(lower)], axis=1)
    return _stacked(negatives, positives, noise, seed)


@dataset(about="four clouds at (+-1, +-1), positive where both signs agree", source="Minsky & Papert 1969")
@guarded()
def xor(n: int = 200, noise: float = 0.3, seed: int = 0) -> Dataset:
    """Four clouds at (+-1, +-1), positive where the two signs agree: no plane separates them.

    Args:
        n: how many examples, dealt evenly to the four clouds.
        noise: standard deviation of each cloud.
        seed: of the random numbers.

    Returns:
        The data set, inputs (n, 2).

    Example:
        >>> data = xor(n=4, noise=0.0)
        >>> (data.labels == data.inputs[:, 0] * data.inputs[:, 1]).tolist()
        [True, True, True, True]
    """
    corner = np.arange(_at_least(n, 4, "n")) % 4
    signs = np.stack([np.where(corner < 2, 1.0, -1.0), np.where(corner % 2 == 0, 1.0, -1.0)], axis=1)
    positive = signs[:, 0] == signs[:, 1]
    return _stacked(signs[~positive], signs[positive], noise, seed)


@dataset(about="a ring around a smaller ring", source="as scikit-learn's make_circles")
@guarded()
def rings(n: int = 200, inner: float = 0.5, noise: float = 0.1, seed: int = 0) -> Dataset:
    """A ring of radius 1 (negative) around a ring of radius `inner` (positive).

    Args:
        n: how many examples; half of them, rounded up, are negative.
        inner: radius of the inner ring.
        noise: standard deviation of the Gaussian noise added to both columns.
        seed: of the random numbers.

    Returns:
        The data set, inputs (n, 2).

    Example:
        >>> import numpy as np
        >>> np.hypot(*rings(n=4, noise=0.0).inputs.T).round(12)
        array([1. , 1. , 0.5, 0.5])
    """
    count = (_at_least(n, 2, "n") + 1) // 2
    outside, inside = (np.linspace(0, 2 * np.pi, size, endpoint=False) for size in (count, n - count))
    negatives = np.stack([np.cos(outside), np.sin(outside)], axis=1)
    positives = inner * np.stack([np.cos(inside), np.sin(inside)], axis=1)
    return _stacked(negatives, positives, noise, seed)


@dataset(about="orthogonal positives: a dead coordinate stays dead", source="lossland")
@guarded()
def orthogonal_points(d: int = 4, scales: float | Sequence[float] = 1.0) -> Dataset:
    """The points x_j = scales_j e_j, all positive: each example speaks to one weight only.

    With a ReLU output, hinge and no bias, training ends at loss (how many j start with w_j scales_j < 0)/d exactly;
    without the ReLU it ends at 0.

    Args:
        d: how many columns, and examples.
        scales: one nonzero number, or d of them.

    Returns:
        The data set, inputs (d, d), one class only.

    Raises:
        ValueError: if a scale is 0, or there are neither 1 nor d of them.

    Example:
        >>> orthogonal_points(d=2, scales=(3.0, -1.0)).inputs + 0.0
        array([[ 3.,  0.],
               [ 0., -1.]])
    """
    held = np.atleast_1d(np.asarray(scales, dtype=np.float64))
    if held.shape not in ((1,), (_at_least(d, 1, "d"),)) or not held.all():
        raise ValueError(f"scales={scales} must be one nonzero number or d={d} of them.")
    return Dataset(np.eye(d) * held, np.ones(d), one_class=True)


@dataset(about="2^d flat basins for a ReLU output", source="lossland, after Auer, Herbster & Warmuth 1995")
@guarded()
def signed_axes(d: int = 4) -> Dataset:
    """For each axis two positives at +e_j and one at -e_j, all positive.

    A ReLU output with hinge and no bias has 2^d flat basins, one for each choice of signs of w. Where k signs are
    negative the loss is (d + k)/(3 d); from a start of random signs k is binomial(d, 1/2).

    Args:
        d: how many columns.

    Returns:
        The data set, inputs (3 d, d), one class only.

    Example:
        >>> signed_axes(d=1).inputs.ravel()
        array([ 1.,  1., -1.])
    """
    axes = np.eye(_at_least(d, 1, "d"))
    return Dataset(np.concatenate([axes, axes, -axes]) + 0.0, np.ones(3 * d), one_class=True)


@dataset(about="alternating labels on a line: n/2 minima for a bounded output", source="Auer, Herbster & Warmuth 1995")
@guarded()
def alternating_labels(n: int = 8, ratio: float = 10.0) -> Dataset:
    """Points ratio^i on a line, i = 0, ..., n-1, centred around 1; the largest is positive and labels alternate.

    With a bounded output such as tanh, hinge and no bias there are n // 2 local minima at w > 0 for even n: each label
    in turn, from the largest point on, saturates. With an identity or ReLU output there is one.

    Args:
        n: how many examples.
        ratio: of neighbouring points, above 1; near 1 the minima merge.

    Returns:
        The data set, inputs (n, 1), sorted.

    Raises:
        ValueError: if the ratio is not above 1.

    Example:
        >>> data = alternating_labels(n=3)
        >>> data.inputs.ravel(), data.labels
        (array([ 0.1,  1. , 10. ]), array([ 1., -1.,  1.]))
    """
    if not ratio > 1:
        raise ValueError(f"ratio={ratio} must be above 1.")
    places = np.arange(_at_least(n, 2, "n"))
    return Dataset(ratio ** (places - (n - 1) / 2)[:, None], np.where((n - 1 - places) % 2 == 0, 1.0, -1.0))


@dataset(about="two points where logistic regression nears the SVM only like 1/log T", source="lossland")
@guarded()
def two_points(mirrored: bool = False) -> Dataset:
    """The points (1, 2), positive, and (-1, 1), negative: t x is (1, 2) and (1, -1).

    Without a bias the hard-margin SVM is w = (1, 0) with duals (1/3, 2/3), and the soft one equals it for C >= 2/3.
    The direction of logistic regression trained to time T tends to it with gap * log T -> log(2)/3. With a free bias
    the solution is another, unless `mirrored`.

    Args:
        mirrored: add both points' negatives with the opposite label. A free bias is then 0 by symmetry, w = (1, 0)
            and the duals are half as large.

    Returns:
        The data set, inputs (2, 2) or (4, 2).

    Example:
        >>> data = two_points()
        >>> data.labels[:, None] * data.inputs @ [1.0, 0.0]
        array([1., 1.])
    """
    inputs, labels = np.array([[1.0, 2.0], [-1.0, 1.0]]), np.array([1.0, -1.0])
    return _mirrored(inputs, labels) if mirrored else Dataset(inputs, labels)


@dataset(about="the four support vectors of Figure 1 of Soudry et al.", source="Soudry et al. 2018")
def soudry_figure1() -> Dataset:
    """The support vectors (1/2, 3/2) and (3/2, 1/2), positive, and their negatives.

    The hard-margin SVM is w = (1/2, 1/2), b = 0, with or without a bias; its distance to the points is sqrt(2).

    Returns:
        The data set, inputs (4, 2).

    Example:
        >>> data = soudry_figure1()
        >>> data.labels * (data.inputs @ [0.5, 0.5])
        array([1., 1., 1., 1.])
    """
    return _mirrored(np.array([[0.5, 1.5], [1.5, 0.5]]), np.ones(2))


def _mirrored(inputs: np.ndarray, labels: np.ndarray) -> Dataset:
    return Dataset(np.concatenate([inputs, -inputs]), np.concatenate([labels, -labels]))


def _stacked(negatives: np.ndarray, positives: np.ndarray, noise: float, seed: int) -> Dataset:
    """Both classes one below the other, with Gaussian noise."""
    inputs = np.concatenate([negatives, positives])
    labels = np.repeat([-1.0, 1.0], [len(negatives), len(positives)])
    return Dataset(inputs + noise * np.random.default_rng(seed).standard_normal(inputs.shape), labels)


def _at_least(value: int, least: int, name: str) -> int:
    """The value, refused if it is too small or not whole."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name}={shown(value)} must be a whole number of at least {least}.")
    return checked_count(name, value, least)
