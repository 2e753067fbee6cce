import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll

DATA = ll.load("two_gaussians(n=40, seed=1)")


def params(d=2, seed=0):
    rng = np.random.default_rng(seed)
    return {"weights": jnp.asarray(rng.normal(size=d)), "bias": jnp.asarray(rng.normal())}


@pytest.mark.slow
def test_value_against_a_loop(some_pair, x64):
    agrees_with_a_loop(some_pair)


@pytest.mark.parametrize("name", ["relu+hinge", "sigmoid+cross_entropy", "identity+logistic", "tanh+squared"])
def test_value_of_a_few_pairs_against_a_loop(name, x64):
    agrees_with_a_loop(ll.pair(name))


def agrees_with_a_loop(pair):
    """F = mean_i s_i loss(z_i, t_i) + l2/2 ||w||^2, one example at a time."""
    weights = np.linspace(0.5, 2.0, DATA.n)
    at = params()
    f = ll.objective(pair, ll.linear(), DATA, l2=0.3, sample_weights=weights)
    w, b = np.asarray(at["weights"]), float(at["bias"])
    scores = DATA.inputs @ w + b
    losses = [float(pair(z, t)) for z, t in zip(scores[:5], DATA.labels[:5], strict=True)]
    np.testing.assert_allclose(f.losses(at)[:5], losses, rtol=1e-9, atol=1e-12)
    risk = np.mean(weights * np.asarray(pair(scores, DATA.labels)))
    np.testing.assert_allclose(f(at), risk + 0.15 * w @ w, rtol=1e-9)


def test_the_bias_is_not_penalised(x64):
    f = ll.objective(ll.pair("identity", "unhinged"), ll.linear(), DATA, l2=1.0)
    far = {"weights": jnp.zeros(2), "bias": jnp.asarray(100.0)}
    np.testing.assert_allclose(f(far), f.risk(far))


def test_gradient_of_hinge_by_hand(x64):
    at = params()
    f = ll.objective(ll.pair("identity", "hinge"), ll.linear(), DATA, l2=0.1)
    margins = DATA.labels * (DATA.inputs @ np.asarray(at["weights"]) + float(at["bias"]))
    pull = -1.0 * (margins < 1) * DATA.labels / DATA.n
    gradient = jax.grad(f)(at)
    np.testing.assert_allclose(gradient["weights"], DATA.inputs.T @ pull + 0.1 * np.asarray(at["weights"]), rtol=1e-9)
    np.testing.assert_allclose(gradient["bias"], pull.sum(), rtol=1e-9)


def test_integer_sample_weights_repeat_rows(x64):
    counts = np.random.default_rng(3).integers(0, 4, DATA.n)
    rows = np.repeat(np.arange(DATA.n), counts)
    repeated = ll.Dataset(inputs=DATA.inputs[rows], labels=DATA.labels[rows])
    pair = ll.pair("sigmoid", "focal")
    weighted = ll.objective(pair, data=DATA, sample_weights=counts)
    plain = ll.objective(pair, data=repeated)
    np.testing.assert_allclose(DATA.n * weighted(params()), repeated.n * plain(params()), rtol=1e-9)


def test_class_weights(x64):
    pair, at = ll.pair("identity", "logistic"), params()
    losses = np.asarray(ll.objective(pair, data=DATA).losses(at))
    by_hand = np.mean(np.where(DATA.labels > 0, 3.0, 0.5) * losses)
    np.testing.assert_allclose(ll.objective(pair, data=DATA, class_weights={-1: 0.5, 1: 3.0})(at), by_hand)
    balanced = ll.objective(pair, data=DATA, class_weights="balanced")
    for sign in (-1, 1):
        np.testing.assert_allclose(np.asarray(balanced.sample_weights)[DATA.labels == sign].sum(), DATA.n / 2)


def test_a_batch_is_the_objective_of_its_rows(x64):
    rows = np.array([3, 5, 8])
    f = ll.objective(ll.pair("relu", "hinge"), data=DATA, l2=0.2, sample_weights=np.arange(1.0, DATA.n + 1))
    part = ll.Dataset(inputs=DATA.inputs[rows], labels=DATA.labels[rows], one_class=True)
    g = ll.objective(ll.pair("relu", "hinge"), data=part, l2=0.2, sample_weights=rows + 1.0)
    np.testing.assert_allclose(f.batch(rows)(params()), g(params()))


def test_an_objective_is_a_pytree_that_keeps_the_compiled_program():
    traces = []

    @jax.jit
    def value(f, at):
        traces.append(None)
        return f(at)

    pair = ll.pair("identity", "hinge")
    model = ll.linear()
    first = ll.objective(pair, model, DATA, l2=0.1)
    other = ll.objective(pair, model, ll.load("two_gaussians(n=40, seed=2)"), l2=0.2)
    assert value(first, params()) != value(other, params())
    assert len(traces) == 1


def test_a_pair_s_name_is_as_good_as_the_pair():
    named, made = (ll.objective(pair, data=DATA, l2=0.1) for pair in ("relu+hinge", ll.pair("relu", "hinge")))
    assert named.pair == made.pair
    assert float(named(params())) == float(made(params()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: ll.objective(p), "needs data"),
        (lambda p: ll.objective("hinge", data=DATA), r"hinge is a loss.*'identity\+hinge'"),
        (lambda p: ll.objective("relu+hing", data=DATA), "Did you mean hinge"),
        (lambda p: ll.objective(3.0, data=DATA), "A pair is an activation and a loss.*got 3.0"),
        (lambda p: ll.objective(p, data=np.ones((3, 2))), "not a Dataset"),
        (lambda p: ll.objective(p, data=DATA, l2=-1.0), "l2 must be a number >= 0"),
        (lambda p: ll.objective(p, data=DATA, l2=float("nan")), "l2 must be a number >= 0"),
        (lambda p: ll.objective(p, data=DATA, sample_weights=np.ones(3)), r"need shape \(40,\)"),
        (lambda p: ll.objective(p, data=DATA, sample_weights=-np.ones(40)), "example 0 has -1.0"),
        (lambda p: ll.objective(p, data=DATA, class_weights={0: 1.0, 1: 1.0}), r"not keyed by \[0, 1\]"),
    ],
)
def test_refusals(make, said):
    with pytest.raises(ValueError, match=said):
        make(ll.pair("identity", "hinge"))


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({}, "Objective(relu+hinge, model=linear, 40 x 2)"),
        (
            {"l2": 0.5, "sample_weights": np.ones(40)},
            "Objective(relu+hinge, model=linear, 40 x 2, l2=0.5, sample_weights)",
        ),
    ],
)
def test_its_repr_is_a_line_and_shows_no_arrays(settings, shown):
    f = ll.objective(ll.pair("relu", "hinge"), data=DATA, **settings)
    assert repr(f) == shown
    seen = []
    jax.jit(lambda g: (seen.append(repr(g)), g(params()))[1])(f)
    assert seen[0].startswith("Objective(relu+hinge, model=linear, 40 x 2")
