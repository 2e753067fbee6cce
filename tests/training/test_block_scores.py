"""Objectives, training and sweeps on inputs that stay in their file, against the same in memory."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll
from lossland.data import RowsOnDisk
from lossland.training._block_scores import picked_rows, scores_of_rows


@pytest.fixture
def both(tmp_path, monkeypatch):
    """The same data on disk, in blocks of 32 rows, and in memory."""
    monkeypatch.setattr(RowsOnDisk, "NUMBERS", 1)
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(150, 4))
    labels = np.where(inputs[:, 0] + 0.5 * rng.normal(size=150) > 0, 1.0, -1.0)
    np.save(tmp_path / "x.npy", inputs)
    stored = ll.load(tmp_path / "x.npy", labels=labels, memory_map=True)
    assert isinstance(stored.inputs, RowsOnDisk)
    return stored, ll.Dataset(inputs, labels)


MODELS = [
    pytest.param(ll.linear(), id="linear"),
    pytest.param(ll.mlp((5,)), id="mlp", marks=pytest.mark.slow),
    pytest.param(ll.random_features(m=8, key=jax.random.key(7)), id="random_features", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("model", MODELS)
def test_values_gradients_and_products_are_those_in_memory(both, model):
    one, other = (ll.objective(ll.pair("sigmoid", "brier"), model, data, l2=0.1) for data in both)
    params = model.init(jax.random.key(1), 4)
    np.testing.assert_allclose(one(params), other(params), rtol=1e-6)
    np.testing.assert_allclose(one.scores(params), other.scores(params), rtol=1e-5, atol=1e-6)
    for found, expected in zip(*(jax.tree.leaves(jax.grad(f)(params)) for f in (one, other)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    moves = jax.tree.map(jnp.ones_like, params)
    products = [jax.jit(lambda p, f=f: jax.jvp(jax.grad(f), (p,), (moves,))[1])(params) for f in (one, other)]
    for found, expected in zip(*map(jax.tree.leaves, products), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_nothing_as_large_as_the_inputs_is_kept_for_the_derivative(both):
    """Read off the compiled gradient: what it needs beside its arguments is less than the inputs would take."""
    f = ll.objective(ll.pair("identity", "logistic"), data=both[0])
    params = ll.linear().init(jax.random.key(0), 4)
    text = str(jax.make_jaxpr(jax.grad(f))(params))
    assert "150,4" not in text
    assert "4,32,4" not in text
    for whole in (ll.hessian, ll.curvature.hessian_diagonal):
        text = str(jax.make_jaxpr(lambda p, whole=whole: whole(f, p))(params))
        assert "32,4]" in text
        assert "150,4" not in text
        assert "4,32,4" not in text


def test_a_batch_holds_the_rows_that_were_drawn(both):
    one, other = (ll.objective(ll.pair("identity", "hinge"), data=data) for data in both)
    rows = jnp.asarray([149, 3, 3, -1])
    np.testing.assert_array_equal(one.batch(rows).inputs, other.batch(rows).inputs)
    np.testing.assert_array_equal(jax.jit(lambda r: picked_rows(one.inputs, r))(rows), other.inputs[rows])


@pytest.mark.parametrize("batch_size", [None, 32])
def test_fit_takes_the_same_way(both, batch_size):
    runs = []
    for data in both:
        f = ll.objective(ll.pair("identity", "logistic"), ll.linear(), data, l2=1e-3)
        start = ll.linear().init(jax.random.key(0), 4)
        runs.append(ll.fit(f, start, optax.adam(0.1), 20, key=jax.random.key(3), batch_size=batch_size, record_every=5))
    np.testing.assert_allclose(runs[0].values, runs[1].values, rtol=1e-5)
    np.testing.assert_allclose(runs[0].params["weights"], runs[1].params["weights"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("batch_size", [pytest.param(None, marks=pytest.mark.slow), 32])
@pytest.mark.parametrize("model", MODELS)
def test_sweep_trains_the_same_models(both, model, batch_size):
    settings = {"seeds": 2, "learning_rates": (0.1, 0.5), "steps": 6, "batch_size": batch_size, "model": model}
    one, other = (ll.sweep(["identity+logistic"], data, **settings) for data in both)
    for name in ("risk", "train_error", "gradient_norm"):
        np.testing.assert_allclose(one.records[name], other.records[name], rtol=1e-3, atol=1e-5)
    for found, expected in zip(jax.tree.leaves(one.params), jax.tree.leaves(other.params), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_a_sweep_goes_on_in_its_folder_and_knows_its_data(both, tmp_path):
    folder = tmp_path / "kept"
    made = ll.sweep(["identity+hinge"], both[0], seeds=1, steps=2, folder=folder)
    again = ll.sweep(["identity+hinge"], both[0], seeds=1, steps=2, folder=folder)
    assert again.path == made.path
    other = np.load(both[0].source) + 1.0
    np.save(tmp_path / "other.npy", other)
    changed = ll.load(tmp_path / "other.npy", labels=both[0].labels, memory_map=True)
    assert ll.sweep(["identity+hinge"], changed, seeds=1, steps=2, folder=folder).path != made.path


def test_a_model_that_mixes_rows_is_refused(both):
    def apply(params, inputs):
        scores = inputs @ params["w"]
        return scores - scores.mean()

    model = ll.Model(lambda key, d: {"w": jnp.ones(d)}, apply)
    with pytest.raises(ValueError, match="scored by blocks of rows"):
        ll.objective(ll.pair("identity", "hinge"), model, both[0])
    with pytest.raises(ValueError, match="scored by blocks of rows"):
        ll.sweep(["identity+hinge"], both[0], model=model, seeds=1, steps=1)


def test_rows_are_not_shared_over_devices(both):
    with pytest.raises(ValueError, match='them whole for sharding="rows"'):
        ll.sweep(["identity+hinge"], both[0], seeds=1, steps=1, sharding="rows")


def test_a_file_that_changes_while_a_program_runs_ends_it(both):
    f = ll.objective(ll.pair("identity", "hinge"), data=both[0])
    start = ll.linear().init(jax.random.key(0), 4)
    os.truncate(both[0].source, 1000)
    with pytest.raises(Exception, match="changed after it was loaded"):
        jax.block_until_ready(f(start))


def test_scores_of_arrays_are_the_models_own():
    inputs = np.eye(3)
    assert scores_of_rows(lambda p, x: x @ p, np.ones(3), inputs).tolist() == [1.0, 1.0, 1.0]


def test_float64_arrives_as_it_is_whatever_thread_reads(both):
    """The thread that reads does not know that this program computes in float64, and JAX would round what it gives."""
    with jax.enable_x64(True):
        params = {"weights": jnp.array([0.3, -0.1, 2.0, 1e-9]), "bias": jnp.array(0.1)}
        one, other = (ll.objective(ll.pair("identity", "logistic"), data=data) for data in both)
        slopes = [
            jax.jit(jax.vmap(jax.grad(f)))(jax.tree.map(lambda x: jnp.stack([x, 2 * x]), params)) for f in (one, other)
        ]
    for found, expected in zip(*map(jax.tree.leaves, slopes), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("soft", [False, True])
def test_hessians_are_those_in_memory(both, soft):
    if soft:
        shares = np.linspace(0.0, 1.0, both[0].n)
        both = [ll.Dataset(data.inputs, probabilities=shares) for data in both]
    one, other = (ll.objective(ll.pair("identity", "logistic"), data=data, l2=0.1) for data in both)
    at = ll.linear().init(jax.random.key(1), 4)
    expected = ll.hessian(other, at)
    np.testing.assert_allclose(ll.hessian(one, at), expected, atol=1e-5)
    product = ll.curvature.hessian_vector_product(one, at, np.arange(5.0))
    np.testing.assert_allclose(product, expected @ np.arange(5.0), atol=1e-4)
    diagonal = ll.curvature.hessian_diagonal(one, at)
    np.testing.assert_allclose(np.r_[diagonal["bias"], diagonal["weights"]], np.diag(expected), atol=1e-5)
    np.testing.assert_allclose(ll.top_eigenvalues(one, at, 2).values, np.linalg.eigvalsh(expected)[:-3:-1], rtol=1e-4)


def test_derivatives_of_every_score_are_refused_with_their_memory(both):
    f = ll.objective(ll.pair("identity", "logistic"), data=both[0])
    at = ll.linear().init(jax.random.key(1), 4)
    with pytest.raises(ValueError, match="derivatives of all scores, which would take"):
        ll.curvature.gauss_newton(f, at)
    hinge = ll.objective(ll.pair("identity", "hinge"), data=both[0])
    with pytest.raises(ValueError, match="derivatives of all scores, which would take"):
        ll.kink_curvature(hinge, at, width=0.5)


@pytest.mark.parametrize("what", ["changed", "gone"])
def test_public_functions_tell_of_a_lost_file_in_a_sentence(both, what):
    f = ll.objective(ll.pair("identity", "logistic"), data=both[0])
    start = ll.linear().init(jax.random.key(0), 4)
    if what == "changed":
        os.truncate(both[0].source, 1000)
    else:
        os.remove(both[0].source)
    told = r"^\S*x\.npy (was changed after it was loaded|cannot be read any more)[^\n]*$"
    for ask in (
        lambda: ll.fit(f, start, optax.sgd(0.1), 2),
        lambda: ll.fit(f, start, optax.sgd(0.1), 2, batch_size=10, key=jax.random.key(0)),
        lambda: ll.sweep(["identity+hinge"], both[0], seeds=1, steps=1),
        lambda: ll.hessian(f, start),
        lambda: ll.gradient_weights(f, start),
        lambda: ll.random_plane(ll.pair("relu+hinge"), both[0], start, key=jax.random.key(0), radius=1.0, steps=3),
    ):
        with pytest.raises(ValueError, match=told):
            ask()
