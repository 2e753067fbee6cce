"""What is called linear or affine in its params is: against differences of values, for foreign programs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lossland.core import affinity, along

X = np.random.default_rng(0).normal(size=(5, 3))
FROZEN = jnp.array([0.3])


@jax.custom_jvp
def _with_a_slope_of_its_own(x):
    return 2.0 * x


_with_a_slope_of_its_own.defjvp(lambda x, v: (2.0 * x[0], 7.0 * v[0]))

LINEAR = {
    "product": lambda p: X @ p["w"] + p["b"],
    "reversed": lambda p: X @ p["w"][::-1],
    "gathered": lambda p: X @ p["w"][jnp.array([2, 0, 1])],
    "chosen by data": lambda p: jnp.where(X[:, 0] > 0, X @ p["w"], p["b"]),
    "jitted": jax.jit(lambda p: X @ (p["w"] / 3.0) - p["b"]),
    "mapped": lambda p: jax.vmap(lambda row: row @ p["w"])(X),
    "running sum": lambda p: jnp.cumsum(X @ p["w"]),
    "a fixed matrix": lambda p: X @ jax.random.normal(jax.random.key(0), (3, 3)) @ p["w"],
}
AFFINE = {
    "written into": lambda p: X @ jnp.zeros(3).at[jnp.arange(3)].add(p["w"]),
    "offset": lambda p: X @ p["w"] + 1.0,
    "frozen part": lambda p: X @ jnp.concatenate([p["w"][:2], FROZEN]),
    "one weight set": lambda p: X @ p["w"].at[0].set(2.0),
    "chosen beside a constant": lambda p: jnp.where(X[:, 0] > 0, X @ p["w"], 1.0),
    "constant": lambda p: X[:, 0],
    "a decision by the data": lambda p: jax.lax.cond(True, lambda: X @ p["w"] + 1.0, lambda: X @ p["w"]),
}
OTHER = {
    "product of params": lambda p: X @ p["w"] * p["b"],
    "hidden layer": lambda p: jnp.tanh(X @ p["w"]),
    "rectified": lambda p: jax.nn.relu(X @ p["w"]),
    "absolute": lambda p: jnp.abs(X @ p["w"]),
    "rounded": lambda p: jnp.round(X @ p["w"]),
    "to whole numbers": lambda p: X @ p["w"].astype(int).astype(float),
    "to half": lambda p: X @ p["w"].astype(jnp.float16),
    "normalised": lambda p: X @ (p["w"] / jnp.linalg.norm(p["w"])),
    "index by a param": lambda p: X[:, p["b"].astype(int)] @ jnp.ones(5)[:, None] + p["w"][0],
    "choice by a param": lambda p: jnp.where(p["b"] > 0, X @ p["w"], -(X @ p["w"])),
    "own slope": lambda p: _with_a_slope_of_its_own(X @ p["w"]),
    "stopped": lambda p: jax.lax.stop_gradient(X @ p["w"]),
    "loop": lambda p: jax.lax.fori_loop(0, 3, lambda _, z: z * p["b"], X @ p["w"]),
    "not to be traced": lambda p: float(p["b"]) * X[:, 0],
}


def params(seed):
    rng = np.random.default_rng(seed)
    return {"w": jnp.asarray(rng.normal(size=3)), "b": jnp.asarray(rng.normal())}


@pytest.mark.parametrize("name", LINEAR)
def test_linear(name):
    with jax.enable_x64(True):
        f = LINEAR[name]
        assert affinity(f, params(0)) == "linear"
        a, b = params(1), params(2)
        both = jax.tree.map(lambda u, v: 2.0 * u - 3.0 * v, a, b)
        np.testing.assert_allclose(f(both), 2.0 * f(a) - 3.0 * f(b), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", LINEAR | AFFINE)
def test_along(name):
    with jax.enable_x64(True):
        f = (LINEAR | AFFINE)[name]
        if name not in LINEAR and name != "a decision by the data":
            assert affinity(f, params(0)) == "affine"
        a, b = params(1), params(2)
        moved = jax.tree.map(lambda u, v: u + 0.7 * v, a, b)
        rows = along(f, a, [b])
        np.testing.assert_allclose(rows[0] + 0.7 * rows[1], f(moved), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", OTHER)
def test_other(name):
    with jax.enable_x64(True):
        assert affinity(OTHER[name], params(0)) == "other"


def test_whole_numbers_are_held_fixed():
    with jax.enable_x64(True):
        held = {"w": jnp.ones(3), "n": jnp.array(3), "on": jnp.array(True), "key": jax.random.key(0)}

        def f(p):
            return jnp.where(p["on"], X @ p["w"] * p["n"], 0.0)

        assert affinity(f, held) == affinity(lambda p: X @ p["w"] * p["n"], held) == "affine"
        rows = along(f, held, [held])
        np.testing.assert_allclose(rows[0], rows[1])
