"""Combinators: losses made of losses keep their claims and are the known ones."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.elements import losses as L
from tests import references as ref


@pytest.mark.slow
@pytest.mark.parametrize("gamma", [0.5, 2.0])
@pytest.mark.usefixtures("x64")
def test_smoothed_losses_are_the_known_envelopes(gamma):
    m = jnp.asarray(np.linspace(-3.013, 3.029, 40))
    known = {
        "hinge": lambda m: L.smooth_hinge(m, gamma),
        "absolute": lambda m: L.huber(m, gamma) / gamma,
        "perceptron": lambda m: L.smooth_hinge(m + 1, gamma),
        "squared": lambda m: L.squared(m) / (1 + 2 * gamma),
    }
    for name, want in known.items():
        for a, b in zip(ref.derivatives(ll.smoothed(name, gamma), m), ref.derivatives(want, m), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9, err_msg=name)


def test_smoothed_hinge_is_the_smooth_hinge():
    m = jnp.linspace(-3.013, 3.029, 40)
    np.testing.assert_allclose(ll.smoothed("hinge", 0.5)(m), L.smooth_hinge(m, 0.5), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_smoothed_losses_at_infinity():
    ends = jnp.array([-jnp.inf, jnp.inf])
    for name, want in (("hinge", [jnp.inf, 0.0]), ("absolute", [jnp.inf, jnp.inf]), ("logistic", [jnp.inf, 0.0])):
        np.testing.assert_array_equal(ll.smoothed(name, 0.5)(ends), want, err_msg=name)


@pytest.mark.slow
def test_weighted_weighs_the_classes():
    for name, activation in (("hinge", "identity"), ("cross_entropy", "sigmoid"), ("asymmetric", "sigmoid")):
        plain, costly = ll.pair(activation, name), ll.pair(activation, ll.weighted(name, positive=5.0, negative=0.5))
        z = jnp.linspace(-3.0, 3.0, 13)
        np.testing.assert_allclose(costly.positive(z), 5.0 * plain.positive(z), rtol=1e-6)
        np.testing.assert_allclose(costly.negative(z), 0.5 * plain.negative(z), rtol=1e-6)
    far = ll.pair("sigmoid", ll.weighted("cross_entropy", 2.0, 3.0))
    assert float(far.negative(jnp.float32(1e4))) == pytest.approx(3e4)
    assert float(far.negative(jnp.float32(-50.0))) == pytest.approx(3 * math.exp(-50), rel=1e-5)


def test_scaled_shifted_and_truncated_keep_their_claims():
    double = ll.scaled("hinge", 2.0)
    assert (double.convex, double.decreasing, double.kinks, double.tail) == (True, True, (1.0,), "zero")
    assert float(double(0.0)) == 2.0
    moved = ll.shifted("hinge", 0.5)
    assert moved.kinks == (1.5,)
    assert float(moved(1.0)) == 0.5
    assert float(ll.truncated("cross_entropy", 2.0)(1e-9)) == 2.0
    assert float(jax.grad(ll.truncated("hinge", 1.0))(0.0)) == 0.0


def test_label_smoothing_mixes_both_labels():
    q = jnp.linspace(0.1, 0.9, 9)
    want = 0.9 * ll.losses.cross_entropy(q) + 0.1 * ll.losses.cross_entropy(1 - q)
    np.testing.assert_allclose(ll.label_smoothed("cross_entropy", 0.1)(q), want, rtol=1e-6)
    far = ll.pair("sigmoid", ll.label_smoothed("cross_entropy", 0.1))
    assert float(far.positive(jnp.float32(1e4))) == pytest.approx(1e3)
    assert float(far.positive(jnp.float32(-1e4))) == pytest.approx(9e3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ll.weighted("hinge", positive=-1.0), "must be positive"),
        (lambda: ll.weighted("hinge", positive=math.inf), "must be positive"),
        (lambda: ll.weighted("hinge", 0.0, 0.0), "0 for both classes"),
        (lambda: ll.scaled("hinge", -1.0), "positive number"),
        (lambda: ll.scaled("hinge", 0.0), "positive number"),
        (lambda: ll.shifted("hinge", math.nan), "by must be a number, not nan"),
        (lambda: ll.truncated("hinge", math.nan), "at must be a number, not nan"),
        (lambda: ll.loss_sum(), "one term or more"),
        (
            lambda: ll.loss_sum("hinge", "cross_entropy"),
            "hinge is a loss of a margin and cross_entropy one of a likeli",
        ),
        (lambda: ll.shifted("cross_entropy", 1.0), "not a margin loss"),
        (lambda: ll.smoothed("cross_entropy"), "not a margin loss"),
        (lambda: ll.smoothed("ramp"), "not convex"),
        (lambda: ll.smoothed("hinge", 0.0), "must be positive"),
        (lambda: ll.label_smoothed("hinge", 0.6), "1/2"),
        (lambda: ll.label_smoothed("asymmetric"), "smooth a margin or likelihood loss"),
        (lambda: ll.scaled("hinje", 2.0), "Did you mean hinge"),
    ],
)
def test_combinators_refuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()
