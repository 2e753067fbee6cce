"""Minima over all scores of combinations of the class curves."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.curves import tabulate


@pytest.mark.slow
@pytest.mark.parametrize("name", ["identity+logistic", "relu+squared", "tanh+hinge", "identity+linex", "sigmoid+focal"])
def test_minima_against_a_fine_grid(name, rng):
    """Combinations with a tilt, as the conjugates need them."""
    curves = tabulate(ll.pair(name))
    scores = np.linspace(-30, 30, 600_001)
    with jax.enable_x64(True):
        rows = np.stack([np.asarray(ll.pair(name)(jnp.asarray(scores), t)) for t in (1.0, -1.0)])
    weights, tilts = rng.uniform(0.05, 1, (12, 2)), rng.uniform(-0.02, 0.02, 12)
    found = curves.lowest(weights, tilts)
    far = np.array([-1e5, 1e5])
    with jax.enable_x64(True):
        beyond = np.stack([np.asarray(ll.pair(name)(jnp.asarray(far), t)) for t in (1.0, -1.0)])
    for w, tilt, value in zip(weights, tilts, found.value, strict=True):
        brute = (w @ rows + tilt * scores).min()
        if value == -np.inf:
            assert (w @ beyond + tilt * far).min() < -100 < brute
        else:
            assert value == pytest.approx(brute, abs=1e-6)


def test_minimisers_are_intervals_where_the_curve_is_flat():
    curves = tabulate(ll.pair("relu", "hinge"))
    found = curves.lowest([[0.5, 0.5], [0.2, 0.8], [1.0, 0.0]])
    assert found.low.tolist() == [-math.inf, -math.inf, 1.0]
    assert found.high.tolist() == [1.0, 0.0, math.inf]
    assert found.at.tolist() == [1.0, 0.0, 1.0]


def test_a_vanishing_tail_has_its_minimiser_at_infinity():
    curves = tabulate(ll.pair("identity", "logistic"))
    found = curves.lowest(np.eye(2))
    assert found.low.tolist() == found.high.tolist() == [math.inf, -math.inf]
    assert found.value.tolist() == [0.0, 0.0]
