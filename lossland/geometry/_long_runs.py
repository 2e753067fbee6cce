"""Compiled runs of very many steps: gradient descent between recorded times, and gradient flow in the log of time."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from lossland.elements import Pair


@functools.partial(jax.jit, static_argnums=(0, 1))
def descended(
    made: Pair, normalised: bool, inputs: Array, labels: Array, rates: Array, points: Array, times: Array
) -> Array:
    """The points of k runs of gradient descent on the sum of the losses.

    Args:
        made: the pair.
        normalised: whether each step has the length of its rate.
        inputs: (n, p).
        labels: (n,).
        rates: (k,).
        points: where to start, (k, p).
        times: (r,), growing numbers of steps.

    Returns:
        The points after those numbers of steps, (r, k, p).
    """
    every = jnp.broadcast_to(labels, (points.shape[0], labels.shape[0]))

    def step(_: Any, points: Array) -> Array:
        scores = _product(points, inputs.T)
        logs = _log_pulls(made, scores, every) if normalised else None
        if logs is not None:
            pulls = jnp.exp(logs - logs.max(axis=1, keepdims=True))
            downhill = _product(pulls * every, inputs)
        else:
            downhill = -_product(made.bare(scores, every)[1], inputs)
        if normalised:
            size = jnp.sqrt(jnp.sum(downhill**2, axis=1, keepdims=True))
            downhill = downhill / jnp.where(size > 0, size, 1.0)
        return points + rates[:, None] * downhill

    def record(carry: tuple[Array, Array], until: Array) -> tuple[tuple[Array, Array], Array]:
        done, points = carry
        points = jax.lax.fori_loop(done, until, step, points)
        return (until, points), points

    return jax.lax.scan(record, (jnp.zeros_like(times[0]), points), times)[1]


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def flowed(made: Pair, inner: int, records: int, inputs: Array, labels: Array, points: Array, end: Array) -> Array:
    """The points of k runs of gradient flow on the sum of the losses, in the logarithm of time from 0 to `end`.

    Args:
        made: the pair.
        inner: Runge-Kutta steps between two records.
        records: how many records.
        inputs: (n, p).
        labels: (n,).
        points: where to start, (k, p).
        end: the last log time.

    Returns:
        The points at each record, (records, k, p).
    """
    every = jnp.broadcast_to(labels, (points.shape[0], labels.shape[0]))
    h = end / (inner * records)

    def velocity(s: Array, points: Array) -> Array:
        scores = _product(points, inputs.T)
        logs = _log_pulls(made, scores, every)
        if logs is None:
            pulls = -every * made.slope(scores, every)
            logs = jnp.log(jnp.maximum(pulls, 0.0))
        return _product(jnp.exp(s + logs) * every, inputs)

    def step(i: Array, points: Array, first: Array) -> Array:
        s = (first + i) * h
        a = velocity(s, points)
        b = velocity(s + h / 2, points + h / 2 * a)
        c = velocity(s + h / 2, points + h / 2 * b)
        d = velocity(s + h, points + h * c)
        return points + h / 6 * (a + 2 * b + 2 * c + d)

    def record(points: Array, first: Array) -> tuple[Array, Array]:
        points = jax.lax.fori_loop(0, inner, functools.partial(step, first=first), points)
        return points, points

    return jax.lax.scan(record, points, inner * jnp.arange(records))[1]


@functools.partial(jax.jit, static_argnums=0)
def losses_at(made: Pair, scores: Array, labels: Array) -> Array:
    """The loss at each score."""
    return made(scores, labels)


def _log_pulls(made: Pair, scores: Array, labels: Array) -> Array | None:
    """Log of minus the slope in the margin, where it is known in closed form; None where it is not."""
    margins = labels * scores
    if made.activation.name == "identity" and made.loss.name == "logistic":
        return -jax.nn.softplus(margins)
    if made.activation.name == "identity" and made.loss.name == "exponential":
        return -margins
    return None


def _product(a: Array, b: Array) -> Array:
    """A product of matrices; small ones as a sum, which is fused with what comes before and after it."""
    if b.size <= 64:
        return jnp.sum(a[:, :, None] * b[None], axis=1)
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)
