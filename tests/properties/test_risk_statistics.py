"""The statistics of a card agree with each other, with theorems and with slow searches; numbers in, numbers out."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit

import lossland as ll
from lossland.elements import Activation, Loss
from lossland.properties._risk import ETAS, elicits, minimum
from tests.properties.cases import MARKED, brute, mixed, room

BJM = "Bartlett, Jordan & McAuliffe 2006, Theorem 2"
THETAS = np.array([1e-9, 1e-7, 1e-5, 1e-3, 0.1, 0.5, 1.0])
NAN, INF = math.nan, math.inf
softplus, sigmoid = jax.nn.softplus, jax.nn.sigmoid


def margin(function):
    return ll.pair("identity", Loss("statistics_test", function))


def output(function, loss, bounds=(0.0, 1.0)):
    return ll.pair(Activation("statistics_test", function, range=bounds), loss)


def swapped(pair):
    """The pair with the labels' losses exchanged and the score mirrored: thresholds change their sign."""
    return ll.pair("identity", Loss("swapped_test", lambda score, label: pair(-score, -label), kind="label"))


# --------------------------------------------------------------------------------------------------------- calibration

# Margin losses that are calibrated at 0 alone, and whether they are convex.
AT_ZERO = {
    "softplus(8 - m)": (lambda m: softplus(8 - m), True),
    "softplus(-8 - m)": (lambda m: softplus(-8 - m), True),
    "softplus(20 - m)": (lambda m: softplus(20 - m), True),
    "(8 - m)+^2": (lambda m: jnp.maximum(8 - m, 0) ** 2, True),
    "exp(-8 - m)": (lambda m: jnp.exp(-8 - m), True),
    "logistic(m / 1000)": (lambda m: ll.losses.logistic(1e-3 * m), True),
    "logistic(50 m)": (lambda m: ll.losses.logistic(50 * m), True),
    "logistic + 300": (lambda m: ll.losses.logistic(m) + 300, True),
    "1e6 logistic": (lambda m: 1e6 * ll.losses.logistic(m), True),
    "1e-6 logistic": (lambda m: 1e-6 * ll.losses.logistic(m), True),
    "1e-6 logistic + 1": (lambda m: 1e-6 * ll.losses.logistic(m) + 1, True),
    "squared": (lambda m: (1 - m) ** 2, True),
    "exp(-m|m|)": (lambda m: jnp.exp(-m * jnp.abs(m)), False),
    "1e-6 tangent": (lambda m: 1e-6 * ll.losses.tangent(m), False),
}
# Those calibrated on an open interval.
INSIDE = {
    "1e-6 hinge": (lambda m: 1e-6 * jnp.maximum(1 - m, 0), 1.0),
    "1e6 hinge + 300": (lambda m: 1e6 * jnp.maximum(1 - m, 0) + 300, 1.0),
    "(8 - m)+": (lambda m: jnp.maximum(8 - m, 0), 8.0),
    "(3 - m)+ + (3.03 - m)+": (lambda m: jnp.maximum(3 - m, 0) + jnp.maximum(3.03 - m, 0), 3.0),
    "(0.51 - m)+ + (0.5 - m)+": (lambda m: jnp.maximum(0.51 - m, 0) + jnp.maximum(0.5 - m, 0), 0.5),
    "(1 - 100 m)+": (lambda m: jnp.maximum(1 - 100 * m, 0), 0.01),
}
# Those that are calibrated nowhere, and what the reason says.
NOWHERE = {
    "perceptron": (lambda m: jnp.maximum(-m, 0), "not differentiable at 0"),
    "1e-6 perceptron": (lambda m: 1e-6 * jnp.maximum(-m, 0), "not differentiable at 0"),
    "perceptron + logistic": (lambda m: jnp.maximum(-m, 0) + ll.losses.logistic(m), "not differentiable at 0"),
    "(-8 - m)+": (lambda m: jnp.maximum(-8 - m, 0), "slope at 0 is 0"),
    "increasing hinge": (lambda m: jnp.maximum(1 + m, 0), "slope at 0 is 1, not negative"),
    "increasing logistic, steep": (lambda m: ll.losses.logistic(-50 * m), "slope at 0 is 25, not negative"),
    "increasing sigmoid": (lambda m: sigmoid(m), "nowhere falls"),
    "increasing sigmoid, flat": (lambda m: 1e-6 * sigmoid(m - 8), "nowhere falls"),
    "(m + 1)^2": (lambda m: (m + 1) ** 2, "slope at 0 is 2"),
}


def check_calibrated(c, at):
    assert c.calibrated(at)
    assert np.all(c.psi(THETAS, at) > 0)
    assert c.psi(0.0, at) == 0.0
    assert c.excess_error(0.0, at) == 0.0
    # The bound is inverted exactly, from far below the first theta that is looked at.
    np.testing.assert_allclose(c.excess_error(c.psi(THETAS, at), at), THETAS, rtol=1e-5)


@pytest.mark.parametrize("name", AT_ZERO)
def test_margin_losses_that_are_calibrated_at_zero_alone(name):
    function, convex = AT_ZERO[name]
    c = ll.card(margin(function))
    assert c.calibrated_thresholds == (0.0, 0.0)
    assert c.facts.calibration.closed == (True, True)
    assert c.best_threshold == 0.0
    assert c.facts.calibration.by_theorem == convex
    assert (BJM in c.facts.calibration.reason) == convex
    check_calibrated(c, 0.0)
    # Just beside it a wrong decision is free for eta near 1/2.
    for beside in (1.0, -1.0):
        assert not c.calibrated(beside)
        assert c.psi(1e-9, beside) == 0.0
    # Scores below 0 for eta < 1/2, above 0 for eta > 1/2.
    etas = np.array([0.1, 0.49, 0.4999, 0.5001, 0.51, 0.9])
    assert np.array_equal(np.sign(c.minimiser(etas)), np.sign(etas - 0.5))


@pytest.mark.parametrize("name", INSIDE)
def test_margin_losses_that_are_calibrated_inside_an_interval(name):
    function, end = INSIDE[name]
    c = ll.card(margin(function))
    assert c.calibrated_thresholds == pytest.approx((-end, end), rel=1e-9)
    assert c.facts.calibration.closed == (False, False)
    assert c.best_threshold == 0.0
    for at in (0.0, 0.9 * end, -0.9 * end):
        check_calibrated(c, at)
    for at in (end, -end, 1.1 * end):
        assert not c.calibrated(at)
        assert c.psi(1e-3, at) == 0.0


@pytest.mark.parametrize("name", NOWHERE)
def test_margin_losses_that_are_calibrated_nowhere(name):
    function, said = NOWHERE[name]
    c = ll.card(margin(function))
    assert c.calibrated_thresholds is None
    assert c.best_threshold is None
    assert said in c.facts.calibration.reason
    for at in (-1.0, 0.0, 1.0):
        assert not c.calibrated(at)
        assert c.psi(1e-6, at) == 0.0


@pytest.mark.parametrize("delta", [1e-3, 0.01, 0.3])
def test_a_huber_loss_of_small_delta_is_calibrated_on_a_closed_interval(delta):
    """Its slope is -delta on |m| < 1 - delta and leaves that without a kink, so that the ends belong to it."""
    c = ll.card("identity", f"huber(delta={delta})")
    assert c.calibrated_thresholds == pytest.approx((delta - 1, 1 - delta), abs=1e-9)
    assert c.facts.calibration.closed == (True, True)
    assert (
        f"slope {-2 * delta:.5g}" in c.facts.calibration.reason or f"slope {-delta:.5g}" in c.facts.calibration.reason
    )
    check_calibrated(c, 0.0)
    check_calibrated(c, 1 - delta)


@pytest.mark.parametrize("gamma", [2, 20, 60])
def test_a_focal_loss_is_calibrated_however_flat(gamma):
    """At gamma = 60 every slope near 0 is below 1e-16: their signs are right all the same."""
    c = ll.card("sigmoid", f"focal(gamma={gamma})")
    assert c.calibrated_thresholds == (0.0, 0.0)
    assert "slope ratio" in c.facts.calibration.reason
    assert not c.facts.calibration.by_theorem
    check_calibrated(c, 0.0)
    # Against a dense search of the risk with all its digits.
    q = expit(np.linspace(0, 3, 300_001))
    for eta in (0.6, 0.9):
        risk = -eta * (1 - q) ** gamma * np.log(q) - (1 - eta) * q**gamma * np.log1p(-q)
        assert expit(c.minimiser(eta)) == pytest.approx(q[np.argmin(risk)], abs=1e-5)
        fall = risk[0] - risk.min()
        assert c.psi(2 * eta - 1, 0.0) == pytest.approx(fall, rel=1e-5)


@pytest.mark.parametrize("weight", [3.0, 0.2, 1e3])
def test_weights_move_the_threshold_to_where_the_slopes_balance(weight):
    c = ll.card("identity", ll.weighted("logistic", positive=weight))
    assert c.calibrated_thresholds == pytest.approx((math.log(weight), math.log(weight)), abs=1e-9)
    assert c.facts.calibration.by_theorem
    check_calibrated(c, c.best_threshold)
    steep = ll.card(
        margin(lambda m: m).activation, ll.weighted(Loss("steep_test", lambda m: softplus(-1e4 * m)), weight)
    )
    assert steep.best_threshold == pytest.approx(math.log(weight) / 1e4, rel=1e-6)


@pytest.mark.parametrize(
    "mirrored", ["relu+hinge", "softplus+hinge", "relu+dwd", "sigmoid+asymmetric", "cloglog+brier"], ids=str
)
def test_exchanged_labels_mirror_the_statistics(mirrored):
    one = ll.card(mirrored)
    other = ll.card(swapped(one.pair))
    low, high = one.calibrated_thresholds
    assert other.calibrated_thresholds == pytest.approx((-high, -low), abs=1e-7)
    assert other.facts.calibration.closed == one.facts.calibration.closed[::-1]
    etas = np.array([0.15, 0.45, 0.6, 0.9])
    np.testing.assert_allclose(other.risk(1 - etas), one.risk(etas), atol=1e-9)
    for at in (-0.7, 0.2, 0.5):
        assert other.calibrated(-at) == one.calibrated(at)
        np.testing.assert_allclose(other.psi(THETAS, -at), one.psi(THETAS, at), atol=1e-9)


def test_what_no_theorem_decides_is_read_off_the_risk():
    """Ramps: the slope ratio falls from 1 to 0 at their kink; the zero-one loss has no slope at all."""
    for name, interval in (("identity+ramp", (-1.0, 1.0)), ("identity+zero_one", (0.0, 0.0))):
        c = ll.card(name)
        assert c.calibrated_thresholds == interval
        assert "sampled" in c.facts.calibration.reason
        assert not c.facts.calibration.by_theorem
        np.testing.assert_allclose(c.psi(THETAS, 0.0), THETAS, rtol=1e-6)


def test_a_loss_without_a_lower_bound():
    """Every wrong decision costs infinitely more than the infimum, which is -inf."""
    c = ll.card("identity", "unhinged")
    assert c.calibrated(0.0)
    assert c.risk([0.4, 0.5, 0.5 + 1e-9]).tolist() == [-INF, pytest.approx(1.0), -INF]
    assert np.all(c.psi(THETAS) == INF)
    assert c.excess_error([0.0, 1e9]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("size", [1e-6, 1e6])
@pytest.mark.parametrize("name", ["hinge", "logistic", "sigmoid_margin", "dwd", "ramp"])
def test_units_of_a_loss_change_nothing_but_its_risks(name, size):
    plain, c = ll.card("identity", name), ll.card("identity", ll.scaled(name, size))
    assert c.calibrated_thresholds == plain.calibrated_thresholds
    assert c.facts.calibration.closed == plain.facts.calibration.closed
    assert (c.best_threshold, c.proper) == (plain.best_threshold, plain.proper)
    np.testing.assert_allclose(c.psi(THETAS[3:]), size * plain.psi(THETAS[3:]), rtol=1e-6)
    np.testing.assert_allclose(c.minimiser([0.2, 0.6]), plain.minimiser([0.2, 0.6]), atol=1e-7)


# ------------------------------------------------------------------------------------------- over a spread of the pairs


@pytest.mark.parametrize("chosen", MARKED, ids=lambda p: p.name)
def test_calibrated_means_that_psi_is_positive(chosen):
    c = ll.card(chosen)
    interval = c.calibrated_thresholds
    low, high = (-2.0, 2.0) if interval is None else np.clip(interval, -3.0, 3.0)
    tried = {-1.3, 0.0, 0.4, low - 0.1, low, 0.5 * (low + high), high, high + 0.1}
    # By values alone, as for ramps, a cost near 1e-16 is not told from none.
    thetas = np.concatenate([[1e-6 if "sampled" not in c.facts.calibration.reason else 1e-3], THETAS[3:]])
    for at in sorted(tried):
        psi = c.psi(thetas, at)
        assert c.calibrated(at) == bool(psi.min() > 0), (at, psi)
        assert psi[0] == 0.0 or c.calibrated(at)


@pytest.mark.parametrize("chosen", MARKED, ids=lambda p: p.name)
def test_psi_is_convex_and_the_risk_concave(chosen):
    c = ll.card(chosen)
    etas = np.linspace(0, 1, 41)
    risks = c.risk(etas)
    bounded = np.isfinite(risks)
    middles = 0.5 * (risks[:-2] + risks[2:])
    held = bounded[:-2] & bounded[1:-1] & bounded[2:]
    assert np.all(risks[1:-1][held] >= middles[held] - 1e-10 * (1 + np.abs(risks[1:-1][held])))
    if not bounded[1:-1].all():
        return
    thetas = np.linspace(0, 1, 21)
    for at in (0.3, 0.0 if c.best_threshold is None else c.best_threshold):
        psi = c.psi(thetas, at)
        assert psi[0] == 0.0
        assert np.all(np.diff(psi) >= 0)
        assert np.all(psi[1:-1] <= 0.5 * (psi[:-2] + psi[2:]) + 1e-9 * psi[1:-1] + 1e-15)
        errors = c.excess_error(psi[::2], at)
        assert np.all(np.diff(errors) >= 0)
        # An excess risk of psi(theta) allows theta, and no more than where psi has that value last.
        assert np.all(errors >= thetas[::2] - 1e-9)
        np.testing.assert_allclose(c.psi(errors, at), psi[::2], atol=1e-8 * psi[-1], rtol=1e-8)


@pytest.mark.parametrize("chosen", MARKED, ids=lambda p: p.name)
def test_minimisers_minimise(chosen):
    """Against the least of twenty thousand scores, by the pair itself."""
    c = ll.card(chosen)
    values, slopes, limits = brute(chosen)
    etas = np.array([0.03, 0.25, 0.4999, 0.6, 0.97])
    dense = np.concatenate([mixed(values, etas), mixed(limits, etas)], axis=1).min(axis=1)
    risks, where = c.risk(etas), c.minimiser(etas)
    bounded = np.isfinite(risks)
    assert np.all(risks[bounded] <= dense[bounded] + 1e-9 * (1 + np.abs(dense[bounded])))
    assert np.all(risks[bounded] >= (dense - room(values, slopes, etas))[bounded])
    inside = bounded & np.isfinite(where)
    with jax.enable_x64(True):
        # Beside it too: at a jump the infimum is a one-sided limit.
        places = np.where(inside, where, 0.0)[:, None] + np.array([-1e-9, 0.0, 1e-9])
        rows = np.stack([np.asarray(chosen(jnp.asarray(places), t)) for t in (1.0, -1.0)])[:, inside]
    weights = etas[inside][:, None]
    reached = (weights * rows[0] + (1 - weights) * rows[1]).min(axis=1)
    assert np.all(reached <= dense[inside] + 1e-8 * (1 + np.abs(dense[inside])))


# -------------------------------------------------------------------------------------------------------------- proper


def told(pair):
    """Whether the minimiser tells eta, by the slope ratio at the table's nodes."""
    curves = ll.card(pair).facts.curves
    return elicits(minimum(curves, ETAS), curves)


@pytest.mark.parametrize("factor", [1e-6, 1e-3, 0.1, 50.0, 100.0, 1e4])
def test_a_proper_loss_is_proper_on_every_scale_of_the_score(factor):
    stretched = margin(lambda m: ll.losses.logistic(factor * m))
    narrow = output(lambda z: sigmoid(factor * z), "brier")
    for pair in (stretched, narrow):
        assert told(pair)
        # At 1e-6 the minimisers lie beyond the table: what is seen at single etas cannot tell.
        assert factor == 1e-6 or ll.card(pair).proper
    etas = np.array([0.1, 0.4, 0.7])
    np.testing.assert_allclose(factor * ll.card(stretched).minimiser(etas), np.log(etas / (1 - etas)), rtol=1e-9)


@pytest.mark.parametrize("at", [1e-2, 1e-4, 1e-7, 1e-10])
def test_a_clipped_output_is_not_proper(at):
    """Beyond the clip every score is as good: the minimiser for eta < at is not unique."""
    for high in (1 - at, 1.0):
        clipped = output(lambda z, high=high: jnp.clip(sigmoid(z), at, high), "cross_entropy")
        assert not told(clipped)
        assert not ll.card(clipped).proper
    assert told(output(sigmoid, "cross_entropy"))


def test_a_link_that_rests_or_jumps_or_ends_early_is_none():
    rests = margin(
        lambda m: jnp.where(m < 0, 0.5 - m, 0.0) + jnp.where(m >= 0, 0.5 * (1 - jnp.minimum(m, 1)) ** 2, 0.0)
    )
    assert told(rests)
    # The slope ratio is 1/2 on (-0.5, 0.5), jumps at 0, stays above sigmoid(-16).
    assert not told(ll.pair("identity", "dwd"))
    assert not told(margin(lambda m: jnp.maximum(-m, 0) + softplus(-m)))
    assert not told(ll.pair("sigmoid", "logistic"))
    assert told(ll.pair("sparse_sigmoid", "brier"))


# ------------------------------------------------------------------------------------------- numbers in, numbers out

HINGE, LOGISTIC, SQUARED = (ll.pair("identity", name) for name in ("hinge", "logistic", "squared"))
CALLS = {
    "conjugate": lambda c, x: c.conjugate(x),
    "prox": lambda c, x: c.prox(x),
    "conditional_risk": lambda c, x: c.conditional_risk(x, 0.5),
    "conditional_risk, eta": lambda c, x: c.conditional_risk(0.5, x),
    "risk": lambda c, x: c.risk(x),
    "minimiser": lambda c, x: c.minimiser(x),
    "psi": lambda c, x: c.psi(x),
    "excess_error": lambda c, x: c.excess_error(x),
    "link": lambda c, x: c.link(x),
    "matching_loss": lambda c, x: c.matching_loss(x, 0.5),
    "matching_loss, target": lambda c, x: c.matching_loss(0.5, x),
    "convexity_band": lambda c, x: c.convexity_band(x)[0],
    "weight": lambda c, x: c.weight(x, 1.0),
}


@pytest.mark.parametrize("name", CALLS)
def test_nan_in_gives_nan_out_and_leaves_its_neighbours_alone(name):
    c, call = ll.card(LOGISTIC), CALLS[name]
    assert math.isnan(call(c, NAN))
    assert isinstance(call(c, 0.25), float)
    given = np.array([[0.25, NAN], [0.5, 1.0]])
    found = call(c, given)
    assert found.shape == (2, 2)
    assert np.array_equal(np.isnan(found), np.isnan(given))
    assert found[1].tolist() == pytest.approx([call(c, 0.5), call(c, 1.0)])
    assert call(c, np.zeros((0, 3))).shape == (0, 3)
    for wrong in ("0.5", None, 1j, [[1.0], [1.0, 2.0]], object()):
        with pytest.raises(ValueError, match="must be a real number"):
            call(c, wrong)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda c: c.risk(1.5), "1.5 is no value for eta, a probability"),
        (lambda c: c.minimiser([0.2, -1e-9]), r"-1e-09 at place \(1,\)"),
        (lambda c: c.conditional_risk(0.0, [[0.5, 2.0]]), r"2 at place \(0, 1\)"),
        (lambda c: c.conditional_risk([0.0, 1.0], [0.1, 0.2, 0.3]), "do not fit together"),
        (lambda c: c.psi(1.1), "theta, an excess error"),
        (lambda c: c.psi(0.5, NAN), "a threshold must be one number"),
        (lambda c: c.excess_error(-1.0), "an excess risk: it must be at least 0"),
        (lambda c: c.excess_error(0.1, [0.0, 1.0]), "a threshold must be one number"),
        (lambda c: c.prox(0.0, 0.0), "positive and finite, not 0"),
        (lambda c: c.prox(0.0, -1.0), "positive and finite"),
        (lambda c: c.prox(0.0, INF), "positive and finite"),
        (lambda c: c.prox(0.0, NAN), "one number"),
        (lambda c: c.prox(0.0, label=0.0), r"2 \* y - 1"),
        (lambda c: c.weight(0.0, 0), r"2 \* y - 1"),
        (lambda c: c.weight(0.0, NAN), "one number"),
        (lambda c: c.conjugate(0.0, "+1"), "a real number"),
        (lambda c: c.dead([1.0, -1.0]), "one number"),
        (lambda c: c.dead(1.0, NAN), "one number"),
        (lambda c: c.calibrated(NAN), "one number"),
        (lambda c: c.calibrated("0"), "a real number"),
    ],
)
def test_what_is_out_of_a_domain_is_refused_and_named(call, said):
    with pytest.raises(ValueError, match=said):
        call(ll.card(LOGISTIC))


def test_outputs_that_a_loss_does_not_take_are_refused():
    with pytest.raises(ValueError, match="an output that brier takes"):
        ll.card("sigmoid", "brier").convexity_band(1.5)


def test_infinite_scores_give_limits():
    hinge, logistic = ll.card(HINGE), ll.card(LOGISTIC)
    assert hinge.prox([INF, -INF, 0.5]).tolist() == [INF, -INF, 1.0]
    assert hinge.conditional_risk([INF, -INF], 0.5).tolist() == [INF, INF]
    assert hinge.conditional_risk([INF, -INF], [1.0, 0.0]).tolist() == [0.0, 0.0]
    assert hinge.weight([-INF, INF], 1.0).tolist() == [1.0, 0.0]
    assert hinge.link([-INF, INF]).tolist() == [0.0, 1.0]
    assert hinge.conjugate([INF, -INF]).tolist() == [INF, INF]
    assert logistic.psi([0.5, 1.0], INF).tolist() == [0.0, 0.0]
    assert not logistic.calibrated(INF)
    assert not ll.card("identity", "sigmoid_margin").calibrated(-INF)
    assert logistic.excess_error([0.0, INF]).tolist() == [0.0, 1.0]
    assert ll.card("sigmoid", "brier").matching_loss([INF, -INF], 1.0).tolist() == [0.0, INF]


@pytest.mark.parametrize("far", [2e6, 1e9, 1e15])
def test_scores_beyond_the_table_are_those_of_the_pair(far):
    hinge, squared = ll.card(HINGE), ll.card(SQUARED)
    z = np.array([-far, far])
    np.testing.assert_allclose(hinge.conditional_risk(z, 0.3), [0.3 * (1 + far), 0.7 * (1 + far)], rtol=1e-12)
    np.testing.assert_allclose(squared.weight(z, 1.0), 2 * (1 - z), rtol=1e-12)
    np.testing.assert_allclose(squared.link(z), 0.5 * (1 + z), rtol=1e-12)
    np.testing.assert_allclose(hinge.prox(z), [1 - far, far], rtol=1e-12)
    np.testing.assert_allclose(squared.prox(z, 0.5), 0.5 * (z + 1), rtol=1e-12)
    np.testing.assert_allclose(squared.conjugate(z), z + z * z / 4, rtol=1e-9)
    np.testing.assert_allclose(ll.card("relu", "hinge").matching_loss(z, 1.0), [far, 0.5 * (far - 1) ** 2], rtol=1e-6)
    # A threshold out there: for eta = 1 a wrong decision costs nothing, or nearly the whole of the other class's loss.
    np.testing.assert_allclose(squared.psi(1.0, far), 0.0)


@pytest.mark.parametrize("eta", [1e-7, 1e-9, 1e-12])
def test_minimisers_beyond_the_table_are_found(eta):
    c = ll.card("cauchit", "cross_entropy")
    np.testing.assert_allclose(c.minimiser(eta), -1 / math.tan(math.pi * eta), rtol=1e-4)
    np.testing.assert_allclose(c.risk(eta), -eta * math.log(eta) - (1 - eta) * math.log1p(-eta), rtol=1e-9, atol=1e-15)
