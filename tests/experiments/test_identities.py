"""Losses that are one another: formulas written out, false identities found out."""

import dataclasses

import numpy as np
import pytest

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("identities")
CONFIG = dataclasses.replace(EXPERIMENT.SMOKE, first=1, steps=20)
SCORES = np.array([-1e3, -2.55, -0.05, 0.45, 1.05, 30.0])


def test_the_claims_hold(outcome):
    assert len(outcome.verdicts) == 6
    assert [v.claim for v in outcome.verdicts if not v.holds] == []


def test_figures_have_labels_and_tables_have_rows(drawn, results, check_labels):
    for figure in drawn.values():
        check_labels(figure)
    assert all(table.rows for table in EXPERIMENT.report(results))


@pytest.mark.parametrize("name", EXPERIMENT.IDENTITIES)
def test_every_identity_of_the_full_table_holds(name, x64):
    one = EXPERIMENT.IDENTITIES[name]
    true, balls = EXPERIMENT.exact(one, SCORES)
    assert balls < 1e-50
    np.testing.assert_allclose(EXPERIMENT.jets(ll.pair(one.pair), SCORES), true, rtol=1e-12, atol=1e-12)
    if one.peer is not None:
        np.testing.assert_allclose(EXPERIMENT.jets(one.peer, SCORES[1:-1]), true[..., 1:-1], rtol=1e-12, atol=1e-12)


def test_balls_give_value_slope_and_curvature_of_the_logistic_loss():
    true, _ = EXPERIMENT.exact(EXPERIMENT.IDENTITIES["sigmoid + cross-entropy = linear + logistic"], SCORES)
    sigma = 0.5 * (1 - np.tanh(SCORES / 2))
    np.testing.assert_allclose(true[0, 0], np.logaddexp(0, -SCORES), rtol=1e-14)
    np.testing.assert_allclose(true[1, 0], -sigma, atol=1e-15)
    np.testing.assert_allclose(true[2, 0], sigma * (1 - sigma), atol=1e-15)


def test_a_false_identity_is_found_out(x64):
    hinge = EXPERIMENT.IDENTITIES["hinge(m) = ReLU(1 - m)"]
    false = hinge._replace(same=lambda m, z, t: m.relu(1 - t * z) * m.relu(1 - t * z), peer=None)
    held = EXPERIMENT.compare(false, CONFIG, None)
    assert held["balls"] > 0.1
    assert held["apart"][0] > 0.1
    assert held["trained"][-1] > 0.01


def test_scores_meet_no_kink():
    scores = EXPERIMENT.scores_of(EXPERIMENT.Config())
    assert scores.min() == -1e4
    assert np.all(np.diff(scores) > 0)
    assert np.min(np.abs(scores[:, None] - [-1.0, 0.0, 1.0])) > 0.04


def test_claims_can_fail(failing, results):
    assert len(failing(balls=results.balls + 1e-30)) == 1
    assert len(failing(apart=results.apart + 1e-11)) == 2
    assert len(failing(trained=results.trained + 1e-3, peers=results.peers + 1e-3, tied=0 * results.tied)) == 3
