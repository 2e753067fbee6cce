"""Soft labels: each example's loss is p positive(z) + (1 - p) negative(z), in everything that takes an objective."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll

RNG = np.random.default_rng(3)
X = RNG.normal(size=(12, 2))
P = np.concatenate([[0.0, 1.0, 0.5], RNG.uniform(size=9)])
SOFT = ll.Dataset(X, probabilities=P)
AT = {"weights": np.array([1.5, -2.0]), "bias": np.array(0.25)}
WEIGHTS = RNG.uniform(size=12)
PAIRS = ("identity+hinge", "relu+hinge", "sigmoid+cross_entropy", "hard_sigmoid+cross_entropy", "identity+squared")


def slow(pair, params, weights=None, l2=0.0, rows=slice(None)):
    """The objective by its definition, an example at a time."""
    total, s = 0.0, np.ones(12) if weights is None else weights
    chosen = np.arange(12)[rows]
    # All rows at once, so that what is compiled for one set of them serves every other.
    scores = X @ params["weights"] + params["bias"]
    positive, negative = np.asarray(pair.positive(scores)), np.asarray(pair.negative(scores))
    for i in chosen:
        total += s[i] * P[i] * positive[i] if P[i] > 0 else 0.0
        total += s[i] * (1 - P[i]) * negative[i] if P[i] < 1 else 0.0
    return total / len(chosen) + 0.5 * l2 * float(np.sum(np.square(params["weights"])))


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("name", PAIRS)
def test_objective_losses_and_batches(name):
    f = ll.objective(ll.pair(name), data=SOFT, l2=0.3, sample_weights=WEIGHTS)
    np.testing.assert_allclose(float(f(AT)), slow(f.pair, AT, WEIGHTS, 0.3), rtol=1e-12)
    losses = [slow(f.pair, AT, rows=slice(i, i + 1)) for i in range(12)]
    np.testing.assert_allclose(f.losses(AT), losses, rtol=1e-12)
    np.testing.assert_allclose(
        float(f.batch(np.array([4, 5]))(AT)), slow(f.pair, AT, WEIGHTS, 0.3, slice(4, 6)), rtol=1e-12
    )


def test_hard_probabilities_are_hard_labels():
    soft, hard = ll.Dataset(X, probabilities=P > 0.5), ll.Dataset(X, P > 0.5)
    for name in PAIRS:
        f, g = (ll.objective(ll.pair(name), data=d, class_weights="balanced") for d in (soft, hard))
        np.testing.assert_allclose(float(f(AT)), float(g(AT)), rtol=1e-12)


@pytest.mark.parametrize("name", PAIRS)
def test_curvature_weights_and_planes(name):
    f = ll.objective(ll.pair(name), data=SOFT, l2=0.3)

    def direct(flat):
        z = X @ flat[1:] + flat[0]
        positive, negative = f.pair.positive(z), f.pair.negative(z)
        each = jnp.where(P > 0, P * positive, 0.0) + jnp.where(P < 1, (1 - P) * negative, 0.0)
        return jnp.mean(each) + 0.15 * jnp.sum(flat[1:] ** 2)

    point = jnp.array([AT["bias"], *AT["weights"]])
    if name not in ("identity+hinge", "relu+hinge"):
        # The others are made of lines and have no Hessian.
        np.testing.assert_allclose(ll.hessian(f, AT), jax.hessian(direct)(point), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(ll.curvature.gauss_newton(f, AT), jax.hessian(direct)(point), rtol=1e-9, atol=1e-12)
    held = ll.gradient_weights(f, AT)
    assert held.weights.shape == (12,)
    slope = -np.mean(held.weights * SOFT.labels)
    np.testing.assert_allclose(slope, jax.grad(direct)(point)[0], rtol=1e-9, atol=1e-12)
    ends = {"weights": np.array([0.5, 1.0]), "bias": np.array(-1.0)}
    shape = ll.landscapes.linear_interpolation(f.pair, SOFT, AT, ends, steps=3, l2=0.3)
    np.testing.assert_allclose(shape.values[[0, 2]], [slow(f.pair, AT, l2=0.3), slow(f.pair, ends, l2=0.3)], rtol=1e-9)


def test_counts_by_labels_ask_for_them():
    around = jax.tree.map(np.ones_like, AT), {"weights": np.array([1.0, -1.0]), "bias": np.array(0.0)}
    with pytest.raises(ValueError, match="error counts examples by their label"):
        ll.plane(ll.pair("identity+hinge"), SOFT, AT, around, quantities=["error"])
    hard = dataclasses.replace(SOFT, probabilities=None)
    ll.plane(ll.pair("identity+hinge"), hard, AT, around, radius=1.0, steps=3, quantities=["error"])


@pytest.mark.parametrize("name", PAIRS[:3])
@pytest.mark.parametrize("batch_size", [None, 5])
def test_sweeps_train_as_fit_does(name, batch_size):
    key = jax.random.key(5)
    settings = {"seeds": 1, "learning_rates": (0.3,), "l2s": (0.1,), "steps": 6, "record": 1, "init": AT}
    made = ll.sweep(name, SOFT, sample_weights=WEIGHTS, validation=SOFT, key=key, batch_size=batch_size, **settings)
    f = ll.objective(ll.pair(name), data=SOFT, l2=0.1, sample_weights=WEIGHTS)
    run = ll.fit(f, AT, optax.sgd(0.3), 6, key=key, batch_size=batch_size)
    np.testing.assert_allclose(made.records["objective"].ravel(), run.values, rtol=1e-9)
    np.testing.assert_allclose(made.records["gradient_norm"].ravel(), run.gradient_norms, rtol=1e-9)
    end = jax.tree.map(np.squeeze, made.params)
    np.testing.assert_allclose(made.records["validation_risk"].ravel()[-1], slow(f.pair, end), rtol=1e-9)
    z = X @ end["weights"] + end["bias"]
    np.testing.assert_allclose(made.records["train_error"].ravel()[-1], np.mean((z > 0) != (P >= 0.5)))


@pytest.mark.parametrize("convex", ["hinge", "logistic", "huber", "squared_hinge"])
def test_exact_solutions_are_certified(convex):
    found = ll.solve(convex, SOFT, C=[0.2, 5.0], sample_weights=WEIGHTS)
    assert found.converged.all()
    assert found.gap.max() < 1e-9
    built = np.einsum("ki,i,ij->kj", found.duals, SOFT.labels, X)
    np.testing.assert_allclose(found.weights, built, atol=1e-6)
    pair = ll.pair("identity", convex)
    for k, c in enumerate((0.2, 5.0)):
        at = {"weights": found.weights[k], "bias": found.bias[k]}
        value = 0.5 * np.sum(found.weights[k] ** 2) + c * 12 * slow(pair, at, WEIGHTS)
        np.testing.assert_allclose(found.objective[k], value, rtol=1e-9)
        # No point around it is lower.
        for step in RNG.normal(size=(20, 3)) * 0.01:
            near = {"weights": at["weights"] + step[:2], "bias": at["bias"] + step[2]}
            assert value <= 0.5 * np.sum(near["weights"] ** 2) + c * 12 * slow(pair, near, WEIGHTS) + 1e-9
    np.testing.assert_allclose(
        ll.solve(convex, SOFT, l2=1 / (12 * 5.0), sample_weights=WEIGHTS).objective, found.objective[1]
    )


@pytest.mark.parametrize(
    "use",
    [
        lambda: ll.solve("hinge", SOFT, C=1.0, labels=SOFT.labels),
        lambda: ll.solve_kernel("hinge", SOFT, C=1.0, kernel="rbf"),
        lambda: ll.solvers.hinge_path(SOFT, 0.1, 1.0),
        lambda: ll.geometry.descent_limit(SOFT),
        lambda: ll.geometry.hidden_svm("relu+hinge", SOFT),
        lambda: ll.geometry.line_pulls("relu+hinge", SOFT, [1.0, 0.0], 0.0),
        lambda: ll.geometry.basin_map("relu+hinge", SOFT, box=[[-1, -1], [1, 1]]),
        lambda: ll.minima.global_minimum("relu+hinge", SOFT),
        lambda: ll.minima.local_minimum("relu+hinge", SOFT, AT),
    ],
)
def test_where_soft_labels_have_no_meaning_they_are_refused(use):
    with pytest.raises(ValueError, match="probabilities"):
        use()
