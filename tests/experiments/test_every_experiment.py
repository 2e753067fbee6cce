"""The study's experiments, small: their claims hold and can fail, and their figures say what they show."""

import importlib.util
import math
from pathlib import Path

import jax
import numpy as np
import pytest

import lossland as ll
from lossland import experiment, figures
from lossland.core import read

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("experiments")]
FOLDER = Path(__file__).parents[2] / "experiments"
NAMES = ("textbook_curves", "equivalences", "hinge_is_svm", "local_minima")
MODULES = {name: experiment.find_experiment(str(FOLDER / f"{name}.py")) for name in NAMES}
BY_DATA = ("LinearSVC",)
"""Words of the claims that could fail on other data."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Each experiment's outcome, computed when first asked for."""
    held = {}

    def outcome(name):
        if name not in held:
            out = tmp_path_factory.mktemp(name)
            held[name] = experiment.run(
                str(FOLDER / f"{name}.py"), MODULES[name].SMOKE, out=out, quiet=True, draw=False
            )
        return held[name]

    return outcome


@pytest.fixture(scope="module")
def results(outcomes):
    return lambda name: read(outcomes(name).results)


@pytest.mark.parametrize("name", NAMES)
def test_the_claims_that_do_not_depend_on_data_hold(name, outcomes):
    verdicts = [v for v in outcomes(name).verdicts if not any(word in v.claim for word in BY_DATA)]
    assert len(verdicts) >= 6
    assert [v.claim for v in verdicts if not v.holds] == []
    assert all(type(v.holds) is bool for v in verdicts)


@pytest.mark.parametrize("name", NAMES)
def test_figures_have_labels_and_tables_have_rows(name, results):
    with figures.style():
        drawn = MODULES[name].draw(results(name))
    for figure in drawn.values():
        shared_x, shared_y = figure.get_supxlabel(), figure.get_supylabel()
        for axes in (axes for axes in figure.axes if axes.axison and axes.get_label() != "<colorbar>"):
            row, column = axes.get_subplotspec().rowspan, axes.get_subplotspec().colspan
            last = row.stop == axes.get_gridspec().nrows
            assert axes.get_xlabel() or shared_x or not last
            assert axes.get_ylabel() or shared_y or column.start > 0 or axes.get_yticklabels()
    tables, _ = MODULES[name].report(results(name))
    assert all(table.rows for table in tables)


def _failing(name, changed):
    return [v.claim for v in MODULES[name].report(changed)[1] if not v.holds]


# ------------------------------------------------------------------------------------------------------ textbook_curves


def test_textbook_curves_are_the_formulas_of_the_textbook(results):
    found = results("textbook_curves")
    m, scaled = found.margin.values, MODULES["textbook_curves"].scaled(found)
    formulas = {
        "hinge": np.maximum(0, 1 - m),
        "logistic": np.logaddexp(0, -m) / math.log(2),
        "squared": (1 - m) ** 2,
        "zero_one": (m <= 0).astype(float),
    }
    for name, values in formulas.items():
        np.testing.assert_allclose(scaled.sel(loss=name), values, rtol=1e-13, atol=1e-15)
    assert set(found.loss.values) == {*formulas, "perceptron", "unhinged", "cross_entropy"}


def test_textbook_verdicts_can_fail(results):
    found = results("textbook_curves")
    low = found.assign(value=found.value - 0.1)
    assert "S10: scaled so, the three bound the 0-1 loss from above" in _failing("textbook_curves", low)
    bent = found.assign(convex=1 - found.convex)
    assert len(_failing("textbook_curves", bent)) == 2


# --------------------------------------------------------------------------------------------------------- equivalences


def test_equivalences_compare_with_formulas_written_out(results):
    found = results("equivalences")
    one = found.jet.isel(comparison=0).sel(side="left", label=1)
    z = found.score.values
    sigma = 0.5 * (1 - np.tanh(z / 2))
    np.testing.assert_allclose(one.sel(order="value"), np.logaddexp(0, -z), rtol=1e-14)
    np.testing.assert_allclose(one.sel(order="slope"), -sigma, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(one.sel(order="curvature"), sigma * (1 - sigma), rtol=1e-9, atol=1e-15)
    assert z.min() == -1e4
    assert {-1.0, 0.0, 1.0} <= set(z)


def test_a_false_identity_is_found_out(x64):
    module = MODULES["equivalences"]
    false = module.Compared("S0", ll.pair("identity+hinge"), ll.pair("identity+squared_hinge"))
    held = module.compare(false, module.SMOKE, None)
    assert np.abs(held["left"] - held["right"])[0, :, 100:-100].max() > 1.0
    assert held["apart"][0] == 0.0
    assert held["apart"][-1] > 0.01


def test_every_identity_and_lookalike_of_the_full_table_is_judged_right(x64):
    module = MODULES["equivalences"]
    scores = np.concatenate([np.arange(-40, 41) / 10.0, [-1e4, 1e4]])
    for said, each in (module.identities() | module.lookalikes()).items():
        left, right = module.jets(each.left, scores)[:2], module.jets(each.right, scores)[:2]
        with np.errstate(invalid="ignore"):
            worst = np.max(np.abs(left - right) / np.maximum(1.0, np.abs(right)))
        assert (worst <= 1e-13) == (each.claim != "not equal"), (said, worst)


def test_grouping_sees_through_factors_and_constants(rng):
    grouped = MODULES["equivalences"].grouped
    curves = rng.normal(size=(4, 2, 55))
    curves[1] = 3.0 * curves[0] + np.array([[2.0], [-1.0]])
    curves[2] = -curves[0]
    curves[3] = curves[0]
    curves[3, 1] *= 1.001
    np.testing.assert_array_equal(grouped(curves), [0, 0, 2, 3])


def test_equivalence_verdicts_can_fail(results):
    found = results("equivalences")
    moved = found.assign(jet=found.jet.where((found.side == "left") | (found.comparison != found.comparison[0]), 0.1))
    assert any(claim.startswith("S1, S2") for claim in _failing("equivalences", moved))
    assert "S1-S3: and trains alike" in _failing("equivalences", found.assign(trained=found.trained + 1e-3))


# --------------------------------------------------------------------------------------------------------- hinge_is_svm


def test_gaps_are_those_of_the_problem_that_each_method_solves(results):
    module, found = MODULES["hinge_is_svm"], results("hinge_is_svm")
    data = ll.standardise(ll.load(module.SMOKE.datasets[0]))
    free = ll.solve("hinge", data, C=module.SMOKE.C)
    assert found.optimum.sel(problem="free bias").item() == pytest.approx(float(free.objective), rel=1e-12)
    value = module.objective(data, module.SMOKE.C, free.weights, float(free.bias))
    assert value == pytest.approx(float(free.objective), rel=1e-12)
    with_bias = module.objective(data, module.SMOKE.C, free.weights, float(free.bias), penalised=True)
    assert with_bias == pytest.approx(value + 0.5 * float(free.bias) ** 2)
    assert float(module.gaps(found).min()) > -1e-9
    assert np.all(np.diff(found.passes.sel(solver="L-BFGS, smoothed hinge").dropna("point")) >= 0)


def test_it_runs_without_clarabel(results, monkeypatch):
    module, found = MODULES["hinge_is_svm"], results("hinge_is_svm")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    data = ll.load("two_points", mirrored=True)
    assert math.isnan(module.clarabel(data, module.SMOKE, None)["value"])
    without = module.report(found.assign(clarabel=found.clarabel * math.nan))[1]
    assert not any("Clarabel" in v.claim for v in without)


def test_svm_verdicts_can_fail(results):
    found = results("hinge_is_svm")
    assert "S4: no method finds less" in _failing("hinge_is_svm", found.assign(value=0.999 * found.value))
    assert len(_failing("hinge_is_svm", found.assign(kkt=found.kkt + 1.0, gap=found.gap + 1.0))) == 2


# --------------------------------------------------------------------------------------------------------- local_minima


def test_pictures_show_the_objective_and_its_minima(results):
    module, found = MODULES["local_minima"], results("local_minima")
    data = module.on_axes(module.SMOKE.pictured, module.SMOKE.ratio)
    axis = found.squashing_axis.values
    at = (7, 41)
    with jax.enable_x64(True):
        scores = data.inputs @ [axis[at[0]], axis[at[1]]]
        mean = float(np.mean(ll.pair("hard_tanh+hinge")(scores, data.labels)))
    assert found.squashing_loss.values[at] == pytest.approx(mean, rel=1e-12)
    assert found.sizes["squashing_minimum"] == 9
    assert found.sizes["matching_minimum"] == 1
    corners = found.relu_parts.values
    assert np.nanmin(np.abs(corners)) == 1.0


def test_minima_verdicts_can_fail(results):
    found = results("local_minima")
    assert len(_failing("local_minima", found.assign({"count": found["count"] + 1}))) == 3
    assert any(
        "2^d basins" in claim for claim in _failing("local_minima", found.assign(signs_level=1.01 * found.signs_level))
    )
