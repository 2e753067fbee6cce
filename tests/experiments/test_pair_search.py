"""Groups of pairs that are one problem: seen through, and not made where there are none."""

import numpy as np
import pytest

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("pair_search")
CONFIG = EXPERIMENT.SMOKE


def test_the_claims_hold(outcome):
    assert len(outcome.verdicts) == 3
    assert [v.claim for v in outcome.verdicts if not v.holds] == []


def test_grouping_sees_through_factors_and_constants(rng):
    curves = rng.normal(size=(4, 2, EXPERIMENT.PROBES.size))
    curves[1] = 3.0 * curves[0] + np.array([[2.0], [-1.0]])
    curves[2] = -curves[0]
    curves[3] = curves[0]
    curves[3, 1] *= 1.001
    np.testing.assert_array_equal(EXPERIMENT.grouped(curves), [0, 0, 2, 3])


def curves_of(name):
    """Both class curves of a pair, one after the other, as its functions give them one score at a time."""
    z, pair = np.linspace(-3, 3, 31) + 0.013, ll.pair(name)
    return np.concatenate([pair(z, np.ones_like(z)), pair(z, -np.ones_like(z))])


def fitted(left, right):
    """Whether one pair's curves are a positive multiple of another's plus a constant a class, by least squares."""
    first = np.arange(left.size) < left.size // 2
    design = np.column_stack([right, first, ~first])
    found, *_ = np.linalg.lstsq(design, left, rcond=None)
    return np.abs(design @ found - left).max() < 1e-9 and found[0] > 0


def test_groups_are_those_of_least_squares(results, x64):
    first, curves = results["first"].values, [curves_of(str(name)) for name in results.pair.values]
    for row in range(len(curves)):
        for other in range(row):
            if first[other] == other:
                assert fitted(curves[row], curves[other]) == (first[row] == other), results.pair.values[[row, other]]


def test_figures_have_labels_and_tables_have_rows(drawn, results, check_labels):
    for figure in drawn.values():
        check_labels(figure)
    assert all(table.rows for table in EXPERIMENT.report(results))
    kind = EXPERIMENT.kinds(results)
    assert kind["sigmoid+cross_entropy"] == 2
    assert kind["identity+logistic"] == 1


def test_claims_can_fail(failing, results):
    alone = results["first"].copy(data=np.arange(results.pair.size))
    assert len(failing(first=alone)) == 1
    assert len(failing(again=results.again + 1e-3, away=0 * results.away)) == 2
