"""What a user's function reads from its module: a change of it is seen everywhere, and costs little to look for."""

import timeit
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll
from lossland.elements import jit_by_pair

LEVEL = 1.0
SETTINGS = types.SimpleNamespace(level=1.0)


def _level():
    return LEVEL


READERS = {
    "a global": lambda: LEVEL,
    "by a function": lambda: _level(),
    "an attribute": lambda: SETTINGS.level,
}


def _set(monkeypatch, level):
    monkeypatch.setattr("tests.elements.test_seen.LEVEL", level)
    monkeypatch.setattr(SETTINGS, "level", level)


def _pairs(read):
    def seen_loss(margin):
        return read() * jnp.maximum(0.0, 1.0 - margin)

    def seen_output(score):
        return jax.nn.sigmoid(read() * score)

    return ll.pair("identity", ll.margin_loss(seen_loss)), ll.pair(
        ll.activation(range=(0.0, 1.0))(seen_output), "brier"
    )


def _answers(pair):
    data = ll.load("two_gaussians(n=20, d=2, seed=1)")
    z = jnp.linspace(-1.0, 0.5, 4)
    params = {"weights": jnp.array([0.3, -0.2]), "bias": jnp.asarray(0.1)}
    axes = ({"weights": jnp.ones(2), "bias": jnp.zeros(())}, {"weights": jnp.array([1.0, -1.0]), "bias": jnp.zeros(())})
    f = ll.objective(pair, ll.linear(), data)
    found = {
        "value": pair(z, 1.0),
        "slope": pair.slope(z, 1.0),
        "objective": f(params),
        "fit": ll.fit(f, params, optax.sgd(0.1), 2).params["weights"],
        "plane": ll.plane(pair, data, params, axes, steps=3, radius=1.0).values,
        "card": ll.card(pair).lipschitz,
        "weighted": ll.pair(pair.activation, ll.weighted(pair.loss, 2.0))(z, 1.0),
    }
    if pair.activation.name == "identity":
        found["solve"] = ll.solve(pair.loss, data, C=0.1).weights
    return {name: np.asarray(value, float) for name, value in found.items()}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_change_is_seen_by_every_answer(read, monkeypatch, registries):
    for pair in _pairs(read):
        held = {}
        for level in (1.0, 3.0, 1.0):
            _set(monkeypatch, level)
            held.setdefault(level, []).append(_answers(pair))
        for name, before in held[1.0][0].items():
            assert not np.array_equal(before, held[3.0][0][name]), name
            np.testing.assert_array_equal(before, held[1.0][1][name], err_msg=name)


def test_a_program_of_a_pair_is_made_once_while_nothing_changes(monkeypatch, registries):
    made = []
    run = jit_by_pair((0,))(lambda pair, scores: made.append(pair) or pair(scores, 1.0))
    pair = _pairs(READERS["a global"])[0]
    for level, count in ((1.0, 1), (1.0, 1), (3.0, 2), (1.0, 2)):
        _set(monkeypatch, level)
        assert float(run(pair, jnp.asarray(0.0))) == level
        assert len(made) == count


def test_looking_costs_little(registries):
    pair = _pairs(READERS["a global"])[0]
    z = jnp.zeros(8)
    call = min(timeit.repeat(lambda: jax.block_until_ready(pair(z, 1.0)), number=5, repeat=5))
    look = min(timeit.repeat(lambda: hash(pair), number=5, repeat=5))
    assert look < 0.3 * call
