"""Links: which loss matches an activation, which activation belongs to a loss, and what lies between the two.

The matching loss of a nondecreasing activation g is M(z, y) = int from g^-1(y) to z of (g(s) - y) ds. The activation
that belongs to a pair's curves is the slope ratio p = negative'(z) / (negative'(z) - positive'(z)): the only link under
which its risk minimiser tells the probability.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lossland.curves import NODES, Curves, apart, tabulate
from lossland.elements import Activation, Loss, pair
from lossland.proofs import output_program, pieces
from lossland.properties._interpreted import interpreted

# Gauss-Legendre with five nodes is exact for the quintics of the table.
_GAUSS = np.polynomial.legendre.leggauss(5)


def outputs(activation: Activation, scores: Any) -> np.ndarray:
    """The activation at any scores in float64, +-inf included; (m,), m <= 2 * NODES."""
    read = output_program(activation)
    if read is not None:
        flat = np.ravel(np.asarray(scores, float))
        found = pieces(read).values(flat)
        # z / sqrt(1 + z^2) has a limit at infinity, where the quotient itself is no number.
        lost = np.isnan(found) & np.isinf(flat)
        found[lost] = pieces(read).values(np.copysign(1e150, flat[lost]))
        return found.reshape(np.shape(scores))
    padded = np.zeros(2 * NODES)
    padded[: np.size(scores)] = np.ravel(scores)
    with jax.enable_x64(True):
        return np.asarray(activation(jnp.asarray(padded)), float)[: np.size(scores)].reshape(np.shape(scores))


def slope_ratio(curves: Curves, scores: Any) -> np.ndarray:
    """The probability at which each score would minimise the conditional risk.

    Args:
        curves: from `curves.tabulate`.
        scores: (m,).

    Returns:
        (m,); NaN where neither curve moves, outside [0, 1] where no probability fits.

    Source: Reid & Williamson 2010, Corollary 14.
    """
    return share(*curves.at(scores, 1))


def share(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """The slope ratio of two slopes, (m,) each; 0 and 1 where one of them has overflowed, NaN where both are 0."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        found = negative / (negative - positive)
    only = np.isinf(positive) ^ np.isinf(negative)
    return np.where(only, np.isinf(negative).astype(float), found)


def link_distance(curves: Curves, activation: Activation) -> float:
    """The largest distance between an activation's output, read as a probability, and the pair's slope ratio.

    Args:
        curves: the pair's, from `curves.tabulate`.
        activation: with outputs in [0, 1], or in [-1, 1] (then (1 + a) / 2 is the probability).

    Returns:
        The distance over |z| <= 12, where the ratio exists; NaN for other outputs or if it exists nowhere.
    """
    held = activation.claim("range")
    if held is None or held[0] < -1 or held[1] > 1:
        return math.nan
    scores = np.linspace(-12, 12, 801)[1::2] + 1e-4
    implied, ratio = outputs(activation, scores), slope_ratio(curves, scores)
    implied = implied if held[0] >= 0 else 0.5 * (1 + implied)
    seen = np.isfinite(ratio)
    return float(np.abs(np.clip(ratio, 0, 1) - implied)[seen].max()) if seen.any() else math.nan


def is_matching(curves: Curves) -> bool:
    """Whether negative' - positive' is one positive constant: then the pair is its output's matching loss.

    Sigmoid + cross-entropy is; the hinge is nobody's: it would need a step at -1 for one label and at +1 for the other.
    """
    with np.errstate(invalid="ignore"):
        gap = curves.slopes[1] - curves.slopes[0]
    near = gap[np.isfinite(gap) & (np.abs(curves.scores) <= 30)]
    return bool(near.size and near.mean() > 0 and np.ptp(near) <= 1e-9 * near.mean())


def matching_loss(activation: Activation, scores: Any, targets: Any) -> np.ndarray:
    r"""The matching loss of an activation: :math:`M_g(z, y) = \int_{g^{-1}(y)}^z (g(s) - y)\, ds`.

    Args:
        activation: nondecreasing.
        scores: (m,), z.
        targets: (m,) or a scalar, y in the closure of the activation's range.

    Returns:
        (m,), >= 0, convex in z; inf where y is out of reach, NaN where z or y is NaN.

    Raises:
        ValueError: if the activation falls anywhere: then no matching loss exists.

    Example:
        >>> import lossland as ll
        >>> from lossland.elements import ACTIVATIONS, find
        >>> matching_loss(find(ACTIVATIONS, "relu"), [-1.0, 2.0], [1.0, 1.0]).round(9).tolist()
        [1.5, 0.5]

    Source: Auer, Herbster & Warmuth 1995; Helmbold, Kivinen & Warmuth 1999.
    """
    z, y = np.broadcast_arrays(np.asarray(scores, float), np.asarray(targets, float))
    # 1 - g is the positive curve of the activation with the unhinged loss: kinks and all, ready tabulated.
    table = tabulate(pair(activation, "unhinged"))
    values, places = 1.0 - table.values[0], table.scores
    falls = fall(activation)
    if falls:
        raise ValueError(f"{falls}: a matching loss needs a nondecreasing activation.")
    cells = _integral(table, places[:-1], places[1:])
    middle = int(np.searchsorted(places, 0.0))
    # From 0 outwards: sums that began at -1e6 would leave no digits here.
    left, right = -np.cumsum(cells[:middle][::-1])[::-1], np.cumsum(cells[middle:])
    whole = np.concatenate([left, [0.0], right])
    start = _inverse(table, values, y.ravel())
    ends = np.clip(np.nan_to_num(z.ravel()), places[0], places[-1])
    area = _between(table, whole, start, ends) - y.ravel() * (ends - start)
    area = np.where(np.isfinite(start), np.maximum(area, 0.0), np.inf)
    for k in np.flatnonzero((np.abs(z.ravel()) > places[-1]) & np.isfinite(area)):
        area[k] += _beyond(activation, ends[k], z.ravel()[k], y.ravel()[k])
    return np.where(np.isnan(z + y).ravel(), np.nan, area).reshape(z.shape)


def fall(activation: Activation) -> str:
    """Where an activation falls, in words; empty if it is nondecreasing, as far as its table shows."""
    table = tabulate(pair(activation, "unhinged"))
    values, places = 1.0 - table.values[0], table.scores
    with np.errstate(invalid="ignore"):
        falls = np.nan_to_num(np.diff(values), nan=0.0) < -1e-12 * (1 + np.abs(values[1:]))
    if not falls.any():
        return ""
    nearest = min(np.flatnonzero(falls), key=lambda k: abs(places[k]))
    low, high = apart(round(places[nearest], 3), round(places[nearest + 1], 3))
    return f"{activation.name} falls between z = {low} and {high}"


def convexity_band(loss: Loss, values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Between which bounds g''(z) / g'(z)^2 must lie, at output a = g(z), for the pair to be convex for both labels.

    Args:
        loss: any.
        values: (m,), outputs a.

    Returns:
        Lower and upper bound, (m,) each. For the hinge both are 0 on |a| < 1: g has to be affine there.

    Example:
        >>> import lossland as ll
        >>> from lossland.elements import LOSSES, find
        >>> [x.round(6).tolist() for x in convexity_band(find(LOSSES, "logistic"), [0.0, 2.0])]
        [[-0.5, -0.119203], [0.5, 0.880797]]

    Source: Reid & Williamson 2010, Theorem 29, stated here for any loss of the output.
    """
    a = np.atleast_1d(np.asarray(values, float))
    with jax.enable_x64(True):
        bounds = [_bend_over_slope(loss, np.nan_to_num(a), label) for label in (1.0, -1.0)]
    (slope, bend), (slope_negative, bend_negative) = bounds
    with np.errstate(divide="ignore", invalid="ignore"):
        # positive: l'' g'^2 + l' g'' >= 0 with l' < 0 bounds g'' from above; negative, with l' > 0, from below.
        upper = np.where(slope < 0, bend / -slope, np.inf)
        lower = np.where(slope_negative > 0, -bend_negative / slope_negative, -np.inf)
    return np.where(np.isnan(a), np.nan, lower), np.where(np.isnan(a), np.nan, upper)


def bend(activation: Activation, scores: Any) -> np.ndarray:
    """The bend g'' / g'^2 of an activation at scores, (m,), which `convexity_band` bounds; NaN where g rests."""
    table = tabulate(pair(activation, "unhinged"))
    slope, curvature = -table.at(scores, 1)[0], -table.at(scores, 2)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(slope != 0, curvature / slope**2, np.nan)


def _bend_over_slope(loss: Loss, a: Any, label: float) -> tuple[np.ndarray, np.ndarray]:
    def value(output: Any) -> Any:
        if loss.kind == "label":
            return loss(output, label)
        if loss.kind == "margin":
            return loss(label * output)
        return loss(output if label > 0 else 1.0 - output)

    def slope(output: Any) -> Any:
        return jax.jvp(value, (output,), (jnp.ones_like(output),))[1]

    # Run by NumPy: a few numbers, for which JAX would compile a dozen programs.
    closed = jax.make_jaxpr(lambda output: jax.jvp(slope, (output,), (jnp.ones_like(output),)))(a)
    first, second = interpreted(closed.jaxpr, closed.consts, [a])
    return first, second


# --------------------------------------------------------------------------------------------------------- quadrature


def _integral(table: Curves, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The integral of g over intervals that no node divides."""
    nodes, weights = _GAUSS
    half = 0.5 * (high - low)
    points = 0.5 * (low + high)[:, None] + half[:, None] * nodes
    held = 1.0 - table.at(points.ravel())[0].reshape(points.shape)
    return half * (held @ weights)


def _beyond(activation: Activation, edge: float, score: float, target: float) -> float:
    """The integral of g - y from the table's edge out to a score, by the activation itself; inf where it diverges."""
    last = float(outputs(activation, np.array([edge]))[0]) - target
    if math.isinf(score):
        # What comes to rest at y faster than 1 / z adds nothing that would count.
        return math.inf if abs(last * edge) > 1e-3 else 0.0
    nodes, weights = _GAUSS
    # Even in log z, so that a power of the score is followed however far it goes.
    steps = np.linspace(0.0, math.log(score / edge), 513)
    half = 0.5 * np.diff(steps)
    places = edge * np.exp((0.5 * (steps[1:] + steps[:-1]))[:, None] + half[:, None] * nodes)
    with np.errstate(over="ignore", invalid="ignore"):
        heights = outputs(activation, places.ravel()).reshape(places.shape) - target
        return float(np.sum(half * ((heights * places) @ weights)))


def _between(table: Curves, whole: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """The integral of g from start to stop, by the cells' sums and what is left over at both ends."""
    places = table.scores
    left, right = (np.clip(np.searchsorted(places, x, side="right") - 1, 0, places.size - 1) for x in (start, stop))
    safe = np.where(np.isfinite(start), start, 0.0)
    ends = _integral(table, places[right], stop) - _integral(
        table, places[left], np.where(np.isfinite(start), safe, places[left])
    )
    # Within one cell directly: the difference of two long sums would lose digits.
    same = left == right
    return np.where(same, _integral(table, safe, stop), whole[right] - whole[left] + ends)


def _inverse(table: Curves, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """A score with g(z) = y; the end of the table where y is only approached, NaN where it is out of reach."""
    places = table.scores
    low_limit, high_limit = 1.0 - table.limits[0]
    # The side of a flat stretch that is nearer 0: an integral from the far end would lose digits.
    ends = [np.searchsorted(values, targets, side=side) for side in ("left", "right")]
    right = np.clip(np.where(targets <= values[0], ends[1], ends[0]), 1, places.size - 1)
    low, high = places[right - 1].copy(), places[right].copy()
    for _ in range(60):
        middle = 0.5 * (low + high)
        under = 1.0 - table.at(middle)[0] < targets
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    found = 0.5 * (low + high)
    found = np.where(targets < values[0], places[0], np.where(targets > values[-1], places[-1], found))
    # What the limit only just reaches must be reached fast enough for the area to be finite.
    with np.errstate(invalid="ignore"):
        slow = np.abs(values[[0, -1]] - [low_limit, high_limit]) * np.abs(places[[0, -1]]) > 1e-3
    out = (targets < low_limit) | (targets > high_limit)
    out |= (targets == low_limit) & slow[0] | (targets == high_limit) & slow[1]
    return np.where(out, np.nan, found)


# ------------------------------------------------------------------------------------------- what a card is asked with


def numbers(given: Any, what: str, low: float = -math.inf, high: float = math.inf) -> np.ndarray:
    """What was given, called `what`, as floats in its own shape, from `low` to `high`; NaN stays NaN.

    Raises:
        ValueError: if it is not made of real numbers, or one of them is outside; the message says which.

    Example:
        >>> numbers([0.2, 1.5], "eta, a probability", 0.0, 1.0)
        Traceback (most recent call last):
        ...
        ValueError: 1.5 at place (1,) is no value for eta, a probability: it must be at least 0 and at most 1.
    """
    try:
        held = np.asarray(given)
    except ValueError:  # Rows of different lengths.
        held = np.asarray(None)
    if not (held.dtype.kind in "biuf" or jnp.issubdtype(held.dtype, jnp.floating)):
        raise ValueError(f"{what} must be a real number or an array of such, not {str(given)[:60]!r}.")
    held = held.astype(float)
    outside = np.argwhere((held < low) | (held > high))
    if len(outside):
        place = tuple(int(k) for k in outside[0])
        bounds = [f"at least {low:g}"] * (low > -math.inf) + [f"at most {high:g}"] * (high < math.inf)
        where = f" at place {place}" if place else ""
        raise ValueError(f"{held[place]:g}{where} is no value for {what}: it must be {' and '.join(bounds)}.")
    return held


def number(given: Any, what: str) -> float:
    """One number, which is not NaN; anything else is refused."""
    held = numbers(given, what)
    if held.size != 1 or np.isnan(held).any():
        raise ValueError(f"{what} must be one number, not {str(given)[:60]}.")
    return float(held.ravel()[0])


def each(function: Callable[..., np.ndarray], *given: np.ndarray) -> Any:
    """A function of the entries that are numbers, in the shape of what was given: NaN for NaN, a number for numbers."""
    try:
        shaped = np.broadcast_arrays(*given)
    except ValueError as error:
        raise ValueError(f"Shapes {' and '.join(str(x.shape) for x in given)} do not fit together.") from error
    flat = [x.ravel() for x in shaped]
    held = np.full(flat[0].shape, np.nan)
    seen = ~np.any(np.isnan(flat), axis=0)
    if seen.any():
        held[seen] = function(*(x[seen] for x in flat))
    return float(held[0]) if shaped[0].shape == () else held.reshape(shaped[0].shape)
