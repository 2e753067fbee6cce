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

from lossland.core import Reals, checked_number, guarded, promoting
from lossland.data import Dataset
from lossland.elements import LOSSES, Pair, find
from lossland.solvers._certificates import FREE
from lossland.solvers._convex_form import Form, convex_form
from lossland.solvers._kink_sets import NEAR, Given, KinkSets, kink_sets, undetermined
from lossland.solvers._solve import Solution, solve
from lossland.solvers._solve_kernel import LARGEST, solve_kernel


class _Spec(NamedTuple):
    """What is not differentiated: the loss, whether there is a bias, the tolerance."""

    loss: Any
    bias: bool
    tol: float


@promoting
@guarded()
def differentiable_solve(
    loss: Any,
    inputs: Reals,
    labels: Reals,
    C: Reals,
    *,
    sample_weights: Reals = None,
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
    if inputs.ndim != 2:
        raise ValueError(f"inputs has shape {inputs.shape}; it must be (n, d), one row an example.")
    for name, value in (parameters or {}).items():
        checked_number(name, value)
    weights = jnp.ones(inputs.shape[0]) if sample_weights is None else jnp.asarray(sample_weights, float)
    held = {name: jnp.asarray(value, float) for name, value in (parameters or {}).items()}
    given = Given(inputs, jnp.asarray(labels, float), jnp.asarray(C, float), weights, held)
    if given.C.ndim:
        raise ValueError(f"differentiable_solve takes one C, not shape {given.C.shape}; differentiate one at a time.")
    entry = loss if isinstance(loss, Pair) else find(LOSSES, loss)
    if held and (isinstance(entry, Pair) or entry.kind != "margin"):
        raise ValueError("Parameters can be differentiated for margin losses only; give the loss itself.")
    return _optimum(_Spec(entry, bias, tol), given)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _optimum(spec: _Spec, given: Given) -> tuple[Array, Array]:
    """Weights and bias, in the type of the inputs."""
    sol, _ = _solved(spec, given)
    return jnp.asarray(sol.weights, given.inputs.dtype), jnp.asarray(sol.bias, given.inputs.dtype)


@_optimum.defjvp
def _optimum_rule(spec: _Spec, primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    """Weights and bias, and their change along the tangents by the implicit function theorem."""
    (given,), (moved,) = primals, tangents
    sol, form = _solved(spec, given)
    dtype, d = given.inputs.dtype, given.inputs.shape[1]
    sets = kink_sets(spec.bias, form, sol, _host(given))
    duals = np.where(sets.counted, np.asarray(sol.duals)[sets.free], 0.0)
    point = np.concatenate([sol.weights, [sol.bias], duals])
    with jax.enable_x64(True):
        jacobian = np.asarray(_jacobian(spec, sets, _host(given), point))
    inverse = jnp.asarray(_inverse(jacobian, sets, d), dtype)
    change = _changed(spec, sets, given, moved, jnp.asarray(point, dtype))
    step = -jnp.matmul(inverse[: d + 1], change, precision=jax.lax.Precision.HIGHEST)
    value = jnp.asarray(sol.weights, dtype), jnp.asarray(sol.bias, dtype)
    return value, (step[:d], step[d] if spec.bias else jnp.zeros((), dtype))


@functools.partial(jax.jit, static_argnums=0)
def _jacobian(spec: _Spec, sets: KinkSets, given: Given, point: Array) -> Array:
    """The derivatives of the optimality conditions in the unknowns, (2 (d + 1), 2 (d + 1))."""
    return jax.jacfwd(functools.partial(_residual, spec, sets, given))(point)


@functools.partial(jax.jit, static_argnums=0)
def _changed(spec: _Spec, sets: KinkSets, given: Given, moved: Given, point: Array) -> Array:
    """How the residual changes as the data move."""
    return jax.jvp(lambda held: _residual(spec, sets, held, point), (given,), (moved,))[1]


def _host(given: Given) -> Given:
    """The same as NumPy arrays of float64."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), given)


def _solved(spec: _Spec, given: Given) -> tuple[Solution, Form]:
    """The exact solution, its sets settled, and the loss as a convex form."""
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(given)):
        raise ValueError(
            "differentiable_solve solves on the host and has one derivative: call it outside jax.jit and jax.vmap, and "
            "do not nest jax.grad around it twice. What comes before and after it can be compiled."
        )
    host = _host(given)
    loss = spec.loss
    if host.parameters:
        loss = loss.bind(**{name: float(value) for name, value in host.parameters.items()})
    data = Dataset(inputs=host.inputs, labels=host.labels)
    sol = solve(loss, data, C=float(host.C), sample_weights=host.sample_weights, bias=spec.bias, tol=spec.tol)
    if not sol.converged:
        raise ValueError(f"The solution to be differentiated did not converge. {sol.message}")
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
    on = jnp.zeros(t.shape, bool).at[sets.free].max(sets.counted)
    scores = given.inputs @ weights + bias
    # Off the kinks alone is the slope a function of the score; a margin of 0 in their place keeps NaN out.
    pulls = -given.C * given.sample_weights * _slope_of(spec, given.parameters)(jnp.where(on, 0.0, scores), t)
    held = jnp.where(sets.counted, free * t[sets.free], 0.0)
    pulls = jnp.where(on, 0.0, pulls).at[sets.free].add(held)
    ends = given.inputs[sets.ends] @ weights + bias - t[sets.ends] * sets.end_knots
    balance = jnp.where(sets.vague, ends.sum(), pulls.sum())
    # A place that is not taken holds 0.
    margins = jnp.where(sets.counted, t[sets.free] * scores[sets.free] - sets.knots, free)
    return jnp.concatenate([weights - pulls @ given.inputs, balance[None] if spec.bias else bias[None], margins])


def _inverse(jacobian: np.ndarray, sets: KinkSets, d: int) -> np.ndarray:
    """The inverse of the Jacobian, refused where it is singular."""
    if not np.isfinite(jacobian).all() or np.linalg.cond(jacobian) > 1e13:
        raise undetermined(int(sets.counted.sum()), d)
    return np.linalg.inv(jacobian)
