"""Derivatives of exact solutions: how the optimum moves with C, the sample weights, the inputs and a loss's parameters.

At the optimum the residuals of the optimality conditions vanish,

    w - sum_i alpha_i t_i x_i = 0,    sum_i alpha_i t_i = 0,    t_k (x_k . w + b) = knot for every example k on a kink,

with alpha_i = -c_i phi'(m_i) off the kinks and alpha_k free on them. The implicit function theorem turns their
derivatives into the solution's by one linear system of size d + 1 + the number of examples on a kink. It holds where
the sets stay put under small changes; elsewhere the solution has corners, and `DegenerateSolution` says so.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from lossland.core import promoting
from lossland.data import Dataset
from lossland.elements import LOSSES, Pair, find
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
)
from lossland.solvers._solve import Solution, solve
from lossland.solvers._solve_kernel import LARGEST, solve_kernel


class _Spec(NamedTuple):
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


@promoting
def differentiable_solve(
    loss: Any,
    inputs: Any,
    labels: Any,
    C: Any,
    *,
    sample_weights: Any = None,
    parameters: dict[str, Any] | None = None,
    bias: bool = True,
    tol: float = 1e-8,
) -> tuple[Array, Array]:
    r"""`solve`'s weights and bias as a function that JAX differentiates, forwards or backwards, once.

    Differentiate with respect to any of inputs, C, sample weights and parameters. The solution is computed in float64
    and returned in the type of the inputs; for derivatives to many digits, call it within `jax.enable_x64(True)`.

    Args:
        loss: as for `solve`.
        inputs: (n, d).
        labels: (n,), -1 or +1.
        C: a positive scalar.
        sample_weights: s, (n,); 1 by default.
        parameters: of a margin loss, by name, to be differentiated: {"gamma": 0.5}; others keep their values.
        bias: whether b is free; else it is 0.
        tol: the relative gap that the solution must reach.

    Returns:
        The weights (d,) and the bias, a scalar.

    Raises:
        ValueError: as `solve`; if it does not converge; inside `jax.jit` or `jax.vmap`, as it solves on the host.
        DegenerateSolution: when differentiated where the solution has no derivative, naming the examples.

    Example:
        Two points at -1 and 1 have w = 2 C as long as both are inside the margin:

        >>> import jax, lossland as ll
        >>> weight = lambda C: ll.differentiable_solve("hinge", [[-1.0], [1.0]], [-1, 1], C)[0][0]
        >>> round(float(jax.grad(weight)(0.1)), 5)
        2.0

    Sources: Bengio (2000); Koh & Liang (2017); Blondel et al. (2022).
    """
    inputs = jnp.asarray(inputs, float)
    weights = jnp.ones(inputs.shape[0]) if sample_weights is None else jnp.asarray(sample_weights, float)
    held = {name: jnp.asarray(value, float) for name, value in (parameters or {}).items()}
    given = Given(inputs, jnp.asarray(labels, float), jnp.asarray(C, float), weights, held)
    if given.C.ndim:
        raise ValueError(f"differentiable_solve takes one C, not shape {given.C.shape}; differentiate one at a time.")
    entry = loss if isinstance(loss, Pair) else find(LOSSES, loss)
    if held and (isinstance(entry, Pair) or entry.kind != "margin"):
        raise ValueError("Parameters can be differentiated for margin losses only; give the loss itself.")
    return _optimum(_Spec(entry, bias, tol), given)


def _traced(given: Given) -> bool:
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(given))


def _host(given: Given) -> Given:
    """The same as NumPy arrays of float64."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), given)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _optimum(spec: _Spec, given: Given) -> tuple[Array, Array]:
    """Weights and bias, in the type of the inputs."""
    dtype, d = given.inputs.dtype, given.inputs.shape[1]
    shapes = jax.ShapeDtypeStruct((d,), dtype), jax.ShapeDtypeStruct((), dtype)
    return _called(functools.partial(_values, spec), shapes, given)


@functools.partial(_optimum.defjvp, symbolic_zeros=True)
def _optimum_rule(spec: _Spec, primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    """Weights and bias, and their change along the tangents by the implicit function theorem."""
    (given,), (moved,) = primals, tangents
    held = _frozen(spec, _names(moved), given)
    step, d = _step(spec, held, given, _filled(given, moved)), given.inputs.shape[1]
    bias = step[d] * jnp.where(held.sets.vague == 2, jnp.nan, 1.0).astype(step.dtype)
    value = held.point[:d], held.point[d]
    return value, (step[:d], bias if spec.bias else jnp.zeros_like(bias))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _frozen(spec: _Spec, names: frozenset[str], given: Given) -> Frozen:
    """The solution with its multipliers, a function of what is given; and its sets, which stay put."""
    d, n, dtype = given.inputs.shape[1], given.inputs.shape[0], given.inputs.dtype
    sizes = KinkSets((d + 1,), (d + 1,), (d + 1,), (n,), (n,), (2,), (2,), ())
    shapes = jax.tree.map(
        lambda size: jax.ShapeDtypeStruct(size, dtype),
        Frozen((2 * d + 2,), (2 * d + 2, 2 * d + 2), sizes),
        is_leaf=lambda leaf: type(leaf) is tuple,
    )
    return _called(functools.partial(_settled, spec, names), shapes, given)


@functools.partial(_frozen.defjvp, symbolic_zeros=True)
def _frozen_rule(spec: _Spec, names: frozenset[str], primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    (given,), (moved,) = primals, tangents
    held = _frozen(spec, names | _names(moved), given)
    step = _step(spec, held, given, _filled(given, moved))
    return held, jax.tree.map(jnp.zeros_like, held)._replace(point=step)


def _names(moved: Given) -> frozenset[str]:
    """What is moved, by name."""
    fields = moved._asdict().items()
    zero = jax.custom_derivatives.SymbolicZero
    return frozenset(k for k, part in fields if not all(isinstance(leaf, zero) for leaf in jax.tree.leaves(part)))


def _filled(given: Given, moved: Given) -> Given:
    """The tangents as arrays."""
    zero = jax.custom_derivatives.SymbolicZero
    return jax.tree.map(lambda leaf, way: jnp.zeros_like(leaf) if isinstance(way, zero) else way, given, moved)


def _called(function: Callable[..., Any], shapes: Any, given: Given) -> Any:
    """What a function on the host gives; a degenerate or unfinished solution raises, or is NaN where this is traced."""

    @promoting
    def on_host(given: Given, raises: bool) -> Any:
        found = function(_host(given), raises)
        return jax.tree.map(lambda part, shape: np.asarray(part, shape.dtype).reshape(shape.shape), found, shapes)

    if _traced(given):
        return jax.pure_callback(lambda held: on_host(held, False), shapes, given, vmap_method="sequential")
    return jax.tree.map(jnp.asarray, on_host(given, True))


@functools.partial(jax.jit, static_argnums=0)
def _step(spec: _Spec, held: Frozen, given: Given, moved: Given) -> Array:
    """The change of the unknowns along tangents; the inverse solves, and is not itself what is differentiated."""
    change = jax.jvp(lambda now: _residual(spec, held.sets, now, held.point), (given,), (moved,))[1]
    jacobian = _jacobian(spec, held.sets, given, held.point)
    inverse = jax.lax.stop_gradient(held.inverse)

    def times(matrix: Array) -> Callable[[Array], Array]:
        return lambda vector: jnp.matmul(matrix, vector, precision=jax.lax.Precision.HIGHEST)

    return -jax.lax.custom_linear_solve(
        times(jacobian), change, lambda _, right: times(inverse)(right), lambda _, right: times(inverse.T)(right)
    )


@functools.partial(jax.jit, static_argnums=0)
def _jacobian(spec: _Spec, sets: KinkSets, given: Given, point: Array) -> Array:
    """The derivatives of the optimality conditions in the unknowns, (2 (d + 1), 2 (d + 1))."""
    return jax.jacfwd(functools.partial(_residual, spec, sets, given))(point)


# ------------------------------------------------------------------------------------------------------------ the host


class _NotConverged(ValueError):
    """The solution is not one."""


def _values(spec: _Spec, given: Given, raises: bool) -> tuple[Any, Any]:
    try:
        sol, _ = _solved(spec, given)
    except _NotConverged:
        if raises:
            raise
        return np.full(given.inputs.shape[1], np.nan), np.nan
    return sol.weights, sol.bias


def _settled(spec: _Spec, names: frozenset[str], given: Given, raises: bool) -> Frozen:
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
            jacobian = np.array(_jacobian(spec, sets, given, frozen.point))
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


def _stays(
    spec: _Spec, sets: KinkSets, given: Given, point: np.ndarray, inverse: np.ndarray, weak: Weak
) -> bool:
    """Whether the weak examples' margins do not change with C."""
    d = given.inputs.shape[1]
    moved = jax.tree.map(np.zeros_like, given)._replace(C=np.ones(()))
    with jax.enable_x64(True):
        change = jax.jvp(lambda now: _residual(spec, sets, now, point), (given,), (moved,))[1]
    step = -inverse[: d + 1] @ np.asarray(change)
    rows = given.inputs[weak.examples]
    rates = np.abs(rows @ step[:d] + step[d]) * given.C
    return bool(np.all(rates <= 1e-9 * (1.0 + np.abs(rows) @ np.abs(point[:d]) + abs(point[d]))))


def _solved(spec: _Spec, host: Given) -> tuple[Solution, Form]:
    """The exact solution, its sets settled, and the loss as a convex form."""
    loss = spec.loss
    if host.parameters:
        loss = loss.bind(**{name: float(value) for name, value in host.parameters.items()})
    data = Dataset(inputs=host.inputs, labels=host.labels)
    sol = solve(loss, data, C=float(host.C), sample_weights=host.sample_weights, bias=spec.bias, tol=spec.tol)
    if not sol.converged:
        raise _NotConverged(f"The solution to be differentiated did not converge. {sol.message}")
    form = convex_form(loss)
    if spec.bias and data.n <= LARGEST and _vague(form, sol, data):
        sol = _sharpened(loss, data, host, sol)
    return sol, form


def _vague(form: Form, sol: Solution, data: Dataset) -> bool:
    """Whether an example of a loss of lines counts as free, but is not on a kink: the sets are not settled."""
    if form.terms is None or np.any(form.terms.soft > 0):
        return False
    margins = data.labels * (data.inputs @ sol.weights + sol.bias)
    knots = np.asarray(form.terms.knot)[np.where(data.labels > 0, 0, 1)]
    return bool(np.any((sol.support == FREE) & (np.abs(margins[:, None] - knots).min(1) > NEAR)))


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
        weights=exact.coefficients @ host.inputs,
        bias=exact.bias,
        duals=exact.duals,
        gap=exact.gap,
        bias_interval=exact.bias_interval,
        support=exact.support,
    )


def _slope_of(spec: _Spec, parameters: dict[str, Any]) -> Callable[[Array, Array], Array]:
    """The derivative of the loss in the score, as a function of scores and labels that JAX can differentiate."""
    if isinstance(spec.loss, Pair) or spec.loss.kind != "margin":
        return convex_form(spec.loss).pair.slope
    settings = dict(spec.loss.parameters) | parameters

    def slope(scores: Array, labels: Array) -> Array:
        margins = labels * scores
        phi = functools.partial(spec.loss.function, **settings)
        return labels * jax.jvp(phi, (margins,), (jnp.ones_like(margins),))[1]

    return slope


def _residual(spec: _Spec, sets: KinkSets, given: Given, point: Array) -> Array:
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


def _inverse(jacobian: np.ndarray, sets: KinkSets, d: int) -> np.ndarray:
    """The inverse of the Jacobian, refused where it is singular."""
    if not np.isfinite(jacobian).all() or np.linalg.cond(jacobian) > 1e13:
        raise undetermined(int(sets.counted.sum()), d)
    return np.linalg.inv(jacobian)
