"""Which models keep their examples apart: what is proven, against Jacobians in the rows, for foreign programs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.core import refuse_mixed_rows, rows_apart, rows_mixed

X = np.random.default_rng(0).normal(size=(6, 4))
M = np.random.default_rng(1).normal(size=(4, 4))
FROZEN = jnp.array([0.3])


def score(p, x):
    return x @ p["w"]


@jax.custom_jvp
def _mixing_slope(z):
    return 2.0 * z


_mixing_slope.defjvp(lambda z, v: (2.0 * z[0], v[0] - v[0].mean()))


def own_backward():
    @jax.custom_vjp
    def f(z):
        return 2.0 * z

    f.defvjp(lambda z: (2.0 * z, None), lambda _, v: (v[::-1],))
    return f


_own_backward = own_backward()


def recurrent(p, x):
    """A recurrent network over the features of each row."""
    start = jnp.zeros((x.shape[0], 2))
    return jax.lax.scan(lambda h, t: (jnp.tanh(h + t[:, None] * p["w"][None, :2]), None), start, x.T)[0].sum(1)


def attention(p, x):
    """Softmax over the features of each row."""
    tokens = x[:, :, None] * p["w"][None, None]
    weights = jax.nn.softmax(jnp.einsum("nik,njk->nij", tokens, tokens), axis=-1)
    return jnp.einsum("nij,njk->nk", weights, tokens).sum(-1)


def layer_norm(p, x):
    return ((x - x.mean(1, keepdims=True)) / jnp.sqrt(x.var(1, keepdims=True) + 1e-5)) @ p["w"]


def convolved(p, x):
    image = x[:, None, :]
    return jax.lax.conv_general_dilated(image, p["w"][None, None, :2], (1,), "VALID")[:, 0].sum(-1)


def batch_norm(p, x):
    z = x @ p["w"]
    return (z - z.mean()) / jnp.sqrt(z.var() + 1e-5)


APART = {
    "linear": score,
    "bias": lambda p, x: x @ p["w"] + p["b"],
    "column": lambda p, x: (x @ p["w"][:, None] + p["b"]).squeeze(-1),
    "reshaped": lambda p, x: (x.reshape(x.shape[0], 2, 2) @ p["w"][:2]).reshape(-1, 2).sum(1),
    "hidden layer": lambda p, x: jax.nn.gelu(x @ M + p["b"]) @ p["w"],
    "gathered features": lambda p, x: x[:, jnp.array([2, 0, 1, 3])] @ p["w"] + x[:, 1],
    "mapped": lambda p, x: jax.vmap(lambda row: jnp.where(row[0] > 0, row @ p["w"], jnp.sort(row)[1]))(x),
    "embedding": lambda p, x: p["w"][jnp.clip(jnp.floor(x[:, 0]), 0, 3).astype(int)] * x[:, 1],
    "features normed": layer_norm,
    "attention": attention,
    "recurrent": recurrent,
    "convolved": convolved,
    "frozen": lambda p, x: x @ jnp.concatenate([p["w"][:3], FROZEN]),
    "jitted": jax.jit(score),
    "checkpointed": jax.checkpoint(lambda p, x: jnp.tanh(x @ M) @ p["w"]),
    "loop": lambda p, x: jax.lax.fori_loop(0, 3, lambda _, z: jnp.sin(z * p["b"]), x @ p["w"]),
    "choice": lambda p, x: jax.lax.cond(p["b"] > 0, lambda: x @ p["w"], lambda: jnp.zeros(x.shape[0])),
    "a matrix a row": lambda p, x: jnp.linalg.cholesky(jnp.eye(4)[None] + jax.vmap(jnp.outer)(x, x))[:, -1] @ p["w"],
    "constant": lambda p, x: jnp.full(x.shape[0], p["b"]),
    "random features": ll.random_features("rbf", 5, key=jax.random.key(0)).apply,
    "network": ll.mlp((3, 2), hidden="softplus").apply,
}
MIXED = {
    "batch norm": batch_norm,
    "centred": lambda p, x: (x - x.mean(0)[None]) @ p["w"],
    "softmax over rows": lambda p, x: jax.nn.softmax(x @ p["w"]),
    "running sum": lambda p, x: jnp.cumsum(x @ p["w"]),
    "neighbours": lambda p, x: jnp.roll(x @ p["w"], 1),
    "reversed": lambda p, x: (x @ p["w"])[::-1],
    "ranks": lambda p, x: jnp.argsort(x @ p["w"]).astype(float),
    "sorted": lambda p, x: jnp.sort(x @ p["w"]),
    "attention over rows": lambda p, x: jax.nn.softmax(x @ x.T) @ (x @ p["w"]),
    "scan over rows": lambda p, x: jax.lax.scan(lambda c, r: (c + r @ p["w"], c), 0.0, x)[1],
    "transposed": lambda p, x: (x @ x.T @ x) @ p["w"],
    "the first row": lambda p, x: x @ p["w"] - x[0] @ p["w"],
    "while": lambda p, x: jax.lax.while_loop(lambda z: jnp.abs(z).max() > 1e-1, lambda z: z / 2, x @ p["w"]),
}
UNPROVEN = {
    "divided by how many": lambda p, x: x @ p["w"] / x.shape[0],
    "divided by a sum of ones": lambda p, x: x @ p["w"] / jnp.ones(x.shape[0]).sum(),
    "by its place": lambda p, x: x @ p["w"] * jnp.arange(x.shape[0]),
    "an offset a row": lambda p, x: x @ p["w"] + jnp.arange(6.0),
    "noise": lambda p, x: x @ p["w"] + jax.random.normal(jax.random.key(0), (x.shape[0],)),
    "a branch by how many": lambda p, x: x @ p["w"] if x.shape[0] > 3 else x[:, 0] * p["b"],
    "a slope that mixes": lambda p, x: _mixing_slope(x @ p["w"]),
    "its own backward pass": lambda p, x: _own_backward(x @ p["w"]),
    "a call back": lambda p, x: jax.pure_callback(np.sin, jax.ShapeDtypeStruct((x.shape[0],), x.dtype), x @ p["w"]),
}


def params(seed=0):
    rng = np.random.default_rng(seed)
    return {"w": jnp.asarray(rng.normal(size=4)), "b": jnp.asarray(abs(rng.normal()))}


def fitting(name, seed=0):
    models = {"random features": ll.random_features("rbf", 5, key=jax.random.key(0)), "network": ll.mlp((3, 2))}
    return models[name].init(jax.random.key(seed), 4) if name in models else params(seed)


@pytest.mark.parametrize("name", APART)
def test_what_is_proven_is_so(name):
    with jax.enable_x64(True):
        apply, at = APART[name], fitting(name, 1)
        assert rows_apart(apply, at, X)

        @jax.jit
        def looked_at(x):
            rows = [apply(at, x[k : k + 1])[0] for k in (0, 5)]
            return jax.jacobian(lambda x: apply(at, x))(x), jnp.stack(rows), apply(at, x)

        moves, alone, together = map(np.asarray, looked_at(X))
        off = moves[~np.eye(6, dtype=bool)]
        np.testing.assert_array_equal(off, 0.0)
        # Row by row, and in any number of rows, it is the same function.
        np.testing.assert_allclose(alone, together[[0, 5]], rtol=1e-10, atol=1e-12)
        assert not rows_mixed(jax.jit(apply), at, X)


@pytest.mark.parametrize("name", MIXED)
def test_what_mixes_rows_is_never_proven_and_is_found_by_trying(name):
    assert not rows_apart(MIXED[name], params(), X)
    assert rows_mixed(jax.jit(MIXED[name]), params(), X)


@pytest.mark.parametrize("name", UNPROVEN)
def test_what_knows_places_or_numbers_of_rows_is_not_proven(name):
    assert not rows_apart(UNPROVEN[name], params(), X)


def test_leaves_that_are_no_real_numbers_stay_fixed():
    held = {"w": jnp.ones(4), "n": jnp.array(3), "on": jnp.array(True), "key": jax.random.key(0)}

    def apply(p, x):
        return jnp.where(p["on"], x @ p["w"] * p["n"], 0.0) + x @ jax.random.normal(p["key"], (4,))

    assert rows_apart(apply, held, X)
    assert rows_apart(lambda p, x: x[:, 0] * p["n"], {"n": jnp.array(3)}, X)


def test_the_refusal_names_the_model():
    model = ll.Model(lambda key, d: {"w": jnp.ones(d)}, batch_norm)
    with pytest.raises(ValueError, match=r"batch_norm for one example depend on the other examples.*no part"):
        refuse_mixed_rows(model, params(), X, "no part can stand for all")
    refuse_mixed_rows(ll.Model(lambda key, d: params(), score), params(), X, "")
