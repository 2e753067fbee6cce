"""`solve` against clarabel, arbitrary precision and independent NumPy; its certificates, refusals and edges."""

import os
import subprocess
import sys

import clarabel
import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import load_iris

import lossland as ll
from lossland.solvers import _normal_equations as normal
from lossland.solvers._convex_form import convex_form

# Each loss as a convex programme of its own: phi(m) is the least q u^2 / 2 + l v + r w + ... with u + v - w = knot - m,
# where u >= 0 unless "free", v >= 0, w >= 0; a missing part is 0.
QUADRATIC = {
    "hinge": {"knot": 1.0, "v": 1.0, "w": 0.0},
    "perceptron": {"knot": 0.0, "v": 1.0, "w": 0.0},
    "absolute": {"knot": 1.0, "v": 1.0, "w": 1.0},
    "squared_hinge": {"knot": 1.0, "u": 2.0, "w": 0.0},
    "squared": {"knot": 1.0, "u": 2.0, "free": True},
    "smooth_hinge": {"knot": 1.0, "u": 1.0, "v": 1.0, "w": 0.0},
    "smooth_hinge(gamma=0.1)": {"knot": 1.0, "u": 10.0, "v": 1.0, "w": 0.0},
    "sparsemax": {"knot": 1.0, "u": 0.5, "v": 1.0, "w": 0.0},
    "modified_huber": {"knot": 1.0, "u": 2.0, "v": 4.0, "w": 0.0},
    "huberised_squared_hinge(knot=0.5)": {"knot": 1.0, "u": 2.0, "v": 1.0, "w": 0.0},
    "huber(delta=0.5)": {"knot": 1.0, "u": 1.0, "free": True, "v": 0.5, "w": 0.5},
}
CONIC = ("logistic", "exponential", "linex", "safe_logistic", "dwd")


def problems(seed, n=40, d=4, count=18):
    """Inputs with overlapping classes, and `count` pairs of C and weights, some weights 0."""
    rng = np.random.default_rng(seed)
    t = np.where(rng.random(n) < 0.5, 1.0, -1.0)
    t[:2] = 1.0, -1.0
    x = rng.normal(size=(n, d)) * rng.uniform(0.3, 3.0, d) + 0.8 * t[:, None] * rng.normal(size=d) + rng.normal(size=d)
    c = 10.0 ** rng.uniform(-3, 3, count)
    s = rng.choice([0.0, 0.5, 1.0, 2.0], size=(count, n))
    s[:, :2] = 1.0
    return ll.Dataset(inputs=x, labels=t), c, s


def few(points, labels):
    """A few points among examples without weight: in the shape of the other problems, so nothing is compiled anew."""
    points = np.asarray(points, float)
    inputs, signs = np.zeros((40, 4)), np.ones(40)
    inputs[: len(points), : points.shape[1]], signs[: len(points)] = points, labels
    return ll.Dataset(inputs=inputs, labels=signs), (np.arange(40) < len(points)) * 1.0


def reference(loss, x, t, c, bias=True):
    """The least objective by clarabel, primal and dual: variables w, b, then the parts of every example's programme."""
    keep = c > 0
    x, t, c = x[keep], t[keep], c[keep]
    build = _quadratic if loss in QUADRATIC else _conic
    costs, squares, rows, cones = build(loss, x, t, c, bias)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
    a, b = sparse.csc_matrix(rows[0]), rows[1]
    solved = clarabel.DefaultSolver(sparse.csc_matrix(np.diag(squares)), costs, a, b, cones, settings).solve()
    return solved.obj_val, solved.obj_val_dual


def assert_agrees(sol, name, data, c, s, bias=True):
    """Ours lies between clarabel's primal and dual values, which most often leave little room."""
    found = np.array([reference(name, data.inputs, data.labels, ck * sk, bias) for ck, sk in zip(c, s, strict=True)])
    size = np.maximum(np.abs(found).max(axis=1), 0.1 * c)
    primal, dual = found.T
    assert np.all(sol.objective <= primal + 1e-9 * size)
    assert np.all(sol.objective >= dual - 1e-9 * size)
    assert np.mean(primal - dual <= 1e-8 * size) > 0.6


def _quadratic(loss, x, t, c, bias):
    spec, (n, d) = QUADRATIC[loss], x.shape
    size = d + 1 + 3 * n
    u, v, w = (slice(d + 1 + k * n, d + 1 + (k + 1) * n) for k in range(3))
    costs, squares = np.zeros(size), np.zeros(size)
    squares[:d] = 1.0
    squares[u] = c * spec.get("u", 0.0)
    costs[v], costs[w] = c * spec.get("v", 0.0), c * spec.get("w", 0.0)
    equal = np.zeros((n, size))
    equal[:, :d], equal[:, d] = t[:, None] * x, t
    equal[:, u], equal[:, v], equal[:, w] = np.eye(n), np.eye(n), -np.eye(n)
    unit = np.eye(size)
    none = [k for part, key in ((u, "u"), (v, "v"), (w, "w")) if key not in spec for k in range(size)[part]]
    none += [] if bias else [d]
    signed = [k for part, key in ((u, "u"), (v, "v"), (w, "w")) if key in spec for k in range(size)[part]]
    if spec.get("free"):
        signed = [k for k in signed if k not in range(size)[u]]
    matrix = np.concatenate([equal, unit[none], -unit[signed]])
    right = np.concatenate([np.full(n, spec["knot"]), np.zeros(len(none) + len(signed))])
    return costs, squares, (matrix, right), [clarabel.ZeroConeT(n + len(none)), clarabel.NonnegativeConeT(len(signed))]


def _conic(loss, x, t, c, bias):
    """Epigraphs xi >= phi(m), one or two cones an example, rows s = b - A z in the cone."""
    n, d = x.shape
    size = d + 1 + 3 * n
    xi, p, q = (d + 1 + np.arange(n) + k * n for k in range(3))
    costs, squares = np.zeros(size), np.zeros(size)
    squares[:d] = 1.0
    costs[xi] = c
    margin = np.zeros((n, size))
    margin[:, :d], margin[:, d] = t[:, None] * x, t if bias else 0.0
    e = np.eye(size)
    rows, right, cones = [], [], []

    def exponential(power, shift, top):
        """exp(power . z + shift) <= top . z"""
        rows.extend([-power, 0 * power, -top])
        right.extend([shift, 1.0, 0.0])
        cones.append(clarabel.ExponentialConeT())

    def at_least(row, bound):
        rows.append(-row)
        right.append(-bound)
        cones.append(clarabel.NonnegativeConeT(1))

    for i in range(n):
        m = margin[i]
        if loss == "logistic":  # exp(-xi) + exp(-m - xi) <= 1
            exponential(-e[xi[i]], 0.0, e[p[i]])
            exponential(-m - e[xi[i]], 0.0, e[q[i]])
            at_least(-e[p[i]] - e[q[i]], -1.0)
        elif loss == "exponential":
            exponential(-m, 0.0, e[xi[i]])
        elif loss == "linex":  # exp(1 - m) <= xi + (1 - m) + 1
            exponential(-m, 1.0, e[p[i]])
            at_least(e[xi[i]] - m - e[p[i]], -2.0)
        elif loss == "safe_logistic":  # the least exp(q - 1) - q over q <= m
            exponential(e[q[i]], -1.0, e[p[i]])
            at_least(e[xi[i]] + e[q[i]] - e[p[i]], 0.0)
            at_least(m - e[q[i]], 0.0)
        else:  # the least p + (q - m)_+ with p q >= 1/4
            rows.extend([-(e[p[i]] + e[q[i]]), 0 * m, -(e[p[i]] - e[q[i]])])
            right.extend([0.0, 1.0, 0.0])
            cones.append(clarabel.SecondOrderConeT(3))
            at_least(e[xi[i]] - e[p[i]], 0.0)
            at_least(e[xi[i]] - e[p[i]] - e[q[i]] + m, 0.0)
    used = {"logistic": [p, q], "exponential": [], "linex": [p], "safe_logistic": [p, q], "dwd": [p, q]}[loss]
    idle = [k for part in (p, q) if not any(part is u for u in used) for k in part] + ([] if bias else [d])
    for k in idle:
        at_least(e[k], 0.0)
        at_least(-e[k], 0.0)
    return costs, squares, (np.array(rows), np.array(right)), cones


QUICK = {"hinge", "absolute", "squared_hinge", "logistic"}
RARE = ((pytest.mark.slow,), (pytest.mark.slow, pytest.mark.exhaustive))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=RARE[k % 2]) for k, name in enumerate([*QUADRATIC, *CONIC])],
)
def test_objectives_agree_with_clarabel(name):
    data, c, s = problems(1)
    sol = ll.solve(name, data, C=c, sample_weights=s)
    assert sol.converged.all(), sol.message
    assert_agrees(sol, name, data, c, s)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "bias"),
    [("hinge", True), pytest.param("absolute", False, marks=pytest.mark.exhaustive), ("logistic", True)],
)
def test_wide_data_agree_with_clarabel(name, bias):
    """More columns than examples, with and without a bias."""
    data, c, s = problems(2, n=12, d=20, count=6)
    sol = ll.solve(name, data, C=c, sample_weights=s, bias=bias)
    assert sol.converged.all(), sol.message
    assert_agrees(sol, name, data, c, s, bias)
    assert bias or not np.any(sol.bias)


# ----------------------------------------------------------------------------------------------------- the certificate


PHI = {
    "hinge": lambda m: np.maximum(1 - m, 0),
    "squared_hinge": lambda m: np.maximum(1 - m, 0) ** 2,
    "absolute": lambda m: np.abs(1 - m),
    "logistic": lambda m: np.logaddexp(0, -m),
}
CONJUGATE = {
    "hinge": lambda u: u,
    "squared_hinge": lambda u: u + u * u / 4,
    "absolute": lambda u: u,
    "logistic": lambda u: _xlogx(1 + u) + _xlogx(-u),
}
SLOPES = {"hinge": (-1, 0), "squared_hinge": (-np.inf, 0), "absolute": (-1, 1), "logistic": (-1, 0)}


def _xlogx(x):
    return np.where(x > 0, x * np.log(np.where(x > 0, x, 1)), 0)


@pytest.mark.parametrize("name", PHI)
def test_certificates_by_independent_arithmetic(name):
    """Primal and dual values, the constraints, the representer form and the stationarity of every example."""
    data, c, s = problems(1)
    sol = ll.solve(name, data, C=c, sample_weights=s)
    x, t, low, high = data.inputs, data.labels, *SLOPES[name]
    for k in range(len(c)):
        ck, alpha, w, b = c[k] * s[k], sol.duals[k], sol.weights[k], sol.bias[k]
        used = ck > 0
        margins = t * (x @ w + b)
        primal = 0.5 * w @ w + np.sum(ck * PHI[name](margins))
        u = -alpha[used] / ck[used]
        assert np.all((u >= low - 1e-12) & (u <= high + 1e-12))
        assert np.all(alpha[~used] == 0)
        assert abs(alpha @ t) <= 1e-12 * np.abs(alpha).sum()
        pull = (alpha * t) @ x
        dual = -0.5 * pull @ pull - np.sum(ck[used] * CONJUGATE[name](u))
        np.testing.assert_allclose([sol.objective[k], sol.dual_objective[k]], [primal, dual], rtol=1e-10)
        np.testing.assert_allclose(sol.gap[k], abs(primal - dual) / primal, atol=1e-10)
        np.testing.assert_allclose(pull, w, atol=1e-6 * (1 + np.abs(w).max()))
        # Fenchel's equality for every example, which together is the gap.
        excess = PHI[name](margins[used]) + CONJUGATE[name](u) - u * margins[used]
        assert np.all(ck[used] * excess <= 1e-8 * primal)
    assert np.array_equal(sol.converged, sol.gap <= 1e-8)


def test_the_three_groups_of_the_hinge():
    """Theory, section 6: beyond the margin alpha = 0, on it between, inside it C; the support says which."""
    data, c, _ = problems(1)
    sol = ll.solve("hinge", data, C=c)
    margins = data.labels * (sol.weights @ data.inputs.T + sol.bias[:, None])
    zero, free, bounded = (sol.support == k for k in range(3))
    assert zero.any()
    assert free.any()
    assert bounded.any()
    assert np.all(sol.duals[zero] == 0)
    assert np.all(margins[zero] >= 1 - 1e-9)
    np.testing.assert_allclose(margins[free], 1, atol=1e-8)
    assert np.all(margins[bounded] <= 1 + 1e-9)
    np.testing.assert_array_equal(sol.duals[bounded], np.broadcast_to(c[:, None], bounded.shape)[bounded])


def test_the_logistic_has_the_same_form_and_every_dual_is_positive():
    data, c, _ = problems(1)
    sol = ll.solve("logistic", data, C=c)
    margins = data.labels * (sol.weights @ data.inputs.T + sol.bias[:, None])
    np.testing.assert_allclose(sol.duals, c[:, None] / (1 + np.exp(margins)), rtol=1e-6)
    assert np.all(sol.duals > 0)


@pytest.mark.slow
def test_logistic_agrees_with_newton_cholesky():
    from sklearn.linear_model import LogisticRegression

    data, c, _ = problems(3)
    sol = ll.solve("logistic", data, C=c)
    for k in range(0, len(c), 6):
        other = LogisticRegression(C=c[k], solver="newton-cholesky", tol=1e-12).fit(data.inputs, data.labels)
        np.testing.assert_allclose(sol.weights[k], other.coef_[0], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(sol.bias[k], other.intercept_[0], rtol=1e-6, atol=1e-9)


def test_logistic_against_a_newton_iteration_with_fifty_digits():
    import mpmath

    points, signs, C = [[0.5, 1.0], [1.5, -0.5], [-1.0, 0.25], [0.25, -2.0]], [1, 1, -1, -1], 2.0
    with mpmath.workdps(50):
        point = mpmath.matrix(3, 1)
        rows = [[*map(mpmath.mpf, row), mpmath.mpf(1)] for row in points]
        for _ in range(60):
            gradient, hessian = mpmath.matrix(3, 1), mpmath.matrix(3, 3)
            for j in range(2):
                gradient[j], hessian[j, j] = point[j], mpmath.mpf(1)
            for row, t in zip(rows, signs, strict=True):
                q = 1 / (1 + mpmath.exp(t * sum(a * b for a, b in zip(row, point, strict=True))))
                for i in range(3):
                    gradient[i] -= C * t * q * row[i]
                    for j in range(3):
                        hessian[i, j] += C * q * (1 - q) * row[i] * row[j]
            point -= mpmath.lu_solve(hessian, gradient)
        assert mpmath.norm(gradient) < mpmath.mpf(10) ** -40
        want = [float(v) for v in point]
    data, s = few(points, signs)
    sol = ll.solve("logistic", data, C=np.full(18, C), sample_weights=s)
    np.testing.assert_allclose([*sol.weights[0, :2], sol.bias[0]], want, rtol=1e-12)


# --------------------------------------------------------------------------------------------------- facts and edges


@pytest.mark.slow
def test_a_pair_of_points_is_separated_exactly_once_C_reaches_its_duals():
    """Theory, section 6: alpha = (1/3, 2/3); any C >= 2/3 gives w = (1, 0), and C just below does not."""
    data = ll.Dataset(inputs=[[1.0, 2.0], [-1.0, 1.0]], labels=[1, -1])
    sol = ll.solve("hinge", data, C=[0.7, 1.0, 10.0, 0.6666], bias=False)
    np.testing.assert_allclose(sol.weights[:3], [[1.0, 0.0]] * 3, atol=1e-12)
    np.testing.assert_allclose(sol.duals[:3], [[1 / 3, 2 / 3]] * 3, atol=1e-12)
    np.testing.assert_allclose(sol.weights[3], [0.99992, 4e-5], atol=2e-5)
    hard = ll.solve("hinge", data, C=np.inf, bias=False)
    np.testing.assert_allclose(hard.weights, [1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(hard.duals, [1 / 3, 2 / 3], atol=1e-12)


def separable(seed=0, n=40, d=4):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    w = rng.normal(size=d)
    return ll.Dataset(inputs=x, labels=np.where(x @ w + 0.2 > 0, 1, -1))


@pytest.mark.slow
def test_the_hard_margin_is_what_a_large_C_gives():
    data = separable()
    hard = ll.solve("hinge", data, C=np.inf)
    assert hard.converged
    soft = ll.solve("hinge", data, C=np.full(18, 2 * hard.duals.max()))
    np.testing.assert_allclose(soft.weights[0], hard.weights, rtol=1e-8)
    np.testing.assert_allclose(soft.objective[0], hard.objective, rtol=1e-10)
    margins = data.labels * (data.inputs @ hard.weights + hard.bias)
    assert margins.min() > 1 - 1e-12
    np.testing.assert_allclose(margins[hard.support == 1], 1, atol=1e-8)
    below = ll.solve("hinge", data, C=np.full(18, 0.9 * hard.duals.max()))
    assert below.objective[0] < hard.objective * (1 - 1e-6)


@pytest.mark.parametrize("bias", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_what_cannot_be_separated_is_proved(bias):
    data, _, _ = problems(1)
    with pytest.raises(ll.NotSeparable, match="share a point") as caught:
        ll.solve("hinge", data, C=np.inf, bias=bias)
    share = caught.value.combination
    assert np.all(share >= 0)
    np.testing.assert_allclose((share * data.labels) @ data.inputs, 0, atol=1e-8)
    if bias:
        np.testing.assert_allclose([share[data.labels > 0].sum(), share[data.labels < 0].sum()], 1)
    else:
        np.testing.assert_allclose(share.sum(), 1)


def test_the_bias_is_the_middle_of_all_optimal_ones():
    """Two points at -1 and 1 with C = 1/8: w = 1/4, both inside the margin, and any b of an interval is as good."""
    data, s = few([[-1.0], [1.0]], [-1, 1])
    sol = ll.solve("hinge", data, C=np.full(18, 0.125), sample_weights=s)
    np.testing.assert_allclose(sol.bias_interval, [[-0.75, 0.75]] * 18, atol=1e-9)
    np.testing.assert_allclose(sol.bias, 0, atol=1e-12)
    np.testing.assert_allclose(sol.weights, [[0.25, 0, 0, 0]] * 18, atol=1e-12)

    def objective(b):
        return 0.5 * 0.25**2 + 0.125 * np.maximum(1 - np.array([-1, 1]) * (0.25 * np.array([-1, 1]) + b), 0).sum()

    for b in (-0.75, 0.3, 0.75):
        np.testing.assert_allclose(sol.objective, objective(b), atol=1e-12)
    assert objective(0.76) > sol.objective[0] + 1e-3
    assert objective(-0.76) > sol.objective[0] + 1e-3


def test_the_perceptron_asks_for_nothing():
    data, c, _ = problems(1)
    sol = ll.solve("perceptron", data, C=c)
    assert np.all(sol.objective == 0)
    assert np.all(sol.weights == 0)
    assert sol.converged.all()


@pytest.mark.slow
def test_losses_batch_too():
    data = ll.load("two_gaussians(n=60, seed=1)")
    names = ["hinge", "logistic", "huber(delta=0.5)"]
    several = ll.solve(names, data, C=[0.1, 1.0])
    assert several.weights.shape == (3, 2, data.d)
    for k, name in enumerate(names):
        for whole, one in zip(several[:-1], ll.solve(name, data, C=[0.1, 1.0])[:-1], strict=True):
            np.testing.assert_array_equal(whole[k], one)
    with pytest.raises(ValueError, match="list of losses is empty"):
        ll.solve([], data, C=1.0)


@pytest.mark.slow
def test_batches_equal_single_problems():
    """C, weights and labels over leading axes, against one call each."""
    data, c, s = problems(1)
    flipped = data.labels.copy()
    flipped[5:9] *= -1
    both = np.stack([data.labels, flipped])
    sol = ll.solve("hinge", data, C=c[:3, None, None], sample_weights=s[:3, None], labels=both)
    assert sol.weights.shape == (3, 3, 2, 4)
    for k in range(2):
        single = ll.Dataset(inputs=data.inputs, labels=both[k])
        alone = ll.solve("hinge", single, C=np.repeat(c[:3], 6), sample_weights=np.tile(s[:3], (6, 1)))
        for i, j in np.ndindex(3, 3):
            np.testing.assert_allclose(sol.objective[i, j, k], alone.objective[6 * i + j], rtol=1e-10)
            np.testing.assert_allclose(sol.weights[i, j, k], alone.weights[6 * i + j], rtol=1e-6, atol=1e-9)


@st.composite
def awkward(draw):
    """Twelve examples of three columns that are repeated, constant, collinear, of unlike sizes, far from 0.

    Copies without weight and a column of zeros give them the shape of the other problems: nothing is compiled anew.
    """
    grid = draw(st.lists(st.integers(-2, 2), min_size=36, max_size=36))
    x = np.array(grid, float).reshape(12, 3)
    x[:, 2] = draw(st.sampled_from([0.0, 3.0])) + draw(st.sampled_from([0.0, 1.0])) * (x[:, 0] - 2 * x[:, 1])
    x = x * 10.0 ** np.array(draw(st.sampled_from([(0, 0, 0), (6, 6, 6), (-6, -6, -6), (3, 0, -3)])))
    x = x + draw(st.sampled_from([0.0, 1e4]))
    t = np.array([1, -1, *draw(st.lists(st.sampled_from([-1, 1]), min_size=10, max_size=10))])
    s = np.array([1.0, 1.0, *draw(st.lists(st.sampled_from([0.0, 1.0, 7.0]), min_size=10, max_size=10))])
    copies = np.arange(40) % 12
    x = np.column_stack([x, np.zeros(12)])[copies]
    return ll.Dataset(inputs=x, labels=t[copies]), np.where(np.arange(40) < 12, s[copies], 0.0)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(awkward(), st.sampled_from([*PHI]))
def test_awkward_data_close_the_gap_or_say_why(given_data, name):
    data, s = given_data
    c = 10.0 ** np.arange(-8.0, 10.0)
    sol = ll.solve(name, data, C=c, sample_weights=s)
    assert not np.isnan(sol.weights).any()
    assert not np.isnan(sol.gap).any()
    np.testing.assert_array_equal(sol.converged, sol.gap <= 1e-8)
    assert sol.converged.all() == (sol.message == "")
    # Within a wide range of C no excuse is taken, unless the columns are of unlike sizes.
    size = np.abs(data.inputs).max()
    plain = (c * size**2 < 1e7) & (size < 1e4)
    assert sol.converged[plain].all(), sol.message
    margins = data.labels * (sol.weights @ data.inputs.T + sol.bias[:, None])
    primal = 0.5 * np.sum(sol.weights**2, axis=1) + np.sum(c[:, None] * s * PHI[name](margins), axis=1)
    np.testing.assert_allclose(sol.objective, primal, rtol=1e-6)
    # A bound of every other point: the origin, and each of the others' optima.
    origin = c * np.sum(s * PHI[name](np.zeros(40)))
    assert np.all(sol.dual_objective <= origin * (1 + 1e-12))


@pytest.mark.slow
def test_duals_at_their_ends_are_exactly_there():
    """Where the bias is not unique as much as where it is: a sum's rounding once put nine examples off their ends."""
    data = ll.split(ll.load("two_gaussians(n=120, seed=3)"), test=0.5)[0]
    sol = ll.solve("hinge", data, C=np.geomspace(0.025, 0.04, 96))
    margins = data.labels * (sol.weights @ data.inputs.T + sol.bias[:, None])
    free = sol.support == 1
    np.testing.assert_allclose(margins[free], 1, atol=1e-8)
    assert (free.sum(axis=1) == 0).any()
    assert (np.diff(sol.bias_interval)[:, 0] > 0.01).any()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dwd", "logistic"])
def test_a_smooth_loss_at_any_C(name):
    data = ll.standardise(ll.load("breast_cancer"))
    sol = ll.solve(name, data, C=np.geomspace(1e-6, 1e3, 18))
    assert sol.converged.all(), sol.message


@pytest.mark.slow
def test_one_column_and_two_examples():
    data, s = few([[3.0], [1.0]], [1, -1])
    c = np.resize([1e-8, 1e-3, 1.0, 1e3, 1e8], 18)
    for name in PHI:
        sol = ll.solve(name, data, C=c, sample_weights=s)
        assert sol.converged[c < 1e8].all(), (name, sol.message)
        assert np.all(sol.weights[:, 0] >= 0)
        assert not sol.weights[:, 1:].any()
        if name == "hinge":
            np.testing.assert_allclose(sol.weights[c == 1e3, 0], 1.0)


@pytest.mark.slow
def test_data_of_the_least_shape():
    data = ll.Dataset(inputs=[[3.0], [1.0]], labels=[1, -1])
    sol = ll.solve("hinge", data, C=1e3)
    assert sol.converged
    np.testing.assert_allclose([*sol.weights, sol.bias], [1.0, -2.0], rtol=1e-9)


def test_l2_is_one_over_n_times_C():
    data, c, _ = problems(1)
    a, b = ll.solve("hinge", data, C=c), ll.solve("hinge", data, l2=1 / (data.n * c))
    np.testing.assert_allclose(a.weights, b.weights, rtol=1e-8)


@pytest.mark.slow
def test_the_minimum_is_that_of_the_objective():
    """With C = 1 / (n * l2), solve's objective is C * n times the one that descent lowers."""
    data, _, s = problems(1)
    l2 = np.full(18, 0.01)
    sol = ll.solve("logistic", data, l2=l2, sample_weights=s)
    with jax.enable_x64(True):
        f = ll.objective(ll.pair("identity", "logistic"), ll.linear(), data, l2=0.01, sample_weights=s[3])
        params = {"weights": jax.numpy.asarray(sol.weights[3]), "bias": jax.numpy.asarray(sol.bias[3])}
        np.testing.assert_allclose(f(params) / 0.01, sol.objective[3], rtol=1e-12)
        gradient = jax.grad(f)(params)
        np.testing.assert_allclose(gradient["weights"], 0, atol=1e-8)
        np.testing.assert_allclose(gradient["bias"], 0, atol=1e-8)


def test_columns_far_from_zero_lose_no_digits():
    """A shift of the inputs changes the bias alone."""
    data, c, s = problems(1)
    sol = ll.solve("hinge", data, C=c, sample_weights=s)
    far = ll.solve("hinge", ll.Dataset(inputs=data.inputs + 1e5, labels=data.labels), C=c, sample_weights=s)
    assert far.converged.all()
    np.testing.assert_allclose(far.weights, sol.weights, rtol=1e-6, atol=1e-8)


def test_the_callers_precision_is_left_alone():
    data, c, _ = problems(1)
    sol = ll.solve("hinge", data, C=c)
    assert sol.weights.dtype == np.float64
    assert jax.numpy.zeros(1).dtype == np.float32


@pytest.mark.slow
def test_every_convex_margin_loss_can_be_solved(loss):
    """Whatever claims convexity is taken, whatever does not is refused with a reason and a way out."""
    data, c, s = problems(1)
    if loss.kind != "margin":
        with pytest.raises(ValueError, match=r"likelihood|not admissible"):
            ll.solve(loss, data, C=1.0)
    elif not loss.claim("convex"):
        with pytest.raises(ValueError, match=r"not convex: .* near score .* Nearest convex losses: \w+"):
            ll.solve(loss, data, C=1.0)
    elif loss.name == "unhinged":
        with pytest.raises(ValueError, match="no minimum"):
            ll.solve(loss, data, C=1.0)
    else:
        sol = ll.solve(loss, data, C=c, sample_weights=s)
        assert sol.converged.all(), sol.message


@pytest.mark.slow
def test_losses_of_two_classes_and_pairs_are_taken():
    data, c, s = problems(1)
    sol = ll.solve(ll.weighted("hinge", positive=3.0, negative=1.0), data, C=c, sample_weights=s)
    other = ll.solve("hinge", data, C=c, sample_weights=s * np.where(data.labels > 0, 3.0, 1.0))
    np.testing.assert_allclose(sol.objective, other.objective, rtol=1e-10)
    sol = ll.solve(ll.pair("sigmoid", "cross_entropy"), data, C=c, sample_weights=s)
    np.testing.assert_allclose(sol.objective, ll.solve("logistic", data, C=c, sample_weights=s).objective, rtol=1e-10)


@pytest.mark.slow
def test_a_users_loss_is_taken_apart_from_its_values(registries):
    """Three lines and a parabola, kinks at -1 and 2: the sum of two hinges and a rounded one."""

    @ll.margin_loss
    def patchwork(margin):
        jnp = jax.numpy
        return jnp.maximum(-1 - margin, 0) + 0.5 * jnp.maximum(2 - margin, 0) + 0.3 * jnp.maximum(0.5 - margin, 0) ** 2

    form = convex_form(patchwork)
    found = {(k, h) for k, h in zip(form.terms.knot[0].round(9), form.terms.high[0].round(9), strict=True)}
    assert found == {(-1.0, 1.0), (2.0, 0.5), (0.5, np.inf)}
    data, c, s = problems(1)
    sol = ll.solve(patchwork, data, C=c, sample_weights=s)
    assert sol.converged.all(), sol.message
    margins = data.labels * (sol.weights @ data.inputs.T + sol.bias[:, None])
    primal = 0.5 * np.sum(sol.weights**2, axis=1) + np.sum(c[:, None] * s * np.asarray(patchwork(margins)), axis=1)
    np.testing.assert_allclose(sol.objective, primal, rtol=1e-6)


DATA = problems(1)[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"C": 0.0}, r"C must be positive, not \[0"),
        ({"C": [1.0, -2.0]}, r"C must be positive, not \[-2"),
        ({"C": np.nan}, "C must be positive"),
        ({"l2": -1.0}, "l2 must be positive"),
        ({}, "either C or l2, .* neither was given"),
        ({"C": 1.0, "l2": 1.0}, "both were given"),
        ({"C": 1.0, "sample_weights": -np.ones(40)}, "not negative; example 0 has -1"),
        ({"C": 1.0, "sample_weights": np.full(40, np.nan)}, "must be finite"),
        ({"C": 1.0, "sample_weights": np.ones(3)}, r"shape \(3,\); 40 examples need shape \(40,\)"),
        ({"C": np.ones(2), "sample_weights": np.ones((3, 40))}, r"batch axes do not match: C has \(2,\)"),
        ({"C": 1.0, "labels": np.zeros(40)}, "labels must be -1 or [+]1, not 0"),
        ({"C": 1.0, "labels": np.ones(40)}, "no negative example with a weight"),
        ({"C": 1.0, "sample_weights": np.stack([np.ones(40), DATA.labels > 0])}, "negative example .* in problem 1"),
        ({"C": 1.0, "data": DATA.inputs}, "ndarray, not a Dataset"),
        ({"C": np.inf, "loss": "logistic"}, "not zero from margin 1 on"),
        ({"C": [1.0, np.inf]}, "solve the hard margin on its own"),
        ({"C": 1.0, "loss": "cross_entropy"}, "margin loss 'logistic'"),
        ({"C": 1.0, "loss": "hingee"}, "Did you mean hinge"),
    ],
)
def test_refusals(options, said):
    given = {"loss": "hinge", "data": DATA} | options
    with pytest.raises(ValueError, match=said):
        ll.solve(given.pop("loss"), given.pop("data"), **given)


def test_a_kink_among_curves_is_refused(registries):
    @ll.margin_loss
    def kinked(margin):
        return jax.numpy.exp(-margin) + jax.numpy.maximum(0.25 - margin, 0)

    with pytest.raises(ValueError, match=r"kink at score 0\.25"):
        ll.solve(kinked, DATA, C=1.0)


# ------------------------------------------------------------------------------------------------------- the machinery


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "d", "k", "bias"),
    [
        (7, 3, 2, False),
        pytest.param(7, 3, 2, True, marks=pytest.mark.slow),
        pytest.param(1300, 20, 9, True, marks=pytest.mark.slow),
        pytest.param(1300, 20, 9, False, marks=pytest.mark.slow),
        (1100, 60, 3, True),
        pytest.param(1100, 60, 3, False, marks=pytest.mark.slow),
    ],
)
def test_gram_matrices_in_every_form(n, d, k, bias, x64, rng):
    """Products kept, products formed block by block, and blocks scaled row by row, against dense NumPy."""
    x, scales = rng.normal(size=(n, d)), rng.uniform(size=(k, n))
    design = normal.Design(jax.numpy.asarray(x), bias)
    whole = np.column_stack([x, np.ones(n)]) if bias else x
    want = np.einsum("ni,kn,nj->kij", whole, scales, whole)
    for form in (design, normal.kept(design)):
        np.testing.assert_allclose(normal.gram(form, jax.numpy.asarray(scales)), want, rtol=1e-12, atol=1e-10)


@pytest.mark.slow
def test_rows_in_blocks_give_the_answer_of_rows_at_once(monkeypatch):
    """Blocks of 7 rows against one block; another number of problems, so that the program is traced anew."""
    data, c, s = problems(1)
    whole = ll.solve("hinge", data, C=c, sample_weights=s)
    monkeypatch.setattr(normal, "BLOCK", 7)
    monkeypatch.setattr(normal, "KEPT", 0)
    parts = ll.solve("hinge", data, C=c[:13], sample_weights=s[:13])
    np.testing.assert_allclose(parts.objective, whole.objective[:13], rtol=1e-10)


@pytest.mark.slow
def test_rows_over_devices_give_the_same_answer():
    """Two devices, an odd number of rows; the only sum over devices of d x d size is the Gram matrix's."""
    program = """
import jax, numpy as np, lossland as ll
data = ll.standardise(ll.load("two_gaussians(n=201, seed=1)"))
for loss in ("hinge", "logistic"):
    one = ll.solve(loss, data, C=[0.1, 10.0])
    two = ll.solve(loss, data, C=[0.1, 10.0], devices=jax.devices())
    np.testing.assert_allclose(two.objective, one.objective, rtol=1e-10)
    np.testing.assert_allclose(two.weights, one.weights, rtol=1e-6)
    assert two.duals.shape == one.duals.shape and two.converged.all()
"""
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | flags)


@pytest.mark.slow
def test_a_new_shape_says_that_it_compiles(caplog):
    data = ll.load("two_gaussians(n=47, d=3, seed=3)")
    with caplog.at_level("INFO", logger="lossland"):
        ll.solve("hinge", data, C=1.0)
        ll.solve("hinge", data, C=2.0)
        assert len(caplog.messages) == 1
        ll.solve("hinge", ll.load("two_gaussians(n=48, d=3, seed=3)"), C=1.0)
    said = [message.partition(",")[0] for message in caplog.messages]
    assert said == [f"solve compiles for 1 problems of {n} x 3" for n in (47, 48)]


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "C"), [(18, 400.0), (36, 256.0)])
def test_steps_do_not_go_round_in_a_circle(seed, C):
    """Two of the cases in which the full bend of the predictor led the interior point in a circle of four steps."""
    flowers, kinds = map(np.asarray, load_iris(return_X_y=True))
    chosen = np.random.default_rng(seed).choice(100, 64, replace=False)
    inputs = flowers[chosen]
    data = ll.Dataset((inputs - inputs.mean(axis=0)) / inputs.std(axis=0), np.where(kinds[chosen] == 1, 1, -1))
    sol = ll.solve("hinge", data, C=C)
    assert sol.converged
    assert sol.objective == pytest.approx(float(ll.solve("hinge", data, C=np.inf).objective), rel=1e-8)
