"""Models of other libraries, by the recipes of docs/extending.md, against direct evaluation of the network."""

import warnings
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll

DATA = ll.standardise(ll.load("two_gaussians(n=12, d=3, seed=1)"))
with warnings.catch_warnings():
    # What they import may be deprecated elsewhere; that is theirs to mend.
    warnings.simplefilter("ignore")
    import equinox as eqx
    from flax import linen, nnx


class Recipe(NamedTuple):
    """A model, and how one row's score comes from its params by hand."""

    model: ll.Model
    by_hand: object
    units: int = -1


class Net(nnx.Module):
    def __init__(self, d, rngs):
        self.hidden, self.out = nnx.Linear(d, 4, rngs=rngs), nnx.Linear(4, 1, rngs=rngs)

    def __call__(self, x):
        return self.out(jnp.tanh(self.hidden(x)))


def of_linen():
    module = linen.Sequential([linen.Dense(4), jnp.tanh, linen.Dense(1)])
    model = ll.Model(lambda key, d: module.init(key, jnp.ones((1, d))), lambda p, x: module.apply(p, x)[:, 0], "linen")

    def by_hand(params, row):
        first, second = params["params"]["layers_0"], params["params"]["layers_2"]
        return (jnp.tanh(row @ first["kernel"] + first["bias"]) @ second["kernel"] + second["bias"])[0]

    return Recipe(model, by_hand)


def of_nnx():
    def split(key, d):
        return nnx.split(Net(d, nnx.Rngs(key)), nnx.Param, ...)

    graph, _, rest = split(jax.random.key(0), 3)
    model = ll.Model(lambda key, d: split(key, d)[1], lambda p, x: nnx.merge(graph, p, rest)(x)[:, 0], "nnx")

    def by_hand(params, row):
        first, second = params["hidden"], params["out"]
        middle = jnp.tanh(row @ first["kernel"][...] + first["bias"][...])
        return (middle @ second["kernel"][...] + second["bias"][...])[0]

    return Recipe(model, by_hand)


def of_equinox():
    def split(key, d):
        return eqx.partition(eqx.nn.MLP(d, "scalar", 4, 1, jnp.tanh, key=key), eqx.is_inexact_array)

    static = split(jax.random.key(0), 3)[1]
    model = ll.Model(lambda key, d: split(key, d)[0], lambda p, x: jax.vmap(eqx.combine(p, static))(x), "equinox")

    def by_hand(params, row):
        first, second = params.layers
        return (second.weight @ jnp.tanh(first.weight @ row + first.bias) + second.bias)[0]

    return Recipe(model, by_hand, units=0)


RECIPES = {"linen": of_linen, "nnx": of_nnx, "equinox": of_equinox}


def slow(recipe, params):
    pair = ll.pair("identity+logistic")
    scores = jnp.stack([recipe.by_hand(params, jnp.asarray(row, jnp.float32)) for row in DATA.inputs])
    return jnp.mean(pair(scores, jnp.asarray(DATA.labels, scores.dtype)))


@pytest.mark.parametrize("name", RECIPES)
def test_values_training_and_planes(name):
    with jax.numpy_rank_promotion("allow"):
        recipe = RECIPES[name]()
        start = recipe.model.init(jax.random.key(1), 3)
        f = ll.objective(ll.pair("identity+logistic"), recipe.model, DATA)
        np.testing.assert_allclose(f(start), slow(recipe, start), rtol=1e-5)
        run = ll.fit(f, start, optax.sgd(0.5), 3)
        at = start
        for k in range(3):
            value, slope = jax.value_and_grad(lambda p: slow(recipe, p))(at)
            np.testing.assert_allclose(run.values[k], value, rtol=1e-5)
            at = jax.tree.map(lambda p, g: p - 0.5 * g, at, slope)
        np.testing.assert_allclose(slow(recipe, run.params), run.values[-1], rtol=1e-5)
        directions = ll.random_directions(start, jax.random.key(2), units=recipe.units)
        made = ll.plane(f.pair, DATA, start, directions, radius=0.5, steps=3, model=recipe.model)
        for i, j in ((0, 2), (2, 1)):
            first, second = made.alphas[i], made.betas[j]
            there = jax.tree.map(lambda c, a, b: c + jnp.asarray(first * a + second * b, c.dtype), start, *directions)  # noqa: B023
            np.testing.assert_allclose(made.values[i, j], slow(recipe, there), rtol=1e-4)


@pytest.mark.parametrize("name", RECIPES)
def test_sweeps_and_curvature(name):
    with jax.numpy_rank_promotion("allow"):
        recipe = RECIPES[name]()
        f = ll.objective(ll.pair("identity+logistic"), recipe.model, DATA)
        made = ll.sweep("identity+logistic", DATA, model=recipe.model, seeds=2, steps=3, record=1)
        for k in range(2):
            run = ll.fit(f, recipe.model.init(jax.random.key(k), 3), optax.sgd(0.1), 3)
            np.testing.assert_allclose(made.records["objective"][0, k, 0, 0], run.values, rtol=1e-5)
        start = recipe.model.init(jax.random.key(1), 3)
        row, back = jax.flatten_util.ravel_pytree(start)
        wanted = jax.hessian(lambda x: slow(recipe, back(x)))(row)
        np.testing.assert_allclose(ll.hessian(f, start), wanted, rtol=1e-3, atol=1e-5)


def test_a_whole_equinox_module_is_told_to_be_split():
    module = eqx.nn.MLP(3, "scalar", 4, 1, key=jax.random.key(0))
    with pytest.raises((TypeError, ValueError), match="partition"):
        ll.fit(lambda m: jnp.sum(jax.vmap(m)(jnp.ones((2, 3)))), module, optax.sgd(0.1), 2)
