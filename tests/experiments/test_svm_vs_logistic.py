"""SVM against logistic regression: nested errors by a plain scikit-learn loop, what is told by slow formulas."""

import re

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from lossland.experiment import decide, find_experiment, fold_numbers, real_source

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("svm_vs_logistic")
CONFIG = EXPERIMENT.Config(sources=("iris", "crabs", "glass"), repeats=1, outer=3, inner=3, Cs=(0.05, 0.5, 5.0))


def sklearn_model(model, C):
    last = SVC(C=C, kernel="linear", tol=1e-7)
    if model == "logistic":
        last = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-10)
    return make_pipeline(StandardScaler(), last)


def own_loss(model, margins):
    return np.maximum(0, 1 - margins).mean() if model == "svm" else np.log1p(np.exp(-margins)).mean()


def plain(data):
    """Errors, disagreement and the twins' of each fold, written as anyone would."""
    found = []
    outer = fold_numbers(data.labels, CONFIG.outer, CONFIG.seed)
    for k in range(CONFIG.outer):
        x, t, new = data.inputs[outer != k], data.labels[outer != k], data.inputs[outer == k]
        inner, said, best = fold_numbers(t, CONFIG.inner, CONFIG.seed + 1000 + k), {}, 0.0
        for model in EXPERIMENT.MODELS:
            ranks = []
            for C in CONFIG.Cs:
                held = np.empty(len(t))
                for j in range(CONFIG.inner):
                    fitted = sklearn_model(model, C).fit(x[inner != j], t[inner != j])
                    held[inner == j] = fitted.decision_function(x[inner == j])
                ranks.append(((np.where(held > 0, 1, -1) != t).sum(), own_loss(model, t * held), C))
            best = min(ranks)[2]
            said[model] = sklearn_model(model, best).fit(x, t).predict(new)
        twins = [sklearn_model("logistic", best).fit(x[inner != j], t[inner != j]).predict(new) for j in (0, 1)]
        wrong = [np.mean(said[model] != data.labels[outer == k]) for model in EXPERIMENT.MODELS]
        found.append((*wrong, np.mean(said["svm"] != said["logistic"]), np.mean(twins[0] != twins[1])))
    return np.array(found)


@pytest.mark.parametrize("name", ["iris", "glass"])
def test_nested_errors_are_those_of_a_plain_loop(results, name):
    one, want = results.sel(source=name).isel(repeat=0), plain(real_source(name))
    np.testing.assert_allclose(one.error, want[:, :2], atol=1e-12)
    np.testing.assert_allclose(one.disagreement, want[:, 2], atol=1e-12)
    np.testing.assert_allclose(one.own_disagreement, want[:, 3], atol=1e-12)


def test_angles_are_those_of_vectors_and_none_beside_a_zero():
    assert EXPERIMENT.angle(np.array([1.0, 0.0]), np.array([1.0, 1.0])) == pytest.approx(45.0)
    assert np.isnan(EXPERIMENT.angle(np.array([1e-7, 0.0]), np.array([1.0, 1.0])))


def test_a_source_is_no_surer_than_one_of_its_examples(results):
    gaps, n = EXPERIMENT.differences(results), results.n.values
    noise = [max((1 / 3 + 1 / 2) * np.var(row, ddof=1), 1 / size**2) for row, size in zip(gaps, n, strict=True)]
    means = [np.mean(row) for row in gaps]
    found = EXPERIMENT.over(results)
    assert found.mean.value == pytest.approx(np.mean(means))
    half = stats.t.ppf(0.975, 2) * np.std(means, ddof=1) / np.sqrt(3)
    assert found.mean.high - found.mean.value == pytest.approx(half)
    assert found.between == pytest.approx(np.sqrt(max(0, np.var(means, ddof=1) - np.mean(noise))))


def many(results, svm=0.21, logistic=0.20):
    """The results as of forty sources with given errors, a little apart."""
    whole = results.isel(source=np.zeros(40, int)).assign_coords(source=[f"s{k}" for k in range(40)])
    error = np.broadcast_to(np.array([svm, logistic]), whole.error.shape).copy()
    error[..., 0] += 1e-4 * np.random.default_rng(0).normal(size=error.shape[:-1])
    return whole.assign(error=(whole.error.dims, error))


def test_each_claim_can_hold_and_fail(results):
    def holds(name, whole):
        return decide(getattr(EXPERIMENT, name), whole).holds

    alike, apart = many(results, 0.203), many(results, 0.25)
    for name in ("mean_difference", "alike_on_most"):
        assert holds(name, alike)
        assert not holds(name, apart)
    assert holds("worse_on_most", apart)
    assert not holds("worse_on_most", many(results, 0.15))
    for field, name, good, bad in (
        ("disagreement", "few_disagree", 0.01, 0.2),
        ("angle", "weights_differ", 30.0, 1.0),
        ("disagreement", "loss_against_examples", 0.0, 0.9),
    ):
        assert holds(name, alike.assign({field: 0 * alike[field] + good}))
        assert not holds(name, alike.assign({field: 0 * alike[field] + bad}))
    assert holds("svm_rests_on_all", alike)
    assert not holds("svm_rests_on_all", alike.assign(support=0 * alike.support + 1))
    assert holds("logistic_leaves_some_out", alike)
    assert not holds("logistic_leaves_some_out", alike.assign(support=0 * alike.support))


def test_the_report_prints_what_was_measured_and_no_certainty(results):
    errors, ropes = EXPERIMENT.report(results)
    assert errors.rows[0][2] == f"{100 * results.error[0, :, :, 0].values.mean():.1f}"
    assert len(errors.rows) == 3
    assert len(ropes.rows) == len(EXPERIMENT.ROPES)
    told = EXPERIMENT.numbers(many(results, 0.2001))
    assert told["same_two"] == "above 0.99"
    assert all(re.fullmatch("[a-z_]+", name) and value for name, value in told.items())


def test_the_figure_has_labels_and_draws_what_was_saved(drawn, results, check_curves):
    check_curves(drawn, {"errors"})
    shown = drawn["errors"].axes[0].lines[1].get_ydata()
    np.testing.assert_allclose(shown, 100 * results.error.sel(model="svm").mean(("repeat", "fold")))
