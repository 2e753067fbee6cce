"""Evidence: what is refuted is refuted by scores that anybody can check, what is proven holds where one looks."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.proofs import MEASURED, PROVEN, REFUTED, Claim
from lossland.properties import _evidence as evidence


def values(pair, label, scores):
    with jax.enable_x64(True):
        return np.asarray(pair(jnp.asarray(scores, float), jnp.asarray(label, float)), float)


def slopes(pair, label, scores):
    with jax.enable_x64(True):
        return np.asarray(pair.slope(jnp.asarray(scores, float), label), float)


def rounded():
    """A hinge whose program cannot be read: it rounds to float32 on the way."""

    @ll.margin_loss
    def rounded_hinge(margin):
        return jnp.maximum(0.0, 1.0 - jnp.asarray(margin, jnp.float32)).astype(jnp.result_type(margin))

    return ll.card("identity", "rounded_hinge")


# --------------------------------------------------------------------------------------------- what anybody can check


def test_a_refuted_curve_claim_is_refuted_by_its_scores(some_pair):
    found = ll.card(some_pair).evidence
    for row, label in enumerate((1.0, -1.0)):
        convex, quasi = found["convex"][row], found["quasi_convex"][row]
        if convex.status == REFUTED:
            low, middle, high = convex.witness
            first, there, last = values(some_pair, label, convex.witness)
            assert there > np.interp(middle, [low, high], [first, last])
        if quasi.status == REFUTED:
            first, there, last = values(some_pair, label, quasi.witness)
            assert there > max(first, last)


def test_a_refuted_pair_claim_is_refuted_by_its_score(some_pair):
    found = ll.card(some_pair).evidence
    margin, proper = found["margin"].positive, found["proper"].positive
    if margin.status == REFUTED:
        (score,) = margin.witness
        assert abs(score) <= 1e4
        positive, negative = values(some_pair, 1.0, [score])[0], values(some_pair, -1.0, [-score])[0]
        assert positive != pytest.approx(negative, rel=1e-3, abs=0)
    if proper.status == REFUTED:
        (score,) = proper.witness
        with jax.enable_x64(True):
            eta = float(some_pair.activation(jnp.asarray(score, float)))
        terms = eta * float(slopes(some_pair, 1.0, score)), (1 - eta) * float(slopes(some_pair, -1.0, score))
        assert abs(sum(terms)) > 1e-6 * max(map(abs, terms))


def test_a_proven_number_bounds_what_is_seen(some_pair, rng):
    found = ll.card(some_pair).evidence
    scores = np.concatenate([rng.normal(0, 3, 100), rng.normal(0, 300, 30)])
    for row, label in enumerate((1.0, -1.0)):
        seen = values(some_pair, label, scores)
        steep = np.abs(slopes(some_pair, label, scores[:20]))
        infimum, lipschitz = found["infimum"][row], found["lipschitz"][row]
        for claim in (infimum, lipschitz, found["smoothness"][row]):
            low, high = claim.enclosure
            assert math.isnan(low) or low <= claim.value <= high
            assert claim.status != PROVEN or math.isfinite(claim.value) or claim.value in (math.inf, -math.inf)
        if infimum.status == PROVEN:
            assert np.nanmin(seen) >= infimum.value - 1e-9 * (1 + abs(infimum.value))
        if lipschitz.status == PROVEN:
            assert np.nanmax(steep) <= lipschitz.enclosure[1] * (1 + 1e-9)


def test_what_is_measured_has_a_reason(some_pair):
    for both in ll.card(some_pair).evidence.values():
        for claim in both:
            assert claim.status in (PROVEN, REFUTED, MEASURED)
            assert claim.reason or claim.status == PROVEN
            assert claim.witness or claim.status != REFUTED


def test_few_digits_stand_in_for_many_only_if_they_refute_too():
    card = ll.card("tanh", "squared")
    claim = card.evidence["convex"].positive
    assert all(float(f"{x:.3g}") == x for x in claim.witness)
    cut = card.facts.curves.evidence.pieces[0]
    # Rounded to one digit, -1, -1, -1 would refute nothing.
    narrow = Claim(REFUTED, False, witness=(-1.0002, -1.0001, -1.0))
    assert evidence.plainer(cut, narrow, True) == narrow
    assert evidence.plainer(cut, Claim(PROVEN, True), True) == Claim(PROVEN, True)


# ----------------------------------------------------------------------------------------------- claims on the pair


def test_a_pair_that_is_no_margin_loss_is_refuted_and_so_is_what_rests_on_it():
    found = ll.card("relu", "hinge").evidence
    margin, maximises = found["margin"].positive, found["margin_maximising"].positive
    assert (margin.status, margin.value, margin.witness) == (REFUTED, False, (1.0,))
    assert margin.reason == "a positive at z = 1 loses 0, a negative at z = -1 loses 1"
    assert (maximises.status, maximises.value, maximises.witness) == (REFUTED, None, (1.0,))
    assert "not a margin loss" in maximises.reason


def test_a_margin_loss_by_program_is_proven():
    found = ll.card("tanh", "squared").evidence
    assert (found["margin"].positive.status, found["margin"].positive.value) == (PROVEN, True)
    assert (found["margin_maximising"].positive.status, found["margin_maximising"].positive.value) == (PROVEN, True)


@pytest.mark.parametrize(
    ("name", "status", "ends"),
    [
        ("identity+hinge", PROVEN, (-1.0, 1.0)),
        ("identity+logistic", PROVEN, (0.0, 0.0)),
        ("identity+perceptron", PROVEN, None),
        ("relu+zero_one", PROVEN, None),  # the loss of a negative nowhere rises
        ("relu+hinge", MEASURED, (0.0, 1.0)),
        ("sigmoid+focal", MEASURED, (0.0, 0.0)),
    ],
)
def test_calibration_is_proven_where_a_theorem_tells_it(name, status, ends):
    claim = ll.card(name).evidence["calibrated"].positive
    assert (claim.status, claim.value) == (status, ends)
    assert claim.reason


def test_a_theorem_whose_condition_is_measured_proves_nothing():
    card = ll.card("identity", "logistic")
    vague = {n: type(both)(*(c._replace(status=MEASURED) for c in both)) for n, both in card.evidence.items()}
    claim = evidence.pair_claims(card.facts, vague)["calibrated"]
    assert claim.status == MEASURED
    assert claim.reason.startswith("its convexity is measured; ")


@pytest.mark.parametrize(
    ("name", "status", "value"),
    [
        ("identity+hinge", PROVEN, False),
        ("relu+hinge", PROVEN, False),
        ("identity+zero_one", PROVEN, False),
        ("sigmoid+focal", REFUTED, False),
        ("sigmoid+bi_tempered", REFUTED, False),
        ("sigmoid+cross_entropy", MEASURED, True),
        ("probit+brier", MEASURED, True),
        ("tanh+squared", MEASURED, True),
    ],
)
def test_proper_is_never_more_than_measured_when_it_holds(name, status, value):
    claim = ll.card(name).evidence["proper"].positive
    assert (claim.status, claim.value) == (status, value)
    assert claim.reason


# ------------------------------------------------------------------------------------------- what cannot be decided


def test_a_program_that_cannot_be_read_is_measured_with_the_reason():
    card = rounded()
    for name in (*evidence.OF_A_CURVE, *evidence.OF_THE_PAIR):
        for claim in card.evidence[name]:
            assert claim.status == MEASURED
    assert "float32" in card.evidence["convex"].positive.reason
    assert card.evidence["convex"].positive.value is True
    counted = evidence.tally(card.facts, card.evidence)
    assert (counted.settled, counted.more) == (0, False)


def test_two_classes_that_differ_are_told_apart_though_the_program_cannot_be_read():
    @ll.label_loss
    def lopsided(output, label):
        shifted = jnp.asarray(label * output + label, jnp.float32)
        return jnp.maximum(0.0, 1.0 - shifted).astype(jnp.result_type(output))

    claim = ll.card("identity", "lopsided").evidence["margin"].positive
    assert claim.status == REFUTED
    assert len(claim.witness) == 1


def test_a_nan_leaves_its_claims_measured():
    @ll.margin_loss
    def rooted(margin):
        return jnp.sqrt(1.0 - margin)

    found = ll.card("identity", "rooted").evidence
    assert PROVEN not in {found[name][row].status for name in evidence.OF_A_CURVE for row in (0, 1)}
    assert found["kinks"].positive.reason == "its value is not a number at z = 2"
    assert found["proper"].positive.status == MEASURED


def test_a_plateau_is_as_certain_as_that_it_is_lower_elsewhere():
    claims = ll.card("relu", "hinge").facts.curves.evidence.curves[0]
    assert evidence._plateaus(claims).status == PROVEN
    vague = claims._replace(infimum=Claim(MEASURED, None, (0.0, 2.0)))
    assert evidence._plateaus(vague).status == MEASURED
    # A level that lies above all that the infimum may be is decided.
    higher = vague._replace(plateaus=claims.plateaus._replace(value=(((-math.inf, 0.0), 3.0),)))
    assert evidence._plateaus(higher).status == PROVEN


def test_a_tally_counts_both_classes_and_says_whether_more_may_be_proven():
    quick = ll.card("sigmoid", "bi_tempered")
    counted = evidence.tally(quick.facts, quick.evidence)
    assert counted.of == 2 * len(evidence.OF_A_CURVE) + len(evidence.OF_THE_PAIR)
    open_ = [c for name in evidence.OF_A_CURVE for c in quick.evidence[name] if c.status == MEASURED]
    open_ += [c.positive for c in map(quick.evidence.get, evidence.OF_THE_PAIR) if c.positive.status == MEASURED]
    assert counted.settled == counted.of - len(open_)
    assert "calibrated" in counted.measured
    done = ll.card("relu", "hinge")
    assert not evidence.tally(done.facts, done.evidence).more


def test_together_nothing_is_more_certain_than_its_weakest_part():
    proven, refuted, measured = (Claim(status) for status in (PROVEN, REFUTED, MEASURED))
    assert evidence.together([proven, proven]) == PROVEN
    assert evidence.together([proven, refuted]) == REFUTED
    assert evidence.together([measured, refuted]) == MEASURED
