"""Parameters of losses and activations as axes of a sweep: each model as a pair of its own would be trained."""

import jax
import numpy as np
import optax
import pytest

import lossland as ll

DATA = ll.standardise(ll.load("two_gaussians(n=40, d=3, seed=1)"))
CASES = {
    "sigmoid+focal": ("gamma", (0.0, 1.0, 2.5)),
    "leaky_relu+hinge": ("slope", (0.0, 0.1, 0.7)),
    "identity+smooth_hinge": ("gamma", (0.5, 1.0)),
    "sigmoid+bi_tempered": ("t1", (0.3, 0.8)),
    "identity+dwd": ("q", (0.5, 2.0)),
}


@pytest.mark.parametrize("name", CASES)
def test_each_model_is_that_of_its_own_pair(name):
    parameter, values = CASES[name]
    settings = {"seeds": 2, "learning_rates": (0.1, 0.3), "steps": 5, "record": 1, "validation": DATA}
    made = ll.sweep(name, DATA, loss_parameters={parameter: values}, **settings)
    assert made.axes[parameter] == values
    # Each value alone is a program of its own: the ends of the axis show which model is whose.
    for k in (0, len(values) - 1):
        alone = ll.sweep([ll.pair(*name.split("+"), **{parameter: values[k]})], DATA, **settings)
        for record, array in alone.records.items():
            np.testing.assert_allclose(np.take(made.records[record], k, axis=4), array, rtol=1e-4, atol=1e-6)


def test_several_pairs_and_optimisers_that_look():
    pairs, values = ["sigmoid+focal", "tempered_sigmoid+focal"], (0.5, 2.0)
    if "tempered_sigmoid" not in {p.activation.name for p in ll.pairs()}:
        pairs = pairs[:1]
    made = ll.sweep(pairs, DATA, seeds=1, loss_parameters={"gamma": values}, optimizer=lambda r: optax.lbfgs(), steps=4)
    for i, name in enumerate(pairs):
        for k, value in enumerate(values):
            f = ll.objective(ll.pair(*name.split("+"), gamma=value), data=DATA)
            run = ll.fit(f, ll.linear().init(jax.random.key(0), 3), optax.lbfgs(), 4)
            np.testing.assert_allclose(made.records["objective"][i, 0, 0, 0, k, -1], run.values[-1], rtol=1e-3)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loss_parameters": {"gamma": (-1.0,)}}, "gamma of focal must be at least 0"),
        ({"loss_parameters": {"nu": (1.0,)}}, "has no parameter nu; its parameters: gamma"),
        ({"loss_parameters": {"gamma": (1.0,)}, "thresholds": ("best",)}, "one card a pair"),
        ({"loss_parameters": {"gamma": (1.0,)}, "hyperparameters": {"gamma": (1.0,)}}, "one axis a name"),
        ({"loss_parameters": {"gamma": ()}}, "gamma has no values"),
        ({"loss_parameters": {"l2": (1.0,)}}, "have their own arguments"),
    ],
)
def test_what_cannot_be_an_axis_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        ll.sweep("sigmoid+focal", DATA, steps=2, **settings)


def test_a_parameter_that_decides_the_program_is_named():
    @ll.margin_loss
    def staircase(margin, floors=2):
        return sum(jax.numpy.maximum(0.0, k - margin) for k in range(int(floors)))

    with pytest.raises(ValueError, match=r"floors of identity\+staircase decides its program"):
        ll.sweep([ll.pair("identity", staircase)], DATA, steps=2, loss_parameters={"floors": (1.0, 2.0)})


def test_parameters_of_a_pair_by_name():
    made = ll.pair("sigmoid", "focal", gamma=3.0)
    assert dict(made.loss.parameters) == {"gamma": 3.0}
    np.testing.assert_allclose(made(0.3, 1.0), ll.pair("sigmoid", "focal(gamma=3)")(0.3, 1.0))
    with pytest.raises(ValueError, match="has no parameter slope"):
        ll.pair("relu", "hinge", slope=0.1)
    slope = jax.grad(lambda g: ll.pair("sigmoid", "focal", gamma=g)(0.3, 1.0))(2.0)
    step = (
        ll.pair("sigmoid", "focal", gamma=2.01)(0.3, 1.0) - ll.pair("sigmoid", "focal", gamma=1.99)(0.3, 1.0)
    ) / 0.02
    np.testing.assert_allclose(slope, step, rtol=1e-3)
