"""Sparse inputs against the dense solver and, for the gap, against rational arithmetic."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse

import lossland as ll
from tests.solvers.random_problems import LOSSES, exact_gap, random_problem

SOLVED = ("hinge", "squared_hinge", "smooth_hinge", "smooth_hinge(gamma=0.001)", "logistic", "absolute",
          "huber(delta=0.5)", "modified_huber", "squared", "exponential", "dwd")  # fmt: skip


def words(n: int, d: int, seed: int, density: float = 0.2) -> ll.Dataset:
    """Rows of few positive numbers, the first columns fuller than the last; one row and one column empty."""
    rng = np.random.default_rng(seed)
    often = np.minimum(1.0, 2.0 * density / (1.0 + np.arange(d) / (0.3 * d)))
    inputs = np.where(rng.random((n, d)) < often, rng.exponential(size=(n, d)), 0.0)
    inputs[n // 2], inputs[:, d // 2] = 0.0, 0.0
    score = inputs @ rng.normal(size=d)
    return ll.Dataset(scipy.sparse.csr_array(inputs), np.where(score + rng.normal(size=n) > np.median(score), 1, -1))


def assert_same(sparse, dense, tol=1e-8):
    """Objectives within `tol`, certified; weights as near as that leaves them."""
    assert np.all(sparse.gap <= tol)
    assert np.all(sparse.converged)
    np.testing.assert_allclose(sparse.objective, dense.objective, rtol=2 * tol)
    room = np.sqrt(4.0 * tol * np.abs(np.asarray(dense.objective)))
    assert np.all(np.linalg.norm(sparse.weights - dense.weights, axis=-1) <= room + 1e-12)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", SOLVED)
def test_the_dense_optimum(name, bias):
    data = words(50, 20, 1)
    found = ll.solve(name, data, C=[0.1, 1.0, 10.0], bias=bias, tol=1e-9)
    assert_same(found, ll.solve(name, data.dense(), C=[0.1, 1.0, 10.0], bias=bias), 1e-9)
    assert found.message == ""
    assert found.convexity == "proven"
    np.testing.assert_allclose(found.dual_objective, found.objective, rtol=2e-9)


@pytest.mark.parametrize("seed", range(0, 24 * 6, 5))
def test_random_problems(seed):
    """Structures of every kind: copies, grids, separable and dependent columns, few rows; C within reason."""
    problem = random_problem(seed)
    C, s = float(np.clip(problem.C, 1e-3, 1e3)), np.clip(problem.sample_weights, 0.0, 1e2)
    settings = {"C": C, "sample_weights": s, "bias": problem.bias}
    data = ll.Dataset(scipy.sparse.csr_array(problem.data.inputs), problem.data.labels)
    found, dense = (ll.solve(LOSSES[problem.name], each, tol=1e-6, **settings) for each in (data, problem.data))
    if dense.converged and found.converged:
        np.testing.assert_allclose(found.objective, dense.objective, rtol=2e-6, atol=1e-12)
    assert found.converged or not dense.converged or "did not reach" in found.message
    assert found.objective >= dense.dual_objective - 1e-9 * abs(dense.dual_objective)
    assert found.dual_objective <= dense.objective + 1e-9 * abs(dense.objective)


@pytest.mark.parametrize("seed", [0, 1, 2, 5, 6, 9, 10, 30, 33, 58, 81, 110, 131])
def test_the_gap_is_an_upper_bound_of_the_exact_one(seed):
    problem = random_problem(seed)
    problem = problem._replace(
        C=float(np.clip(problem.C, 1e-3, 1e3)), sample_weights=np.clip(problem.sample_weights, 0.0, 1e2)
    )
    if LOSSES[problem.name] == "logistic" or ll.solvers.convex_form(LOSSES[problem.name]).terms is None:
        pytest.skip("exact values are of losses made of parabolas and lines")
    data = ll.Dataset(scipy.sparse.csr_array(problem.data.inputs), problem.data.labels)
    settings = {"C": problem.C, "sample_weights": problem.sample_weights, "bias": problem.bias}
    for tol in (1e-2, 1e-6):
        found = ll.solve(LOSSES[problem.name], data, tol=tol, **settings)
        primal, dual, size = exact_gap(problem, found)
        if size != 0 and dual is not None:
            assert float((primal - dual) / size) <= found.gap * (1 + 1e-12)


def test_fields_are_those_of_the_dense_solution():
    data = words(40, 15, 3)
    found, dense = (ll.solve("hinge", each, C=0.3, tol=1e-11) for each in (data, data.dense()))
    np.testing.assert_array_equal(found.support, dense.support)
    np.testing.assert_allclose(found.duals, dense.duals, atol=1e-5)
    np.testing.assert_allclose(found.bias_interval, dense.bias_interval, atol=1e-5)
    t, x = data.labels, data.inputs
    assert abs(found.duals @ t) <= 1e-12
    assert found.duals.min() >= 0
    assert found.duals.max() <= 0.3
    np.testing.assert_allclose(x.T @ (found.duals * t), found.weights, atol=1e-4)


def test_weights_of_zero_leave_out_and_two_stand_for_a_copy():
    data = words(30, 12, 4)
    s = np.ones(30)
    s[:8], s[8:12] = 0.0, 2.0
    rows = np.r_[8:30, 8:12]
    kept = ll.Dataset(data.inputs[rows], data.labels[rows])
    for loss in ("hinge", "logistic"):
        found, copied = ll.solve(loss, data, C=1.0, sample_weights=s, tol=1e-9), ll.solve(loss, kept, C=1.0, tol=1e-9)
        np.testing.assert_allclose(found.objective, copied.objective, rtol=2e-9)
        assert not found.duals[:8].any()
        assert not found.support[:8].any()


def test_batches_of_C_weights_and_labels():
    data = words(30, 12, 5)
    weights = np.random.default_rng(0).integers(0, 3, (3, 30)).astype(float)
    settings = {"C": np.array([0.5, 0.05])[:, None], "sample_weights": weights}
    found, dense = (ll.solve("hinge", each, tol=1e-9, **settings) for each in (data, data.dense()))
    assert found.weights.shape == (2, 3, 12)
    assert found.duals.shape == (2, 3, 30)
    assert_same(found, dense, 1e-9)
    labels = np.stack([data.labels, np.roll(data.labels, 1)])
    found, dense = (ll.solve("squared_hinge", each, C=1.0, labels=labels, tol=1e-9) for each in (data, data.dense()))
    assert_same(found, dense, 1e-9)
    listed = ll.solve(["hinge", "logistic"], data, l2=0.1)
    assert listed.weights.shape == (2, 12)
    assert listed.converged.all()


def test_soft_labels():
    data = words(30, 12, 6)
    p = np.random.default_rng(0).random(30)
    soft = ll.Dataset(data.inputs, probabilities=p)
    found, dense = (ll.solve("logistic", each, C=1.0, tol=1e-9) for each in (soft, soft.dense()))
    assert_same(found, dense, 1e-9)
    np.testing.assert_allclose(found.duals, dense.duals, atol=1e-4)


@pytest.mark.parametrize("name", ["hinge", "squared_hinge", "logistic"])
def test_separable_and_all_but_empty(name):
    inputs = scipy.sparse.csr_array(np.eye(6))
    data = ll.Dataset(inputs, [1, -1] * 3)
    assert_same(ll.solve(name, data, C=[1e-4, 1e4], tol=1e-7), ll.solve(name, data.dense(), C=[1e-4, 1e4]), 1e-7)
    nothing = ll.Dataset(scipy.sparse.csr_array((5, 3)), [1, 1, 1, -1, -1])
    found, dense = (ll.solve(name, each, C=1.0) for each in (nothing, nothing.dense()))
    np.testing.assert_allclose(found.objective, dense.objective, rtol=1e-6)
    assert found.converged
    assert not found.weights.any()


def test_what_is_not_reached_is_told():
    found = ll.solve("hinge", words(60, 40, 7), C=10.0, tol=1e-9, steps=1)
    assert not found.converged
    assert found.gap > 1e-9
    assert "did not reach a relative gap of 1e-09" in found.message
    assert "steps allowed were used up" in found.message
    assert "solve data.dense()" in found.message


@pytest.mark.parametrize("name", ["hinge", "squared_hinge", "logistic"])
@pytest.mark.parametrize(("C", "scale"), [(1e-300, 1.0), (1.0, 1e-150), (1.0, 1e-320)])
def test_tiny_inputs_and_weights(name, C, scale):
    data = words(30, 12, 9)
    data = ll.Dataset(data.inputs * scale, data.labels)
    found, dense = ll.solve(name, data, C=C), ll.solve(name, data.dense(), C=C)
    assert found.converged
    np.testing.assert_allclose(found.objective, dense.objective, rtol=1e-6)
    assert found.objective - dense.objective <= (found.gap + 1e-13) * found.objective


@pytest.mark.parametrize("name", ["hinge", "squared_hinge", "logistic", "absolute"])
@pytest.mark.parametrize(("C", "scale"), [(1e-320, 1.0), (1.0, 1e150), (1.0, 1e200), (1.0, 1e306)])
def test_what_overflows_has_no_small_gap(name, C, scale):
    data = words(30, 12, 9)
    found = ll.solve(name, ll.Dataset(data.inputs * scale, data.labels), C=C, steps=2)
    assert found.gap > 1e-6
    assert "did not reach" in found.message


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("C", [1e4, 1e6, 1e8])
def test_separable_words_at_a_large_C(C, bias):
    data = words(60, 300, 5)
    # A column of each example's own, by which none is empty.
    data = ll.Dataset(scipy.sparse.hstack([data.inputs, scipy.sparse.eye_array(60)]), data.labels)
    found, dense = ll.solve("hinge", data, C=C, bias=bias), ll.solve("hinge", data.dense(), C=C, bias=bias)
    assert found.converged
    assert found.duals.max() < 0.01 * C
    np.testing.assert_allclose(found.objective, dense.objective, rtol=2e-6)
    assert found.dual_objective <= dense.objective * (1 + 1e-9)


def test_default_gap():
    found = ll.solve("hinge", words(60, 40, 8), C=1.0)
    assert found.converged
    assert found.gap <= 1e-6


def test_path_and_refusals():
    data = words(30, 12, 9)
    assert ll.path("hinge", data, [0.1, 1.0]).weights.shape == (2, 12)
    with pytest.raises(ValueError, match="leave devices out"):
        ll.solve("hinge", data, C=1.0, devices=[])
    with pytest.raises(ValueError, match="not convex"):
        ll.solve("ramp", data, C=1.0)


@pytest.mark.parametrize("name", ["hinge", "logistic"])
def test_nothing_is_made_dense(name):
    n, d = 500, 100_000
    rng = np.random.default_rng(0)
    places = rng.integers(0, d, 20 * n) % (rng.integers(1, d, 20 * n))
    inputs = scipy.sparse.csr_array((np.ones(20 * n), (np.repeat(np.arange(n), 20), places)), shape=(n, d))
    data = ll.Dataset(inputs, np.where(rng.random(n) < 0.5, 1, -1))
    ll.solve(name, words(10, 5, 0), C=1.0)
    tracemalloc.start()
    found = ll.solve(name, data, C=1.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # A dense row block of all examples would take 400 MB, a d x d matrix 80 GB.
    assert found.converged
    assert peak < 30e6
