"""Work to a gap: bounds against a quadratic program by scipy, counts against traces, claims that fail."""

import re

import numpy as np
import pytest
from scipy import optimize

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("optimisers")
CONFIG = EXPERIMENT.Config(
    datasets=("two_gaussians(n=50, positives=0.3, seed=1)",), interior=12, passes=60, iterations=51, doublings=11
)


def program(data, C, with_bias):
    """The dual by a general solver."""
    signed = data.labels[:, None] * data.inputs
    equal = [{"type": "eq", "fun": lambda a: a @ data.labels, "jac": lambda a: data.labels}] if with_bias else []
    found = optimize.minimize(
        lambda a: (0.5 * np.sum((a @ signed) ** 2) - a.sum(), signed @ (a @ signed) - 1.0),
        np.zeros(data.n), jac=True, bounds=[(0, C)] * data.n, constraints=equal, method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-13},
    )  # fmt: skip
    return -found.fun


def test_programs_arrive_and_no_solver_finds_less(outcome):
    held = {v.claim: v.holds for v in outcome.verdicts}
    assert len(held) == 8
    for words in ("No solver finds less", "Every program", "Multipliers prove"):
        assert all(holds for claim, holds in held.items() if claim.startswith(words))


@pytest.mark.parametrize("with_bias", [True, False])
def test_what_is_read_off_weights_is_a_bound_and_near_the_optimum_a_good_one(with_bias, rng):
    labels = np.where(np.arange(30) < 12, 1, -1)
    data = ll.Dataset(inputs=rng.normal(size=(30, 2)) + 0.4 * labels[:, None], labels=labels)
    best = program(data, 0.5, with_bias)
    exact = ll.solve("hinge", data, C=0.5, bias=with_bias).weights
    for weights in (exact, exact + 0.1, np.zeros(2), 100.0 * exact):
        assert EXPERIMENT.read_off(data, 0.5, weights, with_bias) <= best * (1 + 1e-7)
    assert EXPERIMENT.read_off(data, 0.5, exact, with_bias) >= 0.9 * best


def test_reached_is_the_first_pass_of_the_trace_below_the_gap(results):
    for solver in EXPERIMENT.SOLVERS:
        one = results.isel(dataset=0).sel(solver=solver)
        assert np.all(np.diff(one.above.dropna("point")) <= 0)
        assert np.all(np.diff(one.passes.dropna("point")) > 0)
        for name, gap in EXPERIMENT.TARGETS.items():
            below = one.passes.values[one.above.values <= gap]
            kept = one.reached.sel(target=name).item()
            assert (kept == np.inf) == (below.size == 0)
            assert below.size == 0 or kept == below[0]


def test_claims_can_fail(failing, results):
    quick = results.reached.where(results.solver == "interior point", 1.0)
    assert any("finds less" in claim for claim in failing(above=results.above - 1e-3))
    assert any("share of the passes" in claim for claim in failing(reached=quick))
    assert any("prove no gap" in claim for claim in failing(proof=results.proof * 0))
    assert any("Multipliers" in claim for claim in failing(proof=results.proof + 1))


def test_figures_and_numbers(drawn, results, check_labels):
    for figure in drawn.values():
        check_labels(figure)
    assert len(EXPERIMENT.report(results)[0].rows) == len(EXPERIMENT.SOLVERS)
    told = EXPERIMENT.numbers(results)
    assert all(re.fullmatch("[a-z_]+", name) and value for name, value in told.items())
