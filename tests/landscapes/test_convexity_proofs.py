"""Convexity on a plane is proven from the pair's program, or it is not claimed: no measurement counts as a proof."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll

DATA = ll.Dataset([[1.0, 0.2], [0.3, -1.0], [-0.8, 0.4], [-0.1, -0.6]], [1, 1, -1, -1])
CENTRE = {"weights": np.array([1.0, 0.5]), "bias": np.array(0.1)}
AXES = (
    {"weights": np.array([0.0, 1.0]), "bias": np.array(0.0)},
    {"weights": np.array([1.0, 0.0]), "bias": np.array(0.0)},
)


def asked(pair, radius):
    return ll.landscapes.convexity(pair, DATA, CENTRE, AXES, radius=radius, steps=11)


def tent(width, at):
    def tented(margin):
        return jax.nn.softplus(-margin) + 0.1 * jnp.maximum(0.0, 1 - jnp.abs(margin - at) / width)

    return ll.margin_loss(tented)


@pytest.mark.parametrize("width", [1e-3, 5e-4, 1e-6, 1e-9])
def test_a_tent_that_no_chord_meets_is_not_called_convex(width, x64):
    """C3: no table sees it."""
    found = asked(ll.pair("identity", tent(width, 0.2)), 1.0)
    assert found.convex is not True
    if found.convex is None:
        assert found.reason.startswith("Undecided: no violation among")


@pytest.mark.parametrize("width", [1e-3, 1e-9])
def test_away_from_the_tent_it_is_proven(width, x64):
    scores = DATA.inputs @ CENTRE["weights"] + CENTRE["bias"]
    margins = np.sort(DATA.labels * scores)
    at = float(0.5 * (margins[1] + margins[2]))
    reach = np.abs(DATA.inputs).sum(axis=1)
    away = float((np.abs(DATA.labels * scores - at) / reach).min())
    pair = ll.pair("identity", tent(width, at))
    found = asked(pair, 0.9 * away)
    assert found.convex is True
    assert "at all scores that each example takes in the box (proven from its program)" in found.reason
    assert asked(pair, 1.1 * away).convex is not True


def test_many_examples_are_proven_in_a_few_steps(x64, rng):
    """Thousands of stretches on both sides of a kink that bends down, none across it."""
    inputs = rng.normal(size=(3000, 2))
    inputs = inputs[np.abs(inputs[:, 0]) > 0.2]
    data = ll.Dataset(inputs, np.where(rng.random(len(inputs)) < 0.5, 1, -1))
    centre = {"weights": np.array([1.0, 0.0]), "bias": np.array(0.0)}
    found = ll.landscapes.convexity(ll.pair("relu", "logistic"), data, centre, AXES, radius=0.01, steps=5)
    assert found.convex is True


def test_a_proof_says_what_it_rests_on(x64):
    for name in ("identity+hinge", "identity+logistic", "sigmoid+cross_entropy"):
        assert f"of {name} are convex (proven from its program)" in asked(ll.pair(name), 2.0).reason


def test_what_is_measured_is_no_proof(x64):
    @ll.margin_loss
    def in_a_loop(margin):
        return jax.lax.fori_loop(0, 2, lambda _, total: total + jax.nn.softplus(-margin), jnp.zeros_like(margin))

    found = asked(ll.pair("identity", in_a_loop), 2.0)
    assert found.convex is None
    assert f"no violation among {found.tried} chords" in found.reason
    assert "measured, not proven: its operation" in found.reason


def test_a_measured_loss_may_still_be_refuted(x64):
    @ll.margin_loss
    def in_a_loop(margin):
        return jax.lax.fori_loop(0, 1, lambda _, total: total + ll.losses.ramp(margin), jnp.zeros_like(margin))

    assert asked(ll.pair("identity", in_a_loop), 4.0).convex is False
