"""Where a pair is looked at: the scores of every table, and value, slope and curvature at any of them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from lossland.elements import Pair
from lossland.proofs import pieces, program

LABELS = (1.0, -1.0)
"""The label of each row: positives first."""
NODES = 8192
"""How many scores one evaluation takes."""
REACH = 14.5
"""asinh of the largest score: nodes are even in asinh, and 0 lies between two of them."""
Evaluate = Callable[[np.ndarray], np.ndarray]


def grid() -> np.ndarray:
    """The scores at which every pair is tabulated, kinks apart: symmetric about 0, which is not one of them."""
    half = np.sinh(np.linspace(0.0, REACH, 2047)[1::2])
    return np.concatenate([-half[::-1], half])


def evaluator(pair: Pair) -> Evaluate:
    """A function from scores (m,), m <= NODES, to value, slope and curvature of both classes, (3, 2, m).

    A pair whose program can be read is evaluated by it, in NumPy. Any other is run by JAX, and so is one with a
    derivative of its own, whose slope is what JAX makes of it.
    """
    # Its program and its pieces alone: what else is proven of a pair takes longer, and a card evaluates many.
    read = program(pair)
    if read.reason or read.own_slopes:
        return traced_evaluator(pair)
    cut = [pieces(curve) for curve in read.curves]

    def evaluate(scores: np.ndarray) -> np.ndarray:
        return np.stack([curve.jets(scores) for curve in cut], axis=1)

    return evaluate


def traced_evaluator(pair: Pair) -> Evaluate:
    """The same by JAX.

    Every call runs the pair on one array of the same length, operation by operation: what XLA has compiled for one
    pair serves the others, where compiling a function for each pair takes several times as long.
    """

    def evaluate(scores: np.ndarray) -> np.ndarray:
        padded = np.zeros(NODES)
        padded[: scores.size] = scores
        with jax.enable_x64(True):
            both = jnp.asarray(np.concatenate([padded, padded]))
            labels = jnp.asarray(np.repeat(LABELS, NODES))
            held = np.stack([np.asarray(part, float) for part in pair.jet(both, labels)])
        return held.reshape(3, 2, NODES)[:, :, : scores.size]

    return evaluate
