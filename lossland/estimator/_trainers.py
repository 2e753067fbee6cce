"""Three ways to train the linear scores of one or several problems on the same inputs: exact, by descent, softmax."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from lossland.core import placed
from lossland.data import Dataset, is_sparse
from lossland.elements import Pair
from lossland.solvers import convex_form, solve
from lossland.training import Objective, affine, bcoo_of, fit, linear, objective


class BinaryProblems(NamedTuple):
    """k problems of two classes on the same inputs, one for a class against the rest.

    Attributes:
        pair: the pair.
        inputs: (n, d), dense or of scipy's compressed rows.
        labels: (k, n), -1 and +1.
        weights: (n,), of the examples.
        C: the weight of the losses.
        bias: whether there is one.
    """

    pair: Pair
    inputs: Any
    labels: np.ndarray
    weights: np.ndarray
    C: float
    bias: bool


class Trained(NamedTuple):
    """What training k problems gave.

    Attributes:
        weights: (k, d).
        bias: (k,).
        objective: (k,).
        duals: (k, n), alpha t; None where none certify.
        gap: the largest relative duality gap; NaN of descent.
        iterations: of the longest problem.
        solver: "exact" or "descent".
        message: why what did not converge did not.
    """

    weights: np.ndarray
    bias: np.ndarray
    objective: np.ndarray
    duals: np.ndarray | None
    gap: float
    iterations: int
    solver: str
    message: str


@functools.lru_cache(maxsize=512)
def is_convex(pair: Pair) -> bool:
    """Whether `solve` takes the pair."""
    try:
        convex_form(pair)
    except ValueError:
        return False
    return True


def exact(problems: BinaryProblems, tol: float) -> Trained:
    """All problems by `solve`, in one call."""
    return trained_at(exact_path(problems, np.array([problems.C]), problems.weights[None], tol), 0, 0)


class ExactPath(NamedTuple):
    """The optima of c values of C, f sets of weights and k problems.

    Attributes:
        weights: (c, f, k, d).
        bias: (c, f, k).
        objective: (c, f, k).
        duals: (c, f, k, n), alpha t.
        gap: (c, f, k).
        iterations: (c, f, k).
        message: why what did not converge did not.
    """

    weights: np.ndarray
    bias: np.ndarray
    objective: np.ndarray
    duals: np.ndarray
    gap: np.ndarray
    iterations: np.ndarray
    message: str


def exact_path(problems: BinaryProblems, Cs: np.ndarray, weights: np.ndarray, tol: float) -> ExactPath:
    """The problems under c values of C and weights (f, n), in one call of `solve`; a weight of 0 leaves out."""
    n, d = problems.inputs.shape
    if is_sparse(problems.inputs):
        return _sparse_path(problems, Cs, weights, tol)
    # Folds and resamples differ a little in size: padded, they share a compiled program. Rows of weight 0 and columns
    # of zeros change nothing.
    more = _shared_size(n, 256) - n, _shared_size(d, 8) - d
    inputs = np.pad(problems.inputs, ((0, more[0]), (0, more[1])))
    labels = np.pad(problems.labels, ((0, 0), (0, more[0])), constant_values=1.0)
    held = np.pad(weights, ((0, 0), (0, more[0])))[:, None]
    data = Dataset(inputs=inputs, labels=labels[0])
    several = labels if len(labels) > 1 else labels[0]
    sol = solve(
        problems.pair, data, C=Cs[:, None, None], labels=several, sample_weights=held, bias=problems.bias, tol=tol
    )
    return ExactPath(
        sol.weights[..., :d], sol.bias, sol.objective, sol.duals[..., :n] * problems.labels, sol.gap, sol.iterations,
        sol.message,
    )  # fmt: skip


def _sparse_path(problems: BinaryProblems, Cs: np.ndarray, weights: np.ndarray, tol: float) -> ExactPath:
    """The same of sparse inputs, for which no program is compiled."""
    labels = problems.labels if len(problems.labels) > 1 else problems.labels[0]
    data = Dataset(inputs=problems.inputs, labels=problems.labels[0])
    sol = solve(
        problems.pair, data, C=Cs[:, None, None], labels=labels, sample_weights=weights[:, None], bias=problems.bias,
        tol=tol,
    )  # fmt: skip
    duals = sol.duals * problems.labels
    return ExactPath(sol.weights, sol.bias, sol.objective, duals, sol.gap, sol.iterations, sol.message)


def trained_at(found: ExactPath, at: int, fold: int) -> Trained:
    """What an exact path holds at one C and one set of weights."""
    w, b, value, duals, gap, iterations = (np.asarray(part[at, fold]) for part in found[:-1])
    return Trained(w, b, value, duals, float(gap.max()), max(1, int(iterations.max())), "exact", found.message)


def _shared_size(size: int, least: int) -> int:
    """The size to which arrays are filled up, of few that occur: the next of 1, 1.5, 2, 3, 4, ... times the least."""
    power = least
    while power < size:
        if 3 * power // 2 >= size:
            return 3 * power // 2
        power *= 2
    return power


def descent(problems: BinaryProblems, steps: int, rate: float, restarts: int, seed: int, before: Any) -> Trained:
    """Each problem by Adam from random starts, a flat one and earlier weights if there are any; the lowest is kept."""
    n, d = problems.inputs.shape
    model = linear()
    if not problems.bias:
        model = model._replace(apply=lambda p, x: affine(p | {"bias": 0.0 * p["bias"]}, x))
    optimizer = optax.adam(optax.cosine_decay_schedule(rate, steps))
    keys = jax.random.split(jax.random.key(seed), restarts)
    found = []
    # The mean over the weights: an example of weight 2 is one that stands there twice.
    total = float(problems.weights.sum())
    with jax.enable_x64(True):
        for k, labels in enumerate(problems.labels):
            data = Dataset(inputs=problems.inputs, labels=labels)
            f = objective(problems.pair, model, data, 1.0 / (total * problems.C), problems.weights * (n / total))
            starts = _starts(keys, d)
            if before is not None and before[0].shape == (len(problems.labels), d):
                own = {"weights": before[0][k], "bias": before[1][k]}
                starts = jax.tree.map(lambda a, b: jnp.concatenate([a, jnp.asarray(b)[None]]), starts, own)
            ran = jax.vmap(lambda start, f=f: fit(f, start, optimizer, steps, record_every=steps).params)(starts)
            values = np.asarray(_values_at(f, ran), float)
            values = np.where(np.isfinite(values), values, np.inf)
            best = int(values.argmin())
            if not np.isfinite(values[best]):
                raise ValueError(f"Every start diverged; lower the learning rate, {rate:g}, or scale the inputs.")
            bias = float(np.asarray(ran["bias"])[best]) if problems.bias else 0.0
            found.append((np.asarray(ran["weights"], float)[best], bias, total * problems.C * values[best]))
    w, b, value = (np.array(part) for part in zip(*found, strict=True))
    return Trained(w, b, value, None, float("nan"), steps, "descent", "")


def _starts(keys: Any, d: int) -> Any:
    """Random starts, and one of score 1 everywhere: no ReLU is dead there, where a random start may lose examples."""
    drawn = jax.tree.map(np.asarray, [linear().init(key, d) for key in keys])
    return {
        "weights": placed(np.stack([*(each["weights"] for each in drawn), np.zeros(d)])),
        "bias": placed(np.array([*(each["bias"] for each in drawn), 1.0])),
    }


@jax.jit
def _values_at(f: Objective, params: Any) -> Any:
    return jax.vmap(f)(params)


def multinomial(problems: BinaryProblems, coded: np.ndarray, tol: float) -> Trained:
    r"""Softmax regression: :math:`\frac12 \|W\|^2 + C \sum_i s_i (\log \sum_k e^{z_{ik}} - z_{i y_i})`, certified.

    The duals are A = C s (Y - softmax(z)); they are feasible where each class's sum over the examples is 0, which a
    last Newton iteration in the biases brings about.
    """
    if problems.pair.name not in ("identity+logistic", "sigmoid+cross_entropy"):
        raise ValueError(
            f'multiclass="multinomial" is softmax regression, the form that identity + logistic (or sigmoid + '
            f'cross_entropy) has for several classes; {problems.pair.name} takes multiclass="ovr".'
        )
    with jax.enable_x64(True):
        inputs: Any = problems.inputs
        inputs = bcoo_of(Dataset(inputs, problems.labels[0]).inputs) if is_sparse(inputs) else jnp.asarray(inputs)
        given = inputs, jnp.asarray(coded), jnp.asarray(problems.C * problems.weights)
        found = _softmax(*given, len(problems.labels), problems.bias, 1e-2 * tol)
        w, b, duals, primal, dual, count = (np.asarray(part) for part in found)
    gap = float(abs(primal - dual) / primal)
    message = "" if gap <= tol else f"The relative duality gap is {gap:.2g}, above tol = {tol:g}. Scale the inputs."
    return Trained(w, b, np.full(len(w), float(primal)), duals, gap, max(1, int(count)), "exact", message)


@functools.partial(jax.jit, static_argnums=(3, 4))
def _softmax(inputs: Any, coded: Any, c: Any, classes: int, bias: bool, tol: float) -> Any:
    wanted = jax.nn.one_hot(coded, classes, dtype=inputs.dtype)

    def losses(scores: Any) -> Any:
        return c @ (jax.nn.logsumexp(scores, axis=1) - jnp.sum(scores * wanted, axis=1))

    def value(params: Any) -> Any:
        return 0.5 * jnp.sum(params[0] ** 2) + losses(inputs @ params[0].T + bias * params[1][None])

    def pulls(params: Any) -> Any:
        return c[:, None] * (wanted - jax.nn.softmax(inputs @ params[0].T + bias * params[1][None], axis=1))

    def balanced(params: Any) -> Any:
        def step(_: Any, b: Any) -> Any:
            p = jax.nn.softmax(inputs @ params[0].T + b[None], axis=1)
            hessian = jnp.diag(c @ p) - (p * c[:, None]).T @ p
            # Biases are known up to a constant: the ones direction is filled up.
            move = jnp.linalg.solve(hessian + jnp.sum(c) / classes, c @ (p - wanted))
            return b - move

        b = jax.lax.fori_loop(0, 3, step, params[1]) if bias else params[1]
        return params[0], b - b.mean()

    optimizer = optax.lbfgs(memory_size=30)
    seen = optax.value_and_grad_from_state(value)

    def going(carry: Any) -> Any:
        _, state, count = carry
        norm = optax.tree.norm(optax.tree.get(state, "grad"))
        return (count == 0) | ((count < 2000) & (norm > tol * jnp.sum(c)))

    def move(carry: Any) -> Any:
        params, state, count = carry
        at, gradient = seen(params, state=state)
        updates, state = optimizer.update(gradient, state, params, value=at, grad=gradient, value_fn=value)
        return optax.apply_updates(params, updates), state, count + 1

    start = jnp.zeros((classes, inputs.shape[1]), inputs.dtype), jnp.zeros(classes, inputs.dtype)
    params, _, count = jax.lax.while_loop(going, move, (start, optimizer.init(start), 0))
    params = balanced(params)
    a = pulls(params)
    shares = jnp.where(c[:, None] > 0, wanted - a / jnp.where(c > 0, c, 1.0)[:, None], 0.0)
    dual = -jnp.sum(c[:, None] * jax.scipy.special.xlogy(shares, shares)) - 0.5 * jnp.sum((inputs.T @ a) ** 2)
    return *params, a.T, value(params), dual, count
