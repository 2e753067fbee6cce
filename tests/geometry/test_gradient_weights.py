"""Gradient weights, support sets, angles, rules and flows: against autodiff, exact values and other ways to count."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import lossland as ll

pytestmark = pytest.mark.slow

CLOUDS = ll.load("two_gaussians(n=40, distance=2.0, seed=5)")
SPREAD = [
    "identity+hinge", "relu+hinge", "leaky_relu+logistic", "tanh+squared", "softplus+exponential",
    "sigmoid+cross_entropy", "identity+dwd", "hard_tanh+ramp", "probit+brier", "identity+absolute",
]  # fmt: skip


def _params(seed, d=2):
    rng = np.random.default_rng(seed)
    return {"weights": jnp.asarray(rng.normal(size=d)), "bias": jnp.asarray(rng.normal())}


def _autodiff_weights(name, data, params):
    """Minus the derivative of each loss by its margin, one example after another."""
    made = ll.pair(name)
    margins = data.labels * (data.inputs @ params["weights"] + params["bias"])
    sides = {t: jax.vmap(jax.grad(lambda m, t=t: made(t * m, t))) for t in (-1.0, 1.0)}
    return -np.where(data.labels > 0, sides[1.0](margins), sides[-1.0](margins))


def _check_weights(name):
    with jax.enable_x64(True):
        params = _params(1)
        f = ll.objective(ll.pair(name), data=CLOUDS)
        held = ll.gradient_weights(f, params)
        np.testing.assert_allclose(held.weights, _autodiff_weights(name, CLOUDS, params), rtol=1e-10, atol=1e-12)
        # And they are what multiplies each example in the gradient.
        gradient = jax.grad(f.risk)(params)
        pulled = held.weights * CLOUDS.labels / CLOUDS.n
        np.testing.assert_allclose(gradient["weights"], -pulled @ CLOUDS.inputs, atol=1e-12)
        np.testing.assert_allclose(gradient["bias"], -pulled.sum(), atol=1e-12)
        groups = np.stack([held.active, held.dead, held.saturated, held.wrong_way])
    assert np.all(groups.sum(axis=0) == 1)


@pytest.mark.parametrize("name", SPREAD[:4])
def test_weights_are_autodiff_s_example_by_example(name):
    _check_weights(name)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", SPREAD[4:])
def test_weights_are_autodiff_s_for_more_pairs(name):
    _check_weights(name)


def test_weights_of_the_hinge_with_and_without_a_relu():
    """theory.md 5.4: 1[m < 1]; positives 1[0 < z < 1], negatives 1[z > 0]: three ways of not being pulled."""
    z = np.array([-1.5, -0.5, 0.5, 1.5])
    data = ll.Dataset(np.tile(z, 2)[:, None], np.repeat([1, -1], 4))
    at = {"weights": jnp.ones(1), "bias": jnp.zeros(())}
    svm = ll.gradient_weights(ll.objective(ll.pair("identity+hinge"), data=data), at)
    assert svm.weights.tolist() == [1, 1, 1, 0, 0, 1, 1, 1]
    relu = ll.gradient_weights(ll.objective(ll.pair("relu+hinge"), data=data), at)
    assert relu.weights.tolist() == [0, 0, 1, 0, 0, 0, 1, 1]
    assert relu.dead.tolist() == [True, True] + [False] * 6
    assert relu.saturated.tolist() == [False] * 3 + [True] * 3 + [False] * 2
    square = ll.gradient_weights(ll.objective(ll.pair("identity+squared"), data=data), at)
    assert square.wrong_way.tolist() == [False] * 3 + [True, True] + [False] * 3
    shares = ll.geometry.group_shares(relu)
    assert {k: float(v) for k, v in shares.items()} == {
        "active": 0.375, "dead": 0.25, "saturated": 0.375, "wrong_way": 0.0
    }  # fmt: skip


def test_a_run_records_its_groups():
    f = ll.objective(ll.pair("relu+hinge"), data=CLOUDS)
    run = {"weights": jnp.array([[0.5, 0.1], [1.0, 1.0]]), "bias": jnp.array([-9.0, 9.0])}
    shares = ll.geometry.group_shares(jax.vmap(lambda p: ll.gradient_weights(f, p))(run))
    np.testing.assert_allclose(shares["dead"], [0.5, 0.0])
    np.testing.assert_allclose(sum(shares.values()), 1.0, rtol=1e-6)


def test_duals_are_the_weights_at_the_solution():
    """theory.md 6: alpha = C 1[m < 1] off the margin for the hinge, C sigma(-m) for logistic regression, all > 0."""
    soft, svm = (ll.solve(loss, CLOUDS, C=0.7) for loss in ("logistic", "hinge"))
    margins = CLOUDS.labels * (CLOUDS.inputs @ soft.weights + soft.bias)
    with jax.enable_x64(True):
        held = {
            name: ll.gradient_weights(
                ll.objective(ll.pair(f"identity+{name}"), data=CLOUDS), {"weights": s.weights, "bias": s.bias}
            )
            for name, s in (("logistic", soft), ("hinge", svm))
        }
    np.testing.assert_allclose(0.7 * np.asarray(held["logistic"].weights), soft.duals, atol=1e-8)
    np.testing.assert_allclose(held["logistic"].weights, 1 / (1 + np.exp(margins)), atol=1e-12)
    off = np.abs(np.asarray(held["hinge"].margins) - 1) > 1e-6
    np.testing.assert_allclose(0.7 * np.asarray(held["hinge"].weights)[off], svm.duals[off], atol=1e-8)
    overlap = ll.geometry.support_overlap(held["logistic"].weights, svm.duals)
    assert (overlap.recall, overlap.precision) == (1.0, np.mean(svm.duals > 0))
    assert overlap.cosine > 0.85
    assert overlap.top > 0.8


def test_support_overlap_of_empty_sets_is_a_number():
    assert ll.geometry.support_overlap([0.0, 0.0], [0.0, 0.0]) == (1.0, 1.0, 1.0, 0.0, 1.0)
    assert ll.geometry.support_overlap([0.0, 0.0], [1.0, 0.0])[:3] == (1.0, 0.0, 0.0)
    assert ll.geometry.support_overlap([0.0, -1.0], [0.0, 0.0])[:3] == (1.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="shapes are"):
        ll.geometry.support_overlap([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="not finite"):
        ll.geometry.support_overlap([np.nan], [1.0])


# --------------------------------------------------------------------------------------------------------------- angles


def test_angles_are_right_from_tiny_to_flat():
    turns = np.array([1e-14, 1e-7, 0.3, np.pi / 2, 3.0, np.pi - 1e-9])
    turned = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    np.testing.assert_allclose(ll.angle([1.0, 0.0], turned), turns, rtol=1e-9)
    np.testing.assert_allclose(ll.angle([1e-300, 0.0], 1e300 * turned), turns, rtol=1e-9)
    assert ll.angle([1.0, 0.0], [-1.0, 0.0]) == np.pi


def test_zero_vectors_have_no_angle():
    with pytest.raises(ll.geometry.ZeroDirection, match="vector of zeros"):
        ll.angle([0.0, 0.0], [1.0, 0.0])
    np.testing.assert_array_equal(ll.angle(np.zeros((2, 3)), np.ones(3), zero=0.5), 0.5)
    with pytest.raises(ValueError, match="inf or NaN"):
        ll.angle([np.inf, 0.0], [1.0, 0.0])
    with pytest.raises(ll.geometry.ZeroDirection, match="no decision line"):
        ll.geometry.class_margins([0.0, 0.0], 1.0, CLOUDS)
    with pytest.raises(ll.geometry.ZeroDirection, match="no decision line"):
        ll.geometry.disagreement(([0.0, 0.0], 1.0), ([1.0, 0.0], 0.0), CLOUDS)
    with pytest.raises(ll.geometry.ZeroDirection, match="no line"):
        ll.geometry.line_pulls("relu+hinge", CLOUDS, [0.0, 0.0], 0.0)


def test_angles_between_gradients_and_their_map():
    names = ("identity+hinge", "relu+hinge")
    with jax.enable_x64(True):
        f, g = (ll.objective(ll.pair(name), data=CLOUDS) for name in names)
        centre = {"weights": jnp.zeros(2), "bias": jnp.array(0.3)}
        axes = (
            {"weights": jnp.array([1.0, 0.0]), "bias": jnp.zeros(())},
            {"weights": jnp.zeros(2), "bias": jnp.ones(())},
        )
        held = ll.geometry.angle_map(f, g, centre, axes, radius=5.0, steps=7)
        point = {"weights": jnp.array([5.0 / 3, 0.0]), "bias": jnp.array(0.3 - 5.0 / 3)}
        u, v = (np.asarray(ravel_pytree(jax.grad(h)(point))[0]) for h in (f, g))
        same = ll.geometry.gradient_angles(f, f, jax.tree.map(lambda x: jnp.stack([x, x + 0.1]), point))
    by_hand = np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v))
    assert held.angles[4, 2] == pytest.approx(float(by_hand), abs=1e-7)
    # Dead: w = 0, b < 0 leaves a ReLU without a gradient, and the angle without a meaning, but never NaN.
    assert not held.defined[3, 0]
    assert np.isfinite(held.angles).all()
    np.testing.assert_allclose(same.angles, 0.0, atol=1e-12)
    assert same.mean == pytest.approx(0.0, abs=1e-12)


# ---------------------------------------------------------------------------------------------------------------- rules


def test_margins_of_the_hard_margin_are_equal_on_both_sides():
    data = ll.load("separable(n=24, margin=1.5, seed=1)")
    sol = ll.solve("hinge", data, C=np.inf)
    held = ll.geometry.class_margins(sol.weights, sol.bias, data)
    assert held[:3] == pytest.approx((1.5, 1.5, 1.5), abs=1e-8)
    moved = ll.geometry.class_margins(sol.weights, sol.bias, data, threshold=np.linalg.norm(sol.weights))
    assert moved[:2] == pytest.approx((0.5, 2.5), abs=1e-8)
    one = ll.Dataset([[1.0], [2.0]], [1, 1], one_class=True)
    with pytest.raises(ValueError, match="these data hold one"):
        ll.geometry.class_margins([1.0], 0.0, one)


def test_lines_through_the_mean_of_a_round_cloud_disagree_by_their_angle():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(4000, 2))
    inputs = (inputs - inputs.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(inputs.T, bias=True))).T
    data = ll.Dataset(inputs, np.ones(4000), one_class=True)
    lines = (([1.0, 0.0], 0.0), ([np.cos(0.6), np.sin(0.6)], 0.0))
    exact = ll.geometry.disagreement(*lines, data, distribution="gaussians")
    assert exact == pytest.approx(0.6 / np.pi, abs=1e-6)
    assert ll.geometry.disagreement(*lines, data) == pytest.approx(0.6 / np.pi, abs=0.02)
    shifted = (([1.0, 0.0], 0.0), ([1.0, 0.0], -1.0))
    assert ll.geometry.disagreement(*shifted, data, distribution="gaussians") == pytest.approx(0.3413447, abs=1e-6)
    opposite = (([1.0, 0.0], 0.0), ([-1.0, 0.0], 0.0))
    assert ll.geometry.disagreement(*opposite, data, distribution="gaussians") == pytest.approx(1.0)
    # A threshold is a bias.
    assert ll.geometry.disagreement(*shifted, data, thresholds=(1.0, 0.0)) == 0.0


def test_gaussians_without_spread_are_signs():
    data = ll.Dataset([[1.0, 0.0], [-1.0, 0.0]], [1, -1])
    assert ll.geometry.disagreement(([1.0, 0.0], 0.0), ([1.0, 0.0], 2.0), data, distribution="gaussians") == 0.5
    with pytest.raises(ValueError, match="distribution is"):
        ll.geometry.disagreement(([1.0, 0.0], 0.0), ([1.0, 0.0], 2.0), data, distribution="uniform")  # type: ignore[arg-type]


def test_the_chosen_threshold_has_the_fewest_errors(rng):
    for _ in range(20):
        scores, labels = rng.normal(size=25).round(1), rng.choice([-1.0, 1.0], size=25)
        held = ll.geometry.decision_thresholds("relu+hinge", scores, labels)
        tried = np.concatenate([np.unique(scores), np.unique(scores) - 1e-3, [-9.0, 9.0]])
        best = min(np.mean(np.where(scores > at, 1.0, -1.0) != labels) for at in tried)
        assert held.errors[2] == pytest.approx(best)
    assert held.card == 0.5
    with pytest.raises(ValueError, match="got shapes"):
        ll.geometry.decision_thresholds("relu+hinge", [1.0], [1, -1])


# ---------------------------------------------------------------------------------------------------------------- flows


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
