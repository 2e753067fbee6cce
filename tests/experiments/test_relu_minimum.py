"""Distances above the least loss: the proven minimum held against points around it."""

import numpy as np
import pytest

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("relu_minimum")
CONFIG = EXPERIMENT.Config(datasets=("two_gaussians(n=20, distance=2.0, seed=31)",), starts=20, steps=500)


def test_the_proven_minimum_is_one(results):
    """The bound is the loss of the point that attains it, and no point around it is lower."""
    data = ll.load(CONFIG.datasets[0])
    best = float(results.bound.sel(pair="relu+hinge")[0])
    found = ll.global_minimum("relu+hinge", data, box=20.0)
    rng = np.random.default_rng(0)
    centre = np.append(found.params["weights"], found.params["bias"])
    points = np.vstack([centre, centre + 0.3 * rng.normal(size=(2000, 3))])
    scores = points[:, :2] @ data.inputs.T + points[:, 2:]
    around = np.maximum(0, 1 - data.labels * np.maximum(0, scores)).mean(axis=1)
    assert around[0] == pytest.approx(best, abs=1e-6)
    assert around.min() >= best - 1e-9
    assert best >= np.mean(data.labels < 0)


def test_no_run_ends_below_it_and_dead_runs_end_at_one(outcome, results):
    (verdict,) = [v for v in outcome.verdicts if v.fixed == "before"]
    assert verdict.holds
    relu = results.sel(pair="relu+hinge")
    assert (relu.risk.values[relu.dead.values == 1] == 1).all()


def test_claims_can_fail(failing, results):
    assert any("ends below" in claim for claim in failing(risk=0.9 * results.risk))
    assert any("linear output every run" in claim for claim in failing(risk=results.risk + 0.1))
    assert any("Half of the runs" in claim for claim in failing(risk=0 * results.risk + results.bound))


def test_the_figure_shows_the_distribution(drawn, results):
    """The line of all runs ends at the greatest distance and at 100 %."""
    ax = drawn["distances"].axes[0]
    thick = [line for line in ax.lines if line.get_linewidth() > 1]
    x, y = np.asarray(thick[1].get_xydata()).T
    assert y[-1] == 100
    assert x[-1] == pytest.approx(EXPERIMENT.distances(results, "relu+hinge").max())
    assert EXPERIMENT.numbers(results)["sets"] == "1"
