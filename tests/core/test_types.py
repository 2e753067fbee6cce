"""A model of one's own needs two functions; what it leaves out is filled in as the registered models have it."""

import pickle
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll
from lossland.core import all_but_biases


def init(key, d):
    return {"weights": jax.random.normal(key, (d,)) / d**0.5, "bias": jnp.zeros(())}


def plain_linear(params, inputs):
    return inputs @ params["weights"] + params["bias"]


OWN = ll.Model(init, plain_linear)
DATA = ll.load("two_gaussians(n=30)")
AT = {"weights": np.array([0.5, -2.0]), "bias": np.array(3.0)}


def test_a_model_of_two_functions_has_a_name_and_a_penalty():
    assert ll.Model(init=init, apply=plain_linear) == OWN
    assert OWN == (init, plain_linear, "plain_linear", all_but_biases)
    assert ll.Model(init, lambda params, inputs: inputs).name == "model"
    assert ll.Model(init, jax.tree_util.Partial(plain_linear)).name == "model"


def test_a_model_stays_a_named_tuple():
    whole = ll.Model(init, plain_linear, "mine", len)
    first, second, name, penalised = whole
    assert (first, second, name, penalised) == (init, plain_linear, "mine", len)
    assert whole._replace(name="") == (init, plain_linear, "", len)
    assert type(whole._replace(name="other")) is ll.Model
    assert hash(pickle.loads(pickle.dumps(OWN))) == hash(OWN)
    assert pickle.loads(pickle.dumps(OWN)) == OWN
    assert jax.tree.map(lambda leaf: np.ones(2), whole).name.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("model", [ll.linear(), ll.mlp((3,)), ll.random_features(m=4, key=jax.random.key(1))])
def test_the_default_penalises_what_the_registered_models_do(model):
    params = jax.tree.map(lambda leaf: leaf + 1.0, model.init(jax.random.key(0), 2))
    theirs, ours = (jax.tree.leaves(penalised(params)) for penalised in (model.penalised, all_but_biases))
    assert len(theirs) == len(ours)
    assert all(np.array_equal(a, b) for a, b in zip(theirs, ours, strict=True))


class Layer(NamedTuple):
    weights: np.ndarray
    bias: np.ndarray


@pytest.mark.parametrize(
    ("params", "shapes"),
    [
        (np.ones(3), [(3,)]),
        (np.ones(()), []),
        (Layer(np.ones((2, 3)), np.ones(3)), [(2, 3)]),
        ([{"weights": np.ones((2, 2)), "bias": np.ones(2)}, {"gain": np.ones(1), "bias": np.ones(())}], [(2, 2), (1,)]),
    ],
)
def test_scalars_and_biases_are_not_penalised(params, shapes):
    assert [np.shape(leaf) for leaf in all_but_biases(params)] == shapes


def test_a_model_of_ones_own_trains_and_sweeps_as_the_linear_one():
    pair = ll.pair("relu", "hinge")
    objectives = [ll.objective(pair, model, DATA, l2=0.3) for model in (OWN, ll.linear())]
    values = [float(f(AT)) for f in objectives]
    assert values[0] == pytest.approx(values[1], rel=1e-12)
    runs = [ll.fit(f, AT, optax.sgd(0.1), 5).values for f in objectives]
    assert np.allclose(runs[0], runs[1], rtol=1e-9)
    swept = [ll.sweep([pair], DATA, model=model, seeds=2, l2s=(0.0, 0.1), steps=4) for model in (OWN, ll.linear())]
    assert swept[0].settings["model"] == "plain_linear"
    for name in ("objective", "weight_norm"):
        assert np.allclose(swept[0].records[name], swept[1].records[name], rtol=1e-5)


def test_a_model_of_ones_own_has_planes():
    pair, directions = ll.pair("identity", "hinge"), ({"weights": np.eye(2)[0], "bias": np.zeros(())}, AT)
    planes = [ll.plane(pair, DATA, AT, directions, model=model, l2=0.3, steps=5) for model in (OWN, ll.linear())]
    assert np.allclose(planes[0].values, planes[1].values, rtol=1e-12)
