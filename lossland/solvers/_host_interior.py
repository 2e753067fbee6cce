"""The interior point of `_interior_point` on the host: the same steps, in fewer passes over the examples.

Written in the shares p and q by which a step changes the room at both ends of the box. With x the product of a
multiplier and its room, the multiplier's own relative change is (centre + bend) / x - 1 - p, so that neither a
multiplier's step nor a right-hand side needs a pass of its own.
"""

from typing import Any, NamedTuple

import numpy as np

from lossland.solvers import _host_algebra as host
from lossland.solvers._host_algebra import Columns
from lossland.solvers._interior_point import ALIKE, PILOT_STEPS, Iterate, starting_point
from lossland.solvers._normal_equations import Design
from lossland.solvers._plq import Rows, Terms, geometric_middle, spread
from lossland.solvers._row_blocks import tell_step

ENDLESS = {np.float64: 1e300, np.float32: 1e30}
"""The room where a box has no end: its multiplier is 0 and stays there."""
ROUGH = 1e-3
"""The relative gap to which the first steps, which need few digits and cost half as much, are made in float32."""


class Problems(NamedTuple):
    """k problems as the steps see them.

    Attributes:
        columns: what they share.
        rows: the terms, fields broadcasting to (k, J, n); fields that are one number are (1, 1, 1).
        every: whether every example has a weight.
        pairs: (k,), how many ends of boxes there are.
        floor: (k,), below which a gap is none, however small the objective.
        bias: whether the last unknown is a bias.
    """

    columns: Columns
    rows: Rows
    every: bool
    pairs: np.ndarray
    floor: np.ndarray
    bias: bool


class Rooms(NamedTuple):
    """What a step starts from: rooms at both ends, the pull's residual and the complementarity, (k,)."""

    low: np.ndarray
    high: np.ndarray
    push: np.ndarray
    alpha: np.ndarray
    now: np.ndarray


def posed(columns: Columns, rows: Rows, bias: bool, kind: type = np.float64) -> Problems:
    """The problems of terms spread over examples, in one type of floats."""
    ends = np.isfinite(rows.low).astype(float) + np.isfinite(rows.high)
    shape = np.broadcast_shapes(*(field.shape for field in rows))
    pairs = np.broadcast_to(rows.counts * ends, shape).sum(axis=(1, 2))
    most = np.where(np.isfinite(rows.high), np.abs(rows.high), 0.0)
    floor = 1e-12 * np.broadcast_to(rows.counts * most, shape).sum(axis=(1, 2))
    most = ENDLESS[kind]
    slim = Rows(*(np.clip(_slim(field), -most, most).astype(kind) for field in rows))
    every = bool((rows.counts > 0).all())
    return Problems(columns, slim, every, pairs.astype(kind), floor.astype(kind), bias)


def _slim(field: np.ndarray) -> np.ndarray:
    """A field that is one number everywhere as that number: passes over it cost nothing then."""
    first = field.reshape(-1)[:1]
    return first.reshape(1, 1, 1) if (field == first).all() else field


def _joined(terms: np.ndarray) -> np.ndarray:
    """The sum over an example's terms, (k, n)."""
    return terms[:, 0] if terms.shape[1] == 1 else terms.sum(axis=1)


def _dot(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The sums of products, (k,)."""
    return np.vecdot(left.reshape(len(left), -1), right.reshape(len(right), -1))


def _counted(problems: Problems, terms: np.ndarray) -> np.ndarray:
    return terms if problems.every else terms * problems.rows.counts


def rooms(problems: Problems, at: Iterate) -> Rooms:
    """Where a step starts from."""
    rows = problems.rows
    low = at.beta - rows.low
    high = rows.high - at.beta
    push = rows.knot - at.margins[:, None, :]
    if rows.soft.size > 1 or rows.soft.item():
        # Not in place: several terms of one knot have betas of their own.
        push = push - rows.soft * at.beta
    now = _dot(_counted(problems, at.below), low) + _dot(_counted(problems, at.above), high)
    return Rooms(low, high, push, _counted(problems, at.beta), now)


def close(problems: Problems, at: Iterate, start: Rooms, tol: float) -> np.ndarray:
    """Which problems are done: gap and residuals are worth less than `tol` of the objective."""
    held = _dot(start.alpha, start.push)
    soft = problems.rows.soft
    if soft.size > 1 or soft.item():
        held += 0.5 * _dot(start.alpha, soft * at.beta)
    weights = at.point[:, :-1] if problems.bias else at.point
    primal = 0.5 * _dot(weights, weights) + held
    worth = np.abs(at.point * at.off).sum(axis=1) + 0.5 * (at.off**2).sum(axis=1)
    return start.now + worth <= tol * (np.maximum(primal, 0.0) + problems.floor)


def step(problems: Problems, at: Iterate, start: Rooms) -> Iterate:
    """One predictor-corrector step of all problems; one whose numbers overflow is done where it is."""
    rows, columns = problems.rows, problems.columns
    low, high, push, alpha, now = start
    over_low, over_high = 1.0 / low, 1.0 / high
    pull_low, pull_high = at.below * over_low, at.above * over_high
    theta = pull_low + pull_high
    if rows.soft.size > 1 or rows.soft.item():
        theta += rows.soft
    theta = rows.counts / theta
    factors = host.factor(columns, _joined(theta), problems.bias)
    alpha = _joined(alpha)
    penalised = at.point.copy()
    if problems.bias:
        penalised[:, -1] = 0.0

    def direction(right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        change = theta * right
        move = host.solve_factored(factors, host.pulled(columns, _joined(change) + alpha) - penalised)
        turn = host.margins_of(columns, move)
        change -= theta * turn[:, None, :]
        return move, turn, change

    _, _, change = direction(push)
    p, q = change * over_low, change * over_high
    furthest = np.maximum(np.maximum(-_least(p), 1.0 + _most(p)), np.maximum(_most(q), 1.0 - _least(q)))
    reach = 1.0 / np.maximum(1.0, furthest)
    # The bends over their rooms: below * change * (1 + p) / room, and the same at the high end.
    bend_low, bend_high = pull_low * change, pull_high * change
    bend_low += bend_low * p
    bend_high -= bend_high * q
    bent = _dot(bend_low, low) - _dot(bend_high, high)
    then = (1.0 - reach) * now - reach**2 * bent
    centre = ((then / now) ** 3 * now / problems.pairs)[:, None, None]
    # Where the predictor is cut short, its bend leads too far: in full, steps may go round in a circle.
    bend_low *= reach[:, None, None]
    bend_high *= reach[:, None, None]
    bend_low += centre * over_low
    np.subtract(centre * over_high, bend_high, out=bend_high)
    push += bend_low
    push -= bend_high
    move, turn, change = direction(push)
    p, q = change * over_low, change * over_high
    # What the multipliers are times as large after a whole step.
    grown_low, grown_high = bend_low / _not_zero(rows.low, at.below), bend_high / _not_zero(rows.high, at.above)
    grown_low -= p
    grown_high += q
    longest = np.maximum(np.maximum(-_least(p), _most(q)), 1.0 - np.minimum(_least(grown_low), _least(grown_high)))
    by = np.minimum(1.0, 0.995 / np.maximum(longest, 0.1))
    sound = np.isfinite(by) & np.isfinite(move).all(axis=1)
    by = np.where(sound, by, 0.0)
    if not sound.all():
        move, turn, change, grown_low, grown_high = (
            np.where(sound.reshape(-1, *[1] * (a.ndim - 1)), a, 0.0)
            for a in (move, turn, change, grown_low, grown_high)
        )
    wide = by[:, None, None]
    turn *= by[:, None]
    turn += at.margins
    change *= wide
    change += at.beta
    for grown, multiplier in ((grown_low, at.below), (grown_high, at.above)):
        grown *= wide
        grown += 1.0 - wide
        grown *= multiplier
    return Iterate(
        at.point + by[:, None] * move, turn, change, grown_low, grown_high,
        (1.0 - by)[:, None] * at.off, at.iterations + 1, ~sound,
    )  # fmt: skip


def _where(these: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The rows of one array where `these` is true, the other's elsewhere."""
    return np.where(these.reshape(-1, *[1] * (one.ndim - 1)), one, other)


def _least(value: np.ndarray) -> np.ndarray:
    return value.reshape(len(value), -1).min(axis=1)


def _most(value: np.ndarray) -> np.ndarray:
    return value.reshape(len(value), -1).max(axis=1)


def _not_zero(end: np.ndarray, multiplier: np.ndarray) -> np.ndarray:
    """The multipliers to divide by; those of boxes without an end are 0."""
    tiny = np.finfo(multiplier.dtype).tiny
    return multiplier + tiny if np.abs(end).max() >= ENDLESS[np.float32] else multiplier


def advance(problems: Problems, at: Iterate, steps: int, tol: float) -> Iterate:
    """At most `steps` steps, earlier ones counted; a problem with gap and residuals below `tol` leaves the batch."""
    whole: Any = None
    left = np.arange(len(at.point))
    for count in range(steps + 1):
        start = rooms(problems, at)
        tell_step(problems.columns.rows, "the interior point", count, len(left), float(start.now.max()))
        done = at.done | close(problems, at, start, tol) | (at.iterations >= steps)
        if count == steps or done.all() or done.sum() > len(done) // 8:
            whole = _put(whole, left, at._replace(done=done))
            if count == steps or done.all():
                break
            keep = np.flatnonzero(~done)
            left = left[keep]
            problems, at = of_some(problems, keep), Iterate(*(part[keep] for part in at))
            start = Rooms(*(part[keep] for part in start))
            done = np.zeros(len(keep), bool)
        new = step(problems, at, start)
        if done.any():
            new = Iterate(*(_where(done, old, own) for old, own in zip(at, new, strict=True)))
            new = new._replace(done=new.done | done)
        at = new
    return whole


def _put(whole: Iterate | None, left: np.ndarray, at: Iterate) -> Iterate:
    """The iterates of all problems, with those that are left put in their places."""
    if whole is None:
        return at
    for to, part in zip(whole, at, strict=True):
        to[left] = part
    return whole


def of_some(problems: Problems, keep: np.ndarray) -> Problems:
    """Some of the problems."""
    return problems._replace(
        columns=host.of_problems(problems.columns, keep),
        rows=Rows(*(field[keep] if len(field) > 1 else field for field in problems.rows)),
        pairs=problems.pairs[keep],
        floor=problems.floor[keep],
    )


def in_floats(at: Iterate, kind: type) -> Iterate:
    """The iterate in another type of floats."""
    names = at._fields[:-2]
    return at._replace(**{name: getattr(at, name).astype(kind) for name in names})


def solved(
    columns: Columns, design: Design, labels: np.ndarray, weights: np.ndarray, terms: Terms, steps: int, tol: float
) -> tuple[Iterate, Problems, Rows]:
    """The iterates of k problems at the relative gap `tol`, and the problems with their terms spread.

    The first steps are made in float32.

    Args:
        columns: what the problems share.
        design: the same inputs, as the certificates take them.
        labels: (k or 1, n).
        weights: c, (k, n).
        terms: of the loss.
        steps: the most steps, those in float32 among them.
        tol: the relative gap.
    """
    rows = spread(terms, labels, weights)
    low = host.in_floats(columns, np.float32)
    problems = posed(columns, rows, design.bias)
    start = piloted(low, design, labels, weights, terms, rows)
    rough = advance(posed(low, rows, design.bias, np.float32), in_floats(start, np.float32), steps, max(tol, ROUGH))
    at = _exact(problems, rough, start)
    return advance(problems, at, steps, tol), problems, rows


def _exact(problems: Problems, rough: Iterate, start: Iterate) -> Iterate:
    """What float32 reached in float64, strictly inside its boxes; the start where it came to nothing."""
    rows = problems.rows
    at = in_floats(rough, np.float64)
    least = 1e-7 * np.minimum(rows.high - rows.low, 1.0 + np.abs(at.beta))
    beta = np.clip(at.beta, rows.low + least, rows.high - least)
    margins = host.margins_of(problems.columns, at.point)
    fine = np.isfinite(margins).all(axis=1) & np.isfinite(at.below + at.above + beta).all(axis=(1, 2))
    at = at._replace(margins=margins, beta=beta, off=_off(problems, at.point, beta), done=np.zeros(len(fine), bool))
    if fine.all():
        return at
    return Iterate(*(_where(fine, own, old) for own, old in zip(at, start, strict=True)))


def _off(problems: Problems, point: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Z^T alpha - w and sum_i alpha_i t_i, (k, size)."""
    off = host.pulled(problems.columns, _joined(_counted(problems, beta)))
    d = problems.columns.size - problems.bias
    off[:, :d] -= point[:, :d]
    return off


def piloted(
    columns: Columns, design: Design, labels: np.ndarray, weights: np.ndarray, terms: Terms, rows: Rows
) -> Iterate:
    """The starting points; if the problems are alike, where the first steps of one that stands for all lead."""
    k, total = len(weights), weights.sum(axis=1)
    alike = k >= ALIKE and len(labels) == 1 and total.max() <= 2.0 * total.min()
    if not alike:
        return Iterate(*map(np.array, starting_point(design, labels, weights, rows)))
    kind = columns.rows.dtype.type
    middle = geometric_middle(weights)
    own = spread(terms, labels, middle)
    first = in_floats(Iterate(*map(np.array, starting_point(design, labels, middle, own))), kind)
    at = in_floats(advance(posed(columns, own, design.bias, kind), first, PILOT_STEPS, 0.0), np.float64)
    if not all(np.isfinite(part).all() for part in at):
        return Iterate(*map(np.array, starting_point(design, labels, weights, rows)))
    mine, its = (np.where(c > 0, c, 1.0)[:, None, :] for c in (weights, middle))
    beta = mine * (at.beta / its)
    point, margins, below, above = (np.repeat(part, k, axis=0) for part in (at.point, at.margins, at.below, at.above))
    off = host.pulled(columns, _joined(rows.counts * beta).astype(kind)).astype(float)
    d = columns.size - design.bias
    off[:, :d] -= point[:, :d]
    return Iterate(point, margins, beta, below, above, off, np.zeros(k, int), np.zeros(k, bool))
