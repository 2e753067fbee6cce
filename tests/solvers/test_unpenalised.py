"""C = inf of a smooth loss: estimates against scikit-learn, directions checked in rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import lossland as ll


def noisy(n=120, d=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * 10.0 ** np.arange(-1, d - 1) + np.arange(d) * 1e3
    return ll.Dataset(inputs=x, labels=np.where((x - x.mean(axis=0))[:, 0] * 10 + rng.normal(size=n) > 0, 1, -1))


def test_logistic_is_maximum_likelihood():
    data = noisy()
    s = np.random.default_rng(1).integers(0, 4, data.n).astype(float)
    sol = ll.solve("logistic", data, C=np.inf, sample_weights=s)
    assert sol.converged
    scale = data.inputs.std(axis=0)
    rows = (data.inputs - data.inputs.mean(axis=0)) / scale
    other = LogisticRegression(C=np.inf, tol=1e-12, max_iter=500, solver="newton-cholesky")
    other.fit(rows, data.labels, sample_weight=s)
    np.testing.assert_allclose(sol.weights * scale, other.coef_[0], rtol=1e-6)
    # The score equations: no pull is left.
    pulls = data.labels * sol.duals
    np.testing.assert_allclose(pulls @ rows, 0, atol=1e-10)
    np.testing.assert_allclose(pulls.sum(), 0, atol=1e-12)
    np.testing.assert_allclose(
        sol.objective, ll.solve("logistic", data, C=1e9, sample_weights=s).objective / 1e9, rtol=1e-6
    )


def exact_margins(error, data, used):
    for i in range(data.n):
        z = sum(Fraction(float(a)) * Fraction(float(b)) for a, b in zip(data.inputs[i], error.weights, strict=True))
        margin = int(data.labels[i]) * (z + Fraction(error.bias))
        np.testing.assert_allclose(error.margins[i], float(margin) if used[i] else 0.0, rtol=1e-12, atol=1e-13)
    assert np.all(error.margins >= 0)
    assert np.any(error.margins > 0)


def test_complete_separation_is_shown():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(60, 4)) + 50
    data = ll.Dataset(inputs=x, labels=np.where(x @ [1, -2, 0, 1] > -1, 1, -1))
    with pytest.raises(ll.solvers.Separable, match="separates the classes, so that the loss falls forever") as caught:
        ll.solve("logistic", data, C=np.inf)
    assert caught.value.complete
    exact_margins(caught.value, data, np.ones(60, bool))


@pytest.mark.parametrize("name", ["logistic", "exponential", "dwd"])
def test_examples_on_the_plane_do_not_save_the_estimate(name):
    """A 0/1 column that is 1 for positives only: quasi-complete separation (Albert & Anderson 1984)."""
    rng = np.random.default_rng(3)
    x = rng.integers(0, 2, size=(60, 3)).astype(float)
    data = ll.Dataset(inputs=x, labels=np.where(x[:, 0] > 0, 1, rng.choice([-1, 1], 60)))
    with pytest.raises(ll.solvers.Separable, match=r"but for [0-9]+ examples that lie on it") as caught:
        ll.solve(name, data, C=np.inf)
    assert not caught.value.complete
    exact_margins(caught.value, data, np.ones(60, bool))


def test_a_loss_that_grows_on_both_sides_has_its_minimum_anyway():
    data = ll.Dataset(inputs=[[0.0], [1.0], [2.0], [3.0]], labels=[-1, -1, 1, 1])
    sol = ll.solve("linex", data, C=np.inf)
    assert sol.converged
    near = [ll.solve("linex", data, C=C).objective / C for C in (1e6, 1e8)]
    np.testing.assert_allclose(sol.objective, near[1], rtol=1e-6)


def test_batches_of_weights():
    data = noisy(60, 2)
    s = np.random.default_rng(5).integers(1, 3, (2, 60)).astype(float)
    both = ll.solve("logistic", data, C=np.inf, sample_weights=s)
    for k in range(2):
        alone = ll.solve("logistic", data, C=np.inf, sample_weights=s[k])
        np.testing.assert_allclose(both.weights[k], alone.weights, rtol=1e-9)


@pytest.mark.parametrize("name", ["logistic", "exponential"])
@pytest.mark.parametrize("s", [[1, 1, 1000], [1, 1000, 1], [1e-3, 1, 1e3]])
def test_weights_of_unlike_sizes_without_a_bias(name, s):
    """The optimum lies many standard errors from the origin, whose own slopes say nothing about it."""
    from scipy.optimize import minimize_scalar

    data = ll.Dataset(inputs=[[1.0], [2.0], [1.0]], labels=[1, 1, -1])
    phi = {"logistic": lambda m: np.logaddexp(0, -m), "exponential": lambda m: np.exp(-m)}[name]
    least = minimize_scalar(lambda w: np.sum(s * phi(np.array([w, 2 * w, -w]))), bracket=(-8, 8), tol=1e-12)
    sol = ll.solve(name, data, C=np.inf, sample_weights=s, bias=False)
    assert sol.converged
    assert sol.dual_objective <= least.fun * (1 + 1e-12)
    np.testing.assert_allclose(sol.objective, least.fun, rtol=1e-10)


def test_inputs_whose_mean_is_rounding():
    """Standardised inputs: a mean of 1e-17 is nothing that a weight could be moved for."""
    x = np.array([-1.2, -0.4, 0.1, 0.5, 1.3, -0.3])
    x = (x - x.mean())[:, None]
    t = [-1, 1, -1, 1, 1, -1]
    sol, moved = (ll.solve("logistic", ll.Dataset(inputs=x + o, labels=t), C=np.inf) for o in (0.0, 1.0))
    assert sol.converged
    np.testing.assert_allclose(sol.weights, moved.weights, rtol=1e-7)


def test_a_separation_that_a_linear_programme_does_not_see():
    x = np.random.default_rng(14).normal(size=(5, 8)) + 1e8
    with pytest.raises(ll.solvers.Separable):
        ll.solve("logistic", ll.Dataset(inputs=x, labels=[1, -1, 1, -1, 1]), C=np.inf, bias=False)
