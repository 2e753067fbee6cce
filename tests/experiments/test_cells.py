"""The cells, held against a count of pixels, a search from many points and LIBSVM."""

import re

import numpy as np
import pytest

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("cells")
CONFIG = EXPERIMENT.SMOKE


@pytest.fixture(scope="module")
def data():
    return ll.load(CONFIG.dataset)


def test_the_claims_hold(outcome):
    assert len(outcome.verdicts) == 9
    assert [v.claim for v in outcome.verdicts if not v.holds] == []


def test_the_dead_cone_by_counting(results, data):
    centres = (np.arange(600) + 0.5) / 300 * CONFIG.box - CONFIG.box
    w, b = np.meshgrid(centres, centres)
    counted = np.all([x * w + b <= 0 for x in data.inputs[:, 0]], axis=0).mean() * 4 * CONFIG.box**2
    assert float(results.svm_cone) == pytest.approx(counted, rel=0.01)


def test_with_a_penalty_the_least_objective_is_that_of_libsvm(results, data):
    from sklearn.svm import SVC

    svm = SVC(kernel="linear", C=1 / (data.n * CONFIG.l2), tol=1e-8).fit(data.inputs, data.labels)
    w, b = np.asarray(svm.coef_)[0], np.asarray(svm.intercept_)[0]
    by_libsvm = np.maximum(0, 1 - data.labels * (data.inputs @ w + b)).mean() + 0.5 * CONFIG.l2 * w @ w
    assert float(results.svm_cells) == pytest.approx(by_libsvm, abs=1e-6)


def test_no_neighbour_of_a_minimum_is_lower(results, data, rng):
    """Around each corner of each set of minima of ReLU + hinge, losses written out are nowhere less than its level."""
    at = results.sel(celled="relu+hinge")
    for part, owner in zip(at.parts.values, at.part_of.values, strict=True):
        corners = part[np.isfinite(part[:, 0])]
        if not len(corners):
            continue
        # A corner is shared with other cells; the middle of a set and what is near it belong to the set alone.
        near = corners.mean(axis=0) + 1e-6 * rng.normal(size=(200, 2))
        outputs = np.maximum(0, near[:, :1] * data.inputs[:, 0] + near[:, 1:])
        losses = np.maximum(0, 1 - data.labels * outputs).mean(axis=1)
        assert losses.min() >= float(at.level[int(owner)]) - 1e-12


def test_the_claims_can_fail(failing, results):
    assert any("values of the cells" in claim for claim in failing(apart=results.apart + 1e-9))
    assert any("cone in which it is dead" in claim for claim in failing(svm_cone=1.01 * results.svm_cone))
    assert any("one basin" in claim for claim in failing(map_basins=results.map_basins + 1))
    assert any("one set of minima" in claim for claim in failing(svm_minima=results.svm_minima + 1))
    assert any("exact solver" in claim for claim in failing(svm_solver=results.svm_solver + 1e-6))
    assert any("dies nowhere" in claim for claim in failing(map_dying=results.map_dying + 0.1))


def test_figures_and_numbers(drawn, results):
    assert set(drawn) == {"count"}
    assert drawn["count"].get_suptitle()
    told = EXPERIMENT.numbers(results)
    assert all(re.fullmatch("[a-z_]+", name) and re.fullmatch(r"[\d.]+", value) for name, value in told.items())
    assert told["identity_minima"] == "1"
