"""Whether the scores of a model keep its examples apart: each row's by the params and that row alone.

Read from the program, traced for an unknown number of rows, so that neither a row's place nor how many there are can
have a part unseen. What cannot be read is not proven, and is either evaluated as it stands or tried.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, export
from jax.core import Tracer

from lossland.core._params import is_real
from lossland.core._row_axes import ANY, EACH, SAME, Axes, fixed_axes, through
from lossland.core._structure import Keyed, by_structure, keyed
from lossland.core._types import Model, Params


def rows_apart(apply: Callable[[Params, Array], Array], params: Params, inputs: Array) -> bool:
    """Whether each score, and its derivative in the params, is proven to come from its own row alone.

    Args:
        apply: (params, inputs) -> scores, as a model's.
        params: of the shapes and types that are meant.
        inputs: (n, d); only its type and d matter.

    Returns:
        True if it is proven for any number of rows; False if rows are mixed, or the program cannot be read.

    Example:
        >>> import jax.numpy as jnp
        >>> def normalised(w, x):
        ...     return (x @ w - (x @ w).mean()) / jnp.std(x @ w)
        >>> w, x = jnp.ones(2), jnp.ones((5, 2))
        >>> rows_apart(lambda w, x: jnp.tanh(x @ w), w, x), rows_apart(normalised, w, x)
        (True, False)
    """
    leaves, tree = jax.tree.flatten(jax.tree.map(jnp.asarray, params))
    shapes = tuple(jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves)
    return _proven(keyed(apply), tree, shapes, (jnp.shape(inputs)[1], str(jnp.asarray(inputs).dtype)))


@by_structure(maxsize=512)
def _proven(apply: Keyed, tree: Any, leaves: tuple[Any, ...], row: tuple[int, str]) -> bool:
    # A scope of its own for each: in one scope a name that is used twice means one number.
    (count,) = export.symbolic_shape("rows")
    shaped = jax.ShapeDtypeStruct((count, row[0]), row[1])

    def both(moving: Sequence[Array], fixed: Sequence[Array], steps: Sequence[Array], inputs: Array) -> Any:
        def scores(*moving: Array) -> Array:
            return apply.value(_merged(tree, leaves, moving, fixed), inputs)

        # The derivative too: rules of a user's own stand in it as they are.
        return jax.jvp(scores, tuple(moving), tuple(steps))

    moves = [leaf for leaf in leaves if is_real(leaf)]
    held = [leaf for leaf in leaves if not is_real(leaf)]
    try:
        closed = jax.make_jaxpr(both)(moves, held, moves, shaped)
    except Exception:  # what cannot be traced for any number of rows is not proven; it is run as it is
        return False
    if closed.effects or any(x.aval.shape != (count,) for x in closed.jaxpr.outvars):
        return False
    given: list[Axes] = [fixed_axes(x.aval) for x in closed.jaxpr.invars]
    given[-1] = (EACH, ANY)
    try:
        return all(axes in ((EACH,), (SAME,)) for axes in through(closed, given))
    except (NotImplementedError, IndexError, TypeError, ValueError):
        # Of an operation whose parameters are not as they are known here.
        return False


def _merged(tree: Any, leaves: Sequence[Any], moving: Sequence[Any], fixed: Sequence[Any]) -> Params:
    parts = {True: iter(moving), False: iter(fixed)}
    return jax.tree.unflatten(tree, [next(parts[is_real(leaf)]) for leaf in leaves])


# ------------------------------------------------------------------------------------------------ by trying, not proof


def rows_mixed(apply: Callable[[Params, Array], Array], params: Params, inputs: Any, tries: int = 3) -> bool:
    """Whether some score moves, at these params or near them, when other rows are changed or left out.

    True is proof. False is what a few random changes of rows say.

    Args:
        apply: (params, inputs) -> scores, as a model's.
        params: where.
        inputs: (n, d).
        tries: how often.
    """
    rng, inputs = np.random.default_rng(0), np.asarray(inputs, float)
    if len(inputs) < 2:
        return False
    with jax.enable_x64(True):
        for k in range(tries):
            here = jax.tree.map(lambda x, k=k: _shaken(rng, x, float(k > 0)), params)
            kept = np.sort(rng.permutation(len(inputs))[: (len(inputs) + 1) // 2])
            changed = inputs[rng.permutation(len(inputs))] + rng.normal(size=inputs.shape)
            changed[kept] = inputs[kept]
            whole, other, part = (np.asarray(apply(here, jnp.asarray(x))) for x in (inputs, changed, inputs[kept]))
            # Rounding, of a model that computes in float32 too, is far below what other rows bring.
            size = 1e-5 * np.max(np.abs(whole), initial=1e-300, where=np.isfinite(whole))
            for found in (other[kept], part):
                if not np.allclose(found, whole[kept], rtol=0.0, atol=size, equal_nan=True):
                    return True
    return False


def _shaken(rng: np.random.Generator, leaf: Any, by: float) -> Any:
    leaf = jnp.asarray(leaf)
    return leaf + by * rng.normal(size=leaf.shape) if is_real(leaf) else leaf


def refuse_mixed_rows(model: Model, params: Params, inputs: Any, what: str) -> None:
    """Refuse a model whose score of an example depends on other examples, where `what` takes it from that alone."""
    if rows_apart(model.apply, params, inputs):
        return
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((params, inputs))):
        return
    if rows_mixed(model.apply, params, inputs):
        raise ValueError(
            f"The scores of {model.name} for one example depend on the other examples, by batch statistics say; "
            f"{what}. Give a model whose statistics are part of its params, or fixed."
        )
