"""Local minima of bounded outputs: pictures show the objective and its minima, claims hold and can fail."""

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("local_minima")
CONFIG = EXPERIMENT.SMOKE


def test_the_claims_hold(outcome):
    assert len(outcome.verdicts) == 9
    assert [v.claim for v in outcome.verdicts if not v.holds] == []


def test_figures_have_labels_and_tables_have_rows(drawn, results, check_labels):
    for figure in drawn.values():
        check_labels(figure)
    assert all(table.rows for table in EXPERIMENT.report(results))


def test_pictures_show_the_objective_and_its_minima(results):
    data = EXPERIMENT.on_axes(3, CONFIG.ratio)
    axis = results.squashing_axis.values
    at = (7, 41)
    with jax.enable_x64(True):
        scores = data.inputs @ [axis[at[0]], axis[at[1]]]
        mean = float(np.mean(ll.pair("hard_tanh+hinge")(scores, data.labels)))
    assert results.squashing_loss.values[at] == pytest.approx(mean, rel=1e-12)
    assert results.squashing_minima.size == 9
    assert results.matching_minima.size == 1
    corners = results.relu_parts.values
    assert np.nanmin(np.abs(corners)) == 1.0


def test_claims_can_fail(failing, results):
    assert len(failing(count=results["count"] + 1)) == 3
    assert len(failing(line_count=results.line_count + 1)) == 2
    assert any(claim.startswith("Of losses") for claim in failing(signs_level=1.01 * results.signs_level))
    assert len(failing(signs_minimal=0 * results.signs_minimal)) == 2
    assert len(failing(relu_minima=results.relu_minima + 0.1)) == 1
