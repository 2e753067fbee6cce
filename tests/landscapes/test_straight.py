"""Models that users bring: what is drawn of them is what their objective gives at each place."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.data import RowsOnDisk
from lossland.landscapes._straight import is_straight

DATA = ll.standardise(ll.load("two_gaussians(n=40, d=3, seed=1)"))
FROZEN = jnp.array([0.3])
INIT = {
    "w": lambda key, d: {"w": jax.random.normal(key, (d,))},
    "part": lambda key, d: {"w": jax.random.normal(key, (d - 1,))},
    "layers": lambda key, d: ({"kernel": jax.random.normal(key, (d, 4))}, {"kernel": jax.random.normal(key, (4,))}),
}
SQUARED = {"penalised": lambda p: p["w"] ** 2}
MODELS = {
    "offset": ll.Model(INIT["w"], lambda p, x: x @ p["w"] + 1.0),
    "frozen part": ll.Model(INIT["part"], lambda p, x: x @ jnp.concatenate([p["w"], FROZEN])),
    "prior": ll.Model(INIT["w"], lambda p, x: x @ p["w"], penalised=lambda p: p["w"] - 0.7),
    "penalty of squares": ll.Model(INIT["w"], lambda p, x: x @ p["w"] + 0.5, **SQUARED),
    "rounded": ll.Model(INIT["w"], lambda p, x: x @ (8.0 * p["w"]).astype(int).astype(x.dtype) / 8.0),
    "two layers": ll.Model(INIT["layers"], lambda p, x: jnp.tanh(x @ p[0]["kernel"]) @ p[1]["kernel"]),
    "a switch": ll.Model(
        lambda key, d: {"w": jax.random.normal(key, (d,)), "on": jnp.array(True), "n": jnp.array(3)},
        lambda p, x: jnp.where(p["on"], x @ p["w"] * p["n"], 0.0),
    ),
}
MODELS["constant"] = ll.Model(INIT["w"], lambda p, x: x[:, 0])
MODELS["a count"] = ll.Model(
    lambda key, d: {"w": jax.random.normal(key, (d,)), "n": jnp.array(3)}, lambda p, x: x @ p["w"] * p["n"]
)
MODELS["nested dicts"] = ll.Model(
    lambda key, d: {
        "params": {"dense": {"kernel": jax.random.normal(key, (d, 4)), "bias": jnp.ones(4)}, "out": jnp.ones(4)}
    },
    lambda p, x: (
        jax.nn.relu(x @ p["params"]["dense"]["kernel"] + p["params"]["dense"]["bias"][None]) @ p["params"]["out"]
    ),
)
MODELS["batch norm"] = ll.Model(
    INIT["w"], lambda p, x: ((z := x @ p["w"]) - z.mean()) / jnp.sqrt(z.var() + 1e-5), "batch_norm"
)
MODELS["centred"] = ll.Model(INIT["w"], lambda p, x: (z := x @ p["w"]) - z.mean() + 0.5, "centred")
STRAIGHT = {"centred", "offset", "frozen part", "prior", "penalty of squares", "a switch", "constant", "a count"}
PAIRS = ("identity+logistic", "relu+hinge", "identity+squared_hinge")


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]


@pytest.fixture(params=PAIRS)
def drawn(request):
    return ll.pair(request.param)


def corners(model):
    return [jax.tree.map(_double, model.init(jax.random.key(k), DATA.d)) for k in range(3)]


def _double(x):
    return np.asarray(x, float) if jnp.issubdtype(x.dtype, jnp.floating) else x


def truth(pair, model, params, l2):
    """The objective written out, in plain NumPy but for model and pair."""
    z = model.apply(jax.tree.map(jnp.asarray, params), jnp.asarray(DATA.inputs))
    losses = np.asarray(pair(z, jnp.asarray(DATA.labels)))
    held = np.concatenate([np.ravel(x) for x in jax.tree.leaves(model.penalised(params))])
    return losses.mean() + 0.5 * l2 * (held**2).sum()


def step(a, b, share):
    return jax.tree.map(lambda u, v: u + share * (v - u) if jnp.issubdtype(u.dtype, jnp.floating) else u, a, b)


def test_straightness_is_read(model):
    name = next(key for key, held in MODELS.items() if held is model)
    assert is_straight(model, corners(model)[0], DATA.inputs) == (name in STRAIGHT)


def test_planes(model, drawn):
    pair = drawn
    a, b, c = corners(model)
    with jax.enable_x64(True):
        p = ll.landscapes.planar_interpolation(pair, DATA, a, b, c, steps=3, beyond=0.0, model=model, l2=0.5)
        for (i, j), params in {(0, 0): a, (2, 0): b, (0, 2): c, (1, 0): step(a, b, 0.5)}.items():
            np.testing.assert_allclose(p.values[i, j], truth(pair, model, params, 0.5), rtol=1e-9)


def test_lines_and_shared_planes(model):
    a, b, c = corners(model)
    pairs = [ll.pair(name) for name in PAIRS]
    with jax.enable_x64(True):
        for pair in pairs:
            line = ll.landscapes.linear_interpolation(pair, DATA, a, b, steps=3, model=model, l2=0.5)
            wanted = [truth(pair, model, step(a, b, share), 0.5) for share in (0.0, 0.5, 1.0)]
            np.testing.assert_allclose(line.values, wanted, rtol=1e-9)
        around = (step_to(a, b), step_to(a, c))
        planes = ll.landscapes.shared_planes(pairs, DATA, a, around, radius=1.0, steps=3, model=model, l2=0.5)
        for pair in pairs:
            np.testing.assert_allclose(planes[pair.name].values[2, 1], truth(pair, model, b, 0.5), rtol=1e-9)


def step_to(a, b):
    return jax.tree.map(lambda u, v: v - u if jnp.issubdtype(u.dtype, jnp.floating) else jnp.zeros_like(u), a, b)


def test_derivatives_are_those_of_differences(model):
    pair = ll.pair("identity+logistic")
    if model is MODELS["rounded"]:
        pytest.skip("its derivatives are 0 by its program")
    a, b, c = corners(model)
    around = (step_to(a, b), step_to(a, c))
    with jax.enable_x64(True):
        field = ll.landscapes.gradient_field(pair, DATA, a, around, radius=0.5, steps=3, model=model, l2=0.5)
        small = 1e-5

        def value(alpha, beta):
            at = jax.tree.map(
                lambda x, u, v: x + alpha * u + beta * v if jnp.issubdtype(x.dtype, jnp.floating) else x, a, *around
            )
            return truth(pair, model, at, 0.5)

        slope = (value(small, 0.0) - value(-small, 0.0)) / (2 * small)
        bend = (value(small, 0.0) - 2 * value(0.0, 0.0) + value(-small, 0.0)) / small**2
        np.testing.assert_allclose(field.slopes[1, 1, 0], slope, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(field.hessians[1, 1, 0, 0], bend, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("method", ["fastest", "scores", "model"])
def test_planes_of_rows_on_disk_are_those_in_memory(tmp_path, monkeypatch, method):
    """By kinks, by scores and by running the model, whatever blocks the file is read in."""
    monkeypatch.setattr(RowsOnDisk, "NUMBERS", 1)
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(100, 3)), np.where(rng.random(100) < 0.5, 1.0, -1.0)
    np.save(tmp_path / "x.npy", inputs)
    centre = {"weights": rng.normal(size=3), "bias": np.array(0.2)}
    one, other = ({"weights": rng.normal(size=3), "bias": rng.normal(size=())} for _ in range(2))
    settings = {"radius": 2.0, "steps": 9, "l2": 0.1, "method": method, "quantities": ["risk"]}
    found, expected = (
        ll.plane(ll.pair("identity", "hinge"), data, centre, (one, other), **settings)
        for data in (ll.load(tmp_path / "x.npy", labels=labels, memory_map=True), ll.Dataset(inputs, labels))
    )
    assert found.method == expected.method
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-12)


def test_a_plane_of_a_network_on_rows_on_disk_is_that_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(RowsOnDisk, "NUMBERS", 1)
    rng = np.random.default_rng(1)
    inputs, labels = rng.normal(size=(70, 3)), np.where(rng.random(70) < 0.5, 1.0, -1.0)
    np.save(tmp_path / "x.npy", inputs)
    model = ll.mlp((4,))
    centre, one, other = (model.init(jax.random.key(k), 3) for k in range(3))
    found, expected = (
        ll.plane(ll.pair("sigmoid", "brier"), data, centre, (one, other), model=model, radius=1.0, steps=5)
        for data in (ll.load(tmp_path / "x.npy", labels=labels, memory_map=True), ll.Dataset(inputs, labels))
    )
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-10)
