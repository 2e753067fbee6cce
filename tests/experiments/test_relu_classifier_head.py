"""ReLU as a classification layer: losses against loops, dead places against gradients, claims that can fail."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lossland.experiment import find_experiment, mean_estimate

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("relu_classifier_head")
CONFIG = EXPERIMENT.Config(cases=(EXPERIMENT.RAW,), splits=4, seeds=2, widths=(8,), epochs=4)


def loss_by_loop(head, scores, classes):
    total = 0.0
    for row, own in zip(scores, classes, strict=True):
        if head == "hinge":
            total += sum(max(0.0, 1.0 - (1 if k == own else -1) * z) for k, z in enumerate(row))
        elif head == "softmax":
            total += np.log(np.sum(np.exp(row))) - row[own]
        else:
            outputs = np.maximum(row, 0.0)
            share = outputs[own] / outputs.sum() if outputs.sum() > 0 else 0.0
            total -= np.log(np.clip(share, EXPERIMENT.CLIP, 1 - EXPERIMENT.CLIP))
    return total / len(classes)


@pytest.mark.parametrize("head", EXPERIMENT.HEADS)
def test_losses_are_those_of_a_loop(head, rng, x64):
    scores, classes = rng.normal(size=(20, 4)), rng.integers(4, size=20)
    scores[0] = -1.0
    found = EXPERIMENT.head_loss(head, jnp.asarray(scores), jnp.asarray(np.eye(4)[classes]))
    assert float(found) == pytest.approx(loss_by_loop(head, scores, classes), rel=1e-12)


def test_an_example_whose_own_output_is_0_has_no_gradient(rng, x64):
    scores, classes = rng.normal(size=(30, 3)), rng.integers(3, size=30)
    scores[0] = -1.0
    slopes = jax.grad(functools.partial(EXPERIMENT.head_loss, "relu"))(
        jnp.asarray(scores), jnp.asarray(np.eye(3)[classes])
    )
    own = scores[np.arange(30), classes]
    # A share of 1 is clipped as well: nothing is left to learn there.
    alone = (np.maximum(scores, 0) > 0).sum(axis=1) == 1
    np.testing.assert_array_equal(np.asarray(slopes != 0).any(axis=1), (own > 0) & ~alone)


def test_splits_are_stratified_and_standardised_by_their_training_part():
    parts = EXPERIMENT.parts_of_splits("breast_cancer, standardised", CONFIG)
    np.testing.assert_allclose(parts["train"].mean(axis=1), 0, atol=1e-9)
    np.testing.assert_allclose(parts["train"].std(axis=1), 1, rtol=1e-9)
    assert np.ptp(parts["test_classes"].mean(axis=1)) == 0
    assert len({tuple(row) for row in parts["test"][:, 0]}) == CONFIG.splits


def test_what_is_trained_together_is_what_is_trained_alone(results):
    data = {k: jnp.asarray(v[1]) for k, v in EXPERIMENT.parts_of_splits(CONFIG.cases[0], CONFIG).items()}
    key = jax.random.split(jax.random.key(CONFIG.seed), (CONFIG.splits, CONFIG.seeds))[1, 0]
    alone = jax.jit(functools.partial(EXPERIMENT.train_one, "hinge", CONFIG, (30, *CONFIG.widths, 2)))(data, key)
    together = results.sel(head="hinge").isel(case=0, split=1, seed=0)
    # Inputs as they are reach 4000: float32 sums in another order part after some steps.
    assert float(together.accuracy) == pytest.approx(float(alone["accuracy"]), abs=0.03)


def test_runs_and_differences_are_counted_right(results):
    relu = results.sel(head="relu")
    assert np.all(relu.stuck <= relu.wrong)
    assert EXPERIMENT.relu_collapsed(results) == (int((relu.missing[0] > 0).sum()), 8)
    assert EXPERIMENT.noise(results) == pytest.approx(100 * np.std(results.accuracy[0, 0, :, 0].values, ddof=1))
    gaps = results.accuracy[0, 2].values.mean(axis=1) - results.accuracy[0, 0].values.mean(axis=1)
    found = EXPERIMENT.hinge_like_softmax(results)[EXPERIMENT.said(EXPERIMENT.RAW)]
    np.testing.assert_allclose(found, mean_estimate(100 * gaps), rtol=1e-5)


def test_claims_can_fail(failing, results):
    assert any("never choose" in claim for claim in failing(missing=0 * results.missing))
    assert any("softmax or hinge" in claim for claim in failing(missing=0 * results.missing + 1))
    assert any("gradient" in claim for claim in failing(stuck=0 * results.stuck))
    same = failing(accuracy=0 * results.accuracy + 0.9, by_score=0 * results.by_score + 0.8)
    assert len(same) >= 3
    assert not any(claim.startswith("Hinge") for claim in same)
    apart = results.accuracy + (results["head"] == "hinge") * 0.5
    assert any(claim.startswith("Hinge") for claim in failing(accuracy=apart.transpose(*results.accuracy.dims)))


def test_numbers_and_figures(drawn, results, check_curves):
    told = EXPERIMENT.numbers(results)
    assert all(re.fullmatch("[a-z_]+", name) and value for name, value in told.items())
    assert told["runs"] == "8"
    check_curves(drawn, {"accuracy"})
