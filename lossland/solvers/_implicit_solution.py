"""The solution to be differentiated, on the host: its values, its sets, the Jacobian of what makes it optimal.

Conditions and unknowns are as many for every active set, so that one program serves them all.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.data import Dataset
from lossland.elements import Pair
from lossland.solvers._certificates import FREE
from lossland.solvers._convex_form import Form, convex_form
from lossland.solvers._kink_sets import (
    NEAR,
    DegenerateSolution,
    Given,
    KinkSets,
    Weak,
    cornered,
    dependent,
    kink_sets,
    undetermined,
    unsure,
)
from lossland.solvers._solve import Solution, solve
from lossland.solvers._solve_kernel import LARGEST, solve_kernel


class Spec(NamedTuple):
    """What is not differentiated: the loss, whether there is a bias, the tolerance."""

    loss: Any
    bias: bool
    tol: float


class Frozen(NamedTuple):
    """A solution ready to be differentiated.

    Attributes:
        point: (2 (d + 1),), weights, bias, and the duals of the examples on a kink.
        inverse: of the optimality conditions' Jacobian there.
        sets: which these examples are.
    """

    point: Any
    inverse: Any
    sets: KinkSets


@functools.partial(jax.jit, static_argnums=0)
def jacobian_at(spec: Spec, sets: KinkSets, given: Given, point: Array) -> Array:
    """The derivatives of the optimality conditions in the unknowns, (2 (d + 1), 2 (d + 1))."""
    return jax.jacfwd(functools.partial(residual, spec, sets, given))(point)


def _slope_of(spec: Spec, parameters: dict[str, Any]) -> Callable[[Array, Array], Array]:
    """The derivative of the loss in the score, as a function of scores and labels that JAX can differentiate."""
    if isinstance(spec.loss, Pair) or spec.loss.kind != "margin":
        return convex_form(spec.loss).pair.slope
    settings = dict(spec.loss.parameters) | parameters

    def slope(scores: Array, labels: Array) -> Array:
        margins = labels * scores
        phi = functools.partial(spec.loss.function, **settings)
        return labels * jax.jvp(phi, (margins,), (jnp.ones_like(margins),))[1]

    return slope


def residual(spec: Spec, sets: KinkSets, given: Given, point: Array) -> Array:
    """The optimality conditions at a point (w, b, alpha of the examples on a kink): (2 (d + 1),)."""
    d, t = given.inputs.shape[1], given.labels
    weights, bias, free = point[:d], point[d], point[d + 1 :]
    on, counted = jnp.asarray(sets.on, bool), jnp.asarray(sets.counted, bool)
    places, ends = jnp.asarray(sets.free, int), jnp.asarray(sets.ends, int)
    scores, c = given.inputs @ weights + bias, given.C * given.sample_weights
    # Off the kinks alone is the slope a function of the score; a margin of 0 in their place keeps NaN out.
    slopes = _slope_of(spec, given.parameters)(jnp.where(on, 0.0, scores), t)
    pulls = c * jnp.where(on, sets.shares * t, -slopes)
    pulls = pulls.at[places].add(jnp.where(counted, free * t[places], 0.0))
    meeting = given.inputs[ends] @ weights + bias - t[ends] * sets.end_knots
    # A bias without a derivative stands still.
    balance = jnp.where(sets.vague == 2, bias, jnp.where(sets.vague == 1, meeting.sum(), pulls.sum()))
    # A place that is not taken holds 0.
    margins = jnp.where(counted, t[places] * scores[places] - sets.knots, free)
    return jnp.concatenate([weights - pulls @ given.inputs, balance[None] if spec.bias else bias[None], margins])


class _NotConverged(ValueError):
    """The solution is not one."""


def values(spec: Spec, given: Given, raises: bool) -> tuple[Any, Any]:
    try:
        sol, _ = _solved(spec, given)
    except _NotConverged:
        if raises:
            raise
        return np.full(given.inputs.shape[1], np.nan), np.nan
    return sol.weights, sol.bias


def settled(spec: Spec, names: frozenset[str], given: Given, raises: bool) -> Frozen:
    """The solution, its sets and the inverse of its Jacobian, which is NaN where there is no derivative."""
    n, d = given.inputs.shape
    sets = KinkSets(*(np.zeros(size) for size in (d + 1, d + 1, d + 1, n, n, 2, 2, ())))
    frozen = Frozen(np.full(2 * d + 2, np.nan), np.full((2 * d + 2, 2 * d + 2), np.nan), sets)
    try:
        sol, form = _solved(spec, given)
        frozen.point[:] = np.concatenate([sol.weights, [sol.bias], np.zeros(d + 1)])
        sets, weak = kink_sets(spec.bias, form, sol, given)
        if weak.dependent and "inputs" in names:
            raise dependent(int(sets.on.sum()), d)
        frozen.point[d + 1 :] = np.where(sets.counted, np.asarray(sol.duals)[sets.free], 0.0)
        with jax.enable_x64(True):
            jacobian = np.array(jacobian_at(spec, sets, given, frozen.point))
        if not jacobian[d].any() and spec.bias:
            # Nothing bends the loss in the bias.
            sets = sets._replace(vague=np.asarray(2))
            jacobian[d, d] = 1.0
        inverse = _inverse(jacobian, sets, d)
        if len(weak.examples) and not (names == {"C"} and _stays(spec, sets, given, frozen.point, inverse, weak)):
            raise cornered(weak)
    except (DegenerateSolution, _NotConverged):
        if raises:
            raise
        return frozen
    return Frozen(frozen.point, inverse, sets)


def _stays(spec: Spec, sets: KinkSets, given: Given, point: np.ndarray, inverse: np.ndarray, weak: Weak) -> bool:
    """Whether the weak examples' margins do not change with C."""
    d = given.inputs.shape[1]
    moved = jax.tree.map(np.zeros_like, given)._replace(C=np.ones(()))
    with jax.enable_x64(True):
        change = jax.jvp(lambda now: residual(spec, sets, now, jnp.asarray(point)), (given,), (moved,))[1]
    step = -inverse[: d + 1] @ np.asarray(change)
    rows = given.inputs[weak.examples]
    rates = np.abs(rows @ step[:d] + step[d]) * given.C
    return bool(np.all(rates <= 1e-9 * (1.0 + np.abs(rows) @ np.abs(point[:d]) + abs(point[d]))))


def _solved(spec: Spec, host: Given) -> tuple[Solution, Form]:
    """The exact solution, its sets settled, and the loss as a convex form."""
    loss = spec.loss
    if host.parameters:
        loss = loss.bind(**{name: float(value) for name, value in host.parameters.items()})
    data = Dataset(inputs=host.inputs, labels=host.labels)
    sol = solve(loss, data, C=float(host.C), sample_weights=host.sample_weights, bias=spec.bias, tol=spec.tol)
    if not sol.converged:
        raise _NotConverged(f"The solution to be differentiated did not converge. {sol.message}")
    form = convex_form(loss)
    if spec.bias and data.n <= LARGEST and _vague(form, sol, host):
        sol = _sharpened(loss, data, host, sol)
    return sol, form


def _vague(form: Form, sol: Solution, host: Given) -> bool:
    """Whether the sets of a loss of lines are open: a free example is not on a kink, or the gap is too large."""
    if form.terms is None or np.any(form.terms.soft > 0):
        return False
    margins = host.labels * (host.inputs @ sol.weights + sol.bias)
    knots = np.asarray(form.terms.knot)[np.where(host.labels > 0, 0, 1)]
    astray = (sol.support == FREE) & (np.abs(margins[:, None] - knots).min(1) > NEAR)
    return bool(astray.any() or unsure(sol, host).max() > NEAR)


def _sharpened(loss: Any, data: Dataset, host: Given, sol: Solution) -> Solution:
    """The same solution by active sets over the examples, if that settles them."""
    exact = solve_kernel(
        loss,
        data,
        C=float(host.C),
        sample_weights=host.sample_weights,
        kernel=lambda a, b: np.asarray(a) @ np.asarray(b).T,
    )
    if not exact.converged:
        return sol
    return sol._replace(
        weights=exact.coefficients @ exact.inputs,
        bias=exact.bias,
        duals=exact.duals,
        objective=exact.objective,
        gap=exact.gap,
        bias_interval=exact.bias_interval,
        support=exact.support,
    )


def _inverse(jacobian: np.ndarray, sets: KinkSets, d: int) -> np.ndarray:
    """The inverse of the Jacobian, refused where it is singular."""
    if not np.isfinite(jacobian).all() or np.linalg.cond(jacobian) > 1e13:
        raise undetermined(int(sets.counted.sum()), d)
    return np.linalg.inv(jacobian)
