"""The float64 certificate: its values against rational sums, its doubt never smaller than what was lost."""

from fractions import Fraction

import numpy as np
import pytest

from lossland.solvers import convex_form
from lossland.solvers._rounding import Evaluated, certificate, frame_of, within


def exactly(x, t, c, w, b, duals):
    """The hinge's primal and dual values, the imbalance taken by the example whose bound is best, as rationals."""
    F = Fraction
    margins = [
        F(int(s)) * (sum(F(float(a)) * F(float(v)) for a, v in zip(row, w, strict=True)) + F(b))
        for row, s in zip(x, t, strict=True)
    ]
    primal = sum(F(float(v)) ** 2 for v in w) / 2 + sum(
        F(float(k)) * max(1 - m, 0) for k, m in zip(c, margins, strict=True)
    )
    alpha = [F(float(a)) for a in duals]
    off = sum(F(int(s)) * a for s, a in zip(t, alpha, strict=True))

    def dual(a):
        pull = [
            sum(F(int(s)) * v * F(float(row[j])) for v, s, row in zip(a, t, x, strict=True)) for j in range(x.shape[1])
        ]
        return sum(a) - sum(p * p for p in pull) / 2

    best = None
    for i in range(len(t)):
        moved = list(alpha)
        moved[i] -= F(int(t[i])) * off
        if 0 <= moved[i] <= F(float(c[i])):
            best = dual(moved) if best is None else max(best, dual(moved))
    return primal, best


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("close", [0.0, 1e-30])
def test_the_doubt_covers_what_rounding_hides(size, offset, close):
    """At points of no merit, so that both values are ordinary numbers whose rounding shows."""
    rng = np.random.default_rng(1)
    n, d = 70, 3
    x, t = size * (rng.normal(size=(n, d)) + offset), np.where(np.arange(n) % 2, 1.0, -1.0)
    c = 10.0 ** rng.uniform(-3, 8, n)
    w, b = rng.normal(size=d) / size, float(rng.normal())
    duals = np.minimum(c, 1.0) * rng.uniform(size=n)
    duals *= np.where(t > 0, 1.0, duals[t > 0].sum() / duals[t < 0].sum())
    c = np.maximum(c, 1.1 * duals)
    losses = c * np.maximum(1.0 - t * (x @ w + b), 0.0)
    terms = convex_form("hinge").terms
    at = Evaluated(w[None], np.array([b]), (x @ w + b)[None], losses[None], duals[None], duals[None])
    shift = x.mean(axis=0) if offset else None
    # At 0 nothing is near enough to be looked at more closely, at inf everything.
    found = certificate(terms, frame_of(x, shift, True), t[None], c[None], at, close)
    primal, dual = exactly(x, t, c, w, b, duals)
    hidden = float(primal - dual) - (found.objective - found.dual_objective)[0]
    assert hidden <= found.doubt[0]
    # And it is a matter of last digits, not an excuse.
    reach = np.abs(x) @ np.abs(w) + abs(b)
    drawn = np.abs((t * duals) @ (x if shift is None else x - shift))
    bound = found.size[0] + float(c @ reach) + float(duals @ (reach + np.abs(x) @ drawn)) * (1 + abs(b))
    assert found.doubt[0] <= 1e-11 * bound


def test_no_dual_lies_beyond_its_end():
    terms = convex_form("modified_huber").terms._replace(high=np.array([[3.0], [0.3]]))
    c = np.random.default_rng(0).uniform(size=(1, 400))
    t = np.where(np.arange(400) % 2, 1.0, -1.0)[None]
    top = c * np.where(t > 0, 3.0, 0.3)
    held = within(terms, t, c, top)[0]
    for value, own, sign in zip(held, c[0], t[0], strict=True):
        end = Fraction(float(own)) * Fraction(3.0 if sign > 0 else 0.3)
        assert Fraction(float(value)) <= end
        assert value >= float(end) * (1 - 1e-15)
