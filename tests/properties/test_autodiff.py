"""Ties, health and faults, read off programs that NumPy runs, against what XLA gives; and that nothing is compiled."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.curves import tabulate
from lossland.elements import TIES, with_tie
from lossland.properties._autodiff import DTYPES, faults, health, ties
from tests.properties.cases import MARKED, SPREAD

HALF = np.concatenate([np.logspace(-4, 4, 255), [0.0]])
SCORES = np.concatenate([-HALF, HALF])
GRID = np.sinh(np.linspace(-14.5, 14.5, 2046))


def by_xla(pair, dtype):
    """Value, slope and curvature at `SCORES`, positives first, in a float type."""
    with jax.enable_x64(True):
        both, labels = jnp.asarray(np.tile(SCORES, 2), dtype), jnp.asarray(np.repeat([1.0, -1.0], SCORES.size), dtype)
        return [np.asarray(part, float) for part in jax.jit(lambda z, t: pair.jet(z, t))(both, labels)]


def assert_health_is_xlas(pair):
    exact, rows = by_xla(pair, "float64"), iter(health(pair))
    for dtype in reversed(DTYPES):
        limit = 0.01 * float(jnp.finfo(dtype).max)
        for what, got, true in zip(("value", "slope", "curvature"), by_xla(pair, dtype), exact, strict=True):
            bad = np.isnan(got) | (np.isinf(got) & (np.abs(true) < limit))
            row = next(rows)
            assert (row.dtype, row.what, row.bad) == (dtype, what, bad.sum())
            assert not bad.any() or row.at == np.tile(SCORES, 2)[np.argmax(bad)]


def assert_ties_are_xlas(pair):
    for tied in ties(pair, tabulate(pair).kinks):
        for tie, slope in tied.slopes.items():
            variant = pair if tie is None else with_tie(pair, tie)
            with jax.enable_x64(True):
                assert slope == pytest.approx(
                    float(variant.slope(jnp.float64(tied.kink.at), tied.kink.label)), rel=1e-12
                )


@pytest.mark.parametrize("made", MARKED, ids=lambda p: p.name)
def test_health_and_ties_are_xlas(made):
    assert_health_is_xlas(made)
    assert_ties_are_xlas(made)


def test_every_tie_is_told():
    made = ll.pair("relu", "hinge")
    assert all(tuple(tied.slopes) == TIES for tied in ties(made, tabulate(made).kinks))
    smooth = ll.pair("sigmoid", "cross_entropy")
    assert ties(smooth, tabulate(smooth).kinks) == ()


def registered(function):
    def user(margin):
        return function(margin)

    return ll.pair("identity", ll.margin_loss(user))


def with_derivative(function, derivative):
    ruled = jax.custom_jvp(function)
    ruled.defjvp(lambda primals, tangents: (ruled(*primals), derivative(*primals) * tangents[0]))
    return ruled


def hinge(margin):
    return jnp.maximum(0.0, 1.0 - margin)


def staircase(steps):
    return with_derivative(lambda x: jnp.round(steps * x) / steps, jnp.ones_like)


UNWELL = {
    "naive": lambda m: jnp.log1p(jnp.exp(-m)),
    "root": lambda m: jnp.sqrt(jnp.maximum(0.0, 1.0 - m)),
    "inverse": lambda m: 1.0 / jnp.maximum(0.0, m),
}


@pytest.mark.parametrize("name", UNWELL)
def test_ill_health_is_xlas(name, registries):
    made = registered(UNWELL[name])
    assert any(row.bad for row in health(made))
    assert_health_is_xlas(made)


WRONG = {
    "round": lambda m: hinge(staircase(1)(m)),
    "fine_round": lambda m: hinge(staircase(100)(m)),
    "round_by_stopping": lambda m: hinge(m + jax.lax.stop_gradient(jnp.round(m) - m)),
    "stopped": lambda m: jax.lax.stop_gradient(hinge(m)),
    "sign": with_derivative(lambda m: m * m, lambda m: -2.0 * m),
    "two_percent": with_derivative(lambda m: jnp.exp(-m), lambda m: -1.02 * jnp.exp(-m)),
    "in_a_region": with_derivative(lambda m: m * m, lambda m: jnp.where(jnp.abs(m - 1.0) < 0.1, 0.0, 2.0 * m)),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_slope_that_is_no_derivative_is_found(name, registries):
    found = faults(registered(WRONG[name]), GRID)
    assert found[0].startswith("The slope for a positive is not the derivative of the value, for example at z = ")
    assert len(found) == 2


def test_numbers_that_are_none_are_found(registries):
    trap = faults(registered(UNWELL["root"]), np.array([3.0, -1.0, 1.5]))
    assert trap[0] == "The slope for a positive is NaN at 2 scores from 1.5 to 3."
    assert [text.partition(" is NaN")[0] for text in trap] == [
        "The slope for a positive",
        "The curvature for a positive",
    ]
    (value,) = faults(registered(lambda m: jnp.where(m > 4.0, jnp.nan, hinge(m))), np.linspace(0.0, 5.0, 6))
    assert value == "The value for a positive is NaN at 1 scores from 5 to 5."


SOUND = {
    "tiny": lambda m: 1e-9 * hinge(m) ** 2,
    "huge": lambda m: 1e9 * hinge(m) ** 2,
    "far_off": lambda m: 1e6 + hinge(m) ** 2,
    "float32_within": lambda m: jax.nn.softplus(-m.astype("float32")).astype(m.dtype),
    "fast_wave": lambda m: jnp.sin(3e4 * m) + 2.0 * hinge(m),
    "spike": lambda m: hinge(m) + jnp.exp(-1e9 * (m - 0.3) ** 2),
    "jump": lambda m: jnp.where(m < 0.3, 1.0 - m, 0.0),
    "stairs": lambda m: jnp.floor(-37.0 * m),
    "many_kinks": lambda m: jnp.abs(m * 50.0 % 1.0 - 0.5) + hinge(m),
    "cancelling": lambda m: (1.0 + 1e8 * hinge(m)) - 1e8 * hinge(m) + hinge(m) ** 2,
    "lost_beside_one": lambda m: -jnp.log1p(-jnp.minimum(jax.nn.sigmoid(-m), 1.0 - 1e-9)),
    "double_exponential": lambda m: jnp.exp(jnp.exp(-jnp.clip(m, -6.0, None))),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_functions_are_not_accused(name, registries):
    assert faults(registered(SOUND[name]), GRID) == []


@pytest.mark.parametrize("made", SPREAD, ids=lambda p: p.name)
def test_registered_pairs_are_not_accused(made):
    assert faults(made, GRID) == []


@pytest.mark.exhaustive
def test_no_registered_pair_is_accused():
    assert [made.name for made in ll.pairs() if faults(made, GRID)] == []


@pytest.mark.slow
def test_nothing_is_compiled():
    program = """
import lossland as ll, numpy as np
from lossland.curves import Kink
from lossland.properties._autodiff import faults, health, ties
made = ll.pair("relu", "hinge")
health(made), ties(made, (Kink(1, 1.0, "slope", -1.0, 0.0),)), faults(made, np.linspace(-9.0, 9.0, 99))
"""
    loud = os.environ | {"JAX_LOG_COMPILES": "1"}
    said = subprocess.run([sys.executable, "-c", program], env=loud, capture_output=True, text=True, check=True).stderr
    assert "Finished tracing" in said
    assert "Compiling" not in said
