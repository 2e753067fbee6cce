"""The calibration experiment: its bounds hold, risks and errors are those of plain loops, figures are labelled."""

import numpy as np
import pytest

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.xdist_group("calibration_experiment")]
EXPERIMENT = find_experiment("calibration")
CONFIG = EXPERIMENT.Config(
    activations=("identity", "relu", "softplus"), losses=("hinge", "logistic", "perceptron", "brier"),
    thresholds=(0.0, 0.25), atoms=60, samples=2, sizes=(30, 300), features=4, Cs=(0.1, 1.0), starts=2, steps=300,
)  # fmt: skip
DRAW = True


def test_all_claims_hold(outcome):
    assert len(outcome.verdicts) == 5
    assert [v.claim for v in outcome.verdicts if not v.holds] == []


def test_the_grid_says_what_is_known(results):
    state = EXPERIMENT.status(results)
    #                              hinge, logistic, perceptron, brier
    np.testing.assert_array_equal(state[:2], [[2, 2, 0, -1], [1, 0, 0, -1]])
    assert float(results.best.sel(activation="relu", loss="hinge")) == 0.5


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
        ("identity+logistic", 0.0, lambda z, t: np.logaddexp(0, -t * z)),
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
    forms = {"identity+hinge": share, "identity+squared_hinge": share**2, "relu+hinge at 0.5": share / 2}
    forms |= {"relu+hinge at 0": 0 * share, "identity+exponential": 1 - np.sqrt(1 - share**2)}
    for setting, form in forms.items():
        np.testing.assert_allclose(results.curve.sel(setting=setting), form, atol=1e-7)


def test_the_bound_is_met_where_mistakes_are_cheap(results):
    """For the hinge and for ReLU + hinge at 1/2 the scores that err most cheaply lie on the bound itself."""
    for setting in ("identity+hinge", "relu+hinge at 0.5"):
        cell = results.sel(setting=setting)
        slack = (cell.points.sel(excess="risk") - cell.bound).where(cell.origin == 2)
        assert float(abs(slack).max()) < 1e-6
    free = results.sel(setting="relu+hinge at 0")
    cheap = free.points.where((free.origin == 2) & (free.points.sel(excess="risk") < 1e-6))
    assert float(cheap.sel(excess="error").max()) > 0.05


def test_fits_approach_the_best_risk_with_more_examples(results):
    cell = results.sel(setting="identity+logistic")
    fitted = cell.points.sel(excess="risk").values[cell.origin.values == 0].reshape(2, 2, 2)
    assert fitted[1, :, 1].mean() < fitted[0, :, 1].mean()


def test_figures_have_labels_and_draw_what_was_saved(drawn, results):
    assert set(drawn) == {"psi", "relu", "models", "thresholds"}
    for name, figure in drawn.items():
        shared = bool(figure.get_supxlabel())
        assert shared == (name == "psi")
        assert shared or all(axes.get_xlabel() for axes in figure.axes)
        assert figure.get_supylabel() or figure.axes[0].get_ylabel()
    line = drawn["relu"].axes[0].lines[1]
    np.testing.assert_array_equal(line.get_ydata(), results.relu_psi.sel(threshold=0.25))
