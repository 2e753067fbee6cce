"""Newton's method on the host: the same optima from one pilot or many, of few rows or of parts of many."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize

import lossland as ll
from lossland.solvers import _host_algebra as host
from lossland.solvers import _host_newton as newton
from lossland.solvers._elementwise import on_host
from lossland.solvers._host_point import bounded, placed
from lossland.solvers._newton import NewtonProblem
from lossland.solvers._normal_equations import Design
from lossland.solvers._optimum import Stop

CURVES = {
    "logistic": (lambda m: np.logaddexp(0.0, -m), lambda m: -1.0 / (1.0 + np.exp(m))),
    "squared_hinge": (lambda m: np.maximum(1.0 - m, 0.0) ** 2, lambda m: -2.0 * np.maximum(1.0 - m, 0.0)),
    "exponential": (lambda m: np.exp(-m), lambda m: -np.exp(-m)),
}
PAIRS = {name: ll.pair("identity", name) for name in CURVES}


def made(k=3, n=400, d=4, bias=True, seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n, d))
    labels = np.where(inputs @ rng.normal(size=d) + rng.normal(size=n) > 0.3, 1.0, -1.0)[None]
    weights = rng.uniform(0.5, 1.5, size=(k, n)) * (rng.random((k, n)) > 0.2)
    return NewtonProblem(Design(inputs, bias), labels, weights, np.zeros(2), 1.0)


def columns_of(problem):
    return newton.unsigned(problem.design.inputs, problem.design.bias)


def plain(given, problem, k):
    """The objective and the gradient of one problem, from the loss's formula."""
    value, slope = CURVES[given.loss.name]
    inputs, t, c = problem.design.inputs, problem.labels[0], problem.weights[k]

    def objective(point):
        w, b = (point[:-1], point[-1]) if problem.design.bias else (point, 0.0)
        margins = t * (inputs @ w + b)
        pull = c * t * slope(margins)
        gradient = np.append(w + pull @ inputs, pull.sum())
        return 0.5 * w @ w + c @ value(margins), gradient[: len(point)]

    return objective


def optimum(given, problem, k):
    size = problem.design.inputs.shape[1] + problem.design.bias
    return minimize(plain(given, problem, k), np.zeros(size), jac=True, tol=1e-9).fun


@pytest.mark.parametrize("threaded", [0, host.THREADED], ids=["threads", "one thread"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("given", PAIRS.values(), ids=PAIRS)
def test_points_seen_in_parts_are_those_seen_whole(given, bias, threaded, monkeypatch):
    problem, point = made(bias=bias), np.random.default_rng(1).normal(size=(3, 4 + bias))
    columns, loss = columns_of(problem), on_host(given)
    whole = bounded(columns, problem, placed(loss, columns, problem, point))
    monkeypatch.setattr(host, "SHARED", 0)
    monkeypatch.setattr(host, "THREADED", threaded)
    monkeypatch.setattr(host, "PART", 64)
    monkeypatch.setattr(host, "SHARE", 64)
    parts = bounded(columns, problem, placed(loss, columns, problem, point))
    for name, one, other in zip(whole._fields, whole, parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10, err_msg=name)
    for k in range(3):
        np.testing.assert_allclose(parts.primal[k], plain(given, problem, k)(point[k])[0], rtol=1e-10)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("given", PAIRS.values(), ids=PAIRS)
def test_every_bound_is_below_the_optimum(given, bias):
    """Far from it and near, balanced or not."""
    problem = made(bias=bias)
    columns, loss = columns_of(problem), on_host(given)
    best = [optimum(given, problem, k) for k in range(3)]
    for scale in (0.0, 0.1, 3.0):
        point = scale * np.random.default_rng(2).normal(size=(3, 4 + bias))
        at = bounded(columns, problem, placed(loss, columns, problem, point))
        assert (at.dual <= np.array(best) * (1 + 1e-9)).all()
        assert (at.primal >= np.array(best) * (1 - 1e-9)).all()
        if bias:
            assert (np.abs(at.pull.sum(axis=1)) <= 1e-12 * np.abs(at.slopes).sum(axis=1)).all()


@pytest.mark.parametrize("start", ["own pilot", "one pilot", "thinned pilot", "few steps"])
@pytest.mark.parametrize("given", PAIRS.values(), ids=PAIRS)
def test_every_start_leads_to_the_optimum_of_a_general_method(given, start):
    problem = made(k=5, n=3000 if start == "thinned pilot" else 300)
    columns, loss = columns_of(problem), on_host(given)
    stop = Stop(3 if start == "few steps" else 100, 1e-10, 0)
    near = newton.near_all(loss, columns, problem, 100) if start == "one pilot" else None
    assert (near is not None) == (start == "one pilot")
    found = newton.by_newton(loss, columns, problem, stop, near)
    for k in range(5):
        best = optimum(given, problem, k)
        reached = plain(given, problem, k)(found.point[k])[0]
        assert reached <= best * (1 + (1e-2 if start == "few steps" else 1e-9))
        dual = found.gains[k].sum() - 0.5 * np.sum(((found.duals * problem.labels)[k] @ problem.design.inputs) ** 2)
        assert dual <= best * (1 + 1e-9)
        if start != "few steps":
            np.testing.assert_allclose(dual, best, rtol=1e-8)


def test_problems_that_differ_have_no_common_pilot():
    problem = made(k=5)
    apart = problem._replace(weights=problem.weights * np.array([1.0, 1.0, 1.0, 1.0, 10.0])[:, None])
    assert newton.near_all(on_host(PAIRS["logistic"]), columns_of(problem), apart, 100) is None


def test_an_older_matrix_serves_where_it_is_near_and_no_further():
    """The first step after a thinned pilot is made with its matrix, a stale one is never kept while steps stall."""
    problem = made(k=1, n=3000)
    columns, loss = columns_of(problem), on_host(PAIRS["logistic"])
    made_from, factor = [], host.factor

    def counted(columns, scales, bias):
        made_from.append(scales.shape)
        return factor(columns, scales, bias)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host, "factor", counted)
        newton.by_newton(loss, columns, problem, Stop(100, 1e-10, 0))
    full = [shape for shape in made_from if shape == (1, 3000)]
    assert len(full) < 4 < len(made_from)


@pytest.mark.parametrize("way", ["host", "sparse", "devices"])
def test_a_loss_whose_curvature_rounding_spoils_is_solved(way):
    """Mistakes of hundreds, where the second derivative of -log(sigmoid(m)) as computed is negative or 0/0."""

    @ll.margin_loss()
    def log_of_sigmoid(margin):
        return -jnp.log(jax.nn.sigmoid(margin))

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(200, 3))
    labels = np.where(inputs[:, 0] + 0.1 * rng.normal(size=200) > 0, 1, -1)
    inputs[:30, 0] = 25.0 * labels[:30] * rng.uniform(-2.0, -0.5, size=30)
    weights = np.where(np.arange(200) < 30, 1e-3, 1.0)
    data = ll.Dataset(sparse.csr_array(inputs) if way == "sparse" else inputs, labels)
    options = {"devices": jax.devices()} if way == "devices" else {}
    found = ll.solve(log_of_sigmoid, data, C=10.0, sample_weights=weights, **options)
    assert found.converged
    assert (labels * (inputs @ found.weights + found.bias)).min() < -360.0
    best = ll.solve("logistic", ll.Dataset(inputs, labels), C=10.0, sample_weights=weights)
    np.testing.assert_allclose(found.objective, best.objective, rtol=1e-6)


@pytest.mark.parametrize("name", ["logistic", "exponential"])
def test_older_matrices_do_not_serve_a_large_tolerance_for_ever(name):
    """Steps that halve the decrement at best are below any large tolerance, and lead nowhere."""
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(300, 3))
    data = ll.Dataset(inputs, np.where(inputs[:, 0] + rng.normal(size=300) > 0.2, 1, -1))
    found = ll.solve(name, data, C=[1e-6, 1.0, 1e6], tol=0.5, polish=False)
    assert found.converged.all()
    assert found.iterations.max() <= 10
