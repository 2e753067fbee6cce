"""Clarke stationarity: certificates against vertices enumerated by brute force, and kinds of points."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog, nnls

import lossland as ll
from lossland.curves import parabolas

pytestmark = pytest.mark.slow

LINES = [
    f"{a}+{loss}"
    for a in ("identity", "relu", "leaky_relu", "shifted_relu", "hard_tanh", "hard_sigmoid", "relu6", "sparse_sigmoid")
    for loss in ("hinge", "perceptron", "absolute", "ramp", "symmetric_ramp", "unhinged")
] + ["cauchit+zero_one", "squareplus+zero_one"]  # constant: these outputs never reach 0


def _on_kinks(pair, seed, d=2, n=5):
    """Tiny data with small whole inputs, and a point at which up to n examples lie on kinks of their own curves."""
    rng = np.random.default_rng(seed)
    inputs, labels = rng.integers(-2, 3, size=(n, d)).astype(float), rng.choice([-1.0, 1.0], size=n)
    labels[:2] = 1.0, -1.0
    knots = [curve.knots for curve in parabolas(pair)]
    point = rng.integers(-1, 2, size=d + 1).astype(float)
    if seed % 2:
        # Through the kinks of some examples, whatever they are.
        rows = np.column_stack([inputs, np.ones(n)])[: d + 1]
        aims = [rng.choice(knots[0 if t > 0 else 1]) if len(knots[0 if t > 0 else 1]) else 0.3 for t in labels[: d + 1]]
        point = np.linalg.lstsq(rows, np.array(aims))[0]
    else:
        point[:] = 0.0
    return ll.Dataset(inputs, labels), point


def _brute_vertices(pair, data, point):
    """Gradients in all cells around the point: each of the 2^k sides is kept if a program finds an inside."""
    curves = parabolas(pair)
    rows = np.column_stack([data.inputs, np.ones(data.n)])
    scores, fixed, tied = rows @ point, np.zeros(len(point)), []
    for row, z, t in zip(rows, scores, data.labels, strict=True):
        curve = curves[0 if t > 0 else 1]
        low, high = (float(curve.slope[curve.piece(z + h)]) for h in (-1e-7, 1e-7))
        if low == high or not row.any():
            fixed = fixed + low * row / data.n
        else:
            tied.append((row, low / data.n, high / data.n))
    found = []
    for signs in itertools.product((-1.0, 1.0), repeat=len(tied)):
        above = np.array([-s * row for s, (row, _, _) in zip(signs, tied, strict=True)]).reshape(-1, len(point))
        inside = linprog(np.zeros(len(point)), A_ub=above, b_ub=-np.ones(len(tied)), bounds=(None, None))
        if inside.status == 0:
            sides = [row * (high if s > 0 else low) for s, (row, low, high) in zip(signs, tied, strict=True)]
            found.append(fixed + np.sum(sides, axis=0) if sides else fixed)
    return np.array(found)


def _pieced(names):
    kept = []
    for name in names:
        try:
            if all(part.linear for part in parabolas(name)):
                kept.append(name)
        except ValueError:
            continue
    return kept


def _check(name, seed):
    data, point = _on_kinks(name, seed)
    found = ll.clarke_stationarity(name, data, point)
    vertices = _brute_vertices(name, data, point)
    assert found.how != "sampled"
    assert found.norm == found.bound
    # The least element is the one that no vertex beats: g . v >= |v|^2, and it lies in the hull.
    assert np.all(vertices @ found.least >= found.norm**2 - 1e-9)
    shares, off = nnls(np.vstack([vertices.T, np.ones(len(vertices))]), np.append(found.least, 1.0))
    assert off < 1e-8
    assert shares.min() >= 0
    assert found.stationary == (found.norm < 1e-8)
    if found.kind in ("descending", "saddle"):
        f = ll.objective(ll.pair(name), data=data)
        with jax.enable_x64(True):
            values = [_value(f, data, point + h * found.direction) for h in (0.0, 1e-5)]
        assert values[1] - values[0] == pytest.approx(1e-5 * found.slope, abs=1e-10)
        assert found.slope < 0
    if found.kind == "descending":
        assert found.slope <= -found.norm + 1e-9
    if found.kind in ("minimum", "plateau"):
        assert ll.local_minimum(name, data, point).minimal


def _value(f, data, point):
    scores = data.inputs @ point[:-1] + point[-1]
    return float(np.mean(np.asarray(f.pair(jnp.asarray(scores), jnp.asarray(data.labels)))))


@pytest.mark.parametrize("name", ["identity+hinge", "relu+hinge", "leaky_relu+hinge", "hard_tanh+absolute"])
def test_the_least_element_is_that_of_the_enumerated_vertices(name):
    for seed in range(6):
        _check(name, seed)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", LINES)
def test_the_least_element_is_that_of_the_enumerated_vertices_for_every_pair_of_lines(name):
    if not _pieced([name]):
        with pytest.raises(ValueError, match=r"not made of lines|takes lines only"):
            ll.local_minimum(name, ll.Dataset([[1.0], [-1.0]], [1, -1]), [0.0, 0.0])
        return
    for seed in range(12):
        _check(name, seed)


@pytest.mark.exhaustive
def test_no_pair_of_lines_is_forgotten():
    every = {p.name for p in ll.pairs() if _ours(p) and _pieced([p])}
    assert every == set(_pieced(LINES))


def _ours(made):
    return all(half.function.__module__.startswith("lossland.") for half in (made.activation, made.loss))


def test_the_box_contains_the_set_and_may_be_larger():
    # A positive and a negative at one point: their kinks at 0 cancel, and the sum is smooth there.
    data = ll.Dataset([[1.0], [1.0], [2.0]], [1, -1, 1])
    weights = [1.0, 1.0, 0.0]
    found = ll.clarke_stationarity("relu+hinge", data, [1.0, -1.0], sample_weights=weights)
    assert found.how == "enumerated"
    assert found.stationary
    # The true set is the one point 0; the box also holds (1/3) (x, 1) times [-1, 1].
    np.testing.assert_allclose(found.least, 0.0, atol=1e-15)
    shifted = ll.clarke_stationarity("relu+hinge", data, [1.0, -1.0], sample_weights=[3.0, 1.0, 0.0])
    # Slopes right of 0: (-3 + 1)/3 times (1, 1); left: 0. So 0 is in it, and the point is stationary but no minimum.
    assert (shifted.stationary, shifted.kind) == (True, "saddle")


def test_the_origin_is_stationary_and_no_minimum():
    """theory.md 5.7: 0 is in the subdifferential at w = 0, b = 0; there is a way down where the classes separate."""
    data = ll.load("two_gaussians(n=40, distance=8.0, seed=1)")
    found = ll.clarke_stationarity("relu+hinge", data, np.zeros(3))
    assert (found.stationary, found.kind, round(found.value, 12)) == (True, "saddle", 1.0)
    # The rate in the direction u: minus (sum over positives - sum over negatives) of (u . x + c)_+ / n.
    along = data.inputs @ found.direction[:-1] + found.direction[-1]
    assert found.slope == pytest.approx(-np.mean(data.labels * np.maximum(along, 0.0)), abs=1e-12)


def test_the_dead_half_space_is_a_spurious_plateau():
    """theory.md 5.6: F = 1 on it, 0 gradient inside, excess over the bound P_-."""
    data = ll.load("two_gaussians(n=30, distance=4.0, seed=0)")
    dead = [0.0, 0.0, -3.0]
    found = ll.clarke_stationarity("relu+hinge", data, dead, minimum=float(np.mean(data.labels < 0)))
    assert (found.stationary, found.kind, found.spurious) == (True, "plateau", True)
    assert found.value - found.floor == pytest.approx(np.mean(data.labels > 0))
    assert ll.clarke_stationarity("relu+hinge", data, dead).spurious is None
    assert ll.clarke_stationarity("identity+hinge", data, dead).kind == "descending"


def test_a_leaky_output_has_no_spurious_stationary_point_on_separable_data():
    """theory.md 5.14: the separator is a way down wherever there is loss."""
    data = ll.load("separable(n=12, seed=2)")
    rng = np.random.default_rng(0)
    for point in [np.zeros(3), *rng.normal(size=(10, 3)) * 3]:
        found = ll.clarke_stationarity("leaky_relu+hinge", data, point)
        assert found.kind == "descending" or found.value == 0.0


def test_an_svm_solution_is_certified():
    data = ll.load("two_gaussians(n=40, seed=4)")
    sol = ll.solve("hinge", data, l2=0.1)
    params = {"weights": sol.weights, "bias": sol.bias}
    found = ll.clarke_stationarity("identity+hinge", data, params, l2=0.1, tol=1e-8)
    assert (found.stationary, found.kind, found.how) == (True, "minimum", "regular")
    # Autodiff's own gradient is far from 0 there: "small" would not have told.
    ties = ll.minima.autodiff_selections("identity+hinge", data, params, l2=0.1, tol=1e-8)
    assert all(s.inside and np.linalg.norm(s.gradient) > 1e-3 for s in ties)


def test_smooth_pairs_have_one_element():
    data = ll.load("two_gaussians(n=30, seed=4)")
    found = ll.clarke_stationarity("identity+logistic", data, [0.3, -0.2, 0.1])
    f = ll.objective(ll.pair("identity+logistic"), data=data)
    with jax.enable_x64(True):
        g = jax.grad(f)({"weights": jnp.array([0.3, -0.2]), "bias": jnp.array(0.1)})
    np.testing.assert_allclose(found.least, [*g["weights"], g["bias"]], atol=1e-7)
    assert (found.how, found.kind) == ("smooth", "descending")


def test_bad_input_is_refused_with_a_reason():
    data = ll.Dataset([[1.0], [-1.0]], [1, -1])
    with pytest.raises(ValueError, match="loss of identity\\+zero_one jumps"):
        ll.clarke_stationarity("identity+zero_one", data, [0.0, 0.0])
    with pytest.raises(ValueError, match="params must be 2 finite numbers"):
        ll.clarke_stationarity("identity+hinge", data, [np.nan, 0.0])
    with pytest.raises(ValueError, match="sample_weights"):
        ll.clarke_stationarity("identity+hinge", data, [0.0, 0.0], sample_weights=[1.0])
    with pytest.raises(ValueError, match="l2 must be"):
        ll.clarke_stationarity("identity+hinge", data, [0.0, 0.0], l2=-1.0)


def test_many_ties_are_sampled_and_say_so():
    data = ll.standardise(ll.load("breast_cancer"))
    found = ll.clarke_stationarity("relu+hinge", data, np.zeros(31))
    assert (found.how, found.stationary, found.kind) == ("sampled", True, "saddle")
    assert found.slope < -1.0
