"""What users' losses made cards say wrongly once: each case with its kind widened, against truths by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.elements import Activation, Loss
from lossland.proofs import PROVEN, REFUTED, evidence


def pair_of(function, activation="identity"):
    return ll.pair(activation, Loss("of these tests", function))


def claims_of(function):
    return evidence(pair_of(function)).curves[0]


def calibrated(function, activation="identity"):
    card = ll.card(pair_of(function, activation))
    return card, card.evidence["calibrated"].positive


# ---------------------------------------------------------------------------------------------- calibrated thresholds


@pytest.mark.parametrize(
    "function",
    [
        lambda m: jnp.expm1(-m) + m,
        lambda m: 3.0 * (jnp.expm1(-m) + m),
        lambda m: jnp.cosh(m),
        lambda m: m * m,
        lambda m: jax.nn.softplus(m) - 0.5 * m,
    ],
)
def test_a_slope_of_exactly_zero_at_0_is_not_negative(function):
    card, claim = calibrated(function)
    assert (claim.status, claim.value) == (PROVEN, None)
    assert not card.calibrated(0.0)


@pytest.mark.parametrize(
    "function",
    [
        *(lambda m, beta=beta: jax.nn.softplus(beta * (1 - m)) / beta for beta in (5.0, 60.0, 100.0, 1e6)),
        lambda m: jnp.maximum(0, 1 - m) + 1e-20 * jnp.exp(-m),
        lambda m: jnp.maximum(0, 1 - m) + 1e-30 * m * m,
        lambda m: jnp.maximum(1 - m, 0) ** 1.5,
        lambda m: jnp.maximum(1 - m, 0) ** 1.0001,
    ],
)
def test_a_loss_that_bends_about_0_has_one_calibrated_threshold(function):
    card, claim = calibrated(function)
    assert claim.status == PROVEN
    assert claim.value == (0.0, 0.0)
    assert card.calibrated(0.0)
    assert not card.calibrated(0.25)


@pytest.mark.parametrize(("kink", "jump"), [(1.0, True), (3.0, True), (1e-3, True), (2.0, False)])
def test_a_line_about_0_is_calibrated_as_far_as_it_goes(kink, jump):
    card, claim = calibrated(lambda m: jnp.maximum(0, kink - m) if jump else _huberised(kink - m))
    assert claim.status == PROVEN
    np.testing.assert_allclose(claim.value, (-kink, kink))
    assert card.calibrated(0.99 * kink)
    # At a kink a wrong decision is free; where the line bends smoothly it is not yet.
    assert card.calibrated(kink) == (not jump)
    assert not card.calibrated(1.01 * kink)


def _huberised(u):
    return jnp.where(u > 0, u, jnp.where(u > -1, u + 0.5 * u * u, -0.5))


@pytest.mark.parametrize(
    ("curve", "phi"),
    [
        (lambda z: z**3, "logistic"), (lambda z: z**3, "squared"), (lambda z: z**3, "exponential"),
        (lambda z: z**5 / 2, "logistic"), (lambda z: z, lambda m: m**4 - 2 * m**3),
        (lambda z: z, lambda m: jnp.exp(-(m**3))),
    ],
)  # fmt: skip
def test_an_output_that_is_flat_at_0_is_calibrated_there(curve, phi):
    loss = Loss("of these tests", phi) if callable(phi) else phi
    card = ll.card(ll.pair(Activation("of these tests", curve), loss))
    assert card.evidence["calibrated"].positive.value == (0.0, 0.0)
    assert card.calibrated(0.0)


# ------------------------------------------------------------------------------------------------ witnesses and sizes


@pytest.mark.parametrize(
    "function",
    [
        lambda m: m**4 / (1 + m**2), lambda m: (1 - m) ** 4 / (1 + (1 - m) ** 2), lambda m: m**6 / (1 + m**4),
        lambda m: jnp.log(jnp.cosh(1 - m)), lambda m: jnp.maximum(0, 1 - m) + 1e-100 * m * m,
    ],
)  # fmt: skip
def test_witnesses_of_neither_can_be_checked(function):
    claim = claims_of(function).monotone
    assert (claim.status, claim.value) == (PROVEN, "neither")
    with jax.enable_x64(True):
        rising, falling = (float(jax.grad(function)(x)) for x in claim.witness)
    assert rising > 0 > falling


@pytest.mark.parametrize("power", [1.5, 1.1, 1.01, 1.001, 1.0001])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_power_above_1_joins_without_a_kink(power, side):
    found = claims_of(lambda m: jnp.maximum(side * (1 - m), 0) ** power)
    (b,) = found.kinks.value
    assert (b.at, b.order) == (1.0, 2)
    assert b.left[:2] == b.right[:2] == (0.0, 0.0)
    assert (found.convex.status, found.convex.value) == (PROVEN, True)
    assert found.smoothness.value == np.inf


@pytest.mark.parametrize("power", [0.5, 0.1, 0.01])
def test_a_power_below_1_joins_with_an_infinite_slope(power):
    found = claims_of(lambda m: jnp.maximum(1 - m, 0) ** power)
    assert found.kinks.value[0].left[1] == -np.inf
    assert found.lipschitz.value == np.inf


@pytest.mark.parametrize("size", [1e100, 1e200, 1e-100, 1e-200])
def test_constants_of_any_size(size):
    found = claims_of(lambda m: size * jnp.maximum(0, 1 - m) ** 2)
    assert found.smoothness.status == PROVEN
    np.testing.assert_allclose(found.smoothness.value, 2 * size, rtol=1e-12)


@pytest.mark.parametrize("size", [1e-30, 1e-100, 1e-200])
def test_an_infimum_above_0_however_small(size):
    found = claims_of(lambda m: jnp.maximum(0, 1 - m) + size * m * m)
    np.testing.assert_allclose(found.infimum.value, size, rtol=1e-12)


def test_a_bound_below_minus_1e100_is_a_bound():
    found = claims_of(lambda m: -1e120 * jnp.tanh(m))
    np.testing.assert_allclose(found.infimum.value, -1e120)


# ------------------------------------------------------------------------------------------------------- constant parts


@pytest.mark.parametrize(
    ("function", "stretch", "level"),
    [
        (lambda m: jnp.maximum(0, 2 - m) - jnp.maximum(0, 1 - m), (-np.inf, 1.0), 1.0),
        (lambda m: jnp.maximum(0, 1 - m) / (1 + jnp.abs(m)), (-np.inf, 0.0), 1.0),
        (lambda m: jnp.maximum(m, 0.0) ** 4 * jnp.sqrt(1 + m * m), (-np.inf, 0.0), 0.0),
    ],
)
def test_a_stretch_that_is_constant_by_algebra_is_a_plateau(function, stretch, level):
    found = claims_of(function).plateaus
    assert found.status == PROVEN
    assert (stretch, level) in found.value


@pytest.mark.parametrize(
    "function",
    [
        lambda m: jnp.maximum(1 - m, 0) ** 2 - jnp.maximum(-m, 0) ** 2,
        lambda m: jnp.maximum(2 - m, 0) ** 2 - jnp.maximum(1 - m, 0) ** 2,
        lambda m: -jnp.log(0.5 + 0.5 * jnp.tanh(m / 2)),
    ],
)
def test_what_is_a_line_by_algebra_is_convex(function):
    found = claims_of(function)
    assert (found.convex.status, found.convex.value) == (PROVEN, True)
    assert found.lipschitz.status == PROVEN


# ---------------------------------------------------------------------------------------------- values at single scores


@pytest.mark.parametrize("value", [3.0, -3.0])
def test_a_loss_that_differs_at_one_score_is_not_convex(value):
    function = lambda m: jnp.where(m == 0.5, value, jnp.maximum(0, 1 - m))  # noqa: E731
    found = claims_of(function)
    assert found.convex.status == REFUTED
    a, m, b = found.convex.witness
    with jax.enable_x64(True):
        low, middle, high = (float(function(jnp.asarray(x))) for x in (a, m, b))
    assert middle > low + (high - low) * (m - a) / (b - a)
    assert found.infimum.value == min(0.0, value)


@pytest.mark.parametrize(
    ("function", "risk", "psi"),
    [
        (lambda m: jnp.where(m < 0, 2.0, jnp.maximum(0, 1 - m)), 0.5, 0.5),
        (lambda m: 1 - jnp.sign(m), 0.5, 0.5),
        (lambda m: 1.0 * (m < 0), 0.0, 0.0),
        (lambda m: jnp.where(m < 0, jnp.inf, jnp.maximum(0, 1 - m)), 1.0, 0.0),
        (lambda m: 1.0 * (m <= 0), 0.25, 0.5),
    ],
)
def test_the_loss_at_a_jump_itself_counts(function, risk, psi):
    card = ll.card(pair_of(function))
    with jax.enable_x64(True):
        here = float(function(jnp.asarray(0.0)))
    assert float(card.conditional_risk(0.0, 0.75)) == here
    np.testing.assert_allclose([float(card.risk(0.75)), float(card.psi(0.5))], [risk, psi], atol=1e-9)
    assert card.calibrated(0.0) == (psi > 0)


@pytest.mark.parametrize("score_rule", ["cross_entropy", "brier"])
def test_an_output_without_a_value_at_infinity_is_proper(score_rule):
    output = Activation("of these tests", lambda z: 0.5 * (1 + z / jnp.sqrt(1 + z**2)), range=(0.0, 1.0))
    assert ll.card(ll.pair(output, score_rule)).proper


def test_what_is_no_number_somewhere_is_not_convex():
    card = ll.card(pair_of(lambda m: jnp.where(m > 3, jnp.nan, jnp.maximum(0, 1 - m))))
    assert "not a number" in card.evidence["convex"].positive.reason
    assert not card.evidence["convex"].positive.value
