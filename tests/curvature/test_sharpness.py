"""Sharpness against random points in the ball, and against quadratics, whose largest rise is known."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import lossland as ll
from lossland.curvature._ball import ball_maximum
from tests.curvature.cases import SLOW, linear, network, reference


def in_the_ball(params, radius, key, count=1000):
    """Random points in the ball, half of them on its surface: (count, p)."""
    flat, _ = ravel_pytree(params)
    noise = np.array(jax.random.normal(key, (count, flat.size)))
    noise *= radius / np.linalg.norm(noise, axis=1, keepdims=True)
    noise[::2] *= np.random.default_rng(0).uniform(size=(count // 2, 1)) ** (1 / flat.size)
    return jnp.asarray(noise)


def rises(f, params, points):
    flat, unravel = ravel_pytree(params)
    return jax.jit(jax.vmap(lambda u: f(unravel(flat + u)) - f(params)))(points)


SHARP = {
    "linear": linear,
    "hinge": functools.partial(linear, "identity+hinge"),
    "not convex": functools.partial(linear, "tanh+squared"),
    "network": network,
    "relu network": functools.partial(network, "relu+squared", (6,), "relu"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [n if n in ("relu network", "linear") else pytest.param(n, marks=pytest.mark.exhaustive) for n in SHARP]
)
@pytest.mark.parametrize("radius", [pytest.param(0.05, marks=pytest.mark.exhaustive), 1.0])
def test_no_random_point_in_the_ball_is_higher(name, radius, x64, key):
    f, params = SHARP[name]()
    found = ll.sharpness(f, params, radius, key=key)
    highest = float(rises(f, params, in_the_ball(params, radius, key)).max())
    assert found.value >= highest - 1e-9
    moved = jax.tree.map(jnp.add, params, found.perturbation)
    np.testing.assert_allclose(f(moved) - f(params), found.value, atol=1e-12)
    assert np.linalg.norm(ravel_pytree(found.perturbation)[0]) <= radius * (1 + 1e-9)
    assert found.value <= found.upper + 1e-12
    scaled = ll.sharpness(f, params, radius, "adaptive", key=key)
    points = in_the_ball(params, radius, key) * jnp.abs(ravel_pytree(params)[0])[None]
    assert scaled.value >= float(rises(f, params, points).max()) - 1e-9


@pytest.mark.slow
def test_exact_where_the_objective_is_quadratic(x64):
    f, params = linear("identity+squared")
    for radius in (0.01, 1.0, 30.0):
        for kind in ("worst", "adaptive"):
            found = ll.sharpness(f, params, radius, kind)
            np.testing.assert_allclose(found.value, found.second_order, rtol=1e-9)
            np.testing.assert_allclose(found.value, found.upper, rtol=1e-6)
            assert found.first_order < found.value


@SLOW
def test_estimates_agree_in_a_small_ball(x64):
    f, params = network()
    found = ll.sharpness(f, params, 1e-3)
    np.testing.assert_allclose(found.value, found.first_order, rtol=1e-2)
    np.testing.assert_allclose(found.value, found.second_order, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [4.0, pytest.param(0.3, marks=SLOW)])
def test_adaptive_sharpness_ignores_a_rescaling_of_layers(factor, x64, key):
    f, params = network("identity+logistic", (6,), "relu", l2=0.0)
    first, last = params
    rescaled = [
        jax.tree.map(lambda leaf: factor * leaf, first),
        {"weights": last["weights"] / factor, "bias": last["bias"]},
    ]
    np.testing.assert_allclose(f(params), f(rescaled), rtol=1e-12)
    found, other = (ll.sharpness(f, at, 0.3, "adaptive", key=key) for at in (params, rescaled))
    for name in ("value", "first_order", "second_order"):
        np.testing.assert_allclose(getattr(found, name), getattr(other, name), rtol=1e-6, err_msg=name)
    plain = [float(ll.sharpness(f, at, 0.3, key=key).value) for at in (params, rescaled)]
    assert abs(plain[0] / plain[1] - 1) > 0.1


@pytest.mark.slow
def test_average_sharpness(x64, key):
    f, params = linear("identity+squared")
    found = ll.sharpness(f, params, 0.5, "average", key=key, samples=2000)
    matrix = reference(f, params)
    np.testing.assert_allclose(found.second_order, 0.125 * np.trace(matrix) / len(matrix), rtol=1e-9)
    assert 0 < found.standard_error < 0.05 * found.value
    assert abs(found.value - found.second_order) < 4 * found.standard_error


@SLOW
def test_sharpness_without_the_matrix(x64, monkeypatch, key):
    f, params = network()
    want = ll.sharpness(f, params, 0.3, key=key)
    monkeypatch.setattr("lossland.curvature._eigenvalues.SMALL", 3)
    found = ll.sharpness(f, params, 0.3, key=key)
    np.testing.assert_allclose(found.value, want.value, rtol=1e-4)
    assert found.second_order <= want.second_order * (1 + 1e-9)
    assert found.second_order > 0.95 * want.second_order


def test_the_largest_value_of_a_quadratic_in_a_ball(rng):
    for values in ([-3.0, -2.0, -1.0], [-1.0, 0.0, 2.0], [1.0, 2.0, 2.0], [0.0, 0.0, 0.0]):
        for slopes in (rng.normal(size=3), np.array([1.0, 0.5, 0.0]), np.zeros(3), np.array([0.0, 0.0, 1e-9])):
            for radius in (0.1, 1.0, 10.0):
                point, value = ball_maximum(np.array(values), slopes, radius)
                assert np.linalg.norm(point) <= radius * (1 + 1e-9)
                tried = rng.normal(size=(5000, 3))
                tried *= radius * rng.uniform(size=(5000, 1)) ** 0.1 / np.linalg.norm(tried, axis=1, keepdims=True)
                assert value >= (tried @ slopes + 0.5 * tried**2 @ np.array(values)).max() - 1e-12


def _bumped(margin):
    return ll.losses.logistic(margin) + 1e-10 * jnp.exp(-((1e4 * (margin - 0.3)) ** 2))


def _in_a_loop(margin):
    return jax.lax.fori_loop(0, 1, lambda _, total: total + jax.nn.softplus(-margin), jnp.zeros_like(margin))


def test_the_upper_bound_rests_on_a_proven_curvature(x64):
    """A bump 1e-4 wide, whose curvature of 0.02 lies between a table's nodes, counts; a loop is not read: inf."""
    inputs, labels = np.array([[1.0], [1.0], [-1.0]]), [1, 1, -1]
    params = {"weights": jnp.array([0.3]), "bias": jnp.array(0.0)}
    uppers = {}
    for function in (ll.losses.logistic, _bumped, _in_a_loop):
        pair = ll.pair("identity", ll.margin_loss(function) if function is not ll.losses.logistic else "logistic")
        f = ll.objective(pair, ll.linear(), ll.Dataset(inputs, labels))
        uppers[function] = float(ll.sharpness(f, params, 1e-5, starts=0, steps=1).upper)
    assert np.isfinite(uppers[ll.losses.logistic])
    assert uppers[_in_a_loop] == np.inf
    assert uppers[_bumped] > uppers[ll.losses.logistic] * (1 + 1e-9)
