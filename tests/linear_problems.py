"""Problems for the exact solvers, and their least objectives by clarabel: each loss a convex programme of its own."""

import clarabel
import numpy as np
from scipy import sparse

import lossland as ll

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
PHI = {
    "hinge": lambda m: np.maximum(1 - m, 0),
    "squared_hinge": lambda m: np.maximum(1 - m, 0) ** 2,
    "absolute": lambda m: np.abs(1 - m),
    "logistic": lambda m: np.logaddexp(0, -m),
}
"""Margin losses as NumPy writes them."""


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
