"""`solve`: the exact minimum of a convex loss of a linear score, with a dual bound that certifies it.

The problem, in all its forms: 1/2 ||w||^2 + sum_i c_i phi(t_i (x_i . w + b)), c_i = C s_i, the bias b not penalised.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lossland.core import (
    Reals,
    checked_weights,
    guarded,
    html_repr,
    keep_compiled,
    plotted,
    promoting,
    shaped_weights,
    short_repr,
    takes_sparse,
)
from lossland.data import Dataset, RowsOnDisk, both_labels
from lossland.proofs import PROVEN
from lossland.solvers._common_point import NotSeparable
from lossland.solvers._convex_form import Form, convex_form
from lossland.solvers._hard_margin import separate
from lossland.solvers._optimum import Optimum, Stop
from lossland.solvers._problems import check_bounded, check_tol, problems, strength
from lossland.solvers._rounding import Certificate
from lossland.solvers._second_look import Looked, look_again_where, together
from lossland.solvers._sparse_optima import refuse_for_sparse, sparse_optima
from lossland.solvers._tiles import optima
from lossland.solvers._unpenalised import unpenalised

TOL, SPARSE_TOL = 1e-8, 1e-6
"""Relative gaps that are asked for where none is given."""


class Solution(NamedTuple):
    """An optimum and its certificate; every array begins with the batch axes of C, weights and labels.

    Attributes:
        weights: (..., d).
        bias: (...), 0 without a bias; the middle of `bias_interval`.
        duals: (..., n), alpha_i = -c_i phi'(m_i): w = sum_i alpha_i t_i x_i and sum_i alpha_i t_i = 0.
        objective: (...), the primal value at weights and bias.
        dual_objective: (...), the dual value at `duals`, a lower bound of every primal value.
        gap: (...), objective - dual_objective and what rounding may hide of it, relative to 1/2 ||w||^2 + sum_i c_i
            |phi_i|, which is the objective where the loss is not negative. A bound: the exact gap at these doubles is
            not larger.
        iterations: (...), those of a pilot, a smaller problem to start from, and of coordinate descent, from which
            sparse hinges start, left out.
        converged: (...), gap <= tol.
        bias_interval: (..., 2), the least and the largest optimal bias.
        support: (..., n), 0 where the example does not matter (alpha = 0), 2 where alpha is at its limit, 1 between.
        message: why what did not converge did not; empty if all did.
        convexity: of the loss: "proven", or "measured, not proven: " and why; `gap` is a bound for convex losses only.
        input_names: of the columns, where the data name them.
    """

    weights: Any
    bias: Any
    duals: Any
    objective: Any
    dual_objective: Any
    gap: Any
    iterations: Any
    converged: Any
    bias_interval: Any
    support: Any
    message: str
    convexity: str = PROVEN
    input_names: tuple[str, ...] = ()

    __repr__ = short_repr
    _repr_html_ = html_repr
    plot = plotted

    @property
    def params(self) -> dict[str, Any]:
        """The solution as params of the linear model, a plane's centre say."""
        return {"weights": self.weights, "bias": self.bias}


@promoting
@guarded(steps=1)
@takes_sparse
def solve(
    loss: Any,
    data: Dataset,
    *,
    C: Reals = None,
    l2: Reals = None,
    sample_weights: Reals = None,
    labels: Reals = None,
    bias: bool = True,
    tol: float | None = None,
    polish: bool = True,
    steps: int = 100,
    devices: Sequence[Any] | None = None,
) -> Solution:
    r"""Minimise :math:`\frac12 \|w\|^2 + C \sum_i s_i \, \phi(t_i (x_i \cdot w + b))` over w and b, exactly.

    The answer carries its own proof: a dual point, whose value bounds the objective from below. A loss made of
    parabolas and lines (hinge, squared_hinge, huber, absolute, ...) is solved by an interior point with an active-set
    polish, a smooth one (logistic, exponential, dwd, ...) by Newton's method; both in float64. On sparse inputs either
    takes Newton steps by conjugate gradients, without a d x d or a dense n x d matrix.

    Args:
        loss: a convex margin loss by name, function or entry ("hinge", "huber(delta=0.5)"), a label loss such as
            `weighted("hinge", positive=2.0)`, or a pair that is convex in the score. The perceptron's optimum is
            w = 0, as it asks for no margin. A list of such losses becomes the first batch axis, one program a loss.
        data: from `load` or `Dataset`, inputs (n, d), dense or sparse; labels -1 and +1, or probabilities p: an
            example's loss is then p phi(z) + (1 - p) phi(-z), z its score, and its dual alpha_i = t_i (a_i+ - a_i-),
            of its two labels'.
        C: the weight of the losses, positive; a scalar or an array, whose axes become batch axes. inf asks for the
            hard margin, of a loss that is 0 from margin 1 on, and of a smooth loss for the estimate without a penalty.
        l2: instead of C, the penalty of a mean loss: C = 1 / (n * l2).
        sample_weights: s, (n,) or (..., n), not negative; 1 by default. An example of weight 0 is left out.
        labels: (..., n) in {-1, +1}, to be used in place of the data's.
        bias: whether b is free; else b = 0.
        tol: the relative gap at which a problem counts as converged; None: 1e-8, of sparse inputs 1e-6.
        polish: go on to a gap of rounding size; else stop at `tol`, as sparse inputs always do.
        steps: the most iterations.
        devices: over which to cut the rows, say `jax.devices()`; one sum of a d x d matrix a step passes between them.
            Of several processes, each makes the same call. None: the host, by NumPy, whatever JAX's device is.

    Returns:
        A `Solution`; problems are batched over the broadcast axes of C, sample_weights and labels. One program is
        compiled for each shape of data and batch.

    Raises:
        ValueError: if the loss is not convex (a chord that it lies above is named) or has no minimum, C and l2 are both
            given or not positive, only one class has any weight, a weight is negative or not finite, or shapes do not
            match.
        NotSeparable: if the hard margin is asked for and the classes share a point, with the proof.
        Separable: if a smooth loss without a penalty has no minimum, with the plane that separates the classes.

    On the host nothing is compiled for a shape. Given devices, the first call of a shape (problems, examples,
    features) compiles for some seconds; the logger "lossland.solver" says so at level INFO, and warns of a loss whose
    convexity is measured, not proven.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset(inputs=[[1.0, 2.0], [1.0, -1.0], [0.0, 0.0]], labels=[1, 1, -1])
        >>> sol = ll.solve("hinge", data, C=[0.1, 10.0])
        >>> sol.weights[:, 0].round(6).tolist(), sol.converged.tolist()
        ([0.1, 2.0], [True, True])

    Sources: Mehrotra (1992); Fine & Scheinberg (2001); Gertz & Wright (2003); on sparse inputs Rockafellar (1976) and
    Keerthi & DeCoste (2005).
    """
    check_tol(tol)
    tol = (SPARSE_TOL if getattr(data, "sparse", False) else TOL) if tol is None else tol
    if isinstance(loss, list):
        settings = {"C": C, "l2": l2, "sample_weights": sample_weights, "labels": labels, "bias": bias}
        settings |= {"tol": tol, "polish": polish, "steps": steps, "devices": devices}
        return _together([solve(each, data, **settings) for each in loss])
    if getattr(data, "probabilities", None) is not None:
        options = {"bias": bias, "tol": tol, "polish": polish, "steps": steps, "devices": devices}
        return _of_soft_labels(loss, data, strength(data.n, C, l2), sample_weights, labels, options)
    keep_compiled()
    form = convex_form(loss)
    t, c, shape = problems(data, C, l2, sample_weights, labels)
    check_bounded(form, t, c, bias)
    if data.sparse:
        refuse_for_sparse(data, c, devices)
        found = sparse_optima(form, data.inputs, t, c, bias, tol, steps)
        return _solution(found, shape, tol, steps)._replace(convexity=form.convexity, input_names=data.input_names)
    if np.isinf(c).any():
        s = checked_weights(shaped_weights(data.n, sample_weights, batched=True))
        return _at_infinity(
            form, data, t, c, np.broadcast_to(s, (*shape, data.n)).reshape(-1, data.n), shape, bias, tol, steps
        )
    stop = Stop(steps, min(tol, 1e-12), 2) if polish else Stop(steps, tol, 0)
    found = _table(*optima(form, data, t, c, bias, stop, devices, tol), bias)
    found = look_again_where(form, data.inputs, t, c, bias, tol, steps, found)
    return _solution(found, shape, tol, steps)._replace(convexity=form.convexity, input_names=data.input_names)


def _of_soft_labels(loss: Any, data: Dataset, C: Any, sample_weights: Any, labels: Any, options: dict) -> Solution:
    """The solution for soft labels: every example as +1 and as -1, weighted by its shares, is an ordinary problem."""
    if labels is not None:
        raise ValueError("These data have probabilities, which labels= would replace; leave labels out.")
    given = checked_weights(shaped_weights(data.n, sample_weights, batched=True))
    rows, shares = both_labels(data)
    weights = np.concatenate([given, given], axis=-1) * shares
    found = solve(loss, rows, C=C, sample_weights=weights, **options)
    (positive, negative), (above, below) = (np.split(x, 2, axis=-1) for x in (found.duals, found.support))
    between = (above == 1) | (below == 1)
    support = np.where(between, 1, np.maximum(above, below)).astype(np.int8)
    return found._replace(duals=data.labels * (positive - negative), support=support)


def _together(solutions: list[Solution]) -> Solution:
    """Several losses' solutions under one more axis, the first."""
    if not solutions:
        raise ValueError('The list of losses is empty; give at least one, say ["hinge", "logistic"].')
    messages = dict.fromkeys(each.message for each in solutions if each.message)
    doubts = dict.fromkeys(each.convexity for each in solutions if each.convexity != PROVEN)
    arrays = [np.stack(field) for field in zip(*(each[:-3] for each in solutions), strict=True)]
    convexity = "; ".join(doubts) or PROVEN
    return Solution(*arrays, message=" ".join(messages), convexity=convexity, input_names=solutions[0].input_names)


def _at_infinity(
    form: Form,
    data: Dataset,
    t: np.ndarray,
    c: np.ndarray,
    s: np.ndarray,
    shape: tuple[int, ...],
    bias: bool,
    tol: float,
    steps: int,
) -> Solution:
    """The solutions of C = inf one after another: the hard margin, or a smooth loss without a penalty."""
    if isinstance(data.inputs, RowsOnDisk):
        data.inputs.refuse("them whole for C=inf")
    terms = form.terms
    if terms is not None and (
        terms.low.shape[1] > 1 or terms.low.any() or (terms.knot != 1).any() or terms.constant.any()
    ):
        raise ValueError(
            f"C=inf is solved for the hard margin, with a loss that is 0 from margin 1 on as the hinge, and for smooth "
            f"losses that are not made of parabolas, as the logistic loss; {form.pair.name} is neither. Give a C."
        )
    if not np.isinf(c.max(axis=1)).all():
        raise ValueError("C holds inf and finite values; solve C=inf on its own.")
    rows = []
    for k in range(len(c)):
        labels = t[k % len(t)]
        if terms is None:
            rows.append(unpenalised(form, data.inputs, labels, s[k], bias, steps))
            continue
        keep = np.flatnonzero(c[k] > 0)
        try:
            found = separate(data.inputs[keep], labels[keep], bias, steps)
        except NotSeparable as error:
            raise error.spread(keep, data.n) from None
        duals, support = np.zeros(data.n), np.zeros(data.n, np.int8)
        duals[keep], support[keep] = found.duals, found.support
        rows.append(found._replace(duals=duals, support=support))
    return _solution(together(rows), shape, tol, steps)._replace(convexity=form.convexity, input_names=data.input_names)


def _table(found: Optimum, proof: Certificate, bias: bool) -> Looked:
    """The problems' solutions with gaps that rounding is part of."""
    weights, b = (found.point[:, :-1], found.point[:, -1]) if bias else (found.point, np.zeros(len(found.point)))
    # A problem whose optimum is 0, and was found to be, has gap 0.
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.abs(proof.objective - proof.dual_objective)
        gap = np.where((apart == 0) & (proof.size == 0), 0.0, (apart + proof.doubt) / proof.size)
    return Looked(
        weights, b, found.duals, proof.objective, proof.dual_objective, gap, found.iterations, found.interval,
        found.support, np.full(len(gap), "", object),
    )  # fmt: skip


def _solution(found: Looked, shape: tuple[int, ...], tol: float, steps: int) -> Solution:
    """The answer to the caller: shapes of the batch, and which problems converged."""

    def shaped(rows: Any) -> Any:
        return rows.reshape(shape + rows.shape[1:])[()]

    # NaN is never within tol.
    converged = found.gap <= tol
    return Solution(
        weights=shaped(found.weights),
        bias=shaped(found.bias),
        duals=shaped(found.duals),
        objective=shaped(found.objective),
        dual_objective=shaped(found.dual_objective),
        gap=shaped(found.gap),
        iterations=shaped(found.iterations),
        converged=shaped(converged),
        bias_interval=shaped(found.interval),
        support=shaped(found.support),
        message=_message(found, converged, tol, steps),
    )


def _message(found: Looked, converged: np.ndarray, tol: float, steps: int) -> str:
    """Why what did not converge did not; empty if all did."""
    if converged.all():
        return ""
    worst = int(np.argmax(np.where(np.isnan(found.gap), np.inf, found.gap)))
    ended = "the steps allowed were used up" if found.iterations[worst] >= steps else "rounding allowed no better step"
    why = found.reason[worst] or (
        f"{ended}. Inputs of very different sizes or a very large C do this: standardise the data, or lower C."
    )
    return (
        f"{int((~converged).sum())} of {len(converged)} problems did not reach a relative gap of {tol:g}; the worst, "
        f"number {worst}, has {found.gap[worst]:.2g} after {found.iterations[worst]} iterations: {why}"
    )
