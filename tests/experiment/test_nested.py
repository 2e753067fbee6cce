"""Exact fits inside cross-validation: against `solve` on the rows alone; choices against loops."""

import numpy as np
import pytest

import lossland as ll
from lossland.experiment import choose_C, exact_fits, fold_numbers, signs
from lossland.experiment._nested import _over_examples

pytestmark = pytest.mark.slow
CS = (0.05, 0.5, 5.0)


def test_folds_are_stratified_and_cover_everything():
    labels = np.where(np.arange(100) < 30, 1.0, -1.0)
    fold = fold_numbers(labels, 5, seed=3)
    np.testing.assert_array_equal(np.bincount(fold), 20)
    np.testing.assert_array_equal(np.bincount(fold[:30]), 6)


@pytest.mark.parametrize("surrogate", ["hinge", "logistic"])
def test_padding_does_not_change_the_optimum(surrogate, x64):
    data, rows = ll.load("iris:versicolor/virginica"), np.arange(0, 100, 2)
    weights, scores, duals = exact_fits(data, rows, surrogate, CS)
    part = ll.standardise(ll.Dataset(inputs=data.inputs[rows], labels=data.labels[rows]))
    sol = ll.solve(surrogate, part, C=np.array(CS))
    np.testing.assert_allclose(weights, sol.weights, atol=1e-7)
    np.testing.assert_allclose(scores[:, rows], sol.weights @ part.inputs.T + sol.bias[:, None], atol=1e-6)
    np.testing.assert_allclose(duals[:, rows], sol.duals, atol=1e-6)
    exact = _over_examples(part, np.ones(part.n), surrogate, CS[1])
    np.testing.assert_allclose(exact[0], sol.weights[1], atol=1e-7)


@pytest.mark.parametrize("surrogate", ["hinge", "logistic"])
def test_the_choice_is_that_of_a_loop(surrogate, x64):
    data = ll.load("iris:versicolor/virginica")
    train = np.arange(0, 100, 2)
    inner = fold_numbers(data.labels[train], 3, seed=1)
    found, held = choose_C(data, train, inner, surrogate, CS), np.empty((3, 50))
    for j in range(3):
        scores = exact_fits(data, train[inner != j], surrogate, CS).scores
        for k in range(3):
            for at in np.flatnonzero(inner == j):
                held[k, at] = scores[k, train[at]]
        np.testing.assert_allclose(found.without[j], scores[found.by_error])
    margins = held * data.labels[train]
    lost = (np.maximum(0, 1 - margins) if surrogate == "hinge" else np.log1p(np.exp(-margins))).mean(axis=1)
    wrong = (signs(held) != data.labels[train]).sum(axis=1)
    assert found.by_error == min(range(3), key=lambda k: (wrong[k], lost[k]))
    assert found.by_loss == int(np.argmin(lost))
    np.testing.assert_allclose(found.held_out, held[found.by_error])
