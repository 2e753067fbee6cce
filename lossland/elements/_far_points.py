"""Values and slopes far out, in float32 against float64: for the contracts.

What a function gives in float32 is compared with the same program in float64 at the same points, out to +-1e4. An
infinite value is right only where the function has outgrown the float type: float64 itself is asked how large the
function is just before it overflows.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.elements._claims import Check, Curve

SAME = 1e-3
"""How far float32 may be from float64, relative to 1 + the size: more than rounding, less than a wrong branch."""
MODES = 1e-4
"""How far the slopes of forward and reverse mode may be apart."""
LARGEST = float(np.finfo(np.float32).max)
OUTGROWN = 1e300
"""How large a function is at least in float64, just before it overflows."""


class _Jets(NamedTuple):
    """Value, slope by forward mode and slope by reverse mode."""

    value: np.ndarray
    forward: np.ndarray
    reverse: np.ndarray


def far_checks(tag: str, curve: Curve, domain: tuple[float, float], grows: bool = True) -> Iterator[Check]:
    """Yield the checks of a function far out: values, slopes, and whether both modes give the same slope.

    Args:
        tag: put before the names of the checks.
        curve: the function, elementwise.
        domain: where it is defined.
        grows: whether it is infinite only by overflow; a loss of an output may be infinite because the output says so.

    Returns:
        An iterator of `Check`; run it under `jax.enable_x64`.

    Example:
        >>> with jax.enable_x64(True):
        ...     [c.refutation for c in far_checks("", lambda m: jnp.log(1 + jnp.exp(-m)), (-np.inf, np.inf))][0]
        'is inf at -100 in float32, where float64 gives 100'
    """
    points = far_points(domain)
    jets = _jets(curve)
    single, double = jets(points), jets(_around(points, domain))
    seen = f"{points.size} points in float32 and float64"
    infinite = np.isinf(single.value) | np.isinf(double.value).any(0)
    said = _apart(points, single.value, double.value, "is", np.zeros_like(infinite))
    if grows and not said:
        said = _too_early(points, double.value[1], lambda x: jets(np.broadcast_to(x, (3, points.size))).value[1])
    yield Check(f"{tag}right values far out", seen, said)
    said = _apart(points, single.forward, double.forward, "its slope is", infinite)
    yield Check(f"{tag}right slopes far out", seen, said)
    said = _two_modes(points, single, "float32") or _two_modes(points, _Jets(*(x[1] for x in double)), "float64")
    yield Check(f"{tag}same slope by reverse mode", seen, said)


def far_points(domain: tuple[float, float]) -> np.ndarray:
    """Numbers of float32 within a domain, from its ends on in ratios: out to +-1e4, or near to both ends."""
    low, high = domain
    if np.isfinite(low) and np.isfinite(high):
        found = np.concatenate([low + (high - low) * np.logspace(-30, -0.31, 60), high - (high - low) * _NEAR])
    else:
        found = np.concatenate([-_FAR[::-1], _FAR])
    found = np.unique(found.astype(np.float32))
    return found[(found > low) & (found < high)]


_FAR, _NEAR = np.logspace(-4, 4, 81), np.logspace(-7, -0.31, 30)


def _around(points: np.ndarray, domain: tuple[float, float]) -> np.ndarray:
    """Just below each point, the point, and just above, in float64 and within the domain."""
    x, few = points.astype(float), 4.0 * float(np.finfo(np.float32).eps)
    inside = np.nextafter(domain[0], np.inf), np.nextafter(domain[1], -np.inf)
    return np.clip(np.stack([x - few * np.abs(x), x, x + few * np.abs(x)]), *inside)


def _jets(curve: Curve) -> Callable[[np.ndarray], _Jets]:
    @jax.jit
    def both(x: Any) -> tuple:
        value, forward = jax.jvp(curve, (x,), (jnp.ones_like(x),))
        _, pull = jax.vjp(curve, x)
        return value, forward, pull(jnp.ones_like(value))[0]

    return lambda x: _Jets(*(np.asarray(part) for part in both(jnp.asarray(x))))


def _apart(points: np.ndarray, single: np.ndarray, double: np.ndarray, what: str, skip: np.ndarray) -> str:
    """The first point, from 0 outwards, at which float32 is not what float64 says around it; empty if there is none."""
    single = single.astype(float)
    low, high, size = double.min(0), double.max(0), np.abs(double).max(0)
    with np.errstate(all="ignore"):
        slack = SAME * (1.0 + size)
        near = (single >= low - slack) & (single <= high + slack)
        outgrown = (size > LARGEST / 4) & (np.abs(single) > LARGEST / 16)
        outgrown &= np.sign(single) == np.sign(double[1])
    lost = np.asarray(np.isnan(double).any(axis=0))
    wrong = np.flatnonzero(~skip & (lost | ~(near | outgrown)))
    if not wrong.size:
        return ""
    first = wrong[np.argmin(np.abs(points[wrong]))]
    place = f"{points[first]:.6g}"
    if lost[first] and not np.isnan(single[first]):
        return f"{what} nan at {place} in float64"
    return f"{what} {single[first]:.6g} at {place} in float32, where float64 gives {double[1, first]:.6g}"


def _too_early(points: np.ndarray, values: np.ndarray, at: Callable[[Any], np.ndarray]) -> str:
    """Where float64 is infinite although the function had not outgrown it just before; empty if nowhere."""
    infinite = np.isinf(values)
    edges = np.flatnonzero(infinite[1:] != infinite[:-1])
    for edge in edges:
        finite, beyond = (edge, edge + 1) if infinite[edge + 1] else (edge + 1, edge)
        inner, outer = float(points[finite]), float(points[beyond])
        for _ in range(70):
            middle = 0.5 * (inner + outer)
            inner, outer = (inner, middle) if np.isinf(at(middle)[0]) else (middle, outer)
        reached = float(at(inner)[0])
        if not abs(reached) > OUTGROWN:
            return f"is infinite at {outer:.6g} in float64, where it has only come to {reached:.6g}"
    return ""


def _two_modes(points: np.ndarray, jets: _Jets, dtype: str) -> str:
    """Where the slope by reverse mode is another than by forward mode; empty if nowhere."""
    with np.errstate(all="ignore"):
        gap = np.abs(jets.forward - jets.reverse) > MODES * (1.0 + np.abs(jets.forward))
    wrong = np.flatnonzero(np.isfinite(jets.forward) & (gap | np.isnan(jets.reverse)))
    if not wrong.size:
        return ""
    first = wrong[np.argmin(np.abs(points[wrong]))]
    backward, forward = f"{jets.reverse[first]:.6g}", f"{jets.forward[first]:.6g}"
    return f"the slope by reverse mode is {backward} at {points[first]:.6g} in {dtype}, by forward mode {forward}"
