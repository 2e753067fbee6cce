"""Claims are decided by the program where it is read: no kink, tent or bend is too narrow to be found."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.elements import ACTIVATIONS, LOSSES, find
from lossland.properties._decided_claims import decided_claims

WIDTHS = [1e-3, 1e-5, 1e-7, 1e-9]


def refuted(function, decorate=ll.margin_loss, registry=LOSSES, **claims):
    """What is said of the claims alone: how a loss behaves, which `check_loss` asks too, takes longer to compile."""

    def claimed(argument):
        return function(argument)

    decorate(**claims)(claimed)
    with jax.enable_x64(True):
        checks = decided_claims(find(registry, claimed)).values()
    return "\n".join(f"{check.name}: {check.refutation}" for check in checks if check.refutation)


def test_a_refuted_claim_fails_its_contract():
    def tent(argument):
        return jax.nn.softplus(-argument) + bump(argument, 0.7, 1e-7)

    ll.margin_loss(convex=True)(tent)
    ll.activation(monotone=True, kinks=())(tent)
    for check, registry in ((ll.check_loss, LOSSES), (ll.check_activation, ACTIVATIONS)):
        with jax.enable_x64(True):
            said = [check.refutation for check in decided_claims(find(registry, tent)).values() if check.refutation]
        with pytest.raises(AssertionError) as caught:
            check(tent)
        assert said
        assert all(each in str(caught.value) for each in said)


def bump(x, at, width, size=0.1):
    return size * jnp.maximum(0.0, 1 - jnp.abs(x - at) / width)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("size", [1.0, 1e-6, 1e3])
def test_a_tent_refutes_convexity_and_names_the_chord(width, size):
    said = refuted(lambda m: size * (jax.nn.softplus(-m) + bump(m, 0.7, width)), convex=True)
    assert "claim convex: not convex: between " in said
    assert "above its chord, " in said


@pytest.mark.parametrize("width", WIDTHS)
def test_a_tent_refutes_that_a_loss_falls_and_names_the_rise(width):
    said = refuted(lambda m: jax.nn.softplus(-m) + bump(m, -0.3, width), decreasing=True)
    assert "claim decreasing: not nonincreasing: from -0." in said


@pytest.mark.parametrize("width", WIDTHS)
def test_kinks_are_exact(width):
    said = refuted(lambda m: jax.nn.softplus(-m) + bump(m, 0.7, width), kinks=(0.7,))
    at = float(re.search(r"claim kinks: there is a kink at (\S+) that is not claimed: its slope goes from", said)[1])
    assert abs(at - 0.7) == pytest.approx(width, rel=1e-2)


def test_two_kinks_are_not_one():
    """Sampling took any kink within 1e-6 of a claimed one for that one."""

    def double(m):
        return jnp.maximum(0.0, 1 - m) + jnp.maximum(0.0, 1 - 1e-8 - m)

    assert "is not claimed" in refuted(double, kinks=(1.0,))
    ll.margin_loss(kinks=(1.0, 1 - 1e-8))(double)
    assert "claim kinks" in [check.name for check in ll.check_loss(double)]


def test_far_kinks_count():
    said = refuted(lambda m: jnp.maximum(0.0, 1 - m) + jnp.maximum(0.0, -40.0 - m), kinks=(1.0,))
    assert "there is a kink at -40 that is not claimed" in said
    assert "there is no kink at 30" in refuted(lambda m: jnp.maximum(0.0, 1 - m), kinks=(1.0, 30.0))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("at", [0.013, 0.5, 0.99])
def test_losses_of_a_likelihood_are_decided_on_their_domain(width, at):
    width = width * 1e-2
    said = refuted(lambda q: (1 - q) ** 2 + bump(q, at, width, 1e-3), ll.likelihood_loss, convex=True)
    low, high, middle = map(float, re.search(r"between (\S+) and (\S+) the curve at (\S+) is", said).groups())
    assert 0 <= low < middle < high <= 1
    assert middle == pytest.approx(at, abs=width)


@pytest.mark.parametrize(("name", "names"), [
    ("cross_entropy", {"convex", "decreasing", "kinks"}),
    ("brier", {"convex", "decreasing", "kinks"}),
    ("hinge", {"convex", "decreasing", "kinks", "tail"}),
])  # fmt: skip
def test_true_claims_are_proven(name, names):
    entry = ll.pair("sigmoid", name).loss
    found = decided_claims(entry)
    assert set(found) == names
    assert not any(check.refutation for check in found.values())
    assert found["convex"].seen == "convex: proven from its program"


def test_a_convex_loss_that_claims_not_to_be_is_refuted():
    said = refuted(lambda m: jnp.maximum(0.0, 1 - m), convex=False)
    assert "claimed not to be convex, but it is, proven from its program" in said


@pytest.mark.parametrize(
    ("function", "claimed", "seen"),
    [
        (lambda m: jax.nn.softplus(-0.001 * m), "polynomial", "exponential"),
        (lambda m: 1e-30 / (1 + jnp.square(jnp.maximum(m, 0.0))), "exponential", "polynomial"),
        (lambda m: jnp.maximum(0.0, 3000 - m), "polynomial", "zero"),
    ],
)
def test_tails_are_read_where_no_sample_reaches(function, claimed, seen):
    said = refuted(function, tail=claimed)
    failing = [line for line in said.splitlines() if "claim tail" in line]
    assert failing[0].rstrip().endswith(f": {seen}")
    assert f"claimed {claimed}, but phi(20) = " in said


@pytest.mark.parametrize("width", WIDTHS)
def test_activations_too(width):
    def dented(score):
        return ll.activations.softplus(score) - bump(score, 0.37, width)

    said = refuted(dented, ll.activation, ACTIVATIONS, monotone=True, kinks=())
    assert "claim monotone: not nondecreasing: from 0." in said
    assert "claim kinks: there is a kink at 0.3" in said


def test_no_claim_of_a_loss_of_ours_is_refuted(loss):
    assert [check.refutation for check in decided_claims(loss).values() if check.refutation] == []


def test_no_claim_of_an_activation_of_ours_is_refuted(activation):
    assert [check.refutation for check in decided_claims(activation).values() if check.refutation] == []


def test_what_cannot_be_read_is_sampled():
    def in_a_loop(margin):
        return jax.lax.fori_loop(0, 1, lambda _, total: total + ll.losses.hinge(margin), jnp.zeros_like(margin))

    ll.margin_loss(convex=True, decreasing=True, kinks=(1.0,), tail="zero")(in_a_loop)
    assert decided_claims(ll.pair("identity", in_a_loop).loss) == {}
    assert {check.name: check.seen for check in ll.check_loss(in_a_loop)}["claim convex"] == "convex"


def test_losses_of_a_label_are_convex_if_both_curves_are():
    @ll.label_loss(convex=True, kinks=(1.0, -1.0))
    def both(output, label):
        return jnp.maximum(0.0, 1 - label * output) * jnp.where(label > 0, 2.0, 1.0)

    assert {"claim convex", "claim kinks"} <= {check.name for check in ll.check_loss(both)}

    def one(output, label):
        return jnp.where(label > 0, ll.losses.hinge(output), ll.losses.hinge(-output) + bump(output, 0.2, 1e-8))

    ll.label_loss(convex=True)(one)
    with pytest.raises(AssertionError, match="claim convex: not convex: between"):
        ll.check_loss(one)


def test_a_card_says_the_same(registries):
    @ll.margin_loss(convex=True)
    def pointed(margin):
        return jax.nn.softplus(-margin) + bump(margin, 2.0, 5e-4)

    (said,) = ll.card("identity", pointed).false_claims()
    with pytest.raises(AssertionError) as caught:
        ll.check_loss(pointed)
    assert said in str(caught.value)
    assert np.all(ll.card("identity", pointed).convex == (False, False))
