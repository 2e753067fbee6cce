"""Traps that other libraries fall into: each is shown there, and that ours is right."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll


def slope(function, x):
    return float(jax.grad(function)(jnp.asarray(x, float)))


def _all(pair, score, label):
    score = jnp.float32(score)
    return [float(f(score, label)) for f in (pair, pair.slope, pair.curvature)]


@pytest.mark.parametrize("name", ["identity+logistic", "sigmoid+cross_entropy"])
def test_trap_optax_keras_torch_bce_is_nan_at_infinity(name):
    assert _all(ll.pair(name), np.inf, 1.0) == [0.0, 0.0, 0.0]
    assert _all(ll.pair(name), -np.inf, 1.0) == [np.inf, -1.0, 0.0]


def test_trap_torch_soft_margin_log1p_exp_overflows():
    assert _all(ll.pair("identity+logistic"), -1e4, 1.0) == [1e4, -1.0, 0.0]


def test_trap_liblinear_vw_logistic_value_lost_beyond_17():
    value, slope, curvature = _all(ll.pair("identity+logistic"), 40.0, 1.0)
    assert [value, -slope, curvature] == pytest.approx([math.exp(-40)] * 3, rel=1e-6)


def test_trap_keras_torch_probabilities_are_clamped():
    value, slope, _ = _all(ll.pair("sigmoid+cross_entropy"), -300.0, 1.0)
    assert (value, slope) == (300.0, -1.0)
    assert float(ll.losses.cross_entropy(jnp.float32(1e-30))) == pytest.approx(69.07755, rel=1e-6)
    single = ll.pair("sigmoid+cross_entropy")(jnp.asarray([20.0, -20.0], jnp.bfloat16), jnp.array([1.0, 1.0]))
    np.testing.assert_allclose(np.asarray(single, float), [math.exp(-20), 20.0], rtol=0.01)


def test_trap_naive_minus_log_sigmoid_gradient_is_nan():
    naive = jax.grad(lambda z: -jnp.log(1 / (1 + jnp.exp(-z))))(jnp.float32(-200.0))
    assert not np.isfinite(naive)
    assert float(jax.grad(ll.pair("sigmoid+cross_entropy").positive)(jnp.float32(-200.0))) == -1.0


def test_trap_optax_broadcasts_column_labels_to_a_square():
    pair = ll.pair("identity+hinge")
    with pytest.raises(ValueError, match=r"shape \(3, 1\).*reshape"):
        pair(jnp.zeros(3), jnp.ones((3, 1)))
    with pytest.raises(ValueError, match="do not match"):
        pair(jnp.zeros((3, 1)), jnp.ones(3))


@pytest.mark.parametrize("labels", [[0.0, 1.0], [1.0, 2.0], [1.0, np.nan], [True, False]])
def test_trap_optax_takes_0_1_labels_for_margins_silently(labels):
    with pytest.raises(ValueError, match=r"labels are -1 or \+1.*2 \* y - 1"):
        ll.pair("identity+hinge")(jnp.zeros(2), jnp.array(labels))


def test_trap_optax_bce_takes_no_python_numbers():
    assert float(ll.pair("identity+logistic")(0, 1)) == pytest.approx(math.log(2))


def test_trap_optax_squared_hinge_has_half_the_curvature_at_1():
    theirs = jax.grad(jax.grad(lambda m: optax.losses.hinge_loss(m, 1.0) ** 2))(1.0)
    assert float(theirs) == 0.5
    left, at, right = (float(jax.grad(jax.grad(ll.losses.squared_hinge))(1.0 + h)) for h in (-1e-3, 0.0, 1e-3))
    assert (left, right) == (2.0, 0.0)
    assert right <= at <= left


def test_trap_jax_log_ndtr_gradient_is_wrong_in_the_tail():
    pair = ll.pair("probit+cross_entropy")
    for z in (-10.0, -100.0, -1e4):
        value, slope, curvature = _all(pair, z, 1.0)
        hazard = -z * (1 + 1 / z**2 - 2 / z**4)
        assert value == pytest.approx(z * z / 2 + math.log(-z * math.sqrt(2 * math.pi)) + 1 / z**2, rel=1e-4)
        assert slope == pytest.approx(-hazard, rel=2e-5)
        assert curvature == pytest.approx(1 - 1 / z**2, rel=1e-3)


@pytest.mark.parametrize(("wide", "scores"), [(False, (-13.05, -13.2, -13.3)), (True, (-37.54, -37.6, -37.67))])
def test_trap_jax_erfcx_is_zero_where_erfc_is_subnormal(wide, scores):
    pair = ll.pair("probit+cross_entropy")
    for z in scores:
        with jax.enable_x64(wide):
            value, slope = float(pair(jnp.asarray(z), 1.0)), float(pair.slope(jnp.asarray(z), 1.0))
        assert value == pytest.approx(z * z / 2 + math.log(-z * math.sqrt(2 * math.pi)) + 1 / z**2, rel=1e-5)
        assert slope == pytest.approx(z + 1 / z - 2 / z**3, rel=1e-5)


def test_trap_cloglog_by_log1mexp_is_nan_in_both_tails():
    for z in (-100.0, 100.0, -1e4, 1e4):
        for label in (1.0, -1.0):
            assert not np.isnan(_all(ll.pair("cloglog+cross_entropy"), z, label)).any()
    assert _all(ll.pair("cloglog+cross_entropy"), -100.0, 1.0)[:2] == [100.0, -1.0]


def test_trap_dwd_by_where_has_a_nan_gradient():
    for q in (1.0, 0.5, 2.5):
        for m, want in ((0.0, -1.0), (-3.0, -1.0)):
            assert slope(lambda m, q=q: ll.losses.dwd(m, q), m) == want
        assert slope(lambda m, q=q: ll.losses.dwd(m, q), 1e4) < 0


def test_trap_sklearn_exponential_is_nan_at_plus_1000():
    assert _all(ll.pair("identity+exponential"), 1e3, 1.0) == [0.0, 0.0, 0.0]
    assert _all(ll.pair("identity+exponential"), -1e3, 1.0)[0] == np.inf


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_trap_optax_focal_is_nan_at_infinity_and_timm_with_gamma_below_1(gamma):
    pair = ll.pair("sigmoid", f"focal(gamma={gamma})")
    for z in (np.inf, 1e4, 100.0):
        assert _all(pair, z, 1.0) == [0.0, 0.0, 0.0]
    assert _all(pair, -np.inf, 1.0)[:2] == [np.inf, -1.0]
    assert _all(pair, -30.0, 1.0)[1] == pytest.approx(-1.0)


def test_trap_timm_asymmetric_clamp_kills_the_gradient_when_most_wrong():
    assert _all(ll.pair("sigmoid+asymmetric"), -30.0, 1.0)[1] == pytest.approx(-1.0)
    assert not np.isnan(_all(ll.pair("sigmoid", "asymmetric(gamma_positive=0.5)"), 100.0, 1.0)).any()


def test_trap_keras_gce_gradient_is_nan_at_minus_200():
    assert _all(ll.pair("sigmoid+gce"), -200.0, 1.0)[1] == pytest.approx(0.0, abs=1e-37)
    assert _all(ll.pair("sigmoid+gce"), -50.0, 1.0)[1] == pytest.approx(-math.exp(-35), rel=1e-4)


def test_trap_modified_huber_by_where_is_nan_at_infinity():
    assert _all(ll.pair("identity+modified_huber"), -np.inf, 1.0)[:2] == [np.inf, -4.0]
    assert _all(ll.pair("identity+huber"), np.inf, 1.0)[:2] == [np.inf, 1.0]
