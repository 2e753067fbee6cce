"""Whole numbers, switches and keys among the params stay as they are in every plane, and models may read them so."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll

DATA = ll.standardise(ll.load("two_gaussians(n=20, d=3, seed=1)"))
PAIR = ll.pair("identity+logistic")


def init(key, d):
    return {
        "column": jnp.array(1),
        "on": jnp.array(True),
        "noise": jax.random.key(3),
        "w": jax.random.normal(key, (d,)),
    }


def scores(p, x):
    drawn = 1.0 + 0.1 * jax.random.normal(p["noise"], (x.shape[1],), x.dtype)
    return jnp.where(p["on"], x @ (p["w"] * drawn) + x[:, p["column"]], 0.0)


def bent(p, x):
    return jnp.tanh(scores(p, x))


MODELS = [ll.Model(init, f, f.__name__, lambda p: p["w"]) for f in (scores, bent)]
A, B, C = (init(jax.random.key(k), 3) for k in range(3))


@pytest.fixture(params=MODELS, ids=lambda m: m.name)
def model(request):
    return request.param


def holds(p, model, at=(-1, 0)):
    """A corner of a plane is what the objective gives there."""
    with jax.enable_x64(True):
        f = ll.objective(PAIR, model, DATA, 0.1)
        w = p.centre["w"] + p.alphas[at[0]] * p.directions[0]["w"] + p.betas[at[1]] * p.directions[1]["w"]
        np.testing.assert_allclose(p.values[at], f(A | {"w": jnp.asarray(w)}), rtol=1e-9)


def test_planes(model):
    seen = {"model": model, "l2": 0.1, "steps": 3}
    holds(ll.random_plane(PAIR, DATA, A, key=jax.random.key(1), radius=1.0, **seen), model)
    holds(ll.random_plane(PAIR, DATA, A, key=jax.random.key(1), normalization=None, **seen), model)
    holds(ll.landscapes.hessian_plane(PAIR, DATA, A, radius=1.0, **seen), model)
    holds(ll.landscapes.planar_interpolation(PAIR, DATA, A, B, C, **seen), model)
    run = jax.tree.map(lambda *x: jnp.stack(x), A, B, C, A)
    holds(ll.landscapes.trajectory_plane(PAIR, DATA, run, **seen)[0], model)
    first = ll.landscapes.gradient_direction(PAIR, DATA, A, model=model, l2=0.1)
    p = ll.plane(PAIR, DATA, A, (first, ll.landscapes.towards(A, B)), radius=1.0, **seen)
    holds(p, model)
    place = ll.landscapes.place(p, B)
    assert (round(place.beta, 6), place.off < 1e-6) == (1.0, True)
    field = ll.gradient_field(PAIR, DATA, A, p.directions, radius=1.0, **seen)
    with jax.enable_x64(True):
        f = ll.objective(PAIR, model, DATA, 0.1)
        slope = jax.grad(lambda w: f(A | {"w": w}))(jnp.asarray(A["w"], float))
        np.testing.assert_allclose(field.norms[1, 1], np.linalg.norm(slope), rtol=1e-9)
        np.testing.assert_allclose(first["w"], -slope / np.linalg.norm(slope), rtol=1e-6)


def test_directions_of_unit_length_do_not_count_what_is_held():
    first, second = ll.random_directions(A, jax.random.key(0), normalization=None)
    np.testing.assert_allclose([np.linalg.norm(d["w"]) for d in (first, second)], 1.0)
    assert first["column"] == 0


def test_curves_between_ends(model):
    found = ll.bezier_path(PAIR, DATA, A, B, steps=3, points=3, model=model, l2=0.1)
    assert (found.control["column"], bool(found.control["on"])) == (1, True)
    with jax.enable_x64(True):
        f = ll.objective(PAIR, model, DATA, 0.1)
        np.testing.assert_allclose(found.values[[0, -1]], [f(A), f(B)], rtol=1e-6)


def test_weights_typed_as_whole_numbers_move():
    typed = [{"weights": np.array(w), "bias": 0.0} for w in ([1, 0, 2], [3, -1, 0])]
    real = [{"weights": np.array(t["weights"], float), "bias": 0.0} for t in typed]
    lines = [ll.landscapes.linear_interpolation(PAIR, DATA, *ends, steps=5) for ends in (typed, real)]
    np.testing.assert_array_equal(lines[0].values, lines[1].values)
    assert lines[0].values[0] != lines[0].values[-1]
