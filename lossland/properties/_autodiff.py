"""What autodiff and float arithmetic make of a pair: the slope taken at a kink under each tie, and numeric health."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.curves import NODES, Kink
from lossland.elements import TIES, Pair, with_tie

DTYPES = ("bfloat16", "float32", "float64")
REACH = 1e4


class Tied(NamedTuple):
    """The slopes that autodiff returns at one kink.

    Attributes:
        kink: where.
        slopes: {tie: slope}; one entry, keyed None, where neither the activation nor the loss takes a tie.
        inside: whether each lies between the one-sided slopes.
    """

    kink: Kink
    slopes: dict[float | None, float]
    inside: bool


class Health(NamedTuple):
    """How many values of the loss, its slope or its curvature are not finite, over |z| <= 1e4 and both labels.

    Attributes:
        dtype: the float type.
        what: "value", "slope" or "curvature".
        bad: the number of NaN, or of infinities where the float64 result is far below overflow.
        at: the first such score, NaN if there is none.
    """

    dtype: str
    what: str
    bad: int
    at: float


def ties(pair: Pair, kinks: tuple[Kink, ...]) -> tuple[Tied, ...]:
    """Which slope autodiff returns at each kink of the slope, for every tie that the pair lets one choose.

    Args:
        pair: the pair.
        kinks: from its table.

    Returns:
        One entry a kink of the slope.

    Example:
        >>> import lossland as ll
        >>> from lossland.curves import tabulate
        >>> relu_hinge = ll.pair("relu", "hinge")
        >>> ties(relu_hinge, tabulate(relu_hinge).kinks)[0].slopes
        {0.0: 0.0, 0.5: -0.5, 1.0: -1.0}
    """
    chosen = [k for k in kinks if k.what == "slope"]
    if not chosen:
        return ()
    takes = [half for half in (pair.activation, pair.loss) if "tie" in half.settings()]
    variants = {tie: with_tie(pair, tie) for tie in TIES} if takes else {None: pair}
    points = np.array([k.at for k in chosen])
    labels = np.array([float(k.label) for k in chosen])
    table = {tie: _padded(variant, points, labels) for tie, variant in variants.items()}
    found = []
    for i, kink in enumerate(chosen):
        slopes = {tie: float(row[i]) + 0.0 for tie, row in table.items()}
        low, high = sorted((kink.left, kink.right))
        slack = 1e-6 * (1 + abs(low) + abs(high))
        found.append(Tied(kink, slopes, all(low - slack <= s <= high + slack for s in slopes.values())))
    return tuple(found)


def health(pair: Pair) -> tuple[Health, ...]:
    """Whether value, slope and curvature are finite over |z| <= 1e4 in three float types.

    An infinite result is right where the true one overflows the type: that is decided by the float64 value.

    Args:
        pair: the pair.

    Returns:
        Nine entries: a type and a quantity each.

    Example:
        >>> import lossland as ll
        >>> sum(entry.bad for entry in health(ll.pair("sigmoid", "cross_entropy")))
        0
    """
    half = np.concatenate([np.logspace(-4, np.log10(REACH), 255), [0.0]])
    scores = np.concatenate([-half, half])
    rows, exact = [], None
    for dtype in reversed(DTYPES):
        held = _everywhere(pair, scores, dtype)
        exact = held if exact is None else exact
        limit = 0.01 * float(jnp.finfo(dtype).max)
        for name, got, true in zip(("value", "slope", "curvature"), held, exact, strict=True):
            bad = np.isnan(got) | (np.isinf(got) & (np.abs(true) < limit))
            at = float(np.tile(scores, 2)[np.argmax(bad)]) if bad.any() else float("nan")
            rows.append(Health(dtype, name, int(bad.sum()), at))
    return tuple(rows)


def _padded(pair: Pair, points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Slopes at a few scores, evaluated on an array of the length that everything else uses."""
    scores, signs = np.zeros(2 * NODES), np.ones(2 * NODES)
    scores[: points.size], signs[: points.size] = points, labels
    with jax.enable_x64(True):
        return np.asarray(pair.slope(jnp.asarray(scores), jnp.asarray(signs)), float)[: points.size]


def _everywhere(pair: Pair, scores: np.ndarray, dtype: str) -> list[np.ndarray]:
    with jax.enable_x64(True):
        both = jnp.asarray(np.tile(scores, 2), dtype)
        labels = jnp.asarray(np.repeat([1.0, -1.0], scores.size), dtype)
        parts: Any = jax.jit(pair.jet)(both, labels)
        return [np.asarray(part, np.float64) for part in parts]
