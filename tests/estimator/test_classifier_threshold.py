"""The estimator says where its threshold comes from, and what a weighted loss and weighted classes do to it."""

import numpy as np
import pytest

import lossland as ll
from lossland.estimator import PairClassifier

DATA = ll.standardise(ll.load("two_gaussians(n=40, d=3, seed=1)"))


@pytest.mark.parametrize(
    ("settings", "threshold", "words"),
    [
        ({"loss": "hinge"}, 0.0, "treats the classes alike"),
        ({"loss": "hinge", "threshold": 0.25}, 0.25, "was given"),
        ({"activation": "sigmoid", "loss": "cross_entropy"}, 0.0, "equally probable"),
        ({"loss": ll.weighted("logistic", positive=3.0)}, np.log(3.0), "counts every error once"),
    ],
)
def test_the_reason_of_a_threshold(settings, threshold, words):
    made = PairClassifier(C=0.1, **settings).fit(DATA.inputs, DATA.labels)
    np.testing.assert_allclose(made.threshold_, threshold, atol=1e-6)
    assert words in made.threshold_reason_


def test_a_weighted_loss_and_weighted_classes_have_one_optimum():
    by_loss = PairClassifier(loss=ll.weighted("logistic", positive=3.0), C=0.1).fit(DATA.inputs, DATA.labels)
    by_data = PairClassifier(loss="logistic", class_weight={-1: 1.0, 1: 3.0}, C=0.1).fit(DATA.inputs, DATA.labels)
    np.testing.assert_allclose(by_loss.coef_, by_data.coef_, rtol=1e-6)
    np.testing.assert_allclose(
        by_loss.decision_function(DATA.inputs) + np.log(3.0), by_data.decision_function(DATA.inputs), atol=1e-6
    )
