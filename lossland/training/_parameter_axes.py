"""Parameters of losses and activations that differ from model to model of a sweep: numbers on an axis of the grid."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from lossland.core import checked_reals
from lossland.elements import Pair, values_of, with_parameters


def check_parameters(pairs: Sequence[Pair], parameters: Mapping[str, Sequence[float]], thresholds: Sequence) -> None:
    """Refuse parameters that a pair does not have, and values that it does not take.

    Args:
        pairs: of the sweep.
        parameters: name -> values.
        thresholds: of the sweep; "best" is of one pair, not of many of its parameters.

    Raises:
        ValueError: naming the pair, the parameter and the value.
    """
    if parameters and "best" in thresholds:
        raise ValueError('thresholds="best" comes from one card a pair; with loss_parameters give scores.')
    for each in pairs:
        for name, values in parameters.items():
            for value in checked_reals(name, values).ravel():
                bound = with_parameters(each, {name: float(value)})
                # A family refuses values outside its range when it is evaluated.
                jax.eval_shape(bound.positive, jax.ShapeDtypeStruct((), jnp.result_type(float)))
                jax.eval_shape(bound.negative, jax.ShapeDtypeStruct((), jnp.result_type(float)))
            _refuse_structural(each, name)


def _refuse_structural(pair: Pair, name: str) -> None:
    """Refuse a parameter that decides the program itself, so that no program serves all its values."""

    def of_number(value: Array) -> Array:
        return with_parameters(pair, {name: value}).positive(0.5)

    try:
        jax.eval_shape(of_number, jax.ShapeDtypeStruct((), jnp.result_type(float)))
    except (ValueError, TypeError):
        # JAX's own errors are these, and so are the sentences that a pair makes of them.
        raise ValueError(
            f"{name} of {pair.name} decides its program and is no number on an axis: give one pair for each value, "
            f"ll.pair({pair.activation.name!r}, {pair.loss.name!r}, {name}=...)."
        ) from None


def parametrised_losses(
    pairs: Sequence[Pair], parameters: Mapping[str, Array], scores: Array, labels: Array
) -> tuple[Array, Array]:
    """Value and slope of every model's loss, its pair's parameters set to the model's.

    Args:
        pairs: one a stretch of models.
        parameters: name -> (pairs, width).
        scores: (pairs * width, n).
        labels: (n,).

    Returns:
        Values and slopes, (pairs * width, n).
    """
    each = scores.reshape(len(pairs), -1, scores.shape[1])
    found = [
        jax.vmap(lambda z, held, pair=pair: _along(pair, held, z, labels))(z, {k: v[i] for k, v in parameters.items()})
        for i, (pair, z) in enumerate(zip(pairs, each, strict=True))
    ]
    values, slopes = (jnp.concatenate(parts) for parts in zip(*found, strict=True))
    return values, slopes


def _along(pair: Pair, parameters: Mapping[str, Array], scores: Array, labels: Array) -> tuple[Array, Array]:
    bound = with_parameters(pair, parameters)
    return jax.jvp(lambda z: values_of(bound, z, labels), (scores,), (jnp.ones_like(scores),))


def with_own(pair: Pair, parameters: Mapping[str, Any]) -> Pair:
    """The pair of one model."""
    return with_parameters(pair, parameters) if parameters else pair
