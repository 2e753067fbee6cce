"""Does autodiff return a Clarke subgradient? What it takes at a kink under each tie, held against the set."""

from typing import Any, NamedTuple

import numpy as np

from lossland.core import Reals, guarded, renamed
from lossland.data import Dataset
from lossland.elements import TIES, with_tie
from lossland.minima._at_point import around_point, at_point, subdifferential
from lossland.minima._subdifferential import least_between, least_in_hull, slopes_at


class Selection(NamedTuple):
    """What autodiff takes for the gradient under one tie.

    Attributes:
        tie: of activation and loss; None if neither takes one.
        gradient: (D,).
        distance: from the Clarke subdifferential; where that is only known to lie in a larger set, from that set.
        inside: whether it is a Clarke subgradient: the distance is 0 up to rounding.
    """

    tie: float | None
    gradient: np.ndarray
    distance: float
    inside: bool


@renamed(activation="pair")
@guarded()
def autodiff_selections(
    pair: Any,
    data: Dataset,
    params: Any,
    *,
    l2: float = 0.0,
    bias: bool = True,
    sample_weights: Reals = None,
    tol: float = 1e-9,
) -> tuple[Selection, ...]:
    r"""Hold what autodiff returns under each tie against the Clarke subdifferential.

    Each tie selects :math:`g = \sum_i c_i s_i a_i + l2 \, w` with s_i a slope between the one-sided ones; that need not
    be a Clarke subgradient of F, and of :math:`relu(z) - relu(-z) = z` it is none even of one example.

    Args:
        pair: a pair or its name; ties that it names itself are overridden.
        data: n examples.
        params: as in `clarke_stationarity`.
        l2: the strength of the penalty.
        bias: whether the score has a bias.
        sample_weights: (n,), not negative; 1 by default.
        tol: as in `clarke_stationarity`.

    Returns:
        One selection for each of the ties 0, 1/2 and 1; one if the pair takes no tie.

    Raises:
        ValueError: as `clarke_stationarity`.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[1.0], [-1.0]], [1, -1])
        >>> taken = ll.minima.autodiff_selections("relu+hinge", data, [0.0, 0.0])
        >>> [(s.tie, s.gradient.tolist(), s.inside) for s in taken]
        [(0.0, [0.0, 0.0], True), (0.5, [-0.5, 0.0], True), (1.0, [-1.0, 0.0], True)]

    Source: Bolte & Pauwels (2021), Conservative set valued fields.
    """
    held = at_point(pair, data, params, l2, bias, sample_weights)
    around, _, _, size = around_point(held, tol)
    vertices = subdifferential(around)[1]
    settings = held.pair.activation.settings() | held.pair.loss.settings()
    variants = {tie: with_tie(held.pair, tie) for tie in TIES} if "tie" in settings else {None: held.pair}
    found = []
    for tie, variant in variants.items():
        slopes = slopes_at(variant, held.scores, held.labels)
        gradient = (held.weights * slopes) @ held.rows + held.penalty * held.point
        near = least_between(around, gradient) if vertices is None else least_in_hull(vertices, gradient)
        distance = float(np.linalg.norm(near - gradient))
        found.append(Selection(tie, gradient, distance, distance <= 1e-7 * size))
    return tuple(found)
