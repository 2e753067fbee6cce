"""Directions that an objective decides, against dense linear algebra and the axes' own curvature."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.core import dot, norm

DATA = ll.standardise(ll.load("two_gaussians(n=31, d=3, seed=2)"))
PAIR = ll.pair("relu", "hinge")
CENTRE = {"weights": np.array([0.4, -0.2, 0.7]), "bias": np.array(0.1)}


@pytest.mark.slow
def test_the_gradient_points_down_as_steeply_as_any_direction(x64):
    pair = ll.pair("identity+logistic")
    d = ll.landscapes.gradient_direction(pair, DATA, CENTRE, l2=0.2)
    assert norm(d) == pytest.approx(1.0, rel=1e-14)
    r = ll.ray(pair, DATA, CENTRE, d, radius=1e-5, steps=3, l2=0.2)
    f = ll.objective(pair, ll.linear(), DATA, 0.2)
    steepest = norm(jax.grad(f)(jax.tree.map(jnp.asarray, CENTRE)))
    assert (r.values[2] - r.values[0]) / 2e-5 == pytest.approx(-steepest, rel=1e-8)


def test_a_stationary_centre_has_no_gradient_direction(x64):
    far = {"weights": np.zeros(3), "bias": np.array(-9.0)}
    with pytest.raises(ValueError, match="stationary"):
        ll.landscapes.gradient_direction(ll.pair("relu+hinge"), DATA, far)


def test_towards_reaches_the_goal_at_one(x64):
    sol = SimpleNamespace(weights=np.array([1.0, -1.0, 0.5]), bias=np.array(0.3))
    d = ll.landscapes.towards(CENTRE, sol)
    r = ll.ray(ll.pair("identity+hinge"), DATA, CENTRE, d, radius=1.0, steps=3)
    f = ll.objective(ll.pair("identity+hinge"), ll.linear(), DATA)
    assert r.values[2] == pytest.approx(float(f({"weights": sol.weights, "bias": sol.bias})), rel=1e-12)
    with pytest.raises(ValueError, match="point itself"):
        ll.landscapes.towards(CENTRE, CENTRE)
    with pytest.raises(ValueError, match="must be alike"):
        ll.landscapes.towards(CENTRE, {"weights": np.zeros(2), "bias": np.zeros(())})


@pytest.mark.slow
@pytest.mark.parametrize(("ends", "places"), [("top", (-1, -2)), ("top and bottom", (-1, 0))])
def test_a_hessian_plane_bends_along_its_axes_as_the_dense_eigenvalues_say(ends, places, x64):
    pair = ll.pair("identity+logistic")
    p = ll.landscapes.hessian_plane(pair, DATA, CENTRE, l2=0.2, radius=1e-3, steps=3, ends=ends)
    first, second = p.directions
    assert abs(dot(first, second)) < 1e-10
    f = ll.objective(pair, ll.linear(), DATA, 0.2)
    dense = np.linalg.eigvalsh(ll.hessian(f, jax.tree.map(jnp.asarray, CENTRE)))
    np.testing.assert_allclose(p.settings["eigenvalues"], dense[list(places)], rtol=1e-10)
    for line, place in ((p.values[:, 1], places[0]), (p.values[1], places[1])):
        assert (line[0] + line[2] - 2 * line[1]) / 1e-6 == pytest.approx(dense[place], rel=1e-5)


def test_a_pair_made_of_lines_is_told_what_to_take(x64):
    with pytest.raises(ValueError, match=r"made of lines.*kink_curvature.*gradient_direction") as caught:
        ll.landscapes.hessian_plane(ll.pair("identity+hinge"), DATA, CENTRE, radius=1.0, steps=3)
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(ValueError, match="ends is"):
        ll.landscapes.hessian_plane(ll.pair("identity+logistic"), DATA, CENTRE, ends="bottom")
    (first, second), _ = ll.landscapes.hessian_directions(ll.pair("identity+logistic"), DATA, CENTRE)
    assert ll.plane(ll.pair("identity+hinge"), DATA, CENTRE, (first, second), radius=1.0, steps=3).holes == 0


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda c: ll.random_directions(c, jax.random.key(0)), "A tree of params is being traced by JAX"),
        (lambda c: ll.random_plane(PAIR, DATA, c, key=jax.random.key(0)), "A tree of params is being traced"),
        (
            lambda c: ll.plane(PAIR, DATA, c, (CENTRE, CENTRE)),
            "centre is being traced.*the objective itself",
        ),
        (lambda c: ll.plane(PAIR, DATA, CENTRE, (CENTRE, c)), "Direction 1 is being traced"),
    ],
    ids=["directions", "random plane", "centre", "direction"],
)
def test_what_jax_traces_is_refused_with_the_way_out(ask, said):
    with pytest.raises(ValueError, match=said):
        jax.jit(ask)(CENTRE)


def test_the_way_out_of_a_traced_plane_is_one():
    f = ll.objective(PAIR, data=DATA)
    many = jax.tree.map(lambda x: np.stack([x, 2.0 * x]), CENTRE)
    np.testing.assert_allclose(jax.jit(jax.vmap(f))(many)[0], f(CENTRE), rtol=1e-6)
