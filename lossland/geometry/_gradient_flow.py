"""Gradient flow in two parameters: basins by where descent ends, lines of flow, and who pulls a line in data space."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.core import (
    Reals,
    checked_box,
    checked_l2,
    checked_number,
    guarded,
    html_repr,
    plotted,
    renamed,
    short_repr,
    with_ones,
)
from lossland.data import Dataset, refuse_soft
from lossland.elements import Pair, jit_by_pair
from lossland.elements import pair as as_pair
from lossland.geometry._angles import ZeroDirection


class BasinMap(NamedTuple):
    """Where descent from each point of a grid ends; parameters are (w_1, w_2), or (w, b) with a bias.

    Attributes:
        basins: (a, b), 0 for the lowest set of ends, 1 for the next, ...; -1 where fewer than `least` points end.
        levels: (m,), the objective at the ends of each basin, increasing.
        shares: (m,), of the grid.
        ends: (a, b, 2).
        values: (a, b), the objective on the grid.
        dead: (a, b), where the gradient is 0 although the objective is above the lowest level.
        alphas: (a,), of the first parameter.
        betas: (b,), of the second.
    """

    basins: np.ndarray
    levels: np.ndarray
    shares: np.ndarray
    ends: np.ndarray
    values: np.ndarray
    dead: np.ndarray
    alphas: np.ndarray
    betas: np.ndarray

    __repr__ = short_repr
    _repr_html_ = html_repr
    plot = plotted


class LinePulls(NamedTuple):
    """Who pulls a decision line of two inputs, and where to.

    Attributes:
        weights: (n,), the gradient weights.
        feet: (n, 2), the nearest point of the line to each example.
        moves: (n, 2), the way in which each example pushes the line at its foot, of length |weight|.
        line: (weights (2,), bias), as given.
        moved: the same after one step of gradient descent.
    """

    weights: np.ndarray
    feet: np.ndarray
    moves: np.ndarray
    line: tuple[np.ndarray, float]
    moved: tuple[np.ndarray, float]


@renamed(activation="pair")
@guarded(points=2, steps=2)
def basin_map(
    pair: Any,
    data: Dataset,
    *,
    l2: float = 0.0,
    bias: bool | None = None,
    box: Reals = 5.0,
    points: int = 61,
    steps: int = 1500,
    least: float = 0.002,
) -> BasinMap:
    r"""Descend from every point of a grid and tell the ends apart.

    Steps go against the gradient, :math:`p \leftarrow p - r_k \nabla F / \|\nabla F\|`, with r_k falling to 0 and
    twice as long as the box in all; what leaves the box is put back on its boundary. Ends belong together if a
    chain of ends a grid cell apart and of one level joins them. For any pair; for one made of lines and parabolas
    `cells` gives the minima exactly, and `basin_shares` the shares from random starts.

    Args:
        pair: a pair or its name.
        data: n examples of two inputs, or of one input with a bias.
        l2: the strength of the penalty on the weights.
        bias: whether the score has a bias; by default for one input and not for two.
        box: (low, high), each (2,), or half the width of a square around 0.
        points: of the grid on each axis.
        steps: of each descent.
        least: the share of the grid below which ends are not a basin but stragglers on a ridge.

    Returns:
        The map; see `BasinMap`.

    Raises:
        ValueError: if there are not two parameters, the box is empty or a number is not positive.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[1.0, 0.0], [0.0, 1.0]], [1, 1], one_class=True)
        >>> found = ll.basin_map("relu+hinge", data, box=3.0, points=31, steps=600)
        >>> found.levels.round(6).tolist()
        [0.0, 0.5, 0.5, 1.0]
    """
    made, rows, held = _two_parameters(pair, data, bias, box)
    if min(points, steps) < 2:
        raise ValueError(f"points and steps must be at least 2, not {points} and {steps}.")
    axes = [np.linspace(held[0, j], held[1, j], points) for j in (0, 1)]
    starts = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    penalty = _penalty(data, l2)
    lengths = _lengths(steps, held)
    with jax.enable_x64(True):
        given = (jnp.asarray(rows), jnp.asarray(data.labels, float), jnp.asarray(penalty))
        ends = np.asarray(_ends(made, *given, jnp.asarray(starts), jnp.asarray(lengths), jnp.asarray(held)))
        at_ends, _ = (np.asarray(part) for part in _both(made, *given, jnp.asarray(ends)))
        values, slopes = (np.asarray(part) for part in _both(made, *given, jnp.asarray(starts)))
    cell = max(float(axis[1] - axis[0]) for axis in axes)
    basins, levels = _joined(ends, at_ends, 1.01 * cell, float(np.ptp(values)), least)
    shares = np.array([np.mean(basins == k) for k in range(len(levels))])
    low = levels[0] if len(levels) else at_ends.min()
    dead = ~slopes.any(axis=1) & (values > low + 1e-9 * (1 + abs(low)))
    shape = (points, points)
    return BasinMap(
        basins.reshape(shape),
        levels,
        shares,
        ends.reshape(*shape, 2),
        values.reshape(shape),
        dead.reshape(shape),
        *axes,
    )


@renamed(activation="pair")
@guarded(steps=1, records=1)
def flow_lines(
    pair: Any,
    data: Dataset,
    starts: Reals,
    *,
    l2: float = 0.0,
    bias: bool | None = None,
    box: Reals = 5.0,
    steps: int = 2000,
    records: int = 200,
) -> np.ndarray:
    r"""Lines of gradient flow at unit speed, :math:`\dot p = -\nabla F / \|\nabla F\|`, from some starts.

    Args:
        pair: a pair or its name.
        data: as in `basin_map`.
        starts: (k, 2).
        l2: the strength of the penalty.
        bias: as in `basin_map`.
        box: what leaves it is put back on its boundary.
        steps: of each line, as `basin_map`'s.
        records: points kept of each line.

    Returns:
        The lines, (k, records + 1, 2); one from where the gradient is 0 stays there.

    Raises:
        ValueError: as `basin_map`, or if the starts are not (k, 2) finite numbers.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[1.0, 0.0], [0.0, 1.0]], [1, 1], one_class=True)
        >>> lines = ll.geometry.flow_lines("relu+hinge", data, [[0.5, -1.0], [-1.0, -1.0]], box=3.0)
        >>> lines[:, -1].round(1).tolist()
        [[1.0, -1.0], [-1.0, -1.0]]
    """
    made, rows, held = _two_parameters(pair, data, bias, box)
    at = np.asarray(starts, float)
    if at.ndim != 2 or at.shape[1] != 2 or not np.isfinite(at).all():
        raise ValueError(f"starts must be finite, of shape (k, 2); got shape {at.shape}.")
    lengths = _lengths(steps, held)
    kept = [at]
    with jax.enable_x64(True):
        given = (jnp.asarray(rows), jnp.asarray(data.labels, float), jnp.asarray(_penalty(data, l2)))
        for part in np.array_split(lengths, records):
            at = np.asarray(
                _ends(made, *given, jnp.asarray(at), _with_rests(part, -(-steps // records)), jnp.asarray(held))
            )
            kept.append(at)
    return np.stack(kept, axis=1)


@renamed(activation="pair")
@guarded()
def line_pulls(
    pair: Any, data: Dataset, weights: Reals, bias: Reals, *, learning_rate: float = 1.0, threshold: float = 0.0
) -> LinePulls:
    r"""The gradient step seen among the data: which examples pull the line w . x + b = threshold, and where to.

    .. math:: w \leftarrow w + \frac{\eta}{n} \sum_i a_i t_i x_i, \quad b \leftarrow b + \frac{\eta}{n} \sum_i a_i t_i

    with a_i the gradient weights. An example on which a_i > 0 pushes the line away from itself: a positive towards
    falling scores, a negative towards rising ones.

    Args:
        pair: a pair or its name.
        data: n examples of two inputs.
        weights: w, (2,).
        bias: b.
        learning_rate: eta, of the step to `moved`.
        threshold: of the line.

    Returns:
        Weights, feet and pushes; see `LinePulls`.

    Raises:
        ZeroDirection: if the weights are 0: there is no line.
        ValueError: if the data do not have two inputs.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[0.5, 0.0], [-2.0, 0.0], [-0.5, 1.0]], [1, 1, -1])
        >>> names = "identity+hinge", "relu+hinge"
        >>> [ll.geometry.line_pulls(name, data, [1.0, 0.0], 0.0).weights.tolist() for name in names]
        [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]
    """
    refuse_soft(data, "line_pulls")
    w, b = np.asarray(weights, float), float(checked_number("bias", bias))
    if data.d != 2 or w.shape != (2,):
        raise ValueError(f"A line needs two inputs; the data have {data.d}, the weights shape {w.shape}.")
    if not w.any():
        raise ZeroDirection("The weights are 0, so there is no line that examples could pull.")
    scores = data.inputs @ w + b
    with jax.enable_x64(True):
        slopes = np.asarray(_slopes(as_pair(pair), scores, np.asarray(data.labels, float)))
    pulls = -data.labels * slopes + 0.0
    unit, size = w / np.linalg.norm(w), float(np.linalg.norm(w))
    feet = data.inputs - np.outer((scores - threshold) / size, unit)
    moves = -np.outer(data.labels * pulls, unit)
    step = learning_rate / data.n * (data.labels * pulls)
    return LinePulls(pulls, feet, moves, (w, b), (w + step @ data.inputs, b + float(step.sum())))


@jit_by_pair((0,))
def _slopes(pair: Pair, scores: Array, labels: Array) -> Array:
    return pair.slope(scores, labels)


def _two_parameters(pair: Any, data: Dataset, bias: bool | None, box: Any) -> tuple[Pair, np.ndarray, np.ndarray]:
    """The pair, the inputs of its two parameters (n, 2) and the box, refused if there are not two."""
    refuse_soft(data, "A map of gradient flow")
    bias = data.d == 1 if bias is None else bool(bias)
    if data.d + bias != 2:
        raise ValueError(
            f"A map takes two parameters, but {data.d} input(s) {'with' if bias else 'without'} a bias have "
            f"{data.d + bias}. Choose columns, or plot a `plane`."
        )
    return as_pair(pair), with_ones(data.inputs, bias), checked_box(box, 2)


def _penalty(data: Dataset, l2: float) -> np.ndarray:
    """What l2 puts on each of the two parameters, (2,)."""
    return np.array([checked_l2(l2), l2 if data.d == 2 else 0.0])


def _lengths(steps: int, box: np.ndarray) -> np.ndarray:
    """Ever shorter steps, so that neither a descent nor the picture of one ends in zigzags."""
    lengths = np.linspace(1.0, 0.0, steps) ** 2
    return 2.0 * float((box[1] - box[0]).max()) / lengths.sum() * lengths


def _with_rests(lengths: np.ndarray, size: int) -> Array:
    """Step lengths with zeros behind, which change nothing: every part is one compiled program."""
    return jnp.asarray(np.pad(lengths, (0, size - len(lengths))))


@functools.partial(jax.jit, static_argnums=0)
def _both(made: Pair, rows: Array, labels: Array, penalty: Array, points: Array) -> tuple[Array, Array]:
    """The objective (k,) and its gradient (k, 2)."""
    scores = jnp.matmul(points, rows.T, precision=jax.lax.Precision.HIGHEST)
    every = jnp.broadcast_to(labels, scores.shape)
    values = made(scores, every).mean(axis=1) + 0.5 * jnp.sum(penalty[None] * points**2, axis=1)
    slopes = made.slope(scores, every) / labels.shape[0]
    gradient = jnp.matmul(slopes, rows, precision=jax.lax.Precision.HIGHEST) + penalty[None] * points
    return values, gradient


@functools.partial(jax.jit, static_argnums=0)
def _ends(made: Pair, rows: Array, labels: Array, penalty: Array, points: Array, lengths: Array, box: Array) -> Array:
    """Where descent in steps of given lengths ends, (k, 2)."""

    def step(points: Array, length: Array) -> tuple[Array, None]:
        gradient = _both(made, rows, labels, penalty, points)[1]
        size = jnp.linalg.norm(gradient, axis=1, keepdims=True)
        moved = points - length * gradient / jnp.where(size > 1e-14, size, jnp.inf)
        return jnp.clip(moved, box[:1], box[1:]), None

    return jax.lax.scan(step, points, lengths)[0]


def _joined(
    ends: np.ndarray, values: np.ndarray, near: float, spread: float, least: float
) -> tuple[np.ndarray, np.ndarray]:
    """Basins numbered by level, -1 for stragglers, and the levels."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    # Many ends coincide: one stands for those of a place.
    places, which = np.unique(np.round(ends / (1e-3 * near)).astype(np.int64), axis=0, return_inverse=True)
    which = which.ravel()
    level = np.full(len(places), np.inf)
    np.minimum.at(level, which, values)
    links = KDTree(places * (1e-3 * near)).query_pairs(near, output_type="ndarray")
    links = links[np.abs(level[links[:, 0]] - level[links[:, 1]]) <= 2e-3 * spread]
    size = len(places)
    graph = coo_matrix((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(size, size))
    group = connected_components(graph, directed=False)[1][which]
    counts = np.bincount(group)
    lows = np.full(len(counts), np.inf)
    np.minimum.at(lows, group, values)
    kept = [k for k in np.argsort(lows, kind="stable") if counts[k] >= least * len(ends)]
    names = np.full(len(counts), -1)
    names[kept] = np.arange(len(kept))
    return names[group], lows[kept]
