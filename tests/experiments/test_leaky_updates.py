"""The number of updates, against a plain loop; its bound, against the inequality that it solves."""

import re

import jax
import numpy as np
import pytest
from scipy.optimize import brentq

from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("leaky_updates")
CONFIG = EXPERIMENT.Config(datasets=("separable(n=40, d=2, seed=5)",), halves=(1, 2), starts=2, visits=1500)


def test_the_claims_hold(outcome):
    assert len(outcome.verdicts) == 2
    assert [v.claim for v in outcome.verdicts if not v.holds] == []


def test_updates_are_those_of_a_plain_loop(results):
    train, k = EXPERIMENT.problems(CONFIG)[0][0], 2
    with jax.enable_x64(True):
        begin, order = jax.random.split(jax.random.split(jax.random.key(CONFIG.seed), CONFIG.starts)[1])
        drawn = np.asarray(jax.random.normal(begin, (2 * k, train.d)))
        rows = np.asarray(jax.random.choice(order, train.n, (CONFIG.visits,), p=np.full(train.n, 1 / train.n)))
    v = (2 * k) ** -0.5
    units = v * drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    count = 0
    for row in rows:
        x, t = train.inputs[row], train.labels[row]
        sums = units @ x
        outputs = np.where(sums > 0, sums, CONFIG.slope * sums)
        if t * v * (outputs[:k].sum() - outputs[k:].sum()) < 1:
            count += 1
            for unit in range(2 * k):
                sign, tilt = 1 if unit < k else -1, 1.0 if sums[unit] > 0 else CONFIG.slope
                units[unit] += CONFIG.step * t * sign * v * tilt * x
    assert int(results.updates.sel(k=k)[0, 1]) == count


def test_examples_and_the_hard_margin_are_as_the_theorem_asks():
    sets, lengths = EXPERIMENT.problems(CONFIG)
    assert np.linalg.norm(sets[0].inputs, axis=1).max() == pytest.approx(1.0)
    from sklearn.svm import SVC

    # Any w* of margin 1 will do; the shortest, its bias among the weights, is at most as long as the one taken.
    inputs, labels = sets[0].inputs, sets[0].labels
    found = SVC(kernel="linear", C=1e8).fit(inputs[:, :-1], labels)
    w = np.append(np.asarray(found.coef_)[0], np.asarray(found.intercept_)[0] / inputs[0, -1])
    assert (labels * (inputs @ w)).min() == pytest.approx(1.0, abs=1e-3)
    assert lengths[0] == pytest.approx(np.linalg.norm(w), rel=1e-3)


@pytest.mark.parametrize("k", [1, 7])
@pytest.mark.parametrize("step", [0.1, 1.0])
def test_beyond_the_bound_two_inequalities_contradict(k, step):
    """The product with W* grows at least so, the length at most so: Cauchy and Schwarz end it before the bound."""
    length, a, v, reach = 12.0, 0.3, 0.5, 0.2

    def excess(t):
        product = 2 * k * step * v * a * t - 2 * k * reach * length
        lengths = np.sqrt(2 * k) * length * np.sqrt(2 * k * reach**2 + t * (2 * step + 2 * k * step**2 * v**2))
        return product - lengths

    last = brentq(excess, 1.0, 1e9)
    assert last <= EXPERIMENT.bound(length, k, a, v, step, reach) <= 2 * last


def test_the_claims_can_fail(failing, results):
    assert any("as many updates as proven" in claim for claim in failing(updates=10_000 * results.updates))
    assert any("hinge loss 0" in claim for claim in failing(loss=results.loss + 1e-3))


def test_figures_and_numbers(drawn, results):
    assert set(drawn) == {"count"}
    told = EXPERIMENT.numbers(results)
    assert all(re.fullmatch("[a-z_]+", name) and re.fullmatch(r"[\d.]+", value) for name, value in told.items())
