"""How much of the registered pairs the default budget decides, and that what it calls proven is what they do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.proofs import MEASURED, PROVEN, REFUTED, evidence

CLAIMS = ("convex", "quasi_convex", "monotone", "infimum", "lipschitz", "kinks")
NAMES = [pair.name for pair in ll.pairs()]
SPREAD = NAMES[::19]
SCORES = np.unique(np.concatenate([np.linspace(-12, 12, 4001), *(s * np.geomspace(1e-9, 1e4, 300) for s in (-1, 1))]))


def decided(names):
    """The share of the claims on both class curves that are proven or refuted."""
    found = [
        getattr(curve, claim).status != MEASURED
        for name in names
        for curve in evidence(ll.pair(name)).curves
        for claim in CLAIMS
    ]
    assert len(found) == 2 * len(CLAIMS) * len(names)
    return np.mean(found)


def test_most_claims_are_decided():
    assert decided(SPREAD) >= 0.93


@pytest.mark.exhaustive
def test_at_least_95_of_100_claims_are_decided():
    assert decided(NAMES) >= 0.95


@pytest.mark.parametrize(
    "name", [*SPREAD, *(pytest.param(n, marks=pytest.mark.exhaustive) for n in NAMES if n not in SPREAD)]
)
def test_no_claim_on_a_pair_has_a_counterexample(name):
    drawn = ll.pair(name)
    with jax.enable_x64(True):
        for label, claims in zip((1.0, -1.0), evidence(drawn).curves, strict=True):
            line = np.full(SCORES.shape, label)
            values, slopes = (np.asarray(f(jnp.asarray(SCORES), line)) for f in (drawn, drawn.slope))
            attack(claims, values, slopes)
            # An output that floats lose to 0 is counted an error by them alone.
            if drawn.loss.name != "zero_one":
                attack_plateaus(claims.plateaus, values)


def attack(claims, values, slopes):
    """Hold claims against a curve's values and slopes at `SCORES`; what floats round is let pass."""
    seen = (np.abs(values) < 1e300) & (np.abs(slopes) < 1e300)
    z, v, s = SCORES[seen], values[seen], slopes[seen]
    rounding = 1e-9 * (1e-3 + np.abs(v))
    low = claims.infimum.enclosure[0]
    assert np.isnan(low) or np.all(v >= low - rounding)
    if claims.lipschitz.status == PROVEN:
        assert np.all(np.abs(s) <= claims.lipschitz.enclosure[1] * (1 + 1e-9))
    if claims.convex.status == PROVEN:
        near = np.abs(z) < 12
        assert np.all(np.diff(s[near]) >= -1e-9 * (1 + np.abs(s[near][1:])))
    if claims.convex.status == REFUTED:
        a, m, b = claims.convex.witness
        assert a < m < b
    sign = {"decreasing": -1.0, "increasing": 1.0}.get(claims.monotone.value)
    if claims.monotone.status == PROVEN and sign is not None:
        assert np.all(sign * np.diff(v) >= -(rounding[1:] + rounding[:-1]))
    if claims.quasi_convex.status == PROVEN:
        before, after = np.minimum.accumulate(v), np.minimum.accumulate(v[::-1])[::-1]
        assert np.all(v <= np.maximum(before, after) + rounding)


def attack_plateaus(claim, values):
    for (start, stop), level in claim.value if claim.status == PROVEN else ():
        flat = (SCORES > start + 1e-9) & (SCORES < stop - 1e-9)
        np.testing.assert_allclose(values[flat], level, rtol=1e-9, atol=1e-12)
