"""Brute force over a pair's scores, in plain NumPy on a grid of its own, and a spread of pairs to try it on."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.elements import ACTIVATIONS

OURS = [
    p for p in ll.pairs() if all(half.function.__module__.startswith("lossland.") for half in (p.activation, p.loss))
]
STEP = 0.004
_HALF = np.concatenate([np.arange(1, 2501) * STEP - 7e-4, np.logspace(np.log10(10.01), 5.5, 548)])
Z = np.concatenate([-_HALF[::-1], _HALF])
NEAR = np.abs(Z) < 10

SPREAD = [OURS[i] for i in range(0, len(OURS), 19)]
MARKED = [pytest.param(p, marks=pytest.mark.slow if k % 3 else ()) for k, p in enumerate(SPREAD)]
OUTPUTS = [name for name, e in ACTIVATIONS.items() if e.function.__module__.startswith("lossland.")]


@functools.lru_cache(maxsize=4)
def brute(pair):
    """Values and slopes at Z, (2, m) each, and values at -inf and +inf, (2, 2)."""
    with jax.enable_x64(True):
        # The ends are two more scores: another size would be compiled again.
        z = jnp.concatenate([Z, jnp.array([-jnp.inf, jnp.inf])])
        values, slopes = (np.stack([np.asarray(f(z, t)) for t in (1.0, -1.0)]) for f in (pair, pair.slope))
    return values[:, :-2], slopes[:, :-2], values[:, -2:]


def seed(pair):
    return np.random.default_rng(sum(map(ord, pair.name)))


def mixed(rows, etas):
    """The conditional risks (k, m); a class without weight does not count, even where its loss is infinite."""
    with np.errstate(invalid="ignore", over="ignore"):
        parts = [np.where(w[:, None] == 0, 0.0, w[:, None] * row) for w, row in ((etas, rows[0]), (1 - etas, rows[1]))]
        return np.nan_to_num(parts[0] + parts[1], nan=np.inf, posinf=np.inf, neginf=-np.inf)


def room(values, slopes, etas):
    """How far a minimum on the grid may lie above the true one: what the curves move within a step, near 0."""
    bounded = np.where(np.isfinite(slopes) & NEAR, np.abs(slopes), 0.0)
    steepest = np.minimum(bounded.max(axis=1), 1e3)
    return STEP * (etas * steepest[0] + (1 - etas) * steepest[1]) + 1e-9


def wrong_decisions(pair, thetas, threshold):
    """The least excess risk of a wrong decision by z > threshold, by definition; (k,)."""
    values, slopes, limits = brute(pair)
    with jax.enable_x64(True):
        beside = jnp.array([threshold - 1e-9, threshold + 1e-9])
        here = np.stack([np.asarray(pair(beside, t)) for t in (1.0, -1.0)])
    costs, slack = [], []
    for sign, side in ((1, Z <= threshold), (-1, Z >= threshold)):
        etas = (1 + sign * thetas) / 2
        risks, ends = mixed(values, etas), mixed(limits, etas)
        wrong = np.minimum(risks[:, side].min(axis=1), mixed(here, etas)[:, 0 if sign > 0 else 1])
        wrong = np.minimum(wrong, ends[:, 0 if sign > 0 else 1])
        with np.errstate(invalid="ignore"):
            costs.append(wrong - np.minimum(risks.min(axis=1), ends.min(axis=1)))
        slack.append(room(values, slopes, etas))
    return np.minimum(*costs), np.maximum(*slack)
