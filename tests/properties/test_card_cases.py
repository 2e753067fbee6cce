"""Losses of the kinds that researchers publish, whose cards were silently wrong while they were read off samples.

Each kind is tried with other constants, mirrored and scaled; what must come out is worked out by hand.
"""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll

softplus = jax.nn.softplus
NUMBERS = itertools.count()


def card_of(phi, activation="identity"):
    """The card of a margin loss that is filed under a new name."""

    def loss(margin):
        return phi(margin)

    loss.__name__ = loss.__qualname__ = f"case_{next(NUMBERS)}"
    ll.margin_loss(loss)
    return ll.card(activation, loss.__name__)


def output_of(g, bounds=(0.0, 1.0)):
    """An output activation that is filed under a new name; its name."""

    def output(score):
        return g(score)

    output.__name__ = output.__qualname__ = f"output_{next(NUMBERS)}"
    ll.activation(range=bounds)(output)
    return output.__name__


def status(card, claim):
    return {each.status for each in card.evidence[claim]}


def places(card, what, label=1):
    return [kink.at for kink in card.kinks if kink.what == what and kink.label == label]


# ------------------------------------------------------------------------------------------- C1: the user's own outputs


@pytest.mark.parametrize("temperature", [0.5, 0.1, 3.0])
def test_a_sigmoid_of_ones_own_keeps_every_digit_in_float32(temperature, registries):
    name = output_of(lambda z: jax.nn.sigmoid(z / temperature))
    pair = ll.pair(name, "cross_entropy")
    scores = np.array([20.0, 10.0, 5.0], np.float32) * temperature
    value, slope = pair(scores, -1.0), pair.slope(scores, -1.0)
    np.testing.assert_allclose(value, np.logaddexp(0.0, scores.astype(float) / temperature), rtol=3e-6)
    np.testing.assert_allclose(slope, 1 / temperature / (1 + np.exp(-scores.astype(float) / temperature)), rtol=3e-6)
    card = ll.card(name, "cross_entropy")
    assert tuple(card.convex) == (True, True)
    assert status(card, "convex") == {"proven"}
    assert card.lipschitz == pytest.approx(1 / temperature)
    assert card.smoothness == pytest.approx(0.25 / temperature**2)
    assert not card.facts.problems


# --------------------------------------------------------------------------------------------------- C2: calibration


@pytest.mark.parametrize("shift", [8.0, -8.0, 2.5])
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e5])
def test_a_convex_margin_loss_that_falls_at_0_is_calibrated(shift, scale, registries):
    card = card_of(lambda m: scale * softplus(shift - m))
    assert card.calibrated(0.0)
    assert card.best_threshold == 0.0
    assert card.psi(0.5) > 0


@pytest.mark.parametrize("name", ["identity+huber(delta=0.001)", "sigmoid+focal(gamma=60)", "sigmoid+focal(gamma=20)"])
def test_flat_losses_are_calibrated(name):
    card = ll.card(name)
    assert card.calibrated(0.0)
    assert card.psi(0.5) > 0


# ----------------------------------------------------------------------------------------------------- C3: small tents


@pytest.mark.parametrize("width", [5e-4, 1e-5, 1e-7])
@pytest.mark.parametrize(("place", "height"), [(2.0, 0.1), (-1.5, 0.01)])
def test_a_small_tent_is_seen(width, place, height, registries):
    card = card_of(lambda m: softplus(-m) + height * jnp.maximum(0, 1 - jnp.abs(m - place) / width))
    assert places(card, "slope") == pytest.approx([place - width, place, place + width], abs=1e-12)
    assert not card.convex.positive
    a, m, b = card.evidence["convex"].positive.witness
    with jax.enable_x64(True):
        low, middle, high = (card.pair.positive(jnp.float64(z)).item() for z in (a, m, b))
    assert middle > low + (m - a) / (b - a) * (high - low)
    steepest = 1 / (1 + math.exp(place))
    assert card.lipschitz == pytest.approx(height / width + steepest, rel=1e-3)


# ------------------------------------------------------------------------------------------- C4, C5, C6: the constants


@pytest.mark.parametrize(
    ("phi", "steepest"),
    [
        (lambda m: jnp.clip(100.05 - m, 0, 0.05), 1.0),
        (lambda m: 3 * jnp.clip(-40.01 - m, 0, 0.01), 3.0),
        (lambda m: jnp.minimum(jnp.maximum(0, 1 - m), 1e-3), 1.0),
        (lambda m: jnp.maximum(0, 1 - m) - 0.9 * jnp.maximum(0, 0.999 - m), 1.0),
        (lambda m: jnp.maximum(0, 1 + m) - 0.9 * jnp.maximum(0, 0.9999 + m), 1.0),
    ],
)
def test_short_ramps_have_their_slope(phi, steepest, registries):
    card = card_of(phi)
    assert card.lipschitz == pytest.approx(steepest)
    assert status(card, "lipschitz") == {"proven"}


@pytest.mark.parametrize(
    ("name", "bend"),
    [
        ("smooth_hinge(gamma=0.01)", 100.0),
        ("smooth_hinge(gamma=0.001)", 1000.0),
        ("huber(delta=0.001)", 1.0),
        ("huber(delta=1e-05)", 1.0),
        ("huberised_squared_hinge(knot=0.99)", 2.0),
        ("huberised_squared_hinge(knot=0.9999)", 2.0),
        ("dwd(q=20)", 22.05),
        ("dwd(q=5)", 7.2),
    ],
)
def test_short_bends_have_their_curvature(name, bend):
    card = ll.card("identity", name)
    assert card.smoothness == pytest.approx(bend, rel=1e-9)
    low, high = card.evidence["smoothness"].positive.enclosure
    assert low <= bend * (1 + 1e-12)
    assert high >= bend * (1 - 1e-12)


@pytest.mark.parametrize("power", [1.5, 1.1, 1.9])
def test_a_power_between_1_and_2_has_no_bound_on_its_curvature(power, registries):
    card = card_of(lambda m: jnp.abs(1 - m) ** power)
    assert card.smoothness == math.inf
    assert status(card, "smoothness") == {"proven"}
    assert tuple(card.convex) == (True, True)


@pytest.mark.parametrize("shift", [-300.0, 250.0, 1e4])
def test_a_bend_far_out_is_seen(shift, registries):
    assert card_of(lambda m: softplus(shift - m)).smoothness == pytest.approx(0.25, rel=1e-9)


# --------------------------------------------------------------------------------------------------------- C7: tails


@pytest.mark.parametrize(
    ("phi", "rate"),
    [
        (lambda m: softplus(-50 * m), 50.0),
        (lambda m: jax.nn.sigmoid(-20 * m), 20.0),
        (lambda m: 1 - jnp.tanh(m), 2.0),
        (lambda m: 1 - jnp.tanh(7 * m), 14.0),
        (lambda m: softplus(300 - m), 1.0),
        (lambda m: softplus(-0.01 * m), 0.01),
    ],
)
def test_exponential_tails_and_their_rates(phi, rate, registries):
    card = card_of(phi)
    assert card.facts.tails[0].kind == card.facts.tails[1].kind == "exponential"
    assert card.facts.tails[0].exponent == pytest.approx(rate)
    assert card.margin_maximising


@pytest.mark.parametrize("gamma", [10, 2, 25])
def test_the_tail_of_a_focal_loss(gamma):
    tail = ll.card("sigmoid", f"focal(gamma={gamma})").facts.tails[0]
    assert (tail.kind, tail.exponent) == ("exponential", pytest.approx(gamma + 1.0))


# -------------------------------------------------------------------------------------------- C8, C9, C10, C11: shapes


@pytest.mark.parametrize("a", [5, 20, -3, 0.5])
def test_linex_has_its_minimum_at_1(a):
    card = ll.card("identity", f"linex(a={a})")
    assert card.evidence["monotone"].positive.value == "neither"
    assert card.infimum.positive == 0.0
    assert card.evidence["attained"].positive.value is True
    assert card.minimiser(1.0) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("c", [4.685, 1.0, 0.3])
def test_tukeys_plateaus_end_where_they_end(c, registries):
    def phi(m):
        inside = jnp.abs(1 - m) < c
        return jnp.where(inside, c**2 / 6 * (1 - (1 - ((1 - m) / c) ** 2) ** 3), c**2 / 6)

    low, high = card_of(phi).plateaus.positive
    assert low.high == pytest.approx(1 - c, abs=1e-12)
    assert high.low == pytest.approx(1 + c, abs=1e-12)


@pytest.mark.parametrize("power", [3, 4])
def test_a_cubed_hinge_is_lowest_from_1_on(power, registries):
    card = card_of(lambda m: jnp.maximum(0, 1 - m) ** power)
    assert card.facts.shapes[0].bottoms == ((1.0, math.inf),)


@pytest.mark.parametrize("positive", ["softplus", "sigmoid", "exp", "squareplus"])
def test_underflow_is_no_fact_of_a_loss(positive):
    card = ll.card(positive, "zero_one")
    assert card.infimum == (0.0, 1.0)
    assert {c.value for c in card.evidence["monotone"]} == {"constant"}
    assert not [problem for problem in card.facts.problems if "jumps" in problem]


def test_a_jump_of_the_curvature_where_branches_meet(registries):
    card = card_of(lambda m: jnp.where(m > 1, jnp.where(m > 1, m, 1.0) ** -0.5, 1.5 - 0.5 * m))
    assert places(card, "curvature") == [1.0]
    assert card.smoothness == pytest.approx(0.75)


# ----------------------------------------------------------------------------------------- C12, C13, C14, C15: the rest


@pytest.mark.parametrize("stretch", [1e-3, 1e-5, 300.0])
def test_a_stretched_logistic_loss_is_proper(stretch, registries):
    assert card_of(lambda m: softplus(-stretch * m)).proper


@pytest.mark.parametrize("temperature", [0.01, 5.0])
def test_brier_of_a_steep_sigmoid_is_proper(temperature, registries):
    assert ll.card(output_of(lambda z: jax.nn.sigmoid(z / temperature)), "brier").proper


@pytest.mark.parametrize("edge", [1e-7, 1e-3])
def test_a_clipped_sigmoid_is_not_proper(edge, registries):
    card = ll.card(output_of(lambda z: jnp.clip(jax.nn.sigmoid(z), edge, 1 - edge)), "cross_entropy")
    assert not card.proper
    end = math.log((1 - edge) / edge)
    assert places(card, "slope") == pytest.approx([-end, end], rel=1e-6)


def test_a_wave_has_its_infimum(registries):
    with_sine = ll.card(output_of(jnp.sin, (-1.0, 1.0)), "hinge")
    assert with_sine.infimum == pytest.approx((0.0, 0.0), abs=1e-8)
    waved = card_of(lambda m: softplus(-m) + 0.01 * jnp.sin(40 * m))
    assert waved.infimum.positive == pytest.approx(-0.01, abs=1e-5)


@pytest.mark.parametrize(("first", "second"), [(3.0, 3.03), (1.0, 7.0), (0.5, 0.5001)])
def test_the_thresholds_of_two_hinges(first, second, registries):
    card = card_of(lambda m: jnp.maximum(0, first - m) + jnp.maximum(0, second - m))
    assert card.calibrated_thresholds == pytest.approx((-first, first), abs=1e-9)


@pytest.mark.parametrize("shift", [300.0, 40.0])
def test_a_strictly_convex_loss_has_one_threshold_however_flat_it_is(shift, registries):
    card = card_of(lambda m: softplus(shift - m))
    assert card.calibrated(0.0)
    assert card.best_threshold == 0.0
