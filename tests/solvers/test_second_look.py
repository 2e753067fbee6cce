"""What float64 leaves open: extremes of C, offsets, weights, the hard margin, against exact or independent values."""

from fractions import Fraction

import numpy as np
import pytest

import lossland as ll
from lossland.solvers import convex_form
from lossland.solvers._second_look import look_again, look_again_smooth
from tests.solvers.random_problems import LOSSES, Problem, exact_gap
from tests.solvers.random_problems import solved as solved_problem


def separable(n=40, d=20, seed=0):
    rng = np.random.default_rng(seed)
    return ll.Dataset(inputs=rng.normal(size=(n, d)), labels=rng.choice([-1, 1], n))


def again(name, data, C, bias=True, s=None):
    s = np.ones(data.n) if s is None else np.asarray(s)
    return look_again(convex_form(LOSSES[name]).terms, data.inputs, data.labels, C * s, bias)


def test_a_large_C_is_the_hard_margin():
    """Past the largest dual nothing changes; the hard margin's own path says the same."""
    data = separable()
    hard = ll.solve("hinge", data, C=np.inf)
    assert hard.converged
    for C in (1e8, 1e20):
        found = again("hinge", data, C)
        assert found.gap < 1e-13
        np.testing.assert_allclose(found.weights, hard.weights, rtol=1e-9)
        np.testing.assert_allclose(found.duals, hard.duals, rtol=1e-6, atol=1e-6 * hard.duals.max())
    # Margins of 1 less a digit, times C = 1e20, would cost more than the whole objective.
    np.testing.assert_allclose(found.objective, hard.objective, rtol=1e-11)


@pytest.mark.parametrize("C", [1e8, 1e14, 1e20])
def test_squared_hinge_tends_to_the_hard_margin(C):
    """(1 - m)^2 costs alpha^2 / 4 C at the optimum: the objective is short of the limit by about that much."""
    data = separable()
    found, hard = again("squared_hinge", data, C), again("hinge", data, np.inf)
    assert found.gap < 1e-8
    short = np.sum(hard.duals**2) / (4 * C)
    np.testing.assert_allclose(hard.objective - found.objective, short, rtol=1e-3, atol=1e-9 * hard.objective)


@pytest.mark.parametrize(
    ("inputs", "labels", "objective"),
    [
        ([[1e12], [1e12 + 1]], [0, 1], 2.0),
        ([[1000.0], [1001.0]], [0, 1], 2.0),
        ([[-3e8, 0.0], [3e8, 4.0]], [0, 1], None),
    ],
)
def test_the_hard_margin_far_from_0(inputs, labels, objective):
    data = ll.Dataset(inputs=inputs, labels=labels)
    sol = ll.solve("hinge", data, C=np.inf)
    apart = np.subtract(*np.asarray(inputs))
    assert sol.converged
    np.testing.assert_allclose(sol.objective, 2.0 / (apart @ apart) if objective is None else objective, rtol=1e-8)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_the_hard_margin_takes_no_notice_of_an_offset(offset):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5))
    t = np.where(x @ rng.normal(size=5) > 0, 1, -1)
    sol, at_home = (ll.solve("hinge", ll.Dataset(x + o, t), C=np.inf) for o in (offset, 0.0))
    assert sol.converged
    np.testing.assert_allclose(sol.objective, at_home.objective, rtol=1e-9)
    assert np.all(t * ((x + offset) @ sol.weights + sol.bias) >= 1 - 1e-10)


def test_a_gap_is_what_exact_arithmetic_says():
    """C = 1e9 on separable data: a last digit of a margin is worth 1e-7, which a float64 gap does not see."""
    rng = np.random.default_rng(3)
    x, t = rng.normal(size=(40, 60)), np.where(np.arange(40) == 7, 1, -1)
    problem = Problem("hinge", "one positive", ll.Dataset(inputs=x, labels=t), 1e9, np.ones(40), True)
    sol = solved_problem(problem)
    primal, dual, size = exact_gap(problem, sol)
    assert sol.converged
    assert float((primal - dual) / size) <= sol.gap


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["own lines", "absolute", "pinball"])
def test_kinks_that_are_dear_on_both_sides(name, bias):
    """Examples in general position, fewer than features: doubles are found that lie on all knots to 1e-20 or so."""
    rng = np.random.default_rng(5)
    data = ll.Dataset(inputs=rng.normal(size=(8, 24)), labels=[1, -1] * 4)
    found = again(name, data, 1e9, bias)
    assert found.gap < 1e-9
    margins = data.labels * (data.inputs @ found.weights + found.bias)
    # Lines that are flat between two kinks leave some examples there.
    least, most = {"own lines": (0.5, 2.0), "absolute": (1.0, 1.0), "pinball": (1.0, 1.0)}[name]
    assert least - 1e-12 < margins.min() <= margins.max() < most + 1e-12


def test_two_examples_of_unlike_weights():
    data = ll.Dataset(inputs=[[1e6, 1.0], [1e6 + 1, 2.0]], labels=[1, -1])
    for s in ([1e-6, 1e6], [1e6, 1e-6]):
        for bias in (True, False):
            assert again("own lines", data, 1e4, bias, s).gap < 1e-9


@pytest.mark.parametrize("name", ["logistic", "exponential", "dwd", "round absolute"])
def test_smooth_losses_agree_with_float64(name):
    """Where both can: the same objective, weights and dual value."""
    data = separable(30, 3, 2)
    form = convex_form(LOSSES[name])
    plain = ll.solve(LOSSES[name], data, C=2.0)
    found = look_again_smooth(form, data.inputs, data.labels, np.full(30, 2.0), True, (np.zeros(3), 0.0))
    assert plain.converged
    assert found.gap < 1e-13
    np.testing.assert_allclose(found.objective, plain.objective, rtol=1e-13)
    np.testing.assert_allclose(found.weights, plain.weights, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found.duals, plain.duals, rtol=1e-6, atol=1e-8)


def test_a_smooth_loss_whose_columns_all_but_coincide():
    """Inputs near (-1.9e7, 1.9e7) without a bias: the sum of pulls must cancel to 1e-14 of its terms."""
    rng = np.random.default_rng(1)
    x = np.array([-1.9e7, 1.9e7]) + rng.normal(size=(4, 2))
    form = convex_form("exponential")
    found = look_again_smooth(form, x, np.array([1.0, -1, 1, -1]), np.full(4, 1e6), False, (np.zeros(2), 0.0))
    assert found.gap < 1e-10


def test_few_steps_are_not_helped(caplog):
    data = separable()
    sol = ll.solve("hinge", data, C=1e9, steps=3)
    assert not sol.converged
    assert "steps allowed were used up" in sol.message


@pytest.mark.parametrize("C", [1e8, 1e15])
def test_a_large_objective_leaves_nothing_open(C):
    """Equal rows of both labels: the losses weigh C, beside which w = 0 and b = 1 are known to no digit by the gap."""
    x = [[0, 1], [1, 1], [1, -1], [0, 0], [1, 0], [0, 1], [0, 0], [0, -1]]
    sol = ll.solve("hinge", ll.Dataset(inputs=x, labels=[1, 1, 1, -1, 1, -1, 1, 1]), C=C)
    np.testing.assert_allclose(sol.weights, 0, atol=1e-12)
    np.testing.assert_allclose(sol.bias_interval, 1, atol=1e-9)


def test_two_examples_at_the_largest_C():
    data = ll.Dataset(inputs=[[0.345584192064786], [0.8216181435011584]], labels=[1, -1])
    found = again("squared_hinge", data, 1e20)
    assert found.gap < 1e-12
    np.testing.assert_allclose(found.objective, 2.0 / np.diff(data.inputs[:, 0])[0] ** 2, rtol=1e-9)


def test_a_proof_is_of_all_examples():
    """Those without a weight have a share of 0."""
    data = ll.Dataset(inputs=[[0.0], [1.0], [2.0], [5.0]], labels=[1, -1, 1, -1])
    with pytest.raises(ll.NotSeparable) as caught:
        ll.solve("hinge", data, C=np.inf, sample_weights=[1, 1, 1, 0])
    np.testing.assert_allclose(caught.value.combination, [0.5, 1, 0.5, 0])


@pytest.mark.parametrize("C", [1e6, 1e10, 1e15])
def test_a_kernel_machine_of_a_large_C_counts_its_own_rounding(C):
    """The exact polynomial kernel of the returned doubles, in fractions, against the bound at an ordinary C."""
    rng = np.random.default_rng(6)
    x, t = rng.normal(size=(9, 2)), np.array([1, -1, 1, 1, -1, 1, -1, 1, -1])
    data = ll.Dataset(inputs=x, labels=t)
    sol = ll.solve_kernel("hinge", data, C=C, kernel="polynomial", degree=3, gamma=0.5, coef0=1.0)
    F = Fraction
    exact = [[F(float(v)) for v in row] for row in x]
    used = [[F(float(v)) for v in row] for row in sol.inputs]
    a, b = [F(float(v)) for v in sol.coefficients], F(float(sol.bias))

    def kernel(p, q):
        return (sum(u * v for u, v in zip(p, q, strict=True)) / 2 + 1) ** 3

    scores = [sum(k * kernel(p, q) for k, q in zip(a, used, strict=True)) for p in exact]
    half = sum(k * m * kernel(p, q) for k, p in zip(a, used, strict=True) for m, q in zip(a, used, strict=True)) / 2
    value = half + F(C) * sum(max(1 - int(s) * (z + b), F(0)) for s, z in zip(t, scores, strict=True))
    assert not sol.converged or float(value) <= sol.objective * (1 + 2 * sol.gap + 1e-9)
