"""The glossary: the words and shapes that every module uses.

label t in {-1, +1}, shape (n,); inputs (n, d); score z = model.apply(params, inputs), (n,); output a = activation(z);
margin m = t * a; likelihood q, a if t = +1 and 1 - a if t = -1. Means are taken in `Objective` only, and the bias is
never penalised.
"""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import jax
import numpy as np
from jax import Array

Params = Annotated[Any, "params"]
"""A pytree of arrays. A linear model's is {"weights": (d,), "bias": ()}."""

Reals = Annotated[Any, "reals"]
"""A number, numbers in lists, or an array of real numbers, of NumPy or of JAX."""

Key = Array
"""A PRNG key, from `jax.random.key(seed)`."""

Arrays = dict[str, np.ndarray]
"""Arrays by name, as they are written to one file."""


def all_but_biases(params: Params) -> list[Any]:
    """What l2 penalises of a model that does not say: every array but scalars, those called "bias", and whole numbers.

    Args:
        params: of one model; an array's name is the last key on the way to it.

    Returns:
        The arrays, in the order of their names.

    Example:
        >>> all_but_biases({"weights": np.array([2.0]), "bias": np.array([3.0]), "scale": np.array(4.0)})
        [array([2.])]
    """

    def is_bias(way: Any) -> bool:
        return bool(way) and "bias" in (getattr(way[-1], "key", None), getattr(way[-1], "name", None))

    def moves(leaf: Any) -> bool:
        return jax.numpy.issubdtype(jax.numpy.result_type(leaf), np.inexact)

    leaves = jax.tree.leaves_with_path(params)
    return [leaf for way, leaf in leaves if np.ndim(leaf) and moves(leaf) and not is_bias(way)]


class _ModelFields(NamedTuple):
    init: Callable[[Key, int], Params]
    apply: Callable[[Params, Array], Array]
    name: str
    penalised: Callable[[Params], Any]


class Model(_ModelFields):
    """Two pure functions that give scores: `init` makes parameters, `apply` turns them and inputs into scores.

    Attributes:
        init: (key, d) -> params, d the number of inputs.
        apply: (params, inputs of shape (n, d)) -> scores of shape (n,).
        name: how tables and files call it; that of the function `apply` if left out, "model" for a lambda.
        penalised: params -> the part that l2 penalises; if left out, every array of real numbers but
            scalars and those called "bias".

    Example:
        A linear score of the inputs and their squares; only the weights are penalised:

        >>> import jax, lossland as ll
        >>> def squares(params, inputs):
        ...     return jax.numpy.hstack([inputs, inputs**2]) @ params["weights"] + params["bias"]
        >>> model = ll.Model(lambda key, d: {"weights": jax.numpy.zeros(2 * d), "bias": jax.numpy.zeros(())}, squares)
        >>> f = ll.objective(ll.pair("identity", "hinge"), model, ll.load("two_points"), l2=0.5)
        >>> model.name, float(f({"weights": jax.numpy.ones(4), "bias": jax.numpy.array(-1.0)}))
        ('squares', 2.0)
    """

    __slots__ = ()

    def __new__(
        cls,
        init: Callable[[Key, int], Params],
        apply: Callable[[Params, Array], Array],
        name: str = "",
        penalised: Callable[[Params], Any] = all_but_biases,
    ) -> "Model":
        """A model; see the class."""
        # Trees are mapped field by field: what stands here then need not be text.
        if isinstance(name, str) and not name:
            own = getattr(apply, "__name__", "model")
            name = "model" if own == "<lambda>" else own
        return super().__new__(cls, init, apply, name, penalised)
