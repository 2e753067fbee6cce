"""Work to a certified gap: bounds against a quadratic program by scipy, counts against traces, verdicts that fail."""

import re

import numpy as np
import pytest
from scipy import optimize

import lossland as ll
from lossland import figures
from lossland.core import read
from lossland.experiment import find_experiment, run

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.xdist_group("optimisers")]
EXPERIMENT = find_experiment("optimisers")
CONFIG = EXPERIMENT.SMOKE


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


def test_the_claims_hold(outcome):
    assert [v.claim for v in outcome.verdicts if not v.holds] == []
    assert len(outcome.verdicts) == 7


def test_the_bounds_are_those_of_the_quadratic_programs(results):
    data = ll.standardise(ll.load(CONFIG.datasets[0]))
    for column, solver in enumerate(EXPERIMENT.INTERIOR):
        held, bias = EXPERIMENT.posed(data, solver)
        best = program(held, CONFIG.C, bias)
        np.testing.assert_allclose(results.optimum.values[0, :, column], best, rtol=1e-6)


@pytest.mark.parametrize("with_bias", [True, False])
def test_what_is_read_off_weights_is_a_bound_and_near_the_optimum_a_good_one(with_bias, rng):
    labels = np.where(np.arange(30) < 12, 1, -1)
    data = ll.Dataset(inputs=rng.normal(size=(30, 2)) + 0.4 * labels[:, None], labels=labels)
    best = program(data, 0.5, with_bias)
    exact = ll.solve("hinge", data, C=0.5, bias=with_bias).weights
    for weights in (exact, exact + 0.1, np.zeros(2), 100.0 * exact):
        assert EXPERIMENT.proven(data, 0.5, weights, with_bias) <= best * (1 + 1e-7)
    assert EXPERIMENT.proven(data, 0.5, exact, with_bias) >= 0.9 * best


def test_reached_is_the_first_pass_of_the_trace_below_the_gap(results):
    for solver in EXPERIMENT.SOLVERS:
        one = results.sel(dataset=results.dataset.values[0], solver=solver)
        assert np.all(np.diff(one.gap.dropna("point")) <= 0)
        assert np.all(np.diff(one.passes.dropna("point")) > 0)
        for name, gap in EXPERIMENT.TARGETS.items():
            below = one.passes.values[one.gap.values <= gap]
            kept = one.reached.sel(target=name).item()
            assert (kept == np.inf) == (below.size == 0)
            assert below.size == 0 or kept <= below[0]


def test_a_step_of_the_interior_point_is_counted_by_its_products():
    n, d = 500, 10
    assert EXPERIMENT.step_in_passes(n, d) * 2 * n * d == pytest.approx(n * d * d + 4 * n * d + d**3 / 3)


def test_a_second_run_gives_the_same_numbers(outcome, results, tmp_path):
    again = run(EXPERIMENT.__file__, CONFIG, out=tmp_path, quiet=True, draw=False)
    assert [v.found for v in again.verdicts] == [v.found for v in outcome.verdicts]
    told = EXPERIMENT.numbers(results)
    assert EXPERIMENT.numbers(read(again.results)) == told
    assert all(re.fullmatch("[a-z_]+", name) and value for name, value in told.items())


def test_verdicts_can_fail(failing, results):
    assert any("finds less" in claim for claim in failing(above=results.above - 1e-3))
    assert any("cheaper by the constrained" in c for c in failing(reached=results.reached * 0 + 5.0))
    assert any("own proof" in c for c in failing(own_proof=results.own_proof * 0))


def test_without_clarabel_nothing_is_said_of_it(results):
    without = results.where(results.solver != "Clarabel")
    tables, verdicts = EXPERIMENT.report(without)
    assert not any("Clarabel" in cell for row in tables[0].rows for cell in row)
    assert all(v.holds for v in verdicts)
    with figures.style():
        assert set(EXPERIMENT.draw(without)) == {"gaps", "costs"}
