"""How a Hessian's eigenvalues lie: all of them where the matrix is small, else stochastic Lanczos quadrature."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from lossland.core import Key, Params, guarded, html_repr, plotted, short_repr
from lossland.curvature._checks import checked_objective, finite_only, refuse_lines
from lossland.curvature._eigenvalues import is_small
from lossland.curvature._hessian import columns_at_once, matrix_of, product_of
from lossland.curvature._lanczos import dense_form, tridiagonal
from lossland.curvature._traced import is_traced

FORMED = 1000
"""Up to this many parameters the matrix is formed: it takes as many products as the samples of the estimate would."""


class SpectralDensity(NamedTuple):
    """The eigenvalues of a Hessian as a distribution: a share of 1 / p each.

    Attributes:
        nodes: (m,), eigenvalues, or Ritz values that stand for them, increasing.
        weights: (m,), their shares, which sum to 1.
        grid: (points,), for the figure.
        density: (points,), the nodes as Gaussians of standard deviation `width`; it integrates to 1.
        width: the standard deviation.
        exact: whether the nodes are the eigenvalues.
        error: (points,), the standard error of the density: 0 where it is exact, NaN of one sample.
    """

    nodes: Array
    weights: Array
    grid: Array
    density: Array
    width: Array
    exact: bool
    error: Array

    __repr__ = short_repr
    _repr_html_ = html_repr
    plot = plotted


@guarded(steps=1, samples=1, points=2)
def spectral_density(
    f: Callable[[Params], Array],
    params: Params,
    *,
    steps: int = 80,
    samples: int = 10,
    width: float | None = None,
    points: int = 1024,
    key: Key | None = None,
    dense: bool | None = None,
) -> SpectralDensity:
    r"""The distribution of the Hessian's eigenvalues, smoothed for a figure.

    .. math:: \rho(x) = \frac{1}{p} \sum_j N(x; \lambda_j, width^2)

    Exact where the matrix is formed: up to 1000 parameters, 2000 of a linear model. Beyond that an estimate by
    stochastic Lanczos quadrature: the Ritz values of `samples` random starts, weighted by the squares of their vectors'
    first entries, with the standard error that so many starts leave.

    Args:
        f: as in `hessian`.
        params: p numbers in all.
        steps: of Lanczos' method; never more than p, nor beyond the space that a start spans.
        samples: how many starts.
        width: the Gaussians' standard deviation; 1 % of the spectrum's range if left out.
        points: of the grid, which reaches 6 widths past the spectrum.
        key: decides the starts; `jax.random.key(0)` if left out.
        dense: form the matrix or not, whatever p is.

    Returns:
        Nodes and weights, the smoothed density on a grid and its standard error.

    Raises:
        ValueError: as in `hessian`; if steps, samples, points or width are not positive, or the points too few.

    Example:
        >>> import jax, lossland as ll
        >>> f = ll.objective(ll.pair("identity", "logistic"), ll.linear(), ll.load("breast_cancer"))
        >>> found = ll.spectral_density(f, f.model.init(jax.random.key(0), 30))
        >>> found.nodes.shape, round(float(jax.numpy.trapezoid(found.density, found.grid)), 5)
        ((31,), 1.0)

    Sources: Lin, Saad & Yang (2016); Ghorbani, Krishnan & Xiao (2019).
    """
    held, moving, _ = checked_objective(f, params)
    refuse_lines(f, params)
    size = ravel_pytree(moving)[0].size
    for name, given in {"steps": steps, "samples": samples, "points": points, "width": width}.items():
        if given is not None and not given > 0:
            raise ValueError(f"{name} must be positive, not {given}.")
    exact = size <= FORMED or is_small(f, size) if dense is None else dense
    if exact:
        nodes, weights, drawn = *_eigenvalues(held, moving), None
    else:
        key = jax.random.key(0) if key is None else key
        drawn = _quadrature(held, moving, key, samples, min(steps, size))
        nodes, weights = _weighty(*(part.ravel() for part in drawn))
    finite_only(nodes)
    # How wide a spectrum is cannot be known while it is traced: 1 % of it can.
    span = 0.0 if width is None or is_traced(nodes, width) else float(nodes[-1] - nodes[0])
    needed = 112 if width is None else 12 + int(span / width) if span else 0
    if points < needed:
        told = "1 % of the spectrum" if width is None else f"{width:.3g}"
        raise ValueError(f"A grid of {points} points does not show a width of {told}; it takes {needed} points.")
    grid, density, sigma, error = _smoothed(nodes, weights, drawn, width, points)
    return SpectralDensity(nodes, weights, grid, density, sigma, exact, error)


@jax.jit
def _eigenvalues(f: Any, params: Params) -> tuple[Array, Array]:
    nodes = jnp.linalg.eigvalsh(matrix_of(f, params))
    return nodes, jnp.full_like(nodes, 1.0 / nodes.size)


def _weighty(nodes: Array, weights: Array) -> tuple[Array, Array]:
    """Increasing nodes and their weights without those that weigh nothing; traced, they lie within the others."""
    if not is_traced(nodes):
        order = np.argsort(nodes)
        rising, shares = np.asarray(nodes)[order], np.asarray(weights)[order]
        heavy = shares > np.finfo(shares.dtype).eps
        return jnp.asarray(rising[heavy]), jnp.asarray(shares[heavy] / np.sum(shares[heavy]))
    order = jnp.argsort(nodes)
    nodes, weights = nodes[order], weights[order]
    kept = weights > float(jnp.finfo(weights.dtype).eps)
    weights = jnp.where(kept, weights, 0.0)
    low, high = jnp.min(jnp.where(kept, nodes, jnp.inf)), jnp.max(jnp.where(kept, nodes, -jnp.inf))
    return jnp.clip(nodes, low, high), weights / jnp.sum(weights)


@functools.partial(jax.jit, static_argnames=("samples", "steps"))
def _quadrature(f: Any, params: Params, key: Key, samples: int, steps: int) -> tuple[Array, Array]:
    """Ritz values and weights of random starts, (samples, steps) each; rows that are no row of the space weigh 0."""
    flat, _ = ravel_pytree(params)
    times = product_of(f, params)

    def one(start: Array) -> tuple[Array, Array]:
        found = tridiagonal(times, start, steps)
        values, vectors = jnp.linalg.eigh(dense_form(found))
        # Past the end of the space the matrix is 0 and apart from the rest: nothing of the start lies there.
        return values, vectors[0] ** 2 / samples

    starts = jax.random.rademacher(key, (samples, flat.size), flat.dtype)
    return jax.lax.map(one, starts, batch_size=columns_at_once(times, flat))


@functools.partial(jax.jit, static_argnames="points")
def _smoothed(
    nodes: Array, weights: Array, drawn: tuple[Array, Array] | None, width: Any, points: int
) -> tuple[Array, Array, Array, Array]:
    """Grid, density, width, and the standard error that the starts `drawn` leave, 0 where there are none."""
    span = nodes[-1] - nodes[0]
    if width is None:
        # A single eigenvalue has no range; the width is then 1 % of itself.
        span = jnp.where(span > 1e-6 * jnp.abs(nodes[-1]), span, jnp.maximum(jnp.abs(nodes[-1]), 1e-30))
    sigma = 0.01 * span if width is None else jnp.asarray(width, nodes.dtype)
    grid = jnp.linspace(nodes[0] - 6 * sigma, nodes[-1] + 6 * sigma, points)

    def smooth(nodes: Array, weights: Array) -> Array:
        def at(x: Array) -> Array:
            return jnp.sum(weights * jnp.exp(-0.5 * ((x - nodes) / sigma) ** 2))

        return jax.lax.map(at, grid, batch_size=64) / (sigma * (2 * jnp.pi) ** 0.5)

    if drawn is None:
        return grid, smooth(nodes, weights), sigma, jnp.zeros_like(grid)
    samples = len(drawn[0])
    each = jax.lax.map(lambda own: samples * smooth(*own), drawn)
    # The spread of one start alone says nothing.
    error = jnp.std(each, axis=0, ddof=1) / samples**0.5 if samples > 1 else jnp.full_like(grid, jnp.nan)
    return grid, smooth(nodes, weights), sigma, error
