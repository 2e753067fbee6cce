"""Sums along the rows of a grid through their kinks, against each example's curve at each pixel."""

import numpy as np
import pytest

import lossland as ll
from lossland.curves import parabolas
from lossland.landscapes._kink_sums import BLOCK, bucket_rows

PAIRS = ["identity+hinge", "relu+hinge", "identity+squared_hinge", "hard_tanh+squared", "identity+ramp"]
PAIRS += ["identity+modified_huber", "identity+squared", "hard_tanh+absolute", "identity+unhinged"]


@pytest.mark.parametrize("cells", [1, 3, BLOCK - 1, BLOCK + 1, 4 * BLOCK + 3, 701])
@pytest.mark.parametrize("name", PAIRS)
def test_rows_are_the_sums_of_the_curves(name, cells):
    curves = parabolas(name)
    rng = np.random.default_rng(cells)
    labels, weights = np.where(rng.random(90) < 0.3, 1.0, -1.0), rng.random(90)
    scores = rng.normal(size=(3, 90)) * np.array([[1.0], [0.5], [0.7]])
    # Some do not move along beta, some not at all, some have their kink on a pixel or far outside.
    scores[2, ::7], scores[1:, ::14], scores[2, 1::11] = 0.0, 0.0, 1e-12
    scores[:, 3], scores[0, 4] = (1.0, 0.0, 1.0), 1e6
    alphas, betas = np.linspace(-1.5, 1.0, 9), np.linspace(-2.0, 1.0, cells)
    z = scores[0] + alphas[:, None, None] * scores[1] + betas[:, None] * scores[2]
    want = np.where(labels > 0, curves[0](z), curves[1](z)) @ weights
    got = bucket_rows(curves, labels, weights, tuple(scores), alphas, betas)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-13 * np.abs(want).max())


def test_parts_of_the_rows_are_as_the_whole():
    curves = parabolas("relu+hinge")
    rng = np.random.default_rng(3)
    labels, weights, scores = rng.choice([-1.0, 1.0], 4000), np.ones(4000), rng.normal(size=(3, 4000))
    axis = np.linspace(-1.0, 1.0, 41)
    whole = bucket_rows(curves, labels, weights, tuple(scores), axis, axis)
    for j in (0, 7, 8, 40):
        row = bucket_rows(curves, labels, weights, tuple(scores), axis[j : j + 1], axis)
        np.testing.assert_allclose(whole[j], row[0], rtol=1e-12)


def test_a_plane_of_a_linear_model_is_that_of_its_program():
    """Scores of our own linear model come from one product on the host; those of a copy of it, from its program."""
    import jax

    data, model = ll.load("two_gaussians(n=60, seed=2)"), ll.linear()
    centre = model.init(jax.random.key(0), data.d)
    axes = ll.random_directions(centre, jax.random.key(1))
    copy = model._replace(apply=lambda params, inputs: inputs @ params["weights"] + params["bias"])
    given = {"radius": 2.0, "steps": 33, "sample_weights": np.linspace(0.0, 2.0, data.n)}
    for l2 in (0.0, 0.1):
        ours = ll.plane(ll.pair("relu+hinge"), data, centre, axes, l2=l2, **given)
        want = ll.plane(ll.pair("relu+hinge"), data, centre, axes, l2=l2, model=copy, method="model", **given)
        assert ours.method == "kinks"
        np.testing.assert_allclose(ours.values, want.values, rtol=1e-12)
