"""Every card against brute force: plain NumPy on a fine grid of its own, no table, no quintic, no shortcut.

The grid has steps of 0.004 up to |z| = 10 and is logarithmic beyond; a minimum found on it lies above the true one, by
no more than the curve moves within a step.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.elements import LOSSES
from tests.properties.cases import (
    MARKED,
    NEAR,
    OURS,
    OUTPUTS,
    SPREAD,
    Z,
    brute,
    mixed,
    room,
    seed,
    wrong_decisions,
)

card = functools.lru_cache(maxsize=None)(ll.card)


def check_risk(pair):
    """H, the minimiser, psi and the calibrated thresholds."""
    c, rng = card(pair), seed(pair)
    values, slopes, limits = brute(pair)
    etas = np.concatenate([[0.0, 0.5, 1.0], rng.uniform(0, 1, 5)])
    risks = np.concatenate([mixed(values, etas), mixed(limits, etas)], axis=1)
    found, least = c.risk(etas), risks.min(axis=1)
    unbounded = found == -np.inf
    assert np.all(least[unbounded] < -100)
    slack = room(values, slopes, etas)
    held = ~unbounded & np.isfinite(least)
    assert np.all(found[held] <= least[held] + 1e-9 * (1 + np.abs(least[held])))
    assert np.all(found[held] >= least[held] - slack[held])
    where = c.minimiser(etas)
    inside = held & (np.abs(where) < 1e5)
    with jax.enable_x64(True):
        # Beside the minimiser too: where the curve jumps, the infimum is a one-sided limit.
        beside = jnp.asarray(np.concatenate([where, where - 1e-7, where + 1e-7]))
        there = np.stack([np.asarray(pair(beside, t)) for t in (1.0, -1.0)])
    reached = mixed(there, etas).reshape(etas.size, 3, etas.size).min(axis=1).diagonal()
    assert np.all(reached[inside] <= least[inside] + 1e-6 * (1 + np.abs(least[inside])))


def check_psi(pair):
    c, rng = card(pair), seed(pair)
    if not np.all(np.isfinite(c.risk(np.array([0.05, 0.95])))):
        assert "no lower bound" in " ".join(c.verdicts()) or "infinitely costly" in " ".join(c.verdicts())
        return
    thetas = np.linspace(0, 1, 13)[1:]
    threshold = float(rng.uniform(-2, 2))
    if not c.calibrated(threshold) and (
        c.calibrated_thresholds is None or _apart(threshold, c.calibrated_thresholds) > 0.05
    ):
        # Away from the ends some wrong decision is free, for an eta that may be near 1/2.
        fine = np.concatenate([np.logspace(-4, -1, 20), thetas])
        costs, slack = wrong_decisions(pair, fine, threshold)
        assert np.any(costs <= slack)
    if c.best_threshold is not None:
        costs, slack = wrong_decisions(pair, thetas, c.best_threshold)
        assert np.all(costs > -slack)
        hull = np.array([_hull_at(thetas, costs, theta) for theta in thetas])
        got = c.psi(thetas, c.best_threshold)
        assert np.all(np.abs(got - hull) <= slack + 0.02 * hull + 1e-3)
        assert np.all(np.diff(got) >= -1e-9)


def _apart(threshold, interval):
    return max(interval[0] - threshold, threshold - interval[1])


def _hull_at(x, y, point):
    """The largest convex even function below y that is 0 at 0, at a point: the least of all chords over it."""
    a, b = np.concatenate([-x[::-1], [0.0], x]), np.concatenate([y[::-1], [0.0], y])
    left, right = a <= point, a >= point
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (a[right][None] - point) / (a[right][None] - a[left][:, None])
        chords = share * b[left][:, None] + (1 - share) * b[right][None]
    exact = b[a == point]
    return min(np.nanmin(np.where(np.isfinite(chords), chords, np.inf)), *exact)


def check_shape(pair):
    """Convexity, infimum, constants, plateaus, monotony."""
    c, rng = card(pair), seed(pair)
    values, slopes, limits = brute(pair)
    for row, shape in enumerate(c.facts.shapes):
        value, slope = values[row], slopes[row]
        moderate = np.isfinite(value) & (np.abs(value) < 1e6)
        least = min(value.min(), np.nanmin(limits[row]))
        assert shape.infimum <= least + 1e-9
        assert shape.infimum == -np.inf or least - shape.infimum <= room(values, slopes, np.array([0.5]))[0] * 2
        _check_chords(shape, Z[moderate], value[moderate], rng)
        _check_constants(shape, value, slope)
        for low, high in shape.plateaus:
            inside = (Z > low + 1e-6) & (Z < high - 1e-6)
            assert inside.sum() > 3
            assert not np.any(slope[inside])
            assert np.ptp(value[inside]) <= 1e-9 * np.abs(value[inside]).max()
            assert value[inside][0] > shape.infimum
        rises, falls = np.diff(value[moderate]) > 1e-9, np.diff(value[moderate]) < -1e-9
        assert shape.monotone != "decreasing" or not rises.any()
        assert shape.monotone != "increasing" or not falls.any()
        assert shape.monotone != "neither" or (rises.any() and falls.any())
        assert shape.quasi_convex == (
            not (rises.any() and falls.any() and rises.argmax() < len(falls) - falls[::-1].argmax())
        )


def _check_chords(shape, z, value, rng):
    i = np.sort(rng.integers(0, z.size, (2000, 3)), axis=1)
    i = i[(i[:, 0] < i[:, 1]) & (i[:, 1] < i[:, 2])]
    (a, b, d), (va, vb, vd) = z[i].T, value[i].T
    chord = va + (vd - va) * (b - a) / (d - a)
    above = vb - chord
    if shape.convex:
        assert np.all(above <= 1e-7 * (1 + np.abs(va) + np.abs(vd)))
        return
    # The refuting point: beside it a chord lies below the curve.
    point = shape.refutes_convexity
    widths = np.array([0.003, 0.02, 0.2, 1.0, 4.0]) * (1 + 0.01 * abs(point))
    left, middle, right = (np.interp(point + side * widths, z, value) for side in (-1, 0, 1))
    assert np.any(middle > 0.5 * (left + right) + 1e-12) or np.any(above > 1e-9)


def _check_constants(shape, value, slope):
    seen = np.isfinite(value) & (np.abs(np.nan_to_num(slope, posinf=1e300, neginf=1e300)) < 1e100)
    steepest = np.abs(slope[seen]).max(initial=0.0)
    assert steepest <= shape.lipschitz * (1 + 1e-9) + 1e-12
    secants = np.abs(np.diff(slope[NEAR & seen])) / np.diff(Z[NEAR & seen])
    assert secants.max() <= shape.smoothness * (1 + 1e-6) + 1e-6
    if np.isfinite(shape.lipschitz):
        assert steepest >= shape.lipschitz * 0.99 - 1e-9
    if np.isfinite(shape.smoothness):
        # A knot beyond |z| = 10 aside, the largest curvature is seen.
        assert secants.max() >= shape.smoothness * 0.9 - 1e-9


def check_forms(pair):
    """A recognised curve is that formula, evaluated by the losses themselves at random margins."""
    c, rng = card(pair), seed(pair)
    margins = rng.uniform(-5, 5, 200)
    margins = margins[np.min(np.abs(margins[:, None] - np.arange(-5, 6)), axis=1) > 1e-3]
    for known, label in zip(c.facts.known, (1.0, -1.0), strict=True):
        if known is None:
            continue
        with jax.enable_x64(True):
            want = np.asarray(pair(jnp.asarray(label * margins), label))
            inner = jnp.asarray(known.stretch * (margins - known.shift))
            term = np.asarray(LOSSES[known.loss](inner)) if known.loss else np.zeros_like(margins)
        np.testing.assert_allclose(known.offset + known.scale * term, want, rtol=1e-8, atol=1e-9)
    values, _, _ = brute(pair)
    mirrored = values[0][::-1]
    both = np.isfinite(mirrored) & np.isfinite(values[1])
    same = np.allclose(mirrored[both], values[1][both], rtol=1e-8, atol=1e-11)
    assert c.facts.margin == (same and np.array_equal(np.isfinite(mirrored), np.isfinite(values[1])))


def check_ties(pair):
    """Section 8: both halves take the tie, and the product of two chosen slopes is no slope of the composition."""
    outside = [tied for tied in card(pair).ties() if not tied.inside]
    assert bool(outside) == (pair.name in ("leaky_relu+perceptron", "leaky_relu+ramp"))


CHECKS = (check_risk, check_psi, check_shape, check_forms, check_ties)
# A spread that holds every activation and every loss; `make check` takes a third of it.


@pytest.mark.slow
@pytest.mark.parametrize("chosen", MARKED, ids=lambda p: p.name)
def test_a_spread_of_cards_against_brute_force(chosen):
    for check in CHECKS:
        check(chosen)


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("output", OUTPUTS)
def test_all_cards_against_brute_force(output):
    for pair in OURS:
        if pair.activation.name == output and pair not in SPREAD:
            for check in CHECKS:
                try:
                    check(pair)
                except AssertionError as error:
                    raise AssertionError(f"{pair.name}: {check.__name__}") from error
