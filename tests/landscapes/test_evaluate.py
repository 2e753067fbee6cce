"""Every fast way to put an objective on a grid against one parameter vector after another; quantities by hand."""

import itertools
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.landscapes import _evaluate as evaluate

DATA = ll.standardise(ll.load("two_gaussians(n=31, d=3, seed=2)"))
KEY = jax.random.key(4)
OF_SCORES = ["risk", "positive_risk", "negative_risk", "error", "dead", "active", "saturated", "margin"]
OF_DERIVATIVES = ["gradient_norm", "outside", "determinant", "trace"]
"""Tested in `test_gradient_field`."""


def start(model=None, seed=0):
    return (ll.linear() if model is None else model).init(jax.random.key(seed), DATA.d)


def slow(f, centre, directions, *axes):
    """The objective at one point after another."""

    def at(*place):
        moved = jax.tree.map(lambda c, *d: c + sum(p * x for p, x in zip(place, d, strict=True)), centre, *directions)
        return float(f(jax.tree.map(jnp.asarray, moved)))

    return np.array([at(*place) for place in itertools.product(*axes)]).reshape(*map(len, axes))


def objective(pair, model=None, l2=0.3, weights=None):
    return ll.objective(pair, ll.linear() if model is None else model, DATA, l2, weights)


@pytest.mark.slow
@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_pairs_of_pieces_are_exact_by_their_kinks(step, x64, rng):
    """Pairs made of parabolas and lines, found by their curves; the plane holds directions that stand still."""
    weights = rng.uniform(0.0, 2.0, DATA.n)
    centre, (first, second) = start(), ll.random_directions(start(), KEY)
    second = {"weights": second["weights"] * np.array([1.0, 0.0, 0.0]), "bias": np.zeros(())}
    seen = 0
    for pair in ll.pairs()[::step]:
        if evaluate.pieces(pair) is None:
            continue
        seen += 1
        given = {"radius": (3.0, 4.0), "steps": (5, 7), "sample_weights": weights}
        exact = ll.plane(pair, DATA, centre, (first, second), **given)
        scores = [DATA.inputs @ np.asarray(p["weights"]) + np.asarray(p["bias"]) for p in (centre, first, second)]
        z = scores[0] + exact.alphas[:, None, None] * scores[1] + exact.betas[:, None] * scores[2]
        losses = np.asarray(pair(z, np.broadcast_to(DATA.labels, z.shape).astype(float)))
        assert exact.method == "kinks"
        expected = (losses * weights).mean(axis=-1)
        np.testing.assert_allclose(exact.values, expected, rtol=1e-12, atol=1e-12, err_msg=pair.name)
    assert seen > 60 / step


@pytest.mark.slow
@pytest.mark.parametrize("name", ["identity+hinge", "identity+squared_hinge", "identity+logistic", "step+squared"])
@pytest.mark.parametrize("method", ["kinks", "scores", "model"])
def test_planes_and_rays_against_one_point_after_another(name, method, x64):
    pair = ll.pair(name)
    if method == "kinks" and evaluate.pieces(pair) is None:
        with pytest.raises(ValueError, match="needs scores that are affine"):
            ll.plane(pair, DATA, start(), ll.random_directions(start(), KEY), radius=1.0, steps=3, method=method)
        return
    centre, directions = start(), ll.random_directions(start(), KEY)
    p = ll.plane(pair, DATA, centre, directions, radius=(2.0, 1.0), steps=(5, 3), l2=0.3, method=method)
    expected = slow(objective(pair), centre, directions, p.alphas, p.betas)
    np.testing.assert_allclose(p.values, expected, rtol=1e-12, atol=1e-13)
    assert p.values[2, 1] == pytest.approx(float(objective(pair)(centre)), rel=1e-13)
    r = ll.ray(pair, DATA, centre, directions[0], radius=2.0, steps=5, l2=0.3, method=method)
    np.testing.assert_allclose(r.values, slow(objective(pair), centre, directions[:1], r.alphas), rtol=1e-12)


@pytest.mark.slow
def test_a_networks_plane_and_that_of_random_features(x64):
    for model, method in ((ll.mlp((4, 3)), "model"), (ll.random_features(m=9, key=KEY), "scores")):
        centre = start(model)
        centre = jax.tree.map(lambda x: x + 0.1, centre)
        directions = ll.random_directions(centre, KEY)
        pair = ll.pair("identity+logistic")
        p = ll.plane(pair, DATA, centre, directions, radius=1.0, steps=3, l2=0.3, model=model)
        assert p.method == method
        np.testing.assert_allclose(
            p.values, slow(objective(pair, model), centre, directions, p.alphas, p.betas), rtol=1e-12
        )


@pytest.mark.slow
def test_quantities_say_what_they_mean(x64):
    pair, names = ll.pair("relu+hinge"), OF_SCORES
    centre, directions = start(), ll.random_directions(start(), KEY)
    p = ll.plane(pair, DATA, centre, directions, radius=3.0, steps=5, quantities=names)
    positive = DATA.labels > 0
    for i, j in np.ndindex(5, 5):
        moved = jax.tree.map(lambda c, a, b, i=i, j=j: c + p.alphas[i] * a + p.betas[j] * b, centre, *directions)
        scores = np.asarray(DATA.inputs @ moved["weights"] + moved["bias"])
        losses, slopes = np.asarray(pair(scores, DATA.labels)), np.asarray(pair.slope(scores, DATA.labels))
        expected = {
            "risk": losses.mean(),
            "positive_risk": losses[positive].mean(),
            "negative_risk": losses[~positive].mean(),
            "error": np.mean((scores > 0) != positive),
            "dead": np.mean((slopes == 0) & (DATA.labels * scores <= 0)),
            "active": np.mean(slopes != 0),
            "saturated": np.mean((np.abs(slopes) <= 1e-3) & (DATA.labels * scores <= 0)),
            "margin": np.min(DATA.labels * scores),
        }
        for name in names:
            assert p.quantities[name][i, j] == pytest.approx(expected[name], rel=1e-11, abs=1e-13), name
    with pytest.raises(ValueError, match=f"there are {', '.join([*OF_SCORES, *OF_DERIVATIVES])}\\."):
        ll.plane(pair, DATA, centre, directions, radius=3.0, steps=5, quantities=["nothing"])


@pytest.mark.parametrize(("tolerance", "method"), [(1e-3, "expansion"), (1e-6, "expansion"), (1e-10, "scores")])
@pytest.mark.slow
def test_a_smooth_plane_by_expansion_is_as_near_as_it_says(tolerance, method, x64):
    pair, centre, axes = ll.pair("sigmoid+cross_entropy"), start(), ll.random_directions(start(), KEY)
    given = {"radius": (2.0, 1.0), "steps": 151, "l2": 0.3}
    exact = ll.plane(pair, DATA, centre, axes, **given)
    near = ll.plane(pair, DATA, centre, axes, **given, tolerance=tolerance)
    assert (near.method, exact.error) == (method, 0.0)
    assert np.abs(near.values - exact.values).max() <= near.error <= tolerance


def test_what_has_kinks_is_not_expanded(x64):
    axes = ll.random_directions(start(), KEY)
    p = ll.plane(ll.pair("elu+hinge"), DATA, start(), axes, radius=2.0, steps=41, tolerance=1e-9)
    assert (p.method, p.error) == ("scores", 0.0)


@pytest.mark.slow
def test_devices_share_a_plane_to_the_same_bits():
    program = """
import jax, numpy as np, lossland as ll
from lossland.landscapes import _evaluate as evaluate
places, one = [], evaluate.affine_pixels
evaluate.affine_pixels = lambda *given: (places.append(given[-1].devices()), one(*given))[1]
data = ll.standardise(ll.load("two_gaussians(n=2000, d=3, seed=2)"))
centre = ll.linear().init(jax.random.key(0), 3)
axes = ll.random_directions(centre, jax.random.key(1))
given = dict(radius=1.0, steps=51, quantities=["error"])
alone = ll.plane(ll.pair("tanh+hinge"), data, centre, axes, **given)
del places[:]
both = ll.plane(ll.pair("tanh+hinge"), data, centre, axes, **given, devices=jax.devices())
assert len(places) == 4 and set.union(*places) == set(jax.devices()), places
np.testing.assert_array_equal(alone.values, both.values)
np.testing.assert_array_equal(alone.quantities["error"], both.quantities["error"])
"""
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | flags, timeout=300)
