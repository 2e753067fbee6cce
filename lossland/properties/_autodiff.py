"""What autodiff and float arithmetic make of a pair: the slope taken at a kink under each tie, numeric health, faults.

All of it is read off the programs that JAX traces, derivatives included, as NumPy runs them: nothing is compiled.
"""

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.curves import LABELS, Kink
from lossland.elements import TIES, Entry, Loss, Pair, chooses, with_tie
from lossland.properties._interpreted import interpreted

DTYPES = ("bfloat16", "float32", "float64")
REACH = 1e4
BLOCK = 1024
"""How many examples every program is traced for: JAX keeps what it has traced, of `jnp.where` say, by shape."""
STEP = 1e-4
"""Of the differences that slopes are compared with, relative to 1 + |z|."""
COMPARED = 512
"""At how many scores they are, at most."""
NEAR = 30.0
"""Up to which |z|."""
HINT = "; a branch that jnp.where does not take may be infinite there"
"""What a slope that is NaN may come from, where there are branches."""


QUANTITIES = ("value", "slope", "curvature")


class Tied(NamedTuple):
    """The slopes that autodiff returns at one kink.

    Attributes:
        kink: where.
        slopes: {tie: slope}; one entry, keyed None, where neither the activation nor the loss takes a tie.
        inside: whether each lies between the one-sided slopes.
    """

    kink: Kink
    slopes: dict[float | None, float]
    inside: bool


class Health(NamedTuple):
    """How many values of the loss, its slope or its curvature are not finite, over |z| <= 1e4 and both labels.

    Attributes:
        dtype: the float type.
        what: "value", "slope" or "curvature"; or the name of a half that cannot be evaluated in the type.
        bad: the number of NaN, or of infinities where the float64 result is far below overflow.
        at: the first such score, NaN if there is none.
        error: why nothing can be evaluated; else empty.
    """

    dtype: str
    what: str
    bad: int
    at: float
    error: str = ""


def ties(pair: Pair, kinks: tuple[Kink, ...]) -> tuple[Tied, ...]:
    """Which slope autodiff returns at each kink of the slope, for every tie that the pair lets one choose.

    Args:
        pair: the pair.
        kinks: from its table.

    Returns:
        One entry a kink of the slope.

    Example:
        >>> import lossland as ll
        >>> from lossland.curves import tabulate
        >>> relu_hinge = ll.pair("relu", "hinge")
        >>> ties(relu_hinge, tabulate(relu_hinge).kinks)[0].slopes
        {0.0: 0.0, 0.5: -0.5, 1.0: -1.0}
    """
    chosen = [k for k in kinks if k.what == "slope"]
    if not chosen:
        return ()
    takes = any("tie" in half.settings() for half in (pair.activation, pair.loss))
    variants = {tie: with_tie(pair, tie) for tie in TIES} if takes else {None: pair}
    points = np.array([k.at for k in chosen])
    labels = np.array([float(k.label) for k in chosen])
    table = {tie: _slopes(pair, variant, points, labels) for tie, variant in variants.items()}
    found = []
    for i, kink in enumerate(chosen):
        slopes = {tie: float(row[i]) + 0.0 for tie, row in table.items()}
        low, high = sorted((kink.left, kink.right))
        slack = 1e-6 * (1 + abs(low) + abs(high))
        found.append(Tied(kink, slopes, all(low - slack <= s <= high + slack for s in slopes.values())))
    return tuple(found)


def health(pair: Pair) -> tuple[Health, ...]:
    """Whether value, slope and curvature are finite over |z| <= 1e4 in three float types.

    An infinite result is right where the true one overflows the type: that is decided by the float64 value.

    Args:
        pair: the pair.

    Returns:
        Nine entries, a type and a quantity each; then one for each half that is no function of a type by itself.

    Example:
        >>> import lossland as ll
        >>> sum(entry.bad for entry in health(ll.pair("sigmoid", "cross_entropy")))
        0
    """
    half = np.concatenate([np.logspace(-4, np.log10(REACH), 255), [0.0]])
    scores = np.concatenate([-half, half])
    rows, exact = [], None
    for dtype in reversed(DTYPES):
        try:
            held = _everywhere(pair, scores, dtype)
        except Exception as error:  # of any kind: the function is anybody's
            rows += [Health(dtype, what, 2 * scores.size, scores[0], _why(error)) for what in QUANTITIES]
            continue
        exact = held if exact is None else exact
        limit = 0.01 * float(jnp.finfo(dtype).max)
        for name, got, true in zip(QUANTITIES, held, exact, strict=True):
            bad = np.isnan(got) | (np.isinf(got) & (np.abs(true) < limit))
            at = float(np.tile(scores, 2)[np.argmax(bad)]) if bad.any() else float("nan")
            rows.append(Health(dtype, name, int(bad.sum()), at))
    broken = {row.dtype for row in rows if row.error}
    alone = [(d, half) for d in DTYPES for half in (pair.activation, pair.loss) if d not in broken]
    rows += [Health(d, half.name, 0, float("nan"), refusal_of(half, d)) for d, half in alone if refusal_of(half, d)]
    return tuple(rows)


@functools.lru_cache(maxsize=1024)
def refusal_of(half: Entry, dtype: str) -> str:
    """Why a loss or an activation is no function of numbers of a float type, in words; empty if it is one."""
    one = jax.ShapeDtypeStruct((3,), dtype)
    both = isinstance(half, Loss) and half.kind == "label"
    try:
        with jax.enable_x64(True):
            jax.eval_shape(half, one, one) if both else jax.eval_shape(half, one)
    except Exception as error:  # of any kind: the function is anybody's
        return _why(error)
    return ""


def _why(error: Exception) -> str:
    """The first sentence of an error."""
    told = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {told[:160]}" if told else type(error).__name__


def faults(pair: Pair, scores: np.ndarray) -> list[str]:
    """Where autodiff gives NaN, or a slope that is not the derivative of the value, in float64.

    Args:
        pair: the pair.
        scores: where to look, finite, at least one, in any order.

    Returns:
        A sentence for each fault; none for a sound pair.

    Example:
        >>> import lossland as ll, jax.numpy as jnp
        >>> @ll.margin_loss
        ... def doctest_root(margin):
        ...     return jnp.sqrt(jnp.where(margin < 1.0, 1.0 - margin, 0.0))
        >>> print(faults(ll.pair("identity", "doctest_root"), np.array([-3.0, 0.5, 1.5, 3.0]))[0])
        The slope for a positive is NaN at 2 scores from 1.5 to 3; a branch that jnp.where does not take may be infinite
        there.
    """
    scores = np.unique(np.asarray(scores, float))
    rows = _both_classes(pair, scores)
    return without_hint(pair, _not_numbers(scores, rows)) + _unlike_differences(pair, scores, rows)


# ------------------------------------------------------------------------------------------------------------ programs


@functools.lru_cache(maxsize=8)
def _traced(pair: Pair, what: str, dtype: str) -> Any:
    """The program of a pair's "jet", "bare" or "slope" for `BLOCK` scores and labels of a type."""
    some = jax.ShapeDtypeStruct((BLOCK,), dtype)
    with jax.enable_x64(True):
        return jax.make_jaxpr(lambda score, label: getattr(pair, what)(score, label))(some, some)


def _run(program: Any, scores: np.ndarray, labels: np.ndarray, wanted: int | None = None) -> np.ndarray:
    """The wanted results of a program at scores (m,), with labels (m,): (results, m), block by block."""
    size = scores.size
    short = -size % BLOCK
    padded = np.pad(scores, (0, short), mode="edge"), np.pad(labels, (0, short), mode="edge")
    parts = []
    for start in range(0, size, BLOCK):
        block = [part[start : start + BLOCK] for part in padded]
        parts.append(np.stack(interpreted(program.jaxpr, program.consts, block, wanted)))
    return np.concatenate(parts, axis=1)[:, :size]


def _slopes(pair: Pair, variant: Pair, points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Slopes at a few scores of a pair's variant, from the pair's own program where it is the same."""
    halves = zip((pair.activation, pair.loss), (variant.activation, variant.loss), strict=True)
    if all(own.settings() == other.settings() for own, other in halves):
        return _run(_traced(pair, "jet", "float64"), points, labels, 2)[1]
    found = _run(_traced(variant, "bare", "float64"), points, labels)[1]
    # Half the work, but NaN where the output overflows or does not move.
    return _run(_traced(variant, "slope", "float64"), points, labels)[0] if np.isnan(found).any() else found


def _everywhere(pair: Pair, scores: np.ndarray, dtype: str) -> np.ndarray:
    """Value, slope and curvature of both classes in turn, (3, 2 m), in a float type."""
    both = np.tile(scores, 2).astype(jnp.dtype(dtype))
    labels = np.repeat(LABELS, scores.size)
    # Of 16-bit floats a pair computes in float32 and rounds once: their program is that of float32.
    wide = "float64" if dtype == "float64" else "float32"
    found = _run(_traced(pair, "jet", wide), both.astype(wide), labels.astype(wide))
    with np.errstate(over="ignore"):
        return found.astype(both.dtype).astype(np.float64)


def _both_classes(pair: Pair, scores: np.ndarray, wanted: int | None = None) -> np.ndarray:
    """Value, slope and curvature, or the first wanted of them, at scores (m,) in float64: (wanted, 2, m)."""
    found = _run(_traced(pair, "jet", "float64"), np.tile(scores, 2), np.repeat(LABELS, scores.size), wanted)
    return found.reshape(-1, 2, scores.size)


# -------------------------------------------------------------------------------------------------------------- faults


def without_hint(pair: Pair, sentences: Iterable[str]) -> list[str]:
    """Sentences on NaN; the hint at a branch not taken stays only if the loss or the activation has branches."""
    found = list(sentences)
    if any(HINT in text for text in found) and not (chooses(pair.activation) or chooses(pair.loss)):
        found = [text.replace(HINT, "") for text in found]
    return found


def _not_numbers(scores: np.ndarray, rows: np.ndarray) -> list[str]:
    """Where values, slopes and curvatures are NaN, in words."""
    found = []
    for what, classes in zip(("value", "slope", "curvature"), rows, strict=True):
        for label, row in zip(("positive", "negative"), classes, strict=True):
            bad = scores[np.isnan(row)]
            if bad.size:
                where = f"at {bad.size} scores from {bad[0]:.3g} to {bad[-1]:.3g}"
                hint = "" if what == "value" else HINT
                found.append(f"The {what} for a {label} is NaN {where}{hint}.")
    return found


def _unlike_differences(pair: Pair, scores: np.ndarray, rows: np.ndarray) -> list[str]:
    """Where the slope is not the derivative of the value, in words."""
    near = np.flatnonzero(np.abs(scores) <= NEAR)
    chosen = near[:: max(1, -(-near.size // COMPARED))]
    if not chosen.size:
        return []
    z = scores[chosen]
    # No two neighbours' steps are alike, lest a fast wave look flat to all of them.
    step = STEP * (1 + np.abs(z)) * (0.5 + 0.618034 * np.arange(z.size) % 1)
    moved = np.stack([z - step, z - 0.382 * step, z + 0.382 * step, z + step])
    # (value and slope, class, score beside, score)
    beside = _both_classes(pair, moved.ravel(), 2).reshape(2, 2, *moved.shape)
    found = []
    for row, label in enumerate(("positive", "negative")):
        wrong = z[_unlike(rows[:2, row, chosen], beside[:, row], z, moved)]
        if wrong.size > 2:
            at = wrong[wrong.size // 2]
            found.append(f"The slope for a {label} is not the derivative of the value, for example at z = {at:.3g}.")
    return found


def _unlike(here: np.ndarray, beside: np.ndarray, z: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Which slopes differ from differences of values by more than those may err: values and slopes, here and beside."""
    (values, slopes), (around, slopes_around) = here, beside
    with np.errstate(invalid="ignore", over="ignore"):
        below, above = (values - around[0]) / (z - moved[0]), (around[3] - values) / (moved[3] - z)
        wide, narrow = (around[3] - around[0]) / (moved[3] - moved[0]), (around[2] - around[1]) / (moved[2] - moved[1])
        # What a value is made of is as large as values elsewhere: log(1 - p) is 0 once p is lost beside 1.
        usual = np.median(np.abs(np.append(values[np.isfinite(values)], 0.0)))
        size = np.maximum(np.abs(around).max(axis=0), usual)
        noise = 64 * np.finfo(float).eps * size / (moved[3] - z)
        # At a kink the sides differ, near one the steps do; rounding of the values shows in both, fast waves in slopes.
        doubt = np.abs(above - below) + np.abs(wide - narrow) + np.ptp(slopes_around, axis=0) + noise
        # One score may agree by chance: its neighbours are asked too.
        doubt = np.lib.stride_tricks.sliding_window_view(np.pad(doubt, 2, mode="edge"), 5).max(axis=-1)
        return np.abs(slopes - narrow) > 5 * doubt + 1e-3 * (np.abs(slopes) + np.abs(narrow))
