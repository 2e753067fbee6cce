"""A quadratic over a box with one equation, followed exactly while its target and its box move with one parameter p.

    min_beta  1/2 beta^T K beta - target(p)^T beta   subject to   low(p) <= beta <= high(p),  sum_i beta_i = 0

Target and ends are linear in p. Between two breakpoints every coordinate stays at its low end, at its high end or free,
and K_FF beta_F + b = target_F - (K beta)_F of the others with sum beta = 0 decides beta_F and the multiplier b, so both
are linear in p: the next breakpoint is where the first of them meets an end, or an idle coordinate's rest vanishes.

The free coordinates are kept affinely independent, so their system can always be solved. A coordinate that depends on
them takes the place of one of them, or crosses its box: that moves beta, and neither K beta nor b. Coordinates that tie
move one at a time, the least index first (Murty 1974).

The same code runs in floats and, exactly, in rationals (object arrays of `flint.fmpq`), where no tolerance is needed.
"""

from typing import Any, NamedTuple

import flint
import numpy as np

LOW, FREE, HIGH = -1, 0, 1
RATE, DEPENDENT = 1e-13, 1e-11
"""In floats: a rate, as a share of those it is made of, that counts as none; a distance that counts as dependence."""
REFRESH, FEW = 32, 200
"""Moves after which the sums that are kept up to date are made anew; of few coordinates, and before long segments, at
once."""


class Ramp(NamedTuple):
    """The problem; lines are (2, m), what they are at p = 0 and how they grow.

    Attributes:
        kernel: (m, m).
        target: (2, m).
        low: (2, m).
        high: (2, m).
        size: the largest |K_ij|, from which rounding is told.
    """

    kernel: np.ndarray
    target: np.ndarray
    low: np.ndarray
    high: np.ndarray
    size: Any


class Walk(NamedTuple):
    """What was walked: k segments from `places[0]` on, up to the last place.

    Attributes:
        places: k + 1 values of p.
        betas: k + 1 arrays (m,).
        biases: k + 1 numbers.
        sets: k + 1 arrays (m,), those from each place on.
        trouble: why it ended early; empty if it did not.
    """

    places: list
    betas: list
    biases: list
    sets: list
    trouble: str


class Line(NamedTuple):
    """A segment: beta (2, m), the multiplier (2,), and rest = target - K beta - b, (2, m)."""

    beta: np.ndarray
    bias: Any
    rest: np.ndarray


class Event(NamedTuple):
    """Where a segment ends, None if nowhere, and the moves (coordinate, new set) to be made there."""

    place: Any
    moves: tuple[tuple[int, int], ...]


def walked(ramp: Ramp, sets: np.ndarray, start: Any, end: Any) -> Walk:
    """Follow the optimum from `start`, where `sets` are right, to `end`.

    Args:
        ramp: the problem.
        sets: (m,), LOW, FREE or HIGH; the free ones affinely independent.
        start: a number.
        end: a larger one.

    Returns:
        The walk. Segments of no length are left out.
    """
    sets, at, idle, count = sets.copy(), start, 0, 0
    fixed = _fixed(ramp, sets)
    held = Walk([], [], [], [], "")
    while True:
        line, event = _segment(ramp, sets, fixed, at, end)
        large = len(sets) > FEW and not _exact(fixed)
        if large and (event.place is None or event.place > 1.1 * at):
            fixed = _fixed(ramp, sets)
            line, event = _segment(ramp, sets, fixed, at, end)
        if line is None:
            return held._replace(trouble="the examples on the margin depend on each other within rounding")
        place = end if event.place is None or event.place >= end else event.place
        if not _same(at, place) or not held.places:
            _note(held, line, sets, at)
            idle = 0
        if place == end:
            # A last segment of no length leaves its sets all the same.
            if not _same(held.places[-1], end):
                _note(held, line, sets, end)
            return held
        idle, count = idle + 1, count + 1
        if idle > 20 * len(sets) + 200:
            return held._replace(trouble="ties between examples did not come apart within rounding")
        at = max(place, at)
        for coordinate, new in event.moves:
            _move(ramp, sets, fixed, line, at, coordinate, new)
        if (count % REFRESH == 0 or len(sets) <= FEW) and not _exact(fixed):
            fixed = _fixed(ramp, sets)


def _exact(array: np.ndarray) -> bool:
    return array.dtype == object


def _same(a: Any, b: Any) -> bool:
    """Whether two places are the same, in floats within rounding."""
    return abs(b - a) <= 4e-15 * abs(b) if isinstance(b, float) else a == b


def _note(held: Walk, line: Line, sets: np.ndarray, at: Any) -> None:
    held.places.append(at)
    held.betas.append(line.beta[0] + at * line.beta[1])
    held.biases.append(line.bias[0] + at * line.bias[1])
    held.sets.append(sets.copy())


def _ends(ramp: Ramp, sets: np.ndarray) -> np.ndarray:
    """The lines (2, m) of the coordinates at their ends, 0 for the free ones."""
    return np.where(sets == LOW, ramp.low, np.where(sets == HIGH, ramp.high, 0 * ramp.low))


def _fixed(ramp: Ramp, sets: np.ndarray) -> np.ndarray:
    """K times the coordinates at their ends, (2, m)."""
    return _ends(ramp, sets) @ ramp.kernel


def _put(ramp: Ramp, sets: np.ndarray, fixed: np.ndarray, coordinate: int, new: int) -> None:
    """Change a coordinate's set, and the sums with it."""
    for side, sign in ((sets[coordinate], -1), (new, 1)):
        if side != FREE:
            line = (ramp.low if side == LOW else ramp.high)[:, coordinate]
            fixed += sign * line[:, None] * ramp.kernel[coordinate]
    sets[coordinate] = new


# ------------------------------------------------------------------------------------------------------------ segments


def _segment(ramp: Ramp, sets: np.ndarray, fixed: np.ndarray, at: Any, end: Any) -> tuple[Line | None, Event]:
    """The segment of given sets and where it ends; no line where its system cannot be solved."""
    free = np.flatnonzero(sets == FREE)
    beta = _ends(ramp, sets)
    if len(free):
        solved = _solved(ramp, free, np.vstack([(ramp.target - fixed)[:, free].T, -beta.sum(1)[None]]))
        if solved is None:
            return None, Event(None, ())
        beta[:, free] = solved[:-1].T
        sides = _all_at_ends(ramp, beta, free, at, end)
        if sides is None:
            fitted = fixed + solved[:-1].T @ ramp.kernel[free]
            line = Line(beta, solved[-1], ramp.target - fitted - solved[-1][:, None])
            return line, _next(ramp, sets, line, at)
        for coordinate, side in zip(free, sides, strict=True):
            _put(ramp, sets, fixed, int(coordinate), side)
    return _flat(ramp, sets, fixed, at)


def _solved(ramp: Ramp, free: np.ndarray, right: np.ndarray) -> np.ndarray | None:
    """Solve [K_FF 1; 1 0] for the columns of right, (f + 1, c); None if that fails."""
    count = len(free)
    system = np.ones((count + 1, count + 1), dtype=ramp.kernel.dtype)
    system[:count, :count], system[count, count] = ramp.kernel[np.ix_(free, free)], 0
    if _exact(ramp.kernel):
        matrix = flint.fmpq_mat(count + 1, count + 1, [flint.fmpq(v) for v in system.ravel()])
        found = matrix.solve(flint.fmpq_mat(right.shape[0], right.shape[1], [flint.fmpq(v) for v in right.ravel()]))
        return np.array(found.entries(), dtype=object).reshape(right.shape)
    # The border is brought to the kernel's size: C decides nothing then about how well the system can be solved.
    size = np.sqrt(max(float(np.abs(system[:count, :count]).max()), 1e-300))
    system[count, :count] *= size
    system[:count, count] *= size
    right = right.copy()
    right[count] *= size
    try:
        found = np.linalg.solve(system, right)
        found += np.linalg.solve(system, right - system @ found)
    except np.linalg.LinAlgError:
        return None
    found[count] *= size
    return found if np.isfinite(found).all() else None


def _all_at_ends(ramp: Ramp, beta: np.ndarray, free: np.ndarray, at: Any, end: Any) -> list[int] | None:
    """The ends along which all free coordinates run; None if one does not: else nothing is free, and b has room."""
    tiny = 0 if _exact(ramp.kernel) else RATE
    sides = []
    for i in free:
        off = {LOW: beta[:, i] - ramp.low[:, i], HIGH: beta[:, i] - ramp.high[:, i]}
        wide = ramp.high[:, i] - ramp.low[:, i]
        at_end = [
            side
            for side, (held, grown) in off.items()
            if all(abs(held + p * grown) <= tiny * (wide[0] + p * wide[1]) for p in (at, end))
        ]
        if not at_end:
            return None
        sides.append(at_end[0])
    return sides


def _next(ramp: Ramp, sets: np.ndarray, line: Line, at: Any) -> Event:
    """The first coordinate to reach an end of its box or whose rest changes its sign; of several the least index."""
    free = sets == FREE
    exact = _exact(ramp.kernel)
    below, above = line.beta - ramp.low, ramp.high - line.beta
    still = 0 if exact else _rounding(ramp, line.beta[1]) + RATE * (abs(line.bias[1]) + np.abs(ramp.target[1]).max())
    wide = ramp.high - ramp.low
    slow = 0 if exact else RATE * (np.abs(wide[1]) + np.abs(line.beta[1]).max(initial=0.0, where=free))
    meetings = [
        (free & (below[1] < -slow), below, LOW),
        (free & (above[1] < -slow), above, HIGH),
        ((sets == LOW) & (line.rest[1] > still), line.rest, FREE),
        ((sets == HIGH) & (line.rest[1] < -still), line.rest, FREE),
    ]
    best: tuple | None = None
    for who, (held, grown), new in meetings:
        found = np.flatnonzero(who)
        if len(found):
            where = np.maximum(-held[found] / grown[found], at)
            first = int(np.argmin(where))
            if best is None or (where[first], found[first]) < best[:2]:
                best = (where[first], int(found[first]), new)
    return Event(None, ()) if best is None else Event(best[0], ((best[1], best[2]),))


def _rounding(ramp: Ramp, rates: np.ndarray) -> float:
    """Up to where a rate of K beta, made of these rates of beta, is none."""
    return RATE * float(ramp.size * np.abs(rates).sum())


def _flat(ramp: Ramp, sets: np.ndarray, fixed: np.ndarray, at: Any) -> tuple[Line, Event]:
    """A segment where nothing is free: b keeps to the middle of its interval.

    It ends where another coordinate ends the interval, or where both ends meet and their coordinates become free.
    """
    room = ramp.target - fixed
    size = 0 if _exact(fixed) else RATE * (np.abs(room[0] + at * room[1]).max())
    ends = _ends(ramp, sets)
    still = 0 if _exact(fixed) else _rounding(ramp, ends[1]) + RATE * np.abs(ramp.target[1]).max()
    low, low_end = _tightest(room, np.flatnonzero(sets == LOW), at, 1, size, still)
    high, high_end = _tightest(-room, np.flatnonzero(sets == HIGH), at, -1, size, still)
    middle = (room[:, low] + room[:, high]) / 2
    line = Line(ends, middle, room - middle[:, None])
    held, grown = room[:, high] - room[:, low]
    changes = [p for p in (low_end, high_end) if p is not None]
    if grown < -still:
        meet = max(-held / grown, at)
        if not changes or meet <= min(changes):
            return line, Event(meet, ((low, FREE), (high, FREE)))
    return line, Event(min(changes) if changes else None, ())


def _tightest(height: np.ndarray, among: np.ndarray, at: Any, sign: int, size: Any, still: Any) -> tuple[int, Any]:
    """The coordinate whose line is the highest just beyond p, and the p up to which it is."""
    now, slope = height[0, among] + at * height[1, among], height[1, among]
    first = np.flatnonzero(now >= now.max() - size)
    lead = first[np.argmax(slope[first])]
    steeper = np.flatnonzero(slope > slope[lead] + still)
    where = [max((height[0, among[lead]] - height[0, among[k]]) / (slope[k] - slope[lead]), at) for k in steeper]
    return int(among[lead]), (min(where) if where else None)


# --------------------------------------------------------------------------------------------------------------- moves


def _move(ramp: Ramp, sets: np.ndarray, fixed: np.ndarray, line: Line, at: Any, coordinate: int, new: int) -> None:
    """Put a coordinate into its new set, so that the free ones stay independent."""
    free = np.flatnonzero(sets == FREE)
    if new != FREE or not len(free):
        _put(ramp, sets, fixed, coordinate, new)
        return
    kernel = ramp.kernel
    column = np.append(kernel[free, coordinate], 0 * kernel[0, 0] + 1)[:, None]
    solved = _solved(ramp, free, column)
    if solved is not None:
        share = solved[:-1, 0]
        left = kernel[coordinate, coordinate] - share @ kernel[free, coordinate] - solved[-1, 0]
        dependent = left <= (0 if _exact(kernel) else DEPENDENT * ramp.size * (1.0 + share @ share))
        if dependent:
            _exchange(ramp, sets, fixed, line, at, coordinate, free, share)
            return
    _put(ramp, sets, fixed, coordinate, FREE)


def _exchange(
    ramp: Ramp, sets: np.ndarray, fixed: np.ndarray, line: Line, at: Any, coordinate: int, free: np.ndarray, share: Any
) -> None:
    """Move a dependent coordinate off its end, the free ones against it, until the first of them meets an end."""
    sign = 1 if sets[coordinate] == LOW else -1
    value = line.beta[0] + at * line.beta[1]
    low, high = (end[0] + at * end[1] for end in (ramp.low, ramp.high))
    tiny = 0 if _exact(ramp.kernel) else 1e-9
    best = (high[coordinate] - low[coordinate], coordinate, HIGH if sign > 0 else LOW)
    for j, part in zip(free, share, strict=True):
        rate = -sign * part
        if abs(part) <= tiny:
            continue
        room = (high[j] - value[j]) / rate if rate > 0 else (low[j] - value[j]) / rate
        found = (max(room, 0 * room), int(j), HIGH if rate > 0 else LOW)
        best = min(best, found)
    _put(ramp, sets, fixed, best[1], best[2])
    if best[1] != coordinate:
        _put(ramp, sets, fixed, coordinate, FREE)
