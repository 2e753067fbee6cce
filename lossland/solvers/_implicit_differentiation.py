"""Derivatives of exact solutions: how the optimum moves with C, the sample weights, the inputs and a loss's parameters.

At the optimum the residuals of the optimality conditions vanish,

    w - sum_i alpha_i t_i x_i = 0,    sum_i alpha_i t_i = 0,    t_k (x_k . w + b) = knot for every example k on a kink,

with alpha_i = -c_i phi'(m_i) off the kinks and alpha_k free on them. The implicit function theorem turns their
derivatives into the solution's by one linear system of size d + 1 + the number of examples on a kink. It holds where
the sets stay put under small changes; elsewhere the solution has corners, and `DegenerateSolution` says so. The system
is made of JAX's own functions of the solution, so what it gives is differentiated again in the same way.
"""

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from lossland.core import Reals, checked_number, cores, guarded, promoting
from lossland.elements import LOSSES, Pair, find
from lossland.solvers._implicit_solution import Frozen, Spec, jacobian_at, residual, settled, values
from lossland.solvers._kink_sets import Given, KinkSets
from lossland.solvers._problems import check_tol


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
    r"""`solve`'s weights and bias as a function that JAX differentiates, forwards or backwards, any number of times.

    Differentiate with respect to any of inputs, C, sample weights and parameters. The solution is computed in float64
    and returned in the type of the inputs; for derivatives to many digits, call it within `jax.enable_x64(True)`. For a
    compiled program set that for the process, by `jax.config.update("jax_enable_x64", True)`: JAX may run its part on
    the host in another thread, which knows nothing of a `with`, and then says "Incorrect output dtype".

    It may be compiled and mapped. It then solves on the host, one problem after another, and is NaN where it would
    raise: the derivatives where there are none, all of it where the solver does not converge. A bias that is not unique
    is the middle of its interval; where no single example ends that on a side, its derivatives are NaN, and the
    weights' are not.

    Args:
        loss: as for `solve`.
        inputs: (n, d).
        labels: (n,), -1 or +1.
        C: a positive scalar, traced or not; `jax.vmap` takes many.
        sample_weights: s, (n,); 1 by default.
        parameters: of a margin loss, by name, to be differentiated: {"gamma": 0.5}; others keep their values.
        bias: whether b is free; else it is 0.
        tol: the relative gap that the solution must reach.

    Returns:
        The weights (d,) and the bias, a scalar.

    Raises:
        ValueError: as `solve`; if it does not converge; inside `jax.jit` in a process with a single processor.
        DegenerateSolution: when differentiated where the solution has no derivative, naming the examples. Repeated
            examples on a kink are no such case, unless the inputs are what is moved.

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
    check_tol(tol)
    weights = jnp.ones(inputs.shape[0]) if sample_weights is None else jnp.asarray(sample_weights, float)
    held = {name: jnp.asarray(value, float) for name, value in (parameters or {}).items()}
    given = Given(inputs, jnp.asarray(labels, float), jnp.asarray(C, float), weights, held)
    if given.C.ndim:
        raise ValueError(f"differentiable_solve takes one C, not shape {given.C.shape}; map over it: jax.vmap.")
    entry = loss if isinstance(loss, Pair) else find(LOSSES, loss)
    if held and (isinstance(entry, Pair) or entry.kind != "margin"):
        raise ValueError("Parameters can be differentiated for margin losses only; give the loss itself.")
    return _optimum(Spec(entry, bias, tol), given)


def _traced(given: Given) -> bool:
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(given))


def _host(given: Given) -> Given:
    """The same as NumPy arrays of float64."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), given)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _optimum(spec: Spec, given: Given) -> tuple[Array, Array]:
    """Weights and bias, in the type of the inputs."""
    dtype, d = given.inputs.dtype, given.inputs.shape[1]
    shapes = jax.ShapeDtypeStruct((d,), dtype), jax.ShapeDtypeStruct((), dtype)
    return _called(functools.partial(values, spec), shapes, given)


@functools.partial(_optimum.defjvp, symbolic_zeros=True)
def _optimum_rule(spec: Spec, primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    """Weights and bias, and their change along the tangents by the implicit function theorem."""
    (given,), (moved,) = primals, tangents
    held = _frozen(spec, _names(moved), given)
    step, d = _step(spec, held, given, _filled(given, moved)), given.inputs.shape[1]
    bias = step[d] * jnp.where(held.sets.vague == 2, jnp.nan, 1.0).astype(step.dtype)
    value = held.point[:d], held.point[d]
    return value, (step[:d], bias if spec.bias else jnp.zeros_like(bias))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _frozen(spec: Spec, names: frozenset[str], given: Given) -> Frozen:
    """The solution with its multipliers, a function of what is given; and its sets, which stay put."""
    d, n, dtype = given.inputs.shape[1], given.inputs.shape[0], given.inputs.dtype
    sizes = KinkSets((d + 1,), (d + 1,), (d + 1,), (n,), (n,), (2,), (2,), ())
    shapes = jax.tree.map(
        lambda size: jax.ShapeDtypeStruct(size, dtype),
        Frozen((2 * d + 2,), (2 * d + 2, 2 * d + 2), sizes),
        is_leaf=lambda leaf: type(leaf) is tuple,
    )
    return _called(functools.partial(settled, spec, names), shapes, given)


@functools.partial(_frozen.defjvp, symbolic_zeros=True)
def _frozen_rule(spec: Spec, names: frozenset[str], primals: tuple, tangents: tuple) -> tuple[Any, Any]:
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

    def on_host(given: Given, raises: bool) -> Any:
        # In a thread of its own, where the solver's programs are no part of a transformation around this call.
        with ThreadPoolExecutor(1) as alone:
            found = alone.submit(promoting(function), _host(given), raises).result()
        return jax.tree.map(lambda part, shape: np.asarray(part, shape.dtype).reshape(shape.shape), found, shapes)

    @jax.custom_batching.custom_vmap
    def call(given: Given) -> Any:
        _check_cores()
        return jax.pure_callback(lambda held: on_host(held, False), shapes, given, vmap_method="sequential")

    @call.def_vmap
    def _(size: int, batched: list, given: Given) -> Any:
        def row(given: Given, k: int) -> Given:
            return jax.tree.map(lambda leaf, by: leaf[k] if by else leaf, given, batched[0])

        def every(given: Given) -> Any:
            rows = [on_host(row(given, k), False) for k in range(size)]
            return jax.tree.map(lambda *parts: np.stack(parts), *rows)

        many = jax.tree.map(lambda shape: jax.ShapeDtypeStruct((size, *shape.shape), shape.dtype), shapes)
        if not _traced(given):
            found = jax.tree.map(jnp.asarray, every(given))
        else:
            _check_cores()
            found = jax.pure_callback(every, many, given, vmap_method="sequential")
        return found, jax.tree.map(lambda _: True, shapes)

    return call(given) if _traced(given) else jax.tree.map(jnp.asarray, on_host(given, True))


def _check_cores() -> None:
    """Refuse what would wait for itself: the solver, compiled too, runs while the program that calls it waits."""
    if cores() < 2:
        raise ValueError(
            "differentiable_solve inside jax.jit needs a second processor, as the compiled program waits while it "
            "solves; this process has one. Call it outside jax.jit; jax.vmap and jax.grad work there."
        )


@functools.partial(jax.jit, static_argnums=0)
def _step(spec: Spec, held: Frozen, given: Given, moved: Given) -> Array:
    """The change of the unknowns along tangents; the inverse solves, and is not itself what is differentiated."""
    change = jax.jvp(lambda now: residual(spec, held.sets, now, held.point), (given,), (moved,))[1]
    jacobian = jacobian_at(spec, held.sets, given, held.point)
    inverse = jax.lax.stop_gradient(held.inverse)

    def times(matrix: Array) -> Callable[[Array], Array]:
        return lambda vector: jnp.matmul(matrix, vector, precision=jax.lax.Precision.HIGHEST)

    return -jax.lax.custom_linear_solve(
        times(jacobian), change, lambda _, right: times(inverse)(right), lambda _, right: times(inverse.T)(right)
    )
