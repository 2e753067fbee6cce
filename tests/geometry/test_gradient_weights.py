"""Gradient weights, their groups and support sets: against autodiff, exact values and the solver's duals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll

pytestmark = pytest.mark.slow

CLOUDS = ll.load("two_gaussians(n=40, distance=2.0, seed=5)")
SPREAD = [
    "identity+hinge", "relu+hinge", "leaky_relu+logistic", "tanh+squared", "softplus+exponential",
    "sigmoid+cross_entropy", "identity+dwd", "hard_tanh+ramp", "probit+brier", "identity+absolute",
]  # fmt: skip


def _params(seed, d=2):
    rng = np.random.default_rng(seed)
    return {"weights": jnp.asarray(rng.normal(size=d)), "bias": jnp.asarray(rng.normal())}


def _autodiff_weights(name, data, params):
    """Minus the derivative of each loss by its margin, one example after another."""
    made = ll.pair(name)
    margins = data.labels * (data.inputs @ params["weights"] + params["bias"])
    sides = {t: jax.vmap(jax.grad(lambda m, t=t: made(t * m, t))) for t in (-1.0, 1.0)}
    return -np.where(data.labels > 0, sides[1.0](margins), sides[-1.0](margins))


def _check_weights(name):
    with jax.enable_x64(True):
        params = _params(1)
        f = ll.objective(ll.pair(name), data=CLOUDS)
        held = ll.gradient_weights(f, params)
        np.testing.assert_allclose(held.weights, _autodiff_weights(name, CLOUDS, params), rtol=1e-10, atol=1e-12)
        # And they are what multiplies each example in the gradient.
        gradient = jax.grad(f.risk)(params)
        pulled = held.weights * CLOUDS.labels / CLOUDS.n
        np.testing.assert_allclose(gradient["weights"], -pulled @ CLOUDS.inputs, atol=1e-12)
        np.testing.assert_allclose(gradient["bias"], -pulled.sum(), atol=1e-12)
        groups = np.stack([held.active, held.dead, held.saturated, held.wrong_way])
    assert np.all(groups.sum(axis=0) == 1)


@pytest.mark.parametrize("name", SPREAD[:4])
def test_weights_are_autodiff_s_example_by_example(name):
    _check_weights(name)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", SPREAD[4:])
def test_weights_are_autodiff_s_for_more_pairs(name):
    _check_weights(name)


def test_weights_of_the_hinge_with_and_without_a_relu():
    """theory.md 5.4: 1[m < 1]; positives 1[0 < z < 1], negatives 1[z > 0]: three ways of not being pulled."""
    z = np.array([-1.5, -0.5, 0.5, 1.5])
    data = ll.Dataset(np.tile(z, 2)[:, None], np.repeat([1, -1], 4))
    at = {"weights": jnp.ones(1), "bias": jnp.zeros(())}
    svm = ll.gradient_weights(ll.objective(ll.pair("identity+hinge"), data=data), at)
    assert svm.weights.tolist() == [1, 1, 1, 0, 0, 1, 1, 1]
    relu = ll.gradient_weights(ll.objective(ll.pair("relu+hinge"), data=data), at)
    assert relu.weights.tolist() == [0, 0, 1, 0, 0, 0, 1, 1]
    assert relu.dead.tolist() == [True, True] + [False] * 6
    assert relu.saturated.tolist() == [False] * 3 + [True] * 3 + [False] * 2
    square = ll.gradient_weights(ll.objective(ll.pair("identity+squared"), data=data), at)
    assert square.wrong_way.tolist() == [False] * 3 + [True, True] + [False] * 3
    shares = ll.geometry.group_shares(relu)
    assert {k: float(v) for k, v in shares.items()} == {
        "active": 0.375, "dead": 0.25, "saturated": 0.375, "wrong_way": 0.0
    }  # fmt: skip


def test_a_run_records_its_groups():
    f = ll.objective(ll.pair("relu+hinge"), data=CLOUDS)
    run = {"weights": jnp.array([[0.5, 0.1], [1.0, 1.0]]), "bias": jnp.array([-9.0, 9.0])}
    shares = ll.geometry.group_shares(jax.vmap(lambda p: ll.gradient_weights(f, p))(run))
    np.testing.assert_allclose(shares["dead"], [0.5, 0.0])
    np.testing.assert_allclose(sum(shares.values()), 1.0, rtol=1e-6)


def test_duals_are_the_weights_at_the_solution():
    """theory.md 6: alpha = C 1[m < 1] off the margin for the hinge, C sigma(-m) for logistic regression, all > 0."""
    soft, svm = (ll.solve(loss, CLOUDS, C=0.7) for loss in ("logistic", "hinge"))
    margins = CLOUDS.labels * (CLOUDS.inputs @ soft.weights + soft.bias)
    with jax.enable_x64(True):
        held = {
            name: ll.gradient_weights(
                ll.objective(ll.pair(f"identity+{name}"), data=CLOUDS), {"weights": s.weights, "bias": s.bias}
            )
            for name, s in (("logistic", soft), ("hinge", svm))
        }
    np.testing.assert_allclose(0.7 * np.asarray(held["logistic"].weights), soft.duals, atol=1e-8)
    np.testing.assert_allclose(held["logistic"].weights, 1 / (1 + np.exp(margins)), atol=1e-12)
    off = np.abs(np.asarray(held["hinge"].margins) - 1) > 1e-6
    np.testing.assert_allclose(0.7 * np.asarray(held["hinge"].weights)[off], svm.duals[off], atol=1e-8)
    overlap = ll.geometry.support_overlap(held["logistic"].weights, svm.duals)
    assert (overlap.recall, overlap.precision) == (1.0, np.mean(svm.duals > 0))
    assert overlap.cosine > 0.85
    assert overlap.top > 0.8


def test_support_overlap_of_empty_sets_is_a_number():
    assert ll.geometry.support_overlap([0.0, 0.0], [0.0, 0.0]) == (1.0, 1.0, 1.0, 0.0, 1.0)
    assert ll.geometry.support_overlap([0.0, 0.0], [1.0, 0.0])[:3] == (1.0, 0.0, 0.0)
    assert ll.geometry.support_overlap([0.0, -1.0], [0.0, 0.0])[:3] == (1.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="shapes are"):
        ll.geometry.support_overlap([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="not finite"):
        ll.geometry.support_overlap([np.nan], [1.0])
