"""The table behind every card: kinks found without being told, curves between nodes, minima over all scores."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.curves import at, grid, tabulate
from lossland.minima import lowest
from lossland.registry import ACTIVATIONS, LOSSES

MARGIN_LOSSES = [pair.loss.name for pair in ll.pairs() if pair.name == f"identity+{pair.loss.name}"]


def _places(curves, label):
    return sorted(k.at for k in curves.kinks if k.label == label and k.what in ("value", "slope"))


@pytest.mark.parametrize("name", MARGIN_LOSSES)
def test_a_losss_kinks_are_those_it_claims(name):
    """Both are tested apart: the claims by `check_loss`, on another grid and by halving."""
    loss, curves = LOSSES[name], tabulate(ll.pair("identity", name))
    claimed = sorted(loss.claim("kinks"))
    assert _places(curves, 1) == pytest.approx(claimed, abs=1e-9)
    assert _places(curves, -1) == pytest.approx(sorted(-k for k in claimed), abs=1e-9)


def test_an_activations_kinks_are_those_it_claims(activation):
    curves = tabulate(ll.pair(activation, "unhinged"))
    claimed = sorted(activation.claim("kinks"))
    assert _places(curves, 1) == _places(curves, -1) == pytest.approx(claimed, abs=1e-9)


@pytest.mark.parametrize("name", [p.name for p in ll.pairs()[::23]])
def test_between_nodes_the_table_is_the_pair(name, rng):
    pair = ll.pair(name)
    curves = tabulate(pair)
    scores = rng.uniform(-8, 8, 400)
    with jax.enable_x64(True):
        want = [np.stack([np.asarray(f(jnp.asarray(scores), t)) for t in (1.0, -1.0)]) for f in (pair, pair.slope)]
    for order, exact in enumerate(want):
        finite = np.isfinite(exact)
        np.testing.assert_allclose(at(curves, scores, order)[finite], exact[finite], rtol=1e-7, atol=1e-8)


def test_a_point_on_a_kink_takes_the_right_hand_side():
    curves = tabulate(ll.pair("identity", "zero_one"))
    assert at(curves, [0.0])[:, 0].tolist() == [0.0, 1.0]
    assert at(curves, [-np.inf, np.inf])[0].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("shift", [0.0, math.pi / 7, -3.21, 11.0, 150.0, 1e-4])
def test_kinks_are_found_where_they_are(shift):
    curves = tabulate(ll.pair("identity", ll.shifted("hinge", shift)))
    assert _places(curves, 1) == pytest.approx([1 + shift], abs=1e-9 * (1 + abs(shift)))


@pytest.mark.parametrize("gap", [1.0, 0.1, 0.05])
def test_kinks_that_lie_close_together_are_told_apart(gap, registries):
    @ll.margin_loss
    def curves_two_kinks(margin):
        return jnp.maximum(0.0, 0.3 - margin) + jnp.maximum(0.0, 0.3 + gap - margin)

    curves = tabulate(ll.pair("identity", "curves_two_kinks"))
    assert _places(curves, 1) == pytest.approx([0.3, 0.3 + gap], abs=1e-9)


def test_no_node_is_zero_and_the_grid_is_symmetric():
    nodes = grid()
    assert np.all(np.diff(nodes) > 0)
    np.testing.assert_array_equal(nodes, -nodes[::-1])
    assert np.abs(nodes).min() > 1e-3


@pytest.mark.parametrize("name", ["identity+logistic", "relu+squared", "tanh+hinge", "identity+linex", "sigmoid+focal"])
def test_minima_against_a_fine_grid(name, rng):
    """Combinations with a tilt, as the conjugates need them."""
    curves = tabulate(ll.pair(name))
    scores = np.linspace(-30, 30, 600_001)
    with jax.enable_x64(True):
        rows = np.stack([np.asarray(ll.pair(name)(jnp.asarray(scores), t)) for t in (1.0, -1.0)])
    weights, tilts = rng.uniform(0.05, 1, (12, 2)), rng.uniform(-0.02, 0.02, 12)
    found = lowest(curves, weights, tilts)
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
    found = lowest(curves, [[0.5, 0.5], [0.2, 0.8], [1.0, 0.0]])
    assert found.low.tolist() == [-math.inf, -math.inf, 1.0]
    assert found.high.tolist() == [1.0, 0.0, math.inf]
    assert found.at.tolist() == [1.0, 0.0, 1.0]


def test_a_vanishing_tail_has_its_minimiser_at_infinity():
    curves = tabulate(ll.pair("identity", "logistic"))
    found = lowest(curves, np.eye(2))
    assert found.low.tolist() == found.high.tolist() == [math.inf, -math.inf]
    assert found.value.tolist() == [0.0, 0.0]


def test_every_activation_can_be_tabulated():
    for name in ACTIVATIONS:
        assert tabulate(ll.pair(name, "unhinged")).scores.size >= grid().size
