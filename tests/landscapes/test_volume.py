"""Volumes: every slice against one parameter vector after another; memory that would not suffice is said before."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.landscapes import _volume as volumes

DATA = ll.standardise(ll.load("two_gaussians(n=21, d=3, seed=2)"))
CENTRE = {"weights": np.array([0.4, -0.2, 0.7]), "bias": np.array(0.1)}
AXES = ll.random_directions(CENTRE, jax.random.key(4), 3)


@pytest.mark.parametrize(
    ("name", "model", "method"),
    [
        ("relu+hinge", None, "kinks"),
        ("sigmoid+squared", None, "scores"),
        pytest.param("tanh+squared", ll.mlp(2, hidden="tanh"), "model", marks=pytest.mark.slow),
    ],
)
def test_a_volume_against_one_point_after_another(name, model, method, x64):
    pair, centre, axes = ll.pair(name), CENTRE, AXES
    if model is not None:
        centre = jax.tree.map(lambda x: np.asarray(x) + 0.1, model.init(jax.random.key(0), 3))
        axes = ll.random_directions(centre, jax.random.key(4), 3)
    v = ll.volume(pair, DATA, centre, axes, radius=(2.0, 1.0, 3.0), steps=(3, 5, 3), l2=0.3, model=model)
    held = ll.objective(pair, model or ll.linear(), DATA, 0.3)
    f = jax.jit(lambda params: held(params))
    expected = np.empty(v.values.shape)
    for place in itertools.product(*map(range, v.values.shape)):
        steps = [axis[k] for axis, k in zip((v.alphas, v.betas, v.gammas), place, strict=True)]
        moved = jax.tree.map(lambda c, *d, s=steps: c + sum(a * x for a, x in zip(s, d, strict=True)), centre, *axes)
        expected[place] = f(jax.tree.map(jnp.asarray, moved))
    assert v.method == method
    np.testing.assert_allclose(v.values, expected, rtol=1e-12, atol=1e-13)
    assert v.gammas.tolist() == [-3.0, 0.0, 3.0]


def test_slices_quantities_and_the_file(tmp_path, x64):
    told = []
    v = ll.volume(
        ll.pair("relu+hinge"), DATA, CENTRE, AXES, radius=1.0, steps=3, quantities=["dead"],
        progress=lambda *at: told.append(at),
    )  # fmt: skip
    assert told == [(9, 27), (18, 27), (27, 27)]
    p = v.slice(2)
    again = ll.plane(ll.pair("relu+hinge"), DATA, p.centre, p.directions, radius=1.0, steps=3, quantities=["dead"])
    np.testing.assert_array_equal(again.values, v.values[:, :, 2])
    np.testing.assert_array_equal(again.quantities["dead"], p.quantities["dead"])
    held = v.to_xarray()
    assert held.objective.dims == ("alpha", "beta", "gamma")
    np.testing.assert_array_equal(held.direction_2_weights, AXES[2]["weights"])


def test_what_does_not_fit_is_refused_before_it_runs_with_a_size_that_fits(monkeypatch):
    monkeypatch.setattr("lossland.core._memory.free_bytes", lambda: 10_000)
    monkeypatch.setattr("lossland.core._memory.SMALL", 0)

    def stop(*_):
        raise AssertionError("it ran")

    monkeypatch.setattr(volumes, "on_grid", stop)
    with pytest.raises(ValueError, match=r"11 x 11 x 11 points takes .*steps=7 would fit"):
        ll.volume(ll.pair("relu+hinge"), DATA, CENTRE, AXES, radius=1.0, steps=11)
    with pytest.raises(AssertionError, match="it ran"):
        ll.volume(ll.pair("relu+hinge"), DATA, CENTRE, AXES, radius=1.0, steps=7)
    with pytest.raises(ValueError, match=r"plane of 101 x 101 points takes .*steps=13 would fit"):
        ll.plane(ll.pair("relu+hinge"), DATA, CENTRE, AXES[:2], radius=1.0)
    with pytest.raises(ValueError, match="steps=5 would fit"):
        ll.volume(ll.pair("relu+hinge"), DATA, CENTRE, AXES, radius=1.0, steps=7, quantities=["dead"])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"directions": AXES[:2]}, "three directions; got 2"),
        ({"steps": (3, 3)}, "one number or 3"),
        ({"steps": (3, 3, 4)}, "steps must be odd"),
        ({"radius": (1.0, 2.0)}, "one number or 3"),
        ({"tolerance": -1.0}, "tolerance"),
    ],
)
def test_bad_input_is_said(changed, message):
    given = {"directions": AXES, "radius": 1.0, "steps": 3} | changed
    with pytest.raises(ValueError, match=message):
        ll.volume(ll.pair("identity+hinge"), DATA, CENTRE, **given)
