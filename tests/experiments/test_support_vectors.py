"""Who decides the boundary: the claims hold, changes are those of scikit-learn's fits, figures are labelled."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("support_vectors")
CONFIG = EXPERIMENT.Config(
    linear=("two_gaussians(n=80, distance=3.0, seed=5)",), kernel=("two_moons(n=60, noise=0.2)",), places=8
)


def fitted(model, inputs, labels):
    made = SVC(C=CONFIG.C, kernel="linear", tol=1e-9)
    if model == "logistic":
        made = LogisticRegression(C=CONFIG.C, solver="newton-cholesky", tol=1e-10)
    made.fit(inputs, labels)
    return np.append(made.coef_, made.intercept_)


def test_the_claims_hold(outcome):
    # A point inside the margin may be taken up by the support vectors on it: no theorem says that it moves the SVM.
    assert [v.claim for v in outcome.verdicts if not v.holds and "below 1" not in v.claim] == []
    assert len(outcome.verdicts) == 6


@pytest.mark.parametrize("model", ["svm", "logistic"])
def test_lines_and_changes_are_those_of_scikit_learn(results, model):
    inputs, labels, quiet = results.inputs.values, results.labels.values, results.support.values == 0
    old = fitted(model, inputs, labels)
    moved = fitted(model, results.moved.values, labels)
    fewer = fitted(model, inputs[~quiet], labels[~quiet])
    np.testing.assert_allclose(results.lines.sel(model=model), [old, moved], atol=2e-4)
    scores = [inputs @ line[:2] + line[2] for line in (old, moved, fewer)]
    for act, new in zip(EXPERIMENT.ACTS, scores[1:], strict=False):
        change = np.abs(new - scores[0]).max() / np.abs(scores[0]).max()
        assert float(results.change.sel(model=model, act=act)[0]) == pytest.approx(change, abs=2e-4)


def test_only_points_outside_the_margin_are_moved_and_they_stay_there(results):
    w, b = results.lines.sel(model="svm").values[0, :2], float(results.lines.sel(model="svm")[0, 2])
    quiet = results.support.values == 0
    before, after = (results.labels.values * (x.values @ w + b) for x in (results.inputs, results.moved))
    assert quiet.mean() > 0.5
    assert (before[quiet] > 1).all()
    assert (after[quiet] >= before[quiet]).all()
    np.testing.assert_array_equal(results.moved.values[~quiet], results.inputs.values[~quiet])


@pytest.mark.parametrize("model", ["svm", "logistic"])
def test_an_added_point_changes_what_a_fit_with_it_gives(results, model):
    inputs, labels, line = results.inputs.values, results.labels.values, results.lines.sel(model="svm").values[0]
    point = (float(results.margin[2]) - line[2]) / (line[:2] @ line[:2]) * line[:2]
    old, new = fitted(model, inputs, labels), fitted(model, np.vstack([inputs, point]), np.append(labels, 1.0))
    change = np.linalg.norm(new - old) / np.linalg.norm(old)
    assert float(results.added.sel(model=model)[2]) == pytest.approx(change, rel=1e-3)


def test_claims_can_fail(failing, results):
    assert any("leaves the SVM" in claim for claim in failing(change=results.change + 1e-6))
    assert sum("logistic" in claim or "strongest" in claim for claim in failing(change=0 * results.change)) == 2
    assert any("anywhere" in claim for claim in failing(added=0 * results.added))
    assert any("beyond" in claim for claim in failing(added=results.added + 1e-6))


def test_figures_have_labels_and_draw_what_was_saved(drawn, results):
    (figure,) = drawn.values()
    assert all(axes.get_xlabel() for axes in figure.axes)
    shown = figure.axes[1].lines[1].get_ydata()
    np.testing.assert_array_equal(shown, results.added.sel(model="logistic"))
    assert all(EXPERIMENT.numbers(results).values())
