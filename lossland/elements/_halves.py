"""A pair taken apart: what its output hands over to its loss, and the loss of that.

Many pairs share an activation or a loss, so whoever evaluates many compiles each half once and puts them together by
the chain rule. `Pair` itself is the two halves one after the other, so both ways have the same digits.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.extend.core import Literal

from lossland.elements._branches import reverse_only
from lossland.elements._explained import explained, forward_refused
from lossland.elements._neighbours import neighbours
from lossland.elements._registry import Activation, Loss
from lossland.elements._replay import Output, Tracked, likelihood, log_near_one, margin, replay
from lossland.elements._traced import is_traced


class Handed(NamedTuple):
    """What an output hands over; its fields are shaped as the scores, or None where the output has no such neighbour.

    For a margin loss they are m = t * a, 1 - m and 1 + m; for a likelihood loss the likelihood q of the true class,
    1 - q, 1 + q, log q and log(1 - q); for a loss of output and label the same of the output itself.
    """

    value: Array
    complement: Array | None = None
    plus: Array | None = None
    log: Array | None = None
    log_complement: Array | None = None


def mirrored(activation: Activation, loss: Loss) -> bool:
    """Whether a negative's output at z is a positive's at -z, so that t * z is all the pair needs."""
    mirrors = {"margin": "odd", "likelihood": "complement"}.get(loss.kind)
    return mirrors is not None and activation.symmetry == mirrors


def output_half(activation: Activation, kind: str, mirror: bool, score: Array, label: Array) -> Handed:
    """What the activation hands over to a loss of this kind, from scores of float32 or float64.

    Args:
        activation: the output activation.
        kind: of the loss: "margin", "likelihood" or "label".
        mirror: whether the output is taken of t * z, as `mirrored` allows.
        score: z, any shape.
        label: -1 or +1, a shape that broadcasts to the scores'.
    """
    seen = label * score if mirror else score
    with explained(activation):
        given = neighbours(activation, seen)
        if given is None:
            one_mode = not is_traced(activation) and reverse_only(activation)
            given = Output(forward_refused(activation, seen) if one_mode else activation(seen))
    parts: Any = [None if part is None else _like(part, score) for part in given]
    output = Output(*parts)
    if kind == "label":
        return Handed(output.value, output.one_minus, output.one_plus, output.log, output.log_one_minus)
    side = jnp.ones((), score.dtype) if mirror else label
    tracked = margin(output, side) if kind == "margin" else likelihood(output, side)
    if not tracked.exact or tracked.log is None or tracked.log_complement is None:
        return Handed(tracked.value, tracked.complement, tracked.plus)
    return Handed(tracked.value, tracked.complement, tracked.plus, tracked.log(), tracked.log_complement())


def _like(part: Any, score: Array) -> Array:
    """What a user's function gave for each score, in their type; a constant counts for all."""
    return jnp.broadcast_to(jnp.asarray(part).astype(score.dtype), score.shape)


def loss_half(loss: Loss, handed: Handed, label: Array) -> Array:
    """The loss of what an output handed over, shaped as the scores; the label matters to losses of a label only."""
    with explained(loss):
        found = jnp.asarray(_loss_half(loss, handed, label))
    if found.shape not in ((), handed.value.shape):
        raise ValueError(
            f"{loss.name} gives values of shape {found.shape} for {handed.value.shape} arguments; a loss is a function "
            "of one number, applied to each."
        )
    return _like(found, handed.value)


def _loss_half(loss: Loss, handed: Handed, label: Array) -> Array:
    value, complement, plus, log, log_complement = handed
    if loss.kind == "label":
        output, ones = Output(*handed), jnp.ones_like(value)
        # A label of +-1 known while tracing lets the loss's own arithmetic keep the neighbours; as a number of NumPy
        # it has a dtype and a shape for losses that ask.
        labels = (value.dtype.type(t) for t in (1.0, -1.0))
        both = [replay(lambda a, t=t: loss(a, t), likelihood(output, ones)) for t in labels]
        return jnp.where(label > 0, *both)
    assert complement is not None
    if loss.kind == "margin":
        return replay(loss, Tracked(value, complement, plus))
    if log is not None and log_complement is not None:
        return replay(loss, Tracked(value, complement, plus, lambda: log, lambda: log_complement, exact=True))
    logs = (lambda: log_near_one(value, complement)), (lambda: log_near_one(complement, value))
    return replay(loss, Tracked(value, complement, plus, *logs))


def handed_fields(activation: Activation, kind: str, mirror: bool, dtype: str) -> tuple[bool, ...]:
    """Which fields of `Handed` this activation fills for losses of a kind."""
    one = jax.ShapeDtypeStruct((1, 1), dtype)
    held = jax.eval_shape(functools.partial(output_half, activation, kind, mirror), one, one)
    return tuple(field is not None for field in held)


def read_fields(loss: Loss, filled: tuple[bool, ...], dtype: str, shape: tuple[int, ...] = (1, 1)) -> tuple[bool, ...]:
    """Which of the filled fields a loss's value or slope depends on, read from its program; at least one."""
    one: Any = jax.ShapeDtypeStruct(shape, dtype)
    fields: Any = [one if there else None for there in filled]
    handed = Handed(*fields)

    def both(handed: Handed, moved: Handed, label: Array) -> Any:
        return jax.jvp(lambda h: loss_half(loss, h, label), (handed,), (moved,))

    jaxpr = jax.make_jaxpr(both)(handed, handed, one).jaxpr
    live = {atom for atom in jaxpr.outvars if not isinstance(atom, Literal)}
    for equation in reversed(jaxpr.eqns):
        if not live.isdisjoint(equation.outvars):
            live.update(atom for atom in equation.invars if not isinstance(atom, Literal))
    count = sum(filled)
    values, slopes = jaxpr.invars[:count], jaxpr.invars[count : 2 * count]
    read = iter([a in live or b in live for a, b in zip(values, slopes, strict=True)])
    found = tuple(there and next(read) for there in filled)
    return found if any(found) else (True, *found[1:])
