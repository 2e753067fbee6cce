"""Derivatives compiled, mapped, repeated, and of degenerate sets: the hinge's in closed form, by its path."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from tests.solvers.test_hinge_walk import drawn

N, D = 12, 3
RNG = np.random.default_rng(4)
INPUTS = RNG.normal(size=(N, D))
LABELS = np.where(INPUTS[:, 0] + 0.6 * RNG.normal(size=N) > 0.0, 1.0, -1.0)
WEIGHTS = RNG.uniform(0.5, 1.5, N)


def padded(seed):
    """A problem with ties and repetitions, in one shape: examples without a weight are added."""
    data, given = drawn(seed, N)
    inputs, labels, weights = np.zeros((N, D)), np.ones(N), np.zeros(N)
    inputs[: data.n, : min(D, data.d)] = data.inputs[:, :D]
    labels[: data.n] = data.labels
    weights[: data.n] = 1.0 if given is None else given
    return inputs, labels, weights


def weights_of(loss, inputs, labels, weights):
    return lambda C: ll.differentiable_solve(loss, inputs, labels, C, sample_weights=weights)[0]


def check_against_path(seed):
    """At one C at random, and at the first breakpoint, where the slopes of w on both sides may differ."""
    inputs, labels, weights = padded(seed)
    data = ll.Dataset(inputs=inputs, labels=labels.astype(int))
    path = ll.hinge_path(data, 1e-3, 1e3, sample_weights=weights)
    slopes = np.diff(path.weights, axis=0) / np.diff(path.Cs)[:, None]
    away = float(np.exp(np.random.default_rng(seed).uniform(-5, 5)))
    for C in [away, *path.Cs[1:-1][:1]]:
        k = max(int(np.searchsorted(path.Cs, C * (1 - 1e-12))) - 1, 0)
        at = k + 2 < len(path.Cs) and abs(path.Cs[k + 1] - C) < 1e-12 * C
        left, right = slopes[k], slopes[k + 1 if at else k]
        function = weights_of("hinge", inputs, labels, weights)
        if np.abs(left - right).max() > 1e-7 * (1e-3 + np.abs(left).max()):
            with pytest.raises(ll.solvers.DegenerateSolution, match="corner here: example"):
                jax.jacfwd(function)(C)
        else:
            size = 1e-3 + np.abs(path.weights[k]).max()
            np.testing.assert_allclose(jax.jacfwd(function)(C), left, rtol=1e-6, atol=1e-6 * size)


@pytest.mark.parametrize("seed", range(10))
def test_slopes_are_those_of_the_path(seed, x64):
    check_against_path(seed)


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("block", range(5))
def test_slopes_of_many_more(block, x64):
    for seed in range(10 + 20 * block, 30 + 20 * block):
        check_against_path(seed)


def test_repeated_examples_on_the_kink(x64):
    """Twice the same positive against one negative: w = 1 from C = 1/4 on, whichever of the two carries the dual."""
    inputs, labels, weights = np.zeros((N, D)), np.ones(N), np.zeros(N)
    inputs[:3, 0], labels[0], weights[:3] = [-1.0, 1.0, 1.0], -1.0, 1.0
    slope = jax.jacrev(weights_of("hinge", inputs, labels, weights))(2.0)
    np.testing.assert_allclose(slope, 0.0, atol=1e-9)
    in_inputs = jax.grad(lambda x: ll.differentiable_solve("hinge", x, labels, 2.0, sample_weights=weights)[0][0])
    with pytest.raises(ll.solvers.DegenerateSolution, match="depend on each other"):
        in_inputs(inputs)


RARE = ("logistic", "squared_hinge")


def value(loss, parts=(INPUTS, LABELS)):
    """A validation loss, smooth in weights and bias."""

    def of(C, weights):
        w, b = ll.differentiable_solve(loss, *parts, C, sample_weights=weights)
        return jnp.logaddexp(0.0, -(w @ jnp.arange(1.0, D + 1) + 0.3 * b))

    return of


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "hinge",
        "huber(delta=0.4)",
        *(pytest.param(n, marks=pytest.mark.exhaustive) for n in ("logistic", "squared_hinge")),
    ],
)
def test_second_derivatives_are_slopes_of_first_ones(name, x64):
    of, C, h = value(name), 0.4, 1e-3
    way = np.cos(np.arange(N))
    first = jax.grad(of)
    # Compiled as one: eagerly every operation of every order is compiled alone.
    firsts = jax.jit(jax.grad(of, argnums=(0, 1)))
    seconds = (jax.grad(first), jax.jacfwd(first), jax.jacrev(jax.jacfwd(of)))
    in_C = jax.jit(lambda C, weights: [second(C, weights) for second in seconds])(C, WEIGHTS)
    want = (firsts(C + h, WEIGHTS)[0] - firsts(C - h, WEIGHTS)[0]) / (2 * h)
    for got in in_C:
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-8)
    want = (firsts(C, WEIGHTS + h * way)[1] - firsts(C, WEIGHTS - h * way)[1]) / (2 * h)
    got = jax.hessian(of, argnums=1)(C, jnp.asarray(WEIGHTS)) @ way
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-7)


@pytest.mark.slow
def test_compiled_and_mapped(x64):
    of = value("hinge")
    Cs, both = jnp.array([0.05, 0.4, 3.0]), jnp.stack([WEIGHTS, 2 * WEIGHTS])
    for mode in (jax.grad, jax.jacfwd):
        alone = np.array([mode(of)(C, WEIGHTS) for C in Cs])

        def each(C, mode=mode):
            return mode(of)(C, WEIGHTS)

        np.testing.assert_allclose(jax.vmap(each)(Cs), alone, rtol=1e-12)
        np.testing.assert_allclose(jax.jit(jax.vmap(each))(Cs), alone, rtol=1e-12)
        np.testing.assert_allclose(jax.jit(each)(Cs[1]), alone[1], rtol=1e-12)
    in_weights = jax.grad(of, argnums=1)
    alone = np.array([in_weights(0.4, weights) for weights in both])
    mapped = jax.jit(jax.vmap(in_weights, in_axes=(None, 0)))(0.4, both)
    np.testing.assert_allclose(mapped, alone, rtol=1e-9, atol=1e-14)


@pytest.mark.slow
def test_nan_where_a_raise_is_impossible(x64):
    """At C = 1/2 the two points just reach the margin; on both sides there is a derivative."""
    inputs, labels, weights = np.zeros((N, D)), np.ones(N), np.zeros(N)
    inputs[:2, 0], labels[0], weights[:2] = [-1.0, 1.0], -1.0, 1.0

    def first(C):
        return weights_of("hinge", inputs, labels, weights)(C)[0]

    np.testing.assert_allclose(jax.vmap(jax.grad(first))(jnp.array([0.1, 0.5, 1.0])), [2.0, np.nan, 0.0], atol=1e-9)
    assert np.isnan(jax.jit(jax.grad(first))(0.5))
    np.testing.assert_allclose(jax.jit(first)(0.5), 1.0, rtol=1e-6)


def test_an_example_where_a_parabola_begins_is_a_corner(x64):
    """Squared hinge, no bias: 1 - m = 1 / (1 + 2 C) never ends, but a second example meets its margin at C = 1/2."""
    inputs, labels, weights = np.zeros((N, D)), np.ones(N), np.zeros(N)
    inputs[:2, 0], labels[0], weights[:2] = [-1.0, 2.0], -1.0, [1.0, 1e-3]

    def first(C):
        held = ll.differentiable_solve("squared_hinge", inputs, labels, C, sample_weights=weights, bias=False)
        return held[0][0]

    # With m = w below 1 and 2 w at 1: w = 1/2 where w = 2 C (1 - w), C = 1/2.
    with pytest.raises(ll.solvers.DegenerateSolution, match="parabola"):
        jax.grad(first)(0.5)
    np.testing.assert_allclose(jax.grad(first)(0.7), 2.0 / 2.4**2, rtol=1e-9)


def test_one_processor_is_refused_before_it_waits_for_itself(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0}, raising=False)
    with pytest.raises(ValueError, match="second processor"):
        jax.jit(weights_of("hinge", INPUTS, LABELS, WEIGHTS))(0.7)
