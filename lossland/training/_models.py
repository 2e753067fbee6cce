"""Models: pure `init` and `apply` that give scores; the output activation belongs to the pair, not to the model."""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from lossland.core import Key, Model, Params, guarded, placed
from lossland.elements import ACTIVATIONS, Activation, find
from lossland.training._sparse_inputs import is_bcoo


@guarded()
def linear(scale: float = 1.0) -> Model:
    r"""A single layer: :math:`z = w \cdot x + b`.

    Args:
        scale: initial weights are normal with standard deviation scale / sqrt(d), the bias 0; `scale=0` starts at 0.

    Returns:
        The model; its params are {"weights": (d,), "bias": ()}.

    Example:
        >>> import jax, lossland as ll
        >>> model = ll.linear()
        >>> params = model.init(jax.random.key(0), 3)
        >>> model.apply(params, jax.numpy.ones((5, 3))).shape
        (5,)
    """
    return _linear(scale)


@functools.lru_cache(maxsize=32)
def _linear(scale: float) -> Model:
    # Compiled programs are found by their model: equal models are one object. A model is made of functions of a module,
    # not of closures, so that it can be pickled.
    return Model(functools.partial(_linear_start, scale), affine, "linear", _weights)


def _linear_start(scale: float, key: Key, d: int) -> Params:
    _check_width(d)
    return {"weights": _times(scale / d**0.5, jax.random.normal(key, (d,))), "bias": placed(0.0, float)}


def _times(gain: Any, drawn: Array) -> Array:
    """The draws times a number; on the host where they are there, which compiles nothing."""
    host = not isinstance(drawn, Tracer) and isinstance(gain, float)
    return placed(gain * np.asarray(drawn)) if host else gain * drawn


def _weights(params: Params) -> Any:
    return params["weights"]


@guarded()
def mlp(widths: int | Sequence[int] = (16,), hidden: Any = "relu", scale: float = 1.0) -> Model:
    r"""A fully connected network: :math:`h_k = g(W_k h_{k-1} + b_k)`, and a linear score on top.

    Args:
        widths: the number of units in each hidden layer.
        hidden: their activation, by name, function or entry, as in `pair`.
        scale: initial weights are normal with standard deviation scale * sqrt(2 / fan-in), biases 0 (He et al. 2015).

    Returns:
        The model; its params are a list of {"weights": (fan_in, fan_out), "bias": (fan_out,)}, the last layer's
        {"weights": (fan_in,), "bias": ()}.

    Raises:
        ValueError: if a width is not positive or the activation is unknown.

    Example:
        >>> import jax, lossland as ll
        >>> model = ll.mlp((8, 4), hidden="tanh")
        >>> model.apply(model.init(jax.random.key(0), 3), jax.numpy.ones((5, 3))).shape
        (5,)
    """
    widths = (widths,) if isinstance(widths, int) else tuple(widths)
    for width in widths:
        _check_width(width)
    return _mlp(widths, find(ACTIVATIONS, hidden), scale)


@functools.lru_cache(maxsize=32)
def _mlp(widths: tuple[int, ...], bend: Activation, scale: float) -> Model:
    name = f"mlp({'-'.join(map(str, widths))}, {bend.name})"
    init = functools.partial(_mlp_start, widths, scale)
    return Model(init, functools.partial(_mlp_scores, bend), name, _weights_of_layers)


def _mlp_start(widths: tuple[int, ...], scale: float, key: Key, d: int) -> Params:
    _check_width(d)
    fans = (d, *widths)
    keys = jax.random.split(key, len(fans))
    shapes = [*itertools.pairwise(fans), (fans[-1],)]
    gains = [scale * (2.0 / shape[0]) ** 0.5 for shape in shapes]
    return [
        {"weights": _times(gain, jax.random.normal(k, shape)), "bias": placed(np.zeros(shape[1:]), float)}
        for k, gain, shape in zip(keys, gains, shapes, strict=True)
    ]


def _mlp_scores(bend: Activation, params: Params, inputs: Array) -> Array:
    for layer in params[:-1]:
        inputs = bend(affine(layer, inputs))
    return affine(params[-1], inputs)


def _weights_of_layers(params: Params) -> list[Any]:
    return [layer["weights"] for layer in params]


@guarded(m=1)
def random_features(
    kernel: Literal["rbf", "laplacian"] = "rbf", m: int = 256, *, width: float = 1.0, key: Key
) -> Model:
    r"""A linear model on m random Fourier features: :math:`z = w \cdot \sqrt{2/m} \cos(\Omega x + u) + b`.

    Inner products of the features approach the kernel exp(-|x - y|_2^2 / (2 width^2)) (rbf) or
    exp(-|x - y|_1 / width) (laplacian) as m grows.

    Args:
        kernel: which kernel.
        m: the number of features.
        width: the kernel's length scale, in units of the inputs.
        key: decides Omega and u, which stay fixed.

    Returns:
        The model; its params are {"weights": (m,), "bias": ()}, initially 0.

    Raises:
        ValueError: if the kernel is unknown, or m or width not positive.

    Example:
        >>> import jax, lossland as ll
        >>> model = ll.random_features("rbf", 64, key=jax.random.key(0))
        >>> model.apply(model.init(jax.random.key(1), 2), jax.numpy.ones((5, 2))).shape
        (5,)

    Source: Rahimi & Recht 2007.
    """
    apply = functools.partial(_scores_of_features, feature_map(kernel, m, width, key))
    return Model(functools.partial(_zero_start, m), apply, f"random_features({kernel}, {m})", _weights)


def _zero_start(m: int, key: Key, d: int) -> Params:
    _check_width(d)
    return {"weights": placed(np.zeros(m), float), "bias": placed(0.0, float)}


def _scores_of_features(features: Callable[[Array], Array], params: Params, inputs: Array) -> Array:
    return affine(params, features(inputs))


def feature_map(kernel: str, m: int, width: float, key: Key) -> Callable[[Array], Array]:
    r"""The map of `random_features`, :math:`\sqrt{2/m} \cos(\Omega x + u)`: inputs (..., d) to features (..., m)."""
    draws: dict[str, Callable[..., Array]] = {"rbf": jax.random.normal, "laplacian": jax.random.cauchy}
    if kernel not in draws:
        raise ValueError(f"No random features for kernel {kernel!r}; there are: {', '.join(draws)}.")
    _check_width(m)
    if not width > 0:
        raise ValueError(f"The kernel's width must be positive, not {width}.")
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    # A key's plain numbers can be pickled.
    numbers: Any = np.asarray(jax.random.key_data(key) if typed else key)
    drawn = functools.partial(jax.random.wrap_key_data, numbers, impl=str(jax.random.key_impl(key)) if typed else None)
    return functools.partial(_waves, draws[kernel], m, width, drawn)


def _waves(draw: Callable[..., Array], m: int, width: float, key: Callable[[], Key], inputs: Array) -> Array:
    """The features of `feature_map`."""
    for_frequencies, for_phases = jax.random.split(key())
    frequencies = draw(for_frequencies, (inputs.shape[-1], m), inputs.dtype) / width
    phases = jax.random.uniform(for_phases, (m,), inputs.dtype, 0.0, 2.0 * jnp.pi)
    waves = affine({"weights": frequencies, "bias": phases}, inputs)
    return (2.0 / m) ** 0.5 * jnp.cos(waves)


def affine(layer: Params, inputs: Array) -> Array:
    """The map of one layer: inputs (..., n, k), or sparse ones, to (..., n, units), or (..., n) of one unit."""
    if is_bcoo(inputs):
        product: Any = inputs @ layer["weights"]
    else:
        # GPUs would round float32 products to 10 bits by default; scores near a kink need them all.
        product = jnp.matmul(inputs, layer["weights"], precision=jax.lax.Precision.HIGHEST)
    bias = layer["bias"]
    return product + (bias if jnp.ndim(bias) == 0 else jnp.expand_dims(bias, range(product.ndim - 1)))


def _check_width(width: int) -> None:
    if width < 1:
        raise ValueError(f"A layer needs at least one unit, not {width}.")
