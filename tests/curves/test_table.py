"""The table behind every card: curves between nodes, fast ones, and what it cannot follow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.curves import tabulate
from lossland.elements import ACTIVATIONS


@pytest.mark.slow
@pytest.mark.parametrize("name", [p.name for p in ll.pairs()[::41]])
def test_between_nodes_the_table_is_the_pair(name, rng):
    pair = ll.pair(name)
    curves = tabulate(pair)
    scores = rng.uniform(-8, 8, 400)
    with jax.enable_x64(True):
        want = [np.stack([np.asarray(f(jnp.asarray(scores), t)) for t in (1.0, -1.0)]) for f in (pair, pair.slope)]
    for order, exact in enumerate(want):
        finite = np.isfinite(exact)
        np.testing.assert_allclose(curves.at(scores, order)[finite], exact[finite], rtol=1e-7, atol=1e-8)


def test_a_point_on_a_kink_takes_the_right_hand_side():
    curves = tabulate(ll.pair("identity", "zero_one"))
    assert curves.at([0.0])[:, 0].tolist() == [0.0, 1.0]
    assert curves.at([-np.inf, np.inf])[0].tolist() == [1.0, 0.0]


SMOOTH = {
    "steep": lambda m: jnp.logaddexp(0.0, -50.0 * m),
    "steepest": lambda m: jnp.logaddexp(0.0, -1e6 * m),
    "bump": lambda m: jnp.logaddexp(0.0, -m) + jnp.exp(-20.0 * (m - 4.0) ** 2),
    "unbounded_curvature": lambda m: jnp.abs(1.0 - m) ** 1.5,
}


@pytest.mark.parametrize("shape", SMOOTH)
def test_fast_curves_are_not_kinked_and_are_resolved(shape, registries, rng):
    def function(margin):
        return SMOOTH[shape](margin)

    function.__name__ = function.__qualname__ = f"curves_{shape}"
    ll.margin_loss(function)
    curves = tabulate(ll.pair("identity", f"curves_{shape}"))
    assert curves.kinks == ()
    assert curves.problems == ()
    scores = np.concatenate([rng.uniform(-8, 8, 300), rng.uniform(0.99, 1.01, 100), 1e-6 * rng.uniform(-9, 9, 100)])
    with jax.enable_x64(True):
        want = np.asarray(function(jnp.asarray(scores)))
    np.testing.assert_allclose(curves.at(scores)[0], want, rtol=1e-6, atol=2e-9 * np.abs(curves.slopes[0]).max())


@pytest.mark.parametrize(
    ("added", "said"),
    [
        (lambda m: 0.01 * jnp.sin(40.0 * m), "Not resolved between z ="),
        (jnp.sin, "Not resolved between z ="),
        (lambda m: jnp.sqrt(jnp.abs(2.0 - m)), "Not resolved at z = 2:"),
    ],
)
def test_what_the_table_cannot_follow_is_said(added, said, registries):
    @ll.margin_loss
    def curves_unresolved(margin):
        return jnp.maximum(0.0, 1.0 - margin) + added(margin)

    found = ll.card("identity", "curves_unresolved")
    assert any(said in problem for problem in found.facts.problems)


def test_every_activation_can_be_tabulated():
    # The identity's table holds the grid and nothing else.
    fewest = tabulate(ll.pair("identity", "unhinged")).scores.size
    for name in ACTIVATIONS:
        assert tabulate(ll.pair(name, "unhinged")).scores.size >= fewest
