import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll

KEY = jax.random.key(7)
MODELS = {
    "linear": ll.linear(),
    "mlp": ll.mlp((8, 4), hidden="tanh"),
    "mlp of an int": ll.mlp(5),
    "rbf": ll.random_features("rbf", 32, key=KEY),
    "laplacian": ll.random_features("laplacian", 32, width=2.0, key=KEY),
}


@pytest.fixture(params=MODELS.values(), ids=MODELS.keys())
def model(request):
    return request.param


@pytest.mark.slow
def test_scores_have_one_entry_per_example(model, rng):
    params = model.init(KEY, 3)
    inputs = jnp.asarray(rng.normal(size=(7, 3)))
    scores = model.apply(params, inputs)
    assert scores.shape == (7,)
    one_by_one = jnp.stack([model.apply(params, row[None])[0] for row in inputs])
    np.testing.assert_allclose(scores, one_by_one, rtol=2e-5, atol=1e-6)


def test_init_is_decided_by_the_key(model):
    same = jax.tree.map(jnp.array_equal, model.init(KEY, 3), model.init(KEY, 3))
    assert all(jax.tree.leaves(same))


def test_the_penalty_covers_weights_and_no_bias(model):
    params = jax.tree.map(jnp.ones_like, model.init(KEY, 3))
    weights = sum(w.size for w in jax.tree.leaves(model.penalised(params)))
    biases = sum(jnp.size(p["bias"]) for p in (params if isinstance(params, list) else [params]))
    assert weights + biases == sum(p.size for p in jax.tree.leaves(params))


def test_linear_is_an_affine_map(rng):
    w, b, x = rng.normal(size=4), rng.normal(), rng.normal(size=(6, 4))
    scores = ll.linear().apply({"weights": jnp.asarray(w), "bias": jnp.asarray(b)}, jnp.asarray(x))
    np.testing.assert_allclose(scores, x @ w + b, rtol=1e-5, atol=1e-6)


def test_linear_params_have_the_documented_shapes():
    params = ll.linear().init(KEY, 4)
    assert {name: value.shape for name, value in params.items()} == {"weights": (4,), "bias": ()}


def test_scale_zero_starts_at_zero():
    assert not np.any(ll.linear(scale=0.0).init(KEY, 4)["weights"])


def test_mlp_against_numpy(rng):
    params = ll.mlp((6, 5), hidden="relu").init(KEY, 3)
    hidden = rng.normal(size=(4, 3)).astype(np.float32)
    scores = ll.mlp((6, 5), hidden="relu").apply(params, jnp.asarray(hidden))
    for layer in params[:-1]:
        hidden = np.maximum(hidden @ np.asarray(layer["weights"]) + np.asarray(layer["bias"]), 0)
    want = hidden @ np.asarray(params[-1]["weights"]) + np.asarray(params[-1]["bias"])
    np.testing.assert_allclose(scores, want, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["rbf", "laplacian"])
def test_random_features_approach_their_kernel(kernel, rng):
    """With the features as weights, the score is the features' inner product: an estimate of the kernel."""
    m, width = 20_000, 1.5
    model = ll.random_features(kernel, m, width=width, key=KEY)
    x = jnp.asarray(rng.normal(size=(5, 3)), jnp.float32)
    unit = model.init(KEY, 3)
    features = jax.jacobian(lambda w: model.apply({**unit, "weights": w}, x))(unit["weights"])
    gaps = np.asarray(x)[:, None] - np.asarray(x)[None]
    exponent = (gaps**2).sum(-1) / (2 * width**2) if kernel == "rbf" else np.abs(gaps).sum(-1) / width
    np.testing.assert_allclose(features @ features.T, np.exp(-exponent), atol=0.04)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ll.mlp((0,)), "at least one unit"),
        (lambda: ll.mlp((4,), hidden="rely"), "Did you mean relu"),
        (lambda: ll.random_features("cosine", 4, key=KEY), 'kernel is "rbf" or "laplacian", not .cosine.'),
        (lambda: ll.random_features("rbf", 4, width=0.0, key=KEY), "width must be positive"),
        (lambda: ll.linear().init(KEY, 0), "at least one unit"),
    ],
)
def test_refusals(make, said):
    with pytest.raises(ValueError, match=said):
        make()
