"""The first experiment: its claims hold, its figures show what they say, and both ways to start it are one."""

import re
import subprocess
import sys

import numpy as np
import pytest

from lossland.experiment import find_experiment

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("relu_vs_hinge")]
EXPERIMENT = find_experiment("relu_vs_hinge")
CONFIG = EXPERIMENT.Config(datasets=("two_gaussians(n=200, distance=2.5, seed=3)",), starts=24, steps=60)
DRAW = True


def test_the_claims_that_do_not_depend_on_data_hold(outcome):
    by_claim = {v.claim: v for v in outcome.verdicts}
    exact = [v for claim, v in by_claim.items() if "wrong threshold" not in claim]
    assert len(exact) == 6
    assert [v.claim for v in exact if not v.holds] == []


def test_dead_runs_are_those_whose_scores_are_all_negative(results):
    cell = results.isel(dataset=0, step=-1).sel(pair="relu+hinge", tie=0.0)
    scores = results.plane_inputs.values @ cell.weights_two_gaussians.values.T + cell.bias.values
    np.testing.assert_array_equal(cell.dead_run.values == 1, np.all(scores <= 0, axis=0))
    assert 0 < cell.dead_run.sum() < cell.start.size


def test_recorded_losses_are_those_of_the_recorded_parameters(results):
    cell = results.isel(dataset=0, step=-1, start=3).sel(pair="identity+hinge", tie=0.0)
    scores = results.plane_inputs.values @ cell.weights_two_gaussians.values + float(cell.bias)
    hinge = np.maximum(0, 1 - results.plane_labels.values * scores).mean()
    np.testing.assert_allclose(cell.risk, hinge, rtol=1e-12)


def test_figures_have_labels_and_draw_what_was_saved(drawn, results):
    assert set(drawn) == {"curves", "lines", "runs"}
    for figure in drawn.values():
        for axes in figure.axes:
            assert axes.get_xlabel() or axes.get_xticklabels()
            assert axes.get_ylabel() or axes is not figure.axes[0]
    curve = drawn["curves"].axes[0].lines[1]
    np.testing.assert_array_equal(curve.get_ydata(), results.curve_relu_hinge.sel(label=1))


def test_numbers_are_those_of_the_ends(results):
    told = EXPERIMENT.numbers(results)
    assert all(re.fullmatch("[a-z_]+", name) and re.fullmatch(r"[\d.]+", value) for name, value in told.items())
    last = results.isel(dataset=0, step=-1, start=slice(1, None)).sel(pair="relu+hinge", tie=0.0)
    assert told["dead_share"] == f"{100 * np.mean(last.dead_run.values):.0f}"
    assert float(told["two_gaussians_floor"]) == pytest.approx(np.mean(results.plane_labels.values < 0), abs=5e-4)


@pytest.mark.exhaustive
def test_the_file_and_the_command_are_the_same_thing(tmp_path):
    """What `python experiments/NAME.py` computed, `lossland run NAME` finds again."""
    settings = ["--smoke", "--starts", "2", "--steps", "5", "--datasets", "two_moons", "--out", str(tmp_path)]
    by_file = subprocess.run([sys.executable, EXPERIMENT.__file__, *settings], capture_output=True, text=True)
    assert "computed in" in by_file.stdout, by_file.stderr
    by_command = [sys.executable, "-m", "lossland", "run", "relu_vs_hinge", *settings]
    assert "taken from an earlier run" in subprocess.run(by_command, capture_output=True, text=True).stdout
