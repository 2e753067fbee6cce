"""The path of max(z, -c): its ends are known pairs, and counts agree with descent from a grid."""

import re

import numpy as np
import pytest
from sklearn.svm import SVC

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("relu_to_svm")
CONFIG = EXPERIMENT.Config(
    dataset="two_gaussians(n=40, distance=2.0, seed=61)",
    depths=(0.0, 1.0, 2.0, 4.0),
    starts=20,
    steps=300,
    line="two_gaussians(n=8, d=1, distance=2.0, seed=61)",
)


def test_claims_that_are_mathematics_hold(outcome):
    by_mathematics = [v for v in outcome.verdicts if v.fixed == "before"]
    assert len(by_mathematics) == 3
    assert [v.claim for v in by_mathematics if not v.holds] == []


@pytest.mark.parametrize("depth", CONFIG.depths)
def test_the_pair_is_the_hinge_of_a_floored_score(depth):
    z = np.linspace(-5, 5, 41)
    pair = ll.pair(EXPERIMENT.pair_of(depth))
    np.testing.assert_allclose(pair.positive(z), np.maximum(0, 1 - np.maximum(z, -depth)), rtol=1e-6)
    np.testing.assert_allclose(pair.negative(z), np.maximum(0, 1 + np.maximum(z, -depth)), rtol=1e-6)


def test_the_least_value_of_the_counted_cells_is_that_of_a_grid(results):
    """A fine grid over the box comes near the exact minimum and never below it."""
    data = ll.load(CONFIG.line)
    w, b = np.meshgrid(np.linspace(-10, 10, 401), np.linspace(-10, 10, 401))
    for depth in CONFIG.depths:
        scores = np.maximum(w[..., None] * data.inputs[:, 0] + b[..., None], -depth)
        grid = np.maximum(0, 1 - data.labels * scores).mean(axis=-1)
        least = float(results.least.sel(depth=depth))
        assert least - 1e-9 <= grid.min() <= least + 0.05


def test_the_svm_is_the_exact_one(results):
    """LIBSVM solves the same problem."""
    train = ll.split(ll.load(CONFIG.dataset), seed=CONFIG.seed).train
    machine = SVC(C=1 / (train.n * CONFIG.l2), kernel="linear", tol=1e-8).fit(train.inputs, train.labels)
    gaps = np.maximum(0, 1 - train.labels * machine.decision_function(train.inputs))
    expected = gaps.mean() + 0.5 * CONFIG.l2 * float(np.sum(machine.coef_**2))
    assert float(results.svm_value) == pytest.approx(expected, rel=1e-5)
    assert float(results.value.sel(depth=np.inf).min()) >= float(results.svm_value) - 1e-9


def test_claims_can_fail(failing, results):
    assert any("c = 0, at most one" in claim for claim in failing(hinge=0 * results.hinge))
    assert any("lowest floor" in claim for claim in failing(hinge=results.hinge + (results.depth < 5)))
    assert len([claim for claim in failing(value=0 * results.value) if "best value" in claim]) == 2
    assert any("never falls" in claim for claim in failing(value=results.value - results.depth.clip(max=9)))
    assert any("some plateau" in claim for claim in failing(plateaus=0 * results.plateaus))
    assert any("SVM itself" in claim for claim in failing(minima=results.minima + 1))


def test_figures_and_numbers(drawn, results):
    assert set(drawn) == {"path"}
    assert all(axes.get_title() and axes.get_ylabel() for axes in drawn["path"].axes)
    told = EXPERIMENT.numbers(results)
    assert all(re.fullmatch("[a-z_]+", name) and re.fullmatch(r"-?[\d.]+", value) for name, value in told.items())
