"""Curves between two minima along which the objective stays low: mode connectivity."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from lossland.core import Key, Model, Params, guarded, is_real, jit_seeing
from lossland.curvature import checked_objective
from lossland.data import Dataset
from lossland.elements import Pair
from lossland.training import Objective, linear, objective

NODES = 16
"""Places on the curve that one step of training looks at."""


class Bezier(NamedTuple):
    """A quadratic Bezier curve from start to end and the straight line beside it.

    Attributes:
        ts: (t,) from 0 to 1.
        values: (t,) the objective along the curve.
        straight: (t,) along the straight line.
        barrier: how far the curve rises above the higher of its ends.
        straight_barrier: the same of the straight line.
        start: the params at t = 0.
        control: the middle control point; the curve does not pass through it.
        end: the params at t = 1.
        trace: (steps,) the mean objective over the curve's nodes before each step.
        settings: pair, data, model, l2, steps.
    """

    ts: np.ndarray
    values: np.ndarray
    straight: np.ndarray
    barrier: float
    straight_barrier: float
    start: Params
    control: Params
    end: Params
    trace: np.ndarray
    settings: dict[str, Any]

    def point(self, t: float) -> Params:
        """The params on the curve at t."""
        return _curve(self.start, self.control, self.end, t)

    @property
    def path(self) -> np.ndarray:
        """(t, 2), the curve's coordinates in `planar_interpolation(pair, data, start, end, control)`."""
        return np.stack([self.ts**2, 2.0 * self.ts * (1.0 - self.ts)], axis=1)


@guarded(steps=1, points=2)
def bezier_path(
    pair: Pair,
    data: Dataset,
    start: Params,
    end: Params,
    *,
    model: Model | None = None,
    l2: float = 0.0,
    steps: int = 300,
    optimizer: optax.GradientTransformation | None = None,
    key: Key | None = None,
    points: int = 61,
) -> Bezier:
    r"""Bend the line between two solutions until the objective is low all along it.

    .. math:: \min_c \int_0^1 F(\phi(t)) \, dt, \quad \phi(t) = (1 - t)^2 a + 2 t (1 - t) c + t^2 b

    Training starts from the straight line, c = (a + b) / 2.

    Args:
        pair: from `pair`.
        data: the examples.
        start: the params a; left as they are.
        end: the params b.
        model: gives scores; linear if left out.
        l2: the penalty.
        steps: updates of the control point.
        optimizer: from optax; `optax.adam(0.03)` if left out.
        key: draws 16 new t at every step; without one the integral is taken by 16 Gauss-Legendre nodes.
        points: places on the curve where it is evaluated in the end, at least 2.

    Returns:
        A `Bezier`, in float64.

    Raises:
        ValueError: if params do not fit the model, steps < 1, points < 2, or the training diverges.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.load("two_gaussians(n=20, seed=1)")
        >>> a, b = (ll.linear().init(jax.random.key(k), data.d) for k in (0, 1))
        >>> found = ll.bezier_path(ll.pair("identity", "logistic"), data, a, b, steps=50, points=11)
        >>> found.values.shape, bool(found.values.mean() < found.straight.mean())
        ((11,), True)

    Source: Garipov, Izmailov, Podoprikhin, Vetrov & Wilson 2018.
    """
    if steps < 1 or points < 2:
        raise ValueError(f"steps must be at least 1 and points at least 2, not {steps} and {points}.")
    with jax.enable_x64(True):
        f = objective(pair, linear() if model is None else model, data, l2)
        first, last = (checked_objective(f, jax.tree.map(_double, p)) for p in (start, end))
        f, a, b = first.f, first.moving, last.moving
        control, trace = _train(_adam() if optimizer is None else optimizer, steps, f, a, b, key)
        ts = np.linspace(0.0, 1.0, points)
        values, straight = (np.array(x) for x in _along_both(f, a, control, b, jnp.asarray(ts)))
    if not np.isfinite(values).all() and np.isfinite(straight).all():
        raise ValueError(f"The training of the curve diverged within {steps} steps. Take a smaller step size.")
    # What is held fixed is the start's.
    a, control, b = (jax.tree.map(_in_place, start, first.back(x)) for x in (a, control, b))
    settings = {"pair": pair.name, "data": data.name, "model": f.model.name, "l2": float(l2), "steps": steps}
    return Bezier(
        ts, values, straight, _barrier(values), _barrier(straight), a, control, b, np.asarray(trace), settings
    )


def _double(leaf: Any) -> Any:
    return jnp.asarray(leaf, float) if is_real(leaf) else leaf


def _in_place(held: Any, moved: Any) -> Any:
    return np.asarray(moved) if is_real(moved) else held


@functools.cache
def _adam() -> optax.GradientTransformation:
    # Made once: a compiled program belongs to one optimiser object.
    return optax.adam(0.03)


def _curve(a: Params, c: Params, b: Params, t: Any) -> Params:
    return jax.tree.map(lambda x, y, z: (1 - t) ** 2 * x + 2 * t * (1 - t) * y + t**2 * z, a, c, b)


@jit_seeing((0, 1))
def _train(
    optimizer: optax.GradientTransformation, steps: int, f: Objective, a: Params, b: Params, key: Key | None
) -> tuple[Params, Array]:
    roots, shares = np.polynomial.legendre.leggauss(NODES)
    nodes, weights = jnp.asarray(0.5 + 0.5 * roots), jnp.asarray(0.5 * shares)

    def mean(c: Params, ts: Array, weights: Array) -> Array:
        return weights @ jax.vmap(lambda t: f(_curve(a, c, b, t)))(ts)

    def step(held: tuple[Params, Any], k: Array) -> tuple[tuple[Params, Any], Array]:
        c, state = held
        drawn = nodes, weights
        if key is not None:
            drawn = jax.random.uniform(jax.random.fold_in(key, k), (NODES,)), jnp.full(NODES, 1.0 / NODES)
        value, gradient = jax.value_and_grad(mean)(c, *drawn)
        updates, state = optimizer.update(gradient, state, c)
        return (optax.apply_updates(c, updates), state), value

    middle = jax.tree.map(lambda x, y: 0.5 * (x + y), a, b)
    (control, _), trace = jax.lax.scan(step, (middle, optimizer.init(middle)), jnp.arange(steps))
    return control, trace


@jax.jit
def _along_both(f: Objective, a: Params, c: Params, b: Params, ts: Array) -> tuple[Array, Array]:
    # One point after the other: all of them at once would hold every layer of every example.
    return jax.lax.map(lambda t: (f(_curve(a, c, b, t)), f(_straight(a, b, t))), ts)


def _straight(a: Params, b: Params, t: Array) -> Params:
    return jax.tree.map(lambda x, y: (1 - t) * x + t * y, a, b)


def _barrier(values: np.ndarray) -> float:
    return float(np.max(values) - max(values[0], values[-1]))
