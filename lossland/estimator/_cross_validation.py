"""The choice of C by cross-validation: every C in every fold, exactly, in one batched call."""

import copy
import functools
import numbers
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer
from sklearn.model_selection import check_cv

from lossland.core import checked_count, checked_reals
from lossland.estimator import _trainers as trainers
from lossland.estimator._classifier import PairClassifier


class PairClassifierCV(PairClassifier):
    """A `PairClassifier` whose C is the one that scores best in cross-validation.

    Exact pairs are solved for all C, all folds and all data at once; multinomial ones and those that descend, one
    after another. Ties go to the first of `Cs`.

    Args:
        activation: as `PairClassifier` takes it, and so the rest that is not said here.
        loss: likewise.
        Cs: the values to choose from, or how many of them from 1e-4 to 1e4, even in their logarithm.
        cv: the folds: a number, a splitter or a list of (train, test) row numbers; 5, stratified, if left out.
        scoring: a scorer or its name; accuracy if left out. Sample weights count in it, where there are some.
        refit: train on all data with the chosen C; else coefficients are the mean over the folds.
        solver: as in `PairClassifier`.
        multiclass: likewise.
        fit_intercept: likewise.
        class_weight: likewise; "balanced" counts the training part of each fold.
        threshold: likewise.
        tol: likewise.
        steps: likewise.
        learning_rate: likewise.
        restarts: likewise.
        random_state: likewise.

    Attributes:
        C_: the chosen C.
        Cs_: (c,) all of them.
        scores_: (c, f) the score of each C in each fold.
        best_score_: the mean score at C_.
        coefs_paths_: (c, 1 or k, d) the coefficients of each C, on all data; of exact pairs with refit.
        intercepts_paths_: (c, 1 or k), likewise.

    Example:
        >>> from sklearn.datasets import load_breast_cancer
        >>> X, y = load_breast_cancer(return_X_y=True)
        >>> model = PairClassifierCV(loss="logistic", Cs=[0.01, 1.0, 100.0], cv=3).fit(X / X.std(axis=0), y)
        >>> model.C_, model.scores_.shape, model.coefs_paths_.shape
        (1.0, (3, 3), (3, 1, 30))
    """

    def __init__(
        self,
        activation: Any = "identity",
        loss: Any = "hinge",
        Cs: Any = 10,
        *,
        cv: Any = None,
        scoring: Any = None,
        refit: bool = True,
        solver: str = "auto",
        multiclass: str = "ovr",
        fit_intercept: bool = True,
        class_weight: Any = None,
        threshold: float | str = "best",
        tol: float = 1e-8,
        steps: int = 2000,
        learning_rate: float = 0.1,
        restarts: int = 8,
        random_state: Any = None,
    ) -> None:
        self.activation = activation
        self.loss = loss
        self.Cs = Cs
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.solver = solver
        self.multiclass = multiclass
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.threshold = threshold
        self.tol = tol
        self.steps = steps
        self.learning_rate = learning_rate
        self.restarts = restarts
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "PairClassifierCV":
        """Choose C and train, on inputs X (n, d) and labels y (n,); see `PairClassifier.fit`.

        Raises:
            ValueError: besides, if `Cs` holds what is not positive, or a fold trains without one of the classes.
        """
        problems, coded = self._problems(X, y, sample_weight, 1.0)
        folds = self._folds(problems.inputs, coded)
        weights = np.zeros((len(folds) + 1, len(coded)))
        weights[-1] = self._weighed(coded, problems.weights)
        for k, (train, _) in enumerate(folds):
            weights[k, train] = self._weighed(coded[train], problems.weights[train])
        weighted = problems.weights if sample_weight is not None else None
        models = self._models(problems, coded, weights if self.refit else weights[:-1])
        rows = [test for _, test in folds]
        self.scores_ = np.array(
            [
                [self._scored(models(i, k), problems.inputs, coded, weighted, test) for k, test in enumerate(rows)]
                for i in range(len(self.Cs_))
            ]
        )
        best = int(self.scores_.mean(axis=1).argmax())
        self.C_, self.best_score_ = float(self.Cs_[best]), float(self.scores_[best].mean())
        self._keep(models(best, len(folds)) if self.refit else _mean([models(best, k) for k in range(len(folds))]))
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The score of the predictions, by `scoring`."""
        if self.scoring is None:
            return super().score(X, y, sample_weight)
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        return get_scorer(self.scoring)(self, X, y, **given)

    def _check(self) -> None:
        """Refuse settings that are out of range; sets Cs_."""
        whole = isinstance(self.Cs, numbers.Integral) and not isinstance(self.Cs, bool)
        several = np.logspace(-4, 4, checked_count("Cs", self.Cs, most=10**6)) if whole else self.Cs
        self.Cs_ = checked_reals("Cs", several)
        if self.Cs_.ndim != 1 or not self.Cs_.size or not np.all((self.Cs_ > 0) & np.isfinite(self.Cs_)):
            raise ValueError(f"Cs is a number of values or a list of positive ones, not {self.Cs!r}.")
        super()._check()

    def _folds(self, inputs: np.ndarray, coded: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """The rows of each fold, (training, test), refused if a class is missing in training."""
        y = self.classes_[coded]
        splitter: Any = check_cv(self.cv, y, classifier=True)
        folds = list(splitter.split(inputs, y))
        for number, (train, _) in enumerate(folds):
            missing = np.setdiff1d(np.arange(len(self.classes_)), coded[train])
            if missing.size:
                raise ValueError(
                    f"Fold {number} trains without an example of class {self.classes_[missing[0]]!r}: take fewer or "
                    f"stratified folds."
                )
        return folds

    def _models(self, problems: trainers.BinaryProblems, coded: np.ndarray, weights: np.ndarray) -> Any:
        """A function of (i, k) that gives what was trained with the i-th C and the k-th weights."""
        for name in ("coefs_paths_", "intercepts_paths_"):
            if hasattr(self, name):
                delattr(self, name)
        softmax = self.multiclass == "multinomial" and len(problems.labels) > 1
        if softmax or not self._is_exact(problems.pair):
            return functools.cache(
                lambda i, k: self._trained(problems._replace(C=float(self.Cs_[i]), weights=weights[k]), coded, None)
            )
        found = trainers.exact_path(problems, self.Cs_, weights, self.tol)
        if self.refit:
            self.coefs_paths_, self.intercepts_paths_ = found.weights[:, -1], found.bias[:, -1]
        return lambda i, k: trainers.trained_at(found, i, k)

    def _scored(
        self, found: trainers.Trained, inputs: np.ndarray, coded: np.ndarray, weights: np.ndarray | None, rows: Any
    ) -> float:
        """The score of what was trained on the rows that were held out."""
        judged = copy.copy(self)
        judged.coef_, judged.intercept_ = found.weights, found.bias
        # The rows come without the names that a data frame may have had.
        vars(judged).pop("feature_names_in_", None)
        return judged.score(inputs[rows], self.classes_[coded[rows]], None if weights is None else weights[rows])


def _mean(models: list[trainers.Trained]) -> trainers.Trained:
    """The mean coefficients of several folds; what solves no problem has no duals."""
    w, b, value = (np.mean([getattr(m, name) for m in models], axis=0) for name in ("weights", "bias", "objective"))
    return models[0]._replace(
        weights=w, bias=b, objective=value, duals=None, gap=max(m.gap for m in models),
        iterations=max(m.iterations for m in models),
    )  # fmt: skip
