"""Planes of many pairs at once: the scores are computed once, and so are the places where they pass a kink."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.core import Model, Params, guarded, jit_seeing
from lossland.curves import Parabolas
from lossland.data import Dataset
from lossland.elements import Pair, jit_by_pair, pair
from lossland.landscapes._derivatives import OF_DERIVATIVES
from lossland.landscapes._evaluate import GridValues, method_of, on_grid, penalty_on, pieces
from lossland.landscapes._evaluate import quantities as quantities_at
from lossland.landscapes._kink_moments import moment_rows
from lossland.landscapes._places import AT_ONCE, grid_places, in_blocks, models_at_once, moved
from lossland.landscapes._plane import Plane, Progress, on_two_axes, plane_from
from lossland.landscapes._straight import at_hand, is_straight, score_rows
from lossland.landscapes._surface import Asked, Quantity, Surface
from lossland.training import scores_of_rows


@guarded()
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
    asked = Asked(chosen[0], data, centre, directions, model, l2, sample_weights, quantities, method, tolerance)
    surface, axes = on_two_axes(asked, radius, steps)
    surfaces = [surface._replace(objective=replace(surface.objective, pair=p)) for p in chosen]
    found = _all_on_grid(surfaces, axes, progress)
    return {name: plane_from(s, axes, f) for name, s, f in zip(names, surfaces, found, strict=True)}


def _all_on_grid(surfaces: list[Surface], axes: tuple[np.ndarray, ...], progress: Progress | None) -> list[GridValues]:
    """What `on_grid` finds for each surface; they differ in their pair only."""
    one = surfaces[0]
    if one.functions or set(one.quantities) & set(OF_DERIVATIVES):
        return [on_grid(s, axes) for s in surfaces]
    straight = is_straight(one.objective.model, one.centre, at_hand(one.objective.inputs))
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
        parts = {p: {"risk": risk} for p, risk in _by_shared_kinks(one, pieced, axes).items()}
        for method in ("scores", "model"):
            shared = tuple(p for p in others if methods[p] == method)
            parts |= _by_shared_scores(one, shared, axes, method, progress) if shared else {}
        scale = 0.5 * float(one.objective.l2) * penalty_on(one, axes)
    for p, held in parts.items():
        found[p] = GridValues(held["risk"] + scale, {name: held[name] for name in one.quantities}, methods[p], 0.0)
    return [found[p] for p in curves]


def _by_shared_kinks(
    surface: Surface, curves: dict[Pair, tuple[Parabolas, Parabolas]], axes: tuple[np.ndarray, ...]
) -> dict[Pair, np.ndarray]:
    """The mean loss of pairs made of lines and parabolas, at every pixel."""
    if not curves:
        return {}
    f = surface.objective
    scores, step = _scores_apart(surface), max(1, AT_ONCE // f.n)
    labels, weights = np.asarray(f.labels), np.asarray(f.weights)
    blocks = [
        moment_rows(list(curves.values()), labels, weights, scores, axes[0][k : k + step], axes[1])
        for k in range(0, len(axes[0]), step)
    ]
    return {p: np.concatenate(rows) / f.n for p, rows in zip(curves, zip(*blocks, strict=True), strict=True)}


def _by_shared_scores(
    surface: Surface, pairs: tuple[Pair, ...], axes: tuple[np.ndarray, ...], method: str, progress: Any
) -> dict[Pair, dict[str, np.ndarray]]:
    """The mean loss and the quantities of any pairs, from blocks of scores that all of them read."""
    f = surface.objective
    names = ("risk", *(q for q in surface.quantities if q != "risk"))
    places, weights = grid_places(axes), f.weights
    scores = _scores_apart(surface) if method == "scores" else None
    tree = jax.tree.map(jnp.asarray, (surface.centre, surface.directions))
    blocks, size = [], AT_ONCE // f.n if method == "scores" else models_at_once(f.model, tree[0], tree[1], f.inputs)
    for block, done in in_blocks(places, size):
        at = jnp.asarray(block)
        z = _affine_scores(scores, at) if scores is not None else _model_scores(f.model, f.inputs, *tree, at)
        blocks.append([_quantities(p, names, f.labels, weights, z) for p in pairs])
        if progress is not None:
            jax.block_until_ready(blocks[-1])
            progress(done, len(places))
    shape = [len(axis) for axis in axes]

    def whole(k: int, name: str) -> np.ndarray:
        return np.concatenate([np.asarray(b[k][name]) for b in blocks])[: len(places)].reshape(shape)

    return {p: {name: whole(k, name) for name in names} for k, p in enumerate(pairs)}


def _scores_apart(surface: Surface) -> np.ndarray:
    """Scores of the centre and their moves along both directions, (3, n), each by the model alone."""
    f = surface.objective
    centre, *directions = [jax.tree.map(jnp.asarray, p) for p in (surface.centre, *surface.directions)]
    return np.asarray(score_rows(f.model, centre, directions, f.inputs))


@jax.jit
def _affine_scores(scores: Array, places: Array) -> Array:
    return scores[:1] + jnp.matmul(places, scores[1:], precision=jax.lax.Precision.HIGHEST)


@jit_seeing((0,))
def _model_scores(model: Model, inputs: Array, centre: Params, directions: Any, places: Array) -> Array:
    return jax.vmap(lambda place: scores_of_rows(model.apply, moved(centre, directions, place), inputs))(places)


@jit_by_pair((0, 1))
def _quantities(pair: Pair, names: tuple[str, ...], labels: Array, weights: Array, scores: Array) -> dict[str, Array]:
    return quantities_at(pair, names, labels, weights, scores)
