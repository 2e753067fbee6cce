"""Random problems at the extremes: what says that it converged has, by rational arithmetic; and nearly all do."""

import numpy as np
import pytest

from lossland.solvers import convex_form
from lossland.solvers._second_look import look_again, look_again_smooth
from tests.solvers.random_problems import LOSSES, STRUCTURES, exact_gap, random_problem, solved

COUNT = len(LOSSES) * len(STRUCTURES) * 9
BEYOND = {1282, 1525, 2530}
"""Two-sided kinks of C * |x|^2 = 1e9 to 1e24 on as many examples as unknowns: doubles cannot lie on them all."""


def looked(problem):
    """The second look alone, which compiles nothing, as a solution."""
    form, data = convex_form(LOSSES[problem.name]), problem.data
    own = data.inputs, data.labels, problem.C * problem.sample_weights, problem.bias
    if form.terms is None:
        return look_again_smooth(form, *own, (np.zeros(data.d), 0.0))
    return look_again(form.terms, *own)


def check(seeds, solve):
    beyond = set()
    for seed in seeds:
        problem = random_problem(seed)
        sol = solve(problem)
        which = seed, problem.name, problem.structure
        assert np.isfinite(sol.gap), which
        if solve is solved:
            assert bool(sol.converged) == (sol.gap <= 1e-8) == (sol.message == ""), which
            assert sol.converged or "float64 cannot express it" in sol.message, which
        if not sol.gap <= 1e-8:
            beyond.add(seed)
        if convex_form(LOSSES[problem.name]).terms is not None:
            primal, dual, size = exact_gap(problem, sol)
            assert dual is not None, which
            # What is reported is not below what is: to a last digit of the quotient itself.
            assert float(primal - dual) <= float(sol.gap * (1 + 1e-12)) * float(size), which
            assert np.isclose(sol.objective, float(primal), rtol=max(2 * sol.gap, 1e-14), atol=0), which
    return beyond


def test_one_problem_of_every_loss():
    seeds = [k + len(LOSSES) * ((5 * k) % len(STRUCTURES)) for k in range(len(LOSSES))]
    assert check(seeds, solved) <= BEYOND


@pytest.mark.parametrize("part", range(4))
def test_some_random_problems_looked_at_again(part):
    """A fixed spread over losses and structures, whether float64 would have done or not."""
    seeds = [(53 * k) % COUNT for k in range(part, 96, 4)]
    assert check(seeds, looked) <= BEYOND


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(18))
def test_three_thousand_random_problems(part):
    assert check(range(part, COUNT, 18), solved) <= BEYOND
