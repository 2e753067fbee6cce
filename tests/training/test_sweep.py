"""Sweeps: the same trajectories as one fit after another, on every pair; nothing is lost, nothing silently averaged."""

import errno
import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll
from lossland.core import fingerprint, versions
from lossland.training import _block as running
from lossland.training import _checkpoints as checkpoints
from lossland.training import _grid as grids
from lossland.training import _step as training
from lossland.training._records import record_steps

SPREAD = ["identity+hinge", "identity+logistic", "relu+hinge", "sigmoid+cross_entropy", "tanh+squared", "exp+savage"]


@pytest.fixture(scope="module")
def data():
    return ll.standardise(ll.load("two_gaussians(n=41, d=3, seed=1)"))


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
@pytest.mark.parametrize("step", [16, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_pairs_go_the_way_of_plain_gradient_descent(step, x64):
    rng = np.random.default_rng(3)
    inputs, labels = rng.normal(size=(9, 2)), np.where(rng.random(9) < 0.5, 1.0, -1.0)
    every = ll.pairs()[::step]
    starts, rate, l2 = rng.normal(size=(3, 2)), 0.05, 0.1
    for first in range(0, len(every), 64):
        pairs = every[first : first + 64]
        plan = training.Plan(pairs, ll.linear(), optax.sgd)
        shape = (len(pairs), 3)
        params = {"weights": jnp.broadcast_to(starts, (*shape, 2)), "bias": jnp.zeros(shape)}
        numbers = training.Numbers(jnp.full(shape, rate), jnp.full(shape, l2), {})
        rows = training.Examples(jnp.asarray(inputs), jnp.asarray(labels), None, None, jnp.asarray(9.0))
        state = training.start_block(plan, params, numbers, None)
        state = running._advanced(_job(rows), plan, numbers, state, 3, None)
        for k, pair in enumerate(pairs):
            weights, bias = starts.copy(), np.zeros(3)
            for _ in range(3):
                with np.errstate(invalid="ignore"):  # of models that have diverged
                    scores = weights @ inputs.T + bias[:, None]
                    slopes = np.asarray(pair.slope(scores, np.broadcast_to(labels, scores.shape))) / 9
                    weights, bias = weights - rate * (slopes @ inputs + l2 * weights), bias - rate * slopes.sum(1)
            alive = np.asarray(state.status[k]) == training.RUNNING
            assert alive.any(), pair.name
            np.testing.assert_allclose(state.params["weights"][k][alive], weights[alive], rtol=1e-12, err_msg=pair.name)
            np.testing.assert_allclose(state.params["bias"][k][alive], bias[alive], rtol=1e-11, atol=1e-14)


def _job(rows):
    none = dict.fromkeys(running.Job._fields)
    return running.Job(**none | {"rows": rows})


@pytest.mark.parametrize("scores", [1, 100, 500, 10**9])
def test_blocks_hold_every_run_once(data, scores):
    grid, _ = grids.make_grid(SPREAD[:3], 4, (0.1, 0.2, 0.3), (0.0, 0.1), {})
    for apart in (False, True):
        seen = np.zeros((3, grid.runs), int)
        for block in grids.blocks(grid, 10, scores, apart, multiple=2):
            assert block.width % 2 == 0
            for k in block.pairs:
                seen[k, block.runs[: block.wanted]] += 1
            assert not apart or len(set(grids.coordinates(grid, block)[0])) == 1
        assert (seen == 1).all()


@pytest.mark.slow
def test_the_cut_into_blocks_changes_nothing(data, x64):
    whole, cut = (
        ll.sweep(SPREAD, data, seeds=3, learning_rates=(0.1, 0.5), steps=9, block_scores=b) for b in (10**9, 90)
    )
    for name, record in whole.records.items():
        np.testing.assert_allclose(record, cut.records[name], rtol=1e-11, atol=1e-13, err_msg=name)


@pytest.mark.slow
def test_records_say_what_they_mean(data, x64):
    parts = ll.split(data, seed=2)
    s = ll.sweep(
        ["relu+hinge", "identity+hinge"], parts.train, seeds=2, l2s=(0.1,), steps=20, record=(0, 7), test=parts.test,
        thresholds=(0.0, "best"), metrics={"largest": lambda scores, labels, params: jnp.max(labels * scores)},
    )  # fmt: skip
    assert s.steps == (0, 7, 20)
    for place in each_place(s):
        pair, params = ll.pair(s.pairs[place[0]]), jax.tree.map(lambda x, p=place: x[p], s.params)
        f = ll.objective(pair, ll.linear(), parts.train, l2=0.1)
        scores, labels = np.asarray(f.scores(params)), np.asarray(f.labels)
        slopes = np.asarray(pair.slope(scores, labels))
        norm = np.linalg.norm(params["weights"])
        there = np.asarray(parts.test.inputs @ params["weights"] + params["bias"])
        lines = [0.0, ll.card(pair).best_threshold]
        expected = {
            "risk": f.risk(params),
            "objective": f(params),
            "weight_norm": norm,
            "dead": np.mean((slopes == 0) & (labels * scores <= 0)),
            "active": np.mean(slopes != 0),
            "margin": np.min(labels * scores) / norm,
            "train_error": [np.mean((scores > line) != (labels > 0)) for line in lines],
            "test_error": [np.mean((there > line) != (parts.test.labels > 0)) for line in lines],
            "test_risk": np.mean(pair(there, parts.test.labels)),
            "largest": np.max(labels * scores),
        }
        for name, value in expected.items():
            np.testing.assert_allclose(s.records[name][place][-1], value, rtol=1e-10, atol=1e-12, err_msg=name)
    assert set(s.records) == {*expected, "gradient_norm"}


@pytest.mark.slow
def test_weights_count_as_in_the_objective(data, x64):
    weights = np.linspace(0.0, 2.0, data.n)
    s = ll.sweep(
        "identity+logistic", data, seeds=1, steps=8, record=1, sample_weights=weights, class_weights="balanced"
    )
    f = ll.objective(ll.pair("identity+logistic"), ll.linear(), data, 0.0, weights, "balanced")
    run = ll.fit(f, ll.linear().init(jax.random.key(0), data.d), optax.sgd(0.1), 8)
    np.testing.assert_allclose(s.records["objective"][0, 0, 0, 0], run.values, rtol=1e-12)


@pytest.mark.slow
def test_a_model_that_diverges_stops_at_its_last_finite_point_and_disturbs_nobody(data):
    rates = (0.1, 1e6)
    s = ll.sweep(
        ["identity+exponential", "identity+squared", "identity+logistic"], data, learning_rates=rates, steps=60
    )
    alone = ll.sweep(["identity+exponential", "identity+squared", "identity+logistic"], data, steps=60)
    assert s.diverged[:2, :, 1].all()
    assert not s.diverged[:, :, 0].any()
    assert not s.diverged[2].any()
    assert (s.stopped[s.diverged] < 60).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(s.params))
    np.testing.assert_array_equal(s.records["risk"][:, :, :1], alone.records["risk"])


@pytest.mark.slow
def test_slopes_that_are_numbers_only_in_the_limit_go_on(data, x64):
    """exp+savage overflows at z = 710 where its slope is 0: the model stays put but is no diverged one."""
    far = {"weights": np.full(3, 400.0), "bias": np.zeros(())}
    s = ll.sweep(["exp+savage", "identity+hinge"], data, seeds=1, steps=5, init=far, record=1)
    assert not s.diverged.any()
    assert (s.stopped == 5).all()
    assert np.isfinite(s.records["gradient_norm"]).all()


@pytest.mark.slow
def test_models_finish_at_the_tolerance(data, x64):
    s = ll.sweep(SPREAD[:2], data, seeds=2, learning_rates=(0.05, 1.0), l2s=(0.5,), steps=4000, tolerance=1e-6)
    logistic = s.status[1]
    assert (logistic == training.FINISHED).all()
    assert (s.stopped[1] < 4000).all()
    norms = s.records["gradient_norm"][1, ..., -1]
    assert (norms <= 1e-6).all()
    assert (norms > 1e-7).all()
    assert s.records["risk"].shape[-1] == len(s.steps)


@pytest.mark.slow
def test_averages_are_those_of_the_iterates(data, x64):
    every = ll.sweep(SPREAD[0], data, seeds=1, steps=10, record=1, metrics={"w": lambda z, t, p: p["weights"][0]})
    mean = ll.sweep(SPREAD[0], data, seeds=1, steps=10, record=1, average_from=4)
    iterates = every.records["w"][0, 0, 0, 0]
    assert mean.params["weights"][0, 0, 0, 0, 0] == pytest.approx(iterates[5:].mean(), rel=1e-12)
    np.testing.assert_allclose(mean.records["risk"][..., :5], every.records["risk"][..., :5], rtol=1e-12)


@pytest.mark.parametrize(
    ("record", "steps", "expected"),
    [(5, 12, (0, 5, 10, 12)), ((3, 3, 1), 4, (0, 1, 3, 4)), ("log", 10, (0, 1, 2, 3, 4, 6, 8, 10)), ("log", 1, (0, 1))],
)
def test_record_steps(record, steps, expected):
    assert record_steps(record, steps) == expected


# ---------------------------------------------------------------------------------------------------- choice and saving


@pytest.mark.slow
def test_best_selects_by_validation_and_not_by_test():
    rng = np.random.default_rng(0)
    made = ll.sweep(
        "identity+hinge", ll.load("two_gaussians(n=30, seed=1)"), seeds=2, learning_rates=(0.1, 1.0), steps=2
    )
    shape = made.records["risk"].shape
    validation = np.ones(shape)
    validation[0, :, 1, 0, 2] = 0.0
    records = {"risk": rng.random(shape), "validation_risk": rng.random(shape)}
    records |= {"validation_error": validation[..., None], "test_error": rng.random(shape)[..., None]}
    made = made._replace(records=records)
    chosen = made.best()
    assert float(chosen.learning_rate[0]) == 1.0
    assert int(chosen.step[0]) == made.steps[2]
    np.testing.assert_array_equal(chosen.test_error[0, :, 0], records["test_error"][0, :, 1, 0, 2, 0])
    lost = made._replace(status=np.where(np.arange(2).reshape(1, 1, 2, 1) == 1, 2, 0) * np.ones_like(made.status))
    assert float(lost.best().learning_rate[0]) == 0.1
    for name in ("test_error", "nothing"):
        with pytest.raises(ValueError, match=r"test part|recorded no nothing"):
            made.best(name)


@pytest.mark.slow
def test_a_sweep_is_saved_and_found_again(data, tmp_path, monkeypatch):
    grid = {"seeds": 2, "learning_rates": (0.1, 0.3), "steps": 6, "thresholds": (0.0, "best"), "test": data}
    calls = []
    first = ll.sweep(SPREAD[:2], data, **grid, folder=tmp_path, progress=lambda *told: calls.append(told))
    assert calls[-1][:2] == (48, 48)
    assert [p.name for p in tmp_path.iterdir()] == [first.path.name]
    monkeypatch.setattr(running, "run_block", None)
    again = ll.sweep(SPREAD[:2], data, **grid, folder=tmp_path)
    assert jax.tree.structure(again) == jax.tree.structure(first)
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(a, b)
    assert json.loads(again.to_xarray().attrs["settings"]) == json.loads(json.dumps(first.settings))


def test_what_changes_the_numbers_changes_the_name(data):
    def named(**changed):
        make = {"optimizer": optax.sgd, "model": ll.linear(), "pairs": ll.pair("identity+hinge"), "data": data.inputs}
        return fingerprint([make | changed])

    rate = 0.5
    names = [
        named(),
        named(optimizer=optax.adam),
        named(optimizer=functools.partial(optax.sgd, momentum=0.5)),
        named(optimizer=functools.partial(optax.sgd, momentum=0.9)),
        named(optimizer=lambda r: optax.sgd(r, momentum=0.1)),
        named(optimizer=lambda r: optax.sgd(r, momentum=0.2)),
        named(optimizer=lambda r: optax.sgd(r, momentum=rate)),
        named(model=ll.linear(scale=2.0)),
        named(model=ll.mlp(3)),
        named(pairs=ll.pair("relu(tie=0.5)+hinge")),
        named(data=data.inputs + 1e-9),
    ]
    assert len(set(names)) == len(names)
    assert named(optimizer=functools.partial(optax.sgd, momentum=0.5)) == names[2]
    assert named(model=ll.linear(scale=2.0)) == names[7]


@pytest.mark.slow
def test_an_interrupted_sweep_goes_on_to_the_same_bits(data, tmp_path):
    grid = {"seeds": 2, "steps": 400, "learning_rates": (0.1, 0.3), "block_scores": 170, "batch_size": 8}
    plain = ll.sweep(SPREAD[:3], data, **grid)

    class Stop(Exception):
        pass

    def stop(after):
        count = iter(range(after))

        def progress(done, of, what):
            if next(count, None) is None:
                raise Stop

        return progress

    for after in (2, 3, 5, 4):
        with pytest.raises(Stop):
            ll.sweep(SPREAD[:3], data, **grid, folder=tmp_path, checkpoint_seconds=0.0, progress=stop(after))
    made = ll.sweep(SPREAD[:3], data, **grid, folder=tmp_path, checkpoint_seconds=0.0)
    for name, record in plain.records.items():
        np.testing.assert_array_equal(record, made.records[name], err_msg=name)
    np.testing.assert_array_equal(plain.params["weights"], made.params["weights"])


@pytest.mark.slow
def test_a_full_disk_is_said_and_the_last_checkpoint_stays(data, tmp_path, monkeypatch):
    grid = {"seeds": 2, "steps": 50, "folder": tmp_path, "checkpoint_seconds": 0.0, "block_scores": 41 * 2}
    writes = []
    true = np.savez

    def savez(file, **arrays):
        writes.append(arrays)
        if len(writes) > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        true(file, **arrays)

    monkeypatch.setattr(np, "savez", savez)
    with pytest.raises(OSError, match=r"No space left on device while writing to .* kept"):
        ll.sweep(SPREAD[:3], data, **grid)
    assert not list(tmp_path.rglob("*.partial"))
    assert list(tmp_path.rglob("block_*.npz"))
    monkeypatch.setattr(np, "savez", true)
    assert ll.sweep(SPREAD[:3], data, **grid).status.shape == (3, 2, 1, 1)


def test_a_folder_that_is_a_file_and_a_broken_result_are_said(data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="while writing to"):
        ll.sweep(SPREAD[0], data, steps=1, folder=tmp_path / "file")
    (tmp_path / "broken.nc").write_text("no")
    with pytest.raises(ValueError, match="Remove it and run again"):
        ll.read_sweep(tmp_path / "broken.nc")


def test_leftovers_of_dead_writers_go_and_of_living_ones_stay(tmp_path):
    folder = tmp_path / "sweep-name.parts"
    folder.mkdir()
    dead, alive = folder / ".block_000001.npz.999999999.partial", folder / ".block_000002.npz.1.partial"
    for path in (dead, alive):
        path.write_text("")
    checkpoints.store(tmp_path, "name", {}, 1.0)
    assert not dead.exists()
    assert alive.exists()
    assert versions()["jax"] == jax.__version__


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pairs": []}, "at least one pair"),
        ({"pairs": ["relu+cross_entropy"]}, "not admissible"),
        ({"pairs": ["relu+hing"]}, "hinge"),
        ({"pairs": ["relu+hinge", "relu+hinge"]}, "twice"),
        ({"seeds": 0}, "at least one seed"),
        ({"seeds": (1, -1)}, "whole numbers"),
        ({"seeds": (1, 1)}, "twice"),
        ({"learning_rates": ()}, "no values"),
        ({"learning_rates": (0.1, 0.0)}, "> 0"),
        ({"learning_rates": (float("nan"),)}, "finite"),
        ({"l2s": (-1.0,)}, ">= 0"),
        ({"hyperparameters": {"l2": (0.1,)}}, "own arguments"),
        ({"hyperparameters": {"momentum": ()}}, "no values"),
        ({"steps": 0}, "at least 1"),
        ({"batch_size": 42}, "41 examples"),
        ({"batch_size": 0}, "41 examples"),
        ({"shuffle": "never"}, "by seed"),
        ({"tolerance": -1.0}, "full batches"),
        ({"tolerance": 0.1, "batch_size": 3}, "full batches"),
        ({"average_from": 5}, "steps - 1"),
        ({"sharding": "both"}, "models"),
        ({"sharding": "rows", "batch_size": 3}, "full batches"),
        ({"thresholds": ()}, "at least one"),
        ({"thresholds": ("worst",)}, "worst"),
        ({"record": 0}, "at least 1 step"),
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
