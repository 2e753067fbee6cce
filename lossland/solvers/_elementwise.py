"""A loss's values and derivatives at scores on the host, by programs of two sizes: no new shape compiles anything."""

import contextlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.elements import Pair, jit_by_pair

SIZES = (4096, 32768)
"""Scores that one call of a compiled program takes."""
CACHED = 8192
"""Scores whose passes by NumPy stay in cache."""


@jit_by_pair((0,))
def _values(pair: Pair, scores: Array, labels: Array) -> tuple[Array]:
    return (pair(scores, labels),)


@jit_by_pair((0,))
def _weighed(pair: Pair, scores: Array, labels: Array, weights: Array) -> tuple[Array, ...]:
    losses, slopes, bends = (jnp.where(weights > 0, weights * part, 0.0) for part in pair.jet(scores, labels))
    return losses, slopes, bends, slopes * scores - losses


def values_at(pair: Pair, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The losses (k, n) at scores (k, n); labels (k or 1, n)."""
    return _by_parts(_values, 1, pair, scores, labels)[0]


def losses_at(pair: Pair, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """`values_at` to compare points by, not to certify them: by NumPy where it knows the loss."""
    if not is_logistic(pair):
        return values_at(pair, scores, labels)
    margins = labels * scores
    return np.maximum(-margins, 0.0) + np.log1p(np.exp(-np.abs(margins)))


def weighed_at(
    pair: Pair, scores: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The weighted losses, their slopes in the score, curvatures and conjugates at the slopes, (k, n) each."""
    if is_logistic(pair):
        return _logistic(scores, labels, weights)
    losses, slopes, bends, conjugates = _by_parts(_weighed, 4, pair, scores, labels, weights)
    return losses, slopes, bends, conjugates


def is_logistic(pair: Pair) -> bool:
    """Whether this is the library's own logistic loss of the score, not one of the same name."""
    own = getattr(pair.loss.function, "__module__", "").startswith("lossland.elements.")
    return own and pair.name == "identity+logistic" and not pair.loss.parameters


def _logistic(
    scores: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The same of log(1 + exp(-m)): NumPy's exp and log1p are vectorised, and four times as fast as XLA's program."""
    rows = [np.broadcast_to(row, scores.shape).ravel() for row in (scores, labels, weights)]
    whole = rows[0].size
    losses, slopes, bends, conjugates = found = tuple(np.empty(whole) for _ in range(4))
    for start in range(0, whole, CACHED):
        part = slice(start, start + CACHED)
        z, t, c = (row[part] for row in rows)
        m = z * t
        small = np.exp(-np.abs(m))
        share = 1.0 / (1.0 + small)
        np.multiply(c, np.maximum(-m, 0.0) + np.log1p(small), out=losses[part])
        np.multiply(c, small * share * share, out=bends[part])
        # exp(-m) / (1 + exp(-m)), where neither overflows.
        np.multiply(share, small, out=share, where=m > 0)
        np.multiply(-t * c, share, out=slopes[part])
        np.multiply(slopes[part], z, out=conjugates[part])
        conjugates[part] -= losses[part]
    losses, slopes, bends, conjugates = (each.reshape(scores.shape) for each in found)
    return losses, slopes, bends, conjugates


def _by_parts(program: Callable[..., Any], count: int, pair: Pair, *rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """What a program gives at every score, part by part; the last part is padded."""
    flat = [np.broadcast_to(row, rows[0].shape).astype(float, copy=False).ravel() for row in rows]
    whole = flat[0].size
    size = SIZES[whole > SIZES[0]]
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
