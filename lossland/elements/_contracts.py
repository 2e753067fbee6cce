"""What is checked of a loss, an activation or a pair: does it behave, and is what it claims true?

Refuted claims come with the point. Claims that a higher wing decides without samples are taken as decided; the rest
is checked in float64 on a grid dense over [-12, 12] and logarithmic to 1e4, and at +-inf and NaN; values and slopes
far out in float32, too.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lossland.core import guarded
from lossland.elements._branches import has_select, holds
from lossland.elements._claims import (
    Check,
    Curve,
    all_of,
    close,
    convex_claim,
    decreasing_claim,
    inner_points,
    kinks_claim,
    monotone_claim,
    neighbours_claim,
    range_claim,
    symmetry_claim,
    tail_claim,
)
from lossland.elements._explained import explanation
from lossland.elements._far_points import far_checks
from lossland.elements._pair import Pair
from lossland.elements._registry import REALS, Activation, Entry, Loss

Decided = Callable[[Entry], Mapping[str, Check]]
"""Which claims of an entry are decided elsewhere, by name: asked once the entry is known to behave."""


def nothing_decided(entry: Entry) -> Mapping[str, Check]:
    """For checks by samples alone."""
    return {}


@guarded()
def loss_checks(entry: Loss, decided: Decided = nothing_decided) -> Iterator[Check]:
    """Yield every check of a loss, failed ones too; run it under `jax.enable_x64`.

    Args:
        entry: of a registered loss.
        decided: gives the claims that need no samples.

    Returns:
        An iterator of `Check`.

    Example:
        >>> import lossland as ll
        >>> with jax.enable_x64(True):
        ...     [c.refutation for c in loss_checks(ll.pair("identity", "hinge").loss) if c.refutation]
        []
    """
    curves = _curves(entry)
    behaviour = [check for name, curve, grid in curves for check in _behaviour(name, curve, grid, entry.domain)]
    yield from behaviour
    if _unusable(behaviour):
        return
    both = [(curve, grid) for _, curve, grid in curves]
    sampled: dict[str, Callable[[Any], Check]] = {
        "convex": lambda claimed: all_of("claim convex", [convex_claim(*each, claimed) for each in both])
    }
    if len(both) == 1:
        sampled["decreasing"] = lambda claimed: decreasing_claim(*both[0], claimed)
    sampled["kinks"] = lambda claimed: kinks_claim(both, claimed)
    if entry.kind == "margin":
        sampled["tail"] = lambda claimed: tail_claim(both[0][0], claimed)
    yield from _claims(entry, sampled, decided)


@guarded()
def activation_checks(entry: Activation, decided: Decided = nothing_decided) -> Iterator[Check]:
    """Yield every check of an activation, failed ones too; run it under `jax.enable_x64`.

    Args:
        entry: of a registered activation.
        decided: gives the claims that need no samples.

    Returns:
        An iterator of `Check`.

    Example:
        >>> import lossland as ll
        >>> with jax.enable_x64(True):
        ...     [c.refutation for c in activation_checks(ll.pair("relu", "hinge").activation) if c.refutation]
        []
    """
    grid = _grid(-np.inf, np.inf)
    behaviour = list(_behaviour("", entry, grid, REALS))
    yield from behaviour
    if _unusable(behaviour):
        return
    sampled: dict[str, Callable[[Any], Check]] = {
        "range": lambda claimed: range_claim(entry, grid, claimed),
        "monotone": lambda claimed: monotone_claim(entry, grid, claimed),
        "kinks": lambda claimed: kinks_claim([(entry, grid)], claimed),
    }
    if entry.claim("range") is not None:
        yield _ends(entry)
    yield from _claims(entry, sampled, decided)
    if entry.symmetry is not None:
        yield symmetry_claim(entry, grid)
    if entry.neighbours is not None:
        yield neighbours_claim(entry, inner_points(grid))


def _claims(entry: Entry, sampled: dict[str, Callable[[Any], Check]], decided: Decided) -> Iterator[Check]:
    """A check of each claim that is made: as decided, else by samples."""
    known = decided(entry)
    for name, check in sampled.items():
        if entry.claim(name) is not None:
            yield known[name] if name in known else check(entry.claim(name))


@guarded()
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
        behaviour = list(_behaviour(name, lambda z, t=label: pair(z, t), grid, REALS, grows=False))
        yield from behaviour
        if _unusable(behaviour):
            continue
        single = np.concatenate([grid, [-np.inf, np.inf]]).astype(np.float32)
        for what, function in (("value", pair), ("slope", pair.slope), ("curvature", pair.curvature)):
            got = np.asarray(function(single, label), float)
            bad = np.flatnonzero(np.isnan(got))
            refutation = f"is NaN at score {single[bad[0]]:g} in float32" if bad.size else ""
            yield Check(f"{name} {what} is a number", f"{single.size} scores to 1e4 and +-inf", refutation)


def _unusable(behaviour: list[Check]) -> bool:
    """Whether the function cannot be traced or changes shapes, so that nothing else can be asked of it."""
    ends = ("is written in JAX", "keeps shapes")
    return any(check.refutation for check in behaviour if check.name.endswith(ends))


def _curves(entry: Loss) -> list[tuple[str, Curve, np.ndarray]]:
    """The scalar functions that a loss consists of, with their grids: one, or one per label."""
    grid = _grid(*entry.domain)
    if entry.kind != "label":
        return [("", entry, grid)]
    return [(f"t = {t:+.0f}", lambda a, t=t: entry(a, jnp.asarray(t, a.dtype)), grid) for t in (1.0, -1.0)]


def _grid(low: float, high: float) -> np.ndarray:
    if np.isfinite(low) and np.isfinite(high):
        share = np.linspace(0, 1, 4097)[1:-1]
        tails = np.logspace(-12, -4, 33)
        return np.concatenate([low + (high - low) * np.sort(np.concatenate([tails, share, 1 - tails]))])
    far = np.logspace(np.log10(12.5), 4, 60)
    return np.concatenate([-far[::-1], np.linspace(-12, 12, 6145), far])


def _behaviour(
    name: str, curve: Curve, grid: np.ndarray, domain: tuple[float, float], grows: bool = True
) -> Iterator[Check]:
    """Shapes, dtypes, NaN, jit and vmap, and the gradient against differences; then far out."""
    tag = f"{name} " if name else ""
    told = _untraceable(curve)
    yield Check(f"{tag}is written in JAX", "traced, and derived in both modes", told)
    if told:
        return
    shapes = [(), (3,), (2, 3), (0,)]
    wrong = [s for s in shapes if jax.eval_shape(curve, jax.ShapeDtypeStruct(s, float)).shape != s]
    yield Check(f"{tag}keeps shapes", "scalars, vectors, matrices, empty", f"changes shape {wrong[0]}" if wrong else "")
    if wrong:
        return
    dtypes = [np.dtype(d) for d in (jnp.bfloat16, jnp.float16, jnp.float32, jnp.float64)]
    said = next((told for told in (_changed(curve, d) for d in dtypes) if told), "")
    yield Check(f"{tag}keeps dtypes", "bfloat16, float16, float32, float64", said)
    if "cannot be evaluated" in said:
        return
    values, backward = _values_and_reverse(curve, grid)
    bad = np.flatnonzero(np.isnan(values) | (np.isinf(values) & (np.abs(grid) <= 12)))
    said = f"is {values[bad[0]]} at {grid[bad[0]]:.6g}" if bad.size else ""
    yield Check(f"{tag}finite", f"{grid.size} points", said)
    got = float(curve(jnp.asarray(jnp.nan)))
    yield Check(f"{tag}NaN stays NaN", "", "" if np.isnan(got) else f"turns NaN into {got}")
    yield _same_ways(tag, curve, grid[:: max(1, grid.size // 12)][:12])
    yield _gradient(f"{tag}gradient is the slope", curve, grid)
    yield _reverse_mode(tag, curve, grid, backward)
    yield from far_checks(tag, curve, domain, grows)


def _untraceable(curve: Curve) -> str:
    """Why JAX cannot trace or derive a function, with how to write it instead; empty if it can."""

    def slope(x: Any) -> Any:
        return jax.jvp(curve, (x,), (jnp.ones_like(x),))[1], jax.grad(lambda x: jnp.sum(curve(x)))(x)

    try:
        jax.eval_shape(slope, jax.ShapeDtypeStruct((3,), float))
        return explanation(TypeError("custom_vjp")) if holds(curve, "custom_vjp_call") else ""
    except Exception as error:  # of any kind: the function is anybody's
        if "scalar-output" in str(error):
            return ""
        return explanation(error) or f"cannot be traced: {str(error).strip().partition(chr(10))[0]}"


def _values_and_reverse(curve: Curve, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A function's values and its slopes by reverse mode: one program, as compiling is what checks take time for."""
    found = jax.jit(lambda x: (curve(x), jax.grad(lambda x: jnp.sum(curve(x)))(x)))(grid)
    return np.asarray(found[0]), np.asarray(found[1])


def _same_ways(tag: str, curve: Curve, few: np.ndarray) -> Check:
    """Whether a function gives an array what it gives each number alone, compiled and by vmap."""
    ways = dict(zip(("jit", "vmap"), jax.jit(lambda x: (curve(x), jax.vmap(curve)(x)))(few), strict=True))
    plain = np.asarray([curve(jnp.asarray(x)) for x in few])
    apart = [(how, few[np.argmax(np.abs(v - plain))]) for how, v in ways.items() if not close(v, plain, 1e-12)]
    said = f"differs under {apart[0][0]} at {apart[0][1]:.6g}" if apart else ""
    return Check(f"{tag}same under jit and vmap", f"{few.size} points", said)


def _reverse_mode(tag: str, curve: Curve, grid: np.ndarray, backward: np.ndarray) -> Check:
    points, backward = inner_points(grid), backward[np.abs(grid) <= 12]
    bad = np.flatnonzero(np.isnan(backward))
    hint = ": is a branch infinite that `where` skips?" if has_select(curve) else ""
    said = f"the slope by reverse mode is NaN at {points[bad[0]]:.6g}{hint}" if bad.size else ""
    return Check(f"{tag}reverse mode is a number", f"{backward.size} points", said)


def _changed(curve: Curve, dtype: np.dtype) -> str:
    """What a function makes of a float type other than the type itself, in words; empty if it keeps it."""
    try:
        given = jax.eval_shape(curve, jax.ShapeDtypeStruct((3,), dtype)).dtype
    except Exception as error:  # of any kind: the function is anybody's
        return f"cannot be evaluated in {dtype}: {str(error).strip().partition(chr(10))[0]}"
    return f"takes {dtype} to {given}" if given != dtype else ""


def _ends(entry: Activation) -> Check:
    """Whether an activation that claims a range has a limit at both ends: NaN lies in no interval and outside none."""
    lost = [x for x in (-np.inf, np.inf) if np.isnan(np.asarray(entry(jnp.asarray(x))))]
    return Check("a number at -inf and +inf", "both", f"is NaN at {lost[0]:g}" if lost else "")


def _gradient(name: str, curve: Curve, grid: np.ndarray) -> Check:
    """Whether the slope is what differences measure, near 0 and far out."""
    near = inner_points(grid)
    points = 0.5 * (near[1:] + near[:-1])[::7]
    points = points[(points > near[33]) & (points < near[-34])]
    steps = np.full_like(points, 1e-5 * max(1e-2, np.diff(near).max()))
    far = grid[np.abs(grid) > 12]
    points, step = np.concatenate([points, far]), np.concatenate([steps, 1e-6 * np.abs(far)])
    both = jax.jit(lambda x: jax.jvp(curve, (x,), (jnp.ones_like(x),)))
    here, ahead, behind = (tuple(map(np.asarray, both(x))) for x in (points, points + step, points - step))
    values, slopes, right, left = *here, ahead[1], behind[1]
    with np.errstate(all="ignore"):
        measured = (ahead[0] - behind[0]) / (2 * step)
        scale = 1 + np.abs(slopes) + np.abs(values)
        error = np.abs(measured - slopes) / scale - np.abs(right - left) / scale
    # What has overflowed has no differences; whether it should have is asked elsewhere.
    error = np.where((np.abs(points) > 12) & ~np.isfinite(behind[0] + ahead[0]), 0.0, error)
    worst = int(np.nanargmax(np.where(np.isnan(error), np.inf, error)))
    said = f"autodiff says {slopes[worst]:.6g} at {points[worst]:.6g}, differences say {measured[worst]:.6g}"
    return Check(name, f"{points.size} points", said if not error[worst] < 1e-5 else "")
