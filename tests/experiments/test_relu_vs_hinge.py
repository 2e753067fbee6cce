"""The first experiment: its claims hold, its figures show what they say, and both ways to start it are one."""

import re
import subprocess
import sys

import numpy as np
import pytest

from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("relu_vs_hinge")
CONFIG = EXPERIMENT.Config(datasets=("two_gaussians(n=200, distance=2.5, seed=3)",), starts=24, steps=60)
DRAW = True


def test_claims_that_are_mathematics_hold(outcome):
    by_mathematics = [v for v in outcome.verdicts if v.fixed == "before"]
    assert len(by_mathematics) == 5
    assert [v.claim for v in by_mathematics if not v.holds] == []


def test_claims_can_fail(failing, results):
    assert any("never falls below" in claim for claim in failing(least=results.least - 1))
    assert any("does not move" in claim for claim in failing(moved=results.moved + 1))
    assert any("tie 1/2 moves" in claim for claim in failing(moved=0 * results.moved))
    assert any("same parameters" in claim for claim in failing(from_logistic=results.from_logistic + 1e-9))
    assert any("one in twenty" in claim for claim in failing(dead=0 * results.dead))
    assert any("ramp for positives" in claim for claim in failing(curve=results.curve + (results.form == "hidden")))


def test_dead_runs_are_those_whose_scores_are_all_negative(results):
    cell = results.isel(dataset=0).sel(pair="relu+hinge", tie=0.0)
    scores = results.plane_inputs.values @ cell.weights.values.T + cell.bias.values
    np.testing.assert_array_equal(cell.dead.values == 1, np.all(scores <= 0, axis=0))
    assert 0 < cell.dead.sum() < cell.start.size


def test_recorded_losses_are_those_of_the_recorded_parameters(results):
    cell = results.isel(dataset=0, start=3).sel(pair="identity+hinge", tie=0.0)
    scores = results.plane_inputs.values @ cell.weights.values + float(cell.bias)
    hinge = np.maximum(0, 1 - results.plane_labels.values * scores).mean()
    np.testing.assert_allclose(cell.risk.isel(step=-1), hinge, rtol=1e-12)


def test_figures_have_labels_and_draw_what_was_saved(drawn, results):
    assert set(drawn) == {"curves", "lines", "runs"}
    for figure in drawn.values():
        for axes in figure.axes:
            assert axes.get_xlabel() or axes.get_xticklabels()
            assert axes.get_ylabel() or axes is not figure.axes[0]
    curve = drawn["curves"].axes[0].lines[1]
    np.testing.assert_array_equal(curve.get_ydata(), results.curve.sel(form="relu+hinge", label=1))


def test_the_result_is_small(outcome):
    assert outcome.results.stat().st_size < 1e6


def test_numbers_are_those_of_the_ends(results):
    told = EXPERIMENT.numbers(results)
    assert all(re.fullmatch("[a-z_]+", name) and re.fullmatch(r"[\d.]+", value) for name, value in told.items())
    last = results.isel(dataset=0, start=slice(1, None)).sel(pair="relu+hinge", tie=0.0)
    assert told["dead_share"] == f"{100 * np.mean(last.dead.values):.0f}"
    assert float(told["two_gaussians_floor"]) == pytest.approx(np.mean(results.plane_labels.values < 0), abs=5e-4)


@pytest.mark.exhaustive
def test_the_file_and_the_command_are_the_same_thing(tmp_path):
    """What `lossland run FILE` computed, `lossland run NAME` finds again."""
    settings = ["--smoke", "--starts", "2", "--steps", "5", "--datasets", "two_moons", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "lossland", "run"]
    by_file = subprocess.run([*command, EXPERIMENT.__file__, *settings], capture_output=True, text=True)
    assert "computed in" in by_file.stdout, by_file.stderr
    by_name = subprocess.run([*command, "relu_vs_hinge", *settings], capture_output=True, text=True)
    assert "taken from an earlier run" in by_name.stdout
