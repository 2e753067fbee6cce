"""The textbook's picture: its curves are the formulas, its claims hold and can fail."""

import math

import numpy as np
import pytest

from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("textbook_curves")
CONFIG = EXPERIMENT.SMOKE


def test_the_claims_hold(outcome):
    assert len(outcome.verdicts) == 5
    assert [v.claim for v in outcome.verdicts if not v.holds] == []


def test_figures_have_labels_and_tables_have_rows(drawn, results, check_labels):
    for figure in drawn.values():
        check_labels(figure)
    assert all(table.rows for table in EXPERIMENT.report(results))


def test_textbook_curves_are_the_formulas_of_the_textbook(results):
    m, scaled = results.margin.values, EXPERIMENT.scaled(results)
    formulas = {
        "hinge": np.maximum(0, 1 - m),
        "logistic": np.logaddexp(0, -m) / math.log(2),
        "squared": (1 - m) ** 2,
        "zero_one": (m <= 0).astype(float),
    }
    for name, values in formulas.items():
        np.testing.assert_allclose(scaled.sel(loss=name), values, rtol=1e-13, atol=1e-15)
    assert set(results.loss.values) == {*formulas, "perceptron", "unhinged", "cross_entropy"}


def test_claims_can_fail(failing, results):
    assert "Scaled so, the three lie nowhere below the 0-1 loss" in failing(value=results.value - 0.1)
    assert len(failing(convex=1 - results.convex)) == 2
    assert len(failing(at_zero=1.01 * results.at_zero)) >= 2
