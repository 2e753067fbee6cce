"""Derivatives of solutions against central differences of re-solved problems, and two uses of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll

N, D = 40, 3
RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(N, D))
LABELS = np.where(INPUTS[:, 0] + 0.6 * RNG.normal(size=N) > 0.2, 1.0, -1.0)
WEIGHTS = RNG.uniform(0.5, 1.5, N)
PROBE = RNG.normal(size=D)
WAYS = (1.0, RNG.normal(size=N), RNG.normal(size=(N, D)))

CASES = {
    "hinge": {},
    "absolute": {},
    "logistic": {},
    "smooth_hinge": {"gamma": 0.7},
    "huber": {"delta": 0.4},
    "dwd": {"q": 2.5},
}


def few(points, labels):
    """Points on the first axis among examples without weight: in the shape of the others, so nothing is compiled anew.

    Returns:
        The inputs, the labels and, as a keyword argument, the weights.
    """
    inputs, more = np.zeros((N, D)), N - len(points)
    inputs[: len(points), 0] = points
    return (inputs, np.array([*labels, *[1.0] * more])), {
        "sample_weights": np.array([1.0] * len(points) + [0.0] * more)
    }


def probe(loss, C, weights, inputs, parameters):
    """A scalar that needs all of the solution."""
    w, b = ll.differentiable_solve(loss, inputs, LABELS, C, sample_weights=weights, parameters=parameters)
    return w @ jnp.asarray(PROBE) + b * b + b


def check(loss, C, parameters):
    given = [jnp.asarray(C), jnp.asarray(WEIGHTS), jnp.asarray(INPUTS), parameters]
    slopes = jax.grad(probe, argnums=(1, 2, 3, 4))(loss, *given)
    ways = [*WAYS, {name: 1.0 for name in parameters}]
    for place, way in enumerate(ways[: 4 if parameters else 3]):
        h = 1e-4 * (C if place == 0 else 1.0)
        ends = []
        for sign in (h, -h):
            moved = list(given)
            moved[place] = jax.tree.map(lambda leaf, v, by=sign: leaf + by * v, given[place], way)
            ends.append(probe(loss, *moved))
        want = (ends[0] - ends[1]) / (2 * h)
        got = sum(np.vdot(a, b) for a, b in zip(jax.tree.leaves(slopes[place]), jax.tree.leaves(way), strict=True))
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6, err_msg=f"argument {place}")


RARE = {"dwd", "smooth_hinge"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.exhaustive) if name in RARE else name for name in CASES]
)
def test_against_central_differences(name, x64):
    check(name, 0.7, CASES[name])


def test_at_a_small_C(x64):
    """Where nearly every dual is at its limit."""
    check("hinge", 1e-3, {})


def test_an_interval_of_biases(x64):
    """Two points far below their margin: w = 2 C, b anywhere in between, its middle 0 whatever C."""
    data, weights = few([-1.0, 1.0], [-1.0, 1.0])
    w, b = jax.jacrev(lambda C: ll.differentiable_solve("hinge", *data, C, **weights))(0.1)
    np.testing.assert_allclose(w, [2.0, 0.0, 0.0], rtol=1e-9)
    np.testing.assert_allclose(b, 0.0, atol=1e-9)


@pytest.mark.slow
def test_forward_and_reverse_agree(x64):
    def weights(s):
        return ll.differentiable_solve("hinge", INPUTS, LABELS, 0.7, sample_weights=s)[0]

    forward, reverse = (mode(weights)(jnp.asarray(WEIGHTS)) for mode in (jax.jacfwd, jax.jacrev))
    np.testing.assert_allclose(forward, reverse, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_float32_inputs_get_float32_derivatives_of_float64_solutions():
    slope = jax.grad(lambda C: ll.differentiable_solve("hinge", INPUTS, LABELS, C)[0][0])(0.7)
    with jax.enable_x64(True):
        want = jax.grad(lambda C: ll.differentiable_solve("hinge", INPUTS, LABELS, C)[0][0])(0.7)
    assert slope.dtype == jnp.float32
    np.testing.assert_allclose(slope, want, rtol=1e-3)


# ---------------------------------------------------------------------------------------------------------- two uses


@pytest.mark.slow
@pytest.mark.exhaustive
def test_influence_of_each_example(x64):
    """The derivative in an example's weight predicts what leaving it out does; of a non-support vector, nothing."""
    data = ll.Dataset(inputs=INPUTS, labels=LABELS)
    for loss in ("logistic", "hinge"):

        def weights(s, loss=loss):
            return ll.differentiable_solve(loss, INPUTS, LABELS, 0.7, sample_weights=s)[0]

        whole = ll.solve(loss, data, C=0.7)
        influence = jax.jacrev(weights)(jnp.ones(N))
        without = ll.solve(loss, data, C=0.7, sample_weights=1.0 - np.eye(N))
        moved = without.weights - whole.weights
        if loss == "logistic":
            np.testing.assert_allclose(-influence.T, moved, atol=0.25 * np.abs(moved).max())
            assert np.corrcoef(-np.ravel(influence.T), moved.ravel())[0, 1] > 0.98
        else:
            idle = whole.support == 0
            assert idle.any()
            np.testing.assert_allclose(influence[:, idle], 0.0, atol=1e-12)
            np.testing.assert_allclose(moved[idle], 0.0, atol=1e-7)
            # On the margin a little weight more or less is no change either: the dual is inside its box.
            np.testing.assert_allclose(influence[:, whole.support == 1], 0.0, atol=1e-9)
            assert np.abs(influence[:, whole.support == 2]).max() > 1e-3


@pytest.mark.slow
def test_C_by_descent_on_the_validation_loss(x64):
    train, held_out = ll.split(ll.load("two_gaussians(n=120, seed=3)"), test=0.5)[:2]
    loss = ll.pair("identity", "logistic")

    def validation(log_C):
        w, b = ll.differentiable_solve("hinge", train.inputs, train.labels, jnp.exp(log_C))
        return loss(held_out.inputs @ w + b, held_out.labels).mean()

    log_C, values = jnp.log(1e-3), []
    for _ in range(12):
        value, slope = jax.value_and_grad(validation)(log_C)
        values.append(float(value))
        log_C = log_C - 10.0 * slope
    assert values[-1] < values[0] - 0.02
    assert min(values) <= values[-1] + 1e-3


# ---------------------------------------------------------------------------------------------------------- refusals


def test_a_corner_is_named(x64):
    """At C = 1/2 the two points just reach the margin with duals at their limit: left and right derivatives differ."""
    data, weights = few([-1.0, 1.0], [-1.0, 1.0])
    with pytest.raises(ll.solvers.DegenerateSolution, match="corner here: example"):
        jax.grad(lambda C: ll.differentiable_solve("hinge", *data, C, **weights)[0][0])(0.5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: ll.differentiable_solve("hinge", INPUTS, LABELS, jnp.ones(2)), "one C"),
        (lambda: ll.differentiable_solve("hinge", INPUTS, LABELS, -1.0), "C must be positive"),
        (
            lambda: ll.differentiable_solve(
                ll.pair("identity", "huber"), INPUTS, LABELS, 1.0, parameters={"delta": 1.0}
            ),
            "margin losses only",
        ),
        (lambda: ll.differentiable_solve("huber", INPUTS, LABELS, 1.0, parameters={"width": 1.0}), "no parameter"),
    ],
)
def test_refusals(call, said, x64):
    with pytest.raises(ValueError, match=said):
        call()
