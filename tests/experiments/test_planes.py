"""The planes and their runs, held against losses written out."""

import re

import numpy as np
import pytest

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("planes")
CONFIG = EXPERIMENT.SMOKE


@pytest.fixture(scope="module")
def train():
    return ll.split(ll.load(CONFIG.dataset), seed=CONFIG.seed).train


def losses_by_hand(train, at):
    scores = train.inputs @ at[:-1] + at[-1]
    margins = train.labels * scores
    return scores, {
        "identity+hinge": np.maximum(0, 1 - margins).mean(),
        "identity+logistic": np.logaddexp(0, -margins).mean(),
        "relu+hinge": np.maximum(0, 1 - train.labels * np.maximum(0, scores)).mean(),
    }


def test_the_claims_hold(outcome):
    assert len(outcome.verdicts) == 10
    assert [v.claim for v in outcome.verdicts if not v.holds] == []


@pytest.mark.parametrize(("view", "l2"), [("svm", CONFIG.l2), ("dead", 0.0)])
def test_planes_and_runs_are_the_losses_written_out(results, train, view, l2):
    held = results.sel(view=view)
    alphas, betas = held.axes.values
    at = held.point.sel(which=view).values + held.directions.values.T @ [alphas[7], betas[30]]
    scores, by_hand = losses_by_hand(train, at)
    for name, loss in by_hand.items():
        drawn = float(held["values"].sel(pair=name)[7, 30])
        assert drawn == pytest.approx(loss + 0.5 * l2 * (at[:-1] ** 2).sum(), rel=1e-12)
        end = held.path.sel(pair=name)[-1].values
        there = losses_by_hand(train, end)[1][name] + 0.5 * l2 * (end[:-1] ** 2).sum()
        assert float(held.value.sel(pair=name)[-1]) == pytest.approx(there, rel=1e-12)
    if np.all(scores <= 0):
        assert float(held.flat.sel(pair="relu+hinge")[7, 30]) == 1


def test_the_planes_pass_through_their_points(results):
    for view, through in (("svm", ("alive",)), ("dead", ("svm", "alive"))):
        for which in through:
            away = (results.point.sel(which=which) - results.point.sel(which=view)).values
            axes = results.directions.sel(view=view).values
            np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-12)
            np.testing.assert_allclose(axes.T @ (axes @ away), away, atol=1e-9)
            assert np.all(np.abs(axes @ away) <= results.axes.sel(view=view).max("alpha").values)


def test_the_claims_can_fail(failing, results):
    values = results["values"]
    assert any("below the certified optimum" in claim for claim in failing(values=0.9 * values))
    assert any("is 1 where no example pulls" in claim for claim in failing(risk=1.001 * results.risk))
    assert any("leaves ReLU + hinge" in claim for claim in failing(path=results.path * (1 + results.step)))
    assert any("falls below 1/2" in claim for claim in failing(value=results.value + 1.0))
    assert any("proven convex" in claim for claim in failing(convex=0 * results.convex))


def test_figures_and_numbers(drawn, results):
    assert set(drawn) == {"svm", "dead"}
    for figure in drawn.values():
        assert figure.get_suptitle()
        assert figure.get_supxlabel()
        assert figure.get_supylabel()
    told = EXPERIMENT.numbers(results)
    assert all(re.fullmatch("[a-z_]+", name) and re.fullmatch(r"[\d.]+", value) for name, value in told.items())
