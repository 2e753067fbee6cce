"""Sparse inputs: a checked copy in scipy's compressed rows, and what says no where dense rows would be needed."""

import math
from typing import Any

import numpy as np

from lossland.data._labels import real


def is_sparse(inputs: Any) -> bool:
    """Whether inputs are of scipy's sparse kinds."""
    # Asked of every data set: scipy is not imported where nothing is sparse.
    return hasattr(inputs, "tocsr") and hasattr(inputs, "nnz")


def checked_sparse(given: Any, names: tuple[str, ...]) -> Any:
    """A fresh `scipy.sparse.csr_array` of float64: duplicates summed, columns ascending, no stored zeros.

    Args:
        given: (n, d), a matrix or array of scipy in any of its formats.
        names: d names of columns, or none.

    Raises:
        ValueError: if it is empty, an index lies outside, or a number is not real or not finite.

    Example:
        >>> import scipy.sparse
        >>> held = checked_sparse(scipy.sparse.coo_array(([1.0, 2.0, 0.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 3)), ())
        >>> held.nnz, held.toarray().tolist()
        (1, [[0.0, 3.0, 0.0], [0.0, 0.0, 0.0]])
    """
    import scipy.sparse

    if len(given.shape) != 2:
        raise ValueError(f"inputs has shape {given.shape}; it must be (n, d), one row an example.")
    if 0 in given.shape:
        raise ValueError(f"inputs is empty: its shape is {given.shape}. At least one row and one column are needed.")
    if names and len(names) != given.shape[1]:
        raise ValueError(f"inputs has {given.shape[1]} columns, but input_names has {len(names)} names.")
    real(np.empty(0, given.dtype), "inputs")
    _check_indices(given)
    with np.errstate(over="ignore"):
        held = scipy.sparse.csr_array(given, dtype=np.float64, copy=True)
    # Lists of lists bring their columns over unseen.
    _check_indices(held)
    held.sum_duplicates()
    _check_finite(held, names)
    held.eliminate_zeros()
    narrow = np.iinfo(np.int32).max
    n, d = given.shape
    if held.indices.dtype != np.int32 and held.nnz <= narrow and max(n, d) <= narrow:
        # Half the memory, and what compiled routines ask for.
        held = scipy.sparse.csr_array(
            (held.data, held.indices.astype(np.int32), held.indptr.astype(np.int32)), shape=(n, d)
        )
    return held


def _check_indices(given: Any) -> None:
    """Refuse indices outside of the shape before compiled code follows them."""
    try:
        if given.format in ("csr", "csc", "bsr"):
            given.check_format(full_check=True)
        elif given.format == "dok":
            given.tocoo()  # looks at them itself
        elif given.format == "coo" and given.nnz:
            for axis, place in enumerate((given.row, given.col)):
                if place.min() < 0 or place.max() >= given.shape[axis]:
                    raise ValueError(f"index {place.min() if place.min() < 0 else place.max()} on axis {axis}")
    except ValueError as error:
        raise ValueError(
            f"inputs is a sparse {given.shape[0]} x {given.shape[1]} array whose indices are wrong: {error}. Make it "
            f"anew, by scipy.sparse.csr_array((values, (rows, columns)), shape=(n, d)) say."
        ) from None


def _check_finite(held: Any, names: tuple[str, ...]) -> None:
    bad = np.flatnonzero(~np.isfinite(held.data))
    if len(bad):
        row = int(np.searchsorted(held.indptr, bad[0], side="right")) - 1
        column = int(held.indices[bad[0]])
        told = f"{column} ({names[column]!r})" if names else str(column)
        raise ValueError(
            f"inputs holds {len(bad)} value(s) that are not finite; the first is {held.data[bad[0]]} at row {row}, "
            f"column {told}, counted from 0. Drop those rows or fill them in."
        )


def parts(held: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The arrays that a sparse array is made of: columns, where rows begin, numbers."""
    return held.indices, held.indptr, held.data


def dense_rows(held: Any) -> np.ndarray:
    """The inputs (n, d) as a dense array.

    Raises:
        ValueError: if that takes more memory than is free.
    """
    # Not at the top: it needs JAX, and loading data does not.
    from lossland.core import refuse_bytes

    told = f"{held.shape[0]} x {held.shape[1]} inputs as dense rows"
    refuse_bytes(told, dense_bytes(held), "Keep fewer rows or columns, or what takes sparse inputs.")
    return held.toarray()


def dense_bytes(held: Any) -> int:
    """What the inputs would take as dense rows of float64."""
    return 8 * math.prod(held.shape)


def needs_dense(held: Any, what: str) -> ValueError:
    """What to say where sparse inputs cannot be taken.

    Args:
        held: (n, d), sparse.
        what: cannot take them.
    """
    return ValueError(
        f"{what} takes dense inputs, and these are sparse, {held.shape[0]} x {held.shape[1]}: as dense rows they take "
        f"{told_bytes(dense_bytes(held))}. data.dense() gives them, if the memory is there. Sparse inputs are taken by "
        f"solve, path, objective, fit, sweep, gradient_weights and PairClassifier."
    )


def told_bytes(size: float) -> str:
    """A size in memory, in the largest unit that leaves a number from 1 on."""
    for unit in ("bytes", "KB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"


def stacked(above: Any, below: Any) -> Any:
    """Rows of two inputs, one under the other; sparse where they are."""
    if not is_sparse(above):
        return np.concatenate([above, below])
    import scipy.sparse

    return scipy.sparse.vstack([above, below], format="csr")
