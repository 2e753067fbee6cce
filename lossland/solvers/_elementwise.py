"""A loss's values and derivatives at scores on the host, by programs of three sizes: no new shape compiles anything.

The logistic loss and those made of parabolas are NumPy's, whose passes are quicker.
"""

import contextlib
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.elements import Pair, jit_by_pair
from lossland.solvers._plq import Terms

SIZES = (4096, 8192, 32768)
"""Scores that one call of a compiled program takes."""
CACHED = 8192
"""Scores whose passes by NumPy stay in cache."""


@jit_by_pair((0,))
def _values(pair: Pair, scores: Array, labels: Array) -> tuple[Array]:
    return (pair(scores, labels),)


@jit_by_pair((0,))
def _weighed(pair: Pair, scores: Array, labels: Array, weights: Array) -> tuple[Array, ...]:
    losses, slopes, bends = (jnp.where(weights > 0, weights * part, 0.0) for part in pair.jet(scores, labels))
    # On a straight stretch rounding gives some losses a curvature below 0, or 0/0.
    return losses, slopes, jnp.fmax(bends, 0.0), slopes * scores - losses


def values_at(pair: Pair, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The losses (k, n) at scores (k, n); labels (k or 1, n)."""
    return _by_parts(_values, 1, pair, scores, labels)[0]


class HostLoss(NamedTuple):
    """A loss on the host, to compare points by; certificates take the pair's own values.

    Attributes:
        values: (scores (k, n), labels (k or 1, n)) -> losses (k, n).
        weighed: (scores, labels, weights (k, n)) -> the weighted losses, their slopes in the score, curvatures and
            conjugates at the slopes, (k, n) each.
    """

    values: Callable[..., np.ndarray]
    weighed: Callable[..., tuple[np.ndarray, ...]]


def on_host(pair: Pair, terms: Terms | None = None) -> HostLoss:
    """A loss on the host: by NumPy where it is the logistic or its terms, all of them soft, are given."""
    if is_logistic(pair):
        return HostLoss(_logistic_values, functools.partial(_by_numpy, _logistic_at))
    if terms is not None and np.all(terms.soft > 0):
        curve = functools.partial(_terms_at, terms)
        return HostLoss(functools.partial(_terms_values, terms), functools.partial(_by_numpy, curve))
    return HostLoss(functools.partial(values_at, pair), functools.partial(_by_parts, _weighed, 4, pair))


def is_logistic(pair: Pair) -> bool:
    """Whether this is the library's own logistic loss of the score, not one of the same name."""
    own = getattr(pair.loss.function, "__module__", "").startswith("lossland.elements.")
    return own and pair.name == "identity+logistic" and not pair.loss.parameters


def _logistic_values(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    margins = labels * scores
    return np.maximum(-margins, 0.0) + np.log1p(np.exp(-np.abs(margins)))


def _logistic_at(_: np.ndarray, margins: np.ndarray) -> tuple[Any, ...]:
    """log(1 + exp(-m)), minus its slope, and its curvature: NumPy's exp and log1p are four times as fast as XLA's."""
    small = np.exp(-np.abs(margins))
    share = 1.0 / (1.0 + small)
    loss, bend = np.maximum(-margins, 0.0) + np.log1p(small), small * share * share
    # exp(-m) / (1 + exp(-m)), where neither overflows.
    np.multiply(share, small, out=share, where=margins > 0)
    return loss, share, bend


def _by_numpy(
    curve: Callable[..., tuple[Any, ...]], scores: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What `_weighed` gives of (labels, margins) -> the loss, minus its slope in the margin, and its curvature."""
    rows = [np.broadcast_to(row, scores.shape).ravel() for row in (scores, labels, weights)]
    whole = rows[0].size
    losses, slopes, bends, conjugates = found = tuple(np.empty(whole) for _ in range(4))
    for start in range(0, whole, CACHED):
        part = slice(start, start + CACHED)
        z, t, c = (row[part] for row in rows)
        loss, pull, bend = curve(t, z * t)
        np.multiply(c, loss, out=losses[part])
        np.multiply(t, pull, out=pull)
        np.multiply(-c, pull, out=slopes[part])
        np.multiply(c, bend, out=bends[part])
        np.multiply(slopes[part], z, out=conjugates[part])
        conjugates[part] -= losses[part]
        if not np.isfinite(losses[part].sum()):
            # Of an example without a weight nothing counts, however large its loss.
            for each in found:
                each[part] = np.where(c > 0, each[part], 0.0)
    losses, slopes, bends, conjugates = (each.reshape(scores.shape) for each in found)
    return losses, slopes, bends, conjugates


def _terms_values(terms: Terms, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    labels = np.broadcast_to(labels, scores.shape)
    return _terms_at(terms, labels, labels * scores)[0]


def _terms_at(terms: Terms, labels: np.ndarray, margins: np.ndarray) -> tuple[Any, ...]:
    """The sums of soft terms at margins, of the v where each is largest, and of the curvatures."""
    # One number in place of an array where both classes have the same.
    side = 0 if all((field[0] == field[1]).all() for field in terms) else np.where(labels > 0, 0, 1)
    loss, pull, bend = terms.constant[side], 0.0, 0.0
    for knot, low, high, soft in zip(*(field.T[:, side] for field in terms[:4]), strict=True):
        gap = knot - margins
        free = gap / soft
        v = np.maximum(free, low)
        if np.min(high) < np.inf:
            v = np.minimum(v, high)
        pull = pull + v
        bend = bend + (free == v) / soft
        gap -= 0.5 * soft * v
        gap *= v
        loss = loss + gap
    return loss, pull, bend


def _by_parts(program: Callable[..., Any], count: int, pair: Pair, *rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """What a program gives at every score, part by part; the last part is padded."""
    flat = [np.broadcast_to(row, rows[0].shape).astype(float, copy=False).ravel() for row in rows]
    whole = flat[0].size
    # Padded to the larger size, a thread's part of the rows would cost four times its work.
    size = SIZES[(whole > SIZES[0]) + (whole > 2 * SIZES[1])]
    found = tuple(np.empty(whole) for _ in range(count))
    with jax.enable_x64(True), _on_cpu():
        for start in range(0, whole, size):
            parts = [row[start : start + size] for row in flat]
            short = size - parts[0].size
            if short:
                parts = [np.pad(part, (0, short), mode="edge") for part in parts]
            for to, held in zip(found, program(pair, *parts), strict=True):
                to[start : start + size] = np.asarray(held)[: size - short]
    return tuple(each.reshape(rows[0].shape) for each in found)


def _on_cpu() -> Any:
    """The processor as JAX's device for a while, where there is one besides an accelerator."""
    if jax.default_backend() == "cpu":
        return contextlib.nullcontext()
    try:
        return jax.default_device(jax.devices("cpu")[0])
    except RuntimeError:
        return contextlib.nullcontext()
