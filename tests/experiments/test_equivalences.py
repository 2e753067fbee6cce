"""Losses that are one another: formulas written out, false identities found out, groups seen through."""

import numpy as np
import pytest

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("equivalences")]
EXPERIMENT = find_experiment("equivalences")
CONFIG = EXPERIMENT.SMOKE


def test_the_claims_hold(outcome):
    verdicts = outcome.verdicts
    assert len(verdicts) >= 6
    assert [v.claim for v in verdicts if not v.holds] == []
    assert all(type(v.holds) is bool for v in verdicts)


def test_figures_have_labels_and_tables_have_rows(drawn, results, check_labels):
    for figure in drawn.values():
        check_labels(figure)
    tables, _ = EXPERIMENT.report(results)
    assert all(table.rows for table in tables)


def test_equivalences_compare_with_formulas_written_out(results):
    one = results.jet.isel(comparison=0).sel(side="left", label=1)
    z = results.score.values
    sigma = 0.5 * (1 - np.tanh(z / 2))
    np.testing.assert_allclose(one.sel(order="value"), np.logaddexp(0, -z), rtol=1e-14)
    np.testing.assert_allclose(one.sel(order="slope"), -sigma, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(one.sel(order="curvature"), sigma * (1 - sigma), rtol=1e-9, atol=1e-15)
    assert z.min() == -1e4
    assert {-1.0, 0.0, 1.0} <= set(z)


def test_a_false_identity_is_found_out(x64):
    false = EXPERIMENT.Compared("S0", ll.pair("identity+hinge"), ll.pair("identity+squared_hinge"))
    held = EXPERIMENT.compare(false, CONFIG, None)
    assert np.abs(held["left"] - held["right"])[0, :, 100:-100].max() > 1.0
    assert held["apart"][0] == 0.0
    assert held["apart"][-1] > 0.01


def test_every_identity_and_lookalike_of_the_full_table_is_judged_right(x64):
    scores = np.concatenate([np.arange(-40, 41) / 10.0, [-1e4, 1e4]])
    for said, each in (EXPERIMENT.identities() | EXPERIMENT.lookalikes()).items():
        left, right = EXPERIMENT.jets(each.left, scores)[:2], EXPERIMENT.jets(each.right, scores)[:2]
        with np.errstate(invalid="ignore"):
            worst = np.max(np.abs(left - right) / np.maximum(1.0, np.abs(right)))
        assert (worst <= 1e-13) == (each.claim != "not equal"), (said, worst)


def test_grouping_sees_through_factors_and_constants(rng):
    curves = rng.normal(size=(4, 2, 55))
    curves[1] = 3.0 * curves[0] + np.array([[2.0], [-1.0]])
    curves[2] = -curves[0]
    curves[3] = curves[0]
    curves[3, 1] *= 1.001
    np.testing.assert_array_equal(EXPERIMENT.grouped(curves), [0, 0, 2, 3])


def test_verdicts_can_fail(failing, results):
    moved = results.jet.where((results.side == "left") | (results.comparison != results.comparison[0]), 0.1)
    assert any(claim.startswith("S1, S2") for claim in failing(jet=moved))
    assert "S1-S3: and trains alike" in failing(trained=results.trained + 1e-3)
