"""An objective on a grid in a plane of its parameters, by the fastest way that is exact.

Scores that are affine in the parameters are so in the plane, z = z0 + alpha z1 + beta z2: no model is run again.
If the pair is made of parabolas and lines besides, each example bends only where its score passes a kink: along a row
of the grid these places are sorted into cells, and running sums give the row.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.core import (
    Model,
    Params,
    across_processes,
    ending_together,
    jit_seeing,
    least_of_processes,
    refuse_unlike,
    shared_parts,
    weighted,
)
from lossland.curves import Parabolas, parabolas
from lossland.elements import Pair, jit_by_pair, unsound
from lossland.landscapes._derivatives import OF_DERIVATIVES, function_quantity, tangent_quantities
from lossland.landscapes._expansion import expanded
from lossland.landscapes._kink_sums import bucket_rows
from lossland.landscapes._places import AT_ONCE, grid_places, in_blocks, models_at_once, moved
from lossland.landscapes._straight import at_hand, penalties, score_kind, score_rows
from lossland.landscapes._surface import Surface, placed_surface
from lossland.training import affine, scores_of_rows

SATURATED = 1e-3
"""A slope that hardly moves its example."""


class GridValues(NamedTuple):
    """The objective and the quantities on a grid, the method that gave them, and its error's bound: 0 if exact."""

    values: np.ndarray
    quantities: dict[str, np.ndarray]
    method: str
    error: float


def on_grid(
    surface: Surface, axes: tuple[np.ndarray, ...], progress: Callable[[int, int], None] | None = None
) -> GridValues:
    """The objective and the quantities at every point of the grid of one or two axes, in float64."""
    f, names = surface.objective, ("risk", *(q for q in surface.quantities if q not in {"risk", *OF_DERIVATIVES}))
    curves = pieces(f.pair)
    kind = score_kind(f.model, surface.centre, at_hand(f.inputs))
    straight = kind != "other"
    method = method_of(surface, straight, curves is not None)
    if method != "kinks" or surface.quantities or surface.functions or f.l2:
        # Placed once, for all programs that read it.
        surface = placed_surface(surface)
    error, series = 0.0, None
    with jax.enable_x64(True):
        if method == "kinks" and curves is not None:
            found = {"risk": _by_kinks(surface, curves, axes, kind)}
        else:
            if surface.tolerance > 0 and len(axes) == 2 and straight and set(names) == {"risk"}:
                series = _by_expansion(surface, method, (axes[0], axes[1]))
            if series is not None:
                found, error, method = {"risk": series[0]}, series[1], "expansion"
            else:
                found = _by_pixels(surface, names, axes, method, progress)
        found = found | _by_derivatives(surface, axes, straight)
        l2 = float(f.l2)
        values = found["risk"] + 0.5 * l2 * penalty_on(surface, axes) if l2 else found["risk"]
    asked = (*surface.quantities, *(name for name, _ in surface.functions))
    return GridValues(values, {name: found[name] for name in asked}, method, error)


def method_of(surface: Surface, straight: bool, made_of_pieces: bool) -> str:
    """The method that a surface is put on a grid by; a method asked for that does not fit is refused."""
    kinks = straight and made_of_pieces and set(surface.quantities) <= {"risk", *OF_DERIVATIVES}
    fits = {"kinks": kinks, "scores": straight, "model": True}
    if surface.method == "fastest":
        return next(name for name, does in fits.items() if does)
    if surface.method not in fits:
        raise ValueError(f'method is "fastest", "kinks", "scores" or "model", not {surface.method!r}.')
    if not fits[surface.method]:
        why = "needs scores that are affine in the params"
        if surface.method == "kinks":
            why += ", a pair of continuous pieces of parabolas and lines, and no quantity but the risk"
        raise ValueError(
            f'method "{surface.method}" {why}; {surface.objective.pair.name} on '
            f"{surface.objective.model.name} takes {', '.join(n for n, does in fits.items() if does)}."
        )
    return surface.method


def _scores(surface: Surface, kind: str = "") -> np.ndarray:
    """The scores of the centre and their moves along each direction, (1 + k, n), of a model affine in its params."""
    f, points = surface.objective, (surface.centre, *surface.directions)
    if f.model.apply is affine:
        # Of our own linear model they are one product on the host, where no program has to be called.
        wide = np.stack([np.asarray(p["weights"]) for p in points])
        return wide @ at_hand(f.inputs).T + np.array([float(p["bias"]) for p in points])[:, None]
    if (kind or score_kind(f.model, surface.centre, at_hand(f.inputs))) == "linear":
        return np.asarray(_applied(f.model.apply, points, f.inputs))
    return np.asarray(score_rows(f.model, surface.centre, surface.directions, f.inputs))


@jit_seeing((0,))
def _applied(apply: Callable[..., Array], points: tuple[Params, ...], inputs: Array) -> Array:
    # One product that reads the inputs once.
    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *points)
    return jax.vmap(lambda params: scores_of_rows(apply, params, inputs))(together)


def _by_kinks(
    surface: Surface, curves: tuple[Parabolas, Parabolas], axes: tuple[np.ndarray, ...], kind: str
) -> np.ndarray:
    f, scores = surface.objective, _scores(surface, kind)
    given = curves, np.asarray(f.labels), np.ones(f.n) if f.sample_weights is None else np.asarray(f.sample_weights)
    if len(axes) == 2:
        found = bucket_rows(*given, (scores[0], scores[1], scores[2]), axes[0], axes[1])
        # In place: to find new memory for a large plane takes longer than the division.
        found /= f.n
        return found
    order = np.argsort(axes[0])
    if not _even(axes[0][order]):
        return _by_pixels(surface, ("risk",), axes, "scores", None)["risk"]
    (row,) = bucket_rows(*given, (scores[0], np.zeros_like(scores[0]), scores[1]), np.zeros(1), axes[0][order])
    return row[np.argsort(order)] / f.n


def _even(axis: np.ndarray) -> bool:
    steps = np.diff(axis)
    return len(axis) > 1 and bool(np.all(np.abs(steps - steps.mean()) <= 1e-12 * np.abs(axis).max()))


def _by_pixels(
    surface: Surface,
    names: tuple[str, ...],
    axes: tuple[np.ndarray, ...],
    method: str,
    progress: Callable[[int, int], None] | None,
) -> dict[str, np.ndarray]:
    found = _at_places(surface, names, grid_places(axes), method, progress)
    return {name: values.reshape([len(axis) for axis in axes]) for name, values in found.items()}


def _by_derivatives(surface: Surface, axes: tuple[np.ndarray, ...], straight: bool) -> dict[str, np.ndarray]:
    """The quantities that need derivatives in the params, and a user's functions."""
    names = [name for name in surface.quantities if name in OF_DERIVATIVES]
    if not names and not surface.functions:
        return {}
    around, places = (surface.centre, surface.directions), grid_places(axes)
    found = tangent_quantities(names, surface.objective, *around, places, straight)
    found |= {name: function_quantity(name, function, *around, places) for name, function in surface.functions}
    return {name: values.reshape([len(axis) for axis in axes]) for name, values in found.items()}


def _by_expansion(
    surface: Surface, method: str, axes: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, float] | None:
    f, scores = surface.objective, _scores(surface)

    def evaluate(places: np.ndarray) -> np.ndarray:
        return _at_places(surface, ("risk",), places, method, None, scores)["risk"]

    return expanded(evaluate, f.pair, np.asarray(f.labels), np.asarray(f.weights), scores, axes, surface.tolerance)


def _at_places(
    surface: Surface,
    names: tuple[str, ...],
    places: np.ndarray,
    method: str,
    progress: Callable[[int, int], None] | None,
    scores: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Quantities at places (p, axes), in blocks whose scores stay in the cache; `_scores` are given if known."""
    if method == "scores" and scores is None:
        scores = _scores(surface)
    f, size = surface.objective, AT_ONCE // surface.objective.n
    if method == "model":
        size = models_at_once(f.model, surface.centre, surface.directions, f.inputs)
    with ending_together("plane"):
        if across_processes(surface.devices):
            size = least_of_processes(size)
            given = (f.pair, f.model, *map(np.asarray, (f.inputs, f.labels, f.weights)))
            refuse_unlike("plane", (*given, surface.centre, surface.directions, places, names, method, size))
        homes, owners = _homes(surface.devices, -(-len(places) // min(len(places), max(1, size))))
        held = [
            (home, _on_device(surface, names, scores if method == "scores" else None, home))
            if home is None or home.process_index == jax.process_index()
            else None
            for home in homes
        ]
        parts = _in_turn(held, places, size, progress)
        parts = shared_parts(parts, owners) if owners else parts
        return {name: np.concatenate([np.asarray(part[name]) for part in parts])[: len(places)] for name in names}


def _homes(devices: tuple[Any, ...], blocks: int) -> tuple[Sequence[Any], list[int]]:
    """The devices that take blocks in turn, None for JAX's own choice, and each block's process if they are shared.

    Of fewer blocks than give every process one, each process computes all.
    """
    if not across_processes(devices):
        return devices or (None,), []
    owners = [devices[k % len(devices)].process_index for k in range(blocks)]
    if len(set(owners)) < jax.process_count():
        return [device for device in devices if device.process_index == jax.process_index()], []
    return devices, owners


def _in_turn(
    held: Sequence[tuple[Any, Callable[[Array], dict[str, Array]]] | None],
    places: np.ndarray,
    size: int,
    progress: Callable[[int, int], None] | None,
) -> list[Any]:
    """What each block of places gives, by (device, function) in turn; None where that device is another process's."""
    parts: list[Any] = []
    for block, done in in_blocks(places, size):
        turn = held[len(parts) % len(held)]
        parts.append(None if turn is None else turn[1](jax.device_put(block, turn[0])))
        if progress is not None and len(parts) % len(held) == 0:
            jax.block_until_ready(parts[-len(held) :])
            progress(done, len(places))
    if progress is not None and len(parts) % len(held):
        jax.block_until_ready(parts)
        progress(len(places), len(places))
    return parts


def _on_device(
    surface: Surface, names: tuple[str, ...], scores: np.ndarray | None, home: Any
) -> Callable[[Array], dict[str, Array]]:
    """The quantities as a function of places whose other arguments lie on a device: from scores, else by the model."""
    f = surface.objective
    labels, weights = jax.device_put((f.labels, f.weights), home)
    if scores is not None:
        return functools.partial(affine_pixels, f.pair, names, labels, weights, jax.device_put(scores, home))
    inputs, *tree = jax.device_put((f.inputs, surface.centre, surface.directions), home)
    return functools.partial(model_pixels, f.model, f.pair, names, labels, weights, inputs, *tree)


def penalty_on(surface: Surface, axes: tuple[np.ndarray, ...]) -> np.ndarray:
    """||w||^2 at each point of the grid."""
    model = surface.objective.model
    found = penalties(model, surface.centre, surface.directions, grid_places(axes))
    return found.reshape([len(axis) for axis in axes])


@functools.lru_cache(maxsize=512)
def pieces(pair: Pair) -> tuple[Parabolas, Parabolas] | None:
    """Both class curves as lines and parabolas; None if they are not."""
    try:
        return parabolas(pair)
    except ValueError:
        return None


@jit_by_pair((0, 1))
def affine_pixels(
    pair: Pair, names: tuple[str, ...], labels: Array, weights: Array, scores: Array, places: Array
) -> dict[str, Array]:
    """Quantities at pixels (p, k) of a plane whose scores are scores[0] + places @ scores[1:], (1 + k, n)."""
    z = scores[:1] + jnp.matmul(places, scores[1:], precision=jax.lax.Precision.HIGHEST)
    return quantities(pair, names, labels, weights, z)


@jit_seeing((0, 1, 2))
def model_pixels(
    model: Model,
    pair: Pair,
    names: tuple[str, ...],
    labels: Array,
    weights: Array,
    inputs: Array,
    centre: Params,
    directions: tuple[Params, ...],
    places: Array,
) -> dict[str, Array]:
    """Quantities at pixels (p, k) of a plane of any model, which is run at each of them."""
    z = jax.vmap(lambda place: scores_of_rows(model.apply, moved(centre, directions, place), inputs))(places)
    return quantities(pair, names, labels, weights, z)


def quantities(pair: Pair, names: tuple[str, ...], labels: Array, weights: Array, scores: Array) -> dict[str, Array]:
    """Each quantity of `QUANTITIES` asked for, at each pixel: (p,), from scores (p, n). NaN where a score is."""
    line = jnp.broadcast_to(labels, scores.shape)
    values, slopes = pair.bare(scores, line)
    slopes = jax.lax.cond(jnp.any(unsound(scores, slopes)), lambda: pair.slope(scores, line), lambda: slopes)
    share, sides = jnp.ones_like(labels) / labels.size, line * scores
    hole = jnp.isnan(scores).any(axis=1)

    def mean(x: Array, of: Array) -> Array:
        return jnp.where(hole, jnp.nan, jnp.sum(weighted(x.astype(of.dtype), of[None]), axis=1))

    def of_class(label: float) -> Array:
        held = labels == label
        return jnp.where(held, 1.0, 0.0) / jnp.maximum(jnp.sum(held), 1)

    made = {
        "risk": lambda: mean(values, weights / labels.size),
        "positive_risk": lambda: mean(values, of_class(1.0)),
        "negative_risk": lambda: mean(values, of_class(-1.0)),
        "error": lambda: mean((scores > 0) != (line > 0), share),
        "dead": lambda: mean((slopes == 0) & (sides <= 0), share),
        "active": lambda: mean(slopes != 0, share),
        "saturated": lambda: mean((jnp.abs(slopes) <= SATURATED) & (sides <= 0), share),
        "margin": lambda: jnp.min(sides, axis=1),
    }
    return {name: made[name]() for name in names}
