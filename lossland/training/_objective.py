"""Objectives: a pair averaged over data plus l2 / 2 * ||w||^2. The only place that takes a mean."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.typing import ArrayLike

from lossland.core import (
    Keyed,
    Model,
    Params,
    checked_number,
    checked_tree,
    checked_weights,
    guarded,
    keyed,
    placed,
    same,
    shaped_weights,
    shown,
    takes_sparse,
    weighted,
)
from lossland.data import Dataset, RowsOnDisk, both_labels, needs_dense
from lossland.elements import Pair, as_float, values_of
from lossland.elements import pair as as_pair
from lossland.training._block_scores import (
    first_rows,
    in_default_floats,
    picked_rows,
    refuse_rows_together,
    scores_of_rows,
)
from lossland.training._models import linear
from lossland.training._sparse_inputs import bcoo_of, is_bcoo, refuse_model, upper_half


@jax.tree_util.register_pytree_with_keys_class
@dataclass(frozen=True, eq=False)
class Objective:
    """A function of params: call it. It is a pytree, so a compiled program serves every data set of one shape.

    Attributes:
        pair: the pair.
        model: gives scores.
        inputs: (n, d); of sparse data a `jax.experimental.sparse.BCOO`; rows on disk are read by blocks.
        labels: (n,), -1 or +1.
        l2: the strength of the penalty, a scalar.
        sample_weights: (n,) or None, class weights multiplied in.
        probabilities: (n / 2,) or None. With soft labels every example has two rows, the first half of all rows for
            t = +1 and the second for t = -1, and `sample_weights` hold twice its shares.

    Objectives are equal, and have one hash, if they are the same object; they pickle if pair and model do.

    Example:
        >>> import numpy as np, lossland as ll
        >>> data = ll.Dataset([[2.0], [-1.0], [0.5]], [1, -1, -1])
        >>> f = ll.objective(ll.pair("identity", "hinge"), data=data, l2=0.1)
        >>> at = {"weights": np.array([1.0]), "bias": np.array(0.0)}
        >>> f.losses(at).tolist(), round(float(f.risk(at)), 6), round(float(f(at)), 6)
        ([0.0, 0.0, 1.5], 0.5, 0.55)
    """

    pair: Pair
    model: Model
    inputs: Array
    labels: Array
    l2: Array
    sample_weights: Array | None = None
    probabilities: Array | None = None

    def __repr__(self) -> str:
        rows = f"{self.examples} x {self.d}" + ("" if self.probabilities is None else ", soft labels")
        more = "" if self.sample_weights is None else ", sample_weights"
        l2 = "" if isinstance(self.l2, Tracer) or not np.asarray(self.l2).any() else f", l2={float(self.l2):g}"
        return f"Objective({self.pair.name}, model={self.model.name}, {rows}{l2}{more})"

    @property
    def n(self) -> int:
        """The number of rows: of examples, or with soft labels twice that."""
        return self.inputs.shape[0]

    @property
    def examples(self) -> int:
        """The number of examples."""
        return self.n if self.probabilities is None else self.n // 2

    @property
    def d(self) -> int:
        """The number of inputs of an example."""
        return self.inputs.shape[1]

    @property
    def weights(self) -> Array:
        """The weight of each example, (n,); ones where none were given."""
        if self.sample_weights is not None:
            return self.sample_weights
        return jnp.ones_like(self.labels) if isinstance(self.labels, Tracer) else placed(np.ones_like(self.labels))

    def scores(self, params: Params) -> Array:
        """The scores z of all rows, (n,)."""
        if self.probabilities is not None:
            # Both rows of an example have one score.
            once = upper_half(self.inputs) if is_bcoo(self.inputs) else first_rows(self.inputs, self.examples)
            return jnp.tile(replace(self, inputs=once, probabilities=None).scores(params), 2)
        scores = scores_of_rows(self.model.apply, params, self.inputs)
        if jnp.shape(scores) != (self.n,):
            raise ValueError(
                f"{self.model.name} gives scores of shape {jnp.shape(scores)} for {self.n} examples; a model gives one "
                f"score an example, shape ({self.n},): end it with [:, 0] or .squeeze(-1), say."
            )
        return scores

    def losses(self, params: Params) -> Array:
        """The loss of each example without its weight, (n,); with soft labels p positive(z) + (1 - p) negative(z)."""
        losses = self._of_rows(params)
        if self.probabilities is None:
            return losses
        positive, negative = jnp.split(losses, 2)
        return weighted(positive, self.probabilities) + weighted(negative, 1.0 - self.probabilities)

    def _of_rows(self, params: Params) -> Array:
        scores = as_float(self.scores(params))
        return values_of(self.pair, scores, jnp.asarray(self.labels, scores.dtype))

    def risk(self, params: Params) -> Array:
        """The weighted mean loss without the penalty, a scalar."""
        losses = self._of_rows(params)
        return jnp.mean(losses if self.sample_weights is None else weighted(losses, self.sample_weights))

    def __call__(self, params: Params) -> Array:
        """The objective's value, a scalar."""
        weights = jax.tree.leaves(self.model.penalised(params))
        square = sum(jnp.sum(w * w) for w in weights)
        return self.risk(params) + 0.5 * self.l2 * square

    def tree_flatten_with_keys(self) -> tuple[tuple, Keyed]:
        """Its arrays by name, and pair and model, which compare by structure: new but equal ones share programs."""
        names = ("inputs", "labels", "l2", "sample_weights", "probabilities")
        arrays = tuple((jax.tree_util.GetAttrKey(n), getattr(self, n)) for n in names)
        return arrays, _made_of(self.pair, self.model, self.inputs)

    @classmethod
    def tree_unflatten(cls, made_of: Keyed, arrays: Any) -> "Objective":
        """The objective of these arrays."""
        return cls(*made_of.value, *arrays)

    def refuse_sparse(self, what: str) -> None:
        """Refuse sparse inputs where dense ones are needed.

        Args:
            what: needs dense inputs.

        Raises:
            ValueError: if the inputs are sparse.
        """
        if is_bcoo(self.inputs):
            raise needs_dense(self.inputs, what)

    def batch(self, rows: ArrayLike) -> "Objective":
        """The objective of some rows only, (k,) indices; its mean is over those."""
        self.refuse_sparse("An objective's batch")
        soft = None if self.probabilities is None else self.probabilities[rows]
        if soft is not None:
            rows = jnp.concatenate([jnp.asarray(rows), jnp.asarray(rows) + self.examples])
        weights = None if self.sample_weights is None else self.sample_weights[rows]
        return Objective(
            self.pair, self.model, picked_rows(self.inputs, rows), self.labels[rows], self.l2, weights, soft
        )


def _made_of(pair: Pair, model: Model, inputs: Any) -> Keyed:
    """Pair and model by structure; those that cannot be read by themselves and by the programs that they are now."""
    made = keyed((pair, model))
    if made.readable:
        return made
    try:
        seen = hash(pair)
    except TypeError:  # its parameters are being traced
        seen = 0
    return Keyed((same(pair, model), seen, _program(model, inputs)), (pair, model))


def _program(model: Model, inputs: Any) -> str:
    """The text of what gives the scores, with the arrays that it closes over; nothing where there are no inputs."""
    if keyed(model).readable or len(np.shape(inputs)) != 2:
        return ""
    like = jax.ShapeDtypeStruct(np.shape(inputs), inputs.dtype)
    try:
        params = jax.eval_shape(lambda: model.init(jax.random.key(0), like.shape[1]))
        # JAX keeps traces by function: a new one is traced now.
        closed = jax.make_jaxpr(lambda params, inputs: model.apply(params, inputs))(params, like)
    except (TypeError, ValueError):  # what cannot be traced is told so where it is used
        return ""
    held = keyed([x for x in closed.consts if not isinstance(x, Tracer)])
    return f"{closed.jaxpr} {held.key if held.readable else ''}"


@guarded()
@takes_sparse
def objective(
    pair: Any,
    model: Model | None = None,
    data: Dataset | None = None,
    l2: ArrayLike = 0.0,
    sample_weights: ArrayLike | None = None,
    class_weights: Mapping[int, float] | Literal["balanced"] | None = None,
    mean: Literal["all", "valid"] = "all",
) -> Objective:
    r"""The function of the parameters that training lowers.

    .. math:: F(\theta) = \frac{1}{n} \sum_i s_i \, \ell(z_i, t_i) + \frac{\lambda}{2} \|w\|^2, \quad z = model(\theta, x)

    The bias is not penalised, and the sum is divided by n whatever the weights s: with C = 1 / (n * l2) it is
    `solve`'s problem divided by C * n. A weight of 0 removes its example whatever its loss, an infinite one too.

    Args:
        pair: from `pair`, or its name, "relu+hinge".
        model: from `linear`, `mlp`, ...; linear if left out.
        data: from `load` or `Dataset`; sparse inputs for a model that only multiplies them, as a linear one.
        l2: the penalty, >= 0.
        sample_weights: (n,), not negative.
        class_weights: {-1: weight, +1: weight}, or "balanced" for n / (2 * the class's count). With soft labels they
            weigh the two parts of each example's loss, and a class's count is the sum of its probabilities.
        mean: "all" divides by the number of examples; "valid" by the sum of the weights, so that with weights 0 and 1
            it is the mean over the examples that are not masked.

    Returns:
        A callable params -> scalar.

    Raises:
        ValueError: if there is no such pair, weights have the wrong length, are negative or not finite, or l2 is
            negative.

    Example:
        >>> import jax, lossland as ll
        >>> f = ll.objective(ll.pair("identity", "hinge"), ll.linear(), ll.load("breast_cancer"), l2=1e-3)
        >>> params = {"weights": jax.numpy.zeros(30), "bias": jax.numpy.zeros(())}
        >>> float(f(params))
        1.0
    """  # noqa: E501
    return placed_objective(_host_objective(as_pair(pair), model, data, l2, sample_weights, class_weights, mean))


@guarded()
def host_objective(
    pair: Pair, model: Model, data: Dataset, l2: ArrayLike = 0.0, sample_weights: ArrayLike | None = None
) -> Objective:
    """`objective` with the arrays still on the host, for what needs none on the device; `placed_objective` moves them.

    Args:
        pair: as in `objective`.
        model: as in `objective`.
        data: as in `objective`.
        l2: as in `objective`.
        sample_weights: as in `objective`.
    """
    return _host_objective(pair, model, data, l2, sample_weights, None, "all")


def placed_objective(f: Objective) -> Objective:
    """The objective with its arrays where JAX computes."""
    arrays = ((name, getattr(f, name)) for name in ("inputs", "labels", "l2", "sample_weights", "probabilities"))
    there = {n: a for n, a in arrays if a is not None and not is_bcoo(a) and not isinstance(a, RowsOnDisk)}
    return replace(f, **{name: placed(array) for name, array in there.items()})


def _host_objective(
    pair: Pair,
    model: Model | None,
    data: Dataset | None,
    l2: ArrayLike,
    sample_weights: ArrayLike | None,
    class_weights: Mapping[int, float] | Literal["balanced"] | None,
    mean: Literal["all", "valid"],
) -> Objective:
    if data is None:
        raise ValueError('An objective needs data: objective(pair, model, data), say data = ll.load("breast_cancer").')
    if not isinstance(l2, Tracer) and not np.all(np.asarray(l2) >= 0):
        raise ValueError(f"l2 must be a number >= 0, not {l2}.")
    rows, weights = weighed_rows(data, sample_weights, class_weights)
    if mean not in ("all", "valid"):
        raise ValueError(f'mean is "all" or "valid", not {mean!r}.')
    if mean == "valid" and weights is not None:
        if not isinstance(weights, Tracer) and not weights.sum() > 0:
            raise ValueError("Every example has weight 0: there is nothing to take a mean of.")
        weights = weights * (data.n / weights.sum())
    # The mean is over rows, of which a soft label has two.
    held = None if weights is None else _real(weights * (rows.n / data.n))
    model = linear() if model is None else model
    if isinstance(rows.inputs, RowsOnDisk):
        refuse_rows_together(model, rows.inputs)
    inputs, labels = bcoo_of(rows.inputs) if rows.sparse else _real(rows.inputs), _real(rows.labels)
    soft = None if data.probabilities is None else _real(data.probabilities)
    if rows.sparse:
        refuse_model(model, inputs)
    else:
        chex.assert_rank([inputs, labels], [2, 1])
    return Objective(pair, model, inputs, labels, _real(l2), held, soft)


def _real(value: Any) -> Any:
    """A value on the host in JAX's float type; what is JAX's already, or traced, is cast by JAX."""
    if isinstance(value, RowsOnDisk):
        return in_default_floats(value)
    if isinstance(value, (np.ndarray, np.generic, bool, int, float)):
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(value, jax.dtypes.canonicalize_dtype(float))
    return placed(value, float)


def refuse_other_params(f: Objective, params: Any, records: bool = False) -> None:
    """Refuse params that are shaped otherwise than the model's own.

    Args:
        f: the objective.
        params: to look at.
        records: whether each of their arrays has one further axis, of a run's records, before its own.

    Raises:
        ValueError: if they do not fit.
    """
    checked_tree("params", params)
    expected = jax.eval_shape(lambda: f.model.init(jax.random.key(0), f.d))
    if jax.tree.structure(expected) != jax.tree.structure(params):
        raise ValueError(
            f"These params do not belong to the model {f.model.name}: it takes {jax.tree.structure(expected)}. Start "
            f"from model.init(key, d)."
        )
    leading = {np.shape(got)[:1] for got in jax.tree.leaves(params)} if records else {()}
    for want, got in zip(jax.tree.leaves(expected), jax.tree.leaves(params), strict=True):
        if not leading or len(leading) > 1 or np.shape(got) != (*next(iter(leading)), *want.shape):
            raise ValueError(
                f"The model {f.model.name} on {f.d} inputs has a parameter of shape {want.shape}; got {np.shape(got)}. "
                f"{'One axis, of the records, comes before it' if records else f'Start from model.init(key, {f.d})'}."
            )


def weighed_rows(data: Dataset, sample_weights: Any, class_weights: Any) -> tuple[Dataset, np.ndarray | None]:
    """The data with hard labels, and each row's weight; of soft labels both rows of each example.

    Args:
        data: n examples.
        sample_weights: (n,) or None.
        class_weights: as in `objective`.

    Returns:
        The data set, of n rows or of 2n; weights, sample and class weights and shares multiplied, or None if all are 1.
    """
    given = shaped_weights(data.n, sample_weights)
    if data.probabilities is None:
        rows, weights, shares = data, given, 1.0
        if sample_weights is None and class_weights is None:
            return data, None
    else:
        rows, shares = both_labels(data)
        weights = shares * (jnp if isinstance(given, Tracer) else np).tile(given, 2)
    labels = np.asarray(rows.labels)
    if isinstance(class_weights, str) and class_weights == "balanced":
        counts = {t: np.sum((labels == t) * shares) for t in (-1, 1)}
        class_weights = {t: data.n / (2.0 * (counts[t] or 1.0)) for t in (-1, 1)}
    if class_weights is not None:
        if not isinstance(class_weights, Mapping):
            raise ValueError(f'class_weights are {{-1: weight, +1: weight}} or "balanced", not {shown(class_weights)}.')
        if set(class_weights) != {-1, 1}:
            raise ValueError(
                f"class_weights are {{-1: weight, +1: weight}}, not keyed by {sorted(class_weights, key=str)}."
            )
        each = {t: checked_number(f"class_weights[{t}]", class_weights[t]) for t in (-1, 1)}
        weights = weights * np.where(labels > 0, each[1], each[-1])
    return rows, checked_weights(weights)
