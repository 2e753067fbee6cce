"""Claims: each bound against a verdict by hand, at its edge, on either side of it, and for what is no number."""

import math
from typing import Any, cast

import numpy as np
import pytest

from lossland.experiment import Estimate, at_least, at_most, claim, claims_of, decide, equal, ordered, proportion
from lossland.experiment._claims import FAMILY, LEVEL


@pytest.mark.parametrize(
    ("bound", "measured", "word"),
    [
        (at_least(0), Estimate(0.5, -0.1, 9.0), "open"),
        (at_least(0), Estimate(-0.5, -1.0, -0.1), "fails"),
        (at_least(0), -0.5, "fails"),
        (at_most(0), {"a": 1.0, "b": Estimate(0.5, -0.1, 9.0)}, "fails"),
        (at_most(0), {"a": -1.0, "b": Estimate(0.5, -0.1, 9.0)}, "open"),
        (equal(0, within=0.1), Estimate(0.0, -0.5, 0.5), "open"),
        (equal(0, within=0.1), Estimate(0.5, 0.2, 0.8), "fails"),
        (proportion(least=0.95), (95, 100), "open"),
        (proportion(least=0.95), (5, 100), "fails"),
        (at_most(0), math.nan, "fails"),
        (at_most(0), -1, "holds"),
    ],
)
def test_what_the_data_do_not_decide_is_open(bound, measured, word):
    assert verdict(bound, measured).word == word


def verdict(bound, measured):
    return decide(claim("S5, S6", "A sentence", bound, fixed="before")(lambda results: measured), None)


@pytest.mark.parametrize(
    ("bound", "measured", "holds", "found"),
    [
        (at_most(2), 2, True, "2"),
        (at_most(2), np.nextafter(2, 3), False, "2"),
        (at_least(0.95, "%"), 0.95, True, "95 %"),
        (at_least(0.95, "%"), 0.9499, False, "95 %"),
        (at_most(0.1), Estimate(0.05, 0.0, 0.1), True, "0.05 (0 to 0.1)"),
        (at_most(0.1), Estimate(0.05, 0.0, 0.11), False, "0.05 (0 to 0.11)"),
        (at_least(0, "points"), Estimate(0.5, 0.0, 9.0), True, "0.5 points (0 points to 9 points)"),
        (at_least(0), Estimate(0.5, -0.1, 9.0), False, "0.5 (-0.1 to 9)"),
        (equal(1, within=0.25), 0.75, True, "0.75"),
        (equal(1, within=0.25), 1.26, False, "1.26"),
        (equal(0, within=1), Estimate(0.0, -1.5, 0.5), False, "0 (-1.5 to 0.5)"),
        (ordered("rising"), [1, 1, 2], True, "least step 0"),
        (ordered("rising", strictly=True), [1, 1, 2], False, "least step 0"),
        (ordered("falling"), [3, 1, 2], False, "least step -1"),
        (at_most(1), {"a": 0.5, "b": 2.0}, False, "2 (b, the worst of 2)"),
        (at_least(1), {"a": 5.0, "b": 2.0}, True, "2 (b, the worst of 2)"),
        (at_most(1), math.nan, False, "not a number"),
        (at_most(1), {"a": 0.5, "b": math.nan}, False, "not a number (b, the worst of 2)"),
        (at_least(1), math.inf, True, "infinite"),
        (at_most(1), {}, False, "nothing was measured"),
    ],
)
def test_bounds_decide_as_by_hand(bound, measured, holds, found):
    decided = verdict(bound, measured)
    assert decided.holds is holds
    assert decided.found == found
    assert (decided.about, decided.fixed) == (("S5", "S6"), "before")


@pytest.mark.parametrize(("count", "of"), [(0, 10), (3, 40), (400, 400)])
def test_shares_have_exact_intervals(count, of):
    """The ends against the definition: the share at which so many or more (so many or fewer) have half of 1 - LEVEL."""
    from scipy import optimize, stats

    tail = (1 - LEVEL) / 2
    solve: Any = optimize.brentq
    low = 0.0 if count == 0 else solve(lambda p: stats.binom.sf(count - 1, of, p) - tail, 0, 1)
    high = 1.0 if count == of else solve(lambda p: stats.binom.cdf(count, of, p) - tail, 0, 1)
    for least in (max(low - 1e-6, 0.0), low + 1e-6):
        assert verdict(proportion(least=least), (count, of)).holds is (least <= low)
    for most in (high - 1e-6, min(high + 1e-6, 1.0)):
        assert verdict(proportion(most=most), (count, of)).holds is (most >= high)
    assert verdict(proportion(least=0.5), (0, 0)).found.startswith("not a number")


def test_bad_claims_are_refused():
    with pytest.raises(ValueError, match="one of least and most"):
        proportion()
    with pytest.raises(ValueError, match='"before" or "after", not'):
        claim("S1", "x", at_most(1), fixed=cast("Any", "later"))


@pytest.mark.parametrize(
    ("bound", "measured", "said"),
    [
        (at_most(1), Estimate(5.0, 6.0, 0.5), "does not hold its estimate 5"),
        (at_most(1), Estimate(5.0, 0.1, 0.9), "does not hold its estimate 5"),
        (at_most(1), "0.5", "a claim measures a number"),
        (at_most(1), None, "a claim measures a number"),
        (at_most(1), np.ones(2), "a claim measures a number"),
        (at_most(1), {"a": [1.0]}, "a claim measures a number"),
        (proportion(least=0.5), (2.5, 10), "2.5 of 10 are no counts"),
        (proportion(least=0.5), (12, 10), "12 of 10 are no counts"),
        (proportion(least=0.5), (3, -10), "3 of -10 are no counts"),
        (proportion(least=0.5), [1.0, 2.0], "a pair"),
        (proportion(least=0.5), {"a": 0.3}, "a pair"),
        (ordered("rising"), [1.0], "two or more numbers"),
        (ordered("rising"), 1.0, "two or more numbers"),
    ],
)
def test_what_is_no_measurement_is_refused_with_the_claim_s_name(bound, measured, said):
    with pytest.raises(ValueError, match=f'The claim "A sentence".*{said}'):
        verdict(bound, measured)


@pytest.mark.parametrize("estimate", [(0.5, math.nan, 0.9), (math.nan, 0.45, 0.5), (0.5, 0.4, math.nan)])
def test_an_interval_with_a_nan_keeps_no_bound(estimate):
    for bound in (at_most(1), at_least(0), equal(0.5, within=0.1)):
        assert verdict(bound, Estimate(*estimate)).word == "fails"


def test_a_second_claim_of_one_name_is_refused():
    file = {"claim": claim, "at_most": at_most}
    text = "@claim('', {!r}, at_most(1), fixed='before')\ndef a(results): return 2.0\n"
    exec(text.format("first"), file)
    exec(text.format("first"), file)
    with pytest.raises(ValueError, match="Two claims are called a"):
        exec(text.format("second"), file)


def test_bounds_out_of_range_are_refused():
    with pytest.raises(ValueError, match="within must be at least 0"):
        equal(1, within=-1)
    with pytest.raises(ValueError, match="between 0 and 1, not at 2"):
        proportion(least=2)


def test_claims_are_found_in_the_order_of_the_file():
    class Module:
        pass

    held = {name: claim("", name, at_most(1), fixed="after")(lambda results: 0) for name in ("b", "a")}
    module = Module()
    vars(module).update(held)
    assert list(claims_of(module)) == ["b", "a"]


def test_intervals_of_the_family_hold_together():
    assert FAMILY * (1 - LEVEL) == pytest.approx(0.05)
