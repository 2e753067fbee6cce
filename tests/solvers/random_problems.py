"""Random problems for the exact solvers, and the exact gap of a solution in rational arithmetic."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from flint import fmpq, fmpq_mat

import lossland as ll
from lossland.elements import LOSSES as REGISTERED
from lossland.elements import find
from lossland.solvers import convex_form


def _own_lines(margin):
    return jnp.maximum(jnp.maximum(2.0 * (0.5 - margin), 0.0), 0.25 * (margin - 2.0))


def _insensitive(margin):
    return jnp.maximum(jnp.abs(1.0 - margin) - 0.25, 0.0)


def _pinball(margin):
    return jnp.maximum(0.25 * (1.0 - margin), 0.75 * (margin - 1.0))


def _two_hinges(margin):
    return jnp.maximum(1.0 - margin, 0.0) + 0.5 * jnp.maximum(-margin, 0.0)


def _half_parabola(margin):
    return jnp.where(margin < 1.0, 0.5 * (1.0 - margin) ** 2, 0.25 * jnp.maximum(margin - 3.0, 0.0))


def _round_absolute(margin):
    return jnp.sqrt(1.0 + (1.0 - margin) ** 2)


def _entry(function):
    """The loss as an entry, without leaving it in the registry, where every other test would find it."""
    entry = find(REGISTERED, ll.margin_loss(function))
    REGISTERED.pop(entry.name)
    return entry


LOSSES = {
    "hinge": "hinge",
    "squared_hinge": "squared_hinge",
    "smooth_hinge": "smooth_hinge",
    "smooth_hinge(0.125)": "smooth_hinge(gamma=0.125)",
    "modified_huber": "modified_huber",
    "huberised": "huberised_squared_hinge",
    "huber": "huber(delta=0.5)",
    "sparsemax": "sparsemax",
    "perceptron": "perceptron",
    "squared": "squared",
    "absolute": "absolute",
    "hinge +3": ll.weighted("hinge", positive=3.0),
    "squared_hinge +2": ll.weighted("squared_hinge", positive=2.0),
    "own lines": _entry(_own_lines),
    "insensitive": _entry(_insensitive),
    "pinball": _entry(_pinball),
    "two hinges": _entry(_two_hinges),
    "half parabola": _entry(_half_parabola),
    "logistic": "logistic",
    "exponential": "exponential",
    "dwd": "dwd",
    "linex": "linex",
    "logistic +2": ll.weighted("logistic", positive=2.0),
    "round absolute": _entry(_round_absolute),
}
STRUCTURES = (
    "overlapping", "separable", "wide", "copies", "copies of both labels", "grid", "offset", "scaled",
    "columns of unlike sizes", "dependent columns", "unlike weights", "one positive", "outliers", "few",
)  # fmt: skip


class Problem(NamedTuple):
    """What `solve` is asked, with the names of its loss and of the structure of its data."""

    name: str
    structure: str
    data: ll.Dataset
    C: float
    sample_weights: np.ndarray
    bias: bool


def random_problem(seed: int) -> Problem:
    """The problem of a seed: its loss and structure go round, the rest is drawn."""
    rng = np.random.default_rng([seed, 20])
    name = list(LOSSES)[seed % len(LOSSES)]
    structure = STRUCTURES[(seed // len(LOSSES)) % len(STRUCTURES)]
    n, d = int(rng.choice([4, 8, 20, 60, 200])), int(rng.choice([1, 2, 5, 20, 60]))
    if structure == "wide":
        n, d = int(rng.choice([4, 8, 20, 40])), 60
    if structure == "few":
        n, d = 2, int(rng.choice([1, 2, 5]))
    x, bias = rng.normal(size=(n, d)), bool(rng.random() < 0.7)
    t = np.where(rng.random(n) < 0.5, 1, -1)
    s = np.ones(n)
    if structure == "separable":
        t = np.where(x @ rng.normal(size=d) + 0.1 * rng.normal() > 0, 1, -1)
    elif structure == "overlapping":
        t = np.where(x[:, 0] + rng.normal(size=n) > 0, 1, -1)
    elif structure in ("copies", "copies of both labels"):
        of = rng.integers(0, max(n // 3, 2), n)
        x, t = x[of], t[of] if structure == "copies" else t
    elif structure == "grid":
        x = rng.integers(-2, 3, size=(n, d)).astype(float)
    elif structure == "offset":
        x = x + 10.0 ** rng.uniform(0, 8) * rng.choice([-1, 1], d)
    elif structure == "scaled":
        x = x * 10.0 ** rng.uniform(-8, 8)
    elif structure == "columns of unlike sizes":
        x = x * 10.0 ** rng.uniform(-4, 4, d)
    elif structure == "dependent columns":
        x = x[:, : max(d // 2, 1)] @ rng.normal(size=(max(d // 2, 1), d)) + rng.integers(0, 2) * 3.0
    elif structure == "unlike weights":
        s = 10.0 ** rng.uniform(-6, 6, n)
    elif structure == "one positive":
        t = np.where(np.arange(n) == rng.integers(n), 1, -1)
    elif structure == "outliers":
        x = x * np.where(rng.random(n) < 0.2, 1e3, 1.0)[:, None]
    t[:2] = (1, -1) if structure != "one positive" or abs(t.sum()) == n else t[:2]
    C = 10.0 ** rng.uniform(-10, 10)
    # C * weight stays within 1e10.
    C = min(C, 1e10 / s.max())
    # Copies without weight and columns of zeros give all problems a few shapes, which compile once.
    rows, columns = np.arange(min(k for k in (20, 60, 200) if k >= n)), min(k for k in (5, 60) if k >= d)
    s = np.where(rows < n, s[rows % n], 0.0)
    x = np.pad(x, ((0, 0), (0, columns - d)))
    return Problem(name, structure, ll.Dataset(inputs=x[rows % n], labels=t[rows % n]), C, s, bias)


def solved(problem: Problem):
    """The solution that `solve` gives."""
    return ll.solve(LOSSES[problem.name], problem.data, C=problem.C, sample_weights=problem.sample_weights,
                    bias=problem.bias)  # fmt: skip


# ---------------------------------------------------------------------------------------------------- exact arithmetic


def _exact(value: float) -> fmpq:
    return fmpq(*float(value).as_integer_ratio())


def _column(values) -> fmpq_mat:
    return fmpq_mat([[_exact(v)] for v in values])


def exact_gap(problem: Problem, sol) -> tuple[fmpq, fmpq, fmpq]:
    """The objective at the returned weights, the dual value at the returned duals, and the size, as rationals.

    For losses made of parabolas and lines. Duals that balance but for their last digits are balanced exactly first, on
    the coordinate that this costs least; `inf` rooms count as such.
    """
    terms = convex_form(LOSSES[problem.name]).terms
    x, t, c = problem.data.inputs, problem.data.labels, problem.C * problem.sample_weights
    rows = fmpq_mat([[_exact(v) for v in row] for row in x])
    w, alpha = _column(sol.weights), [_exact(v) for v in np.asarray(sol.duals)]
    scores = (rows * w).entries()
    half = sum((v * v for v in w.entries()), fmpq(0)) / 2
    losses, b = [], _exact(sol.bias)
    for i, z in enumerate(scores):
        margin = int(t[i]) * (z + b)
        losses.append(_exact(c[i]) * _loss(terms, 0 if t[i] > 0 else 1, margin))
    primal, size = half + sum(losses, fmpq(0)), half + sum((abs(v) for v in losses), fmpq(0))
    off = sum((int(t[i]) * a for i, a in enumerate(alpha)), fmpq(0))
    if not problem.bias or off == 0:
        return primal, _dual(terms, rows, t, c, alpha), size
    best = None
    heavy = [i for i in np.argsort(-np.abs(np.asarray(sol.duals)), kind="stable") if int(t[i]) * off > 0][:12]
    light = [
        i for i in np.argsort(np.asarray(sol.duals) / np.where(c > 0, c, 1.0), kind="stable") if int(t[i]) * off < 0
    ]
    for i in [*heavy, *light[:12]]:
        moved = list(alpha)
        moved[i] -= int(t[i]) * off
        value = _dual(terms, rows, t, c, moved)
        best = value if best is None or (value is not None and value > best) else best
    return primal, best, size


def _loss(terms, row: int, margin: fmpq) -> fmpq:
    total = _exact(terms.constant[row])
    for knot, low, high, soft in zip(*(np.asarray(part)[row] for part in terms[:4]), strict=True):
        gap = _exact(knot) - margin
        if soft > 0:
            best = gap / _exact(soft)
            best = max(best, _exact(low)) if np.isfinite(low) else best
            best = min(best, _exact(high)) if np.isfinite(high) else best
        elif gap == 0:
            continue
        else:
            best = _exact(high) if gap > 0 else _exact(low)
        total += best * gap - _exact(soft) * best * best / 2
    return total


def _dual(terms, rows: fmpq_mat, t, c, alpha) -> fmpq | None:
    """The exact dual value; None where a dual lies outside its box."""
    pull = fmpq_mat([[int(t[i]) * a for i, a in enumerate(alpha)]]) * rows
    total = -sum((v * v for v in pull.entries()), fmpq(0)) / 2
    for i, a in enumerate(alpha):
        if c[i] == 0:
            continue
        gain = _gain(terms, 0 if t[i] > 0 else 1, a / _exact(c[i]))
        if gain is None:
            return None
        total += _exact(c[i]) * gain
    return total


def _gain(terms, row: int, v: fmpq) -> fmpq | None:
    """The largest sum of v_j (knot_j - soft_j v_j / 2) over v in the boxes with sum v, plus the constant."""
    parts = sorted(zip(*(np.asarray(part)[row] for part in terms[:4]), strict=True), key=lambda part: -part[0])
    # The marginal value of each term falls from knot - soft low to knot - soft high: fill the highest first.
    lows = [p[1] for p in parts]
    if any(np.isinf(low) for low in lows):
        if len(parts) == 1 or all(p[1] == p[2] == 0 for p in parts[1:]):
            knot, _, high, soft = parts[0]
            if np.isfinite(high) and v > _exact(high):
                return None
            return _exact(terms.constant[row]) + v * (_exact(knot) - _exact(soft) * v / 2)
        raise NotImplementedError
    left = v - sum((_exact(low) for low in lows), fmpq(0))
    if left < 0:
        return None
    at = [_exact(low) for low in lows]
    # Kinks and parabolas that do not overlap: each knot's stretch is passed in turn.
    for j, (_, low, high, _) in enumerate(parts):
        room = left if np.isinf(high) else min(left, _exact(high) - _exact(low))
        at[j] += room
        left -= room
    if left > 0:
        return None
    gain = _exact(terms.constant[row])
    for value, (knot, _, _, soft) in zip(at, parts, strict=True):
        gain += value * (_exact(knot) - _exact(soft) * value / 2)
    return gain
