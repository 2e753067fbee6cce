"""The published truths: what the literature says of each loss and pair, recomputed by the cards from the functions.

The tables are targets of these tests and nothing else: no card reads them.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, xlogy

import lossland as ll

INF = math.inf
card = functools.cache(ll.card)


def entropy(eta):
    return -(xlogy(eta, eta) + xlogy(1 - eta, 1 - eta))


def mu(eta):
    return np.minimum(eta, 1 - eta)


def sign(eta):
    return np.sign(2 * eta - 1)


def both(theta):
    return (1 + theta) * np.log1p(theta) + xlogy(1 - theta, 1 - theta)


def linex_minimiser(eta):
    root = np.sqrt((2 * eta - 1) ** 2 + 4 * eta * (1 - eta) * np.e**2)
    return np.log((root - (2 * eta - 1)) / (2 * (1 - eta) * np.e))


_M = np.linspace(-5, 5, 1_000_001)
_RESIDUAL = 2 * np.arctan(_M) - 1
TANGENT = np.abs(4 * _RESIDUAL / (1 + _M**2)).max(), np.abs((8 - 8 * _M * _RESIDUAL) / (1 + _M**2) ** 2).max()
SAVAGE = np.abs(np.gradient(-4 * expit(-2 * _M) ** 2 * expit(2 * _M), _M)).max()

# Of each margin loss on a linear output: convex, Lipschitz, smoothness, f*(eta), H(eta), psi(theta), calibrated at 0.
ROWS = {
    "hinge": (True, 1, INF, sign, lambda e: 2 * mu(e), lambda t: t, True),
    "squared_hinge": (True, INF, 2, lambda e: 2 * e - 1, lambda e: 4 * e * (1 - e), lambda t: t**2, True),
    "squared": (True, INF, 2, lambda e: 2 * e - 1, lambda e: 4 * e * (1 - e), lambda t: t**2, True),
    "smooth_hinge": (True, 1, 1, lambda e: sign(e) * (1 - mu(e) / (1 - mu(e))),
                     lambda e: mu(e) * (2 - 1 / (2 * (1 - mu(e)))), lambda t: t**2 / (1 + t), True),
    "smooth_hinge(gamma=0.5)": (True, 1, 2, lambda e: sign(e) * (1 - 0.5 * mu(e) / (1 - mu(e))),
                                lambda e: mu(e) * (2 - 0.5 / (2 * (1 - mu(e)))), lambda t: t * (0.5 + t) / (1 + t),
                                True),
    "modified_huber": (True, 4, 2, lambda e: 2 * e - 1, lambda e: 4 * e * (1 - e), lambda t: t**2, True),
    "sparsemax": (True, 1, 0.5, lambda e: 2 * e - 1, lambda e: e * (1 - e), lambda t: t**2 / 4, True),
    "logistic": (True, 1, 0.25, lambda e: np.log(e / (1 - e)), entropy, lambda t: both(t) / 2, True),
    "exponential": (True, INF, INF, lambda e: 0.5 * np.log(e / (1 - e)), lambda e: 2 * np.sqrt(e * (1 - e)),
                    lambda t: 1 - np.sqrt(1 - t**2), True),
    "perceptron": (True, 1, INF, lambda e: 0 * e, lambda e: 0 * e, lambda t: 0 * t, False),
    "absolute": (True, 1, INF, sign, lambda e: 2 * mu(e), lambda t: t, True),
    "dwd": (True, 1, 4, lambda e: sign(e) * 0.5 * np.sqrt((1 - mu(e)) / mu(e)), lambda e: mu(e) + np.sqrt(e * (1 - e)),
            lambda t: (1 + t - np.sqrt(1 - t**2)) / 2, True),
    "linex": (True, INF, INF, linex_minimiser, None, None, True),
    "ramp": (False, 1, INF, sign, mu, lambda t: t, True),
    "symmetric_ramp": (False, 0.5, INF, sign, mu, lambda t: t / 2, True),
    "sigmoid_margin": (False, 0.25, 1 / (6 * math.sqrt(3)), lambda e: sign(e) * INF, mu, lambda t: t / 2, True),
    "savage": (False, 16 / 27, SAVAGE, lambda e: 0.5 * np.log(e / (1 - e)), lambda e: e * (1 - e), lambda t: t**2 / 4,
               True),
    "tangent": (False, *TANGENT, lambda e: np.tan(e - 0.5), lambda e: 4 * e * (1 - e), lambda t: t**2, True),
    "zero_one": (False, INF, INF, None, mu, lambda t: t, True),
}  # fmt: skip
# ramp: theta / 2 on theory's convention would need a symmetric ramp; at 0 a wrong decision costs 1 - H = theta.
ETAS = np.array([0.03, 0.2, 0.35, 0.65, 0.8, 0.97])
THETAS = np.array([0.1, 0.5, 0.9, 1.0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_the_margin_losses(name):
    convex, lipschitz, smoothness, minimiser, risk, psi, calibrated = ROWS[name]
    c = card("identity", name)
    assert c.convex == (convex, convex)
    assert c.lipschitz == pytest.approx(lipschitz, abs=1e-6)
    assert c.smoothness == pytest.approx(smoothness, abs=1e-6)
    if minimiser:
        np.testing.assert_allclose(c.minimiser(ETAS), minimiser(ETAS), atol=1e-6)
    if risk:
        np.testing.assert_allclose(c.risk(ETAS), risk(ETAS), atol=1e-6)
    if psi:
        np.testing.assert_allclose(c.psi(THETAS, 0.0), psi(THETAS), atol=1e-6)
    assert c.calibrated(0.0) == calibrated
    assert c.facts.margin


def test_linex_psi():
    assert card("identity", "linex").psi(0.5) == pytest.approx(0.1424, abs=5e-5)


LINKS = {
    "squared_hinge": lambda v: np.clip((1 + v) / 2, 0, 1),
    "squared": lambda v: np.clip((1 + v) / 2, 0, 1),
    "smooth_hinge": lambda v: np.where(v > 0, 1 / (2 - np.minimum(v, 1)), 1 - 1 / (2 - np.minimum(-v, 1))),
    "modified_huber": lambda v: np.clip((1 + v) / 2, 0, 1),
    "logistic": expit,
    "exponential": lambda v: expit(2 * v),
    "savage": lambda v: expit(2 * v),
    "tangent": lambda v: np.clip(0.5 + np.arctan(v), 0, 1),
    "dwd": lambda v: np.where(np.abs(v) < 0.5, 0.5, expit(np.sign(v) * np.log(4 * np.maximum(v * v, 1e-9)))),
    "hinge": lambda v: np.where(np.abs(v) < 1, 0.5, v > 0),
}
INVERTIBLE = {
    "squared_hinge",
    "squared",
    "smooth_hinge",
    "modified_huber",
    "logistic",
    "exponential",
    "savage",
    "tangent",
}


@pytest.mark.parametrize("name", LINKS)
def test_links(name):
    c = card("identity", name)
    v = np.linspace(-0.98, 0.98, 41) if name == "squared" else np.linspace(-1.9, 1.9, 40)
    np.testing.assert_allclose(np.clip(c.link(v), 0, 1), LINKS[name](v), atol=1e-6)
    assert c.facts.elicits == c.proper == (name in INVERTIBLE)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sigmoid+cross_entropy", "sigmoid+brier", "probit+cross_entropy", "cloglog+brier",
                                  "sigmoid+spherical", "sigmoid+tsallis", "sparse_sigmoid+brier"])  # fmt: skip
def test_proper_pairs(name):
    assert card(name).proper
    assert card(name).facts.probability < 1e-6


def test_focal_and_gce_are_calibrated_yet_not_proper():
    focal, gce = card("sigmoid", "focal"), card("sigmoid", "gce")
    for c in (focal, gce):
        assert c.calibrated(0.0)
        assert not c.proper
        assert c.facts.elicits
    assert expit(focal.minimiser(0.75)) == pytest.approx(0.60, abs=5e-3)
    assert focal.psi(0.5) == pytest.approx(0.0295, abs=5e-5)
    assert gce.psi(0.5) == pytest.approx(0.2002, abs=5e-5)
    np.testing.assert_allclose(gce.minimiser(ETAS), np.log(ETAS / (1 - ETAS)) / 0.3, rtol=1e-6)
    q = np.array([0.8, 0.3])
    h = lambda x: x**2 * (x - 2 * (1 - x) * np.log(1 - x))  # noqa: E731
    np.testing.assert_allclose(focal.link(np.log(q / (1 - q))), h(q) / (h(q) + h(1 - q)), atol=1e-7)
    assert focal.link(math.log(4)) == pytest.approx(0.97645, abs=1e-5)
    assert focal.convex == (False, False)
    assert focal.lipschitz == pytest.approx(1.129, abs=5e-4)


# ------------------------------------------------------------------------------------- section 4: activations x losses

N, C = False, True
LOG2, L1, E1 = math.log(2), math.log1p(math.exp(-1)), math.exp(-1)
GRID = {
    ("identity", "hinge"): "C0/C0", ("identity", "squared_hinge"): "C0/C0", ("identity", "logistic"): "C0/C0",
    ("identity", "squared"): "C0/C0", ("identity", "perceptron"): "C0/C0", ("identity", "exponential"): "C0/C0",
    ("relu", "hinge"): "N!0/C1", ("relu", "squared_hinge"): "N!0/C1", ("relu", "logistic"): "N!0/Cln2",
    ("relu", "squared"): "N!0/C1", ("relu", "perceptron"): "C0/C0", ("relu", "exponential"): "N!0/C1",
    ("leaky_relu", "hinge"): "N0/C0", ("leaky_relu", "squared_hinge"): "N0/C0", ("leaky_relu", "logistic"): "N0/C0",
    ("leaky_relu", "squared"): "N0/C0", ("leaky_relu", "perceptron"): "C0/C0", ("leaky_relu", "exponential"): "N0/C0",
    ("softplus", "hinge"): "N0/C1", ("softplus", "squared_hinge"): "N0/C1", ("softplus", "logistic"): "N0/Cln2",
    ("softplus", "squared"): "N0/C1", ("softplus", "perceptron"): "C0/C0", ("softplus", "exponential"): "N0/C1",
    ("tanh", "hinge"): "N0/N0", ("tanh", "squared_hinge"): "N0/N0", ("tanh", "logistic"): "Nl1/Nl1",
    ("tanh", "squared"): "N0/N0", ("tanh", "perceptron"): "N0/N0", ("tanh", "exponential"): "Ne1/Ne1",
    ("sigmoid", "hinge"): "N0/N1", ("sigmoid", "squared_hinge"): "N0/N1", ("sigmoid", "logistic"): "Nl1/Nln2",
    ("sigmoid", "squared"): "N0/N1", ("sigmoid", "perceptron"): "C0/N0", ("sigmoid", "exponential"): "Ne1/N1",
    ("shifted_relu", "hinge"): "N!0/C0", ("shifted_relu", "squared_hinge"): "N!0/C0",
    ("shifted_relu", "logistic"): "N!0/Cl1", ("shifted_relu", "squared"): "N!0/C0",
    ("shifted_relu", "perceptron"): "N!0/C0", ("shifted_relu", "exponential"): "N!0/Ce1",
    ("hard_tanh", "hinge"): "N!0/N!0", ("hard_tanh", "logistic"): "N!l1/N!l1", ("hard_tanh", "squared"): "N!0/N!0",
    ("hard_tanh", "perceptron"): "N!0/N!0", ("hard_tanh", "exponential"): "N!e1/N!e1",
}  # fmt: skip


@pytest.mark.parametrize("names", GRID, ids="+".join)
@pytest.mark.slow
def test_the_grid_cell_by_cell(names):
    c = card(*names)
    numbers = {"0": 0.0, "1": 1.0, "ln2": LOG2, "l1": L1, "e1": E1}
    for row, cell in enumerate(GRID[names].split("/")):
        assert c.convex[row] == (cell[0] == "C")
        assert bool(c.plateaus[row]) == ("!" in cell)
        assert c.infimum[row] == pytest.approx(numbers[cell[1:].lstrip("!")], abs=1e-9)


@pytest.mark.parametrize("name", ["hinge", "squared_hinge", "logistic", "squared", "exponential", "modified_huber"])
@pytest.mark.slow
def test_of_registered_outputs_the_identity_alone_keeps_the_hinge_and_these_convex(name):
    """Section 5.2: over every registered activation the identity alone; of the others the logistic has a band."""
    convex = {p.activation.name for p in ll.pairs() if p.loss.name == name and all(card(p).convex)}
    assert convex == {"identity"}


def test_an_output_may_bend_where_the_hinge_asks_no_more():
    """An output has to be affine where |g| < 1 to keep the hinge convex, and nowhere else; 2 z + 1 will do as well."""

    @ll.activation
    def bent(score):
        return score + jnp.maximum(score - 1.0, 0.0) ** 2 - jnp.maximum(-1.0 - score, 0.0) ** 2

    @ll.activation
    def doubled(score):
        return 2.0 * score + 1.0

    @ll.activation
    def bent_within(score):
        return score + jnp.maximum(score - 0.5, 0.0) ** 2 - jnp.maximum(-0.5 - score, 0.0) ** 2

    assert all(ll.card("bent", "hinge").convex)
    assert all(ll.card("doubled", "hinge").convex)
    assert not any(ll.card("bent_within", "hinge").convex)


IDENTITIES = {
    "sigmoid+cross_entropy": ("logistic", "logistic"),
    "tanh+hinge": ("2 sigmoid_margin(2 m)", "2 sigmoid_margin(2 m)"),
    "sigmoid+hinge": ("sigmoid_margin", "1 + sigmoid_margin"),
    "tanh+squared": ("4 savage", "4 savage"),
    "sigmoid+brier": ("savage(0.5 m)", "savage(0.5 m)"),
    "relu+hinge": ("ramp", "1 + perceptron"),
    "shifted_relu+hinge": ("2 symmetric_ramp", "hinge"),
    "softplus+hinge": (None, "1 + logistic"),
    "hard_tanh+hinge": ("2 symmetric_ramp", "2 symmetric_ramp"),
    "step+hinge": ("zero_one", "1 + zero_one"),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_identities_between_pairs(name):
    assert card(name).as_sum_of_known == IDENTITIES[name]


def test_modified_huber_is_four_sparsemax_and_a_smooth_hinge():
    c = card("identity", ll.scaled("sparsemax", 4.0))
    assert c.as_sum_of_known.positive == "modified_huber"
    assert card("identity", "smooth_hinge(gamma=2.0)").as_sum_of_known.positive == "sparsemax"


# ---------------------------------------------------------------------------------------- section 5: ReLU is not an SVM


def test_population_risk_of_relu_and_hinge():
    """Section 5.11."""
    c = card("relu", "hinge")
    np.testing.assert_allclose(c.risk(ETAS), np.minimum(1, 2 * (1 - ETAS)), atol=1e-9)
    for threshold in (0.25, 0.5, 0.75, 0.9):
        np.testing.assert_allclose(c.psi(THETAS, threshold), min(threshold, 1 - threshold) * THETAS, atol=1e-9)
        assert c.calibrated(threshold)
    np.testing.assert_allclose(c.psi(THETAS, 0.0), 0.0, atol=1e-12)
    assert not c.calibrated(0.0)
    assert not c.calibrated(1.0)
    assert c.calibrated_thresholds == (0.0, 1.0)
    assert c.best_threshold == 0.5


def test_gradient_weights_of_relu_and_hinge():
    """Section 5.4: false negatives are never corrected, negatives have no margin, z < 0 is dead for both."""
    z = np.array([-2.0, -0.5, 0.5, 2.0])
    c, svm = card("relu", "hinge"), card("identity", "hinge")
    np.testing.assert_allclose(c.weight(z, 1.0), [0, 0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(c.weight(z, -1.0), [0, 0, 1, 1], atol=1e-12)
    np.testing.assert_allclose(svm.weight(z, 1.0), [1, 1, 1, 0], atol=1e-12)
    np.testing.assert_allclose(svm.weight(z, -1.0), [0, 1, 1, 1], atol=1e-12)
    assert c.dead(1.0) == ((-INF, 0.0),)
    assert c.dead(-1.0) == svm.dead(1.0) == svm.dead(-1.0) == ()


@pytest.mark.parametrize("floor", [0.25, 0.5, 1.0, 2.0])
def test_the_floored_output(floor):
    """Section 5.12: the floor of negatives, the plateau of positives, the threshold between them."""
    c = card(f"shifted_relu(c={floor})", "hinge")
    assert c.infimum.negative == pytest.approx(max(1 - floor, 0), abs=1e-12)
    assert c.facts.shapes[0].levels == (pytest.approx(1 + floor),)
    assert c.plateaus.positive == ((-INF, -floor),)
    assert c.best_threshold == pytest.approx((1 - min(floor, 1)) / 2, abs=1e-7)


def test_labels_of_zero_and_one(registries):
    """Section 5.13: the hinge fed with {0, 1} ignores negatives; the two-sided form has ReLU + hinge's slopes."""

    @ll.label_loss
    def cards_hinge_zero_one(output, label):
        return jnp.maximum(0.0, 1.0 - 0.5 * (label + 1.0) * output)

    @ll.label_loss
    def cards_two_sided(output, label):
        return jnp.where(label > 0, jnp.maximum(0.0, 1.0 - output), jnp.maximum(0.0, output))

    silent = ll.card("identity", "cards_hinge_zero_one")
    assert silent.facts.shapes[1].monotone == "constant"
    assert silent.calibrated_thresholds is None
    z = np.linspace(-2.03, 2.07, 50)
    mine, theirs = ll.card("relu", "cards_two_sided"), card("relu", "hinge")
    for label in (1.0, -1.0):
        np.testing.assert_allclose(mine.weight(z, label), theirs.weight(z, label), atol=1e-12)


def test_leaky_relu_and_softplus():
    """Sections 5.14 and 5.15."""
    leaky = card("leaky_relu", "hinge")
    z = np.array([-20.0, -1.0, 0.5, 2.0])
    np.testing.assert_allclose(leaky.weight(z, 1.0), [0.1, 0.1, 1, 0], atol=1e-12)
    np.testing.assert_allclose(leaky.weight(z, -1.0), [0, 0.1, 1, 1], atol=1e-12)
    assert leaky.facts.shapes[1].bottoms[0].high == pytest.approx(-10.0)
    assert leaky.dead(1.0) == leaky.dead(-1.0) == ()
    smooth = card("softplus", "hinge")
    assert smooth.facts.shapes[0].bottoms[0].low == pytest.approx(math.log(math.e - 1), abs=1e-9)
    assert not smooth.facts.shapes[1].attained
    assert smooth.dead(1.0) == smooth.plateaus.positive == ()


def test_bounded_outputs_hide_the_hinges_kink():
    """Section 5.16: on tanh and sigmoid the hinge is the sigmoid loss; its kink is never reached."""
    for name, factor in (("tanh", 1.0), ("sigmoid", 0.5)):
        c = card(name, "hinge")
        assert c.kinks == ()
        np.testing.assert_allclose(c.psi(THETAS, 0.0), factor * THETAS, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["identity", "relu"])
def test_the_hinge_has_no_curvature_to_measure(name):
    """Section 5.17: zero almost everywhere, whatever the output; a smoothed hinge has 1 / gamma."""
    assert not np.any(card(name, "hinge").facts.curves.curvatures)
    assert card("identity", ll.smoothed("hinge", 0.25)).smoothness == pytest.approx(4.0, rel=1e-5)


MARGIN_MAXIMISING = {
    "hinge": True, "squared_hinge": True, "logistic": True, "exponential": True, "perceptron": False, "squared": False,
    "dwd": False, "smooth_hinge": True, "unhinged": False, "safe_logistic": True,
}  # fmt: skip


@pytest.mark.parametrize("name", MARGIN_MAXIMISING)
def test_which_losses_maximise_the_margin(name):
    """Rosset, Zhu & Hastie's criterion; polynomial tails and squared error fail it."""
    assert card("identity", name).margin_maximising is MARGIN_MAXIMISING[name]


# ------------------------------------------------------------------------------------------- section 3: matching losses


def softplus(z):
    return np.logaddexp(0, z)


MATCHING = {
    ("identity", 0.7): lambda z: 0.5 * (z - 0.7) ** 2,
    ("sigmoid", 1.0): lambda z: softplus(-z),
    ("sigmoid", 0.3): lambda z: softplus(z) - 0.3 * z - entropy(0.3),
    ("tanh", 1.0): lambda z: softplus(-2 * z),
    ("tanh", -1.0): lambda z: softplus(2 * z),
    ("hard_tanh", 1.0): lambda z: np.where(z > -1, np.maximum(1 - z, 0) ** 2, -4 * z) / 2,
    ("relu", 1.0): lambda z: np.where(z >= 0, 0.5 * (1 - z) ** 2, 0.5 - z),
    ("relu", 0.0): lambda z: 0.5 * np.maximum(z, 0) ** 2,
    ("leaky_relu", 1.0): lambda z: np.where(z >= 0, 0.5 * (z - 1) ** 2, 0.05 * z**2 - z + 0.5),
    ("leaky_relu", -1.0): lambda z: np.where(z >= 0, 0.5 * z**2 + z + 5, 0.05 * (z + 10) ** 2),
    ("step", 1.0): lambda z: np.maximum(-z, 0),
    ("step", 0.0): lambda z: np.maximum(z, 0),
    ("exp", 2.0): lambda z: np.exp(z) - 2 * z + 2 * math.log(2) - 2,
    ("sparse_sigmoid", 1.0): lambda z: np.where(z > -1, np.maximum(1 - z, 0) ** 2, -4 * z) / 4,
}


@pytest.mark.parametrize("case", MATCHING, ids=str)
def test_matching_losses(case):
    name, target = case
    z = np.linspace(-3.1, 2.9, 31)
    got = card(name, "unhinged").matching_loss(z, target)
    np.testing.assert_allclose(got, MATCHING[case](z), atol=1e-7)
    # Convex, as the activation does not fall; and least where the output is the target.
    assert np.all(np.diff(got, 2) >= -1e-9)


def test_no_matching_loss():
    c = card("relu", "hinge")
    assert np.all(np.isinf(c.matching_loss(np.array([-1.0, 1.0]), -1.0)))
    assert not c.facts.matching
    assert not card("identity", "hinge").facts.matching
    assert card("sigmoid", "cross_entropy").facts.matching
    assert card("identity", "squared").facts.matching


def test_an_activation_that_falls_has_no_matching_loss(registries):
    @ll.activation
    def cards_silu(score):
        return score / (1.0 + jnp.exp(-score))

    with pytest.raises(ValueError, match="cards_silu falls between"):
        ll.card("cards_silu", "hinge").matching_loss(0.0, 0.5)


@pytest.mark.slow
def test_the_band_in_which_a_link_keeps_a_loss_convex():
    """Section 5.2: [-sigma(-a), sigma(a)] for the logistic loss; nothing but 0 for the hinge."""
    a = np.linspace(-3, 3, 13)
    lower, upper = card("identity", "logistic").convexity_band(a)
    np.testing.assert_allclose(lower, -expit(-a), atol=1e-12)
    np.testing.assert_allclose(upper, expit(a), atol=1e-12)
    inside = np.linspace(-0.9, 0.9, 7)
    for bound in card("identity", "hinge").convexity_band(inside):
        np.testing.assert_array_equal(bound, 0.0)


# ------------------------------------------------------------------------------------------------- section 9: errata


@pytest.mark.slow
def test_the_fenchel_young_loss_of_the_bayes_risk_is_not_the_hinge(registries):
    """The conjugate of max(p, 1 - p) on [0, 1] is -1 + max(0, (1 - m)/2, -m): half a hinge, then slope -1."""

    @ll.margin_loss
    def cards_bayes_risk(margin):
        return jnp.maximum(jnp.maximum(0.0, 0.5 * (1.0 - margin)), -margin)

    c = ll.card("identity", "cards_bayes_risk")
    # Of the registered losses it is itself and no other: not the hinge, however scaled, stretched or shifted.
    assert c.as_sum_of_known == ("cards_bayes_risk", "cards_bayes_risk")
    assert ll.card("identity", "hinge").as_sum_of_known == ("hinge", "hinge")
    p, m = np.linspace(0, 1, 100_001), np.linspace(-3, 3, 25)
    brute = np.array([1.0 + np.max(x * p - np.maximum(p, 1 - p)) for x in -m])
    np.testing.assert_allclose(np.asarray(c.pair.positive(m)), brute, atol=1e-5)
    np.testing.assert_allclose(c.link(np.array([-1.5, -0.5, 0.5, 1.5])), [0, 0.5, 0.5, 1])
    assert c.facts.shapes[0].lipschitz == 1.0
    np.testing.assert_allclose(c.psi(THETAS, 0.0), THETAS / 2, atol=1e-9)


def test_counting_while_cards_are_made():
    seen = []
    ll.cards(["relu+hinge", "identity+logistic", "sigmoid+focal"], lambda done, of: seen.append((done, of)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_what_is_traced_has_no_card_and_no_picture():
    def value(gamma, take):
        pair = ll.pair("sigmoid", "focal", gamma=gamma)
        take(pair)
        return pair(0.3, 1.0)

    for take in (ll.card, lambda pair: pair.plot(), lambda pair: ll.card(pair.activation, pair.loss)):
        for run in (jax.grad, jax.jit):
            with pytest.raises(ValueError, match=r"is being traced by JAX.*Make the card outside"):
                run(lambda gamma, take=take: value(gamma, take))(2.0)
