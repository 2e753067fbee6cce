"""Planes of many pairs at once: the scores are computed once, and so are the places where they pass a kink."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.core import Model, Params
from lossland.curves import Parabolas
from lossland.data import Dataset
from lossland.elements import Pair, pair
from lossland.landscapes._derivatives import QUANTITIES as OF_DERIVATIVES
from lossland.landscapes._evaluate import SCORES, GridValues, Surface, is_linear, method_of, on_grid, penalty_on, pieces
from lossland.landscapes._evaluate import quantities as quantities_at
from lossland.landscapes._kink_sums import moment_rows
from lossland.landscapes._plane import Plane, Progress, Quantity, asked, plane_from


def shared_planes(
    pairs: Sequence[Any],
    data: Dataset,
    centre: Params,
    directions: tuple[Params, Params],
    *,
    radius: float | tuple[float, float] | None = None,
    steps: int | tuple[int, int] = 101,
    model: Model | None = None,
    l2: float = 0.0,
    sample_weights: Any = None,
    quantities: Sequence[Quantity] = (),
    method: str = "fastest",
    tolerance: float = 0.0,
    progress: Progress | None = None,
) -> dict[str, Plane]:
    r"""The same plane under several pairs, in less time than one after the other.

    .. math:: V^p_{ij} = F_p(\theta + \alpha_i d_1 + \beta_j d_2)

    Scores do not depend on the pair. Pairs made of lines and parabolas share the running sums over each kink that any
    of them has; other pairs share each block of scores; a network is run once a pixel, for all.

    Args:
        pairs: from `pair`, or their names; all different.
        data: the examples.
        centre: the params in the middle.
        directions: d1 and d2.
        radius: as `plane`'s; None: one range for all, where the first pair's objective has doubled.
        steps: as `plane`'s, as is all that follows.
        model: gives scores; linear if left out.
        l2: the penalty.
        sample_weights: (n,).
        quantities: also these, of each pair.
        method: "fastest", "kinks", "scores" or "model", for every pair.
        tolerance: an absolute error that is allowed: smooth pairs are then expanded, one after the other.
        progress: called with (pixels done, of) while pairs without pieces are computed.

    Returns:
        name -> `Plane`, in the order given.

    Raises:
        ValueError: as `plane`; if there is no pair, or one is given twice.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.standardise(ll.load("breast_cancer"))
        >>> centre = {"weights": jax.numpy.zeros(30), "bias": jax.numpy.zeros(())}
        >>> axes = ll.random_directions(centre, jax.random.key(0), normalization=None)
        >>> made = ll.shared_planes(["relu+hinge", "identity+hinge"], data, centre, axes, radius=1.0, steps=5)
        >>> {name: float(p.values[2, 2]) for name, p in made.items()}
        {'relu+hinge': 1.0, 'identity+hinge': 1.0}
    """
    chosen = [pair(p) for p in pairs]
    names = [p.name for p in chosen]
    if not chosen or len(set(names)) < len(names):
        raise ValueError(f"shared_planes takes one pair or more, each once; got {', '.join(names) or 'none'}.")
    surface, axes = asked(
        chosen[0], data, centre, directions, radius, steps, model, l2, sample_weights, quantities, method, tolerance
    )
    surfaces = [surface._replace(objective=replace(surface.objective, pair=p)) for p in chosen]
    found = _on_grid(surfaces, axes, progress)
    return {name: plane_from(s, axes, f) for name, s, f in zip(names, surfaces, found, strict=True)}


# ---------------------------------------------------------------------------------------------------------- their parts


def _on_grid(
    surfaces: list[Surface], axes: tuple[np.ndarray, np.ndarray], progress: Progress | None
) -> list[GridValues]:
    """What `on_grid` finds for each surface; they differ in their pair only."""
    one = surfaces[0]
    if one.functions or set(one.quantities) & set(OF_DERIVATIVES):
        return [on_grid(s, axes) for s in surfaces]
    straight = is_linear(one.objective.model, one.centre, np.asarray(one.objective.inputs))
    curves = {s.objective.pair: pieces(s.objective.pair) for s in surfaces}
    methods = {s.objective.pair: method_of(s, straight, curves[s.objective.pair] is not None) for s in surfaces}
    pieced = {p: c for p, c in curves.items() if c is not None and methods[p] == "kinks"}
    others = [p for p in curves if p not in pieced]
    if one.tolerance > 0 and set(one.quantities) <= {"risk"}:
        alone, others = others, []
    else:
        alone = []
    found = {p: on_grid(s, axes) for s in surfaces if (p := s.objective.pair) in alone}
    with jax.enable_x64(True):
        parts = {p: {"risk": risk} for p, risk in _by_kinks(one, pieced, axes).items()}
        for method in ("scores", "model"):
            shared = tuple(p for p in others if methods[p] == method)
            parts |= _by_blocks(one, shared, axes, method, progress) if shared else {}
        scale = 0.5 * float(one.objective.l2) * penalty_on(one, axes)
    for p, held in parts.items():
        found[p] = GridValues(held["risk"] + scale, {name: held[name] for name in one.quantities}, methods[p], 0.0)
    return [found[p] for p in curves]


def _by_kinks(
    surface: Surface, curves: dict[Pair, tuple[Parabolas, Parabolas]], axes: tuple[np.ndarray, np.ndarray]
) -> dict[Pair, np.ndarray]:
    """The mean loss of pairs made of lines and parabolas, at every pixel."""
    if not curves:
        return {}
    f = surface.objective
    scores, step = _scores(surface), max(1, SCORES // f.n)
    labels, weights = np.asarray(f.labels), np.asarray(f.weights)
    blocks = [
        moment_rows(list(curves.values()), labels, weights, scores, axes[0][k : k + step], axes[1])
        for k in range(0, len(axes[0]), step)
    ]
    return {p: np.concatenate(rows) / f.n for p, rows in zip(curves, zip(*blocks, strict=True), strict=True)}


def _by_blocks(
    surface: Surface, pairs: tuple[Pair, ...], axes: tuple[np.ndarray, np.ndarray], method: str, progress: Any
) -> dict[Pair, dict[str, np.ndarray]]:
    """The mean loss and the quantities of any pairs, from blocks of scores that all of them read."""
    f = surface.objective
    names = ("risk", *(q for q in surface.quantities if q != "risk"))
    places = np.stack([x.ravel() for x in np.meshgrid(*axes, indexing="ij")], axis=1)
    scores = _scores(surface) if method == "scores" else None
    tree = jax.tree.map(jnp.asarray, (surface.centre, surface.directions))
    size, weights = min(len(places), max(1, SCORES // f.n)), f.weights
    blocks = []
    for start in range(0, len(places), size):
        block = jnp.asarray(places[np.minimum(np.arange(start, start + size), len(places) - 1)])
        z = _affine(scores, block) if scores is not None else _modelled(f.model, f.inputs, *tree, block)
        blocks.append([_quantities(p, names, f.labels, weights, z) for p in pairs])
        if progress is not None:
            jax.block_until_ready(blocks[-1])
            progress(min(start + size, len(places)), len(places))
    shape = [len(axis) for axis in axes]

    def whole(k: int, name: str) -> np.ndarray:
        return np.concatenate([np.asarray(b[k][name]) for b in blocks])[: len(places)].reshape(shape)

    return {p: {name: whole(k, name) for name in names} for k, p in enumerate(pairs)}


def _scores(surface: Surface) -> np.ndarray:
    """Scores of the centre and of both directions, (3, n)."""
    f = surface.objective
    return np.stack([np.asarray(f.scores(jax.tree.map(jnp.asarray, p))) for p in (surface.centre, *surface.directions)])


@jax.jit
def _affine(scores: Array, places: Array) -> Array:
    return scores[:1] + jnp.matmul(places, scores[1:], precision=jax.lax.Precision.HIGHEST)


@functools.partial(jax.jit, static_argnums=0)
def _modelled(model: Model, inputs: Array, centre: Params, directions: Any, places: Array) -> Array:
    def scores(place: Array) -> Array:
        moved = jax.tree.map(lambda c, *d: c + sum(p * x for p, x in zip(place, d, strict=True)), centre, *directions)
        return model.apply(moved, inputs)

    return jax.vmap(scores)(places)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _quantities(pair: Pair, names: tuple[str, ...], labels: Array, weights: Array, scores: Array) -> dict[str, Array]:
    return quantities_at(pair, names, labels, weights, scores)
