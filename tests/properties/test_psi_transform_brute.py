"""The excess risk of a wrong decision at any threshold against its definition on a fine grid."""

import numpy as np
import pytest

import lossland as ll
from lossland.properties._psi_transform import excess
from tests.properties.cases import MARKED, OURS, OUTPUTS, SPREAD, seed, wrong_decisions


def check_excess(pair):
    c, rng, thetas = ll.card(pair), seed(pair), np.linspace(0, 1, 13)[1:]
    if not np.all(np.isfinite(c.risk(np.array([0.05, 0.95])))):
        return
    threshold = float(rng.uniform(-2, 2))
    costs, slack = wrong_decisions(pair, thetas, threshold)
    assert np.all(np.abs(excess(c.facts.curves, thetas, threshold) - costs) <= slack + 1e-9 * costs), pair.name


@pytest.mark.slow
@pytest.mark.parametrize("chosen", MARKED, ids=lambda p: p.name)
def test_a_spread_of_pairs_against_brute_force(chosen):
    check_excess(chosen)


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("output", OUTPUTS)
def test_all_pairs_against_brute_force(output):
    for pair in OURS:
        if pair.activation.name == output and pair not in SPREAD:
            check_excess(pair)
