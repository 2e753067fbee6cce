"""Parameters as trees and as vectors: inner products, names of arrays, flat points and boxes around them."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.core import Tracer

from lossland.core._given import checked_number, checked_reals
from lossland.core._types import Params


def dot(a: Params, b: Params) -> float:
    """The inner product of two directions."""
    return float(flattened(a)[0] @ flattened(b)[0])


def norm(a: Params) -> float:
    """The Euclidean norm of a direction."""
    return float(np.linalg.norm(flattened(a)[0]))


def named_leaves(params: Params) -> list[tuple[str, np.ndarray]]:
    """Each array of the params with a name: "weights", "bias", or "0_weights" in a list of layers."""
    return list(zip(leaf_paths(params), jax.tree.leaves(params), strict=True))


def leaf_paths(params: Params) -> dict[str, list[Any]]:
    """The way to each array of the params, by its name: {"0_weights": [0, "weights"], ...}."""
    ways = [
        [getattr(k, "key", getattr(k, "idx", getattr(k, "name", str(k)))) for k in path]
        for path, _ in jax.tree.leaves_with_path(params)
    ]
    return {"_".join(map(str, way)): way for way in ways}


def flattened(params: Params) -> tuple[np.ndarray, Any]:
    """The parameters in float64 as one vector, and the function that brings such a vector back into their tree.

    Keys have no place in the vector, and stay as they are in the tree.
    """
    leaves, tree = jax.tree.flatten(params)
    keys = [is_key(leaf) for leaf in leaves]
    held = [np.asarray(x, float) for x, key in zip(leaves, keys, strict=True) if not key]
    ends = np.cumsum([x.size for x in held])

    def back(vector: np.ndarray) -> Params:
        cut = np.split(np.array(vector, float), ends[:-1])
        parts = iter([part.reshape(x.shape) for part, x in zip(cut, held, strict=True)]) if held else iter(())
        return jax.tree.unflatten(tree, [x if key else next(parts) for x, key in zip(leaves, keys, strict=True)])

    return np.concatenate([np.ravel(x) for x in held]) if held else np.zeros(0), back


def is_key(leaf: Any) -> bool:
    """Whether a leaf is a key of random numbers, which is no number."""
    return bool(jax.numpy.issubdtype(getattr(leaf, "dtype", np.dtype(int)), jax.dtypes.prng_key))


def flat_point(params: Any, d: int, bias: bool) -> np.ndarray:
    """The params of a linear score as one array, the bias last.

    Raises:
        ValueError: if they do not fit or are not finite.
    """
    if isinstance(params, dict):
        if "weights" not in params:
            raise ValueError(f"params need 'weights', and 'bias' if there is one; they have {sorted(params)}.")
        held = checked_reals("weights", params["weights"]).ravel()
        if not bias and np.any(np.asarray(params.get("bias", 0.0))):
            raise ValueError(f"params have a bias of {params['bias']}, but bias=False; set it to 0 or leave bias=True.")
        held = np.append(held, checked_number("bias", params.get("bias", 0.0))) if bias else held
    else:
        held = checked_reals("params", params).ravel()
    if held.shape != (d + bias,) or not np.isfinite(held).all():
        raise ValueError(
            f"params must be {d + bias} finite numbers ({d} weights{' and a bias' if bias else ''}), "
            f"not {held.tolist()}."
        )
    return held


def checked_box(box: Any, dimension: int) -> np.ndarray:
    """A box as (2, D), rows low and high; a number is half the width of one around 0."""
    held = checked_reals("box", box)
    if held.ndim == 0:
        held = np.stack([np.full(dimension, -held), np.full(dimension, held)])
    if held.shape != (2, dimension):
        raise ValueError(
            f"box has shape {held.shape}; give a number r for [-r, r]^{dimension}, or (low, high), "
            f"{dimension} number(s) each."
        )
    if not (np.isfinite(held).all() and (held[0] < held[1]).all() and np.abs(held).max() < 1e100):
        raise ValueError(
            f"The box is empty, not finite or beyond 1e100: low {held[0].tolist()}, high {held[1].tolist()}."
        )
    return held


def placed(value: Any, dtype: Any = None) -> Array:
    """A value as an array of JAX's, cast on the host: `jax.numpy.asarray` compiles a program for each shape.

    Args:
        value: numbers; what is JAX's already, or traced, is cast by JAX.
        dtype: the type, float or int as JAX has them now; the value's own if left out.

    Returns:
        The array, as `jax.numpy.asarray` makes it.

    Example:
        >>> placed(np.array([1.0, 2.0]), float).dtype.name, placed(3, float).item()
        ('float32', 3.0)
    """
    if not isinstance(value, (np.ndarray, np.generic)) and (dtype is None or not isinstance(value, (bool, int, float))):
        return jax.numpy.asarray(value, dtype)
    held = np.asarray(value)
    # What is too large for a float32 becomes infinite, as it does in JAX, which says nothing.
    with np.errstate(over="ignore", invalid="ignore"):
        return jax.device_put(held.astype(jax.dtypes.canonicalize_dtype(held.dtype if dtype is None else dtype)))


def rows_where(these: Array, new: Any, old: Any) -> Any:
    """Of two trees of arrays the new one's rows where `these` is true, the old one's elsewhere.

    Args:
        these: booleans, of the arrays' leading axes.
        new: a tree of arrays.
        old: another of the same shapes.

    Returns:
        A tree of the same shapes.

    Example:
        >>> rows_where(np.array([True, False]), np.ones((2, 3)), np.zeros((2, 3))).sum(axis=1).tolist()
        [3.0, 0.0]
    """

    def pick(new: Array, old: Array) -> Array:
        return jax.numpy.where(these.reshape(these.shape + (1,) * (new.ndim - these.ndim)), new, old)

    return jax.tree.map(pick, new, old)


def weighted(values: Array, weights: Array) -> Array:
    """Values times weights; a weight of 0 makes 0 of an infinite value and of one that is no number.

    Example:
        >>> weighted(jax.numpy.array([2.0, np.inf]), jax.numpy.array([3.0, 0.0])).tolist()
        [6.0, 0.0]
    """
    # 0 times infinity would be NaN for a moment, which `jax_debug_nans` sees.
    gone = weights == 0
    return jax.numpy.where(gone, 0.0, weights * jax.numpy.where(gone, 0.0, values))


def refuse_traced(what: str, held: Any, mend: str = "") -> None:
    """Refuse params or keys that JAX is tracing, where numbers are worked on, on the host.

    Args:
        what: what they are, "The centre".
        held: a tree.
        mend: how else to get there, one sentence.
    """
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(held)):
        raise ValueError(
            f"{what} is being traced by JAX (under jit, grad or vmap), and this works on numbers, on the host. Call it "
            f"outside of the traced function.{mend and f' {mend}'}"
        )


def refuse_infinite(what: str, params: Params, mend: str) -> None:
    """Refuse params that hold NaN or inf, by the name of the array; numbers that are being traced pass.

    Args:
        what: is refused, "The centre holds" say.
        params: to look at.
        mend: what to do, a sentence.

    Raises:
        ValueError: if a number is not finite.
    """
    if not any(map(_is_infinite, jax.tree.leaves(params))):
        return
    for path, leaf in jax.tree.leaves_with_path(params):
        if _is_infinite(leaf):
            where = jax.tree_util.keystr(path, simple=True, separator="/")
            raise ValueError(f"{what} numbers that are not finite{f': in {where}' if where else ''}. {mend}")


def _is_infinite(leaf: Any) -> bool:
    return is_real(leaf) and not isinstance(leaf, Tracer) and not np.all(np.isfinite(leaf))


def is_real(leaf: Any) -> bool:
    """Whether a leaf holds floating-point numbers: counts, switches and keys do not, and are held fixed.

    Example:
        >>> [is_real(x) for x in (1.0, 1, True, np.zeros(2), jax.random.key(0))]
        [True, False, False, True, False]
    """
    dtype = leaf.dtype if hasattr(leaf, "dtype") else np.asarray(leaf).dtype
    # NumPy's own types tell it at once; JAX's have to be asked about.
    if type(dtype).__module__ == "numpy.dtypes" and dtype.kind != "V":
        return dtype.kind in "fc"
    return bool(jax.numpy.issubdtype(dtype, np.inexact))


def form_of(tree: Any) -> tuple[Any, ...]:
    """The structure of a tree and its arrays' shapes; two trees of one form can be added."""
    return jax.tree.structure(tree), tuple(np.shape(leaf) for leaf in jax.tree.leaves(tree))


def told(tree: Any) -> str:
    """The shapes of a tree's arrays in its structure, as text for a message: "{bias: scalar, weights: 3}"."""
    shapes = jax.tree.map(lambda leaf: "x".join(map(str, np.shape(leaf))) or "scalar", tree)
    return str(shapes).replace("'", "")


def moving_part(params: Params) -> tuple[Params, Callable[[Params], Params]]:
    """The arrays of params that a derivative can be taken in, and what puts the others back beside them.

    Integers, booleans and keys stand still: None is in their place, which is no leaf of a tree.

    Args:
        params: a tree of arrays.

    Returns:
        The tree with None for what stands still, `params` itself if nothing does; the function from such a tree to
        one with all arrays.

    Example:
        >>> moving, whole = moving_part({"w": np.array([2.0]), "steps": np.array(3)})
        >>> moving, whole({"w": np.array([5.0]), "steps": None})["steps"].item()
        ({'steps': None, 'w': array([2.])}, 3)
    """
    if all(is_real(leaf) for leaf in jax.tree.leaves(params)):
        return params, lambda moving: moving
    moving = jax.tree.map(lambda leaf: leaf if is_real(leaf) else None, params)

    def whole(moving: Params) -> Params:
        return jax.tree.map(lambda own, new: own if new is None else new, params, moving, is_leaf=lambda x: x is None)

    return moving, whole
