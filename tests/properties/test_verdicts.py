"""Verdicts: sentences that say how certain they are and do not contradict each other."""

import jax.numpy as jnp
import pytest

import lossland as ll
from lossland.proofs import MEASURED, PROVEN, REFUTED
from lossland.properties import _verdicts as words

AT_ODDS = [
    ("Proper", "No link"),
    ("Proper", "Not proper"),
    ("Proper", "Calibrated for no"),
    ("through a link", "Calibrated for no"),
    ("through a link", "No link"),
    ("matching loss", "No link"),
    ("matching loss", "Not proper"),
    ("Maximises", "Not a margin loss"),
    ("Maximises", "No margin"),
    ("Maximises", "lower bound"),
    ("Convex for both", "Not convex"),
    ("Convex for both", "Plateau"),
    ("Convex for both", " jumps "),
    ("constant for both", "Convex for both"),
    ("constant for both", "whatever the score"),
    ("constant for both", "Maximises"),
]
"""Beginnings or parts of sentences that cannot both stand on a card."""
UNHEDGED = ("It is ", "Conjugate: ")
"""What is measured in its own words: to nine digits."""


def said(name, *more):
    return [v for v in words.verdicts(ll.card(name, *more).facts)]


def one(name, start):
    (found,) = [v for v in said(name) if v.text.startswith(start)]
    return found


def test_no_two_sentences_contradict_each_other(some_pair):
    told = [verdict.text for verdict in said(some_pair)]
    assert len(told) == len(set(told))
    for first, second in AT_ODDS:
        assert not (any(first in text for text in told) and any(second in text for text in told)), told


def test_a_sentence_that_is_only_measured_says_so_and_no_other_does(some_pair):
    for verdict in said(some_pair):
        hedged = words.HEDGE in verdict.text
        # What is refuted may add something measured after a semicolon.
        if verdict.status == MEASURED and not verdict.text.startswith(UNHEDGED):
            assert hedged, verdict
        elif verdict.status == PROVEN:
            assert not hedged, verdict


def test_convexity_is_refuted_by_a_chord_and_proven_in_a_word():
    found = one("relu+hinge", "Not convex")
    assert found == (
        "-",
        "Not convex for positives: at z = 0 the loss lies above the chord from z = -1 to z = 1. "
        "Convex for negatives (proven).",
        REFUTED,
    )
    assert one("identity+hinge", "Convex").text.startswith("Convex for both classes (proven): ")
    assert one("tanh+squared", "Not convex").text.endswith("Nor for negatives, whose curve is its mirror image.")


def test_calibration_cites_its_theorem_where_one_decides_it():
    found = one("identity+hinge", "Calibrated")
    assert found.text == (
        "Calibrated only for thresholds inside (-1, 1); best 0, psi = theta "
        "(Bartlett, Jordan & McAuliffe 2006, Theorem 2)."
    )
    assert found.status == PROVEN
    found = one("relu+hinge", "Calibrated")
    assert found.text == (
        "Calibrated only for thresholds inside (0, 1), as far as was measured; best 1/2, psi = theta/2."
    )
    assert "(Bartlett" in one("identity+perceptron", "Calibrated for no").text


def test_a_threshold_without_an_end_is_below_or_above_a_number():
    assert "only for thresholds below 1" in one("elu+hinge", "Calibrated").text
    assert "only for thresholds above 0" in one("relu+sigmoid_margin", "Calibrated").text


def test_what_is_no_margin_loss_names_a_score():
    found = one("relu+hinge", "Not a margin")
    assert found.text == "Not a margin loss: a positive at z = 1 loses 0, a negative at z = -1 loses 1."
    assert found.status == REFUTED


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("identity+unhinged", "its loss has no lower bound"),
        ("identity+huber", "its loss also rises with the margin"),
        ("identity+perceptron", "its loss is least as soon as the sign is right"),
        ("identity+dwd", "its tail falls like a power"),
    ],
)
def test_why_the_margin_is_not_maximised_is_said_in_words(name, why):
    assert one(name, "Does not maximise").text == f"Does not maximise the margin: {why}."


def test_a_matching_loss_is_that_of_its_output_only_if_the_output_is_the_probability():
    assert (
        "gradient in z is output - target" in one("sigmoid+cross_entropy", "It is the matching loss of its output").text
    )
    assert "gradient in z is P(t = +1) - target" in one("identity+logistic", "It is the matching loss of its link").text
    multiple = one("scaled_sigmoid+cross_entropy", "It is the matching loss of its output").text
    assert "a multiple of output - target" in multiple
    # Its slope ratio is a step, which tells no probability.
    assert not any("matching loss" in verdict.text for verdict in said("identity+perceptron"))


def test_both_classes_share_a_sentence_where_one_says_it():
    assert one("identity+perceptron", "No margin").text.startswith("No margin for either class")
    told = [verdict.text for verdict in said("softplus+zero_one")]
    assert not any("whatever the score" in text or text.startswith("Convex") for text in told)


def test_a_program_that_cannot_be_read_is_said_once():
    @ll.margin_loss
    def softly_rounded(margin):
        return jnp.maximum(0.0, 1.0 - jnp.asarray(margin, jnp.float32)).astype(jnp.result_type(margin))

    told = said("identity", "softly_rounded")
    notices = [verdict for verdict in told if "measured" in verdict.text]
    assert len(notices) == 1
    assert "cannot be read (it rounds to float32 on the way)" in notices[0].text
    faults = [verdict.text for verdict in told[: told.index(notices[0])]]
    assert faults == list(ll.card("identity", "softly_rounded").facts.problems)
