"""First-order methods on `solve`'s problem, to be compared with its exact optimum: small scans, for teaching.

All minimise the hinge's objective 1/2 ||w||^2 + C sum_i max(0, 1 - t_i (x_i . w + b)), and each says what it does with
the bias: `subgradient_descent`, `averaged_sgd` and `smoothed_lbfgs` leave it free and unpenalised, as `solve` does;
`pegasos` and `dual_coordinate_descent` have none (b = 0), whose optimum is solve(..., bias=False). Append a column of
ones to the inputs to give them one, which is then penalised.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from lossland.core import Key, guarded
from lossland.data import Dataset, refuse_soft
from lossland.elements.losses import hinge, smooth_hinge


class Descent(NamedTuple):
    """What a first-order method left.

    Attributes:
        weights: (d,).
        bias: a scalar, 0 for the methods without one.
        objective: (epochs,), the objective at the end of every epoch (of every step for `subgradient_descent` and
            `smoothed_lbfgs`).
        passes: (epochs,), passes over the data until then: as many scores and slopes of single examples, over n.
    """

    weights: Array
    bias: Array
    objective: Array
    passes: Array


@guarded(steps=1)
def subgradient_descent(data: Dataset, *, C: float, steps: int = 1000) -> Descent:
    r"""The best point of full subgradient steps :math:`w \leftarrow w - \frac{1}{k} g_w`; the bias is free.

    The objective is 1-strongly convex in w, hence the step 1/k; the bias, which nothing penalises, takes
    1 / (C n sqrt k). A step may go up, so the best point is kept.

    Args:
        data: inputs (n, d), labels -1 and +1.
        C: the weight of the losses, positive.
        steps: how many.

    Returns:
        A `Descent`, the objective of the best point after every step.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset(inputs=[[-1.0], [1.0]], labels=[-1, 1])
        >>> f"{ll.solvers.subgradient_descent(data, C=1.0, steps=200).weights[0]:.2f}"
        '1.00'

    Source: Shor (1985).
    """
    with jax.enable_x64(True):
        inputs, t, strength = _given(data, C)

        def step(state: tuple, k: Array) -> tuple[tuple, Array]:
            w, b, best = state
            pulls = _pulls(inputs, t, w, b)
            w = w - (w - strength * pulls @ inputs) / k
            b = b + pulls.sum() / (len(t) * jnp.sqrt(k))
            value = _objective(inputs, t, strength, w, b)
            kept = jax.tree.map(lambda new, old: jnp.where(value < best[0], new, old), (value, w, b), best)
            return (w, b, kept), kept[0]

        start = jnp.zeros(inputs.shape[1]), jnp.zeros(())
        first = _objective(inputs, t, strength, *start), *start
        counts = jnp.arange(1, steps + 1, dtype=float)
        (_, _, best), values = jax.lax.scan(step, (*start, first), counts)
        return Descent(best[1], best[2], values, counts)


@guarded(epochs=1)
def pegasos(data: Dataset, *, C: float, key: Key, epochs: int = 20, project: bool = False) -> Descent:
    r"""Stochastic subgradient steps of size :math:`1 / (\lambda k)`, :math:`\lambda = 1 / (C n)`; without a bias.

    Args:
        data: inputs (n, d), labels -1 and +1.
        C: the weight of the losses, positive.
        key: draws the examples, with replacement.
        epochs: n steps each.
        project: put w back into the ball of radius 1 / sqrt(lambda), where the optimum lies, after every step; the
            original algorithm. Without it the same bound holds, and it is as fast.

    Returns:
        A `Descent`, the objective after every epoch.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.Dataset(inputs=[[-1.0], [1.0]], labels=[-1, 1])
        >>> f"{ll.solvers.pegasos(data, C=1.0, key=jax.random.key(0), epochs=400).weights[0]:.1f}"
        '1.0'

    Source: Shalev-Shwartz, Singer, Srebro & Cotter (2011).
    """
    with jax.enable_x64(True):
        inputs, t, strength = _given(data, C)
        penalty = 1.0 / (strength * len(t))

        def step(state: tuple, i: Array) -> tuple[tuple, None]:
            w, k = state
            pull = jnp.where(t[i] * (inputs[i] @ w) < 1.0, t[i], 0.0)
            w = (1.0 - 1.0 / k) * w + pull * inputs[i] / (penalty * k)
            if project:
                w = w * jnp.minimum(1.0, 1.0 / jnp.sqrt(penalty * jnp.maximum(w @ w, 1e-300)))
            return (w, k + 1.0), None

        def epoch(state: tuple, rows: Array) -> tuple[tuple, Array]:
            state, _ = jax.lax.scan(step, state, rows)
            return state, _objective(inputs, t, strength, state[0], jnp.zeros(()))

        rows = jax.random.randint(key, (epochs, len(t)), 0, len(t))
        (w, _), values = jax.lax.scan(epoch, (jnp.zeros(inputs.shape[1]), jnp.ones(())), rows)
        return Descent(w, jnp.zeros(()), values, jnp.arange(1.0, epochs + 1.0))


@guarded(epochs=1)
def averaged_sgd(data: Dataset, *, C: float, key: Key, epochs: int = 20, rate: float = 1.0) -> Descent:
    r"""Stochastic subgradient steps :math:`\eta / \sqrt{k}` whose average over the last half is returned; bias free.

    The steps lower the mean objective, lambda/2 ||w||^2 + the mean loss, lambda = 1 / (C n).

    Args:
        data: inputs (n, d), labels -1 and +1.
        C: the weight of the losses, positive.
        key: orders the examples anew in every epoch.
        epochs: n steps each, at least 2.
        rate: eta.

    Returns:
        A `Descent`, the objective of the average so far after every epoch (of the last point in the first half).

    Raises:
        ValueError: if there are fewer than 2 epochs.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.Dataset(inputs=[[-1.0], [1.0]], labels=[-1, 1])
        >>> f"{ll.solvers.averaged_sgd(data, C=1.0, key=jax.random.key(0), epochs=400).weights[0]:.1f}"
        '1.0'

    Source: Polyak & Juditsky (1992); Rakhlin, Shamir & Sridharan (2012) for the last half.
    """
    if epochs < 2:
        raise ValueError(f"The average runs over the last half of the epochs; give at least 2, not {epochs}.")
    with jax.enable_x64(True):
        inputs, t, strength = _given(data, C)
        penalty, half = 1.0 / (strength * len(t)), (epochs // 2) * len(t)

        def step(state: tuple, i: Array) -> tuple[tuple, None]:
            w, b, mean, k = state
            size = rate / jnp.sqrt(k)
            pull = jnp.where(t[i] * (inputs[i] @ w + b) < 1.0, t[i], 0.0)
            # The penalty's step is taken implicitly: it is stable whatever lambda.
            w, b = (w + size * pull * inputs[i]) / (1.0 + size * penalty), b + size * pull
            share = 1.0 / jnp.maximum(k - half, 1.0)
            mean = jax.tree.map(lambda old, new: old + share * (new - old), mean, (w, b))
            return (w, b, mean, k + 1.0), None

        def epoch(state: tuple, key: Key) -> tuple[tuple, Array]:
            state, _ = jax.lax.scan(step, state, jax.random.permutation(key, len(t)))
            return state, _objective(inputs, t, strength, *state[2])

        start = jnp.zeros(inputs.shape[1]), jnp.zeros(())
        (_, _, mean, _), values = jax.lax.scan(epoch, (*start, start, jnp.ones(())), jax.random.split(key, epochs))
        return Descent(*mean, values, jnp.arange(1.0, epochs + 1.0))


@guarded(epochs=1)
def dual_coordinate_descent(data: Dataset, *, C: float, key: Key, epochs: int = 50) -> Descent:
    r"""Exact steps in one dual variable after the other, in random order: LIBLINEAR's method; without a bias.

    Args:
        data: inputs (n, d), labels -1 and +1.
        C: the weight of the losses, positive.
        key: orders the examples anew in every epoch.
        epochs: passes over the data.

    Returns:
        A `Descent`, the primal objective after every epoch.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.Dataset(inputs=[[-1.0], [1.0]], labels=[-1, 1])
        >>> f"{ll.solvers.dual_coordinate_descent(data, C=1.0, key=jax.random.key(0), epochs=5).weights[0]:.6f}"
        '1.000000'

    Source: Hsieh, Chang, Lin, Keerthi & Sundararajan (2008).
    """
    with jax.enable_x64(True):
        inputs, t, strength = _given(data, C)
        squares = jnp.sum(inputs * inputs, axis=1)

        def step(state: tuple, i: Array) -> tuple[tuple, None]:
            alpha, w = state
            slope = t[i] * (inputs[i] @ w) - 1.0
            # A row of zeros has a line for its dual: its variable goes to the end.
            new = jnp.where(squares[i] > 0, alpha[i] - slope / jnp.where(squares[i] > 0, squares[i], 1.0), strength)
            new = jnp.clip(new, 0.0, strength)
            return (alpha.at[i].set(new), w + (new - alpha[i]) * t[i] * inputs[i]), None

        def epoch(state: tuple, key: Key) -> tuple[tuple, Array]:
            state, _ = jax.lax.scan(step, state, jax.random.permutation(key, len(t)))
            return state, _objective(inputs, t, strength, state[1], jnp.zeros(()))

        start = jnp.zeros(len(t)), jnp.zeros(inputs.shape[1])
        (_, w), values = jax.lax.scan(epoch, start, jax.random.split(key, epochs))
        return Descent(w, jnp.zeros(()), values, jnp.arange(1.0, epochs + 1.0))


@guarded(stages=1, iterations=1)
def smoothed_lbfgs(
    data: Dataset, *, C: float, stages: int = 13, narrowest: float = 1e-4, iterations: int = 25
) -> Descent:
    r"""The best point of L-BFGS on ever narrower smoothed hinges, each stage from the last one's end; the bias is free.

    The smoothed hinge of width gamma is at most gamma / 2 below the hinge: its minimum is within C n gamma / 2.

    Args:
        data: inputs (n, d), labels -1 and +1.
        C: the weight of the losses, positive.
        stages: how many widths, evenly in the logarithm from 1.
        narrowest: the last width.
        iterations: of L-BFGS for each width.

    Returns:
        A `Descent`, the hinge's objective of the best point after every iteration; a pass is one evaluation, of which
        line searches take several.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset(inputs=[[-1.0], [1.0]], labels=[-1, 1])
        >>> f"{ll.solvers.smoothed_lbfgs(data, C=1.0, stages=3).weights[0]:.2f}"
        '1.00'

    Source: Liu & Nocedal (1989); Nesterov (2005) for the smoothing.
    """
    with jax.enable_x64(True):
        inputs, t, strength = _given(data, C)
        optimizer: Any = optax.lbfgs()

        def stage(params: Any, gamma: Array) -> tuple[Any, Any]:
            def smooth(params: Any) -> Array:
                margins = t * (inputs @ params[0] + params[1])
                return 0.5 * params[0] @ params[0] + strength * jnp.sum(smooth_hinge(margins, gamma=gamma))

            measured = optax.value_and_grad_from_state(smooth)

            def step(held: Any, _: None) -> tuple[Any, Any]:
                params, state = held
                value, slope = measured(params, state=state)
                update, state = optimizer.update(slope, state, params, value=value, grad=slope, value_fn=smooth)
                moved: Any = optax.apply_updates(params, update)
                value = _objective(inputs, t, strength, *moved)
                return (moved, state), (value, state[-1].info.num_linesearch_steps, moved)

            (params, _), trace = jax.lax.scan(step, (params, optimizer.init(params)), length=iterations)
            return params, trace

        start = jnp.zeros(inputs.shape[1]), jnp.zeros(())
        _, (values, searches, params) = jax.lax.scan(stage, start, jnp.geomspace(1.0, narrowest, stages))
        # One evaluation more at the start of each stage, where nothing is stored yet.
        passes = searches.at[:, 0].add(1).astype(float).ravel().cumsum()
        best = jnp.argmin(values)
        weights, bias = params[0].reshape(-1, inputs.shape[1])[best], params[1].ravel()[best]
        return Descent(weights, bias, jax.lax.cummin(values.ravel()), passes)


def _given(data: Any, C: float) -> tuple[Array, Array, Array]:
    """Inputs, labels and C as JAX arrays, checked."""
    if not isinstance(data, Dataset):
        raise ValueError(f"data is a {type(data).__name__}, not a Dataset; make one by ll.Dataset(inputs=X, labels=t).")
    if not 0 < C < float("inf"):
        raise ValueError(f"C must be positive and finite, not {C}.")
    refuse_soft(data, "A first-order method of the hinge")
    return jnp.asarray(data.inputs), jnp.asarray(data.labels), jnp.asarray(float(C))


def _pulls(inputs: Array, t: Array, w: Array, b: Array) -> Array:
    """t_i for every example inside the margin, else 0: minus the hinge's subgradients in the scores."""
    return jnp.where(t * (inputs @ w + b) < 1.0, t, 0.0)


def _objective(inputs: Array, t: Array, strength: Array, w: Array, b: Array) -> Array:
    """1/2 ||w||^2 + C times the sum of the hinges."""
    return 0.5 * w @ w + strength * jnp.sum(hinge(t * (inputs @ w + b)))
