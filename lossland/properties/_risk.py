"""The conditional risk of a pair: its infimum over scores for each probability, and what its minimiser tells of it.

With eta = P(t = +1 | x) the conditional risk of a score is C(z) = eta positive(z) + (1 - eta) negative(z), H(eta) its
infimum. Everything on the score axis.
"""

import math
from typing import Any

import numpy as np

from lossland.curves import Curves, Minimum

NEAR_HALF = 1e-5
THETAS = np.concatenate([[1e-3, 0.005, 0.01], np.linspace(0.025, 0.975, 39), [0.99, 1.0]])
"""Where theta = 2 eta - 1 is looked at."""
ETAS = 0.5 + 0.5 * np.concatenate([-THETAS[::-1], 2 * NEAR_HALF * np.array([-4, -2, -1, 0, 1, 2, 4]), THETAS])
"""Where the minimal risk is looked at, 0 and 1 and seven points about 1/2 among them."""


def minimum(curves: Curves, etas: Any) -> Minimum:
    """The minimal conditional risk H(eta) and the interval of scores that reach it.

    Args:
        curves: from `curves.tabulate`.
        etas: (m,), probabilities of t = +1.

    Returns:
        Value, low and high, each (m,).

    Example:
        >>> import lossland as ll
        >>> from lossland.curves import tabulate
        >>> found = minimum(tabulate(ll.pair("relu", "hinge")), [0.2, 0.8])
        >>> found.value.round(9).tolist(), found.low.tolist(), found.high.tolist()
        ([1.0, 0.4], [-inf, 1.0], [0.0, 1.0])
    """
    etas = np.atleast_1d(np.asarray(etas, float))
    return curves.lowest(np.stack([etas, 1 - etas], axis=1))


def elicits(found: Minimum) -> bool:
    """Whether the risk's minimiser reveals eta: unique, finite and strictly increasing in eta, as seen at `ETAS`."""
    inside = (ETAS > 0.01) & (ETAS < 0.99)
    low, high = found.low[inside], found.high[inside]
    if not np.all(np.isfinite(low) & np.isfinite(high)):
        return False
    unique = high - low <= 1e-5 * (1 + np.abs(low))
    # Across 1/2 the gap must close as eta does; one that stays is a jump between two minima.
    half = low.size // 2
    near, far = low[half + 1] - low[half - 1], low[half + 3] - low[half - 3]
    return bool(np.all(unique) and np.all(np.diff(low) > 1e-9) and (near < 0.9 * far or near < 1e-6))


def probability_error(found: Minimum, outputs: np.ndarray) -> float:
    """How far the output at a minimiser of the risk is from eta, at most: 0 for a strictly proper pair.

    At eta = 0 and 1, where a flat stretch may be least, the nearest minimiser counts; elsewhere the furthest.

    Args:
        found: `minimum(curves, ETAS)`.
        outputs: (2, m), the outputs at `found.low` and `found.high`.

    Returns:
        The largest distance.
    """
    low, high = np.minimum(*outputs), np.maximum(*outputs)
    nearest = np.maximum(np.maximum(low - ETAS, ETAS - high), 0.0)
    furthest = np.maximum(np.abs(low - ETAS), np.abs(high - ETAS))
    gap = np.where((ETAS == 0) | (ETAS == 1), nearest, furthest)
    return float(np.max(gap)) if np.all(np.isfinite(gap) & np.isfinite(found.value)) else math.inf
