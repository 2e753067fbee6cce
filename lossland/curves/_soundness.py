"""What is wrong with a pair's functions, told from many of their values: NaN, slopes that are no derivative."""

import numpy as np


def not_numbers(scores: np.ndarray, held: np.ndarray) -> list[str]:
    """Where values, slopes and curvatures are NaN, in words."""
    found = []
    for what, rows in zip(("value", "slope", "curvature"), held, strict=True):
        for label, row in zip(("positive", "negative"), rows, strict=True):
            bad = np.flatnonzero(np.isnan(row))
            if bad.size:
                where = f"at {bad.size} scores from {scores[bad[0]]:.3g} to {scores[bad[-1]]:.3g}"
                hint = "" if what == "value" else "; a branch that jnp.where does not take may be infinite there"
                found.append(f"The {what} for a {label} is NaN {where}{hint}.")
    return found


def mended(scores: np.ndarray, held: np.ndarray) -> list[np.ndarray]:
    """The table with NaN replaced: values by inf, which no minimum takes; slopes by differences."""
    values = np.where(np.isnan(held[0]), np.inf, held[0])
    rows = [values]
    for given in held[1:]:
        if np.isnan(given).any():
            with np.errstate(invalid="ignore"):
                measured = np.nan_to_num(np.gradient(rows[-1], scores, axis=1), posinf=0.0, neginf=0.0)
            given = np.where(np.isnan(given), measured, given)
        rows.append(given)
    return rows


def unlike_differences(scores: np.ndarray, rows: np.ndarray, kinks: list[float]) -> list[str]:
    """Where the slope is not the derivative of the value, kinks apart, in words; scores as many as 2 n + 1."""
    near = np.abs(scores[:-2:2]) < 12
    near[np.clip((np.searchsorted(scores, kinks) - 1) // 2, 0, None)] = False
    h = (scores[2::2] - scores[:-2:2])[near]
    found = []
    for label, values, slopes in zip(("positive", "negative"), rows[0], rows[1], strict=True):
        with np.errstate(invalid="ignore", over="ignore"):
            v0, v1 = values[:-2:2][near], values[2::2][near]
            s0, middle, s1 = slopes[:-2:2][near], slopes[1::2][near], slopes[2::2][near]
            rise, tread = v1 - v0, h / 6 * (s0 + 4 * middle + s1)
            size = np.abs(rise) + h * (np.abs(s0) + np.abs(s1))
            resolved = np.abs(rise) < 0.5 * (1 + np.abs(v0))
            wrong = resolved & (np.abs(rise - tread) > 0.05 * size + 1e-11 * (1 + np.abs(v0)))
        if wrong.sum() > 10:
            z = float(scores[:-2:2][near][np.flatnonzero(wrong)[wrong.sum() // 2]])
            found.append(f"The slope for a {label} is not the derivative of the value, for example at z = {z:.3g}.")
    return found


def not_resolved(intervals: list[tuple[float, float]]) -> list[str]:
    """Where the table is not the curve, in words; near intervals made one."""
    joined: list[tuple[float, float]] = []
    for low, high in sorted(intervals):
        if joined and low - joined[-1][1] <= 0.1 * (1 + abs(low)):
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    told = [
        f"between z = {low:.4g} and {high:.4g}"
        if high - low > 1e-3 * (1 + abs(low))
        else f"at z = {round(low, 4) + 0.0:.4g}"
        for low, high in joined
    ]
    return [f"Not resolved {where}: the loss changes too fast there for this card." for where in told]
