"""The walk along the hinge's path against every choice of sets in rationals, and another's interior point at many C."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

import lossland as ll
from lossland.solvers import _hinge_walk as walks
from tests.solvers.cases import by_clarabel

C_MIN, C_MAX = 1e-3, 1e3
KINDS = ("plain", "small integers", "alternating integers", "bits", "repeated", "repeated integers", "offset", "spread",
         "rounded", "one against many")  # fmt: skip


def drawn(seed, most=40):
    """A problem with ties, repetitions (also with both labels), offsets, unequal sizes and classes; some with weights.

    Returns:
        The data and the weights, None or (n,).
    """
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    n, d = int(rng.integers(2, most)), int(rng.integers(1, 6))
    inputs = rng.normal(size=(n, d))
    if "integers" in kind:
        inputs = rng.integers(-2, 3, (n, d)).astype(float)
    if kind == "bits":
        inputs = rng.integers(0, 2, (n, d)).astype(float)
    if kind.startswith("repeated"):
        inputs = inputs[rng.integers(0, n, n)]
    if kind == "offset":
        inputs += 1000.0
    if kind == "spread":
        inputs *= 10.0 ** rng.uniform(-2, 2, d)
    if kind == "rounded":
        inputs = np.round(inputs, 1)
    labels = np.where(rng.random(n) < rng.choice([0.5, 0.1, 0.9]), 1, -1)
    if kind == "alternating integers":
        labels = np.where(np.arange(n) % 2 == 0, 1, -1)
    if kind == "one against many":
        labels = np.where(np.arange(n) == rng.integers(n), 1, -1)
    if abs(labels.sum()) == n:
        labels[0] = -labels[0]
    weights = None
    if seed % 3 == 1:
        weights = rng.choice([0.0, 0.5, 1.0, 2.0], n)
        weights[[np.argmax(labels), np.argmin(labels)]] = 1.0
    return ll.Dataset(inputs=inputs, labels=labels), weights


def off_optimal(data, weights, C, duals, b):
    """By how much the conditions of the optimum are missed, as a share of the sizes in them."""
    t, limit = data.labels, C * weights
    middle = data.inputs.mean(axis=0)
    inputs = data.inputs - middle
    w = (duals * t) @ inputs
    b = b + w @ middle
    margins, size = t * (inputs @ w + b), 1.0 + np.abs(inputs) @ np.abs(w) + abs(b)
    rounded = 1e-9 * limit
    return max(
        np.max(-duals / C),
        np.max((duals - limit) / C),
        abs(duals @ t) / (duals.sum() + C * 1e-9),
        np.max(np.where(duals < limit - rounded, 1.0 - margins, 0.0) / size),
        np.max(np.where(duals > rounded, margins - 1.0, 0.0) / size),
    )


def check(seed):
    data, given = drawn(seed)
    weights = np.ones(data.n) if given is None else given
    exact = ll.hinge_path(data, C_MIN, C_MAX, sample_weights=given)
    assert exact.message == ""
    assert (exact.Cs[0], exact.Cs[-1]) == (C_MIN, C_MAX)
    assert np.all(np.diff(exact.Cs) > 0)
    for C in np.concatenate([exact.Cs, 0.5 * (exact.Cs[1:] + exact.Cs[:-1])]):
        duals, bias = ll.solvers.path_at(exact, C)
        assert off_optimal(data, weights, C, duals, bias) < 1e-8
    centred = data.inputs - data.inputs.mean(axis=0)
    kernel, used = centred @ centred.T, np.flatnonzero(weights)
    for C in np.geomspace(C_MIN, C_MAX, 5):
        duals, _ = ll.solvers.path_at(exact, C)
        beta, t = duals * data.labels, data.labels.astype(float)
        ends = np.stack([np.zeros(data.n), C * weights * t])[:, used]
        want = by_clarabel(kernel[np.ix_(used, used)], t[used], ends.min(0), ends.max(0))
        got = 0.5 * beta @ kernel @ beta - duals.sum()
        assert got <= want + 1e-6 * abs(want)


@pytest.mark.parametrize("seed", range(20))
def test_optimal_on_ties_repetitions_and_unequal_classes(seed):
    check(seed)


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("block", range(10))
def test_optimal_on_many_more(block):
    for seed in range(100 + 60 * block, 160 + 60 * block):
        check(seed)


# ------------------------------------------------------------------------------------------------- every choice of sets


def solved(matrix, right):
    """A system of fractions by elimination; None if it is singular."""
    n = len(matrix)
    rows = [[*row, *extra] for row, extra in zip(matrix, right, strict=True)]
    for k in range(n):
        pivot = next((i for i in range(k, n) if rows[i][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [v / rows[k][k] for v in rows[k]]
        for i in set(range(n)) - {k}:
            rows[i] = [v - rows[i][k] * u for v, u in zip(rows[i], rows[k], strict=True)]
    return [row[n:] for row in rows]


def dot(a, b):
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def span(lines):
    """Where all lines (held, rate) of C are at least 0, between C = 0 and infinity; None if nowhere."""
    low, high = Fraction(0), None
    for held, rate in lines:
        if rate == 0:
            if held < 0:
                return None
        elif rate > 0:
            low = max(low, -held / rate)
        else:
            high = -held / rate if high is None else min(high, -held / rate)
    return None if high is not None and high < low else (low, high)


def pieces(inputs, labels):
    """(from C, to C, the line of w) for every choice of sets that is optimal somewhere: the slow way, in fractions."""
    n, d = len(labels), len(inputs[0])
    gram = [[dot(x, y) for y in inputs] for x in inputs]
    found = []
    for sets in itertools.product((0, 1, 2), repeat=n):
        free, full = [i for i in range(n) if sets[i] == 1], [i for i in range(n) if sets[i] == 2]
        beta = [[Fraction(0), Fraction(labels[i]) if i in full else Fraction(0)] for i in range(n)]
        if free:
            system = [[gram[i][j] for j in free] + [Fraction(1)] for i in free]
            system.append([Fraction(1)] * len(free) + [Fraction(0)])
            right = [[Fraction(labels[i]), -sum((gram[i][j] * labels[j] for j in full), Fraction(0))] for i in free]
            answer = solved(system, [*right, [Fraction(0), Fraction(-sum(labels[j] for j in full))]])
            if answer is None:
                continue
            for i, line in zip(free, answer, strict=False):
                beta[i] = line
        elif sum(labels[j] for j in full):
            continue
        fitted = [[dot(gram[i], [line[part] for line in beta]) for part in (0, 1)] for i in range(n)]
        need = [line for i in free for line in _inside(labels[i], beta[i])]
        room = [[Fraction(labels[i]) - fitted[i][0], -fitted[i][1]] for i in range(n)]
        above = [i for i in range(n) if (sets[i], labels[i]) in ((0, 1), (2, -1))]
        below = [i for i in range(n) if (sets[i], labels[i]) in ((2, 1), (0, -1))]
        if free:
            b = answer[-1]
            need += [[b[0] - room[i][0], b[1] - room[i][1]] for i in above]
            need += [[room[i][0] - b[0], room[i][1] - b[1]] for i in below]
        else:
            need += [[room[i][k] - room[j][k] for k in (0, 1)] for i in below for j in above]
        where = span(need)
        if where is not None and where[0] != where[1]:
            w = tuple(tuple(dot([line[part] for line in beta], [x[c] for x in inputs]) for c in range(d))
                      for part in (0, 1))  # fmt: skip
            found.append((*where, w))
    return found


def _inside(label, line):
    alpha = [label * line[0], label * line[1]]
    return [alpha, [-alpha[0], 1 - alpha[1]]]


@pytest.mark.parametrize("seed", range(12))
def test_breakpoints_are_those_of_the_rationals(seed):
    rng = np.random.default_rng(seed)
    n, d = 4 + seed % 2, 1 + seed % 2
    inputs = rng.integers(-2, 3, (n, d))
    labels = np.where(np.arange(n) < 1 + seed % 3, 1, -1)
    every = pieces([[Fraction(int(v)) for v in row] for row in inputs], [int(t) for t in labels])
    exact = ll.hinge_path(ll.Dataset(inputs=inputs.astype(float), labels=labels), 2.0**-10, 2.0**10)
    ends = {end for low, high, _ in every for end in (low, high) if end is not None}
    inside = sorted(end for end in ends if 2.0**-10 < end < 2.0**10)
    # Where w has another slope on the right than on the left.
    bends = []
    for end in inside:
        left = {w for low, high, w in every if low < end and (high is None or high >= end)}
        right = {w for low, high, w in every if low <= end and (high is None or high > end)}
        assert len({tuple(a + end * b for a, b in zip(*w, strict=True)) for w in left | right}) == 1
        if left != right:
            bends.append(float(end))
    for bend in bends:
        assert np.min(np.abs(exact.Cs - bend)) <= 4e-15 * bend
    for C, w in zip(exact.Cs, exact.weights, strict=True):
        line = next(w for low, high, w in every if low <= C * (1 + 1e-12) and (high is None or high >= C * (1 - 1e-12)))
        want = [float(a) + C * float(b) for a, b in zip(*line, strict=True)]
        np.testing.assert_allclose(w, want, atol=1e-13)


# ------------------------------------------------------------------------------------------------------------- the rest


def test_rationals_and_floats_agree():
    data, _ = drawn(0)
    middle = data.inputs.mean(axis=0)
    kernel = (data.inputs - middle) @ (data.inputs - middle).T
    problem = walks.HingeProblem(kernel, data.labels, np.ones(data.n), data.inputs, middle)
    pools = walks.pooled(data.inputs, data.labels, np.ones(data.n))
    floats, rationals = (walks.traced(problem, pools, C_MIN, C_MAX, exact=exact) for exact in (False, True))
    assert floats.message == rationals.message == ""
    np.testing.assert_allclose(rationals.Cs, floats.Cs, rtol=1e-9)
    np.testing.assert_allclose(rationals.weights, floats.weights, atol=1e-9)


def test_one_against_nineteen():
    rng = np.random.default_rng(5)
    data = ll.Dataset(inputs=rng.normal(size=(20, 2)), labels=[1] + [-1] * 19)
    exact = ll.hinge_path(data, 1e-6, 1e4)
    assert exact.message == ""
    assert exact.gap.max() < 1e-9


def test_equal_examples_share_by_weight():
    inputs, labels = np.array([[0.0], [1.0], [1.0], [-1.0], [0.0]]), np.array([1, 1, 1, -1, -1])
    weights = np.array([1.0, 0.5, 1.5, 2.0, 0.0])
    exact = ll.hinge_path(ll.Dataset(inputs=inputs, labels=labels), 0.01, 10.0, sample_weights=weights)
    np.testing.assert_allclose(3 * exact.duals[:, 1], exact.duals[:, 2], rtol=1e-12)
    assert not exact.duals[:, 4].any()


def test_a_path_that_rounding_ends_says_where_and_keeps_what_it_has():
    """Two positives so close that a kernel of floats cannot tell them apart, where no rationals stand behind it."""
    inputs = np.array([[0.0], [1e-9], [1.0], [2.0], [0.3]])
    data = ll.Dataset(inputs=inputs, labels=[1, -1, -1, 1, 1])
    exact = ll.hinge_path(data, 1e-2, 1e25, kernel="rbf", gamma=1.0)
    assert exact.Cs[-1] < 1e25
    assert f"beyond C = {exact.Cs[-1]:.6g}" in exact.message or f"at C = {exact.Cs[-1]:.6g}" in exact.message
    assert exact.gap.max() < 1e-6
    assert len(exact.support) == len(exact.Cs) - 1
    with pytest.raises(ValueError, match="The path ends before"):
        ll.solvers.path_at(exact, 1e24)
