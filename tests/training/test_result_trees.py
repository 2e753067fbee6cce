"""A sweep of any params is written and read again as it was, and what would be overwritten is refused before."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll

DATA = ll.Dataset([[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0], [0.5, -1.0]], [1, 1, -1, -1])


class Layers(NamedTuple):
    hidden: dict
    out: tuple


def scores(hidden, out, inputs):
    return jnp.tanh(inputs @ hidden) @ out


MODELS = {
    "words": ll.Model(
        lambda key, d: {"w_in": jax.random.normal(key, (d, 3)), "w_out": jnp.ones(3)},
        lambda p, x: scores(p["w_in"], p["w_out"], x),
    ),
    "nested": ll.Model(
        lambda key, d: {"params": {"Dense_0": {"kernel": jax.random.normal(key, (d, 3))}, "a/b": jnp.ones(3)}},
        lambda p, x: scores(p["params"]["Dense_0"]["kernel"], p["params"]["a/b"], x),
    ),
    "tuple": ll.Model(lambda key, d: (jax.random.normal(key, (d, 3)), jnp.ones(3)), lambda p, x: scores(*p, x)),
    "NamedTuple": ll.Model(
        lambda key, d: Layers({"status": jax.random.normal(key, (d, 3))}, (jnp.ones(3),)),
        lambda p, x: scores(p.hidden["status"], p.out[0], x),
    ),
    "one array": ll.Model(lambda key, d: jax.random.normal(key, (d,)), lambda p, x: x @ p),
    "records": ll.Model(
        lambda key, d: {"risk": jax.random.normal(key, (d,)), "status": jnp.zeros(())},
        lambda p, x: x @ p["risk"] + p["status"],
    ),
}
SETTINGS = {"seeds": 2, "learning_rates": (0.1,), "steps": 3, "record": [0, 1, 3]}


@pytest.mark.parametrize("kind", MODELS)
def test_params_come_back(kind, tmp_path):
    made = ll.sweep(["identity+logistic"], DATA, model=MODELS[kind], folder=tmp_path, **SETTINGS)
    back = ll.read_sweep(made.path)
    assert jax.tree.structure(back.params) == jax.tree.structure(made.params)
    for a, b in zip(jax.tree.leaves(back.params), jax.tree.leaves(made.params), strict=True):
        np.testing.assert_array_equal(a, b)
    for name, record in made.records.items():
        np.testing.assert_array_equal(back.records[name], record)


@pytest.mark.parametrize("name", ["status", "risk", "validation_error", "params_0", "learning_rate", "a/b", "step"])
def test_a_metric_s_name_that_means_something_else_is_refused(name):
    with pytest.raises(ValueError, match="A metric may not be called"):
        ll.sweep(["identity+logistic"], DATA, metrics={name: lambda z, t, p: z.mean()}, **SETTINGS)


def test_a_metric_called_as_an_array_of_the_params_keeps_both(tmp_path):
    metrics = {"weights": lambda z, t, p: jnp.sum(p["weights"] ** 2)}
    made = ll.sweep(["identity+logistic"], DATA, metrics=metrics, folder=tmp_path, **SETTINGS)
    back = ll.read_sweep(made.path)
    np.testing.assert_array_equal(back.records["weights"], made.records["weights"])
    np.testing.assert_array_equal(back.params["weights"], made.params["weights"])


@pytest.mark.parametrize("keep", [None, True, False])
def test_the_best_step_comes_with_its_own_params(keep):
    settings = {"seeds": 1, "learning_rates": (30.0,), "validation": DATA}
    made = ll.sweep(["identity+hinge"], DATA, steps=7, record=range(8), keep_params=keep, **settings)
    chosen = made.best("validation_risk")
    step = int(chosen.step.values[0])
    assert step < 7
    f = ll.objective(ll.pair("identity+hinge"), data=DATA)
    shorter = ll.sweep(["identity+hinge"], DATA, steps=step, record=[0], **settings)
    if keep is False:
        assert np.isnan(chosen.weights).all()
        with pytest.raises(ValueError, match="kept the params of its last step only"):
            made.params_at(step)
    else:
        np.testing.assert_array_equal(chosen.weights.values.ravel(), shorter.params["weights"].ravel())
        for step in made.steps:
            at = jax.tree.map(lambda x: x[0, 0, 0, 0], made.params_at(step))
            np.testing.assert_allclose(float(f(at)), made.records["objective"].ravel()[step], rtol=1e-6)
    with pytest.raises(ValueError, match="Step 9 was not recorded"):
        made.params_at(9)


def test_params_of_all_steps_are_read_again(tmp_path):
    made = ll.sweep(["identity+hinge"], DATA, model=ll.mlp(3), seeds=2, steps=5, folder=tmp_path)
    held = ll.read_sweep(made.path)
    assert jax.tree.structure(held.kept) == jax.tree.structure(made.kept)
    for a, b in zip(jax.tree.leaves(held.kept), jax.tree.leaves(made.kept), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_frame_has_a_row_a_model_and_step():
    made = ll.sweep(
        ["identity+hinge", "relu+hinge"], DATA, seeds=2, l2s=(0.0, 0.1), steps=5, thresholds=(0.0, 0.5), record=1
    )
    last, all_of_them = made.to_frame(), made.to_frame(every_step=True)
    assert (len(last), len(all_of_them)) == (8, 48)
    for frame in (last, all_of_them):
        for row in frame.itertuples():
            place = (made.pairs.index(row.pair), made.seeds.index(row.seed), 0, made.axes["l2"].index(row.l2))
            assert row.risk == made.records["risk"][(*place, row.step)]
            assert row.stopped == made.stopped[place]
    np.testing.assert_array_equal(all_of_them["train_error at 0.5"], made.records["train_error"][..., 1].reshape(-1))


def test_a_fit_has_labelled_axes():
    f = ll.objective(ll.pair("identity+logistic"), data=DATA)
    start = {"weights": jnp.ones(DATA.d), "bias": jnp.zeros(())}
    run = ll.fit(f, start, optax.sgd(0.1), 7, record_every=2, record=lambda p: {"w": p["weights"], "size": f.risk(p)})
    held = run.to_xarray()
    assert held.step.values.tolist() == [0, 2, 4, 6, 7]
    np.testing.assert_array_equal(held.objective, run.values)
    np.testing.assert_array_equal(held.record_w, run.records["w"])
    np.testing.assert_array_equal(held.weights, run.params["weights"])
    assert ll.fit(f, start, optax.sgd(0.1), 2, record=f.risk).to_xarray().record.dims == ("step",)


def test_an_array_called_as_an_axis_of_another_stays_an_array(tmp_path):
    model = ll.Model(lambda key, d: {"x": jnp.ones(d), "x_0": jnp.ones(d)}, lambda p, x: x @ p["x"] + x @ p["x_0"])
    made = ll.sweep("identity+hinge", DATA, model=model, seeds=1, steps=2, folder=tmp_path)
    assert {"x", "x_0"} <= set(made.to_xarray().data_vars)
    assert {"x", "x_0"} <= set(made.best("risk").data_vars)
    held = ll.read_sweep(made.path)
    for name in ("x", "x_0"):
        np.testing.assert_array_equal(held.params[name], made.params[name])
