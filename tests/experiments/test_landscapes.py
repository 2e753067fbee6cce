"""The planes and cells of the landscapes, held against formulas written out, a count of pixels and LIBSVM."""

import re

import numpy as np
import pytest

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.xdist_group("landscapes")]
EXPERIMENT = find_experiment("landscapes")
CONFIG = EXPERIMENT.SMOKE


@pytest.fixture(scope="module")
def train():
    return ll.split(ll.load(CONFIG.dataset), seed=CONFIG.seed).train


def test_the_claims_hold(outcome):
    assert len(outcome.verdicts) == 11
    assert [v.claim for v in outcome.verdicts if not v.holds] == []
    assert all(type(v.holds) is bool for v in outcome.verdicts)


def test_planes_and_runs_are_the_losses_written_out(results, train):
    at = results.point_dead + results.dead_alpha[7] * results.dead_directions[0]
    at = (at + results.dead_beta[30] * results.dead_directions[1]).values
    margins, penalty = train.labels * (train.inputs @ at[:-1] + at[-1]), 0.5 * CONFIG.l2 * (at[:-1] ** 2).sum()
    scores = train.inputs @ at[:-1] + at[-1]
    by_hand = {
        "identity+hinge": np.maximum(0, 1 - margins),
        "identity+logistic": np.logaddexp(0, -margins),
        "relu+hinge": np.maximum(0, 1 - train.labels * np.maximum(0, scores)),
    }
    for name, losses in by_hand.items():
        drawn = float(results.dead_values.sel(pair=name)[7, 30])
        assert drawn == pytest.approx(losses.mean() + penalty, rel=1e-12)
    all_low = np.all(scores <= 0)
    assert float(results.dead_flat.sel(pair="relu+hinge")[7, 30]) == all_low
    end = results.path.sel(pair="identity+hinge", run="alive")[-1].values
    hinge = np.maximum(0, 1 - train.labels * (train.inputs @ end[:-1] + end[-1])).mean()
    value = float(results.value.sel(pair="identity+hinge", run="alive")[-1])
    assert value == pytest.approx(hinge + 0.5 * CONFIG.l2 * (end[:-1] ** 2).sum(), rel=1e-12)


def test_what_is_kept_of_a_run_is_pythagoras(results):
    path, kept = EXPERIMENT.seen(results, "svm")
    away = (results.path - results.point_svm).values
    off = away - np.einsum("prsk,kd->prsd", path, results.svm_directions.values)
    whole = away - away.mean(axis=2, keepdims=True)
    lost = off - off.mean(axis=2, keepdims=True)
    np.testing.assert_allclose(1 - (lost**2).sum((2, 3)) / (whole**2).sum((2, 3)), kept, atol=1e-12)
    np.testing.assert_allclose(off[:, 0, 0], 0.0, atol=1e-12)


def test_the_dead_cone_by_counting_and_the_svm_by_libsvm(results):
    from sklearn.svm import SVC

    data, box = ll.load(CONFIG.line), CONFIG.box
    centres = (np.arange(600) + 0.5) / 300 * box - box
    w, b = np.meshgrid(centres, centres)
    counted = np.all([x * w + b <= 0 for x in data.inputs[:, 0]], axis=0).mean() * 4 * box**2
    assert float(results.line_cone) == pytest.approx(counted, rel=0.01)
    svm = SVC(kernel="linear", C=1 / (data.n * CONFIG.l2), tol=1e-8).fit(data.inputs, data.labels)
    by_libsvm = np.append(svm.coef_[0], svm.intercept_)  # type: ignore[arg-type]
    np.testing.assert_allclose(results.line_svm.values, by_libsvm, atol=1e-4)


def test_verdicts_can_fail(failing, results):
    lower = failing(svm_values=0.9 * results.svm_values)
    assert any("floor" in claim for claim in lower)
    assert any("plateau" in claim for claim in failing(dead_risk=1.001 * results.dead_risk))
    assert "cells and planes agree" in failing(cells_apart=results.cells_apart + 1e-9)
    assert any("descent dies" in claim for claim in failing(dead_end=0 * results.dead_end))


def test_figures_and_numbers(drawn, results):
    assert set(drawn) == {"svm", "dead", "cells"}
    for figure in drawn.values():
        assert figure.axes[0].get_ylabel()
        assert len({axes.get_xlabel() for axes in figure.axes} - {""}) == 1
    told = EXPERIMENT.numbers(results)
    assert all(re.fullmatch("[a-z_]+", name) and re.fullmatch(r"[\d.]+", value) for name, value in told.items())
    assert told["identity_minima"] == "1"
