"""What several wings check or fill in before they compute: the penalty, weights of examples, a column for the bias."""

import os
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from lossland.core._given import checked_number, checked_reals, shown


def with_ones(inputs: Any, bias: bool = True) -> np.ndarray:
    """The inputs (n, d) with a column of ones behind them, the bias's input, if there is a bias.

    Example:
        >>> with_ones(np.array([[2.0], [3.0]]))
        array([[2., 1.],
               [3., 1.]])
    """
    rows = np.asarray(inputs, float)
    return np.column_stack([rows, np.ones(len(rows))]) if bias else rows


def checked_l2(l2: float) -> float:
    """The strength of a penalty, refused if it is negative or not finite."""
    if not (np.isfinite(checked_number("l2", l2)) and l2 >= 0):
        raise ValueError(f"l2 must be finite and not negative, not {l2}.")
    return l2


def shaped_weights(n: int, given: Any, batched: bool = False) -> Any:
    """The weights of n examples as float64, ones where none are given; (n,), or (..., n) if `batched`.

    Weights that are being traced stay so, in their own precision.

    Raises:
        ValueError: if their shape is another.
    """
    traced = isinstance(given, Tracer)
    weights = (
        np.ones(n) if given is None else jnp.asarray(given, float) if traced else checked_reals("sample_weights", given)
    )
    if weights.shape[-1:] != (n,) or (weights.ndim > 1 and not batched):
        shapes = f"({n},) or (..., {n})" if batched else f"({n},)"
        raise ValueError(f"sample_weights have shape {weights.shape}; {n} examples need shape {shapes}.")
    return weights


def checked_weights(weights: Any) -> Any:
    """The weights (..., n), refused if one is negative or not finite; traced ones are taken at their word."""
    if isinstance(weights, Tracer):
        return weights
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"Weights must be finite and not negative; example {place[-1]} has {weights[place]}.")
    return weights


def cores() -> int:
    """The cores that this process may use.

    Example:
        >>> cores() > 0
        True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def checked_devices(devices: Sequence[Any] | None) -> tuple[Any, ...]:
    """The devices of JAX that were named, none if none were."""
    held = () if devices is None else tuple(devices)
    for each in held:
        if not isinstance(each, jax.Device):
            raise ValueError(f"devices are those of jax.devices(); {shown(each)} is none.")
    return held
