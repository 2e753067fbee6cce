"""Implicit bias: its claims hold, its figures show what was saved, no NaN is drawn."""

import numpy as np
import pytest

from lossland.experiment import find_experiment

EXPERIMENT = find_experiment("implicit_bias")
CONFIG = EXPERIMENT.Config(steps=20_000, settings=4, log_time=200.0)


@pytest.mark.slow
def test_the_claims_hold_and_the_figures_show_what_was_saved(outcome, results, drawn, check_curves):
    assert [v.claim for v in outcome.verdicts if not v.holds] == []
    check_curves(drawn, {"drift", "gaps", "losses"})
    curve = drawn["drift"].axes[0].lines[0]
    np.testing.assert_array_equal(curve.get_ydata(), results.exponential_points.values[0, 1:, 1])
