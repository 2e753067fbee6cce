"""Conjugates and proximal operators against grids, against each other and against their defining inequalities."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import xlogy

import lossland as ll
from lossland.curves import evaluator, tabulate
from lossland.elements import Loss
from lossland.properties._conjugate import CLOSED, conjugate, proximal

card = functools.cache(ll.card)
CONVEX = [p.name for p in ll.pairs() if p.name == f"identity+{p.loss.name}" and p.loss.claim("convex")]
Z = np.linspace(-40, 40, 160_001)


def values(pair, z):
    with jax.enable_x64(True):
        return np.asarray(pair.positive(jnp.asarray(z)), float)


def slopes(name, count=41):
    """Slopes that the curve takes on [-6, 6], and its one-sided ones at kinks."""
    with jax.enable_x64(True):
        taken = np.asarray(ll.pair(name).slope(jnp.linspace(-6, 6, count), 1.0), float)
    return np.unique(np.round(taken, 12))


@pytest.mark.parametrize("name", CONVEX)
@pytest.mark.slow
def test_conjugates(name):
    """Against a supremum over a grid; Fenchel and Young's inequality; equality at u = f'(z)."""
    c, u = card(name), slopes(name)
    got = c.conjugate(u)
    with np.errstate(over="ignore"):
        brute = np.array([np.max(slope * Z - values(c.pair, Z)) for slope in u])
    assert np.all(got >= brute - 1e-9 * (1 + np.abs(brute)))
    inside = np.abs(u) < 300
    np.testing.assert_allclose(got[inside], brute[inside], atol=2e-5, rtol=1e-5)
    z = np.linspace(-6, 6, 41)
    with np.errstate(invalid="ignore"):
        gap = values(c.pair, z)[:, None] + got[None] - z[:, None] * u[None]
    assert np.nanmin(gap) >= -1e-9
    assert np.all(np.nanmin(gap, axis=0)[inside] <= 0.1 * (1 + np.abs(u[inside])))


@pytest.mark.slow
@pytest.mark.parametrize("name", CONVEX)
def test_the_conjugate_of_the_conjugate_is_the_loss(name):
    c = card(name)
    z = np.linspace(-2.5, 2.5, 21)
    with jax.enable_x64(True):
        touching = np.asarray(c.pair.slope(jnp.linspace(-4, 4, 4001), 1.0), float)
    u = np.unique(np.concatenate([touching, *(np.linspace(k.left, k.right, 9) for k in c.kinks if k.what == "slope")]))
    dual = c.conjugate(u)
    back = np.max(z[:, None] * u - dual, axis=1)
    np.testing.assert_allclose(back, values(c.pair, z), atol=2e-4)


def quoted(form, u):
    """What a conjugate as text, say "3 [u + u^2/2] at u/6 + 0.25 u - 0.5, on [-6, 0]", says at u, and its domain."""
    text, _, domain = form.rpartition(" on [")
    low, high = map(float, domain.rstrip("]").split(", "))
    scale, inner, slope, offset = 1.0, u, 0.0, 0.0
    scaled = re.fullmatch(r"(?:(\S+) )?\[(.*)\] at u(?:/(\S+))?(?: \+ (\S+) u)?(?: - (\S+))?,", text)
    if scaled:
        text = scaled[2]
        scale, divisor, slope, offset = (
            float(part or one) for part, one in zip(scaled.group(1, 3, 4, 5), "1100", strict=True)
        )
        inner = u / divisor
    formula = re.sub(r"(\([^()]*\)|u) log\(([^()]*)\)", r"xlogy(abs(\1), \2) * sign(\1)", text.replace("^", "**"))
    names = {"xlogy": xlogy, "sqrt": np.sqrt, "sign": np.sign, "abs": np.abs, "u": inner}
    return scale * (eval(formula, names) + 0.0 * inner) + slope * u - offset, low, high


@pytest.mark.parametrize("name", [n for n in CONVEX if n.partition("+")[2] in CLOSED])
def test_closed_forms_are_the_numeric_supremum(name, rng):
    c = card(name)
    assert c.as_sum_of_known.positive == name.partition("+")[2]
    low, high = quoted(c.conjugate_form(), np.zeros(1))[1:]
    u = np.concatenate([rng.uniform(max(low, -3), min(high, 3), 20), [max(low, -3), min(high, 3)]])
    found, exact = conjugate(tabulate(c.pair), 0, evaluator(c.pair), u), quoted(c.conjugate_form(), u)[0]
    np.testing.assert_allclose(found.value, exact, atol=1e-9)
    assert np.all(found.value + found.error >= exact - 1e-14)
    outside = np.array([low - 0.01, high + 0.01])
    assert np.all(np.isinf(c.conjugate(outside)))


def test_a_scaled_stretched_and_shifted_form(rng):
    """phi = 1/2 + 3 smooth_hinge(2 (m - 1/4)): its conjugate follows from the known one."""

    def scaled(margin):
        return 0.5 + 3.0 * ll.losses.smooth_hinge(2.0 * (margin - 0.25))

    c = ll.card("identity", Loss("scaled", scaled))
    assert c.conjugate_form() == "3 [u + u^2/2] at u/6 + 0.25 u - 0.5, on [-6, 0]"
    u = rng.uniform(-6, 0, 12)
    brute = np.array([np.max(slope * Z - values(c.pair, Z)) for slope in u])
    np.testing.assert_allclose(quoted(c.conjugate_form(), u)[0], brute, atol=1e-6)
    np.testing.assert_allclose(quoted(c.conjugate_form(), u)[0], c.conjugate(u), atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONVEX)
@pytest.mark.parametrize("gamma", [0.3, pytest.param(2.0, marks=pytest.mark.exhaustive)])
def test_proximal_operators(name, gamma):
    """Against a grid; and firmly nonexpansive."""
    c = card(name)
    v = np.linspace(-4, 4, 17)
    found = proximal(c.facts.curves, 0, evaluator(c.pair), v, gamma)
    assert np.all(found.residual <= 1e-10 * (1 + np.abs(v)))
    held = values(c.pair, Z)
    best = np.array([Z[np.argmin(held + (Z - x) ** 2 / (2 * gamma))] for x in v])
    np.testing.assert_allclose(found.point, best, atol=1e-3)
    steps = np.diff(found.point)
    assert np.all(steps >= -1e-12)
    assert np.all(steps <= np.diff(v) + 1e-9)


@pytest.mark.parametrize("name", ["identity+hinge", "identity+logistic", "identity+squared_hinge"])
@pytest.mark.slow
def test_moreaus_decomposition(name, rng):
    """v = prox_f(v) + prox_f*(v), the second by brute force over the conjugate."""
    c, v = card(name), rng.uniform(-3, 3, 8)
    u = np.linspace(-4, 0, 8001)
    dual = c.conjugate(u)
    second = np.array([u[np.argmin(dual + 0.5 * (u - x) ** 2)] for x in v])
    np.testing.assert_allclose(c.prox(v, 1.0) + second, v, atol=1e-3)


@pytest.mark.slow
def test_what_has_no_proximal_operator_is_refused():
    with pytest.raises(ValueError, match="it bends down at z = 0"):
        card("relu+hinge").prox(0.0)
    assert card("relu+hinge").prox(np.array([2.0, -1.0]), 1.0, -1.0).tolist() == [1.0, -1.0]
    with pytest.raises(ValueError, match="must be positive"):
        card("identity+hinge").prox(0.0, 0.0)
