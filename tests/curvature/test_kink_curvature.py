"""The curvature of kinks against differences of the gradient to both sides."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import lossland as ll
from lossland.curves import tabulate
from tests.curvature.cases import FEW, LINEAR, SMALLEST, WEIGHTS, linear, network, spread


@pytest.mark.slow
def test_kinks_against_the_gradient_to_both_sides(x64, rng):
    """For a loss made of lines the gradient's difference over a segment is 2 (K + l2 P) v exactly."""
    unravel = ravel_pytree(linear()[1])[1]
    checked = 0
    for made in spread(lines=True):
        if any(kink.what == "value" for kink in tabulate(made).kinks):
            continue
        f = ll.objective(made, LINEAR, FEW, l2=0.05, sample_weights=WEIGHTS)
        params = unravel(jnp.asarray(rng.normal(size=7)))
        for length in (0.01, 0.3, 2.0):
            v = unravel(jnp.asarray(length * rng.normal(size=7)))
            ends = [jax.grad(f)(jax.tree.map(lambda a, b, s=s: a + s * b, params, v)) for s in (1.0, -1.0)]
            rise = ravel_pytree(ends[0])[0] - ravel_pytree(ends[1])[0]
            found = ll.kink_curvature(f, params, direction=v)
            flat = np.asarray(ravel_pytree(v)[0])
            penalty = 0.05 * np.array([0.0, *[1.0] * 6])
            np.testing.assert_allclose(rise, 2 * (found.matrix @ flat + penalty * flat), atol=1e-12, err_msg=made.name)
            checked += int(found.crossed.sum())
    assert checked > 50


@pytest.mark.slow
def test_kinks_within_a_width_by_averaged_finite_differences(x64):
    """K is the Hessian of the risk averaged over shifts of all scores by up to h, which the bias makes."""
    f, params = linear("identity+hinge", l2=0.0)
    width, step, count = 0.8, 1e-3, 100001
    shifts = width * (2 * (jnp.arange(count) + 0.5) / count - 1)
    unravel = ravel_pytree(params)[1]
    flat = ravel_pytree(params)[0]

    @jax.jit
    def averaged(at):
        def one(shift):
            return ravel_pytree(jax.grad(f)(unravel(at.at[0].add(shift))))[0]

        return jnp.mean(jax.lax.map(one, shifts, batch_size=2048), axis=0)

    ends = [averaged(flat.at[3].add(s * step)) for s in (1.0, -1.0)]
    found = ll.kink_curvature(f, params, width)
    assert 0 < found.crossed.sum() < 60
    np.testing.assert_allclose(
        (ends[0] - ends[1]) / (2 * step), found.matrix[3], atol=1e-2 * np.abs(found.matrix).max()
    )
    gradients = [ravel_pytree(jax.grad(f)(unravel(flat.at[0].add(s * width))))[0] for s in (1.0, -1.0)]
    np.testing.assert_allclose((gradients[0] - gradients[1]) / (2 * width), found.matrix[0], atol=1e-12)


@pytest.mark.slow
def test_kinks_of_a_network_and_of_a_smooth_loss(x64):
    f, params = network("identity+hinge")
    found = ll.kink_curvature(f, params, 0.5)
    flat, unravel = ravel_pytree(params)
    rows = np.asarray(jax.jit(jax.jacobian(lambda at: f.scores(unravel(at))))(flat))
    inside = np.abs(FEW.labels * np.asarray(f.scores(params)) - 1) < 0.5
    np.testing.assert_allclose(found.matrix, rows.T * (inside / FEW.n) @ rows, atol=SMALLEST)
    f, params = linear()
    np.testing.assert_array_equal(ll.kink_curvature(f, params, 0.5).matrix, np.zeros((7, 7)))


@pytest.mark.slow
def test_a_loss_that_jumps_has_no_kink_curvature(registries):
    @ll.margin_loss
    def step_loss(m):
        return jnp.where(m > 0, 0.0, 1.0)

    f = ll.objective(ll.pair("identity", "step_loss"), LINEAR, FEW)
    with pytest.raises(ValueError, match="jumps in value at z = 0"):
        ll.kink_curvature(f, linear()[1], 0.5)
