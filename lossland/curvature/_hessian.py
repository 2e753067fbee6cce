"""Hessians of objectives: the matrix, its products, its Gauss-Newton part and its diagonal.

A loss made of lines has no Hessian that would say anything: it is zero wherever it exists, and all of the curvature
sits in the kinks. The functions here refuse such a pair; `kink_curvature` measures what its kinks hold.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from lossland.core import Params, at_once, form_of, guarded, refuse_bytes, rows_apart, told
from lossland.curvature._checks import checked_objective, has_linear_model, objective_only, refuse_lines
from lossland.curvature._penalty import penalty_diagonal, penalty_matrix, penalty_product
from lossland.data import RowsOnDisk
from lossland.elements import as_float
from lossland.training import Objective

AT_ONCE = 64
"""Columns computed together at most: their activations, of all examples, are in memory at the same time."""
EXACT = jax.lax.Precision.HIGHEST


@guarded()
def hessian(f: Callable[[Params], Array], params: Params) -> Array:
    r"""The matrix of second derivatives of an objective.

    .. math:: H = X^\top D X + \lambda P, \quad D_{ii} = \frac{s_i}{n} \ell''(z_i, t_i)

    for a linear model (X with a first column of ones for the bias, P = 1 for the weights and 0 for the bias), by
    automatic differentiation otherwise. Rows are those of `jax.flatten_util.ravel_pytree(params)`. Where the loss is
    smooth only piece by piece (`huber`, `squared_hinge`), or the network is (relu), it is the Hessian of the piece that
    params lie on.

    Args:
        f: from `objective`, or any function params -> scalar.
        params: p numbers in all. Whole numbers, switches and keys among them are held fixed and not counted.

    Returns:
        (p, p), symmetric.

    Raises:
        ValueError: if params do not fit f or are not finite, or the loss is made of lines (see `kink_curvature`).

    Example:
        >>> import jax, lossland as ll
        >>> f = ll.objective(ll.pair("identity", "squared"), ll.linear(), ll.load("breast_cancer"), l2=0.5)
        >>> params = {"weights": jax.numpy.zeros(30), "bias": jax.numpy.zeros(())}
        >>> matrix = ll.hessian(f, params)
        >>> matrix.shape, round(float(matrix[0, 0]), 4)
        ((31, 31), 2.0)

    Source: Pearlmutter (1994) for the products that its columns are.
    """
    held, moving, _ = checked_objective(f, params)
    refuse_lines(f, params)
    _refuse_matrix(moving)
    return matrix_of(held, moving)


@guarded()
def hessian_vector_product(f: Callable[[Params], Array], params: Params, vector: Any) -> Any:
    r"""The Hessian times a vector, without the matrix: :math:`H v = \partial_r \nabla F(\theta + r v)|_{r=0}`.

    Args:
        f: as in `hessian`.
        params: p numbers in all.
        vector: shaped as params, or (p,).

    Returns:
        H v, in the form of `vector`.

    Raises:
        ValueError: as in `hessian`; if the vector has another form.

    Example:
        >>> import jax, lossland as ll
        >>> f = ll.objective(ll.pair("identity", "squared"), ll.linear(), ll.load("breast_cancer"), l2=0.5)
        >>> params = {"weights": jax.numpy.zeros(30), "bias": jax.numpy.zeros(())}
        >>> round(float(ll.curvature.hessian_vector_product(f, params, jax.numpy.eye(31)[0])[0]), 4)
        2.0

    Source: Pearlmutter (1994).
    """
    held, moving, back = checked_objective(f, params)
    refuse_lines(f, params)
    row, unravel = ravel_pytree(moving)
    flat = isinstance(vector, Array | np.ndarray) and vector.shape == row.shape
    if not flat and form_of(vector) != form_of(params):
        said = f"it must be shaped as params, {told(params)}, or ({row.size},)."
        raise ValueError(f"The vector is {told(vector)}; {said}")
    # Of a tree the part along what is held fixed is passed over.
    column = as_float(vector) if flat else ravel_pytree(checked_objective(f, vector).moving)[0]
    found = _product(held, moving, column)
    return found if flat else back(unravel(found))


@guarded()
def gauss_newton(f: Objective, params: Params) -> Array:
    r"""The generalised Gauss-Newton matrix: the Hessian with the scores taken as linear in the parameters.

    .. math:: G = J^\top D J + \lambda P, \quad J_{ij} = \partial z_i / \partial \theta_j, \;
        D_{ii} = \frac{s_i}{n} \ell''(z_i, t_i)

    It is the Hessian of a linear model, and positive semidefinite where the loss is convex in the score. J is computed
    row by row where the model's program proves that a score is of its own example alone; where it does not, of batch
    statistics say, by n passes back through the whole model.

    Args:
        f: from `objective`.
        params: p numbers in all.

    Returns:
        (p, p), symmetric.

    Raises:
        ValueError: as in `hessian`; if f is not from `objective`.

    Example:
        >>> import jax, lossland as ll
        >>> f = ll.objective(ll.pair("identity", "logistic"), ll.mlp(2, hidden="tanh"), ll.load("breast_cancer"))
        >>> params = f.model.init(jax.random.key(0), 30)
        >>> bool(jax.numpy.linalg.eigvalsh(ll.curvature.gauss_newton(f, params))[0] > -1e-6)
        True

    Source: Schraudolph (2002).
    """
    objective_only(f, "gauss_newton")
    held, moving, _ = checked_objective(f, params)
    refuse_lines(f, params, always=True)
    _refuse_matrix(moving, held.n)
    return _gauss_newton(held, moving)


@guarded()
def hessian_diagonal(f: Callable[[Params], Array], params: Params) -> Params:
    r"""The second derivative in each parameter: :math:`H_{jj}`, exact.

    A linear model takes one pass over the data, :math:`\sum_i D_{ii} x_{ij}^2 + \lambda P_{jj}`; others take p products
    with the Hessian, and no memory for the matrix.

    Args:
        f: as in `hessian`.
        params: p numbers in all.

    Returns:
        The diagonal, shaped as params.

    Raises:
        ValueError: as in `hessian`.

    Example:
        >>> import jax, lossland as ll
        >>> f = ll.objective(ll.pair("identity", "squared"), ll.linear(), ll.load("breast_cancer"), l2=0.5)
        >>> params = {"weights": jax.numpy.zeros(30), "bias": jax.numpy.zeros(())}
        >>> round(float(ll.curvature.hessian_diagonal(f, params)["bias"]), 4)
        2.0
    """
    held, moving, back = checked_objective(f, params)
    refuse_lines(f, params)
    return back(ravel_pytree(moving)[1](diagonal_of(held, moving)))


def _refuse_matrix(moving: Params, rows: int = 0) -> None:
    """Refuse matrices of p columns that do not fit: the Hessian twice, and as many further rows."""
    flat = jax.eval_shape(lambda tree: ravel_pytree(tree)[0], moving)
    needed = (2.0 * flat.size + rows) * flat.size * flat.dtype.itemsize
    mend = "`top_eigenvalues`, `spectral_density` and `hessian_vector_product` do without the matrix."
    refuse_bytes(f"A matrix of {flat.size} parameters", needed, mend)


# -------------------------------------------------------------------------------------------------- computing them


@jax.jit
def matrix_of(f: Callable[[Params], Array], params: Params) -> Array:
    """The Hessian (p, p) of a checked objective."""
    if has_linear_model(f):
        return _gauss_newton(f, params)
    flat, _ = ravel_pytree(params)
    times = product_of(f, params)
    columns = jax.lax.map(times, jnp.eye(flat.size, dtype=flat.dtype), batch_size=columns_at_once(times, flat))
    return 0.5 * (columns + columns.T)


@jax.jit
def diagonal_of(f: Callable[[Params], Array], params: Params) -> Array:
    """The Hessian's diagonal (p,) of a checked objective."""
    flat, _ = ravel_pytree(params)
    if has_linear_model(f):
        return jnp.matmul(_bends(f, params), _design(f) ** 2, precision=EXACT) + penalty_diagonal(f, params)
    times = product_of(f, params)

    def entry(j: Array) -> Array:
        return times(jnp.zeros_like(flat).at[j].set(1.0))[j]

    return jax.lax.map(entry, jnp.arange(flat.size), batch_size=columns_at_once(times, flat))


def columns_at_once(times: Callable[[Array], Array], flat: Array) -> int:
    """How many products with a Hessian are computed together."""
    return at_once(f"One column of the Hessian of {flat.size} parameters", times, flat, most=AT_ONCE)


def product_of(f: Callable[[Params], Array], params: Params) -> Callable[[Array], Array]:
    """A function v (p,) -> H v that shares what does not depend on v; for use inside `jax.jit`."""
    if has_linear_model(f):
        bends, penalty = _bends(f, params), penalty_product(f, params)

        def times(v: Array) -> Array:
            along = jnp.matmul(f.inputs, v[1:], precision=EXACT) + v[0]
            pull = bends * along
            weights = jnp.matmul(pull, f.inputs, precision=EXACT)
            return jnp.concatenate([jnp.sum(pull)[None], weights]) + penalty(v)

        return times
    flat, unravel = ravel_pytree(params)

    def gradient(at: Array) -> Array:
        return ravel_pytree(jax.grad(f)(unravel(at)))[0]

    if isinstance(f, Objective) and isinstance(f.inputs, RowsOnDisk):
        # What is shared by all v would hold the rows that were read.
        return lambda v: jax.jvp(gradient, (flat,), (v,))[1]
    return jax.linearize(gradient, flat)[1]


@jax.jit
def _product(f: Callable[[Params], Array], params: Params, column: Array) -> Array:
    return product_of(f, params)(column)


@jax.jit
def _gauss_newton(f: Objective, params: Params) -> Array:
    return _weighed(f, params, _bends(f, params))


def _weighed(f: Objective, params: Params, bends: Array) -> Array:
    rows = jacobian(f, params)
    matrix = jnp.matmul(rows.T * bends[None], rows, precision=EXACT)
    return 0.5 * (matrix + matrix.T) + penalty_matrix(f, params)


@jax.jit
def curvature_bound(f: Objective, params: Params, bends: Array) -> Array:
    """The Gauss-Newton matrix (p, p) with given second derivatives (n,) of the losses in the place of theirs."""
    return _weighed(f, params, shares(f) * bends)


def jacobian(f: Objective, params: Params) -> Array:
    """The derivatives of the scores, (n, p): row by row where a score is proven to be of its own row alone."""
    if isinstance(f.inputs, RowsOnDisk):
        f.inputs.refuse("them whole, for the derivatives of all scores")
    if has_linear_model(f):
        return _design(f)
    flat, unravel = ravel_pytree(params)
    if not rows_apart(f.model.apply, params, f.inputs):
        pull = jax.vjp(lambda at: f.scores(unravel(at)), flat)[1]
        return jax.lax.map(lambda i: pull(jnp.zeros(f.n, f.inputs.dtype).at[i].set(1.0))[0], jnp.arange(f.n))

    def one(row: Array) -> Array:
        return jax.grad(lambda at: f.model.apply(unravel(at), row[None])[0])(flat)

    size = at_once(f"The gradient of one score of {f.model.name}", one, f.inputs[0], most=AT_ONCE)
    return jax.lax.map(one, f.inputs, batch_size=size)


def shares(f: Objective) -> Array:
    """The weight of each example's loss in the objective, s_i / n, (n,)."""
    return f.weights / f.n


def _bends(f: Objective, params: Params) -> Array:
    return shares(f) * f.pair.curvature(f.scores(params), f.labels)


def _design(f: Objective) -> Array:
    # The order of `ravel_pytree`, by key: the bias, then the weights.
    return jnp.concatenate([jnp.ones((f.n, 1), f.inputs.dtype), f.inputs], axis=1)
