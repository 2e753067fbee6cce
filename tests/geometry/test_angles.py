"""Angles: right from tiny to flat, never NaN, and those of gradients by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import lossland as ll

pytestmark = pytest.mark.slow

CLOUDS = ll.load("two_gaussians(n=40, distance=2.0, seed=5)")


def test_angles_are_right_from_tiny_to_flat():
    turns = np.array([1e-14, 1e-7, 0.3, np.pi / 2, 3.0, np.pi - 1e-9])
    turned = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    np.testing.assert_allclose(ll.angle([1.0, 0.0], turned), turns, rtol=1e-9)
    np.testing.assert_allclose(ll.angle([1e-300, 0.0], 1e300 * turned), turns, rtol=1e-9)
    assert ll.angle([1.0, 0.0], [-1.0, 0.0]) == np.pi


def test_zero_vectors_have_no_angle():
    with pytest.raises(ll.geometry.ZeroDirection, match="vector of zeros"):
        ll.angle([0.0, 0.0], [1.0, 0.0])
    np.testing.assert_array_equal(ll.angle(np.zeros((2, 3)), np.ones(3), zero=0.5), 0.5)
    with pytest.raises(ValueError, match="inf or NaN"):
        ll.angle([np.inf, 0.0], [1.0, 0.0])
    with pytest.raises(ll.geometry.ZeroDirection, match="no decision line"):
        ll.geometry.class_margins([0.0, 0.0], 1.0, CLOUDS)
    with pytest.raises(ll.geometry.ZeroDirection, match="no decision line"):
        ll.geometry.disagreement(([0.0, 0.0], 1.0), ([1.0, 0.0], 0.0), CLOUDS)
    with pytest.raises(ll.geometry.ZeroDirection, match="no line"):
        ll.geometry.line_pulls("relu+hinge", CLOUDS, [0.0, 0.0], 0.0)


def test_angles_between_gradients_and_their_map():
    names = ("identity+hinge", "relu+hinge")
    with jax.enable_x64(True):
        f, g = (ll.objective(ll.pair(name), data=CLOUDS) for name in names)
        centre = {"weights": jnp.zeros(2), "bias": jnp.array(0.3)}
        axes = (
            {"weights": jnp.array([1.0, 0.0]), "bias": jnp.zeros(())},
            {"weights": jnp.zeros(2), "bias": jnp.ones(())},
        )
        held = ll.geometry.angle_map(f, g, centre, axes, radius=5.0, steps=7)
        point = {"weights": jnp.array([5.0 / 3, 0.0]), "bias": jnp.array(0.3 - 5.0 / 3)}
        u, v = (np.asarray(ravel_pytree(jax.grad(h)(point))[0]) for h in (f, g))
        same = ll.geometry.gradient_angles(f, f, jax.tree.map(lambda x: jnp.stack([x, x + 0.1]), point))
    by_hand = np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v))
    assert held.angles[4, 2] == pytest.approx(float(by_hand), abs=1e-7)
    # Dead: w = 0, b < 0 leaves a ReLU without a gradient, and the angle without a meaning, but never NaN.
    assert not held.defined[3, 0]
    assert np.isfinite(held.angles).all()
    np.testing.assert_allclose(same.angles, 0.0, atol=1e-12)
    assert same.mean == pytest.approx(0.0, abs=1e-12)
