"""Certificates: duals, gaps and support sets by independent arithmetic."""

import numpy as np
import pytest

import lossland as ll
from tests.linear_problems import PHI, problems

CONJUGATE = {
    "hinge": lambda u: u,
    "squared_hinge": lambda u: u + u * u / 4,
    "absolute": lambda u: u,
    "logistic": lambda u: _xlogx(1 + u) + _xlogx(-u),
}
SLOPES = {"hinge": (-1, 0), "squared_hinge": (-np.inf, 0), "absolute": (-1, 1), "logistic": (-1, 0)}


def _xlogx(x):
    return np.where(x > 0, x * np.log(np.where(x > 0, x, 1)), 0)


@pytest.mark.parametrize("name", PHI)
def test_certificates_by_independent_arithmetic(name):
    """Primal and dual values, the constraints, the representer form and the stationarity of every example."""
    data, c, s = problems(1)
    sol = ll.solve(name, data, C=c, sample_weights=s)
    x, t, low, high = data.inputs, data.labels, *SLOPES[name]
    for k in range(len(c)):
        ck, alpha, w, b = c[k] * s[k], sol.duals[k], sol.weights[k], sol.bias[k]
        used = ck > 0
        margins = t * (x @ w + b)
        primal = 0.5 * w @ w + np.sum(ck * PHI[name](margins))
        u = -alpha[used] / ck[used]
        assert np.all((u >= low - 1e-12) & (u <= high + 1e-12))
        assert np.all(alpha[~used] == 0)
        assert abs(alpha @ t) <= 1e-12 * np.abs(alpha).sum()
        pull = (alpha * t) @ x
        dual = -0.5 * pull @ pull - np.sum(ck[used] * CONJUGATE[name](u))
        np.testing.assert_allclose([sol.objective[k], sol.dual_objective[k]], [primal, dual], rtol=1e-10)
        np.testing.assert_allclose(sol.gap[k], abs(primal - dual) / primal, atol=1e-10)
        np.testing.assert_allclose(pull, w, atol=1e-6 * (1 + np.abs(w).max()))
        # Fenchel's equality for every example, which together is the gap.
        excess = PHI[name](margins[used]) + CONJUGATE[name](u) - u * margins[used]
        assert np.all(ck[used] * excess <= 1e-8 * primal)
    assert np.array_equal(sol.converged, sol.gap <= 1e-8)


def test_the_three_groups_of_the_hinge():
    """Theory, section 6: beyond the margin alpha = 0, on it between, inside it C; the support says which."""
    data, c, _ = problems(1)
    sol = ll.solve("hinge", data, C=c)
    margins = data.labels * (sol.weights @ data.inputs.T + sol.bias[:, None])
    zero, free, bounded = (sol.support == k for k in range(3))
    assert zero.any()
    assert free.any()
    assert bounded.any()
    assert np.all(sol.duals[zero] == 0)
    assert np.all(margins[zero] >= 1 - 1e-9)
    np.testing.assert_allclose(margins[free], 1, atol=1e-8)
    assert np.all(margins[bounded] <= 1 + 1e-9)
    np.testing.assert_array_equal(sol.duals[bounded], np.broadcast_to(c[:, None], bounded.shape)[bounded])


def test_the_logistic_has_the_same_form_and_every_dual_is_positive():
    data, c, _ = problems(1)
    sol = ll.solve("logistic", data, C=c)
    margins = data.labels * (sol.weights @ data.inputs.T + sol.bias[:, None])
    np.testing.assert_allclose(sol.duals, c[:, None] / (1 + np.exp(margins)), rtol=1e-6)
    assert np.all(sol.duals > 0)
