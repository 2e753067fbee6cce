"""Kinks found without being told, close ones and small ones too."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.curves import tabulate
from lossland.elements import LOSSES

MARGIN_LOSSES = [pair.loss.name for pair in ll.pairs() if pair.name == f"identity+{pair.loss.name}"]


def _places(curves, label):
    return sorted(k.at for k in curves.kinks if k.label == label and k.what in ("value", "slope"))


@pytest.mark.slow
@pytest.mark.parametrize("name", MARGIN_LOSSES)
def test_a_losss_kinks_are_those_it_claims(name):
    """Both are tested apart: the claims by `check_loss`, on another grid and by halving."""
    loss, curves = LOSSES[name], tabulate(ll.pair("identity", name))
    claimed = sorted(loss.claim("kinks"))
    assert _places(curves, 1) == pytest.approx(claimed, abs=1e-9)
    assert _places(curves, -1) == pytest.approx(sorted(-k for k in claimed), abs=1e-9)


def test_an_activations_kinks_are_those_it_claims(activation):
    curves = tabulate(ll.pair(activation, "unhinged"))
    claimed = sorted(activation.claim("kinks"))
    assert _places(curves, 1) == _places(curves, -1) == pytest.approx(claimed, abs=1e-9)


@pytest.mark.parametrize("shift", [0.0, math.pi / 7, -3.21, 11.0, 150.0, 1e-4])
def test_kinks_are_found_where_they_are(shift):
    curves = tabulate(ll.pair("identity", ll.shifted("hinge", shift)))
    assert _places(curves, 1) == pytest.approx([1 + shift], abs=1e-9 * (1 + abs(shift)))


def _of_hinges(name, weights, kinks):
    """A piecewise linear convex loss, registered; the loss in NumPy."""

    def function(margin):
        return sum(w * jnp.maximum(0.0, k - margin) for w, k in zip(weights, kinks, strict=True))

    function.__name__ = function.__qualname__ = name
    ll.margin_loss(function)
    return lambda z: (weights * np.maximum(0.0, kinks - np.asarray(z)[:, None])).sum(axis=1)


def _kinks_and_risk_are_exact(weights, kinks):
    exact = _of_hinges("curves_hinges", weights, kinks)
    card = ll.card("identity", "curves_hinges")
    places = np.array(_places(card.facts.curves, 1))
    assert places.shape == kinks.shape
    np.testing.assert_allclose(places, kinks, rtol=1e-8, atol=1e-8)
    # Piecewise linear, growing on the wrong side: the least risk is at a corner.
    etas, corners = np.linspace(0.02, 0.98, 25)[:, None], np.concatenate([kinks, -kinks])
    least = (etas * exact(corners) + (1 - etas) * exact(-corners)).min(axis=1)
    np.testing.assert_allclose(card.risk(etas[:, 0]), least, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("gap", [0.2, 0.03, 0.01, 1e-3, 1e-5])
@pytest.mark.parametrize("first", [-1.0, 0.0, 0.3, 3.0, 150.0])
def test_two_kinks_close_together(first, gap, registries):
    _kinks_and_risk_are_exact(np.ones(2), np.array([first, first + gap]))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_any_convex_polygon(seed, registries):
    random = np.random.default_rng(seed)
    count = random.integers(2, 7)
    gaps = 10 ** random.uniform(-3, 0, count - 1)
    start = random.uniform(-20, 20 - gaps.sum())
    _kinks_and_risk_are_exact(random.uniform(0.2, 2, count), start + np.concatenate([[0.0], np.cumsum(gaps)]))


@pytest.mark.parametrize("size", [1e-6, 1e6])
def test_close_kinks_do_not_depend_on_the_units(size, registries):
    _of_hinges("curves_units", np.array([1.0, 0.5, 2.0]) * size, np.array([0.5, 0.51, 0.515]))
    curves = tabulate(ll.pair("identity", "curves_units"))
    assert _places(curves, 1) == pytest.approx([0.5, 0.51, 0.515], abs=1e-9)


def test_close_jumps_of_value_and_curvature(registries):
    @ll.margin_loss
    def curves_stairs(margin):
        return 1.0 * (margin < 0.7) + 1.0 * (margin < 0.71)

    @ll.margin_loss
    def curves_parabolas(margin):
        return jnp.maximum(0.0, 1.0 - margin) ** 2 + jnp.maximum(0.0, 1.003 - margin) ** 2

    for name, what, places in (
        ("curves_stairs", "value", (0.7, 0.71)),
        ("curves_parabolas", "curvature", (1.0, 1.003)),
    ):
        found = [k for k in tabulate(ll.pair("identity", name)).kinks if k.label == 1]
        assert [k.what for k in found] == [what, what]
        assert [k.at for k in found] == pytest.approx(places, abs=1e-9)


def test_one_sided_slopes_are_not_those_of_a_tie(registries):
    """At 0 `jnp.maximum` has the mean of both slopes, and 0 is where the cell around it is halved."""

    @ll.margin_loss
    def curves_tied(margin):
        return jnp.maximum(0.0, -margin) + jnp.maximum(0.0, 0.004 - margin)

    sides = [(k.left, k.right) for k in tabulate(ll.pair("identity", "curves_tied")).kinks if k.label == 1]
    assert sides == [pytest.approx((-2.0, -1.0)), pytest.approx((-1.0, 0.0))]
