"""The glossary: the words and shapes that every module uses.

label t in {-1, +1}, shape (n,); inputs (n, d); score z = model.apply(params, inputs), (n,); output a = activation(z);
margin m = t * a; likelihood q, a if t = +1 and 1 - a if t = -1. Means are taken in `objectives` only, and the bias is
never penalised.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jax import Array

Params = Any
"""A pytree of arrays. A linear model's is {"weights": (d,), "bias": ()}."""

Key = Array
"""A PRNG key, from `jax.random.key(seed)`."""

Arrays = dict[str, np.ndarray]
"""Arrays by name, as they are written to one file."""


class Model(NamedTuple):
    """Two pure functions that give scores.

    Attributes:
        init: (key, d) -> params, d the number of inputs.
        apply: (params, inputs of shape (n, d)) -> scores of shape (n,).
        name: how tables and files call it.
        penalised: params -> the part that l2 penalises, everything but the biases.
    """

    init: Callable[[Key, int], Params]
    apply: Callable[[Params, Array], Array]
    name: str
    penalised: Callable[[Params], Any]
