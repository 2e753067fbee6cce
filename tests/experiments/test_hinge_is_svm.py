"""The hinge is the SVM: training against a plain loop, optima against LIBSVM, claims that fail."""

from typing import Any

import jax
import numpy as np
import pytest
from sklearn.svm import SVC, LinearSVC

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("hinge_is_svm")
CONFIG = EXPERIMENT.Config(datasets=("two_gaussians(n=60, positives=0.3, seed=1)",), steps=400, records=4)
DATA = ll.standardise(ll.load(CONFIG.datasets[0]))


def value(weights, bias, penalised):
    losses = np.maximum(0.0, 1.0 - DATA.labels * (DATA.inputs @ weights + bias))
    return 0.5 * weights @ weights + 0.5 * penalised * bias**2 + CONFIG.C * losses.sum()


def test_the_claims_hold_on_data_whose_classes_are_unequal(outcome):
    assert [v.claim for v in outcome.verdicts if not v.holds] == []
    assert len(outcome.verdicts) == 8


def test_optima_are_those_of_libsvm_and_of_liblinear_with_a_constant(results):
    free: Any = SVC(kernel="linear", C=CONFIG.C, tol=1e-10).fit(DATA.inputs, DATA.labels)
    best = value(free.coef_[0], free.intercept_[0], False)
    assert results.optimum.sel(problem="free bias").item() == pytest.approx(best, rel=1e-8)
    held: Any = LinearSVC(C=CONFIG.C, loss="hinge", tol=1e-12, max_iter=10**6, random_state=0)
    held.fit(DATA.inputs, DATA.labels)
    other = value(held.coef_[0], held.intercept_[0], True)
    assert results.optimum.sel(problem="penalised bias").item() == pytest.approx(other, rel=1e-8)
    assert results.strayed.item() == pytest.approx(value(held.coef_[0], held.intercept_[0], False) / best - 1, rel=1e-4)


@pytest.mark.parametrize("penalised", [False, True])
def test_training_is_a_plain_loop_over_hand_written_subgradients(results, penalised, x64):
    start = ll.linear().init(jax.random.key(CONFIG.seed), DATA.d)
    w, b = np.array(start["weights"], float), 0.0
    l2, (first, last) = 1.0 / (CONFIG.C * DATA.n), CONFIG.rates
    for k in range(CONFIG.steps):
        rate = first * (last / first) ** (k / CONFIG.steps)
        pulls = np.where(DATA.labels * (DATA.inputs @ w + b) < 1, DATA.labels, 0.0)
        w, b = w - rate * (l2 * w - pulls @ DATA.inputs / DATA.n), b - rate * (penalised * l2 * b - pulls.mean())
    trained = results.value.isel(dataset=0, step=-1).sel(trained=EXPERIMENT.PROBLEMS[penalised])
    for problem, own in zip(EXPERIMENT.PROBLEMS, (False, True), strict=True):
        assert trained.sel(problem=problem).item() == pytest.approx(value(w, b, own), rel=1e-6)


def test_claims_can_fail(failing, results):
    assert failing(value=0 * results.value + 0.999 * results.optimum)[0].startswith("No training finds less")
    assert len(failing(kkt=results.kkt + 1.0, gap=results.gap + 1.0)) == 2
    assert failing(strayed=0 * results.strayed)[0].startswith("That is another optimum")
    assert len(failing(own=1.1 * results.own)) == 3


def test_figures_have_labels_and_tables_have_rows(drawn, results, check_labels):
    for figure in drawn.values():
        check_labels(figure)
    assert all(table.rows for table in EXPERIMENT.report(results))
    assert set(EXPERIMENT.numbers(results)) >= {"clarabel", "libsvm", "trained", "counted_on"}
