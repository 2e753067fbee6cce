"""Calibration of pairs: the grid says what is known, psi is the closed form, claims hold and can fail."""

import numpy as np
import pytest

from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("calibration")
CONFIG = EXPERIMENT.Config(
    activations=("identity", "relu"),
    losses=("hinge", "logistic", "perceptron", "brier"),
    taus=9,
    thresholds=(0.0, 0.25),
)


def test_all_claims_hold(outcome):
    assert len(outcome.verdicts) == 6
    assert [v.claim for v in outcome.verdicts if not v.holds] == []


def test_the_grid_says_what_is_known(results):
    state = EXPERIMENT.status(results)
    #                          hinge, logistic, perceptron, brier
    np.testing.assert_array_equal(state, [[2, 2, 0, -1], [1, 0, 0, -1]])
    assert float(results.best.sel(activation="relu", loss="hinge")) == 0.5


def naive_psi(theta, tau):
    """The least excess risk of ReLU + hinge at error theta and rule z > tau, over a fine grid of scores."""
    z = np.linspace(-2, 3, 5001)
    positive, negative = np.maximum(0, 1 - np.maximum(z, 0)), 1 + np.maximum(z, 0)
    least = np.inf
    for eta in (0.5 - theta / 2, 0.5 + theta / 2):
        risk = eta * positive + (1 - eta) * negative
        wrong = (z > tau) != (eta > 0.5)
        least = min(least, risk[wrong].min() - risk.min())
    return least


def test_psi_is_that_of_a_plain_search(results):
    for tau in results.threshold.values:
        for theta in (0.25, 1.0):
            found = float(results.relu_psi.sel(threshold=tau).interp(fine=theta))
            assert found == pytest.approx(naive_psi(theta, tau), abs=2e-3)


def test_claims_can_fail(failing, results):
    assert len(failing(relu_psi=results.relu_psi + 1e-3, relu_slope=results.relu_slope * 1.1)) == 2
    assert len(failing(relu_calibrated=0 * results.relu_calibrated, relu_best=results.relu_best + 0.1)) == 2
    assert len(failing(psi=results.psi * 1.01)) == 1
    assert len(failing(zero=1 + 0 * results.zero)) == 1


def test_figures_have_labels_and_tables_have_rows(drawn, results, check_labels):
    assert set(drawn) == {"psi", "relu", "thresholds"}
    for figure in drawn.values():
        assert figure.axes[0].get_ylabel() or figure.get_supylabel()
    assert all(table.rows for table in EXPERIMENT.report(results))
