"""Who decides the boundary: the claims hold, the changes are those of fits made anew, the figures are labelled."""

import numpy as np
import pytest

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.xdist_group("support_vectors")]
EXPERIMENT = find_experiment("support_vectors")
CONFIG = EXPERIMENT.Config(
    linear=("two_gaussians(n=80, distance=3.0, seed=5)",), kernel=("two_moons(n=60, noise=0.2)",),
    spoilt=("two_gaussians(n=80, distance=3.0, seed=5)",), places=9, shares=(0.0, 0.2), splits=2, Cs=(0.1, 1.0),
)  # fmt: skip
DRAW = True


def test_the_svm_rests_on_its_support_vectors_alone(outcome):
    exact = [v for v in outcome.verdicts if "harm" not in v.claim and "robust" not in v.claim]
    assert len(exact) == 7
    assert [v.claim for v in exact if not v.holds] == []


def fitted(model, inputs, labels):
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC

    made = SVC(C=CONFIG.C, kernel="linear", tol=1e-9)
    if model == "logistic":
        made = LogisticRegression(C=CONFIG.C, solver="newton-cholesky", tol=1e-10)
    made.fit(inputs, labels)
    return np.append(made.coef_, made.intercept_)


@pytest.mark.parametrize("model", ["svm", "logistic"])
def test_lines_and_changes_are_those_of_scikit_learn(results, model):
    labels, quiet = results.labels.values, results.support.values == 0
    old = fitted(model, results.inputs.values, labels)
    moved = fitted(model, results.moved.values, labels)
    fewer = fitted(model, results.inputs.values[~quiet], labels[~quiet])
    np.testing.assert_allclose(results.lines.sel(model=model), [old, moved], atol=2e-4)
    change = results.change.sel(model=model).isel(case=0)
    for act, new in zip(EXPERIMENT.ACTS, (moved, fewer), strict=False):
        assert float(change.sel(act=act)) == pytest.approx(np.linalg.norm(new - old) / np.linalg.norm(old), abs=2e-4)


def test_only_points_outside_the_margin_are_moved_and_they_stay_there(results):
    w, b = results.lines.sel(model="svm").values[0, :2], float(results.lines.sel(model="svm")[0, 2])
    quiet = results.support.values == 0
    before, after = (results.labels.values * (x.values @ w + b) for x in (results.inputs, results.moved))
    assert quiet.mean() > 0.5
    assert (before[quiet] > 1).all()
    assert (after[quiet] >= before[quiet]).all()
    np.testing.assert_array_equal(results.moved.values[~quiet], results.inputs.values[~quiet])


def test_an_added_point_changes_what_a_fit_with_it_gives(results, x64):
    data = ll.standardise(ll.load(CONFIG.linear[0]))
    sol = ll.solve("logistic", data, C=CONFIG.C)
    svm = ll.solve("hinge", data, C=CONFIG.C)
    point = (float(results.margin[2]) - svm.bias) / (svm.weights @ svm.weights) * svm.weights
    more = ll.Dataset(inputs=np.vstack([data.inputs, point]), labels=np.append(data.labels, 1.0))
    new = fitted("logistic", more.inputs, more.labels)
    old = np.append(sol.weights, sol.bias)
    change = np.linalg.norm(new - old) / np.linalg.norm(old)
    assert float(results.added.sel(model="logistic")[2]) == pytest.approx(change, rel=1e-4)


def test_unspoilt_errors_do_not_depend_on_what_would_have_been_spoilt(results):
    clean = results.error.sel(share=0.0)
    np.testing.assert_array_equal(clean.sel(kind="outliers"), clean.sel(kind="flipped labels"))


def test_figures_have_labels_and_draw_what_was_saved(drawn, results):
    assert set(drawn) == {"changes", "spoilt"}
    for figure in drawn.values():
        assert figure.axes[0].get_ylabel()
        assert all(axes.get_xlabel() for axes in figure.axes)
    shown = drawn["changes"].axes[1].lines[1].get_ydata()
    np.testing.assert_array_equal(shown, results.added.sel(model="logistic"))
