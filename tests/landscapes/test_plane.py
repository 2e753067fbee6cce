"""Planes and rays: right where other tools are not; directions, interpolations and trajectories."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll
from lossland.core import dot, norm

DATA = ll.standardise(ll.load("two_gaussians(n=31, d=3, seed=2)"))
KEY = jax.random.key(4)


def start(model=None, seed=0):
    return (ll.linear() if model is None else model).init(jax.random.key(seed), DATA.d)


def objective(pair, model=None, l2=0.3, weights=None):
    return ll.objective(pair, ll.linear() if model is None else model, DATA, l2, weights)


@pytest.mark.slow
@pytest.mark.parametrize("normalization", ["filter", "layer", "model", None])
@pytest.mark.parametrize("model", [ll.linear(), ll.mlp((5, 4))], ids=["linear", "mlp"])
def test_directions_are_orthogonal_after_their_scaling(model, normalization):
    params = jax.tree.map(lambda x: x + 0.3, start(model))
    made = ll.random_directions(params, KEY, 3, normalization)
    for a, b in itertools.combinations(made, 2):
        assert abs(dot(a, b)) < 1e-12 * norm(a) * norm(b)
    want = 1.0 if normalization is None else norm(params)
    assert [norm(d) for d in made] == pytest.approx([want] * 3, rel=1e-6)


def test_a_filter_is_a_unit_with_its_bias():
    params = jax.tree.map(lambda x: x + 0.3, start(ll.mlp((5,))))
    (d,) = ll.random_directions(params, KEY, 1)
    unit = lambda layer, k: np.append(layer["weights"][:, k], layer["bias"][k])  # noqa: E731
    for k in range(5):
        assert np.linalg.norm(unit(d[0], k)) == pytest.approx(np.linalg.norm(unit(params[0], k)), rel=1e-6)
    assert d[0]["bias"].all()
    last = np.linalg.norm(np.append(params[1]["weights"], params[1]["bias"]))
    assert np.linalg.norm(np.append(d[1]["weights"], d[1]["bias"])) == pytest.approx(last, rel=1e-6)


def test_random_directions_are_gaussian_and_not_alike():
    params = {"weights": np.ones(400), "bias": np.zeros(())}
    drawn = [ll.random_directions(params, jax.random.key(k), 1)[0]["weights"] for k in range(20)]
    units = np.stack([d / np.linalg.norm(d) for d in drawn])
    cosines = (units @ units.T)[np.triu_indices(20, 1)]
    assert np.abs(cosines).max() < 0.2
    assert abs(cosines.mean()) < 0.02
    again = ll.random_directions(params, jax.random.key(0), 1)[0]["weights"]
    np.testing.assert_array_equal(again, drawn[0])


def test_holes_are_counted_and_not_filled(x64):
    broken = ll.linear()._replace(apply=lambda p, x: jnp.sqrt(p["weights"][0]) * x[:, 0] + p["bias"], name="root")
    centre = {"weights": np.zeros(3), "bias": np.zeros(())}
    direction = {"weights": np.array([1.0, 0.0, 0.0]), "bias": np.zeros(())}
    r = ll.ray(ll.pair("identity+hinge"), DATA, centre, direction, radius=1.0, steps=5, model=broken)
    assert r.holes == 2
    np.testing.assert_array_equal(np.isnan(r.values), [True, True, False, False, False])


def test_the_callers_params_stay_and_infinite_losses_are_kept(x64):
    centre = start()
    before = jax.tree.map(np.array, centre)
    p = ll.random_plane(ll.pair("step+cross_entropy"), DATA, centre, key=KEY, radius=1.0, steps=3)
    assert np.isinf(p.values).any()
    assert p.holes == 0
    for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(centre), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_without_a_radius_the_plane_reaches_to_where_the_objective_has_doubled(x64):
    sol = ll.solve("hinge", DATA, C=1.0)
    best = {"weights": sol.weights, "bias": sol.bias}
    p = ll.random_plane(ll.pair("identity+hinge"), DATA, best, key=KEY, steps=21)
    middle = p.values[10, 10]
    assert p.values.min() == pytest.approx(middle, rel=0.2)
    for edge in (p.values[[0, -1], 10], p.values[10, [0, -1]]):
        assert 2.0 <= edge.max() / middle < 5.0


def test_interpolations_pass_through_their_points(x64):
    a, b, c = (start(seed=k) for k in range(3))
    pair, f = ll.pair("tanh+squared"), objective(ll.pair("tanh+squared"), l2=0.1)
    r = ll.landscapes.linear_interpolation(pair, DATA, a, b, steps=5, l2=0.1)
    assert r.values[[0, -1]] == pytest.approx([float(f(a)), float(f(b))], rel=1e-6)
    p = ll.landscapes.planar_interpolation(pair, DATA, a, b, c, steps=3, beyond=0.0, l2=0.1)
    assert [p.values[0, 0], p.values[2, 0], p.values[0, 2]] == pytest.approx([float(f(x)) for x in (a, b, c)], rel=1e-6)


@pytest.mark.slow
def test_a_trajectory_lies_in_its_plane_as_far_as_it_says(x64):
    f = objective(ll.pair("identity+logistic"))
    run = ll.fit(f, start(), optax.sgd(0.5), 40, record=lambda params: params)
    p, seen = ll.landscapes.trajectory_plane(ll.pair("identity+logistic"), DATA, run.records, steps=41, l2=0.3)
    assert seen.kept.sum() > 0.9
    assert p.values[20, 20] == pytest.approx(float(run.values[-1]), rel=1e-12)
    first = jax.tree.map(lambda x: x[0], run.records)
    d1, d2 = seen.directions
    at = jax.tree.map(lambda c, u, v: c + seen.path[0, 0] * u + seen.path[0, 1] * v, seen.centre, d1, d2)
    gap = np.sqrt(sum(float(((x - y) ** 2).sum()) for x, y in zip(*map(jax.tree.leaves, (at, first)), strict=True)))
    assert gap == pytest.approx(seen.off[0], abs=1e-12)
    assert np.abs(seen.path[:, 0]).max() <= p.alphas[-1]


def test_a_plane_is_saved_with_all_that_draws_it_again(tmp_path, x64):
    centre = start()
    p = ll.random_plane(ll.pair("relu+hinge"), DATA, centre, key=KEY, steps=5, radius=1.0, quantities=["dead"])
    p.to_xarray().to_netcdf(tmp_path / "plane.nc", engine="h5netcdf")
    import xarray

    with xarray.open_dataset(tmp_path / "plane.nc", engine="h5netcdf") as held:
        held = held.load()
    directions = [{n: held[f"direction_{k}_{n}"].values for n in ("weights", "bias")} for k in range(2)]
    centre = {n: held[f"centre_{n}"].values for n in ("weights", "bias")}
    again = ll.plane(ll.pair("relu+hinge"), DATA, centre, tuple(directions), radius=1.0, steps=5, quantities=["dead"])
    np.testing.assert_array_equal(again.values, held.objective)
    np.testing.assert_array_equal(again.quantities["dead"], held.dead)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"directions": (start(), {"weights": np.zeros(3), "bias": np.zeros(())})}, "Direction 1 is zero"),
        ({"directions": (start(), {"weights": np.ones(2), "bias": np.zeros(())})}, "Direction 1 has the shapes"),
        ({"directions": (start(), {"weights": np.ones(3)})}, "Direction 1 has the shapes"),
        ({"directions": (start(),)}, "two directions"),
        ({"directions": (start(), {"weights": np.full(3, np.nan), "bias": np.zeros(())})}, "not finite"),
        ({"centre": {"weights": np.ones(4), "bias": np.zeros(())}}, "The centre has the shapes"),
        ({"steps": 0}, "steps must be odd"),
        ({"steps": 4}, "steps must be odd"),
        ({"radius": 0.0}, "radius must be positive"),
        ({"radius": (1.0, 2.0, 3.0)}, "one number or 2"),
        ({"quantities": ["nothing"]}, "no quantity nothing"),
        ({"method": "guess"}, "fastest"),
        ({"method": "kinks", "quantities": ["dead"]}, "no quantity but the risk"),
        ({"l2": -1.0}, "l2"),
        ({"tolerance": -1.0}, "tolerance"),
    ],
)
def test_bad_input_is_said(changed, message):
    given = {"centre": start(), "directions": ll.random_directions(start(), KEY), "radius": 1.0, "steps": 3} | changed
    with pytest.raises(ValueError, match=message):
        ll.plane(ll.pair("identity+hinge"), DATA, **given)


def test_directions_that_make_no_sense_are_said():
    with pytest.raises(ValueError, match="need as many parameters"):
        ll.random_directions(start(), KEY, 5)
    with pytest.raises(ValueError, match="all 0"):
        ll.random_directions({"weights": np.zeros(3), "bias": np.zeros(())}, KEY)
    with pytest.raises(ValueError, match="normalization"):
        ll.random_directions(start(), KEY, normalization="batch")
    still = jax.tree.map(lambda x: np.stack([x] * 4), start())
    with pytest.raises(ValueError, match="does not move"):
        ll.landscapes.trajectory_directions(still)
    with pytest.raises(ValueError, match="three points"):
        ll.landscapes.trajectory_directions(jax.tree.map(lambda x: np.stack([x] * 2), start()))
    with pytest.raises(ValueError, match="no setting colour"):
        ll.landscapes.linear_interpolation(ll.pair("identity+hinge"), DATA, start(), start(seed=1), colour="red")
