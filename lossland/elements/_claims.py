"""Claims of a loss or an activation, each looked for a point that refutes it; for the contracts.

Everything is checked in float64 on a grid dense over [-12, 12] and logarithmic to 1e4, and at +-inf and NaN.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.elements._registry import Activation, Entry

Curve = Callable[[Any], Any]


class Check(NamedTuple):
    """One contract of a loss, an activation or a pair, and whether it holds.

    Attributes:
        name: what is asked.
        seen: what was looked at.
        refutation: the point that refutes it; empty where it holds.
    """

    name: str
    seen: str
    refutation: str = ""


def inner_points(grid: np.ndarray) -> np.ndarray:
    """The points of a grid within [-12, 12]."""
    return grid[np.abs(grid) <= 12]


def compiled(curve: Curve) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    """The curve and its slope as compiled functions of a NumPy array."""
    value = jax.jit(curve)
    slope = jax.jit(lambda x: jax.jvp(curve, (x,), (jnp.ones_like(x),))[1])
    return lambda x: np.asarray(value(x)), lambda x: np.asarray(slope(x))


def close(a: Any, b: Any, tolerance: float) -> bool:
    """Whether two values agree to a tolerance, absolute or relative, NaN with NaN."""
    return np.allclose(np.asarray(a, float), np.asarray(b, float), rtol=tolerance, atol=tolerance, equal_nan=True)


# -------------------------------------------------------------------------------------------------------------- claims


def all_of(name: str, checks: list[Check]) -> Check:
    """Several checks as one: the first that is refuted, else the first."""
    refuted = next((check for check in checks if check.refutation), checks[0])
    return refuted._replace(name=name)


def convex_claim(curve: Curve, grid: np.ndarray, claimed: bool) -> Check:
    """No chord lies below the curve: phi(b) <= interpolation between a and c for neighbours a < b < c, near and far."""
    grid = np.sort(np.concatenate([inner_points(grid), grid[::5]]))
    values = compiled(curve)[0](grid)
    values = np.where(np.isfinite(values), values, np.nan)
    worst, point = 0.0, (0.0, 0.0, 0.0)
    for stride in (1, 7, 61, 509):
        a, b, c = grid[: -2 * stride], grid[stride:-stride], grid[2 * stride :]
        va, vb, vc = values[: -2 * stride], values[stride:-stride], values[2 * stride :]
        share = (c - b) / np.where(c > a, c - a, 1.0)
        chord = share * va + (1 - share) * vc
        above = (vb - chord) / (1e-300 + np.abs(va) + np.abs(vb) + np.abs(vc)) - 1e-11
        above = np.where(np.isfinite(above) & (b > a), above, -1.0)
        i = int(np.argmax(above))
        if above[i] > worst:
            worst, point = float(above[i]), (float(a[i]), float(b[i]), float(c[i]))
    a, b, c = point
    if claimed and worst > 0:
        return Check(
            "claim convex", "", f"not convex: between {a:.6g} and {c:.6g} the curve at {b:.6g} is above its chord"
        )
    if not claimed and worst == 0:
        return Check("claim convex", "", "claimed not to be convex, but no chord below the curve was found")
    return Check("claim convex", "convex" if claimed else f"not convex, see {b:.6g}")


def monotone_claim(
    curve: Curve, grid: np.ndarray, claimed: bool, sign: float = 1.0, name: str = "claim monotone"
) -> Check:
    """Whether a curve rises or stays, or with sign -1 falls or stays, from each point of a grid to the next."""
    values = sign * compiled(curve)[0](grid)
    values = np.where(np.isfinite(values), values, np.nan)
    fall = np.nan_to_num(values[:-1] - values[1:])
    worst = int(np.argmax(fall - 1e-13 * np.abs(values[1:])))
    falls = fall[worst] > 1e-13 * (1e-300 + abs(values[worst + 1]))
    direction = "nondecreasing" if sign > 0 else "nonincreasing"
    if claimed == falls:
        where = f"from {grid[worst]:.6g} to {grid[worst + 1]:.6g} it goes from {sign * values[worst]:.6g} to "
        where += f"{sign * values[worst + 1]:.6g}"
        return Check(name, "", f"not {direction}: {where}" if falls else f"claimed not to be {direction}, but it is")
    return Check(name, direction if claimed else f"not {direction}")


def decreasing_claim(curve: Curve, grid: np.ndarray, claimed: bool) -> Check:
    """Whether a loss falls or stays from each margin of a grid to the next."""
    return monotone_claim(curve, grid, claimed, -1.0, "claim decreasing")


def range_claim(entry: Entry, grid: np.ndarray, claimed: tuple[float, float]) -> Check:
    """Whether every output of an activation that is a number lies in the interval that it claims, +-inf included."""
    low, high = claimed
    values = np.asarray(entry(np.concatenate([grid, [-np.inf, np.inf]])))
    points = np.concatenate([grid, [-np.inf, np.inf]])
    slack = 1e-12 * (1 + np.minimum(np.abs(values), 1e300))
    out = np.flatnonzero((values < low - slack) | (values > high + slack))
    said = f"{values[out[0]]:.6g} at {points[out[0]]:.6g} is outside [{low:g}, {high:g}]" if out.size else ""
    return Check("claim range", f"[{low:g}, {high:g}]", said)


def symmetry_claim(entry: Activation, grid: np.ndarray) -> Check:
    """Whether an activation is odd, g(-z) = -g(z), or complementary, g(-z) = 1 - g(z), as it claims."""
    mirrored = -entry(grid) if entry.symmetry == "odd" else 1.0 - entry(grid)
    gap = np.abs(np.asarray(entry(-grid)) - np.asarray(mirrored))
    worst = int(np.argmax(gap))
    said = f"g(-z) is off by {gap[worst]:.3g} at z = {grid[worst]:.6g}" if gap[worst] > 1e-12 else ""
    return Check("claim symmetry", str(entry.symmetry), said)


def neighbours_claim(entry: Activation, grid: np.ndarray) -> Check:
    """Whether the neighbours that an activation gives are those of its value."""
    assert entry.neighbours is not None, entry.name
    z = jnp.asarray(grid[np.abs(grid) < 3])
    held, a = entry.neighbours(z, **entry.settings()), np.asarray(entry(z))
    with np.errstate(all="ignore"):
        naive = {"value": a, "one_minus": 1 - a, "one_plus": 1 + a, "log": np.log(a), "log_one_minus": np.log1p(-a)}
    for field, want in naive.items():
        got = getattr(held, field)
        if got is not None and not close(got, want, 1e-7):
            worst = int(np.argmax(np.abs(np.asarray(got) - want)))
            said = f"{field} at {z[worst]:.6g} is {got[worst]:.9g}, the value says {want[worst]:.9g}"
            return Check("claim neighbours", "", said)
    return Check("claim neighbours", "agree with the value")


def kinks_claim(curves: list[tuple[Curve, np.ndarray]], claimed: tuple[float, ...]) -> Check:
    """Whether the slope or the value jumps at the claimed places and nowhere else."""
    found: list[tuple[float, str]] = []
    for curve, grid in curves:
        found += _find_kinks(curve, inner_points(grid))
        for side in (grid[grid < -11.9], grid[grid > 11.9]):
            # Far out the cells are wide and few: each is looked into, as a smooth slope varies more there than a kink.
            found += _find_kinks(curve, side, suspicious=side.size) if side.size > 1 else []
    inside = [k for k in claimed if any(g[0] <= k <= g[-1] for _, g in curves)]
    for point, jump in found:
        if not any(abs(point - k) < 1e-6 * (1 + abs(k)) for k in claimed):
            return Check("claim kinks", "", f"there is a kink at {point:.9g} that is not claimed: {jump}")
    for kink in inside:
        if not any(abs(point - kink) < 1e-6 * (1 + abs(kink)) for point, _ in found):
            return Check("claim kinks", "", f"there is no kink at {kink:.9g}: value and slope are continuous there")
    return Check("claim kinks", ", ".join(f"{k:g}" for k in claimed) or "none")


def _find_kinks(curve: Curve, grid: np.ndarray, suspicious: int = 64) -> list[tuple[float, str]]:
    """Where the slope or the value jumps: halve each suspicious cell until a jump that does not shrink is left."""
    # Claimed kinks fall strictly inside cells, never on an end, so that each is approached from both sides.
    moved = grid + 0.382e-3 * np.gradient(grid)
    low, high = moved[:-1], moved[1:]
    # Down to the same width everywhere, above the spacing of floats.
    halvings = 36 + max(0, int(np.log2(np.diff(grid).max() * 100)) - 2)
    found = []
    for what, of in zip(("value", "slope"), compiled(curve), strict=True):
        left, right = low, high
        with np.errstate(invalid="ignore"):
            jump = np.nan_to_num(np.abs(of(right) - of(left)), posinf=0.0)
        suspects = np.argsort(jump)[-suspicious:]
        left, right = left[suspects], right[suspects]
        for _ in range(halvings):
            middle = 0.5 * (left + right)
            at_left, at_middle, at_right = of(left), of(middle), of(right)
            first = np.abs(at_middle - at_left) >= np.abs(at_right - at_middle)
            left, right = np.where(first, left, middle), np.where(first, middle, right)
        a, b = of(left), of(right)
        for i in np.flatnonzero(np.abs(a - b) > 1e-5 * (1 + np.abs(a) + np.abs(b))):
            found.append((float(0.5 * (left[i] + right[i])), f"its {what} goes from {a[i]:.6g} to {b[i]:.6g}"))
    return found


def tail_claim(curve: Curve, claimed: str) -> Check:
    """How the loss vanishes at +inf: compare phi at 20, 40 and at 1e3, 2e3."""
    near, far = np.split(compiled(curve)[0](np.array([20.0, 40.0, 1e3, 2e3])), 2)
    if np.all(near == 0) and np.all(far == 0):
        seen = "zero"
    elif 0 <= far[1] <= far[0] and far[0] < 1e-100 and near[1] < near[0] * 1e-4:
        seen = "exponential"
    elif 0 < far[1] < 0.99 * far[0] < 0.1:
        seen = "polynomial"
    else:
        seen = "none of zero, exponential, polynomial"
    said = (
        "" if seen == claimed else f"claimed {claimed}, but phi(20) = {near[0]:.3g}, phi(1000) = {far[0]:.3g}: {seen}"
    )
    return Check("claim tail", seen, said)
