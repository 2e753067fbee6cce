"""The exact path against solutions at single values of C, and the optimality conditions between its breakpoints."""

import numpy as np
import pytest

import lossland as ll
from lossland.solvers import _path as paths

C_MIN, C_MAX = 1e-4, 1e3


def problem(share, seed, n=40, d=3):
    """Classes of chosen sizes that overlap."""
    rng = np.random.default_rng(seed)
    labels = np.where(np.arange(n) < share * n, 1, -1)
    return ll.Dataset(inputs=rng.normal(size=(n, d)) + 0.6 * labels[:, None], labels=labels)


CASES = {
    "balanced": (problem(0.5, 1), "linear"),
    "few positives": (problem(0.2, 2), "linear"),
    "few negatives": (problem(0.9, 3), "rbf"),
    "balanced rbf": (problem(0.5, 4), "rbf"),
    "more inputs than examples": (problem(0.4, 5, n=12, d=30), "linear"),
}


def kernel_matrix(name, inputs):
    """All pairs of examples, the Gaussian kernel with gamma = "scale"."""
    if name == "linear":
        return inputs @ inputs.T
    squares = ((inputs[:, None] - inputs) ** 2).sum(axis=-1)
    return np.exp(-squares / (inputs.shape[1] * inputs.var()))


def check_optimal(data, kernel, C, duals, bias, weights=None):
    """The conditions for the hinge's optimum, written out."""
    t, bound = data.labels, C * (np.ones(data.n) if weights is None else weights)
    assert np.all(duals >= -1e-8 * C)
    assert np.all(duals <= bound + 1e-8 * C)
    assert abs(duals @ t) <= 1e-9 * (1e-12 + duals.sum())
    margins = t * (kernel @ (duals * t) + bias)
    assert np.all(margins[duals < bound - 1e-7 * C] >= 1 - 1e-6)
    assert np.all(margins[(duals > 1e-7 * C) & (bound > 0)] <= 1 + 1e-6)


@pytest.mark.parametrize("case", CASES)
def test_optimal_at_and_between_breakpoints(case):
    data, name = CASES[case]
    exact = ll.hinge_path(data, C_MIN, C_MAX, kernel=name)
    assert np.all(np.diff(exact.Cs) > 0)
    assert (exact.Cs[0], exact.Cs[-1]) == (C_MIN, C_MAX)
    assert exact.gap.max() < 1e-10
    kernel = kernel_matrix(name, data.inputs)
    between = np.sqrt(exact.Cs[1:] * exact.Cs[:-1])
    for C, support in zip(between, exact.support, strict=True):
        duals, bias = ll.solvers.path_at(exact, C)
        check_optimal(data, kernel, C, duals, bias)
        np.testing.assert_allclose(duals[support == 0], 0.0, atol=1e-9 * C)
        np.testing.assert_allclose(duals[support == 2], C, rtol=1e-9)
        margins = data.labels * (kernel @ (duals * data.labels) + bias)
        np.testing.assert_allclose(margins[support == 1], 1.0, rtol=1e-8)


@pytest.mark.parametrize("case", [pytest.param("few positives", marks=pytest.mark.slow), "balanced rbf"])
def test_agrees_with_solutions_at_single_values(case):
    data, name = CASES[case]
    exact = ll.hinge_path(data, C_MIN, C_MAX, kernel=name)
    for C in np.geomspace(2e-4, 9e2, 7):
        alone = ll.solve_kernel("hinge", data, C=C, kernel=name)
        duals, bias = ll.solvers.path_at(exact, C)
        np.testing.assert_allclose(duals, alone.duals, atol=1e-6 * C)
        assert alone.bias_interval[0] - 1e-6 <= bias <= alone.bias_interval[1] + 1e-6


@pytest.mark.slow
def test_agrees_with_the_grid():
    data, _ = CASES["few positives"]
    grid = np.geomspace(1e-3, 1e2, 6)
    exact, solved = ll.hinge_path(data, C_MIN, C_MAX), ll.path("hinge", data, grid)
    assert solved.converged.all()
    for C, weights, bias in zip(grid, solved.weights, solved.bias, strict=True):
        duals, there = ll.solvers.path_at(exact, C)
        np.testing.assert_allclose((duals * data.labels) @ data.inputs, weights, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(there, bias, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(exact.weights, (exact.duals * data.labels) @ data.inputs, atol=1e-9)


def test_sample_weights_bound_the_duals():
    data, _ = CASES["balanced"]
    weights = np.where(np.arange(data.n) % 5 == 0, 0.0, 0.5 + np.arange(data.n) / data.n)
    exact = ll.hinge_path(data, 1e-3, 10.0, sample_weights=weights)
    kernel = data.inputs @ data.inputs.T
    for C in np.geomspace(1e-3, 10.0, 25):
        check_optimal(data, kernel, C, *ll.solvers.path_at(exact, C), weights=weights)
    assert not exact.duals[:, weights == 0].any()


def test_two_points_in_closed_form():
    """Distance 2: alpha = C until 2 C = 1, then both sit on the margin; the bias stays in the middle."""
    exact = ll.hinge_path(ll.Dataset(inputs=[[-1.0], [1.0]], labels=[-1, 1]), 0.1, 5.0)
    np.testing.assert_allclose(exact.Cs, [0.1, 0.5, 5.0], rtol=1e-12)
    np.testing.assert_allclose(exact.duals, [[0.1, 0.1], [0.5, 0.5], [0.5, 0.5]], rtol=1e-12)
    np.testing.assert_allclose(exact.bias, 0.0, atol=1e-12)


def test_the_separable_pair_of_theory():
    """Points (1, 2), (1, -1) against the origin: exact at every C from the largest dual on."""
    data = ll.Dataset(inputs=[[1.0, 2.0], [1.0, -1.0], [0.0, 0.0]], labels=[1, 1, -1])
    exact = ll.hinge_path(data, 1e-2, 100.0)
    hard = exact.Cs[exact.Cs >= exact.duals[-1].max() * (1 - 1e-12)]
    for C in hard:
        duals, bias = ll.solvers.path_at(exact, C)
        np.testing.assert_allclose((duals * data.labels) @ data.inputs, [2.0, 0.0], atol=1e-10)
        assert bias == pytest.approx(-1.0, abs=1e-10)
    assert len(hard) >= 2


@pytest.mark.parametrize("name", ["linear", "rbf"])
def test_ties_and_symmetry(name):
    """Examples that reach the margin together, and in pairs of mirror images."""
    rng = np.random.default_rng(3)
    half = rng.normal(size=(8, 2)) + np.array([0.7, 0.0])
    data = ll.Dataset(inputs=np.concatenate([half, -half]), labels=[1] * 8 + [-1] * 8)
    kernel = kernel_matrix(name, data.inputs)
    exact = ll.hinge_path(data, 1e-3, 50.0, kernel=name)
    for C in np.geomspace(1e-3, 50.0, 30):
        check_optimal(data, kernel, C, *ll.solvers.path_at(exact, C))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"C_min": 0.0}, "0 up to a larger"),
        ({"C_max": np.inf}, "finite"),
        ({"C_min": 2.0, "C_max": 1.0}, "larger"),
    ],
)
def test_refusals(change, said):
    with pytest.raises(ValueError, match=said):
        ll.hinge_path(**({"data": CASES["balanced"][0], "C_min": 0.1, "C_max": 1.0} | change))


def test_refusals_off_the_path_and_of_large_data(monkeypatch):
    data, _ = CASES["balanced"]
    with pytest.raises(ValueError, match="not all inside"):
        ll.solvers.path_at(ll.hinge_path(data, 0.1, 1.0), 2.0)
    with pytest.raises(ValueError, match=r"shape \(\)"):
        ll.path("hinge", data, 1.0)
    monkeypatch.setattr(paths, "LARGEST", 10)
    with pytest.raises(ValueError, match="at most 10 examples"):
        ll.hinge_path(data, 0.1, 1.0)


@pytest.mark.slow
def test_duplicated_examples():
    """From below they reach the margin one after the other."""
    data = ll.Dataset(inputs=[[1.0], [-1.0], [1.0], [-1.0]], labels=[1, -1, 1, -1])
    exact = ll.hinge_path(data, 0.05, 5.0)
    for C in np.geomspace(0.05, 5.0, 9):
        check_optimal(data, data.inputs @ data.inputs.T, C, *ll.solvers.path_at(exact, C))
