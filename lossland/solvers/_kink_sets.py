"""Which examples of a solution lie on a kink of the loss: what decides how the solution moves, or that it cannot."""

from typing import Any, NamedTuple

import numpy as np

from lossland.solvers._convex_form import Form
from lossland.solvers._solve import Solution

NEAR = 1e-6
"""The distance, in margins or as a share of a dual's range, below which an example counts as on the edge of its set."""


class DegenerateSolution(ValueError):
    """The solution is not differentiable here: an example is about to change its set, or the duals are not unique."""


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
        free: (d + 1,), the examples; `counted` says which places are taken.
        counted: (d + 1,).
        knots: (d + 1,).
        ends: (2,), the examples that end the interval of biases, if `vague` says that it is one.
        end_knots: (2,).
        vague: a scalar.
    """

    free: np.ndarray
    counted: np.ndarray
    knots: np.ndarray
    ends: np.ndarray
    end_knots: np.ndarray
    vague: np.ndarray


def kink_sets(bias: bool, form: Form, sol: Solution, given: Given) -> KinkSets:
    """The examples on a kink of the loss, or the reason why there is no derivative.

    Args:
        bias: whether b is free.
        form: the loss.
        sol: the solution.
        given: what it depends on, as NumPy arrays.

    Returns:
        The examples and their knots.

    Raises:
        DegenerateSolution: if an example is about to change its set, or the sets leave the derivative open.
    """
    nothing, d = np.zeros(0, int), given.inputs.shape[1]
    if form.terms is None:
        return _in_places(nothing, np.zeros(0), nothing, np.zeros(0), d)
    side = np.where(given.labels > 0, 0, 1)
    knots, low, high, soft = (np.asarray(table)[side] for table in form.terms[:4])
    c = float(given.C) * given.sample_weights
    margins = given.labels * (given.inputs @ np.asarray(sol.weights) + float(sol.bias))
    kinked = (soft == 0) & (high > low) & (c > 0)[:, None]
    on = kinked & (np.abs(margins[:, None] - knots) < NEAR * (1.0 + np.abs(knots)))
    # The other terms' pulls at this margin leave a share of its range to the term on its kink.
    best = np.where(soft > 0, (knots - margins[:, None]) / np.where(soft > 0, soft, 1.0), np.inf)
    best = np.where(soft > 0, np.clip(best, low, high), np.where(knots > margins[:, None], high, low))
    others = np.where(on, 0.0, best).sum(1)
    free = np.flatnonzero(on.any(1))
    column = on[free].argmax(1)
    share = np.asarray(sol.duals)[free] / c[free] - others[free]
    room = np.minimum(share - low[free, column], high[free, column] - share)
    edge = free[room < NEAR * (high - low)[free, column]]
    if len(edge):
        raise DegenerateSolution(
            f"The solution has a corner here: example(s) {', '.join(map(str, edge[:6]))} sit on a kink with a dual at "
            f"the end of its range, so they change sets under the smallest change. Move C, or a weight, a little."
        )
    ends = _interval_ends(bias, sol, given, knots, kinked) if not len(free) else nothing
    if len(free) > d + 1:
        raise undetermined(len(free), d)
    return _in_places(free, knots[free, column], ends, knots[ends, kinked[ends].argmax(1)], d)


def _in_places(free: np.ndarray, knots: np.ndarray, ends: np.ndarray, end_knots: np.ndarray, d: int) -> KinkSets:
    """The sets with as many places as there may be unknowns; those not taken hold zeros."""
    more, gone = (0, d + 1 - len(free)), (0, 2 - len(ends))
    return KinkSets(
        free=np.pad(free, more),
        counted=np.arange(d + 1) < len(free),
        knots=np.pad(knots, more),
        ends=np.pad(ends, gone),
        end_knots=np.pad(end_knots, gone),
        vague=np.asarray(len(ends) > 0),
    )


def _interval_ends(bias: bool, sol: Solution, given: Given, knots: np.ndarray, kinked: np.ndarray) -> np.ndarray:
    """The two examples that bound the interval of biases; none if the bias is unique."""
    least, most = np.asarray(sol.bias_interval)
    if not bias or most - least < NEAR:
        return np.zeros(0, int)
    place = given.labels[:, None] * knots - (given.inputs @ np.asarray(sol.weights))[:, None]
    away = [np.where(kinked, np.abs(place - end), np.inf).min(1) for end in (least, most)]
    found = np.array([row.argmin() for row in away])
    if max(row.min() for row in away) > NEAR:
        raise DegenerateSolution(
            f"The bias is not unique, between {least:.6g} and {most:.6g}, and no kink bounds it: it has no derivative. "
            f"Set bias=False, or raise C."
        )
    return found


def undetermined(count: int, d: int) -> DegenerateSolution:
    """The error that says that the examples on a kink do not fix the derivative."""
    return DegenerateSolution(
        f"The {count} examples on a kink, in {d} dimensions, do not fix the solution's derivative: they depend on each "
        f"other, or nothing bends the loss in the bias. Drop duplicates, or move C a little."
    )
