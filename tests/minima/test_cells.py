"""Exact cells of objectives made of lines and parabolas, against theory and brute force."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from tests.curves.cases import pieced_pairs
from tests.minima.cases import by_pair, distance, inside, tiny


def _descended(value, rows, starts, rng, low, high):
    """Descent along random directions and those in which one score stays: valleys run along these."""
    points, best = starts.copy(), value(starts)
    radius = np.full(len(points), 0.5)
    along = np.column_stack([-rows[:, 1], rows[:, 0]]) / np.linalg.norm(rows, axis=1, keepdims=True)
    fixed = np.concatenate([along, -along])
    for _ in range(250):
        angle = rng.uniform(0, 2 * np.pi, size=(len(points), 32))
        free = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        ways = np.concatenate([free, np.broadcast_to(fixed, (len(points), *fixed.shape))], axis=1)
        tried = np.clip(points[:, None] + radius[:, None, None] * ways, low, high)
        values = value(tried.reshape(-1, 2)).reshape(ways.shape[:2])
        place = values.argmin(axis=1)
        lower = values.min(axis=1) < best - 1e-15
        points = np.where(lower[:, None], tried[np.arange(len(points)), place], points)
        best = np.minimum(best, values.min(axis=1))
        radius = np.where(lower, 1.5 * radius, 0.7 * radius)
    return points, best


def _check_against_brute_force(made, seed, bias, l2):
    data, rng = tiny(seed, bias), np.random.default_rng(seed + 1)
    found = ll.cells(made, data, l2=l2, bias=bias, box=3.0)
    axis = np.linspace(-3.0, 3.0, 61)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    values = by_pair(made, data, grid, l2, bias)
    np.testing.assert_allclose(found.objective.value(grid), values, rtol=1e-9, atol=1e-9)
    steepest = np.linalg.norm(found.objective.gradient(grid), axis=1).max()
    assert -1e-9 <= values.min() - found.minimum <= 0.1 * (steepest + 1e-9)
    assert min(s.least_slope for s in found.minima) >= -1e-7
    _no_direction_descends(found, rng)
    ends, best = _descended(
        found.objective.value, found.objective.rows, rng.uniform(-3, 3, size=(24, 2)), rng, *found.box
    )
    away = np.stack([np.min([distance(ends, part) for part in s.parts], axis=0) for s in found.minima])
    near = away.min(axis=0) < 1e-3
    assert near.all(), (made.name, ends[~near], best[~near])


def _no_direction_descends(found, rng):
    angle = rng.uniform(0, 2 * np.pi, size=64)
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    for each in found.minima:
        for part in each.parts:
            point = inside(part, rng)
            around = np.clip(point + 1e-6 * ring, *found.box)
            assert found.objective.value(around).min() >= each.level - 1e-12 - 1e-11 * abs(each.level)


@pytest.mark.slow
def test_cells_against_brute_force_on_a_sample_of_every_pieced_pair():
    made = pieced_pairs(every_nth=10)
    assert len(made) > 10
    for k, each in enumerate(made):
        _check_against_brute_force(each, seed=k, bias=bool(k % 2), l2=(0.0, 0.0, 0.2)[k % 3])


@pytest.mark.slow
@pytest.mark.exhaustive
def test_cells_against_brute_force_on_every_pieced_pair():
    for k, each in enumerate(pieced_pairs()):
        for bias, l2 in itertools.product((False, True), (0.0, 0.1)):
            _check_against_brute_force(each, seed=1000 + k, bias=bias, l2=l2)


@pytest.mark.parametrize("per_axis", [2, 3, 4, 5])
@pytest.mark.parametrize("name", ["hard_tanh+hinge", "hard_tanh+absolute", "hard_tanh+squared", "hard_sigmoid+brier"])
def test_a_squashing_neuron_has_n_over_d_to_the_d_minima(name, per_axis):
    steps = 3.0 ** np.arange(per_axis)
    inputs = np.concatenate([np.outer(steps, [1.0, 0.0]), np.outer(steps, [0.0, 1.0])])
    data = ll.Dataset(inputs, np.tile((-1.0) ** np.arange(per_axis), 2))
    found = ll.cells(name, data, box=4.0)
    assert len(found.basins) == (data.n // data.d) ** data.d


def test_alternating_labels_give_hard_tanh_four_minima_and_relu_one():
    steps = 3.0 ** np.arange(8)
    data = ll.Dataset(np.outer(steps, [1.0, 0.0]), -((-1.0) ** np.arange(8)))

    def right(name):
        found = ll.cells(name, data, box=2.0)
        return sum(min(part[:, 0].min() for part in s.parts) > 0 for s in found.basins)

    assert (right("hard_tanh+hinge"), right("relu+hinge")) == (4, 1)


def _crossed(d):
    """Positives at +e_j twice and at -e_j once."""
    return ll.Dataset(np.concatenate([np.eye(d), np.eye(d), -np.eye(d)]), np.ones(3 * d), one_class=True)


def test_relu_hinge_has_two_to_the_d_basins_with_binomial_levels():
    found = ll.cells("relu+hinge", _crossed(2), box=3.0)
    assert [round(6 * s.level, 9) for s in found.basins] == [2.0, 3.0, 3.0, 4.0]
    assert len(found.minima) == 4
    shares = ll.minima.basin_shares(found, starts=2000, steps=600, seed=0)
    np.testing.assert_allclose(shares.shares, 0.25, atol=0.04)
    assert shares.lost == 0.0


def test_the_dead_half_space_is_a_plateau_at_exactly_one():
    rng = np.random.default_rng(3)
    inputs = rng.normal(size=(12, 1))
    found = ll.cells("relu+hinge", ll.Dataset(inputs, np.repeat([1, -1], 6)), box=3.0)
    dead = [s for s in found.plateaus if s.level == 1.0]
    assert len(dead) == 1
    # {b <= -max_i w x_i} within the box, by Monte Carlo.
    points = rng.uniform(-3, 3, size=(200_000, 2))
    share = np.mean(np.all(points[:, :1] * inputs.T + points[:, 1:] <= 0, axis=1))
    assert dead[0].area == pytest.approx(36 * share, rel=0.02)
    assert found.minimum < 1.0


@pytest.mark.slow
def test_the_share_of_starts_in_the_dead_zone_falls_from_relu_to_the_svm():
    rng = np.random.default_rng(0)
    inputs = np.concatenate([rng.normal(1.0, 0.8, 15), rng.normal(-1.0, 0.8, 15)])[:, None]
    data = ll.Dataset(inputs, np.repeat([1, -1], 15))
    svm = ll.cells("identity+hinge", data, box=4.0)
    (only,) = svm.basins
    dead, reached = [], []
    for c in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0):
        found = ll.cells(f"shifted_relu(c={c})+hinge", data, box=4.0)
        ended = ll.minima.basin_shares(found, starts=300, steps=800, within=2.0, seed=0)
        flat = [
            share for share, s in zip(ended.shares, found.minima, strict=True) if s.kind == "region" and not s.closed
        ]
        dead.append(sum(flat))
        reached.append(np.mean(np.linalg.norm(ended.ends - svm.minimiser, axis=1) < 0.02))
        # Where every score at the SVM's optimum is above -c, that optimum is a local minimum of F_c (theory, 5.12).
        lowest = (inputs[data.labels > 0, 0] * svm.minimiser[0] + svm.minimiser[1]).min()
        if c > max(1.0, -lowest):
            assert any(s.kind == "point" and np.allclose(s.parts[0], svm.minimiser, atol=1e-9) for s in found.basins)
    assert only.kind == "point"
    assert svm.minimum == only.level
    assert all(a >= b for a, b in itertools.pairwise(dead))
    assert dead[0] > 0.3
    assert dead[-1] == 0.0
    assert reached[0] == 0.0
    assert reached[-1] == 1.0


@pytest.mark.slow
def test_bowls_and_valleys():
    """A squared loss has one point, and a valley where there are fewer examples than parameters."""
    bowl = ll.cells("identity+squared", tiny(0, bias=True), box=5.0)
    exact = ll.solve("squared", tiny(0, bias=True), C=1e9)
    assert len(bowl.minima) == 1
    assert bowl.minima[0].kind == "point"
    np.testing.assert_allclose(bowl.minimiser, [float(exact.weights[0]), float(exact.bias)], atol=1e-6)
    valley = ll.cells("identity+squared", ll.Dataset([[1.0, 1.0]], [1], one_class=True), box=2.0)
    assert [s.kind for s in valley.minima] == ["segment"]
    assert valley.minima[0].length == pytest.approx(3 * 2**0.5)
    assert valley.minimum == pytest.approx(0.0, abs=1e-12)


def test_an_objective_that_never_changes_is_one_plateau():
    found = ll.cells("relu+hinge", tiny(0, bias=False), sample_weights=np.zeros(5))
    (only,) = found.minima
    assert (only.kind, only.level, only.area, only.closed) == ("region", 0.0, 400.0, True)


def test_a_minimum_that_the_box_makes_says_so():
    found = ll.cells("identity+unhinged", ll.Dataset([[1.0, 0.5]], [1], one_class=True), box=2.0)
    assert [s.of_box for s in found.minima] == [True]
    assert found.basins == ()
    np.testing.assert_allclose(found.minimiser, [2.0, 2.0])


def test_refusals_say_what_and_why():
    data, wide = tiny(0, bias=False), ll.Dataset(np.eye(3), [1, -1, 1])
    with pytest.raises(ValueError, match=r"tanh\+hinge is not made of lines and parabolas: the second derivative"):
        ll.cells("tanh+hinge", data)
    with pytest.raises(ValueError, match=r"jumps at z = 0"):
        ll.cells("identity+zero_one", data)
    with pytest.raises(ValueError, match=r"is infinite"):
        ll.cells("step+cross_entropy", data)
    with pytest.raises(ValueError, match=r"two parameters, but 3 input\(s\) without a bias have 3"):
        ll.cells("relu+hinge", wide)
    with pytest.raises(ValueError, match="box is empty"):
        ll.cells("relu+hinge", data, box=([1.0, 0.0], [0.0, 1.0]))
    with pytest.raises(ValueError, match="box has shape"):
        ll.cells("relu+hinge", data, box=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="not finite"):
        ll.cells("relu+hinge", data, box=np.nan)
    with pytest.raises(ValueError, match="l2 must be"):
        ll.cells("relu+hinge", data, l2=-1.0)
    with pytest.raises(ValueError, match="sample_weights must be 5 finite"):
        ll.cells("relu+hinge", data, sample_weights=[1.0, np.nan, 1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="parabolas too"):
        ll.local_minimum("identity+squared", wide, np.zeros(4))
    with pytest.raises(ValueError, match="params must be 4 finite numbers"):
        ll.local_minimum("relu+hinge", wide, [0.0, np.nan, 0.0, 0.0])
    with pytest.raises(ValueError, match="need 'weights'"):
        ll.local_minimum("relu+hinge", wide, {"w": 1.0})
    with pytest.raises(ValueError, match=r"bias of 1\.0, but bias=False"):
        ll.local_minimum("relu+hinge", wide, {"weights": np.zeros(3), "bias": 1.0}, bias=False)
    with pytest.raises(ValueError, match="gap and seconds"):
        ll.global_minimum("relu+hinge", wide, gap=0.0)
    with pytest.raises(ValueError, match="starts must be at least 1"):
        ll.minima.basin_shares(ll.cells("relu+hinge", data), starts=0)


def test_too_many_lines_are_refused():
    many = ll.Dataset(np.random.default_rng(0).normal(size=(800, 2)), np.repeat([1, -1], 400))
    with pytest.raises(ValueError, match="1600 lines"):
        ll.cells("hard_tanh+hinge", many)


def test_a_loss_that_is_nan_is_refused(registries):
    @ll.margin_loss
    def cells_test_nan(margin):
        return jnp.where(margin > 1.0, jnp.nan, 1.0 - margin)

    with pytest.raises(ValueError, match="is NaN at score"):
        ll.cells(ll.pair("identity", cells_test_nan), tiny(0, bias=False))


def test_values_at_many_points_are_those_of_each_at_whatever_is_held_at_a_time(monkeypatch, rng):
    found = ll.cells("relu+hinge", ll.Dataset(rng.normal(size=(9, 2)), rng.choice([-1, 1], 9), one_class=True), l2=0.1)
    total, points = found.objective, rng.normal(size=(50, 2))
    scores = points @ total.rows.T
    losses = np.where(total.labels > 0, np.maximum(1 - np.maximum(scores, 0), 0), 1 + np.maximum(scores, 0))
    want = losses.mean(axis=1) + 0.05 * (points**2).sum(axis=1)
    np.testing.assert_allclose(total.value(points), want, rtol=1e-12)
    monkeypatch.setattr("lossland.minima._piecewise.AT_ONCE", 20)
    assert total.at_once == 2
    np.testing.assert_allclose(total.value(points), want, rtol=1e-12)
    assert total.value(points[:0]).shape == (0,)
