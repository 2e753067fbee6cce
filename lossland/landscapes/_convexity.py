"""`convexity`: a proof that an objective is convex on a plane, or a chord that it lies above, or neither."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.core import Model, Params, guarded
from lossland.curves import LABELS, Curves, convex_between, convexity_evidence, tabulate
from lossland.data import Dataset
from lossland.elements import Pair
from lossland.landscapes._evaluate import affine_pixels, model_pixels
from lossland.landscapes._plane import Plane, on_two_axes, plane_of
from lossland.landscapes._straight import at_hand, is_straight, penalties, score_rows
from lossland.landscapes._surface import Asked, Surface
from lossland.proofs import MEASURED, PROVEN
from lossland.training import Objective

ROUNDING = 1e-10
"""A violation must be larger than this, by the size of the losses: far more than rounding makes."""
RANDOM = 2000
"""Random chords tried."""
UNDECIDED = "the sign of a curvature is not decided"
CHECKED = 16
"""Of the chords that look worst, how many are evaluated one by one."""


class Convexity(NamedTuple):
    """Whether an objective is convex on a plane's box.

    Attributes:
        convex: True (proven), False (refuted by a chord), None (undecided).
        reason: the proof, the violation or what was tried, in words.
        chord: (3, 2), one end, the middle and the other end, in (alpha, beta); None unless refuted.
        values: (3,), the objective there, evaluated directly; None unless refuted.
        tried: how many chords were looked at.
    """

    convex: bool | None
    reason: str
    chord: np.ndarray | None
    values: np.ndarray | None
    tried: int


@guarded()
def convexity(
    pair: Pair,
    data: Dataset,
    centre: Params,
    directions: tuple[Params, Params],
    *,
    radius: float | tuple[float, float] | None = None,
    steps: int | tuple[int, int] = 41,
    model: Model | None = None,
    l2: float = 0.0,
    sample_weights: Any = None,
    seed: int = 0,
) -> Convexity:
    r"""Prove or refute that an objective is convex on a plane.

    A convex loss of scores that are affine on the plane is convex there, and so are sums of such and the penalty. It is
    enough that a class curve is convex at the scores that an example takes in the box. That is proven from the pair's
    program; what is only measured proves nothing. Without a proof a chord is searched for with

    .. math:: F(m) > \tfrac{1}{2} (F(p) + F(q)), \qquad m = \tfrac{1}{2} (p + q)

    along the grid's rows, columns and diagonals at every distance, then between random points of the box. One that is
    found is evaluated again, directly. What is not refuted is not proven: the answer is then None.

    Args:
        pair: from `pair`.
        data: the examples; a class curve counts only if there is an example of its class.
        centre: the params in the middle.
        directions: d1 and d2.
        radius: as `plane`'s.
        steps: points on each axis of the grid searched, odd.
        model: gives scores; linear if left out.
        l2: the penalty.
        sample_weights: (n,), as in `objective`.
        seed: decides the random chords.

    Returns:
        A `Convexity`.

    Raises:
        ValueError: as `plane`.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.load("two_gaussians(n=40, seed=1)")
        >>> centre = ll.linear().init(jax.random.key(0), data.d)
        >>> axes = ll.random_directions(centre, jax.random.key(1))
        >>> ll.landscapes.convexity(ll.pair("identity", "hinge"), data, centre, axes, radius=2.0).reason
        'Both class curves of identity+hinge are convex (proven from its program) and the scores of linear are affine on
        the plane.'
        >>> found = ll.landscapes.convexity(ll.pair("relu", "hinge"), data, centre, axes, radius=2.0)
        >>> found.convex, bool(found.values[1] > 0.5 * (found.values[0] + found.values[2]))
        (False, True)
    """
    surface, axes = on_two_axes(Asked(pair, data, centre, directions, model, l2, sample_weights), radius, steps)
    p = plane_of(surface, axes)
    f = surface.objective
    with jax.enable_x64(True):
        straight = is_straight(f.model, surface.centre, at_hand(f.inputs))
        proof, doubt = _proof(f, p) if straight else ("", "")
        if proof:
            return Convexity(True, proof, None, None, 0)
        values = _evaluator(surface, straight)
        chords, tried = _likely_chords(p, values, np.random.default_rng(seed))
        for chord in chords:
            direct = np.array([float(f(_params_at(surface, place))) for place in chord])
            if _gap(direct) > ROUNDING * _size(direct):
                return Convexity(False, _violation(chord, direct), chord, direct, tried)
    return Convexity(None, f"Undecided: no violation among {tried} chords.{doubt}", None, None, tried)


def _proof(f: Objective, p: Plane) -> tuple[str, str]:
    """Why an objective of affine scores is convex, or what keeps that from being proven; both empty if it bends."""
    curves, held, labels = tabulate(f.pair), convexity_evidence(f.pair), np.asarray(f.labels)
    rows = [row for row, label in enumerate(LABELS) if np.any(labels == label)]
    if curves.problems:
        return "", ""
    what = "Both class curves" if len(rows) == 2 else f"The {('positive', 'negative')[rows[0]]} class curve"
    what += f" of {f.pair.name} {'are' if len(rows) == 2 else 'is'} convex"
    affine = f"and the scores of {f.model.name} are affine on the plane."
    claims = [held.curves[row].convex for row in rows] if held.curves else []
    if claims and all(claim.status == PROVEN and claim.value for claim in claims):
        return f"{what} (proven from its program) {affine}", ""
    spans = _spans(f, p)
    passed = [(row, *(end[labels == LABELS[row]] for end in spans)) for row in rows]
    there = "at all scores that each example takes in the box"
    if all(convex_between(held, *each) for each in passed):
        return f"{what} {there} (proven from its program), {affine}", ""
    if any(_falls(curves, *each) for each in passed):
        return "", ""
    why = held.reason or next((claim.reason for claim in claims if claim.status == MEASURED), UNDECIDED)
    return "", f" {what} {there}, but that is measured, not proven: {why}."


def _spans(f: Objective, p: Plane) -> tuple[np.ndarray, np.ndarray]:
    """Between which scores every example stays in the box, (n,) each."""
    around = [jax.tree.map(jnp.asarray, tree) for tree in (p.centre, *p.directions)]
    middle, first, second = (np.asarray(f.scores(tree)) for tree in around)
    reach = np.abs(first) * np.abs(p.alphas).max() + np.abs(second) * np.abs(p.betas).max()
    reach += 1e-9 * (1.0 + np.abs(middle) + reach)
    return middle - reach, middle + reach


def _falls(curves: Curves, row: int, low: np.ndarray, high: np.ndarray) -> bool:
    """Whether an interval of scores, (n,) ends each, meets a place where the table sees the curve bend down or jump."""
    bad = curves.falls(row) > 0
    jumps = [kink.at for kink in curves.kinks if kink.label == LABELS[row] and kink.what == "value"]
    bad |= (np.diff(curves.scores) == 0) & np.isin(curves.scores[1:], jumps)
    # Cell k lies between nodes k and k + 1; beyond the table nothing is known.
    before = np.concatenate([[0], np.cumsum(bad)])
    start, stop = np.searchsorted(curves.scores, low, "left") - 1, np.searchsorted(curves.scores, high, "right")
    if (start < 0).any() or (stop >= len(curves.scores)).any():
        return True
    return bool((before[stop] > before[start]).any())


def _violation(chord: np.ndarray, values: np.ndarray) -> str:
    (a, b), (c, d) = chord[0], chord[2]
    return (
        f"Not convex: half way between ({a:.4g}, {b:.4g}) and ({c:.4g}, {d:.4g}) the objective is {values[1]:.6g}, "
        f"above the average {0.5 * (values[0] + values[2]):.6g} of the two ends."
    )


def _gap(values: np.ndarray) -> Any:
    """By how much the middle lies above the ends' average; values (..., 3)."""
    with np.errstate(invalid="ignore"):
        gap = values[..., 1] - 0.5 * (values[..., 0] + values[..., 2])
    return np.where(np.isnan(gap), -np.inf, gap)


def _size(values: np.ndarray) -> Any:
    finite = np.where(np.isfinite(values), np.abs(values), 0.0)
    return 1.0 + finite.max(axis=-1)


def _likely_chords(p: Plane, values: Any, rng: np.random.Generator) -> tuple[list[np.ndarray], int]:
    """Chords that look like violations, the worst first, and how many were tried."""
    on_grid, tried = _along_lines(p)
    low, high = ([axis.min() for axis in (p.alphas, p.betas)], [axis.max() for axis in (p.alphas, p.betas)])
    ends = rng.uniform(low, high, (RANDOM, 2, 2))
    chords = np.stack([ends[:, 0], ends.mean(axis=1), ends[:, 1]], axis=1)
    gaps = _gap(values(chords.reshape(-1, 2)).reshape(-1, 3))
    pool = [*on_grid, *zip(gaps, chords, strict=True)]
    pool = sorted((held for held in pool if held[0] > 0), key=lambda held: -held[0])
    return [chord for _, chord in pool[:CHECKED]], tried + RANDOM


def _along_lines(p: Plane) -> tuple[list[tuple[float, np.ndarray]], int]:
    """The worst chord of each line direction and distance on the grid, with its gap."""
    a, b = p.values.shape
    rows, columns = np.meshgrid(np.arange(a), np.arange(b), indexing="ij")
    found, tried = [], 0
    for step in ((1, 0), (0, 1), (1, 1), (1, -1)):
        for far in range(1, max(a, b) // 2 + 1):
            i, j = far * step[0], far * step[1]
            inside = (rows >= i) & (rows < a - i) & (columns >= abs(j)) & (columns < b - abs(j))
            at = rows[inside], columns[inside]
            if not at[0].size:
                continue
            three = [(at[0] - i, at[1] - j), at, (at[0] + i, at[1] + j)]
            gaps = _gap(np.stack([p.values[x] for x in three], axis=-1))
            worst = int(np.argmax(gaps))
            tried += len(gaps)
            chord = [(p.alphas[x[worst]], p.betas[y[worst]]) for x, y in three]
            found.append((float(gaps[worst]), np.array(chord)))
    return found, tried


def _evaluator(surface: Surface, straight: bool) -> Any:
    """A function from places (p, 2) to the objective there, (p,)."""
    f = surface.objective
    tree = jax.tree.map(jnp.asarray, (surface.centre, surface.directions))

    def values(places: np.ndarray) -> np.ndarray:
        if straight:
            scores = score_rows(f.model, tree[0], tree[1], f.inputs)
            risk = affine_pixels(f.pair, ("risk",), f.labels, f.weights, scores, jnp.asarray(places))["risk"]
        else:
            given = (f.model, f.pair, ("risk",), f.labels, f.weights, f.inputs, *tree, jnp.asarray(places))
            risk = model_pixels(*given)["risk"]
        l2 = float(f.l2)
        return np.asarray(risk) + (0.5 * l2 * penalties(f.model, tree[0], tree[1], places) if l2 else 0.0)

    return values


def _params_at(surface: Surface, place: np.ndarray) -> Params:
    # In two steps, not in one as `moved` does it: the last digits of what is published depend on it.
    return jax.tree.map(
        lambda c, u, v: jnp.asarray(c + place[0] * u + place[1] * v), surface.centre, *surface.directions
    )
