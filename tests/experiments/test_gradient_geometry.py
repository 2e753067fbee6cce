"""Gradient geometry: its claims hold, its figures show what was saved, no NaN is drawn."""

import numpy as np
import pytest

from lossland.experiment import find_experiment

EXPERIMENT = find_experiment("gradient_geometry")
CONFIG = EXPERIMENT.Config(steps=300, starts=20, repairs=(0, 1, 2, 4, 6, 9), repair_steps=300, grid=15)


@pytest.mark.exhaustive
def test_the_claims_hold_and_the_figures_show_what_was_saved(outcome, results, drawn, check_curves):
    # How near the SVM 300 steps come is no claim of the small version.
    assert [v.claim for v in outcome.verdicts if not v.holds and "ends at the SVM" not in v.claim] == []
    check_curves(drawn, {"weights", "shares", "angles", "basins", "repairs", "map", "pulls"})
    np.testing.assert_allclose(results.share.sum("group"), 1.0)
    last = results.isel(step=-1).sel(pair="identity+hinge")
    margins = results.labels * (results.inputs @ last.weights + last.bias)
    np.testing.assert_allclose(margins, last.margin, atol=1e-12)
    np.testing.assert_array_equal(last.pull, (last.margin < 1).astype(float))
