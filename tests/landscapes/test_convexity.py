"""Certificates: what is proven has no violating chord, what is refuted has one that a reader can check."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll

DATA = ll.standardise(ll.load("two_gaussians(n=31, d=3, seed=2)"))
CENTRE = jax.tree.map(np.asarray, ll.linear().init(jax.random.key(0), 3))
AXES = ll.random_directions(CENTRE, jax.random.key(4))


def certificate(name, **given):
    return ll.landscapes.convexity(ll.pair(name), DATA, CENTRE, AXES, **({"radius": 3.0, "steps": 11} | given))


@pytest.mark.parametrize("name", ["identity+hinge", "identity+squared_hinge", "identity+logistic", "identity+squared"])
def test_convex_pairs_are_proven(name, x64):
    found = certificate(name)
    assert (found.convex, found.tried, found.chord) == (True, 0, None)
    assert name in found.reason
    assert "affine" in found.reason


@pytest.mark.slow
@pytest.mark.parametrize("name", ["relu+hinge", "sigmoid+squared", "step+squared"])
def test_a_violating_chord_can_be_checked(name, x64):
    found = certificate(name, l2=0.01)
    assert found.convex is False
    np.testing.assert_allclose(found.chord[1], 0.5 * (found.chord[0] + found.chord[2]), atol=1e-14)
    assert np.abs(found.chord).max() <= 3.0
    f = ll.objective(ll.pair(name), ll.linear(), DATA, 0.01)
    points = [
        jax.tree.map(lambda c, u, v, p=p: jnp.asarray(c + p[0] * u + p[1] * v), CENTRE, *AXES) for p in found.chord
    ]
    values = [float(f(point)) for point in points]
    assert values == pytest.approx(found.values.tolist(), rel=1e-12)
    assert values[1] - 0.5 * (values[0] + values[2]) > 1e-6


def test_what_is_convex_without_a_proof_is_undecided(x64):
    """A strong penalty makes a loss of bounded curvature convex."""
    found = certificate("sigmoid+squared", l2=100.0)
    assert found.convex is None
    assert f"{found.tried} chords" in found.reason
    assert found.tried > 2000


@pytest.mark.parametrize("name", ["relu+hinge", "step+squared"])
def test_a_box_in_which_no_example_passes_a_bend_downwards_is_proven(name, x64):
    """The box grows until the nearest example reaches the place where its curve is not convex: kinks by hand."""
    bends = {"relu+hinge": {1: 0.0}, "step+squared": {1: 0.0, -1: 0.0}}[name]
    z0, z1, z2 = (DATA.inputs @ np.asarray(x["weights"]) + float(x["bias"]) for x in (CENTRE, *AXES))
    away = [np.abs(z0 - at)[DATA.labels == t] / (np.abs(z1) + np.abs(z2))[DATA.labels == t] for t, at in bends.items()]
    least = np.concatenate(away).min()
    assert certificate(name, radius=0.99 * least).convex is True
    assert "each example" in certificate(name, radius=0.99 * least).reason
    assert certificate(name, radius=1.01 * least).convex is not True


def test_only_classes_that_are_there_count(x64):
    positives = ll.Dataset(DATA.inputs, np.ones(DATA.n), one_class=True)
    negatives = ll.Dataset(DATA.inputs, -np.ones(DATA.n), one_class=True)
    given = {"radius": 3.0, "steps": 11}
    assert ll.landscapes.convexity(ll.pair("relu+hinge"), negatives, CENTRE, AXES, **given).convex is True
    assert ll.landscapes.convexity(ll.pair("relu+hinge"), positives, CENTRE, AXES, **given).convex is False


@pytest.mark.slow
def test_a_network_is_refuted_under_a_convex_loss(x64):
    model = ll.mlp((4,), hidden="tanh")
    centre = model.init(jax.random.key(0), 3)
    axes = ll.random_directions(centre, jax.random.key(1))
    found = ll.landscapes.convexity(ll.pair("identity+logistic"), DATA, centre, axes, radius=4.0, steps=11, model=model)
    assert found.convex is False


def test_a_chord_at_the_plane_of_infinite_values(x64):
    """An infinite middle between finite ends refutes; infinite ends refute nothing."""
    from lossland.landscapes._convexity import _gap

    inf = np.inf
    gaps = _gap(np.array([[1.0, inf, 1.0], [inf, 1.0, inf], [inf, inf, 1.0], [np.nan, 1.0, 1.0]]))
    assert gaps.tolist() == [inf, -inf, -inf, -inf]
