"""Other solvers under one signature: each comes to the optimum of its problem, and what it proves is true."""

import builtins

import numpy as np
import pytest
from scipy import optimize

import lossland as ll
from lossland.experiment import _peers, dual_value, peer, primal_value, traced, with_constant

C = 0.5


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    labels = np.where(np.arange(30) < 12, 1, -1)
    return ll.Dataset(inputs=rng.normal(size=(30, 2)) + 0.4 * labels[:, None], labels=labels)


def program(data, with_bias, weights=1.0):
    """The dual's largest value by a general solver."""
    signed = data.labels[:, None] * data.inputs
    equal = [{"type": "eq", "fun": lambda a: a @ data.labels, "jac": lambda a: data.labels}] if with_bias else []
    found = optimize.minimize(
        lambda a: (0.5 * np.sum((a @ signed) ** 2) - a.sum(), signed @ (a @ signed) - 1.0),
        np.zeros(data.n), jac=True, bounds=[(0, C * w) for w in np.broadcast_to(weights, data.n)], constraints=equal,
        method="SLSQP", options={"maxiter": 500, "ftol": 1e-13},
    )  # fmt: skip
    return -found.fun


LIBRARIES = ("interior point", "Clarabel", "LIBSVM", "LIBLINEAR")


@pytest.mark.parametrize("name", LIBRARIES)
def test_programs_come_to_the_optimum_and_prove_it(name, data, x64):
    solver = peer(name)
    found = solver(data, C, tolerance=1e-8)
    best = program(data, solver.free_bias)
    assert found.objective[-1] == pytest.approx(best, rel=1e-6)
    assert found.objective[-1] == primal_value("hinge", data, C, found.weights, found.bias)
    assert np.isnan(found.bound) if name == "LIBLINEAR" else best * (1 - 1e-5) < found.bound <= best * (1 + 1e-7)
    assert found.passes[-1] > 0 < found.seconds
    assert solver.free_bias or found.bias == 0


@pytest.mark.parametrize("name", LIBRARIES)
def test_losses_are_weighed(name, data, x64):
    weights = np.random.default_rng(0).uniform(0.2, 2.0, data.n)
    found = peer(name)(data, C, tolerance=1e-8, sample_weights=weights)
    assert found.objective[-1] == pytest.approx(program(data, peer(name).free_bias, weights), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, solver in _peers.PEERS.items() if solver.whole])
def test_first_order_methods_near_it_from_above(name, data, x64):
    solver = peer(name)
    best = program(data, solver.free_bias)
    found = solver(data, C, budget=600, tolerance=1e-6, seed=1)
    assert np.all(np.diff(found.objective) <= 0)
    assert np.all(np.diff(found.passes) > 0)
    assert best * (1 - 1e-7) <= found.objective[-1] <= best * 1.01
    assert primal_value("hinge", data, C, found.weights, found.bias) == pytest.approx(best, rel=0.05)
    with pytest.raises(ValueError, match="weights"):
        solver(data, C, budget=2, sample_weights=np.ones(data.n))


@pytest.mark.parametrize("name", ["TRON", "newton-cholesky", "lbfgs"])
def test_other_losses(name, data, x64):
    solver = peer(name)
    best = ll.solve(solver.loss, data, C=C, bias=solver.free_bias).objective
    assert solver(data, C, tolerance=1e-8).objective[-1] == pytest.approx(float(best), rel=1e-7)


def test_a_kernel_machine_tells_its_multipliers(data):
    from sklearn.svm import SVC

    found, machine = peer("LIBSVM, Gaussian kernel")(data, C, tolerance=1e-3), SVC(C=C).fit(data.inputs, data.labels)
    scores = np.exp(-((data.inputs[:, None] - data.inputs) ** 2).sum(2) / (2 * data.inputs.var())) @ (
        found.duals * data.labels
    )
    np.testing.assert_allclose(scores + found.bias, machine.decision_function(data.inputs), atol=1e-9)


def test_a_trace_is_the_best_so_far_of_ever_longer_runs(data):
    budgets = [1, 2, 4, 8, 16, 10_000, 20_000]
    found = traced("LIBSVM", data, C, budgets)
    each = [peer("LIBSVM")(data, C, budget=budget) for budget in budgets]
    np.testing.assert_array_equal(found.passes, np.unique([run.passes[0] for run in each]))
    best = np.minimum.accumulate([run.objective[0] for run in each])
    np.testing.assert_array_equal(found.objective, best[: len(found.objective)])
    assert len(found.passes) < len(budgets)


def test_any_multipliers_prove_a_bound(data):
    duals = np.random.default_rng(1).uniform(0, C, data.n)
    for bias in (True, False):
        assert dual_value(data, duals, bias) <= program(data, bias)


def test_the_constant_is_an_input(data):
    held = with_constant(data)
    assert held.d == data.d + 1
    assert np.all(held.inputs[:, -1] == 1)


def test_a_step_of_an_interior_point_is_counted_by_its_products():
    n, d = 500, 10
    assert _peers.step_in_passes(n, d) * 2 * n * d == pytest.approx(n * d * d + 4 * n * d + d**3 / 3)


def test_without_clarabel_one_sentence_says_what_to_install(data, monkeypatch):
    before = builtins.__import__

    def refusing(name, *rest, **more):
        if name == "clarabel":
            raise ImportError(name)
        return before(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refusing)
    with pytest.raises(ImportError, match=r"pip install .lossland\[study\]"):
        peer("Clarabel")(data, C)


def test_unknown_solvers_are_refused():
    with pytest.raises(ValueError, match="LIBSVM"):
        peer("SMO")
