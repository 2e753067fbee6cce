"""Runs with a learned parameter, held against a plain loop, and the two facts that explain where they end."""

import re

import numpy as np
import pytest
from scipy.optimize import minimize

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("learned_parameters")
CONFIG = EXPERIMENT.Config(
    datasets=("two_gaussians(n=60, d=2, positives=0.3, seed=2)", "separable(n=40, d=3, seed=4)"),
    starts=3,
    searched=1,
    steps=120,
    learning_rate=0.1,
)


@pytest.fixture(scope="module")
def parts():
    return [EXPERIMENT.parts_of(CONFIG, name) for name in CONFIG.datasets]


def test_every_claim_is_decided(outcome):
    assert len(outcome.verdicts) == 9
    assert all(v.fixed == "before" for v in outcome.verdicts)


def test_a_run_is_a_plain_loop(results, parts):
    train = parts[0][0]
    starts, _ = EXPERIMENT.starts_of(CONFIG, "c", train, train.d)
    w, b, c = starts["weights"][0].copy(), starts["bias"][0], 0.0
    squares = np.zeros(train.d + 2)
    for k in range(CONFIG.steps):
        z = train.inputs @ w + b
        open_ = z > -c
        pull = np.where(train.labels * np.maximum(z, -c) < 1, -train.labels, 0.0) / train.n
        slope = np.append(train.inputs.T @ (pull * open_) + CONFIG.l2 * w, [(pull * open_).sum(), -pull[~open_].sum()])
        squares = 0.99 * squares + 0.01 * slope**2
        rate = CONFIG.learning_rate * 0.5 * (1 + np.cos(np.pi * k / CONFIG.steps))
        step = rate * slope / (np.sqrt(squares / (1 - 0.99 ** (k + 1))) + 1e-8)
        w, b, c = w - step[:-2], b - step[-2], c - step[-1]
    assert float(results.value.sel(parameter="c")[0, 0]) == pytest.approx(c, abs=1e-6)
    hinge = np.maximum(0, 1 - train.labels * (train.inputs @ w + b)).mean() + 0.5 * CONFIG.l2 * w @ w
    assert float(results.svm_objective.sel(parameter="c")[0, 0]) == pytest.approx(hinge, rel=1e-6)
    assert c > 0.1


def test_at_depth_one_the_loss_is_the_hinge_with_a_ceiling_for_positives():
    z = np.linspace(-5, 5, 101)
    for label in (-1.0, 1.0):
        hinge = np.maximum(0, 1 - label * z)
        at_one = np.asarray(EXPERIMENT.losses("c", 1.0, z, np.full_like(z, label)))
        np.testing.assert_allclose(at_one, np.minimum(hinge, 2) if label > 0 else hinge, atol=1e-6)


def test_a_temperature_is_a_penalty(parts):
    train = parts[0][0]

    def least(temperature, l2):
        def objective(at):
            z = (train.inputs @ at[:-1] + at[-1]) / temperature
            return np.logaddexp(0, -train.labels * z).mean() + 0.5 * l2 * at[:-1] @ at[:-1]

        return minimize(objective, np.zeros(train.d + 1), tol=1e-12).fun

    for temperature in (0.5, 3.0):
        by_penalty = CONFIG.l2 * temperature**2
        exact = by_penalty * ll.solve("logistic", train, l2=by_penalty).objective
        assert least(temperature, CONFIG.l2) == pytest.approx(exact, abs=1e-7)


def test_held_out_examples_choose_the_least_of_their_losses(results):
    grid = EXPERIMENT.LEARNED["gamma"].grid
    held = results.held_out.sel(parameter="gamma").values[:, CONFIG.starts + 1 :]
    np.testing.assert_array_equal(EXPERIMENT.chosen(results, "gamma"), np.array(grid)[held.argmin(axis=1)])


def test_the_claims_can_fail(failing, results):
    moved = results.value + 0.5
    assert any("c of max(z, -c) ends at 1" in claim for claim in failing(value=moved))
    assert any("weights are an SVM's" in claim for claim in failing(svm=results.svm - 0.1))
    assert any("grows in every run" in claim for claim in failing(value=0 * results.value))
    assert any("falls below 1" in claim for claim in failing(value=0 * results.value + 2))
    assert any("where the majority is" in claim for claim in failing(value=-results.value))


def test_figures_and_numbers(drawn, results):
    assert set(drawn) == {"ends"}
    assert all(axes.get_xlabel() for axes in drawn["ends"].axes)
    told = EXPERIMENT.numbers(results)
    assert all(re.fullmatch("[a-z_]+", name) and re.fullmatch(r"[\d.e-]+", value) for name, value in told.items())
