"""Curves between minima: the ends stay, the barrier falls, and convex objectives show none."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll

DATA = ll.standardise(ll.load("two_gaussians(n=31, d=2, seed=2)"))


def starts(model, *seeds):
    return [model.init(jax.random.key(k), DATA.d) for k in seeds]


@pytest.mark.slow
@pytest.mark.parametrize("key", [None, 7])
def test_on_a_convex_pair_the_curve_rises_no_higher_than_the_line(key, x64):
    a, b = starts(ll.linear(), 0, 1)
    pair = ll.pair("identity+logistic")
    found = ll.bezier_path(
        pair, DATA, a, b, l2=0.1, steps=100, key=None if key is None else jax.random.key(key), points=21
    )
    f = ll.objective(pair, ll.linear(), DATA, 0.1)
    assert [found.values[0], found.values[-1]] == pytest.approx([float(f(a)), float(f(b))], rel=1e-12)
    assert found.straight_barrier == pytest.approx(0.0, abs=1e-12)
    assert found.barrier <= found.straight_barrier + 1e-12
    assert found.values.mean() < found.straight.mean()
    line = ll.landscapes.linear_interpolation(pair, DATA, a, b, steps=21, l2=0.1)
    np.testing.assert_allclose(found.straight, line.values, rtol=1e-12)
    expected = [float(f(jax.tree.map(jnp.asarray, found.point(t)))) for t in found.ts]
    np.testing.assert_allclose(found.values, expected, rtol=1e-12)


def test_nodes_give_the_integral_of_the_curve(x64):
    a, b = starts(ll.linear(), 0, 1)
    found = ll.bezier_path(ll.pair("identity+squared"), DATA, a, b, steps=1, points=2001)
    assert found.trace[0] == pytest.approx(np.trapezoid(found.straight, found.ts), rel=1e-6)


@pytest.mark.slow
def test_the_curve_lies_in_the_plane_of_its_three_points(x64):
    """A network's; that two trained ones are joined at a lower barrier, `test_landscape_docs` shows."""
    model, pair = ll.mlp(2, hidden="tanh"), ll.pair("identity+logistic")
    a, b = starts(model, 0, 1)
    found = ll.bezier_path(pair, DATA, a, b, model=model, steps=20, points=5)
    assert found.values.mean() < found.straight.mean()
    p = ll.landscapes.planar_interpolation(pair, DATA, a, b, found.control, steps=3, beyond=0.0, model=model)
    f = ll.objective(pair, model, DATA)
    for at, value in zip(found.path, found.values, strict=True):
        moved = jax.tree.map(lambda c, u, v, at=at: jnp.asarray(c + at[0] * u + at[1] * v), p.centre, *p.directions)
        assert float(f(moved)) == pytest.approx(value, rel=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"steps": 0}, "steps must be"),
        ({"points": 1}, "points must be at least 2"),
        ({"end": {"weights": np.ones(3), "bias": np.zeros(())}}, "takes"),
        ({"optimizer": optax.sgd(1e200), "steps": 5}, "diverged"),
    ],
)
def test_bad_input_is_said(changed, message):
    a, b = starts(ll.linear(), 0, 1)
    given = {"start": a, "end": b, "points": 5} | changed
    with pytest.raises(ValueError, match=message):
        ll.bezier_path(ll.pair("identity+squared"), DATA, **given)
