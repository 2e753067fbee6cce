"""Gradient flow: basins against exact cells, lines that go down, pulls against one step of descent."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll

pytestmark = pytest.mark.slow

CLOUDS = ll.load("two_gaussians(n=40, distance=2.0, seed=5)")


def _params(seed, d=2):
    rng = np.random.default_rng(seed)
    return {"weights": jnp.asarray(rng.normal(size=d)), "bias": jnp.asarray(rng.normal())}


def test_basins_of_signed_axes():
    """theory.md 5.9: 2^d flat basins, levels d + k of 3d, by the quadrant of the start."""
    found = ll.basin_map("relu+hinge", ll.load("signed_axes(d=2)"), box=3.0, points=24, steps=600)
    assert len(found.levels) == 4
    np.testing.assert_allclose(found.levels * 6, [2, 3, 3, 4], atol=1e-6)
    quadrants = [found.basins[i, j] for i in (0, -1) for j in (0, -1)]
    assert sorted(quadrants) == [0, 1, 2, 3]
    np.testing.assert_allclose(found.shares, 0.25, atol=0.03)
    exact = ll.cells("relu+hinge", ll.load("signed_axes(d=2)"), box=3.0)
    np.testing.assert_allclose(sorted(s.level for s in exact.basins), found.levels, atol=1e-6)


def test_dead_regions_are_where_cells_has_plateaus_above_the_minimum():
    data = ll.Dataset([[1.0], [2.0], [-1.0]], [1, 1, -1])
    found = ll.basin_map("relu+hinge", data, box=4.0, points=33, steps=600)
    w, b = np.meshgrid(found.alphas, found.betas, indexing="ij")
    below = np.all([w * x + b < 0 for x in (1.0, 2.0, -1.0)], axis=0)
    assert np.all(found.dead[below])
    assert np.all(np.isfinite(found.values))
    assert found.levels[0] == pytest.approx(1 / 3)
    # A loss without a plateau is dead nowhere and has one basin.
    smooth = ll.basin_map("identity+logistic", data, l2=0.1, box=4.0, points=15, steps=400)
    assert len(smooth.levels) == 1
    assert not smooth.dead.any()


def test_lines_of_flow_go_down_and_stay_where_nothing_pulls():
    data = ll.Dataset([[1.0], [2.0], [-1.0]], [1, 1, -1])
    f = ll.objective(ll.pair("relu+hinge"), data=data)
    lines = ll.geometry.flow_lines("relu+hinge", data, [[0.5, 0.2], [0.0, -2.0], [1.0, 2.0]], box=4.0, records=50)
    params = {"weights": jnp.asarray(lines[..., :1]), "bias": jnp.asarray(lines[..., 1])}
    values = np.asarray(jax.vmap(jax.vmap(f))(params))
    assert np.all(np.diff(values, axis=1) < 1e-2)
    np.testing.assert_array_equal(lines[1], lines[1][:1].repeat(51, axis=0))
    assert values[0, -1] == pytest.approx(1 / 3, abs=5e-3)
    with pytest.raises(ValueError, match="starts must be finite"):
        ll.geometry.flow_lines("relu+hinge", data, [0.0, 1.0])
    with pytest.raises(ValueError, match="takes two parameters"):
        ll.basin_map("relu+hinge", ll.Dataset(np.ones((2, 3)), [1, -1]))


def test_a_pulled_line_moves_as_gradient_descent_does():
    params = _params(3)
    for name in ("relu+hinge", "identity+logistic"):
        held = ll.geometry.line_pulls(name, CLOUDS, params["weights"], params["bias"], learning_rate=0.5)
        f = ll.objective(ll.pair(name), data=CLOUDS)
        step = jax.grad(f)(jax.tree.map(lambda x: x.astype(jnp.float32), params))
        np.testing.assert_allclose(held.moved[0], params["weights"] - 0.5 * step["weights"], atol=1e-5)
        np.testing.assert_allclose(held.moved[1], params["bias"] - 0.5 * step["bias"], atol=1e-5)
        on_line = held.feet @ held.line[0] + held.line[1]
        np.testing.assert_allclose(on_line, 0.0, atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(held.moves, axis=1), np.abs(held.weights), atol=1e-9)
        # A positive that pulls pushes the line towards falling scores.
        pulling = (CLOUDS.labels > 0) & (held.weights > 0)
        assert np.all(held.moves[pulling] @ held.line[0] < 0)
