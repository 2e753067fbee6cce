"""The first-order methods against the certified optimum of the problem that each says it solves."""

import jax
import numpy as np
import pytest

import lossland as ll

RNG = np.random.default_rng(5)
LABELS = np.where(np.arange(40) < 17, 1, -1)
DATA = ll.Dataset(inputs=RNG.normal(size=(40, 3)) + 0.7 * LABELS[:, None], labels=LABELS)
C = 0.5
METHODS = {
    "subgradient_descent": (True, 2e-2, lambda: ll.solvers.subgradient_descent(DATA, C=C, steps=4000)),
    "averaged_sgd": (True, 2e-2, lambda: ll.solvers.averaged_sgd(DATA, C=C, key=jax.random.key(0), epochs=600)),
    "smoothed_lbfgs": (True, 1e-4, lambda: ll.solvers.smoothed_lbfgs(DATA, C=C, stages=9)),
    "pegasos": (False, 2e-2, lambda: ll.solvers.pegasos(DATA, C=C, key=jax.random.key(0), epochs=600)),
    "pegasos, projected": (
        False,
        2e-2,
        lambda: ll.solvers.pegasos(DATA, C=C, key=jax.random.key(0), epochs=600, project=True),
    ),
    "dual_coordinate_descent": (
        False,
        1e-6,
        lambda: ll.solvers.dual_coordinate_descent(DATA, C=C, key=jax.random.key(0), epochs=600),
    ),
}


QUICK = {"subgradient_descent", "dual_coordinate_descent"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in METHODS]
)
def test_approaches_the_certified_optimum(name):
    bias, rtol, method = METHODS[name]
    exact, found = ll.solve("hinge", DATA, C=C, bias=bias), method()
    trace = np.asarray(found.objective)
    assert exact.converged
    assert np.all(trace >= exact.dual_objective * (1 - 1e-12))
    assert trace[-1] <= exact.objective * (1 + rtol)
    assert trace[-1] - exact.objective < 0.5 * (trace[0] - exact.objective)
    weights, b = np.asarray(found.weights), float(found.bias)
    losses = np.maximum(0, 1 - DATA.labels * (DATA.inputs @ weights + b))
    np.testing.assert_allclose(trace[-1], 0.5 * weights @ weights + C * losses.sum(), rtol=1e-12)
    assert (b != 0) == bias
    passes = np.asarray(found.passes)
    assert passes.shape == trace.shape
    assert passes[0] >= 1
    assert np.all(np.diff(passes) >= 1)


def test_the_projection_keeps_to_the_ball():
    radius = np.sqrt(100.0 * DATA.n)
    inside = ll.solvers.pegasos(DATA, C=100.0, key=jax.random.key(1), epochs=1, project=True)
    outside = ll.solvers.pegasos(DATA, C=100.0, key=jax.random.key(1), epochs=1)
    assert np.linalg.norm(inside.weights) <= radius * (1 + 1e-12)
    assert np.any(np.asarray(inside.weights) != np.asarray(outside.weights))


@pytest.mark.slow
def test_dual_coordinate_descent_against_a_loop():
    key = jax.random.key(3)
    alpha, w = np.zeros(DATA.n), np.zeros(DATA.d)
    with jax.enable_x64(True):
        orders = [np.asarray(jax.random.permutation(k, DATA.n)) for k in jax.random.split(key, 2)]
    for order in orders:
        for i in order:
            x, t = DATA.inputs[i], DATA.labels[i]
            new = np.clip(alpha[i] - (t * (x @ w) - 1) / (x @ x), 0, C)
            w, alpha[i] = w + (new - alpha[i]) * t * x, new
    np.testing.assert_allclose(ll.solvers.dual_coordinate_descent(DATA, C=C, key=key, epochs=2).weights, w, rtol=1e-10)


def test_refusals():
    with pytest.raises(ValueError, match="C must be positive"):
        ll.solvers.pegasos(DATA, C=0.0, key=jax.random.key(0))
    with pytest.raises(ValueError, match="not a Dataset"):
        ll.solvers.subgradient_descent(DATA.inputs, C=1.0)
    with pytest.raises(ValueError, match="at least 2"):
        ll.solvers.averaged_sgd(DATA, C=1.0, key=jax.random.key(0), epochs=1)
