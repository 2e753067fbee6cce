"""Examples of weight 0 are not there: not in values, gradients, planes, curvature or sweeps, whatever their loss."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll

INPUTS = np.array([[1.0], [2.0], [-1.0], [-30.0]])
LABELS = np.array([1, 1, -1, 1])
MASK = np.array([1.0, 1.0, 1.0, 0.0])
AT = {"weights": np.array([1.0]), "bias": np.array(0.0)}
PAIRS = ("hard_sigmoid+cross_entropy", "identity+exponential", "sparse_sigmoid+cross_entropy", "identity+hinge")


def masked():
    """Data whose last example is masked, its score such that losses are infinite or overflow, and without it."""
    whole = ll.Dataset(INPUTS * 1e3, LABELS)
    return whole, ll.Dataset(whole.inputs[:3], LABELS[:3])


@pytest.mark.parametrize("name", PAIRS)
def test_objective_and_gradient(name):
    whole, rest = masked()
    with jax.enable_x64(True):
        f = ll.objective(ll.pair(name), data=whole, sample_weights=MASK, l2=0.1)
        g = ll.objective(ll.pair(name), data=rest, l2=0.1)
        risks = float(f.risk(AT)), float(g.risk(AT))
        np.testing.assert_allclose(risks[0], 0.75 * risks[1], rtol=1e-12)
        slopes = jax.grad(f.risk)(AT), jax.grad(g.risk)(AT)
        for key in AT:
            np.testing.assert_allclose(slopes[0][key], 0.75 * slopes[1][key], rtol=1e-12)


@pytest.mark.parametrize("name", PAIRS)
def test_a_mean_over_the_valid_examples(name):
    whole, rest = masked()
    with jax.enable_x64(True):
        f = ll.objective(ll.pair(name), data=whole, sample_weights=MASK, mean="valid")
        np.testing.assert_allclose(float(f(AT)), float(ll.objective(ll.pair(name), data=rest)(AT)), rtol=1e-12)


def test_what_a_mean_may_be():
    whole, _ = masked()
    with pytest.raises(ValueError, match='mean is "all" or "valid"'):
        ll.objective(ll.pair("identity+hinge"), data=whole, mean="sum")
    with pytest.raises(ValueError, match="nothing to take a mean of"):
        ll.objective(ll.pair("identity+hinge"), data=whole, sample_weights=np.zeros(4), mean="valid")


@pytest.mark.parametrize("name", PAIRS)
def test_planes(name):
    whole, rest = masked()
    around = {"weights": np.array([1.0]), "bias": np.array(0.0)}, {"weights": np.array([0.0]), "bias": np.array(1.0)}
    settings = {"radius": 1e-3, "steps": 3}
    with jax.enable_x64(True):
        p = ll.plane(ll.pair(name), whole, AT, around, sample_weights=MASK, **settings)
        q = ll.plane(ll.pair(name), rest, AT, around, **settings)
    np.testing.assert_allclose(p.values, 0.75 * q.values, rtol=1e-9)


@pytest.mark.parametrize("name", PAIRS)
def test_sweeps(name):
    whole, rest = ll.Dataset(INPUTS, LABELS), ll.Dataset(INPUTS[:3], LABELS[:3])
    start = {"weights": np.array([0.1]), "bias": np.array(0.0)}
    settings = {"steps": 20, "seeds": 1, "init": start, "record": [0, 20]}
    found = ll.sweep([ll.pair(name)], whole, sample_weights=MASK, learning_rates=(0.4,), **settings)
    alone = ll.sweep([ll.pair(name)], rest, learning_rates=(0.3,), **settings)
    np.testing.assert_allclose(found.records["risk"], 0.75 * alone.records["risk"], rtol=1e-5)


def test_a_traced_label_that_is_none_gives_nan():
    hinge = ll.pair("identity", "hinge")
    for f in (hinge, hinge.slope, hinge.curvature, lambda z, t: hinge.bare(z, t)[1], lambda z, t: hinge.jet(z, t)[0]):
        found = jax.jit(f)(jnp.array([2.0, -3.0, 0.5]), jnp.array([1, 0, 0.7]))
        assert np.isnan(found).tolist() == [False, True, True]


def test_scores_of_a_wrong_shape_are_named():
    data = ll.Dataset(INPUTS, LABELS)
    model = ll.Model(lambda key, d: jnp.zeros((d, 1)), lambda p, x: x @ p, "column")
    with pytest.raises(ValueError, match=r"column gives scores of shape \(4, 1\) for 4 examples"):
        ll.objective(ll.pair("identity+hinge"), model, data)(jnp.zeros((1, 1)))
