"""Which examples of a solution lie on a kink of the loss: what decides how the solution moves, or that it cannot.

An example on a kink is strong if some optimal dual point has it strictly inside its range: then it stays on the kink
under small changes. Strong examples that depend on each other, repeated ones say, fix the solution like a basis of
them. A weak one is at the end of its range in every optimal dual point: it may leave its kink on one side, where the
solution has a corner, unless it depends on the strong ones.
"""

from typing import Any, NamedTuple

import numpy as np

from lossland.solvers._convex_form import Form
from lossland.solvers._solve import Solution

NEAR = 1e-6
"""The distance, in margins or as a share of a dual's range, below which an example counts as on the edge of its set."""
BEND = 1e-9
"""The distance in margins below which an example is where a parabola begins: the solution is known to less."""


class DegenerateSolution(ValueError):
    """The solution is not differentiable here: an example is about to change its set."""


class Given(NamedTuple):
    """What the solution depends on: inputs (n, d), labels (n,), C, weights s (n,), the loss's parameters."""

    inputs: Any
    labels: Any
    C: Any
    sample_weights: Any
    parameters: dict[str, Any]


class KinkSets(NamedTuple):
    """The examples on a kink, as many places as there are unknowns, so that one program serves every active set.

    Attributes:
        free: (d + 1,), a basis of the strong examples; `counted` says which places are taken.
        counted: (d + 1,).
        knots: (d + 1,).
        on: (n,), whether an example is on a kink.
        shares: (n,), alpha_i / c_i of those on a kink that are not in the basis; 0 elsewhere.
        ends: (2,), the examples that end the interval of biases.
        end_knots: (2,).
        vague: a scalar: 0 where the bias is unique, 1 where `ends` end its interval, 2 where it has no derivative.
    """

    free: Any
    counted: Any
    knots: Any
    on: Any
    shares: Any
    ends: Any
    end_knots: Any
    vague: Any


class Weak(NamedTuple):
    """Examples that may change their sets: which, (k,), and whether any strong ones depend on each other."""

    examples: np.ndarray
    dependent: bool


def kink_sets(bias: bool, form: Form, sol: Solution, given: Given) -> tuple[KinkSets, Weak]:
    """The examples on a kink of the loss, and those that may leave one.

    Args:
        bias: whether b is free.
        form: the loss.
        sol: the solution.
        given: what it depends on, as NumPy arrays.

    Returns:
        The examples and their knots; the weak ones.
    """
    n, d = given.inputs.shape
    if form.terms is None:
        nothing = np.zeros(0, int)
        vague = 2 * _is_open(bias, sol)
        none = _in_places(nothing, nothing, np.zeros(n, bool), np.zeros(n), nothing, nothing, vague, d)
        return none, Weak(nothing, False)
    side = np.where(given.labels > 0, 0, 1)
    knots, low, high, soft = (np.asarray(table)[side] for table in form.terms[:4])
    c = float(given.C) * given.sample_weights
    margins = given.labels * (given.inputs @ np.asarray(sol.weights) + float(sol.bias))
    kinked = (soft == 0) & (high > low) & (c > 0)[:, None]
    on = kinked & (np.abs(margins[:, None] - knots) < NEAR * (1.0 + np.abs(knots)) + 2.0 * unsure(sol, given)[:, None])
    # The other terms' pulls at this margin leave a share of its range to the term on its kink.
    best = np.where(soft > 0, (knots - margins[:, None]) / np.where(soft > 0, soft, 1.0), np.inf)
    best = np.where(soft > 0, np.clip(best, low, high), np.where(knots > margins[:, None], high, low))
    others = np.where(on, 0.0, best).sum(1)
    held = np.flatnonzero(on.any(1))
    column = on[held].argmax(1)
    least, most = others[held] + low[held, column], others[held] + high[held, column]
    rows = np.column_stack([given.inputs[held], np.ones(len(held))]) if bias else given.inputs[held]
    shares = np.asarray(sol.duals)[held] / c[held]
    strong, basis, outside, shares = _split(rows, given.labels[held] * c[held], shares, least, most)
    bends = (soft > 0) & (high > low) & (c > 0)[:, None] & ~on.any(1)[:, None]
    with np.errstate(invalid="ignore"):
        corner = [np.abs(knots - margins[:, None] - soft * end) <= BEND * (1.0 + np.abs(knots)) for end in (low, high)]
    weak = np.union1d(held[outside], np.flatnonzero((bends & (corner[0] | corner[1])).any(1)))
    ends, vague = _interval_ends(bias, sol, given, knots, kinked) if not len(basis) else (np.zeros(0, int), 0)
    own = np.zeros(n)
    own[held] = shares
    own[held[basis]] = 0.0
    sets = _in_places(held[basis], knots[held[basis], column[basis]], on.any(1), own, ends,
                      knots[ends, kinked[ends].argmax(1)], vague, d)  # fmt: skip
    return sets, Weak(weak, len(basis) < int(strong.sum()))


def unsure(sol: Solution, given: Given) -> np.ndarray:
    """How far the margins of a solution may be off, (n,): half its squared distance is at most the gap."""
    away = np.linalg.norm(given.inputs - given.inputs.mean(axis=0), axis=1)
    # Not the gap, which holds the most that rounding may hide, and so far more than it does.
    apart = max(abs(float(sol.objective) - float(sol.dual_objective)), 4e-16 * abs(float(sol.objective)))
    return away * np.sqrt(2.0 * apart)


def _split(
    rows: np.ndarray, pulls: np.ndarray, shares: np.ndarray, least: np.ndarray, most: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The strong examples, a basis of them, the weak ones that do not depend on it, and shares that show it.

    Args:
        rows: (k, d + bias), what a dual pulls at.
        pulls: (k,), t_i c_i.
        shares: (k,), a dual point's alpha_i / c_i.
        least: (k,), the ends of these.
        most: (k,).

    Returns:
        A mask (k,), indices, indices, and (k,).
    """
    if len(rows) and _basis(rows).size < len(rows):
        shares = _inmost(rows, pulls, shares, least, most)
    strong = np.minimum(shares - least, most - shares) > NEAR * (most - least)
    basis = np.flatnonzero(strong)[_basis(rows[strong])]
    rest = np.flatnonzero(~strong)
    outside = rest[[_basis(rows[[*basis, i]]).size > len(basis) for i in rest]] if len(rest) else rest
    # What is at an end is exactly there.
    shares = np.where(strong, shares, np.where(shares - least < most - shares, least, most))
    return strong, basis, outside, shares


def _basis(rows: np.ndarray) -> np.ndarray:
    """Rows that all others are combinations of."""
    from scipy import linalg

    if not len(rows):
        return np.zeros(0, int)
    size = np.abs(rows).max(axis=0)
    scaled = (rows / np.where(size > 0, size, 1.0)).T
    triangle, order = linalg.qr(scaled, mode="r", pivoting=True)  # pyright: ignore[reportAssignmentType]
    diagonal = np.abs(np.diagonal(triangle))
    return np.sort(order[: int((diagonal > 1e-10 * max(diagonal[0], 1e-300)).sum())])


def _inmost(rows: np.ndarray, pulls: np.ndarray, shares: np.ndarray, least: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Shares with the same pull, as many as possible strictly inside: a linear programme in steps and rooms."""
    from scipy import optimize

    k, wide = len(rows), most - least
    shares = np.clip(shares, least, most)
    move = (rows * (pulls * wide)[:, None]).T
    size = np.abs(move).max(axis=1, keepdims=True)
    equal = np.hstack([move / np.where(size > 0, size, 1.0), np.zeros((len(move), k))])
    inside = np.vstack([np.hstack([-np.eye(k), np.eye(k)]), np.hstack([np.eye(k), np.eye(k)])])
    room = np.concatenate([(shares - least) / wide, (most - shares) / wide])
    goal = np.concatenate([np.zeros(k), -np.ones(k)])
    # A small cap, so that no example is kept at its end for another's sake.
    bounds = [(None, None)] * k + [(0.0, 1e-3)] * k
    found = optimize.linprog(goal, inside, room, equal, np.zeros(len(move)), bounds=bounds, method="highs")
    return shares + wide * found.x[:k] if found.status == 0 else shares


def _in_places(
    free: np.ndarray,
    knots: np.ndarray,
    on: np.ndarray,
    shares: np.ndarray,
    ends: np.ndarray,
    end_knots: np.ndarray,
    vague: int,
    d: int,
) -> KinkSets:
    """The sets with as many places as there may be unknowns; those not taken hold zeros."""
    more, gone = (0, d + 1 - len(free)), (0, 2 - len(ends))
    return KinkSets(
        free=np.pad(free, more),
        counted=np.arange(d + 1) < len(free),
        knots=np.pad(knots, more),
        on=on,
        shares=shares,
        ends=np.pad(ends, gone),
        end_knots=np.pad(end_knots, gone),
        vague=np.asarray(vague),
    )


def _is_open(bias: bool, sol: Solution) -> bool:
    least, most = np.asarray(sol.bias_interval)
    return bool(bias and most - least >= NEAR)


def _interval_ends(
    bias: bool, sol: Solution, given: Given, knots: np.ndarray, kinked: np.ndarray
) -> tuple[np.ndarray, int]:
    """The two examples whose kinks bound the interval of biases, and what `vague` says of it."""
    nothing = np.zeros(0, int)
    if not _is_open(bias, sol):
        return nothing, 0
    place = given.labels[:, None] * knots - (given.inputs @ np.asarray(sol.weights))[:, None]
    found = []
    for end in np.asarray(sol.bias_interval):
        away = np.where(kinked, np.abs(place - end), np.inf).min(1)
        tied = np.flatnonzero(away < NEAR * (1.0 + abs(end)))
        if not len(tied) or np.ptp(np.column_stack([given.inputs, given.labels])[tied], axis=0).any():
            return nothing, 2
        found.append(int(away.argmin()))
    return np.array(found), 1


# ------------------------------------------------------------------------------------------------------------ refusals


def cornered(weak: Weak) -> DegenerateSolution:
    """The error that names the examples about to change their sets."""
    return DegenerateSolution(
        f"The solution has a corner here: example(s) {', '.join(map(str, weak.examples[:6]))} sit on a kink, or where "
        f"a parabola begins, with a dual at the end of its range, so they change sets under the smallest change: its "
        f"derivatives from the left and from the right differ. Move C, or a weight, a little."
    )


def dependent(count: int, d: int) -> DegenerateSolution:
    """The error that says that inputs cannot be moved one by one."""
    return DegenerateSolution(
        f"{count} examples lie on a kink in {d} dimensions and depend on each other, repeated ones say: the solution "
        f"has a derivative in C and in the weights, and a corner in the inputs. Drop duplicates."
    )


def undetermined(count: int, d: int) -> DegenerateSolution:
    """The error that says that the examples on a kink do not fix the derivative."""
    return DegenerateSolution(
        f"The {count} examples on a kink, in {d} dimensions, do not fix the solution's derivative within rounding: "
        f"they nearly depend on each other, or the loss hardly bends in the bias. Drop near duplicates, or move C."
    )
