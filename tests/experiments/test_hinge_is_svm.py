"""The hinge is the SVM: gaps are those of the problem that each method solves, with Clarabel and without."""

import importlib.util
import math

import numpy as np
import pytest

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("hinge_is_svm")]
EXPERIMENT = find_experiment("hinge_is_svm")
CONFIG = EXPERIMENT.SMOKE


def test_the_claims_that_do_not_depend_on_data_hold(outcome):
    verdicts = [v for v in outcome.verdicts if "LinearSVC" not in v.claim]
    assert len(verdicts) >= 6
    assert [v.claim for v in verdicts if not v.holds] == []
    assert all(type(v.holds) is bool for v in verdicts)


def test_figures_have_labels_and_tables_have_rows(drawn, results, check_labels):
    for figure in drawn.values():
        check_labels(figure)
    tables, _ = EXPERIMENT.report(results)
    assert all(table.rows for table in tables)


def test_gaps_are_those_of_the_problem_that_each_method_solves(results):
    data = ll.standardise(ll.load(CONFIG.datasets[0]))
    free = ll.solve("hinge", data, C=CONFIG.C)
    assert results.optimum.sel(problem="free bias").item() == pytest.approx(float(free.objective), rel=1e-12)
    value = EXPERIMENT.objective(data, CONFIG.C, free.weights, float(free.bias))
    assert value == pytest.approx(float(free.objective), rel=1e-12)
    with_bias = EXPERIMENT.objective(data, CONFIG.C, free.weights, float(free.bias), penalised=True)
    assert with_bias == pytest.approx(value + 0.5 * float(free.bias) ** 2)
    assert float(EXPERIMENT.gaps(results).min()) > -1e-9
    assert np.all(np.diff(results.passes.sel(solver="L-BFGS, smoothed hinge").dropna("point")) >= 0)


def test_it_runs_without_clarabel(results, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    data = ll.load("two_points", mirrored=True)
    assert math.isnan(EXPERIMENT.clarabel(data, CONFIG, None)["value"])
    without = EXPERIMENT.report(results.assign(clarabel=results.clarabel * math.nan))[1]
    assert not any("Clarabel" in v.claim for v in without)


def test_verdicts_can_fail(failing, results):
    assert "S4: no method finds less" in failing(value=0.999 * results.value)
    assert len(failing(kkt=results.kkt + 1.0, gap=results.gap + 1.0)) == 2
