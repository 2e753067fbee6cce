"""Networks of one hidden layer: a plain loop, and bad minima looked at from many points nearby."""

import re

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("hidden_layer")
CONFIG = EXPERIMENT.Config(
    datasets=("separable(n=40, d=2, margin=1.0, seed=5)",), widths=(1, 2), starts=12, steps=200, pixels=9
)


def scores_by_hand(params, inputs, slope=0.0):
    sums = inputs @ np.asarray(params[0]["weights"]) + np.asarray(params[0]["bias"])
    return np.where(sums > 0, sums, slope * sums) @ np.asarray(params[1]["weights"]) + float(params[1]["bias"])


def test_every_claim_is_decided(outcome):
    assert len(outcome.verdicts) == 5
    assert all(v.fixed == "before" for v in outcome.verdicts)


def test_a_run_is_a_run_of_fit_at_its_own_width(results):
    """Units of no weights change nothing: a run of the padded networks is `fit`'s on a network of that width."""
    import optax

    train = EXPERIMENT.training(CONFIG)[0]
    with jax.enable_x64(True):
        key = jax.random.split(jax.random.key(CONFIG.seed), CONFIG.starts)[3]
        f = ll.objective(ll.pair("identity+hinge"), ll.mlp(1), train)
        run = ll.fit(f, ll.mlp(1).init(key, train.d), optax.sgd(CONFIG.learning_rate), CONFIG.steps)
    there = results.sel(kind="linear output", width=1).isel(data=0, start=3)
    assert float(there.loss) == pytest.approx(float(run.values[-1]), rel=1e-9)
    scores = scores_by_hand(run.params, train.inputs)
    assert float(run.values[-1]) == pytest.approx(np.maximum(0, 1 - train.labels * scores).mean(), rel=1e-9)


def test_nothing_near_a_proven_bad_minimum_is_lower(rng):
    """Examples of both classes that no unit sees, the others beyond the margin: from the certificate's own words."""
    inputs, labels = np.array([[2.0], [3.0], [-1.0], [-2.0], [-3.0]]), np.array([1.0, 1.0, 1.0, -1.0, -1.0])
    point = [{"weights": np.array([[2.0]]), "bias": np.array([-1.0])}, {"weights": np.array([1.0]), "bias": -1.0}]

    def loss(params):
        return np.maximum(0, 1 - labels * scores_by_hand(params, inputs)).mean()

    here = loss(point)
    assert here == pytest.approx(2 * 1 / 5)
    for _ in range(500):
        near = jax.tree.map(lambda leaf: leaf + 1e-3 * rng.normal(size=np.shape(leaf)), point)
        assert loss(near) >= here - 1e-12


def test_proven_bad_minima_lie_at_twice_the_share_of_the_fewer(results):
    train = EXPERIMENT.training(CONFIG)[0]
    at = results.sel(kind="linear output")
    held = at.loss.values[at.bad.values == 1]
    levels = 2 * np.arange(1, train.n) / train.n
    assert all(np.abs(levels - loss).min() <= 0.02 for loss in held)


def test_the_claims_can_fail(failing, results):
    assert any("leaky units" in claim for claim in failing(loss=results.loss + 1))
    assert any("proven bad minimum" in claim for claim in failing(bad=0 * results.bad))
    assert any("ends dead, too" in claim for claim in failing(dead=0 * results.dead))
    assert any("leaves it at the dead point" in claim for claim in failing(plane_moved=results.plane_moved + 1))
    wider = results.loss * 0 + results.width
    assert any("fewer runs miss" in claim for claim in failing(loss=(wider - 1).transpose(*results.loss.dims)))


def test_figures_and_numbers(drawn, results):
    assert set(drawn) == {"shares", "plane"}
    told = EXPERIMENT.numbers(results)
    assert all(re.fullmatch("[a-z_]+", name) and re.fullmatch(r"[\d.]+", value) for name, value in told.items())
