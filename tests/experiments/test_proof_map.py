"""What is proven of pairs: the counts are those of the cards, false proofs would be found out."""

from types import SimpleNamespace

import numpy as np
import pytest

import lossland as ll
from lossland.experiment import find_experiment
from lossland.proofs import Claim

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("proof_map")
CONFIG = EXPERIMENT.SMOKE
SCORES = np.linspace(-3, 3, 61)


def test_the_claims_hold(outcome):
    assert len(outcome.verdicts) == 3
    assert [v.claim for v in outcome.verdicts if not v.holds] == []


def test_statuses_are_those_of_the_card(results):
    evidence = ll.card("relu", "hinge").evidence
    assert set(evidence) == set(EXPERIMENT.CLAIMS)
    for name, both in evidence.items():
        told = results.status.sel(pair="relu+hinge", claim=name).values
        assert [EXPERIMENT.STATUS[int(k)] for k in told] == [each.status for each in both]
    assert EXPERIMENT.counts(results).sum(axis=1).tolist() == [results.pair.size] * len(EXPERIMENT.CLAIMS)


@pytest.mark.parametrize(
    ("name", "value", "curve"),
    [
        ("convex", True, np.sin),
        ("infimum", 0.0, np.sin),
        ("lipschitz", 1.0, np.square),
        ("monotone", "increasing", np.cos),
    ],
)
def test_a_false_proof_is_found_out(name, value, curve):
    proofs = {claim: Claim("measured", None) for claim in EXPERIMENT.CLAIMS} | {name: Claim("proven", value)}
    told = [check(proofs, SCORES, curve(SCORES)) for check in EXPERIMENT.CHECKS.values()]
    assert sum(told) == 1
    proofs[name] = Claim("measured", value)
    assert not any(check(proofs, SCORES, curve(SCORES)) for check in EXPERIMENT.CHECKS.values())


def test_a_false_witness_is_found_out(x64):
    card = ll.card("relu", "hinge")
    convex = card.evidence["convex"]
    moved = convex._replace(positive=convex.positive._replace(witness=(1.0, 2.0, 3.0)))
    false = SimpleNamespace(pair=card.pair, evidence={**card.evidence, "convex": moved})
    assert EXPERIMENT.examine(card, SCORES)["wrong"].tolist() == [0, 0, 0, 0, 0]
    assert EXPERIMENT.examine(false, SCORES)["wrong"].tolist() == [0, 0, 0, 0, 1]


def test_figures_have_labels_and_tables_have_rows(drawn, results, check_labels):
    for figure in drawn.values():
        check_labels(figure)
    assert EXPERIMENT.report(results)[0].rows


def test_claims_can_fail(failing, results):
    assert len(failing(wrong=1 + results.wrong)) == 2
    assert len(failing(others=2 + 0 * results.others)) == 1
