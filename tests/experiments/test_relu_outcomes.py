"""Dead runs of ReLU + hinge: held against starts drawn again."""

import re

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("relu_outcomes")
CONFIG = EXPERIMENT.Config(
    crossed=("two_gaussians(n=60, distance=2.0, seed=31)",), optimisers=("gd",), starts=60, steps=100
)


def test_claims_that_are_mathematics_hold(outcome):
    by_mathematics = [v for v in outcome.verdicts if v.fixed == "before"]
    assert len(by_mathematics) == 4
    assert [v.claim for v in by_mathematics if not v.holds] == []


def test_dead_at_the_start_are_those_whose_scores_are_all_negative(results, x64):
    train = ll.split(ll.load(CONFIG.crossed[0]), seed=CONFIG.seed).train
    init = EXPERIMENT.starting(CONFIG)
    cell = results.sel(rule=EXPERIMENT.RELU[0], at="start").isel(crossed=0, optimiser=0)
    for k, seed in enumerate(EXPERIMENT.seeds(CONFIG)[:12]):
        start = init(jax.random.key(seed), train.d)
        scores = train.inputs @ np.asarray(start["weights"]) + float(start["bias"])
        assert bool(cell.run_dead[k]) == bool(np.all(scores <= 0))
        assert float(cell.run_bias[k]) == pytest.approx(float(start["bias"]))
        plain = ll.linear().init(jax.random.key(seed), train.d)
        np.testing.assert_allclose(start["weights"], CONFIG.scales[int(results.draw_scale[k])] * plain["weights"])
    assert set(results.draw_scale.values) == {0, 1, 2}


def test_a_dead_start_is_followed_by_hand(results):
    """The weights' norm falls by 1 - 0.1 * 0.001 a step; the loss stays 1."""
    cell = results.sel(rule=EXPERIMENT.RELU[0]).isel(crossed=0, optimiser=0)
    dead = cell.run_dead.sel(at="start").values == 1
    assert dead.any()
    norm = cell.run_norm.values[dead]
    np.testing.assert_allclose(norm[:, 1], norm[:, 0] * 0.9999**CONFIG.steps, rtol=1e-9)
    assert (cell.run_risk.values[dead] == 1).all()


def test_claims_can_fail(failing, results):
    assert any("linear output ends dead" in claim for claim in failing(run_dead=1 + 0 * results.run_dead))
    assert any("least a tenth" in claim for claim in failing(run_dead=0 * results.run_dead))
    assert any("kills a run" in claim for claim in failing(run_dead=0 * results.run_dead))
    assert any("dead at once" in claim for claim in failing(draw_scale=2 - results.draw_scale))
    moved = results.run_bias + (results.at == "end")
    assert any("moves the bias" in claim for claim in failing(run_bias=moved))
    assert any("shrinks the weights" in claim for claim in failing(run_norm=results.run_norm + (results.at == "end")))
    tied = results.run_risk + (results.rule == EXPERIMENT.RELU[1])
    assert any("tie decides nothing" in claim for claim in failing(run_risk=tied))


def test_figures_and_numbers(drawn, results):
    assert set(drawn) == {"deaths"}
    assert all(axes.get_xlabel() for axes in drawn["deaths"].axes)
    told = EXPERIMENT.numbers(results)
    assert all(re.fullmatch("[a-z_]+", name) and re.fullmatch(r"-?[\d.]+", value) for name, value in told.items())
