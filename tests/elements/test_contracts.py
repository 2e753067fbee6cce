"""Contracts: every element keeps its own, and what is false or buggy is refuted at a point."""

import jax
import jax.numpy as jnp
import pytest

import lossland as ll
from lossland.elements import Output
from lossland.elements import losses as L


@pytest.mark.slow
def test_every_loss_keeps_its_contract(loss):
    assert len(ll.check_loss(loss)) >= 6


@pytest.mark.parametrize("name", ["hinge", "focal(gamma=1.0)"])
def test_a_few_losses_keep_their_contract(name):
    assert "gradient is the slope" in " ".join(check.name for check in ll.check_loss(name))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "claims", "message"),
    [
        (lambda m: L.ramp(m), {"convex": True}, r"claim convex: not convex: between \S+ and \S+ the curve at"),
        (lambda m: L.hinge(m), {"convex": False}, "claim convex: claimed not to be"),
        (lambda m: L.hinge(m), {"kinks": ()}, "claim kinks: there is a kink at 1 that is not claimed"),
        (lambda m: L.logistic(m), {"kinks": (0.5,)}, "claim kinks: there is no kink at 0.5"),
        (lambda m: L.logistic(m), {"tail": "zero"}, r"claim tail: .*phi\(20\) = 2.06e-09"),
        (lambda m: L.dwd(m), {"tail": "exponential"}, "claim tail: .*polynomial"),
        (lambda m: L.squared(m), {"decreasing": True}, r"claim decreasing: not nonincreasing: from \S+ to"),
        (lambda m: L.hinge(m), {"decreasing": False}, "claim decreasing: claimed not to be"),
    ],
)
def test_a_false_claim_of_a_loss_is_refuted_at_a_point(function, claims, message):
    def a_false_claim(margin):
        return function(margin)

    ll.margin_loss(**claims)(a_false_claim)
    with pytest.raises(AssertionError, match=message) as caught:
        ll.check_loss(a_false_claim)
    assert type(caught.value).__name__ == "ContractError"


def _nan_under_where(margin):
    return jnp.where(margin > 0, jnp.sqrt(jnp.abs(margin)) * margin, jnp.zeros_like(margin) * jnp.log(margin))


def _nan_gradient(margin):
    safe = jnp.where(margin > 0, margin, 0.0)
    return jnp.where(margin > 0, jnp.sqrt(safe) * safe, jnp.sqrt(safe) * 0.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "message"),
    [
        (_nan_under_where, "finite: is nan at -"),
        (_nan_gradient, "autodiff says nan at -"),
        (lambda m: jnp.asarray(m, jnp.float32) ** 2, "keeps dtypes: takes float64 to float32|keeps dtypes: takes"),
        (lambda m: jnp.sum(m**2), r"keeps shapes: changes shape \(3,\)"),
        (lambda m: m * jax.lax.stop_gradient(m), "gradient is the slope: autodiff says"),
        (lambda m: jnp.nan_to_num(m) ** 2, "NaN stays NaN: turns NaN into"),
    ],
)
def test_a_buggy_loss_is_caught(function, message):
    def a_buggy_loss(margin):
        return function(margin)

    ll.margin_loss(a_buggy_loss)
    with pytest.raises(AssertionError, match=message):
        ll.check_loss(a_buggy_loss)


@pytest.mark.slow
def test_every_activation_keeps_its_contract(activation):
    assert len(ll.check_activation(activation)) >= 6


@pytest.mark.parametrize("name", ["shifted_relu(c=0.5)", "cloglog"])
def test_a_few_activations_keep_their_contract(name):
    assert "claim range" in [check.name for check in ll.check_activation(name)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "claims", "message"),
    [
        (ll.activations.tanh, {"range": (0.0, 1.0)}, r"claim range: -1 at -10000 is outside \[0, 1\]"),
        (ll.activations.relu, {"kinks": ()}, "claim kinks: there is a kink at"),
        (ll.activations.softplus, {"kinks": (0.25,)}, "claim kinks: there is no kink at 0.25"),
        (
            lambda z: z * ll.activations.sigmoid(z),
            {"monotone": True},
            r"claim monotone: not nondecreasing: from -\S+ to",
        ),
        (ll.activations.relu, {"monotone": False}, "claim monotone: claimed not to be"),
        (ll.activations.softplus, {"symmetry": "odd"}, r"claim symmetry: g\(-z\) is off by \S+ at z ="),
        (ll.activations.cloglog, {"symmetry": "complement"}, r"claim symmetry: g\(-z\) is off by"),
    ],
)
def test_a_false_claim_of_an_activation_is_refuted_at_a_point(function, claims, message):
    def a_false_claim(score):
        return function(score)

    ll.activation(**claims)(a_false_claim)
    with pytest.raises(AssertionError, match=message) as caught:
        ll.check_activation(a_false_claim)
    assert type(caught.value).__name__ == "ContractError"


def test_false_neighbours_are_refuted_at_a_point():
    def a_false_neighbour(score):
        return ll.activations.sigmoid(score)

    ll.activation(neighbours=lambda z: Output(ll.activations.sigmoid(z), one_minus=ll.activations.sigmoid(z)))(
        a_false_neighbour
    )
    with pytest.raises(AssertionError, match="one_minus at"):
        ll.check_activation(a_false_neighbour)
