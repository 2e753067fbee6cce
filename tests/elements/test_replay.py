"""Stable replay: the same numbers as direct evaluation, and more digits where 1 - x or log x is taken."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.elements import sigmoid, softplus
from lossland.elements._replay import Output, Tracked, likelihood, margin, replay

Q = jnp.linspace(0.05, 0.95, 19)


@jax.custom_jvp
def _ruled(x):
    return x**2


@_ruled.defjvp
def _ruled_rule(primals, tangents):
    return _ruled(primals[0]), 10.0 * tangents[0]


@jax.jit
def _inner(x):
    return jnp.log(x) * (1.0 - x)


ARBITRARY = {
    "log": jnp.log,
    "log1p of minus": lambda q: jnp.log1p(-q),
    "one minus": lambda q: 1 - q,
    "minus one": lambda q: q - 1.0,
    "one plus": lambda q: 1.0 + q,
    "one plus minus": lambda q: -q + 1.0,
    "times one": lambda q: (1.0 * q) * (-1.0) * -1.0,
    "twice one minus": lambda q: 1.0 - (1.0 - q),
    "several uses": lambda q: q * jnp.log(q) + (1 - q) * jnp.log(1 - q) + q,
    "where": lambda q: jnp.where(q > 0.5, 1 - q, q**2),
    "jit inside": _inner,
    "jit twice": lambda q: _inner(_inner(q) ** 2 + 0.1),
    "custom jvp inside": lambda q: _ruled(1.0 - q) + _ruled(q),
    "power": lambda q: (1.0 - q) ** 2.5 + q**0.3,
    "constants": lambda q: jnp.asarray(Q) * 2.0 - q,
    "ignored": lambda q: jnp.ones_like(q),
    "itself": lambda q: q,
    "negated": lambda q: -q,
    "abs and clip": lambda q: jnp.clip(jnp.abs(q - 0.5), 0.1, 0.3),
    "loop": lambda q: jax.lax.fori_loop(0, 3, lambda i, x: 1.0 - x * x, q),
    "cond": lambda q: jax.lax.cond(True, lambda x: 1.0 - x, lambda x: x, q),
    "cumulated": lambda q: jnp.cumsum(1.0 - q),
    "astype": lambda q: (1.0 - q.astype(jnp.bfloat16)).astype(jnp.float32),
    "vmap inside": lambda q: jax.vmap(lambda x: jnp.log(x) - x)(q),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ARBITRARY)
@pytest.mark.parametrize("exact", [False, True])
def test_replay_equals_direct_evaluation(name, exact):
    z = jnp.log(Q) - jnp.log(1 - Q)
    held = Output(Q, 1 - Q, 1 + Q, -softplus(-z), -softplus(z)) if exact else Output(Q)
    function = ARBITRARY[name]
    got = replay(function, likelihood(held, jnp.ones_like(Q)))
    np.testing.assert_allclose(got, function(Q), rtol=2e-2 if name == "astype" else 3e-6, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in ARBITRARY if n not in ("constants", "astype")])
def test_replay_under_jit_and_grad_equals_direct_evaluation(name):
    function, t = ARBITRARY[name], jnp.ones_like(Q)

    def replayed(q):
        return replay(function, likelihood(Output(q), t))

    np.testing.assert_allclose(jax.jit(replayed)(Q), function(Q), rtol=3e-6, atol=1e-6)
    slopes = [jax.grad(lambda q, f=f: f(q).sum())(Q) for f in (replayed, function)]
    np.testing.assert_allclose(*slopes, rtol=1e-5, atol=1e-5)


def test_the_negative_label_swaps_the_neighbours():
    z = jnp.float32(30.0)
    held = Output(sigmoid(z), sigmoid(-z), None, -softplus(-z), -softplus(z))
    minus = likelihood(held, jnp.float32(-1.0))
    assert float(replay(jnp.log, minus)) == -30.0
    assert float(replay(lambda q: q, minus)) == float(sigmoid(-z)) > 0
    assert float(replay(lambda q: 1.0 - q, minus)) == 1.0


def test_a_margin_remembers_both_sides():
    held = Output(jnp.float32(1.0), one_minus=jnp.float32(1e-20), one_plus=jnp.float32(2.0))
    assert float(replay(lambda m: 1.0 - m, margin(held, jnp.float32(1.0)))) == pytest.approx(1e-20)
    assert float(replay(lambda m: 1.0 + m, margin(held, jnp.float32(-1.0)))) == pytest.approx(1e-20)
    assert float(replay(lambda m: m - 1.0, margin(held, jnp.float32(1.0)))) == pytest.approx(-1e-20)


def test_flipping_twice_is_the_number_itself():
    x = Tracked(jnp.float32(0.25), jnp.float32(0.75))
    assert float(x.flipped().plain()) == 0.75
    assert float(x.flipped().flipped().plain()) == 0.25
    assert float(x._replace(negated=True).plain()) == -0.25


@pytest.mark.slow
@pytest.mark.parametrize(
    "write",
    [
        lambda q: -jnp.log(q),
        lambda q: -jnp.log(1.0 - (1.0 - q)),
        lambda q: -jnp.log1p(-(1 - q)),
        lambda q: jnp.log(q) * -1.0,
        jax.jit(lambda q: -jnp.log(q)),
    ],
    ids=["log", "flipped twice", "log1p", "times minus one", "jit"],
)
def test_a_plain_log_of_a_likelihood_is_as_right_as_the_registered_one(write):
    from lossland.elements import LOSSES

    def a_plain_log(likelihood):
        return write(likelihood)

    z = jnp.array([-1e4, -90.0, -1.0, 0.0, 1.0, 20.0, 80.0])
    try:
        ll.likelihood_loss(a_plain_log)
        ours = ll.pair("sigmoid", a_plain_log)
        known = ll.pair("sigmoid+cross_entropy")
        for method in ("__call__", "slope", "curvature"):
            for label in (1.0, -1.0):
                np.testing.assert_array_max_ulp(
                    np.asarray(getattr(ours, method)(z, label)), np.asarray(getattr(known, method)(z, label)), 4
                )
    finally:
        LOSSES.pop("a_plain_log", None)
