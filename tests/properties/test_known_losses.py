"""What a curve is said to be: the package's losses first, only what holds wherever a difference could hide."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.elements import LOSSES
from lossland.properties._first_probes import AT_FIRST_PROBES
from lossland.properties._known_losses import FIRST, PROBES, is_shipped


def _file(name, function):
    function.__name__ = function.__qualname__ = name
    return ll.margin_loss(function)


def test_a_users_loss_that_differs_far_out_is_not_named_for_a_shipped_one(registries):
    def bump(m):
        return jnp.where((m > 1e4) & (m < 1e4 + 1), jnp.sin(jnp.pi * (m - 1e4)) ** 2, 0.0)

    _file("a_far_bump", lambda m: 1 + jnp.maximum(0, -m) - bump(m))
    _file("a_tiny_bump", lambda m: jax.nn.softplus(-m) + 1e-6 * jnp.exp(-100 * (m - 50) ** 2))
    ll.likelihood_loss(_named("a_bits", lambda q: -jnp.log(q) / jnp.log(2.0)))
    assert ll.card("relu", "hinge").as_sum_of_known == ("ramp", "1 + perceptron")
    assert ll.card("sigmoid", "a_bits").as_sum_of_known == ("1.4427 logistic", "1.4427 logistic")
    # Nor are they told to be the losses that they almost are.
    assert ll.card("identity", "a_tiny_bump").as_sum_of_known.positive == "a_tiny_bump"
    assert ll.card("identity", "a_far_bump").as_sum_of_known.positive == "a_far_bump"


def _named(name, function):
    function.__name__ = function.__qualname__ = name
    return function


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda m: jnp.exp(2 * (1 - m)) - 2 * (1 - m) - 1, "own"),
        (lambda m: 1e6 * jnp.exp(1 - m), "2.71828e+06 exponential"),
        (lambda m: jax.nn.softplus(-2 * m) + 1.0, "1 + logistic(2 m)"),
        (lambda m: jnp.maximum(0, 1 - m) + 1e-7 * jnp.tanh(m) ** 2, "own"),
        (lambda m: jnp.where(m > 1e3, 1e-3, 0.0) + jnp.maximum(0, 1 - m), "own"),
    ],
)
def test_a_loss_is_told_by_another_or_is_itself_alone(function, said, registries):
    _file("own", lambda m: function(m))
    assert ll.card("identity", "own").as_sum_of_known.positive == said


def test_a_loss_that_only_looks_constant_is_not_one(registries):
    _file("almost_flat", lambda m: jnp.where(m > 50.0, 1.0, 2.0))
    assert ll.card("identity", "almost_flat").as_sum_of_known.positive != "2"


def test_kinks_that_all_but_coincide_break_no_other_pair(registries):
    @ll.activation(range=(0.0, 1.0))
    def act_clip(z):
        return jnp.clip(jax.nn.sigmoid(z), 0.01, 0.99)

    for gap in (1e-9, 1e-12):
        _file(f"near_{gap}", lambda m, gap=gap: jnp.maximum(0, 1 - m) + jnp.maximum(0, 1 + gap - m))
    assert ll.card("act_clip", "cross_entropy").as_sum_of_known == (None, None)


def test_the_values_that_choose_candidates_are_those_of_the_losses():
    losses = {loss.name: loss for loss in LOSSES.values() if loss.kind == "margin" and is_shipped(loss)}
    assert set(AT_FIRST_PROBES) <= set(losses)
    for name, held in AT_FIRST_PROBES.items():
        with jax.enable_x64(True):
            values = ll.pair("identity", losses[name])(PROBES[FIRST], 1.0)
        np.testing.assert_allclose(values, held, rtol=1e-11, atol=1e-12, err_msg=name)


def test_a_loss_of_ones_own_is_not_taken_for_the_shipped_one_of_its_name(registries):
    del LOSSES["hinge"]
    _file("hinge", lambda m: jnp.maximum(0, 1 - m) ** 3)
    assert ll.card("identity", "hinge").as_sum_of_known.positive == "hinge"
    assert ll.card("relu", "squared_hinge").as_sum_of_known.negative != "hinge"
