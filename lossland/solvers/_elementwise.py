"""A loss's values and derivatives at scores on the host, by programs of two sizes: no new shape compiles anything."""

import contextlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array

from lossland.elements import Pair, jit_by_pair

SIZES = (4096, 65536)
"""Scores that one call of a compiled program takes."""


@jit_by_pair((0,))
def _values(pair: Pair, scores: Array, labels: Array) -> tuple[Array]:
    return (pair(scores, labels),)


@jit_by_pair((0,))
def _jet(pair: Pair, scores: Array, labels: Array) -> tuple[Array, Array, Array]:
    return pair.jet(scores, labels)


def values_at(pair: Pair, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The losses (k, n) at scores (k, n); labels (k or 1, n)."""
    return _by_parts(_values, 1, pair, scores, labels)[0]


def jet_at(pair: Pair, scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The losses, their slopes in the score and their curvatures, (k, n) each."""
    value, slope, bend = _by_parts(_jet, 3, pair, scores, labels)
    return value, slope, bend


def _by_parts(
    program: Callable[..., Any], count: int, pair: Pair, scores: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, ...]:
    """What a program gives at every score, part by part; the last part is padded."""
    flat, signs = scores.ravel(), np.broadcast_to(labels, scores.shape).ravel()
    size = SIZES[flat.size > SIZES[0]]
    found = tuple(np.empty(flat.size) for _ in range(count))
    with jax.enable_x64(True), _on_cpu():
        for start in range(0, flat.size, size):
            part, own = flat[start : start + size], signs[start : start + size]
            short = size - part.size
            if short:
                part, own = np.pad(part, (0, short)), np.pad(own, (0, short), constant_values=1.0)
            for to, held in zip(found, program(pair, part, own), strict=True):
                to[start : start + size] = np.asarray(held)[: size - short]
    return tuple(each.reshape(scores.shape) for each in found)


def _on_cpu() -> Any:
    """The processor as JAX's device for a while, where there is one besides an accelerator."""
    if jax.default_backend() == "cpu":
        return contextlib.nullcontext()
    try:
        return jax.default_device(jax.devices("cpu")[0])
    except RuntimeError:
        return contextlib.nullcontext()
