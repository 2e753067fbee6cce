"""Risks and errors of models where eta is known: those of plain loops, bounds hold and can fail."""

import numpy as np
import pytest

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("excess_risk")
CONFIG = EXPERIMENT.Config(
    fitted=("identity+hinge",), atoms=60, samples=2, sizes=(30, 300), features=4, Cs=(0.1, 1.0), starts=2, steps=100
)


def test_what_is_a_theorem_holds(outcome):
    assert len(outcome.verdicts) == 5
    assert all(v.holds for v in outcome.verdicts[:4])


def naive_excess(values, eta, scores, threshold):
    """Excess risk and error of one row of scores; the least risk is looked for on a fine grid."""
    grid = np.linspace(-12, 12, 24_001)
    risk = error = 0.0
    for probability, score in zip(eta, scores, strict=True):
        at = probability * values(score, 1) + (1 - probability) * values(score, -1)
        least = np.min(probability * values(grid, 1) + (1 - probability) * values(grid, -1))
        mistake = (score > threshold) != (probability > 0.5)
        risk, error = risk + at - least, error + mistake * abs(2 * probability - 1)
    return risk / len(eta), error / len(eta)


@pytest.mark.parametrize(
    ("name", "threshold", "values"),
    [
        ("identity+hinge", 0.0, lambda z, t: np.maximum(0, 1 - t * z)),
        ("relu+hinge", 0.5, lambda z, t: np.maximum(0, 1 - t * np.maximum(z, 0))),
        ("relu+hinge", 0.0, lambda z, t: np.maximum(0, 1 - t * np.maximum(z, 0))),
    ],
)
def test_excess_risk_and_error_are_those_of_a_plain_loop(name, threshold, values, rng, x64):
    eta = EXPERIMENT.population(CONFIG)[1][::6]
    scores = rng.normal(size=(3, eta.size))
    found = EXPERIMENT.excess(ll.card(name), eta, scores, threshold)
    slow = [naive_excess(values, eta, row, threshold) for row in scores]
    np.testing.assert_allclose(found, slow, atol=1e-6)


def test_psi_of_the_results_is_the_closed_form(results):
    share = results.share.values
    forms = {"identity+hinge": share, "relu+hinge at 0.5": share / 2, "relu+hinge at 0": 0 * share}
    for setting, form in forms.items():
        np.testing.assert_allclose(results.curve.sel(setting=setting), form, atol=1e-7)


def test_the_bound_is_met_where_mistakes_are_cheap(results):
    """For the hinge and for ReLU + hinge at 1/2 the scores that err most cheaply lie on the bound itself."""
    for setting in ("identity+hinge", "relu+hinge at 0.5"):
        cell = results.sel(setting=setting)
        assert float(abs((cell.risk - cell.bound).where(cell.origin == 2)).max()) < 1e-6
    free = results.sel(setting="relu+hinge at 0")
    cheap = free.error.where((free.origin == 2) & (free.risk < 1e-6))
    assert float(cheap.max()) > 0.05


def test_differences_are_of_the_same_models(results):
    at = [results.sel(setting=f"relu+hinge at {tau}") for tau in ("0", "0.5")]
    fitted = [each.error.values[each.origin.values == 0] for each in at]
    assert [each.size for each in fitted] == [8, 8]
    np.testing.assert_array_equal(at[0].risk.values[:8], at[1].risk.values[:8])
    expected = [100 * np.mean(fitted[0][k : k + 2] - fitted[1][k : k + 2]) for k in (0, 2, 4, 6)]
    np.testing.assert_allclose(EXPERIMENT.read_apart(results), expected)


def test_claims_can_fail(failing, results):
    assert "Excess risk is at least" in failing(risk=results.risk - 0.1)[0]
    failed = failing(falling=results.falling + 0.01 * results.epsilon + 1e-3)
    assert sum("excess" in claim for claim in failed) == 3
    none = results.error.where(results.setting != "relu+hinge at 0", 0.0)
    assert any(claim.startswith("Read at 0") for claim in failing(error=none))


def test_figures_have_labels_and_tables_have_rows(drawn, results, check_labels):
    for figure in drawn.values():
        check_labels(figure)
    assert all(table.rows for table in EXPERIMENT.report(results))
