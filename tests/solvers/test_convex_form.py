"""Which losses can be solved: every convex one, a user's own taken apart from its values, others refused."""

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.solvers._convex_form import convex_form
from tests.linear_problems import problems


@pytest.mark.slow
def test_every_convex_margin_loss_can_be_solved(loss):
    """Whatever claims convexity is taken, whatever does not is refused with a reason and a way out."""
    data, c, s = problems(1)
    if loss.kind != "margin":
        with pytest.raises(ValueError, match=r"likelihood|not admissible"):
            ll.solve(loss, data, C=1.0)
    elif not loss.claim("convex"):
        with pytest.raises(ValueError, match=r"not convex: .* above the chord from .* Nearest convex losses: \w+"):
            ll.solve(loss, data, C=1.0)
    elif loss.name == "unhinged":
        with pytest.raises(ValueError, match="no minimum"):
            ll.solve(loss, data, C=1.0)
    else:
        sol = ll.solve(loss, data, C=c, sample_weights=s)
        assert sol.converged.all(), sol.message


@pytest.mark.slow
def test_losses_of_two_classes_and_pairs_are_taken():
    data, c, s = problems(1)
    sol = ll.solve(ll.weighted("hinge", positive=3.0, negative=1.0), data, C=c, sample_weights=s)
    other = ll.solve("hinge", data, C=c, sample_weights=s * np.where(data.labels > 0, 3.0, 1.0))
    np.testing.assert_allclose(sol.objective, other.objective, rtol=1e-10)
    sol = ll.solve(ll.pair("sigmoid", "cross_entropy"), data, C=c, sample_weights=s)
    np.testing.assert_allclose(sol.objective, ll.solve("logistic", data, C=c, sample_weights=s).objective, rtol=1e-10)


@pytest.mark.slow
def test_a_users_loss_is_taken_apart_from_its_values(registries):
    """Three lines and a parabola, kinks at -1 and 2: the sum of two hinges and a rounded one."""

    @ll.margin_loss
    def patchwork(margin):
        jnp = jax.numpy
        return jnp.maximum(-1 - margin, 0) + 0.5 * jnp.maximum(2 - margin, 0) + 0.3 * jnp.maximum(0.5 - margin, 0) ** 2

    form = convex_form(patchwork)
    found = {(k, h) for k, h in zip(form.terms.knot[0].round(9), form.terms.high[0].round(9), strict=True)}
    assert found == {(-1.0, 1.0), (2.0, 0.5), (0.5, np.inf)}
    data, c, s = problems(1)
    sol = ll.solve(patchwork, data, C=c, sample_weights=s)
    assert sol.converged.all(), sol.message
    margins = data.labels * (sol.weights @ data.inputs.T + sol.bias[:, None])
    primal = 0.5 * np.sum(sol.weights**2, axis=1) + np.sum(c[:, None] * s * np.asarray(patchwork(margins)), axis=1)
    np.testing.assert_allclose(sol.objective, primal, rtol=1e-6)


DATA = problems(1)[0]


def test_a_kink_among_curves_is_refused(registries):
    @ll.margin_loss
    def kinked(margin):
        return jax.numpy.exp(-margin) + jax.numpy.maximum(0.25 - margin, 0)

    with pytest.raises(ValueError, match=r"kink at score 0\.25"):
        ll.solve(kinked, DATA, C=1.0)
