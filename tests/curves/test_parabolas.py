"""Which pairs are made of lines and parabolas, and where their knots lie."""

import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.curves import continuous_lines, made_of_lines, parabolas
from tests.curves.cases import accepted, pieced_pairs


@pytest.mark.slow
@pytest.mark.parametrize("step", [29, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_pairs_are_accepted_exactly_if_their_elements_are(step):
    ours = [made for made in ll.pairs() if made.loss.function.__module__.startswith("lossland.")][::step]
    taken = {made.name for made in ours if accepted(made)}
    composed = {made.name for made in pieced_pairs()} & {made.name for made in ours}
    assert composed <= taken
    # Elsewhere the output keeps its sign, or its pieces meet where the loss is linear.
    assert all(not parabolas(name)[0].knots.size for name in taken - composed)


def test_pieces_with_knots_far_off():
    _, negative = parabolas("leaky_relu(slope=1e-4)+hinge")
    np.testing.assert_allclose(negative.knots, [-1e4, 0.0], rtol=1e-9)
    np.testing.assert_allclose(negative.slope, [0.0, 1e-4, 1.0], atol=1e-14)
    np.testing.assert_allclose(parabolas("leaky_relu(slope=1e-4)+huber")[1].jumps(), [0.0, 1.0 - 1e-4], atol=1e-9)


@pytest.mark.parametrize(("name", "lines"), [("exp+hinge", False), ("relu+hinge", True), ("identity+zero_one", True)])
def test_lines_are_read_off_the_program(name, lines):
    """An exponential beside a line: its table's curvature is next to nothing only where the loss is large."""
    assert made_of_lines(ll.pair(name)) is lines


@pytest.mark.parametrize("width", [1e-3, 1e-9])
@pytest.mark.parametrize(("power", "lines"), [(1, True), (2, False)])
def test_a_narrow_parabola_is_no_line(width, power, lines):
    @ll.margin_loss
    def pointed(margin):
        return jnp.maximum(0.0, 1 - margin) + jnp.maximum(0.0, width - jnp.abs(margin)) ** power

    pair = ll.pair("identity", pointed)
    assert made_of_lines(pair) is lines
    assert continuous_lines(pair) is lines
