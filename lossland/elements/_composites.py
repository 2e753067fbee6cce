"""Losses made of losses, as functions: each is compared, hashed and pickled by what it is made of."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.typing import ArrayLike

from lossland.elements._numerics import as_float
from lossland.elements._parameters import is_known
from lossland.elements._registry import Loss


@dataclass(frozen=True)
class Weighted:
    """A loss of output and label: `positive` times that of t = +1, `negative` times that of t = -1."""

    base: Loss
    positive: Any
    negative: Any

    def __call__(self, output: ArrayLike, label: Any) -> Array:
        """The weighted loss of each output."""
        output = as_float(output)
        if _is_one_number(label):
            # A label that is known: 1 - output stays a subtraction that `_replay.py` recognises.
            weight = self.positive if np.asarray(label) > 0 else self.negative
            return _nothing(output) if is_known(weight, 0.0) else weight * of_label(self.base, output, label)
        weight = jnp.where(jnp.asarray(label) > 0, self.positive, self.negative).astype(output.dtype)
        if not any(is_known(w, 0.0) for w in (self.positive, self.negative)):
            return weight * of_label(self.base, output, label)
        # A class that does not count is asked at an output where its loss is finite: 0 times inf is no number.
        low, high = self.base.domain
        harmless = 0.5 * (low + high) if np.isfinite(low) and np.isfinite(high) else max(low, min(high, 0.0))
        asked = jnp.where(weight == 0, harmless, output)
        return jnp.where(weight == 0, _nothing(output), weight * of_label(self.base, asked, label))


@dataclass(frozen=True)
class Scaled:
    """A loss times a number."""

    base: Loss
    by: Any

    def __call__(self, *arguments: ArrayLike) -> Array:
        """The scaled loss of each argument."""
        return self.by * self.base(*_floats(arguments))


@dataclass(frozen=True)
class Shifted:
    """A margin loss moved to the right."""

    base: Loss
    by: Any

    def __call__(self, margin: ArrayLike) -> Array:
        """The moved loss of each margin."""
        # Without a shift the margin stays what its neighbours belong to.
        return self.base(as_float(margin) if is_known(self.by, 0.0) else as_float(margin) - self.by)


@dataclass(frozen=True)
class Truncated:
    """A loss, at most a number; flat where it is capped."""

    base: Loss
    at: Any

    def __call__(self, *arguments: ArrayLike) -> Array:
        """The capped loss of each argument."""
        value = self.base(*_floats(arguments))
        return jnp.where(value >= self.at, jnp.full_like(value, self.at), value)


@dataclass(frozen=True)
class LabelSmoothed:
    """A margin or likelihood loss, of which the other label has a share."""

    base: Loss
    eps: Any

    def __call__(self, x: ArrayLike) -> Array:
        """The smoothed loss of each margin or likelihood."""
        x = as_float(x)
        if is_known(self.eps, 0.0):
            return self.base(x)
        other = -x if self.base.kind == "margin" else 1.0 - x
        return (1.0 - self.eps) * self.base(x) + self.eps * self.base(other)


@dataclass(frozen=True)
class Summed:
    """The sum of losses of one kind; or of output and label, if some of them are of those."""

    terms: tuple[Loss, ...]

    def __call__(self, *arguments: ArrayLike) -> Array:
        """The sum at each argument."""
        given = _floats(arguments)
        first, *others = [of_label(term, *given) if len(given) == 2 else term(*given) for term in self.terms]
        return sum(others, first)


def of_label(loss: Loss, output: ArrayLike, label: Any) -> Array:
    """A loss of any kind at an output and a label."""
    if loss.kind == "label":
        return loss(output, label)
    if loss.kind == "margin":
        return loss(label * as_float(output))
    if _is_one_number(label):
        return loss(output if np.asarray(label) > 0 else 1.0 - as_float(output))
    return loss(jnp.where(jnp.asarray(label) > 0, output, 1.0 - as_float(output)))


def _is_one_number(label: Any) -> bool:
    """Whether a label is one number that is known."""
    return not isinstance(label, Tracer) and np.ndim(label) == 0


def _floats(arguments: tuple[ArrayLike, ...]) -> tuple[Any, ...]:
    """The first argument as a floating-point array; a label stays what it is."""
    return as_float(arguments[0]), *arguments[1:]


def _nothing(output: Array) -> Array:
    """0 for every output that is a number."""
    return jnp.where(jnp.isnan(output), output, jnp.zeros_like(output))
