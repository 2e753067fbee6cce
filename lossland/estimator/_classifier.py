"""The scikit-learn face: `PairClassifier` trains any pair, convex ones exactly, and says which way it took."""

import numbers
import sys
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, check_random_state, validate_data

from lossland.core import checked_count, checked_number, checked_switch, shown
from lossland.elements import Pair, pair
from lossland.estimator import _trainers as trainers
from lossland.properties import card, decision_threshold

CALIBRATED = "Wrap the classifier: CalibratedClassifierCV(PairClassifier(...))."


def _has_probabilities(self: "PairClassifier") -> bool:
    """Whether the pair has a link from scores to probabilities; an AttributeError says what to do if not."""
    made = _pair_of(self)
    if not card(made).facts.elicits:
        raise AttributeError(f"{made.name} has no link from scores to probabilities. {CALIBRATED}")
    return True


def _pair_of(estimator: "PairClassifier") -> Pair:
    return pair(estimator.activation, estimator.loss)


class PairClassifier(ClassifierMixin, BaseEstimator):
    r"""A linear classifier trained with any output activation and loss.

    .. math:: \min_{w, b} \; \tfrac12 \|w\|^2 + C \sum_i s_i \, \ell(w \cdot x_i + b, t_i)

    Convex pairs are solved exactly (`ll.solve`, with a duality gap), others descend from several random starts.
    Several classes are told apart one against the rest, all problems in one call. `PairClassifierCV`
    chooses C by cross-validation.

    Args:
        activation: an output activation: a name, a function or an entry, as `ll.pair` takes it.
        loss: a loss, likewise.
        C: the weight of the losses, positive.
        solver: "exact", "descent", or "auto": exact where the pair is convex.
        multiclass: "ovr", one against the rest; or "multinomial", softmax regression, for the logistic pair only.
        fit_intercept: whether there is a bias, which is never penalised.
        class_weight: {label: weight} or "balanced".
        threshold: the score above which the second class is predicted, or "best": the one of the pair's card.
        tol: of the exact solver: the relative duality gap that counts as converged.
        steps: of descent: updates of each start.
        learning_rate: of descent (Adam), falling to 0 along a cosine.
        restarts: of descent: random starts, besides one of score 1 everywhere; the lowest objective is kept.
        warm_start: descent also starts from the last call's weights; the exact optimum does not depend on a start.
        random_state: decides the starts of descent.

    Attributes:
        classes_: (k,) the labels, sorted.
        coef_: (1, d) or (k, d) for k > 2 classes.
        intercept_: (1,) or (k,).
        threshold_: the score above which the second class is predicted; `decision_function` is the score minus it.
        threshold_reason_: where it comes from, a sentence.
        solver_: "exact" or "descent".
        support_: (m,), the examples with a dual that is not 0 in some problem; exact solver only.
        dual_coef_: (1 or k, m), alpha_i t_i of those; exact solver only.
        gap_: the largest relative duality gap; NaN of descent.
        objective_: (1,) or (k,), the objectives reached.
        n_iter_: iterations of the longest problem.
        n_features_in_: the number of inputs.

    Example:
        >>> from sklearn.datasets import load_breast_cancer
        >>> X, y = load_breast_cancer(return_X_y=True)
        >>> model = PairClassifier(loss="hinge", C=1.0).fit(X / X.std(axis=0), y)
        >>> model.solver_, bool(model.gap_ < 1e-8), bool(model.score(X / X.std(axis=0), y) > 0.97)
        ('exact', True, True)
    """

    def __init__(
        self,
        activation: Any = "identity",
        loss: Any = "hinge",
        C: float = 1.0,
        *,
        solver: str = "auto",
        multiclass: str = "ovr",
        fit_intercept: bool = True,
        class_weight: Any = None,
        threshold: float | str = "best",
        tol: float = 1e-8,
        steps: int = 2000,
        learning_rate: float = 0.1,
        restarts: int = 8,
        warm_start: bool = False,
        random_state: Any = None,
    ) -> None:
        self.activation = activation
        self.loss = loss
        self.C = C
        self.solver = solver
        self.multiclass = multiclass
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.threshold = threshold
        self.tol = tol
        self.steps = steps
        self.learning_rate = learning_rate
        self.restarts = restarts
        self.warm_start = warm_start
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "PairClassifier":
        """Train on inputs X (n, d), dense or sparse, and labels y (n,) of two or more classes.

        Raises:
            ValueError: if a setting is out of range, there is one class only, or solver="exact" meets a pair that is
                not convex.
        """
        problems, coded = self._problems(X, y, sample_weight, self.C)
        problems = problems._replace(weights=self._weighed(coded, problems.weights))
        before = (self.coef_, self.intercept_) if self.warm_start and hasattr(self, "coef_") else None
        self._keep(self._trained(problems, coded, before))
        return self

    def decision_function(self, X: Any) -> np.ndarray[Any, Any]:
        """How far each score lies above the threshold: (n,) for two classes, (n, k) for k > 2."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        scores = X @ self.coef_.T + self.intercept_ - self.threshold_
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> np.ndarray:
        """The class of each input (n,): by the sign of the decision function, or its largest entry."""
        scores = self.decision_function(X)
        chosen = np.where(scores > 0.0, 1, 0) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[chosen]

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class (n, k), through the pair's own link; only where the pair has one."""
        scores = self.decision_function(X) + self.threshold_
        if self.multiclass == "multinomial" and scores.ndim == 2:
            raised = np.exp(scores - scores.max(axis=1, keepdims=True))
            return raised / raised.sum(axis=1, keepdims=True)
        each = np.asarray(card(_pair_of(self)).link(scores), float)
        if each.ndim == 1:
            return np.stack([1.0 - each, each], axis=1)
        total = each.sum(axis=1, keepdims=True)
        return np.where(total > 0, each / np.where(total > 0, total, 1.0), 1.0 / each.shape[1])

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _check(self) -> None:
        """Refuse settings that are out of range."""
        choices = {"solver": ("auto", "exact", "descent"), "multiclass": ("ovr", "multinomial")}
        for name, allowed in choices.items():
            value = getattr(self, name)
            if not isinstance(value, str) or value not in allowed:
                raise ValueError(f"{name} is one of {', '.join(allowed)}, not {shown(value)}.")
        for name in {"C", "learning_rate", "tol"} & set(self.get_params(deep=False)):
            value = getattr(self, name)
            if not _is_positive(value):
                raise ValueError(f"{name} must be a positive number, not {shown(value)}.")
        for name in ("steps", "restarts"):
            checked_count(name, getattr(self, name))
        for name in {"fit_intercept", "warm_start", "refit"} & set(self.get_params(deep=False)):
            checked_switch(name, getattr(self, name))
        if self.random_state is not None and not isinstance(self.random_state, np.random.RandomState):
            checked_count("random_state", self.random_state, 0, 2**32 - 1)
        if not (self.class_weight is None or isinstance(self.class_weight, (str, Mapping))):
            raise ValueError(f'class_weight must be a dict, "balanced" or None, not {shown(self.class_weight)}.')
        if not isinstance(self.threshold, str):
            checked_number("threshold", self.threshold)
        elif self.threshold != "best":
            raise ValueError(f'threshold must be a number or "best", not {self.threshold!r}.')

    def _problems(self, X: Any, y: Any, sample_weight: Any, C: float) -> tuple[trainers.BinaryProblems, np.ndarray]:
        """The problems of checked inputs, and the number of each example's class; sets classes_ and threshold_."""
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64)
        check_classification_targets(y)
        self._check()
        made = _pair_of(self)
        classes, coded = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            name = type(self).__name__
            raise ValueError(f"{name} needs at least two classes; y holds one class only, {str(classes[0])!r}.")
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
        several = len(classes) > 2
        labels = np.where(coded == np.arange(len(classes))[:, None], 1.0, -1.0) if several else 2.0 * coded[None] - 1.0
        self.classes_ = classes
        self.threshold_, self.threshold_reason_ = self._threshold(made)
        bias = bool(self.fit_intercept)
        return trainers.BinaryProblems(made, X, labels, weights, float(C), bias), coded

    def _weighed(self, coded: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Sample weights (n,) times those of the classes; "balanced" counts the examples that have a weight."""
        if self.class_weight is None:
            return weights
        if self.class_weight != "balanced":
            return (
                weights * compute_class_weight(self.class_weight, classes=self.classes_, y=self.classes_[coded])[coded]
            )
        held = np.bincount(coded, weights, minlength=len(self.classes_))
        return weights * (weights.sum() / (len(held) * np.where(held > 0, held, 1.0)))[coded]

    def _threshold(self, made: Pair) -> tuple[float, str]:
        """The score above which the second class is predicted, and why that one."""
        if self.threshold != "best":
            return float(self.threshold), "It was given."
        return decision_threshold(made)

    def _trained(self, problems: trainers.BinaryProblems, coded: np.ndarray, before: Any) -> trainers.Trained:
        """Train all problems in the way that the settings ask for."""
        if self.multiclass == "multinomial" and len(problems.labels) > 1:
            return trainers.multinomial(problems, coded, self.tol)
        if self._is_exact(problems.pair):
            return trainers.exact(problems, self.tol)
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        return trainers.descent(problems, self.steps, self.learning_rate, self.restarts, seed, before)

    def _is_exact(self, made: Pair) -> bool:
        """Whether the pair is solved, and does not descend."""
        return self.solver == "exact" or (self.solver == "auto" and trainers.is_convex(made))

    def _keep(self, found: trainers.Trained) -> None:
        """Set the attributes of a trained classifier; warn where a problem did not converge."""
        self.coef_, self.intercept_, self.objective_ = found.weights, found.bias, found.objective
        self.solver_, self.gap_, self.n_iter_ = found.solver, found.gap, found.iterations
        for name in ("support_", "dual_coef_"):
            if hasattr(self, name):
                delattr(self, name)
        if found.duals is not None:
            self.support_ = np.flatnonzero((found.duals != 0).any(axis=0))
            self.dual_coef_ = found.duals[:, self.support_]
        if found.message:
            warnings.warn(found.message, ConvergenceWarning, stacklevel=3)


def _is_positive(value: Any) -> bool:
    """Whether a value is a finite number above 0; an integer of 400 digits is too large to be one."""
    try:
        return isinstance(value, numbers.Real) and 0.0 < float(value) <= sys.float_info.max
    except OverflowError:
        return False
