"""The SVM hidden in pairs that are flat beyond a score, and the repairs of a ReLU output measured side by side."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossland.core import Key, Model, Params, guarded, renamed
from lossland.curves import tabulate
from lossland.data import Dataset, refuse_soft
from lossland.elements import Loss, Pair
from lossland.elements import pair as as_pair
from lossland.elements.activations import relu
from lossland.geometry._decision_rules import class_margins
from lossland.properties import card
from lossland.solvers import Solution, solve
from lossland.training import Objective, linear, objective


class HiddenSVM(NamedTuple):
    """The point of least norm among the global minima of a pair on separable data.

    Attributes:
        weights: (d,).
        bias: ().
        threshold: (p - q) / 2, where the line lies in the middle between the classes.
        positive: p: positives cost nothing more from z = p on.
        negative: q: negatives cost nothing more up to z = -q.
        svm: the hard margin from which it is scaled and shifted.
    """

    weights: np.ndarray
    bias: float
    threshold: float
    positive: float
    negative: float
    svm: Solution


class Repair(NamedTuple):
    """A change to a ReLU output with the hinge.

    Attributes:
        name: what is changed.
        pair: the pair.
        threshold: the rule z > threshold says +1.
        outputs: 1, or 2 for the difference of two ReLU outputs.
        bias: added to each start's bias.
        scale: by which each start's weights and bias are multiplied before.
        zero: start at zero instead.
    """

    name: str
    pair: Pair
    threshold: float = 0.0
    outputs: int = 1
    bias: float = 0.0
    scale: float = 1.0
    zero: bool = False


class RepairResult(NamedTuple):
    """What became of one repair's runs.

    Attributes:
        name: of the repair.
        dead: the share of runs at whose end nothing pulls although an example is misclassified.
        error: the mean share of misclassified examples over the runs that are not dead; 1 if all are.
        worst_error: the largest.
        calibrated: whether the rule is classification-calibrated.
        positive_margin: the median distance of the nearest positive to the line over the runs without errors; None
            where there is none or the rule is no line.
        negative_margin: of the nearest negative.
        errors: (starts,), of each run.
        params: with a leading axis of starts.
    """

    name: str
    dead: float
    error: float
    worst_error: float
    calibrated: bool
    positive_margin: float | None
    negative_margin: float | None
    errors: np.ndarray
    params: Params


@renamed(activation="pair")
@guarded()
def hidden_svm(pair: Any, data: Dataset) -> HiddenSVM:
    r"""Scale and shift the hard-margin SVM to the least-norm global minimum of a pair on separable data.

    A pair whose loss is least for positives exactly from z = p on, and for negatives up to z = -q, is least wherever
    z_+ >= p and z_- <= -q. Of those the point of least norm is

    .. math:: w = \frac{p + q}{2} w_{svm}, \quad b = \frac{p + q}{2} b_{svm} + \frac{p - q}{2}

    ReLU + hinge has p = 1 and q = 0: half the SVM, read at the threshold 1/2. A leaky ReLU of slope a has p = 1 and
    q = 1/a, a margin 1/a times as wide for negatives if it is read at 0.

    Args:
        pair: a pair or its name.
        data: n separable examples of both classes.

    Returns:
        The point and what it is made of; see `HiddenSVM`.

    Raises:
        NotSeparable: if no plane separates the classes, with the proof.
        ValueError: if the pair's losses are not least on two such half-lines, or only one class is there.

    Example:
        >>> import lossland as ll
        >>> found = ll.hidden_svm("relu+hinge", ll.load("soudry_figure1"))
        >>> found.weights.round(9).tolist(), round(found.bias, 9), found.threshold
        ([0.25, 0.25], 0.5, 0.5)
    """
    refuse_soft(data, "hidden_svm")
    made = as_pair(pair)
    bottoms = [tabulate(made).shape(row).bottoms for row in (0, 1)]
    ends = [[part.low for part in bottoms[0] if part.high == np.inf]]
    ends.append([-part.high for part in bottoms[1] if part.low == -np.inf])
    if not (ends[0] and ends[1]) or len(bottoms[0]) > 1 or len(bottoms[1]) > 1:
        raise ValueError(
            f"{made.name} is not least from a score on for positives and up to one for negatives, so no SVM is hidden "
            f"in it. Pairs that are: identity+hinge, relu+hinge, leaky_relu+hinge, shifted_relu+squared_hinge."
        )
    p, q = float(ends[0][0]) + 0.0, float(ends[1][0]) + 0.0
    if not p + q > 0:
        raise ValueError(f"{made.name} asks for no margin (p = {p:g}, q = {q:g}): w = 0 is as good as any separator.")
    sol = solve("hinge", data, C=np.inf)
    half = 0.5 * (p + q)
    return HiddenSVM(half * sol.weights, float(half * sol.bias + 0.5 * (p - q)), 0.5 * (p - q), p, q, sol)


@guarded()
def relu_repairs(slope: float = 0.1, c: float = 1.0) -> tuple[Repair, ...]:
    """The repairs of ReLU + hinge, the unrepaired pair first and the SVM last.

    Args:
        slope: of the leaky ReLU.
        c: of the shifted ReLU max(z, -c).

    Returns:
        One `Repair` each.

    Example:
        >>> import lossland as ll
        >>> [r.name for r in ll.geometry.relu_repairs()][:2]
        ['ReLU + hinge', 'threshold 1/2']
    """
    plain = as_pair("relu", "hinge")
    matching = as_pair("identity", Loss("relu_matching", _relu_matching, kind="label", convex=True))
    return (
        Repair("ReLU + hinge", plain),
        Repair("threshold 1/2", plain, 0.5),
        Repair(f"leaky ReLU, slope {slope:g}", as_pair(f"leaky_relu(slope={slope!r})", "hinge")),
        Repair(f"max(z, {-c:g})", as_pair(f"shifted_relu(c={c!r})", "hinge"), 0.5 * (1 - min(c, 1.0))),
        Repair("matching loss of ReLU", matching, 0.5),
        Repair("two ReLU outputs", as_pair("identity", "hinge"), outputs=2),
        Repair("start: bias + 1, weights / 10", plain, 0.5, bias=1.0, scale=0.1),
        Repair("start at 0, tie 0", as_pair("relu(tie=0.0)", "hinge"), 0.5, zero=True),
        Repair("start at 0, tie 1/2", as_pair("relu(tie=0.5)", "hinge"), 0.5, zero=True),
        Repair("no ReLU (SVM)", as_pair("identity", "hinge")),
    )


@guarded(starts=1, steps=1)
def compare_repairs(
    data: Dataset,
    repairs: Sequence[Repair] | None = None,
    *,
    starts: int = 30,
    steps: int = 2000,
    learning_rate: float = 0.1,
    l2: float = 1e-3,
    bias_scale: float = 3.0,
    seed: int = 0,
) -> tuple[RepairResult, ...]:
    """Train every repair on the same data from the same random starts, and measure what it restores.

    Args:
        data: the examples.
        repairs: from `relu_repairs`, all by default.
        starts: how many.
        steps: of gradient descent.
        learning_rate: their size.
        l2: the penalty.
        bias_scale: the standard deviation of the biases at the start; some begin dead.
        seed: decides the starts.

    Returns:
        One result a repair, in order; see `RepairResult`. None of the numbers is NaN.

    Raises:
        ValueError: if the data hold one class only, or a number is not positive.

    Example:
        >>> import lossland as ll
        >>> data = ll.load("two_gaussians(n=60, distance=6.0)")
        >>> first, *_, last = ll.geometry.relu_repairs()
        >>> plain, svm = ll.geometry.compare_repairs(data, [first, last], starts=20, steps=200)
        >>> plain.dead > svm.dead, svm.dead
        (True, 0.0)
    """
    refuse_soft(data, "compare_repairs")
    if not (np.any(data.labels > 0) and np.any(data.labels < 0)):
        raise ValueError("Repairs are compared on two classes; these data hold one.")
    if min(starts, steps) < 1 or not (learning_rate > 0 and bias_scale >= 0):
        raise ValueError("starts, steps and learning_rate must be positive, bias_scale not negative.")
    weights, biases = _starts(data.d, starts, bias_scale, seed)
    run = functools.partial(_trained, steps=steps, rate=learning_rate)
    compared = relu_repairs() if repairs is None or len(repairs) == 0 else repairs
    return tuple(_measured(r, data, weights, biases, l2, run) for r in compared)


def _relu_matching(output: Any, label: Any) -> Array:
    """1/2 (z)_+^2 - z + 1/2 for positives, 1/2 (z)_+^2 for negatives: convex, and a dead positive has slope -1."""
    output = jnp.asarray(output)
    label = jnp.broadcast_to(jnp.asarray(label, output.dtype), output.shape)
    return 0.5 * relu(output) ** 2 - jnp.where(label > 0, output - 0.5, 0.0)


def _starts(d: int, starts: int, bias_scale: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two draws of weights and biases, (2, starts, d) and (2, starts): the second is for a second output."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2, starts, d)) / np.sqrt(d), bias_scale * rng.normal(size=(2, starts))


def _two_relus() -> Model:
    """The difference of two ReLU outputs, its score: params {"weights": (2, d), "bias": (2,)}."""

    def init(key: Key, d: int) -> Params:
        return {"weights": jax.random.normal(key, (2, d)) / d**0.5, "bias": jnp.zeros(2)}

    return Model(init, _difference, "two_relus", lambda params: params["weights"])


def _difference(params: Params, inputs: Array) -> Array:
    """The scores of the difference of two ReLU outputs, (n,)."""
    product = functools.partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    first, second = (product(inputs, params["weights"][k]) + params["bias"][k] for k in (0, 1))
    return relu(first) - relu(second)


@functools.partial(jax.jit, static_argnames="steps")
def _trained(f: Objective, params: Params, steps: int, rate: float) -> tuple[Params, Params, Array]:
    """Params after all steps, the gradients of their risks and their scores, each with the axis of starts first."""

    def risk_slope(params: Params) -> Params:
        return jax.vmap(jax.grad(f.risk))(params)

    def step(_: Any, params: Params) -> Params:
        # The gradient of l2/2 ||w||^2 is written out: the biases are not penalised.
        gradient = risk_slope(params)
        gradient["weights"] = gradient["weights"] + f.l2 * params["weights"]
        return jax.tree.map(lambda p, g: p - rate * g, params, gradient)

    params = jax.lax.fori_loop(0, steps, step, params)
    return params, risk_slope(params), jax.vmap(f.scores)(params)


def _measured(
    repair: Repair, data: Dataset, weights: np.ndarray, biases: np.ndarray, l2: float, run: Callable
) -> RepairResult:
    """Train one repair from all starts, and measure it."""
    model = linear() if repair.outputs == 1 else _two_relus()
    size = 0.0 if repair.zero else repair.scale
    w, b = size * weights, (0.0 if repair.zero else repair.scale) * biases + repair.bias
    params = {"weights": w[0], "bias": b[0]}
    if repair.outputs == 2:
        params = {"weights": np.moveaxis(w, 0, 1), "bias": b.T}
    with jax.enable_x64(True):
        f = objective(repair.pair, model, data, l2=l2)
        params, gradients, scores = jax.tree.map(np.asarray, run(f, jax.tree.map(jnp.asarray, params)))
    # Of two outputs both may be flat where their difference would pull: the gradient says, not the weights.
    still = ~np.any([g.reshape(len(scores), -1).any(axis=1) for g in gradients.values()], axis=0)
    errors = np.mean(np.where(scores > repair.threshold, 1.0, -1.0) != data.labels, axis=1)
    dead = still & (errors > 0)
    alive = errors[~dead] if (~dead).any() else np.ones(1)
    margins = _margins(repair, data, params, errors)
    return RepairResult(
        repair.name,
        float(dead.mean()),
        float(alive.mean()),
        float(errors.max()),
        card(repair.pair).calibrated(repair.threshold),
        *margins,
        errors,
        params,
    )


def _margins(repair: Repair, data: Dataset, params: Params, errors: np.ndarray) -> tuple[float | None, float | None]:
    """The median distances of the nearest positive and negative over the runs without errors."""
    rows = np.flatnonzero(errors == 0)
    if repair.outputs == 2 or not rows.size:
        return None, None
    held = [class_margins(params["weights"][k], params["bias"][k], data, threshold=repair.threshold) for k in rows]
    return float(np.median([m.positive for m in held])), float(np.median([m.negative for m in held]))
