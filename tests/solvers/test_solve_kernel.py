"""`solve_kernel` against clarabel, independent NumPy optimality conditions, scikit-learn and `solve`."""

import mpmath
import numpy as np
import pytest
from sklearn.svm import SVC

import lossland as ll
from lossland.elements import LOSSES
from lossland.solvers import _solve_kernel as kernels
from tests.solvers.cases import DATA, by_clarabel, gaussian, problem


@pytest.mark.parametrize("C", [1e-2, 1.0, 1e3])
@pytest.mark.parametrize(("named", "low", "high"), [("hinge", 0.0, 1.0), ("absolute", -1.0, 1.0)])
def test_losses_with_kinks_against_clarabel(named, low, high, C):
    sol = ll.solve_kernel(named, DATA, C=C, gamma=0.5)
    t, kernel = DATA.labels, gaussian(DATA.inputs, DATA.inputs, 0.5)
    ends = np.sort(np.outer([low, high], C * t), axis=0)
    want = -by_clarabel(kernel, t, *ends)
    assert sol.converged
    np.testing.assert_allclose([sol.objective, sol.dual_objective], want, rtol=1e-9)
    scores = kernel @ sol.coefficients + sol.bias
    losses = {"hinge": np.maximum(0, 1 - t * scores), "absolute": np.abs(1 - t * scores)}[named]
    np.testing.assert_allclose(
        0.5 * sol.coefficients @ kernel @ sol.coefficients + C * losses.sum(), sol.objective, rtol=1e-11
    )
    assert np.all((sol.duals >= C * low) & (sol.duals <= C * high))
    assert abs(sol.duals @ t) <= 1e-12 * np.abs(sol.duals).sum()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("named", "slope"),
    [
        ("logistic", lambda m: -1 / (1 + np.exp(m))),
        ("squared_hinge", lambda m: -2 * np.maximum(0, 1 - m)),
        ("smooth_hinge(gamma=0.5)", lambda m: -np.clip((1 - m) / 0.5, 0, 1)),
        ("exponential", lambda m: -np.exp(-m)),
        ("squared", lambda m: -2 * (1 - m)),
    ],
)
@pytest.mark.parametrize("C", [1e-2, 10.0])
def test_smooth_losses_satisfy_the_representer_equations(named, slope, C):
    sol = ll.solve_kernel(named, DATA, C=C, gamma=0.5)
    t, kernel = DATA.labels, gaussian(DATA.inputs, DATA.inputs, 0.5)
    margins = t * (kernel @ sol.coefficients + sol.bias)
    assert sol.converged
    np.testing.assert_allclose(sol.coefficients, -C * slope(margins) * t, rtol=1e-7, atol=1e-9 * C)
    np.testing.assert_allclose(sol.duals, -C * slope(margins), rtol=1e-7, atol=1e-9 * C)
    assert abs(sol.coefficients.sum()) <= 1e-10 * np.abs(sol.coefficients).sum()


CONVEX = [entry for entry in LOSSES.values() if entry.kind == "margin" and entry.claim("convex")]


@pytest.mark.slow
@pytest.mark.parametrize("named", [entry for entry in CONVEX if entry.name != "unhinged"], ids=lambda entry: entry.name)
def test_every_convex_margin_loss_closes_its_gap(named):
    for C in (1e-3, 1.0, 1e3):
        sol = ll.solve_kernel(named, DATA, C=C)
        assert sol.converged, (C, sol.message)
        assert sol.objective >= sol.dual_objective - 1e-9 * abs(sol.objective)


@pytest.mark.slow
@pytest.mark.parametrize("named", ["hinge", "logistic"])
def test_the_linear_kernel_is_solve(named):
    sol, linear = ll.solve_kernel(named, DATA, C=2.0, kernel="linear"), ll.solve(named, DATA, C=2.0)
    full = ll.solve_kernel(named, DATA, C=2.0, kernel=lambda a, b: a @ b.T)
    for found in (sol, full):
        assert found.converged
        np.testing.assert_allclose(found.objective, linear.objective, rtol=1e-9)
        np.testing.assert_allclose(found.coefficients @ found.inputs, linear.weights, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found.bias, linear.bias, rtol=1e-4, atol=1e-6)


def test_decisions_agree_with_libsvm():
    for C in (0.1, 10.0):
        sol = ll.solve_kernel("hinge", DATA, C=C)
        theirs = SVC(C=C, gamma="scale", tol=1e-8).fit(DATA.inputs, DATA.labels)
        points = problem(seed=8).inputs
        np.testing.assert_allclose(ll.decision_function(sol, points), theirs.decision_function(points), atol=1e-3)
    cubic = ll.solve_kernel("hinge", DATA, C=1.0, kernel="polynomial", gamma=0.7, degree=2, coef0=1.5)
    theirs = SVC(kernel="poly", gamma=0.7, degree=2, coef0=1.5, tol=1e-8).fit(DATA.inputs, DATA.labels)
    np.testing.assert_allclose(ll.decision_function(cubic, points), theirs.decision_function(points), atol=1e-3)


def test_examples_without_weight_are_left_out():
    weights = np.where(np.arange(DATA.n) % 3 == 0, 0.0, 1.5)
    kept = weights > 0
    sol = ll.solve_kernel("hinge", DATA, C=1.0, gamma=0.5, sample_weights=weights)
    part = ll.Dataset(inputs=DATA.inputs[kept], labels=DATA.labels[kept])
    alone = ll.solve_kernel("hinge", part, C=1.5, gamma=0.5)
    np.testing.assert_allclose(sol.objective, alone.objective, rtol=1e-12)
    np.testing.assert_allclose(sol.duals[kept], alone.duals, atol=1e-9)
    assert not sol.duals[~kept].any()
    assert not sol.support[~kept].any()


def test_support_sets_match_the_margins():
    sol = ll.solve_kernel("hinge", DATA, C=1.0, gamma=0.5)
    margins = DATA.labels * ll.decision_function(sol, DATA.inputs)
    assert np.all(margins[sol.support == 0] > 1 - 1e-9)
    np.testing.assert_allclose(margins[sol.support == 1], 1.0, rtol=1e-9)
    assert np.all(margins[sol.support == 2] < 1 + 1e-9)
    assert {0, 1, 2} == set(sol.support)


CONTRADICTING = ll.Dataset(
    inputs=DATA.inputs[[0, 0, 0, 1, 1, 2, 3, 4, 4, 5]], labels=[1, 1, -1, 1, -1, -1, 1, -1, -1, 1]
)


def exact_value(named, margin, alpha, c):
    """c phi(m) and -c phi*(-alpha / c), what an example adds to the primal and to the dual, in 60 digits."""
    if named == "hinge":
        return c * max(0, 1 - margin), alpha
    if named == "absolute":
        return c * abs(1 - margin), alpha
    if named == "squared_hinge":
        return c * max(0, 1 - margin) ** 2, alpha - alpha**2 / (4 * c)
    share = alpha / c
    entropy = -sum(p * mpmath.log(p) for p in (share, 1 - share) if p > 0)
    return c * mpmath.log1p(mpmath.exp(-margin)), c * entropy


def exact_gap(named, sol, data, c, gamma):
    """The relative gap of the stated coefficients, bias and duals in 60 digits: by weak duality no gap is below 0."""
    with mpmath.workdps(60):
        rows = [[mpmath.mpf(x) for x in row] for row in data.inputs.tolist()]
        kernel = mpmath.matrix(
            [[mpmath.exp(-gamma * sum((p - q) ** 2 for p, q in zip(x, y, strict=True))) for y in rows] for x in rows]
        )
        labels = [int(t) for t in data.labels]
        coefficients, alpha = mpmath.matrix(sol.coefficients.tolist()), [mpmath.mpf(a) for a in sol.duals.tolist()]
        beta = mpmath.matrix([a * t for a, t in zip(alpha, labels, strict=True)])
        scores = kernel * coefficients
        margins = [t * (scores[i] + mpmath.mpf(float(sol.bias))) for i, t in enumerate(labels)]
        pairs = [exact_value(named, m, a, mpmath.mpf(w)) for m, a, w in zip(margins, alpha, c.tolist(), strict=True)]
        primal = (coefficients.T * scores)[0] / 2 + sum(loss for loss, _ in pairs)
        dual = sum(gain for _, gain in pairs) - (beta.T * (kernel * beta))[0] / 2
        return float((primal - dual) / primal)


@pytest.mark.slow
@pytest.mark.parametrize("C", [1e-8, 1.0, 1e4, 1e8, 1e10])
@pytest.mark.parametrize("named", ["hinge", "absolute", "logistic", "squared_hinge"])
def test_duplicated_and_contradicting_examples(named, C):
    """Equal rows make the kernel singular; equal rows with both labels can never be separated.

    The duals of these grow with C and cancel, the function does not grow: no digits may be lost to them.
    """
    data, low = CONTRADICTING, -1.0 if named == "absolute" else 0.0
    for weights in (np.ones(data.n), np.linspace(0.3, 1.7, data.n))[: 2 if C >= 1 else 1]:
        sol = ll.solve_kernel(named, data, C=C, gamma=0.5, sample_weights=weights)
        assert sol.converged, sol.message
        assert sol.gap < 1e-12
        assert abs(exact_gap(named, sol, data, C * weights, 0.5)) < 1e-12
        assert np.all(sol.duals >= low * C * weights)
        assert named == "squared_hinge" or np.all(sol.duals <= C * weights)
        beta = sol.duals * data.labels
        assert abs(beta.sum()) <= 1e-12 * np.abs(beta).sum()
        assert not sol.coefficients[[1, 2, 4, 8]].any()
        added = np.array([beta[(data.inputs == row).all(1)].sum() for row in data.inputs])
        firsts = [0, 3, 5, 6, 7, 9]
        # The pulls of a smooth loss are as exact as the root of the gap, which is 1e-16 of a value of the size of C.
        np.testing.assert_allclose(sol.coefficients[firsts], added[firsts], rtol=0, atol=1e-6 * min(C, C**0.5))


@pytest.mark.parametrize("named", ["hinge", "logistic"])
def test_equal_examples_with_one_label_are_one_with_their_weight(named):
    """Repeated examples are solved as the example of their common weight is, whose solution takes another path."""
    times = np.arange(DATA.n) % 3 + 1
    repeated = ll.Dataset(inputs=np.repeat(DATA.inputs, times, 0), labels=np.repeat(DATA.labels, times))
    sol = ll.solve_kernel(named, repeated, C=1.0, gamma=0.5)
    want = ll.solve_kernel(named, DATA, C=1.0, gamma=0.5, sample_weights=times)
    np.testing.assert_allclose(sol.objective, want.objective, rtol=1e-12)
    np.testing.assert_allclose(sol.duals, np.repeat(want.duals / times, times), atol=1e-8)
    np.testing.assert_array_equal(sol.support, np.repeat(want.support, times))
    points = problem(seed=8).inputs
    np.testing.assert_allclose(ll.decision_function(sol, points), ll.decision_function(want, points), atol=1e-8)


def test_two_points_have_an_interval_of_biases():
    """At small C both pulls are at their limit, and every bias that keeps both margins below 1 is as good."""
    data = ll.Dataset(inputs=[[0.0], [1.0]], labels=[-1, 1])
    sol = ll.solve_kernel("hinge", data, C=0.1, gamma=1.0)
    reach = 0.1 * (1 - np.exp(-1))
    np.testing.assert_allclose(sol.bias_interval, [-1 + reach, 1 - reach], rtol=1e-12)
    assert sol.bias == pytest.approx(0.0, abs=1e-12)


# ------------------------------------------------------------------------------------------------------------ low rank


@pytest.mark.slow
@pytest.mark.parametrize("named", ["hinge", pytest.param("logistic", marks=pytest.mark.exhaustive)])
def test_a_low_rank_states_its_error(named):
    exact = ll.solve_kernel(named, DATA, C=1.0, gamma=0.1)
    gaps = []
    for rank in (5, 40):
        sol = ll.solve_kernel(named, DATA, C=1.0, gamma=0.1, rank=rank)
        assert sol.dual_objective <= exact.objective * (1 + 1e-9)
        assert sol.objective >= exact.objective * (1 - 1e-9)
        kernel = gaussian(sol.inputs, sol.inputs, 0.1)
        margins = DATA.labels * (gaussian(DATA.inputs, sol.inputs, 0.1) @ sol.coefficients + sol.bias)
        losses = np.maximum(0, 1 - margins) if named == "hinge" else np.logaddexp(0, -margins)
        want = 0.5 * sol.coefficients @ kernel @ sol.coefficients + losses.sum()
        np.testing.assert_allclose(sol.objective, want, rtol=1e-6)
        assert sol.converged == (sol.gap <= 1e-8)
        gaps.append(sol.gap)
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 1e-2
    assert gaps[-1] < 1e-8


@pytest.mark.slow
@pytest.mark.parametrize("named", ["hinge", pytest.param("logistic", marks=pytest.mark.exhaustive)])
def test_random_features_state_their_error_in_the_exact_kernel(named, key):
    exact = ll.solve_kernel(named, DATA, C=1.0, gamma=0.1)
    gaps, off = [], []
    for rank in (20, 200):
        sol = ll.solve_kernel(
            named, DATA, C=1.0, gamma=0.1, rank=rank, approximation="random_features", key=key, tol=1e-3
        )
        assert sol.dual_objective <= exact.objective * (1 + 1e-9)
        assert sol.objective >= exact.objective * (1 - 1e-9)
        kernel = gaussian(DATA.inputs, DATA.inputs, 0.1)
        np.testing.assert_array_equal(sol.coefficients, sol.duals * DATA.labels)
        losses = ll.pair("identity", named)(kernel @ sol.coefficients + sol.bias, DATA.labels).sum()
        want = 0.5 * sol.coefficients @ kernel @ sol.coefficients + float(losses)
        np.testing.assert_allclose(sol.objective, want, rtol=1e-6)
        assert sol.converged == (sol.gap <= 1e-3)
        assert sol.converged or f"rank {rank}" in sol.message
        gaps.append(sol.gap)
        off.append(np.abs(ll.decision_function(sol, DATA.inputs) - ll.decision_function(exact, DATA.inputs)).max())
    assert gaps[1] < 0.5 * gaps[0]
    assert off[1] < 0.6 * off[0]


@pytest.mark.parametrize("left_out", ["rank", "key", "kernel"])
def test_random_features_need_a_rank_a_key_and_the_rbf_kernel(left_out, key):
    given = {"rank": 5, "key": key, "kernel": "rbf"} | {left_out: "linear" if left_out == "kernel" else None}
    with pytest.raises(ValueError, match='needs kernel="rbf", a rank and a key'):
        ll.solve_kernel("hinge", DATA, C=1.0, approximation="random_features", **given)
    with pytest.raises(ValueError, match='approximation is "nystrom" or'):
        ll.solve_kernel("hinge", DATA, C=1.0, rank=3, approximation="fourier")


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kernel": "sigmoid"}, "kernel .*'sigmoid'"),
        ({"kernel": lambda a, b: a @ np.triu(np.ones((3, 3))) @ b.T}, "not symmetric"),
        ({"kernel": lambda a, b: -(a @ b.T)}, "not positive semidefinite: its matrix has the eigenvalue -"),
        ({"kernel": "polynomial", "degree": 2, "coef0": -5.0}, "not positive semidefinite"),
        ({"kernel": lambda a, b: np.full((len(a), len(b)), np.nan)}, "not finite"),
        ({"kernel": lambda a, b: a[:, 0]}, "gave shape"),
        ({"gamma": -1.0}, "gamma must be positive"),
        ({"gamma": "auto"}, "gamma .*'auto'"),
        ({"kernel": "polynomial", "degree": 0}, "degree must be at least 1"),
        ({"C": -1.0}, "C must be positive"),
        ({"C": np.inf}, "finite C"),
        ({"C": [1.0, 2.0]}, "C must be a number"),
        ({"l2": 0.1}, "either C or l2"),
        ({"sample_weights": np.full(DATA.n, -1.0)}, "not negative"),
        ({"sample_weights": (DATA.labels > 0) * 1.0}, "no negative example with a weight"),
        ({"loss": "ramp"}, "not convex"),
        ({"loss": "unhinged"}, "no minimum"),
        ({"rank": 0}, "rank must be at least 1"),
    ],
)
def test_refusals(options, said):
    given = {"loss": "hinge", "data": DATA, "C": 1.0} | options
    with pytest.raises(ValueError, match=said):
        ll.solve_kernel(given.pop("loss"), given.pop("data"), **given)


def test_too_many_examples_are_told_what_to_do(monkeypatch):
    monkeypatch.setattr(kernels, "LARGEST", 30)
    with pytest.raises(ValueError, match="Give a rank"):
        ll.solve_kernel("hinge", DATA, C=1.0)


@pytest.mark.slow
def test_decision_function_checks_its_inputs():
    with pytest.raises(ValueError, match=r"takes \(m, 3\)"):
        ll.decision_function(ll.solve_kernel("hinge", DATA, C=1.0), np.zeros((2, 2)))
