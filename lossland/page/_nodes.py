"""A pair's class curves in few nodes: what a browser needs to draw and to descend, without a formula.

The table of `curves.tabulate` keeps a node wherever the quintic between the kept ones would miss the curve. Kinks stay
exactly where they are, twice; how JAX breaks the tie there is kept beside them.
"""

import functools
from typing import Any, NamedTuple

import jax
import numpy as np

from lossland.curves import Curves, quintic
from lossland.elements import Activation, Handed, Loss, Pair, loss_half, mirrored, output_half, with_tie
from lossland.properties import interpreted

NEAR = 50.0
TOLERANCE, FAR_TOLERANCE = 5e-7, 1e-4
"""How far a value may be off, as a share of 1 + its size: for |z| <= NEAR, and beyond."""
SLOPE_TOLERANCE = 5e-6
"""The same for slopes, for |z| <= NEAR."""
_LARGEST = 3e38


class Thin(NamedTuple):
    """A pair's class curves at the nodes that were kept.

    Attributes:
        scores: (m,) float64, not decreasing; a kink's score stands twice.
        rows: (3, 2, m) float32: value, slope and curvature of both classes.
        ties: (k, 2, 2, 2) float32 for the k scores that stand twice: [tie 0 or 1][value or slope][class].
        errors: of values and of slopes for |z| <= NEAR, as shares of 1 + their sizes, at the nodes left out.
    """

    scores: np.ndarray
    rows: np.ndarray
    ties: np.ndarray
    errors: tuple[float, float]


def thinned(pair: Pair, curves: Curves) -> Thin:
    """Keep the nodes that a quintic needs.

    Args:
        pair: the pair.
        curves: its table.

    Returns:
        The kept nodes; beyond the first and the last the curve goes on as a parabola with their slope and curvature.

    Example:
        >>> import lossland as ll
        >>> from lossland.curves import tabulate
        >>> relu_hinge = ll.pair("relu", "hinge")
        >>> thin = thinned(relu_hinge, tabulate(relu_hinge))
        >>> thin.scores[1:-1].tolist(), thin.ties[:, 1, 1].tolist()
        ([0.0, 0.0, 1.0, 1.0], [[-1.0, 1.0], [-1.0, 1.0]])
    """
    scores = curves.scores
    full = np.stack([curves.values, curves.slopes, curves.curvatures])
    rows = _single(full)
    copies = np.flatnonzero(np.diff(scores) == 0)
    kept = np.zeros(scores.size, bool)
    kept[[0, -1, *copies, *(copies + 1)]] = True
    edges = np.flatnonzero(np.diff(np.isfinite(rows).all(axis=(0, 1)).astype(int)))
    kept[[*edges, *(edges + 1)]] = True
    while True:
        index = np.flatnonzero(kept)
        cell = np.clip(np.searchsorted(index, np.arange(scores.size), side="right") - 1, 0, index.size - 2)
        misses = _misses(full, rows, scores, index[cell], index[cell + 1])
        wrong = np.unique(cell[(misses > 1).any(axis=0)])
        middle = (index[wrong] + index[wrong + 1]) // 2
        middle = middle[~kept[middle]]
        if not middle.size:
            break
        kept[middle] = True
    near = np.abs(scores) <= NEAR
    worst = misses[:, near].max(axis=1) * (TOLERANCE, SLOPE_TOLERANCE)
    at = np.unique(scores[copies])
    return Thin(scores[kept], rows[..., kept], _tied(pair, at), (float(worst[0]), float(worst[1])))


def _single(rows: np.ndarray) -> np.ndarray:
    """A table in float32; what is too large for it is infinite, and the slope of an infinite value means nothing."""
    held = np.where(np.abs(rows) > _LARGEST, np.copysign(np.inf, rows), rows).astype(np.float32)
    held[1:] = np.where(np.isfinite(held), held, 0.0)[1:]
    return held


def _misses(full: np.ndarray, rows: np.ndarray, scores: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """By how many tolerances the quintic between nodes misses values and slopes at each score, (2, n)."""
    ends = [rows[order][:, side].astype(float) for side in (left, right) for order in range(3)]
    near = np.abs(scores) <= NEAR
    allowed = (np.where(near, TOLERANCE, FAR_TOLERANCE), np.where(near, SLOPE_TOLERANCE, np.inf))
    found = []
    for order in (0, 1):
        wanted = full[order]
        with np.errstate(invalid="ignore", over="ignore"):
            off = np.abs(quintic(ends, scores[left], scores[right], scores, order) - wanted) / (1 + np.abs(wanted))
        # Where a value overflows float32 there is nothing to follow, and a kept node is as it is.
        off[~np.isfinite(rows[0][:, left]) | ~np.isfinite(rows[0][:, right]) | ~np.isfinite(off)] = 0.0
        own = (scores == scores[left]) | (scores == scores[right])
        found.append(np.where(own, 0.0, off / allowed[order]).max(axis=0))
    return np.stack(found)


def _tied(pair: Pair, at: np.ndarray) -> np.ndarray:
    """Value and slope of both classes at the kinks as JAX has them, for tie 0 and tie 1."""
    if not at.size:
        return np.zeros((0, 2, 2, 2), np.float32)
    takes = any("tie" in half.settings() for half in (pair.activation, pair.loss))
    # One length for nearly all pairs: what is compiled for one serves the next.
    room = 16 * (1 + (at.size - 1) // 16)
    scores, labels = np.tile(np.pad(at, (0, room - at.size)), 2), np.repeat([1.0, -1.0], room)
    found = []
    for tie in (0.0, 1.0) if takes else (0.0,):
        held = _value_and_slope(with_tie(pair, tie), scores, labels)
        found.append(np.stack([np.asarray(part, float).reshape(2, room)[:, : at.size] for part in held]))
    both = np.stack(found * (1 if takes else 2)).transpose(3, 0, 1, 2)
    return np.nan_to_num(both, posinf=_LARGEST, neginf=-_LARGEST).astype(np.float32)


def _value_and_slope(pair: Pair, scores: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """What `pair.bare` gives, by NumPy, each half from its own program: hundreds of pairs share few halves."""
    mirror = mirrored(pair.activation, pair.loss)
    closed, filled = _output_program(pair.activation, pair.loss.kind, mirror, scores.shape)
    handed = interpreted(closed.jaxpr, closed.consts, [scores, labels])
    closed = _loss_program(pair.loss, filled, scores.shape)
    return interpreted(closed.jaxpr, closed.consts, [labels, *handed])


@functools.lru_cache(maxsize=512)
def _output_program(activation: Activation, kind: str, mirror: bool, shape: tuple[int, ...]) -> tuple[Any, tuple]:
    """What an activation hands over at scores and labels, with its derivatives; and the names of what it hands over."""
    names = []

    def along(score: Any, label: Any) -> Any:
        def handed(score: Any) -> Any:
            fields = output_half(activation, kind, mirror, score, label)._asdict()
            names[:] = [name for name, field in fields.items() if field is not None]
            return tuple(fields[name] for name in names)

        return jax.jvp(handed, (score,), (jax.numpy.ones_like(score),))

    some = jax.ShapeDtypeStruct(shape, "float64")
    with jax.enable_x64(True):
        return jax.make_jaxpr(along)(some, some), tuple(names)


@functools.lru_cache(maxsize=512)
def _loss_program(loss: Loss, filled: tuple[str, ...], shape: tuple[int, ...]) -> Any:
    """A loss and its derivative of a label and what an output handed over, with its derivatives."""

    def along(label: Any, *both: Any) -> Any:
        def value(*fields: Any) -> Any:
            return loss_half(loss, Handed(**dict(zip(filled, fields, strict=True))), label)

        return jax.jvp(value, both[: len(filled)], both[len(filled) :])

    some = jax.ShapeDtypeStruct(shape, "float64")
    with jax.enable_x64(True):
        return jax.make_jaxpr(along)(some, *[some] * (2 * len(filled)))
