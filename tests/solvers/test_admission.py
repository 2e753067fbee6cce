"""Which losses are admitted: what the program proves decides, however narrow what speaks against it."""

import logging
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.solvers import convex_form
from tests.linear_problems import problems

DATA = problems(1)[0]
REFUSED = re.compile(
    r"is not convex: for a (positive|negative) the loss at score (\S+) is (\S+), above the chord from (\S+) at (\S+) "
    r"to (\S+) at (\S+), which is (\S+) there, .* Nearest convex losses: \w+"
)


def tent(width, at=2.0, size=1.0):
    """A logistic loss with a small tent on it: three kinks, the middle one bends it down."""

    def tented(margin):
        return size * (jax.nn.softplus(-margin) + 0.1 * jnp.maximum(0.0, 1 - jnp.abs(margin - at) / width))

    return tented


def refused(loss, solver=ll.solve):
    """The chord that the refusal names, in numbers: the side, then score and value of the ends and of the middle."""
    with pytest.raises(ValueError, match="is not convex") as caught:
        solver(loss, DATA, C=1.0)
    side, middle, value, low_value, low, high_value, high, chord = REFUSED.search(str(caught.value)).groups()
    return side, *map(float, (low, low_value, middle, value, high, high_value, chord))


@pytest.mark.parametrize("width", [1e-3, 5e-4, 1e-6, 1e-9])
@pytest.mark.parametrize("at", [2.0, -0.7])
@pytest.mark.parametrize("size", [1.0, 1e-6, 1e6])
def test_a_tent_is_refused_with_a_chord_that_anybody_can_check(width, at, size):
    loss = ll.margin_loss(tent(width, at, size))
    side, low, low_value, middle, value, high, high_value, chord = refused(loss)
    assert side == "positive"
    assert low < middle < high
    with jax.enable_x64(True):
        there = np.asarray(ll.pair("identity", loss)(jnp.array([low, middle, high]), 1.0))
    np.testing.assert_allclose([low_value, value, high_value], there, rtol=1e-4)
    between = low_value + (middle - low) / (high - low) * (high_value - low_value)
    assert chord == pytest.approx(between, rel=1e-4)
    assert value > chord * (1 + 1e-3)


def test_the_case_of_the_card_is_refused_by_every_solver():
    """C3: it was admitted, and its solution certified."""
    loss = ll.margin_loss(tent(5e-4))
    refused(loss)
    refused(loss, lambda *given, C: ll.path(*given, [C]))
    refused(loss, lambda *given, C: ll.solve_kernel(*given, C=C))


def test_a_tent_for_negatives_only_names_them():
    @ll.label_loss
    def one_sided(output, label):
        return jnp.where(label > 0, ll.losses.logistic(output), tent(1e-6)(-output))

    side, low, _, middle, _, high, _, _ = refused(one_sided)
    assert side == "negative"
    assert low < middle < high < 0


def test_a_dent_without_a_kink_is_refused():
    @ll.margin_loss
    def dented(margin):
        return ll.losses.logistic(margin) + 1e-6 * jnp.exp(-((1e4 * (margin - 0.3)) ** 2))

    _, low, _, middle, _, high, _, _ = refused(dented)
    assert 0.29 < low < middle < high < 0.31


KNOTS = (-1.7, -1.7 + 1e-7, 0.25, 1.0, 3.1)


@pytest.mark.parametrize("size", [1.0, 1e-4, 1e4])
def test_a_convex_loss_of_five_kinks_is_taken_apart_exactly(size):
    @ll.margin_loss
    def five(margin):
        return size * sum(share * jnp.maximum(0.0, knot - margin) for share, knot in zip(SHARES, KNOTS, strict=True))

    form = convex_form(five)
    assert form.convexity == "proven"
    found = sorted(zip(form.terms.knot[0], form.terms.high[0] - form.terms.low[0], strict=True))
    assert [knot for knot, _ in found] == pytest.approx(list(KNOTS), abs=1e-15)
    np.testing.assert_allclose([share for _, share in found], size * np.array(SHARES), rtol=1e-9)
    np.testing.assert_array_equal(form.terms.knot[0], form.terms.knot[1])
    sol = ll.solve(five, DATA, C=1.0 / size)
    assert sol.converged
    assert sol.convexity == "proven"
    hinges = [(1.0 / size) * size * np.maximum(0.0, knot - DATA.labels * (DATA.inputs @ sol.weights + sol.bias))
              for knot in KNOTS]  # fmt: skip
    primal = 0.5 * sol.weights @ sol.weights + sum(share * h.sum() for share, h in zip(SHARES, hinges, strict=True))
    assert sol.objective == pytest.approx(primal, rel=1e-9)


SHARES = (0.5, 0.25, 1.0, 2.0, 0.125)


def _in_a_loop(margin):
    return jax.lax.fori_loop(0, 2, lambda _, total: total + jax.nn.softplus(-margin), jnp.zeros_like(margin))


def _rounded(margin):
    return jax.nn.softplus(-margin.astype(jnp.float32)).astype(margin.dtype)


@jax.custom_jvp
def _own(margin):
    return jnp.maximum(0.0, 1 - margin) ** 2


_own.defjvp(lambda given, moved: (_own(*given), -2 * jnp.maximum(0.0, 1 - given[0]) * moved[0]))


@pytest.mark.parametrize(
    ("function", "like", "why"),
    [
        (_in_a_loop, ll.scaled("logistic", 2.0), "its program cannot be read"),
        (_rounded, "logistic", "its program cannot be read"),
        (_own, "squared_hinge", "a derivative of its own"),
    ],
)
def test_what_is_only_measured_is_solved_and_says_so(function, like, why, caplog):
    loss = ll.margin_loss(lambda margin: function(margin))
    with caplog.at_level(logging.WARNING, "lossland.solver"):
        sol = ll.solve(loss, DATA, C=0.3, tol=1e-5)
    assert re.match(f"measured, not proven: .*{why}", sol.convexity)
    assert sol.converged
    assert sol.objective == pytest.approx(ll.solve(like, DATA, C=0.3).objective, rel=1e-5)
    said = [record.getMessage() for record in caplog.records if record.name == "lossland.solver"]
    assert any(sol.convexity in line for line in said)
    kernel = ll.solve_kernel(loss, DATA, C=0.3, kernel="linear", tol=1e-5)
    assert kernel.convexity == sol.convexity
    both = ll.solve(["hinge", loss], DATA, C=0.3, tol=1e-5)
    assert both.weights.shape == (2, DATA.d)
    assert both.convexity == sol.convexity


def test_what_is_only_measured_may_still_be_refused():
    def wavy(margin):
        return jax.lax.fori_loop(0, 1, lambda _, total: total + ll.losses.ramp(margin), jnp.zeros_like(margin))

    with pytest.raises(ValueError, match=r"a slope that falls near score \S+, .* Nearest convex losses"):
        ll.solve(ll.margin_loss(wavy), DATA, C=1.0)


def test_a_false_derivative_is_not_taken_for_a_proof():
    """The value is convex, and proven to be: the dual bound would rest on slopes that are not its own."""

    @jax.custom_jvp
    def steep(margin):
        return jnp.maximum(0.0, 1 - margin)

    steep.defjvp(lambda given, moved: (steep(*given), -jax.nn.sigmoid(1 - given[0]) * moved[0]))
    with pytest.raises(ValueError, match="a slope that falls near score"):
        ll.solve(ll.margin_loss(lambda margin: steep(margin)), DATA, C=1.0)


def test_bounds_come_from_the_certain_side():
    """The dual bound takes a lower bound of the infimum, and the slopes of an unbounded loss are certain."""
    for loss in ("logistic", "linex", "dwd", ll.pair("sigmoid", "cross_entropy")):
        form = convex_form(loss)
        assert form.convexity == "proven"
        z = np.linspace(-30.0, 30.0, 4001)
        with jax.enable_x64(True):
            least = [float(form.pair(jnp.asarray(z), t).min()) for t in (1.0, -1.0)]
        assert (form.infimum <= least).all()
    assert convex_form("unhinged").slopes.tolist() == [[-1.0, 1.0], [-1.0, 1.0]]

    @ll.margin_loss
    def falling(margin):
        return ll.losses.logistic(margin) - 0.5 * margin

    low, high = convex_form(falling).slopes
    assert low[0] <= -1.5 <= low[0] + 1e-6
    assert high[0] - 1e-6 <= -0.5 <= high[0]
    with pytest.raises(ValueError, match="no minimum over a free bias"):
        ll.solve(falling, ll.Dataset([[0.0], [1.0], [2.0], [3.0], [4.0]], [1, -1, -1, -1, -1]), C=1.0)


def test_the_kink_that_is_refused_is_the_exact_one():
    @ll.margin_loss
    def kinked(margin):
        return jnp.exp(-margin) + 1e-7 * jnp.maximum(1 / 3 - margin, 0)

    with pytest.raises(ValueError, match=r"kink at score 0\.333333 "):
        ll.solve(kinked, DATA, C=1.0)


def test_no_way_out_is_named_that_is_refused_too():
    def tented(margin):
        return tent(1e-4)(margin)

    ll.margin_loss(convex=True)(tented)
    with pytest.raises(ValueError, match="is not convex") as caught:
        ll.solve(tented, DATA, C=1.0)
    assert "Nearest convex losses: logistic, " in str(caught.value)
    assert "tented" not in str(caught.value).partition("Nearest")[2]
