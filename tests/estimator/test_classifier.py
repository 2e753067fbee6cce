"""The scikit-learn face: its own contract, and agreement with independent solvers."""

import pickle
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_iris, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import lossland as ll
from lossland.estimator import PairClassifier, PairClassifierCV

pytestmark = pytest.mark.slow

X, Y = map(np.asarray, load_breast_cancer(return_X_y=True))
X = (X - X.mean(axis=0)) / X.std(axis=0)
FLOWERS, KINDS = map(np.asarray, load_iris(return_X_y=True))


@parametrize_with_checks([PairClassifier()])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.mark.exhaustive
@parametrize_with_checks(
    [
        PairClassifier(loss="logistic"),
        PairClassifier("tanh", "squared", steps=300, restarts=3),
        PairClassifier("relu", "hinge", steps=300, restarts=3),
        PairClassifierCV(Cs=3, cv=3),
    ]
)
def test_scikit_learns_own_checks_of_more_pairs(estimator, check):
    check(estimator)


def test_logistic_agrees_with_newton_cholesky():
    weights = np.linspace(0.0, 2.0, len(Y))
    settings: list[dict[str, Any]] = [{}, {"class_weight": "balanced"}, {"fit_intercept": False}]
    for given in settings:
        ours = PairClassifier(loss="logistic", C=0.7, **given).fit(X, Y, sample_weight=weights)
        theirs = LogisticRegression(solver="newton-cholesky", tol=1e-12, C=0.7, **given).fit(X, Y, weights)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
        np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-6)
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
        assert ours.gap_ < 1e-8


def test_softmax_agrees_with_newton_cholesky_and_is_certified():
    ours = PairClassifier(loss="logistic", multiclass="multinomial").fit(FLOWERS, KINDS)
    theirs = LogisticRegression(solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(FLOWERS, KINDS)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(FLOWERS), theirs.predict_proba(FLOWERS), atol=1e-6)
    assert ours.gap_ < 1e-8
    with pytest.raises(ValueError, match="softmax regression"):
        PairClassifier(multiclass="multinomial").fit(FLOWERS, KINDS)


def test_the_hinge_is_solves_answer_with_its_duals():
    ours = PairClassifier(C=0.3).fit(X, Y)
    sol = ll.solve("hinge", ll.Dataset(inputs=X, labels=Y), C=0.3)
    np.testing.assert_allclose(ours.coef_[0], sol.weights, atol=1e-9)
    np.testing.assert_allclose(ours.dual_coef_ @ X[ours.support_], ours.coef_, atol=1e-6)
    assert ours.objective_[0] == pytest.approx(float(sol.objective), rel=1e-12)
    np.testing.assert_array_equal(ours.support_, np.flatnonzero(sol.duals))


def test_several_classes_are_one_against_the_rest():
    ours = PairClassifier(loss="squared_hinge").fit(FLOWERS, KINDS)
    for k in range(3):
        one = ll.solve("squared_hinge", ll.Dataset(FLOWERS, np.where(KINDS == k, 1, -1)), C=1.0)
        np.testing.assert_allclose(ours.coef_[k], one.weights, atol=1e-8)
    assert ours.decision_function(FLOWERS).shape == (150, 3)


def test_a_pair_that_is_not_convex_descends_and_says_so():
    made = PairClassifier("relu", "hinge", random_state=0, steps=500).fit(X, Y)
    assert (made.solver_, made.threshold_) == ("descent", 0.5)
    assert np.isnan(made.gap_)
    assert made.score(X, Y) > 0.95
    assert not hasattr(made, "support_")
    with pytest.raises(ValueError, match="not convex"):
        PairClassifier("relu", "hinge", solver="exact").fit(X, Y)


def test_probabilities_exist_where_there_is_a_link():
    hinge = PairClassifier().fit(X, Y)
    assert not hasattr(hinge, "predict_proba")
    with pytest.raises(AttributeError) as told:
        hinge.predict_proba(X)
    assert "CalibratedClassifierCV" in str(told.value.__cause__)
    shares = CalibratedClassifierCV(PairClassifier(), cv=3).fit(X, Y).predict_proba(X)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)


def test_pipelines_searches_folds_pickles_and_clones():
    chain = make_pipeline(StandardScaler(), PairClassifier(loss="logistic"))
    search = GridSearchCV(chain, {"pairclassifier__C": [0.01, 1.0]}, cv=3).fit(X, Y)
    assert search.best_score_ > 0.95
    assert cross_val_score(chain, X, Y, cv=3).min() > 0.9
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.predict(X), search.predict(X))
    assert not hasattr(clone(search.best_estimator_[-1]), "coef_")


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"C": -1.0}, "C must be"), ({"solver": "svd"}, "solver is one of"), ({"restarts": 0}, "restarts must be")],
)
def test_refusals(settings, said):
    with pytest.raises(ValueError, match=said):
        PairClassifier(**settings).fit(X, Y)


def test_what_does_not_converge_warns():
    with pytest.warns(ConvergenceWarning, match="relative gap"):
        PairClassifier(tol=1e-30).fit(X[:40] * 1e3, Y[:40])


def test_a_start_that_is_dead_nowhere_is_among_those_of_descent():
    cloud, kinds = make_blobs(50, centers=[[1.0, 4.0], [2.0, 1.0]], cluster_std=20.0, random_state=0)
    made = PairClassifier("relu", "hinge", class_weight={0: 1e-4, 1: 1e3}, restarts=1, steps=300, random_state=0)
    assert made.fit(cloud, kinds).objective_ < 1.0  # one positive left dead costs 1000
    assert (made.predict(cloud) == 1).all()


def test_descent_goes_on_from_the_last_weights():
    made = PairClassifier("tanh", "squared", steps=30, learning_rate=0.01, restarts=1, warm_start=True)
    first, second = made.fit(X, Y).objective_[0], made.fit(X, Y).objective_[0]
    assert second < 0.9 * first


def test_sparse_inputs_are_the_same_inputs():
    few = np.where(np.abs(X) > 1.0, X, 0.0)
    dense, sparse = (PairClassifier(C=0.1).fit(inputs, Y) for inputs in (few, csr_array(few)))
    # The objective is within 1e-8 of its optimum, weights within its root.
    np.testing.assert_allclose(dense.coef_, sparse.coef_, atol=1e-3)
    np.testing.assert_allclose(dense.objective_, sparse.objective_, rtol=2e-8)
    np.testing.assert_array_equal(dense.predict(few), sparse.predict(csr_array(few)))
    assert sparse.gap_ <= 1e-8
    assert (sparse.threshold_, sparse.solver_) == (0.0, "exact")


@pytest.mark.parametrize("settings", [{"multiclass": "multinomial", "loss": "logistic"}, {"loss": "hinge"}])
def test_sparse_inputs_of_several_classes(settings):
    rng = np.random.default_rng(0)
    few = np.where(rng.random((60, 8)) < 0.4, rng.normal(size=(60, 8)), 0.0)
    kinds = np.argmax(few[:, :3] + 0.1 * rng.normal(size=(60, 3)), axis=1)
    dense, sparse = (PairClassifier(**settings).fit(inputs, kinds) for inputs in (few, csr_array(few)))
    np.testing.assert_allclose(dense.coef_, sparse.coef_, atol=1e-3)
    np.testing.assert_array_equal(dense.predict(few), sparse.predict(csr_array(few)))


def test_sparse_inputs_descend():
    few = np.where(np.abs(X) > 1.0, X, 0.0)
    settings = {"activation": "relu", "solver": "descent", "steps": 50, "restarts": 1, "random_state": 0}
    dense, sparse = (PairClassifier(**settings).fit(inputs, Y) for inputs in (few, csr_array(few)))
    np.testing.assert_allclose(dense.objective_, sparse.objective_, rtol=1e-6)


def test_sparse_inputs_choose_the_same_C():
    few = np.where(np.abs(X) > 1.0, X, 0.0)
    dense, sparse = (PairClassifierCV(Cs=[0.01, 0.1], cv=3).fit(inputs, Y) for inputs in (few, csr_array(few)))
    assert dense.C_ == sparse.C_
    np.testing.assert_array_equal(dense.scores_, sparse.scores_)
    np.testing.assert_allclose(dense.objective_, sparse.objective_, rtol=2e-8)
