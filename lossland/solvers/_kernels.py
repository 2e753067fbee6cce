"""Kernels and their matrices: the functions, the checks, a low-rank factor, a positive definite solve."""

import contextvars
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.core import cores
from lossland.solvers._blas import one_thread

ROWS = 64
"""Rows of a kernel's matrix that are computed at once: they stay in the cache, and serve one product."""
SHARED = 4_000_000
"""Entries of a kernel's matrix from which on several threads share its rows."""

Kernel = Literal["rbf", "linear", "polynomial"] | Callable[[Any, Any], Any]


def rbf(a: Any, b: Any, gamma: float) -> Array:
    r"""The Gaussian kernel :math:`\exp(-\gamma \|a_i - b_j\|^2)`, (n, m) for a (n, d) and b (m, d)."""
    a, b = jnp.asarray(a), jnp.asarray(b)
    # Centred, so that data far from the origin lose no digits in |a|^2 - 2 a.b + |b|^2.
    middle = b.mean(0, keepdims=True)
    a, b = a - middle, b - middle
    products = jnp.matmul(a, b.T, precision=jax.lax.Precision.HIGHEST)
    squares = jnp.sum(a * a, 1)[:, None] + jnp.sum(b * b, 1)[None, :]
    return jnp.exp(-gamma * jnp.maximum(squares - 2.0 * products, 0.0))


def polynomial(a: Any, b: Any, gamma: float, degree: int, coef0: float) -> Array:
    r"""The kernel :math:`(\gamma \, a_i \cdot b_j + c)^p`, (n, m) for a (n, d) and b (m, d)."""
    products = jnp.matmul(jnp.asarray(a), jnp.asarray(b).T, precision=jax.lax.Precision.HIGHEST)
    return (gamma * products + coef0) ** degree


def bound_kernel(
    kernel: Kernel, inputs: np.ndarray, gamma: Any, degree: int, coef0: float
) -> Callable[[Any, Any], Any]:
    """The kernel as a function of two sets of inputs, its parameters checked and fixed.

    Args:
        kernel: a name or a function.
        inputs: (n, d), for gamma="scale".
        gamma: positive, or "scale".
        degree: a positive integer.
        coef0: a number.

    Returns:
        (n, d), (m, d) -> (n, m).

    Raises:
        ValueError: if the name is unknown or a parameter out of range.

    Example:
        >>> bound_kernel("rbf", np.zeros((2, 1)), 0.5, 3, 0.0).keywords
        {'gamma': 0.5}
    """
    if callable(kernel):
        return kernel
    if isinstance(gamma, str):
        if gamma != "scale":
            raise ValueError(f'gamma is a positive number or "scale", not {gamma!r}.')
        gamma = 1.0 if kernel == "linear" else _gamma_of_scale(inputs)
    if not (np.isfinite(gamma) and gamma > 0):
        raise ValueError(f"gamma must be positive, not {gamma}.")
    if kernel == "linear":
        return functools.partial(polynomial, gamma=1.0, degree=1, coef0=0.0)
    if kernel == "rbf":
        return functools.partial(rbf, gamma=float(gamma))
    if kernel != "polynomial":
        raise ValueError(f"No kernel is called {kernel!r}; there are rbf, linear, polynomial, or give a function.")
    if degree != int(degree) or degree < 1:
        raise ValueError(f"degree must be a positive integer, not {degree}.")
    return functools.partial(polynomial, gamma=float(gamma), degree=int(degree), coef0=float(coef0))


def _gamma_of_scale(inputs: np.ndarray) -> float:
    """1 / (d * the variance of all inputs); 1 where they are one number."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        gamma = 1.0 / (inputs.shape[1] * inputs.var())
    if np.isfinite(gamma) and gamma > 0:
        return float(gamma)
    if (inputs == inputs.flat[0]).all():
        return 1.0
    raise ValueError(
        'gamma="scale" is 1 / (d * the variance of all inputs), which float64 does not hold for inputs as large as '
        f"{np.abs(inputs).max():.3g}. Scale the inputs, or give gamma as a number."
    )


def is_linear(kernel: Callable[[Any, Any], Any]) -> bool:
    """Whether it is x . y, whose features are the inputs."""
    return kernel_settings(kernel) == {"gamma": 1.0, "degree": 1, "coef0": 0.0}


def kernel_settings(kernel: Callable[[Any, Any], Any]) -> dict[str, Any] | None:
    """The parameters of a kernel that `bound_kernel` made of a name; None of a user's function."""
    return kernel.keywords if isinstance(kernel, functools.partial) and kernel.func in (rbf, polynomial) else None


def checked_matrix(kernel: Callable[[Any, Any], Any], inputs: np.ndarray) -> np.ndarray:
    """The kernel's matrix on the inputs, refused unless it is finite, symmetric and positive semidefinite.

    Args:
        kernel: (n, d), (m, d) -> (n, m).
        inputs: (n, d).

    Returns:
        (n, n) float64.

    Raises:
        ValueError: naming the entry, the pair of examples or the eigenvalue that is wrong.

    Example:
        >>> checked_matrix(lambda a, b: a @ b.T, np.array([[1.0], [2.0]])).tolist()
        [[1.0, 2.0], [2.0, 4.0]]
    """
    matrix = evaluate(kernel, inputs, inputs)
    if not _surely_finite(kernel, inputs) and not np.isfinite(matrix).all():
        i, j = np.argwhere(~np.isfinite(matrix))[0]
        raise ValueError(f"The kernel is not finite: k(x_{i}, x_{j}) = {matrix[i, j]}. Scale the inputs down.")
    named = getattr(kernel, "func", None)
    if named is rbf or (named is polynomial and kernel.keywords["coef0"] >= 0):  # type: ignore[attr-defined]
        return matrix
    size = float(np.abs(matrix).max())
    off = np.abs(matrix - matrix.T)
    if off.max() > 1e-10 * size:
        i, j = np.unravel_index(int(off.argmax()), off.shape)
        raise ValueError(
            f"The kernel is not symmetric: k(x_{i}, x_{j}) = {matrix[i, j]:.6g}, but k(x_{j}, x_{i}) = "
            f"{matrix[j, i]:.6g}. A kernel is an inner product: k(x, y) = k(y, x)."
        )
    matrix = 0.5 * (matrix + matrix.T)
    try:
        np.linalg.cholesky(matrix + 1e-10 * max(size, 1e-300) * np.eye(len(matrix)))
    except np.linalg.LinAlgError:
        least = float(np.linalg.eigvalsh(matrix)[0])
        raise ValueError(
            f"The kernel is not positive semidefinite: its matrix has the eigenvalue {least:.3g} (its largest entry is "
            f"{size:.3g}), so the problem is not convex. rbf, linear, and polynomial with coef0 >= 0 always are."
        ) from None
    return matrix


def _surely_finite(kernel: Callable[[Any, Any], Any], inputs: np.ndarray) -> bool:
    """Whether nothing can overflow in the Gaussian kernel: to look at a large matrix takes as long as to make it."""
    if getattr(kernel, "func", None) is not rbf:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        farthest = float(((inputs - inputs.mean(0)) ** 2).sum(axis=1).max())
    return max(1.0, kernel.keywords["gamma"]) * farthest < 1e290  # type: ignore[attr-defined]


def evaluate(kernel: Callable[[Any, Any], Any], a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The kernel of inputs (n, d) and (m, d), (n, m) in float64."""
    ours = _on_host.get(getattr(kernel, "func", None))
    if ours is not None:
        # No program has to be compiled for each number of examples.
        with np.errstate(all="ignore"):
            return ours(np.asarray(a, float), np.asarray(b, float), **kernel.keywords)  # type: ignore[attr-defined]
    with jax.enable_x64(True):
        held = np.asarray(kernel(a, b), float)
    if held.shape != (len(a), len(b)):
        raise ValueError(f"The kernel gave shape {held.shape} for {len(a)} and {len(b)} inputs; it must give both.")
    return held


def _rbf_on_host(a: np.ndarray, b: np.ndarray, gamma: float) -> np.ndarray:
    """`rbf` in NumPy, by rows that stay in the cache: what is stored once costs more than what it is computed from."""
    middle = b.mean(0)
    a, b = a - middle, b - middle
    lengths = [-gamma * np.einsum("ij,ij->i", x, x)[:, None] for x in (a, b)]
    # 2 gamma a.b - gamma |a|^2 - gamma |b|^2 as one product.
    left = np.hstack([a, lengths[0], np.ones_like(lengths[0])])
    right = np.hstack([2.0 * gamma * b, np.ones_like(lengths[1]), lengths[1]]).T
    made = _aligned(len(a), len(b))

    def fill(start: int) -> None:
        for k in range(start, min(start + 8 * ROWS, len(a)), ROWS):
            part = made[k : k + ROWS]
            np.matmul(left[k : k + ROWS], right, out=part)
            np.exp(np.minimum(part, 0.0, out=part), out=part)

    starts = range(0, len(a), 8 * ROWS)
    with one_thread():
        if made.size < SHARED:
            list(map(fill, starts))
        else:
            with ThreadPoolExecutor(cores()) as pool:
                tasks = [pool.submit(contextvars.copy_context().run, fill, start) for start in starts]
                for task in tasks:
                    task.result()
    return made


def _aligned(rows: int, columns: int) -> np.ndarray:
    """An array of float64, not filled, that begins where JAX's do: JAX reads it then, and makes no copy."""
    held = np.empty(8 * rows * columns + 64, np.uint8)
    start = -held.ctypes.data % 64
    return held[start : start + 8 * rows * columns].view(float).reshape(rows, columns)


def _polynomial_on_host(a: np.ndarray, b: np.ndarray, gamma: float, degree: int, coef0: float) -> np.ndarray:
    """`polynomial` in NumPy, whose own power of a whole number is slow."""
    base = gamma * (a @ b.T) + coef0
    made = None
    while degree:
        if degree % 2:
            made = base if made is None else made * base
        degree //= 2
        if degree:
            base = base * base
    return made if made is not None else np.ones_like(base)


_on_host = {rbf: _rbf_on_host, polynomial: _polynomial_on_host}


def distinct_rows(inputs: np.ndarray) -> bool:
    """Whether no two rows (n, d) are equal; False, too, where a hash cannot tell.

    Example:
        >>> distinct_rows(np.array([[0.0, 1.0], [1.0, 0.0]])), distinct_rows(np.array([[0.0], [-0.0]]))
        (True, False)
    """
    # Zeros have two signs and are equal. Whole-number arithmetic gives equal rows equal hashes, whatever its order.
    bits = (np.ascontiguousarray(inputs, float) + 0.0).view(np.uint64)
    bits = (bits ^ (bits >> np.uint64(32))) * _odd(inputs.shape[1])
    hashes = np.sort((bits ^ (bits >> np.uint64(29))).sum(axis=1, dtype=np.uint64))
    return bool(np.all(hashes[1:] != hashes[:-1]))


@functools.lru_cache(maxsize=16)
def _odd(d: int) -> np.ndarray:
    """Odd numbers of 64 bits, (d,)."""
    return np.random.default_rng(0).integers(2**62, 2**63, d, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


def row_blocks(n: int, width: int) -> list[slice]:
    """Rows in blocks whose kernel matrix stays below 64 MB."""
    step = max(1, 8_000_000 // width)
    return [slice(start, start + step) for start in range(0, n, step)]


def diagonal_of(kernel: Callable[[Any, Any], Any], inputs: np.ndarray) -> np.ndarray:
    """k(x_i, x_i) of inputs (n, d), (n,)."""
    parts = [slice(i, i + 64) for i in range(0, len(inputs), 64)]
    return np.concatenate([np.diagonal(evaluate(kernel, inputs[rows], inputs[rows])) for rows in parts])


def pivoted_cholesky(kernel: Callable[[Any, Any], Any], inputs: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """A factor of the kernel's matrix with few columns, from the rows where the rest of its diagonal is largest.

    Args:
        kernel: (n, d), (m, d) -> (n, m).
        inputs: (n, d).
        rank: the most columns; fewer where the matrix has no more to rounding.

    Returns:
        (n, r), lower triangular on the chosen rows, and the chosen rows (r,) in order.

    Example:
        >>> factor, rows = pivoted_cholesky(lambda a, b: a @ b.T, np.array([[1.0], [2.0], [3.0]]), 3)
        >>> factor.ravel().tolist(), rows.tolist()
        ([1.0, 2.0, 3.0], [2])
    """
    n, left = len(inputs), diagonal_of(kernel, inputs)
    first = float(left.max())
    factor, chosen = np.zeros((n, rank)), []
    for column in range(rank):
        row = int(left.argmax())
        if left[row] <= 1e-13 * first:
            break
        chosen.append(row)
        entries = evaluate(kernel, inputs[row : row + 1], inputs)[0]
        factor[:, column] = (entries - factor[:, :column] @ factor[row, :column]) / left[row] ** 0.5
        factor[chosen[:-1], column] = 0.0
        left = np.maximum(left - factor[:, column] ** 2, 0.0)
        left[chosen] = 0.0
    return factor[:, : len(chosen)], np.array(chosen)


def factored(matrix: np.ndarray) -> Callable[[np.ndarray], np.ndarray] | None:
    """A solver of a symmetric positive definite system; None if the matrix is not, to rounding.

    Args:
        matrix: (k, k), symmetric; overwritten.

    Returns:
        right (k,) or (k, r) -> the solution, the same shape.

    Example:
        >>> solve = factored(np.array([[4.0, 0.0], [0.0, 1.0]]))
        >>> solve(np.array([4.0, 2.0])).tolist()
        [1.0, 2.0]
    """
    from scipy.linalg import lapack

    routines: Any = lapack
    factor, failed = routines.dpotrf(matrix.T, lower=0, overwrite_a=1, clean=0)
    return None if failed else lambda right: routines.dpotrs(factor, right, lower=0)[0]
