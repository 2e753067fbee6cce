"""Exact cells, local and global minima of objectives made of lines and parabolas, against theory and brute force."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.curves import parabolas
from lossland.elements import ACTIVATIONS, LOSSES
from lossland.minima._arrangement import arrange
from lossland.minima._piecewise import pieced
from lossland.minima._stationary_sets import distance


def _accepted(made):
    try:
        return parabolas(made) is not None
    except ValueError:
        return False


def _elements():
    """The registered activations and losses that are made of lines and parabolas themselves."""
    ours = [
        [entry for entry in registry.values() if entry.function.__module__.startswith("lossland.")]
        for registry in (ACTIVATIONS, LOSSES)
    ]
    outputs = [a for a in ours[0] if _accepted(ll.pair(a, "unhinged"))]
    output = {"margin": "identity", "likelihood": "hard_sigmoid", "label": "identity"}
    losses = [
        loss
        for loss in ours[1]
        if not ll.pairing.refusal(_made(output[loss.kind], loss)) and _accepted(_made(output[loss.kind], loss))
    ]
    return outputs, losses


def _made(output, loss):
    return ll.pairing.Pair(ll.registry.find(ACTIVATIONS, output), loss)


def _pieced_pairs(every_nth=1):
    """Every admissible pair of such elements that is itself made of a few lines and parabolas, or some of them."""
    outputs, losses = _elements()
    every = [ll.pairing.Pair(a, loss) for a, loss in itertools.product(outputs, losses)]
    admissible = [made for made in every if not ll.pairing.refusal(made)]
    return [made for made in admissible[::every_nth] if _accepted(made)]


def _tiny(seed, bias, n=5):
    rng = np.random.default_rng(seed)
    labels = np.where(rng.uniform(size=n) < 0.5, 1.0, -1.0)
    labels[:2] = [1.0, -1.0]
    return ll.Dataset(2.0 * rng.normal(size=(n, 1 if bias else 2)), labels)


def _by_pair(made, data, points, l2, bias):
    """The objective at points (k, 2), from the pair itself."""
    rows = np.column_stack([data.inputs, np.ones(data.n)]) if bias else data.inputs
    with jax.enable_x64(True):
        scores = jnp.asarray(points @ rows.T)
        losses = np.asarray(made(scores, jnp.broadcast_to(jnp.asarray(data.labels), scores.shape)))
    return losses.mean(axis=1) + 0.5 * l2 * np.sum(points[:, : data.d] ** 2, axis=1)


def _inside(part, rng):
    """A random point of a convex part."""
    share = rng.dirichlet(np.ones(len(part)))
    return share @ part


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
    data, rng = _tiny(seed, bias), np.random.default_rng(seed + 1)
    found = ll.cells(made, data, l2=l2, bias=bias, box=3.0)
    axis = np.linspace(-3.0, 3.0, 61)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    values = _by_pair(made, data, grid, l2, bias)
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
            point = _inside(part, rng)
            around = np.clip(point + 1e-6 * ring, *found.box)
            assert found.objective.value(around).min() >= each.level - 1e-12 - 1e-11 * abs(each.level)


# -------------------------------------------------------------------------------------------------------- brute force


@pytest.mark.slow
def test_cells_against_brute_force_on_a_sample_of_every_pieced_pair():
    made = _pieced_pairs(every_nth=10)
    assert len(made) > 10
    for k, each in enumerate(made):
        _check_against_brute_force(each, seed=k, bias=bool(k % 2), l2=(0.0, 0.0, 0.2)[k % 3])


@pytest.mark.slow
@pytest.mark.exhaustive
def test_cells_against_brute_force_on_every_pieced_pair():
    for k, each in enumerate(_pieced_pairs()):
        for bias, l2 in itertools.product((False, True), (0.0, 0.1)):
            _check_against_brute_force(each, seed=1000 + k, bias=bias, l2=l2)


@pytest.mark.slow
@pytest.mark.parametrize("step", [29, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_pairs_are_accepted_exactly_if_their_elements_are(step):
    ours = [made for made in ll.pairs() if made.loss.function.__module__.startswith("lossland.")][::step]
    accepted = {made.name for made in ours if _accepted(made)}
    composed = {made.name for made in _pieced_pairs()} & {made.name for made in ours}
    assert composed <= accepted
    # Elsewhere the output keeps its sign, or its pieces meet where the loss is linear.
    assert all(not parabolas(name)[0].knots.size for name in accepted - composed)


# ---------------------------------------------------------------------------------------------------- exponential many


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


def test_relu_hinge_has_two_to_the_d_basins_in_four_dimensions():
    data = _crossed(4)
    levels = []
    for signs in itertools.product((1.0, -1.0), repeat=4):
        found = ll.local_minimum("relu+hinge", data, 2.0 * np.array(signs), bias=False)
        assert found.minimal
        levels.append(round(12 * found.value))
    assert [levels.count(4 + k) for k in range(5)] == [1, 4, 6, 4, 1]
    best = ll.global_minimum("relu+hinge", data, bias=False, box=3.0)
    assert best.proven
    assert best.value == pytest.approx(4 / 12, abs=1e-9)


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


# ------------------------------------------------------------------------------------------------------- certificates


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["relu+hinge", "hard_tanh+hinge", "identity+ramp", "relu6+absolute", "leaky_relu+hinge"]
)
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_programs_and_cells_agree(name, l2):
    data, rng = _tiny(11, bias=False, n=7), np.random.default_rng(5)
    found = ll.cells(name, data, l2=l2, box=4.0)
    best = ll.global_minimum(name, data, l2=l2, bias=False, box=4.0)
    assert best.proven
    assert best.bound <= found.minimum + 1e-9
    assert best.value == pytest.approx(found.minimum, abs=2e-6)
    for each in (s for s in found.minima if not s.of_box):
        for point in (_inside(part, rng) for part in each.parts):
            proof = ll.local_minimum(name, data, point, l2=l2, bias=False)
            assert proof.minimal
            assert proof.value == pytest.approx(each.level, abs=1e-9)
            gradients = proof.slopes / data.n @ data.inputs + l2 * point
            assert np.abs(gradients).max() < 1e-8
    minima = np.concatenate([part for s in found.minima for part in s.parts])
    for point in found.vertices[np.abs(found.vertices).max(axis=1) < 4 - 1e-6]:
        proof = ll.local_minimum(name, data, point, l2=l2, bias=False)
        if not proof.minimal:
            after = found.objective.value((point + 1e-7 * proof.direction)[None])[0]
            assert after < proof.value + 0.5e-7 * proof.slope
        elif not np.isclose(minima, point, atol=1e-8).all(axis=1).any():
            away = min(distance(point[None], part)[0] for s in found.minima for part in s.parts)
            assert away < 1e-8


def test_many_concave_kinks_are_searched_by_integers():
    rng = np.random.default_rng(2)
    inputs = rng.normal(size=(14, 3))
    data = ll.Dataset(inputs, np.ones(14), one_class=True)
    found = ll.local_minimum("relu+hinge", data, np.zeros(3), bias=False)
    assert not found.minimal
    assert found.slope >= found.bound - 1e-6
    moved = pieced("relu+hinge", data, 0.0, False).value(np.array([1e-6 * found.direction]))[0]
    assert moved - found.value == pytest.approx(1e-6 * found.slope, rel=1e-6)
    corners = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
    assert found.slope <= -(np.maximum(corners @ inputs.T, 0.0).mean(axis=1)).max() + 1e-9
    # Twelve positives and, at the same places, two negatives of larger weight: no way down.
    both = ll.Dataset(np.concatenate([inputs, inputs]), np.repeat([1, -1], 14))
    heavy = np.repeat([1.0, 2.0], 14)
    proof = ll.local_minimum("relu+hinge", both, np.zeros(3), bias=False, sample_weights=heavy)
    assert proof.minimal
    assert proof.bound >= -1e-7
    assert proof.slopes.shape == (0, 28)


@pytest.mark.slow
def test_the_global_minimum_of_a_convex_pair_is_that_of_solve():
    rng = np.random.default_rng(4)
    data = ll.Dataset(rng.normal(size=(40, 3)), np.where(rng.uniform(size=40) < 0.5, 1, -1))
    found = ll.global_minimum("identity+hinge", data, l2=0.1)
    exact = ll.solve("hinge", data, C=1 / (40 * 0.1))
    assert found.proven
    assert found.value == pytest.approx(0.1 * float(exact.objective), abs=2e-6)
    plain = ll.global_minimum("identity+hinge", data)
    assert ll.local_minimum("identity+hinge", data, plain.params).minimal


def test_the_global_minimum_of_a_non_convex_pair_in_three_dimensions():
    rng = np.random.default_rng(8)
    inputs = rng.normal(size=(30, 2))
    data = ll.Dataset(inputs, np.where(inputs[:, 0] + 1.5 * rng.normal(size=30) > 0, 1, -1))
    found = ll.global_minimum("identity+ramp", data, box=20.0)
    assert found.proven
    assert np.abs(found.point).max() < 19.0
    assert ll.local_minimum("identity+ramp", data, found.point).minimal
    total = pieced("identity+ramp", data, 0.0, True)
    tried = rng.uniform(-20, 20, size=(50_000, 3))
    assert total.value(tried).min() >= found.bound
    stopped = ll.global_minimum("identity+ramp", data, box=20.0, seconds=1e-6)
    assert stopped.value < total.value(np.zeros((1, 3)))[0] - 0.1
    assert not stopped.proven
    assert stopped.bound <= found.value <= stopped.value


# -------------------------------------------------------------------------------------------------------- arrangements


def test_arrangements_hold_what_coincides(rng):
    box = np.array([[-1.0, -2.0], [3.0, 1.0]])
    normals = rng.normal(size=(20, 2))
    normals = np.concatenate([normals, 3.0 * normals[:5], -normals[5:8], np.eye(2), np.zeros((1, 2))])
    offsets = np.repeat([0.0, 0.4], [15, 5])
    offsets = np.concatenate([offsets, 3.0 * offsets[:5], -offsets[5:8], [-1.0, 1.0], [0.0]])
    found = arrange(normals, offsets, box)
    assert found.areas.sum() == pytest.approx(12.0)
    assert (found.areas > 0).all()
    assert len(found.vertices) - len(found.edges) + len(found.centres) == 1
    points = rng.uniform(box[0], box[1], size=(20_000, 2))
    sides = np.unique(points @ normals.T > offsets, axis=0)
    centres = np.unique(found.centres @ normals.T > offsets, axis=0)
    assert len(centres) == len(found.centres)
    assert len(sides) <= len(centres)


def test_general_lines_have_as_many_cells_as_they_should():
    rng = np.random.default_rng(1)
    angle = rng.uniform(0, np.pi, size=30)
    found = arrange(
        np.column_stack([np.cos(angle), np.sin(angle)]), rng.uniform(-1, 1, 30), np.array([[-1e3] * 2, [1e3] * 2])
    )
    assert len(found.centres) == 1 + 30 + 30 * 29 // 2


@pytest.mark.slow
def test_bowls_and_valleys():
    """A squared loss has one point, and a valley where there are fewer examples than parameters."""
    bowl = ll.cells("identity+squared", _tiny(0, bias=True), box=5.0)
    exact = ll.solve("squared", _tiny(0, bias=True), C=1e9)
    assert len(bowl.minima) == 1
    assert bowl.minima[0].kind == "point"
    np.testing.assert_allclose(bowl.minimiser, [float(exact.weights[0]), float(exact.bias)], atol=1e-6)
    valley = ll.cells("identity+squared", ll.Dataset([[1.0, 1.0]], [1], one_class=True), box=2.0)
    assert [s.kind for s in valley.minima] == ["segment"]
    assert valley.minima[0].length == pytest.approx(3 * 2**0.5)
    assert valley.minimum == pytest.approx(0.0, abs=1e-12)


def test_an_objective_that_never_changes_is_one_plateau():
    found = ll.cells("relu+hinge", _tiny(0, bias=False), sample_weights=np.zeros(5))
    (only,) = found.minima
    assert (only.kind, only.level, only.area, only.closed) == ("region", 0.0, 400.0, True)


def test_a_minimum_that_the_box_makes_says_so():
    found = ll.cells("identity+unhinged", ll.Dataset([[1.0, 0.5]], [1], one_class=True), box=2.0)
    assert [s.of_box for s in found.minima] == [True]
    assert found.basins == ()
    np.testing.assert_allclose(found.minimiser, [2.0, 2.0])


def test_pieces_with_knots_far_off():
    _, negative = parabolas("leaky_relu(slope=1e-4)+hinge")
    np.testing.assert_allclose(negative.knots, [-1e4, 0.0], rtol=1e-9)
    np.testing.assert_allclose(negative.slope, [0.0, 1e-4, 1.0], atol=1e-14)
    np.testing.assert_allclose(parabolas("leaky_relu(slope=1e-4)+huber")[1].jumps(), [0.0, 1.0 - 1e-4], atol=1e-9)


# ------------------------------------------------------------------------------------------------------------- refusals


def test_refusals_say_what_and_why():
    data, wide = _tiny(0, bias=False), ll.Dataset(np.eye(3), [1, -1, 1])
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
    with pytest.raises(ValueError, match="starts, steps and step"):
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
        ll.cells(ll.pair("identity", cells_test_nan), _tiny(0, bias=False))
