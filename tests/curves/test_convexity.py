"""Proofs of convexity on stretches of scores, and chords in words, against kinks that are known by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.curves import apart, chord_in_words, convex_between, convexity_evidence
from lossland.curves._convexity import breaks_between, chord_between


def tent(width, at=0.7):
    def tented(margin):
        return jax.nn.softplus(-margin) + 0.1 * jnp.maximum(0.0, 1 - jnp.abs(margin - at) / width)

    return ll.pair("identity", ll.margin_loss(tented))


@pytest.mark.parametrize("width", [1e-2, 1e-5, 1e-9])
def test_stretches_beside_a_bend_are_proven_and_those_across_it_are_not(width):
    held = convexity_evidence(tent(width))
    for row, sign in enumerate((1.0, -1.0)):
        for low, high, convex in (
            (-5.0, 0.7 - 0.1 * width, True),
            (0.7 + 0.1 * width, 40.0, True),
            (0.7 - 0.1 * width, 0.7 + 0.1 * width, False),
            (0.7, 0.7, False),
            (-np.inf, np.inf, False),
        ):
            ends = sorted((sign * low, sign * high))
            assert convex_between(held, row, ends[:1], ends[1:]) is convex
    both = convex_between(held, 0, [0.7 + width, -3.0, -4.0], [3.0, 0.1, 0.6])
    assert both is True


def test_many_stretches_between_many_bends(rng):
    """Between waves: concave and convex places take turns, and stretches lie in the convex ones alone."""
    waved = ll.pair("identity", ll.margin_loss(lambda m: jnp.sin(m)))
    held = convexity_evidence(waved)
    middles = -0.5 * np.pi + 2 * np.pi * np.arange(-10, 11)
    widths = rng.uniform(0.1, 1.4, middles.size)
    assert convex_between(held, 0, middles - widths, middles + widths)
    widths[5] = 1.7
    assert not convex_between(held, 0, middles - widths, middles + widths)


def test_what_cannot_be_read_is_proven_nowhere():
    in_a_loop = ll.margin_loss(lambda m: jax.lax.fori_loop(0, 1, lambda _, t: t + jax.nn.softplus(-m), 0.0 * m))
    assert not convex_between(convexity_evidence(ll.pair("identity", in_a_loop)), 0, [0.0], [1.0])


def test_a_bump_without_a_kink_is_decided_by_the_full_budget():
    bump = ll.margin_loss(lambda m: ll.losses.logistic(m) + 1e-6 * jnp.exp(-((1e4 * (m - 0.3)) ** 2)))
    assert convexity_evidence(ll.pair("identity", bump)).curves[0].convex.value is False


@pytest.mark.parametrize("width", [1e-3, 1e-6, 1e-9])
def test_a_chord_within_a_stretch_lies_below_the_curve(width):
    cut = convexity_evidence(tent(width)).pieces[0]
    assert chord_between(cut, 0.7 + 0.2 * width, 5.0) == ()
    a, m, b = chord_between(cut, 0.7 - 0.5 * width, 0.7 + 0.5 * width)
    assert 0.7 - 0.5 * width <= a < m < b <= 0.7 + 0.5 * width
    said = chord_in_words(cut, (a, m, b))
    assert len(set(said[:3])) == 3
    assert float(said.middle_value) > float(said.chord_value)
    assert [b.order for b in breaks_between(cut, [0.7], [0.7])] == [1]


def test_numbers_are_told_apart():
    assert apart(1.0, 2.0, 1.0) == ("1", "2", "1")
    for gap in 10.0 ** -np.arange(1, 15):
        a, b = apart(2.0, 2.0 + gap)
        assert float(b) - float(a) == pytest.approx(gap, rel=0.2)
