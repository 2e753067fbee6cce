"""LIBLINEAR's duals, read off: feasible, and near the dense solver's optimum in the objective of the same problem."""

import numpy as np
import pytest
import scipy.sparse

import lossland as ll
from lossland.solvers import convex_form
from lossland.solvers._plq import spread
from lossland.solvers._sparse_descent import descended
from lossland.solvers._sparse_newton import SparseProblem, shares


def problem(loss, C, bias, shift=0.0):
    rng = np.random.default_rng(0)
    inputs = np.where(rng.random((80, 30)) < 0.3, rng.exponential(size=(80, 30)), 0.0)
    score = inputs @ rng.normal(size=30) + rng.normal(size=80)
    t = np.where(score > np.quantile(score, 0.5 + shift), 1.0, -1.0)
    c, form = C * rng.uniform(0.5, 1.5, 80), convex_form(loss)
    assert form.terms is not None
    data = ll.Dataset(scipy.sparse.csr_array(inputs), t)
    rows = spread(form.terms, t[None], c[None])
    nothing = np.zeros(80)
    return data, c / C, SparseProblem(data.inputs, t, c, bias, form.pair, rows, nothing, nothing, 1.0)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    "name", ["hinge", "squared_hinge", "smooth_hinge", "smooth_hinge(gamma=0.1)", ll.weighted("hinge", positive=3.0)]
)
@pytest.mark.parametrize("C", [0.01, 1.0, 10.0])
def test_duals_are_feasible_and_near_the_optimum(name, C, bias):
    data, weights, held = problem(name, C, bias, shift=0.3)
    at = descended(held, 1e-8)
    assert at is not None
    assert np.all((at.beta >= held.rows.low) & (at.beta <= held.rows.high))
    np.testing.assert_allclose(at.w, data.inputs.T @ (at.alpha * data.labels), atol=1e-12)
    seen = shares(held, at)
    best = ll.solve(name, data.dense(), C=C, sample_weights=weights, bias=bias)
    # A start: passes are limited, and a bias is penalised about what a first run finds.
    assert seen.slack <= (1e-2 if bias else 1e-3) * seen.size
    np.testing.assert_allclose(at.w, best.weights, atol=0.3 if bias else 0.1)


def test_other_losses_are_left_to_newton():
    assert descended(problem("absolute", 1.0, True)[2], 1e-6) is None
    assert descended(problem("huber(delta=0.5)", 1.0, True)[2], 1e-6) is None


def test_the_same_numbers_each_time():
    held = problem("hinge", 1.0, True)[2]
    first, second = (descended(held, 1e-6) for _ in range(2))
    np.testing.assert_array_equal(first.beta, second.beta)
