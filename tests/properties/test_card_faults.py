"""Losses that somebody wrote: sound ones get the right card, faulty ones a card that says what is wrong."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll

FAULTY = {
    "wrong_sign": (lambda m: jnp.maximum(0.0, 1.0 + m), "rewards mistakes"),
    "jump": (lambda m: jnp.where(m < 0.3, 1.0 - m, 0.0), "jumps from 0.7 to 0 at z = 0.3"),
    "stopped": (lambda m: jax.lax.stop_gradient(jnp.maximum(0.0, 1.0 - m)), "not the derivative of the value"),
    "no_floor": (lambda m: -m, "no lower bound"),
    "constant": (lambda m: jnp.zeros_like(m) + 2.0, "the same loss at every score"),
    "nan_value": (lambda m: jnp.where(m > 4.0, jnp.nan, jnp.maximum(0.0, 1.0 - m)), "The value for a positive is NaN"),
}


def _registered(name, function):
    function.__name__ = function.__qualname__ = name
    return ll.margin_loss(function)


@pytest.mark.parametrize("name", FAULTY)
@pytest.mark.slow
def test_a_faulty_loss_gets_a_card_that_says_so(name, registries, capsys):
    function, said = FAULTY[name]
    _registered(f"faults_{name}", lambda margin: function(margin))
    c = ll.card("identity", f"faults_{name}")
    assert said in " ".join(c.facts.problems)
    c.show()
    assert said in " ".join(capsys.readouterr().out.split())


def test_a_loss_that_does_not_look_at_the_label(registries):
    @ll.label_loss
    def faults_blind(output, label):
        return (1.0 - output) ** 2 + 0.0 * label

    c = ll.card("identity", "faults_blind")
    assert any("does not look at the label" in problem for problem in c.facts.problems)
    assert c.calibrated_thresholds is None


def test_a_sound_loss_has_no_problems(loss):
    output = "sigmoid" if loss.domain == (0.0, 1.0) else "identity"
    assert bool(ll.card(output, loss).facts.problems) == (loss.name in ("zero_one", "unhinged"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"convex": True}, "not convex: between"),
        ({"kinks": ()}, "that is not claimed"),
        ({"kinks": (0.5, 1.0, 2.0)}, "there is no kink at 2"),
        ({"tail": "exponential"}, "claimed exponential"),
        ({"decreasing": False}, "claimed not to be nonincreasing, but it is"),
    ],
)
def test_false_claims_are_refuted_with_a_point(claims, said, registries):
    @ll.margin_loss(**claims)
    def faults_claim(margin):
        return jnp.clip(2.0 * (1.0 - margin), 0.0, 1.0)

    c = ll.card("identity", "faults_claim")
    assert any(said in refuted for refuted in c.false_claims())
    with pytest.raises(AssertionError, match=said.split("(")[0]):
        ll.check_loss("faults_claim")


@pytest.mark.slow
def test_a_false_range_is_refuted(registries):
    @ll.activation(range=(0.0, 1.0))
    def faults_range(score):
        return 1.5 * ll.activations.sigmoid(score)

    assert any("is outside [0, 1]" in refuted for refuted in ll.card("faults_range", "hinge").false_claims())


@pytest.mark.parametrize("size", [1e6, 1e-6])
def test_cards_do_not_depend_on_the_units_of_a_loss(size):
    c, plain = ll.card("identity", ll.scaled("hinge", size)), ll.card("identity", "hinge")
    assert c.lipschitz == pytest.approx(size)
    assert c.convex == (True, True)
    assert c.calibrated_thresholds == plain.calibrated_thresholds
    assert c.psi(0.5) == pytest.approx(0.5 * size)
    assert c.as_sum_of_known.positive.endswith("hinge")


COMBINED = {
    "weighted": (ll.weighted("logistic", positive=3.0), None),
    "shifted": (ll.shifted("hinge", math.pi / 7), 0.0),
    "smoothed": (ll.smoothed("hinge", 0.5), 0.0),
    "truncated": (ll.truncated("hinge", 1.0), 0.0),
    "label_smoothed": (ll.label_smoothed("logistic", 0.1), 0.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMBINED)
def test_cards_of_combined_losses(name):
    """Infimum, minimal risk and kinks against a grid; the best threshold where symmetry names it."""
    loss, best = COMBINED[name]
    c = ll.card("identity", loss)
    z = np.linspace(-15, 15, 120_001)
    with jax.enable_x64(True):
        positive, negative = (np.asarray(c.pair(jnp.asarray(z), t)) for t in (1.0, -1.0))
    for eta in (0.2, 0.45, 0.8):
        assert c.risk(eta) == pytest.approx((eta * positive + (1 - eta) * negative).min(), abs=1e-3)
    if best is not None:
        assert c.best_threshold == pytest.approx(best, abs=1e-7)
    else:
        # Three times the weight on positives: the balance tips at eta = 1/4.
        assert c.minimiser(0.25) == pytest.approx(0.0, abs=1e-6)
    if name == "shifted":
        assert [k.at for k in c.kinks] == pytest.approx([-1 - math.pi / 7, 1 + math.pi / 7], abs=1e-9)
    if name == "truncated":
        assert c.as_sum_of_known.positive == "ramp"


def test_ties_and_health():
    """Section 8: the slope at a kink is the tie's; and a pair that overflows is told from one that does not."""
    (left, right, upper) = ll.card("relu", "hinge").ties()
    assert [(t.kink.at, t.kink.label) for t in (left, right, upper)] == [(0.0, 1), (0.0, -1), (1.0, 1)]
    assert left.slopes == {0.0: 0.0, 0.5: -0.5, 1.0: -1.0}
    assert right.slopes == {0.0: 0.0, 0.5: 0.5, 1.0: 1.0}
    assert all(t.inside for t in (left, right, upper))
    assert not any(h.bad for h in ll.card("sigmoid", "cross_entropy").health())


def test_a_branch_that_where_does_not_take_is_found(registries):
    """Reverse mode multiplies 0 by inf there: a pair takes its slopes forward and is right."""

    @ll.margin_loss
    def faults_nan_branch(margin):
        return jnp.where(margin > 0, jnp.exp(-jnp.sqrt(margin)), 1.0 - margin)

    c = ll.card("identity", "faults_nan_branch")
    assert np.isnan(jax.grad(c.pair.loss.function)(-1.0))
    assert c.weight(-1.0, 1.0) == pytest.approx(1.0)
    assert any("reverse mode is NaN at" in refuted for refuted in c.false_claims())


def test_ill_health_is_located(registries):
    @ll.margin_loss
    def faults_overflows(margin):
        return jnp.log1p(jnp.exp(-margin))

    bad = {(h.dtype, h.what): h.at for h in ll.card("identity", "faults_overflows").health() if h.bad}
    assert abs(bad["float32", "value"]) > 80


HARD = {
    # The minimiser is +-sqrt(|log(eta / (1 - eta))| / 2), strictly increasing in eta: it tells eta.
    "dented": (lambda m: jnp.exp(-m * jnp.abs(m)), (0.0, 0.0), True),
    "flat_minimum": (lambda m: jnp.log1p(jnp.maximum(0.0, 1.0 - m) ** 2), (0.0, 0.0), True),
    "two_stairs": (lambda m: jnp.where(m < 0.3, 1.0, 0.0) + jnp.where(m < -0.3, 1.0, 0.0), (-0.3, 0.3), False),
    "tiny": (lambda m: 1e-9 * ll.losses.logistic(m), (0.0, 0.0), True),
}


@pytest.mark.parametrize("name", HARD)
def test_curves_that_are_hard_to_read(name, registries):
    """A dent beside a huge slope, a minimum of order four, both classes jumping at one score, tiny units."""
    function, interval, proper = HARD[name]
    _registered(f"faults_{name}", lambda margin: function(margin))
    c = ll.card("identity", f"faults_{name}")
    assert c.calibrated_thresholds == pytest.approx(interval, abs=1e-9)
    assert c.proper == proper
    assert c.convex.positive == (name == "tiny")
    if name == "two_stairs":
        assert [tuple(i) for i in c.plateaus.positive] == [(-math.inf, -0.3), (-0.3, 0.3)]
        assert c.facts.shapes[0].levels == (2.0, 1.0)


def test_a_minimiser_that_jumps_at_one_half_tells_no_probability():
    assert not ll.card("identity", ll.shifted("savage", 0.5)).proper
