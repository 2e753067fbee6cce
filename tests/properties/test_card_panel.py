"""The panel of a card prints for every function, and says in words what cannot be said in numbers."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.curves import Interval
from lossland.properties._autodiff import faults
from lossland.properties._evidence import _undecided
from lossland.properties._wording import told_among, where


@pytest.fixture(autouse=True)
def a_wide_line(monkeypatch):
    """No cell is wrapped, so that sentences can be looked for."""
    monkeypatch.setenv("COLUMNS", "200")


def _shown(card, capsys):
    card.show()
    return " ".join(capsys.readouterr().out.split())


def _output(name, function, **claims):
    function.__name__ = function.__qualname__ = name
    return ll.activation(**claims)(function)


def _loss(name, function):
    function.__name__ = function.__qualname__ = name
    return ll.margin_loss(function)


@pytest.mark.parametrize(
    "function",
    [lambda z: z * jnp.tanh(jax.nn.softplus(z)), jnp.sin, lambda z: z**2 / (1 + z**2), lambda z: -z],
    ids=["mish", "sin", "bump", "negative"],
)
def test_an_output_that_falls_has_no_matching_loss_and_the_panel_says_so(function, registries, capsys):
    _output("panel_output", lambda z: function(z))
    shown = _shown(ll.card("panel_output", "logistic"), capsys)
    assert "none, panel_output falls between z =" in shown
    assert "not finite, |z| <= 1e4" in shown


def test_a_leaky_rectifier_of_negative_slope_falls(capsys):
    assert "falls between z =" in _shown(ll.card("leaky_relu(slope=-0.5)", "logistic"), capsys)


def test_an_output_outside_the_domain_it_claims_has_a_panel(registries, capsys):
    _output("panel_wide", lambda z: 2.0 * jax.nn.sigmoid(z), range=(0.0, 1.0))
    assert "is none that brier takes" in _shown(ll.card("panel_wide", "brier"), capsys)


def _carried(z):
    return jax.lax.scan(lambda c, _: (0.5 * c + jnp.float32(1.0) * z, None), jnp.zeros_like(z), None, length=2)[0]


@pytest.mark.parametrize(
    ("name", "function", "claims"),
    [
        ("panel_cdf", lambda z: jax.scipy.stats.norm.cdf(z), {"range": (0.0, 1.0)}),
        ("panel_log_cdf", lambda z: jax.scipy.special.log_ndtr(z), {}),
        ("panel_scan", _carried, {}),
    ],
)
def test_a_float_type_that_a_function_refuses_is_a_row(name, function, claims, registries, capsys):
    _output(name, lambda z: function(z), **claims)
    card = ll.card(name, "brier" if claims else "logistic")
    refused = [h for h in card.health() if h.error]
    assert [(h.dtype, h.what) for h in refused] == [("bfloat16", name)]
    assert f"cannot be evaluated ~ {name} in bfloat16: TypeError" in _shown(card, capsys)


def test_a_loss_that_float32_makes_fail_is_a_row(registries, capsys):
    def only_double(m):
        if m.dtype == jnp.float32:
            raise TypeError("no single precision here")
        return jax.nn.softplus(-m)

    _loss("panel_double", only_double)
    card = ll.card("identity", "panel_double")
    failed = {h.dtype for h in card.health() if h.error}
    assert failed == {"float32", "bfloat16"}
    assert "no single precision here" in _shown(card, capsys)


# --------------------------------------------------------------------------------------------------------------- words


def test_what_is_undecided_is_said():
    assert _undecided(0.25, math.inf) == "no bound above 0.25 is proven"
    assert "1.1 and 1.1000000000000003" in _undecided(1.1, 1.1000000000000003)
    assert _undecided(2.0, 2.0) == "whether it is exactly 2 is not decided"
    assert "between 1 and 2" in _undecided(1.0, 2.0)


def test_numbers_that_differ_are_shown_apart(registries, capsys):
    assert told_among(1e4, (1e4 + 1,)) != told_among(1e4 + 1, (1e4,))
    assert where(Interval(1.0, 1.0 + 1e-9)) != where(Interval(1.0, 1.0))

    def steps(m):
        fall = jnp.where(m > 1e4, jnp.maximum(0.0, 1e4 + 1 - m), 1.0)
        return jnp.where(m < 0, 1 - m, fall)

    _loss("panel_steps", steps)
    shown = _shown(ll.card("identity", "panel_steps"), capsys)
    assert "0 <= z <= 10000 at 1" in shown
    assert "z >= 10001" in shown

    _loss("panel_jump", lambda m: jnp.where(m > 1.0, 203.917, 203.917001) + jnp.maximum(0, -m))
    assert "jumps from 203.917001 to 203.917 at z = 1" in _shown(ll.card("identity", "panel_jump"), capsys)


def test_many_jumps_are_counted(registries, capsys):
    _loss("panel_round", lambda m: jnp.round(m) ** 2)
    card = ll.card("identity", "panel_round")
    assert sum(text.startswith("The loss of a") and "jumps from" in text for text in card.facts.problems) == 8
    assert any(text.startswith("And ") and "more jumps" in text for text in card.facts.problems)
    shown = _shown(card, capsys)
    assert shown.count("value 4") < 20
    assert "more" in shown


def test_nan_at_infinity_is_no_false_claim(registries, capsys):
    _output("panel_mish", lambda z: z * jnp.tanh(jax.nn.softplus(z)), range=(-math.inf, math.inf))
    card = ll.card("panel_mish", "logistic")
    assert not any("claim range" in said for said in card.false_claims())
    assert "A false claim" not in _shown(card, capsys)


def test_a_branch_is_spoken_of_only_where_there_is_one(registries):
    _loss("panel_root", lambda m: jnp.sqrt(jnp.maximum(0.0, 1.0 - m)))
    _loss("panel_branch", lambda m: jnp.sqrt(jnp.where(m < 1.0, 1.0 - m, 0.0)))
    scores = np.array([-3.0, 0.5, 1.5, 3.0])
    assert not any("jnp.where" in said for said in faults(ll.pair("identity", "panel_root"), scores))
    assert any("jnp.where" in said for said in faults(ll.pair("identity", "panel_branch"), scores))
    assert not any("jnp.where" in said for said in ll.card("identity", "panel_root").facts.problems)
