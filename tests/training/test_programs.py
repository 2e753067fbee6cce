"""Compiled programs are found again by what they are: an equal call compiles nothing, and nothing piles up."""

import gc
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll
from lossland.estimator import PairClassifier
from lossland.training import _programs as programs

COMPILED = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, seconds, **_: COMPILED.append(event) if event.endswith("backend_compile_duration") else None
)


def compilations(call):
    """How many programs a call compiles."""
    before = len(COMPILED)
    call()
    return len(COMPILED) - before


def a_sweep(data, rates=(0.1, 0.2), seeds=(0, 1), l2s=(0.0,), steps=7, **changed):
    """A sweep that makes every object anew."""
    given = {
        "model": ll.linear(),
        "optimizer": lambda rate, momentum: optax.sgd(rate, momentum),
        "hyperparameters": {"momentum": (0.5,)},
        "metrics": {"largest": lambda z, t, p: jnp.max(z * t)},
        "batch_size": 16,
        "average_from": 2,
    }
    return ll.sweep(
        ["relu+hinge", "identity+logistic", "sigmoid+brier"], data, seeds=seeds, learning_rates=rates, l2s=l2s,
        steps=steps, **given | changed,
    )  # fmt: skip


@pytest.mark.slow
def test_an_equal_sweep_compiles_nothing(data):
    a_sweep(data)
    other = ll.Dataset(np.asarray(data.inputs) * 2.0, -np.asarray(data.labels))
    assert compilations(lambda: a_sweep(data)) == 0
    assert compilations(lambda: a_sweep(data, steps=40)) == 0
    assert compilations(lambda: a_sweep(data, rates=(0.3, 0.01), seeds=(5, 9), l2s=(0.5,))) == 0
    assert compilations(lambda: a_sweep(other, key=jax.random.key(3))) == 0
    assert compilations(lambda: a_sweep(data, hyperparameters={"momentum": (0.9,)})) == 0


@pytest.mark.slow
def test_a_sweep_of_other_structure_is_another_program(data):
    """What programs are kept by must tell apart whatever changes the numbers."""
    plain = a_sweep(data).records
    faster = a_sweep(data, optimizer=lambda rate, momentum: optax.sgd(2 * rate, momentum)).records
    assert not np.array_equal(plain["risk"], faster["risk"])
    smallest = a_sweep(data, metrics={"largest": lambda z, t, p: jnp.min(z * t)}).records["largest"]
    assert (smallest < plain["largest"]).all()
    for factor in (1.0, 3.0):
        found = a_sweep(data, metrics={"largest": lambda z, t, p, by=factor: by * jnp.max(z * t)}).records["largest"]
        np.testing.assert_allclose(found, factor * plain["largest"], rtol=1e-6)


SCALE = 1.0
HELD = types.SimpleNamespace(scale=1.0)
HELD_BY_NAME = {"by": 1.0}


def by_a_global(x):
    return SCALE * x


def by_an_object(x):
    return HELD.scale * x


def by_a_dictionary(x):
    return HELD_BY_NAME["by"] * x


def fitted(loss, data):
    f = ll.objective(ll.pair("identity", loss), ll.linear(), data)
    return ll.fit(f, ll.linear().init(jax.random.key(0), data.d), optax.sgd(0.1), 5).values


@pytest.mark.slow
@pytest.mark.parametrize("way", [by_a_global, by_an_object, by_a_dictionary])
def test_what_a_loss_sees_now_is_what_trains(data, registries, monkeypatch, way):
    """A loss that reads what has changed since is another loss, in `sweep` and in `fit`."""

    @ll.margin_loss
    def seen(margin):
        return way(jnp.maximum(0.0, 1.0 - margin) ** 2)

    @ll.margin_loss
    def threefold(margin):
        return 3.0 * jnp.maximum(0.0, 1.0 - margin) ** 2

    def swept(name):
        made = ll.sweep(f"identity+{name}", data, seeds=1, steps=5, record=1, optimizer=lambda r: optax.sgd(way(r)))
        return made.records["risk"].ravel()

    first = swept("seen"), fitted(seen, data)
    monkeypatch.setattr("tests.training.test_programs.SCALE", 3.0)
    monkeypatch.setattr(HELD, "scale", 3.0)
    monkeypatch.setitem(HELD_BY_NAME, "by", 3.0)
    for again, before in zip((swept("seen"), fitted(seen, data)), first, strict=True):
        assert not np.allclose(again, before)
    np.testing.assert_array_equal(swept("seen"), swept("threefold"))
    np.testing.assert_allclose(fitted(seen, data), fitted(threefold, data), rtol=1e-6)
    assert compilations(lambda: swept("seen")) == 0


@pytest.mark.slow
def test_a_folder_does_not_give_what_another_object_made(data, tmp_path):
    def swept(scale):
        HELD.scale = scale
        made = ll.sweep("identity+hinge", data, seeds=1, steps=5, optimizer=lambda r: optax.sgd(by_an_object(r)),
                        folder=tmp_path)  # fmt: skip
        return made.records["risk"].ravel()

    try:
        first, second = swept(1.0), swept(3.0)
    finally:
        HELD.scale = 1.0
    assert not np.allclose(first, second)


@pytest.mark.slow
def test_an_elementwise_loss_that_looks_at_its_type_or_gives_another(data, registries, x64):
    @ll.likelihood_loss
    def looks(likelihood):
        narrow = likelihood.dtype == jnp.float32
        return 1.0 - 2.0 * likelihood + likelihood**2 if narrow else (1.0 - likelihood) ** 2

    @ll.margin_loss
    def narrow(margin):
        return ((1.0 - margin) ** 2).astype(jnp.float32)

    @ll.margin_loss
    def one(margin):
        return 1.0

    made = ll.sweep(["sigmoid+looks", "sigmoid+brier", "identity+narrow", "identity+one"], data, seeds=1, steps=9)
    np.testing.assert_allclose(made.records["risk"][0], made.records["risk"][1], rtol=1e-12)
    assert (made.records["risk"][3] == 1.0).all()

    @ll.margin_loss
    def summed(margin):
        return jnp.sum(margin)[None, None, None]

    with pytest.raises(ValueError, match="a function of one number"):
        ll.sweep("identity+summed", data, seeds=1, steps=2)


@pytest.mark.slow
def test_what_a_function_reads_from_its_module_counts(data, monkeypatch):
    def scaled(z, t, p):
        return SCALE * jnp.max(z * t)

    plain = a_sweep(data, metrics={"largest": scaled}).records["largest"]
    monkeypatch.setattr("tests.training.test_programs.SCALE", 2.0)
    np.testing.assert_allclose(a_sweep(data, metrics={"largest": scaled}).records["largest"], 2 * plain, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["fit", "plane", "network plane", "solve", "card", "solve_kernel", "classifier"])
def test_other_equal_calls_compile_nothing(data, what):
    def call():
        pair = ll.pair("identity", "logistic")
        match what:
            case "fit":
                f = ll.objective(pair, ll.linear(), data, l2=0.1)
                ll.fit(f, ll.linear().init(jax.random.key(0), data.d), optax.sgd(0.1), 9)
            case "plane":
                centre = {"weights": np.zeros(data.d), "bias": np.zeros(())}
                axes = ll.random_directions(centre, jax.random.key(1), normalization=None)
                ll.plane(pair, data, centre, axes, model=ll.linear(), steps=7)
            case "network plane":
                model = ll.mlp((3,))
                centre = model.init(jax.random.key(0), data.d)
                ll.plane(pair, data, centre, ll.random_directions(centre, jax.random.key(1)), model=model, steps=5)
            case "solve":
                ll.solve("logistic", data, C=1.0)
            case "solve_kernel":
                ll.solve_kernel("hinge", data, C=1.0)
            case "classifier":
                PairClassifier("relu", "hinge", steps=20).fit(data.inputs, data.labels)
            case "card":
                ll.card(pair)

    call()
    assert compilations(call) == 0


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_stays_where_it_was_over_equal_sweeps(data):
    def resident():
        gc.collect()
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024

    for _ in range(3):
        a_sweep(data)
    kept, before = programs._compiled.cache_info().currsize, resident()
    for _ in range(10):
        a_sweep(data)
    assert programs._compiled.cache_info().currsize == kept
    assert resident() - before < 10.0
