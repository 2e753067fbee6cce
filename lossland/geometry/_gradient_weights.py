"""Which examples pull, how strongly, and where nothing pulls: minus the derivative of each loss in its margin."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from lossland.core import Params, Reals, checked_number, guarded, takes_sparse, weighted
from lossland.training import Objective, refuse_other_params


class GradientWeights(NamedTuple):
    """How each example pulls at a point. Each example is in exactly one of the four groups.

    Attributes:
        weights: (n,), minus the derivative of the loss in the margin t z: above 0 the example pulls its score to its
            own side. Sample weights are left out.
        margins: (n,), t z.
        active: (n,), the weight is above 0.
        dead: (n,), the weight is 0 although the example is misclassified.
        saturated: (n,), the weight is 0 and the example is classified as it should be.
        wrong_way: (n,), the weight is below 0: a larger margin costs more, as for the square beyond 1.
    """

    weights: Array
    margins: Array
    active: Array
    dead: Array
    saturated: Array
    wrong_way: Array


class SupportOverlap(NamedTuple):
    """How far the examples that pull are the support vectors.

    Attributes:
        precision: of the examples that pull, the share that are support vectors; 1 if none pulls.
        recall: of the support vectors, the share that pull; 1 if there are none.
        jaccard: the size of the intersection by that of the union; 1 if both are empty.
        cosine: of the weights with the duals, a comparison without a cut; 0 if either is 0 everywhere.
        top: of the k heaviest examples, the share that are support vectors, k the number of these; 1 if k = 0.
    """

    precision: float
    recall: float
    jaccard: float
    cosine: float
    top: float


@guarded()
@takes_sparse
def gradient_weights(
    f: Objective, params: Params, *, threshold: ArrayLike = 0.0, tol: ArrayLike = 0.0
) -> GradientWeights:
    r"""What multiplies each example in the gradient step: :math:`-\partial \ell_i / \partial m_i, \; m_i = t_i z_i`.

    Sample and class weights are left out: it is each example's own pull.

    The gradient of a linear score's risk is minus the mean of weight times t times (x, 1). The SVM's duals are these
    weights at its solution; logistic regression's are :math:`\sigma(-m)`. Where a model's scores depend on one another,
    by batch statistics say, an example of weight 0 still has a part in the scores of others. JAX transforms it:
    `jax.vmap` it over a training run, or hand it to `fit` as `record`.

    Args:
        f: from `objective`; any model. With soft labels t_i is the nearer one, the loss p positive + (1 - p) negative.
        params: where.
        threshold: the rule z > threshold says +1; it decides which examples count as misclassified.
        tol: weights up to this size count as 0.

    Returns:
        The weights and the groups; see `GradientWeights`.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[-1.0], [0.5], [2.0], [-0.5], [0.5]], [1, 1, 1, -1, -1])
        >>> at = {"weights": np.array([1.0]), "bias": np.array(0.0)}
        >>> w = ll.gradient_weights(ll.objective(ll.pair("relu", "hinge"), data=data), at)
        >>> w.weights.tolist(), w.dead.tolist()
        ([0.0, 1.0, 0.0, 0.0, 1.0], [True, False, False, False, False])

    Source: the duals of Cortes & Vapnik (1995), read off the gradient.
    """
    refuse_other_params(f, params)
    checked_number("threshold", threshold)
    checked_number("tol", tol)
    (scores, slopes), labels = _scores_and_slopes(f, params), f.labels
    if f.probabilities is not None:
        # Both rows of an example have one score; its label is the nearer one.
        positive, negative = jnp.split(slopes, 2)
        slopes = weighted(positive, f.probabilities) + weighted(negative, 1.0 - f.probabilities)
        scores, labels = scores[: f.examples], jnp.where(f.probabilities >= 0.5, 1.0, -1.0)
    # + 0 turns -0 into 0.
    weights = -labels * slopes + 0.0
    wrong = jnp.where(scores > threshold, 1.0, -1.0) != labels
    still = jnp.abs(weights) <= tol
    return GradientWeights(
        weights, labels * scores, weights > tol, still & wrong, still & ~wrong, (weights < 0) & ~still
    )


@jax.jit
def _scores_and_slopes(f: Objective, params: Params) -> tuple[Array, Array]:
    scores = f.scores(params)
    return scores, f.pair.slope(scores, f.labels)


@guarded()
def group_shares(held: GradientWeights) -> dict[str, Array]:
    """The share of the examples in each group, over the last axis: along a run one curve a group.

    Args:
        held: from `gradient_weights`, with any leading axes.

    Returns:
        Group -> share; they sum to 1.

    Example:
        >>> import lossland as ll
        >>> f = ll.objective(ll.pair("identity", "hinge"), data=ll.Dataset([[1.0], [-3.0]], [1, -1]))
        >>> held = ll.gradient_weights(f, {"weights": np.array([0.5]), "bias": np.array(0.0)})
        >>> {name: float(share) for name, share in ll.geometry.group_shares(held).items()}
        {'active': 0.5, 'dead': 0.0, 'saturated': 0.5, 'wrong_way': 0.0}
    """
    groups = ("active", "dead", "saturated", "wrong_way")
    return {name: jnp.mean(jnp.asarray(getattr(held, name), float), axis=-1) for name in groups}


@guarded()
def support_overlap(weights: Reals, duals: Reals, *, tol: float = 1e-9) -> SupportOverlap:
    r"""Hold the examples that pull against the support vectors: :math:`\{w_i > \epsilon\}` against :math:`\{\alpha_i
    > \epsilon\}`.

    Args:
        weights: (n,), from `gradient_weights`; those below 0 count as 0.
        duals: (n,), from `solve`.
        tol: the epsilon, relative to the largest of each.

    Returns:
        Precision, recall, Jaccard index, cosine and the share among the heaviest; never NaN.

    Raises:
        ValueError: if the shapes differ or a number is not finite.

    Example:
        >>> import lossland as ll
        >>> ll.geometry.support_overlap([1.0, 0.5, 0.0, 0.1], [1.0, 0.0, 0.0, 1.0])._asdict()["jaccard"].__round__(3)
        0.667
    """  # noqa: D205 - the formula runs on
    w, a = np.maximum(np.asarray(weights, float), 0.0), np.maximum(np.asarray(duals, float), 0.0)
    if w.shape != a.shape or w.ndim != 1:
        raise ValueError(f"weights and duals are one number an example each; their shapes are {w.shape} and {a.shape}.")
    if not (np.isfinite(w).all() and np.isfinite(a).all()):
        raise ValueError("weights or duals are not finite; was the point inf or NaN?")
    pulls, support = w > tol * w.max(initial=0.0), a > tol * a.max(initial=0.0)
    both, k = int(np.sum(pulls & support)), int(support.sum())
    size = float(np.linalg.norm(w) * np.linalg.norm(a))
    heaviest = np.argsort(-w, kind="stable")[:k]
    return SupportOverlap(
        both / int(pulls.sum()) if pulls.any() else 1.0,
        both / k if k else 1.0,
        both / int(np.sum(pulls | support)) if np.any(pulls | support) else 1.0,
        float(w @ a) / size if size > 0 else 0.0,
        float(np.mean(support[heaviest])) if k else 1.0,
    )
