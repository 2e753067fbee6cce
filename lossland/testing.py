"""Contracts: does a loss or an activation behave, and is what it claims true? Refuted claims come with the point.

Everything is checked in float64 on a grid dense over [-12, 12] and logarithmic to 1e4, and at +-inf and NaN.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.pairing import Pair
from lossland.pairing import pair as make_pair
from lossland.registry import ACTIVATIONS, LOSSES, Activation, Entry, Loss, find

Curve = Callable[[Any], Any]


class Check(NamedTuple):
    """One contract.

    Attributes:
        name: what is asked.
        seen: what was looked at.
        refutation: the point that refutes it; empty where it holds.
    """

    name: str
    seen: str
    refutation: str = ""


class ContractError(AssertionError):
    """A contract is broken; the message names the point that refutes it."""


def check_loss(loss: Any) -> tuple[Check, ...]:
    """Check a loss's contract: shapes, dtypes, finiteness, NaN, jit, vmap, gradient, and each of its claims.

    Args:
        loss: a registered loss by name, function or entry, or "path/to/file.py:name".

    Returns:
        The checks that it passed.

    Raises:
        ContractError: if any fails, naming each and the point that refutes it.

    Example:
        >>> import lossland as ll
        >>> [c.name for c in ll.check_loss("hinge")][-4:]
        ['claim convex', 'claim decreasing', 'claim kinks', 'claim tail']
    """
    return _settle(
        loss_checks(find(LOSSES, loss)), f"loss {loss if isinstance(loss, str) else find(LOSSES, loss).name}"
    )


def check_activation(activation: Any) -> tuple[Check, ...]:
    """Check an output activation's contract, and each of its claims.

    Args:
        activation: a registered activation by name, function or entry, or "path/to/file.py:name".

    Returns:
        The checks that it passed.

    Raises:
        ContractError: as `check_loss`.

    Example:
        >>> import lossland as ll
        >>> "claim range" in [c.name for c in ll.check_activation("sigmoid")]
        True
    """
    entry = find(ACTIVATIONS, activation)
    return _settle(activation_checks(entry), f"activation {entry.name}")


def check_pair(activation: Any, loss: Any = None) -> tuple[Check, ...]:
    """Check a pair: finite values, right slopes and curvatures, and the same numbers in float32 as in float64.

    Args:
        activation: a pair, its name, or an activation as in `pair`.
        loss: a loss as in `pair`, if the first is an activation.

    Returns:
        The checks that it passed.

    Raises:
        ContractError: as `check_loss`.
        ValueError: if the pair is not admissible.

    Example:
        >>> import lossland as ll
        >>> len(ll.check_pair("relu", "hinge")) > 3
        True
    """
    pair = make_pair(activation, loss)
    return _settle(pair_checks(pair), f"pair {pair.name}")


def _settle(checks: Iterator[Check], what: str) -> tuple[Check, ...]:
    with jax.enable_x64(True):
        done = tuple(checks)
    failed = [check for check in done if check.refutation]
    if failed:
        lines = "\n".join(f"  {check.name}: {check.refutation}" for check in failed)
        raise ContractError(f"The {what} breaks {len(failed)} of {len(done)} contracts:\n{lines}")
    return done


# ---------------------------------------------------------------------------------------------------------- contracts


def loss_checks(entry: Loss) -> Iterator[Check]:
    """Yield every check of a loss, failed ones too; run it under `jax.enable_x64`.

    Args:
        entry: of a registered loss.

    Returns:
        An iterator of `Check`.

    Example:
        >>> import lossland as ll
        >>> with jax.enable_x64(True):
        ...     [c.refutation for c in loss_checks(ll.pair("identity", "hinge").loss) if c.refutation]
        []
    """
    behaviour = [check for name, curve, grid in _curves(entry) for check in _behaviour(name, curve, grid)]
    yield from behaviour
    if _reshapes(behaviour):
        return
    (name, curve, grid), *others = _curves(entry)
    if entry.claim("convex") is not None:
        yield _all("claim convex", [_convex(c, g, entry.claim("convex")) for _, c, g in [(name, curve, grid), *others]])
    if entry.claim("decreasing") is not None and not others:
        yield _decreasing(curve, grid, entry.claim("decreasing"))
    if entry.claim("kinks") is not None:
        yield _kinks([(curve, grid) for _, curve, grid in [(name, curve, grid), *others]], entry.claim("kinks"))
    if entry.claim("tail") is not None and entry.kind == "margin":
        yield _tail(curve, entry.claim("tail"))


def activation_checks(entry: Activation) -> Iterator[Check]:
    """Yield every check of an activation, failed ones too; run it under `jax.enable_x64`.

    Args:
        entry: of a registered activation.

    Returns:
        An iterator of `Check`.

    Example:
        >>> import lossland as ll
        >>> with jax.enable_x64(True):
        ...     [c.refutation for c in activation_checks(ll.pair("relu", "hinge").activation) if c.refutation]
        []
    """
    grid = _grid(-np.inf, np.inf)
    behaviour = list(_behaviour("", entry, grid))
    yield from behaviour
    if _reshapes(behaviour):
        return
    if entry.claim("range") is not None:
        yield _range(entry, grid, entry.claim("range"))
    if entry.claim("monotone") is not None:
        yield _monotone(entry, grid, entry.claim("monotone"))
    if entry.claim("kinks") is not None:
        yield _kinks([(entry, grid)], entry.claim("kinks"))
    if entry.symmetry is not None:
        yield _symmetry(entry, grid)
    if entry.neighbours is not None:
        yield _neighbours(entry, _inner(grid))


def pair_checks(pair: Pair) -> Iterator[Check]:
    """Yield every check of a pair, failed ones too; run it under `jax.enable_x64`.

    Args:
        pair: from `pair`.

    Returns:
        An iterator of `Check`.

    Example:
        >>> import lossland as ll
        >>> with jax.enable_x64(True):
        ...     [c.refutation for c in pair_checks(ll.pair("relu", "hinge")) if c.refutation]
        []
    """
    grid = _grid(-np.inf, np.inf)
    for name, label in (("positive", 1.0), ("negative", -1.0)):
        yield from _behaviour(name, lambda z, t=label: pair(z, t), grid)
        single = np.concatenate([grid, [-np.inf, np.inf]]).astype(np.float32)
        for what, function in (("value", pair), ("slope", pair.slope), ("curvature", pair.curvature)):
            got = np.asarray(function(single, label), float)
            bad = np.flatnonzero(np.isnan(got))
            refutation = f"is NaN at score {single[bad[0]]:g} in float32" if bad.size else ""
            yield Check(f"{name} {what} is a number", f"{single.size} scores to 1e4 and +-inf", refutation)


def _reshapes(behaviour: list[Check]) -> bool:
    """Whether the function changes shapes, so that nothing else can be asked of it."""
    return any(check.refutation for check in behaviour if check.name.endswith("keeps shapes"))


def _curves(entry: Loss) -> list[tuple[str, Curve, np.ndarray]]:
    """The scalar functions that a loss consists of, with their grids: one, or one per label."""
    grid = _grid(*entry.domain)
    if entry.kind != "label":
        return [("", entry, grid)]
    return [(f"t = {t:+.0f}", lambda a, t=t: entry(a, t), grid) for t in (1.0, -1.0)]


def _grid(low: float, high: float) -> np.ndarray:
    if np.isfinite(low) and np.isfinite(high):
        share = np.linspace(0, 1, 4097)[1:-1]
        tails = np.logspace(-12, -4, 33)
        return np.concatenate([low + (high - low) * np.sort(np.concatenate([tails, share, 1 - tails]))])
    far = np.logspace(np.log10(12.5), 4, 60)
    return np.concatenate([-far[::-1], np.linspace(-12, 12, 6145), far])


def _inner(grid: np.ndarray) -> np.ndarray:
    return grid[np.abs(grid) <= 12]


def _behaviour(name: str, curve: Curve, grid: np.ndarray) -> Iterator[Check]:
    """Shapes, dtypes, NaN, jit and vmap, and the gradient against differences."""
    tag = f"{name} " if name else ""
    few = grid[:: max(1, grid.size // 12)][:12]
    shapes = [(), (3,), (2, 3), (0,)]
    wrong = [s for s in shapes if jax.eval_shape(curve, jax.ShapeDtypeStruct(s, float)).shape != s]
    yield Check(f"{tag}keeps shapes", "scalars, vectors, matrices, empty", f"changes shape {wrong[0]}" if wrong else "")
    if wrong:
        return
    dtypes = [np.dtype(d) for d in (jnp.bfloat16, jnp.float16, jnp.float32, jnp.float64)]
    given = [(d, jax.eval_shape(curve, jax.ShapeDtypeStruct((3,), d)).dtype) for d in dtypes]
    changed = [(before, after) for before, after in given if before != after]
    said = f"takes {changed[0][0]} to {changed[0][1]}" if changed else ""
    yield Check(f"{tag}keeps dtypes", "bfloat16, float16, float32, float64", said)
    values = np.asarray(jax.jit(curve)(grid))
    bad = np.flatnonzero(np.isnan(values) | (np.isinf(values) & (np.abs(grid) <= 12)))
    said = f"is {values[bad[0]]} at {grid[bad[0]]:.6g}" if bad.size else ""
    yield Check(f"{tag}finite", f"{grid.size} points", said)
    got = float(curve(jnp.nan))
    yield Check(f"{tag}NaN stays NaN", "", "" if np.isnan(got) else f"turns NaN into {got}")
    ways = {"jit": jax.jit(curve)(few), "vmap": jax.vmap(curve)(few)}
    plain = np.asarray([curve(x) for x in few])
    apart = [(how, few[np.argmax(np.abs(v - plain))]) for how, v in ways.items() if not _close(v, plain, 1e-12)]
    said = f"differs under {apart[0][0]} at {apart[0][1]:.6g}" if apart else ""
    yield Check(f"{tag}same under jit and vmap", f"{few.size} points", said)
    yield _gradient(f"{tag}gradient is the slope", curve, _inner(grid))
    backward = np.asarray(jax.grad(lambda x: jnp.sum(curve(x)))(jnp.asarray(_inner(grid))))
    bad = np.flatnonzero(np.isnan(backward))
    where = f"{_inner(grid)[bad[0]]:.6g}" if bad.size else ""
    said = f"the slope by reverse mode is NaN at {where}: is a branch infinite that `where` skips?" if bad.size else ""
    yield Check(f"{tag}reverse mode is a number", f"{backward.size} points", said)


def _gradient(name: str, curve: Curve, grid: np.ndarray) -> Check:
    points = 0.5 * (grid[1:] + grid[:-1])[::7]
    points = points[(points > grid[33]) & (points < grid[-34])]
    step = 1e-5 * max(1e-2, np.diff(grid).max())
    value, slope = _compiled(curve)
    slopes, right, left = slope(points), slope(points + step), slope(points - step)
    measured = (value(points + step) - value(points - step)) / (2 * step)
    scale = 1 + np.abs(slopes) + np.abs(value(points))
    error = np.abs(measured - slopes) / scale - np.abs(right - left) / scale
    worst = int(np.nanargmax(np.where(np.isnan(error), np.inf, error)))
    said = f"autodiff says {slopes[worst]:.6g} at {points[worst]:.6g}, differences say {measured[worst]:.6g}"
    return Check(name, f"{points.size} points", said if not error[worst] < 1e-5 else "")


def _compiled(curve: Curve) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    """The curve and its slope as compiled functions of a NumPy array."""
    value = jax.jit(curve)
    slope = jax.jit(lambda x: jax.jvp(curve, (x,), (jnp.ones_like(x),))[1])
    return lambda x: np.asarray(value(x)), lambda x: np.asarray(slope(x))


def _close(a: Any, b: Any, tolerance: float) -> bool:
    return np.allclose(np.asarray(a, float), np.asarray(b, float), rtol=tolerance, atol=tolerance, equal_nan=True)


# -------------------------------------------------------------------------------------------------------------- claims


def _all(name: str, checks: list[Check]) -> Check:
    refuted = next((check for check in checks if check.refutation), checks[0])
    return refuted._replace(name=name)


def _convex(curve: Curve, grid: np.ndarray, claimed: bool) -> Check:
    """No chord lies below the curve: phi(b) <= interpolation between a and c for neighbours a < b < c, near and far."""
    grid = np.sort(np.concatenate([_inner(grid), grid[::5]]))
    values = _compiled(curve)[0](grid)
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


def _monotone(curve: Curve, grid: np.ndarray, claimed: bool, sign: float = 1.0, name: str = "claim monotone") -> Check:
    values = sign * _compiled(curve)[0](grid)
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


def _decreasing(curve: Curve, grid: np.ndarray, claimed: bool) -> Check:
    return _monotone(curve, grid, claimed, -1.0, "claim decreasing")


def _range(entry: Entry, grid: np.ndarray, claimed: tuple[float, float]) -> Check:
    low, high = claimed
    values = np.asarray(entry(np.concatenate([grid, [-np.inf, np.inf]])))
    points = np.concatenate([grid, [-np.inf, np.inf]])
    slack = 1e-12 * (1 + np.minimum(np.abs(values), 1e300))
    out = np.flatnonzero(~((values >= low - slack) & (values <= high + slack)))
    said = f"{values[out[0]]:.6g} at {points[out[0]]:.6g} is outside [{low:g}, {high:g}]" if out.size else ""
    return Check("claim range", f"[{low:g}, {high:g}]", said)


def _symmetry(entry: Activation, grid: np.ndarray) -> Check:
    mirrored = -entry(grid) if entry.symmetry == "odd" else 1.0 - entry(grid)
    gap = np.abs(np.asarray(entry(-grid)) - np.asarray(mirrored))
    worst = int(np.argmax(gap))
    said = f"g(-z) is off by {gap[worst]:.3g} at z = {grid[worst]:.6g}" if gap[worst] > 1e-12 else ""
    return Check("claim symmetry", str(entry.symmetry), said)


def _neighbours(entry: Activation, grid: np.ndarray) -> Check:
    assert entry.neighbours is not None, entry.name
    z = jnp.asarray(grid[np.abs(grid) < 3])
    held, a = entry.neighbours(z, **entry.settings()), np.asarray(entry(z))
    with np.errstate(all="ignore"):
        naive = {"value": a, "one_minus": 1 - a, "one_plus": 1 + a, "log": np.log(a), "log_one_minus": np.log1p(-a)}
    for field, want in naive.items():
        got = getattr(held, field)
        if got is not None and not _close(got, want, 1e-7):
            worst = int(np.argmax(np.abs(np.asarray(got) - want)))
            said = f"{field} at {z[worst]:.6g} is {got[worst]:.9g}, the value says {want[worst]:.9g}"
            return Check("claim neighbours", "", said)
    return Check("claim neighbours", "agree with the value")


def _kinks(curves: list[tuple[Curve, np.ndarray]], claimed: tuple[float, ...]) -> Check:
    found: list[tuple[float, str]] = []
    for curve, grid in curves:
        found += _find_kinks(curve, _inner(grid), sorted(claimed))
    inside = [k for k in claimed if any(g[0] <= k <= g[-1] for _, g in curves)]
    for point, jump in found:
        if not any(abs(point - k) < 1e-6 * (1 + abs(k)) for k in claimed):
            return Check("claim kinks", "", f"there is a kink at {point:.9g} that is not claimed: {jump}")
    for kink in inside:
        if not any(abs(point - kink) < 1e-6 * (1 + abs(kink)) for point, _ in found):
            return Check("claim kinks", "", f"there is no kink at {kink:.9g}: value and slope are continuous there")
    return Check("claim kinks", ", ".join(f"{k:g}" for k in claimed) or "none")


def _find_kinks(curve: Curve, grid: np.ndarray, claimed: list[float]) -> list[tuple[float, str]]:
    """Where the slope or the value jumps: halve each suspicious cell until a jump that does not shrink is left."""
    # Claimed kinks fall strictly inside cells, never on an end, so that each is approached from both sides.
    offset = 0.382 * np.diff(grid).mean()
    low, high = grid[:-1] + offset * 1e-3, grid[1:] + offset * 1e-3
    found = []
    for what, of in zip(("value", "slope"), _compiled(curve), strict=True):
        left, right = low, high
        with np.errstate(invalid="ignore"):
            jump = np.nan_to_num(np.abs(of(right) - of(left)), posinf=0.0)
        suspects = np.argsort(jump)[-64:]
        left, right = left[suspects], right[suspects]
        for _ in range(36):
            middle = 0.5 * (left + right)
            at_left, at_middle, at_right = of(left), of(middle), of(right)
            first = np.abs(at_middle - at_left) >= np.abs(at_right - at_middle)
            left, right = np.where(first, left, middle), np.where(first, middle, right)
        a, b = of(left), of(right)
        for i in np.flatnonzero(np.abs(a - b) > 1e-5 * (1 + np.abs(a) + np.abs(b))):
            found.append((float(0.5 * (left[i] + right[i])), f"its {what} goes from {a[i]:.6g} to {b[i]:.6g}"))
    return found


def _tail(curve: Curve, claimed: str) -> Check:
    """How the loss vanishes at +inf: compare phi at 20, 40 and at 1e3, 2e3."""
    near, far = np.split(_compiled(curve)[0](np.array([20.0, 40.0, 1e3, 2e3])), 2)
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
