"""Pairs: a loss of an output activation, as a function of the score and the label.

A pair is where the two meet, so it is where digits would be lost: it evaluates every loss on the output together with
its neighbours (`_replay.py`), works in at least float32, and gives slope and curvature their limits at infinity.
"""

import functools
import html
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.custom_derivatives import SymbolicZero
from jax.extend.core import jaxpr_as_fun
from jax.typing import ArrayLike

from lossland.core import picture_html, plotted, shown
from lossland.elements._bounded import is_bounded
from lossland.elements._catalogue import ACTIVATIONS, LOSSES
from lossland.elements._debugging import as_one
from lossland.elements._explained import explained
from lossland.elements._halves import loss_half, mirrored, output_half
from lossland.elements._lookup import find
from lossland.elements._numerics import as_float
from lossland.elements._registry import REALS, Activation, Loss
from lossland.elements._traced import is_traced


@dataclass(frozen=True)
class Pair:
    """An output activation and a loss; call it with scores and labels.

    Attributes:
        activation: the entry of the output activation.
        loss: the entry of the loss.

    Example:
        >>> import lossland as ll
        >>> p = ll.pair("relu", "hinge")
        >>> p(0.5, -1.0).item(), p.positive(0.5).item(), p.negative(0.5).item()
        (1.5, 0.5, 1.5)
        >>> p.slope(0.5, 1.0).item(), p.curvature(0.5, 1.0).item(), p.output(-3.0).item()
        (-1.0, 0.0, 0.0)
    """

    activation: Activation
    loss: Loss

    @property
    def name(self) -> str:
        """The pair's name, "activation+loss"."""
        return f"{self.activation.name}+{self.loss.name}"

    def __call__(self, score: ArrayLike, label: ArrayLike) -> Array:
        """The loss of each score.

        Args:
            score: z, any shape.
            label: t in {-1, +1}, the same shape or a scalar.

        Returns:
            The loss, the shape of `score`, in its dtype.

        Raises:
            ValueError: if the shapes differ or a label is neither -1 nor +1. Within a traced function, where labels
                cannot be looked at, such a label gives NaN.
        """
        return values_of(self, *_checked(self, score, label))

    def positive(self, score: ArrayLike) -> Array:
        """The loss of a positive example (t = +1) at each score."""
        return self(score, 1.0)

    def negative(self, score: ArrayLike) -> Array:
        """The loss of a negative example (t = -1) at each score."""
        return self(score, -1.0)

    def slope(self, score: ArrayLike, label: ArrayLike) -> Array:
        """The derivative of the loss in the score, shaped as `score`."""
        checked = _checked(self, score, label)
        return _derivative(self, 1, *checked) if is_traced(self.activation, self.loss) else _slope(self, *checked)

    def bare(self, score: ArrayLike, label: ArrayLike) -> tuple[Array, Array]:
        """Value and slope without the limits at infinity, each shaped as `score`: half the work of `slope`.

        For finite scores they are what the pair and `slope` give, except that a slope may be NaN where the output
        overflows or does not move; check for NaN and take `slope` there.
        """
        score, label = _checked(self, score, label)
        value, slope = as_one(lambda z, t: _along(lambda x: _raw(self, x, t), z))(_wide(score), _wide(label))
        return value.astype(score.dtype), slope.astype(score.dtype)

    def curvature(self, score: ArrayLike, label: ArrayLike) -> Array:
        """The second derivative of the loss in the score, shaped as `score`."""
        return _curvature(self, *_checked(self, score, label))

    def jet(self, score: ArrayLike, label: ArrayLike) -> tuple[Array, Array, Array]:
        """Value, slope and curvature together, each shaped as `score`: about half the work of three calls."""
        score, label = _checked(self, score, label)
        return values_of(self, score, label), *_derivatives(self, score, label)

    def output(self, score: ArrayLike) -> Array:
        """The output a = g(z), shaped as `score`."""
        with explained(self.activation):
            return as_one(self.activation)(as_float(score))

    plot = plotted

    def _repr_html_(self) -> str:
        """Its name and the curves of both classes, for a notebook."""
        return f"<code>{html.escape(repr(self))}</code>{picture_html(self)}"

    def __repr__(self) -> str:
        """The call that makes this pair."""
        return f"pair({self.activation.name!r}, {self.loss.name!r})"


def pair(activation: Any, loss: Any = None, **parameters: Any) -> Pair:
    r"""Compose an output activation with a loss: :math:`(z, t) \mapsto \ell(g(z), t)`.

    Args:
        activation: a registered name ("relu"), a name with parameters ("relu(tie=0.5)"), a registered function or a
            `functools.partial` of one, an entry, or "path/to/file.py:name". Also a whole pair's name, "relu+hinge".
        loss: the same for a loss.
        **parameters: of the activation or of the loss, whichever has one of that name. A number that is being traced
            stays one, so that derivatives, `vmap` and `fit` reach it.

    Returns:
        The pair; it is callable as `pair(score, label)`, elementwise.

    Raises:
        ValueError: if a name is unknown, the activation's outputs leave the loss's domain, or neither half or both
            have a parameter.

    Example:
        >>> import jax, lossland as ll
        >>> relu_hinge = ll.pair("relu", "hinge")
        >>> relu_hinge.name, float(relu_hinge(-2.0, 1.0)), float(relu_hinge.negative(0.5))
        ('relu+hinge', 1.0, 1.5)
        >>> f"{jax.grad(lambda g: ll.pair('sigmoid', 'focal', gamma=g)(0.3, 1.0))(2.0):.5f}"
        '-0.08577'
    """
    if parameters:
        return with_parameters(pair(activation, loss), parameters)
    if isinstance(activation, Pair) and loss is None:
        return activation
    if loss is None:
        parts = halves(activation) if isinstance(activation, str) else None
        if parts is None:
            raise ValueError(
                f"A pair is an activation and a loss, or a name such as 'relu+hinge'; got {shown(activation)}."
                f"{_other_half(activation)}"
            )
        activation, loss = parts
    made = Pair(find(ACTIVATIONS, activation), find(LOSSES, loss))
    reason = refusal(made)
    if reason:
        raise ValueError(reason)
    return made


def _other_half(name: Any) -> str:
    """What lacks of a pair of which one half's name was given; empty for what names neither."""
    base = name.partition("(")[0].strip() if isinstance(name, str) else ""
    if base in LOSSES:
        output = "sigmoid" if LOSSES[base].kind == "likelihood" else "identity"
        return (
            f" {base} is a loss; on a {'linear output' if output == 'identity' else 'sigmoid'} it is '{output}+{name}'."
        )
    return f" {base} is an activation; with a loss it is '{name}+hinge', say." if base in ACTIVATIONS else ""


def with_parameters(pair: Pair, parameters: Mapping[str, Any]) -> Pair:
    """The pair with parameters set in the half that has one of that name.

    Raises:
        ValueError: if neither half has such a parameter, or both have.
    """
    bound = [dict[str, Any](), dict[str, Any]()]
    for name, value in parameters.items():
        having = [k for k, half in enumerate((pair.activation, pair.loss)) if name in half.settings()]
        if not having:
            has = ", ".join((*pair.activation.settings(), *pair.loss.settings())) or "none"
            raise ValueError(f"{pair.name} has no parameter {name}; its parameters: {has}.")
        if len(having) == 2:
            raise ValueError(
                f"Both {pair.activation.name} and {pair.loss.name} have a parameter {name}; say which is meant: "
                f"pair('{pair.activation.name}({name}=...)', '{pair.loss.name}')."
            )
        bound[having[0]][name] = value
    activation = pair.activation.bind(**bound[0]) if bound[0] else pair.activation
    made = Pair(activation, pair.loss.bind(**bound[1]) if bound[1] else pair.loss)
    reason = refusal(made)
    if reason:
        raise ValueError(reason)
    return made


def halves(name: str) -> tuple[str, str] | None:
    """The two names in "relu(tie=0.5)+hinge"; None if it has no + outside brackets."""
    found = re.fullmatch(r"([^()+]+(?:\([^()]*\))?)\+([^()+]+(?:\([^()]*\))?)", name)
    return (found[1], found[2]) if found else None


def pairs() -> tuple[Pair, ...]:
    """Every admissible pair of a registered activation and a registered loss, yours included.

    Returns:
        The pairs, activations in order of registration, and losses in that order within each.

    Example:
        >>> import lossland as ll
        >>> {"relu+hinge", "sigmoid+cross_entropy"} <= {p.name for p in ll.pairs()}
        True
    """
    every = (Pair(a, loss) for a in ACTIVATIONS.values() for loss in LOSSES.values())
    return tuple(p for p in every if _admissible(p))


def refusal(pair: Pair) -> str:
    """Why a pair is not admissible, with the nearest admissible ones; empty if it is.

    A pair is admissible when the activation's range lies in the loss's domain: all reals for a margin, [0, 1] for a
    likelihood.
    """
    if _admissible(pair):
        return ""
    held = pair.activation.claim("range")
    if held is None:
        where = f"{pair.activation.name} claims no range (state it: @activation(range=(low, high)))"
    else:
        where = f"{pair.activation.name} gives outputs in {_interval(held)}"
    takes = "a likelihood" if pair.loss.kind == "likelihood" else "an output"
    fitting = [a.name for a in ACTIVATIONS.values() if _admissible(Pair(a, pair.loss))][:3]
    other = [loss.name for loss in LOSSES.values() if loss.domain == REALS][:3]
    return (
        f"{pair.name} is not admissible: {where}, but {pair.loss.name} takes {takes} in {_interval(pair.loss.domain)}. "
        f"Nearest pairs that are: {', '.join(f'{name}+{pair.loss.name}' for name in fitting)}; "
        f"{', '.join(f'{pair.activation.name}+{name}' for name in other)}."
    )


def _admissible(pair: Pair) -> bool:
    low, high = pair.loss.domain
    held = pair.activation.claim("range")
    return (low, high) == REALS or (held is not None and low <= held[0] and held[1] <= high)


def _interval(bounds: tuple[float, float]) -> str:
    left = "(-inf" if bounds[0] == -math.inf else f"[{bounds[0]:g}"
    return f"{left}, inf)" if bounds[1] == math.inf else f"{left}, {bounds[1]:g}]"


def _checked(pair: Pair, score: ArrayLike, label: ArrayLike) -> tuple[Array, Array]:
    score = as_float(score)
    shape = jnp.shape(label)
    if shape not in ((), score.shape):
        raise ValueError(
            f"{pair.name}: scores of shape {score.shape} and labels of shape {shape} do not match; "
            f"give one label per score, say labels.reshape(scores.shape)."
        )
    if not isinstance(label, Tracer):
        held = np.asarray(label)
        wrong = held[(held != 1) & (held != -1)]
        if wrong.size:
            raise ValueError(
                f"{pair.name}: labels are -1 or +1, but {wrong.size} of {held.size} are not, the first {wrong[0]!s}. "
                f"lossland.Dataset converts other encodings; 2 * y - 1 maps 0/1."
            )
        return score, jnp.asarray(label, score.dtype)
    # A label that is being traced cannot be looked at: one that is neither -1 nor +1 makes NaN of its example.
    label = jnp.asarray(label, score.dtype)
    return _for_label(score, label), label


@jax.custom_jvp
def _for_label(score: Array, label: Array) -> Array:
    """The score, NaN where the label is neither -1 nor +1; a derivative in the label is NaN, as there is none."""
    return jnp.where(jnp.abs(label) == 1, score, jnp.nan)


@functools.partial(_for_label.defjvp, symbolic_zeros=True)
def _for_label_rule(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    moved, flipped = tangents
    out = _for_label(*primals)
    along = jnp.zeros_like(out) if isinstance(moved, SymbolicZero) else moved
    return out, along if isinstance(flipped, SymbolicZero) else along + jnp.nan * flipped


# -------------------------------------------------------------------------------------------- value, slope, curvature


def _wide(x: Array) -> Array:
    return x.astype(jnp.float32) if x.dtype.itemsize < 4 else x


def _raw(pair: Pair, score: Array, label: Array) -> Array:
    """The stable composition, for a score of float32 or float64."""
    handed = output_half(pair.activation, pair.loss.kind, mirrored(pair.activation, pair.loss), score, label)
    return loss_half(pair.loss, handed, label)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _value(pair: Pair, score: Array, label: Array) -> Array:
    return as_one(functools.partial(_direct, pair))(score, label)


def _direct(pair: Pair, score: Array, label: Array) -> Array:
    """The loss, without a rule for its derivative."""
    # Besides keeping NaN, the choice ends the elementwise program: XLA's CPU backend would otherwise hand its
    # polynomials to the library that sums them, which writes out an array for every constant (ten times slower).
    wide = _wide(score)
    return jnp.where(jnp.isnan(wide), wide, _raw(pair, wide, _wide(label))).astype(score.dtype)


@_value.defjvp
def _value_rule(pair: Pair, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    return _value(pair, *primals), _slope(pair, *primals) * tangents[0]


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _slope(pair: Pair, score: Array, label: Array) -> Array:
    return _derivative(pair, 1, score, label)


@_slope.defjvp
def _slope_rule(pair: Pair, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    return _slope(pair, *primals), _curvature(pair, *primals) * tangents[0]


def _curvature(pair: Pair, score: Array, label: Array) -> Array:
    return _derivative(pair, 2, score, label)


def _derivative(pair: Pair, order: int, score: Array, label: Array) -> Array:
    """The first or second derivative in the score."""
    if order == 2:
        return _derivatives(pair, score, label)[1]

    def form(score: Array, label: Array) -> Array:
        return _along(lambda z: _raw(pair, z, label), score)[1]

    def first(score: Array, label: Array) -> Array:
        wide, sign = _wide(score), _wide(label)
        if isinstance(score, Tracer):
            program = jax.make_jaxpr(form)(wide, sign)
            if is_bounded(program):
                (slope,) = jaxpr_as_fun(program)(wide, sign)
                return jnp.where(jnp.isnan(wide), wide, slope).astype(score.dtype)
        finite = _finite(score)
        return _settled(pair, form(finite, sign), finite, score)

    return as_one(first)(score, label)


def _derivatives(pair: Pair, score: Array, label: Array) -> tuple[Array, Array]:
    """The first and second derivative in the score."""

    def both(score: Array, label: Array) -> tuple[Array, Array]:
        finite = _finite(score)
        held = _along(lambda z: _along(lambda x: _raw(pair, x, _wide(label)), z)[1], finite)
        return _settled(pair, held[0], finite, score), _settled(pair, held[1], finite, score)

    return as_one(both)(score, label)


def _finite(score: Array) -> Array:
    return within_reach(_wide(score))


def within_reach(score: Array) -> Array:
    """The score, of float32 or float64, with infinite ones replaced by large ones at which slopes have their limits."""
    # At z = +-inf the chain rule multiplies 0 by inf; at a large score whose square is finite it has the limit.
    return jnp.where(jnp.isinf(score), jnp.sign(score) * (1e18 if score.dtype == jnp.float32 else 1e150), score)


def _along(f: Any, z: Array) -> tuple[Array, Array]:
    return jax.jvp(f, (z,), (jnp.ones_like(z),))


def _settled(pair: Pair, result: Array, finite: Array, score: Array) -> Array:
    """A derivative with its limits where autodiff meets inf * 0, in the score's dtype."""
    return settled(result, *_along(pair.activation, finite), _wide(score)).astype(score.dtype)


def settled(result: Array, output: Array, output_slope: Array, score: Array) -> Array:
    """A derivative with its limits where autodiff meets inf * 0, from output and slope at `within_reach(score)`."""
    overflowed = jnp.isinf(score) | jnp.isinf(output)
    result = jnp.where(overflowed & (jnp.abs(result) > 1e15), jnp.copysign(jnp.inf, result), result)
    # Where the output does not move, neither does the loss, even one that is infinite there; and where the output
    # has overflowed, the slope of a loss that has died out is 0, whatever it is multiplied by.
    result = jnp.where(jnp.isnan(result) & ((output_slope == 0.0) | jnp.isinf(output)), 0.0, result)
    return jnp.where(jnp.isnan(score), score, result)


def values_of(pair: Pair, scores: Array, labels: Array) -> Array:
    """The losses at scores, for labels that are known to be -1 or +1 although they may be traced."""
    if not is_traced(pair.activation, pair.loss):
        return _value(pair, scores, labels)
    # A rule for derivatives must not see what is traced outside of it: these come from the program itself.
    return as_one(functools.partial(_direct, pair))(scores, labels)


TIES = (0.0, 0.5, 1.0)


def with_tie(pair: Pair, tie: float) -> Pair:
    """The pair with `tie` set in whichever of its halves takes one."""
    activation, loss = pair.activation, pair.loss
    activation = activation.bind(tie=tie) if "tie" in activation.settings() else activation
    return Pair(activation, loss.bind(tie=tie) if "tie" in loss.settings() else loss)


def unsound(scores: Array, slopes: Array) -> Array:
    """Which models have a slope that is not a number at a finite score, (models,)."""
    return jnp.any(jnp.isnan(slopes) & jnp.isfinite(scores), axis=1)
