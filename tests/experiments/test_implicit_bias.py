"""Implicit bias: its claims hold and can fail, its limits are those of equations solved by root finding."""

import re

import numpy as np
import pytest
from scipy.optimize import brentq

from lossland.experiment import find_experiment

pytestmark = pytest.mark.slow
EXPERIMENT = find_experiment("implicit_bias")
CONFIG = EXPERIMENT.Config(steps=20_000, settings=4, log_time=200.0)


def test_the_claims_hold(outcome):
    assert [v.claim for v in outcome.verdicts if not v.holds] == []
    assert len(outcome.verdicts) == 13


def test_the_path_solves_its_equations(results):
    """Stationarity: l2 u = e^-u (e^-2v + e^v) and l2 v = e^-u (2 e^-2v - e^v)."""
    for l2, (u, v) in zip(EXPERIMENT.PATH, results.path.values, strict=True):
        # The quotient leaves v = u (2 e^-2v - e^v) / (e^-2v + e^v).
        root = brentq(lambda v, u=u: (2 * np.exp(-2 * v) - np.exp(v)) / (np.exp(-2 * v) + np.exp(v)) - v / u, 0, 1)
        assert v == pytest.approx(root, abs=1e-9)
        assert l2 * u == pytest.approx(np.exp(-u) * (np.exp(-2 * v) + np.exp(v)), rel=1e-9)
    np.testing.assert_allclose(results.path.values[:, 1], [0.2050, 0.2172, 0.2242, 0.2265], atol=5e-5)


def test_the_polynomial_limit_is_a_fixed_point_of_its_pulls(results):
    # Margins 1 + 2 v and 1 - v of the direction (1, v), pulls 1 / m^2.
    def off(v):
        first, second = 1 / (1 + 2 * v) ** 2, 1 / (1 - v) ** 2
        return (2 * first - second) / (first + second) - v

    root = brentq(off, -0.3, 0.7)
    limit = results.limit_polynomial.values
    assert limit[1] / limit[0] == pytest.approx(root, abs=1e-7)


def test_claims_can_fail(failing, results):
    assert len(failing(many_off=results.many_off + 1.0)) == 2
    assert any("offsets rise" in claim for claim in failing(path=-results.path))
    assert any("stops" in claim for claim in failing(hinge_losses=results.hinge_losses + 1))
    assert any("ln 2 for each" in claim for claim in failing(relu_losses=0 * results.relu_losses))
    assert any("Normalised" in c for c in failing(normalised_margins=results.logistic_margins[..., ::1]))


def test_the_figure_shows_the_law_and_what_was_saved(drawn, results, check_curves):
    check_curves(drawn, {"gaps"})
    flow, law = drawn["gaps"].axes[0].lines[0], drawn["gaps"].axes[0].lines[3]
    np.testing.assert_allclose(law.get_ydata() * law.get_xdata(), np.log(2) / 3)
    last = results.flow_points.values[0, -1]
    gap = np.linalg.norm(last / np.linalg.norm(last) - [1.0, 0.0])
    assert flow.get_ydata()[-1] == pytest.approx(gap, rel=1e-12)
    assert all(re.fullmatch("[a-z_]+", name) for name in EXPERIMENT.numbers(results))
