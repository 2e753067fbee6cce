"""Combinators: a loss in, a new loss out, ready for `pair`."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.core import Tracer
from jax.typing import ArrayLike

from lossland.elements._catalogue import LOSSES
from lossland.elements._lookup import find
from lossland.elements._numerics import as_float
from lossland.elements._registry import Loss


def weighted(loss: Any, positive: float = 1.0, negative: float = 1.0) -> Loss:
    r"""Weigh the two classes: :math:`c_t \, \ell`, with :math:`c_{+1}` = positive and :math:`c_{-1}` = negative.

    Args:
        loss: by name, function or entry.
        positive: the weight of t = +1, > 0.
        negative: the weight of t = -1, > 0.

    Returns:
        A loss of (output, label).

    Raises:
        ValueError: if a weight is not positive.

    Example:
        >>> import lossland as ll
        >>> costly = ll.pair("identity", ll.weighted("hinge", positive=5.0))
        >>> float(costly.positive(0.0)), float(costly.negative(0.0))
        (5.0, 1.0)
    """
    base = _find(loss)
    if not all(_holds(weight, lambda w: w > 0) for weight in (positive, negative)):
        raise ValueError(f"Class weights must be positive, not {positive} and {negative}.")

    def by_label(output: ArrayLike, label: ArrayLike) -> Array:
        weight = jnp.where(jnp.asarray(label) > 0, positive, negative)
        if base.kind == "label":
            return weight * base(output, label)
        if base.kind == "margin":
            return weight * base(label * as_float(output))
        if isinstance(label, float):
            # A pair gives its labels as numbers: then 1 - output stays a subtraction that `_replay.py` recognises.
            return weight * base(output if label > 0 else 1.0 - as_float(output))
        return weight * base(jnp.where(jnp.asarray(label) > 0, output, 1.0 - as_float(output)))

    name = f"weighted({base.name}, {_told(positive)}, {_told(negative)})"
    return replace(_derived(base, name, by_label), kind="label", convex=base.claim("convex"))


def scaled(loss: Any, by: float) -> Loss:
    r"""Multiply a loss: :math:`c \, \phi(m)`; 1 / log 2 makes the logistic loss meet the hinge at m = 0.

    Args:
        loss: by name, function or entry.
        by: c > 0.

    Returns:
        A loss of the same kind.

    Raises:
        ValueError: if `by` is not positive.

    Example:
        >>> import math, lossland as ll
        >>> float(ll.scaled("logistic", 1 / math.log(2))(0.0))
        1.0
    """
    base = _find(loss)
    if not _holds(by, lambda x: x > 0):
        raise ValueError(f"A loss is scaled by a positive number, not {by}.")
    made = _derived(base, f"scaled({base.name}, {_told(by)})", lambda *arguments: by * base(*arguments))
    kept = ("convex", "decreasing", "kinks", "tail")
    return replace(made, **{claim: base.claim(claim) for claim in kept})


def shifted(loss: Any, by: float) -> Loss:
    r"""Move a margin loss to the right: :math:`\phi(m - s)`; the perceptron's moved by 1 is the hinge.

    Args:
        loss: a margin loss, by name, function or entry.
        by: s.

    Returns:
        A margin loss.

    Raises:
        ValueError: if the loss is not one of a margin.

    Example:
        >>> import lossland as ll
        >>> float(ll.shifted("perceptron", 1.0)(0.25))
        0.75
    """
    base = _margin_only(loss, "shifted")
    kinks = base.claim("kinks")
    return replace(
        _derived(base, f"shifted({base.name}, {_told(by)})", lambda margin: base(as_float(margin) - by)),
        convex=base.claim("convex"),
        decreasing=base.claim("decreasing"),
        kinks=None if kinks is None else tuple(kink + by for kink in kinks),
        tail=base.claim("tail"),
    )


def truncated(loss: Any, at: float) -> Loss:
    r"""Cap a loss: :math:`\min(\phi, c)`; the hinge capped at 1 is the ramp.

    Args:
        loss: by name, function or entry.
        at: c.

    Returns:
        A loss of the same kind; its slope at the cap is the flat one, 0.

    Example:
        >>> import lossland as ll
        >>> float(ll.truncated("hinge", 1.0)(-5.0))
        1.0
    """
    base = _find(loss)

    def capped(*arguments: Any) -> Array:
        value = base(*arguments)
        return jnp.where(value >= at, jnp.full_like(value, at), value)

    return replace(_derived(base, f"truncated({base.name}, {_told(at)})", capped), decreasing=base.claim("decreasing"))


def label_smoothed(loss: Any, eps: float = 0.1) -> Loss:
    r"""Give the other label a share: :math:`(1 - \varepsilon) \phi(m) + \varepsilon \phi(-m)`.

    For a likelihood loss the other label's is the loss of 1 - q.

    Args:
        loss: a margin or likelihood loss, by name, function or entry.
        eps: the share, in [0, 1/2]; half the strength of Szegedy et al. (2016) for two classes.

    Returns:
        A loss of the same kind.

    Raises:
        ValueError: if eps is out of range or the loss is of an output and a label.

    Example:
        >>> import lossland as ll
        >>> f'{ll.label_smoothed("hinge", 0.1)(2.0):.2f}'
        '0.30'
    """
    base = _find(loss)
    if not _holds(eps, lambda x: 0 <= x <= 0.5):
        raise ValueError(f"The share of the other label lies in [0, 1/2], not {eps}.")
    if base.kind == "label":
        raise ValueError(f"{base.name} is a loss of output and label; smooth a margin or likelihood loss.")

    def smooth(x: ArrayLike) -> Array:
        x = as_float(x)
        return (1.0 - eps) * base(x) + eps * base(-x if base.kind == "margin" else 1.0 - x)

    return replace(_derived(base, f"label_smoothed({base.name}, {_told(eps)})", smooth), convex=base.claim("convex"))


def smoothed(loss: Any, gamma: float = 1.0) -> Loss:
    r"""The Moreau envelope of a convex margin loss: :math:`\min_u \phi(u) + (m - u)^2 / (2 \gamma)`.

    Of the hinge it is `smooth_hinge(gamma)`. The minimiser is found by bisection, its slope by the envelope theorem.

    Args:
        loss: a convex margin loss, by name, function or entry.
        gamma: the width, > 0; the slope becomes 1/gamma-Lipschitz.

    Returns:
        A margin loss.

    Raises:
        ValueError: if the loss is not one of a margin, claims not to be convex, or gamma is not positive.

    Example:
        >>> import lossland as ll
        >>> float(ll.smoothed("hinge", 1.0)(0.5)), float(ll.losses.smooth_hinge(0.5))
        (0.125, 0.125)

    Source: Moreau 1965; Beck & Teboulle 2012.
    """
    base = _margin_only(loss, "smoothed")
    if not _holds(gamma, lambda x: x > 0):
        raise ValueError(f"The width of the smoothing must be positive, not {gamma}.")
    if base.claim("convex") is False:
        raise ValueError(f"{base.name} is not convex: its envelope has jumps in slope. Smooth a convex loss.")
    made = _derived(
        base,
        f"smoothed({base.name}, {_told(gamma)})",
        functools.partial(_envelope, base, gamma if isinstance(gamma, Tracer) else float(gamma)),
    )
    return replace(made, convex=base.claim("convex"), decreasing=base.claim("decreasing"), kinks=())


def _find(loss: Any) -> Loss:
    return find(LOSSES, loss)


def _margin_only(loss: Any, what: str) -> Loss:
    base = _find(loss)
    if base.kind != "margin":
        raise ValueError(f"{base.name} is not a margin loss; only those can be {what}.")
    return base


def _holds(number: Any, condition: Callable[[Any], bool]) -> bool:
    """Whether a number is as it must be; one that is being traced is taken at its word."""
    return isinstance(number, Tracer) or condition(number)


def _told(number: Any) -> str:
    return "traced" if isinstance(number, Tracer) else f"{number:g}"


def _derived(base: Loss, name: str, function: Callable[..., Array]) -> Loss:
    """An unregistered loss made from another; it claims nothing until told."""
    place = f"{name} of {base.place}"
    return Loss(name=name, function=function, source=base.source, place=place, kind=base.kind, domain=base.domain)


# ------------------------------------------------------------------------------------------------------ Moreau envelope


def _slope(base: Loss, margin: Array) -> Array:
    return jax.jvp(base, (margin,), (jnp.ones_like(margin),))[1]


def _proximal(base: Loss, gamma: float, margin: Array) -> Array:
    """The u with u + gamma phi'(u) = m; phi' is nondecreasing, so bisection finds it, on a kink as elsewhere."""

    def excess(u: Array) -> Array:
        return u - margin + gamma * _slope(base, u)

    def widen(_: int, reach: Array) -> Array:
        enclosed = (excess(margin - reach) <= 0) & (excess(margin + reach) >= 0)
        return jnp.where(enclosed, reach, 2.0 * reach)

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = 0.5 * (ends[0] + ends[1])
        above = excess(middle) > 0
        return jnp.where(above, ends[0], middle), jnp.where(above, middle, ends[1])

    reach = jax.lax.fori_loop(0, 60, widen, gamma * jnp.ones_like(margin))
    low, high = jax.lax.fori_loop(0, 110, halve, (margin - reach, margin + reach))
    return 0.5 * (low + high)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _envelope(base: Loss, gamma: float, margin: ArrayLike) -> Array:
    margin = as_float(margin)
    slope = _envelope_slope(base, gamma, margin)
    # At infinity the envelope is as high as the loss; what is halfway there is inf - inf.
    return jnp.where(jnp.isinf(margin), base(margin), base(margin - gamma * slope) + 0.5 * gamma * slope * slope)


@_envelope.defjvp
def _envelope_rule(base: Loss, gamma: float, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    margin = as_float(primals[0])
    return _envelope(base, gamma, margin), _envelope_slope(base, gamma, margin) * tangents[0]


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _envelope_slope(base: Loss, gamma: float, margin: Array) -> Array:
    point, below, above = _around(base, gamma, margin)
    # (m - u) / gamma is exact on a kink, but rounds badly where phi is flat: the slopes beside u bound it.
    return jnp.clip((margin - point) / gamma, below, above)


@_envelope_slope.defjvp
def _envelope_slope_rule(base: Loss, gamma: float, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    (margin,) = primals
    point, below, above = _around(base, gamma, margin)
    bend = jax.jvp(functools.partial(_slope, base), (point,), (jnp.ones_like(point),))[1]
    on_kink = above - below > 1e-3 * (1.0 + jnp.abs(below))
    curvature = jnp.where(on_kink, 1.0 / gamma, bend / (1.0 + gamma * bend))
    return _envelope_slope(base, gamma, margin), curvature * tangents[0]


def _around(base: Loss, gamma: float, margin: Array) -> tuple[Array, Array, Array]:
    """The minimiser u and the slopes of phi just left and right of it."""
    point = _proximal(base, gamma, margin)
    near = 4.0 * jnp.finfo(margin.dtype).eps * (1.0 + jnp.abs(point))
    return point, _slope(base, point - near), _slope(base, point + near)
