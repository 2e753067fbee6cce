"""What is checked of a loss, an activation or a pair: does it behave, and is what it claims true?

Refuted claims come with the point. Claims that a higher wing decides without samples are taken as decided; the rest
is checked in float64 on a grid dense over [-12, 12] and logarithmic to 1e4, and at +-inf and NaN.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lossland.elements._branches import has_select
from lossland.elements._claims import (
    Check,
    Curve,
    all_of,
    close,
    compiled,
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
from lossland.elements._pair import Pair
from lossland.elements._registry import Activation, Entry, Loss

Decided = Callable[[Entry], Mapping[str, Check]]
"""Which claims of an entry are decided elsewhere, by name: asked once the entry is known to behave."""


def nothing_decided(entry: Entry) -> Mapping[str, Check]:
    """For checks by samples alone."""
    return {}


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
    behaviour = [check for name, curve, grid in curves for check in _behaviour(name, curve, grid)]
    yield from behaviour
    if _reshapes(behaviour):
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
    behaviour = list(_behaviour("", entry, grid))
    yield from behaviour
    if _reshapes(behaviour):
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
    said = next((told for told in (_changed(curve, d) for d in dtypes) if told), "")
    yield Check(f"{tag}keeps dtypes", "bfloat16, float16, float32, float64", said)
    values = np.asarray(jax.jit(curve)(grid))
    bad = np.flatnonzero(np.isnan(values) | (np.isinf(values) & (np.abs(grid) <= 12)))
    said = f"is {values[bad[0]]} at {grid[bad[0]]:.6g}" if bad.size else ""
    yield Check(f"{tag}finite", f"{grid.size} points", said)
    got = float(curve(jnp.asarray(jnp.nan)))
    yield Check(f"{tag}NaN stays NaN", "", "" if np.isnan(got) else f"turns NaN into {got}")
    ways = {"jit": jax.jit(curve)(few), "vmap": jax.vmap(curve)(few)}
    plain = np.asarray([curve(x) for x in few])
    apart = [(how, few[np.argmax(np.abs(v - plain))]) for how, v in ways.items() if not close(v, plain, 1e-12)]
    said = f"differs under {apart[0][0]} at {apart[0][1]:.6g}" if apart else ""
    yield Check(f"{tag}same under jit and vmap", f"{few.size} points", said)
    yield _gradient(f"{tag}gradient is the slope", curve, inner_points(grid))
    backward = np.asarray(jax.grad(lambda x: jnp.sum(curve(x)))(jnp.asarray(inner_points(grid))))
    bad = np.flatnonzero(np.isnan(backward))
    where = f"{inner_points(grid)[bad[0]]:.6g}" if bad.size else ""
    hint = ": is a branch infinite that `where` skips?" if has_select(curve) else ""
    said = f"the slope by reverse mode is NaN at {where}{hint}" if bad.size else ""
    yield Check(f"{tag}reverse mode is a number", f"{backward.size} points", said)


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
    points = 0.5 * (grid[1:] + grid[:-1])[::7]
    points = points[(points > grid[33]) & (points < grid[-34])]
    step = 1e-5 * max(1e-2, np.diff(grid).max())
    value, slope = compiled(curve)
    slopes, right, left = slope(points), slope(points + step), slope(points - step)
    measured = (value(points + step) - value(points - step)) / (2 * step)
    scale = 1 + np.abs(slopes) + np.abs(value(points))
    error = np.abs(measured - slopes) / scale - np.abs(right - left) / scale
    worst = int(np.nanargmax(np.where(np.isnan(error), np.inf, error)))
    said = f"autodiff says {slopes[worst]:.6g} at {points[worst]:.6g}, differences say {measured[worst]:.6g}"
    return Check(name, f"{points.size} points", said if not error[worst] < 1e-5 else "")
