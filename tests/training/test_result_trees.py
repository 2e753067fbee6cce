"""A sweep of any params is written and read again as it was, and what would be overwritten is refused before."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
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


def test_params_of_another_step_than_the_last_are_not_given():
    made = ll.sweep(
        ["identity+hinge"], DATA, validation=DATA, seeds=1, learning_rates=(30.0,), steps=7, record=range(8)
    )
    chosen = made.best("validation_risk")
    last = int(chosen.step.values[0]) == 7
    assert not last
    assert np.isnan(chosen.weights).all()
    whole = ll.sweep(
        ["identity+hinge"], DATA, seeds=1, learning_rates=(30.0,), steps=int(chosen.step.values[0]), record=[0]
    )
    f = ll.objective(ll.pair("identity+hinge"), data=DATA)
    at = jax.tree.map(lambda x: x[0, 0, 0, 0], whole.params)
    np.testing.assert_allclose(float(f(at)), float(chosen.validation_risk.values.ravel()[0]), rtol=1e-6)
