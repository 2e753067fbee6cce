"""Repairs: claims, and words where no run lives."""

import numpy as np
import pytest

from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("relu_repairs")
CONFIG = EXPERIMENT.Config(
    datasets=("separable(n=40, margin=0.8, offset=0.7, seed=51)",), repairs=(0, 1, 2, 4, 6, 7, 9), starts=20, steps=200
)


def test_claims_that_are_mathematics_hold(outcome):
    by_mathematics = [v for v in outcome.verdicts if v.fixed == "before"]
    assert len(by_mathematics) == 2
    assert [v.claim for v in by_mathematics if not v.holds] == []


def test_where_no_run_lives_there_is_no_error(results, drawn):
    """A start at zero with tie 0 never moves."""
    cell = results.isel(dataset=0).sel(repair="start at 0, tie 0")
    assert cell.dead == 1
    assert np.isnan(cell.error)
    (rows,) = [t.rows for t in EXPERIMENT.report(results)]
    assert dict((row[0], row[2]) for row in rows)["start at 0, tie 0"] == "no live run"
    said = [text.get_text() for text in drawn["all"].axes[1].texts]
    assert "no live run" in said
    assert drawn["all"].axes[0].get_xlim() == (0, 100)


def test_claims_can_fail(failing, results):
    assert len(failing(dead=1 + 0 * results.dead)) == 2
    assert any(
        "as many runs dead" in claim for claim in failing(dead=results.dead * (results.repair != "threshold 1/2"))
    )
    assert any("least a tenth" in claim for claim in failing(dead=0 * results.dead))


def test_numbers(results):
    told = EXPERIMENT.numbers(results)
    plain = results.isel(dataset=0).sel(repair="ReLU + hinge")
    assert told["dead_runs_percent"] == f"{100 * float(plain.dead):.0f}"
