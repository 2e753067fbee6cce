"""Sweeps: the same trajectories as one fit after another, found again when saved; bad input is said."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll
from lossland.training import _sweep as sweeping
from tests.references import SPREAD


def fit_one(s, data, place, steps, *, optimizer, model=None, batch_size=None, key=None):
    """The run that `fit` makes of one model of a sweep."""
    model = ll.linear() if model is None else model
    k, seed, *axes = place
    numbers = dict(zip(s.axes, (v[i] for v, i in zip(s.axes.values(), axes, strict=True)), strict=True))
    f = ll.objective(ll.pair(s.pairs[k]), model, data, l2=numbers.pop("l2"))
    start = model.init(jax.random.key(s.seeds[seed]), data.d)
    descent = optimizer(numbers.pop("learning_rate"), **numbers)
    return ll.fit(f, start, descent, steps, key=key, batch_size=batch_size, record_every=1)


def each_place(s):
    return list(np.ndindex(s.status.shape))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("optimizer", "hyperparameters"),
    [
        (optax.sgd, {}),
        pytest.param(functools.partial(optax.sgd, nesterov=True), {"momentum": (0.5, 0.9)}, marks=pytest.mark.slow),
        pytest.param(optax.adam, {"b1": (0.8,)}, marks=pytest.mark.slow),
        pytest.param(
            lambda rate: optax.sgd(optax.cosine_decay_schedule(rate, 20)),
            {},
            marks=(pytest.mark.slow, pytest.mark.exhaustive),
        ),
        pytest.param(
            lambda rate: optax.chain(optax.clip_by_global_norm(0.1), optax.sgd(rate)), {}, marks=pytest.mark.slow
        ),
    ],
    ids=["sgd", "nesterov", "adam", "schedule", "clipped by its own norm"],
)
def test_a_model_of_a_sweep_goes_the_way_of_fit(data, optimizer, hyperparameters, x64):
    s = ll.sweep(
        SPREAD[:3], data, seeds=2, learning_rates=(0.01, 0.3), l2s=(0.1,), steps=12, record=1,
        optimizer=optimizer, hyperparameters=hyperparameters,
    )  # fmt: skip
    for place in each_place(s)[::3]:
        run = fit_one(s, data, place, 12, optimizer=optimizer)
        np.testing.assert_allclose(s.records["objective"][place], run.values, rtol=1e-12)
        np.testing.assert_allclose(s.records["gradient_norm"][place], run.gradient_norms, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(s.params["weights"][place], run.params["weights"], rtol=1e-12, atol=1e-14)


@pytest.mark.slow
def test_batches_are_those_of_fit(data, x64):
    key = jax.random.key(5)
    grid = {"seeds": (3, 7), "learning_rates": (0.1,), "steps": 25, "record": 1, "batch_size": 8, "key": key}
    together = ll.sweep(SPREAD[:3], data, **grid)
    apart = ll.sweep(SPREAD[:3], data, **grid, shuffle="by seed")
    for place in each_place(together):
        sees = functools.partial(fit_one, together, data, place, 25, optimizer=optax.sgd, batch_size=8)
        np.testing.assert_allclose(together.records["objective"][place], sees(key=key).values, rtol=1e-12)
        own = jax.random.fold_in(key, together.seeds[place[1]])
        np.testing.assert_allclose(apart.records["objective"][place], sees(key=own).values, rtol=1e-12)


@pytest.mark.slow
def test_a_network_goes_the_way_of_fit(data, x64):
    model = ll.mlp((4, 3), hidden="tanh")
    s = ll.sweep(SPREAD[:4], data, model=model, seeds=2, learning_rates=(0.1,), l2s=(0.01,), steps=6, record=1)
    for place in each_place(s)[::3]:
        run = fit_one(s, data, place, 6, optimizer=optax.sgd, model=model)
        np.testing.assert_allclose(s.records["objective"][place], run.values, rtol=1e-12)
        ours, theirs = jax.tree.leaves(s.params), jax.tree.leaves(run.params)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a[place], b, rtol=1e-11, atol=1e-13)


@pytest.mark.slow
def test_the_cut_into_blocks_changes_nothing(data, x64):
    whole, cut = (
        ll.sweep(SPREAD, data, seeds=3, learning_rates=(0.1, 0.5), steps=9, block_scores=b) for b in (10**9, 90)
    )
    for name, record in whole.records.items():
        np.testing.assert_allclose(record, cut.records[name], rtol=1e-11, atol=1e-13, err_msg=name)


@pytest.mark.slow
def test_weights_count_as_in_the_objective(data, x64):
    weights = np.linspace(0.0, 2.0, data.n)
    s = ll.sweep(
        "identity+logistic", data, seeds=1, steps=8, record=1, sample_weights=weights, class_weights="balanced"
    )
    f = ll.objective(ll.pair("identity+logistic"), ll.linear(), data, 0.0, weights, "balanced")
    run = ll.fit(f, ll.linear().init(jax.random.key(0), data.d), optax.sgd(0.1), 8)
    np.testing.assert_allclose(s.records["objective"][0, 0, 0, 0], run.values, rtol=1e-12)


# ---------------------------------------------------------------------------------------------------- choice and saving


@pytest.mark.slow
def test_a_sweep_is_saved_and_found_again(data, tmp_path, monkeypatch):
    grid = {"seeds": 2, "learning_rates": (0.1, 0.3), "steps": 6, "thresholds": (0.0, "best"), "test": data}
    calls = []
    first = ll.sweep(SPREAD[:2], data, **grid, folder=tmp_path, progress=lambda *told: calls.append(told))
    assert calls[-1][:2] == (48, 48)
    assert [p.name for p in tmp_path.iterdir()] == [first.path.name]
    monkeypatch.setattr(sweeping, "run_blocks", None)
    again = ll.sweep(SPREAD[:2], data, **grid, folder=tmp_path)
    assert jax.tree.structure(again) == jax.tree.structure(first)
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(a, b)
    assert json.loads(again.to_xarray().attrs["settings"]) == json.loads(json.dumps(first.settings))


def test_a_folder_that_is_a_file_and_a_broken_result_are_said(data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="while writing to"):
        ll.sweep(SPREAD[0], data, steps=1, folder=tmp_path / "file")
    (tmp_path / "broken.nc").write_text("no")
    with pytest.raises(ValueError, match="Remove it and run again"):
        ll.read_sweep(tmp_path / "broken.nc")


# ------------------------------------------------------------------------------------------------------------ bad input


CENTRED = ll.Model(ll.linear().init, lambda p, x: x @ p["weights"] - (x @ p["weights"]).mean() + p["bias"], "centred")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pairs": []}, "at least one pair"),
        ({"pairs": ["relu+cross_entropy"]}, "not admissible"),
        ({"pairs": ["relu+hing"]}, "hinge"),
        ({"pairs": ["relu+hinge", "relu+hinge"]}, "twice"),
        ({"seeds": 0}, "at least one seed"),
        ({"seeds": (1, -1)}, "seeds must be at least 0"),
        ({"seeds": (1, 1)}, "twice"),
        ({"learning_rates": ()}, "no values"),
        ({"learning_rates": (0.1, 0.0)}, "> 0"),
        ({"learning_rates": (float("nan"),)}, "finite"),
        ({"l2s": (-1.0,)}, ">= 0"),
        ({"hyperparameters": {"l2": (0.1,)}}, "own arguments"),
        ({"hyperparameters": {"momentum": ()}}, "no values"),
        ({"steps": 0}, "at least 1"),
        ({"batch_size": 42}, "41 examples"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"shuffle": "never"}, "by seed"),
        ({"tolerance": -1.0}, "full batches"),
        ({"tolerance": 0.1, "batch_size": 3}, "full batches"),
        ({"average_from": 5}, "steps - 1"),
        ({"sharding": "both"}, "models"),
        ({"sharding": "rows", "batch_size": 3}, "full batches"),
        ({"sharding": "models", "devices": []}, "devices is empty"),
        ({"sharding": "rows", "model": CENTRED}, "scores of centred for one example depend on the other"),
        ({"thresholds": ()}, "at least one"),
        ({"thresholds": ("worst",)}, "worst"),
        ({"record": 0}, "record must be at least 1"),
        ({"record": (7,)}, "between 0 and 5"),
        ({"init": {"weights": np.zeros(2), "bias": np.zeros(())}}, "init gives"),
        ({"test": ll.load("two_gaussians(n=9, d=2, seed=1)")}, "2 inputs"),
        ({"sample_weights": np.ones(3)}, "sample_weights"),
    ],
    ids=lambda v: "" if isinstance(v, str) else next(iter(v)),
)
def test_bad_input_is_said(data, changed, message):
    with pytest.raises(ValueError, match=message):
        ll.sweep(**{"pairs": SPREAD[:1], "data": data, "steps": 5} | changed)


def test_data_that_are_no_dataset_are_said():
    with pytest.raises(ValueError, match="not a Dataset"):
        ll.sweep(SPREAD[:1], np.ones((3, 2)))


@pytest.mark.slow
def test_inadmissible_pairs_can_be_left_out(data):
    s = ll.sweep(["relu+cross_entropy", "relu+hinge"], data, steps=1, skip_inadmissible=True)
    assert s.pairs == ("relu+hinge",)
    assert "relu+cross_entropy is not admissible" in s.skipped[0]
    with pytest.raises(ValueError, match="No admissible pair is left"):
        ll.sweep(["relu+cross_entropy"], data, steps=1, skip_inadmissible=True)


@pytest.mark.slow
def test_a_loss_of_the_users_own_trains_beside_the_others(data, registries):
    @ll.margin_loss
    def mine(margin):
        return jnp.square(jnp.maximum(0.0, 2.0 - margin))

    s = ll.sweep([("identity", mine), "identity+hinge"], data, seeds=1, steps=30)
    assert s.pairs == ("identity+mine", "identity+hinge")
    assert (s.records["risk"][..., -1] < s.records["risk"][..., 0]).all()
