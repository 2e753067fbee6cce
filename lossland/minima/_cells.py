"""An objective of two parameters made of lines and parabolas, taken apart exactly: cells, minima, plateaus in a box.

The scores are linear in the parameters, so the objective is one quadratic on every cell of the lines z_i = knot.
"""

from typing import Any, NamedTuple

import numpy as np

from lossland.core import Reals, checked_box, guarded, html_repr, plotted, renamed, short_repr
from lossland.data import Dataset
from lossland.minima._arrangement import arrange
from lossland.minima._minimum_sets import MinimumSet, distance
from lossland.minima._piecewise import Pieced, pieced
from lossland.minima._stationary_sets import Quadratics, basins, quadratics

MOST_LINES = 1500
"""Beyond this many lines there would be over a million cells."""


class Cells(NamedTuple):
    """An objective of two parameters taken apart; parameters are (w_1, w_2), or (w, b) with a bias.

    Attributes:
        box: (2, 2), rows low and high.
        vertices: (v, 2), where lines z_i = knot, or one and the box, meet.
        values: (v,), the objective there.
        edges: (e, 2), the vertices at the ends of each edge.
        sides: (e, 2), the cells on either side of each edge, -1 outside the box.
        corners: (k,), the vertices of the cells, counter-clockwise, one cell after the other.
        starts: (c + 1,), cell j has corners[starts[j] : starts[j + 1]].
        centres: (c, 2), a point inside each cell.
        areas: (c,).
        quadratics: the objective on each cell: bend (c, 2, 2), slope (c, 2), constant (c,).
        minima: the sets of local minima, lowest first; regions are the plateaus. Those with `of_box` are minima only
            because of the box.
        minimum: the global minimum in the box.
        minimiser: (2,), a point that attains it.
        objective: the objective itself.
    """

    box: np.ndarray
    vertices: np.ndarray
    values: np.ndarray
    edges: np.ndarray
    sides: np.ndarray
    corners: np.ndarray
    starts: np.ndarray
    centres: np.ndarray
    areas: np.ndarray
    quadratics: Quadratics
    minima: tuple[MinimumSet, ...]
    minimum: float
    minimiser: np.ndarray
    objective: Pieced

    __repr__ = short_repr
    _repr_html_ = html_repr
    plot = plotted

    @property
    def basins(self) -> tuple[MinimumSet, ...]:
        """The sets that are closed and owe nothing to the box: from none of their points does any path descend."""
        return tuple(s for s in self.minima if s.closed and not s.of_box)

    @property
    def plateaus(self) -> tuple[MinimumSet, ...]:
        """The sets with an area: there the objective does not change at all."""
        return tuple(s for s in self.minima if s.kind == "region")


class Shares(NamedTuple):
    """Where descents from random starts end.

    Attributes:
        shares: (m,), of each set of local minima, in the order of `Cells.minima`.
        lost: the share that ends in none of them.
        ends: (starts, 2), the end points.
    """

    shares: np.ndarray
    lost: float
    ends: np.ndarray


@renamed(activation="pair")
@guarded()
def cells(
    pair: Any,
    data: Dataset,
    *,
    l2: float = 0.0,
    bias: bool | None = None,
    box: Reals = 10.0,
    sample_weights: Reals = None,
) -> Cells:
    r"""Take an objective of two parameters apart, exactly.

    .. math:: F(p) = \frac1n \sum_i s_i \, \ell(z_i, t_i) + \frac{l2}{2} \|w\|^2, \quad z_i = w \cdot x_i + b.

    Args:
        pair: a pair or its name, made of lines and parabolas without jumps, such as "relu+hinge".
        data: n examples of two inputs, or of one input with a bias.
        l2: the strength of the penalty on the weights.
        bias: whether the score has a bias; by default for one input and not for two.
        box: (low, high), each (2,), or half the width of a square around 0. What lies outside is not looked at.
        sample_weights: s, (n,), not negative; 1 by default.

    Returns:
        Cells, local minima with certificates, plateaus and the global minimum in the box; see `Cells`.

    Raises:
        ValueError: if the pair is not made of lines and parabolas (the message says why), there are not two parameters,
            the box is empty, or the lines are too many or too near to each other.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[1.0, 0.0], [0.0, 1.0]], [1, 1], one_class=True)
        >>> found = ll.cells("relu+hinge", data, box=3.0)
        >>> [(s.kind, s.level, s.area) for s in found.minima]
        [('region', 0.0, 4.0), ('region', 0.5, 6.0), ('region', 0.5, 6.0), ('region', 1.0, 9.0)]

    Source: many minima of one neuron, Auer, Herbster & Warmuth 1995; arrangements of lines, Edelsbrunner 1987.
    """
    bias = data.d == 1 if bias is None else bool(bias)
    if data.d + bias != 2:
        raise ValueError(
            f"cells takes two parameters, but {data.d} input(s) {'with' if bias else 'without'} a bias have "
            f"{data.d + bias}. Choose columns, or take ll.global_minimum and ll.local_minimum, which take any number."
        )
    total = pieced(pair, data, l2, bias, sample_weights)
    held = checked_box(box, 2)
    example, knots = total.knots()
    if knots.size > MOST_LINES:
        raise ValueError(
            f"{total.name} over {data.n} examples has {knots.size} lines, and so up to {knots.size**2 // 2} cells; "
            f"cells takes up to {MOST_LINES}. Take fewer examples, or ll.global_minimum."
        )
    found = arrange(total.rows[example], knots, held)
    on = quadratics(total, found)
    minima = basins(total, found, on)
    best = minima[0].parts[-1].mean(axis=0)
    return Cells(
        held,
        found.vertices,
        total.value(found.vertices),
        *found[2:],
        quadratics=on,
        minima=minima,
        minimum=float(total.value(best[None])[0]),
        minimiser=best,
        objective=total,
    )


@guarded(starts=1, steps=1)
def basin_shares(
    found: Cells, *, starts: int = 500, steps: int = 1500, step: float = 0.01, seed: int = 0, within: Reals = None
) -> Shares:
    r"""Descend from random starts and count in which set of local minima each ends: a check of `cells`.

    Steps go against the gradient and are of length r_k, :math:`p \leftarrow p - r_k \nabla F / \|\nabla F\|`, with r_k
    falling geometrically by 10^-4; what leaves the box is put back on its boundary.

    Args:
        found: from `cells`.
        starts: how many.
        steps: of each.
        step: the first one's length, in widths of the box.
        seed: decides the starts.
        within: the box of the starts, as in `cells`; the whole box by default.

    Returns:
        The shares; see `Shares`.

    Raises:
        ValueError: if a number is not positive or the box of the starts is empty.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[1.0, 0.0], [0.0, 1.0]], [1, 1], one_class=True)
        >>> ll.minima.basin_shares(ll.cells("relu+hinge", data, box=3.0), starts=400).shares.round(1).tolist()
        [0.2, 0.2, 0.3, 0.2]
    """
    if min(starts, steps) < 1 or not step > 0:
        raise ValueError(f"starts, steps and step must be positive, not {starts}, {steps} and {step}.")
    low, high = found.box if within is None else checked_box(within, 2)
    points = np.random.default_rng(seed).uniform(low, high, size=(starts, 2))
    width = float((found.box[1] - found.box[0]).max())
    for length in step * width * np.logspace(0.0, -4.0, steps):
        gradient = found.objective.gradient(points)
        size = np.linalg.norm(gradient, axis=1, keepdims=True)
        points = np.clip(points - length * gradient / np.where(size > 1e-14, size, np.inf), *found.box)
    away = np.stack([np.min([distance(points, part) for part in s.parts], axis=0) for s in found.minima])
    nearest, near = np.argmin(away, axis=0), away.min(axis=0) <= 1e-3 * width
    shares = np.bincount(nearest[near], minlength=len(found.minima)) / starts
    return Shares(shares, float(1.0 - near.mean()), points)
