"""Gradient geometry: its claims hold, its figures show what was saved, no NaN is drawn."""

import numpy as np
import pytest

from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("gradient_geometry")
CONFIG = EXPERIMENT.Config(
    dataset="two_gaussians(n=40, distance=3.0, seed=71)",
    separable="separable(n=20, margin=0.8, offset=0.7, seed=71)",
    steps=300,
    grid=9,
)


def test_claims_that_are_mathematics_hold(outcome):
    by_mathematics = [v for v in outcome.verdicts if v.fixed == "before"]
    assert len(by_mathematics) == 5
    assert [v.claim for v in by_mathematics if not v.holds] == []


def test_the_figures_show_what_was_saved(results, drawn, check_curves):
    check_curves(drawn, {"weights", "shares", "angles", "map", "pulls"})
    np.testing.assert_allclose(results.share.sum("group"), 1.0)
    last = results.isel(step=-1).sel(pair="identity+hinge")
    margins = results.labels * (results.inputs @ last.weights + last.bias)
    np.testing.assert_allclose(margins, last.margin, atol=1e-12)
    np.testing.assert_array_equal(last.pull, (last.margin < 1).astype(float))


def test_claims_can_fail(failing, results):
    assert any("no example is dead" in claim for claim in failing(share=results.share + 0.1))
    assert any("one example in a hundred" in claim for claim in failing(share=0 * results.share))
    assert len(failing(pull=results.pull + 0.1)) >= 2
    assert any("half the SVM" in claim for claim in failing(point_hidden_gap=results.point_hidden_gap + 1))
    assert any("certified" in claim for claim in failing(point_spurious=0 * results.point_spurious))
