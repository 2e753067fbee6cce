"""Planes on a random part of the examples, with the error that this makes at each pixel; differences of two pairs."""

import functools
import json
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.core import Model, Params, guarded, jit_seeing, refuse_mixed_rows, shaped_weights
from lossland.data import Dataset, RowsOnDisk, refuse_soft
from lossland.elements import Pair
from lossland.landscapes._places import AT_ONCE, grid_places, in_blocks, models_at_once
from lossland.landscapes._plane import Plane, plane
from lossland.landscapes._straight import is_straight, score_rows
from lossland.landscapes._surface import Asked, surface_of
from lossland.training import Objective

SAMPLE = 256
"""Rows of inputs on disk by which it is tried whether a model mixes rows."""


class Band(NamedTuple):
    """A plane estimated from a part of the examples.

    Attributes:
        plane: the objective with its mean taken over the part, an unbiased estimate of the plane of all; penalty
            included.
        errors: (a, b), the standard error of each pixel.
        rows: (m,), the examples that were drawn, without repetition.
    """

    plane: Plane
    errors: np.ndarray
    rows: np.ndarray

    def to_xarray(self) -> Any:
        """The plane's `xarray.Dataset` with the errors and the rows in it."""
        held = self.plane.to_xarray()
        return held.assign(error=(("alpha", "beta"), self.errors), rows=("row", self.rows))


class Difference(NamedTuple):
    """One pair's plane minus another's, on the same examples.

    Attributes:
        first: the first pair's plane on the examples drawn.
        second: the second's.
        values: (a, b), first minus second.
        errors: (a, b), the standard error of the difference, of differences example by example.
        z: (a, b), values / errors: beyond +-2 the pairs differ at a pixel; 0 where neither differs nor errs, infinite
            where a difference has no error.
        rows: (m,), the examples.
    """

    first: Plane
    second: Plane
    values: np.ndarray
    errors: np.ndarray
    z: np.ndarray
    rows: np.ndarray

    def to_xarray(self) -> Any:
        """An `xarray.Dataset`: the first plane's, whose objective is joined by the second's, errors and z."""
        here = ("alpha", "beta")
        held = self.first.to_xarray().assign(other=(here, self.second.values), difference=(here, self.values))
        held = held.assign(error=(here, self.errors), z=(here, self.z), rows=("row", self.rows))
        return held.assign_attrs(other_settings=json.dumps(self.second.settings))


@guarded(subsample=1)
def subsampled_plane(
    pair: Pair,
    data: Dataset,
    centre: Params,
    directions: tuple[Params, Params],
    *,
    subsample: int,
    seed: int = 0,
    population: bool = True,
    sample_weights: Any = None,
    **settings: Any,
) -> Band:
    r"""The plane of m of the n examples, drawn without repetition, and its standard error.

    .. math:: e_{ij} = \sqrt{\left(1 - \tfrac{m}{n}\right) \frac{s_{ij}^2}{m}}

    with s^2 the variance of the m weighted losses at the pixel. It tells how far the plane of all n may be: within
    1.96 e at about 95 of 100 pixels, where m is large enough for a mean of such losses to be normal.

    Args:
        pair: from `pair`.
        data: all n examples.
        centre: the params in the middle.
        directions: d1 and d2.
        subsample: m, from 2 to n.
        seed: decides which.
        population: whether the data are all there is; False takes them as a sample of more, of which the error then
            tells: the factor 1 - m/n is left out.
        sample_weights: (n,), as in `objective`.
        **settings: `plane`'s radius, steps, model, l2, quantities.

    Returns:
        A `Band`.

    Raises:
        ValueError: if subsample is not from 2 to n, or the model's scores of one example depend on others; as `plane`.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.standardise(ll.load("breast_cancer"))
        >>> centre = {"weights": jax.numpy.zeros(30), "bias": jax.numpy.zeros(())}
        >>> axes = ll.random_directions(centre, jax.random.key(0), normalization=None)
        >>> given = {"radius": 1.0, "steps": 11, "subsample": 100}
        >>> band = ll.landscapes.subsampled_plane(ll.pair("identity", "hinge"), data, centre, axes, **given)
        >>> band.rows.shape, band.errors.shape, float(band.errors[5, 5])
        ((100,), (11, 11), 0.0)

    Source: Cochran 1977, Sampling Techniques, chapter 2.
    """
    rows, part, weights = _drawn(data, subsample, seed, sample_weights)
    _refuse_mixed(data, centre, settings)
    p = plane(pair, part, centre, directions, sample_weights=weights, **settings)
    p = p._replace(settings=p.settings | {"subsample": subsample, "of": data.n, "seed": seed})
    return Band(p, _standard_errors((_risk_of(pair, part, p, weights, settings),), p, data.n, population), rows)


@guarded(subsample=1)
def plane_difference(
    first: Pair,
    second: Pair,
    data: Dataset,
    centre: Params,
    directions: tuple[Params, Params],
    *,
    subsample: int,
    seed: int = 0,
    population: bool = True,
    sample_weights: Any = None,
    **settings: Any,
) -> Difference:
    r"""One pair's plane minus another's on the same examples, tested at every pixel.

    .. math:: D_{ij} = \frac{1}{m} \sum_{k} s_k (\ell_1 - \ell_2)(z_k, t_k), \qquad Z_{ij} = D_{ij} / e_{ij}

    The error is that of the differences example by example, smaller than of two planes apart where losses go together.

    Args:
        first: the pair that is subtracted from.
        second: the pair that is subtracted.
        data: all n examples.
        centre: the params in the middle.
        directions: d1 and d2.
        subsample: m, from 2 to n.
        seed: decides which.
        population: as `subsampled_plane`'s; with all examples (m = n) only False leaves an error.
        sample_weights: (n,), as in `objective`.
        **settings: `plane`'s radius, steps, model, l2, quantities.

    Returns:
        A `Difference`.

    Raises:
        ValueError: as `subsampled_plane`.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.standardise(ll.load("breast_cancer"))
        >>> centre = {"weights": jax.numpy.zeros(30), "bias": jax.numpy.zeros(())}
        >>> axes = ll.random_directions(centre, jax.random.key(0), normalization=None)
        >>> around = data, centre, axes
        >>> given = {"radius": 1.0, "steps": 11, "subsample": 100}
        >>> two = ll.pair("relu", "hinge"), ll.pair("identity", "hinge")
        >>> found = ll.landscapes.plane_difference(*two, *around, **given)
        >>> float(found.values[5, 5]), float(found.z[5, 5]), found.z.shape
        (0.0, 0.0, (11, 11))
    """
    rows, part, weights = _drawn(data, subsample, seed, sample_weights)
    _refuse_mixed(data, centre, settings)
    one = plane(first, part, centre, directions, sample_weights=weights, **settings)
    # The second on the first's axes, which may have a single point.
    reach: dict[str, Any] = {"radius": tuple(float(axis[-1]) or 1.0 for axis in (one.alphas, one.betas))}
    other = plane(second, part, centre, directions, sample_weights=weights, **(settings | reach))
    risks = tuple(_risk_of(pair, part, one, weights, settings) for pair in (first, second))
    errors = _standard_errors(risks, one, data.n, population)
    drawn = {"subsample": subsample, "of": data.n, "seed": seed}
    one, other = (p._replace(settings=p.settings | drawn) for p in (one, other))
    values = one.values - other.values
    # Of two equal sums only rounding is left: no difference, and no infinite z.
    size = np.maximum(np.abs(one.values), np.abs(other.values))
    values = np.where(np.abs(values) <= 1e-13 * size, 0.0, values)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where((values == 0) & (errors == 0), 0.0, values / errors)
    return Difference(one, other, values, errors, z, rows)


def _drawn(data: Dataset, subsample: int, seed: int, sample_weights: Any) -> tuple[np.ndarray, Dataset, Any]:
    """The rows, the examples and the weights of a random part."""
    if not 2 <= subsample <= data.n:
        raise ValueError(f"subsample is from 2 to the {data.n} examples of {data.name or 'the data'}, not {subsample}.")
    refuse_soft(data, "A subsampled plane, whose errors are of single examples,")
    rows = np.sort(np.random.default_rng(seed).permutation(data.n)[:subsample])
    part = Dataset(data.inputs[rows], data.labels[rows], name=data.name, one_class=True)
    if sample_weights is None:
        return rows, part, None
    return rows, part, shaped_weights(data.n, sample_weights)[rows]


def _refuse_mixed(data: Dataset, centre: Params, settings: dict[str, Any]) -> None:
    """Refuse a model whose scores on a part of the examples are others than on all: no part stands for all."""
    model = settings.get("model")
    if model is not None:
        what = "the plane of a part of the examples tells nothing of the plane of all"
        few = data.inputs[:SAMPLE] if isinstance(data.inputs, RowsOnDisk) else data.inputs
        refuse_mixed_rows(model, centre, few, what)


def _risk_of(pair: Pair, part: Dataset, p: Plane, weights: Any, settings: dict[str, Any]) -> Objective:
    """The objective that was drawn, without its penalty, which has no error."""
    asked = Asked(pair, part, p.centre, p.directions, settings.get("model"), sample_weights=weights)
    return surface_of(asked).objective


def _standard_errors(risks: tuple[Objective, ...], p: Plane, n: int, population: bool) -> np.ndarray:
    """The standard error of a mean loss at each pixel, or of the difference of two."""
    f, places = risks[0], grid_places((p.alphas, p.betas))
    with jax.enable_x64(True):
        straight = is_straight(f.model, p.centre, np.asarray(f.inputs))
        tree = jax.tree.map(jnp.asarray, (p.centre, p.directions))
        model = None if straight else f.model
        held = score_rows(f.model, tree[0], tree[1], f.inputs) if straight else (f.inputs, *tree)
        pairs = tuple(risk.pair for risk in risks)
        evaluate = functools.partial(_variances, pairs, model, f.labels, f.weights, held)
        size = AT_ONCE // f.n if straight else models_at_once(f.model, tree[0], tree[1], f.inputs)
        parts = [np.asarray(evaluate(jnp.asarray(block))) for block, _ in in_blocks(places, size)]
    variances = np.concatenate(parts)[: len(places)].reshape(p.values.shape)
    left = 1.0 - f.n / n if population else 1.0
    return np.sqrt(left * variances / f.n)


@jit_seeing((0, 1))
def _variances(
    pairs: tuple[Pair, ...], model: Model | None, labels: Array, weights: Array, held: Any, places: Array
) -> Array:
    """The variance over examples of the weighted loss, or of a difference of losses, at each place."""
    if model is None:
        z = held[:1] + jnp.matmul(places, held[1:], precision=jax.lax.Precision.HIGHEST)
    else:
        inputs, centre, (first, second) = held

        def scores(place: Array) -> Array:
            # In two steps, not in one as `moved` does it: the last digits of what is published depend on it.
            at = jax.tree.map(lambda c, u, v: c + place[0] * u + place[1] * v, centre, first, second)
            return model.apply(at, inputs)

        z = jax.vmap(scores)(places)
    line = jnp.broadcast_to(labels, z.shape)
    losses = pairs[0](z, line) if len(pairs) == 1 else pairs[0](z, line) - pairs[1](z, line)
    return jnp.var(weights[None] * losses, axis=1, ddof=1)
