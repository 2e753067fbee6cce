"""What kind of convex function a loss is, found from the function itself: made of parabolas and lines, or smooth.

`convex_form` takes a loss of the score apart into its terms, exactly, for the interior point; a convex loss that is not
made of parabolas and lines must have a continuous slope, for Newton's method.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.curves import LABELS, convexity_evidence
from lossland.elements import LOSSES, Pair, find, is_traced, pair
from lossland.proofs import PROVEN, Budget, Evidence, enclosure
from lossland.proofs import Pieces as Cut
from lossland.solvers._admission import admitted, of_likelihood
from lossland.solvers._plq import MOST_PIECES, NODES, Curve, Pieces, Terms, curve_at, pieces_of, score_grid, terms_of


class Form(NamedTuple):
    """A convex loss of the score, ready to be minimised.

    Attributes:
        pair: the loss with its output activation, the identity unless a pair was given.
        terms: the parabolas and lines that it is made of, of the margin; None for a smooth loss.
        infimum: (2,), a lower bound of positives' and of negatives' losses, for the dual bound: the certain one that is
            next to the greatest, else a measured one, which `convexity` then says; -inf if there is none.
        curvature: the largest seen at scores within [-3, 3]; it sets the length of steps, and no bound rests on it.
        slopes: (2, 2), the least (first row) and the largest slope in the score of positives and of negatives.
        convexity: how it is known that the loss is convex: "proven", or what is only measured, and why.
    """

    pair: Pair
    terms: Terms | None
    infimum: np.ndarray
    curvature: float
    slopes: np.ndarray
    convexity: str = PROVEN


def convex_form(loss: Any) -> Form:
    """The form of a loss that `solve` can minimise.

    Args:
        loss: a name, a function or an entry of a margin or label loss, or a pair.

    Returns:
        The form.

    Raises:
        ValueError: if the loss is not convex in the score (a chord that refutes it is named), is one of a likelihood,
            or is neither piecewise quadratic nor once differentiable.

    Example:
        >>> convex_form("absolute").terms.low.tolist(), convex_form("logistic").terms
        ([[-1.0], [-1.0]], None)
    """
    if not isinstance(loss, Pair):
        entry = find(LOSSES, loss)
        if entry.kind == "likelihood":
            raise ValueError(of_likelihood(entry))
        loss = pair("identity", entry)
    if is_traced(loss.activation, loss.loss):
        raise ValueError(
            "A parameter of the loss is being traced by JAX (under jit, grad or vmap), and an exact solver works on "
            "numbers. Call it outside of the traced function, or take ll.differentiable_solve, whose parameters= are "
            "differentiated."
        )
    return _form(loss)


@functools.lru_cache(maxsize=256)
def _form(given: Pair) -> Form:
    held = convexity_evidence(given)
    curves = [curve_at(given, label, score_grid()) for label in LABELS]
    convexity = admitted(given, curves)
    if convexity == PROVEN and any(claims.infimum.status != PROVEN for claims in held.curves):
        convexity = f"{PROVEN}, but its greatest lower bound, on which the gap rests, is measured"
    infimum = np.array([_infimum(given, held, row, curve) for row, curve in enumerate(curves)])
    bend = max(float(np.max(curve.bend[np.abs(curve.at) < 3.0], initial=0.0)) for curve in curves)
    slopes = np.array([_slopes(held, row, curve, infimum[row]) for row, curve in enumerate(curves)]).T
    pieces = [_pieces(given, held, row, curve) for row, curve in enumerate(curves)]
    found = [part for part in pieces if part is not None]
    if len(found) == 2 and all(part.bend.size > 1 or part.bend[0] > 0 for part in found):
        return Form(given, terms_of(found), infimum, bend, slopes, convexity)
    if len(found) < 2:
        for row, curve in enumerate(curves):
            _refuse_kink(given, held, row, curve)
    return Form(given, None, infimum, bend, slopes, convexity)


def _infimum(given: Pair, held: Evidence, row: int, curve: Curve) -> float:
    """A lower bound of a curve, the greatest that is certain or else measured."""
    if held.curves and held.curves[row].infimum.status == PROVEN:
        return held.curves[row].infimum.enclosure[0]
    label = float(LABELS[row])
    with jax.enable_x64(True):
        ends = np.asarray(given(jnp.array([-np.inf, np.inf]), jnp.full(2, label)))
    limits = [float(v) for v in ends if not math.isnan(v)]
    for _ in range(3):
        place = int(np.argmin(curve.value))
        low, high = curve.at[max(place - 1, 0)], curve.at[min(place + 1, curve.at.size - 1)]
        curve = curve_at(given, label, np.linspace(low, high, NODES))
    return min([float(curve.value.min()), *limits])


def _slopes(held: Evidence, row: int, curve: Curve, infimum: float) -> np.ndarray:
    """The least and the largest slope in the score; certain where they are asked for: of a curve without a bound."""
    if held.curves and math.isinf(infimum):
        ends = enclosure(held.pieces[row], -math.inf, math.inf, 1, Budget())
        if all(map(math.isfinite, ends)):
            return np.array(ends)
    # A margin's slope is minus the score's for a negative.
    return np.sort(LABELS[row] * curve.slope[[0, -1]])


# --------------------------------------------------------------------------------------------------- lines, parabolas


def _pieces(given: Pair, held: Evidence, row: int, curve: Curve) -> Pieces | None:
    """The parabolas of a curve of the margin, from its program where that is read, else from its values."""
    if not _cut_is_sure(held, row):
        return pieces_of(given, curve, float(LABELS[row]))
    cut = held.pieces[row]
    if len(cut.parts) > MOST_PIECES:
        return None
    edges = np.array([-math.inf, *(b.at for b in cut.breaks), math.inf])
    inset = np.minimum(1.0, 0.5 * np.diff(edges))
    # Near 0 the slopes lose least.
    inside = np.clip(0.0, edges[:-1] + inset, edges[1:] - inset)
    value, slope, bend = cut.jets(inside)
    spans = zip(cut.parts, edges[:-1], edges[1:], bend, strict=True)
    if not (np.isfinite(value).all() and all(_is_parabola(Cut((), (part,), ()), *span) for part, *span in spans)):
        return None
    near = int(np.argmin(np.abs(inside)))
    jumps = np.array([b.jump if b.order == 1 else 0.0 for b in cut.breaks])
    way = slice(None) if LABELS[row] > 0 else slice(None, None, -1)
    sign = float(LABELS[row])
    # A negative's margin is minus its score.
    return Pieces(sign * edges[1:-1][way], jumps[way], bend[way], sign * inside[way],
                  sign * slope[way], sign * inside[near], float(value[near]))  # fmt: skip


def _is_parabola(part: Cut, low: float, high: float, bend: float) -> bool:
    """Whether one smooth part has this curvature all along, to 1e-12 of it."""
    least, most = enclosure(part, low, high, 2, Budget())
    return max(most - bend, bend - least) <= 1e-12 * bend


def _cut_is_sure(held: Evidence, row: int) -> bool:
    """Whether the breaks of a curve are known exactly, and all of them."""
    return bool(held.curves) and held.curves[row].kinks.status == PROVEN


# ------------------------------------------------------------------------------------------------------ smooth losses


def _refuse_kink(given: Pair, held: Evidence, row: int, curve: Curve) -> None:
    """Raise where the slope jumps: by its program, or where a jump outlives every zoom into the values."""
    if _cut_is_sure(held, row):
        # A wall, infinite on one side, is no kink.
        found = [b.at for b in held.pieces[row].breaks if b.order == 1]
        at = min(found, key=abs) if found else None
    else:
        at = _seen_kink(given, float(LABELS[row]), curve)
    if at is not None:
        raise ValueError(
            f"{given.name} has a kink at score {at:.6g} and is not made of parabolas and lines, of {MOST_PIECES} at "
            f"most; solve takes losses that are either smooth or made of those. Round the kink: "
            f"ll.smoothed(loss, gamma)."
        )


def _seen_kink(given: Pair, label: float, curve: Curve) -> float | None:
    """A score where the slope jumps: zoom into the cells whose ends explain it least."""
    near = np.abs(curve.at) < 50.0
    curve = Curve(*(row[near] for row in curve))
    for cell in np.argsort(-_unexplained(curve))[:8]:
        low, high = curve.at[cell], curve.at[cell + 1]
        for _ in range(4):
            part = curve_at(given, label, np.linspace(low, high, 256))
            jumps = _unexplained(part)
            place = int(np.argmax(jumps))
            if jumps[place] < 1e-6:
                break
            low, high = part.at[place], part.at[place + 1]
        else:
            return float(label * low)
    return None


def _unexplained(curve: Curve) -> np.ndarray:
    """How far each cell's slopes differ from what the curvature between them says, as a share."""
    h = np.diff(curve.at)
    off = np.abs(np.diff(curve.slope) - 0.5 * h * (curve.bend[:-1] + curve.bend[1:]))
    return off / (1e-3 + np.abs(curve.slope[:-1]) + np.abs(curve.slope[1:]))
