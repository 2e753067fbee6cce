"""`solve` against clarabel, scikit-learn and arbitrary precision; its refusals and edges."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lossland as ll
from tests.linear_problems import CONIC, PHI, QUADRATIC, assert_agrees, few, problems

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
        for whole, one in zip(several[:-3], ll.solve(name, data, C=[0.1, 1.0])[:-3], strict=True):
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
        ({"C": 1.0, "data": DATA.inputs}, "not a Dataset; make one by"),
        ({"C": np.inf, "loss": "absolute"}, "is solved for the hard margin.*absolute is neither"),
        ({"C": [1.0, np.inf]}, "solve C=inf on its own"),
        ({"C": 1.0, "loss": "cross_entropy"}, "margin loss 'logistic'"),
        ({"C": 1.0, "loss": "hingee"}, "Did you mean hinge"),
    ],
)
def test_refusals(options, said):
    given = {"loss": "hinge", "data": DATA} | options
    with pytest.raises(ValueError, match=said):
        ll.solve(given.pop("loss"), given.pop("data"), **given)


@pytest.mark.slow
def test_a_new_shape_on_given_devices_says_that_it_compiles(caplog):
    """On the host nothing is compiled for a shape."""
    data, devices = ll.load("two_gaussians(n=47, d=3, seed=3)"), jax.devices()[:1]
    with caplog.at_level("INFO", logger="lossland.solver"):
        ll.solve("hinge", data, C=1.0)
        assert not caplog.messages
        ll.solve("hinge", data, C=1.0, devices=devices)
        ll.solve("hinge", data, C=2.0, devices=devices)
        assert len(caplog.messages) == 1
        ll.solve("hinge", ll.load("two_gaussians(n=48, d=3, seed=3)"), C=1.0, devices=devices)
    said = [message.partition(",")[0] for message in caplog.messages]
    assert said == [f"solve compiles for 1 problems of {n} x 3" for n in (47, 48)]
