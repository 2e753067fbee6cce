"""The choice of C by cross-validation: that of a grid search, with every C of the path."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.model_selection import GridSearchCV

from lossland.estimator import PairClassifier, PairClassifierCV

pytestmark = pytest.mark.slow

X, Y = map(np.asarray, load_breast_cancer(return_X_y=True))
X = (X - X.mean(axis=0)) / X.std(axis=0)
FLOWERS, KINDS = map(np.asarray, load_iris(return_X_y=True))


@pytest.mark.parametrize(
    ("settings", "scoring", "several"),
    [
        ({"loss": "hinge"}, None, False),
        ({"loss": "logistic", "class_weight": "balanced"}, "neg_log_loss", True),
    ],
)
def test_the_choice_of_C_is_that_of_a_grid_search(settings, scoring, several):
    inputs, labels = (FLOWERS, KINDS) if several else (X, Y)
    Cs = [0.01, 1.0, 100.0]
    ours = PairClassifierCV(Cs=Cs, cv=3, scoring=scoring, **settings).fit(inputs, labels)
    theirs = GridSearchCV(PairClassifier(**settings), {"C": Cs}, cv=3, scoring=scoring).fit(inputs, labels)
    assert theirs.best_params_ == {"C": ours.C_}
    scores = np.stack([theirs.cv_results_[f"split{k}_test_score"] for k in range(3)], axis=1)
    np.testing.assert_allclose(ours.scores_, scores, atol=1e-12)
    np.testing.assert_allclose(ours.coef_, theirs.best_estimator_.coef_, atol=1e-8)
    assert ours.score(inputs, labels) == pytest.approx(theirs.score(inputs, labels), abs=1e-12)


def test_the_path_holds_every_C_and_folds_can_be_averaged():
    whole = PairClassifierCV(Cs=3, cv=3).fit(X, Y)
    assert whole.Cs_.tolist() == [1e-4, 1.0, 1e4]
    for C, coefficients in zip(whole.Cs_, whole.coefs_paths_, strict=True):
        # One by one and together they take steps of their own to optima whose gap, not whose digits, is certified.
        np.testing.assert_allclose(coefficients, PairClassifier(C=C).fit(X, Y).coef_, rtol=1e-6, atol=1e-6)
    cut = np.arange(len(Y)) % 2 == 0
    halves = [(np.flatnonzero(side), np.flatnonzero(~side)) for side in (cut, ~cut)]
    mean = PairClassifierCV(Cs=[1.0], cv=halves, refit=False).fit(X, Y)
    each = [PairClassifier().fit(X[rows], Y[rows]).coef_ for rows, _ in halves]
    np.testing.assert_allclose(mean.coef_, np.mean(each, axis=0), atol=1e-8)
    assert not hasattr(mean, "support_")
    assert not hasattr(mean, "coefs_paths_")


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"Cs": [1.0, -1.0]}, "Cs is"), ({"cv": [(np.flatnonzero(Y == 0), np.flatnonzero(Y == 1))]}, "Fold 0 trains")],
)
def test_refusals_of_the_choice(settings, said):
    with pytest.raises(ValueError, match=said):
        PairClassifierCV(**settings).fit(X, Y)
